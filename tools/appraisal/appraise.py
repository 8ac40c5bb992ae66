"""Appraise a token: verify it with its device's trust anchor, compare it with endorsements, judge by policy.

Everything is given by the caller and nothing is kept, so the same question always gets the same answer.
"""

from collections.abc import Iterator, Sequence

from ..endorsements.model import Endorsements, PlatformConfig, RealmReference
from ..verifier.cose import SignatureState
from ..verifier.decode import DecodedPart, TokenUnreadable, decode
from ..verifier.findings import Finding, Kind
from ..verifier.profiles import Family
from ..verifier.trust import TrustStore
from ..verifier.verdict import Verdict
from ..verifier.verify import verify
from .annotated import annotate
from .ar4si import (
    APPROVED,
    APPROVED_BOOT,
    BAD,
    CRYPTO_FAILED,
    FLAWED,
    NOT_RECOGNISED,
    PARTS_UNAVAILABLE,
    UNEXPECTED_EVIDENCE,
    UNRECOGNISED,
    AppraisalError,
    Member,
    Tier,
    TrustClaim,
    TrustVector,
    join,
)
from .components import compare_components
from .evidence import Evidence
from .policy import DEFAULT_POLICY, Policy
from .result import Appraisal, Mode, SubmodAppraisal, submod
from .rules import Case, Statement, judge_lifecycle, judge_rules
from .veraison import appraise_as_veraison

PSA, PLATFORM, REALM, UNKNOWN = "PSA_IOT", "CCA_SSD_PLATFORM", "CCA_REALM", "ERROR"
DELEGATED = "DELEGATED_KEY"
"""Names of submodules: Veraison's, and one of ours for the token that a delegated key signed."""
_SUBMODS = {Family.PSA: PSA, Family.PLATFORM: PLATFORM, Family.REALM: REALM, Family.DELEGATED: DELEGATED}
# What breaks the proof of origin and freshness, even beside a signature that verifies.
_UNPROVEN = frozenset({Kind.NONCE_MISMATCH, Kind.BINDING_MISMATCH, Kind.BINDING_HASH})


def appraise(
    token: bytes,
    endorsements: Endorsements,
    policy: Policy = DEFAULT_POLICY,
    *,
    mode: Mode = Mode.DEFAULT,
    challenge: bytes | None = None,
    media_type: str | None = None,
) -> Appraisal:
    """Judge a PSA or CCA token; any bytes end in an appraisal.

    ``challenge`` is the nonce that the token must carry. ``mode`` VERAISON answers as Veraison's services
    would, quirks included (see :mod:`.veraison`): it takes no policy, wants a challenge, and chooses the
    scheme by ``media_type``, by default the one that fits the token.
    Raises AppraisalError where question and mode do not fit, TrustAnchorUnusable for anchors that
    contradict each other.
    """
    if mode is Mode.VERAISON:
        if policy != DEFAULT_POLICY:
            raise AppraisalError("mode veraison: found a policy; legal: none, as Veraison has no such rules")
        if challenge is None:
            raise AppraisalError("mode veraison: found no challenge; legal: the nonce of a session")
        return appraise_as_veraison(token, endorsements, challenge, media_type)
    if media_type is not None:
        raise AppraisalError("media type: only mode veraison chooses by it; legal: none")
    return _Default(endorsements, policy, challenge).appraise(token)


class _Default:
    """The default mode; one object for the three things that every step needs."""

    def __init__(self, endorsements: Endorsements, policy: Policy, challenge: bytes | None) -> None:
        self._endorsements = endorsements
        self._policy = policy
        self._challenge = challenge

    def appraise(self, token: bytes) -> Appraisal:
        """Trust anchor, verdict, then token by token."""
        store = TrustStore(self._endorsements.trust_anchors)
        try:
            parts = decode(token).parts
        except TokenUnreadable as error:
            return self._refused((), UNEXPECTED_EVIDENCE, str(error), None)
        verdict = verify(token, store, challenge=self._challenge)
        if not verdict.ok:
            return self._not_verified(parts, verdict)
        warnings = {part.name: part.warnings for part in verdict.parts or (verdict,)}
        evidence = [Evidence.of(part) for part in _platform_first(parts)]
        submods = []
        for part, found in zip(_platform_first(parts), evidence, strict=True):
            case = Case(found, evidence, warnings[part.name], self._endorsements, self._challenge)
            submods.append(self._appraise_part(case))
        return Appraisal(Mode.DEFAULT, tuple(submods), self._challenge, verdict)

    def _appraise_part(self, case: Case) -> SubmodAppraisal:
        statements = self._vouched_for(case) if case.evidence.is_vouched_for else self._platform(case)
        vector = join([*statements, *judge_rules(case, self._policy)])
        reasons = {member.label: list(claim.why) for member, claim in vector if claim.tier > Tier.AFFIRMING}
        name = _submod_name(case.evidence)
        return submod(
            name,
            vector,
            policy_ids=self._policy_ids(name),
            evidence=annotate(case.evidence),
            policy_claims={"reasons": {key: [*texts] for key, texts in reasons.items()}} if reasons else None,
            profile=case.evidence.profile.name if case.evidence.profile else None,
            nonce=case.evidence.octets("nonce"),
        )

    def _platform(self, case: Case) -> Iterator[Statement]:
        """A PSA token or a CCA platform token."""
        implementation_id = case.evidence.octets("implementation-id")
        shown = implementation_id.hex()[:16] if implementation_id else ""
        text = f"signed by the key endorsed for this device of implementation {shown}..."
        yield Member.HARDWARE, TrustClaim(APPROVED, (text,))
        yield from judge_lifecycle(case.evidence, self._policy)
        references = [
            reference
            for reference in self._endorsements.reference_values
            if reference.implementation_id == implementation_id
        ]
        for claim in compare_components(case.evidence.components(), references, self._policy.match):
            yield Member.EXECUTABLES, claim
        if case.evidence.family is Family.PLATFORM:
            configs = [
                config
                for config in self._endorsements.platform_configs
                if config.implementation_id == implementation_id
            ]
            yield Member.CONFIGURATION, _compare_config(case.evidence.octets("platform-config"), configs)

    def _vouched_for(self, case: Case) -> Iterator[Statement]:
        """A realm's token; of another delegated key's token nothing but its origin is known."""
        text = "the platform token vouches for the key that signed this"
        yield Member.INSTANCE_IDENTITY, TrustClaim(APPROVED, (text,))
        if case.evidence.family is Family.REALM:
            yield Member.EXECUTABLES, _compare_realm(case.evidence, self._endorsements.realms)

    def _not_verified(self, parts: Sequence[DecodedPart], verdict: Verdict) -> Appraisal:
        """A broken proof says nothing of anything; a genuine device whose token breaks its profile is bad."""
        text = "; ".join(str(reason) for reason in verdict.reasons)
        if Kind.NO_TRUST_ANCHOR in verdict.kinds():
            return self._unknown(parts, _first(verdict.reasons, Kind.NO_TRUST_ANCHOR), verdict)
        if verdict.signature is SignatureState.VALID and not verdict.kinds() & _UNPROVEN:
            vector = TrustVector.of({Member.INSTANCE_IDENTITY: TrustClaim(BAD, (text,))})
            return self._failed(parts, vector, text, verdict)
        return self._refused(parts, CRYPTO_FAILED, text, verdict)

    def _unknown(self, parts: Sequence[DecodedPart], text: str, verdict: Verdict) -> Appraisal:
        vector = TrustVector.of({Member.INSTANCE_IDENTITY: TrustClaim(NOT_RECOGNISED, (text,))})
        return self._failed(parts, vector, text, verdict)

    def _refused(
        self, parts: Sequence[DecodedPart], value: int, text: str, verdict: Verdict | None
    ) -> Appraisal:
        return self._failed(parts, TrustVector.uniform(value, text), text, verdict)

    def _failed(
        self, parts: Sequence[DecodedPart], vector: TrustVector, text: str, verdict: Verdict | None
    ) -> Appraisal:
        """All submods alike, contraindicated whatever the vector alone would say."""
        evidence = (Evidence.of(part) for part in _platform_first(parts))
        names = dict.fromkeys(_submod_name(found) for found in evidence) or (UNKNOWN,)
        submods = tuple(
            SubmodAppraisal(
                name, vector, Tier.CONTRAINDICATED, self._policy_ids(name), policy_claims={"problem": text}
            )
            for name in names
        )
        return Appraisal(Mode.DEFAULT, submods, self._challenge, verdict)

    def _policy_ids(self, name: str) -> tuple[str, ...]:
        scheme = {PLATFORM: "ARM_CCA", REALM: "ARM_CCA"}.get(name, name)
        return (f"policy:{scheme}/{self._policy.name}",) if name != UNKNOWN else ()


def _submod_name(evidence: Evidence) -> str:
    return _SUBMODS[evidence.family] if evidence.family else UNKNOWN


def _platform_first(parts: Sequence[DecodedPart]) -> list[DecodedPart]:
    return sorted(parts, key=lambda part: part.name != "platform")


def _first(findings: Sequence[Finding], kind: Kind) -> str:
    return next(str(finding) for finding in findings if finding.kind is kind)


def _compare_config(found: bytes | None, references: Sequence[PlatformConfig]) -> TrustClaim:
    if not references:
        return TrustClaim(PARTS_UNAVAILABLE, ("no reference value for the platform's configuration",))
    if found is not None and any(_config_matches(found, reference) for reference in references):
        return TrustClaim(APPROVED, ("the platform's configuration is endorsed",))
    shown = found.hex() if found is not None else "none"
    return TrustClaim(FLAWED, (f"the platform's configuration {shown} is not endorsed",))


def _config_matches(found: bytes, reference: PlatformConfig) -> bool:
    if reference.mask is None:
        return found == reference.value
    if len(found) != len(reference.value):
        return False
    pairs = zip(found, reference.value, reference.mask, strict=True)
    return all((one ^ other) & mask == 0 for one, other, mask in pairs)


def _compare_realm(evidence: Evidence, references: Sequence[RealmReference]) -> TrustClaim:
    """The best of all references to this initial measurement (RIM)."""
    rim, rpv = evidence.octets("initial-measurement"), evidence.octets("personalization-value")
    known = [reference for reference in references if reference.rim.value == rim]
    if not known:
        shown = rim.hex()[:16] if rim else "none"
        return TrustClaim(UNRECOGNISED, (f"the realm's initial measurement {shown}... is not endorsed",))
    mine = [reference for reference in known if reference.rpv in (None, rpv)]
    if not mine:
        return TrustClaim(BAD, ("the realm's personalization value is not the endorsed one",))
    measured = evidence.measurements()
    if any(_rems_match(reference, measured) for reference in mine):
        return TrustClaim(APPROVED, ("the realm's initial and extensible measurements are endorsed",))
    return TrustClaim(APPROVED_BOOT, ("of the realm's measurements only the initial one is endorsed",))


def _rems_match(reference: RealmReference, measured: Sequence[bytes]) -> bool:
    return len(measured) == len(reference.rems) and all(
        wanted is None or wanted.value == found
        for wanted, found in zip(reference.rems, measured, strict=True)
    )
