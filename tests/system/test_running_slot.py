"""A device whose image runs from the secondary slot, or from RAM: memory map, token, what the tools say."""

import json
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from support.command_line import CommandLine

from tfm_sim.bootloader.config import Bl2ConfigError, UpgradeStrategy
from tfm_sim.device import Device
from tfm_sim.firmware_build import Build, bl2_config_for
from tfm_sim.interface.mcuboot.trailer import mark_confirmed, mark_pending
from tfm_sim.platform.board import load_board
from tfm_sim.tools.demo_firmware import IMAGES, flash_demo_firmware
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

SW_COMPONENTS = -75006
S_UPDATE, NS_UPDATE = (IMAGES / f"{world}_1.1.0_secondary.bin" for world in ("secure", "non_secure"))


def device_with(strategy: UpgradeStrategy, board: str = "an521", **secondary: Any) -> Device:
    loaded = load_board(board)
    device = Device(loaded, build=Build(bl2=replace(bl2_config_for(loaded), strategy=strategy)))
    flash_demo_firmware(device)
    for name, file in secondary.items():
        device.flash_image(int(name[-1]), file.read_bytes(), "secondary")
    return device


def versions(device: Device) -> list[str]:
    """What an attestation token says of the software, and that it verifies."""
    token = device.psa.initial_attestation.get_token(bytes(32))
    assert verify(token, load_key(iak_verification_key(device.hardware)), challenge=bytes(32)).ok
    claims = cbor2.loads(cbor2.loads(token).value[2])
    return [component[4] for component in claims[SW_COMPONENTS]]


def window(device: Device, address: int) -> str | None:
    region = device.hardware.memory.find(address)
    return None if region is None else region.name


def test_firmware_in_the_secondary_slots_is_attested_and_has_its_code_there() -> None:
    with device_with(UpgradeStrategy.DIRECT_XIP, image0=S_UPDATE, image1=NS_UPDATE) as device:
        device.power_on()
        assert device.boot_outcome is not None
        assert {booted.slot for booted in device.boot_outcome.images} == {"secondary"}
        assert not device.boot_outcome.vectors.warnings
        assert device.boot_outcome.vectors.address == 0x10180400
        assert versions(device) == ["1.1.0", "1.1.0"]
        assert [window(device, a) for a in (0x10180000, 0x10080000, 0x00080000)] == [
            "secure_code",
            None,
            "secondary_slots",
        ]
        assert [window(device, a) for a in (0x00200000, 0x00100000)] == ["non_secure_code", "secondary_slots"]


def test_the_slots_change_places_again_when_the_other_one_boots() -> None:
    with device_with(UpgradeStrategy.DIRECT_XIP_REVERT, image0=S_UPDATE) as device:
        with device.hardware.power.programmer():
            mark_pending(device.hardware.slot(0, "secondary"), permanent=False)
        device.power_on()
        assert versions(device) == ["1.1.0", "1.0.0"]
        assert window(device, 0x10180000) == "secure_code"
        device.reset()
        assert versions(device) == ["1.0.0", "1.0.0"], "nobody confirmed it"
        assert window(device, 0x10080000) == "secure_code"
        assert window(device, 0x10180000) is None


def test_a_confirmed_update_stays() -> None:
    with device_with(UpgradeStrategy.DIRECT_XIP_REVERT, image0=S_UPDATE) as device:
        area = device.hardware.slot(0, "secondary")
        with device.hardware.power.programmer():
            mark_pending(area, permanent=False)
        device.power_on()
        mark_confirmed(area)
        for _ in range(2):
            device.reset()
            assert versions(device) == ["1.1.0", "1.0.0"]


def test_images_that_run_from_ram() -> None:
    update = IMAGES / "secure_1.1.0_ram.bin"
    with device_with(UpgradeStrategy.RAM_LOAD, "an521_ram_load", image0=update) as device:
        device.power_on()
        assert device.boot_outcome is not None
        assert device.boot_outcome.vectors.address == 0x38200400
        assert not device.boot_outcome.vectors.warnings
        assert versions(device) == ["1.1.0", "1.0.0"]
        data = update.read_bytes()
        assert device.hardware.memory.read(0x38200000, len(data)) == data
        device.hardware.reset()
        assert device.hardware.memory.read(0x38200000, 64) == bytes(64), "RAM forgets"


def test_a_board_without_executable_ram_cannot_have_the_strategy() -> None:
    with (
        device_with(UpgradeStrategy.RAM_LOAD) as device,
        pytest.raises(Bl2ConfigError, match="executable_ram"),
    ):
        device.power_on()


@pytest.fixture
def tfm_sim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize("strategy", list(UpgradeStrategy), ids=lambda s: s.value)
def test_run_with_every_strategy(strategy: UpgradeStrategy, tfm_sim: CommandLine) -> None:
    assert tfm_sim("run", "--json", "--strategy", strategy.value) == 0
    report = json.loads(tfm_sim.out)
    assert report["verdict"]["ok"]
    assert [row["slot"] for row in report["images"]] == ["primary", "primary"]
    assert {row["runs_in"] for row in report["images"]} == {"RAM" if strategy.loads_to_ram else "slot"}
    assert report["board"] == ("an521_ram_load" if strategy.loads_to_ram else "an521")


def test_run_names_the_slot_and_boot_where_it_runs(tfm_sim: CommandLine) -> None:
    update = ("--strategy", "DIRECT_XIP", "--secure-update", S_UPDATE)
    assert tfm_sim("run", *update) == 0
    assert "  0      secondary  1.1.0+0    1        SPE" in tfm_sim.out
    assert tfm_sim("boot", *update) == 0
    assert "image 0 runs in place at 0x10180000: version 1.1.0+0 of the secondary slot" in tfm_sim.out


@pytest.mark.parametrize(
    "strategy", [s for s in UpgradeStrategy if not s.slots_equivalent], ids=lambda s: s.value
)
def test_an_update_by_every_strategy_that_moves_images(
    strategy: UpgradeStrategy, tfm_sim: CommandLine
) -> None:
    update = ("--strategy", strategy.value, "--secure-update", IMAGES / "secure_1.1.0.bin")
    assert tfm_sim("boot", "--json", *update) == 0
    images = {row["image"]: row for row in json.loads(tfm_sim.out)["images"]}
    assert (images[0]["version"], images[0]["slot"]) == ("1.1.0+0", "primary")


@pytest.mark.parametrize("option", ["--downgrade-prevention", "--version-build-number"])
def test_an_older_candidate_and_the_options(option: str, tfm_sim: CommandLine) -> None:
    newer, older = IMAGES / "secure_1.1.0.bin", IMAGES / "secure_1.0.0.bin"
    downgrade = ("--secure-image", newer, "--secure-update", older)
    assert tfm_sim("boot", "--json", *downgrade, option) == 0
    version = "1.1.0+0" if option == "--downgrade-prevention" else "1.0.0+0"
    assert json.loads(tfm_sim.out)["images"][0]["version"] == version


def test_images_looked_at_together_come_in_their_own_order(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--single-boot-go") == 0
    assert "images in the order 0, 1" in tfm_sim.out
