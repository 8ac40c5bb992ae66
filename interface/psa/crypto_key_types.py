"""PSA Crypto API 1.2: key types, curve and group families, and the macros over them.

Names and numbers are those of psa/crypto_values.h; the macros with arguments are functions of the same name.
"""

from typing import Final

PSA_KEY_TYPE_NONE: Final = 0x0000
PSA_KEY_TYPE_VENDOR_FLAG: Final = 0x8000
PSA_KEY_TYPE_CATEGORY_MASK: Final = 0x7000
PSA_KEY_TYPE_CATEGORY_RAW: Final = 0x1000
PSA_KEY_TYPE_CATEGORY_SYMMETRIC: Final = 0x2000
PSA_KEY_TYPE_CATEGORY_PUBLIC_KEY: Final = 0x4000
PSA_KEY_TYPE_CATEGORY_KEY_PAIR: Final = 0x7000
PSA_KEY_TYPE_CATEGORY_FLAG_PAIR: Final = 0x3000

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
PSA_KEY_TYPE_ECC_CURVE_MASK: Final = 0x00FF
PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE: Final = 0x4200
PSA_KEY_TYPE_DH_KEY_PAIR_BASE: Final = 0x7200
PSA_KEY_TYPE_DH_GROUP_MASK: Final = 0x00FF
PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY_BASE: Final = 0x4400
PSA_KEY_TYPE_SPAKE2P_KEY_PAIR_BASE: Final = 0x7400

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


def PSA_KEY_TYPE_IS_VENDOR_DEFINED(key_type: int) -> bool:
    return key_type & PSA_KEY_TYPE_VENDOR_FLAG != 0


def PSA_KEY_TYPE_IS_UNSTRUCTURED(key_type: int) -> bool:
    """True for raw bytes and symmetric keys: material without an inner structure."""
    return key_type & PSA_KEY_TYPE_CATEGORY_MASK in (
        PSA_KEY_TYPE_CATEGORY_RAW,
        PSA_KEY_TYPE_CATEGORY_SYMMETRIC,
    )


def PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type: int) -> bool:
    return key_type & PSA_KEY_TYPE_CATEGORY_MASK == PSA_KEY_TYPE_CATEGORY_PUBLIC_KEY


def PSA_KEY_TYPE_IS_KEY_PAIR(key_type: int) -> bool:
    return key_type & PSA_KEY_TYPE_CATEGORY_MASK == PSA_KEY_TYPE_CATEGORY_KEY_PAIR


def PSA_KEY_TYPE_IS_ASYMMETRIC(key_type: int) -> bool:
    return PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type) or PSA_KEY_TYPE_IS_KEY_PAIR(key_type)


def PSA_KEY_TYPE_KEY_PAIR_OF_PUBLIC_KEY(key_type: int) -> int:
    return key_type | PSA_KEY_TYPE_CATEGORY_FLAG_PAIR


def PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type: int) -> int:
    return key_type & ~PSA_KEY_TYPE_CATEGORY_FLAG_PAIR


def PSA_KEY_TYPE_IS_RSA(key_type: int) -> bool:
    return PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) == PSA_KEY_TYPE_RSA_PUBLIC_KEY


def PSA_KEY_TYPE_ECC_KEY_PAIR(family: int) -> int:
    return PSA_KEY_TYPE_ECC_KEY_PAIR_BASE | family


def PSA_KEY_TYPE_ECC_PUBLIC_KEY(family: int) -> int:
    return PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE | family


def PSA_KEY_TYPE_IS_ECC(key_type: int) -> bool:
    return PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) & ~0xFF == PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_ECC_KEY_PAIR_BASE


def PSA_KEY_TYPE_IS_ECC_PUBLIC_KEY(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_ECC_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_ECC_GET_FAMILY(key_type: int) -> int:
    """The curve family of an elliptic curve key type, 0 for any other type."""
    return key_type & PSA_KEY_TYPE_ECC_CURVE_MASK if PSA_KEY_TYPE_IS_ECC(key_type) else 0


def PSA_ECC_FAMILY_IS_WEIERSTRASS(family: int) -> bool:
    """True for the families of short Weierstrass curves: SECP, SECT, Brainpool and FRP."""
    return family & 0xC0 == 0


def PSA_KEY_TYPE_DH_KEY_PAIR(family: int) -> int:
    return PSA_KEY_TYPE_DH_KEY_PAIR_BASE | family


def PSA_KEY_TYPE_DH_PUBLIC_KEY(family: int) -> int:
    return PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE | family


def PSA_KEY_TYPE_IS_DH(key_type: int) -> bool:
    return PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) & ~0xFF == PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_IS_DH_KEY_PAIR(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_DH_KEY_PAIR_BASE


def PSA_KEY_TYPE_IS_DH_PUBLIC_KEY(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_DH_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_DH_GET_FAMILY(key_type: int) -> int:
    """The group family of a Diffie-Hellman key type, 0 for any other type."""
    return key_type & PSA_KEY_TYPE_DH_GROUP_MASK if PSA_KEY_TYPE_IS_DH(key_type) else 0


def PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(family: int) -> int:
    return PSA_KEY_TYPE_SPAKE2P_KEY_PAIR_BASE | family


def PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(family: int) -> int:
    return PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY_BASE | family


def PSA_KEY_TYPE_IS_SPAKE2P(key_type: int) -> bool:
    return PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key_type) & ~0xFF == PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_IS_SPAKE2P_KEY_PAIR(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_SPAKE2P_KEY_PAIR_BASE


def PSA_KEY_TYPE_IS_SPAKE2P_PUBLIC_KEY(key_type: int) -> bool:
    return key_type & ~0xFF == PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY_BASE


def PSA_KEY_TYPE_SPAKE2P_GET_FAMILY(key_type: int) -> int:
    """The curve family of a SPAKE2+ key type, 0 for any other type."""
    return key_type & PSA_KEY_TYPE_ECC_CURVE_MASK if PSA_KEY_TYPE_IS_SPAKE2P(key_type) else 0


def PSA_GET_KEY_TYPE_BLOCK_SIZE_EXPONENT(key_type: int) -> int:
    return key_type >> 8 & 7


def PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type: int) -> int:
    """The block size in bytes of a symmetric cipher's key type, 1 for a stream cipher, 0 for other types."""
    if key_type & PSA_KEY_TYPE_CATEGORY_MASK != PSA_KEY_TYPE_CATEGORY_SYMMETRIC:
        return 0
    return 1 << PSA_GET_KEY_TYPE_BLOCK_SIZE_EXPONENT(key_type)
