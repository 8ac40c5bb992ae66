"""Tokens to attack: real ones of every kind, and others with keys and headers that no packaged board has."""

import hashlib
from collections.abc import Iterator
from functools import cache

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from tfm_sim.tools.attacks.anatomy import Message, Pieces
from tfm_sim.tools.attacks.bases import Base, boot_bases
from tfm_sim.tools.realm import AttestationKey, BindingHash, Composition, Realm, RealmProfile, wrap
from tfm_sim.tools.tokens.cose_writer import SigningKey, write_cose
from tfm_sim.tools.verifier.identity import cose_key
from tfm_sim.tools.verifier.keys import from_public

P256, P384, P521 = (
    ec.derive_private_key(0x5EED, curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
)
REALM_P384 = ec.derive_private_key(0xFEED, ec.SECP384R1())
CHALLENGE = bytes(range(64))


@cache
def real_bases() -> dict[str, Base]:
    """By name, each from a boot."""
    return {base.name: base for base in boot_bases()}


@cache
def all_bases() -> dict[str, Base]:
    """Those, and the same claims with other keys and headers."""
    return real_bases() | {base.name: base for base in _made()}


def instance_id(key: SigningKey) -> bytes:
    """The instance id that belongs to a key by TF-M's rule of today."""
    if isinstance(key, bytes):
        return b"\x01" + hashlib.sha256(hashlib.sha256(key).digest()).digest()
    public = from_public(key.public_key())
    return b"\x01" + hashlib.sha256(cose_key(public)).digest()


def resigned(token: bytes, key: SigningKey, kid: bytes | None = None) -> bytes:
    """The claims of an RFC 9783 or CCA token as a device with another key would sign them."""
    claims = cbor2.loads(Message.of(token).payload)
    claims[256] = instance_id(key)
    return write_cose(cbor2.dumps(claims), key, kid=kid)


def _made() -> Iterator[Base]:
    cca = real_bases()["cca"]
    for bits, key in ((256, P256), (384, REALM_P384)):
        yield _composed(f"kids-{bits}", cca, AttestationKey(key, bits))
    for profile in (RealmProfile.CCA_2024, RealmProfile.LEGACY):
        realm = Realm(AttestationKey(P384, 384), profile=profile)
        token = write_cose(cbor2.dumps(realm.claims(CHALLENGE)), P384)
        yield Base(f"realm-{profile.name}", "a realm's token alone", token, CHALLENGE, P384)


def _composed(name: str, cca: Base, key: AttestationKey) -> Base:
    """A collection with kids, signed by a P-384 platform."""
    realm = Realm(key, binding=BindingHash.SHA_512)
    claims = cbor2.loads(Message.of(cca.token).payload) | {10: realm.key_hash}
    platform = resigned(write_cose(cbor2.dumps(claims), P256), P384, kid=instance_id(P384)[1:])
    inner = write_cose(cbor2.dumps(realm.claims(CHALLENGE)), key.private, kid=b"realm")
    token = wrap(platform, inner, Composition.CCA)
    Pieces.of(token)
    return Base(name, "a collection with kids", token, CHALLENGE, P384, key.private)
