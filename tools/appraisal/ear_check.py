"""Checking an attestation result, as a relying party does: signature, form, structure, rules.

The profile claim chooses the names; unknown claims are ignored, as draft-ietf-rats-ear 4 has it.
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.api_jws import PyJWS

from ...interface.errors import ExitCode, TfmSimError
from ..verifier.keys import EcKey, KeySource, load_key
from ..verifier.verdict import Json
from .ar4si import VALUE_MAX, VALUE_MIN, Member, Tier, TrustClaim, TrustVector
from .ear import ALGORITHMS, NAMES, EarForm, Names, VerifierId

MAX_SIZE: Final = 1 << 20
_ALIASES: Final = {"tag:github.com,2024:confidential-containers/Trustee": EarForm.LIBRARY}
FORMS: Final[Mapping[str, EarForm]] = {**{names.profile: form for form, names in NAMES.items()}, **_ALIASES}
_TIERS: Final = {tier.label: tier for tier in Tier}
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_NONCE_TEXT: Final = range(8, 89)
_NONCE_BYTES: Final = range(8, 65)
_MAX_DEPTH: Final = 64
# The library also reads a member's value as a tag; the same word means the same in every member.
_TAGS: Final[Mapping[str, int]] = {
    "verifier_malfunction": -1,
    "no_claim": 0,
    "unexected_evidence": 1,  # so spelled by the library
    "unexpected_evidence": 1,
    "crypto_failed": 99,
    **dict.fromkeys(("recognized_instance", "approved_config", "approved_rt", "approved_fs"), 2),
    **dict.fromkeys(("genuine_hw", "encrypted_rt", "hw_encrypted_secrets", "trusted_sources"), 2),
    **dict.fromkeys(("safe_config", "approved_boot"), 3),
    **dict.fromkeys(("unsafe_config", "unsafe_rt", "unrecognized_fs", "unsafe_hw", "isolated_rt"), 32),
    **dict.fromkeys(("sw_encrypted_secrets", "untrusted_sources"), 32),
    "unrecognized_rt": 33,
    **dict.fromkeys(("untrustworthy_instance", "unsupportable_config", "contraindicated_rt"), 96),
    **dict.fromkeys(("contraindicated_fs", "contraindicated_hw", "visible_rt", "unencrypted_secrets"), 96),
    "contraindicated_sources": 96,
    **dict.fromkeys(("unrecognized_instance", "unrecognized_hw"), 97),
}


class EarInvalid(TfmSimError):
    """The bytes are no attestation result that may be relied upon."""

    exit_code = ExitCode.NO


@dataclass(frozen=True, slots=True)
class EarSubmod:
    """One attester's part of a result."""

    name: str
    status: Tier
    vector: TrustVector | None
    policy_ids: tuple[str, ...]
    extensions: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Ear:
    """A result that keeps the rules. ``nonce`` is None where there is none that base64url can say."""

    form: EarForm
    profile: str
    iat: int
    exp: int | None
    verifier: VerifierId
    nonce: bytes | None
    raw_evidence: bytes | None
    submods: tuple[EarSubmod, ...]
    claims: Mapping[str, Json]

    @property
    def status(self) -> Tier:
        """The worst of the submods; none if one of them says nothing and no other is bad."""
        tiers = {part.status for part in self.submods}
        worst = max(tiers)
        return Tier.NONE if Tier.NONE in tiers and worst == Tier.AFFIRMING else worst


def check_ear(
    token: str | bytes, key: KeySource, *, nonce: bytes | None = None, now: int | None = None
) -> Ear:
    """Verify a JWT with the verifier's public key, then read it as an attestation result.

    ``nonce`` is what eat_nonce must say; ``now``, seconds since 1970, is held against exp. Any bytes end in
    an Ear or in EarInvalid. Raises KeyUnusable for ``key``, which must be an EC key: the algorithm is the
    key's own, whatever the header asks for.
    """
    public = load_key(key)
    if not isinstance(public, EcKey):
        raise EarInvalid("key: found a symmetric key; legal: an EC key on P-256, P-384 or P-521")
    algorithm = ALGORITHMS[public.curve.curve.name]
    data = _compact(token)
    try:
        payload = PyJWS().decode_complete(data, public.public, algorithms=[algorithm])["payload"]
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise EarInvalid(f"signature: {error}; legal: {algorithm} by this key") from None
    except jwt.InvalidTokenError as error:
        raise EarInvalid(f"this is no JWT: {error}") from None
    except Exception as error:  # whatever a library makes of arbitrary bytes
        raise EarInvalid(f"this is no JWT: {type(error).__name__}") from None
    ear = read_ear(_parse(payload))
    if nonce is not None and ear.nonce != nonce:
        found = ear.nonce.hex() if ear.nonce is not None else "none"
        raise EarInvalid(f"eat_nonce: found {found}; legal: {nonce.hex()}")
    if now is not None and ear.exp is not None and now >= ear.exp:
        raise EarInvalid(f"exp: it expired at {ear.exp}, now is {now}")
    return ear


def read_unverified(token: str | bytes) -> Ear:
    """The result in a JWT whose signature nobody checked: for looking at only. Raises EarInvalid."""
    parts = _compact(token).split(b".")
    if len(parts) != 3:
        raise EarInvalid(f"this is no JWT: found {len(parts)} parts; legal: 3")
    payload = _from_base64url(parts[1].decode("ascii", "replace"))
    if payload is None:
        raise EarInvalid("this is no JWT: its payload is no base64url")
    return read_ear(_parse(payload))


def _compact(token: str | bytes) -> bytes:
    data = token.encode("utf-8", "replace") if isinstance(token, str) else token
    data = data.strip()
    if len(data) > MAX_SIZE:
        raise EarInvalid(f"found {len(data)} bytes; legal: at most {MAX_SIZE}")
    return data


def _parse(payload: bytes) -> dict[str, Json]:
    try:
        claims = json.loads(
            payload, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except EarInvalid:
        raise
    except (ValueError, RecursionError):
        raise EarInvalid("the payload is no JSON") from None
    if not isinstance(claims, dict):
        raise EarInvalid(f"the payload is a JSON {type(claims).__name__}; legal: an object")
    _check_depth(claims)
    return claims


def _check_depth(claims: Json) -> None:
    """Level by level, as whoever prints it goes down in calls and may run out of them."""
    level = [claims]
    for _ in range(_MAX_DEPTH):
        inner: list[Json] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = inner
    if level:
        raise EarInvalid(f"the payload is nested deeper than {_MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EarInvalid("a claim occurs twice in one object; legal: once")
    return found


def _finite(text: str) -> float:
    """A number that fits a double: infinity could not be written as JSON again."""
    value = float(text)
    if math.isinf(value):
        raise EarInvalid(f"the number {text[:40]} is too large")
    return value


def _no_constant(name: str) -> None:
    raise EarInvalid(f"{name} is no JSON number")


def read_ear(claims: Mapping[str, Json]) -> Ear:
    """A claims set by the rules of its profile. Raises EarInvalid with the first one that it breaks."""
    profile = claims.get("eat_profile")
    form = FORMS.get(profile) if isinstance(profile, str) else None
    if form is None or not isinstance(profile, str):
        raise EarInvalid(f"eat_profile: found {_shown(profile)}; legal: {', '.join(FORMS)}")
    names = NAMES[form]
    iat = _time(claims, "iat")
    if iat is None:
        raise EarInvalid("iat: missing; legal: whole seconds since 1970")
    exp = _time(claims, "exp")
    verifier = _verifier(claims, names)
    submods = claims.get("submods")
    if not isinstance(submods, dict) or not submods:
        raise EarInvalid(f"submods: found {_shown(submods)}; legal: an object of one or more appraisals")
    parts = tuple(_submod(name, content, form) for name, content in submods.items())
    ear = Ear(
        form=form,
        profile=profile,
        iat=iat,
        exp=exp,
        verifier=verifier,
        nonce=_nonce(claims, form, "eat_nonce"),
        raw_evidence=_raw_evidence(claims, names),
        submods=parts,
        claims=claims,
    )
    if form is EarForm.DRAFT_03 and names.claim("status") in claims:
        overall = _tier(claims, names.claim("status"), form)
        worst = max(part.status for part in parts)
        if _better(overall, worst):
            raise EarInvalid(f"ear_status: found {overall.label}; legal: no better than {worst.label}")
    return ear


def _submod(name: str, content: Json, form: EarForm) -> EarSubmod:
    where, names = f"submods[{name}]", NAMES[form]
    if not isinstance(content, dict):
        raise EarInvalid(f"{where}: found {_shown(content)}; legal: an object")
    try:
        status = _tier(content, names.claim("status"), form)
        vector = _vector(content, names.claim("trustworthiness-vector"), form)
        if vector is not None and _better(status, vector.worst):
            text = f"found {status.label}; legal: no better than {vector.worst.label}, its worst claim"
            raise EarInvalid(f"{names.claim('status')}: {text}")
        policy_ids = _policy_ids(content, names)
        extensions = _extensions(content, names)
        if form is EarForm.DRAFT_03:
            _nonce(content, form, "eat_nonce")
            if not isinstance(content.get("eat_profile", ""), str):
                raise EarInvalid(f"eat_profile: found {_shown(content['eat_profile'])}; legal: text")
    except EarInvalid as error:
        raise EarInvalid(f"{where}: {error}") from None
    return EarSubmod(name, status, vector, policy_ids, extensions)


def _better(status: Tier, worst: Tier) -> bool:
    """More trust than the worst claim allows. To say nothing is no more than to affirm."""
    return status < worst and not (status is Tier.NONE and worst is Tier.AFFIRMING)


def _tier(claims: Mapping[str, Json], name: str, form: EarForm) -> Tier:
    value = claims.get(name)
    if isinstance(value, str) and value in _TIERS:
        return _TIERS[value]
    if form is EarForm.LIBRARY and type(value) is int and value in set(Tier):  # as python-ear writes it
        return Tier(value)
    raise EarInvalid(f"{name}: found {_shown(value)}; legal: {', '.join(_TIERS)}")


def _vector(claims: Mapping[str, Json], name: str, form: EarForm) -> TrustVector | None:
    if name not in claims:
        return None
    content = claims[name]
    if not isinstance(content, dict) or (form is EarForm.DRAFT_03 and not content):
        raise EarInvalid(f"{name}: found {_shown(content)}; legal: an object of trustworthiness claims")
    labels = {member.label: member for member in Member}
    found = {}
    for label, value in content.items():
        if label not in labels:
            raise EarInvalid(f"{name}: found {label!r}; legal: {', '.join(labels)}")
        if value is None and form is EarForm.LIBRARY:
            continue  # python-ear writes null for a member that says nothing, and the Go library reads it so
        found[labels[label]] = TrustClaim(_value(f"{name}.{label}", value, form))
    return TrustVector.of(found)


def _value(where: str, value: Json, form: EarForm) -> int:
    if isinstance(value, str) and form is EarForm.LIBRARY:
        value = int(value) if re.fullmatch(r"[-+]?[0-9]{1,3}", value) else _TAGS.get(value, value)
    if type(value) is not int or not VALUE_MIN <= value <= VALUE_MAX:
        raise EarInvalid(f"{where}: found {_shown(value)}; legal: {VALUE_MIN}..{VALUE_MAX}")
    return value


def _verifier(claims: Mapping[str, Json], names: Names) -> VerifierId:
    name = names.claim("verifier-id")
    match claims.get(name):
        case {"developer": str(developer), "build": str(build), **rest} if not rest:
            return VerifierId(developer, build)
        case found:
            raise EarInvalid(f"{name}: found {_shown(found)}; legal: an object of developer and build")


def _policy_ids(claims: Mapping[str, Json], names: Names) -> tuple[str, ...]:
    name = names.claim(names.policy)
    if name not in claims:
        return ()
    match claims[name], names.policy_is_list:
        case str(text), False:
            return (text,)
        case [_, *_] as texts, True if all(isinstance(text, str) for text in texts):
            return tuple(str(text) for text in texts)
        case found, is_list:
            legal = "a list of one or more texts" if is_list else "text"
            raise EarInvalid(f"{name}: found {_shown(found)}; legal: {legal}")


def _extensions(claims: Mapping[str, Json], names: Names) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name in ("veraison.annotated-evidence", "veraison.policy-claims", "veraison.key-attestation"):
        content = claims.get(names.claim(name))
        if content is None:
            continue
        if not isinstance(content, dict):
            raise EarInvalid(f"{names.claim(name)}: found {_shown(content)}; legal: an object")
        found[name] = content
    return found


def _nonce(claims: Mapping[str, Json], form: EarForm, name: str) -> bytes | None:
    """The library looks at the text's length only; the draft wants 8 to 64 bytes in base64url."""
    if name not in claims:
        return None
    text = claims[name]
    legal = "base64url of 8 to 64 bytes"
    if not isinstance(text, str) or len(text) not in _NONCE_TEXT:
        raise EarInvalid(f"{name}: found {_shown(text)}; legal: {legal}")
    nonce = _from_base64url(text)
    if form is not EarForm.LIBRARY and (nonce is None or len(nonce) not in _NONCE_BYTES):
        raise EarInvalid(f"{name}: found {_shown(text)}; legal: {legal}")
    return nonce


def _raw_evidence(claims: Mapping[str, Json], names: Names) -> bytes | None:
    name = names.claim("raw-evidence")
    if name not in claims:
        return None
    text = claims[name]
    found = _from_base64url(text) if isinstance(text, str) and "=" not in text else None
    if found is None:
        raise EarInvalid(f"{name}: found {_shown(text)}; legal: base64url without padding")
    return found


def _time(claims: Mapping[str, Json], name: str) -> int | None:
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise EarInvalid(f"{name}: found {_shown(value)}; legal: whole seconds since 1970")
    return value


def _from_base64url(text: str) -> bytes | None:
    if not _BASE64URL.fullmatch(text) or len(text.rstrip("=")) % 4 == 1:
        return None
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _shown(value: Json) -> str:
    """A value as a message shows it, cut where it is long."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
