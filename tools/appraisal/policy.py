"""What a relying party demands of devices beside endorsements: the rules, and their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ..verifier.profiles import LIFECYCLE_STATES
from .ar4si import BAD, FLAWED, AppraisalError, Tier
from .versions import Version


class PolicyError(AppraisalError):
    """A policy file is not what it should be; the text names file and line."""


class Match(StrEnum):
    """How the components of evidence and of endorsements must agree."""

    EXACT = "exact"  # every component endorsed, every endorsed type present, once
    SUBSET = "subset"  # every component endorsed


class Rule(StrEnum):
    """The rules of a policy, by the keys of its YAML. Each violation has a tier, see Policy.tiers."""

    PROFILES = "profiles"
    LIFECYCLES = "lifecycles"
    SIGNERS = "signers"
    MINIMUM_VERSIONS = "minimum_versions"
    REQUIRED_CLAIMS = "required_claims"
    REQUIRED_COMPONENTS = "required_components"
    CLIENT_IDS = "client_ids"
    INSTANCE_IDS = "instance_ids"
    CERTIFICATION = "certification"
    WELL_KNOWN_KEYS = "well_known_keys"
    CHALLENGE = "challenge"


LIFECYCLE_NAMES: Final[Mapping[str, int]] = MappingProxyType(
    {name.lower().replace(" ", "-"): state for state, name in LIFECYCLE_STATES.items()}
)
"""Names of a policy's lifecycles, to the high byte of the claim."""

DEFAULT_TIERS: Final[Mapping[Rule, Tier]] = MappingProxyType(
    {
        Rule.PROFILES: Tier.CONTRAINDICATED,
        Rule.LIFECYCLES: Tier.CONTRAINDICATED,
        Rule.SIGNERS: Tier.CONTRAINDICATED,
        Rule.MINIMUM_VERSIONS: Tier.WARNING,
        Rule.REQUIRED_CLAIMS: Tier.CONTRAINDICATED,
        Rule.REQUIRED_COMPONENTS: Tier.WARNING,
        Rule.CLIENT_IDS: Tier.WARNING,
        Rule.INSTANCE_IDS: Tier.CONTRAINDICATED,
        Rule.CERTIFICATION: Tier.WARNING,
        Rule.WELL_KNOWN_KEYS: Tier.CONTRAINDICATED,
        Rule.CHALLENGE: Tier.WARNING,
    }
)


@dataclass(frozen=True, slots=True)
class IdRange:
    """Client ids from ``first`` to ``last``, both included. PSA: negative is non-secure, positive secure."""

    first: int
    last: int

    def __contains__(self, client_id: int) -> bool:
        return self.first <= client_id <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"


NON_SECURE: Final = IdRange(-0x80000000, -1)
SECURE: Final = IdRange(1, 0x7FFFFFFF)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules; None or empty where a rule asks for nothing.

    ``lifecycles`` are high bytes of the claim. ``minimum_versions`` goes by component type.
    ``required_claims`` are names as the verifier gives them. ``certification``: None asks nothing, an
    empty set for any reference that is endorsed, otherwise one of the set. ``tiers`` says what a violation
    of each rule amounts to.
    """

    name: str = "default"
    lifecycles: frozenset[int] = frozenset({0x30, 0x40})  # RFC 9783 4.3.1: only these may be trusted
    match: Match = Match.EXACT
    profiles: frozenset[str] | None = None
    signers: frozenset[bytes] | None = None
    minimum_versions: Mapping[str, Version] = field(default_factory=lambda: MappingProxyType({}))
    required_claims: tuple[str, ...] = ()
    required_components: tuple[str, ...] = ()
    client_ids: tuple[IdRange, ...] | None = None
    instance_ids: frozenset[bytes] | None = None
    certification: frozenset[str] | None = None
    well_known_keys: bool = False
    challenge_required: bool = False
    tiers: Mapping[Rule, Tier] = field(default_factory=lambda: DEFAULT_TIERS)

    def value(self, rule: Rule, worst: int = BAD) -> int:
        """The value of a violation: ``worst`` where it is contraindicated, 32 where it warns."""
        return {Tier.CONTRAINDICATED: worst, Tier.WARNING: FLAWED}[self.tiers[rule]]


DEFAULT_POLICY: Final = Policy()
