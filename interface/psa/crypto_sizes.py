"""PSA Crypto API 1.2: buffer sizes (psa/crypto_sizes.h). All sizes are in bytes unless named bits."""

from functools import lru_cache
from typing import Final

from .crypto_values import (
    MACRO_CACHE_SIZE,
    PSA_ALG_HASH_MASK,
    PSA_ALG_HMAC_GET_HASH,
    PSA_ALG_IS_ECDSA,
    PSA_ALG_IS_HMAC,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_KEY_PAIR,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
    PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR,
    PSA_KEY_TYPE_RSA_PUBLIC_KEY,
    PSA_MAC_TRUNCATED_LENGTH,
)

_HASH_LENGTH: Final = {
    0x03: 16,  # MD5
    0x04: 20,  # RIPEMD-160
    0x05: 20,  # SHA-1
    0x08: 28,
    0x09: 32,
    0x0A: 48,
    0x0B: 64,
    0x0C: 28,  # SHA-512/224
    0x0D: 32,  # SHA-512/256
    0x10: 28,  # SHA3-224
    0x11: 32,
    0x12: 48,
    0x13: 64,
}

PSA_HASH_MAX_SIZE: Final = 64
PSA_MAC_MAX_SIZE: Final = 64


def PSA_BITS_TO_BYTES(bits: int) -> int:
    return (bits + 7) // 8


def PSA_BYTES_TO_BITS(size: int) -> int:
    return size * 8


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_HASH_LENGTH(alg: int) -> int:
    """The digest length of a hash, HMAC or hash-and-sign algorithm; 0 for an unknown hash."""
    return _HASH_LENGTH.get(alg & PSA_ALG_HASH_MASK, 0)


def PSA_MAC_LENGTH(key_type: int, key_bits: int, alg: int) -> int:
    """The MAC length of ``alg``: the truncated one, or the full one of an HMAC; 0 when not known."""
    del key_type, key_bits
    if truncated := PSA_MAC_TRUNCATED_LENGTH(alg):
        return truncated
    return PSA_HASH_LENGTH(PSA_ALG_HMAC_GET_HASH(alg)) if PSA_ALG_IS_HMAC(alg) else 0


def PSA_ECDSA_SIGNATURE_SIZE(curve_bits: int) -> int:
    """r and s, each as long as the curve's order."""
    return PSA_BITS_TO_BYTES(curve_bits) * 2


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_SIGN_OUTPUT_SIZE(key_type: int, key_bits: int, alg: int) -> int:
    """The signature length of ``alg`` with a key of this type; 0 when they do not go together."""
    if PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) == PSA_KEY_TYPE_RSA_PUBLIC_KEY:
        return PSA_BITS_TO_BYTES(key_bits)
    if PSA_KEY_TYPE_IS_ECC(key_type) and PSA_ALG_IS_ECDSA(alg):
        return PSA_ECDSA_SIGNATURE_SIZE(key_bits)
    return 0


def PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits: int) -> int:
    """The uncompressed point of a Weierstrass curve: 04, X, Y."""
    return 1 + 2 * PSA_BITS_TO_BYTES(key_bits)


def PSA_KEY_EXPORT_ECC_KEY_PAIR_MAX_SIZE(key_bits: int) -> int:
    return PSA_BITS_TO_BYTES(key_bits)


def PSA_EXPORT_KEY_OUTPUT_SIZE(key_type: int, key_bits: int) -> int:
    """Room that holds any exported key of this type and size; 0 for a type that is not known here."""
    if PSA_KEY_TYPE_IS_ECC(key_type):
        if PSA_KEY_TYPE_IS_KEY_PAIR(key_type):
            return PSA_KEY_EXPORT_ECC_KEY_PAIR_MAX_SIZE(key_bits)
        return PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits)
    if PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type) or PSA_KEY_TYPE_IS_KEY_PAIR(key_type):
        return 0
    return PSA_BITS_TO_BYTES(key_bits)


def PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(key_type: int, key_bits: int) -> int:
    """Room for the public part of an asymmetric key; 0 for a type that is not known here."""
    if PSA_KEY_TYPE_IS_ECC(key_type):
        return PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits)
    return 0
