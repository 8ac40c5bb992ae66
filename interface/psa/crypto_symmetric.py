"""PSA Crypto API 1.2: macros of the MAC, cipher and AEAD algorithms (psa/crypto_values.h)."""

from functools import lru_cache

from .crypto_algorithms import (
    MACRO_CACHE_SIZE,
    PSA_AEAD_TAG_LENGTH_OFFSET,
    PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_AEAD_FROM_BLOCK_FLAG,
    PSA_ALG_AEAD_TAG_LENGTH_MASK,
    PSA_ALG_CATEGORY_AEAD,
    PSA_ALG_CATEGORY_CIPHER,
    PSA_ALG_CATEGORY_HASH,
    PSA_ALG_CATEGORY_MASK,
    PSA_ALG_CCM,
    PSA_ALG_CHACHA20_POLY1305,
    PSA_ALG_CIPHER_MAC_BASE,
    PSA_ALG_CIPHER_STREAM_FLAG,
    PSA_ALG_GCM,
    PSA_ALG_HASH_MASK,
    PSA_ALG_HMAC_BASE,
    PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG,
    PSA_ALG_MAC_SUBCATEGORY_MASK,
    PSA_ALG_MAC_TRUNCATION_MASK,
    PSA_ALG_NONE,
    PSA_ALG_XCHACHA20_POLY1305,
    PSA_MAC_TRUNCATION_OFFSET,
)


def PSA_ALG_HMAC(hash_alg: int) -> int:
    return PSA_ALG_HMAC_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_HMAC(alg: int) -> bool:
    # The mask of the specification but for the wildcard's flag: an HMAC of at least a length is an HMAC.
    return alg & 0x7FC07F00 == PSA_ALG_HMAC_BASE


def PSA_ALG_HMAC_GET_HASH(alg: int) -> int:
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_BLOCK_CIPHER_MAC(alg: int) -> bool:
    """True for CBC-MAC and CMAC."""
    return alg & (PSA_ALG_CATEGORY_MASK | PSA_ALG_MAC_SUBCATEGORY_MASK) == PSA_ALG_CIPHER_MAC_BASE


def PSA_ALG_TRUNCATED_MAC(mac_alg: int, mac_length: int) -> int:
    """``mac_alg`` cut to ``mac_length`` bytes (1 to 63); a length of 0 stands for the full length."""
    cleared = mac_alg & ~(PSA_ALG_MAC_TRUNCATION_MASK | PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG)
    return cleared | mac_length << PSA_MAC_TRUNCATION_OFFSET & PSA_ALG_MAC_TRUNCATION_MASK


def PSA_ALG_FULL_LENGTH_MAC(mac_alg: int) -> int:
    return PSA_ALG_TRUNCATED_MAC(mac_alg, 0)


def PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(mac_alg: int, min_mac_length: int) -> int:
    """A wildcard for policies: ``mac_alg`` of at least ``min_mac_length`` bytes."""
    return PSA_ALG_TRUNCATED_MAC(mac_alg, min_mac_length) | PSA_ALG_MAC_AT_LEAST_THIS_LENGTH_FLAG


def PSA_MAC_TRUNCATED_LENGTH(mac_alg: int) -> int:
    """The length in bytes that ``mac_alg`` names, 0 for the full length."""
    return (mac_alg & PSA_ALG_MAC_TRUNCATION_MASK) >> PSA_MAC_TRUNCATION_OFFSET


def PSA_ALG_IS_STREAM_CIPHER(alg: int) -> bool:
    """True for ciphers that take input of any length: stream ciphers, CTR, CFB, OFB, CCM* without tag."""
    mask = PSA_ALG_CATEGORY_MASK | PSA_ALG_CIPHER_STREAM_FLAG
    return alg & mask == PSA_ALG_CATEGORY_CIPHER | PSA_ALG_CIPHER_STREAM_FLAG


def PSA_ALG_IS_AEAD_ON_BLOCK_CIPHER(alg: int) -> bool:
    mask = PSA_ALG_CATEGORY_MASK | PSA_ALG_AEAD_FROM_BLOCK_FLAG
    return alg & mask == PSA_ALG_CATEGORY_AEAD | PSA_ALG_AEAD_FROM_BLOCK_FLAG


def PSA_ALG_AEAD_WITH_SHORTENED_TAG(aead_alg: int, tag_length: int) -> int:
    """``aead_alg`` with a tag of ``tag_length`` bytes (1 to 63)."""
    cleared = aead_alg & ~(PSA_ALG_AEAD_TAG_LENGTH_MASK | PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG)
    return cleared | tag_length << PSA_AEAD_TAG_LENGTH_OFFSET & PSA_ALG_AEAD_TAG_LENGTH_MASK


def PSA_ALG_AEAD_GET_TAG_LENGTH(aead_alg: int) -> int:
    """The tag length in bytes that ``aead_alg`` names."""
    return (aead_alg & PSA_ALG_AEAD_TAG_LENGTH_MASK) >> PSA_AEAD_TAG_LENGTH_OFFSET


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(aead_alg: int) -> int:
    """The algorithm of ``aead_alg`` with its default tag (16 bytes); PSA_ALG_NONE for one not known."""
    wanted = PSA_ALG_AEAD_WITH_SHORTENED_TAG(aead_alg, 0)
    for alg in (PSA_ALG_CCM, PSA_ALG_GCM, PSA_ALG_CHACHA20_POLY1305, PSA_ALG_XCHACHA20_POLY1305):
        if PSA_ALG_AEAD_WITH_SHORTENED_TAG(alg, 0) == wanted:
            return alg
    return PSA_ALG_NONE


def PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(aead_alg: int, min_tag_length: int) -> int:
    """A wildcard for policies: ``aead_alg`` with a tag of at least ``min_tag_length`` bytes."""
    shortened = PSA_ALG_AEAD_WITH_SHORTENED_TAG(aead_alg, min_tag_length)
    return shortened | PSA_ALG_AEAD_AT_LEAST_THIS_LENGTH_FLAG
