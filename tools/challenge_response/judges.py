"""What a verifier with sessions makes of evidence, by `tools.appraisal`; and the key of its results."""

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import TfmSimError
from ..appraisal import DEFAULT_POLICY, EarForm, Mode, Policy, VerifierId, appraise, sign_ear
from ..appraisal.ear import ALGORITHMS, DEFAULT_VERIFIER
from ..endorsements import Endorsements
from ..verifier import Key, TokenUnreadable, cbor, decode
from ..verifier.trust import TrustAnchor, TrustAnchorUnusable

NOTHING_ENDORSED: Final = Endorsements()
_CURVES: Final = {"secp256r1": ("P-256", 32), "secp384r1": ("P-384", 48), "secp521r1": ("P-521", 66)}


class JwkUnusable(TfmSimError):
    """A verifier's public key that is none."""


@dataclass(frozen=True, slots=True)
class EarJudge:
    """Appraises evidence and signs the result as an EAR.

    ``trusted`` is a key that is believed for whatever device the evidence names, beside the endorsements'
    trust anchors; None for a verifier that knows its devices.
    """

    signing_key: ec.EllipticCurvePrivateKey
    endorsements: Endorsements = NOTHING_ENDORSED
    trusted: Key | None = None
    policy: Policy = DEFAULT_POLICY
    mode: Mode = Mode.DEFAULT
    form: EarForm = EarForm.LIBRARY
    verifier: VerifierId = DEFAULT_VERIFIER

    def __call__(self, evidence: bytes, media_type: str, nonce: bytes, now: float) -> str:
        """The result as a JWT, issued at the whole second of ``now``."""
        appraisal = appraise(
            evidence,
            self._endorsements_for(evidence),
            self.policy,
            mode=self.mode,
            challenge=nonce,
            media_type=media_type if self.mode is Mode.VERAISON else None,
        )
        claims = appraisal.as_ear(self.form, iat=int(now), verifier=self.verifier)
        return sign_ear(claims, self.signing_key)

    def _endorsements_for(self, evidence: bytes) -> Endorsements:
        if self.trusted is None:
            return self.endorsements
        try:
            implementation_id, instance_id = ids_of(evidence)
            anchor = TrustAnchor(implementation_id, instance_id, self.trusted)
        except (TokenUnreadable, TrustAnchorUnusable):
            return self.endorsements  # no anchor fits such a token, and the appraisal says so
        known = any(
            (one.implementation_id, one.instance_id) == (implementation_id, instance_id)
            for one in self.endorsements.trust_anchors
        )
        return self.endorsements if known else replace(self.endorsements, trust_anchors=(anchor,))


def ids_of(evidence: bytes) -> tuple[bytes, bytes]:
    """What a token says whose it is: implementation id and instance id, empty where it says nothing.

    Raises TokenUnreadable.
    """
    part = decode(evidence).parts[0]  # the platform's, in a collection
    found = []
    for name in ("implementation-id", "instance-id"):
        claim = part.profile.claim(name) if part.profile is not None else None
        item = part.envelope.claims.get(claim.key) if claim and part.envelope.claims else None
        found.append(item.value if isinstance(item, cbor.Bytes) else b"")
    return found[0], found[1]


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """RFC 7518 6.2.1: the public half, as a verifier's description has it."""
    name, size = _CURVES[key.curve.name]
    numbers = key.public_key().public_numbers()
    x, y = (_encode(number.to_bytes(size)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "alg": ALGORITHMS[key.curve.name], "crv": name, "x": x, "y": y}


def point_of_jwk(jwk: object) -> bytes:
    """The uncompressed point (04 || X || Y) of a JWK. Raises JwkUnusable."""
    try:
        if not isinstance(jwk, dict) or jwk.get("kty") != "EC":
            raise ValueError
        size = dict(_CURVES.values())[jwk["crv"]]
        x, y = (_decode(jwk[name], size) for name in ("x", "y"))
    except (KeyError, TypeError, ValueError):
        curves = ", ".join(name for name, _ in _CURVES.values())
        raise JwkUnusable(f"JWK: found {jwk!r:.200}; legal: an EC key on {curves}") from None
    return b"\x04" + x + y


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str, size: int) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError from None
    if len(data) != size:
        raise ValueError
    return data
