"""The TLV areas behind an image's payload: types, and the iteration rules of MCUboot.

Each area starts with ``u16 magic, u16 total`` (the total counts these four bytes); an entry is
``u16 type, u16 length`` and its payload, without padding. Protected: magic 0x6908, covered by the digest.
Unprotected: magic 0x6907.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from construct import Bytes, Int8ul, Int16ul, Struct

from .image import ImageError, ImageHeader, ImageSource, ImageVersion, load_image_data

IMAGE_TLV_INFO_MAGIC: Final = 0x6907
IMAGE_TLV_PROT_INFO_MAGIC: Final = 0x6908
TLV_HEADER_SIZE: Final = 4
DEPENDENCY_SIZE: Final = 12

TlvInfo: Final = Struct("it_magic" / Int16ul, "it_tlv_tot" / Int16ul)
TlvHeader: Final = Struct("it_type" / Int16ul, "it_len" / Int16ul)
ImageDependencyLayout: Final = Struct("image_id" / Int8ul, "_pad" / Bytes(3), "image_min_version" / Bytes(8))


class TlvType(IntEnum):
    """MCUboot's IMAGE_TLV_* values. Types without a name stay plain integers."""

    KEYHASH = 0x01
    PUBKEY = 0x02
    KEYID = 0x03
    SHA256 = 0x10
    SHA384 = 0x11
    SHA512 = 0x12
    RSA2048_PSS = 0x20
    ECDSA224 = 0x21
    ECDSA_SIG = 0x22
    RSA3072_PSS = 0x23
    ED25519 = 0x24
    SIG_PURE = 0x25
    ENC_RSA2048 = 0x30
    ENC_KW = 0x31
    ENC_EC256 = 0x32
    ENC_X25519 = 0x33
    ENC_X25519_SHA512 = 0x34
    DEPENDENCY = 0x40
    SEC_CNT = 0x50
    BOOT_RECORD = 0x60
    DECOMP_SIZE = 0x70
    DECOMP_SHA = 0x71
    DECOMP_SIGNATURE = 0x72
    COMP_DEC_SIZE = 0x73
    UUID_VID = 0x74
    UUID_CID = 0x75


# MCUboot MCUBOOT_USE_TLV_ALLOW_LIST: all that may stand outside the protected area when the option is on.
ALLOWED_UNPROTECTED: Final = frozenset(
    {
        TlvType.KEYHASH,
        TlvType.PUBKEY,
        TlvType.SHA256,
        TlvType.SHA384,
        TlvType.SHA512,
        TlvType.RSA2048_PSS,
        TlvType.ECDSA224,
        TlvType.ECDSA_SIG,
        TlvType.RSA3072_PSS,
        TlvType.ED25519,
        TlvType.ENC_RSA2048,
        TlvType.ENC_KW,
        TlvType.ENC_EC256,
        TlvType.ENC_X25519,
    }
)


def tlv_name(type_: int) -> str:
    """``SHA256``, or the number of a type that has no name."""
    try:
        return TlvType(type_).name
    except ValueError:
        return f"{type_:#06x}"


@dataclass(frozen=True, slots=True)
class Tlv:
    """One entry: its type, where its payload lies from the start of the slot, and how long it is."""

    type: int
    offset: int
    length: int
    protected: bool

    @property
    def name(self) -> str:
        return tlv_name(self.type)


@dataclass(frozen=True, slots=True)
class TlvAreas:
    """Offsets from the start of the slot; without protected TLVs ``protected_end`` equals ``start``."""

    start: int
    protected_end: int
    end: int


@dataclass(frozen=True, slots=True)
class Dependency:
    """A DEPENDENCY TLV: the image with this index must have at least this version."""

    image: int
    min_version: ImageVersion

    @classmethod
    def decode(cls, data: bytes) -> "Dependency":
        """From its 12 bytes."""
        fields = ImageDependencyLayout.parse(data)
        return cls(int(fields.image_id), ImageVersion.decode(bytes(fields.image_min_version)))


@lru_cache(256)
def _decode_info(data: bytes) -> tuple[int, int]:
    """Magic and total of a TLV area."""
    info = TlvInfo.parse(data)
    return int(info.it_magic), int(info.it_tlv_tot)


@lru_cache(1024)
def _decode_entry(data: bytes) -> tuple[int, int]:
    """Type and length of a TLV."""
    entry = TlvHeader.parse(data)
    return int(entry.it_type), int(entry.it_len)


def _read_info(source: ImageSource, offset: int) -> tuple[int, int]:
    return _decode_info(load_image_data(source, offset, TLV_HEADER_SIZE, "TLV area header"))


def tlv_areas(header: ImageHeader, source: ImageSource) -> TlvAreas:
    """Find the TLV areas of an image (MCUboot bootutil_tlv_iter_begin).

    Raises ImageError where an area's magic or total is not what the header promises.
    """
    rule = "bootutil_tlv_iter_begin"
    start = header.tlv_offset
    magic, total = _read_info(source, start)
    if magic == IMAGE_TLV_PROT_INFO_MAGIC:
        if total != header.protect_tlv_size:
            raise ImageError(
                rule,
                "protected TLV area",
                f"a total of {total} bytes",
                f"the header says ih_protect_tlv_size {header.protect_tlv_size}",
            )
        magic, total = _read_info(source, start + total)
    elif header.protect_tlv_size != 0:
        raise ImageError(
            rule,
            "protected TLV area",
            f"magic {magic:#06x} at {start:#x}",
            f"{IMAGE_TLV_PROT_INFO_MAGIC:#06x}, for the header promises {header.protect_tlv_size} bytes",
        )
    if magic != IMAGE_TLV_INFO_MAGIC:
        at = start + header.protect_tlv_size
        raise ImageError(
            rule, "TLV area", f"magic {magic:#06x} at {at:#x}", f"wanted {IMAGE_TLV_INFO_MAGIC:#06x}"
        )
    protected_end = start + header.protect_tlv_size
    return TlvAreas(start, protected_end, protected_end + total)


def iter_tlvs(
    header: ImageHeader, source: ImageSource, areas: TlvAreas, *, protected_only: bool = False
) -> Iterator[Tlv]:
    """Walk the entries in file order, protected ones first (MCUboot bootutil_tlv_iter_next).

    The boundary for an entry is the end of the protected area in a protected-only walk and the end of the
    unprotected one otherwise, so a protected entry may spill over in the wide walk only. An entry that passes
    the boundary raises ImageError when the walk reaches it, not before: what came earlier has been seen.
    """
    offset = areas.start + TLV_HEADER_SIZE
    end = areas.protected_end if protected_only else areas.end
    while offset < areas.end:
        if protected_only and offset >= areas.protected_end:
            return
        if header.protect_tlv_size > 0 and offset == areas.protected_end:
            offset += TLV_HEADER_SIZE
            continue
        if offset > end or end - offset < TLV_HEADER_SIZE:
            raise _overrun("header of a TLV", offset, TLV_HEADER_SIZE, end)
        type_, length = _decode_entry(load_image_data(source, offset, TLV_HEADER_SIZE, "TLV header"))
        payload = offset + TLV_HEADER_SIZE
        if length > end - payload:
            raise _overrun(f"TLV {tlv_name(type_)}", payload, length, end)
        yield Tlv(type_, payload, length, payload < areas.protected_end)
        offset = payload + length


def _overrun(what: str, offset: int, length: int, end: int) -> ImageError:
    return ImageError(
        "bootutil_tlv_iter_next",
        what,
        f"{length} bytes at {offset:#x}",
        f"the TLV section ends at {end:#x}",
    )


def find_protected(header: ImageHeader, source: ImageSource, type_: int) -> Tlv | None:
    """The first protected TLV of a type; raises ImageError where the walk to it meets a broken entry."""
    areas = tlv_areas(header, source)
    return next(
        (tlv for tlv in iter_tlvs(header, source, areas, protected_only=True) if tlv.type == type_), None
    )


def load_tlv(source: ImageSource, tlv: Tlv) -> bytes:
    """The payload of a TLV."""
    return load_image_data(source, tlv.offset, tlv.length, f"TLV {tlv.name}")
