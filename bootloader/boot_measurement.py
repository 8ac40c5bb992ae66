"""The measurements that boot stages hand on through the platform's HAL (TF-M boot_hal_bl1_1/bl1_2/bl2.c).

A second writer of the shared data area beside MCUboot's (`boot_status_writer`). It keeps no state at all: it
begins anew only where the area holds no boot status, so that what an earlier boot stage wrote stays.
"""

from typing import Final

from ..interface.tfm.boot_measurement import BOOT_MEASUREMENT_SLOT_MAX, MeasurementMetadata
from ..interface.tfm.boot_status import (
    SHARED_DATA_ENTRY_HEADER_SIZE,
    SHARED_DATA_HEADER_SIZE,
    SHARED_DATA_TLV_INFO_MAGIC,
    U16_MAX,
    BootStatusEntry,
    Claim,
    TlvMajor,
    encode_area,
    tlv_type,
)
from ..interface.trace import Trace
from .boot_status_writer import SharedMemory, holds_type
from .events import SharedDataAdded

_RULE: Final = "boot_store_measurement"


class BootMeasurements:
    """``base`` and ``size`` (bytes) are those of the shared data area; ``stage`` is told in the trace."""

    def __init__(self, memory: SharedMemory, base: int, size: int, trace: Trace, stage: str = "BL2") -> None:
        self._memory = memory
        self._base = base
        self._size = size
        self._trace = trace
        self._stage = stage
        self.problem = ("", "")
        """Of the last call that failed: what was found, and what was wanted."""

    def boot_store_measurement(
        self, index: int, measurement: bytes | None, metadata: MeasurementMetadata | None, lock: bool
    ) -> int:
        """Two entries for slot ``index``: the metadata, then the value (TF-M boot_store_measurement).

        0, or -1: a slot past 31, no data, a slot that has its entries already, no room. Metadata that went in
        stays where the value does not fit. ``lock`` makes the slot one that nobody may extend.
        """
        if index >= BOOT_MEASUREMENT_SLOT_MAX:
            self.problem = (f"slot {index}", f"there are {BOOT_MEASUREMENT_SLOT_MAX}, from 0")
            return -1
        encoded = metadata.encode() if metadata is not None else None
        if self.boot_add_data_to_shared_area(index, Claim.SW_MEASURE_METADATA, encoded) != 0:
            return -1
        claim = Claim.SW_MEASURE_VALUE_NON_EXTENDABLE if lock else Claim.SW_MEASURE_VALUE
        return self.boot_add_data_to_shared_area(index, claim, measurement)

    def boot_add_data_to_shared_area(self, slot: int, claim: int, data: bytes | None) -> int:
        """Append one entry of major MBS; 0 or -1 (TF-M boot_hal boot_add_data_to_shared_area)."""
        if data is None:
            self.problem = ("no data", "an entry needs some")
            return -1
        type_ = tlv_type(TlvMajor.MBS, slot, claim)
        total = self._total()
        code = self._check(type_, total, len(data))
        if code == 0:
            self._append(total, BootStatusEntry(type_, data).encode())
        if self._trace.listeners:
            done = "added" if code == 0 else f"refused: {self.problem[0]}"
            text = (
                f"{self._stage}: shared data: entry {type_:#06x} of {len(data)} bytes "
                f"at {self._base + total:#010x} {done}"
            )
            self._trace.emit(SharedDataAdded(None, _RULE, text, type_, data, code))
        return code

    def _total(self) -> int:
        """The area's total length, after a fresh start where the magic or that length is wrong."""
        header = self._memory.read(self._base, SHARED_DATA_HEADER_SIZE)
        magic, total = int.from_bytes(header[:2], "little"), int.from_bytes(header[2:], "little")
        if magic == SHARED_DATA_TLV_INFO_MAGIC and total <= self._size:
            return total
        self._memory.write(self._base, encode_area([]).ljust(self._size, b"\0"))
        return SHARED_DATA_HEADER_SIZE

    def _check(self, type_: int, total: int, size: int) -> int:
        area = self._memory.read(self._base, self._size)
        if holds_type(area, total, type_):
            self.problem = (f"a second entry {type_:#06x}", "each type may stand there once a boot")
            return -1
        new_total = total + SHARED_DATA_ENTRY_HEADER_SIZE + size
        if new_total > min(U16_MAX, self._size):
            self.problem = (f"{new_total} bytes with entry {type_:#06x}", f"the shared area has {self._size}")
            return -1
        return 0

    def _append(self, total: int, entry: bytes) -> None:
        # A total below the header's own size is nobody's error: the entry then lies over the header, and the
        # length is added to whatever stands there.
        self._memory.write(self._base + total, entry)
        length = int.from_bytes(self._memory.read(self._base + 2, 2), "little") + len(entry)
        self._memory.write(self._base + 2, (length & U16_MAX).to_bytes(2, "little"))
