"""The answer about a token: accepted or not, why, and what was found claim by claim."""

from dataclasses import dataclass

from .claims import ClaimResult
from .cose import SignatureState
from .findings import Finding, Kind
from .identity import InstanceRule
from .keys import Key
from .trust import TrustAnchor

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted (``ok``) exactly if there is no reason against the token.

    Warnings do not refuse; notes help whoever appraises the claims. A composition carries the
    verdicts on its two tokens in ``parts``, and their reasons, located, among its own.
    """

    ok: bool
    name: str  # "token", "platform", "realm", "delegated"
    envelope: str  # "COSE_Sign1", "COSE_Mac0", "CCA collection (tag 907)", "" if it could not be told
    profile: str | None
    algorithm: str | None
    signature: SignatureState
    instance_id_rule: InstanceRule | None
    reasons: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    claims: tuple[ClaimResult, ...]
    parts: tuple["Verdict", ...] = ()
    key: Key | None = None
    anchor: TrustAnchor | None = None

    def kinds(self) -> frozenset[Kind]:
        """The kinds of all reasons, for a quick look."""
        return frozenset(finding.kind for finding in self.reasons)

    def claim(self, name: str) -> ClaimResult | None:
        """The verdict on the claim of this name, in this token or in the first part that has it."""
        for result in self.claims:
            if result.name == name:
                return result
        return next((found for part in self.parts if (found := part.claim(name)) is not None), None)

    def as_json(self) -> dict[str, Json]:
        """The same as data for ``json.dumps``; byte strings in hex."""
        return {
            "ok": self.ok,
            "name": self.name,
            "envelope": self.envelope,
            "profile": self.profile,
            "algorithm": self.algorithm,
            "signature": self.signature.value,
            "key": self.key.label if self.key else None,
            "trust_anchor": _anchor_json(self.anchor),
            "instance_id_rule": self.instance_id_rule.value if self.instance_id_rule else None,
            "reasons": [finding_json(finding) for finding in self.reasons],
            "warnings": [finding_json(finding) for finding in self.warnings],
            "notes": [finding_json(finding) for finding in self.notes],
            "claims": [_claim_json(result) for result in self.claims],
            "parts": [part.as_json() for part in self.parts],
        }


def finding_json(finding: Finding) -> dict[str, Json]:
    """A finding as data."""
    return {"kind": finding.kind.value, "where": finding.where, "text": finding.text}


def to_json(value: object) -> Json:
    """Plain claim data for ``json.dumps``: byte strings in hex, map keys as text."""
    match value:
        case bytes():
            return value.hex()
        case list():
            return [to_json(element) for element in value]
        case dict():
            return {
                key.hex() if isinstance(key, bytes) else str(key): to_json(element)
                for key, element in value.items()
            }
        case float():
            return value if value - value == 0 else str(value)  # JSON has no infinity and no NaN
        case str() | int() | None:
            return value
        case _:
            return str(value)


def _anchor_json(anchor: TrustAnchor | None) -> Json:
    if anchor is None:
        return None
    return {
        "implementation_id": anchor.implementation_id.hex(),
        "instance_id": anchor.instance_id.hex(),
    }


def _claim_json(result: ClaimResult) -> dict[str, Json]:
    return {
        "key": result.key,
        "name": result.name,
        "known": result.known,
        "mandatory": result.mandatory,
        "present": result.item is not None,
        "ok": result.ok,
        "value": to_json(result.value),
        "reasons": [finding_json(finding) for finding in result.reasons],
    }
