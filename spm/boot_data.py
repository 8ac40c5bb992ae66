"""The SPM's side of the boot status: validation, and handing out entries by major (TF-M tfm_boot_data.c)."""

from typing import Final

from ..interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from ..interface.tfm.boot_status import (
    SHARED_DATA_ENTRY_HEADER_SIZE,
    SHARED_DATA_HEADER_SIZE,
    SHARED_DATA_TLV_INFO_MAGIC,
    U16_MAX,
    BootStatusEra,
    SharedDataEntryHeader,
    SharedDataHeader,
    TlvMajor,
)
from ..platform.memory import Memory

BOOT_DATA_ACCESS: Final = frozenset(
    {
        (261, TlvMajor.IAS),  # TFM_SP_INITIAL_ATTESTATION
        (271, TlvMajor.FWU),  # TFM_SP_FWU
        (275, TlvMajor.MBS),  # TFM_SP_MEASURED_BOOT
        (278, TlvMajor.MBS),  # TFM_SP_DPE
    }
)
"""TF-M access_policy_table: which partition, by its id, may fetch which major."""

_REFUSED: Final = (PSA_ERROR_INVALID_ARGUMENT, b"")


class BootData:
    """The shared data area between BL2 and the SPM: ``area`` is its address and its size in bytes.

    None is a platform that declares no boot data: it counts as valid and empty. ``era`` is how this SPM reads
    entries, whatever BL2 wrote. `problem` says why an area is not valid, and is empty for a valid one.
    """

    def __init__(
        self, memory: Memory, area: tuple[int, int] | None, era: BootStatusEra = BootStatusEra.TODAY
    ) -> None:
        self._memory = memory
        self._area = area
        self._era = era
        self.problem = "" if area is None else self._validate(*area)

    def _validate(self, base: int, size: int) -> str:
        """TF-M tfm_core_validate_boot_data: what is wrong; only the magic is looked at inside."""
        if size < SHARED_DATA_HEADER_SIZE:
            return f"boot status: an area of {size} bytes; legal: from {SHARED_DATA_HEADER_SIZE}"
        region = self._memory.find_range(base, size)
        if region is None or region.non_secure:
            return f"boot status: the area at {base:#010x} is not all in secure RAM"
        magic = int.from_bytes(self._memory.read(base, 2), "little")
        if magic != SHARED_DATA_TLV_INFO_MAGIC:
            return f"boot status: magic {magic:#06x}; legal: {SHARED_DATA_TLV_INFO_MAGIC:#06x}"
        return ""

    def get(self, partition_id: int, major: int, size: int) -> tuple[int, bytes]:
        """TF-M tfm_core_get_boot_data: a header and the entries of one major, as (status, bytes).

        INVALID_ARGUMENT, in this order: the area is not valid; the major is not that partition's; the total
        length passes the area (TF-M looks at it since 2.3); ``size``, of which 16 bits count, has no room for
        a header, or for an entry. No entry of that major is a success with a bare header. That the caller may
        not write its own buffer, TF-M's first check, cannot happen here: the bytes are given back. In the
        eras before October 2019 any partition may ask for any major, and the total length is not looked at.
        """
        size &= U16_MAX
        early = self._era.separate_claims
        if self.problem or (not early and (partition_id, major) not in BOOT_DATA_ACCESS):
            return _REFUSED
        total = self._total()
        if self._area is not None and not early and total > self._area[1]:
            return _REFUSED
        if size < SHARED_DATA_HEADER_SIZE:
            return _REFUSED
        found = self._entries(major, total, size)
        if found is None:
            return _REFUSED
        header: bytes = SharedDataHeader.build({"tlv_tot_len": SHARED_DATA_HEADER_SIZE + len(found)})
        return PSA_SUCCESS, header + found

    def _total(self) -> int:
        if self._area is None:
            return 0
        return int.from_bytes(self._memory.read(self._area[0] + 2, 2), "little")

    def _entries(self, major: int, total: int, size: int) -> bytes | None:
        """All entries of a major, copied whole; None where they do not fit into ``size`` bytes.

        The walk looks at nothing but lengths: an entry may end behind the total, and is copied then with what
        lies there. An entry of 2019 that claims less than its header would hang the real SPM: it is refused.
        """
        if self._area is None:
            return b""
        memory = self._behind(self._area[0])
        found = bytearray()
        offset = SHARED_DATA_HEADER_SIZE
        while offset < total:
            raw = memory[offset : offset + SHARED_DATA_ENTRY_HEADER_SIZE]
            entry = SharedDataEntryHeader.parse(raw.ljust(SHARED_DATA_ENTRY_HEADER_SIZE, b"\0"))
            length = int(entry.tlv_len)
            if not self._era.counts_entry_header:
                length += SHARED_DATA_ENTRY_HEADER_SIZE
            elif length < SHARED_DATA_ENTRY_HEADER_SIZE:
                return None
            if int(entry.tlv_type) >> 12 == major:
                if SHARED_DATA_HEADER_SIZE + len(found) + length > size:
                    return None
                found += memory[offset : offset + length].ljust(length, b"\0")
            offset += length
        return bytes(found)

    def _behind(self, base: int) -> bytes:
        """What can be read from the area's first byte on, to the end of its memory, 128 KiB at most."""
        region = self._memory.find(base)
        assert region is not None  # an area outside memory is not valid
        return self._memory.read(base, min(region.end - base, 2 * (U16_MAX + 1)))

    def scrub(self) -> None:
        """On hardware the area overlaps the SPM's stack and is gone once that is in use."""
        if self._area is not None:
            base, size = self._area
            region = self._memory.find_range(base, size)
            if region is not None and region.writable:
                self._memory.write(base, bytes(size))
            self.problem = "the area is in use as a stack"
