"""The claims set against its profile: which table applies, and a verdict for each claim."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from . import cbor
from .findings import Finding, Kind
from .profiles import (
    ALL_PROFILES,
    CCA_REALM_LEGACY,
    PSA_IOT_PROFILE_1,
    RFC_9783,
    RFC_9783_BASE,
    TFM_2019,
    Profile,
)
from .shapes import Claim

EAT_PROFILE = 265
_LEGACY_KEYS = range(-75010, -74999)
_REALM_KEYS = range(44235, 44241)
_MEANINGS: Final = {claim.key: (claim, profile) for profile in ALL_PROFILES for claim in profile.claims}


@dataclass(frozen=True, slots=True)
class Selection:
    """The profile that a claims set asks for; None with a reason if there is no table for it."""

    profile: Profile | None
    reasons: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class ClaimResult(NamedTuple):
    """One claim and its verdict. ``item`` is None for a mandatory claim that is missing."""

    key: int | str
    name: str
    known: bool
    mandatory: bool
    item: cbor.Item | None
    reasons: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """No rule was broken by this claim."""
        return not self.reasons

    @property
    def value(self) -> cbor.Plain:
        """The value as ordinary Python data; None if the claim is missing."""
        return None if self.item is None else cbor.plain(self.item)


@dataclass(frozen=True, slots=True)
class ClaimsVerdict:
    """All claims in order of transmission, then the missing ones."""

    claims: tuple[ClaimResult, ...]
    reasons: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def select_profile(
    claims: cbor.Map, candidates: tuple[Profile, ...] = ALL_PROFILES, *, strict: bool = False
) -> Selection:
    """Choose the claim table by the profile claim, or, where that may be absent, by the key family.

    A profile 1 token may carry any profile string unless ``strict``: its key range is its own.
    """
    item = claims.get(EAT_PROFILE)
    if item is not None:
        return _by_string(item, candidates, strict=strict)
    if PSA_IOT_PROFILE_1 in candidates and _any_key(claims, _LEGACY_KEYS):
        return _profile_1(claims, strict=strict)
    if CCA_REALM_LEGACY in candidates and _any_key(claims, _REALM_KEYS):
        return Selection(CCA_REALM_LEGACY)
    text = f"neither claim {EAT_PROFILE} nor keys of PSA_IOT_PROFILE_1; legal: {_names(candidates)}"
    return Selection(None, (Finding(Kind.PROFILE_MISSING, text, "profile"),))


def judge_claims(claims: cbor.Map, profile: Profile, *, strict: bool = False) -> ClaimsVerdict:
    """Judge each claim by the profile's table. Unknown claims are legal unless ``strict`` (RFC 9783 5.1)."""
    table = profile.table
    results = [_judge(key, value, table, strict=strict) for key, value in claims.pairs]
    for claim in profile.claims:
        if claim.mandatory and claim.key not in claims.table:
            finding = Finding(Kind.CLAIM_MISSING, f"missing; legal: {claim.shape.legal}", claim.label)
            results.append(ClaimResult(claim.key, claim.name, True, True, None, (finding,)))
    between = tuple(_between(claims, profile, table))
    foreign = () if strict else tuple(_foreign(claims, profile, table))
    return ClaimsVerdict(
        tuple(results),
        tuple(finding for result in results for finding in result.reasons) + between,
        foreign,
    )


def name_of(key: cbor.Item, profile: Profile | None) -> str:
    """The profile's name for a claim key, "" if it has none."""
    if isinstance(key, cbor.Int) and profile is not None and key.value in profile.table:
        return profile.table[key.value].name
    return ""


def _any_key(claims: cbor.Map, keys: range) -> bool:
    return any(isinstance(key, cbor.Int) and key.value in keys for key, _ in claims.pairs)


def _by_string(item: cbor.Item, candidates: tuple[Profile, ...], *, strict: bool) -> Selection:
    where = f"profile ({EAT_PROFILE})"
    if not isinstance(item, cbor.Text):
        text = f"found {item.noun}; legal: a text string, one of {_names(candidates)}"
        return Selection(None, (Finding(Kind.PROFILE_NOT_TEXT, text, where),))
    if item.value is None:
        text = f"the text string {item.raw.hex()} is no UTF-8"
        return Selection(None, (Finding(Kind.INVALID_UTF8, text, where),))
    for profile in candidates:
        if profile.profile_key == EAT_PROFILE and item.value in profile.strings:
            return Selection(profile)
    if RFC_9783 in candidates and item.value.startswith(RFC_9783_BASE) and not strict:
        text = f"{item.value!r} is judged by the table of {RFC_9783.name}, whose baseline it shares"
        return Selection(RFC_9783, (), (Finding(Kind.PROFILE_STRING, text, where),))
    text = f"found {item.value!r}; legal: {_names(candidates)}"
    return Selection(None, (Finding(Kind.PROFILE_UNKNOWN, text, where),))


def _profile_1(claims: cbor.Map, *, strict: bool) -> Selection:
    item = claims.get(PSA_IOT_PROFILE_1.profile_key)
    if isinstance(item, cbor.Text) and item.value in TFM_2019.strings:
        return Selection(TFM_2019)
    if not isinstance(item, cbor.Text) or item.value is None or item.value in PSA_IOT_PROFILE_1.strings:
        return Selection(PSA_IOT_PROFILE_1)  # absent is legal, and a wrong type is the claim's own reason
    legal = _names((PSA_IOT_PROFILE_1, TFM_2019))
    text = f"found {item.value!r} with the keys of PSA_IOT_PROFILE_1; legal: {legal}"
    finding = (Finding(Kind.PROFILE_STRING, text, f"profile ({PSA_IOT_PROFILE_1.profile_key})"),)
    return Selection(PSA_IOT_PROFILE_1, *((finding, ()) if strict else ((), finding)))


def _judge(key: cbor.Item, value: cbor.Item, table: dict[int, Claim], *, strict: bool) -> ClaimResult:
    if isinstance(key, cbor.Int) and key.value in table:
        claim = table[key.value]
        findings = tuple(claim.shape.judge(value, strict=strict))
        if findings:
            findings = tuple(finding.at(claim.label) for finding in findings)
        return ClaimResult(claim.key, claim.name, True, claim.mandatory, value, findings)
    match key:
        case cbor.Int(value=label):
            shown: int | str = label
        case cbor.Text(value=str(name)):
            shown = name
        case _:
            finding = Finding(
                Kind.CLAIM_TYPE, f"a claim key is {key.noun}; legal: an integer or text", "claims"
            )
            return ClaimResult(str(cbor.plain(key)), "", False, False, value, (finding,))
    unknown = Finding(Kind.CLAIM_UNKNOWN, "the profile has no such claim", f"claim {shown}")
    return ClaimResult(shown, "", False, False, value, (unknown,) if strict else ())


def _between(claims: cbor.Map, profile: Profile, table: dict[int, Claim]) -> Iterator[Finding]:
    """Claims that exclude each other, of which one must be there."""
    for first, second in profile.exactly_one:
        labels = f"{table[first].label} and {table[second].label}"
        if first in claims and second in claims:
            yield Finding(Kind.CLAIM_CONFLICT, f"{labels} are both present; legal: one of them", "claims")
        elif first not in claims and second not in claims:
            yield Finding(Kind.CLAIM_MISSING, f"{labels} are both missing; legal: one of them", "claims")


def _foreign(claims: cbor.Map, profile: Profile, table: dict[int, Claim]) -> Iterator[Finding]:
    """A key that another profile gives a meaning: ignored here, and worth a word."""
    for key, _ in claims.pairs:
        if isinstance(key, cbor.Int) and key.value not in table and key.value in _MEANINGS:
            claim, other = _MEANINGS[key.value]
            text = f"this is {claim.name} in {other.name}, and nothing in {profile.name}"
            yield Finding(Kind.CLAIM_FOREIGN, text, f"claim {key.value}")


def _names(candidates: tuple[Profile, ...]) -> str:
    return ", ".join(repr(text) for profile in candidates for text in profile.strings)
