"""The device commands at their edges: boards, HMAC keys, what is printed where, empty values, long input."""

import json
import re
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from tfm_sim.platform.board import BOARDS_DIRECTORY, packaged_boards
from tfm_sim.platform.provisioning import DUMMY, DUMMY_FILE, DUMMY_ROTPKS, load_provisioning
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

CHALLENGE = "00" * 32
KEY = bytes(range(32))
DEMO_KEYS = SECURE_IMAGE.parent.parent / "keys"


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    bad = bytearray(SECURE_IMAGE.read_bytes())
    bad[0x480] ^= 1
    Path("bad.bin").write_bytes(bad)
    dummy = DUMMY_FILE.read_text()
    iak = next(line for line in dummy.splitlines() if line.startswith("iak:"))
    own = dummy.replace(iak, f"iak: {KEY.hex()}")
    # The demo images are signed by MCUboot's P-256 development keys.
    own = own[: own.index("rotpks:")] + (
        "rotpks:\n"
        "  - e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6\n"
        "  - 82a5b443594853d4bf0fdd89a914a5dc16f867548207d7077e74d80c063efda9\n"
        f"entropy_seed: {'5a' * 64}\n"
    )
    Path("own.yaml").write_text(own)
    Path("hmac.yaml").write_text(own.replace("iak_type: SECP_R1", "iak_type: HMAC"))
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize("board", packaged_boards())
@pytest.mark.parametrize(
    "command", [["run"], ["boot"], ["boot", "--step"], ["attest", "--challenge", CHALLENGE]]
)
def test_every_packaged_board_goes_all_the_way(tfm_sim: CommandLine, board: str, command: list[str]) -> None:
    assert tfm_sim(*command, "--board", board) == 0, tfm_sim.err


def test_an_upgrade_on_the_board_with_one_image(tfm_sim: CommandLine) -> None:
    upgrade = SECURE_IMAGE.with_name("secure_1.1.0.bin")
    assert tfm_sim("run", "--json", "--board", "an521_single_image", "--secure-update", upgrade) == 0
    report = json.loads(tfm_sim.out)
    assert [slot["version"] for slot in report["slots"] if slot["slot"] == "primary"] == ["1.1.0+0"]
    assert report["counters"] == {"BL2_0": 1}


def test_a_non_secure_image_for_a_board_without_its_slot(tfm_sim: CommandLine) -> None:
    assert tfm_sim("run", "--board", "an521_single_image", "--ns-image", SECURE_IMAGE) == 4
    assert "image 1 has no primary slot; legal: images 0..0" in tfm_sim.err


@pytest.mark.parametrize("challenge", ["", "00"])
@pytest.mark.parametrize("command", ["run", "attest"])
def test_a_refused_challenge_is_one_message_or_one_object(
    tfm_sim: CommandLine, command: str, challenge: str
) -> None:
    said = (
        "psa_initial_attest_get_token: PSA_ERROR_INVALID_ARGUMENT (-135); "
        f"a challenge has 32, 48 or 64 bytes, this one {len(challenge) // 2}"
    )
    assert tfm_sim(command, "--challenge", challenge) == 1
    assert tfm_sim.err.splitlines()[-1] == f"tfm-sim: {said}"
    assert tfm_sim(command, "--challenge", challenge, "--json") == 1
    assert json.loads(tfm_sim.out) == {
        "booted": True,
        "status": -135,
        "status_name": "PSA_ERROR_INVALID_ARGUMENT",
        "error": said,
    }


@pytest.mark.parametrize("command", [["run"], ["attest", "--challenge", CHALLENGE]])
def test_a_refused_boot_as_json(tfm_sim: CommandLine, command: list[str]) -> None:
    assert tfm_sim(*command, "--secure-image", "bad.bin", "--json") == 1
    report = json.loads(tfm_sim.out)
    assert report["booted"] is False
    assert "image hash" in report["refusals"][0]


def test_a_status_that_is_not_about_the_challenge_gives_no_hint_about_it(tfm_sim: CommandLine) -> None:
    Path("factory.yaml").write_text(
        "\n".join(
            line for line in Path("own.yaml").read_text().splitlines() if not line.startswith("iak")
        ).replace("lifecycle: SECURED", "lifecycle: PSA_ROT_PROVISIONING")
    )
    assert tfm_sim("attest", "--challenge", CHALLENGE, "--provisioning", "factory.yaml") == 1
    assert "PSA_ERROR" in tfm_sim.err
    assert "32, 48 or 64" not in tfm_sim.err


def test_a_device_with_a_symmetric_key_attests_by_mac0(tfm_sim: CommandLine) -> None:
    device = ("--provisioning", "hmac.yaml", "--state", "dev")
    assert tfm_sim("attest", "--challenge", CHALLENGE, "-o", "t", "--key-out", "k", *device) == 0
    assert "NOT SECURE" not in tfm_sim.out + tfm_sim.err
    assert Path("k").read_bytes() == KEY
    assert tfm_sim("verify", "t", "--key", "k", "--challenge", CHALLENGE) == 0
    assert "COSE_Mac0" in tfm_sim.out
    # The state alone tells what kind of key its device has.
    assert tfm_sim("run", "--state", "dev") == 0
    assert "ACCEPTED: COSE_Mac0" in tfm_sim.out
    assert tfm_sim("attest", "--challenge", CHALLENGE, "--json", "--state", "dev") == 0
    assert json.loads(tfm_sim.out)["key"] == KEY.hex()


def test_json_holds_token_and_key(tfm_sim: CommandLine) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE, "--json") == 0
    report = json.loads(tfm_sim.out)
    Path("t").write_text(report["token"])
    Path("k").write_text(report["key"])
    assert tfm_sim("verify", "t", "--key", "k", "--challenge", CHALLENGE) == 0


NOT_SECURE = "This device was provisioned with dummy keys. This device is NOT SECURE"


@pytest.mark.parametrize(
    "arguments",
    [
        ["attest", "--challenge", CHALLENGE],
        ["attest", "--challenge", CHALLENGE, "-o", "t", "--key-out", "-"],
        ["attest", "--challenge", CHALLENGE, "-o", "t"],
    ],
)
def test_dummy_keys_are_told_beside_evidence_on_standard_output(
    tfm_sim: CommandLine, arguments: list[str]
) -> None:
    assert tfm_sim(*arguments) == 0
    assert f"warning: {NOT_SECURE}" in tfm_sim.err
    assert "NOT SECURE" not in tfm_sim.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--signature-2019 es256", "--signature-2019 with --profile psa-iot-1; legal: with --profile 2019"),
        ("--signature-2019 doc --profile cca", "--signature-2019 with --profile cca"),
        ("--profile 2019 --measured-boot", "--measured-boot with --profile 2019; legal: without it"),
        ("--profile 2019 --measured-boot --boot-status today", "--measured-boot with --profile 2019"),
        ("--profile 2019 --delegated-attestation", "--delegated-attestation with --profile 2019"),
        ("--profile 2019 --firmware-update", "--firmware-update with --profile 2019"),
        ("--boot-status 2019-09 --measured-boot", "--measured-boot with --boot-status 2019-09"),
        ("--boot-status 2019-10 --firmware-update", "--firmware-update with --boot-status 2019-10"),
    ],
)
def test_options_of_two_eras(tfm_sim: CommandLine, options: str, said: str) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE, *options.split()) == 2
    assert said in tfm_sim.err


def test_a_reference_of_today_is_no_hardware_version(tfm_sim: CommandLine) -> None:
    arguments = ["attest", "--profile", "2019", "--challenge", CHALLENGE, "--provisioning", "own.yaml"]
    assert tfm_sim(*arguments) == 1
    assert (
        "PSA_ATTEST_ERR_CLAIM_UNAVAILABLE; a token of 2019 wants a hardware version (cert_ref)" in tfm_sim.err
    )


def test_standard_output_is_called_so(tfm_sim: CommandLine) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE, "-o", "t", "--key-out", "-") == 0
    assert "verification key written to standard output" in tfm_sim.err


@pytest.mark.parametrize("command", [["run"], ["boot"], ["attest", "--challenge", CHALLENGE]])
def test_dummy_keys_are_told_in_json(tfm_sim: CommandLine, command: list[str]) -> None:
    assert tfm_sim(*command, "--json") == 0
    assert json.loads(tfm_sim.out)["warning"] == NOT_SECURE
    assert tfm_sim(*command, "--json", "--provisioning", "own.yaml") == 0
    assert json.loads(tfm_sim.out)["warning"] is None


def test_raw_token_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tfm_sim.tools.cli.main import main  # noqa: PLC0415 (the fixture hides the name)

    raw = BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", TextIOWrapper(raw))
        patch.setattr("sys.argv", ["tfm-sim", "attest", "--challenge", CHALLENGE, "-o", "-"])
        main()
        assert len(raw.getvalue()) == 518
    assert NOT_SECURE in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-o", "x", "--key-out", "x"], "-o and --key-out both name x"),
        (["-o", "x", "--key-out", "./x"], "-o and --key-out both name x"),
        (["-o", "-", "--key-out", "-"], "-o and --key-out both name -"),
        (["-o", "-", "--json"], "-o - with --json"),
        (["-o", "x", "--key-out", "-", "--json"], "--key-out - with --json"),
        (["--key-out", "-"], "--key-out - without -o FILE"),
    ],
)
def test_two_things_in_one_place_are_a_usage_error(
    tfm_sim: CommandLine, options: list[str], says: str
) -> None:
    assert tfm_sim("attest", "--challenge", CHALLENGE, *options) == 2
    assert says in tfm_sim.err
    assert not Path("x").exists()


FILE_OPTIONS = ["board", "state", "provisioning", "secure-image", "ns-image", "secure-update", "ns-update"]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        *((["run", f"--{name}", ""], f"'--{name}'") for name in [*FILE_OPTIONS, "boot-key"]),
        (["attest", "--challenge", CHALLENGE, "-o", ""], "'-o' / '--output'"),
        (["attest", "--challenge", CHALLENGE, "--key-out", ""], "'--key-out'"),
        (["verify", "", "--key", "k"], "'FILE'"),
        (["verify", "t", "--key", ""], "'--key'"),
        (["token", "show", ""], "'FILE'"),
        (["image", "info", ""], "'FILE'"),
        (["image", "from-elf", "x", "-o", ""], "'-o' / '--output'"),
    ],
)
def test_an_empty_value_is_a_usage_error(tfm_sim: CommandLine, arguments: list[str], option: str) -> None:
    assert tfm_sim(*arguments) == 2
    assert f"Invalid value for {option}: found an empty value" in tfm_sim.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--board", "/dev/zero"], "/dev/zero:1: too long; found more than 1048576 bytes"),
        (["run", "--provisioning", "/dev/zero"], "/dev/zero:1: too long; found more than 1048576 bytes"),
        (["run", "--boot-key", "/dev/zero"], "/dev/zero: too long for a key"),
        (["run", "--secure-image", "/dev/zero"], "/dev/zero: too long; legal: at most 67108864 bytes"),
        (["verify", "/dev/zero", "--key", "k"], "/dev/zero: too long; legal: at most 1048576 bytes"),
        (["token", "show", "/dev/zero"], "/dev/zero: too long"),
        (["image", "info", "/dev/zero"], "/dev/zero: too long"),
        (["image", "from-elf", "/dev/zero", "-o", "x"], "/dev/zero: too long"),
    ],
)
def test_input_without_an_end_is_one_error(tfm_sim: CommandLine, arguments: list[str], says: str) -> None:
    assert tfm_sim(*arguments) == 4
    assert says in tfm_sim.err
    assert tfm_sim.err.count("/dev/zero") == 1


def test_a_missing_token_is_named_once(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "show", "none.cbor") == 4
    assert tfm_sim.err == "tfm-sim: none.cbor: No such file or directory; legal: a readable file\n"


def test_an_image_with_the_whole_key_for_a_loader_that_wants_its_hash(tfm_sim: CommandLine) -> None:
    assert tfm_sim("boot", "--boot-key", DEMO_KEYS / "root-EC-P256.pem") == 1
    assert "(the image carries PUBKEY; this loader finds keys by KEYHASH)" in tfm_sim.err
    assert tfm_sim("boot", "--help") == 0
    assert "--public-key-formathash" in "".join(tfm_sim.out.split())


def test_the_swap_type_is_told_by_name(tfm_sim: CommandLine) -> None:
    upgrade = SECURE_IMAGE.with_name("secure_1.1.0.bin")
    assert tfm_sim("boot", "--secure-update", upgrade) == 0
    assert "trailer: magic unset, swap_type none" in tfm_sim.out
    assert tfm_sim("boot", "--json") == 0
    slots: list[dict[str, Any]] = json.loads(tfm_sim.out)["slots"]
    assert {slot["trailer"]["swap_type"] for slot in slots} == {"none"}


@pytest.mark.parametrize("name", packaged_boards())
def test_packaged_boards_are_at_hand(tfm_sim: CommandLine, name: str) -> None:
    assert tfm_sim("board", "list") == 0
    assert name in [line.split()[0] for line in tfm_sim.out.splitlines()]
    assert tfm_sim("board", "show", name) == 0
    assert tfm_sim.out == (BOARDS_DIRECTORY / f"{name}.yaml").read_text()
    Path("mine.yaml").write_text(tfm_sim.out)
    assert tfm_sim("boot", "--board", "mine.yaml") == 0


@pytest.mark.parametrize("signature_type", DUMMY_ROTPKS)
def test_the_provisioning_pattern_is_at_hand(tfm_sim: CommandLine, signature_type: str) -> None:
    assert tfm_sim("provisioning", "show", "--signature-type", signature_type) == 0
    assert f"`--signature-type {signature_type}`" in tfm_sim.out
    Path("pattern.yaml").write_text(tfm_sim.out)
    assert load_provisioning("pattern.yaml") == replace(DUMMY, rotpks=DUMMY_ROTPKS[signature_type])


def test_a_key_of_ones_own_is_all_that_the_pattern_wants(tfm_sim: CommandLine) -> None:
    assert tfm_sim("board", "show", "other") == 2
    assert tfm_sim("provisioning", "show") == 0
    Path("mine.yaml").write_text(re.sub(r"(?m)^iak: .*", f"iak: {KEY.hex()}", tfm_sim.out))
    assert tfm_sim("run", "--provisioning", "mine.yaml") == 0, tfm_sim.err
    assert "SECURE" not in tfm_sim.out.partition("== Verifier")[2]


def test_an_error_sends_the_terminal_no_escape_sequence(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "show", "/no/\x1b[2Jsuch") == 4
    assert "\x1b" not in tfm_sim.err
    assert "\\x1b[2J" in tfm_sim.err
