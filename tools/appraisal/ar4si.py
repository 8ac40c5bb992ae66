"""AR4SI: tiers of trustworthiness, the eight members of the vector, and what their values say.

draft-ietf-rats-ar4si 2.3: a claim is a signed byte. Its tier follows from its value alone; the negative
side is shifted by one against the positive one, so that 32 warns where -32 still affirms.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ...interface.errors import TfmSimError


class AppraisalError(TfmSimError):
    """The appraisal could not be asked for: a policy, mode or value that does not fit."""


class Tier(IntEnum):
    """draft-ietf-rats-ar4si 3.2: how far a relying party may trust. The greater, the worse."""

    NONE = 0
    AFFIRMING = 2
    WARNING = 32
    CONTRAINDICATED = 96

    @property
    def label(self) -> str:
        """As JSON spells it."""
        return self.name.lower()


class Member(IntEnum):
    """The members of the vector; the numbers are their keys in CBOR."""

    INSTANCE_IDENTITY = 0
    CONFIGURATION = 1
    EXECUTABLES = 2
    FILE_SYSTEM = 3
    HARDWARE = 4
    RUNTIME_OPAQUE = 5
    STORAGE_OPAQUE = 6
    SOURCED_DATA = 7

    @property
    def label(self) -> str:
        """As JSON spells it."""
        return self.name.lower().replace("_", "-")


VALUE_MIN: Final = -128
VALUE_MAX: Final = 127

VERIFIER_MALFUNCTION: Final = -1
NO_CLAIM: Final = 0
UNEXPECTED_EVIDENCE: Final = 1
CRYPTO_FAILED: Final = 99

APPROVED: Final = 2  # of every member: known and good, genuine, opaque
APPROVED_BOOT: Final = 3  # executables
FLAWED: Final = 32  # configuration, executables, hardware; the first value that warns for every member
UNRECOGNISED: Final = 33  # executables
PARTS_UNAVAILABLE: Final = 36  # configuration; in AR4SI, unnamed in Veraison's library
BAD: Final = 96  # of every member
NOT_RECOGNISED: Final = 97  # instance identity, hardware

_COMMON: Final[Mapping[int, str]] = {
    VERIFIER_MALFUNCTION: "the verifier failed",
    NO_CLAIM: "no claim",
    UNEXPECTED_EVIDENCE: "evidence that the verifier cannot read",
    CRYPTO_FAILED: "cryptographic check failed",
}
_MEANINGS: Final[Mapping[Member, Mapping[int, str]]] = {
    Member.INSTANCE_IDENTITY: {2: "known and good", 96: "known, not to be trusted", 97: "not recognised"},
    Member.CONFIGURATION: {
        2: "approved",
        3: "no known flaws",
        32: "known flaws",
        36: "parts of it unavailable",
        96: "not supportable",
    },
    Member.EXECUTABLES: {
        2: "all approved",
        3: "approved at boot",
        32: "known flaws",
        33: "unrecognised",
        96: "contraindicated",
    },
    Member.FILE_SYSTEM: {2: "all approved", 32: "unrecognised", 96: "contraindicated"},
    Member.HARDWARE: {2: "genuine", 32: "known flaws", 96: "contraindicated", 97: "unrecognised"},
    Member.RUNTIME_OPAQUE: {2: "encrypted", 32: "isolated", 96: "visible"},
    Member.STORAGE_OPAQUE: {2: "hardware keys", 32: "software keys", 96: "in clear"},
    Member.SOURCED_DATA: {2: "trusted sources", 32: "untrusted sources", 96: "contraindicated sources"},
}


def tier_of(value: int) -> Tier:
    """The tier of a claim's value, -128..127. Raises AppraisalError beyond.

    draft-ietf-rats-ar4si 2.3.1: none -1..1, affirming 2..31 and -32..-2, warning 32..95 and -96..-33,
    contraindicated 96..127 and -128..-97.
    """
    if not VALUE_MIN <= value <= VALUE_MAX:
        raise AppraisalError(f"trustworthiness claim {value}; legal: {VALUE_MIN}..{VALUE_MAX}")
    if value < -1:
        value = -value - 1  # the negative side begins one later
        return _positive_tier(max(value, Tier.AFFIRMING))
    return _positive_tier(max(value, 0))


def _positive_tier(value: int) -> Tier:
    return next(tier for tier in sorted(Tier, reverse=True) if value >= tier)


def meaning(member: Member, value: int) -> str:
    """What a value of a member says, in a few words; values without a name are legal."""
    return _COMMON.get(value) or _MEANINGS[member].get(value) or "a value without a name"


@dataclass(frozen=True, slots=True)
class TrustClaim:
    """One member's value with the reasons for it. Zero and absent mean the same."""

    value: int = NO_CLAIM
    why: tuple[str, ...] = ()

    @property
    def tier(self) -> Tier:
        """What the value amounts to."""
        return tier_of(self.value)

    def joined(self, other: "TrustClaim") -> "TrustClaim":
        """The claim of the worse tier. Of two alike the first value stays, and the reasons of both."""
        if other.tier > self.tier:
            return other
        return TrustClaim(self.value, (*self.why, *other.why)) if other.tier == self.tier else self


_NOTHING: Final = TrustClaim()


@dataclass(frozen=True, slots=True)
class TrustVector:
    """The eight claims, by the order of their keys."""

    claims: tuple[TrustClaim, ...] = (_NOTHING,) * len(Member)

    @classmethod
    def of(cls, claims: Mapping[Member, TrustClaim]) -> "TrustVector":
        """The vector with these claims, and none for the other members."""
        return cls(tuple(claims.get(member, _NOTHING) for member in Member))

    @classmethod
    def uniform(cls, value: int, why: str) -> "TrustVector":
        """All eight members alike, as Veraison reports what concerns the whole evidence."""
        return cls((TrustClaim(value, (why,)),) * len(Member))

    def __getitem__(self, member: Member) -> TrustClaim:
        return self.claims[member]

    def __iter__(self) -> Iterator[tuple[Member, TrustClaim]]:
        return iter(zip(Member, self.claims, strict=True))

    @property
    def worst(self) -> Tier:
        """The tier that a status may not be better than."""
        return max(claim.tier for claim in self.claims)

    def values(self) -> dict[Member, int]:
        """The members that claim something, by value: what an attestation result carries."""
        return {member: claim.value for member, claim in self if claim.value != NO_CLAIM}


def join(claims: Iterable[tuple[Member, TrustClaim]]) -> TrustVector:
    """The vector of many statements: each member takes the worst that is said of it."""
    found: dict[Member, TrustClaim] = {}
    for member, claim in claims:
        found[member] = found[member].joined(claim) if member in found else claim
    return TrustVector.of(found)
