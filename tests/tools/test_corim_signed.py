"""Signed CoRIMs: the headers that must stand in them, and whose signature holds."""

import contextlib
import datetime
from typing import Any

import cbor2
import pytest
from cbor2 import CBORTag
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from support.corim_values import GONE, corim

from tfm_sim.tools.endorsements import (
    EndorsementError,
    Endorsements,
    Entity,
    Signature,
    Validity,
    load_corim,
    load_endorsements,
    sign_corim,
)
from tfm_sim.tools.tokens.cose_writer import SigningKeyUnusable, write_cose
from tfm_sim.tools.verifier.keys import load_key

QUICK = settings(max_examples=200, deadline=None)
KEYS = {
    size: ec.derive_private_key(7, curve())
    for size, curve in ((256, ec.SECP256R1), (384, ec.SECP384R1), (521, ec.SECP521R1))
}
KEY = KEYS[256]
PUBLIC = load_key(KEY)
OTHER = load_key(ec.derive_private_key(8, ec.SECP256R1()))
SIGNER = Entity("ACME Ltd.", "https://acme.example")
META = {0: {0: "ACME Ltd."}}
HEADER = {1: -7, 3: "application/rim+cbor", 8: cbor2.dumps(META)}


def signed(header: Any = HEADER, payload: bytes = corim(), **more: Any) -> bytes:
    """By hand; header entries that are GONE are left out."""
    if isinstance(header, dict):
        header = cbor2.dumps({key: value for key, value in header.items() if value is not GONE})
    return write_cose(payload, KEY, protected=header, **more)


@pytest.mark.parametrize("size", KEYS)
def test_signed_and_verified(size: int) -> None:
    key = KEYS[size]
    data = sign_corim(corim(), key, SIGNER, validity=Validity(200, 100), kid=b"kid")
    found = load_corim(data, keys=[OTHER, load_key(key)]).signature
    algorithm = {256: -7, 384: -35, 521: -36}[size]
    assert found == Signature(
        algorithm, "ACME Ltd.", "https://acme.example", Validity(200, 100), b"kid", (), verified=True
    )


def test_as_veraison_writes_it() -> None:
    """All headers protected, corim-meta in a byte string; unprotected there is nothing."""
    message = cbor2.loads(sign_corim(corim(), KEY, SIGNER, validity=Validity(200)))
    protected, unprotected, payload, signature = message.value
    assert (message.tag, dict(unprotected), payload, len(signature)) == (18, {}, corim(), 64)
    meta = {0: {0: "ACME Ltd.", 1: CBORTag(32, "https://acme.example")}, 1: {1: CBORTag(1, 200)}}
    assert protected == cbor2.dumps({1: -7, 3: "application/rim+cbor", 8: cbor2.dumps(meta)})


def test_cwt_claims_say_the_same() -> None:
    data = sign_corim(corim(), KEY, SIGNER, validity=Validity(200, 100), cwt_claims=True)
    claims = cbor2.loads(cbor2.loads(data).value[0])[15]
    assert dict(claims) == {1: "ACME Ltd.", 4: 200, 5: 100}
    assert load_corim(data, keys=[PUBLIC]).signature is not None


def test_without_a_key_nobody_looks_at_the_signature() -> None:
    data = signed(signature=bytes(64))
    found = load_corim(data).signature
    assert found is not None
    assert not found.verified
    with pytest.raises(EndorsementError, match=r"signed by somebody else: .*does not verify with this key"):
        load_corim(data, keys=[PUBLIC])


def test_with_a_key_only_signed_endorsements_count() -> None:
    with pytest.raises(EndorsementError, match=r"not signed; legal with a key: a signed CoRIM \(tag 18\)"):
        load_endorsements(corim(), keys=[PUBLIC])
    with pytest.raises(EndorsementError, match="YAML, which nobody signs; legal with a key: a signed CoRIM"):
        load_endorsements(b"reference_values: []", keys=[PUBLIC])


def test_the_early_tags_500_and_502_are_taken_off() -> None:
    early = cbor2.dumps(CBORTag(500, CBORTag(502, 0)))[:-1] + signed()
    assert load_corim(early, keys=[PUBLIC]).signature == load_corim(signed(), keys=[PUBLIC]).signature


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (signed(HEADER | {1: GONE}), r"protected header: no alg \(key 1\)"),
        (signed(HEADER | {3: GONE}), r"no content-type \(key 3\); legal: application/rim\+cbor"),
        (
            signed(HEADER | {3: "application/cbor"}),
            r"found 'application/cbor'; legal: 'application/rim\+cbor'",
        ),
        (signed(HEADER | {8: GONE}), r"no signer; legal: corim-meta \(key 8\) or CWT-Claims \(key 15\)"),
        (signed(HEADER | {8: META}), "corim-meta: found a map; legal: a byte string"),
        (signed(HEADER | {8: b"\xa0"}), r"corim-meta: no signer \(key 0\)"),
        (signed(HEADER | {8: cbor2.dumps({0: {}})}), r"signer: no signer-name \(key 0\)"),
        (signed(HEADER | {15: {}}), r"CWT-Claims: no iss \(key 1\)"),
        (
            signed(HEADER | {15: {1: "EMCA"}}),
            "'ACME Ltd.' and 'EMCA' sign; legal: the same signer and validity",
        ),
        (signed(HEADER | {15: {1: "ACME Ltd.", 4: 5}}), "legal: the same signer and validity in both"),
        (signed(HEADER | {258: -16}), "payload-hash-alg: found; legal here: the CoRIM itself, not its hash"),
        (signed(HEADER | {2: [99]}), r"crit\[0\]: found the integer 99; legal: a header that is understood"),
        (signed(HEADER | {2: [4]}), r"crit\[0\]: found the integer 4; legal: a header that is there"),
        (signed(HEADER | {2: []}), "crit: found an array of 0; legal: at least 1 item"),
        (signed(HEADER | {4: "kid"}), "kid: found 'kid'; legal: a byte string"),
        (signed(HEADER | {33: [b"one"]}), "x5chain: found an array of 1; legal: at least 2"),
        (signed(HEADER | {1: -35}), "ES384 wants an EC key on P-384"),
        (signed(HEADER | {1: -8}), "alg: found the integer -8; legal: -7"),
        (signed(payload=b"\xa0"), "payload: found a map; legal: an unsigned CoRIM"),
        (signed(b"\x80"), "protected header: found an array of 0 items; legal: a map"),
        (cbor2.dumps(CBORTag(18, [b"", {}, None, b""])), "protected header: .*truncated"),
        (cbor2.dumps(CBORTag(18, [b""])), "found an array of 1; legal: 4 items"),
    ],
)
def test_what_no_signed_corim_may_be(data: bytes, message: str) -> None:
    with pytest.raises(EndorsementError, match=message):
        load_corim(data, keys=[PUBLIC])


def test_cwt_claims_alone_will_do() -> None:
    found = load_corim(signed(HEADER | {8: GONE, 15: {1: "ACME Ltd.", 4: 200.5}}), keys=[PUBLIC]).signature
    assert found is not None
    assert (found.name, found.validity) == ("ACME Ltd.", Validity(200.5))


def test_the_signatures_validity_counts_too() -> None:
    data = sign_corim(corim(), KEY, SIGNER, validity=Validity(200, 100))
    assert load_corim(data, now=150).signature is not None
    with pytest.raises(EndorsementError, match="signature: valid until 200"):
        load_corim(data, now=201)


def certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, begin, begin.replace(year=2030))
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize("length", [1, 2])
def test_the_chain_that_veraison_asks_for(length: int) -> None:
    """RFC 9360: a single certificate stands alone, several in an array."""
    chain = [certificate(KEY, "signer"), certificate(KEYS[384], "root")][:length]
    data = sign_corim(corim(), KEY, SIGNER, certificates=chain)
    encoded = tuple(each.public_bytes(Encoding.DER) for each in chain)
    found = load_corim(data, keys=[PUBLIC]).signature
    assert found is not None
    assert found.certificates == encoded
    header = cbor2.loads(cbor2.loads(data).value[0])[33]
    assert header == encoded[0] if length == 1 else tuple(header) == encoded


def test_a_chain_of_somebody_else() -> None:
    with pytest.raises(EndorsementError, match="x5chain: its first certificate is of another key"):
        sign_corim(corim(), KEY, SIGNER, certificates=[certificate(KEYS[384], "other")])


def test_a_curve_that_cose_has_no_algorithm_for() -> None:
    with pytest.raises(SigningKeyUnusable):
        sign_corim(corim(), ec.derive_private_key(7, ec.SECP224R1()), SIGNER)


@QUICK
@given(st.integers(0, len(signed()) - 1), st.integers(0, 7))
def test_every_changed_bit_is_refused_or_means_nothing(place: int, bit: int) -> None:
    """A signature covers header and payload; what lies outside is no part of what is read."""
    data = bytearray(signed())
    data[place] ^= 1 << bit
    with contextlib.suppress(EndorsementError):
        assert load_endorsements(bytes(data), keys=[PUBLIC]) == load_endorsements(corim())


@QUICK
@given(st.binary(max_size=100))
def test_any_bytes_end_in_its_own_error(data: bytes) -> None:
    with contextlib.suppress(EndorsementError):
        assert load_corim(signed(data)).endorsements != Endorsements()
