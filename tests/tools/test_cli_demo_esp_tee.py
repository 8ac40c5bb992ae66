"""`tfm-sim demo esp-tee` and `esp-tee attest` on a booted device, and their edges."""

import json

import pytest
from support.command_line import CommandLine

from tfm_sim.partitions.esp_tee_attestation.config import TokenForm
from tfm_sim.tools.esp_tee import Form
from tfm_sim.tools.esp_tee_demo import demonstrate
from tfm_sim.tools.esp_tee_factory import FORMS

CHALLENGE = "5a" * 48


def test_the_story(tfm_sim: CommandLine) -> None:
    files = ["-o", "token.json", "--reference-out", "book.yaml"]
    assert tfm_sim("demo", "esp-tee", "--challenge", CHALLENGE, *files) == 0
    assert "the same after a reset" in tfm_sim.out
    for step in range(1, 7):
        assert f"\n== {step}  " in tfm_sim.out
    assert tfm_sim.out.count("ACCEPTED") == 2  # the answer, and what an old ESP-IDF lets the REE sign
    assert tfm_sim.out.count("REFUSED") == 18
    assert "SHOULD NOT" not in tfm_sim.out
    verify = ["esp-tee", "verify", "token.json", "--reference", "book.yaml", "--challenge"]
    assert tfm_sim(*verify, CHALLENGE) == 0, tfm_sim.out
    assert tfm_sim(*verify, "00" * 48) == 1


def test_the_form_is_the_documents_unless_a_challenge_is_given(tfm_sim: CommandLine) -> None:
    for fresh, form in ((["--nonce", "7"], "slot"), (["--challenge", CHALLENGE], "psa-ueid")):
        assert tfm_sim("esp-tee", "attest", *fresh, "-o", "t.json", "--reference-out", "b.yaml") == 0
        assert tfm_sim("esp-tee", "verify", "t.json", "--reference", "b.yaml", *fresh, "--json") == 0
        verdict = json.loads(tfm_sim.out)
        assert verdict["form"] == form
        told = {claim["path"]: claim["value"] for claim in verdict["claims"]}
        assert told["eat.device_status"] == (255 if form == "slot" else 165)


@pytest.mark.parametrize("reference", ['a"b', "a\nb", "a\\", 'x","device_status":1,"y":"z'])
def test_a_reference_may_break_the_token_and_not_the_command(tfm_sim: CommandLine, reference: str) -> None:
    """The TEE escapes nothing; the verifier refuses what comes of it."""
    files = ["-o", "t.json", "--reference-out", "b.yaml"]
    assert tfm_sim("esp-tee", "attest", "--nonce", "7", "--cert-ref", reference, *files) == 0, tfm_sim.err
    assert tfm_sim("esp-tee", "verify", "t.json", "--reference", "b.yaml", "--nonce", "7") == 1
    assert ("twice" if "status" in reference else "no JSON") in tfm_sim.out


def test_the_documents_own_form() -> None:
    shown = demonstrate(form=TokenForm.DOCUMENT)
    assert shown.ok
    verdict = shown.answer.verdict
    assert verdict.form is Form.SLOT
    told = {
        path: verdict.claim(f"eat.{path}") for path in ("device_status", "sw_claims.bootloader.secure_ver")
    }
    assert told == {"device_status": 255, "sw_claims.bootloader.secure_ver": -1}
    assert [attempt.error for attempt in shown.attempts] == ["ESP_ERR_INVALID_ARG", None]
    assert {trial.name for trial in shown.troubled} == {
        "changed-in-flash",
        "older-tee",
        "other-app",
        "not-padded",
        "not-enrolled",
    }


def test_a_judgement_that_is_not_deserved_is_told() -> None:
    shown = demonstrate(form=TokenForm.NAMED_KEY)
    answer, forged = shown.answer, shown.forged[0]
    assert shown.ok
    shown.answer = forged
    assert shown.ok  # that one was to be refused
    shown.answer = answer
    shown.forged[0] = type(forged)(forged.name, forged.text, answer.token, answer.verdict, forged.wanted)
    assert not shown.ok


@pytest.mark.parametrize("form", list(TokenForm))
def test_attest_and_verify(tfm_sim: CommandLine, form: TokenForm) -> None:
    fresh = ["--challenge", "77" * 32] if form.with_challenge else ["--nonce", "0xfedcba98"]
    files = ["-o", "token.json", "--reference-out", "book.yaml"]
    assert tfm_sim("esp-tee", "attest", "--form", form.value, *fresh, *files) == 0, tfm_sim.err
    assert "NOT SECURE" in tfm_sim.err
    verify = ["esp-tee", "verify", "token.json", "--reference", "book.yaml", *fresh, "--json"]
    assert tfm_sim(*verify) == 0, tfm_sim.out
    assert json.loads(tfm_sim.out)["form"] == FORMS[form].value


def test_the_key_is_kept(tfm_sim: CommandLine) -> None:
    keys = []
    for challenge, seed in (("11" * 32, 1), ("22" * 32, 2)):
        command = [
            "esp-tee",
            "attest",
            "--challenge",
            challenge,
            "--state",
            "state",
            "--seed",
            seed,
            "--json",
        ]
        assert tfm_sim(*command) == 0, tfm_sim.err
        keys.append(json.loads(json.loads(tfm_sim.out)["token"])["public_key"])
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["esp-tee", "attest"], 2, "Missing option '--nonce'"),
        (["esp-tee", "attest", "--form", "psa"], 2, "Missing option '--challenge'"),
        (["esp-tee", "attest", "--form", "slot"], 2, "Missing option '--nonce'"),
        (
            ["esp-tee", "attest", "--challenge", "00" * 31],
            2,
            "--challenge of 31 bytes; legal: one of 32, 48, 64",
        ),
        (
            ["esp-tee", "attest", "--form", "challenge", "--nonce", "1"],
            2,
            "--nonce with --form challenge; legal: with an older form",
        ),
        (
            ["esp-tee", "attest", "--challenge", "00" * 32, "--nonce", "1"],
            2,
            "--nonce with --form challenge; legal: with an older form",
        ),
        (["esp-tee", "attest", "--form", "slot", "--challenge", "00" * 32], 2, "legal: --nonce"),
        (["esp-tee", "attest", "--form", "slot", "--client-id", "1"], 2, "--client-id without --nonce"),
        (["esp-tee", "attest", "--form", "slot", "--nonce", "1", "--cert-ref", "x" * 32], 2, "at most 31"),
        (["esp-tee", "attest", "--challenge", "00" * 32, "-o", "-", "--json"], 2, "legal: one of them"),
        (["esp-tee", "attest", "--challenge", "00" * 32, "-o", "a", "--reference-out", "a"], 2, "two files"),
        (["esp-tee", "attest", "--challenge", "00" * 32, "--board", "an521"], 4, "an521"),
        (["demo", "esp-tee", "--board", "an521"], 4, "which has no ROM loader (bl1); legal: esp32c6_tee"),
        (["esp-tee", "attest", "--nonce", "1", "--client-id", "0x100000000"], 2, "found '0x100000000'"),
        (["demo", "esp-tee", "-o", "-"], 2, "legal: a file"),
        (["demo", "esp-tee", "--nonce", "1", "--cert-ref", 'a"b'], 2, "the token would be no JSON"),
        (["demo", "esp-tee", "--nonce", "1", "--cert-ref", "a\\"], 2, "the token would be no JSON"),
        (["demo", "esp-tee", "--board", "none"], 4, "none"),
    ],
)
def test_what_cannot_be_asked(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    assert tfm_sim(*arguments) == code, tfm_sim.out + tfm_sim.err
    assert text in tfm_sim.err


def test_the_client_id_is_taken_in_hex(tfm_sim: CommandLine) -> None:
    assert tfm_sim("esp-tee", "attest", "--nonce", "1", "--client-id", "0x0facade1") == 0
    assert '"client_id":262974945' in tfm_sim.out
