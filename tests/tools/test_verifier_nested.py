"""A platform token nested in the token of a delegated key: RFC 9711 4.2.18, bound by the key's hash."""

import hashlib
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.forged_tokens import DROP, P256, P384, P521, claims_of, point_of, token_of
from support.forged_tokens import sign as sign_bytes

from tfm_sim.tools.verifier import Kind, decode, verify
from tfm_sim.tools.verifier.profiles import CCA_PLATFORM, PSA_IOT_PROFILE_1, PSA_PROFILES, RFC_9783, Profile

ES384 = -35
CHALLENGE = bytes(range(32))
SERVICE = 277  # the delegated attestation service, a client of the initial attestation service
POINT = point_of(P384)
COSE_KEY = {1: 2, -1: 2, -2: POINT[1:49], -3: POINT[49:]}
ENCODED = cbor2.dumps(COSE_KEY)


def platform(key: bytes = ENCODED, profile: Profile = RFC_9783, digest: str = "sha384") -> bytes:
    nonce = hashlib.new(digest, key).digest()
    return token_of(claims_of(profile, nonce=nonce, client_id=SERVICE))


def outer(claims: dict[Any, Any], key: Any = P384) -> bytes:
    protected = cbor2.dumps({1: ES384})
    payload = cbor2.dumps({label: value for label, value in claims.items() if value is not DROP})
    return token_of(payload, protected=protected, signature=sign_bytes(key, ES384, protected, payload))


def delegated(nested: object | None = None, **changes: Any) -> bytes:
    claims = {10: CHALLENGE, 44237: ENCODED, 44240: "sha-384", 266: {"platform": nested or platform()}}
    return outer(claims | {int(name[1:]): value for name, value in changes.items()})


@pytest.mark.parametrize("profile", PSA_PROFILES, ids=lambda profile: profile.name)
def test_platform_token_of_every_profile_vouches_for_the_key(profile: Profile) -> None:
    verdict = verify(delegated(platform(profile=profile)), P256, challenge=CHALLENGE, strict=True)
    assert verdict.reasons == ()
    assert [(part.name, part.ok) for part in verdict.parts] == [("platform", True), ("delegated", True)]
    assert "nested" in verdict.envelope


@pytest.mark.parametrize(
    "key, octets",
    [
        pytest.param({"_44237": POINT}, POINT, id="a point"),
        pytest.param({"_44237": DROP, "_8": {1: COSE_KEY}}, ENCODED, id="a confirmation"),
    ],
)
def test_the_key_in_its_other_forms(key: dict[str, Any], octets: bytes) -> None:
    verdict = verify(delegated(platform(octets), **key), P256, challenge=CHALLENGE, strict=True)
    assert verdict.reasons == ()


@pytest.mark.parametrize("digest, name", [(f"sha{bits}", f"sha-{bits}") for bits in (256, 384, 512)])
def test_hash_by_name_and_unnamed_by_size(digest: str, name: str) -> None:
    nested = platform(digest=digest)
    assert verify(delegated(nested, _44240=name), P256).ok
    assert verify(delegated(nested, _44240=DROP), P256).ok


def realm(**changes: Any) -> bytes:
    nested = token_of(claims_of(CCA_PLATFORM, nonce=hashlib.sha384(ENCODED).digest()))
    own = {
        "_10": CHALLENGE + bytes(32),
        "_265": "tag:arm.com,2023:realm#1.0.0",
        "_44235": bytes(64),
        "_44236": "sha-256",
        "_44238": bytes(32),
        "_44239": [bytes(32)] * 4,
    }
    return delegated(None, **(own | {"_266": {"platform": nested}} | changes))


def test_realm_token_that_nests() -> None:
    verdict = verify(realm(), P256, challenge=CHALLENGE, strict=True)
    assert verdict.reasons == ()
    assert [part.name for part in verdict.parts] == ["platform", "realm"]
    assert verify(realm(_10=bytes(32)), P256).kinds() == {Kind.CLAIM_LENGTH}


@pytest.mark.parametrize(
    "token, kinds",
    [
        pytest.param(delegated(platform(b"another key")), {Kind.BINDING_MISMATCH}, id="another key's"),
        pytest.param(delegated(_44240="sha-256"), {Kind.BINDING_MISMATCH}, id="bound by another hash"),
        pytest.param(
            delegated(_44240="md5"), {Kind.BINDING_HASH, Kind.CLAIM_VALUE}, id="hash of no known name"
        ),
        pytest.param(delegated(platform()[1:]), {Kind.TAG_MISSING}, id="nested without its tag"),
        pytest.param(delegated(platform() + b"\x00"), {Kind.TRAILING_BYTES}, id="a byte behind the nested"),
        pytest.param(delegated(b"\xff"), {Kind.MALFORMED_CBOR}, id="nested garbage"),
        pytest.param(
            delegated(delegated()), {Kind.PROFILE_MISSING, Kind.ALG_MISMATCH, Kind.BINDING_MISMATCH}
        ),
        pytest.param(
            delegated(_266={"a": platform(), "b": platform()}), {Kind.COLLECTION_SHAPE}, id="two nested"
        ),
        pytest.param(delegated(_266={1: platform()}), {Kind.COLLECTION_SHAPE}, id="a number for a name"),
        pytest.param(delegated(_10=bytes(7)), {Kind.CLAIM_LENGTH}, id="nonce too short"),
        pytest.param(delegated(_10=DROP), {Kind.CLAIM_MISSING}, id="no nonce"),
        pytest.param(delegated(_8={1: COSE_KEY}), {Kind.CLAIM_CONFLICT}, id="two keys"),
        pytest.param(
            delegated(platform(b"\x01"), _44237=b"\x01"), {Kind.RAK_INVALID}, id="key is no COSE_Key"
        ),
        pytest.param(
            outer(
                {10: CHALLENGE, 44237: ENCODED, 266: {"platform": platform()}},
                ec.derive_private_key(99, ec.SECP384R1()),
            ),
            {Kind.SIGNATURE_INVALID},
            id="signed by another key",
        ),
    ],
)
def test_broken_nesting(token: bytes, kinds: set[Kind]) -> None:
    verdict = verify(token, P256)
    assert verdict.kinds() == kinds


@pytest.mark.parametrize("client_id", [-1, -0x3C000000, -0x80000000])
def test_token_that_a_non_secure_client_asked_for_itself(client_id: int) -> None:
    """It may ask for a token over the hash of any key, its own as well."""
    nonce = hashlib.sha384(ENCODED).digest()
    token = delegated(token_of(claims_of(RFC_9783, nonce=nonce, client_id=client_id)))
    verdict = verify(token, P256)
    assert verdict.ok
    assert Kind.BINDING_CLIENT in {warning.kind for warning in verdict.warnings}
    assert verify(token, P256, strict=True).kinds() == {Kind.BINDING_CLIENT}


def test_platform_key_of_somebody_else() -> None:
    assert verify(delegated(), P521).kinds() == {Kind.ALG_MISMATCH}


def test_freshness_is_the_outer_token_s() -> None:
    nonce = hashlib.sha384(ENCODED).digest()
    assert verify(delegated(), P256, challenge=nonce).kinds() == {Kind.NONCE_MISMATCH}
    assert verify(delegated(), P256, challenge=CHALLENGE).ok


def test_other_submodules_are_not_judged_and_strict_refuses_them() -> None:
    token = delegated(_266={"platform": platform(), "more": {1: 2}})
    verdict = verify(token, P256)
    assert verdict.ok
    assert Kind.ENTRY_UNKNOWN in {warning.kind for warning in verdict.warnings}
    assert verify(token, P256, strict=True).kinds() == {Kind.ENTRY_UNKNOWN}


@pytest.mark.parametrize("profile", [RFC_9783, PSA_IOT_PROFILE_1], ids=lambda profile: profile.name)
def test_initial_attestation_token_is_none_whatever_it_nests(profile: Profile) -> None:
    """Its own key signs it; submodules are a claim that the profile does not have."""
    claims = [*claims_of(profile), (266, {"x": platform()}), (44237, ENCODED)]
    verdict = verify(token_of(claims), P256)
    assert (verdict.ok, verdict.parts) == (True, ())


def test_nested_token_is_shown() -> None:
    assert [part.name for part in decode(delegated()).parts] == ["delegated", "platform"]
