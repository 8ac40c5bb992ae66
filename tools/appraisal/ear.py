"""EAR: an appraisal as an EAT attestation result (draft-ietf-rats-ear), signed as a JWT.

Claim names moved: the library of Veraison, and with it its services, writes ``ear.status``; the draft writes
underscores since -03. The profile claim says which names a result has. No clock and no key is kept here.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..verifier.verdict import Json
from .ar4si import NO_CLAIM, AppraisalError, TrustVector

if TYPE_CHECKING:
    from .result import Appraisal, SubmodAppraisal

NONCE_SIZES: Final = range(8, 65)
ALGORITHMS: Final[Mapping[str, str]] = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
"""JWS algorithms by curve (RFC 7518 3.4)."""
KEY_LEGAL: Final = "a PEM private key on P-256, P-384 or P-521, without password"


class EarForm(StrEnum):
    """Which profile a result is written in."""

    LIBRARY = "library"  # veraison/ear, and draft -00
    DRAFT_02 = "draft-02"  # and -01
    DRAFT_03 = "draft-03"


@dataclass(frozen=True, slots=True)
class Names:
    """The spelling of one form: its profile and the names of its claims."""

    profile: str
    separator: str
    policy: str
    policy_is_list: bool = False

    def claim(self, name: str) -> str:
        """``verifier-id`` as ``ear.verifier-id`` or ``ear_verifier_id``."""
        return f"ear.{name}" if self.separator == "." else f"ear_{name}".replace("-", "_").replace(".", "_")


NAMES: Final[Mapping[EarForm, Names]] = {
    EarForm.LIBRARY: Names("tag:github.com,2023:veraison/ear", ".", "appraisal-policy-id"),
    EarForm.DRAFT_02: Names("tag:ietf.org,2025-07:ear", ".", "appraisal-policy-id"),
    EarForm.DRAFT_03: Names(
        "tag:ietf.org,2026:rats/ear#03", "_", "appraisal-policy-ids", policy_is_list=True
    ),
}


@dataclass(frozen=True, slots=True)
class VerifierId:
    """AR4SI 3.3: who answers for the verifier, and which build of it."""

    developer: str = "tfm-sim"
    build: str = "tfm-sim"


DEFAULT_VERIFIER: Final = VerifierId()


def ear_claims(
    appraisal: "Appraisal",
    form: EarForm = EarForm.LIBRARY,
    *,
    iat: int,
    verifier: VerifierId = DEFAULT_VERIFIER,
    exp: int | None = None,
    raw_evidence: bytes | None = None,
) -> dict[str, Json]:
    """The claims set in JSON form. ``iat`` and ``exp`` are seconds since 1970, whole ones.

    The challenge becomes eat_nonce in base64url with padding, as Veraison writes it; raw evidence has none.
    Raises AppraisalError for a challenge that is no EAT nonce (8 to 64 bytes) or an impossible time.
    """
    check_times(iat, exp)
    names = NAMES[form]
    claims: dict[str, Json] = {
        "eat_profile": names.profile,
        "iat": iat,
        names.claim("verifier-id"): {"developer": verifier.developer, "build": verifier.build},
        "submods": {part.name: _submod(part, form) for part in appraisal.submods},
    }
    if form is EarForm.DRAFT_03:
        claims[names.claim("status")] = appraisal.status.label
    if exp is not None:
        claims["exp"] = exp
    if appraisal.nonce is not None:
        claims["eat_nonce"] = encode_nonce(appraisal.nonce)
    if raw_evidence is not None:
        encoded = base64.urlsafe_b64encode(raw_evidence).decode("ascii")
        claims[names.claim("raw-evidence")] = encoded.rstrip("=")
    return claims


def check_times(iat: int, exp: int | None) -> None:
    """EAT 4.3.1: no fractions of seconds. Raises AppraisalError."""
    for name, time in (("iat", iat), ("exp", exp)):
        if time is not None and (type(time) is not int or time < 0):
            raise AppraisalError(f"{name}: found {time!r}; legal: whole seconds since 1970")


def encode_nonce(nonce: bytes) -> str:
    """An EAT nonce as JSON has it. Raises AppraisalError beyond 8 to 64 bytes."""
    if len(nonce) not in NONCE_SIZES:
        raise AppraisalError(f"a nonce of {len(nonce)} bytes; legal in an attestation result: 8 to 64")
    return base64.urlsafe_b64encode(nonce).decode("ascii")


def _submod(part: "SubmodAppraisal", form: EarForm) -> dict[str, Json]:
    names = NAMES[form]
    claims: dict[str, Json] = {
        names.claim("status"): part.status.label,
        names.claim("trustworthiness-vector"): {**_vector(part.vector, form)},
    }
    if part.policy_ids:
        joined = "/".join(part.policy_ids)
        claims[names.claim(names.policy)] = [*part.policy_ids] if names.policy_is_list else joined
    for name, content in (
        ("veraison.annotated-evidence", part.evidence),
        ("veraison.policy-claims", part.policy_claims),
    ):
        if content:
            claims[names.claim(name)] = dict(content)
    if form is EarForm.DRAFT_03:
        if part.profile is not None and ":" in part.profile:  # a URI; the legacy profile's name is none
            claims["eat_profile"] = part.profile
        if part.nonce is not None and len(part.nonce) in NONCE_SIZES:
            claims["eat_nonce"] = encode_nonce(part.nonce)
    return claims


def _vector(vector: TrustVector, form: EarForm) -> dict[str, int]:
    """The library writes all eight; the drafts' CDDL leaves members out, but not all of them."""
    made = {member.label: claim.value for member, claim in vector}
    claimed = {name: value for name, value in made.items() if value != NO_CLAIM}
    return made if form is EarForm.LIBRARY or not claimed else claimed


SigningKey = ec.EllipticCurvePrivateKey | bytes | str


def sign_ear(claims: Mapping[str, Json], key: SigningKey) -> str:
    """A JWT over the claims, ES256, ES384 or ES512 by the key's curve; ``key`` may be PEM.

    Raises AppraisalError for a key that cannot sign.
    """
    private = load_signing_key(key)
    return jwt.encode(dict(claims), private, algorithm=ALGORITHMS[private.curve.name])


def load_signing_key(key: SigningKey) -> ec.EllipticCurvePrivateKey:
    """The private key of a verifier. Raises AppraisalError."""
    if isinstance(key, bytes | str):
        data = key.encode() if isinstance(key, str) else key
        try:
            loaded = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
            raise AppraisalError(f"signing key: cannot be read; legal: {KEY_LEGAL}") from None
    else:
        loaded = key
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name not in ALGORITHMS:
        raise AppraisalError(f"signing key: found {type(loaded).__name__}; legal: {KEY_LEGAL}")
    return loaded
