"""Keys on Curve25519 and Curve448 as PSA formats them: little endian, RFC 7748's forced bits in place."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT
from .refusal import Refusal

_SOME_KEY: Final = {255: bytes(31) + b"\x40", 448: bytes(55) + b"\x80"}
"""Any private key shows which points are of a small order: its product with them is zero."""


def mask_private(bits: int, data: bytes) -> bytes:
    """RFC 7748 section 5: decodeScalar25519, decodeScalar448. Mbed TLS does so when it imports a key."""
    scalar = bytearray(data)
    if bits == 255:
        scalar[0] &= 0xF8
        scalar[31] = scalar[31] & 0x7F | 0x40
    else:
        scalar[0] &= 0xFC
        scalar[55] |= 0x80
    return bytes(scalar)


def check_public(bits: int, data: bytes) -> bytes:
    """The public key with the unused bit of Curve25519 cleared; INVALID_ARGUMENT for a point of small order.

    Mbed TLS mbedtls_ecp_check_pubkey refuses the points that make every shared secret zero.
    """
    if bits == 255:
        data = data[:-1] + bytes((data[-1] & 0x7F,))
    try:
        exchange(bits, _SOME_KEY[bits], data)
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
    return data


def public_of(bits: int, private: bytes) -> bytes:
    """X25519(private, 9) or X448(private, 5)."""
    if bits == 255:
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return X448PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def exchange(bits: int, private: bytes, public: bytes) -> bytes:
    """The shared secret, little endian; ValueError where it would be zero."""
    if bits == 255:
        peer = X25519PublicKey.from_public_bytes(public)
        return X25519PrivateKey.from_private_bytes(private).exchange(peer)
    return X448PrivateKey.from_private_bytes(private).exchange(X448PublicKey.from_public_bytes(public))
