"""PSA Crypto API 1.2: sizes of exported keys, signatures, ciphertexts and secrets (psa/crypto_sizes.h).

All are in bytes unless named bits.
"""

from functools import lru_cache
from typing import Final

from .crypto_algorithms import MACRO_CACHE_SIZE, PSA_ALG_PURE_EDDSA
from .crypto_asymmetric import (
    PSA_ALG_IS_ECDSA,
    PSA_ALG_IS_HASH_EDDSA,
    PSA_ALG_IS_RSA_OAEP,
    PSA_ALG_RSA_OAEP_GET_HASH,
)
from .crypto_digest_sizes import PSA_HASH_LENGTH
from .crypto_key_types import (
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_DH,
    PSA_KEY_TYPE_IS_DH_KEY_PAIR,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_RSA,
    PSA_KEY_TYPE_IS_SPAKE2P,
    PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR,
    PSA_KEY_TYPE_RSA_KEY_PAIR,
)

PSA_VENDOR_RSA_MAX_KEY_BITS: Final = 4096
PSA_VENDOR_RSA_GENERATE_MIN_KEY_BITS: Final = 1024
PSA_VENDOR_FFDH_MAX_KEY_BITS: Final = 8192
PSA_VENDOR_ECC_MAX_CURVE_BITS: Final = 521
PSA_VENDOR_PBKDF2_MAX_ITERATIONS: Final = 0xFFFFFFFF
PSA_MAX_KEY_BITS: Final = 0xFFF8
"""The longest key of TF-PSA-Crypto, in bits: 8191 bytes."""

PSA_TLS12_PSK_TO_MS_PSK_MAX_SIZE: Final = 128
PSA_TLS12_ECJPAKE_TO_PMS_INPUT_SIZE: Final = 65
PSA_TLS12_ECJPAKE_TO_PMS_DATA_SIZE: Final = 32
PSA_TLS12_ECJPAKE_TO_PMS_OUTPUT_SIZE: Final = 32

_ED448_BITS: Final = 448
_ED448_SIZE: Final = 57


def PSA_BITS_TO_BYTES(bits: int) -> int:
    return (bits + 7) // 8


def PSA_BYTES_TO_BITS(size: int) -> int:
    return size * 8


def _is_ed448(key_type: int, key_bits: int) -> bool:
    """Ed448, whose keys are a byte longer than its 448 bits."""
    family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
    return family == PSA_ECC_FAMILY_TWISTED_EDWARDS and key_bits == _ED448_BITS


def PSA_ECDSA_SIGNATURE_SIZE(curve_bits: int) -> int:
    """r and s, each as long as the curve's order."""
    return PSA_BITS_TO_BYTES(curve_bits) * 2


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_SIGN_OUTPUT_SIZE(key_type: int, key_bits: int, alg: int) -> int:
    """The signature length of ``alg`` with a key of this type; 0 when they do not go together."""
    if PSA_KEY_TYPE_IS_RSA(key_type):
        return PSA_BITS_TO_BYTES(key_bits)
    edwards = alg == PSA_ALG_PURE_EDDSA or PSA_ALG_IS_HASH_EDDSA(alg)
    if not PSA_KEY_TYPE_IS_ECC(key_type) or not (edwards or PSA_ALG_IS_ECDSA(alg)):
        return 0
    return 2 * _ED448_SIZE if _is_ed448(key_type, key_bits) else PSA_ECDSA_SIGNATURE_SIZE(key_bits)


PSA_SIGNATURE_MAX_SIZE: Final = PSA_VENDOR_RSA_MAX_KEY_BITS // 8


def PSA_RSA_MINIMUM_PADDING_SIZE(alg: int) -> int:
    """What RSA encryption adds at least; as in TF-PSA-Crypto, one byte less than OAEP really adds."""
    if PSA_ALG_IS_RSA_OAEP(alg):
        return 2 * PSA_HASH_LENGTH(PSA_ALG_RSA_OAEP_GET_HASH(alg)) + 1
    return 11


def PSA_ASYMMETRIC_ENCRYPT_OUTPUT_SIZE(key_type: int, key_bits: int, alg: int) -> int:
    del alg
    return PSA_BITS_TO_BYTES(key_bits) if PSA_KEY_TYPE_IS_RSA(key_type) else 0


PSA_ASYMMETRIC_ENCRYPT_OUTPUT_MAX_SIZE: Final = PSA_VENDOR_RSA_MAX_KEY_BITS // 8


def PSA_ASYMMETRIC_DECRYPT_OUTPUT_SIZE(key_type: int, key_bits: int, alg: int) -> int:
    """The longest plaintext; 0 for a key that is too short for the padding."""
    if not PSA_KEY_TYPE_IS_RSA(key_type):
        return 0
    return max(0, PSA_BITS_TO_BYTES(key_bits) - PSA_RSA_MINIMUM_PADDING_SIZE(alg))


PSA_ASYMMETRIC_DECRYPT_OUTPUT_MAX_SIZE: Final = PSA_VENDOR_RSA_MAX_KEY_BITS // 8


def PSA_KEY_EXPORT_ASN1_INTEGER_MAX_SIZE(bits: int) -> int:
    """A DER INTEGER of so many bits: tag, length of up to 3 bytes, a sign byte, the number."""
    return bits // 8 + 5


def PSA_KEY_EXPORT_RSA_PUBLIC_KEY_MAX_SIZE(key_bits: int) -> int:
    """RSAPublicKey in DER: the modulus, and an exponent of at most 32 bits."""
    return PSA_KEY_EXPORT_ASN1_INTEGER_MAX_SIZE(key_bits) + 11


def PSA_KEY_EXPORT_RSA_KEY_PAIR_MAX_SIZE(key_bits: int) -> int:
    """RSAPrivateKey in DER: nine numbers of half the size, the modulus and d counting twice."""
    return 9 * PSA_KEY_EXPORT_ASN1_INTEGER_MAX_SIZE(key_bits // 2 + 1) + 14


def PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits: int) -> int:
    """The uncompressed point of a Weierstrass curve: 04, X, Y."""
    return 1 + 2 * PSA_BITS_TO_BYTES(key_bits)


def PSA_KEY_EXPORT_ECC_KEY_PAIR_MAX_SIZE(key_bits: int) -> int:
    return PSA_BITS_TO_BYTES(key_bits)


def PSA_KEY_EXPORT_FFDH_KEY_PAIR_MAX_SIZE(key_bits: int) -> int:
    return PSA_BITS_TO_BYTES(key_bits)


def PSA_KEY_EXPORT_FFDH_PUBLIC_KEY_MAX_SIZE(key_bits: int) -> int:
    return PSA_BITS_TO_BYTES(key_bits)


def PSA_EXPORT_KEY_OUTPUT_SIZE(key_type: int, key_bits: int) -> int:
    """Room that holds any exported key of this type and size."""
    if PSA_KEY_TYPE_IS_RSA(key_type) and key_type == PSA_KEY_TYPE_RSA_KEY_PAIR:
        return PSA_KEY_EXPORT_RSA_KEY_PAIR_MAX_SIZE(key_bits)
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
        size = PSA_KEY_EXPORT_ECC_KEY_PAIR_MAX_SIZE(key_bits)
        return _ED448_SIZE if _is_ed448(key_type, key_bits) else size
    if PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR(key_type):
        return 2 * PSA_BITS_TO_BYTES(key_bits)
    return PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(key_type, key_bits) or PSA_BITS_TO_BYTES(key_bits)


def PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(key_type: int, key_bits: int) -> int:
    """Room for the public part of an asymmetric key; 0 for another type."""
    if PSA_KEY_TYPE_IS_RSA(key_type):
        return PSA_KEY_EXPORT_RSA_PUBLIC_KEY_MAX_SIZE(key_bits)
    if PSA_KEY_TYPE_IS_ECC(key_type):
        return PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits)
    if PSA_KEY_TYPE_IS_SPAKE2P(key_type):
        return PSA_BITS_TO_BYTES(key_bits) + PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(key_bits)
    return PSA_BITS_TO_BYTES(key_bits) if PSA_KEY_TYPE_IS_DH(key_type) else 0


PSA_EXPORT_KEY_PAIR_MAX_SIZE: Final = 9 * (2049 // 8 + 5) + 14
"""That of RSA-4096."""
PSA_EXPORT_PUBLIC_KEY_MAX_SIZE: Final = PSA_VENDOR_FFDH_MAX_KEY_BITS // 8
PSA_EXPORT_ASYMMETRIC_KEY_MAX_SIZE: Final = PSA_EXPORT_KEY_PAIR_MAX_SIZE


def PSA_RAW_KEY_AGREEMENT_OUTPUT_SIZE(key_type: int, key_bits: int) -> int:
    """The shared secret of a key pair; 0 for a type that agrees on nothing."""
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type) or PSA_KEY_TYPE_IS_DH_KEY_PAIR(key_type):
        return PSA_BITS_TO_BYTES(key_bits)
    return 0


PSA_RAW_KEY_AGREEMENT_OUTPUT_MAX_SIZE: Final = PSA_VENDOR_FFDH_MAX_KEY_BITS // 8
