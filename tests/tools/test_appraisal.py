"""The default mode: what each departure of a token from its endorsements comes to."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.appraisal_cases import (
    CHALLENGE,
    CONFIG,
    COSE_POINT,
    DROP,
    IAK,
    IMPLEMENTATION,
    NSPE,
    OTHER,
    P1,
    P2,
    RAK,
    REALM_2024,
    REALM_CHALLENGE,
    RFC,
    SPE,
    anchor,
    cca_endorsed,
    cca_token,
    endorsed,
    psa_token,
    realm_reference,
    reference,
    sign1,
)
from support.veraison_cases import ALL, CONF, EXE, GOOD, II, RT, ST

from tfm_sim.tools.appraisal import (
    Appraisal,
    AppraisalError,
    Match,
    Member,
    Mode,
    Policy,
    Tier,
    TrustVector,
    appraise,
)
from tfm_sim.tools.appraisal.ear_check import read_ear
from tfm_sim.tools.appraisal.result import submod
from tfm_sim.tools.endorsements.model import Digest, Endorsements, PlatformConfig
from tfm_sim.tools.verifier.profiles import RFC_9783
from tfm_sim.tools.verifier.trust import TrustAnchorUnusable


def vector(token: bytes, endorsements: Endorsements, **options: Any) -> dict[Member, int]:
    return appraise(token, endorsements, **options).submods[0].vector.values()


@pytest.mark.parametrize("era", [P1, P2, RFC])
def test_a_good_token_of_each_profile_is_affirming(era: int) -> None:
    appraisal = appraise(psa_token(era), endorsed(), challenge=CHALLENGE)
    assert (appraisal.status, appraisal.affirming) == (Tier.AFFIRMING, True)
    assert [part.name for part in appraisal.submods] == ["PSA_IOT"]
    assert appraisal.submods[0].vector.values() == GOOD
    assert appraisal.submods[0].policy_ids == ("policy:PSA_IOT/default",)


@pytest.mark.parametrize(
    "lifecycle, value",
    [
        (0x3000, 2),
        (0x30FF, 2),
        (0x4000, 2),
        (0x40FF, 2),
        (0x0000, 96),
        (0x1000, 96),
        (0x2000, 96),
        (0x5000, 96),
        (0x60FF, 96),
    ],
)
def test_lifecycle_drives_identity_and_opacity(lifecycle: int, value: int) -> None:
    found = vector(psa_token(lifecycle=lifecycle), endorsed())
    assert found == {**GOOD, II: value, RT: value, ST: value}


SPE_NEW = {**SPE, 2: b"\x33" * 32, 4: "2.2.0"}
COMPONENTS = [
    # what the device runs, what is endorsed, exact, subset, said of it
    ([SPE, NSPE], [SPE, NSPE], 2, 2, "all 2 components"),
    ([NSPE, SPE], [SPE, NSPE], 2, 2, "all 2 components"),
    ([SPE_NEW, NSPE], [SPE, NSPE], 33, 33, "not endorsed; endorsed of SPE: 2.1.0"),
    ([SPE_NEW, NSPE], [SPE, SPE_NEW, NSPE], 2, 2, "all 2 components"),
    ([SPE], [SPE, NSPE], 33, 2, "NSPE: endorsed, but absent"),
    ([SPE, NSPE], [SPE], 33, 33, "NSPE 1.0.0 (2222222222222222...): its measurement is not endorsed"),
    ([SPE, SPE], [SPE], 33, 2, "occurs twice, endorsed once"),
    ([SPE, NSPE], [], 33, 33, "not endorsed"),
    ([{**SPE, 5: b"\x66" * 32}, NSPE], [SPE, NSPE], 33, 33, "signer 6666666666666666..., endorsed is 05"),
    ([{**SPE, 1: "NSPE"}, NSPE], [SPE, NSPE], 33, 33, "endorsed as SPE"),
    ([{**SPE, 4: "2.0.0"}, NSPE], [SPE, NSPE], 33, 33, "endorsed as version 2.1.0"),
    ([{2: SPE[2], 5: SPE[5]}, NSPE], [SPE, NSPE], 33, 33, "endorsed as SPE"),
]


@pytest.mark.parametrize("running, known, exact, subset, said", COMPONENTS)
def test_components(
    running: list[dict[int, Any]], known: list[dict[int, Any]], exact: int, subset: int, said: str
) -> None:
    endorsements = replace(endorsed(), reference_values=tuple(reference(entry) for entry in known))
    appraisal = appraise(psa_token(components=running), endorsements)
    assert appraisal.value(EXE) == exact
    assert said in " ".join(appraisal.submods[0].vector[EXE].why)
    assert (
        appraise(psa_token(components=running), endorsements, Policy(match=Match.SUBSET)).value(EXE) == subset
    )


@pytest.mark.parametrize(
    "changes, value",
    [
        ({"type": None, "version": None, "signer_id": None}, 2),  # what a reference does not say fits any
        ({"digests": (Digest("sha-256", SPE[2]), Digest("sha-512", b"\x99" * 64))}, 2),
        ({"digests": ()}, 33),
        ({"implementation_id": b"\x21" * 32}, 33),
    ],
)
def test_what_a_reference_says_is_compared(changes: dict[str, Any], value: int) -> None:
    endorsements = endorsed(reference(SPE, **changes), reference(NSPE))
    assert appraise(psa_token(), endorsements).value(EXE) == value


def test_an_untyped_reference_that_nothing_fulfils_is_missed() -> None:
    endorsements = endorsed(reference(SPE), reference(NSPE), reference(SPE_NEW, type=None))
    appraisal = appraise(psa_token(), endorsements)
    assert appraisal.value(EXE) == 33
    assert "3333333333333333...) is absent" in appraisal.submods[0].vector[EXE].why[0]


def test_two_references_may_share_a_digest() -> None:
    endorsements = endorsed(reference(SPE), reference(SPE, signer_id=b"\x66" * 32), reference(NSPE))
    assert appraise(psa_token(), endorsements).value(EXE) == 2


def test_each_problem_is_told_once() -> None:
    endorsements = endorsed(reference(SPE), reference(SPE_NEW), reference(NSPE))
    why = appraise(psa_token(components=[NSPE]), endorsements).submods[0].vector[EXE].why
    assert why == ("SPE: endorsed, but absent",)
    why = (
        appraise(psa_token(components=[{**SPE, 2: b"\x44" * 32}, NSPE]), endorsements)
        .submods[0]
        .vector[EXE]
        .why
    )
    assert len(why) == 1


def test_a_component_twice_takes_two_references() -> None:
    twice = endorsed(reference(SPE, type=None), reference(SPE, type=None, version=None))
    assert appraise(psa_token(components=[SPE, SPE]), twice).value(EXE) == 2


@pytest.mark.parametrize("turned", [False, True])
def test_references_that_overlap_go_to_whom_they_fit(turned: bool) -> None:
    """One that names no type fits both components; the one that does fits only the first."""
    alike = {**NSPE, 2: SPE[2], 4: SPE[4], 5: SPE[5]}
    references = [reference(SPE, type=None), reference(SPE)]
    both = endorsed(*(references[::-1] if turned else references))
    assert appraise(psa_token(components=[SPE, alike]), both).value(EXE) == 2
    assert appraise(psa_token(components=[alike, alike]), both).value(EXE) == 33


@pytest.mark.parametrize("known, value", [((SPE,), 33), ((), 0)])
def test_a_token_that_says_it_measures_nothing(known: tuple[dict[int, Any], ...], value: int) -> None:
    token = psa_token(P1, components=DROP, none=1)
    endorsements = replace(endorsed(), reference_values=tuple(reference(entry) for entry in known))
    assert appraise(token, endorsements).value(EXE) == value


def flipped(token: bytes) -> bytes:
    return token[:-1] + bytes([token[-1] ^ 1])


@pytest.mark.parametrize(
    "token, options, expected, said",
    [
        (flipped(psa_token()), {}, dict.fromkeys(ALL, 99), "signature does not verify"),
        (psa_token(P2, OTHER), {}, dict.fromkeys(ALL, 99), "signature does not verify"),
        (psa_token(), {"challenge": b"\x2b" * 32}, dict.fromkeys(ALL, 99), "legal: the challenge 2b2b"),
        (
            psa_token(instance=b"\x01" + b"\x41" * 32),
            {},
            {II: 97},
            "no trust anchor for instance id 0141",
        ),
        (psa_token(implementation=b"\x21" * 32), {}, {II: 97}, "no trust anchor"),
        (psa_token(client=0), {}, {II: 96}, "client-id (2394): found 0"),
        (psa_token(lifecycle=0x3100), {}, {II: 96}, "security-lifecycle"),
        (b"no token", {}, dict.fromkeys(ALL, 1), "this is no token"),
        (b"", {}, dict.fromkeys(ALL, 1), "this is no token"),
    ],
)
def test_what_does_not_verify_is_contraindicated(
    token: bytes, options: dict[str, Any], expected: dict[Member, int], said: str
) -> None:
    appraisal = appraise(token, endorsed(), **options)
    assert appraisal.status is Tier.CONTRAINDICATED
    assert appraisal.submods[0].vector.values() == expected
    assert said in str(appraisal.submods[0].policy_claims["problem"])


def test_anchors_that_contradict_each_other_are_an_error() -> None:
    endorsements = Endorsements(trust_anchors=(anchor(), anchor(OTHER)))
    with pytest.raises(TrustAnchorUnusable, match="two keys"):
        appraise(psa_token(), endorsements)


# CCA


def cca(token: bytes, endorsements: Endorsements, **options: Any) -> dict[str, dict[Member, int]]:
    appraisal = appraise(token, endorsements, challenge=REALM_CHALLENGE, **options)
    return {part.name: part.vector.values() for part in appraisal.submods}


PLATFORM_GOOD = {**GOOD, CONF: 2}


@pytest.mark.parametrize("tag", [907, 399])
def test_a_good_collection_has_two_affirming_submods(tag: int) -> None:
    assert cca(cca_token(tag=tag), cca_endorsed()) == {
        "CCA_SSD_PLATFORM": PLATFORM_GOOD,
        "CCA_REALM": {II: 2, EXE: 2},
    }


@pytest.mark.parametrize(
    "realms, executables",
    [
        ((realm_reference(),), 2),
        ((realm_reference(rem=None),), 2),
        ((realm_reference(rem=b"\x74" * 32),), 3),
        ((realm_reference(rem=b"\x74" * 32), realm_reference()), 2),  # the best of them, unlike Veraison
        ((realm_reference(rpv=None),), 2),
        ((realm_reference(rpv=b"\x75" * 64),), 96),
        ((realm_reference(rpv=b"\x75" * 64), realm_reference()), 2),
        ((realm_reference(rim=b"\x76" * 32),), 33),
    ],
)
def test_realm_measurements(realms: tuple[Any, ...], executables: int) -> None:
    assert cca(cca_token(), cca_endorsed(*realms))["CCA_REALM"] == {II: 2, EXE: executables}


@pytest.mark.parametrize(
    "configs, value",
    [
        ((PlatformConfig(IMPLEMENTATION, CONFIG),), 2),
        ((PlatformConfig(IMPLEMENTATION, b"\xc0\xff\xee\x02"),), 32),
        ((PlatformConfig(IMPLEMENTATION, b"\xc0\xff\xee\x02", b"\xff\xff\xff\x00"),), 2),
        ((PlatformConfig(IMPLEMENTATION, b"\xc1\xff\xee\x02", b"\xff\xff\xff\x00"),), 32),
        ((PlatformConfig(IMPLEMENTATION, b"\xc0", b"\xff"),), 32),
        ((PlatformConfig(IMPLEMENTATION, b"\x00" * 4), PlatformConfig(IMPLEMENTATION, CONFIG)), 2),
        ((PlatformConfig(b"\x21" * 32, CONFIG),), 36),
        ((), 36),
    ],
)
def test_platform_configuration(configs: tuple[PlatformConfig, ...], value: int) -> None:
    endorsements = replace(cca_endorsed(), platform_configs=configs)
    assert cca(cca_token(), endorsements)["CCA_SSD_PLATFORM"] == {**PLATFORM_GOOD, CONF: value}


def test_a_realm_of_the_newest_profile_is_appraised() -> None:
    token = cca_token(realm={265: REALM_2024, 256: b"\x01" + b"\x50" * 32, 44243: 0})
    assert cca(token, cca_endorsed())["CCA_REALM"] == {II: 2, EXE: 2}


@pytest.mark.parametrize(
    "token",
    [
        cca_token(keys=(OTHER, RAK)),
        cca_token(keys=(IAK, OTHER)),
        cca_token(platform={10: bytes(32)}),
        cca_token(realm={10: bytes(64)}),
        cca_token(realm={44240: "md5"}),
        cca_token(realm={44237: b"no key"}),
    ],
    ids=["platform key", "realm key", "binding", "challenge", "hash of the key", "no key"],
)
def test_a_broken_collection_fails_in_both_submods(token: bytes) -> None:
    assert cca(token, cca_endorsed()) == {
        "CCA_SSD_PLATFORM": dict.fromkeys(ALL, 99),
        "CCA_REALM": dict.fromkeys(ALL, 99),
    }


def nested(**changes: Any) -> bytes:
    """A token by a delegated key around the PSA token that vouches for it."""
    key = {1: 2, -1: 2, -2: COSE_POINT[0], -3: COSE_POINT[1]}
    inner = psa_token(RFC, nonce=hashlib.sha256(cbor2.dumps(key)).digest(), **changes)
    return sign1(RAK, {8: {1: key}, 10: CHALLENGE, 266: {"platform": inner}})


@pytest.mark.parametrize(
    "changes, options, expected",
    [
        ({}, {}, {"PSA_IOT": GOOD, "DELEGATED_KEY": {II: 2}}),
        (
            {},
            {"policy": Policy(profiles=frozenset({RFC_9783.name}))},
            {"PSA_IOT": GOOD, "DELEGATED_KEY": {II: 2}},
        ),
        ({"components": [SPE]}, {}, {"PSA_IOT": {**GOOD, EXE: 33}, "DELEGATED_KEY": {II: 2}}),
        (
            {"instance": b"\x01" + bytes(32)},
            {},
            {"PSA_IOT": {II: 97}, "DELEGATED_KEY": {II: 97}},
        ),
        (
            {},
            {"challenge": bytes(32)},
            {"PSA_IOT": dict.fromkeys(ALL, 99), "DELEGATED_KEY": dict.fromkeys(ALL, 99)},
        ),
    ],
)
def test_a_token_of_a_delegated_key_is_as_good_as_its_platform(
    changes: dict[str, Any], options: dict[str, Any], expected: dict[str, dict[Member, int]]
) -> None:
    appraisal = appraise(nested(**changes), endorsed(), **options)
    assert {part.name: part.vector.values() for part in appraisal.submods} == expected
    veraison = appraise(nested(), endorsed(), mode=Mode.VERAISON, challenge=CHALLENGE)
    assert veraison.submods[0].policy_claims["problem"] == "could not establish identity from evidence"


def test_a_realm_token_alone_is_tied_to_nobody() -> None:
    alone = cbor2.loads(cca_token()).value[44241][1]
    appraisal = appraise(alone, cca_endorsed())
    assert [(part.name, part.vector.values()) for part in appraisal.submods] == [("CCA_REALM", {II: 97})]
    assert appraisal.status is Tier.CONTRAINDICATED


def test_the_tokens_of_2019_are_appraised() -> None:
    old = psa_token(P1, profile="psa-tfm-profile-1.md", certificate=DROP)
    assert vector(old, endorsed()) == GOOD
    shown = appraise(old, endorsed()).submods[0].evidence
    assert shown["psa-profile"] == "psa-tfm-profile-1.md"


def test_a_reference_of_fewer_measurements_fits_no_realm() -> None:
    short = replace(realm_reference(), rems=(None,))
    assert cca(cca_token(), cca_endorsed(short))["CCA_REALM"] == {II: 2, EXE: 3}


@pytest.mark.parametrize(
    "values, status",
    [((2, 2), Tier.AFFIRMING), ((2, 0), Tier.NONE), ((0, 32), Tier.WARNING), ((96, 0), Tier.CONTRAINDICATED)],
)
def test_the_status_of_the_whole(values: tuple[int, int], status: Tier) -> None:
    parts = tuple(
        submod(str(index), TrustVector.uniform(value, "said")) for index, value in enumerate(values)
    )
    appraisal = Appraisal(Mode.DEFAULT, parts)
    assert (appraisal.status, appraisal.affirming) == (status, status is Tier.AFFIRMING)
    assert read_ear(appraisal.as_ear(iat=1)).status is status


def test_the_whole_is_as_good_as_its_worst_submod() -> None:
    appraisal = appraise(cca_token(), cca_endorsed(realm_reference(rim=b"\x76" * 32)))
    assert (appraisal.submods[0].status, appraisal.submods[1].status) == (Tier.AFFIRMING, Tier.WARNING)
    assert appraisal.status is Tier.WARNING


def test_a_media_type_belongs_to_the_other_mode() -> None:
    with pytest.raises(AppraisalError, match="only mode veraison"):
        appraise(psa_token(), endorsed(), media_type="application/psa-attestation-token")


SAMPLES = [psa_token(P1), psa_token(P2), psa_token(RFC), cca_token()]


@settings(deadline=None)
@given(st.data())
def test_any_bytes_end_in_an_appraisal(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES) | st.binary(max_size=60))
    start = data.draw(st.integers(0, len(sample)))
    token = sample[:start] + data.draw(st.binary(max_size=4)) + sample[start + data.draw(st.integers(0, 4)) :]
    for mode in Mode:
        appraisal = appraise(token, cca_endorsed(), mode=mode, challenge=CHALLENGE)
        assert appraisal.submods
        assert token == sample or not appraisal.affirming
