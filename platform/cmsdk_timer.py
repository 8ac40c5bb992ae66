"""The CMSDK APB timer (Cortex-M System Design Kit, APB timer): a 32-bit down-counter with reload."""

from enum import IntEnum, IntFlag
from typing import Final

from .clock import Alarm, VirtualClock
from .down_counter import DownCounter
from .peripheral import ApbPeripheral, Line, not_wired


class TimerRegister(IntEnum):
    """Offsets. INTSTATUS is read, INTCLEAR written, at the same place."""

    CTRL = 0x0
    VALUE = 0x4
    RELOAD = 0x8
    INTSTATUS = 0xC


class TimerCtrl(IntFlag):
    """Bits of CTRL. EXTIN is tied low on the boards: a timer that selects it stands still."""

    ENABLE = 1
    SELECT_EXTIN_AS_ENABLE = 2
    SELECT_EXTIN_AS_CLOCK = 4
    INTERRUPT_ENABLE = 8


_CTRL_BITS: Final = 0xF


class CmsdkTimer(ApbPeripheral):
    """A timer that counts at ``frequency`` hertz of virtual time and raises ``line``.

    The interrupt comes when the counter passes from 1 to 0 while it is enabled, so a period is RELOAD + 1
    ticks. Zeros that fall into one microsecond are one interrupt.
    """

    part = 0x22

    def __init__(self, clock: VirtualClock, frequency: int, line: Line = not_wired) -> None:
        self._clock = clock
        self._line = line
        self._counter = DownCounter(clock, frequency)
        self._alarm: Alarm | None = None
        self._ctrl = 0
        self._interrupt = False

    def reset(self) -> None:
        """All registers 0, the line low."""
        self._ctrl = 0
        self._counter.run(False)
        self._counter.reload = self._counter.value = 0
        self._interrupt = False
        self._arm()
        self._line(False)

    def _load(self, register: int) -> int:
        match register:
            case TimerRegister.CTRL:
                return self._ctrl
            case TimerRegister.VALUE:
                return self._counter.value
            case TimerRegister.RELOAD:
                return self._counter.reload
            case TimerRegister.INTSTATUS:
                return int(self._interrupt)
        return super()._load(register)

    def _store(self, register: int, value: int) -> None:
        match register:
            case TimerRegister.CTRL:
                self._ctrl = value & _CTRL_BITS
                external = TimerCtrl.SELECT_EXTIN_AS_ENABLE | TimerCtrl.SELECT_EXTIN_AS_CLOCK
                self._counter.run(bool(value & TimerCtrl.ENABLE) and not value & external)
            case TimerRegister.VALUE:
                self._counter.value = value
            case TimerRegister.RELOAD:
                # CMSDK TRM, RELOAD: a write sets the current value too.
                self._counter.reload = self._counter.value = value
            case TimerRegister.INTSTATUS if value & 1:
                self._interrupt = False
            case _:
                return
        self._arm()
        self._line(self._interrupt)

    def _arm(self) -> None:
        """Wait for the next zero, but only where it would change something."""
        self._clock.cancel(self._alarm)
        self._alarm = None
        if self._ctrl & TimerCtrl.INTERRUPT_ENABLE and not self._interrupt:
            time = self._counter.next_zero()
            if time is not None:
                self._alarm = self._clock.at(time, self._zero)

    def _zero(self) -> None:
        self._alarm = None
        self._interrupt = True
        self._line(True)
