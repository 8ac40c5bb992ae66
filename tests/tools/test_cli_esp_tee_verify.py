"""`tfm-sim esp-tee verify` at its edges, on a token made by hand."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.esp_token import CHALLENGE, NONCE, changed, members, sign

POINT = members()["public_key"]["compressed"]
BOOK = f'devices: [{{name: lamp 7, public_key: "{POINT}"}}]\n'


@pytest.fixture(autouse=True)
def files(tfm_sim: CommandLine) -> None:
    """In the directory of the test; `tfm_sim` is what changes into it."""
    Path("token.json").write_bytes(sign(members()))
    Path("old.json").write_bytes(sign(members("slot")))
    Path("bad.json").write_bytes(sign(changed("eat.sw_claims.app.part_digest.digest_validated", False)))
    Path("key.txt").write_text(POINT)
    Path("book.yaml").write_text(BOOK)
    Path("policy.yaml").write_text(BOOK + "reference: {device_status: [0]}\n")
    Path("wrong.yaml").write_text("devices: [{}]")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["token.json", "--key", "key.txt", "--challenge", CHALLENGE.hex()], 0, "ACCEPTED: ESP-TEE token"),
        (["token.json", "--reference", "book.yaml"], 0, "key        of lamp 7"),
        (["old.json", "--key", "key.txt", "--nonce", hex(NONCE)], 0, "form slot"),
        (["old.json", "--key", "key.txt", "--nonce", str(NONCE - (1 << 32))], 0, "ACCEPTED"),
        (["old.json", "--key", "key.txt", "--nonce", "1"], 1, "legal: 1, the nonce 0x00000001"),
        (["token.json", "--key", "key.txt", "--challenge", "00" * 32], 1, "because eat.auth_challenge"),
        (["bad.json", "--key", "key.txt"], 1, "the application in flash does not have the digest"),
        (["token.json", "--reference", "policy.yaml"], 1, "the reference is 0"),
        (["key.txt", "--key", "key.txt"], 1, "REFUSED: ESP-TEE token, no token"),
        (["-", "--key", "-"], 2, "- for FILE and --key; legal: one file from standard input"),
        (["-", "--key", "key.txt", "--reference", "-"], 2, "- for FILE and --reference"),
        (["token.json", "--key", "-", "--key", "-"], 2, "- for --key; legal: one file"),
        (["token.json"], 2, "a token's own key proves nothing"),
        (["old.json", "--key", "key.txt", "--nonce", "x"], 2, "legal: a number of 32 bits"),
        (["token.json", "--key", "key.txt", "--nonce", "1", "--challenge", "00"], 2, "legal: one of them"),
        (["token.json", "--reference", "policy.yaml", "--reference", "policy.yaml"], 2, "legal: in one"),
        (["token.json", "--reference", "wrong.yaml"], 4, "wrong.yaml:1: devices[0]: missing key 'name'"),
        (["token.json", "--key", "token.json"], 4, "token.json: key: found"),
        (["none.json", "--key", "key.txt"], 4, "legal: a readable file"),
    ],
)
def test_answers(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    assert tfm_sim("esp-tee", "verify", *arguments) == code
    assert text in tfm_sim.out + tfm_sim.err


def test_json(tfm_sim: CommandLine) -> None:
    assert tfm_sim("esp-tee", "verify", "bad.json", "--key", "key.txt", "--json") == 1
    verdict = json.loads(tfm_sim.out)
    assert (verdict["ok"], verdict["form"], verdict["signature"]) == (False, "psa-ueid", "valid")
    assert [reason["kind"] for reason in verdict["reasons"]] == ["digest-not-validated"]
