"""ECDSA over the `cryptography` package: raw r || s signatures (PSA Crypto 1.2, PSA_ALG_ECDSA)."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from .hashing import CRYPTOGRAPHY_HASH

_BY_LENGTH: Final[dict[int, hashes.HashAlgorithm]] = {
    hash_.digest_size: hash_ for hash_ in CRYPTOGRAPHY_HASH.values()
}
_RANDOMISED: Final = {length: ec.ECDSA(Prehashed(hash_)) for length, hash_ in _BY_LENGTH.items()}
_DETERMINISTIC: Final = {
    length: ec.ECDSA(Prehashed(hash_), deterministic_signing=True) for length, hash_ in _BY_LENGTH.items()
}


def _fit(digest: bytes, curve_bytes: int) -> bytes:
    """A digest of a length that the library knows and that stands for the same number.

    FIPS 186-5, 6.4.1: only the leftmost bits of the digest count, as many as the curve's order has, so a
    longer one may be cut to whole bytes; a shorter one keeps its value behind zeros.
    """
    if len(digest) in _BY_LENGTH:
        return digest
    digest = digest[:curve_bytes]
    return digest.rjust(min(length for length in _BY_LENGTH if length >= len(digest)), b"\0")


def sign(key: ec.EllipticCurvePrivateKey, digest: bytes, *, deterministic: bool) -> bytes:
    """The signature r || s over ``digest``, each as long as the curve's order."""
    width = PSA_BITS_TO_BYTES(key.key_size)
    digest = _fit(digest, width)
    algorithm = (_DETERMINISTIC if deterministic else _RANDOMISED)[len(digest)]
    r, s = decode_dss_signature(key.sign(digest, algorithm))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def verify(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    """True for a signature r || s of the right length that fits ``digest`` and the key."""
    width = PSA_BITS_TO_BYTES(key.key_size)
    if len(signature) != 2 * width:
        return False
    digest = _fit(digest, width)
    r, s = int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
    try:
        key.verify(encode_dss_signature(r, s), digest, _RANDOMISED[len(digest)])
    except InvalidSignature:
        return False
    return True
