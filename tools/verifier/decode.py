"""Showing a token without a key: what it is made of, and which structural rules it breaks."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...interface.errors import TfmSimError
from . import cbor
from .claims import name_of, select_profile
from .collection import Collection, dissect
from .cose import Algorithm, find_algorithm
from .envelope import Envelope, TokenMalformed
from .findings import Finding
from .nested import Nested, choose_outer_profile, open_nested
from .notation import diagnose_collection, diagnose_envelope
from .options import Options
from .profiles import (
    ALL_PROFILES,
    PLATFORM_PROFILES,
    PSA_PROFILES,
    REALM_PROFILES,
    SUBMODULES,
    Family,
    Profile,
)
from .verdict import Json, finding_json, to_json


class TokenUnreadable(TfmSimError):
    """The bytes cannot be taken apart as a token, so there is nothing to show."""


@dataclass(frozen=True, slots=True)
class DecodedPart:
    """One COSE message with the claim table that its profile claim chooses."""

    name: str
    envelope: Envelope
    profile: Profile | None
    algorithm: Algorithm | None

    def as_json(self) -> dict[str, Json]:
        """The part as data; byte strings in hex."""
        envelope = self.envelope
        claims = envelope.claims.pairs if envelope.claims else ()
        return {
            "name": self.name,
            "envelope": envelope.kind.label if envelope.kind else "",
            "tags": list(envelope.tags),
            "size": envelope.size,
            "algorithm": self.algorithm.name if self.algorithm else None,
            "profile": self.profile.name if self.profile else None,
            "protected": {
                "hex": envelope.protected_raw.hex(),
                "size": len(envelope.protected_raw),
                "headers": _headers(envelope.protected),
            },
            "unprotected": _headers(envelope.unprotected),
            "kid": envelope.kid.hex() if envelope.kid is not None else None,
            "payload": {"hex": envelope.payload.hex(), "size": len(envelope.payload)},
            "claims": [
                {
                    "key": to_json(cbor.plain(key)),
                    "name": name_of(key, self.profile),
                    "value": to_json(cbor.plain(value)),
                    "offset": value.start,
                    "size": value.end - value.start,
                }
                for key, value in claims
            ],
            "signature": {"hex": envelope.signature.hex(), "size": len(envelope.signature)},
        }


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """A token taken apart; ``problems`` are the structural rules that it breaks and still can be shown."""

    dissected: Envelope | Collection
    parts: tuple[DecodedPart, ...]
    nested: Nested | None = None

    @property
    def size(self) -> int:
        """Of the token's CBOR item, in bytes."""
        return self.dissected.size

    @property
    def problems(self) -> tuple[Finding, ...]:
        """All of them, those inside a collection located by part."""
        inner = () if isinstance(self.dissected, Envelope) else self.dissected.parts
        if self.nested is not None and self.nested.platform is not None:
            inner = (("platform", self.nested.platform),)
        beside = self.nested.problems if self.nested is not None else ()
        located = (finding.at(name) for name, envelope in inner for finding in envelope.problems)
        return (*self.dissected.problems, *beside, *located)

    def diagnostic(self) -> str:
        """Diagnostic notation with names as comments."""
        if isinstance(self.dissected, Envelope):
            lines = self._envelope_lines(self.dissected)
        else:
            lines = diagnose_collection(self.dissected, {part.name: part.profile for part in self.parts})
        return "\n".join(lines)

    def _envelope_lines(self, envelope: Envelope) -> Iterator[str]:
        yield from diagnose_envelope(envelope, self.parts[0].profile)
        for part in self.parts[1:]:
            yield f"/ {part.name} token, nested in claim {SUBMODULES.key} above: /"
            yield from diagnose_envelope(part.envelope, part.profile)

    def as_json(self) -> dict[str, Json]:
        """The token as data; byte strings in hex."""
        return {
            "size": self.size,
            "collection_tag": self.dissected.tag if isinstance(self.dissected, Collection) else None,
            "parts": [part.as_json() for part in self.parts],
            "problems": [finding_json(finding) for finding in self.problems],
        }


def decode(token: bytes) -> DecodedToken:
    """Take a token apart without judging its signature or claims.

    Raises TokenUnreadable if the bytes are no COSE_Sign1, COSE_Mac0 or CCA collection.
    """
    try:
        dissected = dissect(token)
    except TokenMalformed as error:
        raise TokenUnreadable(f"this is no token: {error.finding}") from None
    if isinstance(dissected, Envelope):
        nested = open_nested(dissected)
        if nested is None:
            return DecodedToken(dissected, (_part("token", dissected, ALL_PROFILES),))
        return DecodedToken(dissected, tuple(_nested_parts(nested)), nested)
    candidates = {"platform": PLATFORM_PROFILES, "realm": REALM_PROFILES}
    parts = (_part(name, envelope, candidates[name]) for name, envelope in dissected.parts)
    return DecodedToken(dissected, tuple(parts))


def _nested_parts(nested: Nested) -> Iterator[DecodedPart]:
    profile = choose_outer_profile(nested.outer, Options()).profile
    name = "realm" if profile is not None and profile.family is Family.REALM else "delegated"
    algorithm = find_algorithm(nested.outer)
    yield DecodedPart(name, nested.outer, profile, None if isinstance(algorithm, Finding) else algorithm)
    if nested.platform is not None:
        yield _part("platform", nested.platform, (*PSA_PROFILES, *PLATFORM_PROFILES))


def _part(name: str, envelope: Envelope, candidates: tuple[Profile, ...]) -> DecodedPart:
    profile = select_profile(envelope.claims, candidates).profile if envelope.claims else None
    algorithm = find_algorithm(envelope)
    return DecodedPart(name, envelope, profile, None if isinstance(algorithm, Finding) else algorithm)


def _headers(headers: cbor.Map | None) -> Json:
    return to_json(cbor.plain(headers)) if headers is not None else None
