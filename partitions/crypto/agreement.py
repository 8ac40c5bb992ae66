"""Diffie-Hellman key agreements: the secret that a key pair shares with a peer's public key."""

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR,
)
from . import dh_groups, montgomery
from .material import Material


def ecdh(attributes: KeyAttributes, pair: Material, peer: Material) -> bytes:
    """PSA_ALG_ECDH: the x coordinate, as long as the field.

    Big endian on a Weierstrass curve (SEC 1, 3.3.2; every cofactor here is 1), little endian on a Montgomery
    curve (RFC 7748, 6). A peer that would make it zero does not pass as a public key when it is loaded.
    """
    key_type, bits = attributes.type, attributes.bits
    if PSA_KEY_TYPE_ECC_GET_FAMILY(key_type) == PSA_ECC_FAMILY_MONTGOMERY:
        return montgomery.exchange(bits, pair.data, peer.data)
    peer_key = peer.public(PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type), bits)
    return pair.private(key_type, bits).exchange(ec.ECDH(), peer_key)


def ffdh(attributes: KeyAttributes, pair: Material, peer: Material) -> bytes:
    """PSA_ALG_FFDH: SP 800-56A, 5.7.1.1, big endian, with leading zeros as long as the prime."""
    exponent = int.from_bytes(pair.data, "big")
    return dh_groups.power(attributes.bits, int.from_bytes(peer.data, "big"), exponent)
