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


DEVICE_CLAIMS = cbor2.dumps({1: "device"})
DEVICE_HASH = hashlib.sha384(DEVICE_CLAIMS).digest()


def with_devices(entry: object, devices_hash: object = DEVICE_HASH, profile: object = REALM_2024) -> bytes:
    realm = realm_token(RAK, _44257=devices_hash, _265=profile)
    entries = {44234: record(platform_token(NONCE)), 44241: record(realm)}
    return cbor2.dumps(cbor2.CBORTag(907, entries | ({} if entry is DROP else {44258: entry})))


@pytest.mark.parametrize(
    "token, kinds",
    [
        pytest.param(with_devices([601, DEVICE_CLAIMS]), set(), id="good"),
        pytest.param(
            with_devices([601, DEVICE_CLAIMS], hashlib.sha512(DEVICE_CLAIMS).digest()), set(), id="SHA-512"
        ),
        pytest.param(
            with_devices([601, b"\xd9\x02\x59\xa0"], hashlib.sha256(b"\xd9\x02\x59\xa0").digest()),
            set(),
            id="with the tag of a UCCS",
        ),
        pytest.param(with_devices([601, b"\xa0"]), {Kind.DEVICE_TOKEN}, id="of another device"),
        pytest.param(with_devices([601, DEVICE_CLAIMS], DROP), {Kind.DEVICE_TOKEN}, id="nobody vouches"),
        pytest.param(
            with_devices([601, DEVICE_CLAIMS], DROP, REALM_2023), {Kind.DEVICE_TOKEN}, id="older realm token"
        ),
        pytest.param(with_devices(DEVICE_CLAIMS), {Kind.COLLECTION_SHAPE}, id="bare bytes"),
        pytest.param(
            with_devices([263, DEVICE_CLAIMS]), {Kind.COLLECTION_SHAPE}, id="another content format"
        ),
        pytest.param(
            with_devices([601, b"\xa0\x00"], hashlib.sha384(b"\xa0\x00").digest()),
            {Kind.TRAILING_BYTES},
            id="trailing byte",
        ),
        pytest.param(
            with_devices([601, b"\xff"], hashlib.sha384(b"\xff").digest()),
            {Kind.MALFORMED_CBOR},
            id="garbage",
        ),
        pytest.param(
            with_devices([601, b"\x80"], hashlib.sha384(b"\x80").digest()),
            {Kind.COLLECTION_SHAPE},
            id="array",
        ),
    ],
)
def test_device_token(token: bytes, kinds: set[Kind]) -> None:
    """RMM 2.0: the assigned devices' token (44258) is unsigned; the realm's claim 44257 has its hash."""
    assert verify(token, IAK, strict=True).kinds() == kinds | (
        {Kind.CLAIM_UNKNOWN} if kinds == {Kind.DEVICE_TOKEN} and REALM_2023.encode() in token else set()
    )


def test_device_token_that_is_not_there() -> None:
    verdict = verify(with_devices(DROP), IAK)
    assert verdict.ok
    assert Kind.DEVICE_TOKEN in {warning.kind for warning in verdict.warnings}
    assert verify(with_devices(DROP), IAK, strict=True).kinds() == {Kind.DEVICE_TOKEN}


@pytest.mark.parametrize(
    "value, by_default, as_text",
    [
        (0, None, None),
        (1, None, None),
        ("private", Kind.CLAIM_TYPE, None),
        ("shared", Kind.CLAIM_TYPE, None),
        ("Private", Kind.CLAIM_TYPE, Kind.CLAIM_VALUE),
        (2, Kind.CLAIM_VALUE, Kind.CLAIM_VALUE),
        (b"private", Kind.CLAIM_TYPE, Kind.CLAIM_TYPE),
    ],
)
def test_mec_policy_as_text_is_a_switch(value: object, by_default: Kind | None, as_text: Kind | None) -> None:
    token = collection(record(platform_token(NONCE)), record(realm_token(RAK, _44243=value)))
    assert verify(token, IAK).kinds() == ({by_default} if by_default else set())
    assert verify(token, IAK, allow_text_mec=True).kinds() == ({as_text} if as_text else set())


@pytest.mark.parametrize(
    "size, kinds",
    [(32, {Kind.CLAIM_LENGTH}), (33, set()), (34, {Kind.CLAIM_LENGTH}), (7, {Kind.CLAIM_LENGTH})],
)
def test_realm_instance_id_has_33_bytes(size: int, kinds: set[Kind]) -> None:
    realm = realm_token(RAK, _256=b"\x01" * size)
    assert verify(collection(record(platform_token(NONCE)), record(realm)), IAK).kinds() == kinds


@pytest.mark.parametrize(
    "label, value, lenient, strict",
    [
        ("__cmwc_t", "tag:example.org,2026:x", set(), set()),
        ("__cmwc_t", "1.2.840.113549", set(), set()),
        ("__cmwc_t", "no uri", {Kind.COLLECTION_SHAPE}, {Kind.COLLECTION_SHAPE}),
        ("__cmwc_t", 1, {Kind.COLLECTION_SHAPE}, {Kind.COLLECTION_SHAPE}),
        (44999, [263, b""], set(), {Kind.ENTRY_UNKNOWN}),
        ("more", [263, b""], set(), {Kind.ENTRY_UNKNOWN}),
        (b"more", [263, b""], {Kind.COLLECTION_SHAPE}, {Kind.COLLECTION_SHAPE}),
    ],
)
def test_other_entries(label: object, value: object, lenient: set[Kind], strict: set[Kind]) -> None:
    entries = {44234: record(platform_token(NONCE)), 44241: record(realm_token()), label: value}
    token = cbor2.dumps(cbor2.CBORTag(907, entries))
    assert verify(token, IAK).kinds() == lenient
    assert verify(token, IAK, strict=True).kinds() == strict


@pytest.mark.parametrize("tag", [1668547091, 1668547093])
def test_tags_of_the_cmw_document_are_no_collection(tag: int) -> None:
    """RFC 9999 wraps a byte string in those; 907 is CCA's own, on the map itself."""
    entries = {44234: record(platform_token(NONCE)), 44241: record(realm_token())}
    for content in (entries, cbor2.dumps(entries)):
        assert verify(cbor2.dumps(cbor2.CBORTag(tag, content)), IAK).kinds() == {Kind.ENVELOPE_SHAPE}
