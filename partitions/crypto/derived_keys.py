"""Keys out of a key derivation's stream (PSA Crypto 1.2, psa_key_derivation_output_key, table 8)."""

from collections.abc import Callable

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_IS_WEIERSTRASS,
    PSA_KEY_TYPE_DES,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_DH_KEY_PAIR,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from . import curves, des_keys, key_formats, spake2p_keys
from .material import Material
from .refusal import Refusal

Read = Callable[[int], bytes]
"""The next bytes of the stream."""


def derive_material(attributes: KeyAttributes, read: Read) -> Material:
    """A key of this type and size, which decides how much of the stream it takes.

    INVALID_ARGUMENT for a size that the type has not, NOT_SUPPORTED for RSA and for unknown curves. Edwards
    keys, of which the specification says nothing, are as many bytes as RFC 8032 asks for.
    """
    key_type, bits = attributes.type, attributes.bits
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
        family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
        if not PSA_ECC_FAMILY_IS_WEIERSTRASS(family):
            # RFC 7748, 5: importing sets the bits that a Montgomery key must have.
            return _load(attributes, read(curves.private_length(family, bits)))
        return _by_candidates(attributes, read)
    if PSA_KEY_TYPE_IS_DH_KEY_PAIR(key_type):
        return _by_candidates(attributes, read)
    if PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR(key_type):
        return _load(attributes, spake2p_keys.derive(key_type, bits, read))
    if PSA_KEY_TYPE_IS_ASYMMETRIC(key_type):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if bits % 8:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if key_type == PSA_KEY_TYPE_DES:
        # Odd parity, and each weak key is left out and the next one drawn.
        return _load(attributes, des_keys.generate(bits // 8, read))
    return _load(attributes, read(bits // 8))


def _load(attributes: KeyAttributes, data: bytes) -> Material:
    """As for an imported key."""
    bits, material = key_formats.load(attributes, data)
    if bits != attributes.bits:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return material


def _by_candidates(attributes: KeyAttributes, read: Read) -> Material:
    """FIPS 186-5, A.2.2 and SP 800-56A, 5.6.1.1.4: the key is k + 1 for the first drawn k that fits."""
    bits = attributes.bits
    width = PSA_BITS_TO_BYTES(bits)
    # A key that every group has: what refuses this one has no such group, and no candidate would do.
    _load(attributes, (2).to_bytes(width, "big"))
    while True:
        key = (int.from_bytes(read(width), "big") & (1 << bits) - 1) + 1
        if key >> 8 * width == 0:
            try:
                return _load(attributes, key.to_bytes(width, "big"))
            except Refusal:
                continue
