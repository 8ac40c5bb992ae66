"""The writers of tokens that are bent on purpose: CBOR heads (RFC 8949 3) and COSE messages (RFC 9052)."""

import io
from contextlib import suppress

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from support.token_parts import load_recording, take_apart

from tfm_sim.tools.tokens import cbor_writer as cbor
from tfm_sim.tools.tokens.cose_writer import (
    SigningKey,
    SigningKeyUnusable,
    load_signing_key,
    write_cose,
)
from tfm_sim.tools.verifier import Kind, SignatureState, verify
from tfm_sim.tools.verifier.envelope import CoseKind

VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
PAYLOAD = take_apart(TOKENS["derived-p1"]).payload
P256 = ec.derive_private_key(0x1234, ec.SECP256R1())
P384 = ec.derive_private_key(0x1234, ec.SECP384R1())
P521 = ec.derive_private_key(0x1234, ec.SECP521R1())


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form)


@pytest.mark.parametrize(
    "made, wanted",
    [
        (cbor.write_int(23), "17"),
        (cbor.write_int(24), "1818"),
        (cbor.write_int(24, 4), "1a00000018"),
        (cbor.write_int(0, 1), "1800"),
        (cbor.write_int(-75008), "3a000124ff"),
        (cbor.write_int((1 << 64) - 1), "1bffffffffffffffff"),
        (cbor.write_int(-(1 << 64)), "3bffffffffffffffff"),
        (cbor.write_bytes(b"ab"), "426162"),
        (cbor.write_bytes(b"ab", 2), "5900026162"),
        (cbor.write_text("\u00fc"), "62c3bc"),
        (cbor.write_text(b"\xff"), "61ff"),
        (cbor.join_array([b"\x01", b"\x02"], 1), "98020102"),
        (cbor.join_map([(b"\x01", b"\x02"), (b"\x01", b"\x03")]), "a201020103"),
        (cbor.wrap_tag(61, b"\x01"), "d83d01"),
        (cbor.write_simple(22), "f6"),
        (cbor.write_simple(255), "f8ff"),
        (cbor.indefinite_bytes([b"a", b"bc"]), "5f4161426263ff"),
        (cbor.indefinite_text(["a"]), "7f6161ff"),
        (cbor.indefinite_array([b"\x01"]), "9f01ff"),
        (cbor.indefinite_map([(b"\x01", b"\x02")]), "bf0102ff"),
    ],
)
def test_heads(made: bytes, wanted: str) -> None:
    assert made.hex() == wanted


@pytest.mark.parametrize(("argument", "width"), [(-1, None), (1 << 64, None), (24, 0), (256, 1), (1, 3)])
def test_an_argument_that_does_not_fit_is_refused(argument: int, width: int | None) -> None:
    with pytest.raises(ValueError, match="CBOR argument"):
        cbor.head(0, argument, width)


@given(st.integers(-(1 << 64), (1 << 64) - 1), st.sampled_from([None, 8]))
def test_any_integer_in_any_width_reads_back(value: int, width: int | None) -> None:
    assert cbor2.load(io.BytesIO(cbor.write_int(value, width))) == value


@pytest.mark.parametrize(
    "key, alg, tag",
    [
        (P256, -7, 18),
        (P384, -35, 18),
        (P521, -36, 18),
        (bytes(32), 5, 17),
        (bytes(48), 6, 17),
        (bytes(64), 7, 17),
    ],
)
@pytest.mark.parametrize("kid", [None, b"key 1"])
def test_the_key_alone_chooses_a_token_that_verifies(
    key: SigningKey, alg: int, tag: int, kid: bytes | None
) -> None:
    token = write_cose(PAYLOAD, key, kid=kid)
    parts = take_apart(token)
    assert (parts.tag, cbor2.loads(parts.protected)) == (tag, {1: alg})
    assert parts.unprotected == ({4: kid} if kid else {})
    assert parts.payload == PAYLOAD
    assert verify(token, key).signature is SignatureState.VALID
    assert token == write_cose(PAYLOAD, key, kid=kid)  # RFC 6979: the same input, the same token


@pytest.mark.parametrize(
    "token, key, kind",
    [
        (write_cose(PAYLOAD, P256, tags=()), P256, Kind.TAG_MISSING),
        (write_cose(PAYLOAD, P256, tags=(61, 18)), P256, Kind.TAG_EXTRA),
        (write_cose(PAYLOAD, P256, tags=(17,)), P256, Kind.ALG_MISMATCH),
        (write_cose(PAYLOAD, P256, alg=-35), P256, Kind.ALG_MISMATCH),
        (write_cose(PAYLOAD, P256, protected=b""), P256, Kind.ALG_MISSING),
        (write_cose(PAYLOAD, P256, unprotected=b"\xa1\x01\x26", protected=b""), P256, Kind.ALG_UNPROTECTED),
        (write_cose(PAYLOAD, None, alg=-7, signature=bytes(64)), P256, Kind.SIGNATURE_INVALID),
        (write_cose(PAYLOAD, P256, signature=b""), P256, Kind.SIGNATURE_LENGTH),
        (write_cose(PAYLOAD, b"short", alg=5, kind=CoseKind.MAC0), bytes(32), Kind.SIGNATURE_INVALID),
    ],
)
def test_each_choice_reaches_the_token(token: bytes, key: SigningKey, kind: Kind) -> None:
    assert kind in verify(token, key).kinds()


@pytest.mark.parametrize("key", [P256, P384, P521])
def test_private_keys_come_from_pem(key: ec.EllipticCurvePrivateKey) -> None:
    loaded = load_signing_key(pem(key))
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.private_numbers() == key.private_numbers()


@pytest.mark.parametrize("data", [bytes(range(48)), bytes(range(48)).hex().encode() + b"\n"])
def test_secrets_come_raw_and_as_hex(data: bytes) -> None:
    assert load_signing_key(data) == bytes(range(48))


@pytest.mark.parametrize(
    "data, said",
    [
        (bytes(31), "31 bytes"),
        (b"", "0 bytes"),
        (pem(ec.derive_private_key(5, ec.SECP256K1())), "secp256k1"),
        (pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))), "another kind"),
        (b"-----BEGIN PUBLIC KEY-----\n", "without a private key"),
    ],
)
def test_what_is_no_signing_key_is_named(data: bytes, said: str) -> None:
    with pytest.raises(SigningKeyUnusable, match=said) as refused:
        load_signing_key(data)
    assert "legal:" in str(refused.value)


@pytest.mark.parametrize("key", [None, b"five!"])
def test_a_message_needs_a_key_that_chooses_an_algorithm(key: bytes | None) -> None:
    with pytest.raises(SigningKeyUnusable, match="legal:"):
        write_cose(PAYLOAD, key)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_or_one_error(data: bytes) -> None:
    with suppress(SigningKeyUnusable):
        load_signing_key(data)
