"""`tfm-sim matter factory-data` and `show` as a shell sees them: images, devices programmed, mistakes."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.matter_factory_files import FULL, PROVISIONING, write_files

from tfm_sim.interface.matter.factory_data import FactoryData, FactoryDataTag
from tfm_sim.interface.matter.factory_data_json import factory_data_from_json
from tfm_sim.interface.matter.factory_data_writer import FACTORY_DATA_LENGTH, append_entries
from tfm_sim.tools.matter.factory.pattern import demo_factory_data, spake2p_verifier

FULL_IMAGE = factory_data_from_json(json.dumps(FULL)).encode()
IMAGE = factory_data_from_json(json.dumps(PROVISIONING)).encode()
COMMAND = ("matter", "factory-data")
RECONFIGURE = (*COMMAND, "--provisioning", "0", "--json", "full.json", "--flashAddr", "0x901C0000")
LEVEL_0 = (
    *COMMAND,
    *("--provisioning", 1, "--security", 0, "--json", "provisioning.json", "-fa", "0x81EC000"),
    *("--flashProvisioningFW", "provisioning_fw.bin", "--flashAppFW", "app.bin", "-afwa", "0x08000000"),
    *("--provisioning_script", "script.py"),
)
LEVEL_2 = (
    *COMMAND,
    *("--provisioning", 1, "--security", 2, "--platform", "wba", "--json", "provisioning.json"),
    *("--flashAddr", "0x81EC000", "--flashAppFW", "app.bin", "--AppFwAddr", "0x70040000"),
    *("--provisioning_script", "script.py", "--flashMagicTrailer", "magic.bin"),
    *("--flashMagicTrailerAddr", "0x701BFFF0", "-v"),
)


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return CommandLine(monkeypatch, capsys)


def test_an_image_from_json_and_back(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*RECONFIGURE, "-o", "image.bin") == 0
    assert Path("image.bin").read_bytes() == FULL_IMAGE
    assert tfm_sim.out == (
        f"factory data: {len(FULL)} entries, {len(FULL_IMAGE)} bytes\n"
        "1. factory data: full.json at 0x901c0000\n"
    )
    again = (*COMMAND, "--provisioning", 0, "--binary", "image.bin", "-fa", "0x901C0000")
    assert tfm_sim(*again, "-o", "again.bin", "--json-output", "again.json") == 0
    assert Path("again.bin").read_bytes() == FULL_IMAGE
    assert factory_data_from_json(Path("again.json").read_bytes()).encode() == FULL_IMAGE
    assert tfm_sim.err == ""


def test_the_pattern_says_that_it_is_not_secure(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*COMMAND, "--pattern", "-") == 0
    assert factory_data_from_json(tfm_sim.out.encode()) == demo_factory_data()
    assert tfm_sim.err.startswith("warning: NOT SECURE: factory data for tests")


def test_a_device_is_programmed_and_runs(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*RECONFIGURE, "--board", "stm32wb5mm_dk", "--state", "dev") == 0
    assert "0x10000 bytes of qspi_flash erased" in tfm_sim.out
    cells = Path("dev/qspi_flash.bin").read_bytes()
    assert cells[0x1C0000:].startswith(FULL_IMAGE + b"\xff")
    assert cells[:0x1C0000] == b"\xff" * 0x1C0000
    assert tfm_sim("run", "--state", "dev") == 0, tfm_sim.err
    # Reprogrammed: the board is the state directory's.
    assert tfm_sim(*RECONFIGURE, "--state", "dev") == 0, tfm_sim.err


def test_a_run_of_level_0_goes_up_to_the_conversation(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--state", "dev") == 0, tfm_sim.err
    cells = Path("dev/flash0.bin").read_bytes()
    assert cells.startswith(b"provisioning_fw.bin" * 8 + b"\xff")
    assert cells[0x1EC000:].startswith(IMAGE + b"\xff")
    assert json.loads(Path("dev/state.json").read_text())["board"] == "stm32wba65i_dk1_open"
    lines = tfm_sim.out.splitlines()
    assert lines[5:] == [
        "3. provisioning over the serial line: script.py",
        "     left to tfm-sim matter provision",
        "4. application firmware: app.bin at 0x08000000",
        "     left to tfm-sim matter provision",
    ]


def test_the_report(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_2, "--report", "--state", "dev") == 0, tfm_sim.err
    report = json.loads(tfm_sim.out)
    assert (report["run"], report["image"]["size"], report["notices"]) == ("LEVEL_2", len(IMAGE), [])
    assert [(step["kind"], step["done"] is not None) for step in report["steps"]] == [
        ("REGRESSION", True),
        ("PROVISIONING_SCRIPTS", False),
        ("FACTORY_DATA", True),
        ("PROVISIONING", False),
        ("APPLICATION_FIRMWARE", False),
        ("MAGIC_TRAILER", False),
    ]
    assert {entry["name"] for entry in report["entries"]} == set(PROVISIONING)


def test_one_thing_at_a_time_goes_to_standard_output(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*RECONFIGURE, "--json-output", "-") == 0
    assert factory_data_from_json(tfm_sim.out).encode() == FULL_IMAGE
    assert tfm_sim(*RECONFIGURE, "--json-output", "-", "--report") == 2
    assert tfm_sim(*RECONFIGURE, "-o", "-", "--json-output", "-") == 2


@pytest.mark.parametrize(
    "change, code, message",
    [
        (("--binary", "full.json"), 2, "both --json and --binary; legal: exactly one of them"),
        (("--mode", "test"), 2, "--provisioning 0 with --mode; legal: without"),
        (("--mode", "secret"), 2, "'secret' is not one of 'test', 'production'"),
        (("--provisioning", 2), 2, "2 is not in the range 0<=x<=1"),
        (("--flashAddr", "here"), 2, "here"),
        (("--state", "dev"), 2, "--provisioning 0 on a new device; legal: --board"),
        (("--board", "stm32wba65i_dk1"), 4, "factory data: found 0x901c0000; legal on board stm32wba65i_dk1"),
        (("--board", "an521", "--state", "dev"), 4, "found address 0x901c0000; legal on an521: 0x00000000"),
        (("--json", "absent.json"), 4, "absent.json: No such file or directory"),
        (("--json", "app.bin"), 4, "app.bin:1:1: not JSON"),
        (("--provisioning", 1), 2, "(STM32WB55) without --provisioning_script"),
    ],
)
def test_mistakes(tfm_sim: CommandLine, change: tuple[object, ...], code: int, message: str) -> None:
    assert tfm_sim(*RECONFIGURE, *change) == code
    assert message in tfm_sim.err
    assert not Path("dev/flash0.bin").exists() or "an521" in change


def test_credentials_in_a_file_for_provisioning(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--json", "full.json", "--state", "dev") == 4
    assert "full.json: found DEVICE_ATTESTATION_CERTIFICATE, PAI_CERTIFICATE, " in tfm_sim.err
    assert not Path("dev").exists()


def test_a_file_that_is_not_there_leaves_the_device_as_it_was(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--state", "dev") == 0
    before = Path("dev/flash0.bin").read_bytes()
    assert tfm_sim(*LEVEL_0, "--state", "dev", "--flashProvisioningFW", "absent.bin") == 4
    assert Path("dev/flash0.bin").read_bytes() == before


def test_the_pattern_is_factory_data_without_credentials(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*COMMAND, "--pattern", "provisioning.json") == 0
    data = factory_data_from_json(Path("provisioning.json").read_text())
    assert data == demo_factory_data()
    assert FactoryData.decode(data.encode()) == data
    assert tfm_sim(*LEVEL_0) == 0
    assert tfm_sim.err == ""


def test_the_verifier_of_a_passcode() -> None:
    # The passcode, salt and iterations that Matter's examples use.
    made = spake2p_verifier(20202021, b"SPAKE2P Key Salt", 1000)
    assert len(made) == 97
    assert made.hex().startswith("b96170aae803346884724fe9a3b287c3")
    assert made[32] == 4
    assert made.hex().endswith("149fcd1fa466cf")


# --- tfm-sim matter show ---

SHOW = ("matter", "show", "--state", "dev")


def test_what_a_device_holds(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*RECONFIGURE, "--board", "stm32wb5mm_dk", "--state", "dev") == 0
    assert tfm_sim(*SHOW) == 0
    lines = tfm_sim.out.splitlines()
    assert lines[0] == f"factory data at 0x901c0000: {len(FULL)} entries"
    assert any(line.endswith("DEVICE_ATTESTATION_PRIV_KEY     32 bytes, not shown") for line in lines)
    assert tfm_sim(*SHOW, "-o", "read.bin", "--json-output", "read.json", "--json") == 0
    assert Path("read.bin").read_bytes() == FULL_IMAGE
    assert factory_data_from_json(Path("read.json").read_bytes()).encode() == FULL_IMAGE
    shown = json.loads(tfm_sim.out)
    assert shown["address"] == 0x901C0000
    assert [entry["name"] for entry in shown["entries"] if entry["value"] is None] == [
        "DEVICE_ATTESTATION_PRIV_KEY"
    ]
    assert tfm_sim(*SHOW, "-o", "-", "--json") == 2


def test_what_a_provisioned_device_holds_is_read_in_the_order_of_its_firmware(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--state", "dev") == 0
    cells = bytearray(Path("dev/flash0.bin").read_bytes())
    area = slice(0x1EC000, 0x1EC000 + FACTORY_DATA_LENGTH)
    cells[area] = append_entries(bytes(cells[area]), [(3, b"dac"), (4, b"pai"), (6, bytes(65))])[1]
    Path("dev/flash0.bin").write_bytes(cells)
    assert tfm_sim(*SHOW, "-o", "read.bin") == 0
    raw = Path("read.bin").read_bytes()
    assert raw == bytes(cells[area]).rstrip(b"\xff")
    assert FactoryData.decode(raw).get(FactoryDataTag.PAI_CERTIFICATE) == b"pai"
    assert [line.split()[1:3] for line in tfm_sim.out.splitlines()[-4:]] == [
        ["3", "DEVICE_ATTESTATION_CERTIFICATE"],
        ["4", "PAI_CERTIFICATE"],
        ["6", "DEVICE_ATTESTATION_PUB_KEY"],
        ["end", "marker"],
    ]
    for line in tfm_sim.out.splitlines()[1:-1]:
        at, tag = int(line.split()[0], 16), int(line.split()[1])
        assert raw[at : at + 4] == tag.to_bytes(4, "little")


def test_an_entry_that_nobody_knows_is_shown_and_kept(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--state", "dev") == 0
    cells = bytearray(Path("dev/flash0.bin").read_bytes())
    area = slice(0x1EC000, 0x1EC000 + FACTORY_DATA_LENGTH)
    cells[area] = append_entries(bytes(cells[area]), [(99, b"\xac" * 20)])[1]
    Path("dev/flash0.bin").write_bytes(cells)
    assert tfm_sim(*SHOW, "-o", "read.bin") == 0
    assert Path("read.bin").read_bytes() == bytes(cells[area]).rstrip(b"\xff")
    assert f"   99  (unknown)                       20 bytes, {'ac' * 12}.." in tfm_sim.out


def test_a_device_without_factory_data(tfm_sim: CommandLine) -> None:
    assert tfm_sim("run", "--board", "stm32wba65i_dk1", "--state", "dev") == 0
    assert tfm_sim(*SHOW) == 1
    assert tfm_sim.err == "no factory data at 0x081ec000\n"


@pytest.mark.parametrize(
    "make, message",
    [
        ((), "state directory dev: holds no device; legal: one that a factory run has left"),
        (("run", "--state", "dev"), "board an521: no flash area with role factory_data"),
    ],
)
def test_no_place_for_factory_data(tfm_sim: CommandLine, make: tuple[str, ...], message: str) -> None:
    assert not make or tfm_sim(*make) == 0
    assert tfm_sim(*SHOW) == 4
    assert message in tfm_sim.err


def test_a_directory_of_something_else(tfm_sim: CommandLine) -> None:
    Path("dev/deep").mkdir(parents=True)
    assert tfm_sim(*SHOW) == 4
    assert "state directory dev: holds no device; legal" in tfm_sim.err


def test_damaged_factory_data_are_told_by_their_byte(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*LEVEL_0, "--state", "dev") == 0
    cells = bytearray(Path("dev/flash0.bin").read_bytes())
    cells[0x1EC004:0x1EC008] = b"\xf0\xff\xff\x7f"
    Path("dev/flash0.bin").write_bytes(cells)
    assert tfm_sim(*SHOW) == 4
    assert "factory data at byte 0: found 65536 bytes that are no whole entry" in tfm_sim.err
