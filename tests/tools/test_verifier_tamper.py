"""Forged and tampered PSA tokens: each is refused, and for its own reason."""

import hashlib
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from support.forged_tokens import (
    COMPONENT,
    DROP,
    ES256,
    ES384,
    ES512,
    GOOD,
    GOOD_PAYLOAD,
    HMAC256,
    HMAC384,
    HMAC512,
    P256,
    P384,
    P521,
    SECRET,
    claims_of,
    encode_map,
    mac,
    protect,
    sign,
    token_of,
)

from tfm_sim.tools.verifier import Kind, SignatureState, verify
from tfm_sim.tools.verifier.profiles import PSA_2_0_0, PSA_IOT_PROFILE_1, PSA_PROFILES, RFC_9783, Profile


@pytest.mark.parametrize("profile", PSA_PROFILES, ids=lambda profile: profile.name)
def test_legal_claims_set_is_accepted_strictly(profile: Profile) -> None:
    verdict = verify(token_of(claims_of(profile)), P256, challenge=bytes(range(32)), strict=True)
    assert verdict.reasons == ()
    assert verdict.ok
    assert verdict.profile == profile.name


@pytest.mark.parametrize(
    "profile, name",
    [
        pytest.param(profile, claim.name, id=f"{profile.name}-{claim.name}")
        for profile in PSA_PROFILES
        for claim in profile.claims
        if claim.mandatory and claim.name != "profile"
    ],
)
def test_missing_mandatory_claim(profile: Profile, name: str) -> None:
    verdict = verify(token_of(claims_of(profile, **{name: DROP})), P256)
    assert verdict.kinds() == {Kind.CLAIM_MISSING}
    result = verdict.claim(name)
    assert result is not None
    assert not result.ok
    assert result.item is None


@pytest.mark.parametrize(
    "profile, name",
    [
        pytest.param(profile, claim.name, id=f"{profile.name}-{claim.name}")
        for profile in PSA_PROFILES
        for claim in profile.claims
        if not claim.mandatory and claim.name not in {"software-components", "no-software-measurements"}
    ],
)
def test_optional_claim_may_be_absent(profile: Profile, name: str) -> None:
    assert verify(token_of(claims_of(profile, **{name: DROP})), P256).ok


@pytest.mark.parametrize("profile", [PSA_2_0_0, RFC_9783], ids=lambda profile: profile.name)
def test_missing_profile(profile: Profile) -> None:
    verdict = verify(token_of(claims_of(profile, profile=DROP)), P256)
    assert verdict.kinds() == {Kind.PROFILE_MISSING}


P1, P2, RFC = PSA_IOT_PROFILE_1, PSA_2_0_0, RFC_9783


@pytest.mark.parametrize(
    "profile, name, value, kind",
    [
        (RFC, "nonce", bytes(31), Kind.CLAIM_LENGTH),
        (RFC, "nonce", bytes(33), Kind.CLAIM_LENGTH),
        (RFC, "nonce", bytes(48), None),
        (RFC, "nonce", bytes(64), None),
        (RFC, "nonce", [bytes(32)], Kind.CLAIM_TYPE),
        (RFC, "nonce", "0" * 32, Kind.CLAIM_TYPE),
        (RFC, "instance-id", bytes(33), Kind.CLAIM_VALUE),
        (RFC, "instance-id", b"\x01" + bytes(31), Kind.CLAIM_LENGTH),
        (RFC, "boot-seed", bytes(7), Kind.CLAIM_LENGTH),
        (RFC, "boot-seed", bytes(8), None),
        (RFC, "boot-seed", bytes(33), Kind.CLAIM_LENGTH),
        (P2, "boot-seed", bytes(8), None),
        (P1, "boot-seed", bytes(8), Kind.CLAIM_LENGTH),
        (RFC, "client-id", 0, Kind.CLAIM_VALUE),
        (RFC, "client-id", 0x7FFFFFFF, None),
        (RFC, "client-id", 0x80000000, Kind.CLAIM_VALUE),
        (RFC, "client-id", -0x80000000, None),
        (RFC, "client-id", -0x80000001, Kind.CLAIM_VALUE),
        (RFC, "client-id", True, Kind.CLAIM_TYPE),
        (P1, "client-id", 0, Kind.CLAIM_VALUE),
        (RFC, "security-lifecycle", 0x00FF, None),
        (RFC, "security-lifecycle", 0x0100, Kind.CLAIM_VALUE),
        (RFC, "security-lifecycle", 0x30FF, None),
        (RFC, "security-lifecycle", 0x3100, Kind.CLAIM_VALUE),
        (RFC, "security-lifecycle", 0x7000, Kind.CLAIM_VALUE),
        (RFC, "security-lifecycle", -1, Kind.CLAIM_VALUE),
        (RFC, "security-lifecycle", 12288.0, Kind.CLAIM_TYPE),
        (RFC, "implementation-id", bytes(4), Kind.CLAIM_LENGTH),
        (RFC, "certification-reference", "0604565272829", Kind.CLAIM_VALUE),
        (P1, "certification-reference", "0604565272829", None),
        (P1, "certification-reference", "060456527282910010", Kind.CLAIM_VALUE),
        (RFC, "certification-reference", "0604565272829-10010\n", Kind.CLAIM_VALUE),
        (RFC, "certification-reference", "060456527282\u0669-10010", Kind.CLAIM_VALUE),
        (RFC, "verification-service", "", None),
        (P1, "verification-service", "", Kind.CLAIM_VALUE),
        (RFC, "software-components", [], Kind.CLAIM_LENGTH),
        (P1, "software-components", [], Kind.CLAIM_LENGTH),
        (RFC, "software-components", COMPONENT, Kind.CLAIM_TYPE),
        (RFC, "software-components", [COMPONENT, 1], Kind.CLAIM_TYPE),
        (RFC, "software-components", [COMPONENT | {2: bytes(20)}], Kind.CLAIM_LENGTH),
        (RFC, "software-components", [COMPONENT | {5: bytes(33)}], Kind.CLAIM_LENGTH),
        (RFC, "software-components", [COMPONENT | {1: b"SPE"}], Kind.CLAIM_TYPE),
        (RFC, "software-components", [{2: bytes(32), 5: bytes(64)}], None),
        (RFC, "software-components", [{2: bytes(32)}], Kind.CLAIM_MISSING),
        (RFC, "software-components", [COMPONENT, {5: bytes(32)}], Kind.CLAIM_MISSING),
    ],
)
def test_claim_value(profile: Profile, name: str, value: object, kind: Kind | None) -> None:
    verdict = verify(token_of(claims_of(profile, **{name: value})), P256)
    assert verdict.kinds() == (set() if kind is None else {kind})
    assert [result.name for result in verdict.claims if not result.ok] == ([] if kind is None else [name])


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({"software_components": DROP, "no_software_measurements": 1}, None),
        ({"software_components": DROP, "no_software_measurements": 2}, Kind.CLAIM_VALUE),
        ({"no_software_measurements": 1}, Kind.CLAIM_CONFLICT),
        ({"software_components": DROP}, Kind.CLAIM_MISSING),
    ],
)
def test_components_and_no_measurements_exclude_each_other(
    changes: dict[str, Any], kind: Kind | None
) -> None:
    verdict = verify(token_of(claims_of(P1, **changes)), P256)
    assert verdict.kinds() == (set() if kind is None else {kind})


@pytest.mark.parametrize(
    "profile, key, kind",
    [(RFC, 2397, Kind.CLAIM_FOREIGN), (P2, 268, Kind.CLAIM_FOREIGN), (RFC, 99999, None)],
)
def test_a_claim_of_no_meaning_in_the_profile(profile: Profile, key: int, kind: Kind | None) -> None:
    token = token_of([*claims_of(profile), (key, bytes(32))])
    verdict = verify(token, P256)
    assert verdict.ok
    assert (Kind.CLAIM_FOREIGN in {warning.kind for warning in verdict.warnings}) == (kind is not None)
    assert verify(token, P256, strict=True).kinds() == {Kind.CLAIM_UNKNOWN}


@pytest.mark.parametrize(
    "profile_string, lenient, strict",
    [
        ("tag:psacertified.org,2023:psa#mine", set(), {Kind.PROFILE_UNKNOWN}),
        ("http://arm.com/psa/3.0.0", {Kind.PROFILE_UNKNOWN}, {Kind.PROFILE_UNKNOWN}),
        ("PSA_IOT_PROFILE_1", {Kind.PROFILE_UNKNOWN}, {Kind.PROFILE_UNKNOWN}),
        (b"tag:psacertified.org,2023:psa#tfm", {Kind.PROFILE_NOT_TEXT}, {Kind.PROFILE_NOT_TEXT}),
    ],
)
def test_profile_string(profile_string: object, lenient: set[Kind], strict: set[Kind]) -> None:
    token = token_of(claims_of(RFC, profile=profile_string))
    assert verify(token, P256).kinds() == lenient
    assert verify(token, P256, strict=True).kinds() == strict


@pytest.mark.parametrize(
    "lifecycle, trusted",
    [
        (0x0000, False),
        (0x1000, False),
        (0x2000, False),
        (0x3042, True),
        (0x4000, True),
        (0x5000, False),
        (0x6000, False),
    ],
)
def test_lifecycle_trust_rule(lifecycle: int, trusted: bool) -> None:
    verdict = verify(token_of(claims_of(RFC, security_lifecycle=lifecycle)), P256)
    (note,) = (note for note in verdict.notes if note.kind is Kind.LIFECYCLE)
    assert ("may be trusted" in note.text) == trusted
    assert verdict.ok


def indefinite(token: bytes) -> bytes:
    """The outer array without its length: 9f ... ff in place of 84."""
    return token[:1] + b"\x9f" + token[2:] + b"\xff"


def resigned(payload: bytes) -> bytes:
    return token_of(payload)


def garbled(encoded: bytes) -> bytes:
    """The text "@@" becomes two bytes that are no UTF-8, which cbor2 would not write."""
    return encoded.replace(b"\x62@@", b"\x62\xc3\x28")


@pytest.mark.parametrize(
    "token, kinds",
    [
        pytest.param(b"", {Kind.MALFORMED_CBOR}, id="empty"),
        pytest.param(GOOD[:-1], {Kind.MALFORMED_CBOR}, id="truncated"),
        pytest.param(GOOD + b"\x00", {Kind.TRAILING_BYTES}, id="trailing byte"),
        pytest.param(resigned(GOOD_PAYLOAD + b"\xf6"), {Kind.TRAILING_BYTES}, id="trailing byte in payload"),
        pytest.param(indefinite(GOOD), {Kind.INDEFINITE_LENGTH}, id="indefinite array"),
        pytest.param(
            resigned(b"\xbf" + GOOD_PAYLOAD[1:] + b"\xff"), {Kind.INDEFINITE_LENGTH}, id="indefinite claims"
        ),
        pytest.param(GOOD[1:], {Kind.TAG_MISSING}, id="tag stripped"),
        pytest.param(b"\xd8\x3d" + GOOD, {Kind.TAG_EXTRA}, id="tag 61 around"),
        pytest.param(b"\xd2" + GOOD, {Kind.TAG_EXTRA}, id="tag 18 twice"),
        pytest.param(b"\xd8\x62" + GOOD[1:], {Kind.TAG_WRONG}, id="tag 98 COSE_Sign"),
        pytest.param(b"\xd1" + GOOD[1:], {Kind.ALG_MISMATCH}, id="tag 17 on a signature"),
        pytest.param(b"\xda\x63\x74\x01\x01" + GOOD[1:], {Kind.TAG_WRONG}, id="tag of RFC 9277"),
        pytest.param(cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b""])), {Kind.ENVELOPE_SHAPE}, id="three parts"),
        pytest.param(
            cbor2.dumps(cbor2.CBORTag(18, [protect(ES256), {}, None, bytes(64)])),
            {Kind.ENVELOPE_SHAPE},
            id="detached payload",
        ),
        pytest.param(token_of(b""), {Kind.ENVELOPE_SHAPE}, id="empty payload"),
        pytest.param(token_of(b"\x80"), {Kind.ENVELOPE_SHAPE}, id="payload is an array"),
        pytest.param(token_of(b"\xd8\x3d" + GOOD_PAYLOAD), {Kind.TAG_EXTRA}, id="tag 61 in the payload"),
        pytest.param(
            token_of([*claims_of(RFC), (10, bytes(range(32)))]), {Kind.DUPLICATE_KEY}, id="duplicate claim"
        ),
        pytest.param(
            resigned(bytes([GOOD_PAYLOAD[0] + 1]) + GOOD_PAYLOAD[1:] + b"\x19\x00\x0a\x58\x20" + bytes(32)),
            {Kind.DUPLICATE_KEY},
            id="duplicate claim behind a longer head",
        ),
        pytest.param(
            token_of(protected=b"\xa2\x01\x26\x01\x26"), {Kind.DUPLICATE_KEY}, id="duplicate header"
        ),
        pytest.param(token_of(protected=b""), {Kind.ALG_MISSING}, id="empty protected header"),
        pytest.param(token_of(protected=b"\xa0"), {Kind.ALG_MISSING}, id="protected header is {}"),
        pytest.param(
            token_of(protected=b"", unprotected={1: ES256}), {Kind.ALG_UNPROTECTED}, id="alg unprotected"
        ),
        pytest.param(token_of(unprotected={1: ES256}), {Kind.HEADER_REPEATED}, id="alg in both headers"),
        pytest.param(token_of(protected=protect(-257)), {Kind.ALG_UNSUPPORTED}, id="alg RS256"),
        pytest.param(token_of(protected=protect(4)), {Kind.ALG_UNSUPPORTED}, id="alg HMAC 256/64"),
        pytest.param(token_of(protected=cbor2.dumps({1: "ES256"})), {Kind.ALG_UNSUPPORTED}, id="alg as text"),
        pytest.param(token_of(protected=protect(ES384)), {Kind.ALG_MISMATCH}, id="alg of another curve"),
        pytest.param(token_of(protected=protect(HMAC256)), {Kind.ALG_MISMATCH}, id="HMAC alg in a Sign1"),
        pytest.param(
            token_of(protected=cbor2.dumps({1: ES256, 2: [99]})), {Kind.HEADER_CRITICAL}, id="critical"
        ),
        pytest.param(token_of(unprotected={2: [1]}), {Kind.HEADER_CRITICAL}, id="crit unprotected"),
        pytest.param(
            resigned(garbled(encode_map([*claims_of(RFC), (99999, "@@")]))),
            {Kind.INVALID_UTF8},
            id="unknown claim no UTF-8",
        ),
        pytest.param(
            resigned(garbled(encode_map(claims_of(RFC, software_components=[COMPONENT | {99: "@@"}])))),
            {Kind.INVALID_UTF8},
            id="text in a component no UTF-8",
        ),
        pytest.param(
            garbled(token_of(unprotected={99: "@@"})), {Kind.INVALID_UTF8}, id="unprotected header no UTF-8"
        ),
        pytest.param(token_of(unprotected={4: b"kid"}), set(), id="kid is legal"),
        pytest.param(token_of(signature=bytes(64)), {Kind.SIGNATURE_INVALID}, id="signature of zeros"),
        pytest.param(token_of(signature=b""), {Kind.SIGNATURE_LENGTH}, id="no signature"),
        pytest.param(
            token_of(signature=P256.sign(GOOD_PAYLOAD, ec.ECDSA(hashes.SHA256()))),
            {Kind.SIGNATURE_LENGTH},
            id="DER signature",
        ),
    ],
)
def test_tampered_token(token: bytes, kinds: set[Kind]) -> None:
    verdict = verify(token, P256)
    assert verdict.kinds() == kinds
    assert verdict.ok == (not kinds)


def test_non_shortest_heads_are_accepted() -> None:
    """RFC 9783 5: the verifier tolerates what preferred serialization would have written shorter."""
    long_key = b"\x1b" + (10).to_bytes(8, "big")
    payload = GOOD_PAYLOAD[:1] + long_key + GOOD_PAYLOAD[2:]
    token = token_of(payload)
    stretched = b"\xd8\x12\x98\x04\x58\x03" + token[3:]
    verdict = verify(stretched, P256)
    assert verdict.reasons == ()
    assert verdict.ok


def test_every_single_bit_flip_is_refused() -> None:
    key = P256.public_key()
    accepted = [
        bit
        for bit in range(8 * len(GOOD))
        if verify(GOOD[: bit // 8] + bytes([GOOD[bit // 8] ^ 1 << bit % 8]) + GOOD[bit // 8 + 1 :], key).ok
    ]
    assert accepted == []


@pytest.mark.parametrize("key", [ec.derive_private_key(5, ec.SECP256R1())], ids=["another P-256 key"])
def test_key_swap(key: ec.EllipticCurvePrivateKey) -> None:
    assert verify(GOOD, key).kinds() == {Kind.SIGNATURE_INVALID}


@pytest.mark.parametrize("alg, key", [(ES256, P256), (ES384, P384), (ES512, P521)])
def test_each_curve_with_its_algorithm(alg: int, key: ec.EllipticCurvePrivateKey) -> None:
    protected = protect(alg)
    token = token_of(protected=protected, signature=sign(key, alg, protected, GOOD_PAYLOAD))
    assert verify(token, key.public_key()).ok


@pytest.mark.parametrize(
    "alg, size, digest", [(HMAC256, 32, "sha256"), (HMAC384, 48, "sha384"), (HMAC512, 64, "sha512")]
)
def test_each_hmac_with_its_key_size(alg: int, size: int, digest: str) -> None:
    protected, secret = protect(alg), bytes(range(size))
    token = token_of(tag=17, protected=protected, signature=mac(secret, protected, GOOD_PAYLOAD, digest))
    assert verify(token, secret).ok
    assert verify(token, secret[::-1]).kinds() == {Kind.SIGNATURE_INVALID}


def test_algorithm_confusion_public_key_as_hmac_secret() -> None:
    """The public key's bytes as the secret of a Mac0: the EC key does not fit the algorithm."""
    protected = protect(HMAC256)
    numbers = P256.public_key().public_numbers()
    for secret in (numbers.x.to_bytes(32, "big"), b"\x04" + numbers.x.to_bytes(32, "big")):
        token = token_of(tag=17, protected=protected, signature=mac(secret, protected, GOOD_PAYLOAD))
        assert verify(token, P256.public_key()).kinds() == {Kind.ALG_MISMATCH}


def test_signature_token_with_a_symmetric_key() -> None:
    assert verify(GOOD, SECRET).kinds() == {Kind.ALG_MISMATCH}


@pytest.mark.parametrize("alg, size", [(HMAC256, 48), (HMAC384, 64), (HMAC512, 32)])
def test_each_hmac_with_a_key_of_another_size(alg: int, size: int) -> None:
    """RFC 9053 3.1, TF-M attest_get_t_cose_algorithm: the key's size chooses the algorithm."""
    protected, secret = protect(alg), bytes(range(size))
    digest = {HMAC256: "sha256", HMAC384: "sha384", HMAC512: "sha512"}[alg]
    token = token_of(tag=17, protected=protected, signature=mac(secret, protected, GOOD_PAYLOAD, digest))
    assert verify(token, secret).kinds() == {Kind.ALG_MISMATCH}


def short_circuit(size: int, alg: int = ES256, context: str = "Signature1") -> bytes:
    digest = hashlib.sha256(cbor2.dumps([context, protect(alg), b"", GOOD_PAYLOAD])).digest()
    return (digest * 5)[:size]


@pytest.mark.parametrize("size", [64, 32], ids=["repeated hash", "the stub of 2019"])
def test_short_circuit_signature(size: int) -> None:
    token = token_of(signature=short_circuit(size))
    verdict = verify(token, P256)
    assert verdict.kinds() == {Kind.SHORT_CIRCUIT}
    assert verdict.signature is SignatureState.SHORT_CIRCUIT
    assert verify(token, P256, allow_short_circuit=True).ok
    assert verify(token, SECRET, allow_short_circuit=True).kinds() == {Kind.ALG_MISMATCH}


@pytest.mark.parametrize("alg, key, size", [(ES384, P384, 96), (ES512, P521, 132)])
def test_short_circuit_signature_of_a_longer_algorithm(
    alg: int, key: ec.EllipticCurvePrivateKey, size: int
) -> None:
    """TF-M short_circuit_sign: SHA-256 also fills the room of a longer signature."""
    token = token_of(protected=protect(alg), signature=short_circuit(size, alg))
    assert verify(token, key.public_key()).kinds() == {Kind.SHORT_CIRCUIT}


def test_short_circuit_tag_is_the_hash_once() -> None:
    """TF-M short_circuit_tag: nothing is repeated in a Mac0, so what repeats is just a wrong tag."""
    tag = short_circuit(64, HMAC512, "MAC0")
    token = token_of(tag=17, protected=protect(HMAC512), signature=tag)
    verdict = verify(token, bytes(range(64)), allow_short_circuit=True)
    assert verdict.kinds() == {Kind.SIGNATURE_INVALID}
