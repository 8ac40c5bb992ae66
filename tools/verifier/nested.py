"""A platform token nested in the token that is signed with a delegated key. RFC 9711 4.2.18."""

from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor
from .cca import CONFIRMATION, RAK
from .claims import EAT_PROFILE, Selection
from .envelope import Envelope, TokenMalformed, describe, open_envelope, read_item
from .findings import Finding, Kind
from .options import Options
from .profiles import (
    CCA_REALM_LEGACY,
    DELEGATED,
    PLATFORM_PROFILES,
    PSA_PROFILES,
    REALM_PROFILES,
    SUBMODULES,
)
from .single import choose_profile

_VOUCHED_BY_IAK = {text for profile in (*PSA_PROFILES, *PLATFORM_PROFILES) for text in profile.strings}
_LEGACY_KEYS = range(-75010, -74999)
_OWN_TO_REALMS = (44235, 44238, 44239)


@dataclass(frozen=True, slots=True)
class Nested:
    """The outer token, and the nested one if it can be taken apart; ``unjudged`` are other submodules."""

    outer: Envelope
    platform: Envelope | None
    problems: tuple[Finding, ...]
    unjudged: tuple[Finding, ...]


def open_nested(envelope: Envelope) -> Nested | None:
    """Take a token apart that nests another and carries a key for it to vouch for; None if it is none.

    A token of a PSA profile is no such token, whatever it nests: an initial attestation key signs it.
    """
    claims = envelope.claims
    if claims is None or not (RAK in claims or CONFIRMATION in claims) or _is_initial(claims):
        return None
    submodules = claims.get(SUBMODULES.key)
    if not isinstance(submodules, cbor.Map):
        return None
    tokens = [(key, value) for key, value in submodules.pairs if isinstance(value, cbor.Bytes)]
    if not tokens:
        return None
    problems = list(_label_problems(submodules))
    if len(tokens) > 1:
        text = f"{len(tokens)} nested tokens; legal: one, the platform's"
        problems.append(Finding(Kind.COLLECTION_SHAPE, text, SUBMODULES.label))
    platform = None
    try:
        platform = open_envelope(read_item(tokens[0][1].value))
    except TokenMalformed as error:
        problems.append(error.finding.at(SUBMODULES.label))
    return Nested(envelope, platform, tuple(problems), tuple(_unjudged(submodules)))


def choose_outer_profile(envelope: Envelope, options: Options) -> Selection:
    """A realm profile if the token asks for one, else the table of any token of a delegated key."""
    claims = envelope.claims
    if claims is None:
        return Selection(None)
    named = claims.get(EAT_PROFILE)
    strings = {text for profile in REALM_PROFILES for text in profile.strings}
    if isinstance(named, cbor.Text) and named.value in strings:
        return choose_profile(envelope, REALM_PROFILES, options)
    if named is None and any(key in claims for key in _OWN_TO_REALMS):
        return Selection(CCA_REALM_LEGACY)
    return Selection(DELEGATED)


def _is_initial(claims: cbor.Map) -> bool:
    named = claims.get(EAT_PROFILE)
    if isinstance(named, cbor.Text) and named.value in _VOUCHED_BY_IAK:
        return True
    return any(key in claims for key in _LEGACY_KEYS)


def _label_problems(submodules: cbor.Map) -> Iterator[Finding]:
    for key, _ in submodules.pairs:
        if not isinstance(key, cbor.Text):
            text = f"a submodule's name is {describe(key)}; legal: a text string"
            yield Finding(Kind.COLLECTION_SHAPE, text, SUBMODULES.label)


def _unjudged(submodules: cbor.Map) -> Iterator[Finding]:
    for key, value in submodules.pairs:
        if not isinstance(value, cbor.Bytes):
            text = f"submodule {cbor.plain(key)!r} is {value.noun} and was not judged"
            yield Finding(Kind.ENTRY_UNKNOWN, text, SUBMODULES.label)
