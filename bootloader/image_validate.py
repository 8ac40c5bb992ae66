"""MCUboot's bootutil_img_validate: hash an image, walk its TLVs once in file order, judge what was seen.

The walk's ways are kept: the last verdict by a known key counts, signatures by unknown keys are skipped, a
key TLV serves the next signature only. `signers` finds the keys.
"""

from dataclasses import dataclass, field

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource, load_image_data
from ..interface.mcuboot.tlv import ALLOWED_UNPROTECTED, Tlv, TlvType, iter_tlvs, load_tlv, tlv_areas
from ..interface.trace import Trace
from .config import Bl2Config
from .decompression import (
    PlainImage,
    check_inner_tlvs,
    compressed_payload,
    decompress_image,
    is_compressed,
)
from .encryption import EncKey
from .events import TlvExamined
from .ports import SECONDARY, Ports, Slot
from .signature import image_digest, verify
from .signers import KEY_TLVS, Signer, UnknownSigner, builtin_signer, check_key_policy, find_key
from .swap_geometry import SWAP_STRATEGIES, Geometry

RULE = "bootutil_img_validate"


@dataclass(slots=True)
class _Walk:
    """What the walk over the TLVs has seen so far."""

    slot: Slot
    header: ImageHeader
    config: Bl2Config
    ports: Ports
    source: ImageSource
    digest: bytes
    message: bytes
    enc_key: EncKey | None
    signer: Signer | None = None
    """Whom the key TLV names that stands before the next signature."""
    last_signer: Signer | None = None
    key_seen: bool = False
    other_key: str = ""
    """What is worth knowing where no key TLV of the loader's kind is found."""
    signature_ok: bool = False
    signature_text: str = "no signature behind a key TLV"
    signature_wanted: str = "wanted one by a trusted key"
    verified: list[int] = field(default_factory=list)
    hash_seen: bool = False
    counter_seen: bool = False
    uuids_seen: set[TlvType] = field(default_factory=set)

    def load(self, tlv: Tlv) -> bytes:
        return load_tlv(self.source, tlv)


def validate_image(
    slot: Slot,
    header: ImageHeader,
    config: Bl2Config,
    ports: Ports,
    trace: Trace,
    enc_key: EncKey | None = None,
    source: ImageSource | None = None,
) -> None:
    """Hash, TLV walk and final verdict (MCUboot bootutil_img_validate). Raises ImageError.

    ``enc_key`` decrypts the payload on its way to the digest; the digest covers plain bytes. ``source`` is
    where the image is read, None in the slot itself.
    """
    area = slot.area if source is None else source
    compressed = slot.name == SECONDARY and is_compressed(header)
    if compressed:
        check_inner_tlvs(header, area, config)
    hashed = load_image_data(area, 0, header.hashed_size, "hashed region")
    if enc_key is not None:
        hashed = enc_key.crypt_image(header, hashed, 0)
    digest = b"" if config.pure else image_digest(config.image_hash, hashed)
    if config.pure:
        _check_pure(header, area)
    areas = tlv_areas(header, area)
    limit = Geometry.of(ports, config, slot.image).max_image_size(slot.area)
    if areas.end > limit:
        raise ImageError(
            RULE,
            "image end",
            f"the last TLV ends at {areas.end:#x}",
            f"the trailer begins at {limit:#x} of the slot"
            if config.strategy not in SWAP_STRATEGIES
            else f"{config.strategy.value} leaves {limit:#x} of the slot for an image",
        )
    walk = _Walk(slot, header, config, ports, area, digest, hashed if config.pure else digest, enc_key)
    walk.signer = walk.last_signer = builtin_signer(slot.image, config, ports)
    for tlv in iter_tlvs(header, area, areas):
        if config.tlv_allow_list and not tlv.protected and not _may_stand_unprotected(tlv, config):
            raise ImageError(RULE, "TLV allow list", f"{tlv.name} unprotected", "it must be protected")
        text = _examine(walk, tlv)
        if trace.listeners:
            trace.emit(TlvExamined(slot.image, RULE, text, slot.name, tlv))
    _judge(walk)
    if compressed:
        payload = hashed[header.hdr_size : header.tlv_offset]
        if enc_key is not None:
            payload = compressed_payload(header, area, payload)
        _validate_plain(walk, decompress_image(header, area, payload), trace)


def _may_stand_unprotected(tlv: Tlv, config: Bl2Config) -> bool:
    # MCUboot allowed_unprot_tlvs: which of the X25519 TLVs, and whether SIG_PURE and KEYID, is the build's.
    if tlv.type in (TlvType.ENC_X25519, TlvType.ENC_X25519_SHA512):
        return (tlv.type == TlvType.ENC_X25519_SHA512) == config.hmac_sha512
    if tlv.type == TlvType.KEYID:
        return bool(config.key_slots)
    return tlv.type in ALLOWED_UNPROTECTED or (config.pure and tlv.type == TlvType.SIG_PURE)


def _examine(walk: _Walk, tlv: Tlv) -> str:
    """Act on one TLV; the sentence that says what came of it. Raises ImageError where it fails the image."""
    config = walk.config
    if tlv.type == config.image_hash.tlv and not config.pure:
        return _examine_hash(walk, tlv)
    if tlv.type == config.key_tlv:
        return _examine_key(walk, tlv)
    if tlv.type == config.signature.tlv and not config.unsigned:
        return _examine_signature(walk, tlv)
    if tlv.type in KEY_TLVS and config.key_tlv is not None:
        walk.other_key = f" (the image carries {tlv.name}; this loader finds keys by {config.key_tlv.name})"
    if tlv.type == TlvType.SEC_CNT and config.rollback:
        return _examine_counter(walk, tlv)
    if tlv.type == TlvType.UUID_VID and config.uuid_vid is not None:
        return _examine_uuid(walk, tlv, config.uuid_vid)
    if tlv.type == TlvType.UUID_CID and config.uuid_cid is not None:
        return _examine_uuid(walk, tlv, config.uuid_cid)
    if tlv.type == config.enc_tlv and walk.enc_key is not None:
        return f"{tlv.name}: the key that decrypts the payload, unwrapped before"
    return f"{tlv.name}: not looked at here"


def _examine_hash(walk: _Walk, tlv: Tlv) -> str:
    if tlv.length != len(walk.digest):
        raise ImageError(RULE, "image hash", f"{tlv.length} bytes", f"{tlv.name} has {len(walk.digest)}")
    found = walk.load(tlv)
    if found != walk.digest:
        raise ImageError(
            RULE, "image hash", f"{tlv.name} TLV {found.hex()}", f"the image hashes to {walk.digest.hex()}"
        )
    walk.hash_seen = True
    return f"{tlv.name}: equals the digest of header, payload and protected TLVs"


def _examine_key(walk: _Walk, tlv: Tlv) -> str:
    config = walk.config
    walk.key_seen = True
    if tlv.length > config.key_buffer_size:
        raise ImageError(
            RULE,
            "key TLV",
            f"{tlv.length} bytes of {tlv.name}",
            f"this loader takes at most {config.key_buffer_size}",
        )
    match find_key(walk.slot.image, config, walk.ports, walk.load(tlv)):
        case Signer() as signer:
            walk.signer = walk.last_signer = signer
            return f"{tlv.name}: {signer.name}"
        case UnknownSigner() as unknown:
            walk.signer = walk.last_signer = None
            walk.signature_text = f"no signature by a trusted key; {unknown.found}"
            walk.signature_wanted = unknown.wanted
            return f"{unknown.text}; the next signature is skipped"


def _examine_signature(walk: _Walk, tlv: Tlv) -> str:
    signer, walk.signer = walk.signer, None
    if signer is None:
        return f"{tlv.name}: no known key stands before it; skipped"
    parameters = walk.config.signature
    wrong = tlv.length != parameters.buffer_size if parameters.exact_length else False
    if wrong or tlv.length > parameters.buffer_size:
        limit = "exactly" if parameters.exact_length else "at most"
        raise ImageError(
            RULE,
            "signature",
            f"{tlv.length} bytes of {tlv.name}",
            f"wanted {limit} {parameters.buffer_size}",
        )
    signature, key = walk.load(tlv), signer.key
    walk.signature_ok = key is not None and verify(key, walk.config.image_hash, walk.message, signature)
    if walk.signature_ok:
        _collect(walk, signer)
        return f"{tlv.name}: verified by {signer.name}"
    walk.signature_text = f"an {tlv.name} that does not verify by {signer.name}"
    walk.signature_wanted = "the last signature by a trusted key must be good"
    return f"{tlv.name}: does not verify by {signer.name}"


def _collect(walk: _Walk, signer: Signer) -> None:
    # MCUboot boot_collect_verified_key: each key once.
    if signer.key_id is not None and signer.key_id not in walk.verified:
        walk.verified.append(signer.key_id)


def _examine_counter(walk: _Walk, tlv: Tlv) -> str:
    if tlv.length != 4:
        raise ImageError(RULE, "security counter", f"{tlv.length} bytes of SEC_CNT", "wanted 4")
    value = int.from_bytes(walk.load(tlv), "little")
    stored = walk.ports.security_counter(walk.slot.image)
    if value < stored:
        raise ImageError(
            RULE,
            "security counter",
            f"{value}, the device's NV counter BL2_{walk.slot.image} is at {stored}",
            "an image needs at least that",
        )
    if walk.config.counter_limited and not walk.ports.can_reach(walk.slot.image, value):
        raise ImageError(
            RULE,
            "security counter",
            f"{value}, which NV counter BL2_{walk.slot.image} cannot hold",
            "wanted one that the counter can still be raised to",
        )
    walk.counter_seen = True
    return f"SEC_CNT: {value}, NV counter BL2_{walk.slot.image} is at {stored}"


def _examine_uuid(walk: _Walk, tlv: Tlv, wanted: bytes) -> str:
    found = walk.load(tlv)
    if found != wanted:
        raise ImageError(RULE, tlv.name, found.hex(), f"this device takes {wanted.hex()} only")
    walk.uuids_seen.add(TlvType(tlv.type))
    return f"{tlv.name}: equals the device's"


def _judge(walk: _Walk) -> None:
    """What must have been seen by the end of the walk. Raises ImageError."""
    config = walk.config
    if not walk.hash_seen and not config.pure:
        raise ImageError(RULE, "image hash", f"no {config.image_hash.name} TLV", "every image must carry one")
    if config.key_slots:
        check_key_policy(walk.slot.image, config, walk.verified)
    elif not walk.signature_ok and not config.unsigned:
        raise ImageError(
            RULE,
            "signature",
            walk.signature_text,
            walk.signature_wanted + ("" if walk.key_seen else walk.other_key),
        )
    if config.rollback and not walk.counter_seen:
        raise ImageError(
            RULE, "security counter", "no SEC_CNT TLV", "rollback protection needs one in every image"
        )
    for wanted, tlv in ((config.uuid_vid, TlvType.UUID_VID), (config.uuid_cid, TlvType.UUID_CID)):
        if wanted is not None and tlv not in walk.uuids_seen:
            raise ImageError(RULE, tlv.name, "none", f"this device takes {wanted.hex()} only")


def _validate_plain(walk: _Walk, plain: PlainImage, trace: Trace) -> None:
    """What a compressed image stands for must be good as well; the last key named must have signed it.

    Its digest covers the plain header, payload and protected TLVs. Raises ImageError.
    """
    config, slot = walk.config, walk.slot
    area = slot.area
    digest = image_digest(config.image_hash, plain.hashed)
    last: dict[int, Tlv] = {}
    for tlv in iter_tlvs(walk.header, area, tlv_areas(walk.header, area), protected_only=True):
        if tlv.type == TlvType.DECOMP_SHA and walk.load(tlv) != digest:
            found = f"DECOMP_SHA {walk.load(tlv).hex()}"
            raise ImageError(RULE, "plain image hash", found, f"the plain image hashes to {digest.hex()}")
        last[tlv.type] = tlv
    signer, signature = walk.last_signer, last[TlvType.DECOMP_SIGNATURE]
    if signer is None or signer.key is None:
        raise ImageError(RULE, "plain image signature", "no key TLV of a trusted key", "wanted one")
    if not verify(signer.key, config.image_hash, digest, walk.load(signature)):
        found = f"a DECOMP_SIGNATURE that does not verify by {signer.name}"
        raise ImageError(
            RULE, "plain image signature", found, "the plain image must be signed by that key too"
        )
    if trace.listeners:
        for tlv, text in (
            (last[TlvType.DECOMP_SHA], "equals the digest of the decompressed image"),
            (signature, f"verified by {signer.name}"),
        ):
            trace.emit(TlvExamined(slot.image, RULE, f"{tlv.name}: {text}", slot.name, tlv))


def _check_pure(header: ImageHeader, area: ImageSource) -> None:
    """MCUboot bootutil_check_for_pure: the first SIG_PURE TLV must be one byte of value 1."""
    tlv = next(
        (t for t in iter_tlvs(header, area, tlv_areas(header, area)) if t.type == TlvType.SIG_PURE), None
    )
    found = "no SIG_PURE TLV" if tlv is None else load_tlv(area, tlv).hex() or "an empty SIG_PURE TLV"
    if found != "01":
        raise ImageError("bootutil_check_for_pure", "pure signature", found, "wanted SIG_PURE 01")
