"""The bond between two tokens: the key that signs the one, and the other that vouches for it.

CCA's realm token carries the realm's key (RAK), and the platform token's nonce is that key's hash. Any
token that is signed with a key of delegated attestation is bound in the same way.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor
from .envelope import Envelope, describe
from .findings import Finding, Kind
from .keys import Curve, EcKey, KeyUnusable, from_point
from .options import Options
from .profiles import CCA_PLATFORM_LEGACY, CCA_REALM_LEGACY, DELEGATED, Family, Profile

CONFIRMATION, RAK, RAK_HASH, DEVICES_HASH = 8, 44237, 44240, 44257
_HASHES = {"sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
_HASH_OF_SIZE = {32: "sha-256", 48: "sha-384", 64: "sha-512"}
_KTY, _EC2, _CRV, _X, _Y = 1, 2, -1, -2, -3
CONTENT_UCCS = 601  # CoAP content format of application/uccs+cbor
_UCCS_TAG = 601


def carried_octets(envelope: Envelope) -> bytes | None:
    """What the hash of the key inside a token is taken over: the claim's bytes as they were sent.

    Of a confirmation (RFC 8747 3.1: {1: COSE_Key}) it is the COSE_Key as the payload encodes it.
    """
    match envelope.claims.get(RAK) if envelope.claims else None:
        case cbor.Bytes(value=octets):
            return octets
        case None:
            inner = _confirmed(envelope)
            return envelope.payload[inner.start : inner.end] if inner is not None else None
        case _:
            return None


def carried_key(envelope: Envelope, profile: Profile) -> EcKey | Finding:
    """The key inside a token that must have signed it: a COSE_Key; in a realm token without profile a point.

    A token of a delegated key may have either, or an RFC 8747 confirmation with a COSE_Key.
    """
    claims = envelope.claims
    if claims is None:
        return _bad_key("the payload is no map")
    if profile.family is Family.DELEGATED and RAK not in claims:
        inner = _confirmed(envelope)
        if inner is None:
            return _bad_key("the confirmation (8) has no COSE_Key under 1", CONFIRMATION)
        return _from_cose_key(inner)
    item = claims.get(RAK)
    if not isinstance(item, cbor.Bytes):
        found = "missing" if item is None else f"found {describe(item)}"
        return _bad_key(f"{found}; legal: a byte string")
    bare = profile == CCA_REALM_LEGACY or (profile == DELEGATED and item.value[:1] == b"\x04")
    return _from_point(item.value) if bare else _from_encoded(item.value)


def judge_binding(
    nonce: cbor.Item | None, carried: bytes | None, named: cbor.Item | None, binding: "Binding"
) -> Iterator[Finding]:
    """The platform's nonce is the hash of the key as carried, by the hash that 44240 names.

    Only where that claim may be absent does the nonce's size choose between SHA-256, -384 and -512.
    """
    octets = nonce.value if isinstance(nonce, cbor.Bytes) else None
    name = named.value if isinstance(named, cbor.Text) else None
    if named is None and binding.hash_by_size and octets is not None:
        name = _HASH_OF_SIZE.get(len(octets))
    if name not in _HASHES:
        found = "missing" if named is None else repr(cbor.plain(named))
        text = f"the hash of the {binding.signer} key: {found}; legal: {', '.join(_HASHES)}"
        yield Finding(Kind.BINDING_HASH, text, f"{binding.signer} claim {RAK_HASH}")
        return
    if octets is None or carried is None:
        text = f"nothing binds the {binding.signer} token to the platform token: no nonce or no key"
        yield Finding(Kind.BINDING_MISMATCH, text, "platform nonce")
        return
    digest = hashlib.new(_HASHES[name], carried).digest()
    if not hmac.compare_digest(digest, octets):
        text = f"found {octets.hex()}; legal: {digest.hex()}, the {name} of the {binding.signer}'s public key"
        yield Finding(Kind.BINDING_MISMATCH, text, "platform nonce")


@dataclass(frozen=True, slots=True)
class Binding:
    """Who is bound, for the messages, and whether the hash may go unnamed."""

    signer: str
    hash_by_size: bool


def judge_caller(client_id: int | None) -> Iterator[Finding]:
    """TF-M attest_core: a PSA token says who asked for it, which is the delegated attestation service (277).

    A client of the non-secure side may ask for a token over any challenge, the hash of any key as well.
    """
    if client_id is not None and client_id < 0:
        text = f"client {client_id} of the non-secure side asked for it: it may bind any key it likes"
        yield Finding(Kind.BINDING_CLIENT, text, "platform client-id")


def judge_pairing(platform: Profile, realm: Profile) -> Iterator[Finding]:
    """A platform token of the legacy profile is older than any realm token that names a profile."""
    if platform == CCA_PLATFORM_LEGACY and realm.family is Family.REALM and realm != CCA_REALM_LEGACY:
        text = f"{platform.name} beside {realm.name}; legal: a realm token without profile claim"
        yield Finding(Kind.PROFILE_PAIRING, text, "collection")


def judge_device_token(
    entry: cbor.Item | None, realm: cbor.Map, options: Options
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """(reasons, warnings) about the assigned devices' unsigned token, for which only a hash vouches."""
    where = "device token (44258)"
    claimed = realm.get(DEVICES_HASH)
    match entry:
        case None if claimed is None:
            return (), ()
        case None:
            text = "the realm token has its hash, and the collection lacks it"
            return options.soft(Finding(Kind.DEVICE_TOKEN, text, where))
        case cbor.Array(items=(cbor.Int(value=601), cbor.Bytes(value=octets))):
            return tuple(finding.at(where) for finding in _judge_device_octets(octets, claimed)), ()
        case wrong:
            text = f"found {describe(wrong)}; legal: [{CONTENT_UCCS}, byte string]"
            return (Finding(Kind.COLLECTION_SHAPE, text, where),), ()


def _judge_device_octets(octets: bytes, claimed: cbor.Item | None) -> Iterator[Finding]:
    """The hash is SHA-256, -384 or -512 by its size: the realm's claims name no algorithm for it."""
    try:
        reading = cbor.examine(octets)
    except cbor.CborError as error:
        yield error.finding
        return
    item = reading.item
    if item.end != len(octets):
        yield Finding(Kind.TRAILING_BYTES, f"{len(octets) - item.end} bytes behind the claims")
    if reading.repeated:
        yield Finding(Kind.DUPLICATE_KEY, "a key occurs more than once in a map")
    body = item.content if isinstance(item, cbor.Tag) and item.number == _UCCS_TAG else item
    if not isinstance(body, cbor.Map):
        yield Finding(Kind.COLLECTION_SHAPE, f"found {describe(body)}; legal: a map of claims")
    if claimed is None:
        yield Finding(Kind.DEVICE_TOKEN, f"unsigned, and the realm token has no hash of it ({DEVICES_HASH})")
    elif isinstance(claimed, cbor.Bytes) and len(claimed.value) in _HASH_OF_SIZE:
        name = _HASH_OF_SIZE[len(claimed.value)]
        digest = hashlib.new(_HASHES[name], octets).digest()
        if not hmac.compare_digest(digest, claimed.value):
            text = f"its {name} is {digest.hex()}; legal: {claimed.value.hex()}, as the realm token says"
            yield Finding(Kind.DEVICE_TOKEN, text)


def _confirmed(envelope: Envelope) -> cbor.Map | None:
    confirmation = envelope.claims.get(CONFIRMATION) if envelope.claims else None
    inner = confirmation.get(1) if isinstance(confirmation, cbor.Map) else None
    return inner if isinstance(inner, cbor.Map) else None


def _from_encoded(data: bytes) -> EcKey | Finding:
    try:
        reading = cbor.examine(data)
    except cbor.CborError as error:
        return _bad_key(f"no COSE_Key: {error.finding}")
    item = reading.item
    if item.end != len(data):
        return _bad_key(f"{len(data) - item.end} bytes behind the COSE_Key")
    if not isinstance(item, cbor.Map):
        return _bad_key(f"found {describe(item)}; legal: a COSE_Key map")
    if reading.repeated:
        return _bad_key("the COSE_Key repeats a key")
    return _from_cose_key(item)


def _from_cose_key(item: cbor.Map) -> EcKey | Finding:
    match [item.get(label) for label in (_KTY, _CRV, _X, _Y)]:
        case [cbor.Int(value=2), cbor.Int(value=crv), cbor.Bytes(value=x), cbor.Bytes(value=y)]:
            curve = next((curve for curve in Curve if curve.cose_id == crv), None)
        case _:
            return _bad_key("legal: an EC2 COSE_Key with curve, X and Y")
    if curve is None or len(x) != curve.size or len(y) != curve.size:
        return _bad_key(f"curve {crv} with coordinates of {len(x)} and {len(y)} bytes")
    return _from_point(b"\x04" + x + y)


def _from_point(point: bytes) -> EcKey | Finding:
    try:
        return from_point(point)
    except KeyUnusable:
        return _bad_key(f"{len(point)} bytes are no uncompressed point on P-256, P-384 or P-521")


def _bad_key(text: str, label: int = RAK) -> Finding:
    return Finding(Kind.RAK_INVALID, text, f"claim {label}")
