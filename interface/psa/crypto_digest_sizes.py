"""PSA Crypto API 1.2: sizes of hashes, hash suspend states and MACs (psa/crypto_sizes.h), in bytes."""

from functools import lru_cache
from typing import Final, NamedTuple

from .crypto_algorithms import (
    MACRO_CACHE_SIZE,
    PSA_ALG_HASH_MASK,
    PSA_ALG_MD2,
    PSA_ALG_MD4,
    PSA_ALG_MD5,
    PSA_ALG_RIPEMD160,
    PSA_ALG_SHA3_224,
    PSA_ALG_SHA3_256,
    PSA_ALG_SHA3_384,
    PSA_ALG_SHA3_512,
    PSA_ALG_SHA_1,
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ALG_SHA_512_224,
    PSA_ALG_SHA_512_256,
    PSA_ALG_SHAKE256_512,
    PSA_ALG_SM3,
)
from .crypto_key_types import PSA_BLOCK_CIPHER_BLOCK_LENGTH
from .crypto_symmetric import (
    PSA_ALG_HMAC_GET_HASH,
    PSA_ALG_IS_BLOCK_CIPHER_MAC,
    PSA_ALG_IS_HMAC,
    PSA_MAC_TRUNCATED_LENGTH,
)


class _HashSizes(NamedTuple):
    """Of the digest, the input block, and the state and length fields of a suspend state (0: none)."""

    digest: int
    block: int
    state: int = 0
    length: int = 0


_SIZES: Final = {
    PSA_ALG_MD2: _HashSizes(16, 16, 64, 1),
    PSA_ALG_MD4: _HashSizes(16, 64, 16, 8),
    PSA_ALG_MD5: _HashSizes(16, 64, 16, 8),
    PSA_ALG_RIPEMD160: _HashSizes(20, 64, 20, 8),
    PSA_ALG_SHA_1: _HashSizes(20, 64, 20, 8),
    PSA_ALG_SHA_224: _HashSizes(28, 64, 32, 8),
    PSA_ALG_SHA_256: _HashSizes(32, 64, 32, 8),
    PSA_ALG_SHA_384: _HashSizes(48, 128, 64, 16),
    PSA_ALG_SHA_512: _HashSizes(64, 128, 64, 16),
    PSA_ALG_SHA_512_224: _HashSizes(28, 128, 64, 16),
    PSA_ALG_SHA_512_256: _HashSizes(32, 128, 64, 16),
    PSA_ALG_SHA3_224: _HashSizes(28, 144),
    PSA_ALG_SHA3_256: _HashSizes(32, 136),
    PSA_ALG_SHA3_384: _HashSizes(48, 104),
    PSA_ALG_SHA3_512: _HashSizes(64, 72),
    PSA_ALG_SHAKE256_512: _HashSizes(64, 136),
    PSA_ALG_SM3: _HashSizes(32, 64),
}
_BY_LOW_BYTE: Final = {alg & PSA_ALG_HASH_MASK: sizes for alg, sizes in _SIZES.items()}
_NONE: Final = _HashSizes(0, 0)

PSA_HASH_MAX_SIZE: Final = 64
PSA_HMAC_MAX_HASH_BLOCK_SIZE: Final = 144
PSA_MAC_MAX_SIZE: Final = PSA_HASH_MAX_SIZE
PSA_HASH_SUSPEND_ALGORITHM_FIELD_LENGTH: Final = 4


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_HASH_LENGTH(alg: int) -> int:
    """The digest length of a hash, HMAC or hash-and-sign algorithm; 0 for an unknown hash."""
    return _BY_LOW_BYTE.get(alg & PSA_ALG_HASH_MASK, _NONE).digest


def PSA_HASH_BLOCK_LENGTH(alg: int) -> int:
    """The input block of a hash, HMAC or hash-and-sign algorithm; 0 for an unknown hash."""
    return _BY_LOW_BYTE.get(alg & PSA_ALG_HASH_MASK, _NONE).block


def PSA_HASH_SUSPEND_INPUT_LENGTH_FIELD_LENGTH(alg: int) -> int:
    """0 for a hash that cannot be suspended: SHA-3, SM3."""
    return _SIZES.get(alg, _NONE).length


def PSA_HASH_SUSPEND_HASH_STATE_FIELD_LENGTH(alg: int) -> int:
    """0 for a hash that cannot be suspended: SHA-3, SM3."""
    return _SIZES.get(alg, _NONE).state


def PSA_HASH_SUSPEND_OUTPUT_SIZE(alg: int) -> int:
    """Room for the suspend state of a hash that has one: four fields, the last less than a block."""
    sizes = _SIZES.get(alg, _NONE)
    return PSA_HASH_SUSPEND_ALGORITHM_FIELD_LENGTH + sizes.length + sizes.state + sizes.block - 1


PSA_HASH_SUSPEND_OUTPUT_MAX_SIZE: Final = 211
"""That of SHA-512."""


def PSA_MAC_LENGTH(key_type: int, key_bits: int, alg: int) -> int:
    """The MAC length of ``alg``: the truncated one, or the full one; 0 when it is not known."""
    del key_bits
    if truncated := PSA_MAC_TRUNCATED_LENGTH(alg):
        return truncated
    if PSA_ALG_IS_HMAC(alg):
        return PSA_HASH_LENGTH(PSA_ALG_HMAC_GET_HASH(alg))
    return PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type) if PSA_ALG_IS_BLOCK_CIPHER_MAC(alg) else 0
