"""Verify a token with a key: envelope, signature, claims, identity, freshness, composition."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor
from .cca import judge_binding, judge_pairing, realm_key
from .claims import ClaimsVerdict, Selection, judge_claims, select_profile
from .collection import Collection, dissect
from .cose import SignatureState, SignatureVerdict, judge_signature
from .envelope import Envelope, TokenMalformed
from .findings import Finding, Kind
from .identity import InstanceRule, matching_rule, well_known
from .keys import EcKey, Key, KeySource, load_key
from .profiles import (
    ALL_PROFILES,
    PLATFORM_PROFILES,
    REALM_PROFILES,
    TRUSTED_LIFECYCLE_STATES,
    Profile,
    lifecycle_state,
)
from .verdict import Verdict

REALM_CHALLENGE_SIZE = 64
_WORST_FIRST = (
    SignatureState.INVALID,
    SignatureState.SHORT_CIRCUIT,
    SignatureState.NOT_CHECKED,
    SignatureState.VALID,
)


@dataclass(frozen=True, slots=True)
class _Options:
    challenge: bytes | None
    strict: bool
    allow_short_circuit: bool


@dataclass(frozen=True, slots=True)
class _Judged:
    """One token's verdict with what the composition needs of it."""

    verdict: Verdict
    claims: cbor.Map | None
    profile: Profile | None


def verify(
    token: bytes,
    key: KeySource,
    *,
    challenge: bytes | None = None,
    strict: bool = False,
    allow_short_circuit: bool = False,
) -> Verdict:
    """Judge a PSA or CCA token with the public (or, for Mac0, secret) initial attestation key.

    Any bytes end in a verdict. ``challenge`` is compared with the nonce, in a CCA collection with the
    realm's, for which a shorter one is padded with zeros to 64 bytes. ``strict`` refuses unknown
    claims, foreign profile strings and legacy platform beside newer realm tokens.
    ``allow_short_circuit`` takes signatures of TF-M's test mode, with a warning.
    Raises KeyUnusable if ``key`` is no verification key.
    """
    trusted = load_key(key)
    options = _Options(challenge, strict, allow_short_circuit)
    try:
        dissected = dissect(token)
    except TokenMalformed as error:
        return _refused((error.finding,), trusted)
    if isinstance(dissected, Collection):
        return _verify_collection(dissected, trusted, options)
    selection = _select(dissected, ALL_PROFILES, options)
    return _verify_one("token", dissected, trusted, selection, options).verdict


def _verify_collection(collection: Collection, key: Key, options: _Options) -> Verdict:
    """Platform token with the given key, realm token with the key inside it, and the bond between them."""
    reasons = list(collection.problems)
    warnings: list[Finding] = []
    judged: dict[str, _Judged] = {}
    apart = _Options(None, options.strict, options.allow_short_circuit)
    if collection.platform is not None:
        selection = _select(collection.platform, PLATFORM_PROFILES, options)
        judged["platform"] = _verify_one("platform", collection.platform, key, selection, apart)
    if collection.realm is not None:
        judged["realm"] = _verify_realm(collection.realm, options)
    for name, part in judged.items():
        reasons.extend(finding.at(name) for finding in part.verdict.reasons)
        warnings.extend(finding.at(name) for finding in part.verdict.warnings)
    if "platform" in judged and "realm" in judged:
        platform, realm = judged["platform"], judged["realm"]
        if platform.claims is not None and realm.claims is not None:
            reasons.extend(judge_binding(platform.claims, realm.claims))
        if platform.profile is not None and realm.profile is not None:
            pairing = judge_pairing(platform.profile, realm.profile)
            (reasons if options.strict else warnings).extend(pairing)
    verdicts = tuple(part.verdict for part in judged.values())
    states = {part.signature for part in verdicts}
    if len(verdicts) < 2:
        states.add(SignatureState.NOT_CHECKED)
    return Verdict(
        ok=not reasons,
        name="token",
        envelope=f"CCA collection (tag {collection.tag})",
        profile=" + ".join(part.profile or "unknown" for part in verdicts) or None,
        algorithm=" + ".join(part.algorithm or "unknown" for part in verdicts) or None,
        signature=next(state for state in _WORST_FIRST if state in states),
        instance_id_rule=judged["platform"].verdict.instance_id_rule if "platform" in judged else None,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
        notes=tuple(note.at(part.name) for part in verdicts for note in part.notes),
        claims=(),
        parts=verdicts,
        key=key,
    )


def _verify_realm(envelope: Envelope, options: _Options) -> _Judged:
    selection = _select(envelope, REALM_PROFILES, options)
    key: Key | None = None
    extra: tuple[Finding, ...] = ()
    if envelope.claims is not None and selection.profile is not None:
        found = realm_key(envelope.claims, selection.profile)
        key, extra = (found, ()) if isinstance(found, EcKey) else (None, (found,))
    return _verify_one("realm", envelope, key, selection, options, extra)


def _select(envelope: Envelope, candidates: tuple[Profile, ...], options: _Options) -> Selection:
    if envelope.claims is None:
        return Selection(None)  # its problem is told already
    return select_profile(envelope.claims, candidates, strict=options.strict)


def _verify_one(
    name: str,
    envelope: Envelope,
    key: Key | None,
    selection: Selection,
    options: _Options,
    problems: tuple[Finding, ...] = (),
) -> _Judged:
    profile = selection.profile
    signature = SignatureVerdict(SignatureState.NOT_CHECKED, None)
    if key is not None:
        signature = judge_signature(envelope, key, allow_short_circuit=options.allow_short_circuit)
    claims = ClaimsVerdict((), (), ())
    if envelope.claims is not None and profile is not None:
        claims = judge_claims(envelope.claims, profile, strict=options.strict)
    values = _Values(envelope.claims, profile)
    reasons = (
        *envelope.problems,
        *problems,
        *signature.reasons,
        *selection.reasons,
        *claims.reasons,
        *_freshness(values, options.challenge),
    )
    if not reasons and signature.state in (SignatureState.NOT_CHECKED, SignatureState.INVALID):
        # Belt and braces: nothing is accepted that no key has vouched for.
        reasons = (Finding(Kind.SIGNATURE_INVALID, "the signature was not checked", "envelope"),)
    rule, identity = _identity(values, key, name)
    verdict = Verdict(
        ok=not reasons,
        name=name,
        envelope=envelope.kind.label if envelope.kind else "",
        profile=profile.name if profile else None,
        algorithm=signature.algorithm.name if signature.algorithm else None,
        signature=signature.state,
        instance_id_rule=rule,
        reasons=reasons,
        warnings=(
            *signature.warnings,
            *selection.warnings,
            *claims.warnings,
            *identity,
            *_alone(name, profile),
        ),
        notes=tuple(_notes(values, options, name)),
        claims=claims.claims,
        key=key,
    )
    return _Judged(verdict, envelope.claims, profile)


@dataclass(frozen=True, slots=True)
class _Values:
    """Claims by their names, for the checks that go across profiles."""

    claims: cbor.Map | None
    profile: Profile | None

    def label(self, name: str) -> str:
        claim = self.profile.claim(name) if self.profile else None
        return claim.label if claim else name

    def get(self, name: str) -> cbor.Item | None:
        claim = self.profile.claim(name) if self.profile else None
        return self.claims.get(claim.key) if claim and self.claims else None

    def octets(self, name: str) -> bytes | None:
        item = self.get(name)
        return item.value if isinstance(item, cbor.Bytes) else None

    def integer(self, name: str) -> int | None:
        item = self.get(name)
        return item.value if isinstance(item, cbor.Int) else None


def _freshness(values: _Values, challenge: bytes | None) -> Iterator[Finding]:
    if challenge is None:
        return
    if values.profile in REALM_PROFILES:  # RMM: the challenge is 64 bytes; Veraison pads a shorter nonce
        challenge = challenge.ljust(REALM_CHALLENGE_SIZE, b"\x00")
    nonce = values.octets("nonce")
    if nonce is None or not hmac.compare_digest(nonce, challenge):
        found = "no nonce" if nonce is None else nonce.hex()
        text = f"found {found}; legal: the challenge {challenge.hex()}"
        yield Finding(Kind.NONCE_MISMATCH, text, values.label("nonce"))


def _identity(values: _Values, key: Key | None, name: str) -> tuple[InstanceRule | None, tuple[Finding, ...]]:
    """Which rule of which era ties the instance id to the key; RFC 9783 fixes none, so none refuses."""
    if key is None or name == "realm" or values.profile in REALM_PROFILES:
        return None, ()
    warnings = []
    known = well_known(key)
    if known is not None:
        text = f"NOT SECURE: this is {known}, published, so anybody can sign with it"
        warnings.append(Finding(Kind.WELL_KNOWN_KEY, text, "key"))
    instance_id = values.octets("instance-id")
    rule = matching_rule(instance_id, key) if instance_id is not None else None
    if instance_id is not None and rule is None:
        text = f"{instance_id.hex()} is not derived from this key by any rule that TF-M has used"
        warnings.append(Finding(Kind.INSTANCE_ID, text, values.label("instance-id")))
    return rule, tuple(warnings)


def _alone(name: str, profile: Profile | None) -> Iterator[Finding]:
    if name == "token" and profile in REALM_PROFILES:
        text = "a realm token alone: no platform token vouches for its key"
        yield Finding(Kind.REALM_ALONE, text, "token")


def _notes(values: _Values, options: _Options, name: str) -> Iterator[Finding]:
    """What an appraiser should know beside the verdict."""
    value = values.integer("security-lifecycle")
    state = lifecycle_state(value) if value is not None else None
    if value is not None and state is not None:
        trusted = value >> 8 in TRUSTED_LIFECYCLE_STATES
        advice = (
            "may be trusted" if trusted else "must not be trusted, only secured and non-PSA-RoT debug may"
        )
        text = f"0x{value:04x} is {state!r}: a report from this state {advice}"
        yield Finding(Kind.LIFECYCLE, text, values.label("security-lifecycle"))
    if options.challenge is None and name != "platform":
        text = "no challenge was given: the token may be a replay"
        yield Finding(Kind.FRESHNESS, text, values.label("nonce"))


def _refused(reasons: tuple[Finding, ...], key: Key) -> Verdict:
    return Verdict(
        ok=False,
        name="token",
        envelope="",
        profile=None,
        algorithm=None,
        signature=SignatureState.NOT_CHECKED,
        instance_id_rule=None,
        reasons=reasons,
        warnings=(),
        notes=(),
        claims=(),
        key=key,
    )
