"""Whole devices through the factory: every platform, every mishap, many at once."""

import os
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import serial
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tfm_sim import Device
from tfm_sim.interface.matter.factory_data import FactoryData, FactoryDataTag
from tfm_sim.interface.matter.provisioning_link import ProvisioningMode, ProvisioningStatus
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.line_ends import HostEnd, run_both_ends
from tfm_sim.tools.matter.device_machine import matter_platform
from tfm_sim.tools.matter.factory import manager
from tfm_sim.tools.matter.factory.development import (
    TEST_PASSCODE,
    development_credentials,
    development_data,
    setup_verifier,
)
from tfm_sim.tools.matter.factory.factory_file import TRIVIAL_PASSCODES, matter_notices
from tfm_sim.tools.matter.factory.line_machine import run_provisioning_firmware
from tfm_sim.tools.matter.factory.manager import provision_all
from tfm_sim.tools.matter.factory.programmer import program
from tfm_sim.tools.matter.factory.provisioning_script import ProvisioningScript, ScriptResult
from tfm_sim.tools.matter.factory.runs import Place, development_run, development_units
from tfm_sim.tools.matter.factory.unit import FactoryRun, Fault, Unit, UnitReport, UnitStep
from tfm_sim.tools.matter.pki.server import PkiServer
from tfm_sim.tools.serial_line import SerialLine

T = FactoryDataTag
DONE, NOT_INIT = ProvisioningStatus.DONE, ProvisioningStatus.NOT_INIT
UNKNOWN, INTERRUPTED = ProvisioningStatus.UNKNOWN_ERROR, ProvisioningStatus.INTERRUPTED


def a_run(place: Place | None = None, **options: Any) -> FactoryRun:
    run = development_run(place or Place.of("wba"), PkiServer.development())
    return replace(run, **options)


def units(count: int, faults: Mapping[int, Fault] | None = None, state: Path | None = None) -> list[Unit]:
    wrong = faults or {}
    return [replace(unit, fault=wrong.get(unit.number)) for unit in development_units(count, state=state)]


def factory_data(state: Path, place: Place) -> FactoryData:
    """What lies in the flash of a device that a directory keeps."""
    platform = place.platform
    with Device(platform.board, build=platform.build(), state=state) as device:
        return FactoryData.decode(
            device.hardware.ns_flash.read(platform.support.factory_data, platform.support.factory_data_size)
        )


@pytest.mark.parametrize(
    ("platform", "security", "mode", "key_in_flash"),
    [
        ("wba", 0, None, True),
        ("wba", 1, None, True),
        ("wba", 2, None, False),
        ("u5", 1, None, True),
        ("wb55", None, "test", True),
        ("wb55", None, "production", False),
    ],
)
def test_every_platform(
    platform: str, security: int | None, mode: str | None, key_in_flash: bool, tmp_path: Path
) -> None:
    """ST's document, 2.3.3 and 3: certificates and public key in flash, the private key where it belongs."""
    place = Place.of(platform, security, mode)
    (report,) = provision_all(a_run(place), units(1, state=tmp_path))
    assert (report.step, report.status, report.message) == (UnitStep.DONE, DONE, "Provisioning Done")
    data = factory_data(tmp_path, place)
    assert data.get(T.DEVICE_ATTESTATION_CERTIFICATE) == report.dac
    assert (data.get(T.DEVICE_ATTESTATION_PRIV_KEY) is not None) is key_in_flash
    assert data.get(T.SPAKE2_VERIFIER) == development_data(1).get(T.SPAKE2_VERIFIER)
    key = x509.load_der_x509_certificate(report.dac).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert data.get(T.DEVICE_ATTESTATION_PUB_KEY) == point


@pytest.mark.parametrize(
    ("fault", "step", "status", "message"),
    [
        (Fault.DEAD, UnitStep.SYNCHRONISING, NOT_INIT, "no Start_provisioning in 30 s"),
        (Fault.UNPLUGGED, UnitStep.CERTIFIED, UNKNOWN, "serial port: "),
        (Fault.POWER_CUT, UnitStep.CERTIFIED, UNKNOWN, "no finish:XYZ in 30 s; the device: power cut before"),
        (Fault.NO_DATA, UnitStep.WAITING, ProvisioningStatus.DATA_NOT_FOUND, "Data not found"),
        (Fault.BAD_IMAGE, UnitStep.INSTALLING, DONE, "the boot loader did not install the application"),
    ],
)
def test_one_that_fails_harms_no_other(
    fault: Fault, step: UnitStep, status: ProvisioningStatus, message: str
) -> None:
    good, bad = provision_all(a_run(), units(2, {2: fault}))
    assert good.ok
    assert not bad.ok
    assert (bad.step, bad.status) == (step, status)
    assert message in bad.message


def test_eight_at_once_are_the_same_every_time() -> None:
    """The order of threads changes nothing: each device has its own time, line and random source."""
    run, told = a_run(), set()

    def progress(unit: Unit, step: UnitStep) -> None:
        told.add((unit.number, step))

    reports = provision_all(run, units(8, {5: Fault.DEAD}), progress=progress)
    assert [report.ok for report in reports] == [True] * 4 + [False] + [True] * 3
    assert [report.unit.number for report in reports] == list(range(1, 9))
    assert {(n, UnitStep.DONE) for n in (1, 2, 3, 4, 6, 7, 8)} <= told
    dacs = [report.dac for report in reports if report.dac]
    assert len(set(dacs)) == 7
    (alone,) = provision_all(a_run(), units(8)[6:7], at_once=1)
    assert alone.dac == reports[6].dac


def test_what_the_scripts_print() -> None:
    said: list[str] = []
    provision_all(a_run(), units(1), say=said.append)
    headers = {line.partition("> ")[0] for line in said}
    assert [line.partition("> ")[2] for line in said] == [
        "Start third party provisioning",
        "Provisioning Done",
    ]
    (header,) = headers
    assert header.startswith("/dev/") and header.endswith("/..0001")


def test_ctrl_c_interrupts_those_under_way_and_starts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread gets the Ctrl+C, the devices' threads do not."""
    under_way: list[int] = []

    def interrupt(futures: Any) -> None:
        raise KeyboardInterrupt

    def progress(unit: Unit, step: UnitStep) -> None:
        under_way.append(unit.number)

    monkeypatch.setattr(manager, "_wait", interrupt)
    reports = provision_all(a_run(), units(6), at_once=2, progress=progress)
    assert [report.status for report in reports] == [INTERRUPTED] * 6
    assert set(under_way) <= {1, 2}


def test_a_real_ctrl_c_gets_through_to_scripts_that_wait_in_real_time() -> None:
    """The signal itself, as early as a device can be under way; thirty seconds are not waited for."""
    steps: list[UnitStep] = []

    def progress(unit: Unit, step: UnitStep) -> None:
        if step is UnitStep.SYNCHRONISING and step not in steps:
            os.kill(os.getpid(), signal.SIGINT)
        steps.append(step)

    run, began = a_run(Place.of("wba", 0), real_time=True), time.monotonic()
    reports = provision_all(run, units(3, {1: Fault.DEAD}), at_once=1, progress=progress)
    assert [(report.status, int(report.status or 0)) for report in reports] == [(INTERRUPTED, 0xFFFF)] * 3
    assert [report.step for report in reports] == [
        UnitStep.SYNCHRONISING,
        UnitStep.FLASHING,
        UnitStep.FLASHING,
    ]
    assert time.monotonic() - began < 10


def test_ctrl_c_while_devices_are_still_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **options: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(manager, "ThreadPoolExecutor", Pool)
    reports = provision_all(a_run(), units(3))
    assert [report.status for report in reports] == [INTERRUPTED] * 3


def test_ctrl_c_at_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(futures: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(manager, "_wait", interrupt)
    with SerialLine() as line:
        ((port, result),) = manager.provision_ports([line.name], None)
    assert (port, result.status) == (line.name, INTERRUPTED)


def test_an_error_of_a_program_comes_out() -> None:
    def broken(csr: bytes) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        provision_all(a_run(certify=broken), units(2))


def test_a_state_directory_of_another_board_fails_alone(tmp_path: Path) -> None:
    with Device("an521", state=tmp_path / "device-0002"):
        pass
    good, bad = provision_all(a_run(), units(2, state=tmp_path))
    assert good.ok
    assert (bad.step, bad.status) == (UnitStep.FLASHING, None)
    assert "an521" in bad.message


def test_the_demonstration_firmware_gives_every_device_the_same_key() -> None:
    """ST's document, 2.3.3: predefined certificates and keys."""
    run = a_run(
        Place.of("wba", 0), development=development_credentials(PkiServer.development()), certify=None
    )
    first, second = provision_all(run, units(2))
    assert first.ok and second.ok
    assert first.dac == second.dac


def test_a_script_of_a_third_party() -> None:
    """It gets what ST's script gets, opens the port itself, and goes by the wall clock."""
    asked: list[tuple[int, str]] = []

    def script(mode: int, header: str, port: str) -> tuple[str, int]:
        asked.append((mode, header))
        with serial.Serial(port, 115200, timeout=0.05) as line:
            text = b""
            for _ in range(200):
                line.write(b"Init\n")
                text += line.read(400)
                if b"finish:000" in text:
                    return "all well", 0
        return "no finish", 1

    development = development_credentials(PkiServer.development())
    run = a_run(Place.of("wba", 0), development=development, script=script, mode=ProvisioningMode.TEST)
    (report,) = provision_all(run, units(1))
    assert (report.ok, report.message) == (True, "all well")
    assert asked == [(0, f"{report.port}/..0001> ")]


def _raises(mode: int, header: str, port: str) -> Any:
    raise KeyError("boom")


def _exits(mode: int, header: str, port: str) -> Any:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (_raises, "the script: KeyError: 'boom'; legal: it returns a message and a number"),
        (_exits, "the script: SystemExit: 3; legal"),
        (lambda mode, header, port: None, "the script: TypeError: "),
        (lambda mode, header, port: ("all", "well", 0), "the script: ValueError: "),
        (lambda mode, header, port: ("no", 7), "no"),
    ],
)
def test_a_script_of_a_third_party_that_fails(script: Any, message: str) -> None:
    (report,) = provision_all(a_run(Place.of("wba", 0), script=script), units(1))
    assert (report.ok, report.status) == (False, UNKNOWN)
    assert message in report.message


def test_development_data_are_lawful_and_one_devices_own() -> None:
    data = [development_data(n) for n in range(1, 30)]
    assert not any(list(matter_notices(one)) for one in data)
    passcodes = [one.number(T.SPAKE2_SETUP_PASSCODE) for one in data]
    assert passcodes[0] == TEST_PASSCODE
    assert len(set(passcodes)) == len(passcodes)
    assert not set(passcodes) & TRIVIAL_PASSCODES


def test_the_verifier_is_the_sdks() -> None:
    """CHIP SDK, examples: passcode 20202021, salt `SPAKE2P Key Salt`, 1000 iterations."""
    verifier = setup_verifier(TEST_PASSCODE, b"SPAKE2P Key Salt", 1000)
    assert verifier.hex().startswith("b96170aae803346884724fe9a3b287c30330c2a660375d17bb205a8cf1aecb35")


@pytest.mark.parametrize(
    ("built", "forwarded", "status", "key_in_flash"),
    [
        ("production", ProvisioningMode.PRODUCTION, DONE, False),
        ("production", ProvisioningMode.TEST, DONE, True),
        ("production", None, DONE, False),
        ("test", ProvisioningMode.TEST, DONE, True),
        ("test", ProvisioningMode.PRODUCTION, ProvisioningStatus.PARAM_ERROR, False),
    ],
)
def test_the_mode_is_forwarded_to_the_firmware(
    built: str, forwarded: ProvisioningMode | None, status: ProvisioningStatus, key_in_flash: bool
) -> None:
    """ST's document, --mode: the script passes it on, and the firmware of an STM32WB55 goes by it."""
    platform = matter_platform("wb55", mode=built)
    device = Device(platform.board, build=platform.build())
    flash_demo_firmware(device)
    program(device.hardware, platform.support.factory_data, development_data().encode())

    def script(end: HostEnd) -> ScriptResult:
        certify = PkiServer.development().certify
        say: list[str] = []
        return ProvisioningScript(
            end.port, certify, clock=end.clock, open_port=end.open_port, say=say.append, mode=forwarded
        ).run()

    ends = run_both_ends(partial(run_provisioning_firmware, device, platform), script)
    assert ends.host.status is status
    area = device.hardware.ns_flash.read(platform.support.factory_data, platform.support.factory_data_size)
    found = FactoryData.decode(area).get(T.DEVICE_ATTESTATION_PRIV_KEY) is not None
    assert found is key_in_flash


def test_a_production_device_whose_key_is_in_flash_is_no_good_one() -> None:
    """ST's guide, --mode: in production mode the key must be in secure storage; the last check looks."""
    run = a_run(Place.of("wb55", None, "production"), mode=ProvisioningMode.TEST)
    (report,) = provision_all(run, units(1))
    assert (report.ok, report.status, report.step) == (False, DONE, UnitStep.INSTALLING)
    assert report.message == "the private key is in the factory data"


def test_a_device_that_signs_with_another_key_is_no_good_one() -> None:
    """Whatever a third party's script makes of `finish:005`, the last check looks."""

    def script(mode: int, header: str, port: str) -> tuple[str, int]:
        with serial.Serial(port, 115200, timeout=0.05) as line:
            text = b""
            while b"finish:005" not in text:
                line.write(b"Init\n")
                text += line.read(400)
        return "all well", 0

    development = replace(development_credentials(PkiServer.development()), private_key=bytes(31) + b"\1")
    (report,) = provision_all(a_run(Place.of("wba", 0), development=development, script=script), units(1))
    assert (report.ok, report.step) == (False, UnitStep.INSTALLING)
    assert report.message == "the device signs with another key than its certificate's"


def test_reports_say_what_they_are_for() -> None:
    report = UnitReport(units(1)[0], UnitStep.WAITING, "no")
    assert not report.ok
    assert report.unit.serial_number == "TFM-SIM-0001"
    assert Unit(7, FactoryData({})).serial_number == "device 7"
