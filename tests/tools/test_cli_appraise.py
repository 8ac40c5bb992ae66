"""`tfm-sim appraise` and `tfm-sim ear` as a shell sees them: output, exit codes, files, no traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.appraisal_cases import (
    CHALLENGE,
    IAK,
    OTHER,
    REALM_CHALLENGE,
    RFC,
    SPE,
    VERIFIER,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
    reference,
)
from support.command_line import CommandLine
from support.ear_rules import problems

from tfm_sim.tools.appraisal import check_ear
from tfm_sim.tools.endorsements.model import Endorsements
from tfm_sim.tools.endorsements.yaml_form import endorsements_yaml

NONCE = CHALLENGE.hex()
PSA = "appraise good.cbor --endorsements device.yaml"


def private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


@pytest.fixture
def tfm_sim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    tokens = {
        "good.cbor": psa_token(),
        "rfc.cbor": psa_token(RFC),
        "bad.cbor": psa_token(nonce=bytes(32)),
        "cca.cbor": cca_token(),
        "other.cbor": psa_token(instance=b"\x01" + bytes(32)),
    }
    for name, token in tokens.items():
        Path(name).write_bytes(token)
    Path("good.hex").write_text(psa_token().hex())
    Path("device.yaml").write_text(endorsements_yaml(endorsed()))
    Path("anchor.yaml").write_text(endorsements_yaml(Endorsements(trust_anchors=endorsed().trust_anchors)))
    Path("spe.yaml").write_text(endorsements_yaml(Endorsements((reference(SPE),))))
    Path("cca.yaml").write_text(endorsements_yaml(cca_endorsed()))
    Path("strict.yaml").write_text("name: strict\nminimum_versions: {SPE: 3.0.0}\n")
    Path("broken.yaml").write_text("colour: red\n")
    Path("key.pem").write_bytes(private_pem(VERIFIER))
    Path("pub.pem").write_bytes(
        VERIFIER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    Path("other.pem").write_bytes(private_pem(OTHER))
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (PSA, 0, "AFFIRMING: PSA_IOT"),
        (f"{PSA} --challenge {NONCE}", 0, "all 2 components are endorsed"),
        ("appraise good.hex --endorsements device.yaml", 0, "AFFIRMING"),
        ("appraise good.cbor --endorsements anchor.yaml --endorsements device.yaml", 0, "AFFIRMING"),
        ("appraise good.cbor --endorsements anchor.yaml --endorsements spe.yaml", 1, "WARNING: PSA_IOT"),
        (f"{PSA} --policy strict.yaml", 1, "found 2.1.0; allowed: 3.0.0 and later"),
        (f"{PSA} --policy strict.yaml", 1, "policy policy:PSA_IOT/strict"),
        ("appraise other.cbor --endorsements device.yaml", 1, "97  contraindicated  not recognised"),
        (
            f"appraise bad.cbor --endorsements device.yaml --challenge {NONCE}",
            1,
            "nonce (10): found 00",
        ),
        (
            f"appraise cca.cbor --endorsements cca.yaml --challenge {REALM_CHALLENGE.hex()}",
            0,
            "AFFIRMING: CCA_SSD_PLATFORM, CCA_REALM",
        ),
        (f"{PSA} --mode veraison --challenge {NONCE}", 0, "policy policy:PSA_IOT"),
        (
            f"appraise rfc.cbor --endorsements device.yaml --mode veraison --challenge {NONCE}",
            1,
            "problem: could not establish identity from evidence",
        ),
        (f"{PSA} --mode veraison --challenge {NONCE} --media-type a/b", 1, "could not resolve media type"),
    ],
)
def test_answers(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.err) == (code, "")
    assert said in tfm_sim.out


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ("appraise missing.cbor --endorsements device.yaml", 4, "missing.cbor: No such file"),
        ("appraise good.cbor --endorsements missing.yaml", 4, "missing.yaml: No such file"),
        ("appraise good.cbor --endorsements good.cbor", 4, "good.cbor"),
        ("appraise good.cbor", 2, "--endorsements"),
        (f"{PSA} --policy broken.yaml", 4, "broken.yaml:1: unknown key; found 'colour'"),
        (f"{PSA} --mode veraison", 2, "--mode veraison without --challenge"),
        (
            f"{PSA} --mode veraison --challenge {NONCE} --policy strict.yaml",
            2,
            "--policy with --mode veraison",
        ),
        (f"{PSA} --media-type a/b", 2, "--media-type without --mode veraison"),
        (f"{PSA} --challenge 123", 2, "--challenge"),
        (f"{PSA} --challenge 00", 4, "a nonce of 1 bytes; legal in an attestation result: 8 to 64"),
        (f"{PSA} --sign-key key.pem", 2, "go together"),
        (f"{PSA} -o ear.jwt", 2, "go together"),
        (f"{PSA} --sign-key key.pem -o - --json", 2, "legal: one of them on standard output"),
        (f"{PSA} --sign-key device.yaml -o ear.jwt", 4, "device.yaml: signing key: cannot be read"),
        (f"{PSA} --iat -1", 2, "--iat"),
        ("ear check missing.jwt --key pub.pem", 4, "missing.jwt: No such file"),
        ("ear check good.cbor --key pub.pem", 1, "good.cbor: this is no JWT"),
        ("ear check good.cbor", 2, "--key"),
        ("ear show good.cbor", 4, "good.cbor: this is no JWT"),
        ("ear show good.cbor --key pub.pem", 1, "good.cbor: this is no JWT"),
        ("ear show good.cbor --key strict.yaml", 4, "strict.yaml: key:"),
    ],
)
def test_could_not_ask(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.out) == (code, "")
    assert said in tfm_sim.err


@pytest.mark.parametrize("form", ["library", "draft-02", "draft-03"])
def test_a_signed_result_is_shown_and_checked(form: str, tfm_sim: CommandLine) -> None:
    arguments = f"{PSA} --challenge {NONCE} --sign-key key.pem -o ear.jwt --iat 1790000000 --ear-form {form}"
    assert tfm_sim(*arguments.split()) == 0
    assert f"attestation result ({form}) written to ear.jwt" in tfm_sim.out
    claims = check_ear(Path("ear.jwt").read_bytes(), VERIFIER.public_key()).claims
    assert problems(claims) == []
    assert tfm_sim("ear", "show", "ear.jwt") == 0
    assert "signature not checked" in tfm_sim.out
    assert tfm_sim("ear", "show", "ear.jwt", "--key", "pub.pem") == 0
    assert "signature good" in tfm_sim.out
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "pub.pem", "--nonce", NONCE) == 0
    assert "AFFIRMING: PSA_IOT" in tfm_sim.out
    assert f"nonce     {NONCE}" in tfm_sim.out
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "pub.pem", "--challenge", NONCE) == 0
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "other.pem") == 1
    assert "ear.jwt: signature: Signature verification failed" in tfm_sim.err
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "pub.pem", "--nonce", "00" * 32) == 1
    assert "eat_nonce: found 2a2a" in tfm_sim.err


def test_a_bad_result_is_written_too_and_checks_as_bad(tfm_sim: CommandLine) -> None:
    arguments = "appraise other.cbor --endorsements device.yaml --sign-key key.pem -o ear.jwt"
    assert tfm_sim(*arguments.split()) == 1
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "pub.pem") == 1
    assert "CONTRAINDICATED: PSA_IOT" in tfm_sim.out
    assert "problem: key: no trust anchor" in tfm_sim.out


def test_a_result_on_standard_output_stands_alone_there(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*f"{PSA} --sign-key key.pem -o - --iat 5".split()) == 0
    assert check_ear(tfm_sim.out, VERIFIER.public_key()).iat == 5
    assert "AFFIRMING" in tfm_sim.err


def test_iat_is_the_clock_unless_given(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.75)
    assert tfm_sim(*f"{PSA} --json".split()) == 0
    assert json.loads(tfm_sim.out)["ear"]["iat"] == 1_800_000_000


def test_json_says_the_same_as_data(tfm_sim: CommandLine) -> None:
    assert tfm_sim(*f"{PSA} --policy strict.yaml --json --iat 7".split()) == 1
    said = json.loads(tfm_sim.out)
    assert (said["status"], said["affirming"], said["verified"]) == ("warning", False, True)
    assert said["submods"]["PSA_IOT"]["vector"]["executables"] == {
        "value": 32,
        "tier": "warning",
        "meaning": "known flaws",
        "why": [f"minimum_versions: SPE 2.1.0 ({'11' * 8}...): found 2.1.0; allowed: 3.0.0 and later"],
    }
    assert said["ear"]["submods"]["PSA_IOT"]["ear.status"] == "warning"


@pytest.mark.parametrize("key, code, genuine", [("pub.pem", 0, True), ("other.pem", 1, False)])
def test_json_of_a_check(key: str, code: int, genuine: bool, tfm_sim: CommandLine) -> None:
    assert tfm_sim(*f"{PSA} --sign-key key.pem -o ear.jwt --iat 7".split()) == 0
    assert tfm_sim("ear", "check", "ear.jwt", "--key", key, "--json") == code
    said = json.loads(tfm_sim.out)
    assert (said["genuine"], said["affirming"]) == (genuine, genuine)
    assert tfm_sim("ear", "show", "ear.jwt", "--json") == 0
    assert json.loads(tfm_sim.out)["iat"] == 7


def test_the_attestation_key_is_not_the_verifiers(tfm_sim: CommandLine) -> None:
    Path("iak.pem").write_bytes(private_pem(IAK))
    assert tfm_sim(*f"{PSA} --sign-key key.pem -o ear.jwt".split()) == 0
    assert tfm_sim("ear", "check", "ear.jwt", "--key", "iak.pem") == 1
