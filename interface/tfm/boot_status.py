"""The boot status that BL2 hands to the runtime firmware in shared memory.

Layout: header, then entries without padding, all little endian. ``tlv_tot_len`` counts the header;
``tlv_len`` does not count the entry's own four bytes. The type holds the major in bits 15-12; for IAS,
FWU and MBS bits 11-6 are the software module (the MCUboot image index) or slot and bits 5-0 the claim.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from construct import Const, Int16ul, StreamError, Struct
from construct.core import ConstError

from ..errors import TfmSimError

SHARED_DATA_TLV_INFO_MAGIC: Final = 0x2016
SHARED_DATA_HEADER_SIZE: Final = 4
SHARED_DATA_ENTRY_HEADER_SIZE: Final = 4

SharedDataHeader: Final = Struct(
    "tlv_magic" / Const(SHARED_DATA_TLV_INFO_MAGIC, Int16ul), "tlv_tot_len" / Int16ul
)
SharedDataEntryHeader: Final = Struct("tlv_type" / Int16ul, "tlv_len" / Int16ul)


class TlvMajor(IntEnum):
    """Who an entry is for."""

    CORE = 0x0
    IAS = 0x1
    FWU = 0x2
    MBS = 0x3
    INVALID = 0xF


class SwModule(IntEnum):
    """Names of IAS modules. BL2 of today puts the MCUboot image index in this place instead."""

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
    SW_TYPE = 0x03
    SW_MEASURE_VALUE = 0x08
    SW_MEASURE_TYPE = 0x09
    SW_MEASURE_METADATA = 0x0A
    SW_MEASURE_VALUE_NON_EXTENDABLE = 0x0B
    SW_BOOT_RECORD = 0x3F


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

    def encode(self) -> bytes:
        header: bytes = SharedDataEntryHeader.build({"tlv_type": self.tlv_type, "tlv_len": len(self.data)})
        return header + self.data


def tlv_type(major: int, module: int, claim: int) -> int:
    """The 16-bit type of an IAS, FWU or MBS entry."""
    return major << 12 | module << 6 | claim


def encode_area(entries: Iterable[BootStatusEntry]) -> bytes:
    """Header and entries, as they lie in memory; without entries an empty header of four bytes."""
    body = b"".join(entry.encode() for entry in entries)
    header: bytes = SharedDataHeader.build({"tlv_tot_len": SHARED_DATA_HEADER_SIZE + len(body)})
    return header + body


def decode_area(area: bytes) -> list[BootStatusEntry]:
    """The entries of a shared data area, in order.

    Raises BootStatusError where the magic is wrong, or a length passes the area or its parent.
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
        if offset + SHARED_DATA_ENTRY_HEADER_SIZE > total:
            raise BootStatusError(f"boot status: entry header at offset {offset} passes the end at {total}")
        entry = SharedDataEntryHeader.parse(area[offset : offset + SHARED_DATA_ENTRY_HEADER_SIZE])
        start = offset + SHARED_DATA_ENTRY_HEADER_SIZE
        offset = start + entry.tlv_len
        if offset > total:
            raise BootStatusError(
                f"boot status: entry {entry.tlv_type:#06x} of {entry.tlv_len} bytes at offset {start - 4} "
                f"passes the end at {total}"
            )
        entries.append(BootStatusEntry(entry.tlv_type, area[start:offset]))
    return entries
