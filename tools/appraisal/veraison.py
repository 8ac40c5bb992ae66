"""Appraisal as Veraison's services does it, step by step and with its quirks.

The order is that of vts (GetAttestation) and of the schemes psa-iot and arm-cca: scheme by media type, decode
and validate, trust anchor, reference values by the anchor's class, nonce, signature, claims. Each way out
leaves what vts leaves: bad evidence keeps what was set until then, any other error sets every claim to -1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from ..endorsements.model import (
    Certification,
    ClassNames,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
)
from ..verifier import cbor
from ..verifier.collection import Collection
from ..verifier.decode import DecodedPart, DecodedToken, TokenUnreadable, decode
from ..verifier.keys import Key
from ..verifier.profiles import (
    CCA_REALM_2023,
    PSA_2_0_0,
    PSA_IOT_PROFILE_1,
    RFC_9783,
    TRUSTED_LIFECYCLE_STATES,
    Family,
)
from ..verifier.trust import TrustAnchor
from ..verifier.verdict import Json
from .annotated import annotate
from .ar4si import (
    APPROVED,
    APPROVED_BOOT,
    BAD,
    CRYPTO_FAILED,
    FLAWED,
    UNRECOGNISED,
    VERIFIER_MALFUNCTION,
    Member,
    TrustClaim,
    TrustVector,
)
from .evidence import Component, Evidence
from .result import Appraisal, Mode, SubmodAppraisal, submod
from .veraison_claims import problem_of_cca, problem_of_frames, problem_of_psa, psa_profile
from .veraison_signatures import why_not_cca, why_not_psa

PSA_IOT: Final = "PSA_IOT"
ARM_CCA: Final = "ARM_CCA"
ERROR: Final = "ERROR"
PSA_TOKEN: Final = "application/psa-attestation-token"
PSA_2_TOKEN: Final = 'application/eat-cwt; profile="http://arm.com/psa/2.0.0"'
RFC_9783_TOKEN: Final = 'application/eat+cwt; eat_profile="tag:psacertified.org,2023:psa#tfm"'
LEGACY_TOKEN: Final = 'application/eat+cwt; eat_profile="tag:psacertified.org,2019:psa#legacy"'
CCA_TOKEN: Final = 'application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"'
SCHEMES: Final[Mapping[str, str]] = {
    PSA_TOKEN: PSA_IOT,
    PSA_2_TOKEN: PSA_IOT,
    RFC_9783_TOKEN: PSA_IOT,
    LEGACY_TOKEN: PSA_IOT,
    CCA_TOKEN: ARM_CCA,
}
_NONCE_SIZE: Final = 64


class BadEvidence(Exception):
    """vts BadEvidenceError: the evidence is to blame."""


class Malfunction(Exception):
    """Any other error inside vts."""


@dataclass(frozen=True, slots=True)
class _Session:
    """One appraisal under way: the scheme names the only submod until the claims are appraised."""

    name: str
    challenge: bytes

    def ended(self, value: int, why: str, problem: str | None = None) -> Appraisal:
        """All eight claims alike; 0 leaves them as they were."""
        return self.of(
            submod(
                self.name,
                TrustVector.uniform(value, why),
                policy_ids=self.policy_ids,
                policy_claims={"problem": problem} if problem else None,
            )
        )

    def of(self, *submods: SubmodAppraisal) -> Appraisal:
        """The session's nonce goes back at top level."""
        return Appraisal(Mode.VERAISON, submods, self.challenge)

    @property
    def policy_ids(self) -> tuple[str, ...]:
        """``policy:SCHEME``; none before the scheme is known."""
        return () if self.name == ERROR else (f"policy:{self.name}",)


def appraise_as_veraison(
    token: bytes, endorsements: Endorsements, challenge: bytes, media_type: str | None = None
) -> Appraisal:
    """The appraisal of a session with this nonce; see the module. Any bytes end in one."""
    try:
        decoded = decode(token)
    except TokenUnreadable as error:
        decoded = None
        unreadable = str(error)
    scheme = SCHEMES.get(fitting_media_type(decoded) if media_type is None else media_type)
    if scheme is None:
        # vts finalize: the error is not the evidence's, so that the 1 of GetAttestation ends as -1.
        text = "could not resolve media type"
        return _Session(ERROR, challenge).ended(VERIFIER_MALFUNCTION, f"{text} {media_type!r}", text)
    session = _Session(scheme, challenge)
    problem = unreadable if decoded is None else _problem(decoded, scheme) or problem_of_frames(token)
    if decoded is None or problem is not None:
        text = "could not establish identity from evidence"
        return session.ended(CRYPTO_FAILED, f"{text}: {problem}", text)
    parts = {part.name: part for part in decoded.parts}
    first = _psa_evidence(parts["token"]) if scheme == PSA_IOT else Evidence.of(parts["platform"])
    anchors = _find_anchors(first, endorsements)
    if not anchors:
        text = "no trust anchor for evidence"
        return session.ended(CRYPTO_FAILED, text, text)
    try:
        return _integrity_and_claims(session, parts, anchors, endorsements)
    except BadEvidence as error:
        # Without the problem's text, and without claims: the appraised result is dropped.
        return session.ended(0, f"bad evidence: {error}")
    except Malfunction as error:
        return session.ended(VERIFIER_MALFUNCTION, str(error))


def _psa_evidence(part: DecodedPart) -> Evidence:
    """The claims as psatoken names them."""
    claims = part.envelope.claims or cbor.EMPTY_MAP
    return Evidence(psa_profile(claims), claims)


def fitting_media_type(decoded: DecodedToken | None) -> str:
    """The media type that an honest attester would send this token as."""
    profile = decoded.parts[0].profile if decoded and decoded.parts else None
    alone = profile is not None and profile.family in (Family.PLATFORM, Family.REALM)
    if alone or (decoded is not None and isinstance(decoded.dissected, Collection)):
        return CCA_TOKEN
    return {PSA_2_0_0.name: PSA_2_TOKEN, RFC_9783.name: RFC_9783_TOKEN}.get(
        profile.name if profile else "", PSA_TOKEN
    )


def _problem(decoded: DecodedToken, scheme: str) -> str | None:
    """Step 2: what the scheme's library would find wrong before it knows a key."""
    parts = {part.name: part for part in decoded.parts}
    outer = next((str(problem) for problem in decoded.dissected.problems), None)
    if scheme == PSA_IOT:
        return problem_of_psa(parts["token"]) if "token" in parts else "a collection is no COSE_Sign1"
    collected = isinstance(decoded.dissected, Collection)
    if not collected or "platform" not in parts or "realm" not in parts:
        return outer or "this is no collection of a platform and a realm token"
    return outer or problem_of_cca(parts["platform"], parts["realm"])


def _find_anchors(evidence: Evidence, endorsements: Endorsements) -> list[tuple[TrustAnchor, ClassNames]]:
    """Step 3: by class id and instance, inexact: the stored class may have more names."""
    names = evidence.octets("implementation-id"), evidence.octets("instance-id")
    return [
        (anchor, endorsements.names_of(index))
        for index, anchor in enumerate(endorsements.trust_anchors)
        if (anchor.implementation_id, anchor.instance_id) == names
    ]


def _integrity_and_claims(
    session: _Session,
    parts: Mapping[str, DecodedPart],
    anchors: Sequence[tuple[TrustAnchor, ClassNames]],
    endorsements: Endorsements,
) -> Appraisal:
    if len(anchors) != 1:
        raise Malfunction(f"expected exactly 1 trust anchor; got {len(anchors)}")
    anchor, names = anchors[0]
    of_class = _of_class(endorsements, anchor.implementation_id, names)
    try:
        if session.name == PSA_IOT:
            _check_psa(parts["token"], anchor.key, session.challenge)
        else:
            _check_cca(parts["platform"], parts["realm"], anchor.key, session.challenge)
    except BadEvidence as error:
        text = f"integrity validation failed: bad evidence: {error}"
        return session.ended(CRYPTO_FAILED, text, text)
    if session.name == PSA_IOT:
        return session.of(_appraise_psa(session, _psa_evidence(parts["token"]), of_class))
    platform, realm = Evidence.of(parts["platform"]), Evidence.of(parts["realm"])
    rim = realm.octets("initial-measurement")
    realms = [reference for reference in endorsements.realms if reference.rim.value == rim]
    return session.of(
        _appraise_platform(session, platform, of_class),
        appraise_realm(session.policy_ids, realm, realms),
    )


def _of_class(endorsements: Endorsements, implementation_id: bytes, names: ClassNames) -> Endorsements:
    """Step 4: by the anchor's class; each name that it has must be the same, and what it lacks fits any.

    corim-store EnvironmentQuery: an exact query with a class id asks nothing of the names it does not give.
    Endorsed values (key 1 of the triples) are found as well.
    """
    wanted = {name: value for name, value in asdict(names).items() if value is not None}

    def mine(entry: ReferenceValue | PlatformConfig | Certification) -> bool:
        found = asdict(entry.names)
        return entry.implementation_id == implementation_id and wanted.items() <= found.items()

    return Endorsements(
        reference_values=tuple(filter(mine, endorsements.reference_values)),
        platform_configs=tuple(filter(mine, endorsements.platform_configs)),
        certifications=tuple(entry for entry in endorsements.certifications if mine(entry)),
    )


def _check_psa(part: DecodedPart, key: Key, challenge: bytes) -> None:
    """Step 5: the nonce first, then the signature."""
    nonce = _psa_evidence(part).octets("nonce") or b""
    if nonce != challenge:
        raise BadEvidence(
            f"freshness: psa-nonce ({nonce.hex()}) does not match session nonce ({challenge.hex()})"
        )
    problem = why_not_psa(part, key)
    if problem is not None:
        raise BadEvidence(problem)


def _check_cca(platform: DecodedPart, realm: DecodedPart, key: Key, challenge: bytes) -> None:
    """The realm's challenge, padded with zeros; then what ccatoken verifies."""
    nonce = Evidence(CCA_REALM_2023, realm.envelope.claims).octets("nonce") or b""
    if nonce != challenge[:_NONCE_SIZE].ljust(_NONCE_SIZE, b"\x00"):
        raise BadEvidence(
            f"freshness: realm challenge ({nonce.hex()}) does not match session nonce ({challenge.hex()})"
        )
    problem = why_not_cca(platform, realm, key)
    if problem is not None:
        raise BadEvidence(problem)


def _appraise_psa(session: _Session, evidence: Evidence, of_class: Endorsements) -> SubmodAppraisal:
    """Step 6."""
    if evidence.profile == PSA_IOT_PROFILE_1 and evidence.item("profile") is None:
        # Its JSON says "psa-profile": null, and the decoder of that JSON then finds no profile.
        raise BadEvidence("could not match profile")
    if any(not value.components for value in of_class.certifications):
        raise Malfunction("no digests in reference value measurement")  # that of an endorsed certificate
    table = _reference_table(of_class.reference_values)
    claims = dict(_lifecycle_claims(evidence))
    claims[Member.EXECUTABLES] = _executables(
        _software_matches(evidence.components(), table, version_required=True)
    )
    return _submod(PSA_IOT, session.policy_ids, claims, evidence, annotate(evidence))


def _appraise_platform(session: _Session, evidence: Evidence, of_class: Endorsements) -> SubmodAppraisal:
    claims = dict(_lifecycle_claims(evidence))
    table = _reference_table(of_class.reference_values)
    configs = of_class.platform_configs
    matched = bool(configs) and configs[-1].value == evidence.octets("platform-config")  # the last one wins
    claims[Member.CONFIGURATION] = TrustClaim(
        APPROVED if matched else FLAWED,
        ("the configuration matches" if matched else "the configuration does not match",),
    )
    claims[Member.EXECUTABLES] = _executables(
        _software_matches(evidence.components(), table, version_required=False)
    )
    return _submod("CCA_SSD_PLATFORM", session.policy_ids, claims, evidence, annotate(evidence))


def _lifecycle_claims(evidence: Evidence) -> list[tuple[Member, TrustClaim]]:
    value = evidence.integer("security-lifecycle") or 0
    good = value >> 8 in TRUSTED_LIFECYCLE_STATES
    claim = TrustClaim(APPROVED if good else BAD, (f"lifecycle 0x{value:04x}",))
    return [
        (Member.HARDWARE, TrustClaim(APPROVED, ("the signature verifies",))),
        (Member.INSTANCE_IDENTITY, claim),
        (Member.RUNTIME_OPAQUE, claim),
        (Member.STORAGE_OPAQUE, claim),
    ]


def _executables(mismatch: str | None) -> TrustClaim:
    if mismatch is None:
        return TrustClaim(APPROVED, ("every component matches a reference value",))
    return TrustClaim(UNRECOGNISED, (mismatch,))


def _reference_table(references: Sequence[ReferenceValue]) -> dict[bytes, tuple[str, str]]:
    """Step 7: type and version by digest, signers unseen; of two with one digest the last stays."""
    table = {}
    for reference in references:
        if not reference.digests:
            raise Malfunction("no digests in reference value measurement")
        if len(reference.digests) != 1:
            count = len(reference.digests)
            raise Malfunction(f"expected exactly 1 digest in measurement; found {count}")
        table[reference.digests[0].value] = (reference.type or "", reference.version or "")
    return table


def _software_matches(
    components: Sequence[Component], table: Mapping[bytes, tuple[str, str]], *, version_required: bool
) -> str | None:
    """The first component that does not match, None if all do; what is endorsed and absent goes unseen."""
    for index, component in enumerate(components):
        if component.type is None:
            raise BadEvidence(f"S/W comp. {index} type: missing optional field")
        if component.version is None and version_required:
            raise BadEvidence(f"S/W comp. {index} version: missing optional field")
        wanted = table.get(component.value or b"")
        if wanted is None:
            return f"{component}: no reference value has this measurement"
        if wanted[0] not in ("", component.type) or wanted[1] not in ("", component.version):
            return f"{component}: the reference value says {wanted[0] or 'any'} {wanted[1] or 'any'}"
    return None


def appraise_realm(
    policy_ids: tuple[str, ...], evidence: Evidence, references: Sequence[RealmReference]
) -> SubmodAppraisal:
    """The realm against its references, in their order; they were found by RIM, so that none may differ."""
    claims = {
        Member.INSTANCE_IDENTITY: TrustClaim(APPROVED, ("the platform token vouches for the realm's key",)),
        Member.EXECUTABLES: TrustClaim(UNRECOGNISED, ("no reference value for this realm",)),
    }
    for reference in references:
        if reference.rim.value != evidence.octets("initial-measurement"):
            vector = TrustVector.uniform(VERIFIER_MALFUNCTION, "a reference value for another realm")
            claims = dict(vector)
            break
        if reference.rpv is not None and reference.rpv != evidence.octets("personalization-value"):
            claims[Member.EXECUTABLES] = TrustClaim(BAD, ("the personalization value differs",))
            continue
        claims[Member.EXECUTABLES] = _realm_executables(reference, evidence.measurements())
        break
    shown: dict[str, Json] = annotate(evidence)
    shown["cca-realm-profile"] = CCA_REALM_2023.name  # said of legacy realms too, by way of a default
    return _submod("CCA_REALM", policy_ids, claims, evidence, shown)


def _realm_executables(reference: RealmReference, measured: Sequence[bytes]) -> TrustClaim:
    same = len(reference.rems) == len(measured) and all(
        wanted is None or wanted.value == found
        for wanted, found in zip(reference.rems, measured, strict=True)
    )
    if same:
        return TrustClaim(APPROVED, ("initial and extensible measurements match",))
    return TrustClaim(APPROVED_BOOT, ("the initial measurement matches, the extensible ones do not",))


def _submod(
    name: str,
    policy_ids: tuple[str, ...],
    claims: Mapping[Member, TrustClaim],
    evidence: Evidence,
    shown: Mapping[str, Json],
) -> SubmodAppraisal:
    return submod(
        name,
        TrustVector.of(claims),
        policy_ids=policy_ids,
        evidence=shown,
        profile=evidence.profile.name if evidence.profile else None,
        nonce=evidence.octets("nonce"),
    )
