"""Mutations of arbitrary valid tokens: none raises, and each gets the verdict that it deserves."""

import hashlib
from typing import Any

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st
from support.attack_tokens import P256, P384, P521, instance_id

from tfm_sim.tools.attacks import MUTATIONS, Means, Subject
from tfm_sim.tools.attacks.judging import judge_unbent
from tfm_sim.tools.tokens.cose_writer import SigningKey, write_cose
from tfm_sim.tools.verifier import verify

HASHES = st.sampled_from([32, 48, 64]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
TEXT = st.text(max_size=12)
CLIENT = st.integers(-(2**31), -1) | st.integers(1, 2**31 - 1)
LIFECYCLE = st.builds(
    lambda state, low: state << 8 | low, st.sampled_from(range(0, 0x70, 0x10)), st.integers(0, 255)
)
COMPONENT = st.fixed_dictionaries({2: HASHES, 5: HASHES}, optional={1: TEXT, 4: TEXT, 6: TEXT})
COMPONENTS = st.lists(COMPONENT, min_size=1, max_size=4)
DASHED = st.from_regex(r"[0-9]{13}-[0-9]{5}", fullmatch=True)
KEYS: tuple[SigningKey, ...] = (P256, P384, P521, bytes(range(32)), bytes(range(48)), bytes(range(64)))
OCTETS_32 = st.binary(min_size=32, max_size=32)
UNKNOWN = {3000: TEXT, -90000: st.integers(-5, 5)}


def psa_1(key: SigningKey) -> st.SearchStrategy[dict[Any, Any]]:
    measured = st.fixed_dictionaries({-75006: COMPONENTS}) | st.just({-75007: 1})
    claims = st.fixed_dictionaries(
        {
            -75008: HASHES,
            -75009: st.just(instance_id(key)),
            -75004: OCTETS_32,
            -75001: CLIENT,
            -75002: LIFECYCLE,
            -75003: OCTETS_32,
        },
        optional={
            -75000: st.just("PSA_IOT_PROFILE_1"),
            -75005: DASHED,
            -75010: st.text(min_size=1),
            **UNKNOWN,
        },
    )
    return st.builds(lambda one, other: one | other, claims, measured)


def psa_2(key: SigningKey) -> st.SearchStrategy[dict[Any, Any]]:
    def claims(profile: str, seed: int) -> st.SearchStrategy[dict[Any, Any]]:
        return st.fixed_dictionaries(
            {
                10: HASHES,
                256: st.just(instance_id(key)),
                265: st.just(profile),
                2394: CLIENT,
                2395: LIFECYCLE,
                2396: OCTETS_32,
                2399: COMPONENTS,
            },
            optional={seed: st.binary(min_size=8, max_size=32), 2398: DASHED, 2400: TEXT, **UNKNOWN},
        )

    return claims("http://arm.com/psa/2.0.0", 2397) | claims("tag:psacertified.org,2023:psa#tfm", 268)


def platform(key: SigningKey) -> st.SearchStrategy[dict[Any, Any]]:
    profiles = ["http://arm.com/CCA-SSD/1.0.0", "tag:arm.com,2023:cca_platform#1.0.0"]
    return st.fixed_dictionaries(
        {
            10: HASHES,
            256: st.just(instance_id(key)),
            265: st.sampled_from(profiles),
            2395: LIFECYCLE,
            2396: OCTETS_32,
            2399: COMPONENTS,
            2401: st.binary(max_size=8),
            2402: st.just("sha-256"),
        },
        optional={2400: TEXT, **UNKNOWN},
    )


@st.composite
def valid_tokens(draw: st.DrawFn) -> tuple[bytes, SigningKey]:
    """Claims of any profile in any order, any key, with or without kid."""
    key = draw(st.sampled_from(KEYS))
    claims = draw(st.one_of(psa_1(key), psa_2(key), platform(key)))
    pairs = draw(st.permutations(list(claims.items())))
    kid = draw(st.none() | st.just(instance_id(key)[1:]))
    return write_cose(cbor2.dumps(dict(pairs)), key, kid=kid), key


@given(valid_tokens(), st.integers(0, 2**32), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_no_mutation_raises_and_each_is_judged_as_it_deserves(
    made: tuple[bytes, SigningKey], seed: int, random: Any
) -> None:
    token, key = made
    subject = Subject.of(token, Means(seed=seed, signer=key))
    trusted = subject.means.trusted_key
    before = judge_unbent(subject, trusted)
    for name in random.sample(sorted(MUTATIONS), 120):
        mutation = MUTATIONS[name]
        if mutation.applies_to(subject):
            forgery = mutation.forge(subject)
            assert forgery.token != token or mutation.new_challenge, name
            verdict = verify(forgery.token, trusted, challenge=forgery.challenge)
            assert mutation.deserves.met_by(verdict, before), (name, verdict.reasons, verdict.warnings)


def test_the_instance_id_is_that_of_the_key() -> None:
    assert instance_id(bytes(32))[1:] == hashlib.sha256(hashlib.sha256(bytes(32)).digest()).digest()
