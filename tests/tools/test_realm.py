"""The realm-like entity: its claims, keys and three compositions, and what the verifier says of them."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.tools.delegated_demo import Demonstration, demonstrate
from tfm_sim.tools.realm import (
    AttestationKey,
    BindingHash,
    Composition,
    Realm,
    RealmError,
    RealmProfile,
    RealmState,
    wrap,
)
from tfm_sim.tools.verifier import load_key, verify

CHALLENGE = bytes(range(64))
FORMS = pytest.mark.parametrize("form", Composition)


@pytest.fixture(scope="module")
def shown() -> Demonstration:
    return demonstrate(challenge=CHALLENGE)


def key(bits: int = 384) -> AttestationKey:
    return AttestationKey.of(hashlib.sha256(b"a scalar").digest(), bits)


# ---- keys and claims


@pytest.mark.parametrize(("bits", "point", "cose"), [(256, 65, 75), (384, 97, 107), (521, 133, 143)])
def test_sizes_of_the_public_key(bits: int, point: int, cose: int) -> None:
    """As attestation of CCA has them: the raw point, and the COSE_Key in its canonical order."""
    one = key(bits)
    assert (len(one.point), len(one.cose_key)) == (point, cose)
    head = {256: "a401022001215820", 384: "a401022002215830", 521: "a401022003215842"}[bits]
    assert one.cose_key.hex().startswith(head)
    assert one.cose_key[8:].startswith(one.point[1 : 1 + point // 2])
    assert one.claim(RealmProfile.LEGACY) == one.point
    assert one.claim(RealmProfile.CCA_2023) == one.claim(RealmProfile.CCA_2024) == one.cose_key


@pytest.mark.parametrize(
    ("profile", "labels"),
    [
        (RealmProfile.LEGACY, {10, 44235, 44236, 44237, 44238, 44239, 44240}),
        (RealmProfile.CCA_2023, {10, 265, 44235, 44236, 44237, 44238, 44239, 44240}),
        (RealmProfile.CCA_2024, {10, 256, 265, 44235, 44236, 44237, 44238, 44239, 44240, 44243}),
    ],
)
def test_claims_of_each_profile(profile: RealmProfile, labels: set[int]) -> None:
    claims = Realm(key(), profile=profile).claims(CHALLENGE)
    assert set(claims) == labels
    assert claims.get(265, "") == profile.value
    assert [len(claims[label]) for label in (10, 44235, 44239)] == [64, 64, 4]
    assert claims[44237] == key().claim(profile)
    if profile is RealmProfile.CCA_2024:
        assert (len(claims[256]), claims[256][0], claims[44243]) == (33, 1, 1)


@pytest.mark.parametrize("size", [0, 32, 48, 63, 65])
def test_a_challenge_of_another_size(size: int) -> None:
    with pytest.raises(RealmError, match=f"realm challenge: {size} bytes; legal: 64"):
        Realm(key()).claims(bytes(size))


@pytest.mark.parametrize("binding", BindingHash)
@pytest.mark.parametrize("profile", RealmProfile)
def test_hashed_is_the_claim_as_carried(binding: BindingHash, profile: RealmProfile) -> None:
    realm = Realm(key(), binding, profile)
    claims = realm.claims(CHALLENGE)
    assert claims[44240] == binding.value
    assert realm.key_hash == hashlib.new(binding.value.replace("-", ""), claims[44237]).digest()


# ---- compositions


def test_the_nested_form(shown: Demonstration) -> None:
    """RFC 9711: the submodules are claim 266, and a nested token is a byte string of the tagged token."""
    outer = cbor2.loads(shown.token(Composition.NESTED))
    claims = cbor2.loads(outer.value[2])
    assert (outer.tag, outer.value[0].hex()) == (18, "a1013822")
    assert claims[266] == {"platform": shown.platform_token}
    assert {label: claims[label] for label in claims if label != 266} == shown.realm.claims(CHALLENGE)


def test_the_collections(shown: Demonstration) -> None:
    new, old = (cbor2.loads(shown.token(form)) for form in (Composition.CCA, Composition.LEGACY))
    assert (new.tag, old.tag) == (907, 399)
    assert set(new.value) == set(old.value) == {44234, 44241}
    assert [entry[0] for entry in new.value.values()] == [263, 263]
    assert new.value[44234][1] == shown.platform_token
    assert all(isinstance(token, bytes) for token in old.value.values())


def test_no_collection_is_nested() -> None:
    with pytest.raises(RealmError, match="nested: no collection; legal: 907, 399"):
        wrap(b"", b"", Composition.NESTED)


@FORMS
def test_the_platform_token_binds_the_key(form: Composition, shown: Demonstration) -> None:
    platform, realm = parts(form, shown.token(form))
    assert platform[10] == hashlib.sha256(realm[44237]).digest()
    assert platform[265] == (
        "http://arm.com/CCA-SSD/1.0.0"
        if form is Composition.LEGACY
        else "tag:arm.com,2023:cca_platform#1.0.0"
    )


def parts(form: Composition, token: bytes) -> tuple[Any, Any]:
    """Claims of the platform token and of the realm token."""
    whole = cbor2.loads(token).value
    if form is Composition.NESTED:
        claims = cbor2.loads(whole[2])
        return claims_of(claims[266]["platform"]), claims
    if form is Composition.CCA:
        return claims_of(whole[44234][1]), claims_of(whole[44241][1])
    return claims_of(whole[44234]), claims_of(whole[44241])


def claims_of(token: bytes) -> Any:
    return cbor2.loads(cbor2.loads(token).value[2])


# ---- what becomes of them


def test_the_demonstration_shows_what_it_should(shown: Demonstration) -> None:
    assert shown.ok
    assert shown.same_after_reset
    assert [trial.form for trial in shown.good] == list(Composition)
    assert len(shown.forged) == 6 * len(Composition)


WHY = {
    "wrong-binder": "platform nonce: found",
    "other-key": "platform nonce: found",
    "other-signer": "realm envelope: the signature does not verify",
    "swapped-platform": "platform envelope: the signature does not verify",
    "changed-realm": "realm envelope: the signature does not verify",
    "replayed": "realm nonce (10): found",
}


@FORMS
@pytest.mark.parametrize("name", WHY)
def test_a_forgery_is_refused_for_its_own_reason(form: Composition, name: str, shown: Demonstration) -> None:
    trial = next(trial for trial in shown.forged if (trial.form, trial.name) == (form, name))
    assert not trial.verdict.ok
    assert str(trial.verdict.reasons[0]).startswith(WHY[name])
    others = {"swapped-platform": 2}
    assert len(trial.verdict.reasons) == others.get(name, 1)


@pytest.mark.parametrize("bits", [256, 384, 521])
@pytest.mark.parametrize("binding", BindingHash)
def test_every_size_and_binding(bits: int, binding: BindingHash) -> None:
    shown = demonstrate("an521", challenge=CHALLENGE, bits=bits, binding=binding)
    assert shown.ok
    assert shown.boot == ()  # no BL1 there
    platform, realm = parts(Composition.CCA, shown.token(Composition.CCA))
    assert (len(platform[10]), realm[44240]) == (int(binding.value[-3:]) // 8, binding.value)
    verification_key = load_key(shown.verification_key)
    for trial in shown.good:
        assert verify(trial.token, verification_key, challenge=CHALLENGE, strict=True).ok


def test_realms_of_2023_too(shown: Demonstration) -> None:
    realm = replace(shown.realm, profile=RealmProfile.CCA_2023)
    token = realm.compose(shown.platform_token, CHALLENGE, Composition.CCA)
    assert verify(token, load_key(shown.verification_key), challenge=CHALLENGE).ok


@pytest.mark.parametrize(
    "changed",
    [
        {"personalization_value": bytes(63)},
        {"initial_measurement": bytes(31)},
        {"extensible_measurements": (bytes(32),) * 3},
        {"instance_id": b"\1" + bytes(31)},
        {"instance_id": bytes(33)},
        {"mec_policy": 2},
    ],
)
def test_what_a_realm_may_not_say(changed: dict[str, Any], shown: Demonstration) -> None:
    """The entity writes what it is told; the verifier is who refuses."""
    realm = replace(shown.realm, state=replace(RealmState(), **changed))
    token = realm.compose(shown.platform_token, CHALLENGE, Composition.CCA)
    verdict = verify(token, load_key(shown.verification_key), challenge=CHALLENGE)
    assert not verdict.ok
    assert len(verdict.reasons) == 1


def test_a_device_seen_twice_gives_the_same_keys() -> None:
    boards = [load_board("an521"), load_board("an521")]
    first, second = (demonstrate(board, challenge=CHALLENGE, seed=seed) for seed, board in enumerate(boards))
    assert first.realm.key.cose_key == second.realm.key.cose_key
