"""Virtual time: alarms ring in order, each at its own time, and nothing else moves the clock."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.clock import ClockError, VirtualClock


def test_a_new_clock_stands_at_power_on_with_nothing_armed() -> None:
    clock = VirtualClock()
    assert (clock.now, clock.next_event(), clock.advance_to_next()) == (0, None, False)
    clock.advance(7)
    assert clock.now == 7


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 20)))
def test_alarms_ring_by_time_then_by_the_order_of_arming(times: list[int], steps: list[int]) -> None:
    clock = VirtualClock()
    rung: list[tuple[int, int, int]] = []

    def ring(time: int, number: int) -> Callable[[], None]:
        return lambda: rung.append((clock.now, time, number))

    for number, time in enumerate(times):
        clock.at(time, ring(time, number))
    for step in steps:
        clock.advance(step)
    due = sorted((time, number) for number, time in enumerate(times) if time <= sum(steps) and steps)
    assert rung == [(time, time, number) for time, number in due]
    assert clock.now == sum(steps)
    left = sorted(times)[len(due) :]
    assert clock.next_event() == (left[0] if left else None)


@given(st.lists(st.integers(0, 30), min_size=1), st.data())
def test_cancelled_alarms_never_ring(times: list[int], data: st.DataObject) -> None:
    clock = VirtualClock()
    rung: list[int] = []
    alarms = [clock.at(time, lambda n=n: rung.append(n)) for n, time in enumerate(times)]  # type: ignore[misc]
    gone = data.draw(st.sets(st.integers(0, len(times) - 1)))
    for number in gone:
        clock.cancel(alarms[number])
        clock.cancel(alarms[number])
    while clock.advance_to_next():
        pass
    assert sorted(rung) == [n for n in range(len(times)) if n not in gone]


def test_a_callback_may_arm_cancel_and_advance() -> None:
    clock = VirtualClock()
    log: list[tuple[str, int]] = []

    def first() -> None:
        log.append(("first", clock.now))
        clock.at(clock.now, lambda: log.append(("at once", clock.now)))
        clock.at(15, lambda: log.append(("later", clock.now)))
        clock.cancel(doomed)
        clock.advance(3)
        log.append(("back", clock.now))

    clock.at(10, first)
    doomed = clock.at(12, lambda: log.append(("doomed", clock.now)))
    clock.at(10, lambda: log.append(("second", clock.now)))
    clock.advance(20)
    assert log == [("first", 10), ("second", 10), ("at once", 10), ("back", 13), ("later", 15)]
    assert clock.now == 20


def test_a_time_that_has_passed_is_due_at_the_next_advance() -> None:
    clock = VirtualClock()
    clock.advance(5)
    rung: list[int] = []
    clock.at(2, lambda: rung.append(clock.now))
    assert (rung, clock.next_event()) == ([], 5)
    clock.advance(0)
    assert rung == [5]


def test_advance_to_next_rings_everything_of_that_time_and_stops_there() -> None:
    clock = VirtualClock()
    rung: list[int] = []
    for time in (9, 4, 4):
        clock.at(time, lambda: rung.append(clock.now))
    assert clock.advance_to_next()
    assert (rung, clock.now, clock.next_event()) == ([4, 4], 4, 9)


def test_what_a_callback_raises_ends_the_advance_at_its_time() -> None:
    clock = VirtualClock()

    def fail() -> None:
        raise ZeroDivisionError

    clock.at(3, fail)
    rung: list[int] = []
    clock.at(4, lambda: rung.append(clock.now))
    with pytest.raises(ZeroDivisionError):
        clock.advance(10)
    assert (clock.now, rung) == (3, [])
    clock.advance(1)
    assert (clock.now, rung) == (4, [4])


def test_a_reset_forgets_everything_also_in_the_middle_of_an_advance() -> None:
    clock = VirtualClock()
    rung: list[int] = []
    clock.at(3, clock.reset)
    old = clock.at(5, lambda: rung.append(clock.now))
    clock.advance(10)
    assert (clock.now, rung, clock.next_event()) == (0, [], None)
    new = clock.at(5, lambda: rung.append(clock.now))
    clock.cancel(old)
    assert clock.next_event() == 5, "an alarm from before the reset is not one of after it"
    clock.cancel(new)
    clock.cancel(None)
    assert clock.next_event() is None


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ClockError, match="advance by -1 microseconds; legal: 0 and up"):
        VirtualClock().advance(-1)
