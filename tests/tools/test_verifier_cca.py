"""CCA collections: two tokens, one bond. Each break of it has its own reason."""

import hashlib
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tfm_sim.tools.verifier import Kind, SignatureState, decode, verify

IAK = ec.derive_private_key(0x7654321, ec.SECP256R1())
RAK = ec.derive_private_key(0x7654321, ec.SECP384R1())
PLATFORM, PLATFORM_LEGACY = "tag:arm.com,2023:cca_platform#1.0.0", "http://arm.com/CCA-SSD/1.0.0"
REALM_2023, REALM_2024 = "tag:arm.com,2023:realm#1.0.0", "tag:arm.com,2024:realm#2.0.0"
DROP = object()

NUMBERS = RAK.public_key().public_numbers()
X, Y = (number.to_bytes(48, "big") for number in (NUMBERS.x, NUMBERS.y))
COSE_KEY = cbor2.dumps({1: 2, -1: 2, -2: X, -3: Y})
POINT = b"\x04" + X + Y


def sign1(key: ec.EllipticCurvePrivateKey, claims: dict[int, Any]) -> bytes:
    p256 = key.curve.name == "secp256r1"
    protected = cbor2.dumps({1: -7 if p256 else -35})
    payload = cbor2.dumps({key: value for key, value in claims.items() if value is not DROP})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256() if p256 else hashes.SHA384())))
    size = key.key_size // 8
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def platform_token(nonce: bytes, /, **changes: Any) -> bytes:
    claims: dict[int, Any] = {
        10: nonce,
        256: b"\x01" + hashlib.sha256(point_of(IAK)).digest(),
        265: PLATFORM,
        2395: 0x3000,
        2396: bytes(32),
        2399: [{2: bytes(32), 5: bytes(32)}],
        2401: b"\xef\xbe\xad\xde",
        2402: "sha-256",
    }
    return sign1(IAK, claims | {int(key[1:]): value for key, value in changes.items()})


def realm_token(key: ec.EllipticCurvePrivateKey = RAK, /, **changes: Any) -> bytes:
    claims: dict[int, Any] = {
        10: bytes(64),
        256: b"\x01" + bytes(32),
        265: REALM_2024,
        44235: bytes(64),
        44236: "sha-256",
        44237: COSE_KEY,
        44238: bytes(32),
        44239: [bytes(32)] * 4,
        44240: "sha-384",
        44243: 0,
    }
    return sign1(key, claims | {int(key[1:]): value for key, value in changes.items()})


def collection(platform: object, realm: object, tag: int = 907) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(tag, {44234: platform, 44241: realm}))


def record(token: bytes) -> list[object]:
    return [263, token]


NONCE = hashlib.sha384(COSE_KEY).digest()
GOOD = collection(record(platform_token(NONCE)), record(realm_token()))


def test_good_collection() -> None:
    verdict = verify(GOOD, IAK.public_key(), challenge=bytes(64), strict=True)
    assert verdict.reasons == ()
    assert verdict.ok
    assert verdict.signature is SignatureState.VALID
    assert [part.name for part in verdict.parts] == ["platform", "realm"]


@pytest.mark.parametrize(
    "name, digest", [("sha-256", "sha256"), ("sha-384", "sha384"), ("sha-512", "sha512")]
)
def test_binding_uses_the_hash_that_the_token_names(name: str, digest: str) -> None:
    nonce = hashlib.new(digest, COSE_KEY).digest()
    token = collection(record(platform_token(nonce)), record(realm_token(_44240=name)))
    assert verify(token, IAK).ok


@pytest.mark.parametrize(
    "form, ok",
    [(POINT, True), (COSE_KEY, False)],
    ids=["raw point without profile", "COSE_Key without profile"],
)
def test_legacy_realm_has_a_raw_point(form: bytes, ok: bool) -> None:
    nonce = hashlib.sha256(form).digest()
    realm = realm_token(_44237=form, _44240="sha-256", _265=DROP, _256=DROP, _44243=DROP)
    for profile in (PLATFORM, PLATFORM_LEGACY):
        token = collection(platform_token(nonce, _265=profile), realm, tag=399)
        verdict = verify(token, IAK, strict=True)
        assert verdict.ok == ok
        assert (Kind.RAK_INVALID in verdict.kinds()) == (not ok)


def test_legacy_platform_beside_newer_realm() -> None:
    token = collection(record(platform_token(NONCE, _265=PLATFORM_LEGACY)), record(realm_token()))
    verdict = verify(token, IAK)
    assert verdict.ok
    assert Kind.PROFILE_PAIRING in {warning.kind for warning in verdict.warnings}
    assert verify(token, IAK, strict=True).kinds() == {Kind.PROFILE_PAIRING}


def other_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(99, ec.SECP384R1())


@pytest.mark.parametrize(
    "token, kinds",
    [
        pytest.param(
            collection(record(platform_token(bytes(48))), record(realm_token())),
            {Kind.BINDING_MISMATCH},
            id="platform token of another realm key",
        ),
        pytest.param(
            collection(record(platform_token(hashlib.sha256(COSE_KEY).digest())), record(realm_token())),
            {Kind.BINDING_MISMATCH},
            id="bound by another hash than named",
        ),
        pytest.param(
            collection(record(platform_token(hashlib.sha384(POINT).digest())), record(realm_token())),
            {Kind.BINDING_MISMATCH},
            id="bound to the point, not to the claim's bytes",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token(other_key()))),
            {Kind.SIGNATURE_INVALID},
            id="realm token signed by another key",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token(_44240="md5"))),
            {Kind.CLAIM_VALUE, Kind.BINDING_HASH},
            id="unknown binding hash",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token(_44240=DROP))),
            {Kind.CLAIM_MISSING, Kind.BINDING_HASH},
            id="no binding hash",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token(_44237=DROP))),
            {Kind.CLAIM_MISSING, Kind.RAK_INVALID, Kind.BINDING_MISMATCH},
            id="no realm key",
        ),
        pytest.param(
            collection(
                record(platform_token(hashlib.sha384(POINT).digest())), record(realm_token(_44237=POINT))
            ),
            {Kind.RAK_INVALID},
            id="raw point under a profile",
        ),
        pytest.param(
            collection(
                record(platform_token(hashlib.sha384(POINT[:-1] + b"\x00").digest())),
                record(realm_token(_44237=POINT[:-1] + b"\x00", _265=DROP, _256=DROP, _44243=DROP)),
            ),
            {Kind.RAK_INVALID},
            id="point off the curve",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token(_265="tag:example"))),
            {Kind.PROFILE_UNKNOWN},
            id="unknown realm profile",
        ),
        pytest.param(
            collection(record(realm_token()), record(platform_token(NONCE))),
            {Kind.PROFILE_UNKNOWN, Kind.ALG_MISMATCH, Kind.BINDING_HASH},
            id="parts swapped",
        ),
        pytest.param(
            collection(platform_token(NONCE), realm_token()),
            {Kind.COLLECTION_SHAPE},
            id="907 with bare bytes",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)), record(realm_token()), tag=399),
            {Kind.COLLECTION_SHAPE},
            id="399 with records",
        ),
        pytest.param(
            collection([60, platform_token(NONCE)], record(realm_token())),
            {Kind.COLLECTION_SHAPE},
            id="record of another content format",
        ),
        pytest.param(
            cbor2.dumps(cbor2.CBORTag(907, {44234: record(platform_token(NONCE))})),
            {Kind.COLLECTION_SHAPE},
            id="no realm token",
        ),
        pytest.param(
            cbor2.dumps(cbor2.CBORTag(907, {44241: record(realm_token())})),
            {Kind.COLLECTION_SHAPE},
            id="no platform token",
        ),
        pytest.param(cbor2.dumps(cbor2.CBORTag(907, [])), {Kind.COLLECTION_SHAPE}, id="907 on an array"),
        pytest.param(b"\xd8\x3d" + GOOD, {Kind.TAG_EXTRA}, id="tag 61 around"),
        pytest.param(GOOD + b"\x00", {Kind.TRAILING_BYTES}, id="trailing byte"),
        pytest.param(
            collection(record(platform_token(NONCE) + b"\x00"), record(realm_token())),
            {Kind.TRAILING_BYTES},
            id="trailing byte behind a part",
        ),
        pytest.param(
            collection(record(platform_token(NONCE)[1:]), record(realm_token())),
            {Kind.TAG_MISSING},
            id="part without tag",
        ),
        pytest.param(
            collection(record(b"\xff"), record(realm_token())), {Kind.MALFORMED_CBOR}, id="part is garbage"
        ),
    ],
)
def test_broken_collection(token: bytes, kinds: set[Kind]) -> None:
    verdict = verify(token, IAK)
    assert verdict.kinds() == kinds
    assert not verdict.ok


def test_collection_signature_is_the_worst_of_its_parts() -> None:
    forged = collection(record(platform_token(NONCE)), record(realm_token(other_key())))
    assert verify(forged, IAK).signature is SignatureState.INVALID
    half = cbor2.dumps(cbor2.CBORTag(907, {44234: record(platform_token(NONCE))}))
    assert verify(half, IAK).signature is SignatureState.NOT_CHECKED


@pytest.mark.parametrize("key", [10, 256, 44235, 44236, 44238, 44239, 44243])
def test_missing_realm_claim(key: int) -> None:
    token = collection(record(platform_token(NONCE)), record(realm_token(RAK, **{f"_{key}": DROP})))
    assert verify(token, IAK).kinds() == {Kind.CLAIM_MISSING}


@pytest.mark.parametrize("key", [256, 2395, 2396, 2399, 2401, 2402])
@pytest.mark.parametrize("profile", [PLATFORM, PLATFORM_LEGACY])
def test_missing_platform_claim(profile: str, key: int) -> None:
    token = platform_token(NONCE, **{"_265": profile, f"_{key}": DROP})
    assert verify(token, IAK).kinds() == {Kind.CLAIM_MISSING}


@pytest.mark.parametrize(
    "key, value, kind",
    [
        (10, bytes(32), Kind.CLAIM_LENGTH),
        (256, bytes(33), Kind.CLAIM_VALUE),
        (44235, bytes(63), Kind.CLAIM_LENGTH),
        (44238, bytes(20), Kind.CLAIM_LENGTH),
        (44239, [bytes(32)] * 3, Kind.CLAIM_LENGTH),
        (44239, [bytes(32)] * 3 + [bytes(31)], Kind.CLAIM_LENGTH),
        (44243, 2, Kind.CLAIM_VALUE),
        (44243, "private", Kind.CLAIM_TYPE),
        (44244, 1, None),
        (44257, bytes(31), Kind.CLAIM_LENGTH),
    ],
)
def test_realm_claim_value(key: int, value: object, kind: Kind | None) -> None:
    token = collection(record(platform_token(NONCE)), record(realm_token(RAK, **{f"_{key}": value})))
    assert verify(token, IAK).kinds() == (set() if kind is None else {kind})


def test_realm_2023_needs_neither_instance_id_nor_mec_policy() -> None:
    realm = realm_token(_265=REALM_2023, _256=DROP, _44243=DROP)
    assert verify(collection(record(platform_token(NONCE)), record(realm)), IAK).ok


def test_fresh_platform_nonce_is_not_the_challenge() -> None:
    """The relying party's nonce is the realm's; the platform's only binds."""
    assert verify(GOOD, IAK, challenge=NONCE).kinds() == {Kind.NONCE_MISMATCH}


def test_realm_token_alone_warns() -> None:
    verdict = verify(realm_token(), RAK)
    assert verdict.ok
    assert Kind.REALM_ALONE in {warning.kind for warning in verdict.warnings}


def test_every_flipped_bit_of_a_small_step_is_refused() -> None:
    for bit in range(0, 8 * len(GOOD), 7):
        flipped = bytearray(GOOD)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not verify(bytes(flipped), IAK).ok, f"bit {bit}"


def test_collection_is_shown_whole() -> None:
    decoded = decode(GOOD)
    assert [part.name for part in decoded.parts] == ["platform", "realm"]
    text = decoded.diagnostic()
    assert "/ platform token / 44234" in text
    assert "/ public-key / 44237" in text
