"""`tfm-sim demo delegated`, --delegated-attestation and `trace --what delegated` at their edges."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine

import tfm_sim as package

CHALLENGE = bytes(range(64)).hex()


def test_the_story(tfm_sim: CommandLine) -> None:
    assert tfm_sim("demo", "delegated") == 0
    assert "RSE: DAK_SEED derived from GUK, label BL1_DAK_SEED_DERIVATION, in KMU slot 10" in tfm_sim.out
    assert "key             P-384, the same after a reset" in tfm_sim.out
    assert tfm_sim.out.count("ACCEPTED") == 3
    assert tfm_sim.out.count("REFUSED") == 18
    assert "SHOULD NOT" not in tfm_sim.out


@pytest.mark.parametrize("form", ["nested", "907", "399"])
def test_verify_judges_what_was_written(tfm_sim: CommandLine, form: str) -> None:
    assert tfm_sim("demo", "delegated", "--form", form, "-o", "composed.cbor", "--key-out", "iak.pem") == 0
    assert f"token, form {form} written to composed.cbor" in tfm_sim.out
    assert tfm_sim("verify", "composed.cbor", "--key", "iak.pem", "--challenge", CHALLENGE) == 0, tfm_sim.out
    assert tfm_sim("verify", "composed.cbor", "--key", "iak.pem", "--challenge", "00" * 64) == 1


def test_json(tfm_sim: CommandLine) -> None:
    command = ["--board", "an521", "--bits", "521", "--hash", "sha-512", "--challenge", "5a" * 64, "--json"]
    assert tfm_sim("demo", "delegated", *command) == 0
    report = json.loads(tfm_sim.out)
    assert report["ok"] is True
    assert (report["board"], report["challenge"]) == ("an521", "5a" * 64)
    assert (report["key"]["bits"], report["key"]["hash_algorithm"]) == (521, "sha-512")
    assert (len(report["key"]["cose_key"]) // 2, len(report["key"]["hash"]) // 2) == (143, 64)
    assert [trial["form"] for trial in report["composed"]] == ["nested", "907", "399"]
    assert all(trial["verdict"]["ok"] for trial in report["composed"])
    assert len(report["forged"]) == 18
    for trial in report["forged"]:
        assert not trial["verdict"]["ok"], trial["name"]
        assert trial["verdict"]["reasons"]


def test_the_token_alone_on_standard_output(tfm_sim: CommandLine) -> None:
    assert tfm_sim("demo", "delegated", "--board", "an521", "--key-out", "-") == 0
    assert tfm_sim.out.startswith("-----BEGIN PUBLIC KEY-----")
    assert "ACCEPTED" not in tfm_sim.out
    assert "ACCEPTED" in tfm_sim.err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--challenge", "00" * 32], 2, "--challenge of 32 bytes; legal: 64"),
        (["--challenge", "xy"], 2, "legal: pairs of hex digits"),
        (["--bits", "512"], 2, "'512' is not one of '256', '384', '521'"),
        (["--hash", "sha-1"], 2, "is not one of 'sha-256', 'sha-384', 'sha-512'"),
        (["-o", "-", "--json"], 2, "legal: one of them on standard output"),
        (["-o", "-", "--key-out", "-"], 2, "legal: one of them on standard output"),
        (["--board", "nowhere"], 4, "nowhere"),
        (["-o", "no/such/folder"], 4, "legal: a file that can be written"),
    ],
)
def test_what_it_refuses(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    assert tfm_sim("demo", "delegated", *arguments) == code
    assert text in " ".join(tfm_sim.err.split())


def test_delegated_attestation_brings_measured_boot_along(tfm_sim: CommandLine) -> None:
    assert tfm_sim("attest", "--delegated-attestation", "--challenge", "00" * 32, "-o", "token") == 0
    assert tfm_sim("token", "show", "token") == 0
    assert "RT_0" in tfm_sim.out


def test_and_cannot_do_without_it(tfm_sim: CommandLine) -> None:
    command = ["boot", "--delegated-attestation", "--no-measured-boot"]
    assert tfm_sim(*command) == 2
    assert "--delegated-attestation with --no-measured-boot; legal: without it" in tfm_sim.err


@pytest.mark.parametrize("board", ["an521", "an521_bl1", "an521_single_image"])
def test_trace_of_a_key_and_its_token(tfm_sim: CommandLine, board: str) -> None:
    command = ["--what", "delegated", "--delegated-attestation", "--board", board]
    assert tfm_sim("trace", *command) == 0, tfm_sim.err
    for request in (
        "tfm_delegated_attest_get_delegated_key",
        "psa_key_derivation_input_key(key 0x7fff815e, operation",
        "tfm_delegated_attest_get_token",
        "of TFM_SP_DELEGATED_ATTESTATION: psa_initial_attest_get_token",
    ):
        assert request in tfm_sim.out
    assert ("DAK_SEED derived from GUK" in tfm_sim.out) is (board == "an521_bl1")


@pytest.mark.parametrize("profile", ["cca", "cca-legacy", "rfc9783", "psa-iot-1-2022"])
def test_the_hash_is_that_of_the_profiles_era(tfm_sim: CommandLine, profile: str) -> None:
    command = ["--what", "delegated", "--delegated-attestation", "--profile", profile]
    assert tfm_sim("trace", *command) == 0, tfm_sim.err


def test_trace_of_a_build_without_the_service(tfm_sim: CommandLine) -> None:
    assert tfm_sim("trace", "--what", "delegated") == 1
    assert "tfm_delegated_attest_get_delegated_key: PSA_ERROR_PROGRAMMER_ERROR" in tfm_sim.err


def test_the_story_is_printed_in_the_document(tfm_sim: CommandLine) -> None:
    document = (Path(package.__file__).parent / "docs" / "delegated-attestation.md").read_text()
    assert tfm_sim("demo", "delegated") == 0
    assert f"$ tfm-sim demo delegated\n{tfm_sim.out}```\n" in document
