"""`tfm-sim token mutate` and `token catalogue` as a shell sees them."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.attack_tokens import all_bases
from support.command_line import CommandLine

from tfm_sim.tools.attacks import MUTATIONS, check
from tfm_sim.tools.attacks.catalogue import FORMAT, README_FILE, VERSION, build_catalogue
from tfm_sim.tools.verifier import Key, Verdict, load_key, verify


@pytest.fixture
def tfm_sim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """In a folder with tokens and their keys."""
    bases = all_bases()
    rfc, mac, cca = bases["rfc9783"], bases["psa-iot-1-mac"], bases["composed-907"]
    (tmp_path / "token.cbor").write_bytes(rfc.token)
    (tmp_path / "token.hex").write_text(rfc.token.hex() + "\n")
    (tmp_path / "mac.cbor").write_bytes(mac.token)
    (tmp_path / "cca.cbor").write_bytes(cca.token)
    assert isinstance(rfc.signer, ec.EllipticCurvePrivateKey)
    assert isinstance(cca.realm, ec.EllipticCurvePrivateKey)
    assert isinstance(mac.signer, bytes)
    (tmp_path / "iak.pem").write_bytes(pem(rfc.signer))
    (tmp_path / "rak.pem").write_bytes(pem(cca.realm))
    (tmp_path / "iak.hex").write_text(rfc.signer.private_numbers().private_value.to_bytes(32).hex())
    (tmp_path / "sym.hex").write_text(mac.signer.hex())
    public = rfc.signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "pub.pem").write_bytes(public)
    (tmp_path / "text.txt").write_text("this is no token\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    monkeypatch.chdir(tmp_path)
    return CommandLine(monkeypatch, capsys)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "arguments, code, said, told",
    [
        ("mutate tag-strip token.cbor", 0, "8443a10126a0", "deserves   refused: tag-missing"),
        ("mutate tag-strip token.hex", 0, "8443a10126a0", "RFC 9783 5.2"),
        ("mutate nonce-replay token.cbor", 0, "d28443a1", "a new one"),
        ("mutate lifecycle-debug-resigned token.cbor --key iak.pem", 0, "d28443a1", "deserves   accepted"),
        ("mutate lifecycle-debug-resigned token.cbor --key iak.hex", 0, "d28443a1", "deserves   accepted"),
        ("mutate claim-unknown-resigned token.cbor --key iak.pem", 0, "d28443a1", "strictly   refused"),
        ("mutate mac0-with-public-key token.cbor --key pub.pem", 0, "d18443a10105", "alg-mismatch"),
        ("mutate client-id-zero-resigned mac.cbor --key sym.hex", 0, "d18443a10105", "claim-value"),
        ("mutate realm-key-swap cca.cbor", 0, "d9038ba2", "signature-invalid"),
        ("mutate cca-hash-renamed-resigned cca.cbor --realm-key rak.pem", 0, "d9038ba2", "binding-mismatch"),
        ("mutate --list", 0, "cca-binding-mismatch-resigned", ""),
        ("mutate --list mac.cbor", 0, "tag-8-bytes", ""),
        ("mutate --check token.cbor --key iak.pem", 0, "judged as deserved, 0 not", ""),
        ("mutate --check token.cbor --key iak.pem --strict", 0, "judged as deserved, 0 not", ""),
        ("mutate --check token.cbor --key pub.pem", 0, "judged as deserved, 0 not", ""),
        ("mutate --check cca.cbor --key iak.pem --realm-key rak.pem", 0, "as deserved  realm-tag-strip", ""),
    ],
)
def test_answers(arguments: str, code: int, said: str, told: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", *arguments.split()) == code
    assert said in tfm_sim.out
    assert told in tfm_sim.err


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        ("mutate", 2, "legal here: NAME FILE"),
        ("mutate tag-strip", 2, "legal here: NAME FILE"),
        ("mutate tag-strip token.cbor more", 2, "legal here: NAME FILE"),
        ("mutate --check", 2, "legal here: FILE"),
        ("mutate --list --check token.cbor", 2, "legal: one of them"),
        ("mutate tag-strip token.cbor --strict", 2, "--strict without --check"),
        ("mutate tag-strip token.cbor -o - --json", 2, "-o"),
        ("mutate tag-strop token.cbor", 2, "no mutation 'tag-strop'; legal, among others: tag-strip"),
        ("mutate tag-strip missing.cbor", 4, "missing.cbor: No such file"),
        ("mutate tag-strip text.txt", 4, "text.txt: this is no token to attack"),
        ("mutate tag-strip token.cbor --key text.txt", 4, "text.txt: signing key: found"),
        ("mutate tag-strip cca.cbor --realm-key pub.pem", 4, "pub.pem: a public key; legal: a private one"),
        ("mutate tag-8-bytes token.cbor", 4, "tag-8-bytes does not apply to this token"),
        ("mutate client-id-zero-resigned token.cbor", 4, "key: the signer's, by --key FILE"),
        ("mutate client-id-zero-resigned token.cbor --key pub.pem", 4, "key: the signer's"),
        ("mutate --check token.cbor", 2, "--check without --key; legal: with the token's key"),
        ("mutate --check token.cbor --key rak.pem", 4, "refused before any mutation"),
        ("catalogue out --token token.cbor", 2, "--token and --key; legal: both or neither"),
        ("catalogue out --key iak.pem", 2, "--token and --key; legal: both or neither"),
        ("catalogue out --token token.cbor --key pub.pem", 2, "legal: the private key"),
        ("catalogue full", 4, "full: is there and not empty"),
        ("catalogue text.txt", 4, "text.txt: is there and not empty"),
        ("catalogue out --board none-such", 4, "none-such"),
    ],
)
def test_could_not_ask(arguments: str, code: int, told: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim("token", *arguments.split()), tfm_sim.out) == (code, "")
    assert told in tfm_sim.err


def test_a_mutated_token_in_a_file_is_refused_as_it_deserves(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "mutate", "bit-flip-payload", "token.cbor", "-o", "bad.cbor", "--at", "100") == 0
    assert tfm_sim.out == ""
    assert tfm_sim("verify", "bad.cbor", "--key", "pub.pem") == 1
    assert "the signature does not verify" in tfm_sim.out


def test_json_has_the_mutation_the_verdict_and_the_token(tfm_sim: CommandLine) -> None:
    assert (
        tfm_sim("token", "mutate", "boot-seed-key-resigned", "token.cbor", "--key", "iak.pem", "--json") == 0
    )
    made = json.loads(tfm_sim.out)
    assert (made["verdict"], made["kinds"], made["match"]) == ("warned", ["claim-foreign"], "all")
    assert made["strict"] == {"verdict": "refused", "kinds": ["claim-unknown"], "match": "all"}
    assert made["section"] == "RFC 9783 4.3.2"
    verdict = verify(bytes.fromhex(made["token"]), Path("pub.pem").read_bytes())
    assert [warning.kind for warning in verdict.warnings if warning.kind == "claim-foreign"]


def test_json_list_and_check(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "mutate", "--list", "--json") == 0
    assert [row["mutation"] for row in json.loads(tfm_sim.out)] == list(MUTATIONS)
    assert tfm_sim("token", "mutate", "--check", "mac.cbor", "--key", "sym.hex", "--json") == 0
    rows = json.loads(tfm_sim.out)
    assert all(row["as_deserved"] for row in rows)
    assert {row["given"]["ok"] for row in rows} == {True, False}


def test_a_verdict_that_differs_is_exit_1(tfm_sim: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier that looks at no nonce: the replays get through, and are named."""

    def naive(token: bytes, key: Key, *, challenge: bytes | None, strict: bool) -> Verdict:
        return verify(token, key, strict=strict)

    monkeypatch.setattr("tfm_sim.tools.cli.mutate.check", partial(check, verifier=naive))
    assert tfm_sim("token", "mutate", "--check", "token.cbor", "--key", "iak.pem") == 1
    assert "DIFFERS      nonce-replay " in tfm_sim.out
    assert "    given: accepted: well-known-key" in tfm_sim.out
    assert "as deserved  nonce-forged" in tfm_sim.out


def test_catalogue_of_a_token(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("token", "catalogue", "out", "--token", "mac.cbor", "--key", "sym.hex") == 0
    assert tfm_sim.out.startswith("good tokens: 1, cases: ")
    index = check_catalogue(tmp_path / "out")
    assert index["keys"] == {"keys/token.hex": {"kind": "HMAC", "published": "TF-M's dummy symmetric IAK"}}
    assert tfm_sim("token", "catalogue", "again", "--token", "mac.cbor", "--key", "sym.hex") == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "again")
    assert (
        tfm_sim("token", "catalogue", "other", "--token", "mac.cbor", "--key", "sym.hex", "--seed", "9") == 0
    )
    assert contents(tmp_path / "out") != contents(tmp_path / "other")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()
    }


def check_catalogue(directory: Path) -> dict[str, Any]:
    """As another verifier's test would read it, from the files alone."""
    index: dict[str, Any] = json.loads((directory / "index.json").read_text())
    assert (index["format"], index["version"]) == (FORMAT, VERSION)
    named = {entry["file"] for entry in (*index["good"], *index["cases"])}
    assert set(contents(directory)) == named | set(index["keys"]) | {"index.json", "index.md", "README.md"}
    keys = {file: load_key((directory / file).read_bytes()) for file in index["keys"]}
    assert len({entry["id"] for entry in index["cases"]}) == len(index["cases"])
    for entry in (*index["good"], *index["cases"]):
        token = (directory / entry["file"]).read_bytes()
        assert (len(token), hashlib.sha256(token).hexdigest()) == (entry["size"], entry["sha256"])
        for strict, wanted in ((False, entry), (True, entry["strict"])):
            challenge = bytes.fromhex(entry["challenge"])
            verdict = verify(token, keys[entry["key"]], challenge=challenge, strict=strict)
            assert verdict.ok == (wanted["verdict"] != "refused"), entry["file"]
            kinds = {finding.kind.value for finding in (verdict.warnings if verdict.ok else verdict.reasons)}
            among = kinds & set(wanted["kinds"])
            assert among if wanted["match"] == "any" else among == set(wanted["kinds"]), entry["file"]
    return index


def test_catalogue_of_real_boots_has_every_kind() -> None:
    bases = all_bases()
    chosen = [bases[name] for name in ("2019", "psa-iot-1-mac", "composed-nested")]
    files = build_catalogue(chosen, 0)
    index = json.loads(files["index.json"])
    assert [good["name"] for good in index["good"]] == ["2019", "psa-iot-1-mac", "composed-nested"]
    assert list(files) == sorted(files)
    assert b"\n## composed-nested\n" in files["index.md"]
    assert b"Good tokens: 3." in files["README.md"]


def test_readme_tells_of_every_member() -> None:
    files = build_catalogue([all_bases()["psa-iot-1"]], 0)
    index = json.loads(files["index.json"])
    members = set(index) | set(index["good"][0]) | set(index["cases"][0])
    told = README_FILE.read_text()
    assert [member for member in sorted(members) if f"`{member}`" not in told] == []
