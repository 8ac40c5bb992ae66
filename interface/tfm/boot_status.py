"""The boot status that BL2 hands to the runtime firmware in shared memory.

Layout: header, then entries without padding, all little endian. ``tlv_tot_len`` counts the header;
``tlv_len`` does not count the entry's own four bytes, but did until 2020 (`BootStatusEra`). The type holds
the major in bits 15-12; for IAS, FWU and MBS bits 11-6 are the software module (the MCUboot image index) or
slot and bits 5-0 the claim.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from construct import Const, Int16ul, StreamError, Struct
from construct.core import ConstError

from ..errors import TfmSimError

SHARED_DATA_TLV_INFO_MAGIC: Final = 0x2016
SHARED_DATA_HEADER_SIZE: Final = 4
SHARED_DATA_ENTRY_HEADER_SIZE: Final = 4
U16_MAX: Final = 0xFFFF

SharedDataHeader: Final = Struct(
    "tlv_magic" / Const(SHARED_DATA_TLV_INFO_MAGIC, Int16ul), "tlv_tot_len" / Int16ul
)
SharedDataEntryHeader: Final = Struct("tlv_type" / Int16ul, "tlv_len" / Int16ul)


class TlvMajor(IntEnum):
    """Who an entry is for."""

    CORE = 0x0
    IAS = 0x1
    FWU = 0x2
    BLINFO = 0x2
    """Plain MCUboot: what the boot loader tells about itself. TF-M gives the number to firmware update."""
    MBS = 0x3
    INVALID = 0xF


class SwModule(IntEnum):
    """Names of IAS modules, as BL2 of 2019 used them; today it puts the MCUboot image index in this place."""

    GENERAL = 0
    BL2 = 1
    PROT = 2
    AROT = 3
    SPE = 4
    NSPE = 5
    S_NS = 6
    MAX = 7


class Claim(IntEnum):
    """What an IAS, FWU or MBS entry says."""

    SW_VERSION = 0x00
    SW_SIGNER_ID = 0x01
    SW_EPOCH = 0x02
    """Until September 2019; the number is reserved since."""
    SW_TYPE = 0x03
    SW_MEASURE_VALUE = 0x08
    SW_MEASURE_TYPE = 0x09
    SW_MEASURE_METADATA = 0x0A
    SW_MEASURE_VALUE_NON_EXTENDABLE = 0x0B
    SW_BOOT_RECORD = 0x3F


class GeneralClaim(IntEnum):
    """What an entry of module GENERAL says: claims of 2019 that stand above those of the platform."""

    BOOT_SEED = 0x00
    HW_VERSION = 0x01
    SECURITY_LIFECYCLE = 0x02


class BootStatusEra(Enum):
    """How TF-M's boot status was written over time; an area does not say which it is."""

    TFM_2019_02 = "2019-02"
    """An entry a claim, the security epoch among them."""
    TFM_2019_09 = "2019-09"
    """An entry a claim; no epoch any more."""
    TFM_2019_10 = "2019-10"
    """A CBOR boot record a software module."""
    TODAY = "today"
    """The same, in MCUboot's encoding: an entry's length does not count its header."""

    @property
    def counts_entry_header(self) -> bool:
        """Whether ``tlv_len`` counts the entry's own four bytes."""
        return self is not BootStatusEra.TODAY

    @property
    def separate_claims(self) -> bool:
        """Whether each claim of a software module has an entry of its own."""
        return self in (BootStatusEra.TFM_2019_02, BootStatusEra.TFM_2019_09)


class BootStatusError(TfmSimError):
    """The shared data area does not hold a readable boot status."""


@dataclass(frozen=True, slots=True)
class BootStatusEntry:
    """One entry: its 16-bit ``tlv_type`` and its data without the entry header."""

    tlv_type: int
    data: bytes

    @property
    def major(self) -> int:
        return self.tlv_type >> 12

    @property
    def module(self) -> int:
        """Software module, image index or measurement slot."""
        return self.tlv_type >> 6 & 0x3F

    @property
    def claim(self) -> int:
        return self.tlv_type & 0x3F

    def encode(self, era: BootStatusEra = BootStatusEra.TODAY) -> bytes:
        """Entry header and data. Raises BootStatusError where the length does not fit into 16 bits."""
        length = len(self.data) + SHARED_DATA_ENTRY_HEADER_SIZE * era.counts_entry_header
        if length > U16_MAX:
            raise BootStatusError(
                f"boot status: entry {self.tlv_type:#06x} of {len(self.data)} bytes; its length has 16 bits"
            )
        header: bytes = SharedDataEntryHeader.build({"tlv_type": self.tlv_type, "tlv_len": length})
        return header + self.data


def tlv_type(major: int, module: int, claim: int) -> int:
    """The 16-bit type of an IAS, FWU or MBS entry."""
    return major << 12 | module << 6 | claim


def encode_area(entries: Iterable[BootStatusEntry], era: BootStatusEra = BootStatusEra.TODAY) -> bytes:
    """Header and entries, as they lie in memory; without entries an empty header of four bytes.

    Raises BootStatusError where a length does not fit into 16 bits.
    """
    body = b"".join(entry.encode(era) for entry in entries)
    total = SHARED_DATA_HEADER_SIZE + len(body)
    if total > U16_MAX:
        raise BootStatusError(f"boot status: {total} bytes; the total length has 16 bits")
    header: bytes = SharedDataHeader.build({"tlv_tot_len": total})
    return header + body


def decode_area(area: bytes, era: BootStatusEra = BootStatusEra.TODAY) -> list[BootStatusEntry]:
    """The entries of a shared data area, in order.

    Raises BootStatusError where the magic is wrong, a length passes the area or its parent, or a length of
    2019 leaves out the header that it counts.
    """
    try:
        total: int = SharedDataHeader.parse(area).tlv_tot_len
    except (ConstError, StreamError) as error:
        found = area[:2].hex() or "nothing"
        raise BootStatusError(
            f"boot status: no header: found {found}, wanted magic {SHARED_DATA_TLV_INFO_MAGIC:#06x} (1620)"
        ) from error
    if not SHARED_DATA_HEADER_SIZE <= total <= len(area):
        raise BootStatusError(f"boot status: total length {total}, but the area has {len(area)} bytes")
    entries = []
    offset = SHARED_DATA_HEADER_SIZE
    while offset < total:
        entry, end = _decode_entry(area[:total], offset, era)
        entries.append(entry)
        offset = end
    return entries


def _decode_entry(area: bytes, offset: int, era: BootStatusEra) -> tuple[BootStatusEntry, int]:
    start = offset + SHARED_DATA_ENTRY_HEADER_SIZE
    if start > len(area):
        raise BootStatusError(f"boot status: entry header at offset {offset} passes the end at {len(area)}")
    header = SharedDataEntryHeader.parse(area[offset:start])
    type_, length = int(header.tlv_type), int(header.tlv_len)
    if era.counts_entry_header and length < SHARED_DATA_ENTRY_HEADER_SIZE:
        raise BootStatusError(
            f"boot status: entry {type_:#06x} at offset {offset} has length {length}; "
            f"legal in {era.value}: from {SHARED_DATA_ENTRY_HEADER_SIZE}, the entry's header counts"
        )
    end = offset + length if era.counts_entry_header else start + length
    if end > len(area):
        raise BootStatusError(
            f"boot status: entry {type_:#06x} of {end - start} bytes at offset {offset} "
            f"passes the end at {len(area)}"
        )
    return BootStatusEntry(type_, area[start:end]), end
