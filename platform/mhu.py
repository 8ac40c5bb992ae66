"""The SSE-200's Message Handling Unit: by it one core of the subsystem interrupts the other."""

from enum import IntEnum
from typing import Final

from .peripheral import ApbPeripheral, Line, not_wired


class MhuRegister(IntEnum):
    """Offsets. A CPU's interrupt is high while any of its bits is set; SET and CLR take masks of bits."""

    CPU0INTR_STAT = 0x00
    CPU0INTR_SET = 0x04
    CPU0INTR_CLR = 0x08
    CPU1INTR_STAT = 0x10
    CPU1INTR_SET = 0x14
    CPU1INTR_CLR = 0x18


MHU_BITS: Final = 0xF
"""The bits of each register that are there."""
_PID2: Final = 0xFE8
_REVISION_0: Final = 0x0B


class Sse200Mhu(ApbPeripheral):
    """Four bits for each of the two CPUs; ``lines`` are the interrupts of CPU 0 and CPU 1."""

    part = 0x56

    def __init__(self, *lines: Line) -> None:
        self._lines = (*lines, not_wired, not_wired)[:2]
        self._status = [0, 0]

    def reset(self) -> None:
        """No bit set, both lines low."""
        self._status = [0, 0]
        for line in self._lines:
            line(False)

    def _load(self, register: int) -> int:
        match register:
            case MhuRegister.CPU0INTR_STAT:
                return self._status[0]
            case MhuRegister.CPU1INTR_STAT:
                return self._status[1]
        return _REVISION_0 if register == _PID2 else super()._load(register)

    def _store(self, register: int, value: int) -> None:
        value &= MHU_BITS
        match register:
            case MhuRegister.CPU0INTR_SET:
                self._drive(0, self._status[0] | value)
            case MhuRegister.CPU0INTR_CLR:
                self._drive(0, self._status[0] & ~value)
            case MhuRegister.CPU1INTR_SET:
                self._drive(1, self._status[1] | value)
            case MhuRegister.CPU1INTR_CLR:
                self._drive(1, self._status[1] & ~value)

    def _drive(self, cpu: int, status: int) -> None:
        self._status[cpu] = status
        self._lines[cpu](status != 0)
