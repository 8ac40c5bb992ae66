"""XTS (IEEE 1619) in pieces: `cryptography` takes a data unit at once only, psa_cipher_update does not.

Ciphertext stealing swaps the last two blocks, so the last whole block and what follows it wait for the end.
"""

from typing import Final

from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT
from .block_ciphers import AES_BLOCK, block_cipher, ecb, xor
from .refusal import Refusal

_ALPHA: Final = 0x87
"""x^128 in GF(2^128)."""


class Xts:
    """One data unit of at least 16 bytes; ``key`` is the key for the data and the key for the tweak."""

    def __init__(self, key_type: int, key: bytes, iv: bytes, *, encrypt: bool) -> None:
        half = len(key) // 2
        self._encrypt = encrypt
        self._ecb = ecb(block_cipher(key_type, key[:half]), encrypt=encrypt)
        tweak = ecb(block_cipher(key_type, key[half:]), encrypt=True).update(iv)
        self._tweak = int.from_bytes(tweak, "little")
        self._held = b""

    def room(self, length: int) -> int:
        """The bytes that an update with ``length`` bytes gives."""
        return max(0, (len(self._held) + length) // AES_BLOCK - 1) * AES_BLOCK

    def update(self, data: bytes) -> bytes:
        ready = self.room(len(data))
        data = self._held + data
        self._held = data[ready:]
        return self._code(data[:ready], self._tweaks(ready // AES_BLOCK))

    def finish(self) -> bytes:
        """The last 16 to 31 bytes. IEEE 1619, 5.1: less than a block has no XTS, INVALID_ARGUMENT."""
        whole, rest = self._held[:AES_BLOCK], self._held[AES_BLOCK:]
        if len(whole) < AES_BLOCK:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if not rest:
            return self._code(whole, self._tweaks(1))
        first, second = self._tweaks(1), self._tweaks(1)
        if not self._encrypt:
            first, second = second, first
        stolen = self._code(whole, first)
        return self._code(rest + stolen[len(rest) :], second) + stolen[: len(rest)]

    def _tweaks(self, count: int) -> bytes:
        """The tweaks of the next blocks; each is the one before times x."""
        tweaks = []
        for _ in range(count):
            tweaks.append(self._tweak.to_bytes(AES_BLOCK, "little"))
            self._tweak <<= 1
            if self._tweak >> 128:
                self._tweak = self._tweak & (1 << 128) - 1 ^ _ALPHA
        return b"".join(tweaks)

    def _code(self, data: bytes, tweaks: bytes) -> bytes:
        return xor(self._ecb.update(xor(data, tweaks)), tweaks)
