"""The policy's rules against evidence that verified: a statement for each one that is broken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..endorsements.model import Certification, Endorsements
from ..verifier.findings import Finding, Kind
from ..verifier.profiles import Family
from .ar4si import APPROVED, BAD, UNRECOGNISED, Member, Tier, TrustClaim
from .components import find_reference
from .evidence import Evidence
from .policy import LIFECYCLE_NAMES, Policy, Rule
from .versions import Version

Statement = tuple[Member, TrustClaim]
_LIFECYCLE_MEMBERS = (Member.INSTANCE_IDENTITY, Member.RUNTIME_OPAQUE, Member.STORAGE_OPAQUE)


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at: one token, the others of its collection, and what is known beside them."""

    evidence: Evidence
    all_evidence: Sequence[Evidence]
    warnings: Sequence[Finding]
    endorsements: Endorsements
    challenge: bytes | None


def judge_lifecycle(evidence: Evidence, policy: Policy) -> Iterator[Statement]:
    """RFC 9783 4.3.1: what a device says is to be trusted in some states of its life only."""
    value = evidence.integer("security-lifecycle")
    names = {state: name for name, state in LIFECYCLE_NAMES.items()}
    shown = "none" if value is None else f"0x{value:04x} ({names.get(value >> 8, 'no state')})"
    good = value is not None and value >> 8 in policy.lifecycles
    allowed = "" if good else f"; allowed: {', '.join(names[state] for state in sorted(policy.lifecycles))}"
    claim = TrustClaim(APPROVED if good else policy.value(Rule.LIFECYCLES), (f"lifecycle {shown}{allowed}",))
    yield from ((member, claim) for member in _LIFECYCLE_MEMBERS)


def judge_rules(case: Case, policy: Policy) -> Iterator[Statement]:
    """Everything that the policy asks beside the lifecycle and the endorsed components."""
    yield from _identity(case, policy)
    yield from _configuration(case, policy)
    yield from _executables(case, policy)
    yield from _certification(case, policy)


def _broken(policy: Policy, rule: Rule, member: Member, text: str, worst: int = BAD) -> Statement:
    return member, TrustClaim(policy.value(rule, worst), (f"{rule.value}: {text}",))


def _identity(case: Case, policy: Policy) -> Iterator[Statement]:
    member = Member.INSTANCE_IDENTITY
    if not policy.well_known_keys:
        for warning in case.warnings:
            if warning.kind is Kind.WELL_KNOWN_KEY:
                yield _broken(policy, Rule.WELL_KNOWN_KEYS, member, warning.text)
    instance_id = case.evidence.octets("instance-id")
    if (
        policy.instance_ids is not None
        and not case.evidence.is_vouched_for
        and instance_id not in policy.instance_ids
    ):
        found = instance_id.hex() if instance_id else "none"
        yield _broken(policy, Rule.INSTANCE_IDS, member, f"{found} is not one of those allowed")
    if policy.challenge_required and case.challenge is None:
        yield _broken(policy, Rule.CHALLENGE, member, "none was given, so the token may be a replay")


def _configuration(case: Case, policy: Policy) -> Iterator[Statement]:
    evidence, member = case.evidence, Member.CONFIGURATION
    name = evidence.profile.name if evidence.profile else "none"
    delegated = evidence.family is Family.DELEGATED  # which is no profile, and has no name to allow
    if policy.profiles is not None and name not in policy.profiles and not delegated:
        text = f"found {name}; allowed: {', '.join(sorted(policy.profiles))}"
        yield _broken(policy, Rule.PROFILES, member, text)
    if evidence is case.all_evidence[0]:  # the whole collection is asked, once
        for claim in policy.required_claims:
            if all(part.item(claim) is None for part in case.all_evidence):
                yield _broken(policy, Rule.REQUIRED_CLAIMS, member, f"{claim} is missing")
    client_id = evidence.integer("client-id")
    allowed = policy.client_ids
    if allowed is not None and client_id is not None and not any(client_id in ids for ids in allowed):
        text = f"found {client_id}; allowed: {', '.join(map(str, allowed))}"
        yield _broken(policy, Rule.CLIENT_IDS, member, text)


def _executables(case: Case, policy: Policy) -> Iterator[Statement]:
    if case.evidence.is_vouched_for:
        return
    member, components = Member.EXECUTABLES, case.evidence.components()
    for kind in policy.required_components:
        if all(component.type != kind for component in components):
            worst = policy.tiers[Rule.REQUIRED_COMPONENTS] is Tier.CONTRAINDICATED
            text = f"{Rule.REQUIRED_COMPONENTS.value}: {kind} is missing"
            yield member, TrustClaim(BAD if worst else UNRECOGNISED, (text,))
    for component in components:
        if policy.signers is not None and component.signer_id not in policy.signers:
            found = component.signer_id.hex()[:16] if component.signer_id else "none"
            yield _broken(policy, Rule.SIGNERS, member, f"{component}: signer {found}... is not allowed")
        least = policy.minimum_versions.get(component.type or "")
        if least is not None:
            version = Version.parse(component.version or "")
            if version is None or version < least:
                text = f"{component}: found {component.version or 'no version'}; allowed: {least} and later"
                yield _broken(policy, Rule.MINIMUM_VERSIONS, member, text)


def _certification(case: Case, policy: Policy) -> Iterator[Statement]:
    if policy.certification is None or case.evidence.family is not Family.PSA:
        return
    member, number = Member.HARDWARE, case.evidence.text("certification-reference")
    if number is None:
        yield _broken(policy, Rule.CERTIFICATION, member, "the token has no certification reference")
    elif policy.certification:
        if number not in policy.certification:
            text = f"found {number}; allowed: {', '.join(sorted(policy.certification))}"
            yield _broken(policy, Rule.CERTIFICATION, member, text)
    elif not any(_certifies(entry, number, case.evidence) for entry in case.endorsements.certifications):
        text = f"{number} is not endorsed for this implementation and its components"
        yield _broken(policy, Rule.CERTIFICATION, member, text)


def _certifies(certification: Certification, number: str, evidence: Evidence) -> bool:
    """Whether an endorsed certificate has this number and all of its components run on the device."""
    components = evidence.components()
    return (
        certification.number == number
        and certification.implementation_id == evidence.octets("implementation-id")
        and all(
            any(not isinstance(find_reference(component, (wanted,)), str) for component in components)
            for wanted in certification.components
        )
    )
