"""Everything an image file says, without judging whether a device would boot it."""

import uuid
from dataclasses import dataclass
from typing import Final

import cbor2

from ..interface.mcuboot.image import (
    ENCRYPTED_FLAGS,
    IMAGE_MAGIC,
    IMAGE_MAGIC_V1,
    ImageError,
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
from ..interface.mcuboot.trailer import BOOT_MAGIC_SIZE, SwapState, boot_img_magic, read_swap_state
from .config import HashAlgorithm
from .signature import image_digest

BOOT_RECORD_LABELS: Final = {
    1: "sw_type",
    2: "measurement",
    4: "version",
    5: "signer_id",
    6: "measurement_description",
}
MAX_ALIGNS: Final = (8, 16, 32)


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
    """A hash TLV against the file. ``computed`` is None where it cannot be, for the ``reason`` given."""

    algorithm: HashAlgorithm
    found: bytes
    computed: bytes | None
    reason: str = ""

    @property
    def matches(self) -> bool | None:
        return None if self.computed is None else self.computed == self.found


@dataclass(frozen=True, slots=True)
class ImageReport:
    """``problem`` says where reading the TLVs had to stop; ``trailer`` needs a padded file."""

    size: int
    header: ImageHeader
    areas: TlvAreas | None
    tlvs: tuple[TlvReport, ...]
    digests: tuple[DigestReport, ...]
    trailer: SwapState | None
    trailer_align: int | None
    problem: ImageError | None


def inspect_image(data: bytes) -> ImageReport:
    """Read all of an image file. Raises ImageError where it does not begin like an MCUboot image."""
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
    return ImageReport(
        size=len(data),
        header=header,
        areas=areas,
        tlvs=tuple(tlvs),
        digests=tuple(_digests(data, header, tlvs)),
        trailer=None if align is None else read_swap_state(source, align),
        trailer_align=align,
        problem=problem,
    )


def _digests(data: bytes, header: ImageHeader, tlvs: list[TlvReport]) -> list[DigestReport]:
    reports = []
    end = header.hdr_size + header.img_size + header.protect_tlv_size
    for report in tlvs:
        algorithm = next((a for a in HashAlgorithm if a.tlv == report.tlv.type), None)
        if algorithm is None:
            continue
        if header.flags & ENCRYPTED_FLAGS:
            reason = "the digest covers the plain payload, and this one is encrypted"
            reports.append(DigestReport(algorithm, report.value, None, reason))
        elif end > len(data):
            reason = f"the file ends at {len(data):#x}, the hashed region at {end:#x}"
            reports.append(DigestReport(algorithm, report.value, None, reason))
        else:
            computed = image_digest(algorithm, data[:end])
            reports.append(DigestReport(algorithm, report.value, computed))
    return reports


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
