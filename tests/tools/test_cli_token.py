"""`tfm-sim token show` and `tfm-sim verify` as a shell sees them: output, exit codes, no traceback."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.command_line import CommandLine

from tfm_sim.tools.cli.token import token as token_group
from tfm_sim.tools.cli.verify import verify as verify_command
from tfm_sim.tools.endorsements import Endorsements, endorsements_yaml
from tfm_sim.tools.verifier import TrustAnchor, load_key

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
VECTORS: dict[str, Any] = json.loads((RECORDINGS / "attestation-vectors.json").read_text())
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
GOOD = TOKENS["derived-p1"]
CHALLENGE = "2a" * 32


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with tokens and keys."""
    keys = VECTORS["keys"]
    (tmp_path / "token.cbor").write_bytes(GOOD)
    (tmp_path / "token.hex").write_text("0x" + GOOD.hex(" ", 16).replace(" ", "\n") + "\n")
    (tmp_path / "bad.cbor").write_bytes(GOOD[:-1] + bytes([GOOD[-1] ^ 1]))
    (tmp_path / "mac.cbor").write_bytes(TOKENS["derived-p1_mac"])
    (tmp_path / "cca.cbor").write_bytes(TOKENS["ccatoken-testGoodCCAToken"])
    (tmp_path / "foreign.cbor").write_bytes(TOKENS["iatv-profile1-sign1"])
    (tmp_path / "foreign.pem").write_text(keys["iatv-p256"]["pem_private"])
    (tmp_path / "iak.pem").write_text(keys["tfm-dummy-iak"]["pem_private"])
    (tmp_path / "sym.hex").write_text(keys["tfm-dummy-sym-iak"]["hex"])
    (tmp_path / "sym.bin").write_bytes(bytes.fromhex(keys["tfm-dummy-sym-iak"]["hex"]))
    (tmp_path / "cca.hex").write_text(keys["ccatoken-testIAK"]["pub_uncompressed_hex"])
    (tmp_path / "odd.hex").write_text("d28")
    anchor = TrustAnchor(
        bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8),
        bytes.fromhex("01078c18f110f432ff780cd8dae58069a2a0d82277cbc66450c8581dd47d96a22e"),
        load_key(keys["tfm-dummy-iak"]["pub_uncompressed_hex"]),
    )
    (tmp_path / "trust.yaml").write_text(endorsements_yaml(Endorsements((), (anchor,), ())))
    other = replace(anchor, instance_id=b"\x01" + bytes(32))
    (tmp_path / "other.yaml").write_text(endorsements_yaml(Endorsements((), (other,), ())))
    (tmp_path / "text.txt").write_text("this is no token\n")
    return tmp_path


@pytest.fixture
def tfm_sim(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.chdir(files)
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ("verify token.cbor --key iak.pem", 0, "ACCEPTED"),
        ("verify token.hex --key iak.pem", 0, "ACCEPTED"),
        (f"verify token.cbor --key iak.pem --challenge {CHALLENGE}", 0, "ACCEPTED"),
        ("verify mac.cbor --key sym.hex", 0, "ACCEPTED"),
        ("verify mac.cbor --key sym.bin", 0, "ACCEPTED"),
        ("verify cca.cbor --key cca.hex", 0, "realm: COSE_Sign1"),
        ("verify foreign.cbor --key foreign.pem", 0, "warning: profile"),
        ("verify foreign.cbor --key foreign.pem --strict", 1, "because profile"),
        ("verify bad.cbor --key iak.pem", 1, "the signature does not verify"),
        ("verify token.cbor --key foreign.pem", 1, "the signature does not verify"),
        ("verify token.cbor --key sym.hex", 1, "wants an EC key on P-256"),
        (f"verify token.cbor --key iak.pem --challenge {'2b' * 32}", 1, "legal: the challenge 2b2b"),
        ("verify token.cbor --key iak.pem --challenge=", 1, "legal: the challenge of no bytes"),
        ("verify text.txt --key iak.pem", 1, "REFUSED"),
        ("verify token.cbor --trust trust.yaml", 0, "anchor       found by implementation id"),
        ("verify token.cbor --trust other.yaml", 1, "no trust anchor for instance id 01078c18"),
        ("verify bad.cbor --trust trust.yaml", 1, "the signature does not verify"),
        ("verify token.cbor --endorsements trust.yaml", 0, "anchor       found by implementation id"),
        ("verify token.cbor --endorsements other.yaml --endorsements trust.yaml", 0, "ACCEPTED"),
        ("verify token.cbor --trust other.yaml --endorsements trust.yaml", 0, "ACCEPTED"),
        ("verify cca.cbor --trust trust.yaml", 1, "because platform key: no trust anchor"),
        ("verify text.txt --trust trust.yaml", 1, "REFUSED"),
        ("token show token.cbor", 0, "/ security-lifecycle / -75002: 12288 / 0x3000, secured /"),
        ("token show cca.cbor", 0, "/ platform token / 44234"),
        ("token show bad.cbor", 0, "/ signature, 64 bytes /"),
    ],
)
def test_answers(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.err) == (code, "")
    assert said in tfm_sim.out


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ("verify missing.cbor --key iak.pem", 4, "missing.cbor: No such file"),
        ("verify token.cbor --key missing.pem", 4, "missing.pem: No such file"),
        ("verify . --key iak.pem", 4, "Is a directory"),
        ("verify odd.hex --key iak.pem", 4, "3 digits"),
        ("verify token.cbor --key text.txt", 4, "text.txt: key: found"),
        ("verify token.cbor --key iak.pem --challenge 0g", 2, "--challenge"),
        ("verify token.cbor --key iak.pem --challenge 123", 2, "--challenge"),
        ("verify token.cbor", 2, "neither --key nor --trust; legal: one of them"),
        ("verify token.cbor --key iak.pem --trust trust.yaml", 2, "one of them"),
        ("verify token.cbor --key iak.pem --endorsements trust.yaml", 2, "one of them"),
        ("verify token.cbor --trust trust.yaml --endorsements missing.yaml", 4, "missing.yaml: No such file"),
        ("verify token.cbor --trust missing.yaml", 4, "missing.yaml: No such file"),
        ("verify token.cbor --trust text.txt", 4, "text.txt:"),
        ("verify token.cbor --trust token.cbor", 4, "token.cbor:"),
        ("token show missing.cbor", 4, "missing.cbor: No such file"),
        ("token show text.txt", 4, "text.txt: this is no token"),
    ],
)
def test_could_not_ask(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.out) == (code, "")
    assert said in tfm_sim.err


def test_json_verdict_says_the_same_as_data(files: Path) -> None:
    arguments = [str(files / "bad.cbor"), "--key", str(files / "iak.pem"), "--json"]
    result = CliRunner().invoke(verify_command, arguments)
    verdict = json.loads(result.stdout)
    assert result.exit_code == 1
    assert verdict["ok"] is False
    assert [reason["kind"] for reason in verdict["reasons"]] == ["signature-invalid"]
    assert verdict["algorithm"] == "ES256"
    nonce = next(claim for claim in verdict["claims"] if claim["name"] == "nonce")
    assert (nonce["key"], nonce["value"], nonce["ok"]) == (-75008, CHALLENGE, True)


@pytest.mark.parametrize(
    "name", ["token.cbor", "bad.cbor", "mac.cbor", "cca.cbor", "foreign.cbor", "text.txt"]
)
@pytest.mark.parametrize(
    "trust", [["--key", "iak.pem"], ["--trust", "trust.yaml"], ["--key", "sym.hex", "--strict"]]
)
def test_text_and_json_say_the_same(
    name: str, trust: list[str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    text, data = (CliRunner().invoke(verify_command, [name, *trust, *more]) for more in ([], ["--json"]))
    verdict = json.loads(data.stdout)
    assert text.exit_code == data.exit_code == (0 if verdict["ok"] else 1)
    assert text.stdout.startswith("ACCEPTED" if verdict["ok"] else "REFUSED")
    for kind, mark in (("reasons", "because"), ("warnings", "warning:"), ("notes", "note:")):
        said = [line for line in text.stdout.splitlines() if line.startswith(f"  {mark} ")]
        assert len(said) == len(verdict[kind])
        for finding, line in zip(verdict[kind], said, strict=True):
            assert line.endswith(finding["text"])
    for part in verdict["parts"] or [verdict]:
        for claim in part["claims"]:
            assert f"{claim['name']} ({claim['key']})" in text.stdout or not claim["name"]


def test_json_token_has_the_envelope(files: Path) -> None:
    result = CliRunner().invoke(token_group, ["show", str(files / "token.hex"), "--json"])
    shown = json.loads(result.stdout)
    (part,) = shown["parts"]
    assert shown["size"] == len(GOOD)
    assert part["tags"] == [18]
    assert part["protected"]["hex"] == "a10126"
    assert part["signature"]["size"] == 64
    assert shown["problems"] == []


def test_problems_are_shown_of_a_token_that_breaks_the_structure(tmp_path: Path) -> None:
    file = tmp_path / "tagged.cbor"
    file.write_bytes(b"\xd8\x3d" + GOOD + b"\x00")
    result = CliRunner().invoke(token_group, ["show", str(file)])
    assert result.exit_code == 0
    assert "problem: envelope: found tag 61" in result.stdout
    assert "1 bytes behind the token" in result.stdout


def test_no_control_character_of_a_token_reaches_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "escape.cbor"
    file.write_bytes(GOOD.replace(b"PSA_IOT_PROFILE_1", b"\x1b[2JPSA_PROFILE_1"))
    for command, arguments in (
        (token_group, ["show", str(file)]),
        (verify_command, [str(file), "--key", "-"]),
    ):
        key = VECTORS["keys"]["tfm-dummy-iak"]["pem_private"]
        result = CliRunner().invoke(command, arguments, input=key)
        assert "PROFILE_1" in result.stdout
        assert "\x1b" not in result.stdout


def test_text_that_the_terminal_cannot_encode_is_escaped(tmp_path: Path) -> None:
    file = tmp_path / "umlaut.cbor"
    file.write_bytes(GOOD.replace(b"PSA_IOT_PROFILE_1", "PSA_IOT_PROFIL_\u00fc".encode()))
    command = [sys.executable, "-c", "from tfm_sim.tools.cli import main; main()", "token", "show", str(file)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert rb"PSA_IOT_PROFIL_\xfc" in result.stdout


@pytest.mark.parametrize("form", [GOOD, GOOD.hex().encode() + b"\n"], ids=["binary", "hex"])
def test_standard_input_through_the_installed_command(form: bytes, files: Path) -> None:
    command = [sys.executable, "-c", "from tfm_sim.tools.cli import main; main()"]
    result = subprocess.run(
        [*command, "verify", "-", "--key", "iak.pem"], input=form, capture_output=True, cwd=files, check=False
    )
    assert result.returncode == 0
    assert b"ACCEPTED" in result.stdout
    assert b"\x1b" not in result.stdout
