"""The device's virtual time: whole microseconds since power-on, which only its users move forward.

Nothing here looks at the host's clock, so two runs that do the same see the same times.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from ..interface.errors import TfmSimError


class ClockError(TfmSimError):
    """A negative number of microseconds."""


@dataclass(order=True, slots=True)
class Alarm:
    """A callback that waits for its time. Alarms of one time are due in the order of arming."""

    time: int
    number: int
    callback: Callable[[], None] = field(compare=False, repr=False)


class VirtualClock:
    """``now`` counts microseconds since power-on or the last reset; it moves by ``advance`` alone."""

    __slots__ = ("_alarms", "_epoch", "_number", "now")

    def __init__(self) -> None:
        self.now = 0
        self._alarms: list[Alarm] = []  # few at any time: one a counting peripheral
        self._number = 0
        self._epoch = 0

    def at(self, time: int, callback: Callable[[], None]) -> Alarm:
        """Call ``callback`` once when the clock reaches ``time``; a time that has passed is due at once.

        Due at once means at the next ``advance``, be it by 0: arming calls nothing.
        """
        self._number += 1
        alarm = Alarm(max(time, self.now), self._number, callback)
        insort(self._alarms, alarm)
        return alarm

    def cancel(self, alarm: Alarm | None) -> None:
        """Forget an alarm. One that has rung, was cancelled before, or None is left as it is."""
        if alarm is not None and alarm in self._alarms:
            self._alarms.remove(alarm)

    def next_event(self) -> int | None:
        """The time of the next alarm, None where nothing is armed."""
        return self._alarms[0].time if self._alarms else None

    def advance(self, microseconds: int) -> None:
        """Move on; alarms that fall due ring in order, each while ``now`` is its own time.

        A callback may arm others, which ring too where they fall due; it may advance the clock itself; and
        it may reset it, which ends the advance. What a callback raises ends the advance at that callback's
        time. Raises ClockError for a negative number.
        """
        if microseconds < 0:
            raise ClockError(f"clock: advance by {microseconds} microseconds; legal: 0 and up")
        target, epoch = self.now + microseconds, self._epoch
        while self._alarms and self._alarms[0].time <= target:
            alarm = self._alarms.pop(0)
            self.now = max(self.now, alarm.time)
            alarm.callback()
            if self._epoch != epoch:
                return
        self.now = max(self.now, target)

    def advance_to_next(self) -> bool:
        """Move on to the next alarm and ring what is due then; False, and nothing done, without one."""
        if not self._alarms:
            return False
        self.advance(self._alarms[0].time - self.now)
        return True

    def reset(self) -> None:
        """A reset or power-on: time begins at 0 with nothing armed."""
        self.now = 0
        self._alarms.clear()
        self._epoch += 1
