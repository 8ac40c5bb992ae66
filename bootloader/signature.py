"""Signatures over images, by the primitives of `cryptography` (MCUboot bootutil_verify_sig)."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from .config import HashAlgorithm
from .keys import ImageKey

_HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}
PSS_SALT_LENGTH = 32
PSS_DIGEST_LENGTH = 32


def image_digest(algorithm: HashAlgorithm, data: bytes) -> bytes:
    """The digest over an image's header, payload and protected TLVs."""
    return hashlib.new(algorithm.value, data).digest()


def verify(key: ImageKey, algorithm: HashAlgorithm, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` by ``key`` is good; never raises.

    ``message`` is the image digest; Ed25519 signs it as it stands (pure: the hashed region itself).
    RSA is PSS with MGF1-SHA256 and a 32-byte salt, over a digest of 32 bytes and no other.
    """
    try:
        match key:
            case rsa.RSAPublicKey():
                if len(message) != PSS_DIGEST_LENGTH:
                    return False  # MCUboot bootutil_cmp_rsasig: PSS_HLEN
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), PSS_SALT_LENGTH)
                key.verify(signature, message, pss, Prehashed(_HASHES[algorithm]))
            case ec.EllipticCurvePublicKey():
                key.verify(_der(signature), message, ec.ECDSA(Prehashed(_HASHES[algorithm])))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(signature: bytes) -> bytes:
    """The DER sequence at the start: what follows it in the TLV is ignored (padding of old imgtools)."""
    if len(signature) < 2 or signature[0] != 0x30:
        return signature
    if signature[1] < 0x80:
        return signature[: 2 + signature[1]]
    if signature[1] == 0x81 and len(signature) > 2:
        return signature[: 3 + signature[2]]
    return signature
