"""PSA Crypto API 1.2: key types, algorithms, usages, lifetimes and key ids (psa/crypto_values.h).

Names and numbers are those of the specification; the macros with arguments are functions of the same name.
"""

from functools import lru_cache
from typing import Final

MACRO_CACHE_SIZE: Final = 256
"""Macros that every request asks remember their last answers; in C the compiler does that."""

PSA_KEY_TYPE_NONE: Final = 0x0000
PSA_KEY_TYPE_RAW_DATA: Final = 0x1001
PSA_KEY_TYPE_HMAC: Final = 0x1100
PSA_KEY_TYPE_DERIVE: Final = 0x1200
PSA_KEY_TYPE_PASSWORD: Final = 0x1203
PSA_KEY_TYPE_PASSWORD_HASH: Final = 0x1205
PSA_KEY_TYPE_PEPPER: Final = 0x1206
PSA_KEY_TYPE_ARC4: Final = 0x2002
PSA_KEY_TYPE_CHACHA20: Final = 0x2004
PSA_KEY_TYPE_XCHACHA20: Final = 0x2007
PSA_KEY_TYPE_DES: Final = 0x2301
PSA_KEY_TYPE_AES: Final = 0x2400
PSA_KEY_TYPE_CAMELLIA: Final = 0x2403
PSA_KEY_TYPE_SM4: Final = 0x2405
PSA_KEY_TYPE_ARIA: Final = 0x2406
PSA_KEY_TYPE_RSA_PUBLIC_KEY: Final = 0x4001
PSA_KEY_TYPE_RSA_KEY_PAIR: Final = 0x7001
PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE: Final = 0x4100
PSA_KEY_TYPE_ECC_KEY_PAIR_BASE: Final = 0x7100
PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE: Final = 0x4200
PSA_KEY_TYPE_DH_KEY_PAIR_BASE: Final = 0x7200
PSA_KEY_TYPE_CATEGORY_MASK: Final = 0x7000
PSA_KEY_TYPE_CATEGORY_FLAG_PAIR: Final = 0x3000

PSA_ECC_FAMILY_SECP_R1: Final = 0x12
PSA_ECC_FAMILY_SECP_K1: Final = 0x17
PSA_ECC_FAMILY_SECP_R2: Final = 0x1B
PSA_ECC_FAMILY_SECT_R1: Final = 0x22
PSA_ECC_FAMILY_SECT_K1: Final = 0x27
PSA_ECC_FAMILY_SECT_R2: Final = 0x2B
PSA_ECC_FAMILY_BRAINPOOL_P_R1: Final = 0x30
PSA_ECC_FAMILY_FRP: Final = 0x33
PSA_ECC_FAMILY_MONTGOMERY: Final = 0x41
PSA_ECC_FAMILY_TWISTED_EDWARDS: Final = 0x42
PSA_DH_FAMILY_RFC7919: Final = 0x03

PSA_ALG_NONE: Final = 0
PSA_ALG_CATEGORY_MASK: Final = 0x7F000000
PSA_ALG_CATEGORY_HASH: Final = 0x02000000
PSA_ALG_CATEGORY_MAC: Final = 0x03000000
PSA_ALG_CATEGORY_CIPHER: Final = 0x04000000
PSA_ALG_CATEGORY_AEAD: Final = 0x05000000
PSA_ALG_CATEGORY_SIGN: Final = 0x06000000
PSA_ALG_CATEGORY_ASYMMETRIC_ENCRYPTION: Final = 0x07000000
PSA_ALG_CATEGORY_KEY_DERIVATION: Final = 0x08000000
PSA_ALG_CATEGORY_KEY_AGREEMENT: Final = 0x09000000

PSA_ALG_HASH_MASK: Final = 0x000000FF
PSA_ALG_MD5: Final = 0x02000003
PSA_ALG_RIPEMD160: Final = 0x02000004
PSA_ALG_SHA_1: Final = 0x02000005
PSA_ALG_SHA_224: Final = 0x02000008
PSA_ALG_SHA_256: Final = 0x02000009
PSA_ALG_SHA_384: Final = 0x0200000A
PSA_ALG_SHA_512: Final = 0x0200000B
PSA_ALG_SHA_512_224: Final = 0x0200000C
PSA_ALG_SHA_512_256: Final = 0x0200000D
PSA_ALG_SHA3_224: Final = 0x02000010
PSA_ALG_SHA3_256: Final = 0x02000011
PSA_ALG_SHA3_384: Final = 0x02000012
PSA_ALG_SHA3_512: Final = 0x02000013
PSA_ALG_ANY_HASH: Final = 0x020000FF
"""A wildcard: legal in a key's policy only."""

PSA_ALG_HMAC_BASE: Final = 0x03800000
PSA_ALG_CBC_MAC: Final = 0x03C00100
PSA_ALG_CMAC: Final = 0x03C00200
PSA_ALG_MAC_TRUNCATION_MASK: Final = 0x003F0000
PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG: Final = 0x00008000
PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG: Final = 0x00008000

PSA_ALG_RSA_PKCS1V15_SIGN_BASE: Final = 0x06000200
PSA_ALG_RSA_PSS_BASE: Final = 0x06000300
PSA_ALG_RSA_PSS_ANY_SALT_BASE: Final = 0x06001300
PSA_ALG_ECDSA_BASE: Final = 0x06000600
PSA_ALG_ECDSA_ANY: Final = PSA_ALG_ECDSA_BASE
PSA_ALG_DETERMINISTIC_ECDSA_BASE: Final = 0x06000700
PSA_ALG_PURE_EDDSA: Final = 0x06000800

PSA_ALG_HKDF_BASE: Final = 0x08000100
PSA_ALG_ECDH: Final = 0x09020000
PSA_ALG_FFDH: Final = 0x09010000

PSA_KEY_USAGE_EXPORT: Final = 0x00000001
PSA_KEY_USAGE_COPY: Final = 0x00000002
PSA_KEY_USAGE_CACHE: Final = 0x00000004
PSA_KEY_USAGE_ENCRYPT: Final = 0x00000100
PSA_KEY_USAGE_DECRYPT: Final = 0x00000200
PSA_KEY_USAGE_SIGN_MESSAGE: Final = 0x00000400
PSA_KEY_USAGE_VERIFY_MESSAGE: Final = 0x00000800
PSA_KEY_USAGE_SIGN_HASH: Final = 0x00001000
PSA_KEY_USAGE_VERIFY_HASH: Final = 0x00002000
PSA_KEY_USAGE_DERIVE: Final = 0x00004000
PSA_KEY_USAGE_VERIFY_DERIVATION: Final = 0x00008000
PSA_KEY_USAGE_ALL: Final = 0x0000FF07
"""Every usage bit that PSA Crypto 1.2 defines."""

PSA_KEY_PERSISTENCE_VOLATILE: Final = 0x00
PSA_KEY_PERSISTENCE_DEFAULT: Final = 0x01
PSA_KEY_PERSISTENCE_READ_ONLY: Final = 0xFF
PSA_KEY_LOCATION_LOCAL_STORAGE: Final = 0x000000
PSA_KEY_LOCATION_PRIMARY_SECURE_ELEMENT: Final = 0x000001
PSA_KEY_LOCATION_VENDOR_FLAG: Final = 0x800000
PSA_KEY_LIFETIME_VOLATILE: Final = 0x00000000
PSA_KEY_LIFETIME_PERSISTENT: Final = 0x00000001

PSA_KEY_ID_NULL: Final = 0
PSA_KEY_ID_USER_MIN: Final = 0x00000001
PSA_KEY_ID_USER_MAX: Final = 0x3FFFFFFF
PSA_KEY_ID_VENDOR_MIN: Final = 0x40000000
PSA_KEY_ID_VENDOR_MAX: Final = 0x7FFFFFFF


def PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type: int) -> bool:
    return key_type & PSA_KEY_TYPE_CATEGORY_MASK == 0x4000


def PSA_KEY_TYPE_IS_KEY_PAIR(key_type: int) -> bool:
    return key_type & PSA_KEY_TYPE_CATEGORY_MASK == 0x7000


def PSA_KEY_TYPE_IS_ASYMMETRIC(key_type: int) -> bool:
    return PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type) or PSA_KEY_TYPE_IS_KEY_PAIR(key_type)


def PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type: int) -> int:
    return key_type & ~PSA_KEY_TYPE_CATEGORY_FLAG_PAIR


def PSA_KEY_TYPE_ECC_KEY_PAIR(family: int) -> int:
    return PSA_KEY_TYPE_ECC_KEY_PAIR_BASE | family


def PSA_KEY_TYPE_ECC_PUBLIC_KEY(family: int) -> int:
    return PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE | family


def PSA_KEY_TYPE_IS_ECC(key_type: int) -> bool:
    return PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) & ~0xFF == PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_ECC_KEY_PAIR_BASE


def PSA_KEY_TYPE_ECC_GET_FAMILY(key_type: int) -> int:
    """The curve family of an elliptic curve key type, 0 for any other type."""
    return key_type & 0xFF if PSA_KEY_TYPE_IS_ECC(key_type) else 0


def PSA_KEY_LIFETIME_GET_PERSISTENCE(lifetime: int) -> int:
    return lifetime & 0xFF


def PSA_KEY_LIFETIME_GET_LOCATION(lifetime: int) -> int:
    return lifetime >> 8


def PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(persistence: int, location: int) -> int:
    return location << 8 | persistence


def PSA_ALG_IS_HASH(alg: int) -> bool:
    return alg & PSA_ALG_CATEGORY_MASK == PSA_ALG_CATEGORY_HASH


def PSA_ALG_IS_MAC(alg: int) -> bool:
    return alg & PSA_ALG_CATEGORY_MASK == PSA_ALG_CATEGORY_MAC


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_SIGN(alg: int) -> bool:
    return alg & PSA_ALG_CATEGORY_MASK == PSA_ALG_CATEGORY_SIGN


def PSA_ALG_HMAC(hash_alg: int) -> int:
    return PSA_ALG_HMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_HMAC(alg: int) -> bool:
    return alg & 0x7FC0FF00 & ~PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG == PSA_ALG_HMAC_BASE


def PSA_ALG_HMAC_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_TRUNCATED_MAC(mac_alg: int, mac_length: int) -> int:
    """``mac_alg`` cut to ``mac_length`` bytes (1 to 63); a length of 0 stands for the full length."""
    cleared = mac_alg & ~(PSA_ALG_MAC_TRUNCATION_MASK | PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG)
    return cleared | mac_length << 16 & PSA_ALG_MAC_TRUNCATION_MASK


def PSA_ALG_FULL_LENGTH_MAC(mac_alg: int) -> int:
    return PSA_ALG_TRUNCATED_MAC(mac_alg, 0)


def PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(mac_alg: int, min_mac_length: int) -> int:
    """A wildcard for policies: ``mac_alg`` of at least ``min_mac_length`` bytes."""
    return PSA_ALG_TRUNCATED_MAC(mac_alg, min_mac_length) | PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG


def PSA_MAC_TRUNCATED_LENGTH(mac_alg: int) -> int:
    """The length in bytes that ``mac_alg`` names, 0 for the full length."""
    return (mac_alg & PSA_ALG_MAC_TRUNCATION_MASK) >> 16


def PSA_ALG_RSA_PKCS1V15_SIGN(hash_alg: int) -> int:
    return PSA_ALG_RSA_PKCS1V15_SIGN_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_RSA_PSS(hash_alg: int) -> int:
    return PSA_ALG_RSA_PSS_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_ECDSA(hash_alg: int) -> int:
    return PSA_ALG_ECDSA_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_DETERMINISTIC_ECDSA(hash_alg: int) -> int:
    return PSA_ALG_DETERMINISTIC_ECDSA_BASE | hash_alg & PSA_ALG_HASH_MASK


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_ECDSA(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK & ~0x100 == PSA_ALG_ECDSA_BASE


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_DETERMINISTIC_ECDSA(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_DETERMINISTIC_ECDSA_BASE


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_HASH_AND_SIGN(alg: int) -> bool:
    """True for RSA PKCS#1 v1.5, RSA PSS and ECDSA, whose low byte names the hash."""
    return alg & ~PSA_ALG_HASH_MASK in (
        PSA_ALG_RSA_PKCS1V15_SIGN_BASE,
        PSA_ALG_RSA_PSS_BASE,
        PSA_ALG_RSA_PSS_ANY_SALT_BASE,
        PSA_ALG_ECDSA_BASE,
        PSA_ALG_DETERMINISTIC_ECDSA_BASE,
    )


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_SIGN_GET_HASH(alg: int) -> int:
    """The hash of a hash-and-sign algorithm; 0 when it names none (ECDSA_ANY) or is of another kind."""
    if not PSA_ALG_IS_HASH_AND_SIGN(alg) or not alg & PSA_ALG_HASH_MASK:
        return 0
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_HKDF(hash_alg: int) -> int:
    return PSA_ALG_HKDF_BASE | hash_alg & PSA_ALG_HASH_MASK


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_WILDCARD(alg: int) -> bool:
    """True for an algorithm that only a key policy may name."""
    if PSA_ALG_IS_HASH_AND_SIGN(alg):
        return PSA_ALG_SIGN_GET_HASH(alg) == PSA_ALG_ANY_HASH
    if PSA_ALG_IS_MAC(alg):
        return bool(alg & PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG)
    if alg & PSA_ALG_CATEGORY_MASK == PSA_ALG_CATEGORY_AEAD:
        return bool(alg & PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG)
    return alg == PSA_ALG_ANY_HASH
