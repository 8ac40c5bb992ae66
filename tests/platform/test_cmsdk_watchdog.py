"""The CMSDK watchdog's registers, its two timeouts, and its lock."""

import pytest

from tfm_sim.platform.clock import VirtualClock
from tfm_sim.platform.cmsdk_watchdog import UNLOCK, CmsdkWatchdog, WatchdogControl, WatchdogRegister

LOAD, VALUE, CONTROL, INTCLR, RIS, MIS, LOCK, ITCR, ITOP = WatchdogRegister
ALL = 0xFFFFFFFF
ON = WatchdogControl.INTEN | WatchdogControl.RESEN


class Bench:
    """A watchdog at 1 MHz, and what came out of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.line = self.reset_line = False
        self.resets: list[int] = []
        self.dog = CmsdkWatchdog(self.clock, 1_000_000, self._line, self._reset_line, self._reset)

    def _line(self, high: bool) -> None:
        self.line = high

    def _reset_line(self, high: bool) -> None:
        self.reset_line = high

    def _reset(self) -> None:
        self.resets.append(self.clock.now)

    def read(self, register: int) -> int:
        return self.dog.read(register, 4)

    def write(self, register: int, value: int) -> None:
        self.dog.write(register, value, 4)


@pytest.mark.parametrize(
    "register, at_reset, store, written",
    [
        (LOAD, ALL, 5, 5),
        (VALUE, ALL, 5, ALL),
        (CONTROL, 0, ALL, 3),
        (INTCLR, 0, ALL, 0),
        (RIS, 0, ALL, 0),
        (MIS, 0, ALL, 0),
        (LOCK, 0, 5, 1),
        (LOCK, 0, UNLOCK, 0),
        (ITCR, 0, ALL, 1),
        (ITOP, 0, ALL, 0),
        (0x18, 0, ALL, 0),
        (0xFD0, 0x04, ALL, 0x04),
        (0xFE0, 0x24, ALL, 0x24),
        (0xFFC, 0xB1, ALL, 0xB1),
    ],
)
def test_registers(register: int, at_reset: int, store: int, written: int) -> None:
    bench = Bench()
    assert bench.read(register) == at_reset
    bench.write(register, store)
    assert bench.read(register) == written
    bench.dog.reset()
    assert bench.read(register) == at_reset


def test_the_first_timeout_interrupts_the_second_resets() -> None:
    bench = Bench()
    bench.write(LOAD, 100)
    bench.clock.advance(50)
    assert bench.read(VALUE) == 100, "it does not count before INTEN"
    bench.write(CONTROL, ON)
    bench.clock.advance(99)
    assert (bench.read(VALUE), bench.read(RIS), bench.line) == (1, 0, False)
    bench.clock.advance(1)
    assert (bench.read(VALUE), bench.read(RIS), bench.read(MIS), bench.line) == (0, 1, 1, True)
    bench.clock.advance(100)
    assert (bench.resets, bench.reset_line) == ([], False)
    bench.clock.advance(1)
    assert (bench.resets, bench.reset_line) == ([251], True)
    bench.clock.advance(1000)
    assert (bench.resets, bench.read(VALUE)) == ([251], 0), "it asks once, and stops"


def test_after_its_second_timeout_it_stands_still_until_a_reset() -> None:
    bench = Bench()
    bench.write(LOAD, 10)
    bench.write(CONTROL, ON)
    bench.clock.advance(21)
    bench.write(CONTROL, ON)
    bench.write(INTCLR, 0)
    bench.clock.advance(100)
    assert (bench.read(VALUE), bench.read(RIS), bench.reset_line, bench.resets) == (10, 0, True, [21])


def test_intclr_quiets_it_and_begins_again() -> None:
    bench = Bench()
    bench.write(LOAD, 100)
    bench.write(CONTROL, ON)
    for _ in range(5):
        bench.clock.advance(150)
        assert bench.line
        bench.write(INTCLR, 0)
        assert (bench.line, bench.read(RIS), bench.read(VALUE)) == (False, 0, 100)
    assert bench.resets == []


def test_a_store_to_load_begins_again_from_it() -> None:
    bench = Bench()
    bench.write(LOAD, 100)
    bench.write(CONTROL, ON)
    bench.clock.advance(60)
    bench.write(LOAD, 100)
    bench.clock.advance(60)
    assert (bench.line, bench.read(VALUE)) == (False, 40)


def test_without_resen_it_only_interrupts_and_nothing_more_is_to_come() -> None:
    bench = Bench()
    bench.write(LOAD, 100)
    bench.write(CONTROL, WatchdogControl.INTEN)
    bench.clock.advance(1000)
    assert (bench.line, bench.resets, bench.clock.next_event()) == (True, [], None)
    bench.write(CONTROL, ON)
    bench.clock.advance(101)
    assert len(bench.resets) == 1


def test_without_inten_it_stands_still_and_begins_at_load_when_enabled() -> None:
    bench = Bench()
    bench.write(LOAD, 100)
    bench.write(CONTROL, ON)
    bench.clock.advance(30)
    bench.write(CONTROL, 0)
    bench.clock.advance(500)
    assert (bench.read(VALUE), bench.line) == (70, False)
    bench.write(CONTROL, ON)
    assert bench.read(VALUE) == 100


def test_mis_is_ris_where_the_interrupt_is_enabled() -> None:
    bench = Bench()
    bench.write(LOAD, 10)
    bench.write(CONTROL, WatchdogControl.INTEN)
    bench.clock.advance(10)
    bench.write(CONTROL, 0)
    assert (bench.read(RIS), bench.read(MIS), bench.line) == (1, 0, False)


@pytest.mark.parametrize("register", [LOAD, CONTROL, INTCLR, ITCR, ITOP])
def test_a_locked_watchdog_loses_stores(register: int) -> None:
    bench = Bench()
    bench.write(LOAD, 10)
    bench.write(CONTROL, ON)
    bench.clock.advance(10)
    bench.write(LOCK, 0)
    before = [bench.read(r) for r in (LOAD, VALUE, CONTROL, RIS, ITCR)]
    bench.write(register, 0)
    bench.write(register, 1)
    assert [bench.read(r) for r in (LOAD, VALUE, CONTROL, RIS, ITCR)] == before
    bench.write(LOCK, UNLOCK)
    bench.write(INTCLR, 1)
    assert bench.read(RIS) == 0


def test_load_zero_counts_as_one() -> None:
    bench = Bench()
    bench.write(LOAD, 0)
    assert bench.read(LOAD) == 0
    bench.write(CONTROL, ON)
    bench.clock.advance(3)
    assert bench.resets == [3]


def test_the_test_registers_drive_the_outputs() -> None:
    bench = Bench()
    bench.write(ITOP, 2)
    assert not bench.line
    bench.write(ITCR, 1)
    assert (bench.line, bench.reset_line) == (True, False)
    bench.write(ITOP, 1)
    assert (bench.line, bench.reset_line, len(bench.resets)) == (False, True, 1)
    bench.write(ITCR, 0)
    assert (bench.line, bench.reset_line) == (False, False)


def test_a_reset_takes_its_lines_and_its_alarm_back() -> None:
    bench = Bench()
    bench.write(LOAD, 10)
    bench.write(CONTROL, ON)
    bench.clock.advance(15)
    bench.dog.reset()
    assert (bench.line, bench.clock.next_event()) == (False, None)
    bench.clock.advance(1000)
    assert bench.resets == []


def test_a_handler_that_quiets_it_inside_its_interrupt_leaves_the_outputs_right() -> None:
    clock = VirtualClock()
    levels: list[bool] = []

    def line(high: bool) -> None:
        levels.append(high)
        if high:
            dog.write(INTCLR, 1, 4)

    dog = CmsdkWatchdog(clock, 1_000_000, line)
    dog.write(LOAD, 10, 4)
    dog.write(CONTROL, ON, 4)
    clock.advance(10)
    assert levels[-2:] == [True, False]
    assert dog.read(VALUE, 4) == 10
