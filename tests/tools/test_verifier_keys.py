"""What may be given as a key, and what a key says about a device."""

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tfm_sim.interface.errors import ExitCode
from tfm_sim.platform.provisioning import DUMMY_2019
from tfm_sim.tools.verifier import EcKey, InstanceRule, KeyUnusable, MacKey, load_key
from tfm_sim.tools.verifier.identity import cose_key, instance_hashes, matching_rule, well_known

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8, SEC1 = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
OPEN = serialization.NoEncryption()
PRIVATE = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
POINT = PRIVATE.public_key().public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)


@pytest.mark.parametrize(
    "source",
    [
        PRIVATE,
        PRIVATE.public_key(),
        PRIVATE.public_key().public_bytes(PEM, SPKI),
        PRIVATE.public_key().public_bytes(PEM, SPKI).decode(),
        PRIVATE.private_bytes(PEM, PKCS8, OPEN),
        PRIVATE.private_bytes(PEM, SEC1, OPEN),
        b"a comment\n" + PRIVATE.public_key().public_bytes(PEM, SPKI),
        POINT,
        POINT.hex(),
        POINT.hex().encode() + b"\n",
    ],
    ids=["private", "public", "SPKI", "text", "PKCS8", "SEC1", "comment", "point", "hex", "hex with newline"],
)
def test_one_ec_key_in_every_form(source: object) -> None:
    key = load_key(source)  # type: ignore[arg-type]
    assert isinstance(key, EcKey)
    assert key.point() == POINT


@pytest.mark.parametrize("size", [32, 48, 64])
def test_symmetric_key_raw_and_hex(size: int) -> None:
    secret = bytes(range(200, 200 + size % 56)) + bytes(size - size % 56)
    for source in (secret, secret.hex(), secret.hex().upper().encode()):
        key = load_key(source)
        assert isinstance(key, MacKey)
        assert key.secret == secret
        assert secret.hex() not in repr(key)


@pytest.mark.parametrize(
    "source, named",
    [
        (b"", "0 bytes"),
        (bytes(16), "16 bytes"),
        (b"\x04" + bytes(64), "not on P-256"),
        (b"\x03" + bytes(64), "65 bytes"),
        (ec.derive_private_key(7, ec.SECP256K1()).public_key().public_bytes(PEM, SPKI), "secp256k1"),
        (
            ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes(PEM, SPKI),
            "Ed25519",
        ),
        (b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", "cannot be read"),
        (
            PRIVATE.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret")),
            "ENCRYPTED PRIVATE KEY",
        ),
    ],
)
def test_unusable_key_says_what_was_found_and_what_is_legal(source: bytes, named: str) -> None:
    with pytest.raises(KeyUnusable) as caught:
        load_key(source)
    assert named in str(caught.value)
    assert "legal:" in str(caught.value)
    assert caught.value.exit_code is ExitCode.COULD_NOT_ASK


def test_rsa_key_is_of_the_wrong_kind() -> None:
    public = rsa.RSAPublicNumbers(65537, (1 << 2047) + 1).public_key()
    with pytest.raises(KeyUnusable, match="RSA"):
        load_key(public.public_bytes(PEM, SPKI))


@pytest.mark.parametrize(
    "curve, size",
    [(ec.SECP256R1(), 75), (ec.SECP384R1(), 107), (ec.SECP521R1(), 143)],
    ids=["P-256", "P-384", "P-521"],
)
def test_cose_key_has_the_documented_size(curve: ec.EllipticCurve, size: int) -> None:
    key = load_key(ec.derive_private_key(3, curve))
    assert isinstance(key, EcKey)
    assert len(cose_key(key)) == size


DUMMY = "a9b454b26d6f90a4ea31193564cba91fec6f9a002a7dc0504b92a1937134585f"
DUMMY_2019 = "c74670bcb7e85b3803efb428940492e73e3fe9d4f7b5a8ad5e480cbdbcb554c2"


def private(scalar: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(scalar, 16), ec.SECP256R1())


@pytest.mark.parametrize(
    "source, rule, instance_id",  # the instance ids that TF-M's documents and releases show for its own keys
    [
        (
            private(DUMMY),
            InstanceRule.COSE_KEY,
            "01078c18f110f432ff780cd8dae58069a2a0d82277cbc66450c8581dd47d96a22e",
        ),
        (
            private(DUMMY),
            InstanceRule.POINT,
            "01fa58755f658627ce5460f29b75296713248cae7ad9e2984b90280efcbcb50248",
        ),
        (
            private(DUMMY_2019),
            InstanceRule.COORDINATES,
            "01f40c8fbf12db782afdf475966a068236e032ab80d1b7f1bc9fe7d87a88cb26d0",
        ),
        (DUMMY, InstanceRule.SYMMETRIC, "01bfe8a99b25d95ca842256bef147a5922b69fbc78faa9ef9f94113d182aaf7c6f"),
    ],
)
def test_instance_id_rules(source: object, rule: InstanceRule, instance_id: str) -> None:
    key = load_key(source)  # type: ignore[arg-type]
    assert matching_rule(bytes.fromhex(instance_id), key) is rule
    assert well_known(key) is not None
    assert matching_rule(b"\x02" + bytes.fromhex(instance_id)[1:], key) is None


def test_an_own_key_is_not_well_known() -> None:
    key = load_key(PRIVATE)
    assert well_known(key) is None
    assert instance_hashes(key)[InstanceRule.POINT] == hashlib.sha256(POINT).digest()


PUBLISHED = json.loads(
    (Path(__file__).parent.parent / "data" / "recordings" / "attestation-vectors.json").read_text()
)["keys"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_key_is_known(name: str) -> None:
    """TF-M's dummies and the test keys of iat-verifier, ccatoken and TF-RMM: private halves that all have."""
    entry = PUBLISHED[name]
    key = load_key(entry["pub_uncompressed_hex"] if entry["kind"] == "EC" else entry["hex"])
    known = well_known(key)
    assert known is not None
    assert ("dummy" in known) == name.startswith("tfm-")


def test_dummy_key_of_2019_is_known() -> None:
    private = ec.derive_private_key(int.from_bytes(DUMMY_2019.iak, "big"), ec.SECP256R1())
    assert well_known(load_key(private)) == "TF-M's dummy IAK of 2019"
