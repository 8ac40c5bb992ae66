"""`tfm-sim token compile, decompile, diff, size` and `show --hex` as a shell sees them."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.command_line import CommandLine
from support.token_parts import load_recording, take_apart

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
GOOD = TOKENS["derived-p1"]
CCA = TOKENS["iatv-cca-2024"]


def pem(curve: ec.EllipticCurve) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ec.derive_private_key(0x1234, curve).private_bytes(*form)


@pytest.fixture
def tfm_sim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    keys = VECTORS["keys"]
    (tmp_path / "token.cbor").write_bytes(GOOD)
    (tmp_path / "cca.cbor").write_bytes(CCA)
    (tmp_path / "rfc.cbor").write_bytes(TOKENS["derived-p2_268"])
    (tmp_path / "iak.pem").write_text(keys["tfm-dummy-iak"]["pem_private"])
    (tmp_path / "p384.pem").write_bytes(pem(ec.SECP384R1()))
    (tmp_path / "scalar.hex").write_text(f"{0x1234:096x}\n")
    (tmp_path / "zero.bin").write_bytes(bytes(32))
    (tmp_path / "sym.hex").write_text(keys["tfm-dummy-sym-iak"]["hex"])
    (tmp_path / "public.pem").write_text("-----BEGIN PUBLIC KEY-----\n")
    (tmp_path / "claims.yaml").write_text("challenge: !!binary AAEC\nclient_id: 3002\n")
    (tmp_path / "bad.yaml").write_text("challenge: !!binary AAEC\nclientid: 3002\n")
    (tmp_path / "outer.yaml").write_text("cca_platform_token: !inc claims2.yaml\n")
    (tmp_path / "claims2.yaml").write_text("cca_platform_config: !!binary AAEC\n")
    (tmp_path / "text.txt").write_text("this is no token\n")
    monkeypatch.chdir(tmp_path)
    return CommandLine(monkeypatch, capsys)


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ("token show token.cbor --hex", 0, "0005  26"),
        ("token diff token.cbor token.cbor", 0, "equal"),
        ("token diff token.cbor rfc.cbor", 1, "different: 1 difference"),
        ("token diff token.cbor cca.cbor", 1, "platform token"),
        ("token size token.cbor", 0, "466 bytes (-54) without optional claims (ATTEST_INCLUDE"),
        ("token size cca.cbor", 0, "exceeds PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE (592) by 926"),
        ("token decompile token.cbor", 0, "security_lifecycle: sl_secured"),
        ("token decompile cca.cbor", 0, "cca_realm_delegated_token:"),
    ],
)
def test_answers(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.err) == (code, "")
    assert said in tfm_sim.out


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        ("token compile bad.yaml -o x", 4, "bad.yaml:2: clientid: no claim of this name; legal: profile_id"),
        ("token compile missing.yaml -o x", 4, "missing.yaml: No such file"),
        (
            "token compile text.txt -o x",
            4,
            "text.txt:1: found the value 'this is no token'; legal: a mapping",
        ),
        ("token compile claims.yaml", 2, "Missing option '-o'"),
        ("token compile claims.yaml -o x --key public.pem", 4, "public.pem: signing key"),
        ("token compile claims.yaml -o x --key iak.pem -m mac", 4, "legal: a secret, or method sign"),
        (
            "token compile claims.yaml -o x --key zero.bin -m sign",
            4,
            "zero.bin: signing key: a scalar out",
        ),
        ("token compile claims.yaml -o x --key text.txt -m sign", 4, "text.txt: signing key: found"),
        ("token compile claims.yaml -o x --key iak.pem --platform-key iak.pem", 2, "legal: one of them"),
        ("token compile claims.yaml -o x --alg RS256", 2, "legal: ES256 (-7)"),
        ("token compile claims.yaml -o x --kid xyz", 2, "pairs of hex digits"),
        ("token compile claims.yaml -o x -t nonsense", 2, "'nonsense' is not one of"),
        ("token compile claims.yaml -o no/where", 4, "no/where"),
        ("token decompile text.txt", 4, "text.txt: this is no token"),
        ("token decompile token.cbor --with-signature --iat-verifier", 2, "legal: one of them"),
        ("token diff token.cbor text.txt", 4, "text.txt: this is no token"),
        ("token diff - -", 2, "legal: one token on standard input"),
        ("token size missing.cbor", 4, "missing.cbor: No such file"),
        ("token show text.txt --hex", 4, "text.txt: this is no token"),
    ],
)
def test_could_not_ask(arguments: str, code: int, said: str, tfm_sim: CommandLine) -> None:
    assert (tfm_sim(*arguments.split()), tfm_sim.out) == (code, "")
    assert said in tfm_sim.err


@pytest.mark.parametrize(
    "options, tag, protected, kid",
    [
        ("--key iak.pem", 18, "a10126", None),
        ("--key p384.pem", 18, "a1013822", None),
        ("--key sym.hex", 17, "a10105", None),
        ("--key iak.pem -m sign", 18, "a10126", None),
        ("--key sym.hex -m sign", 18, "a10126", None),  # the same bytes, as a scalar on P-256
        ("--key scalar.hex -m sign", 18, "a1013822", None),
        ("--key sym.hex -m mac --kid 6b6579", 17, "a10105", b"key"),
        ("--key iak.pem --alg ES384", 18, "a1013822", None),
        ("--key iak.pem --alg -999", 18, "a10139" + "03e6", None),
        ("--alg HMAC", 0, "", None),
        ("--alg ES512", 18, "a1013823", None),
    ],
)
def test_a_compiled_token_has_what_was_asked_for(
    options: str, tag: int, protected: str, kid: bytes | None, tfm_sim: CommandLine, tmp_path: Path
) -> None:
    code = tfm_sim("token", "compile", "claims.yaml", "-o", "made.cbor", *options.split())
    if tag == 0:  # no such algorithm
        assert (code, "legal: ES256" in tfm_sim.err) == (2, True)
        return
    assert (code, tfm_sim.out) == (0, "")
    parts = take_apart((tmp_path / "made.cbor").read_bytes())
    assert (parts.tag, parts.protected.hex()) == (tag, protected)
    assert parts.unprotected == ({4: kid} if kid else {})
    assert ("note: no key: the signature is empty" in tfm_sim.err) == ("--key" not in options)


def test_a_scalar_signs_as_its_pem_file_does(tfm_sim: CommandLine, tmp_path: Path) -> None:
    for key, where in (("p384.pem", "one.cbor"), ("scalar.hex", "two.cbor")):
        assert tfm_sim("token", "compile", "claims.yaml", "-o", where, "--key", key, "-m", "sign") == 0
    assert (tmp_path / "one.cbor").read_bytes() == (tmp_path / "two.cbor").read_bytes()


def test_a_compiled_token_is_accepted_again(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("token", "decompile", "token.cbor", "-o", "again.yaml") == 0
    assert tfm_sim("token", "compile", "again.yaml", "-o", "again.cbor", "--key", "iak.pem") == 0
    assert tfm_sim.err == f"token of {len(GOOD)} bytes written to again.cbor\n"
    assert tfm_sim("verify", "again.cbor", "--key", "iak.pem") == 0
    assert tfm_sim("token", "diff", "token.cbor", "again.cbor") == 0
    assert "signatures over the same bytes differ" in tfm_sim.out


def test_with_its_signature_a_token_comes_back_whole_through_pipes(
    tfm_sim: CommandLine, tmp_path: Path
) -> None:
    assert tfm_sim("token", "decompile", "cca.cbor", "-o", "cca.yaml", "--with-signature") == 0
    assert tfm_sim("token", "compile", "cca.yaml", "-o", "made.cbor") == 0
    assert (tmp_path / "made.cbor").read_bytes() == CCA


def test_what_the_verifier_would_refuse_is_said(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "compile", "claims.yaml", "-o", "made.cbor", "--key", "iak.pem") == 0
    assert "note: the verifier refuses it: nonce (-75008): found 3 bytes; legal" in tfm_sim.err


def test_raw_claims_and_included_files(tfm_sim: CommandLine, tmp_path: Path) -> None:
    assert tfm_sim("token", "compile", "claims.yaml", "-o", "raw.cbor", "-m", "raw") == 0
    assert (tmp_path / "raw.cbor").read_bytes().hex() == "a23a000124ff430001023a000124f8190bba"
    assert tfm_sim("token", "compile", "outer.yaml", "-o", "outer.cbor", "--platform-key", "p384.pem") == 0
    (tmp_path / "claims2.yaml").unlink()
    assert tfm_sim("token", "compile", "outer.yaml", "-o", "outer.cbor") == 4
    assert "outer.yaml:1: cca_platform_token: !inc claims2.yaml: claims2.yaml: No such file" in tfm_sim.err


def test_iat_verifiers_words_alone(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "decompile", "rfc.cbor", "--iat-verifier") == 0
    assert "eat_boot_seed" not in tfm_sim.out
    assert tfm_sim.err == "note: left out: claim 268, which iat-verifier has no words for\n"


def test_json_says_the_same_as_data(tfm_sim: CommandLine) -> None:
    assert tfm_sim("token", "show", "token.cbor", "--hex", "--json") == 0
    fields = json.loads(tfm_sim.out)
    assert "".join(field["hex"] for field in fields) == GOOD.hex()
    assert tfm_sim("token", "diff", "token.cbor", "rfc.cbor", "--json") == 1
    found = json.loads(tfm_sim.out)
    assert (found["equal"], found["differences"][0]["first"]) == (False, '"PSA_IOT_PROFILE_1"')
    assert tfm_sim("token", "size", "token.cbor", "--json") == 0
    size = json.loads(tfm_sim.out)
    assert (size["size"], size["limit"]) == (520, 592)
    assert sum(piece["size"] for piece in size["parts"][0]["pieces"]) == 520


def test_a_description_cannot_have_a_pipe_waited_for(tfm_sim: CommandLine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "t.yaml").write_text("challenge: !inc pipe\n")
    assert tfm_sim("token", "compile", tmp_path / "t.yaml", "-o", tmp_path / "t.cbor") == 4
    assert "pipe: not a file; legal: a regular file" in tfm_sim.err
