"""A 32-bit counter that falls by one at each tick of a clock of its own, in virtual time."""

from typing import Final

from .clock import VirtualClock

MICROSECONDS: Final = 1_000_000


class DownCounter:
    """Counts from its value to 0, stays there for one tick, and begins again at ``reload``.

    With ``reload`` 0 it stays at 0. It costs nothing while it runs: the value is computed when it is asked
    for. ``frequency`` is its clock in hertz; its ticks are those of a clock that runs since power-on, so that
    rounding to whole microseconds does not add up.
    """

    __slots__ = ("_clock", "_frequency", "_since", "_value", "reload", "running")

    def __init__(self, clock: VirtualClock, frequency: int, value: int = 0) -> None:
        self._clock = clock
        self._frequency = frequency
        self.reload = value
        self.running = False
        self._value = value
        self._since = 0

    @property
    def value(self) -> int:
        """What it has come down to by now."""
        if not self.running:
            return self._value
        passed = self._ticks() - self._since
        if passed <= self._value:
            return self._value - passed
        return self.reload - (passed - self._value - 1) % (self.reload + 1)

    @value.setter
    def value(self, value: int) -> None:
        self._value = value
        self._since = self._ticks()

    def run(self, running: bool) -> None:
        """Let it count, or hold it at its value."""
        self.value = self.value
        self.running = running

    def next_zero(self) -> int | None:
        """The microsecond by which it next comes from 1 to 0, after now; None where it does not."""
        value = self.value
        if value == 0:
            value = self.reload + 1 if self.reload else 0
        if not self.running or value == 0:
            return None
        return -(-(self._ticks() + value) * MICROSECONDS // self._frequency)

    def _ticks(self) -> int:
        return self._clock.now * self._frequency // MICROSECONDS
