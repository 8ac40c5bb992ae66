"""Everything an image file says, without judging whether a device would boot it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cbor2

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import (
    IMAGE_MAGIC,
    IMAGE_MAGIC_V1,
    ImageError,
    ImageFlag,
    ImageHeader,
    read_header,
)
from ..interface.mcuboot.tlv import (
    DEPENDENCY_SIZE,
    Dependency,
    Tlv,
    TlvAreas,
    TlvType,
    iter_tlvs,
    load_tlv,
    tlv_areas,
)
from ..interface.mcuboot.trailer import (
    BOOT_MAGIC_SIZE,
    SwapState,
    TrailerCell,
    TrailerFormat,
    boot_img_magic,
    read_swap_state,
)
from .config import Bl2Config, HashAlgorithm
from .decompression import compressed_payload, decompress_image, decompressed_size, is_compressed
from .encryption import EncKey, boot_enc_load, is_encrypted
from .encryption_key import EncryptionType
from .signature import image_digest

BOOT_RECORD_LABELS: Final = {
    1: "sw_type",
    2: "measurement",
    4: "version",
    5: "signer_id",
    6: "measurement_description",
}
MAX_ALIGNS: Final = (8, 16, 32)
MAX_PLAIN: Final = 64 << 20
"""Bytes of a plain payload; a file that claims more is not decompressed."""
WRAPPINGS: Final = {
    TlvType.ENC_RSA2048: ("RSA-OAEP for a key of 2048 bits", None),
    TlvType.ENC_KW: ("AES key wrap", 8),
    TlvType.ENC_EC256: ("ECIES over P-256", 65 + 32),
    TlvType.ENC_X25519: ("ECIES over X25519", 32 + 32),
    TlvType.ENC_X25519_SHA512: ("ECIES over X25519 with SHA-512", 32 + 64),
}
"""How an image key is wrapped, and the bytes of the TLV beside it; None where its length does not tell."""


class FileSource:
    """A file as the start of a slot: behind its end lies erased flash."""

    erased_value: Final = 0xFF

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``, however far behind the end."""
        return self._data[offset : offset + length].ljust(length, b"\xff")


@dataclass(frozen=True, slots=True)
class TlvReport:
    """A TLV, its bytes, and what they mean: a number, a text or a map; None where there is no more to say."""

    tlv: Tlv
    value: bytes
    meaning: object


@dataclass(frozen=True, slots=True)
class DigestReport:
    """A hash TLV against the file. ``computed`` is None where it cannot be, for the ``reason`` given.

    ``state`` is what it tells of an encrypted image's payload: "plain", "encrypted", or nothing.
    """

    algorithm: HashAlgorithm
    found: bytes
    computed: bytes | None
    reason: str = ""
    state: str = ""

    @property
    def matches(self) -> bool | None:
        return None if self.computed is None else self.computed == self.found


@dataclass(frozen=True, slots=True)
class EncryptionReport:
    """An encrypted image: each wrapping of its key, in words, and whether the payload is encrypted here.

    ``state`` is "encrypted", "plain" (as in the primary slot, and after imgtool --clear) or "unknown": only a
    digest tells. ``decrypted`` says that the key to unwrap was at hand.
    """

    wrappings: tuple[str, ...]
    state: str
    decrypted: bool


@dataclass(frozen=True, slots=True)
class CompressionReport:
    """A compressed image: sizes of its payload, and the plain image's digest against the file.

    ``computed`` is None where it cannot be, for the ``reason`` given.
    """

    compressed_size: int
    plain_size: int | None
    found: bytes
    computed: bytes | None
    reason: str = ""

    @property
    def matches(self) -> bool | None:
        return None if self.computed is None else self.computed == self.found


@dataclass(frozen=True, slots=True)
class CellReport:
    """A field of a trailer and its bytes."""

    cell: TrailerCell
    value: bytes

    @property
    def erased(self) -> bool:
        return self.value == b"\xff" * len(self.value)


@dataclass(frozen=True, slots=True)
class ImageReport:
    """``problem`` says where reading the TLVs had to stop; ``trailer`` needs a padded file."""

    size: int
    header: ImageHeader
    areas: TlvAreas | None
    tlvs: tuple[TlvReport, ...]
    digests: tuple[DigestReport, ...]
    encryption: EncryptionReport | None
    compression: CompressionReport | None
    trailer: SwapState | None
    trailer_align: int | None
    trailer_cells: tuple[CellReport, ...]
    """From the lowest field to the magic; those that reach out of the file are left out."""
    problem: ImageError | None


def inspect_image(data: bytes, key: tuple[EncryptionType, bytes] | None = None) -> ImageReport:
    """Read all of an image file; ``key`` unwraps an encrypted one's (see `load_encryption_key`).

    Raises ImageError where the file does not begin like an MCUboot image, or its key does not unwrap.
    """
    source = FileSource(data)
    header = read_header(source)
    if len(data) < 32 or header.magic != IMAGE_MAGIC:
        found = f"{len(data)} bytes" if len(data) < 32 else f"{header.magic:#010x}"
        if header.magic == IMAGE_MAGIC_V1:
            found += " (an image of the first MCUboot format, which no loader takes any more)"
        wanted = f"an MCUboot image has a header of 32 bytes that starts with {IMAGE_MAGIC:#010x}"
        raise ImageError("boot_check_header_valid", "not an image", found, wanted)
    areas: TlvAreas | None = None
    tlvs: list[TlvReport] = []
    problem: ImageError | None = None
    try:
        areas = tlv_areas(header, source)
        for tlv in iter_tlvs(header, source, areas):
            value = load_tlv(source, tlv)
            tlvs.append(TlvReport(tlv, value, _meaning(tlv.type, value)))
        if areas.end > len(data):
            problem = ImageError(
                "bootutil_tlv_iter_next",
                "truncated file",
                f"its end at {len(data):#x}",
                f"the last TLV ends at {areas.end:#x}; what is missing reads as erased flash",
            )
    except ImageError as error:
        problem = error
    align = _trailer_align(data)
    enc_key = None if key is None or not is_encrypted(header) else _unwrap(source, header, tlvs, *key)
    digests = tuple(_digests(data, header, tlvs, enc_key))
    return ImageReport(
        size=len(data),
        header=header,
        areas=areas,
        tlvs=tuple(tlvs),
        digests=digests,
        encryption=_encryption(header, tlvs, digests, enc_key),
        compression=_compression(source, header, tlvs, digests, enc_key),
        trailer=None if align is None else read_swap_state(source, align),
        trailer_align=align,
        trailer_cells=() if align is None else tuple(_cells(source, header, align)),
        problem=problem,
    )


def _unwrap(
    source: FileSource, header: ImageHeader, tlvs: list[TlvReport], encryption: EncryptionType, key: bytes
) -> EncKey:
    """With a loader of the TLV's own build: its length tells the key's, for RSA the flag does."""
    kinds = (encryption.tlv(), encryption.tlv(hmac_sha512=True))
    found = next((report.tlv for report in tlvs if report.tlv.type in kinds), None)
    if found is None:
        wanted = "the image's key must be wrapped for it"
        raise ImageError("boot_enc_load", "image key", f"none for a key of {encryption.value}", wanted)
    beside = WRAPPINGS[TlvType(found.type)][1]
    size = found.length - beside if beside is not None else _key_size(header)
    wide = len(key) == 32 if encryption is EncryptionType.KW else size == 32
    config = Bl2Config(
        encryption=encryption,
        encryption_key=key,
        aes_256=wide,
        hmac_sha512=found.type == TlvType.ENC_X25519_SHA512,
    )
    loaded = boot_enc_load(source, header, config)
    assert loaded is not None
    return loaded


def _key_size(header: ImageHeader) -> int:
    return 32 if ImageFlag.ENCRYPTED_AES256 in header.flags else 16


def _encryption(
    header: ImageHeader, tlvs: list[TlvReport], digests: tuple[DigestReport, ...], enc_key: EncKey | None
) -> EncryptionReport | None:
    wrappings = []
    for report in tlvs:
        if report.tlv.type in WRAPPINGS:
            name, beside = WRAPPINGS[TlvType(report.tlv.type)]
            size = report.tlv.length - beside if beside is not None else _key_size(header)
            wrappings.append(f"{name}, an AES key of {8 * size} bits" if size in (16, 32) else name)
    if not wrappings and not is_encrypted(header):
        return None
    states = {digest.state for digest in digests if digest.state}
    state = states.pop() if len(states) == 1 else "unknown"
    return EncryptionReport(tuple(wrappings), state, enc_key is not None)


def _compression(
    source: FileSource,
    header: ImageHeader,
    tlvs: list[TlvReport],
    digests: tuple[DigestReport, ...],
    enc_key: EncKey | None,
) -> CompressionReport | None:
    if not is_compressed(header):
        return None
    found = next((report.value for report in tlvs if report.tlv.type == TlvType.DECOMP_SHA), b"")
    algorithm = next((a for a in HashAlgorithm if a.size == len(found)), None)
    size: int | None = None
    try:
        size = decompressed_size(header, source)
        if algorithm is None:
            return CompressionReport(
                header.img_size, size, found, None, "there is no DECOMP_SHA of a digest's size"
            )
        if size > MAX_PLAIN:
            return CompressionReport(header.img_size, size, found, None, f"more than {MAX_PLAIN} bytes")
        payload = source.read(header.hdr_size, header.img_size)
        if is_encrypted(header):
            if enc_key is None and not any(digest.state == "plain" for digest in digests):
                return CompressionReport(header.img_size, size, found, None, "the payload is encrypted")
            if enc_key is not None:
                payload = enc_key.crypt(payload, 0)
            payload = compressed_payload(header, source, payload)
        plain = decompress_image(header, source, payload)
    except TfmSimError as error:
        return CompressionReport(header.img_size, size, found, None, str(error))
    return CompressionReport(header.img_size, size, found, image_digest(algorithm, plain.hashed))


def _digests(
    data: bytes, header: ImageHeader, tlvs: list[TlvReport], enc_key: EncKey | None
) -> list[DigestReport]:
    reports = []
    end = header.hdr_size + header.img_size + header.protect_tlv_size
    for report in tlvs:
        algorithm = next((a for a in HashAlgorithm if a.tlv == report.tlv.type), None)
        if algorithm is None:
            continue
        if end > len(data):
            reason = f"the file ends at {len(data):#x}, the hashed region at {end:#x}"
            reports.append(DigestReport(algorithm, report.value, None, reason))
            continue
        reports.append(_digest(algorithm, report.value, header, data[:end], enc_key))
    return reports


def _digest(
    algorithm: HashAlgorithm, found: bytes, header: ImageHeader, hashed: bytes, enc_key: EncKey | None
) -> DigestReport:
    computed = image_digest(algorithm, hashed)
    if not is_encrypted(header):
        return DigestReport(algorithm, found, computed)
    if computed == found:
        return DigestReport(algorithm, found, computed, state="plain")
    if enc_key is None:
        reason = "the digest covers the plain payload, and this one is encrypted"
        return DigestReport(algorithm, found, None, reason)
    computed = image_digest(algorithm, enc_key.crypt_image(header, hashed, 0))
    return DigestReport(algorithm, found, computed, state="encrypted" if computed == found else "")


def _cells(source: FileSource, header: ImageHeader, align: int) -> Iterator[CellReport]:
    """By TF-M's number of sectors and a write block of one byte, which only the status area depends on."""
    size = _key_size(header) if is_encrypted(header) else 0
    layout = TrailerFormat(max_align=align, key_cell=-(-size // align) * align)
    for cell in layout.cells(source.size, 1):
        if cell.offset >= 0:
            yield CellReport(cell, source.read(cell.offset, cell.size))


def _trailer_align(data: bytes) -> int | None:
    """The alignment that the magic at a file's end stands for; None where there is no good magic."""
    end = data[-BOOT_MAGIC_SIZE:]
    return next((align for align in MAX_ALIGNS if end == boot_img_magic(align)), None)


def _meaning(type_: int, value: bytes) -> object:
    match type_:
        case TlvType.SEC_CNT | TlvType.DECOMP_SIZE | TlvType.COMP_DEC_SIZE if len(value) == 4:
            return int.from_bytes(value, "little")
        case TlvType.DEPENDENCY if len(value) == DEPENDENCY_SIZE:
            dependency = Dependency.decode(value)
            return {"image": dependency.image, "min_version": str(dependency.min_version)}
        case TlvType.UUID_VID | TlvType.UUID_CID if len(value) == 16:
            return str(uuid.UUID(bytes=value))
        case TlvType.BOOT_RECORD:
            return boot_record(value)
    return None


def boot_record(value: bytes) -> dict[str, object] | None:
    """A boot record's claims by their labels, ready for JSON; None where it cannot be read.

    The loader copies a record unread, so even a signed image's may hold anything.
    """
    try:
        record: object = cbor2.loads(value)
    except Exception:  # a damaged record is shown as bytes, whatever the decoder trips over
        return None
    if not isinstance(record, dict):
        return None
    return {str(BOOT_RECORD_LABELS.get(label, label)): _plain(item) for label, item in record.items()}


def _plain(item: object) -> object:
    return item.hex() if isinstance(item, bytes) else item if isinstance(item, str | int) else repr(item)
