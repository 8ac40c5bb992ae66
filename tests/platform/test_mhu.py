"""The SSE-200's MHU: its registers, and which core's interrupt they drive."""

import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.mhu import MhuRegister, Sse200Mhu

STAT = (MhuRegister.CPU0INTR_STAT, MhuRegister.CPU1INTR_STAT)
SET = (MhuRegister.CPU0INTR_SET, MhuRegister.CPU1INTR_SET)
CLR = (MhuRegister.CPU0INTR_CLR, MhuRegister.CPU1INTR_CLR)
MHU0 = 0x40003000
MHU0_IRQ = 6


class Bench:
    """An MHU and the levels of its two lines."""

    def __init__(self) -> None:
        self.levels = [False, False]
        self.mhu = Sse200Mhu(lambda high: self.drive(0, high), lambda high: self.drive(1, high))

    def drive(self, cpu: int, high: bool) -> None:
        self.levels[cpu] = high

    def status(self) -> list[int]:
        return [self.mhu.read(register, 4) for register in STAT]


@pytest.mark.parametrize("cpu", [0, 1])
def test_set_and_clear_work_on_bits_of_one_cpu(cpu: int) -> None:
    bench = Bench()
    bench.mhu.write(SET[cpu], 0b0101, 4)
    bench.mhu.write(SET[cpu], 0b0010, 4)
    bench.mhu.write(CLR[cpu], 0b1001, 4)
    assert bench.status() == ([0b0110, 0] if cpu == 0 else [0, 0b0110])


@pytest.mark.parametrize("cpu", [0, 1])
def test_the_line_is_high_while_any_bit_is_set(cpu: int) -> None:
    bench = Bench()
    bench.mhu.write(SET[cpu], 0b0011, 4)
    assert bench.levels == [cpu == 0, cpu == 1]
    bench.mhu.write(CLR[cpu], 0b0001, 4)
    assert bench.levels[cpu]
    bench.mhu.write(CLR[cpu], 0b0010, 4)
    assert bench.levels == [False, False]


@pytest.mark.parametrize(
    "register, read",
    [
        (MhuRegister.CPU0INTR_STAT, 0),
        (MhuRegister.CPU0INTR_SET, 0),
        (MhuRegister.CPU0INTR_CLR, 0),
        (0x0C, 0),
        (0x1C, 0),
        (0xFD0, 0x04),
        (0xFE0, 0x56),
        (0xFE4, 0xB8),
        (0xFE8, 0x0B),
        (0xFF0, 0x0D),
        (0xFFC, 0xB1),
    ],
)
def test_registers_that_a_store_does_not_show_in(register: int, read: int) -> None:
    bench = Bench()
    bench.mhu.write(register, 0, 4)
    assert bench.mhu.read(register, 4) == read


def test_the_status_is_read_only() -> None:
    bench = Bench()
    bench.mhu.write(MhuRegister.CPU0INTR_STAT, 0xF, 4)
    assert (bench.status(), bench.levels) == ([0, 0], [False, False])


def test_only_four_bits_are_there() -> None:
    bench = Bench()
    bench.mhu.write(SET[0], 0xFFFFFFF0, 4)
    assert (bench.status(), bench.levels) == ([0, 0], [False, False])
    bench.mhu.write(SET[0], 0xFFFFFFFF, 4)
    assert bench.status() == [0xF, 0]


def test_reset_clears_the_bits_and_lowers_the_lines() -> None:
    bench = Bench()
    for register in SET:
        bench.mhu.write(register, 1, 4)
    bench.mhu.reset()
    assert (bench.status(), bench.levels) == ([0, 0], [False, False])


def test_lines_that_lead_nowhere() -> None:
    mhu = Sse200Mhu()
    mhu.write(SET[1], 1, 4)
    assert mhu.read(STAT[1], 4) == 1


@pytest.mark.parametrize("board", ["an521", "an521_single_image", "an521_dual_core"])
def test_on_the_board_each_core_has_its_own_interrupt_of_the_same_number(board: str) -> None:
    hardware = Hardware(load_board(board))
    cores = (hardware.interrupts, hardware.cpu1_interrupts)
    for cpu in (0, 1):
        hardware.bus.store(MHU0 + SET[cpu], b"\x01\0\0\0")
        assert [core.level(MHU0_IRQ) for core in cores] == [cpu == 0, cpu == 1]
        hardware.bus.store(MHU0 + CLR[cpu], b"\x01\0\0\0")
    hardware.bus.store(MHU0 + SET[1], b"\x01\0\0\0")
    hardware.clear()
    assert not cores[1].level(MHU0_IRQ)
    assert not cores[1].is_pending(MHU0_IRQ)
