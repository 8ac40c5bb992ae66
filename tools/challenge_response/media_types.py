"""Media types: what evidence is sent as, and which profiles may stand in it."""

import re
from dataclasses import dataclass
from typing import Final

from ...interface.errors import TfmSimError
from ..verifier import TokenUnreadable, decode
from ..verifier.collection import Collection
from ..verifier.profiles import (
    CCA_PLATFORM,
    CCA_PLATFORM_LEGACY,
    PSA_2_0_0,
    PSA_IOT_PROFILE_1,
    RFC_9783,
)

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD: Final = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*")
_PARAMETER: Final = re.compile(rf';\s*(?:({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]|\\.)*)"))?\s*')
COLLECTION: Final = "CCA collection"


class MediaTypeError(TfmSimError):
    """A Content-Type that is none."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """Type and subtype in small letters, parameters sorted, their names in small letters."""

    essence: str
    parameters: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return "".join([self.essence, *(f'; {name}="{value}"' for name, value in self.parameters)])


def parse_media_type(text: str) -> MediaType:
    """RFC 9110 8.3.1: type/subtype and parameters. Raises MediaTypeError."""
    head = _HEAD.match(text)
    if head is None:
        raise MediaTypeError(f"media type: found {text[:100]!r}; legal: type/subtype; name=value")
    at, parameters = head.end(), {}
    while at < len(text):
        part = _PARAMETER.match(text, at)
        if part is None:
            raise MediaTypeError(f"media type: found {text[at : at + 100]!r}; legal: ; name=value")
        name, token, quoted = part.groups()
        if name is not None:
            if name.lower() in parameters:
                raise MediaTypeError(f"media type: parameter {name[:100]!r} twice; legal: once")
            parameters[name.lower()] = token if token is not None else re.sub(r"\\(.)", r"\1", quoted)
        at = part.end()
    return MediaType(head[1].lower(), tuple(sorted(parameters.items())))


@dataclass(frozen=True, slots=True)
class EvidenceType:
    """One media type of evidence, and the profiles (as the verifier names them) that it may carry."""

    text: str
    profiles: frozenset[str]


def _evidence(text: str, *profiles: str) -> EvidenceType:
    return EvidenceType(text, frozenset(profiles))


EVIDENCE_TYPES: Final = (
    # RFC 9783: the EAT media type with the profile as its parameter. That of legacy tokens is a
    # name for the parameter only, and stands in no token.
    _evidence('application/eat+cwt; eat_profile="tag:psacertified.org,2023:psa#tfm"', RFC_9783.name),
    _evidence(
        'application/eat+cwt; eat_profile="tag:psacertified.org,2019:psa#legacy"', PSA_IOT_PROFILE_1.name
    ),
    _evidence('application/eat-cwt; profile="http://arm.com/psa/2.0.0"', PSA_2_0_0.name),
    # Veraison, PSA_IOT: the type of the first drafts, whatever the profile.
    _evidence("application/psa-attestation-token", PSA_IOT_PROFILE_1.name, PSA_2_0_0.name, RFC_9783.name),
    # Veraison, ARM_CCA: one type for tokens of all years, named after the first profile.
    _evidence('application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"', COLLECTION),
    _evidence(f'application/eat+cwt; eat_profile="{CCA_PLATFORM.name}"', CCA_PLATFORM.name),
    _evidence(f'application/eat+cwt; eat_profile="{CCA_PLATFORM_LEGACY.name}"', CCA_PLATFORM_LEGACY.name),
)
"""In the order in which an attester should prefer them."""
_BY_TYPE: Final = {parse_media_type(kind.text): kind for kind in EVIDENCE_TYPES}
ACCEPT: Final = tuple(kind.text for kind in EVIDENCE_TYPES)


def find_evidence_type(text: str) -> EvidenceType | None:
    """The row of a Content-Type, however it is spelled. Raises MediaTypeError."""
    return _BY_TYPE.get(parse_media_type(text))


def token_profile(token: bytes) -> str | None:
    """What a token says of itself: its profile, or that it is a CCA collection. None where it says nothing.

    Nothing of it is judged yet.
    """
    try:
        decoded = decode(token)
    except TokenUnreadable:
        return None
    if isinstance(decoded.dissected, Collection):
        return COLLECTION
    profile = decoded.parts[0].profile if decoded.parts else None
    return profile.name if profile is not None else None


def media_types_of(token: bytes) -> tuple[str, ...]:
    """As what a token can be sent, the most telling first; empty for one of no known profile."""
    profile = token_profile(token)
    return tuple(kind.text for kind in EVIDENCE_TYPES if profile in kind.profiles)


def accepts(accept: str | None, *offered: str) -> bool:
    """RFC 9110 12.5.1: whether an Accept field takes one of the types offered; without a field, all."""
    if accept is None or not accept.strip():
        return True
    for entry in accept.split(","):
        essence, *parameters = (part.strip().lower() for part in entry.split(";"))
        if any(re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters):
            continue
        if essence == "*/*" or any(essence in (one, f"{one.partition('/')[0]}/*") for one in offered):
            return True
    return False
