"""What Veraison's libraries take for valid claims: psatoken and ccatoken, as services pins them.

They differ from the profiles: any 32-bit client id, no RFC 9783 profile, no realm profile of 2024, the text
"verification service" never empty, hash names from a list. A collection holds CWTs that must be COSE_Sign1.
"""

import re
from dataclasses import replace
from typing import Final

from ..verifier import cbor
from ..verifier.cca import carried_key
from ..verifier.claims import EAT_PROFILE, judge_claims
from ..verifier.decode import DecodedPart
from ..verifier.envelope import CoseKind
from ..verifier.findings import Finding
from ..verifier.profiles import (
    CCA_PLATFORM,
    CCA_PLATFORM_LEGACY,
    CCA_REALM_2023,
    CCA_REALM_LEGACY,
    CERT_REF,
    COMPONENT_CLAIMS,
    HASH_SIZES,
    PSA_2_0_0,
    PSA_IOT_PROFILE_1,
    Profile,
)
from ..verifier.shapes import ByteString, Integer, ListOf, Shape, SubMap, TextString

_INT32: Final = Integer(((-0x80000000, 0x7FFFFFFF),))
_UINT: Final = Integer(((0, (1 << 64) - 1),))
_NOT_EMPTY: Final = TextString(r"(?s).+", "a text string, not empty")
_COMPONENTS: Final = ListOf(SubMap(COMPONENT_CLAIMS))
_MAYBE_COMPONENTS: Final = ListOf(SubMap(COMPONENT_CLAIMS), minimum=0)
_HASH_NAME: Final = TextString(
    "|".join(map(re.escape, ("md2", "md5", "sha-1", "sha-224", "sha-256", "sha-384", "sha-512")))
    + "|shake128|shake256",
    "the name of a hash function at IANA",
)
_RAW_P384: Final = ByteString((97,), prefix=b"\x04")


def _altered(profile: Profile, **shapes: Shape) -> Profile:
    """The profile's table with other shapes for some claims; underscores stand for hyphens."""
    changes = {name.replace("_", "-"): shape for name, shape in shapes.items()}
    claims = tuple(
        replace(claim, shape=changes[claim.name]) if claim.name in changes else claim
        for claim in profile.claims
    )
    return replace(profile, claims=claims, exactly_one=())


_PROFILE_1: Final = _altered(
    PSA_IOT_PROFILE_1,
    client_id=_INT32,
    software_components=_MAYBE_COMPONENTS,
    no_software_measurements=_UINT,
    verification_service=_NOT_EMPTY,
)
_PROFILE_2: Final = _altered(
    PSA_2_0_0,
    client_id=_INT32,
    certification_reference=CERT_REF,
    software_components=_COMPONENTS,
    verification_service=_NOT_EMPTY,
)
_PLATFORMS: Final = tuple(
    _altered(profile, verification_service=_NOT_EMPTY, platform_hash_algorithm=_HASH_NAME)
    for profile in (CCA_PLATFORM, CCA_PLATFORM_LEGACY)
)
_ANY_TEXT: Final = TextString()
_REALM_HASHES: Final[dict[str, Shape]] = {
    "extensible_measurements": ListOf(ByteString(HASH_SIZES)),
    "hash_algorithm": _NOT_EMPTY,
    "public_key_hash_algorithm": _ANY_TEXT,
}
_REALM: Final = _altered(CCA_REALM_2023, **_REALM_HASHES)
_REALM_LEGACY: Final = _altered(CCA_REALM_LEGACY, public_key=_RAW_P384, **_REALM_HASHES)


def problem_of_psa(part: DecodedPart) -> str | None:
    """Why psatoken would not decode and validate this token; None if it would."""
    claims = part.envelope.claims
    if claims is None or (problem := _problem_of_envelope(part)) is not None:
        return problem if claims is not None else "the payload is no map"
    name = claims.get(EAT_PROFILE)
    if name is not None and not (isinstance(name, cbor.Text) and name.value == _PROFILE_1.name):
        if not isinstance(name, cbor.Text) or name.value != PSA_2_0_0.name:
            return f"psatoken knows no profile {cbor.plain(name)!r}"
        return _problem_of_claims(claims, _PROFILE_2)
    text = claims.get(_PROFILE_1.profile_key)
    if isinstance(text, cbor.Text) and text.value != _PROFILE_1.name:
        return f"profile {text.value!r} with the keys of {_PROFILE_1.name}"
    return _problem_of_claims(claims, _PROFILE_1) or _problem_of_profile_1(claims)


def _problem_of_profile_1(claims: cbor.Map) -> str | None:
    """Components, or the word that there are none, and not both; an empty list counts as none."""
    found, none = claims.get(-75006), claims.get(-75007)
    some = isinstance(found, cbor.Array) and bool(found.items)
    if some == (none is not None):
        return "software components and no-software-measurements are " + ("both there" if some else "missing")
    return None


def problem_of_cca(platform: DecodedPart, realm: DecodedPart) -> str | None:
    """Why ccatoken would not decode and validate these two; None if it would."""
    for part in (platform, realm):
        if part.envelope.claims is None:
            return f"{part.name}: the payload is no map"
        if (problem := _problem_of_envelope(part)) is not None:
            return f"{part.name}: {problem}"
    claims = platform.envelope.claims or cbor.EMPTY_MAP
    name = claims.get(EAT_PROFILE)
    table = next((p for p in _PLATFORMS if isinstance(name, cbor.Text) and name.value == p.name), None)
    if table is None:
        return f"ccatoken knows no platform profile {cbor.plain(name) if name else None!r}"
    return _problem_of_claims(claims, table) or _problem_of_realm(realm)


def _problem_of_realm(realm: DecodedPart) -> str | None:
    claims = realm.envelope.claims or cbor.EMPTY_MAP
    name = claims.get(EAT_PROFILE)
    if name is None:
        table = _REALM_LEGACY
    elif isinstance(name, cbor.Text) and name.value == _REALM.name:
        table = _REALM
    else:
        return f"ccatoken knows no realm profile {cbor.plain(name)!r}"
    problem = _problem_of_claims(claims, table)
    key = carried_key(realm.envelope, CCA_REALM_LEGACY if table is _REALM_LEGACY else CCA_REALM_2023)
    return problem or (str(key) if isinstance(key, Finding) else None)


def _problem_of_envelope(part: DecodedPart) -> str | None:
    if part.envelope.kind is not CoseKind.SIGN1:
        return "found no COSE_Sign1"
    if not part.envelope.signature:
        return "the signature is empty"
    return next((str(problem) for problem in part.envelope.problems), None)


def _problem_of_claims(claims: cbor.Map, table: Profile) -> str | None:
    return next((str(reason) for reason in judge_claims(claims, table).reasons), None)
