"""Power cuts: what stands in flash and OTP when power goes away at a numbered operation."""

import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.platform.flash import Flash
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.power import Cut, CutError, CutMode, PowerCut, PowerSupply, torn_write


def flash_with(power: PowerSupply) -> Flash:
    return Flash("f", 64, 16, 4, power=power)


@pytest.mark.parametrize(
    "text, cut",
    [
        ("1", Cut(1, CutMode.BEFORE)),
        ("17:before", Cut(17, CutMode.BEFORE)),
        ("17:after", Cut(17, CutMode.AFTER)),
        ("2:torn", Cut(2, CutMode.TORN)),
    ],
)
def test_a_cut_is_a_number_and_a_mode(text: str, cut: Cut) -> None:
    assert Cut.parse(text) == cut
    assert Cut.parse(str(cut)) == cut


@pytest.mark.parametrize("text", ["", "0", "-1", "1:", ":torn", "1:half", "x", "1.5", "١", "1:torn:after"])  # noqa: RUF001
def test_another_text_is_refused_with_what_is_legal(text: str) -> None:
    with pytest.raises(CutError, match="legal: "):
        Cut.parse(text)


@pytest.mark.parametrize(
    "mode, left",
    [
        (CutMode.BEFORE, b"\xff" * 8),
        (CutMode.TORN, b"\x01\x02\x03\x04" + b"\xff" * 4),
        (CutMode.AFTER, b"\x01\x02\x03\x04\x05\x06\x07\x08"),
    ],
)
def test_a_write_cut(mode: CutMode, left: bytes) -> None:
    flash = flash_with(PowerSupply())
    flash.power.cut_at(Cut(1, mode))
    with pytest.raises(PowerCut, match=r"operation 1: write of 8 bytes at 0x0 of f"):
        flash.write(0, bytes(range(1, 9)))
    assert flash.read(0, 8) == left


@pytest.mark.parametrize(
    "mode, left",
    [(CutMode.BEFORE, b"\0" * 32), (CutMode.TORN, b"\xff" * 16 + b"\0" * 16), (CutMode.AFTER, b"\xff" * 32)],
)
def test_an_erase_cut(mode: CutMode, left: bytes) -> None:
    flash = flash_with(PowerSupply())
    flash.write(0, b"\0" * 64)
    flash.power.cut_at(Cut(2, mode))
    with pytest.raises(PowerCut, match=r"operation 2: erase of 32 bytes"):
        flash.erase(0, 32)
    assert flash.read(0, 64) == left + b"\0" * 32


@pytest.mark.parametrize(
    "old, new, left",
    [("ffff", "1234", "12ff"), ("ff", "01", "0f"), ("ffffff", "123456", "123fff"), ("", "", "")],
)
def test_a_torn_write_is_new_below_and_old_above(old: str, new: str, left: str) -> None:
    assert torn_write(bytes.fromhex(old), bytes.fromhex(new)).hex() == left


def test_numbers_run_across_flash_and_otp() -> None:
    hardware = Hardware(load_board("mcuboot_8k"))
    hardware.slot(0, "primary").erase(0, 0x400)
    hardware.nv_counters.set(NvCounter.BL2_0, 1)
    hardware.slot(0, "primary").write(0, b"abcd")
    assert hardware.power.operations == 3
    hardware.clear()
    assert hardware.power.operations == 0


@pytest.mark.parametrize("mode, counter", [(CutMode.BEFORE, 0), (CutMode.TORN, 256), (CutMode.AFTER, 300)])
def test_a_counter_in_otp_cut_is_never_above_its_new_value(mode: CutMode, counter: int) -> None:
    hardware = Hardware(load_board("mcuboot_8k"))
    hardware.power.cut_at(Cut(1, mode))
    with pytest.raises(PowerCut, match="of otp"):
        hardware.nv_counters.set(NvCounter.BL2_0, 300)
    assert hardware.nv_counters.read(NvCounter.BL2_0) == counter


@pytest.mark.parametrize(
    "mode, value", [(CutMode.BEFORE, 0xFFFF), (CutMode.TORN, 0xFFFF), (CutMode.AFTER, 0x10000)]
)
def test_a_counter_in_flash_is_old_or_new(mode: CutMode, value: int) -> None:
    """TF-M write_otp_nv_counters_flash: the area has a second copy."""
    hardware = Hardware(load_board("mcuboot_8k"))
    hardware.nv_counters.set(NvCounter.PS_0, 0xFFFF)
    hardware.power.cut_at(Cut(2, mode))
    with pytest.raises(PowerCut):
        hardware.nv_counters.set(NvCounter.PS_0, 0x10000)
    assert hardware.nv_counters.read(NvCounter.PS_0) == value


def test_without_power_nothing_is_written() -> None:
    flash = flash_with(PowerSupply())
    flash.power.cut_at(Cut(1))
    for _ in range(3):
        with pytest.raises(PowerCut, match="operation 1"):
            flash.write(0, b"abcd")
    with pytest.raises(PowerCut):
        flash.erase(0, 16)
    assert flash.read(0, 4) == b"\xff" * 4
    flash.power.restore()
    flash.write(0, b"abcd")
    assert (flash.read(0, 4), flash.power.operations) == (b"abcd", 1)


def test_a_programmer_brings_its_own_power() -> None:
    flash = flash_with(PowerSupply())
    flash.power.cut_at(Cut(1))
    with flash.power.programmer():
        flash.write(0, b"abcd")
    assert (flash.read(0, 4), flash.power.operations) == (b"abcd", 0)
    with pytest.raises(PowerCut):
        flash.write(4, b"abcd")


def test_a_cut_behind_the_end_of_a_run_waits_for_the_next() -> None:
    flash = flash_with(PowerSupply())
    flash.power.cut_at(Cut(2))
    flash.write(0, b"abcd")
    flash.power.restore()
    flash.write(4, b"abcd")
    with pytest.raises(PowerCut):
        flash.write(8, b"abcd")
    flash.power.restore()
    flash.write(8, b"abcd")
    flash.write(12, b"abcd")
    assert flash.power.cut is None
