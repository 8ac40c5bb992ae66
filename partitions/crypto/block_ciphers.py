"""Block ciphers by key type, and what can be made of ECB where `cryptography` lacks a mode."""

from collections.abc import Callable
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia, TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ...interface.psa.crypto_values import PSA_KEY_TYPE_AES, PSA_KEY_TYPE_CAMELLIA, PSA_KEY_TYPE_DES
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from .refusal import Refusal

DES_BLOCK: Final = 8
AES_BLOCK: Final = 16

BLOCK_LENGTH: Final = {
    PSA_KEY_TYPE_AES: AES_BLOCK,
    PSA_KEY_TYPE_CAMELLIA: AES_BLOCK,
    PSA_KEY_TYPE_DES: DES_BLOCK,
}
"""In bytes, for the block ciphers that there are. ARIA and SM4 are not: no library at hand has the first."""

KEY_LENGTHS: Final = {
    PSA_KEY_TYPE_AES: (16, 24, 32),
    PSA_KEY_TYPE_CAMELLIA: (16, 24, 32),
    PSA_KEY_TYPE_DES: (8, 16, 24),
}
"""In bytes, for one key; the key of XTS is two."""


class Context(Protocol):
    """An encryptor or decryptor of `cryptography`."""

    def update(self, data: bytes, /) -> bytes: ...


def _triple_des(key: bytes) -> TripleDES:
    """PSA_KEY_TYPE_DES: DES with one key, two-key 3DES (K1, K2, K1) and three-key 3DES."""
    return TripleDES({8: key * 3, 16: key + key[:8]}.get(len(key), key))


_ALGORITHMS: Final[dict[int, Callable[[bytes], BlockCipherAlgorithm]]] = {
    PSA_KEY_TYPE_AES: AES,
    PSA_KEY_TYPE_CAMELLIA: Camellia,
    PSA_KEY_TYPE_DES: _triple_des,
}


def block_cipher(key_type: int, key: bytes) -> BlockCipherAlgorithm:
    """The algorithm with its key. KeyError for a key type that is no block cipher here.

    Mbed TLS mbedtls_cipher_values_from_psa: NOT_SUPPORTED for a length that is not in KEY_LENGTHS, which the
    pair of keys of XTS has.
    """
    if len(key) not in KEY_LENGTHS[key_type]:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return _ALGORITHMS[key_type](key)


def ecb(algorithm: BlockCipherAlgorithm, *, encrypt: bool) -> Context:
    cipher = Cipher(algorithm, ECB())
    return cipher.encryptor() if encrypt else cipher.decryptor()


def xor(left: bytes, right: bytes) -> bytes:
    """Of two strings of one length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


class Counter:
    """CTR mode over ECB (NIST SP 800-38A, 6.5): the counter is a whole block, big endian."""

    def __init__(self, algorithm: BlockCipherAlgorithm, counter_block: bytes) -> None:
        self._ecb = ecb(algorithm, encrypt=True)
        self._block = len(counter_block)
        self._next = int.from_bytes(counter_block, "big")
        self._spare = b""

    def update(self, data: bytes, /) -> bytes:
        wanted = max(0, len(data) - len(self._spare))
        blocks = -(-wanted // self._block)
        mask = (1 << 8 * self._block) - 1
        counters = b"".join(((self._next + i) & mask).to_bytes(self._block, "big") for i in range(blocks))
        self._next = (self._next + blocks) & mask
        stream = self._spare + self._ecb.update(counters)
        self._spare = stream[len(data) :]
        return xor(data, stream[: len(data)])
