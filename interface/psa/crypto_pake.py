"""PSA Crypto API 1.2 PAKE Extension: algorithms, primitives, roles and steps."""

from typing import Final

from .crypto_algorithms import (
    PSA_ALG_HASH_MASK,
    PSA_ALG_JPAKE_BASE,
    PSA_ALG_SPAKE2P_CMAC_BASE,
    PSA_ALG_SPAKE2P_HMAC_BASE,
    PSA_ALG_SPAKE2P_MATTER,
)

PSA_PAKE_PRIMITIVE_TYPE_ECC: Final = 0x01
PSA_PAKE_PRIMITIVE_TYPE_DH: Final = 0x02

PSA_PAKE_CONFIRMED_KEY: Final = 0
PSA_PAKE_UNCONFIRMED_KEY: Final = 1

PSA_PAKE_ROLE_NONE: Final = 0x00
PSA_PAKE_ROLE_FIRST: Final = 0x01
PSA_PAKE_ROLE_SECOND: Final = 0x02
PSA_PAKE_ROLE_CLIENT: Final = 0x11
PSA_PAKE_ROLE_SERVER: Final = 0x12

PSA_PAKE_STEP_KEY_SHARE: Final = 0x01
PSA_PAKE_STEP_ZK_PUBLIC: Final = 0x02
PSA_PAKE_STEP_ZK_PROOF: Final = 0x03
PSA_PAKE_STEP_CONFIRM: Final = 0x04


def PSA_PAKE_PRIMITIVE(pake_type: int, pake_family: int, pake_bits: int) -> int:
    """A PAKE primitive; 0 when ``pake_bits`` does not fit 16 bits."""
    if pake_bits & 0xFFFF != pake_bits:
        return 0
    return pake_type << 24 | pake_family << 16 | pake_bits


def PSA_PAKE_PRIMITIVE_GET_TYPE(primitive: int) -> int:
    return primitive >> 24 & 0xFF


def PSA_PAKE_PRIMITIVE_GET_FAMILY(primitive: int) -> int:
    return primitive >> 16 & 0xFF


def PSA_PAKE_PRIMITIVE_GET_BITS(primitive: int) -> int:
    return primitive & 0xFFFF


def PSA_ALG_JPAKE(hash_alg: int) -> int:
    return PSA_ALG_JPAKE_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_JPAKE(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_JPAKE_BASE


def PSA_ALG_SPAKE2P_HMAC(hash_alg: int) -> int:
    return PSA_ALG_SPAKE2P_HMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_SPAKE2P_HMAC(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_SPAKE2P_HMAC_BASE


def PSA_ALG_SPAKE2P_CMAC(hash_alg: int) -> int:
    return PSA_ALG_SPAKE2P_CMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_SPAKE2P_CMAC(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_SPAKE2P_CMAC_BASE


def PSA_ALG_IS_SPAKE2P(alg: int) -> bool:
    """True for SPAKE2+ with HMAC or CMAC confirmation and for Matter's own."""
    return PSA_ALG_IS_SPAKE2P_HMAC(alg) or PSA_ALG_IS_SPAKE2P_CMAC(alg) or alg == PSA_ALG_SPAKE2P_MATTER
