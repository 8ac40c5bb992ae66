"""Two tokens in one: the platform's, and one whose key it vouches for."""

from dataclasses import dataclass, replace

from . import cbor
from .cca import (
    RAK_HASH,
    Binding,
    carried_key,
    carried_octets,
    judge_binding,
    judge_caller,
    judge_device_token,
    judge_pairing,
)
from .claims import Selection
from .collection import CMW_COLLECTION, Collection
from .cose import SignatureState
from .envelope import Envelope
from .findings import Finding
from .nested import Nested, choose_outer_profile
from .options import Options
from .profiles import CCA_REALM_2024, PLATFORM_PROFILES, PSA_PROFILES, REALM_PROFILES, Family, Profile
from .single import Chosen, Judged, Trust, Values, choose_key, choose_profile, judge_token
from .verdict import Verdict

_WORST_FIRST = (
    SignatureState.INVALID,
    SignatureState.SHORT_CIRCUIT,
    SignatureState.NOT_CHECKED,
    SignatureState.VALID,
)


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A judged token with the bytes of the key that it carries."""

    judged: Judged
    carried: bytes | None


def verify_collection(collection: Collection, trust: Trust, options: Options) -> Verdict:
    """Platform token with the trusted key, realm token with the key inside it, and the bond between them."""
    platform = realm = None
    if collection.platform is not None:
        platform = _judge_platform(collection.platform, trust, PLATFORM_PROFILES, options)
    if collection.realm is not None:
        selection = choose_profile(collection.realm, REALM_PROFILES, options)
        realm = _judge_carrier("realm", collection.realm, selection, options)
    reasons: list[Finding] = list(collection.problems)
    warnings: list[Finding] = []
    refused, tolerated = options.soft(*collection.oddities)
    reasons += refused
    warnings += tolerated
    if realm is not None and realm.judged.values.claims is not None:
        newest = collection.tag == CMW_COLLECTION and realm.judged.profile == CCA_REALM_2024
        claims = realm.judged.values.claims if newest else cbor.EMPTY_MAP
        refused, tolerated = judge_device_token(collection.device_token, claims, options)
        reasons += refused
        warnings += tolerated
    return _compose(f"CCA collection (tag {collection.tag})", platform, realm, reasons, warnings, options)


def verify_nested(nested: Nested, trust: Trust, options: Options) -> Verdict:
    """The same for a platform token inside the claims of the other."""
    platform = None
    if nested.platform is not None:
        profiles = (*PSA_PROFILES, *PLATFORM_PROFILES)
        platform = _judge_platform(nested.platform, trust, profiles, options)
    selection = choose_outer_profile(nested.outer, options)
    realm = selection.profile is not None and selection.profile.family is Family.REALM
    outer = _judge_carrier("realm" if realm else "delegated", nested.outer, selection, options, nests=True)
    refused, tolerated = options.soft(*nested.unjudged)
    kind = outer.judged.verdict.envelope or "COSE message"
    reasons, warnings = [*nested.problems, *refused], list(tolerated)
    return _compose(f"{kind} with a nested token", platform, outer, reasons, warnings, options)


def _judge_platform(
    envelope: Envelope, trust: Trust, profiles: tuple[Profile, ...], options: Options
) -> Judged:
    apart = replace(options, challenge=None)  # its nonce is the other's key
    selection = choose_profile(envelope, profiles, options)
    return judge_token("platform", envelope, choose_key(envelope, selection.profile, trust), selection, apart)


def _judge_carrier(
    name: str, envelope: Envelope, selection: Selection, options: Options, *, nests: bool = False
) -> _Carrier:
    """The token that carries the key which it is signed with."""
    chosen = Chosen(None)
    if envelope.claims is not None and selection.profile is not None:
        found = carried_key(envelope, selection.profile)
        chosen = Chosen(None, None, (found,)) if isinstance(found, Finding) else Chosen(found)
    judged = judge_token(name, envelope, chosen, selection, options, nests=nests)
    return _Carrier(judged, carried_octets(envelope))


def _bond(platform: Judged, carrier: _Carrier, options: Options) -> tuple[list[Finding], list[Finding]]:
    """(reasons, warnings) about the two tokens as a pair."""
    reasons: list[Finding] = []
    values: Values = carrier.judged.values
    if platform.values.claims is not None and values.claims is not None:
        nonce = platform.values.get("nonce")
        family = values.profile.family if values.profile else Family.REALM
        binding = Binding(carrier.judged.verdict.name, hash_by_size=family is Family.DELEGATED)
        reasons += judge_binding(nonce, carrier.carried, values.claims.get(RAK_HASH), binding)
    refused: tuple[Finding, ...] = ()
    tolerated: tuple[Finding, ...] = ()
    if platform.profile is not None and values.profile is not None:
        refused, tolerated = options.soft(
            *judge_pairing(platform.profile, values.profile),
            *judge_caller(platform.values.integer("client-id")),
        )
    return [*reasons, *refused], list(tolerated)


def _compose(
    envelope: str,
    platform: Judged | None,
    carrier: _Carrier | None,
    reasons: list[Finding],
    warnings: list[Finding],
    options: Options,
) -> Verdict:
    parts = [judged for judged in (platform, carrier.judged if carrier else None) if judged is not None]
    for part in parts:
        reasons.extend(finding.at(part.verdict.name) for finding in part.verdict.reasons)
        warnings.extend(finding.at(part.verdict.name) for finding in part.verdict.warnings)
    if platform is not None and carrier is not None:
        refused, tolerated = _bond(platform, carrier, options)
        reasons += refused
        warnings += tolerated
    verdicts = tuple(part.verdict for part in parts)
    states = {part.signature for part in verdicts}
    if len(verdicts) < 2:
        states.add(SignatureState.NOT_CHECKED)
    return Verdict(
        ok=not reasons,
        name="token",
        envelope=envelope,
        profile=" + ".join(part.profile or "unknown" for part in verdicts) or None,
        algorithm=" + ".join(part.algorithm or "unknown" for part in verdicts) or None,
        signature=next(state for state in _WORST_FIRST if state in states),
        instance_id_rule=platform.verdict.instance_id_rule if platform else None,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
        notes=tuple(note.at(part.name) for part in verdicts for note in part.notes),
        claims=(),
        parts=verdicts,
        key=platform.verdict.key if platform else None,
        anchor=platform.verdict.anchor if platform else None,
    )
