"""PSA Crypto API 1.2: macros of key derivation and agreement, and derivation steps (psa/crypto_values.h)."""

from typing import Final

from .crypto_algorithms import (
    PSA_ALG_CATEGORY_HASH,
    PSA_ALG_CATEGORY_KEY_AGREEMENT,
    PSA_ALG_ECDH,
    PSA_ALG_FFDH,
    PSA_ALG_HASH_MASK,
    PSA_ALG_HKDF_BASE,
    PSA_ALG_HKDF_EXPAND_BASE,
    PSA_ALG_HKDF_EXTRACT_BASE,
    PSA_ALG_IS_KEY_AGREEMENT,
    PSA_ALG_IS_KEY_DERIVATION,
    PSA_ALG_KEY_DERIVATION_STRETCHING_FLAG,
    PSA_ALG_PBKDF2_AES_CMAC_PRF_128,
    PSA_ALG_PBKDF2_HMAC_BASE,
    PSA_ALG_SP800_108_COUNTER_CMAC,
    PSA_ALG_SP800_108_COUNTER_HMAC_BASE,
    PSA_ALG_TLS12_PRF_BASE,
    PSA_ALG_TLS12_PSK_TO_MS_BASE,
)

PSA_KEY_DERIVATION_INPUT_SECRET: Final = 0x0101
PSA_KEY_DERIVATION_INPUT_PASSWORD: Final = 0x0102
PSA_KEY_DERIVATION_INPUT_OTHER_SECRET: Final = 0x0103
PSA_KEY_DERIVATION_INPUT_LABEL: Final = 0x0201
PSA_KEY_DERIVATION_INPUT_SALT: Final = 0x0202
PSA_KEY_DERIVATION_INPUT_INFO: Final = 0x0203
PSA_KEY_DERIVATION_INPUT_SEED: Final = 0x0204
PSA_KEY_DERIVATION_INPUT_COST: Final = 0x0205
PSA_KEY_DERIVATION_INPUT_CONTEXT: Final = 0x0206
"""Steps are numbered by the implementation; these are the numbers of TF-PSA-Crypto."""

PSA_KEY_DERIVATION_UNLIMITED_CAPACITY: Final = 0xFFFFFFFF
"""(size_t) -1 of a 32-bit device, and of the u32 capacity in a request."""

_KDF_MASK: Final = 0xFE80FFFF
_BASE_MASK: Final = 0xFF7F0000


def PSA_ALG_HKDF(hash_alg: int) -> int:
    return PSA_ALG_HKDF_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_HKDF(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_HKDF_BASE


def PSA_ALG_HKDF_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_HKDF_EXTRACT(hash_alg: int) -> int:
    return PSA_ALG_HKDF_EXTRACT_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_HKDF_EXTRACT(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_HKDF_EXTRACT_BASE


def PSA_ALG_HKDF_EXPAND(hash_alg: int) -> int:
    return PSA_ALG_HKDF_EXPAND_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_HKDF_EXPAND(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_HKDF_EXPAND_BASE


def PSA_ALG_IS_ANY_HKDF(alg: int) -> bool:
    """True for HKDF, HKDF-Extract and HKDF-Expand."""
    return PSA_ALG_IS_HKDF(alg) or PSA_ALG_IS_HKDF_EXTRACT(alg) or PSA_ALG_IS_HKDF_EXPAND(alg)


def PSA_ALG_SP800_108_COUNTER_HMAC(hash_alg: int) -> int:
    return PSA_ALG_SP800_108_COUNTER_HMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_SP800_108_COUNTER_HMAC(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_SP800_108_COUNTER_HMAC_BASE


def PSA_ALG_IS_SP800_108_COUNTER_CMAC(alg: int) -> bool:
    return alg == PSA_ALG_SP800_108_COUNTER_CMAC


def PSA_ALG_TLS12_PRF(hash_alg: int) -> int:
    return PSA_ALG_TLS12_PRF_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_TLS12_PRF(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_TLS12_PRF_BASE


def PSA_ALG_TLS12_PRF_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_TLS12_PSK_TO_MS(hash_alg: int) -> int:
    return PSA_ALG_TLS12_PSK_TO_MS_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_TLS12_PSK_TO_MS(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_TLS12_PSK_TO_MS_BASE


def PSA_ALG_TLS12_PSK_TO_MS_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_PBKDF2_HMAC(hash_alg: int) -> int:
    return PSA_ALG_PBKDF2_HMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_PBKDF2_HMAC(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_PBKDF2_HMAC_BASE


def PSA_ALG_PBKDF2_HMAC_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_PBKDF2(alg: int) -> bool:
    return PSA_ALG_IS_PBKDF2_HMAC(alg) or alg == PSA_ALG_PBKDF2_AES_CMAC_PRF_128


def PSA_ALG_IS_KEY_DERIVATION_STRETCHING(alg: int) -> bool:
    """True for algorithms that make a weak secret costly to guess: PBKDF2."""
    return PSA_ALG_IS_KEY_DERIVATION(alg) and alg & PSA_ALG_KEY_DERIVATION_STRETCHING_FLAG != 0


def PSA_ALG_KEY_AGREEMENT(ka_alg: int, kdf_alg: int) -> int:
    """``ka_alg`` whose shared secret goes into ``kdf_alg``."""
    return ka_alg | kdf_alg


def PSA_ALG_KEY_AGREEMENT_GET_BASE(alg: int) -> int:
    """The bare agreement of an agreement with or without a key derivation."""
    return alg & _BASE_MASK


def PSA_ALG_KEY_AGREEMENT_GET_KDF(alg: int) -> int:
    """The key derivation of a combined agreement; the bare category for a standalone one.

    The macro of the specification; TF-PSA-Crypto's drops the stretching flag, so it finds HKDF for PBKDF2.
    """
    return alg & _KDF_MASK


def PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg: int) -> bool:
    """True for an agreement without a key derivation."""
    return alg & 0x7F00FFFF == PSA_ALG_CATEGORY_KEY_AGREEMENT


def PSA_ALG_IS_RAW_KEY_AGREEMENT(alg: int) -> bool:
    """The older name of PSA_ALG_IS_STANDALONE_KEY_AGREEMENT."""
    return PSA_ALG_IS_STANDALONE_KEY_AGREEMENT(alg)


def PSA_ALG_IS_KEY_DERIVATION_OR_AGREEMENT(alg: int) -> bool:
    return PSA_ALG_IS_KEY_DERIVATION(alg) or PSA_ALG_IS_KEY_AGREEMENT(alg)


def PSA_ALG_IS_FFDH(alg: int) -> bool:
    """True for FFDH alone or combined with a key derivation."""
    return alg & 0x7FFF0000 == PSA_ALG_FFDH


def PSA_ALG_IS_ECDH(alg: int) -> bool:
    """True for ECDH alone or combined with a key derivation."""
    return alg & 0x7FFF0000 == PSA_ALG_ECDH
