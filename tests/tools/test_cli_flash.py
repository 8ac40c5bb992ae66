"""`tfm-sim slots`, `image flash`, `erase`, `dump`, `mark`, and power cuts: a device between two boots."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from tfm_sim.tools.demo_firmware import IMAGES, NON_SECURE_IMAGE, SECURE_IMAGE

UPDATE = IMAGES / "secure_1.1.0.bin"


@pytest.fixture
def flashed(tfm_sim: CommandLine) -> CommandLine:
    """A device in ``D`` with the demo pair, and the secure image staged as an upgrade."""
    assert tfm_sim("image", "flash", SECURE_IMAGE, "--state", "D") == 0
    assert tfm_sim("image", "flash", NON_SECURE_IMAGE, "--state", "D", "--image", 1) == 0
    staged = ("--slot", "secondary", "--mark", "pending")
    assert tfm_sim("image", "flash", SECURE_IMAGE, "--state", "D", *staged) == 0
    assert tfm_sim.out.splitlines() == [
        "secure_secondary: 1541 bytes written at 0x10180000",
        "secure_secondary: marked pending",
    ]
    return tfm_sim


def slot(tfm_sim: CommandLine, image: int, name: str) -> dict[str, Any]:
    assert tfm_sim("slots", "--state", "D", "--json") == 0
    rows = json.loads(tfm_sim.out)["slots"]
    found: dict[str, Any] = next(r for r in rows if (r["image"], r["slot"]) == (image, name))
    return found


def test_what_was_flashed_boots_and_what_was_staged_is_copied(flashed: CommandLine) -> None:
    assert slot(flashed, 0, "secondary")["trailer"]["swap_type"] == "test"
    assert flashed("boot", "--state", "D") == 0
    assert slot(flashed, 0, "secondary")["image_state"] == "blank"
    assert slot(flashed, 0, "primary")["trailer"]["magic"] == "good"
    assert flashed("slots", "--state", "D") == 0
    assert "NV counter BL2_0 = 1" in flashed.out


def test_marks(flashed: CommandLine) -> None:
    assert flashed("image", "mark", "confirmed", "--state", "D") == 0
    assert flashed.out == "secure_primary: no trailer magic, so there is nothing to confirm\n"
    assert flashed("boot", "--state", "D") == 0
    assert flashed("image", "mark", "confirmed", "--state", "D") == 0
    assert slot(flashed, 0, "primary")["trailer"]["image_ok"] == "set"
    assert flashed("image", "flash", SECURE_IMAGE, "--state", "D", "--slot", "secondary") == 0
    assert flashed("image", "mark", "permanent", "--state", "D", "--slot", "secondary") == 0
    trailer = slot(flashed, 0, "secondary")["trailer"]
    assert (trailer["swap_type"], trailer["image_ok"]) == ("perm", "set")


def test_a_dump_stays_in_the_slot(flashed: CommandLine) -> None:
    assert flashed("image", "dump", "--state", "D", "--offset", 0x80001) == 2
    assert "legal: 0 to the slot's size" in flashed.err
    assert flashed("image", "dump", "--state", "D", "--length", -1) == 2
    assert "legal: 0 to 0x80000" in flashed.err


def test_erase_and_dump(flashed: CommandLine) -> None:
    assert flashed("image", "dump", "--state", "D", "-o", "slot.bin") == 0
    data = Path("slot.bin").read_bytes()
    assert data == SECURE_IMAGE.read_bytes().ljust(0x80000, b"\xff")
    assert flashed("image", "dump", "--state", "D", "--length", 0x20) == 0
    assert flashed.out.splitlines()[0] == (
        "10080000  3d b8 f3 96 00 00 00 00 00 04 6b 00 c8 00 00 00  =.........k....."
    )
    assert flashed("image", "erase", "--state", "D") == 0
    assert flashed("image", "dump", "--state", "D") == 0
    assert flashed.out == "          (524288 bytes erased)\n"


def test_an_image_at_an_offset(flashed: CommandLine) -> None:
    """SWAP_USING_OFFSET wants the candidate one sector up."""
    at = ("--slot", "secondary", "--offset", "0x1000")
    assert flashed("image", "flash", SECURE_IMAGE, "--state", "D", *at) == 0
    assert flashed("image", "dump", "--state", "D", "--slot", "secondary", "--length", "0x1010") == 0
    assert flashed.out.splitlines()[:2] == [
        "          (4096 bytes erased)",
        "10181000  3d b8 f3 96 00 00 00 00 00 04 6b 00 c8 00 00 00  =.........k.....",
    ]


def test_marks_that_ask_for_an_upgrade_go_to_the_secondary_slot(flashed: CommandLine) -> None:
    assert flashed("image", "flash", SECURE_IMAGE, "--state", "D", "--mark", "permanent") == 0
    assert flashed.out.splitlines()[0] == "secure_secondary: 1541 bytes written at 0x10180000"
    assert slot(flashed, 0, "secondary")["trailer"]["swap_type"] == "perm"
    assert flashed("image", "mark", "pending", "--state", "D", "--image", 1) == 0
    assert flashed.out == "non_secure_secondary: marked pending\n"
    assert (
        flashed("image", "dump", "--state", "D", "--image", 1, "--slot", "secondary", "-o", "slot.bin") == 0
    )
    # MCUboot boot_write_swap_info: image 1 in the high nibble, BOOT_SWAP_TYPE_TEST in the low one.
    assert Path("slot.bin").read_bytes()[-40] == 0x12
    # An image of DIRECT_XIP+REVERT is asked for where it lies.
    assert flashed("image", "mark", "pending", "--state", "D", "--slot", "primary") == 0
    assert slot(flashed, 0, "primary")["trailer"]["swap_type"] == "test"


def test_a_mark_that_changes_nothing_says_so(flashed: CommandLine) -> None:
    """MCUboot boot_set_next: a good magic stays as it is."""
    assert flashed("image", "mark", "permanent", "--state", "D") == 0
    assert flashed.out == (
        "secure_secondary: nothing changed, for it was marked before: magic good, image_ok unset\n"
    )
    assert slot(flashed, 0, "secondary")["trailer"]["swap_type"] == "test"


def test_a_candidate_lies_where_its_strategy_looks_for_it(flashed: CommandLine) -> None:
    """MCUboot SWAP_USING_OFFSET: one sector up, and only in the secondary slot."""
    offset = ("--state", "D", "--strategy", "SWAP_USING_OFFSET")
    assert flashed("image", "flash", UPDATE, *offset, "--mark", "pending") == 0
    assert flashed.out.splitlines()[0] == "secure_secondary: 1541 bytes written at 0x10181000"
    assert flashed("slots", *offset, "--json") == 0
    secondary = json.loads(flashed.out)["slots"][1]
    assert (secondary["slot"], secondary["version"]) == ("secondary", "1.1.0+0")
    assert flashed("image", "flash", SECURE_IMAGE, *offset) == 0
    assert flashed.out == "secure_primary: 1541 bytes written at 0x10080000\n"
    assert flashed("boot", *offset) == 0
    assert "image 0 runs in place at 0x10080000: version 1.1.0+0 of the primary slot" in flashed.out
    Path("padded.bin").write_bytes(UPDATE.read_bytes().ljust(0x80000, b"\xff"))
    assert flashed("image", "flash", "padded.bin", *offset, "--slot", "secondary") == 4
    assert flashed.err == (
        "tfm-sim: padded.bin: secure_secondary: an image of 524288 bytes at offset 0x1000; the slot has "
        "524288; legal: up to 520192 there, so an image without padding\n"
    )


@pytest.mark.parametrize(
    "command", [("slots",), ("image", "mark", "pending"), ("image", "dump"), ("image", "erase")]
)
def test_only_a_flash_makes_a_new_device(tfm_sim: CommandLine, command: tuple[str, ...]) -> None:
    assert tfm_sim(*command, "--state", "typo") == 4
    assert tfm_sim.err == (
        "tfm-sim: state directory typo: holds no device; legal: one that a boot or a flash has left\n"
    )
    assert not Path("typo").exists()


def test_a_state_directory_knows_its_board(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--board", "an521_bl1", "--state", "D") == 0
    assert tfm_sim("slots", "--state", "D") == 0
    assert tfm_sim.out.splitlines()[-1] == "NV counter BL1_0 = 0"
    assert tfm_sim("boot", "--state", "D") == 0
    assert "== BL1_1: " in tfm_sim.out
    assert tfm_sim("slots", "--state", "D", "--board", "an521") == 4
    assert "holds a device of board 'an521_bl1'; legal: 'an521'" in tfm_sim.err


def test_a_state_directory_of_a_board_of_ones_own_asks_for_its_file(tfm_sim: CommandLine) -> None:
    assert tfm_sim("board", "show", "an521") == 0
    Path("mine.yaml").write_text(tfm_sim.out.replace("name: an521\n", "name: mine\n"))
    assert tfm_sim("boot", "--board", "mine.yaml", "--state", "D") == 0
    for command in ("boot", "slots"):
        assert tfm_sim(command, "--state", "D", "--board", "mine.yaml") == 0
        assert tfm_sim(command, "--state", "D") == 4
        assert tfm_sim.err == (
            "tfm-sim: state directory D: holds a device of board 'mine'; legal: --board with its YAML file\n"
        )


def test_a_damaged_state_directory_is_told_as_such(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--state", "D") == 0
    Path("D/state.json").write_text("{")
    assert tfm_sim("slots", "--state", "D") == 4
    assert tfm_sim.err == "tfm-sim: state directory D: half-written: state.json is not JSON\n"


@pytest.mark.parametrize("command", ["run", "attest"])
def test_a_cut_is_an_object_too(tfm_sim: CommandLine, command: str) -> None:
    challenge = ("--challenge", "00" * 32)
    assert tfm_sim(command, *challenge, "--json", "--cut", 1) == 1
    assert json.loads(tfm_sim.out) == {
        "booted": False,
        "refusals": [],
        "power_cuts": ["power cut before operation 1: write of 64 bytes at 0x1d8 of otp"],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("image", "flash", "nofile", "--state", "D"), 4, "nofile: No such file"),
        (("image", "flash", SECURE_IMAGE), 2, "Missing option '--state'"),
        (("image", "flash", SECURE_IMAGE, "--state", "D", "--image", 7), 4, "image 7 has no primary slot"),
        (("image", "flash", SECURE_IMAGE, "--state", "D", "--offset", 0x7FFFF), 4, "the slot has 524288"),
        (("image", "flash", SECURE_IMAGE, "--state", "D", "--offset", "-1"), 4, "legal: multiples of 1"),
        (
            ("image", "flash", SECURE_IMAGE, "--state", "D", "--offset", 1 << 70),
            4,
            "legal: offsets in the slot",
        ),
        (("image", "mark", "maybe", "--state", "D"), 2, "'pending', 'permanent', 'confirmed'"),
        (("slots", "--state", "D", "--board", "nope"), 4, "legal: an521"),
        (("slots",), 2, "Missing option '--state'"),
        (("boot", "--cut", "0"), 2, "legal: 1 and up"),
        (("boot", "--again"), 2, "--again without --cut; legal: with one"),
        (("boot", "--cut", "1", "--cut", "2"), 2, "--cut 2 times; legal: once, or with `boot --again`"),
        (("run", "--cut", "1", "--cut", "2"), 2, "--cut 2 times; legal: once, or with `boot --again`"),
        (("boot", "--enc-keylen", "256"), 2, "--enc-keylen 256 without --enc-key; legal: with"),
        (("boot", "--enc-hmac", "512"), 2, "--enc-hmac 512 without --enc-key; legal: with"),
        (
            ("boot", "--firmware-update", "--strategy", "DIRECT_XIP"),
            4,
            "legal: bl2 with strategy OVERWRITE_ONLY",
        ),
        (("boot", "--multi-signature"), 1, "signature policy: found"),
        (("boot", "--cut", "2:half"), 2, "legal: N, N:before, N:after, N:torn"),
    ],
)
def test_wrong_words(tfm_sim: CommandLine, arguments: tuple[object, ...], code: int, said: str) -> None:
    assert tfm_sim(*arguments) == code
    assert said in tfm_sim.err


def test_a_bad_trailer_cannot_be_marked(flashed: CommandLine) -> None:
    padded = bytearray(b"\xff" * 0x80000)
    padded[-16:] = b"not a magic word"
    Path("bad.bin").write_bytes(padded)
    assert flashed("image", "flash", "bad.bin", "--state", "D", "--mark", "confirmed") == 4
    assert "the trailer magic is bad" in flashed.err


def test_a_cut_ends_the_boot_and_the_next_one_finishes_the_upgrade(flashed: CommandLine) -> None:
    assert flashed("boot", "--state", "D", "--cut", "300:torn") == 1
    said = "power cut in the middle of operation 300: write of 1024 bytes"
    assert said in flashed.err
    assert slot(flashed, 0, "secondary")["trailer"]["swap_type"] == "test"
    assert flashed("boot", "--state", "D") == 0
    assert slot(flashed, 0, "secondary")["image_state"] == "blank"


def test_cuts_one_after_the_other(flashed: CommandLine) -> None:
    cuts = ("--cut", "300:torn", "--cut", "2", "--cut", "5:after")
    assert flashed("boot", "--state", "D", "--again", "--operations", *cuts) == 0
    assert flashed.out.count("== power on again") == 3
    assert "    # operation 2: erase of 4096 bytes at 0x80000 of flash0 (secure_primary + 0x0)" in flashed.out


@pytest.mark.parametrize("command", [("boot",), ("run",), ("attest", "--challenge", "00" * 32), ("trace",)])
def test_a_cut_that_is_not_reached_is_told(tfm_sim: CommandLine, command: tuple[str, ...]) -> None:
    assert tfm_sim(*command, "--cut", "999") == 0
    told = re.search(r"^power was not cut: there were (\d+) writes and erases$", tfm_sim.err, re.MULTILINE)
    assert told is not None
    # The two counters that BL2 raises; where the SPM starts, the first layouts of the storage partitions.
    assert (int(told[1]) == 2) == (command == ("boot",))


def test_a_cut_in_json(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--cut", "2", "--json") == 1
    report = json.loads(tfm_sim.out)
    assert (report["booted"], report["refusals"]) == (False, [])
    assert report["power_cuts"] == ["power cut before operation 2: write of 64 bytes at 0x198 of otp"]


@pytest.mark.parametrize("command", [("run",), ("attest", "--challenge", "00" * 32, "-o", "t"), ("trace",)])
def test_every_command_that_boots_can_be_cut(tfm_sim: CommandLine, command: tuple[str, ...]) -> None:
    assert tfm_sim(*command, "--cut", "1") == 1
    assert "power cut before operation 1" in tfm_sim.err


def test_slots_tell_how_far_a_swap_is(flashed: CommandLine) -> None:
    scratch = ("--strategy", "SWAP_USING_SCRATCH")
    assert flashed("boot", "--state", "D", *scratch, "--cut", "278:torn", "--json") == 1
    report = json.loads(flashed.out)
    primary, *_, area = report["slots"]
    assert (area["slot"], area["trailer"]["magic"]) == ("scratch", "unset")
    told = {"magic": "good", "swap_type": "test", "swap_status": "2 of 384 steps", "swap_size": 1541}
    assert primary["trailer"] | told == primary["trailer"]
    assert flashed("boot", "--state", "D", *scratch) == 0
    assert "primary slot: a test swap under way: " in flashed.out
    assert "copy_done set, image_ok unset, swap_status 3 of 384 steps, swap_size 1541" in flashed.out
