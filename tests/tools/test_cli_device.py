"""`tfm-sim run`, `boot` and `attest`: what a user sees, and the exit code (docs/command-line.md)."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE

CHALLENGE = "00" * 32
GOOD = SECURE_IMAGE.read_bytes()


def flipped(at: int) -> bytes:
    data = bytearray(GOOD)
    data[at] ^= 1
    return bytes(data)


def test_run_goes_from_power_to_an_accepted_token(tfm_sim: CommandLine) -> None:
    assert tfm_sim("run") == 0
    for said in (
        "== Power on: an521",
        "NOT SECURE",
        "[INF] Starting bootloader",
        "[INF] Jumping to the first image slot",
        "TFM_SP_INITIAL_ATTESTATION (id 261, SFN",
        "NS client -1 -> TFM_ATTESTATION_SERVICE, psa_initial_attest_get_token",
        "TFM_SP_INITIAL_ATTESTATION -> TFM_CRYPTO",
        "/ instance-id /",
        "ACCEPTED: COSE_Sign1, 518 bytes",
    ):
        assert said in tfm_sim.out, said
    assert "\x1b" not in tfm_sim.out, "plain when piped"


@pytest.mark.parametrize(
    ("profile", "options", "size"),
    [
        ("psa-iot-1", [], 518),
        ("psa-iot-1-2022", [], 518),
        ("rfc9783", [], 513),
        ("psa-2.0.0", [], 504),
        ("2019", ["--signature-2019", "es256"], 559),
        ("rfc9783", ["--kid"], 548),
        ("cca", ["--no-optional-claims"], None),
        ("cca-legacy", ["--no-optional-claims"], None),
    ],
)
def test_run_in_each_profile(
    tfm_sim: CommandLine, profile: str, options: list[str], size: int | None
) -> None:
    assert tfm_sim("run", "--json", "--profile", profile, *options) == 0
    report: dict[str, Any] = json.loads(tfm_sim.out)
    assert report["verdict"]["ok"] is True
    assert size is None or len(report["token"]) == 2 * size, "the real TF-M's size"
    if profile != "2019":
        assert [row["boot_record"]["sw_type"] for row in report["boot_status"]] == ["NSPE", "SPE"]
    assert report["counters"] == {"BL2_0": 1, "BL2_1": 1}


@pytest.mark.parametrize(
    "command", [["run"], ["boot"], ["boot", "--step"], ["attest", "--challenge", CHALLENGE]]
)
def test_a_tampered_image_is_refused_with_the_reason(tfm_sim: CommandLine, command: list[str]) -> None:
    Path("bad.bin").write_bytes(flipped(0x480))
    assert tfm_sim(*command, "--secure-image", "bad.bin") == 1
    assert "BL2 refused image 0 (secure) in the primary slot at 0x10080000" in tfm_sim.err
    assert "image hash: found" in tfm_sim.err


def test_boot_step_shows_slots_tlvs_counters_and_shared_memory(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--step") == 0
    for said in (
        "image 0 primary   0x10080000  version 1.0.0+0",
        "ECDSA_SIG: verified by the key of BL2_ROTPK_0",
        "NV counter BL2_0: 0 -> 1",
        "38000000  16 20 ",
        "shared data 0x107f (IAS, module 1)",
        "[bootutil_img_validate]",
    ):
        assert said in tfm_sim.out, said


def test_boot_as_json(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--json") == 0
    good = json.loads(tfm_sim.out)
    assert good["booted"] is True
    assert {d["rule"] for d in good["decisions"]} >= {"bootutil_img_validate", "boot_swap_type_multi"}
    Path("bad.bin").write_bytes(flipped(0x480))
    assert tfm_sim("boot", "--json", "--secure-image", "bad.bin") == 1
    bad = json.loads(tfm_sim.out)
    assert bad["booted"] is False
    assert "image hash" in bad["refusals"][0]


def test_attest_writes_a_token_that_verify_accepts(tfm_sim: CommandLine) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE, "-o", "t.cbor", "--key-out", "k.pem") == 0
    assert "NOT SECURE" in tfm_sim.err
    assert tfm_sim("verify", "t.cbor", "--key", "k.pem", "--challenge", CHALLENGE) == 0
    assert tfm_sim("verify", "t.cbor", "--key", "k.pem", "--challenge", "11" * 32) == 1
    assert "nonce" in tfm_sim.out
    assert tfm_sim("token", "show", "t.cbor") == 0


def test_attest_prints_hex_without_a_file(tfm_sim: CommandLine) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE) == 0
    assert len(bytes.fromhex(tfm_sim.out.strip())) == 518


@pytest.mark.parametrize("size", [0, 31, 33, 65])
def test_a_challenge_that_the_service_does_not_take(tfm_sim: CommandLine, size: int) -> None:
    assert tfm_sim("attest", "--challenge", "00" * size) == 1
    assert "PSA_ERROR_INVALID_ARGUMENT (-135); a challenge has 32, 48 or 64 bytes" in tfm_sim.err
    assert f"this one {size}" in tfm_sim.err


BOARD_WITH_OVERLAP = "overlap.yaml"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "--nonsense"], 2, "No such option"),
        (["run", "--challenge", "abc"], 2, "pairs of hex digits"),
        (["run", "--profile", "other"], 2, "'other' is not one of"),
        (["nonsense"], 2, "No such command"),
        (["attest"], 2, "Missing option"),
        (["run", "--board", "nope"], 4, "board 'nope': not known; legal: an521"),
        (["run", "--board", "missing.yaml"], 4, "missing.yaml"),
        (["run", "--board", BOARD_WITH_OVERLAP], 4, "overlap.yaml:"),
        (["run", "--secure-image", "missing.bin"], 4, "missing.bin: No such file"),
        (["run", "--secure-image", "."], 4, "Is a directory"),
        (["run", "--provisioning", "missing.yaml"], 4, "missing.yaml"),
        (["run", "--provisioning", "broken.yaml"], 4, "broken.yaml:2: not YAML"),
        (["run", "--boot-key", "text.txt"], 4, "text.txt: not a PEM key"),
        (
            ["run", "--secure-image", "huge.bin"],
            4,
            "huge.bin: secure_primary: an image of 524289 bytes; the slot has 524288",
        ),
        (["run", "--secure-image", "empty.bin"], 4, "an empty image"),
        (["run", "--secure-image", "text.txt"], 1, "image magic: found"),
        (["run", "--secure-image", "short.bin"], 1, "BL2 refused image 0"),
        (["run", "--state", "file"], 4, "state directory file"),
        (["run", "--state", "foreign"], 4, "state directory foreign"),
        (["run", "--signature-type", "RSA-3072"], 1, "BL2 refused image 1"),
        (["attest", "--challenge", CHALLENGE, "-o", "no/such/dir/t"], 4, "no/such/dir/t: No such file"),
    ],
)
def test_bad_input_is_one_clear_error(
    tfm_sim: CommandLine, arguments: list[str], code: int, says: str
) -> None:
    from tfm_sim.platform.board import BOARDS_DIRECTORY  # noqa: PLC0415 (the fixture hides the name)

    board = (BOARDS_DIRECTORY / "an521.yaml").read_text()
    Path(BOARD_WITH_OVERLAP).write_text(board.replace("base: 0x10280000", "base: 0x10080800", 1))
    Path("broken.yaml").write_text("huk: [")
    Path("text.txt").write_text("this is no image and no key\n" * 10)
    Path("huge.bin").write_bytes(bytes(0x80001))
    Path("empty.bin").touch()
    Path("short.bin").write_bytes(GOOD[:1100])
    Path("file").touch()
    Path("foreign").mkdir()
    Path("foreign/notes.txt").write_text("mine")
    assert tfm_sim(*arguments) == code, tfm_sim.err
    assert says in tfm_sim.err
    assert Path("foreign/notes.txt").read_text() == "mine"


def test_state_is_kept_between_runs_and_unharmed_by_a_refusal(tfm_sim: CommandLine) -> None:
    assert tfm_sim("run", "--state", "dev") == 0
    before = {f.name: f.read_bytes() for f in Path("dev").glob("*.bin")}
    assert tfm_sim("run", "--state", "dev", "--board", "mcuboot_8k") == 4
    assert {f.name: f.read_bytes() for f in Path("dev").glob("*.bin")} == before
    assert tfm_sim("run", "--state", "dev") == 0


def test_an_upgrade_from_the_command_line(tfm_sim: CommandLine) -> None:
    upgrade = SECURE_IMAGE.with_name("secure_1.1.0.bin")
    assert tfm_sim("run", "--state", "dev") == 0
    assert tfm_sim("boot", "--state", "dev", "--secure-update", upgrade) == 0
    assert "version 1.1.0" in tfm_sim.out
    assert tfm_sim("run", "--state", "dev", "--ns-image", NON_SECURE_IMAGE, "--json") == 0
    assert json.loads(tfm_sim.out)["slots"][0]["version"] == "1.1.0+0"


def test_version_and_help(tfm_sim: CommandLine) -> None:
    assert tfm_sim("--version") == 0
    assert "tfm-sim" in tfm_sim.out
    assert tfm_sim("--help") == 0
    for command in ("run", "boot", "attest", "trace", "verify", "token", "image"):
        assert command in tfm_sim.out
