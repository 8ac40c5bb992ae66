"""The attack library: every mutation of every kind of token gets the verdict that the registry says."""

import hmac
from dataclasses import replace
from functools import cache

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from support.attack_tokens import P256, all_bases, real_bases

from tfm_sim.interface.errors import TfmSimError
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ROTPKS
from tfm_sim.tools.attacks import (
    MUTATIONS,
    Forgery,
    Means,
    Mutation,
    NotApplicable,
    Subject,
    check,
    composed,
    find_mutation,
    forge_all,
    frames,
    nests,
)
from tfm_sim.tools.attacks.bases import boot_bases
from tfm_sim.tools.attacks.bits import flip
from tfm_sim.tools.attacks.judging import RefusedBefore, judge_unbent
from tfm_sim.tools.attacks.mutation import Answer, KeyNeed
from tfm_sim.tools.attacks.registry import ON_MESSAGES
from tfm_sim.tools.attacks.subject import NotAToken
from tfm_sim.tools.tokens.cose_writer import SigningKey
from tfm_sim.tools.verifier import Kind, verify
from tfm_sim.tools.verifier.keys import from_public

BASES = sorted(all_bases())


@cache
def forgeries(name: str) -> tuple[tuple[Mutation, Forgery], ...]:
    """Every mutation of a base with what it makes."""
    return tuple(forge_all(all_bases()[name].subject()))


@pytest.mark.parametrize("name", BASES)
def test_every_mutation_gets_the_verdict_that_it_deserves(name: str) -> None:
    subject = all_bases()[name].subject()
    key = subject.means.trusted_key
    before = {strict: judge_unbent(subject, key, strict=strict) for strict in (False, True)}
    wrong = []
    for mutation, forgery in forgeries(name):
        for strict in (False, True):
            verdict = verify(forgery.token, key, challenge=forgery.challenge, strict=strict)
            deserved = mutation.deserved(strict=strict)
            if not deserved.met_by(verdict, before[strict]):
                given = [str(finding) for finding in (*verdict.reasons, *verdict.warnings)]
                wrong.append((mutation.name, strict, str(deserved), verdict.ok, given))
    assert wrong == []
    assert len(forgeries(name)) > 150


@pytest.mark.parametrize("name", [name for name in BASES if not name.startswith(("composed", "kids"))])
def test_what_deserves_acceptance_is_truly_signed_and_what_is_forged_is_not(name: str) -> None:
    """RFC 9052 4.4, 6.3 by cbor2 and `cryptography` alone: the registry is held against another reader."""
    signer = all_bases()[name].signer
    for mutation, forgery in forgeries(name):
        kinds = mutation.deserves.kinds
        if mutation.deserves.answer is not Answer.REFUSED:
            assert is_signed(forgery.token, signer), mutation.name
        elif kinds & {Kind.SIGNATURE_INVALID, Kind.SIGNATURE_LENGTH, Kind.SHORT_CIRCUIT}:
            assert not is_signed(forgery.token, signer), mutation.name
        elif mutation.need is KeyNeed.SIGNER and kinds & {
            Kind.CLAIM_VALUE,
            Kind.CLAIM_TYPE,
            Kind.CLAIM_LENGTH,
        }:
            assert is_signed(forgery.token, signer), mutation.name


def is_signed(token: bytes, key: SigningKey) -> bool:
    """The signature or tag holds, by the hash that goes with the key."""
    message = cbor2.loads(token)
    protected, _, payload, signature = message.value
    context = {17: "MAC0", 18: "Signature1"}[message.tag]
    signed = cbor2.dumps([context, protected, b"", payload])
    if isinstance(key, bytes):
        return hmac.compare_digest(hmac.digest(key, signed, f"sha{8 * len(key)}"), signature)
    size, half = {256: 256, 384: 384, 521: 512}[key.key_size], (key.key_size + 7) // 8
    if len(signature) != 2 * half:
        return False
    r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[size]
    try:
        key.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def test_check_tells_what_a_verifier_gets_wrong() -> None:
    """A verifier that takes the wrong key for the right one accepts nothing, so a check means nothing."""
    base = all_bases()["rfc9783"]
    with pytest.raises(RefusedBefore, match=r"refused before any mutation: .*does not verify"):
        list(check(base.subject(), from_public(P256.public_key())))
    assert all(case.as_deserved for case in check(base.subject(), base.subject().means.trusted_key))


@pytest.mark.parametrize("name", BASES)
def test_every_mutation_changes_the_token_or_is_held_against_another_challenge(name: str) -> None:
    subject = all_bases()[name].subject()
    for mutation, forgery in forgeries(name):
        changed = forgery.token != subject.token
        assert changed or mutation.new_challenge, mutation.name
        assert (forgery.challenge != subject.challenge) == mutation.new_challenge, mutation.name


@pytest.mark.parametrize("name", BASES)
def test_a_seed_makes_the_same_again(name: str) -> None:
    base = all_bases()[name]
    assert base.subject().challenge == base.challenge
    for mutation, forgery in forgeries(name):
        assert mutation.forge(base.subject()) == forgery, mutation.name


@pytest.mark.parametrize("name", ["psa-iot-1", "rfc9783-mac"])
@pytest.mark.parametrize("mutation", ["bit-flip-payload", "key-swap", "signature-random", "nonce-replaced"])
def test_another_seed_makes_another(name: str, mutation: str) -> None:
    made = {find_mutation(mutation).forge(all_bases()[name].subject(seed)).token for seed in range(4)}
    assert len(made) == 4


def test_no_mutation_is_for_nothing() -> None:
    used = {mutation.name for name in BASES for mutation, _ in forgeries(name)}
    assert [name for name in MUTATIONS if name not in used] == []


@pytest.mark.parametrize("name", BASES)
def test_what_needs_no_key_of_the_devices_does_the_same_without_one(name: str) -> None:
    """The attacker of an outsider's mutation has the token and nothing else."""
    base = all_bases()[name]
    outsider = Subject.of(base.token, Means())
    for mutation, forgery in forgeries(name):
        if mutation.need in (KeyNeed.NONE, KeyNeed.OWN):
            if outsider_can(mutation.name, name):
                assert mutation.forge(outsider) == forgery, mutation.name
        else:
            assert not mutation.applies_to(outsider), mutation.name


def outsider_can(mutation: str, base: str) -> bool:
    """Inside a nest the outer token must be signed anew for anything to be told apart."""
    return not (base == "composed-nested" and mutation.startswith("platform-"))


@pytest.mark.parametrize("name", ["2019", "rfc9783-mac", "composed-399", "composed-nested", "realm-LEGACY"])
def test_what_does_not_apply_says_so(name: str) -> None:
    subject = all_bases()[name].subject()
    for mutation in MUTATIONS.values():
        if not mutation.applies_to(subject):
            with pytest.raises(NotApplicable, match="does not apply"):
                mutation.forge(subject)


def test_a_signers_mutation_wants_the_right_kind_of_key() -> None:
    base = all_bases()["rfc9783"]
    for wrong in (bytes(32), all_bases()["rfc9783-es384"].signer):
        subject = Subject.of(base.token, Means(signer=wrong))
        assert not find_mutation("nonce-replaced-resigned").applies_to(subject)
        assert find_mutation("key-swap").applies_to(subject)


@pytest.mark.parametrize("name", ["psa-iot-1", "rfc9783-mac"])
def test_truncation_at_each_byte(name: str) -> None:
    base = all_bases()[name]
    key = base.subject().means.trusted_key
    for at in range(len(base.token)):
        subject = Subject.of(base.token, Means(at=at))
        forgery = find_mutation("truncated").forge(subject)
        assert forgery.token == base.token[:at]
        assert verify(forgery.token, key).kinds() == {Kind.MALFORMED_CBOR}


def test_a_bit_by_its_number() -> None:
    """All but the unprotected header, which nobody signs: here {4: kid} of 36 bytes."""
    base = all_bases()["psa-iot-1-kid"]
    key = base.subject().means.trusted_key
    bits = 8 * (len(base.token) - 36)
    mutation = find_mutation("bit-flip-anywhere")
    seen = [mutation.forge(Subject.of(base.token, Means(at=at))).token for at in range(0, bits, 11)]
    assert len(set(seen)) == len(range(0, bits, 11))
    assert all((int.from_bytes(token) ^ int.from_bytes(base.token)).bit_count() == 1 for token in seen)
    assert not any(verify(token, key).ok for token in seen)
    assert mutation.forge(Subject.of(base.token, Means(at=bits))).token == seen[0], "modulo the length"


def test_every_part_of_a_collection_is_attacked() -> None:
    subject = all_bases()["composed-907"].subject()
    names = {mutation.name for mutation in MUTATIONS.values() if mutation.applies_to(subject)}
    assert {"platform-tag-strip", "realm-tag-strip", "cca-tag-strip"} <= names
    assert "tag-strip" not in names


@pytest.mark.parametrize(
    "name, answer, kinds",
    [
        ("signature-malleable", Answer.ACCEPTED, set()),
        ("claims-reordered", Answer.REFUSED, {Kind.SIGNATURE_INVALID}),
        ("claims-reordered-resigned", Answer.ACCEPTED, set()),
        ("short-circuit", Answer.REFUSED, {Kind.SHORT_CIRCUIT}),
        ("mac0-with-public-key", Answer.REFUSED, {Kind.ALG_MISMATCH}),
        ("boot-seed-key-resigned", Answer.WARNED, {Kind.CLAIM_FOREIGN}),
        ("no-measurements-beside-resigned", Answer.REFUSED, {Kind.CLAIM_CONFLICT}),
        ("cca-binding-mismatch-resigned", Answer.REFUSED, {Kind.BINDING_MISMATCH}),
        ("cca-other-form", Answer.ACCEPTED, set()),
        ("nonce-replay", Answer.REFUSED, {Kind.NONCE_MISMATCH}),
        ("alg-removed", Answer.REFUSED, {Kind.ALG_MISSING}),
        ("payload-canonical", Answer.REFUSED, {Kind.SIGNATURE_INVALID}),
        ("tag-61-added", Answer.REFUSED, {Kind.TAG_EXTRA}),
    ],
)
def test_verdicts_that_people_get_wrong(name: str, answer: Answer, kinds: set[Kind]) -> None:
    """RFC 9783, RFC 9052: said here once more, so that the registry is not its own judge."""
    deserves = find_mutation(name).deserves
    assert (deserves.answer, set(deserves.kinds)) == (answer, kinds)


def test_every_mutation_says_what_why_and_where() -> None:
    for mutation in MUTATIONS.values():
        assert mutation.name == mutation.name.lower().strip("-")
        assert mutation.what
        assert mutation.rule.why
        assert mutation.rule.section
        assert mutation.need is not KeyNeed.SIGNER or "sign" in mutation.what, mutation.name


def test_no_name_is_given_twice() -> None:
    single = sum(len(template.possible_parts) for template in ON_MESSAGES)
    double = len(composed.MUTATIONS) + len(frames.MUTATIONS) + len(nests.MUTATIONS)
    assert len(MUTATIONS) == single + double


def test_a_name_that_is_none() -> None:
    with pytest.raises(TfmSimError, match=r"no mutation 'tag-stripped'; legal, among others: tag-strip\b"):
        find_mutation("tag-stripped")


def cuts(name: str) -> st.SearchStrategy[bytes]:
    token = real_bases()[name].token
    return st.integers(0, 8 * len(token) - 1).map(lambda bit: flip(token, bit))


@given(st.binary(max_size=80) | st.sampled_from(sorted(real_bases())).flatmap(cuts))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_a_token_or_an_error_of_its_own(data: bytes) -> None:
    try:
        subject = Subject.of(data)
    except NotAToken:
        return
    assert subject.challenge is not None


def test_a_device_of_ones_own_has_a_token_of_2019_too() -> None:
    """Its certification reference of today is too long for a hardware version, and its profile another."""
    mine = replace(DUMMY, iak=bytes(range(32)), rotpks=DUMMY_ROTPKS["EC-P256"])
    base = next(boot_bases(provisioning=mine))
    assert not isinstance(base.signer, bytes)
    key = from_public(base.signer.public_key())
    verdict = verify(base.token, key, challenge=base.challenge, strict=True)
    assert (base.name, verdict.ok, verdict.profile) == ("2019", True, "psa-tfm-profile-1.md")
    assert verdict.warnings == ()
