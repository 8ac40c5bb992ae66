"""What two readers might understand differently, and what would exhaust one: each ends in its own verdict."""

import hashlib
import timeit
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.forged_tokens import (
    COMPONENT,
    ES256,
    ES384,
    GOOD,
    GOOD_PAYLOAD,
    HMAC256,
    P256,
    SECRET,
    claims_of,
    encode_map,
    mac,
    point_of,
    protect,
    sign,
    token_of,
)

from tfm_sim.tools.verifier import Kind, SignatureState, Verdict, decode, verify
from tfm_sim.tools.verifier.profiles import RFC_9783, TFM_2019

COUNT = GOOD_PAYLOAD[0]


def with_pair(encoded: bytes) -> bytes:
    """A signed token whose claims have one more pair, as it is."""
    return token_of(bytes([COUNT + 1]) + GOOD_PAYLOAD[1:] + encoded)


NEST = b"\x81" * 30 + b"\x00"


@pytest.mark.parametrize(
    "token, kinds",
    [
        # RFC 8949 5.6: at every depth
        pytest.param(with_pair(b"\x19\x27\x0f\xa2\x01\x00\x01\x00"), {Kind.DUPLICATE_KEY}, id="in a claim"),
        pytest.param(
            with_pair(b"\x19\x27\x0f\x81\x81\xa1\x00\xa2\x01\x00\x01\x00"), {Kind.DUPLICATE_KEY}, id="deep"
        ),
        pytest.param(
            with_pair(b"\x19\x27\x0f\xa1\xa2\x01\x00\x01\x00\x00"), {Kind.DUPLICATE_KEY}, id="in a key"
        ),
        pytest.param(
            token_of(encode_map(claims_of(RFC_9783)).replace(b"\x01\x63SPE", b"\x02\x58\x20" + bytes(32))),
            {Kind.DUPLICATE_KEY},
            id="in a component",
        ),
        pytest.param(
            token_of(unprotected={99: 1}).replace(b"\xa1\x18\x63\x01", b"\xa2\x18\x63\x01\x18\x63\x02"),
            {Kind.DUPLICATE_KEY},
            id="in the unprotected header",
        ),
        # RFC 8949 3.4.3: 2(h'0a') is 10
        pytest.param(
            with_pair(b"\xc2\x41\x0a\x58\x20" + bytes(32)),
            {Kind.DUPLICATE_KEY, Kind.CLAIM_TYPE},
            id="a bignum hides a label",
        ),
        pytest.param(with_pair(b"\xc2\x49" + b"\xff" * 9 + b"\x00"), {Kind.CLAIM_TYPE}, id="bignum label"),
        pytest.param(with_pair(b"\x1b" + b"\xff" * 8 + b"\x00"), set(), id="largest label"),
        pytest.param(with_pair(b"\x3b" + b"\xff" * 8 + b"\x00"), set(), id="smallest label"),
        pytest.param(with_pair(b"\xf5\x00"), {Kind.CLAIM_TYPE}, id="true for a label"),
        pytest.param(with_pair(b"\xf9\x49\x00\x00"), {Kind.CLAIM_TYPE}, id="10.0 for a label"),
        pytest.param(with_pair(b"\x41\x0a\x00"), {Kind.CLAIM_TYPE}, id="bytes for a label"),
        pytest.param(
            with_pair(b"\x62\xff\xfe\x00"),
            {Kind.CLAIM_TYPE, Kind.INVALID_UTF8},
            id="label that is no UTF-8",
        ),
        pytest.param(
            token_of(claims_of(RFC_9783, software_components=[COMPONENT | {b"1": 1}])),
            {Kind.CLAIM_TYPE},
            id="bytes for a label of a component",
        ),
        pytest.param(
            token_of(protected=b"\xa2\x01\x26\xf5\x00"), {Kind.ENVELOPE_SHAPE}, id="true for a header label"
        ),
        pytest.param(with_pair(b"\x19\x27\x0f\xc2\x41\x01"), set(), id="a tag in a claim that nobody knows"),
        pytest.param(
            token_of(GOOD_PAYLOAD.replace(b"\x19\x09\x5a\x20", b"\x19\x09\x5a\xc3\x41\x00")),
            {Kind.CLAIM_TYPE},
            id="client id as a bignum",
        ),
        # depth and length
        pytest.param(with_pair(b"\x19\x27\x0f" + NEST), {Kind.MALFORMED_CBOR, Kind.SIGNATURE_INVALID}),
        pytest.param(b"\xd2" * 100_000, {Kind.MALFORMED_CBOR}, id="only tags"),
        pytest.param(b"\x81" * 100_000, {Kind.MALFORMED_CBOR}, id="only arrays"),
        pytest.param(b"\xa1" * 100_000, {Kind.MALFORMED_CBOR}, id="only maps"),
        pytest.param(b"\xd2\x84\x5b\x7f" + b"\xff" * 7, {Kind.MALFORMED_CBOR}, id="a length of 2^63"),
        pytest.param(b"\xd2\x9b" + b"\xff" * 8, {Kind.MALFORMED_CBOR}, id="2^64 items"),
        # indefinite lengths in every place
        pytest.param(b"\xd2\x84\x5f\x43\xa1\x01\x26\xff" + GOOD[6:], {Kind.INDEFINITE_LENGTH}, id="bstr"),
        pytest.param(token_of(protected=b"\xbf\x01\x26\xff"), {Kind.INDEFINITE_LENGTH, Kind.ALG_MISSING}),
        pytest.param(with_pair(b"\x19\x27\x0f\x9f\xff"), {Kind.INDEFINITE_LENGTH}, id="in a claim"),
        pytest.param(with_pair(b"\x19\x27\x0f\x7f\x61a\xff"), {Kind.INDEFINITE_LENGTH}, id="text in a claim"),
        # critical headers
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: []})), {Kind.HEADER_CRITICAL}, id="crit []"
        ),
        pytest.param(token_of(protected=cbor2.dumps({1: ES256, 2: 1})), {Kind.HEADER_CRITICAL}, id="crit 1"),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: ["x"], "x": 1})), {Kind.HEADER_CRITICAL}, id="crit x"
        ),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: [4]})), {Kind.HEADER_CRITICAL}, id="crit absent"
        ),
        pytest.param(token_of(protected=cbor2.dumps({1: ES256, 2: [1]})), set(), id="crit alg"),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: [5], 5: b"iv"})),
            {Kind.HEADER_CRITICAL},
            id="crit IV",
        ),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: [33], 33: b""})),
            {Kind.HEADER_CRITICAL},
            id="crit x5chain, which is not looked at",
        ),
    ],
)
def test_hygiene(token: bytes, kinds: set[Kind]) -> None:
    verdict = verify(token, P256)
    assert verdict.kinds() - {Kind.SIGNATURE_INVALID} == kinds - {Kind.SIGNATURE_INVALID}
    assert verdict.ok == (not kinds)


P256_POINT = point_of(P256)


def confused(alg: int, tag: int, last: bytes) -> bytes:
    return token_of(tag=tag, protected=protect(alg), signature=last)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(confused(HMAC256, 18, mac(SECRET, protect(HMAC256), GOOD_PAYLOAD)), id="HMAC in Sign1"),
        pytest.param(
            confused(ES256, 17, sign(P256, ES256, protect(ES256), GOOD_PAYLOAD)), id="ECDSA in Mac0"
        ),
        pytest.param(
            confused(HMAC256, 17, mac(P256_POINT, protect(HMAC256), GOOD_PAYLOAD)), id="point as secret"
        ),
        pytest.param(
            confused(HMAC256, 17, mac(P256_POINT[1:33], protect(HMAC256), GOOD_PAYLOAD)), id="X as secret"
        ),
        pytest.param(confused(ES384, 18, bytes(96)), id="ES384 over a P-256 key"),
        pytest.param(
            confused(ES384, 18, sign(P256, ES256, protect(ES384), GOOD_PAYLOAD)), id="ES384 signed as ES256"
        ),
    ],
)
def test_algorithm_confusion(token: bytes) -> None:
    verdict = verify(token, P256)
    assert Kind.ALG_MISMATCH in verdict.kinds()
    assert verdict.signature is not SignatureState.VALID


@pytest.mark.parametrize(
    "last", [bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32, b"\x01" * 32 + bytes(32)]
)
def test_signature_of_values_out_of_range(last: bytes) -> None:
    """ECDSA wants 0 < r, s < n: zero would verify in a careless implementation."""
    assert verify(token_of(signature=last), P256).kinds() == {Kind.SIGNATURE_INVALID}


def test_ecdsa_malleability_is_known() -> None:
    """(r, -s) verifies too, as in every ECDSA: the payload is the same, so that it is the same token."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    s = int.from_bytes(GOOD[-32:], "big")
    other = GOOD[:-32] + (order - s).to_bytes(32, "big")
    assert verify(other, P256).ok


def big(count: int, kind: str) -> bytes:
    """A signed token, large in one of its dimensions."""
    made: dict[str, Any] = {
        "claims": lambda: dict.fromkeys(range(10000, 10000 + count), 0),
        "components": lambda: {9999: [COMPONENT] * (count // 10)},
        "text": lambda: {9999: "x" * count * 4},
        "labels": lambda: {str(key): 0 for key in range(count)},
    }
    if kind == "headers":
        labels = dict.fromkeys(range(1000, 1000 + count), 0)
        protected = cbor2.dumps({1: ES256} | labels)
        return token_of(protected=protected, unprotected=labels)
    if kind == "repeated":
        return token_of(b"\xb9" + count.to_bytes(2, "big") + b"\x0a\x00" * count)
    return token_of(cbor2.dumps(dict(claims_of(RFC_9783)) | made[kind]()))


@pytest.mark.parametrize("kind", ["claims", "components", "text", "labels", "headers", "repeated"])
def test_time_is_linear_in_the_size(kind: str) -> None:
    """Eight times as much takes eight times as long, not sixty-four; with room for a busy machine."""
    small, large = (big(count, kind) for count in (2_000, 16_000))

    def seconds(token: bytes) -> float:
        return min(timeit.repeat(lambda: verify(token, P256), number=1, repeat=3))

    assert seconds(large) < 30 * max(seconds(small), 0.001)


def test_messages_are_bounded() -> None:
    verdict = verify(big(16_000, "repeated"), P256)
    assert len([reason for reason in verdict.reasons if reason.kind is Kind.DUPLICATE_KEY]) <= 8
    assert Kind.DUPLICATE_KEY in verdict.kinds()


def flipped(token: bytes, bit: int) -> bytes:
    return token[: bit // 8] + bytes([token[bit // 8] ^ 1 << bit % 8]) + token[bit // 8 + 1 :]


NUMBERS = P256.public_key().public_numbers()
COSE_KEY = cbor2.dumps({1: 2, -1: 1, -2: NUMBERS.x.to_bytes(32, "big"), -3: NUMBERS.y.to_bytes(32, "big")})
KID = hashlib.sha256(COSE_KEY).digest()
WITH_KID = token_of(unprotected={4: KID})
LABEL = WITH_KID.index(b"\xa1\x04\x58\x20" + KID) + 1  # the byte that says "kid"
KID_AT = LABEL + 3
# 04 with one bit turned, and still an integer of one byte that is no header which matters here.
OTHER_LABELS = {8 * LABEL + bit for bit in range(6)}
KID_BITS = set(range(8 * KID_AT, 8 * (KID_AT + 32)))


@pytest.mark.parametrize(
    "token, unprotected",
    [
        pytest.param(GOOD, set(), id="no unprotected header"),
        pytest.param(token_of(claims_of(TFM_2019)), set(), id="2019"),
        pytest.param(WITH_KID, OTHER_LABELS | KID_BITS, id="kid: its value and its label"),
    ],
)
def test_every_single_bit_is_refused_less_what_cose_leaves_unprotected(
    token: bytes, unprotected: set[int]
) -> None:
    """RFC 9052 3: nothing protects the unprotected header. Strict refuses its changes, too."""
    key = P256.public_key()
    assert {bit for bit in range(8 * len(token)) if verify(flipped(token, bit), key).ok} == unprotected
    for bit in unprotected:
        changed = flipped(token, bit)
        told = {warning.kind for warning in verify(changed, key).warnings}
        assert told == {Kind.KEY_ID if bit in KID_BITS else Kind.HEADER_UNKNOWN}
        assert not verify(changed, key, strict=True).ok
        assert decode(changed).parts[0].envelope.payload == GOOD_PAYLOAD


def test_every_single_bit_of_a_mac_is_refused() -> None:
    token = token_of(
        tag=17, protected=protect(HMAC256), signature=mac(SECRET, protect(HMAC256), GOOD_PAYLOAD)
    )
    assert verify(token, SECRET).ok
    assert not any(verify(flipped(token, bit), SECRET).ok for bit in range(8 * len(token)))


def test_bits_of_the_payload_are_refused_by_the_signature() -> None:
    """Whatever else the flipped claim breaks, the signature alone refuses it."""

    def state(bit: int) -> Verdict:
        return verify(flipped(GOOD, bit), P256)

    start = GOOD.index(GOOD_PAYLOAD)
    bits = range(8 * start, 8 * (start + len(GOOD_PAYLOAD)), 5)
    assert {state(bit).signature for bit in bits} == {SignatureState.INVALID}


def test_another_key_of_the_same_curve() -> None:
    other = ec.derive_private_key(4711, ec.SECP256R1())
    assert verify(GOOD, other).kinds() == {Kind.SIGNATURE_INVALID}
