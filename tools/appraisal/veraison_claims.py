"""What Veraison's libraries take for valid claims: psatoken and ccatoken, as services pins them.

They differ from the profiles: any 32-bit client id, no RFC 9783 profile, any URI as a realm's profile (which
only the verification looks at), the text "verification service" never empty, hash names from a list. A
collection holds CWTs that must be COSE_Sign1.
"""

import re
from dataclasses import dataclass, replace
from types import NoneType
from typing import Final

from ..verifier import cbor
from ..verifier.cca import RAK as _RAK
from ..verifier.cca import carried_key
from ..verifier.claims import EAT_PROFILE, judge_claims
from ..verifier.collection import PLATFORM_TOKEN, REALM_TOKEN
from ..verifier.decode import DecodedPart
from ..verifier.envelope import HEADER_ALG, CoseKind
from ..verifier.findings import Finding
from ..verifier.keys import Curve, EcKey
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
_LABELS: Final = (PLATFORM_TOKEN, REALM_TOKEN)
_RECORD_SIZE: Final = 2
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RAW_P384: Final = ByteString((97,), prefix=b"\x04")


def _altered(profile: Profile, /, **shapes: Shape) -> Profile:
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
_REALM_OF_ANY_NAME: Final = _altered(CCA_REALM_2023, profile=_ANY_TEXT, **_REALM_HASHES)
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


def psa_profile(claims: cbor.Map) -> Profile:
    """The one whose labels psatoken reads: told by 265 alone, and without that PSA_IOT_PROFILE_1."""
    name = claims.get(EAT_PROFILE)
    second = isinstance(name, cbor.Text) and name.value == PSA_2_0_0.name
    return PSA_2_0_0 if second else PSA_IOT_PROFILE_1


def problem_of_frames(token: bytes) -> str | None:
    """go-cose compares the first two bytes of a COSE_Sign1, and ccatoken's records have two members."""
    item = cbor.read(token)
    inside = item.content if isinstance(item, cbor.Tag) else item
    tokens = [token]
    if isinstance(inside, cbor.Map):
        values = [value for label in _LABELS if (value := inside.get(label)) is not None]
        records = [value for value in values if isinstance(value, cbor.Array)]
        if any(len(record.items) != _RECORD_SIZE for record in records):
            return "cannot decode CBOR array to struct with different number of elements"
        held = (value.items[1] if isinstance(value, cbor.Array) else value for value in values)
        tokens = [one.value for one in held if isinstance(one, cbor.Bytes)]
    return None if all(one[:2] == b"\xd2\x84" for one in tokens) else "invalid COSE_Sign1_Tagged object"


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
    if name is not None and not (isinstance(name, cbor.Text) and _URI.match(name.value or "")):
        return f"the realm's profile {cbor.plain(name)!r} is no absolute URI"
    problem = _problem_of_claims(claims, _REALM_LEGACY if name is None else _REALM_OF_ANY_NAME)
    if problem is not None:
        return problem
    key = carried_by_realm(realm)
    return str(key) if isinstance(key, Finding) else None


@dataclass(frozen=True, slots=True)
class KeyOffCurve:
    """A COSE_Key with a point that is not on its curve: ccatoken notices it as it verifies."""

    curve: Curve


def carried_by_realm(realm: DecodedPart) -> EcKey | KeyOffCurve | Finding:
    """The realm's key as ccatoken reads it: by whether there is a profile, whatever its name."""
    claims = realm.envelope.claims or cbor.EMPTY_MAP
    if claims.get(EAT_PROFILE) is None:
        return carried_key(realm.envelope, CCA_REALM_LEGACY)
    key = carried_key(realm.envelope, CCA_REALM_2023)
    item = claims.get(_RAK)
    if isinstance(key, Finding) and isinstance(item, cbor.Bytes):
        curve = _curve_of(item.value)
        return KeyOffCurve(curve) if curve is not None else key
    return key


def _curve_of(encoded: bytes) -> Curve | None:
    """The curve of an EC2 COSE_Key whose coordinates have its size."""
    try:
        key = cbor.examine(encoded).item
    except cbor.CborError:
        return None
    if not isinstance(key, cbor.Map) or key.end != len(encoded):
        return None
    match [key.get(label) for label in (1, -1, -2, -3)]:
        case [cbor.Int(value=2), cbor.Int(value=crv), cbor.Bytes(value=x), cbor.Bytes(value=y)]:
            return next((c for c in Curve if c.cose_id == crv and len(x) == len(y) == c.size), None)
        case _:
            return None


def _problem_of_envelope(part: DecodedPart) -> str | None:
    if part.envelope.kind is not CoseKind.SIGN1:
        return "found no COSE_Sign1"
    algorithm = part.envelope.protected.get(HEADER_ALG) if part.envelope.protected else None
    if not isinstance(algorithm, (cbor.Int, cbor.Text, NoneType)):
        return "header parameter: alg: require int / tstr type"
    if not part.envelope.signature:
        return "the signature is empty"
    return next((str(problem) for problem in part.envelope.problems), None)


def _problem_of_claims(claims: cbor.Map, table: Profile) -> str | None:
    return next((str(reason) for reason in judge_claims(claims, table).reasons), None)
