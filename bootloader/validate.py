"""Whether the image in a slot may boot: MCUboot's checks, in MCUboot's order.

`no_image` and `check_header` are the gate before anything is hashed; `validate_image` hashes, walks the TLVs
once in file order and judges what the walk has seen. The walk's ways are kept: the last verdict by a known
key counts, signatures by unknown keys are skipped, a key TLV serves the next signature only.
"""

from dataclasses import dataclass, field

from ..interface.mcuboot.image import (
    COMPRESSED_FLAGS,
    ENCRYPTED_FLAGS,
    IMAGE_MAGIC,
    U32_MAX,
    ImageError,
    ImageFlag,
    ImageHeader,
    ImageSource,
    ImageVersion,
    flag_names,
    load_image_data,
)
from ..interface.mcuboot.tlv import ALLOWED_UNPROTECTED, Tlv, TlvType, iter_tlvs, load_tlv, tlv_areas
from ..interface.mcuboot.trailer import TrailerLayout
from ..interface.trace import Trace
from .config import Bl2Config, KeyMode
from .events import TlvExamined
from .keys import ImageKey, decode_builtin_key, decode_public_key, key_hash
from .ports import Ports, Slot
from .signature import image_digest, verify

IMAGE_ROLES = {0: "secure", 1: "non-secure"}


@dataclass(frozen=True, slots=True)
class ImageOk:
    """An image that may boot."""

    image: int
    slot: str
    version: ImageVersion


@dataclass(frozen=True, slots=True)
class Refusal:
    """An image, or a later step of its boot, that BL2 refused.

    ``rule`` is the MCUboot function that holds the rule; ``role`` is "secure", "non-secure" or empty.
    """

    image: int
    role: str
    slot: str
    address: int
    rule: str
    check: str
    found: str
    wanted: str

    def __str__(self) -> str:
        role = f" ({self.role})" if self.role else ""
        return (
            f"BL2 refused image {self.image}{role} in the {self.slot} slot at {self.address:#010x}\n"
            f"  {self.check}: found {self.found}; {self.wanted}"
        )


def role_of(config: Bl2Config, image: int) -> str:
    """TF-M's use of two images; with one image, S and NS share it."""
    return IMAGE_ROLES.get(image, "") if config.image_number > 1 else ""


def max_image_size(config: Bl2Config, slot_size: int) -> int:
    """Where TLVs must end (MCUboot bootutil_max_image_size for OVERWRITE_ONLY, DIRECT_XIP and RAM_LOAD)."""
    return TrailerLayout.of(slot_size, config.boot_max_align).swap_info


def is_erased(header: ImageHeader, area: ImageSource) -> bool:
    """MCUboot boot_check_header_erased: the magic word alone tells."""
    return header.magic == int.from_bytes(bytes([area.erased_value]) * 4, "little")


def no_image(slot: Slot, header: ImageHeader | None, config: Bl2Config) -> Refusal | None:
    """MCUboot boot_validate_slot: an erased header, or the NON_BOOTABLE flag, means that there is no image.

    The loader says nothing about such a slot and leaves it as it is.
    """
    rule = "boot_validate_slot"
    if header is None:
        error = ImageError(rule, "header", "none", "the slot cannot hold the 32 bytes of one")
    elif is_erased(header, slot.area):
        error = ImageError(rule, "image magic", "erased flash", f"an image starts with {IMAGE_MAGIC:#010x}")
    elif ImageFlag.NON_BOOTABLE in header.flags:
        error = ImageError(rule, "flags", "NON_BOOTABLE", "a bootable image has this flag clear")
    else:
        return None
    return refuse(slot, config, error)


def validate_slot(
    slot: Slot,
    header: ImageHeader,
    config: Bl2Config,
    ports: Ports,
    trace: Trace,
    source: ImageSource | None = None,
) -> ImageOk | Refusal:
    """Header gate and image validation (MCUboot boot_validate_slot, the second half).

    ``source`` is where the image is read, None in the slot itself.
    """
    try:
        check_header(header, slot.area)
        validate_image(slot, header, config, ports, trace, source)
    except ImageError as error:
        return refuse(slot, config, error)
    return ImageOk(slot.image, slot.name, header.version)


def refuse(slot: Slot, config: Bl2Config, error: ImageError) -> Refusal:
    """The refusal that an error in a slot means."""
    return Refusal(
        image=slot.image,
        role=role_of(config, slot.image),
        slot=slot.name,
        address=slot.address,
        rule=error.rule,
        check=error.check,
        found=error.found,
        wanted=error.wanted,
    )


def check_header(header: ImageHeader, area: ImageSource) -> None:
    """The gate before hashing (MCUboot boot_check_header_valid). Raises ImageError."""
    rule = "boot_check_header_valid"
    if header.magic != IMAGE_MAGIC:
        raise ImageError(rule, "image magic", f"{header.magic:#010x}", f"wanted {IMAGE_MAGIC:#010x}")
    total = header.hdr_size + header.img_size
    if total <= U32_MAX:
        total += header.protect_tlv_size
    if total > U32_MAX:
        raise ImageError(
            rule, "image size", f"{total:#x} bytes", "header, payload and protected TLVs must fit 32 bits"
        )
    if total >= area.size:
        raise ImageError(
            rule,
            "image size",
            f"{total:#x} bytes of header, payload and protected TLVs",
            f"they must be fewer than the slot's {area.size:#x}",
        )
    if header.flags & ENCRYPTED_FLAGS:
        found = ", ".join(flag_names(header.flags & ENCRYPTED_FLAGS))
        raise ImageError(
            rule, "flags", found, "this loader is built without encryption and takes plain images only"
        )
    if header.flags & COMPRESSED_FLAGS:
        found = ", ".join(flag_names(header.flags & COMPRESSED_FLAGS))
        raise ImageError(
            rule, "flags", found, "this loader is built without decompression and takes plain images only"
        )


RULE = "bootutil_img_validate"
_KEY_TLVS = (TlvType.KEYHASH, TlvType.PUBKEY)


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
    key: ImageKey | None = None
    key_known: bool = False
    key_seen: bool = False
    key_text: str = ""
    other_key: str = ""
    """What is worth knowing where no key TLV of the loader's kind is found."""
    signature_ok: bool = False
    signature_text: str = "no signature behind a key TLV"
    signature_wanted: str = "wanted one by a trusted key"
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
    source: ImageSource | None = None,
) -> None:
    """Hash, TLV walk and final verdict (MCUboot bootutil_img_validate). Raises ImageError.

    ``source`` is where the image is read, None in the slot itself.
    """
    area = slot.area if source is None else source
    hashed = load_image_data(area, 0, header.hashed_size, "hashed region")
    digest = b"" if config.pure else image_digest(config.image_hash, hashed)
    if config.pure:
        _check_pure(header, area)
    areas = tlv_areas(header, area)
    limit = max_image_size(config, slot.area.size)
    if areas.end > limit:
        raise ImageError(
            RULE,
            "image end",
            f"the last TLV ends at {areas.end:#x}",
            f"the trailer begins at {limit:#x} of the slot",
        )
    walk = _Walk(slot, header, config, ports, area, digest, hashed if config.pure else digest)
    if config.key_mode is KeyMode.BUILTIN_KEY:
        _select_builtin_key(walk)
    for tlv in iter_tlvs(header, area, areas):
        if config.tlv_allow_list and not tlv.protected and not _may_stand_unprotected(tlv, config):
            raise ImageError(RULE, "TLV allow list", f"{tlv.name} unprotected", "it must be protected")
        text = _examine(walk, tlv)
        if trace.listeners:
            trace.emit(TlvExamined(slot.image, RULE, text, slot.name, tlv))
    _judge(walk)


def _may_stand_unprotected(tlv: Tlv, config: Bl2Config) -> bool:
    return tlv.type in ALLOWED_UNPROTECTED or (config.pure and tlv.type == TlvType.SIG_PURE)


def _examine(walk: _Walk, tlv: Tlv) -> str:
    """Act on one TLV; the sentence that says what came of it. Raises ImageError where it fails the image."""
    config = walk.config
    if tlv.type == config.image_hash.tlv and not config.pure:
        return _examine_hash(walk, tlv)
    if tlv.type == config.key_tlv:
        return _examine_key(walk, tlv)
    if tlv.type == config.signature.tlv:
        return _examine_signature(walk, tlv)
    if tlv.type in _KEY_TLVS and config.key_tlv is not None:
        walk.other_key = f" (the image carries {tlv.name}; this loader finds keys by {config.key_tlv.name})"
    if tlv.type == TlvType.SEC_CNT and config.rollback:
        return _examine_counter(walk, tlv)
    if tlv.type == TlvType.UUID_VID and config.uuid_vid is not None:
        return _examine_uuid(walk, tlv, config.uuid_vid)
    if tlv.type == TlvType.UUID_CID and config.uuid_cid is not None:
        return _examine_uuid(walk, tlv, config.uuid_cid)
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
    value = walk.load(tlv)
    if config.key_mode is KeyMode.HW_KEY:
        return _select_hw_key(walk, value)
    # MCUboot bootutil_find_key: only as many bytes as the TLV has are compared, so none match the first key.
    for index, encoding in enumerate(config.keys):
        if key_hash(encoding, config.image_hash)[: len(value)] == value:
            walk.key_known = True
            walk.key = decode_public_key(encoding, config.signature_type)
            walk.key_text = f"key {index} of the loader"
            return f"KEYHASH: key {index} of the loader"
    walk.key_known = False
    walk.signature_text = f"no signature by a trusted key; the image names key {value.hex()}"
    walk.signature_wanted = "the loader's keys are " + ", ".join(
        key_hash(encoding, config.image_hash).hex() for encoding in config.keys
    )
    return f"KEYHASH: no key of the loader has hash {value.hex()}; the next signature is skipped"


def _select_hw_key(walk: _Walk, value: bytes) -> str:
    # MCUboot bootutil_find_key with MCUBOOT_HW_KEY: the whole key is hashed and compared with the ROTPK.
    config, image = walk.config, walk.slot.image
    found = key_hash(value, config.image_hash)
    rotpk = walk.ports.rotpk(image, config.image_hash.size)
    walk.key_known = found == rotpk
    if walk.key_known:
        walk.key = decode_public_key(value, config.signature_type)
        walk.key_text = f"the key of BL2_ROTPK_{image}"
        return f"PUBKEY: its hash equals OTP's BL2_ROTPK_{image}"
    walk.signature_text = f"no signature by a trusted key; the image's key hashes to {found.hex()}"
    walk.signature_wanted = f"BL2_ROTPK_{image} is {rotpk.hex()}"
    return f"PUBKEY: hash {found.hex()} differs from BL2_ROTPK_{image}; the next signature is skipped"


def _select_builtin_key(walk: _Walk) -> None:
    # MCUboot MCUBOOT_BUILTIN_KEY: the key id is the image index; TF-M keeps those keys whole in OTP.
    config, image = walk.config, walk.slot.image
    if config.keys:
        walk.key_known = image < len(config.keys)
        if walk.key_known:
            walk.key = decode_public_key(config.keys[image], config.signature_type)
    else:
        walk.key_known = True
        walk.key = decode_builtin_key(walk.ports.rotpk(image, 97), config.signature_type)
    walk.key_text = f"built-in key {image}"


def _examine_signature(walk: _Walk, tlv: Tlv) -> str:
    if not walk.key_known:
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
    signature = walk.load(tlv)
    key, walk.key, walk.key_known = walk.key, None, False
    walk.signature_ok = key is not None and verify(key, walk.config.image_hash, walk.message, signature)
    if walk.signature_ok:
        return f"{tlv.name}: verified by {walk.key_text}"
    walk.signature_text = f"an {tlv.name} that does not verify by {walk.key_text}"
    walk.signature_wanted = "the last signature by a trusted key must be good"
    return f"{tlv.name}: does not verify by {walk.key_text}"


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
    if not walk.signature_ok:
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


def _check_pure(header: ImageHeader, area: ImageSource) -> None:
    """MCUboot bootutil_check_for_pure: the first SIG_PURE TLV must be one byte of value 1."""
    tlv = next(
        (t for t in iter_tlvs(header, area, tlv_areas(header, area)) if t.type == TlvType.SIG_PURE), None
    )
    found = "no SIG_PURE TLV" if tlv is None else load_tlv(area, tlv).hex() or "an empty SIG_PURE TLV"
    if found != "01":
        raise ImageError("bootutil_check_for_pure", "pure signature", found, "wanted SIG_PURE 01")
