"""AR4SI: the tier of every value, at every bound, and how statements about one member join."""

import pytest

from tfm_sim.tools.appraisal.ar4si import (
    AppraisalError,
    Member,
    Tier,
    TrustClaim,
    TrustVector,
    join,
    meaning,
    tier_of,
)

# draft-ietf-rats-ar4si 2.3.1: first and last value of each range; the negative side is shifted by one.
RANGES = [
    (-128, -97, Tier.CONTRAINDICATED),
    (-96, -33, Tier.WARNING),
    (-32, -2, Tier.AFFIRMING),
    (-1, 1, Tier.NONE),
    (2, 31, Tier.AFFIRMING),
    (32, 95, Tier.WARNING),
    (96, 127, Tier.CONTRAINDICATED),
]


@pytest.mark.parametrize(
    "value, tier", [(bound, tier) for first, last, tier in RANGES for bound in (first, last)]
)
def test_bounds(value: int, tier: Tier) -> None:
    assert tier_of(value) is tier


def test_every_signed_byte_has_the_tier_of_its_range() -> None:
    said = {value: tier for first, last, tier in RANGES for value in range(first, last + 1)}
    assert {value: tier_of(value) for value in range(-128, 128)} == said


@pytest.mark.parametrize("value", [-129, 128, 1000])
def test_beyond_a_byte_there_is_no_claim(value: int) -> None:
    with pytest.raises(AppraisalError, match=r"legal: -128\.\.127"):
        tier_of(value)


def test_members_have_the_names_and_keys_of_the_draft() -> None:
    assert [(int(member), member.label) for member in Member] == [
        (0, "instance-identity"),
        (1, "configuration"),
        (2, "executables"),
        (3, "file-system"),
        (4, "hardware"),
        (5, "runtime-opaque"),
        (6, "storage-opaque"),
        (7, "sourced-data"),
    ]


def test_tiers_have_the_numbers_of_the_draft() -> None:
    assert {tier.label: int(tier) for tier in Tier} == {
        "none": 0,
        "affirming": 2,
        "warning": 32,
        "contraindicated": 96,
    }


@pytest.mark.parametrize(
    "values, joined",
    [
        ((0, 2), 2),
        ((2, 0), 2),
        ((2, 33), 33),
        ((33, 32), 33),  # one tier: the first that was said
        ((32, 33), 32),
        ((33, 96), 96),
        ((96, 99), 96),
        ((2, -32), 2),
        ((-1, 2), 2),
    ],
)
def test_the_worse_tier_wins(values: tuple[int, int], joined: int) -> None:
    vector = join((Member.EXECUTABLES, TrustClaim(value, (str(value),))) for value in values)
    assert vector[Member.EXECUTABLES].value == joined


def test_reasons_of_one_tier_add_up_and_those_of_a_better_one_go() -> None:
    said = [TrustClaim(2, ("good",)), TrustClaim(32, ("old",)), TrustClaim(33, ("unknown",))]
    vector = join((Member.EXECUTABLES, claim) for claim in said)
    assert vector[Member.EXECUTABLES] == TrustClaim(32, ("old", "unknown"))


@pytest.mark.parametrize(
    "values, worst",
    [
        ({}, Tier.NONE),
        ({Member.HARDWARE: -1}, Tier.NONE),
        ({Member.HARDWARE: 1}, Tier.NONE),
        ({Member.HARDWARE: 2}, Tier.AFFIRMING),
        ({Member.HARDWARE: 2, Member.EXECUTABLES: 33}, Tier.WARNING),
        ({Member.HARDWARE: 97, Member.EXECUTABLES: 33}, Tier.CONTRAINDICATED),
    ],
)
def test_the_worst_of_a_vector(values: dict[Member, int], worst: Tier) -> None:
    assert TrustVector.of({member: TrustClaim(value) for member, value in values.items()}).worst is worst


@pytest.mark.parametrize(
    "member, value, said",
    [
        (Member.EXECUTABLES, 33, "unrecognised"),
        (Member.CONFIGURATION, 36, "parts of it unavailable"),
        (Member.HARDWARE, 97, "unrecognised"),
        (Member.STORAGE_OPAQUE, 99, "cryptographic check failed"),
        (Member.STORAGE_OPAQUE, 50, "a value without a name"),
        (Member.FILE_SYSTEM, 0, "no claim"),
    ],
)
def test_meanings(member: Member, value: int, said: str) -> None:
    assert meaning(member, value) == said
