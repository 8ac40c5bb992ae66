"""One token: its envelope, signature, claims, identity and freshness."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor
from .claims import ClaimsVerdict, Selection, judge_claims, select_profile
from .cose import SignatureState, SignatureVerdict, judge_signature
from .envelope import HEADER_KID, HEADER_X5CHAIN, Envelope
from .findings import Finding, Kind
from .identity import SHORT_CIRCUIT_KID, InstanceRule, cose_key, matching_rule, well_known
from .keys import EcKey, Key
from .options import Options
from .profiles import (
    CCA_REALM_2024,
    CCA_REALM_2024_TEXT_MEC,
    SUBMODULES,
    TRUSTED_LIFECYCLE_STATES,
    Family,
    Profile,
    lifecycle_state,
)
from .trust import TrustAnchor, TrustStore
from .verdict import Verdict

REALM_CHALLENGE_SIZE = 64
Trust = Key | TrustStore
NO_CLAIMS = ClaimsVerdict((), (), ())


@dataclass(frozen=True, slots=True)
class Judged:
    """One token's verdict with what a composition needs of it."""

    verdict: Verdict
    values: "Values"

    @property
    def profile(self) -> Profile | None:
        """The table that its claims were judged by."""
        return self.values.profile


@dataclass(frozen=True, slots=True)
class Values:
    """Claims by their names, for the checks that go across profiles."""

    claims: cbor.Map | None
    profile: Profile | None

    def label(self, name: str) -> str:
        """Name and key of a claim, for a message."""
        claim = self.profile.claim(name) if self.profile else None
        return claim.label if claim else name

    def get(self, name: str) -> cbor.Item | None:
        """The value, None if it is absent or the profile has no such claim."""
        claim = self.profile.claim(name) if self.profile else None
        return self.claims.get(claim.key) if claim and self.claims else None

    def octets(self, name: str) -> bytes | None:
        """The value if it is a byte string."""
        item = self.get(name)
        return item.value if isinstance(item, cbor.Bytes) else None

    def integer(self, name: str) -> int | None:
        """The value if it is an integer."""
        item = self.get(name)
        return item.value if isinstance(item, cbor.Int) else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The key that a token must verify with; without one ``problems`` say why."""

    key: Key | None
    anchor: TrustAnchor | None = None
    problems: tuple[Finding, ...] = ()


def choose_profile(envelope: Envelope, candidates: tuple[Profile, ...], options: Options) -> Selection:
    """The claim table that the token asks for among ``candidates``."""
    if envelope.claims is None:
        return Selection(None)  # its problem is told already
    selection = select_profile(envelope.claims, candidates, strict=options.strict)
    if selection.profile == CCA_REALM_2024 and options.allow_text_mec:
        return Selection(CCA_REALM_2024_TEXT_MEC, selection.reasons, selection.warnings)
    return selection


def choose_key(envelope: Envelope, profile: Profile | None, trust: Trust) -> Chosen:
    """The given key, or the anchor of the device that the token names. PSA attestation: by both ids.

    Nothing else of the token is believed before that.
    """
    if not isinstance(trust, TrustStore):
        return Chosen(trust)
    values = Values(envelope.claims, profile)
    ids = values.octets("implementation-id"), values.octets("instance-id")
    if ids[0] is None or ids[1] is None:
        text = "the token names no device: implementation id or instance id is missing"
        return Chosen(None, None, (Finding(Kind.NO_TRUST_ANCHOR, text, "key"),))
    anchor = trust.find(ids[0], ids[1])
    if anchor is None:
        text = f"no trust anchor for instance id {ids[1].hex()} of implementation id {ids[0].hex()}"
        return Chosen(None, None, (Finding(Kind.NO_TRUST_ANCHOR, text, "key"),))
    return Chosen(anchor.key, anchor)


def judge_token(
    name: str,
    envelope: Envelope,
    chosen: Chosen,
    selection: Selection,
    options: Options,
    *,
    nests: bool = False,
) -> Judged:
    """The verdict on one COSE message. ``nests``: its submodules are its platform token, and judged so."""
    profile = selection.profile
    signature = SignatureVerdict(SignatureState.NOT_CHECKED, None)
    if chosen.key is not None:
        signature = judge_signature(envelope, chosen.key, allow_short_circuit=options.allow_short_circuit)
    claims = NO_CLAIMS
    if envelope.claims is not None and profile is not None:
        table = profile.with_claim(SUBMODULES) if nests and SUBMODULES.key not in profile.table else profile
        claims = judge_claims(envelope.claims, table, strict=options.strict)
    values = Values(envelope.claims, profile)
    rule, identity = _identity(values, chosen.key)
    refused, tolerated = options.soft(*envelope.oddities, *identity, *_key_id(envelope, values, chosen.key))
    reasons = (
        *envelope.problems,
        *chosen.problems,
        *signature.reasons,
        *selection.reasons,
        *claims.reasons,
        *_freshness(values, options.challenge),
        *refused,
    )
    if not reasons and signature.state in (SignatureState.NOT_CHECKED, SignatureState.INVALID):
        # Belt and braces: nothing is accepted that no key has vouched for.
        reasons = (Finding(Kind.SIGNATURE_INVALID, "the signature was not checked", "envelope"),)
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
            *_well_known(chosen.key),
            *tolerated,
            *_alone(name, profile),
        ),
        notes=tuple(_notes(envelope, values, options, name)),
        claims=claims.claims,
        key=chosen.key,
        anchor=chosen.anchor,
    )
    return Judged(verdict, values)


def _freshness(values: Values, challenge: bytes | None) -> Iterator[Finding]:
    if challenge is None:
        return
    if values.profile and values.profile.family is Family.REALM:
        # RMM: the challenge is 64 bytes; Veraison pads a shorter nonce with zeros.
        challenge = challenge.ljust(REALM_CHALLENGE_SIZE, b"\x00")
    nonce = values.octets("nonce")
    if nonce is None or not hmac.compare_digest(nonce, challenge):
        found = "no nonce" if nonce is None else nonce.hex()
        text = f"found {found}; legal: the challenge {challenge.hex() or 'of no bytes'}"
        yield Finding(Kind.NONCE_MISMATCH, text, values.label("nonce"))


def _vouched_elsewhere(profile: Profile | None) -> bool:
    """The key is inside the token, and no instance id is made from it."""
    return profile is not None and profile.family in (Family.REALM, Family.DELEGATED)


def _identity(values: Values, key: Key | None) -> tuple[InstanceRule | None, tuple[Finding, ...]]:
    """Which rule of which era ties the instance id to the key; RFC 9783 fixes none, so none refuses."""
    instance_id = values.octets("instance-id")
    if key is None or instance_id is None or _vouched_elsewhere(values.profile):
        return None, ()
    rule = matching_rule(instance_id, key)
    if rule is not None:
        return rule, ()
    text = f"{instance_id.hex()} is not derived from this key by any rule that TF-M has used"
    return None, (Finding(Kind.INSTANCE_ID, text, values.label("instance-id")),)


def _key_id(envelope: Envelope, values: Values, key: Key | None) -> Iterator[Finding]:
    """TF-M attest_core: the kid of a signature is the SHA-256 of the public COSE_Key; of a MAC, any text."""
    item = next(
        (
            bucket.get(HEADER_KID)
            for bucket in (envelope.protected, envelope.unprotected)
            if bucket and HEADER_KID in bucket
        ),
        None,
    )
    if item is None:
        return
    if not isinstance(item, cbor.Bytes):
        yield Finding(Kind.KEY_ID, f"found {item.noun}; legal: a byte string", "kid")
    elif item.value == SHORT_CIRCUIT_KID:
        yield Finding(Kind.KEY_ID, "the fixed value of TF-M's short-circuit test mode", "kid")
    elif isinstance(key, EcKey) and not _vouched_elsewhere(values.profile):
        expected = hashlib.sha256(cose_key(key)).digest()
        if item.value != expected:
            text = f"found {item.value.hex()}; legal: {expected.hex()}, the SHA-256 of this key's COSE_Key"
            yield Finding(Kind.KEY_ID, text, "kid")


def _well_known(key: Key | None) -> Iterator[Finding]:
    known = well_known(key) if key is not None else None
    if known is not None:
        text = f"NOT SECURE: this is {known}, published, so anybody can sign with it"
        yield Finding(Kind.WELL_KNOWN_KEY, text, "key")


def _alone(name: str, profile: Profile | None) -> Iterator[Finding]:
    if name == "token" and profile is not None and profile.family is Family.REALM:
        text = "a realm token alone: no platform token vouches for its key"
        yield Finding(Kind.REALM_ALONE, text, "token")


def _notes(envelope: Envelope, values: Values, options: Options, name: str) -> Iterator[Finding]:
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
    if any(bucket and HEADER_X5CHAIN in bucket for bucket in (envelope.protected, envelope.unprotected)):
        text = "a certificate chain is there and was not looked at: the key comes from the relying party"
        yield Finding(Kind.X5CHAIN, text, "headers")
    if options.challenge is None and name != "platform":
        text = "no challenge was given: the token may be a replay"
        yield Finding(Kind.FRESHNESS, text, values.label("nonce"))
