"""The CMSDK APB watchdog: its first timeout raises an interrupt, the second asks for a reset."""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Final

from .clock import Alarm, VirtualClock
from .down_counter import DownCounter
from .peripheral import ApbPeripheral, Line, not_wired

UNLOCK: Final = 0x1ACCE551
_LOAD_AT_RESET: Final = 0xFFFFFFFF


class WatchdogRegister(IntEnum):
    """Offsets."""

    LOAD = 0x0
    VALUE = 0x4
    CONTROL = 0x8
    INTCLR = 0xC
    RIS = 0x10
    MIS = 0x14
    LOCK = 0xC00
    ITCR = 0xF00
    ITOP = 0xF04


class WatchdogControl(IntFlag):
    """Bits of CONTROL; INTEN starts the counter, which begins at LOAD."""

    INTEN = 1
    RESEN = 2


class CmsdkWatchdog(ApbPeripheral):
    """A watchdog that counts at ``frequency`` hertz of virtual time.

    ``line`` is its interrupt, ``reset_line`` its reset request as a level; ``on_reset`` is called, once, when
    that request rises. A store to any register but LOCK is lost while it is locked. LOAD 0, which the manual
    forbids, counts as 1.
    """

    part = 0x24

    def __init__(
        self,
        clock: VirtualClock,
        frequency: int,
        line: Line = not_wired,
        reset_line: Line = not_wired,
        on_reset: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._line = line
        self._reset_line = reset_line
        self._on_reset = on_reset
        self._counter = DownCounter(clock, frequency, _LOAD_AT_RESET)
        self._alarm: Alarm | None = None
        self._clear()

    def reset(self) -> None:
        """Counter stopped at 0xffffffff, unlocked, both lines low."""
        self._counter.run(False)
        self._counter.reload = self._counter.value = _LOAD_AT_RESET
        self._clear()
        self._arm()
        self._drive()

    def _clear(self) -> None:
        self._load_value = _LOAD_AT_RESET
        self._control = 0
        self._interrupt = False
        self._expired = False
        self._asked = False
        self._locked = False
        self._test = 0
        self._test_output = 0

    def _load(self, register: int) -> int:
        match register:
            case WatchdogRegister.LOAD:
                return self._load_value
            case WatchdogRegister.VALUE:
                return self._counter.value
            case WatchdogRegister.CONTROL:
                return self._control
            case WatchdogRegister.RIS:
                return int(self._interrupt)
            case WatchdogRegister.MIS:
                return int(self._interrupt and bool(self._control & WatchdogControl.INTEN))
            case WatchdogRegister.LOCK:
                return int(self._locked)
            case WatchdogRegister.ITCR:
                return self._test
        return super()._load(register)

    def _store(self, register: int, value: int) -> None:
        if register == WatchdogRegister.LOCK:
            self._locked = value != UNLOCK
            return
        if self._locked:
            return
        match register:
            case WatchdogRegister.LOAD:
                self._load_value = value
                self._counter.reload = self._counter.value = max(value, 1)
            case WatchdogRegister.CONTROL:
                started = value & ~self._control & WatchdogControl.INTEN
                self._control = value & (WatchdogControl.INTEN | WatchdogControl.RESEN)
                if started:
                    self._counter.value = self._counter.reload
                self._counter.run(bool(value & WatchdogControl.INTEN) and not self._expired)
            case WatchdogRegister.INTCLR:
                self._interrupt = False
                self._counter.value = self._counter.reload
            case WatchdogRegister.ITCR:
                self._test = value & 1
            case WatchdogRegister.ITOP:
                self._test_output = value & 3
            case _:
                return
        self._arm()
        self._drive()

    def _arm(self) -> None:
        """Wait for the next timeout, but only where it would change something."""
        self._clock.cancel(self._alarm)
        self._alarm = None
        if not self._interrupt or self._control & WatchdogControl.RESEN:
            time = self._counter.next_zero()
            if time is not None:
                self._alarm = self._clock.at(time, self._timeout)

    def _timeout(self) -> None:
        self._alarm = None
        if not self._interrupt:
            self._interrupt = True
            self._arm()
        else:
            self._expired = True
            self._counter.run(False)
        self._drive()

    def _drive(self) -> None:
        """Bring the outputs to what the registers, or in test mode ITOP, say."""
        # A line that rises runs its handler at once, which may store here: look again for each line.
        self._line(self._wants(WatchdogControl.INTEN, self._interrupt))
        asks = self._wants(WatchdogControl.RESEN, self._expired)
        rises, self._asked = asks and not self._asked, asks
        self._reset_line(asks)
        if rises and self._on_reset is not None:
            self._on_reset()

    def _wants(self, enable: WatchdogControl, state: bool) -> bool:
        """Whether an output is high: its state where CONTROL enables it, or its bit of ITOP."""
        if self._test:
            return bool(self._test_output & (2 if enable is WatchdogControl.INTEN else 1))
        return state and bool(self._control & enable)
