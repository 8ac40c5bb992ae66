"""`tfm-sim storage`: the storage areas of a device between two boots."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine

import tfm_sim as package
from tfm_sim.firmware_build import Build, storage_configs
from tfm_sim.interface.psa.storage_common import PSA_STORAGE_FLAG_WRITE_ONCE
from tfm_sim.partitions.internal_trusted_storage.reader import NoFileSystem, read_area
from tfm_sim.platform.power import PowerCut

NS = -0x3C000000
"""What the SPM makes of the non-secure id -1: the manifest of TF-M's agent maps it."""


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(monkeypatch, capsys)


def fill(cut: str | None = None) -> None:
    with package.boot(state="D") as device:
        its = device.psa.internal_trusted_storage
        its.set(5, b"hello, storage")
        its.set(0x1122334455667788, b"", PSA_STORAGE_FLAG_WRITE_ONCE)
        device.psa.protected_storage.set(9, b"secret")
        if cut is not None:
            device.cut_power(f"{device.hardware.power.operations + 24}:{cut}")
            with pytest.raises(PowerCut):
                its.set(5, b"of another size")


def test_owner_uid_size_and_flags(tfm_sim: CommandLine) -> None:
    fill()
    assert tfm_sim("storage", "--state", "D") == 0
    lines = tfm_sim.out.splitlines()
    assert lines[0].endswith("of 10 files (4 blocks of 4096 bytes)")
    assert f"  owner {NS} non-secure, uid 0x5: 14 bytes, no flags" in lines
    assert f"  owner {NS} non-secure, uid 0x1122334455667788: 0 bytes, WRITE_ONCE" in lines
    assert any(line.startswith("ps: ") for line in lines)
    assert any(line.startswith("  owner 256 TFM_SP_PS, uid 0x") for line in lines)
    assert "hello" not in tfm_sim.out


def test_the_counters_of_protected_storage(tfm_sim: CommandLine) -> None:
    """One change of the object table raises all three by one, the first boot's empty table too."""
    with package.boot(state="D"):
        pass
    assert tfm_sim("storage", "--state", "D") == 0
    assert "\n  NV counter PS_0 = 1, NV counter PS_1 = 1, NV counter PS_2 = 1\n" in tfm_sim.out
    fill()
    assert tfm_sim("storage", "--state", "D", "--json") == 0
    its, ps = json.loads(tfm_sim.out)
    assert (its["counters"], ps["counters"]) == ({}, {"PS_0": 2, "PS_1": 2, "PS_2": 2})


def test_dump(tfm_sim: CommandLine) -> None:
    fill()
    assert tfm_sim("storage", "--state", "D", "--dump") == 0
    assert "hello, storage" in tfm_sim.out
    assert "secret" not in tfm_sim.out, "protected storage encrypts"


def test_json(tfm_sim: CommandLine) -> None:
    fill()
    assert tfm_sim("storage", "--state", "D", "--json") == 0
    its, ps = json.loads(tfm_sim.out)
    assert (its["area"], its["entries"], ps["area"]) == ("its", 11, "ps")
    (file,) = [f for f in its["files"] if f["owner"] == NS and f["uid"] == 5]
    told = {"size": 14, "flags": 0, "is_replaced": False, "data": b"hello, storage".hex()}
    assert file == {"owner": NS, "uid": 5, **told}


def test_it_changes_nothing(tfm_sim: CommandLine) -> None:
    fill()
    before = {path.name: path.read_bytes() for path in Path("D").glob("*.bin")}
    assert tfm_sim("storage", "--state", "D") == 0
    assert {path.name: path.read_bytes() for path in Path("D").glob("*.bin")} == before


def test_a_replacement_that_lost_its_power(tfm_sim: CommandLine) -> None:
    fill(cut="before")
    assert tfm_sim("storage", "--state", "D") == 0
    found = [line for line in tfm_sim.out.splitlines() if "non-secure, uid 0x5:" in line]
    assert sorted(found) == [
        f"  owner {NS} non-secure, uid 0x5: 14 bytes, being replaced when power went away",
        f"  owner {NS} non-secure, uid 0x5: 15 bytes, no flags",
    ]


def test_a_device_that_never_ran(tfm_sim: CommandLine) -> None:
    package.Device(state="D").power_off()
    assert tfm_sim("storage", "--state", "D") == 0
    assert "its: no file system (4 blocks of 4096 bytes)\n" in tfm_sim.out


def test_no_device(tfm_sim: CommandLine) -> None:
    assert tfm_sim("storage", "--state", "D") == 4
    assert "holds no device" in tfm_sim.err


def test_a_damaged_area_is_told() -> None:
    config = storage_configs(Build(), package.load_board("an521"))["its"]
    for area in (bytes(0x4000), b"\xff" * 0x4000, b"\2" * 0x4000, b"short"):
        with pytest.raises(NoFileSystem):
            read_area(area, config)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_storage_transcript_of_the_documentation(tfm_sim: CommandLine, seed: int) -> None:
    page = (Path(__file__).parents[2] / "docs" / "storage.md").read_text(encoding="utf-8")
    with package.boot(state="D", seed=seed) as device:
        device.psa.internal_trusted_storage.set(1, b"a counter")
        device.psa.protected_storage.set(1, b"a secret")
    assert tfm_sim("storage", "--state", "D") == 0
    assert f"```\n$ tfm-sim storage --state D\n{tfm_sim.out}```" in page
