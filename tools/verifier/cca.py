"""The bond between the two tokens of a CCA collection: the realm's key (RAK) and who vouches for it."""

import hashlib
import hmac
from collections.abc import Iterator

from . import cbor
from .envelope import describe
from .findings import Finding, Kind
from .keys import Curve, EcKey, KeyUnusable, from_point
from .profiles import CCA_PLATFORM_LEGACY, CCA_REALM_LEGACY, Profile

NONCE, RAK, RAK_HASH = 10, 44237, 44240
_HASHES = {"sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
_KTY, _EC2, _CRV, _X, _Y = 1, 2, -1, -2, -3


def realm_key(claims: cbor.Map, profile: Profile) -> EcKey | Finding:
    """The key that signs the realm token: a bare point without a profile claim, else a COSE_Key."""
    item = claims.get(RAK)
    if not isinstance(item, cbor.Bytes):
        found = "missing" if item is None else f"found {describe(item)}"
        return _bad_rak(f"{found}; legal: a byte string")
    if profile is not CCA_REALM_LEGACY:
        return _from_cose_key(item.value)
    try:
        return from_point(item.value)
    except KeyUnusable:
        return _bad_rak(f"{len(item.value)} bytes are no uncompressed point on P-256, P-384 or P-521")


def judge_binding(platform: cbor.Map, realm: cbor.Map) -> Iterator[Finding]:
    """The platform's nonce is the hash of the realm's key claim as carried, by the hash that 44240 names."""
    nonce, key, named = platform.get(NONCE), realm.get(RAK), realm.get(RAK_HASH)
    if not isinstance(named, cbor.Text) or named.value not in _HASHES:
        found = "missing" if named is None else repr(cbor.plain(named))
        text = f"the hash of the realm key: {found}; legal: {', '.join(_HASHES)}"
        yield Finding(Kind.BINDING_HASH, text, f"realm claim {RAK_HASH}")
        return
    if not isinstance(nonce, cbor.Bytes) or not isinstance(key, cbor.Bytes):
        text = "nothing binds the realm token to the platform token: its nonce or the realm's key is no bytes"
        yield Finding(Kind.BINDING_MISMATCH, text, f"platform claim {NONCE}")
        return
    digest = hashlib.new(_HASHES[named.value], key.value).digest()
    if not hmac.compare_digest(digest, nonce.value):
        text = (
            f"found {nonce.value.hex()}; legal: {digest.hex()}, the {named.value} of the realm's public key"
        )
        yield Finding(Kind.BINDING_MISMATCH, text, f"platform claim {NONCE}")


def judge_pairing(platform: Profile, realm: Profile) -> Iterator[Finding]:
    """A platform token of the legacy profile is older than any realm token that names a profile."""
    if platform is CCA_PLATFORM_LEGACY and realm is not CCA_REALM_LEGACY:
        text = f"{platform.name} beside {realm.name}; legal: a realm token without profile claim"
        yield Finding(Kind.PROFILE_PAIRING, text, "collection")


def _from_cose_key(data: bytes) -> EcKey | Finding:
    try:
        reading = cbor.examine(data)
    except cbor.CborError as error:
        return _bad_rak(f"no COSE_Key: {error.finding}")
    item = reading.item
    if item.end != len(data):
        return _bad_rak(f"{len(data) - item.end} bytes behind the COSE_Key")
    if not isinstance(item, cbor.Map):
        return _bad_rak(f"found {describe(item)}; legal: a COSE_Key map")
    if reading.repeated:
        return _bad_rak("the COSE_Key repeats a key")
    match [item.get(label) for label in (_KTY, _CRV, _X, _Y)]:
        case [cbor.Int(value=2), cbor.Int(value=crv), cbor.Bytes(value=x), cbor.Bytes(value=y)]:
            curve = next((curve for curve in Curve if curve.cose_id == crv), None)
        case _:
            return _bad_rak("legal: an EC2 COSE_Key with curve, X and Y")
    if curve is None or len(x) != curve.size or len(y) != curve.size:
        return _bad_rak(f"curve {crv} with coordinates of {len(x)} and {len(y)} bytes")
    try:
        return from_point(b"\x04" + x + y)
    except KeyUnusable:
        return _bad_rak(f"the point is not on {curve.label}")


def _bad_rak(text: str) -> Finding:
    return Finding(Kind.RAK_INVALID, text, f"realm claim {RAK}")
