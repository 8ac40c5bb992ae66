"""The CMSDK timer's registers and its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.clock import VirtualClock
from tfm_sim.platform.cmsdk_timer import CmsdkTimer, TimerCtrl, TimerRegister
from tfm_sim.platform.down_counter import DownCounter

CTRL, VALUE, RELOAD, INTSTATUS = TimerRegister
RUN, RUN_IRQ = TimerCtrl.ENABLE, TimerCtrl.ENABLE | TimerCtrl.INTERRUPT_ENABLE
MHZ = 1_000_000


class Bench:
    """A timer, its clock and what its line did: (microsecond, level) at each change."""

    def __init__(self, frequency: int = MHZ) -> None:
        self.clock = VirtualClock()
        self.changes: list[tuple[int, bool]] = []
        self.high = False
        self.timer = CmsdkTimer(self.clock, frequency, self._line)

    def _line(self, high: bool) -> None:
        if high != self.high:
            self.changes.append((self.clock.now, high))
        self.high = high

    def read(self, register: int) -> int:
        return self.timer.read(register, 4)

    def write(self, register: int, value: int) -> None:
        self.timer.write(register, value, 4)


# What a register reads after a store of all ones into a timer after reset.
@pytest.mark.parametrize(
    "register, at_reset, written",
    [
        (CTRL, 0, 0xF),
        (VALUE, 0, 0xFFFFFFFF),
        (RELOAD, 0, 0xFFFFFFFF),
        (INTSTATUS, 0, 0),
        (0x10, 0, 0),
        (0xFCC, 0, 0),
        (0xFD0, 0x04, 0x04),
        (0xFE0, 0x22, 0x22),
        (0xFE4, 0xB8, 0xB8),
        (0xFE8, 0x1B, 0x1B),
        (0xFF0, 0x0D, 0x0D),
        (0xFFC, 0xB1, 0xB1),
    ],
)
def test_registers(register: int, at_reset: int, written: int) -> None:
    bench = Bench()
    assert bench.read(register) == at_reset
    bench.write(register, 0xFFFFFFFF)
    assert bench.read(register) == written
    bench.timer.reset()
    assert bench.read(register) == at_reset


def test_a_store_to_reload_sets_the_value_too_and_one_to_value_does_not_set_reload() -> None:
    bench = Bench()
    bench.write(RELOAD, 100)
    assert (bench.read(VALUE), bench.read(RELOAD)) == (100, 100)
    bench.write(VALUE, 7)
    assert (bench.read(VALUE), bench.read(RELOAD)) == (7, 100)


@pytest.mark.parametrize("passed, value", [(0, 3), (1, 2), (3, 0), (4, 5), (5, 4), (9, 0), (10, 5), (15, 0)])
def test_it_counts_down_stays_at_zero_for_a_tick_and_begins_at_reload(passed: int, value: int) -> None:
    bench = Bench()
    bench.write(RELOAD, 5)
    bench.write(VALUE, 3)
    bench.write(CTRL, RUN)
    bench.clock.advance(passed)
    assert bench.read(VALUE) == value


def test_the_interrupt_comes_at_zero_and_then_each_reload_plus_one_ticks() -> None:
    bench = Bench()
    bench.write(RELOAD, 9)
    bench.write(CTRL, RUN_IRQ)
    for _ in range(3):
        assert bench.clock.advance_to_next()
        assert bench.read(INTSTATUS) == 1
        bench.write(INTSTATUS, 1)
        assert bench.read(INTSTATUS) == 0
    assert bench.changes == [(9, True), (9, False), (19, True), (19, False), (29, True), (29, False)]


def test_an_interrupt_that_is_not_cleared_stays_and_nothing_more_is_to_come() -> None:
    bench = Bench()
    bench.write(RELOAD, 9)
    bench.write(CTRL, RUN_IRQ)
    bench.clock.advance(100)
    assert (bench.changes, bench.clock.next_event()) == ([(9, True)], None)
    bench.write(INTSTATUS, 0)
    assert bench.read(INTSTATUS) == 1
    bench.write(CTRL, 0)
    assert bench.high, "disabling does not clear"


def test_without_interrupt_enable_there_is_no_status() -> None:
    bench = Bench()
    bench.write(RELOAD, 9)
    bench.write(CTRL, RUN)
    bench.clock.advance(25)
    assert (bench.read(INTSTATUS), bench.read(VALUE), bench.clock.next_event()) == (0, 4, None)
    bench.write(CTRL, RUN_IRQ)
    assert bench.clock.next_event() == 29


def test_with_reload_zero_it_comes_to_zero_once() -> None:
    bench = Bench()
    bench.write(VALUE, 9)
    bench.write(CTRL, RUN_IRQ)
    bench.clock.advance(9)
    bench.write(INTSTATUS, 1)
    bench.clock.advance(1000)
    assert bench.changes == [(9, True), (9, False)]
    assert (bench.read(VALUE), bench.clock.next_event()) == (0, None)


def test_it_holds_its_value_while_it_is_off() -> None:
    bench = Bench()
    bench.write(RELOAD, 50)
    bench.write(CTRL, RUN)
    bench.clock.advance(20)
    bench.write(CTRL, 0)
    bench.clock.advance(20)
    assert bench.read(VALUE) == 30
    bench.write(CTRL, RUN)
    bench.clock.advance(1)
    assert bench.read(VALUE) == 29


@pytest.mark.parametrize("select", [TimerCtrl.SELECT_EXTIN_AS_ENABLE, TimerCtrl.SELECT_EXTIN_AS_CLOCK])
def test_a_timer_on_its_external_input_stands_still(select: int) -> None:
    bench = Bench()
    bench.write(RELOAD, 9)
    bench.write(CTRL, RUN_IRQ | select)
    bench.clock.advance(100)
    assert (bench.read(VALUE), bench.read(CTRL), bench.changes) == (9, RUN_IRQ | select, [])


def test_ticks_of_the_system_clock_are_rounded_up_to_microseconds_and_do_not_drift() -> None:
    bench = Bench(20 * MHZ)
    bench.write(RELOAD, 32)  # 33 ticks: 1.65 microseconds
    bench.write(CTRL, RUN_IRQ)
    times = []
    for _ in range(4):
        bench.clock.advance_to_next()
        times.append(bench.clock.now)
        bench.write(INTSTATUS, 1)
    assert times == [2, 4, 5, 7]  # 1.6, 3.25, 4.9, 6.55


def test_zeros_within_one_microsecond_are_one_interrupt() -> None:
    bench = Bench(20 * MHZ)
    bench.write(RELOAD, 1)
    bench.write(CTRL, RUN_IRQ)
    for _ in range(3):
        bench.clock.advance_to_next()
        bench.write(INTSTATUS, 1)
    assert bench.clock.now == 3


def test_a_reset_takes_the_line_and_the_alarm_back() -> None:
    bench = Bench()
    bench.write(RELOAD, 9)
    bench.write(CTRL, RUN_IRQ)
    bench.clock.advance(9)
    bench.timer.reset()
    assert (bench.high, bench.clock.next_event(), bench.read(CTRL)) == (False, None, 0)


@given(
    st.integers(1, 50 * MHZ),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.integers(0, 100),
    st.integers(0, 3000),
)
def test_the_counter_agrees_with_one_that_ticks(
    frequency: int, value: int, reload: int, start: int, passed: int
) -> None:
    clock = VirtualClock()
    counter = DownCounter(clock, frequency)
    clock.advance(start)
    counter.reload, counter.value = reload, value
    counter.run(True)
    ticks = (start + passed) * frequency // MHZ - start * frequency // MHZ
    next_zero = counter.next_zero()
    if next_zero is not None:
        zero_tick = value or reload + 1
        assert next_zero > clock.now
        elapsed = [t * frequency // MHZ - start * frequency // MHZ for t in (next_zero - 1, next_zero)]
        assert elapsed[0] < zero_tick <= elapsed[1]
    clock.advance(passed)
    expected = value - ticks if ticks <= value else reload - (ticks - value - 1) % (reload + 1)
    stepped = value
    for _ in range(min(ticks, 5000)):
        stepped = stepped - 1 if stepped else reload
    assert counter.value == expected
    if ticks <= 5000:
        assert counter.value == stepped
