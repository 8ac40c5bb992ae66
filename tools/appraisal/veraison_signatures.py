"""How Veraison verifies: go-cose's rules and its words, and the order of ccatoken.

Beside this package's own verifier it lets an ECDSA algorithm go with a key on any curve: the header's
algorithm gives the hash, the key its curve.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ..verifier import cbor
from ..verifier.cca import RAK_HASH, Binding, carried_octets, judge_binding
from ..verifier.cose import to_be_authenticated
from ..verifier.decode import DecodedPart
from ..verifier.envelope import HEADER_ALG, CoseKind, Envelope
from ..verifier.findings import Finding
from ..verifier.keys import EcKey, Key
from ..verifier.profiles import CCA_REALM_2023
from .evidence import Evidence
from .veraison_claims import KeyOffCurve, carried_by_realm

VERIFICATION_ERROR: Final = "verification error"
_NOT_FOUND: Final = "unable to get verification algorithm: algorithm not found"
_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    -7: hashes.SHA256(),
    -35: hashes.SHA384(),
    -36: hashes.SHA512(),
}
_ECDSA_NAMES: Final = {-7: "ES256", -35: "ES384", -36: "ES512"}
_OF_OTHER_KEYS: Final = {-37: "PS256", -38: "PS384", -39: "PS512", -8: "EdDSA"}
_RSA_PKCS1: Final = {-257: "RS256", -258: "RS384", -259: "RS512"}
_HASHES_ONLY: Final = {-16: "SHA-256", -43: "SHA-384", -44: "SHA-512"}
_BINDING_HASHES: Final = ("sha-224", "sha-256", "sha-384", "sha-512")


def why_not_verified(envelope: Envelope, key: Key | KeyOffCurve) -> str | None:
    """go-cose's complaint about a COSE_Sign1 and a public key; None if the signature holds."""
    item = envelope.protected.get(HEADER_ALG) if envelope.protected else None
    if item is None:
        return _NOT_FOUND
    if isinstance(item, cbor.Text):
        return f'unable to get verification algorithm: Algorithm("{item.value}"): algorithm not supported'
    assert isinstance(item, cbor.Int)  # go-cose decodes no other
    problem = _unfit(item.value, key)
    if problem is not None:
        return f"unable to instantiate verifier: {problem}"
    assert isinstance(key, EcKey)
    return None if _holds(envelope, item.value, key) else VERIFICATION_ERROR


def _unfit(algorithm: int, key: Key | KeyOffCurve) -> str | None:
    """Why go-cose makes no verifier of an algorithm and a key."""
    if algorithm in _OF_OTHER_KEYS or (algorithm in _HASHES and not isinstance(key, (EcKey, KeyOffCurve))):
        return f"{(_OF_OTHER_KEYS | _ECDSA_NAMES)[algorithm]}: invalid public key"
    if algorithm in _HASHES:
        if isinstance(key, KeyOffCurve):
            curve = key.curve.label.replace("-", "")
            return f"{_ECDSA_NAMES[algorithm]}: invalid public key: {curve} point not on curve"
        return None
    name, why = f"Algorithm({algorithm})", "unknown algorithm"
    if algorithm == 0:
        name, why = "Reserved", "can't be implemented"
    elif algorithm in _RSA_PKCS1:
        name, why = _RSA_PKCS1[algorithm], "no built-in implementation available"
    elif algorithm in _HASHES_ONLY:
        name = _HASHES_ONLY[algorithm]
    return f"can't create new Verifier for {name}: {why}: algorithm not supported"


def _holds(envelope: Envelope, algorithm: int, key: EcKey) -> bool:
    half = key.curve.size
    if len(envelope.signature) != 2 * half:
        return False
    r, s = (int.from_bytes(part, "big") for part in (envelope.signature[:half], envelope.signature[half:]))
    signed = to_be_authenticated(envelope, CoseKind.SIGN1)
    try:
        key.public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_HASHES[algorithm]))
    except InvalidSignature:
        return False
    return True


def why_not_psa(part: DecodedPart, key: Key) -> str | None:
    """psatoken Verify."""
    problem = why_not_verified(part.envelope, key)
    return f"signature verification failed: {problem}" if problem == VERIFICATION_ERROR else problem


def why_not_cca(platform: DecodedPart, realm: DecodedPart, key: Key) -> str | None:
    """ccatoken Verify: the platform's signature, the realm's profile, its signature, the bond."""
    problem = why_not_verified(platform.envelope, key)
    if problem is not None:
        return f"unable to verify platform token: {problem}"
    claims = realm.envelope.claims or cbor.EMPTY_MAP
    profile = claims.get(CCA_REALM_2023.profile_key)
    if isinstance(profile, cbor.Text) and profile.value != CCA_REALM_2023.name:
        expected = f'wrong profile: expecting "{CCA_REALM_2023.name}"'
        return f'extracting realm profile: {expected}, got "{profile.value}"'
    carried_key = carried_by_realm(realm)
    assert not isinstance(carried_key, Finding)  # ended while it was decoded
    problem = why_not_verified(realm.envelope, carried_key)
    if problem is not None:
        return f"unable to verify realm token: {problem}"
    named = claims.get(RAK_HASH)
    if isinstance(named, cbor.Text) and named.value not in _BINDING_HASHES:
        unknown = f'mapping RAK hash algorithm: hash algorithm "{named.value}" not known'
        return f"binding verification failed: computing binder: {unknown}"
    nonce, carried = Evidence.of(platform).item("nonce"), carried_octets(realm.envelope)
    if any(judge_binding(nonce, carried, named, Binding("realm", hash_by_size=False))):
        return "binding verification failed: platform nonce does not match RAK hash"
    return None
