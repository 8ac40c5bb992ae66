"""A device with BL1: from a virgin chip to the non-secure side, and every way in which BL1 stops it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tfm_sim.bootloader.bl1_config import Bl1Config, Bl1ConfigError, Bl1Signer
from tfm_sim.bootloader.bl1_events import Bl2Refused, ProvisioningDone
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.rse_keys import RseState
from tfm_sim.build import Build, bl1_config_for, bl2_config_for
from tfm_sim.device import Device, Stage
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.trace import Event
from tfm_sim.platform.board import AreaRole, BoardError, load_board
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.otp import OtpField
from tfm_sim.platform.power import PowerCut
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ROTPKS, VIRGIN, provisioned_otp
from tfm_sim.platform.provisioning_bundle import Bundles, make_bundles
from tfm_sim.tools.bl2_image import demo_bl2_image, make_bl2_image
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.lms_key import dummy_key

BOARD = load_board("an521_bl1")
DEMO_DUMMY = replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P256"])


class Told(list[Event]):
    """What a device traced."""

    @property
    def stages(self) -> list[str]:
        return [event.name for event in self if isinstance(event, Stage)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def device(told: Told) -> Iterator[Device]:
    with Device(BOARD, listeners=[told.append]) as made:
        flash_demo_firmware(made)
        yield made


@pytest.fixture
def virgin(told: Told) -> Iterator[Device]:
    with Device(BOARD, provisioning=VIRGIN, listeners=[told.append]) as made:
        flash_demo_firmware(made)
        yield made


def bundles_of(device: Device) -> Bundles:
    return make_bundles(DEMO_DUMMY, device.bundle_layout)


def tamper(device: Device, role: AreaRole, at: int) -> None:
    """Another bit in a flash area, as an attacker with a soldering iron has it."""
    area = device.hardware.area_with_role(role)
    assert area is not None
    area.flash.cells[area.offset + at] ^= 1


def test_the_chain_runs_from_the_rom_to_the_non_secure_side(device: Device, told: Told) -> None:
    device.power_on()
    assert told.stages == ["BL1_1", "BL1_2", "BL2", "SPM", "NS"]
    assert device.bl1_outcome is not None
    assert (device.bl1_outcome.image, device.bl1_outcome.version) == (0, ImageVersion(1, 9, 0, 0))
    assert len(device.psa.initial_attestation.get_token(bytes(32))) > 200


def test_a_reset_goes_through_bl1_again(device: Device, told: Told) -> None:
    device.power_on()
    device.reset()
    assert told.stages.count("BL1_1") == 2


@pytest.mark.parametrize("at", [0, 16, 800, 1472, 1488, 1500, 0x85CF])
def test_one_bit_of_bl2_is_refused_with_a_reason(device: Device, told: Told, at: int) -> None:
    tamper(device, AreaRole.BL2_PRIMARY, at)
    with pytest.raises(BootRefused) as caught:
        device.power_on()
    assert "BL1_2 refused the BL2 image in the primary slot at 0x10000000\n" in str(caught.value)
    assert told.stages == ["BL1_1", "BL1_2"]
    assert caught.value.exit_code == 1
    assert len([event for event in told if isinstance(event, Bl2Refused)]) == 2


def test_the_secondary_bl2_takes_over(device: Device) -> None:
    device.flash_bl2(demo_bl2_image(BOARD), "secondary")
    tamper(device, AreaRole.BL2_PRIMARY, 1500)
    device.power_on()
    assert device.bl1_outcome is not None
    assert device.bl1_outcome.image == 1


def test_one_bit_of_bl1_2_in_otp_is_refused(device: Device, told: Told) -> None:
    offset, _ = device.hardware.otp.layout.fields[OtpField.BL1_2_IMAGE]
    device.hardware.otp.cells[offset + 100] ^= 1
    with pytest.raises(BootRefused, match="BL1_1 refused BL1_2 in OTP"):
        device.power_on()
    assert told.stages == ["BL1_1"]


def test_an_older_bl2_is_refused_when_the_counter_has_moved(device: Device) -> None:
    device.hardware.nv_counters.set(NvCounter.BL1_0, 2)
    with pytest.raises(BootRefused, match="found 1, the device's NV counter BL1_0 is at 2"):
        device.power_on()
    layout = Bl1Config().image_layout(0x8000)
    device.flash_bl2(
        make_bl2_image(b"newer", layout, [dummy_key()], DUMMY.bl2_encryption_key, security_counter=2)
    )
    device.power_on()


def test_the_counter_has_128_steps(device: Device) -> None:
    assert device.hardware.nv_counters.limit(NvCounter.BL1_0) == 128


def test_a_virgin_device_is_provisioned_by_its_bundles_in_one_boot(virgin: Device, told: Told) -> None:
    assert virgin.hardware.otp.read(OtpField.LCS) == bytes(4)
    virgin.load_bundles(bundles_of(virgin))
    virgin.power_on()
    steps = [(e.stage, e.before, e.after) for e in told if isinstance(e, ProvisioningDone)]
    assert steps == [("BL1_1", 0, 0), ("BL2", 0, 0), ("SPM", 0, 3)]
    assert len(virgin.psa.initial_attestation.get_token(bytes(32))) > 200


def test_the_bundles_and_direct_provisioning_leave_the_same_device(virgin: Device) -> None:
    virgin.load_bundles(bundles_of(virgin))
    virgin.run_bl1()
    virgin.run_bl2()
    virgin._provision_firmware()
    direct = provisioned_otp(DEMO_DUMMY, BOARD.otp.layout, BOARD.otp.size)
    # But for the security counters, which the two images have raised by now.
    for otp_field in BOARD.otp.layout.fields:
        if not otp_field.name.startswith("NV_COUNTER"):
            assert virgin.hardware.otp.read(otp_field) == direct.read(otp_field), otp_field.name


def test_a_provisioned_device_needs_its_bundles_no_more(virgin: Device, told: Told) -> None:
    virgin.load_bundles(bundles_of(virgin))
    virgin.power_on()
    virgin.load_bundles(Bundles(b"", b""))
    virgin.reset()
    assert len([event for event in told if isinstance(event, ProvisioningDone)]) == 3


def broken(bundles: Bundles, part: str, at: int) -> Bundles:
    raw = bytearray(getattr(bundles, part))
    raw[at] ^= 1
    return replace(bundles, **{part: bytes(raw)})


@pytest.mark.parametrize(
    "part, at, stage, lifecycle",
    [
        ("assembly_and_test", 0, "BL1_1", OtpLcs.ASSEMBLY_AND_TEST),
        ("assembly_and_test", -36 - 4 - 2 * 68, "BL2", OtpLcs.ASSEMBLY_AND_TEST),
        ("assembly_and_test", -36, "SPM", OtpLcs.ASSEMBLY_AND_TEST),
        ("psa_rot", 3, "SPM", OtpLcs.PSA_ROT_PROVISIONING),
    ],
)
def test_a_wrong_magic_stops_the_boot(
    virgin: Device, part: str, at: int, stage: str, lifecycle: OtpLcs
) -> None:
    good = bundles_of(virgin)
    virgin.load_bundles(broken(good, part, at))
    with pytest.raises(BootRefused) as caught:
        virgin.power_on()
    assert str(caught.value).startswith(f"{stage} refused the bundle in the provisioning area\n")
    assert "(INVALID_INPUT): found magic 0x" in str(caught.value)
    assert virgin.hardware.otp.read(OtpField.LCS) == int(lifecycle).to_bytes(4, "little")
    virgin.load_bundles(good)
    virgin.power_on()  # nothing is lost: the next boot goes on


def test_a_virgin_device_without_bundles_stops_in_the_rom(virgin: Device, told: Told) -> None:
    with pytest.raises(BootRefused, match="found magic 0xffffffff at offset 0x0; wanted 0xc0defeed"):
        virgin.power_on()
    assert told.stages == ["BL1_1"]


@pytest.mark.parametrize("mode", ["before", "after", "torn"])
def test_provisioning_cut_at_any_write_ends_secured(mode: str) -> None:
    with Device(BOARD, provisioning=VIRGIN) as reference:
        flash_demo_firmware(reference)
        reference.load_bundles(bundles_of(reference))
        reference.power_on()
        wanted = {f: reference.hardware.otp.read(f) for f in BOARD.otp.layout.fields}
    for number in (1, 3, 4, 6, 7, 9, 10, 16, 20):
        with Device(BOARD, provisioning=VIRGIN) as cut:
            flash_demo_firmware(cut)
            cut.load_bundles(bundles_of(cut))
            cut.cut_power(f"{number}:{mode}")
            with pytest.raises(PowerCut):
                cut.power_on()
            cut.power_on()
            assert {f: cut.hardware.otp.read(f) for f in BOARD.otp.layout.fields} == wanted


def test_a_state_directory_keeps_a_provisioned_device(tmp_path: Path) -> None:
    with Device(BOARD, provisioning=VIRGIN, state=tmp_path / "device") as first:
        flash_demo_firmware(first)
        first.load_bundles(bundles_of(first))
        first.power_on()
    with Device(BOARD, state=tmp_path / "device") as second:
        second.power_on()
        assert second.hardware.otp.read(OtpField.LCS) == b"\3\0\0\0"


def test_bl1_off_boots_straight_into_bl2(told: Told) -> None:
    build = Build(bl2=bl2_config_for(BOARD), bl1=None)
    with Device(BOARD, build=build, listeners=[told.append]) as device:
        flash_demo_firmware(device)
        tamper(device, AreaRole.BL2_PRIMARY, 1500)
        device.power_on()
    assert told.stages[0] == "BL2"


def test_most_boards_have_no_bl1() -> None:
    assert bl1_config_for(load_board("an521")) is None
    with pytest.raises(Bl1ConfigError, match="board an521, which has no OTP, slots and memory for it"):
        Device("an521", build=Build(bl1=Bl1Config()))
    with Device("an521") as device:
        for call in (device.flash_bl2, lambda _: device.load_bundles(Bundles(b"", b""))):
            with pytest.raises(BoardError, match="no flash area with role"):
                call(b"")


def test_a_board_has_so_many_rotpks() -> None:
    with pytest.raises(Bl1ConfigError, match="2 signers of BL2 on board an521_bl1; legal: 1"):
        Device(BOARD, build=Build(bl1=Bl1Config(signers=(Bl1Signer(),) * 2)))


@pytest.mark.parametrize("size", [0x20001, 0x40000])
def test_what_is_larger_than_its_area_is_refused(device: Device, size: int) -> None:
    with pytest.raises(BoardError, match="legal: up to"):
        device.flash_bl2(bytes(size))
    with pytest.raises(BoardError, match="legal: up to"):
        device.load_bundles(Bundles(bytes(size), b""))


def test_an_rse_flavour_leaves_its_boot_keys_behind() -> None:
    build = Build(bl2=bl2_config_for(BOARD), bl1=Bl1Config(rse=RseState()))
    with Device(BOARD, build=build) as device:
        flash_demo_firmware(device)
        device.power_on()
        assert device.bl1_outcome is not None
        assert device.bl1_outcome.keys is not None
        assert sorted(device.bl1_outcome.keys.derived) == ["DAK_SEED", "IAK_SEED", "ROT_CDI"]
