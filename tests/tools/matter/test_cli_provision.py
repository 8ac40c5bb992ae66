"""`tfm-sim matter provision` and `matter device` as a shell sees them."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
from support.command_line import CommandLine

from tfm_sim.interface.matter.factory_data_json import factory_data_to_json
from tfm_sim.interface.matter.provisioning_link import START_PROVISIONING
from tfm_sim.tools.line_time import REAL_LIMIT
from tfm_sim.tools.matter.factory import manager
from tfm_sim.tools.matter.factory.development import development_data
from tfm_sim.tools.serial_line import SerialLine


def test_one_device(tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "provision") == 0
    first, warning, other, _, row, last = tfm_sim.out.splitlines()
    assert first == "1 device of STM32WBA65I-DK1, security level 2, DAC private key in ITS"
    assert "NOT SECURE: the PKI's" in warning
    assert "NOT SECURE: factory data" in other
    assert row.split()[:2] == ["1", "TFM-SIM-0001"]
    assert row.endswith("Provisioning Done")
    assert last == "1 of 1 provisioned"


def test_a_pki_of_ones_own(tfm_sim: CommandLine) -> None:
    """Its product is the devices', its signer that of their certification declarations."""
    options = ["--vendor-id", "0xFFF2", "--product-id", "0x8001", "--cd-signer", "own", "--seed", "7"]
    assert tfm_sim("matter", "pki", "new", "pki", *options) == 0
    assert tfm_sim("matter", "provision", "--pki", "pki", "--state", "d", "--security", 0) == 0
    assert "private keys are test keys" not in tfm_sim.out
    trust = ("--paa", "pki/paa.der", "--cd-signer", "pki/cd-signer.der")
    assert tfm_sim("matter", "commission", "--security", 0, "--state", "d", *trust) == 0
    assert "VID 0xFFF2, PID 0x8001" in tfm_sim.out
    assert tfm_sim("matter", "provision", "--pki", "none") == 4


@pytest.mark.parametrize("devices", [1, 2])
def test_a_state_directory_that_is_a_file(tfm_sim: CommandLine, tmp_path: Path, devices: int) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert tfm_sim("matter", "provision", "-n", devices, "--state", tmp_path / "file") == 4
    assert "file: is a file; legal: a directory" in tfm_sim.err


def test_one_of_three_fails(tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "provision", "-n", 3, "--fault", "2:no-data", "--security", 0, "-v") == 1
    assert "device 2: its factory data have no vendor and product" in tfm_sim.out
    assert "FAILED waiting for the device: Data not found" in tfm_sim.out
    assert tfm_sim.out.count("Start third party provisioning") == 3
    assert tfm_sim.out.endswith("2 of 3 provisioned\n")


def test_which_ports_are_free(tfm_sim: CommandLine) -> None:
    with SerialLine() as free, SerialLine() as taken, serial.Serial(taken.name, exclusive=True):
        assert tfm_sim("matter", "ports", free.name, taken.name, "--json") == 0
        found = {port["name"]: port["available"] for port in json.loads(tfm_sim.out)}
        assert found == {free.name: True, taken.name: False}
        assert tfm_sim("matter", "ports", taken.name) == 1
        assert tfm_sim.out == f"{taken.name}  in use by another application, or no serial port\n"


def test_the_ports_that_the_system_knows(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with SerialLine() as line:
        info = ListPortInfo(line.name, skip_link_detection=True)
        info.description, info.serial_number = "STM32 STLink", "0665FF42"
        monkeypatch.setattr(list_ports, "comports", lambda: [info])
        assert tfm_sim("matter", "ports") == 0
        assert tfm_sim.out == f"{line.name}  available  (STM32 STLink, 0665FF42)\n"
    monkeypatch.setattr(list_ports, "comports", list)
    assert tfm_sim("matter", "ports") == 1
    assert tfm_sim.out == "No serial ports found.\n"


def test_an_interrupted_factory(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(futures: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(manager, "_wait", interrupt)
    assert tfm_sim("matter", "provision", "-n", 3, "--at-once", 1) == 4
    assert tfm_sim.out.count("Provisioning interrupted by user") == 3


def test_the_report(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("matter", "provision", "-n", 2, "--state", "f", "--security", 0, "--report") == 0
    reports = json.loads(tfm_sim.out)
    assert [report["device"] for report in reports] == [1, 2]
    assert [report["state"] for report in reports] == ["f/device-0001", "f/device-0002"]
    assert all(report["ok"] and report["status"] == 0 and report["dac"] for report in reports)
    assert (tmp_path / "f" / "device-0002").is_dir()


def test_the_example_of_sts_document(tfm_sim: CommandLine, tmp_path: Path) -> None:
    """2.3.1, level 2, its command line but for the application, which is the package's."""
    (tmp_path / "Provisioning_FactoryData.json").write_text(factory_data_to_json(development_data(1)))
    arguments = (
        "--provisioning 1 --security 2 --platform wba --json Provisioning_FactoryData.json "
        "--flashAddr 0x81EC000 --flashAppFW Lighting-App.bin --AppFwAddr 0x70040000 "
        "--provisioning_script STM32_provisioning.py --flashMagicTrailer MagicTrailerValue.bin "
        "--flashMagicTrailerAddr 0x701BFFF0 -v"
    )
    assert tfm_sim("matter", "provision", *arguments.split()) == 0
    assert "1 of 1 provisioned" in tfm_sim.out


def test_serial_numbers_of_several_devices_from_one_file(tfm_sim: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(factory_data_to_json(development_data(1)))
    assert tfm_sim("matter", "provision", "--security", 0, "--json", "d.json", "-n", 2, "--report") == 0
    found = [report["serial_number"] for report in json.loads(tfm_sim.out)]
    assert found == ["TFM-SIM-0001-0001", "TFM-SIM-0001-0002"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("--security 2 --platform u5", 2, "platform u5 at security level 2"),
        ("--mode test", 2, "--mode with --platform wba; legal: with wb55"),
        ("--json a --binary b", 2, "--json and --binary"),
        ("--fault 2:dead", 2, "--fault for device 2; legal: 1 to 1"),
        ("--fault 1:tired", 2, "found '1:tired'; legal: N:KIND"),
        ("--fault \N{SUPERSCRIPT ONE}:dead", 2, "legal: N:KIND"),
        ("-n 2 --fault 2:dead --fault 2:no-data", 2, "--fault for one device twice; legal: one"),
        ("--port x --port x", 2, "--port names one port twice; legal: each once"),
        ("--port x -n 2", 2, "--port with an option for devices of the model"),
        ("--port x --flashAddr 0x81EC000", 2, "--port with an option for devices of the model"),
        ("-n 0", 2, "0 is not in the range"),
        ("--provisioning 0", 2, "'--provisioning'"),
        ("--AppFwAddr 0x70060000", 4, "legal on board stm32wba65i_dk1: 0x70040000"),
        ("--flashAppFW none.bin", 4, "none.bin: No such file"),
        ("--json none.json", 4, "none.json: No such file"),
        ("--provisioning_script none.py", 4, "none.py: No such file"),
        ("--port /dev/none", 1, ""),
    ],
)
def test_what_is_refused(arguments: str, code: int, told: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "provision", *arguments.split()) == code
    assert told in tfm_sim.err


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("x = (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "legal: Provisioning(mode, header, port)"),
    ],
)
def test_scripts_that_cannot_be_used(script: str, told: str, tfm_sim: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(script)
    assert tfm_sim("matter", "provision", "--provisioning_script", "mine.py") == 4
    assert told in tfm_sim.err


def test_an_application_of_ones_own(tfm_sim: CommandLine) -> None:
    """Padded to its slot as `image sign` has it: the trailer at its end is the boot loader's to write."""
    Path("fw.bin").write_bytes(bytes(range(256)) * 8)
    sign = ("--dummy-key", "--version", "2.0.0", "--board", "nucleo_u575zi_q")
    assert tfm_sim("image", "sign", "fw.bin", "-o", "app.bin", *sign) == 0, tfm_sim.err
    provision = ("matter", "provision", "--platform", "u5", "--flashAppFW", "app.bin")
    assert tfm_sim(*provision) == 0, tfm_sim.out
    Path("app.bin").write_bytes(bytes(5000))
    assert tfm_sim(*provision) == 1
    assert "the boot loader did not install the application" in tfm_sim.out


def test_a_file_that_takes_the_packages_place_is_told(tfm_sim: CommandLine) -> None:
    Path("STM_Provisioning.bin").write_bytes(b"no image")
    assert tfm_sim("matter", "provision", "--security", 0) == 1
    assert tfm_sim.out.startswith("file STM_Provisioning.bin: the one in this directory\n")
    assert (
        tfm_sim("matter", "provision", "--security", 0, "--flashProvisioningFW", "STM_Provisioning.bin") == 1
    )
    assert "the one in this directory" not in tfm_sim.out


def test_a_script_of_ones_own(tfm_sim: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def Provisioning(mode, header, port):\n    return 'not today', 1\n")
    assert tfm_sim("matter", "provision", "--security", 0, "--provisioning_script", "mine.py") == 1
    assert "not today" in tfm_sim.out


def test_a_progress_bar_for_whoever_watches(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert tfm_sim("matter", "provision", "-n", 2, "--security", 0) == 0
    assert "devices" in tfm_sim.err
    assert "2/2" in tfm_sim.err
    assert "2 of 2 provisioned" in tfm_sim.out


def test_ports_that_are_there_already(tfm_sim: CommandLine) -> None:
    """Any device with this protocol will do; here one of a few lines."""
    with answering(b"finish:000\r\n") as one, answering(b"finish:002\r\n") as other:
        assert tfm_sim("matter", "provision", "--port", one, "--port", other, "--report") == 1
    reports = json.loads(tfm_sim.out)
    assert [(report["ok"], report["status"]) for report in reports] == [(True, 0), (False, 2)]
    assert reports[1]["message"] == "Buffer too small"


@contextmanager
def answering(line: bytes) -> Iterator[str]:
    """The name of a port at which somebody synchronises and then says ``line``."""
    with SerialLine() as wire:
        over = threading.Event()

        def answer() -> None:
            text, end = b"", time.monotonic() + REAL_LIMIT
            while b"Init\n" not in text and not over.wait(0.01) and time.monotonic() < end:
                try:
                    text += os.read(wire.fileno(), 100)
                except BlockingIOError:
                    continue
            os.write(wire.fileno(), START_PROVISIONING + line)

        thread = threading.Thread(target=answer)
        thread.start()
        yield wire.name
        over.set()
        thread.join()


@pytest.mark.parametrize("limit", ["nan", "-1", "1e7", "soon"])
def test_time_limits_that_are_none(limit: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("matter", "device", "--time-limit", limit) == 2
    assert "--time-limit" in tfm_sim.err


def test_a_device_that_nobody_provisions(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("matter", "device", "--time-limit", 0.1, "--link", "tty") == 1
    assert tfm_sim.out.endswith("nobody provisioned it within 0.1 s\n")
    assert not (tmp_path / "tty").is_symlink()


def test_a_device_that_is_operational_already(tfm_sim: CommandLine) -> None:
    """Its application knows no `Init`."""
    assert tfm_sim("matter", "provision", "--security", 0, "--state", "d") == 0
    device = ("matter", "device", "--security", 0, "--state", "d", "--time-limit", 0.05)
    assert tfm_sim(*device) == 4
    assert "runs other firmware than the package's STM_Provisioning" in tfm_sim.err
    assert tfm_sim(*device, "--erase") == 1
    assert "nobody provisioned it" in tfm_sim.out


def test_a_link_that_is_taken(tfm_sim: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("")
    assert tfm_sim("matter", "device", "--link", "tty") == 4
    assert "--link tty: File exists; legal: a name that is free" in tfm_sim.err


CLIENT = """
import serial, sys, time
port, speed = sys.argv[1], int(sys.argv[2])
end = time.monotonic() + float(sys.argv[3])
with serial.Serial(port, speed, timeout=0.1) as line:
    text = b""
    while time.monotonic() < end and b"finish:" not in text:
        line.write(b"Init\\n") if b"Start_provisioning" not in text else None
        text += line.read(4096)
sys.stdout.buffer.write(text)
"""


def test_pyserial_in_another_process(tmp_path: Path) -> None:
    """The device in one process, a client that knows pyserial and no more in another."""
    state = tmp_path / "state"
    command = "from tfm_sim.tools.cli import main; main()"
    options = ["--demo-firmware", "--security", "0", "--state", str(state), "--time-limit", "60"]
    with subprocess.Popen(
        [sys.executable, "-c", command, "matter", "device", *options], stdout=subprocess.PIPE, text=True
    ) as device:
        try:
            assert device.stdout is not None
            device.stdout.readline()
            port = device.stdout.readline().split()[1].rstrip(",")
            assert b"Start_provisioning" not in client(port, 9600, 0.5)
            said = client(port, 115200, 30)
            rest = device.stdout.read()
        finally:
            device.terminate()
    assert said == b"Start_provisioning\r\nfinish:000\r\n"
    assert rest == "result: finish:000 Provisioning Done\n"
    assert device.returncode == 0


def client(port: str, speed: int, seconds: float) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, port, str(speed), str(seconds)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_script_on_a_device_of_the_command(tfm_sim: CommandLine, tmp_path: Path) -> None:
    """The whole conversation with a PKI over a port that another process holds."""
    command = "from tfm_sim.tools.cli import main; main()"
    options = ["--link", str(tmp_path / "tty"), "--time-limit", "60"]
    with subprocess.Popen(
        [sys.executable, "-c", command, "matter", "device", *options], stdout=subprocess.PIPE, text=True
    ) as device:
        try:
            assert device.stdout is not None
            device.stdout.readline()
            device.stdout.readline()
            assert tfm_sim("matter", "provision", "--port", tmp_path / "tty") == 0
            rest = device.stdout.read()
        finally:
            device.terminate()
    assert tfm_sim.out.endswith("1 of 1 provisioned\n")
    assert rest == "result: finish:000 Provisioning Done\n"


def test_serial_is_what_it_says() -> None:
    """pyserial, not another package that is called serial."""
    assert serial.__version__.startswith("3.")
