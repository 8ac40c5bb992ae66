"""Diffie-Hellman key agreements: the shared secret of a private key and a peer's public key."""

from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519


class DegenerateSecretError(ValueError):
    """The peer's public value leaves no secret: a point of low order, a number without a large group."""


def ecdh(private: ec.EllipticCurvePrivateKey, peer: ec.EllipticCurvePublicKey) -> bytes:
    """SEC 1, 3.3.1: the x coordinate, big endian, as long as the field. Both keys are of one curve."""
    return private.exchange(ec.ECDH(), peer)


def x25519_secret(private: bytes, peer: bytes) -> bytes:
    """RFC 7748, 5: 32 bytes, little endian, from 32 and 32. Raises DegenerateSecretError, as 6.1 asks for."""
    key = x25519.X25519PrivateKey.from_private_bytes(private)
    try:
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
    except ValueError as error:
        raise DegenerateSecretError("X25519: a peer of low order") from error


def x448_secret(private: bytes, peer: bytes) -> bytes:
    """RFC 7748, 5: 56 bytes, little endian, from 56 and 56. Raises DegenerateSecretError, as 6.2 asks for."""
    key = x448.X448PrivateKey.from_private_bytes(private)
    try:
        return key.exchange(x448.X448PublicKey.from_public_bytes(peer))
    except ValueError as error:
        raise DegenerateSecretError("X448: a peer of low order") from error


def ffdh(prime: int, private: bytes, peer: bytes) -> bytes:
    """SP 800-56A, 5.7.1.1: peer ^ private mod prime, big endian, as long as the prime.

    Raises DegenerateSecretError for a peer outside 2 ... prime - 2, as RFC 7919, 5.1 asks for.
    """
    value = int.from_bytes(peer, "big")
    if not 2 <= value <= prime - 2:
        raise DegenerateSecretError("FFDH: the peer's public value is out of range")
    secret = pow(value, int.from_bytes(private, "big"), prime)
    return secret.to_bytes((prime.bit_length() + 7) // 8, "big")
