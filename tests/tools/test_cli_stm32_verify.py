"""`tfm-sim stm32 verify` at its edges, on a token and a chain made by hand."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.command_line import CommandLine
from support.dua_chain import CHALLENGE, OTHER, PKI, dua_certificate, presented

NOW = ["--at", "2026-06-01"]
GOOD = ["token.cbor", "--certificate", "dua.der", "--chain", "chain.pem", "--root", "root.der"]


def pem(*certificates: bytes) -> bytes:
    return b"".join(x509.load_der_x509_certificate(c).public_bytes(Encoding.PEM) for c in certificates)


@pytest.fixture(autouse=True)
def files(tfm_sim: CommandLine) -> None:
    """In the directory of the test; `tfm_sim` is what changes into it."""
    good = presented()
    Path("token.cbor").write_bytes(good.token)
    Path("token.hex").write_text(good.token.hex())
    Path("dua.der").write_bytes(good.certificate)
    Path("other.der").write_bytes(dua_certificate(OTHER, 2))
    Path("chain.pem").write_bytes(pem(*good.intermediates))
    Path("root.der").write_bytes(PKI.root.der)
    Path("both.pem").write_bytes(pem(PKI.root.der, *good.intermediates))
    Path("broken.pem").write_text("-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([*GOOD, *NOW, "--challenge", CHALLENGE.hex()], 0, "ACCEPTED: token of"),
        (["token.hex", *GOOD[1:], *NOW], 0, "ok       DUA certificate"),
        (["token.cbor", "--certificate", "dua.der", "--root", "both.pem", *NOW], 0, "ACCEPTED"),
        ([*GOOD, "--at", "2056-01-01"], 1, "because DUA certificate: until"),
        ([*GOOD, "--at", "2024-12-31T23:59:59"], 1, "because root: from"),
        ([*GOOD, *NOW, "--challenge", "00" * 32], 1, "because nonce"),
        (
            ["token.cbor", "--certificate", "other.der", *GOOD[3:], *NOW],
            1,
            "because envelope: the signature does not verify",
        ),
        (
            ["token.cbor", "--certificate", "dua.der", "--root", "root.der", *NOW],
            1,
            "no certificate of the issuer",
        ),
        (["token.cbor", "--certificate", "token.cbor", *GOOD[3:], *NOW], 1, "no certificate in DER"),
        ([*GOOD, "--at", "noon"], 2, "legal: 2026-12-31"),
        ([*GOOD, "--at", "1780272000"], 0, "ACCEPTED"),
        ([*GOOD, "--at", "9999-12-31T23:59:59-12:00"], 2, "in the years 1 to 9999 of UTC"),
        ([*GOOD, "--at", "0001-01-01T00:00:00+12:00"], 2, "in the years 1 to 9999 of UTC"),
        ([*GOOD, "--at", "999999999999"], 2, "in the years 1 to 9999 of UTC"),
        (["-", *GOOD[1:], "--key", "-"], 2, "- for FILE and --key; legal: one file from standard input"),
        (["-", "--certificate", "-", *GOOD[3:]], 2, "- for FILE and --certificate"),
        ([*GOOD, *NOW, "--root", "token.cbor"], 4, "token.cbor: found"),
        (GOOD[:3], 2, "Missing option '--root'"),
        (["token.cbor", "--certificate", "both.pem", *GOOD[3:]], 4, "both.pem: 3 certificates; legal: one"),
        (["token.cbor", "--certificate", "broken.pem", *GOOD[3:]], 4, "no certificate in this PEM"),
    ],
)
def test_answers(tfm_sim: CommandLine, arguments: list[str], code: int, text: str) -> None:
    assert tfm_sim("stm32", "verify", *arguments) == code, tfm_sim.out + tfm_sim.err
    assert text in tfm_sim.out + tfm_sim.err


def test_json(tfm_sim: CommandLine) -> None:
    assert tfm_sim("stm32", "verify", *GOOD, *NOW, "--json") == 0
    verdict = json.loads(tfm_sim.out)
    assert [link["place"] for link in verdict["chain"]["links"]] == [
        "root",
        "intermediate",
        "DUA certificate",
    ]
    assert (verdict["ok"], verdict["token"]["signature"]) == (True, "valid")
