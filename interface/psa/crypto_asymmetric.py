"""PSA Crypto API 1.2: macros of the signature and asymmetric encryption algorithms (psa/crypto_values.h)."""

from functools import lru_cache

from .crypto_algorithms import (
    MACRO_CACHE_SIZE,
    PSA_ALG_CATEGORY_HASH,
    PSA_ALG_DETERMINISTIC_ECDSA_BASE,
    PSA_ALG_ECDSA_ANY,
    PSA_ALG_ECDSA_BASE,
    PSA_ALG_ECDSA_DETERMINISTIC_FLAG,
    PSA_ALG_GET_HASH,
    PSA_ALG_HASH_EDDSA_BASE,
    PSA_ALG_HASH_MASK,
    PSA_ALG_IS_SIGN,
    PSA_ALG_RSA_OAEP_BASE,
    PSA_ALG_RSA_PKCS1V15_SIGN_BASE,
    PSA_ALG_RSA_PKCS1V15_SIGN_RAW,
    PSA_ALG_RSA_PSS_ANY_SALT_BASE,
    PSA_ALG_RSA_PSS_BASE,
)


def PSA_ALG_RSA_PKCS1V15_SIGN(hash_alg: int) -> int:
    return PSA_ALG_RSA_PKCS1V15_SIGN_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_RSA_PKCS1V15_SIGN(alg: int) -> bool:
    """True with any hash and for PSA_ALG_RSA_PKCS1V15_SIGN_RAW."""
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_RSA_PKCS1V15_SIGN_BASE


def PSA_ALG_RSA_PSS(hash_alg: int) -> int:
    return PSA_ALG_RSA_PSS_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_RSA_PSS_ANY_SALT(hash_alg: int) -> int:
    """PSS whose verification takes a salt of any length; signing is that of PSA_ALG_RSA_PSS."""
    return PSA_ALG_RSA_PSS_ANY_SALT_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_RSA_PSS_STANDARD_SALT(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_RSA_PSS_BASE


def PSA_ALG_IS_RSA_PSS_ANY_SALT(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_RSA_PSS_ANY_SALT_BASE


def PSA_ALG_IS_RSA_PSS(alg: int) -> bool:
    return PSA_ALG_IS_RSA_PSS_STANDARD_SALT(alg) or PSA_ALG_IS_RSA_PSS_ANY_SALT(alg)


def PSA_ALG_ECDSA(hash_alg: int) -> int:
    return PSA_ALG_ECDSA_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_DETERMINISTIC_ECDSA(hash_alg: int) -> int:
    return PSA_ALG_DETERMINISTIC_ECDSA_BASE | hash_alg & PSA_ALG_HASH_MASK


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_ECDSA(alg: int) -> bool:
    """True for randomised and deterministic ECDSA, and for PSA_ALG_ECDSA_ANY."""
    return alg & ~PSA_ALG_HASH_MASK & ~PSA_ALG_ECDSA_DETERMINISTIC_FLAG == PSA_ALG_ECDSA_BASE


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_DETERMINISTIC_ECDSA(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_DETERMINISTIC_ECDSA_BASE


def PSA_ALG_IS_RANDOMIZED_ECDSA(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_ECDSA_BASE


def PSA_ALG_IS_HASH_EDDSA(alg: int) -> bool:
    """True for Ed25519ph and Ed448ph, not for PSA_ALG_PURE_EDDSA."""
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_HASH_EDDSA_BASE


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_IS_HASH_AND_SIGN(alg: int) -> bool:
    """True for RSA PKCS#1 v1.5, RSA PSS, ECDSA and HashEdDSA, whose low byte names the hash (or none)."""
    return (
        PSA_ALG_IS_ECDSA(alg)
        or PSA_ALG_IS_RSA_PSS(alg)
        or PSA_ALG_IS_RSA_PKCS1V15_SIGN(alg)
        or PSA_ALG_IS_HASH_EDDSA(alg)
    )


def PSA_ALG_IS_SIGN_HASH(alg: int) -> bool:
    """True for algorithms of psa_sign_hash and psa_verify_hash.

    The macro of 1.2 says yes to every signature; its text and the macro of 1.5 leave PSA_ALG_PURE_EDDSA out.
    """
    return PSA_ALG_IS_HASH_AND_SIGN(alg)


def PSA_ALG_IS_SIGN_MESSAGE(alg: int) -> bool:
    """True for algorithms of psa_sign_message and psa_verify_message."""
    return PSA_ALG_IS_SIGN(alg) and alg not in (PSA_ALG_ECDSA_ANY, PSA_ALG_RSA_PKCS1V15_SIGN_RAW)


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_ALG_SIGN_GET_HASH(alg: int) -> int:
    """The hash of a hash-and-sign algorithm; 0 when it names none (ECDSA_ANY) or is of another kind."""
    return PSA_ALG_GET_HASH(alg) if PSA_ALG_IS_HASH_AND_SIGN(alg) else 0


def PSA_ALG_RSA_OAEP(hash_alg: int) -> int:
    return PSA_ALG_RSA_OAEP_BASE | hash_alg & PSA_ALG_HASH_MASK


def PSA_ALG_IS_RSA_OAEP(alg: int) -> bool:
    return alg & ~PSA_ALG_HASH_MASK == PSA_ALG_RSA_OAEP_BASE


def PSA_ALG_RSA_OAEP_GET_HASH(alg: int) -> int:
    """The hash of RSA OAEP, 0 for any other algorithm."""
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK if PSA_ALG_IS_RSA_OAEP(alg) else 0
