"""PSA Crypto API 1.2: sizes of cipher and AEAD buffers (psa/crypto_sizes.h), in bytes.

Each macro yields 0 for a key type and an algorithm that do not go together.
"""

from functools import lru_cache
from typing import Final

from .crypto_algorithms import (
    MACRO_CACHE_SIZE,
    PSA_ALG_CBC_NO_PADDING,
    PSA_ALG_CBC_PKCS7,
    PSA_ALG_CCM,
    PSA_ALG_CCM_STAR_NO_TAG,
    PSA_ALG_CFB,
    PSA_ALG_CHACHA20_POLY1305,
    PSA_ALG_CTR,
    PSA_ALG_ECB_NO_PADDING,
    PSA_ALG_GCM,
    PSA_ALG_IS_CIPHER,
    PSA_ALG_OFB,
    PSA_ALG_STREAM_CIPHER,
    PSA_ALG_XCHACHA20_POLY1305,
    PSA_ALG_XTS,
)
from .crypto_key_types import (
    PSA_BLOCK_CIPHER_BLOCK_LENGTH,
    PSA_KEY_TYPE_CATEGORY_MASK,
    PSA_KEY_TYPE_CATEGORY_SYMMETRIC,
    PSA_KEY_TYPE_CHACHA20,
    PSA_KEY_TYPE_XCHACHA20,
)
from .crypto_symmetric import (
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG,
    PSA_ALG_IS_AEAD_ON_BLOCK_CIPHER,
)

PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE: Final = 16
PSA_CIPHER_MAX_KEY_LENGTH: Final = 64
"""That of AES-256-XTS."""
PSA_CIPHER_IV_MAX_SIZE: Final = 24
"""That of XChaCha20; TF-PSA-Crypto, which lacks it, says 16."""
PSA_CIPHER_FINISH_OUTPUT_MAX_SIZE: Final = 2 * PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE - 1
"""That of XTS; TF-PSA-Crypto, which lacks it, says 16."""
PSA_AEAD_TAG_MAX_SIZE: Final = 16
PSA_AEAD_NONCE_MAX_SIZE: Final = 24
"""That of XChaCha20-Poly1305; TF-PSA-Crypto, which lacks it, says 13."""
PSA_AEAD_FINISH_OUTPUT_MAX_SIZE: Final = PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE
PSA_AEAD_VERIFY_OUTPUT_MAX_SIZE: Final = PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE

_STREAM_IV_LENGTH: Final = {PSA_KEY_TYPE_CHACHA20: 12, PSA_KEY_TYPE_XCHACHA20: 24}
_IV_OF_ONE_BLOCK: Final = frozenset(
    {PSA_ALG_CTR, PSA_ALG_CFB, PSA_ALG_OFB, PSA_ALG_XTS, PSA_ALG_CBC_NO_PADDING, PSA_ALG_CBC_PKCS7}
)
_BLOCKWISE: Final = frozenset(
    {PSA_ALG_CBC_PKCS7, PSA_ALG_CBC_NO_PADDING, PSA_ALG_ECB_NO_PADDING, PSA_ALG_XTS}
)
_CCM_STAR_NONCE_LENGTH: Final = 13


def PSA_ROUND_UP_TO_MULTIPLE(block_size: int, length: int) -> int:
    return (length + block_size - 1) // block_size * block_size


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_CIPHER_IV_LENGTH(key_type: int, alg: int) -> int:
    """The default IV of a cipher; 0 also for a cipher without one (ECB)."""
    block = PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
    if alg in _IV_OF_ONE_BLOCK:
        return block if block > 1 else 0
    if alg == PSA_ALG_STREAM_CIPHER:
        return _STREAM_IV_LENGTH.get(key_type, 0)
    return _CCM_STAR_NONCE_LENGTH if alg == PSA_ALG_CCM_STAR_NO_TAG else 0


def PSA_CIPHER_ENCRYPT_OUTPUT_SIZE(key_type: int, alg: int, input_length: int) -> int:
    """Room for psa_cipher_encrypt: the IV, and the ciphertext of ``input_length`` bytes."""
    if alg == PSA_ALG_CBC_PKCS7:
        block = PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
        if block == 0:
            return 0
        return PSA_ROUND_UP_TO_MULTIPLE(block, input_length + 1) + PSA_CIPHER_IV_LENGTH(key_type, alg)
    return input_length + PSA_CIPHER_IV_LENGTH(key_type, alg) if PSA_ALG_IS_CIPHER(alg) else 0


def PSA_CIPHER_ENCRYPT_OUTPUT_MAX_SIZE(input_length: int) -> int:
    padded = PSA_ROUND_UP_TO_MULTIPLE(PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE, input_length + 1)
    return padded + PSA_CIPHER_IV_MAX_SIZE


def PSA_CIPHER_DECRYPT_OUTPUT_SIZE(key_type: int, alg: int, input_length: int) -> int:
    symmetric = key_type & PSA_KEY_TYPE_CATEGORY_MASK == PSA_KEY_TYPE_CATEGORY_SYMMETRIC
    return input_length if symmetric and PSA_ALG_IS_CIPHER(alg) else 0


def PSA_CIPHER_DECRYPT_OUTPUT_MAX_SIZE(input_length: int) -> int:
    return input_length


def PSA_CIPHER_UPDATE_OUTPUT_SIZE(key_type: int, alg: int, input_length: int) -> int:
    block = PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
    if block == 0 or not PSA_ALG_IS_CIPHER(alg):
        return 0
    return PSA_ROUND_UP_TO_MULTIPLE(block, input_length) if alg in _BLOCKWISE else input_length


def PSA_CIPHER_UPDATE_OUTPUT_MAX_SIZE(input_length: int) -> int:
    return PSA_ROUND_UP_TO_MULTIPLE(PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE, input_length)


def PSA_CIPHER_FINISH_OUTPUT_SIZE(key_type: int, alg: int) -> int:
    """One block with PKCS#7 padding; the last block and what follows it with XTS; else nothing."""
    block = PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
    return {PSA_ALG_CBC_PKCS7: block, PSA_ALG_XTS: max(0, 2 * block - 1)}.get(alg, 0)


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def PSA_AEAD_NONCE_LENGTH(key_type: int, alg: int) -> int:
    """The default nonce, whatever the tag length of ``alg``; the algorithms take others too."""
    base = PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg)
    if PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type) == 16:
        return {PSA_ALG_CCM: 13, PSA_ALG_GCM: 12}.get(base, 0)
    if key_type == PSA_KEY_TYPE_CHACHA20 and base == PSA_ALG_CHACHA20_POLY1305:
        return 12
    if key_type == PSA_KEY_TYPE_XCHACHA20 and base == PSA_ALG_XCHACHA20_POLY1305:
        return 24
    return 0


def PSA_AEAD_TAG_LENGTH(key_type: int, key_bits: int, alg: int) -> int:
    del key_bits
    return PSA_ALG_AEAD_GET_TAG_LENGTH(alg) if PSA_AEAD_NONCE_LENGTH(key_type, alg) else 0


def PSA_AEAD_ENCRYPT_OUTPUT_SIZE(key_type: int, alg: int, plaintext_length: int) -> int:
    """The ciphertext with the tag behind it."""
    if not PSA_AEAD_NONCE_LENGTH(key_type, alg):
        return 0
    return plaintext_length + PSA_ALG_AEAD_GET_TAG_LENGTH(alg)


def PSA_AEAD_ENCRYPT_OUTPUT_MAX_SIZE(plaintext_length: int) -> int:
    return plaintext_length + PSA_AEAD_TAG_MAX_SIZE


def PSA_AEAD_DECRYPT_OUTPUT_SIZE(key_type: int, alg: int, ciphertext_length: int) -> int:
    """The plaintext; ``ciphertext_length`` includes the tag."""
    if not PSA_AEAD_NONCE_LENGTH(key_type, alg):
        return 0
    return max(0, ciphertext_length - PSA_ALG_AEAD_GET_TAG_LENGTH(alg))


def PSA_AEAD_DECRYPT_OUTPUT_MAX_SIZE(ciphertext_length: int) -> int:
    return ciphertext_length


def PSA_AEAD_UPDATE_OUTPUT_SIZE(key_type: int, alg: int, input_length: int) -> int:
    if not PSA_AEAD_NONCE_LENGTH(key_type, alg):
        return 0
    if not PSA_ALG_IS_AEAD_ON_BLOCK_CIPHER(alg):
        return input_length
    return PSA_ROUND_UP_TO_MULTIPLE(PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type), input_length)


def PSA_AEAD_UPDATE_OUTPUT_MAX_SIZE(input_length: int) -> int:
    return PSA_ROUND_UP_TO_MULTIPLE(PSA_BLOCK_CIPHER_BLOCK_MAX_SIZE, input_length)


def PSA_AEAD_FINISH_OUTPUT_SIZE(key_type: int, alg: int) -> int:
    """What may still come at the end: one block of a block cipher, nothing of a stream cipher."""
    if PSA_AEAD_NONCE_LENGTH(key_type, alg) and PSA_ALG_IS_AEAD_ON_BLOCK_CIPHER(alg):
        return PSA_BLOCK_CIPHER_BLOCK_LENGTH(key_type)
    return 0


def PSA_AEAD_VERIFY_OUTPUT_SIZE(key_type: int, alg: int) -> int:
    return PSA_AEAD_FINISH_OUTPUT_SIZE(key_type, alg)
