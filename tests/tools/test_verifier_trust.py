"""Trust anchors by implementation and instance id, and verification with a store of them."""

import hashlib
from typing import Any

import pytest
from support.forged_tokens import (
    DROP,
    HMAC256,
    P256,
    P384,
    SECRET,
    VALUES,
    claims_of,
    encode_map,
    mac,
    protect,
    token_of,
)

from tfm_sim.tools.verifier import (
    Kind,
    MacKey,
    SignatureState,
    TrustAnchor,
    TrustAnchorUnusable,
    TrustStore,
    load_key,
    verify,
)
from tfm_sim.tools.verifier.profiles import (
    ALL_PROFILES,
    CCA_PLATFORM,
    PSA_IOT_PROFILE_1,
    RFC_9783,
    Family,
    Profile,
)

MAKE, DEVICE = bytes(32), b"\x01" + bytes(32)
ANCHOR = TrustAnchor(MAKE, DEVICE, MacKey(bytes(32)))


@pytest.mark.parametrize(
    "implementation_id, instance_id, found",
    [
        pytest.param(MAKE, DEVICE, ANCHOR, id="both"),
        pytest.param(MAKE, b"\x01" + bytes(31) + b"\x01", None, id="another device"),
        pytest.param(b"\x01" + bytes(31), DEVICE, None, id="another make"),
        pytest.param(MAKE[:4], DEVICE, None, id="a short implementation id"),
    ],
)
def test_anchor_is_found_by_both_ids(
    implementation_id: bytes, instance_id: bytes, found: TrustAnchor | None
) -> None:
    assert TrustStore([ANCHOR]).find(implementation_id, instance_id) is found


@pytest.mark.parametrize(
    "implementation_id, instance_id", [(bytes(4), DEVICE), (MAKE, bytes(33)), (MAKE, DEVICE[:32])]
)
def test_anchor_that_no_token_can_name_is_refused(implementation_id: bytes, instance_id: bytes) -> None:
    with pytest.raises(TrustAnchorUnusable, match="legal:"):
        TrustAnchor(implementation_id, instance_id, ANCHOR.key)


def test_one_device_has_one_key() -> None:
    assert list(TrustStore([ANCHOR, ANCHOR])) == [ANCHOR]
    with pytest.raises(TrustAnchorUnusable, match="two keys"):
        TrustStore([ANCHOR, TrustAnchor(MAKE, DEVICE, MacKey(bytes(48)))])


REAL = TrustAnchor(VALUES["implementation-id"], VALUES["instance-id"], load_key(P256))
STORE = TrustStore([ANCHOR, REAL])
WITH_IDS = [profile for profile in ALL_PROFILES if profile.family in (Family.PSA, Family.PLATFORM)]


@pytest.mark.parametrize("profile", WITH_IDS, ids=lambda profile: profile.name)
def test_the_token_s_ids_choose_the_key(profile: Profile) -> None:
    verdict = verify(token_of(claims_of(profile)), STORE, strict=True)
    assert verdict.reasons == ()
    assert verdict.anchor is REAL
    assert verdict.key == REAL.key
    assert verdict.as_json()["trust_anchor"] == {
        "implementation_id": REAL.implementation_id.hex(),
        "instance_id": REAL.instance_id.hex(),
    }


@pytest.mark.parametrize(
    "changes, kinds",
    [
        ({"instance_id": b"\x01" + bytes(31) + b"\x01"}, {Kind.NO_TRUST_ANCHOR}),
        ({"implementation_id": b"\x01" * 32}, {Kind.NO_TRUST_ANCHOR}),
        ({"instance_id": DROP}, {Kind.NO_TRUST_ANCHOR, Kind.CLAIM_MISSING}),
        ({"implementation_id": bytes(4)}, {Kind.NO_TRUST_ANCHOR, Kind.CLAIM_LENGTH}),
        ({"implementation_id": "0" * 32}, {Kind.NO_TRUST_ANCHOR, Kind.CLAIM_TYPE}),
        ({"profile": "http://unknown"}, {Kind.NO_TRUST_ANCHOR, Kind.PROFILE_UNKNOWN}),
    ],
)
def test_no_anchor_is_a_refusal_of_its_own(changes: dict[str, Any], kinds: set[Kind]) -> None:
    verdict = verify(token_of(claims_of(RFC_9783, **changes)), STORE)
    assert verdict.kinds() == kinds
    assert verdict.signature is SignatureState.NOT_CHECKED
    assert verdict.anchor is None


def test_key_of_another_algorithm_than_the_anchor_s() -> None:
    anchor = TrustAnchor(REAL.implementation_id, REAL.instance_id, load_key(P384))
    assert verify(token_of(), TrustStore([anchor])).kinds() == {Kind.ALG_MISMATCH}


def test_public_key_is_no_secret() -> None:
    """A Mac0 with the anchor's public key as its secret: the anchor says what kind of key it is."""
    point = load_key(P256).point()  # type: ignore[union-attr]
    payload = encode_map(claims_of(RFC_9783))
    for secret in (point, point[1:], point[1:33]):
        tag = mac(secret, protect(HMAC256), payload)
        forged = token_of(payload, tag=17, protected=protect(HMAC256), signature=tag)
        assert verify(forged, STORE).kinds() == {Kind.ALG_MISMATCH}


def test_symmetric_anchor() -> None:
    identity = b"\x01" + hashlib.sha256(hashlib.sha256(SECRET).digest()).digest()
    payload = encode_map(claims_of(PSA_IOT_PROFILE_1, instance_id=identity))
    token = token_of(
        payload, tag=17, protected=protect(HMAC256), signature=mac(SECRET, protect(HMAC256), payload)
    )
    store = TrustStore([TrustAnchor(bytes(32), identity, MacKey(SECRET))])
    assert verify(token, store, strict=True).ok
    assert verify(token, STORE).kinds() == {Kind.NO_TRUST_ANCHOR}


def test_garbage_needs_no_anchor_to_be_refused() -> None:
    assert verify(b"\xff", STORE).kinds() == {Kind.MALFORMED_CBOR}
    assert verify(token_of(claims_of(CCA_PLATFORM)), TrustStore([])).kinds() == {Kind.NO_TRUST_ANCHOR}
