"""EdDSA (RFC 8032); the size of a key in bits, 255 or 448, names its curve.

PureEdDSA is the `cryptography` package's. It has no HashEdDSA, which is here over ``edwards``, with the empty
context that PSA Crypto 1.2 asks for.
"""

from collections.abc import Callable
from hashlib import sha512, shake_256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .edwards import CURVES

_PREHASH_DOMAIN: Final = {255: b"SigEd25519 no Ed25519 collisions\x01\x00", 448: b"SigEd448\x01\x00"}
"""RFC 8032 section 2: dom2(1, "") and dom4(1, "")."""
_HASH: Final[dict[int, Callable[[bytes], bytes]]] = {
    255: lambda data: sha512(data).digest(),
    448: lambda data: shake_256(data).digest(114),
}


def public_of(bits: int, private: bytes) -> bytes:
    """The public key: a compressed point of 32 or 57 bytes."""
    return _private_key(bits, private).public_key().public_bytes_raw()


def sign(bits: int, private: bytes, message: bytes) -> bytes:
    """Ed25519, or Ed448 with an empty context: R and S, 64 or 114 bytes."""
    return _private_key(bits, private).sign(message)


def verify(bits: int, public: bytes, message: bytes, signature: bytes) -> bool:
    """True for a signature of the right length that fits message and key."""
    key = (Ed25519PublicKey if bits == 255 else Ed448PublicKey).from_public_bytes(public)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def sign_hash(bits: int, private: bytes, digest: bytes) -> bytes:
    """Ed25519ph over a SHA-512 digest, Ed448ph over 64 bytes of SHAKE256: R and S."""
    curve, hash_ = CURVES[bits], _HASH[bits]
    expanded = hash_(private)
    top = 1 << curve.n
    scalar = int.from_bytes(expanded[: curve.size], "little") & top - (1 << curve.c) | top
    public, domain = public_of(bits, private), _PREHASH_DOMAIN[bits]
    nonce = int.from_bytes(hash_(domain + expanded[curve.size :] + digest), "little") % curve.order
    point = curve.encode(curve.multiply(nonce, curve.base))
    challenge = int.from_bytes(hash_(domain + point + public + digest), "little") % curve.order
    return point + ((nonce + challenge * scalar) % curve.order).to_bytes(curve.size, "little")


def verify_hash(bits: int, public: bytes, digest: bytes, signature: bytes) -> bool:
    """True for a signature of the right length that fits digest and key (RFC 8032 sections 5.1.7, 5.2.7)."""
    curve, hash_ = CURVES[bits], _HASH[bits]
    point, scalar = signature[: curve.size], int.from_bytes(signature[curve.size :], "little")
    if len(signature) != 2 * curve.size or scalar >= curve.order:
        return False
    data = _PREHASH_DOMAIN[bits] + point + public + digest
    challenge = int.from_bytes(hash_(data), "little") % curve.order
    key = curve.negate(curve.decode(public))
    left = curve.multiply(scalar, curve.base)
    return curve.encode(curve.add(left, curve.multiply(challenge, key))) == point


def _private_key(bits: int, private: bytes) -> Ed25519PrivateKey | Ed448PrivateKey:
    if bits == 255:
        return Ed25519PrivateKey.from_private_bytes(private)
    return Ed448PrivateKey.from_private_bytes(private)
