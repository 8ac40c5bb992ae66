"""A shared data area in words: every entry by name, in every era, and whatever bytes it has."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import CommandLine

from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, BootStatusEra, encode_area
from tfm_sim.tools.boot_status_report import Reading, boot_status, boot_status_lines, measured_as

RECORD = cbor2.dumps({1: "SPE", 4: "1.2.3", 5: b"\x05" * 32, 6: "SHA256", 2: b"\x02" * 32})
METADATA = MeasurementMetadata(PSA_ALG_SHA_256, b"\x07" * 32, 32, b"RT_0", ImageVersion(1, 2, 3, 4)).encode()
TODAY, EARLY, RECORDS = Reading(), Reading(BootStatusEra.TFM_2019_02), Reading(BootStatusEra.TFM_2019_10)
MCUBOOT = Reading(plain_mcuboot=True)


@pytest.mark.parametrize(
    ("reading", "type_", "data", "line", "content"),
    [
        (TODAY, 0x103F, RECORD, "(IAS, module 0), 91 bytes: SW_BOOT_RECORD", "sw_type: SPE"),
        (TODAY, 0x107F, b"\xa1", "(IAS, module 1), 1 bytes: SW_BOOT_RECORD", None),
        (TODAY, 0x1000, b"1.0", "(IAS, module 0), 3 bytes: SW_VERSION", "1.0"),
        (TODAY, 0x1004, b"?", "(IAS, module 0), 1 bytes: claim 0x04", None),
        (TODAY, 0x2040, bytes([1, 2, 3, 0, 4, 0, 0, 0]), "(FWU, module 1), 8 bytes: SW_VERSION", "1.2.3+4"),
        (TODAY, 0x2040, b"\1", "(FWU, module 1), 1 bytes: SW_VERSION", None),
        (TODAY, 0x308A, METADATA, "(MBS, slot 2 RT_0), 92 bytes: SW_MEASURE_METADATA", "version: 1.2.3+4"),
        (TODAY, 0x308A, b"short", "(MBS, slot 2 RT_0), 5 bytes: SW_MEASURE_METADATA", None),
        (
            TODAY,
            0x304B,
            b"\x09" * 32,
            "(MBS, slot 1 BL2), 32 bytes: SW_MEASURE_VALUE_NON_EXTENDABLE",
            "09" * 32,
        ),
        (TODAY, 0x33C8, b"", "(MBS, slot 15), 0 bytes: SW_MEASURE_VALUE", None),
        (TODAY, 0x0123, b"x", "(CORE), 1 bytes: 0x123", None),
        (TODAY, 0xF000, b"x", "(INVALID), 1 bytes: 0x000", None),
        (TODAY, 0x4000, b"x", "(4), 1 bytes: 0x000", None),
        (MCUBOOT, 0x2000, b"\x02", "(BLINFO), 1 bytes: MODE", "UPGRADE_ONLY"),
        (MCUBOOT, 0x2000, b"\x0a", "(BLINFO), 1 bytes: MODE", None),
        (MCUBOOT, 0x2001, b"\x02", "(BLINFO), 1 bytes: SIGNATURE_TYPE", "ECDSA_P256"),
        (MCUBOOT, 0x2002, b"\x00", "(BLINFO), 1 bytes: RECOVERY", "NONE"),
        (MCUBOOT, 0x2003, b"\x01", "(BLINFO), 1 bytes: RUNNING_SLOT", "1"),
        (MCUBOOT, 0x2004, bytes([2, 4]) + bytes(6), "(BLINFO), 8 bytes: BOOTLOADER_VERSION", "2.4.0+0"),
        (MCUBOOT, 0x2011, b"\x05\0\0\0", "(BLINFO), 4 bytes: SECURITY_COUNTER_IMAGE_1", "5"),
        (EARLY, 0x1103, b"SPE", "(IAS, module SPE), 3 bytes: SW_TYPE", "SPE"),
        (EARLY, 0x1142, b"\1\0\0\0", "(IAS, module NSPE), 4 bytes: SW_EPOCH", "1"),
        (EARLY, 0x1000, b"\x11", "(IAS, module GENERAL), 1 bytes: BOOT_SEED", "11"),
        (EARLY, 0x1001, b"060456", "(IAS, module GENERAL), 6 bytes: HW_VERSION", "060456"),
        (EARLY, 0x1002, b"\x00\x30", "(IAS, module GENERAL), 2 bytes: SECURITY_LIFECYCLE", "0x3000"),
        (RECORDS, 0x113F, RECORD, "(IAS, module SPE), 91 bytes: SW_BOOT_RECORD", "version: 1.2.3"),
        (EARLY, 0x1103, b"\xff\x1b[2J", "(IAS, module SPE), 5 bytes: SW_TYPE", "\\xff"),
    ],
)
def test_every_entry_has_a_name(
    reading: Reading, type_: int, data: bytes, line: str, content: str | None
) -> None:
    lines = list(boot_status_lines(encode_area([BootStatusEntry(type_, data)], reading.era), reading))
    assert line in lines[0]
    if content is None:
        assert not "".join(lines[1:]).strip()
    else:
        assert content in "\n".join(lines[1:])


@pytest.mark.parametrize(
    ("area", "line"),
    [
        (bytes(0x400), "shared data: empty"),
        (b"", "shared data: empty"),
        (bytes.fromhex("16200400"), "shared data: a header without entries"),
        (b"junk", "shared data: not readable as today: boot status: no header: found 6a75"),
        (
            bytes.fromhex("16200900 3f100200 00"),
            "shared data: not readable as today: boot status: entry 0x103f",
        ),
    ],
)
def test_areas_without_entries_say_why(area: bytes, line: str) -> None:
    (found,) = boot_status_lines(area)
    assert found.startswith(line)
    assert boot_status(area) == []


@pytest.mark.parametrize(
    ("reading", "entries", "images"),
    [
        (TODAY, [(0x107F, RECORD), (0x103F, RECORD)], {1: ("SPE", "05" * 32), 0: ("SPE", "05" * 32)}),
        (TODAY, [(0x308A, METADATA), (0x3088, bytes(32))], {0: ("RT_0", "07" * 32)}),
        (EARLY, [(0x1103, b"SPE"), (0x1101, b"\5" * 32)], {0: ("SPE", "05" * 32)}),
        (EARLY, [(0x1183, b"NSPE_SPE")], {0: ("NSPE_SPE", "-")}),
        (RECORDS, [(0x117F, RECORD)], {1: ("SPE", "05" * 32)}),
        (TODAY, [(0x300A, METADATA), (0x2000, bytes(8))], {-1: ("RT_0", "07" * 32)}),
    ],
)
def test_what_each_image_was_measured_as(
    reading: Reading, entries: list[tuple[int, bytes]], images: dict[int, tuple[str, str]]
) -> None:
    area = encode_area([BootStatusEntry(*entry) for entry in entries], reading.era)
    assert measured_as(area, reading) == images


READINGS = st.builds(Reading, st.sampled_from(BootStatusEra), st.booleans())
ENTRIES = st.lists(st.builds(BootStatusEntry, st.integers(0, 0x3FFF), st.binary(max_size=100)), max_size=8)


@given(READINGS, ENTRIES, st.binary(max_size=60))
def test_whatever_an_area_holds_is_told(
    reading: Reading, entries: list[BootStatusEntry], junk: bytes
) -> None:
    for area in (encode_area(entries, reading.era), b"\x16\x20" + junk, junk):
        list(boot_status_lines(area, reading))
        measured_as(area, reading)
        json.dumps(boot_status(area, reading))


# ---- the command


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    area = encode_area([BootStatusEntry(0x1103, b"SPE")], BootStatusEra.TFM_2019_02)
    Path("area.bin").write_bytes(area.ljust(0x400, b"\0"))
    Path("area.hex").write_text(area.hex())
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize("name", ["area.bin", "area.hex"])
def test_an_area_of_2019_from_a_file(name: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot-status", name, "--era", "2019-02") == 0
    assert tfm_sim.out == "shared data 0x1103 (IAS, module SPE), 3 bytes: SW_TYPE\n    SPE\n"


def test_the_same_as_json(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot-status", "area.bin", "--era", "2019-02", "--json") == 0
    (row,) = json.loads(tfm_sim.out)
    expected: dict[str, Any] = {"type": "0x1103", "major": "IAS", "name": "SW_TYPE", "value": "SPE"}
    assert row.items() >= expected.items()


def test_the_wrong_era_is_told_with_the_right_ones(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot-status", "area.bin") == 4
    assert "area.bin: boot status: entry 0x1103 of 7 bytes" in tfm_sim.err
    assert "it can be read with --era 2019-02 or 2019-09 or 2019-10" in tfm_sim.err


def test_a_file_that_is_no_area(tmp_path: Path, tfm_sim: CommandLine) -> None:
    file = tmp_path / "junk"
    file.write_bytes(b"junk")
    assert tfm_sim("boot-status", str(file)) == 4
    assert "no header: found 6a75, wanted magic 0x2016" in tfm_sim.err
    assert "--era" not in tfm_sim.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--measured-boot"], "RT_0         e30466f6b8470c1f"),
        (["--measured-boot", "--board", "an521_bl1"], "RT_1         82a5b443594853d4"),
        (["--boot-status", "2019-02"], "SPE          e30466f6b8470c1f"),
        (["--boot-status", "2019-10"], "NSPE         82a5b443594853d4"),
    ],
)
def test_run_with_another_boot_status(options: list[str], said: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("run", *options) == 0
    assert said in tfm_sim.out
    assert "ACCEPTED" in tfm_sim.out


def test_boot_tells_of_pairs_and_of_separate_claims(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--measured-boot") == 0
    assert "shared data 0x308a (MBS, slot 2 RT_0), 92 bytes: SW_MEASURE_METADATA" in tfm_sim.out
    assert tfm_sim("boot", "--boot-status", "2019-02", "--json") == 0
    names = [row["name"] for row in json.loads(tfm_sim.out)["boot_status"][:6]]
    assert names == [
        *("SW_TYPE", "SW_VERSION", "SW_EPOCH", "SW_MEASURE_VALUE", "SW_MEASURE_TYPE", "SW_SIGNER_ID")
    ]


def test_options_that_no_build_has_together(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--measured-boot", "--boot-status", "2019-02") == 2
    assert "--measured-boot with --boot-status 2019-02; legal: without it" in tfm_sim.err
