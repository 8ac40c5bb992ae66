"""Power cuts in whole devices: what a run leaves, and that the next one knows nothing of it."""

from dataclasses import replace

import pytest

import tfm_sim
from tfm_sim.bootloader.config import Bl2Config
from tfm_sim.build import Build
from tfm_sim.device import Device, DeviceOff
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.platform.board import Board, load_board
from tfm_sim.platform.power import Cut, CutMode, Operation, PowerCut
from tfm_sim.spm.config import SpmConfig
from tfm_sim.tools.demo_firmware import flash_demo_firmware


def board_with_ns_counters() -> Board:
    board = load_board("an521")
    layout = replace(board.otp.layout, ns_counters=3)
    return replace(board, otp=replace(board.otp, layout=layout))


def new_device(level: int = 1) -> Device:
    build = Build(bl2=Bl2Config(), spm=SpmConfig(isolation_level=level))
    device = Device(board_with_ns_counters(), build=build)
    flash_demo_firmware(device)
    return device


def flash_bytes(device: Device) -> bytes:
    return bytes(device.hardware.flash["flash0"].cells)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("mode, counted", [(CutMode.BEFORE, 0), (CutMode.AFTER, 1)])
def test_a_cut_in_the_middle_of_a_psa_call(level: int, mode: CutMode, counted: int) -> None:
    with new_device(level) as device:
        device.power_on()
        device.cut_power(Cut(device.hardware.power.operations + 1, mode))
        with pytest.raises(PowerCut, match=r"operation .* of otp"):
            device.psa.platform.nv_counter_increment(0)
        with pytest.raises(PowerCut):
            device.psa.platform.nv_counter_read(0)
        device.power_on()
        assert device.psa.platform.nv_counter_read(0) == counted


def test_a_cut_in_bl2_leaves_what_was_written_and_the_next_boot_goes_on() -> None:
    device = new_device()
    secondary = device.hardware.slot(0, "secondary")
    device.flash_image(0, device.hardware.slot(0, "primary").read(0, 0x80000), "secondary")
    with device.hardware.power.programmer():
        mark_pending(secondary, permanent=False)
    device.cut_power("200:torn")
    with pytest.raises(PowerCut, match=r"in the middle of operation 200: write of 1024 bytes"):
        device.power_on()
    with pytest.raises(DeviceOff):
        _ = device.ns
    device.power_on()
    outcome = device.boot_outcome
    assert outcome is not None and [str(i.version) for i in outcome.images] == ["1.0.0+0", "1.0.0+0"]


def test_one_seed_and_one_cut_leave_the_same_bytes() -> None:
    def run() -> tuple[bytes, list[Operation]]:
        device = new_device()
        seen: list[Operation] = []
        device.hardware.power.on_operation = seen.append
        device.cut_power("2:after")
        with pytest.raises(PowerCut):
            device.power_on()
        return flash_bytes(device) + bytes(device.hardware.otp), seen

    assert run() == run()


def test_ram_forgets_over_a_cut() -> None:
    with tfm_sim.boot() as device:
        region = next(r for r in device.hardware.memory.regions if r.name == "secure_data")
        device.hardware.memory.write(region.base + 0x100, b"kept?")
        device.cut_power(1)
        with pytest.raises(PowerCut):
            device.reset()
        assert device.hardware.memory.read(region.base + 0x100, 5) == b"\0" * 5
