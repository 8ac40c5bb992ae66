"""What an appraisal comes to: for each attester a status, its vector, and the reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..verifier.verdict import Json, Verdict
from .ar4si import Member, Tier, TrustVector, meaning
from .ear import DEFAULT_VERIFIER, EarForm, VerifierId, ear_claims


class Mode(StrEnum):
    """How evidence is compared with endorsements."""

    DEFAULT = "default"
    VERAISON = "veraison"


@dataclass(frozen=True, slots=True)
class SubmodAppraisal:
    """One attester's result. ``status`` is never better than the worst member of the vector.

    ``profile`` and ``nonce`` are those of the evidence; ``evidence`` is its claims as JSON.
    """

    name: str
    vector: TrustVector
    status: Tier
    policy_ids: tuple[str, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    policy_claims: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    profile: str | None = None
    nonce: bytes | None = None

    def as_json(self) -> dict[str, Json]:
        """The result as data, with the reasons member by member."""
        return {
            "status": self.status.label,
            "vector": {
                member.label: {
                    "value": claim.value,
                    "tier": claim.tier.label,
                    "meaning": meaning(member, claim.value),
                    "why": list(claim.why),
                }
                for member, claim in self.vector
            },
            "policies": list(self.policy_ids),
            "policy_claims": dict(self.policy_claims),
        }


def submod(
    name: str,
    vector: TrustVector,
    *,
    policy_ids: tuple[str, ...] = (),
    evidence: Mapping[str, Json] | None = None,
    policy_claims: Mapping[str, Json] | None = None,
    profile: str | None = None,
    nonce: bytes | None = None,
) -> SubmodAppraisal:
    """A result whose status is the worst of its vector."""
    return SubmodAppraisal(
        name,
        vector,
        vector.worst,
        policy_ids,
        MappingProxyType(dict(evidence or {})),
        MappingProxyType(dict(policy_claims or {})),
        profile,
        nonce,
    )


@dataclass(frozen=True, slots=True)
class Appraisal:
    """The whole result. ``nonce`` is the challenge of whoever asked; ``verdict`` what the verifier said."""

    mode: Mode
    submods: tuple[SubmodAppraisal, ...]
    nonce: bytes | None = None
    verdict: Verdict | None = None

    @property
    def status(self) -> Tier:
        """The worst of all submods; none as soon as one of them says nothing, unless another is bad."""
        tiers = {part.status for part in self.submods}
        worst = max(tiers)
        return Tier.NONE if Tier.NONE in tiers and worst == Tier.AFFIRMING else worst

    @property
    def affirming(self) -> bool:
        """Whether a relying party may go ahead without a second look."""
        return self.status is Tier.AFFIRMING

    def submod(self, name: str) -> SubmodAppraisal | None:
        """The result of this name."""
        return next((part for part in self.submods if part.name == name), None)

    def value(self, member: Member, name: str | None = None) -> int:
        """The value of a member, of the first submod or the named one. Raises KeyError for another name."""
        found = self.submods[0] if name is None else self.submod(name)
        if found is None:
            raise KeyError(name)
        return found.vector[member].value

    def as_ear(
        self,
        form: EarForm = EarForm.LIBRARY,
        *,
        iat: int,
        verifier: VerifierId = DEFAULT_VERIFIER,
        exp: int | None = None,
        raw_evidence: bytes | None = None,
    ) -> dict[str, Json]:
        """The claims of an attestation result, see :func:`.ear.ear_claims`; sign them with sign_ear."""
        return ear_claims(self, form, iat=iat, verifier=verifier, exp=exp, raw_evidence=raw_evidence)

    def as_json(self) -> dict[str, Json]:
        """The result as data; the attestation result proper is made by tools.appraisal.ear."""
        return {
            "mode": self.mode.value,
            "status": self.status.label,
            "affirming": self.affirming,
            "nonce": self.nonce.hex() if self.nonce is not None else None,
            "submods": {part.name: part.as_json() for part in self.submods},
            "verified": self.verdict.ok if self.verdict else None,
        }
