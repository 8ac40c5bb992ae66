"""`tfm-sim endorse` and `tfm-sim corim`: what a user gets, and the exit code (docs/endorsements.md)."""

import json
from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support.command_line import CommandLine
from support.corim_values import COMPONENT, PSA_TRIPLES, REALM_TRIPLES, changed, corim

from tfm_sim.platform.provisioning import DUMMY_ROTPKS
from tfm_sim.tools.endorsements import CorimProfile, load_corim, load_endorsements
from tfm_sim.tools.verifier import load_key

KEY = ec.derive_private_key(7, ec.SECP256R1())


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    Path("key.pem").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Path("pub.pem").write_bytes(
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return CommandLine(monkeypatch, capsys)


def test_a_directory_with_all_that_a_verifier_needs(tfm_sim: CommandLine) -> None:
    assert tfm_sim("endorse", "-o", "out/here") == 0
    for said in (
        "SPE 1.0.0: sha-256 773d44bb",
        "instance id 01078c18",
        "certificate 0604565272829-10010, in the YAML only (--certification)",
        "CoRIM of 708 bytes, media type for Veraison:",
        'application/rim+cbor; profile="tag:arm.com,2025:psa#1.0.0"',
    ):
        assert said in tfm_sim.out, said
    assert "NOT SECURE" in tfm_sim.err
    assert "warning" not in tfm_sim.out
    where = Path("out/here")
    yaml = load_endorsements((where / "endorsements.yaml").read_bytes())
    read = load_corim((where / "corim.cbor").read_bytes())
    assert (read.endorsements.reference_values, read.endorsements.trust_anchors) == (
        yaml.reference_values,
        yaml.trust_anchors,
    )
    assert len(yaml.certifications) == 1
    assert not read.endorsements.certifications
    assert load_key((where / "iak.pem").read_bytes()) == yaml.trust_anchors[0].key


def test_the_key_verifies_what_the_device_says(tfm_sim: CommandLine) -> None:
    assert tfm_sim("endorse", "-o", "out") == 0
    assert tfm_sim("attest", "--challenge", "00" * 32, "-o", "token.cbor") == 0
    assert tfm_sim("verify", "token.cbor", "--key", "out/iak.pem", "--challenge", "00" * 32) == 0


def test_without_a_place_the_yaml_goes_to_standard_output(tfm_sim: CommandLine) -> None:
    assert tfm_sim("endorse", "--vendor", "ACME", "--model", "RoadRunner") == 0
    found = load_endorsements(tfm_sim.out.encode())
    assert {value.names.vendor for value in found.reference_values} == {"ACME"}
    assert found.names_of(0).model == "RoadRunner"
    assert "NOT SECURE" in tfm_sim.err


def test_a_cca_platform_gets_the_profile_of_its_own(tfm_sim: CommandLine) -> None:
    assert tfm_sim("endorse", "--profile", "cca", "--corim", "c.cbor", "--no-versions") == 0
    found = load_corim(Path("c.cbor").read_bytes())
    assert found.profile is CorimProfile.CCA_PLATFORM
    assert [value.version for value in found.endorsements.reference_values] == [None, None]
    assert tfm_sim("endorse", "--profile", "cca", "--corim", "c.cbor", "--profile-of-corim", "cca-ssd-1") == 0
    assert load_corim(Path("c.cbor").read_bytes()).profile is CorimProfile.CCA_SSD_1
    assert 'application/corim-unsigned+cbor; profile="http://arm.com/cca/ssd/1"' in tfm_sim.out


def test_signed_with_names_and_times(tfm_sim: CommandLine) -> None:
    options = ["--sign-key", "key.pem", "--signer", "ACME", "--creator", "Maker", "--certification"]
    times = ["--valid-from", "2026-01-01", "--valid-until", "1800000000"]
    assert tfm_sim("endorse", "--corim", "c.cbor", "--corim-id", "mine", *options, *times) == 0
    assert "application/rim+cose" in tfm_sim.out
    found = load_corim(Path("c.cbor").read_bytes(), keys=[load_key(KEY)], now=1_790_000_000)
    assert found.signature is not None
    assert (found.id, found.signature.name, found.entities[0].name) == ("mine", "ACME", "Maker")
    assert found.validity is not None
    assert (found.validity.not_before, found.validity.not_after) == (1_767_225_600, 1_800_000_000)
    assert len(found.endorsements.certifications) == 1
    assert tfm_sim("corim", "show", "c.cbor", "--key", "pub.pem", "--at", "2026-06-01T00:00:00+00:00") == 0
    assert tfm_sim.out.startswith("VALID: ")
    assert "signed by ACME, ES256, verified" in tfm_sim.out
    assert tfm_sim("corim", "show", "c.cbor", "--at", "2025-01-01") == 1
    assert tfm_sim.out.startswith("REFUSED: c.cbor: valid from 1767225600")
    assert tfm_sim("corim", "show", "c.cbor") == 0
    assert "signed by ACME, ES256, not checked (--key)" in tfm_sim.out


def test_a_symmetric_key_stays_out_of_the_corim(tfm_sim: CommandLine) -> None:
    assert tfm_sim("provisioning", "show") == 0
    text = tfm_sim.out.replace("iak_type: SECP_R1", "iak_type: HMAC")
    for rsa, p256 in zip(DUMMY_ROTPKS["RSA-3072"], DUMMY_ROTPKS["EC-P256"], strict=True):
        text = text.replace(rsa.hex(), p256.hex())
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert tfm_sim("endorse", "--provisioning", "mine.yaml", "-o", "out") == 0
    assert "corim.cbor: not written, for no CoRIM carries a symmetric key" in tfm_sim.out
    assert "a symmetric IAK: who has it can forge tokens, NOT SECURE to hand out" in tfm_sim.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["endorsements.yaml"]
    assert Path("out/endorsements.yaml").read_text(encoding="utf-8").startswith("# NOT SECURE to hand out")
    assert tfm_sim("endorse", "--provisioning", "mine.yaml", "--corim", "c.cbor") == 4
    assert "a symmetric key; legal in a CoRIM: a public key" in tfm_sim.err
    assert not Path("c.cbor").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["endorse", "-o", "out", "--yaml", "x"],
            2,
            "-o with --yaml or --corim; legal: a directory, or files",
        ),
        (["endorse", "-o", "-"], 2, "-o -; legal: a directory"),
        (["endorse", "--yaml", "x", "--corim", "x"], 2, "--yaml and --corim both name x; legal: two files"),
        (
            ["endorse", "--yaml", "y", "--sign-key", "key.pem"],
            2,
            "--sign-key without a CoRIM; legal: with",
        ),
        (["endorse", "--corim", "c", "--sign-cert", "pub.pem"], 2, "--sign-cert without --sign-key"),
        (["endorse", "--corim", "c", "--signer", "me"], 2, "--signer or --signer-uri without --sign-key"),
        (["endorse", "--corim", "c", "--cwt-claims"], 2, "--cwt-claims without --sign-key; legal: with it"),
        (
            ["endorse", "--corim", "c", "--creator-uri", "a:b"],
            2,
            "--creator-uri without --creator; legal:",
        ),
        (["endorse", "--cut", "3"], 2, "--cut; legal for endorse: without it, for nothing is booted"),
        (["endorse", "--model", "x"], 2, "--model without --vendor; legal: both, or the vendor alone"),
        (["endorse", "--corim", "c", "--valid-from", "5"], 2, "--valid-from without --valid-until"),
        (["endorse", "--corim", "c", "--valid-until", "soon"], 2, "found 'soon'; legal: 2026-12-31"),
        (
            ["endorse", "--corim", "c", "--profile-of-corim", "cca-realm"],
            4,
            "endorsements of a device in a CoRIM",
        ),
        (["endorse", "--corim", "c", "--sign-key", "pub.pem"], 4, "pub.pem: signing key: "),
        (["endorse", "--corim", "c", "--sign-key", "no.pem"], 4, "no.pem: No such file"),
        (["endorse", "-o", "key.pem"], 4, "key.pem: File exists; legal: a directory, or a name for one"),
        (["endorse", "--secure-image", "key.pem"], 4, "image 0, primary slot: "),
        (["corim", "show", "key.pem"], 4, "key.pem: "),
        (["corim", "show", "no.cbor"], 4, "no.cbor: No such file"),
        (["corim", "from-yaml", "key.pem", "-o", "c"], 4, "key.pem:1: "),
        (["corim", "to-yaml", "key.pem"], 4, "key.pem: "),
    ],
)
def test_each_mistake_is_told(tfm_sim: CommandLine, arguments: list[str], code: int, said: str) -> None:
    assert tfm_sim(*arguments) == code
    assert said in tfm_sim.err


def test_from_yaml_and_back(tfm_sim: CommandLine) -> None:
    Path("realm.cbor").write_bytes(corim(REALM_TRIPLES, CorimProfile.CCA_REALM.value))
    assert tfm_sim("corim", "to-yaml", "realm.cbor", "-o", "realm.yaml") == 0
    assert tfm_sim("corim", "from-yaml", "realm.yaml", "-o", "again.cbor") == 0
    assert 'application/rim+cbor; profile="tag:arm.com,2025:cca_realm#1.0.0"' in tfm_sim.err
    assert load_endorsements(Path("again.cbor").read_bytes()) == load_endorsements(
        Path("realm.cbor").read_bytes()
    )
    assert tfm_sim("corim", "from-yaml", "realm.cbor", "-o", "x") == 4
    assert "realm.cbor: CBOR; legal: YAML" in tfm_sim.err


def test_show_tells_what_a_profile_refuses(tfm_sim: CommandLine) -> None:
    Path("bad.cbor").write_bytes(corim(changed(PSA_TRIPLES, 0, 0, 1, 0, changed(COMPONENT, 0, "other"))))
    assert tfm_sim("corim", "show", "bad.cbor") == 1
    assert tfm_sim.out.startswith(
        "REFUSED: bad.cbor.tags[0].triples.reference-triples[0][1][0].mkey: found 'other'"
    )
    assert "mkey: other" in tfm_sim.out
    assert tfm_sim("corim", "show", "bad.cbor", "--json") == 1
    report = json.loads(tfm_sim.out)
    assert not report["valid"]
    assert "mkey: found 'other'" in report["problem"]
    assert report["corim"]["unsigned-corim"]["id"] == "demo.example/corim-1"


def test_show_as_json(tfm_sim: CommandLine) -> None:
    Path("good.cbor").write_bytes(corim())
    assert tfm_sim("corim", "show", "good.cbor", "--json") == 0
    report = json.loads(tfm_sim.out)
    assert (report["valid"], report["problem"], report["size"]) == (True, None, 530)
    assert tfm_sim("corim", "show", "good.cbor") == 0
    assert tfm_sim.out.startswith(
        "VALID: 530 bytes, tag:arm.com,2025:psa#1.0.0: 1 reference value, 1 trust anchor; "
    )
