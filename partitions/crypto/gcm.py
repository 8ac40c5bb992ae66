"""Galois/Counter mode over 128-bit block ciphers (NIST SP 800-38D), at once and in pieces.

`cryptography` takes nonces of 8 to 128 bytes. For shorter ones the first counter block is worked out here,
with the library's own GCM doing the arithmetic in the field.
"""

import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import (
    AEADDecryptionContext,
    AEADEncryptionContext,
    BlockCipherAlgorithm,
    Cipher,
    modes,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

_SHORTEST_TAG: Final = 4
_SHORTEST_NONCE: Final = 8
"""What the library takes, in bytes."""
_ZERO_NONCE: Final = bytes(12)


class Gcm:
    """GCM with a key and tags of ``tag_length`` bytes; a nonce has 1 to 128 bytes."""

    def __init__(self, block: BlockCipherAlgorithm, tag_length: int) -> None:
        self._block = block
        self._tag_length = tag_length

    def seal(self, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""
        if isinstance(self._block, AES) and len(nonce) >= _SHORTEST_NONCE:
            sealed = AESGCM(self._block.key).encrypt(nonce, plaintext, ad)
            return sealed[: len(plaintext) + self._tag_length]
        stream = self.start_encrypt(nonce)
        stream.update_ad(ad)
        return stream.update(plaintext) + stream.tag()[: self._tag_length]

    def open_sealed(self, nonce: bytes, ad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext of a ciphertext with its tag behind it, None unless it is authentic."""
        stream = self.start_decrypt(nonce)
        stream.update_ad(ad)
        plaintext = stream.update(sealed[: -self._tag_length])
        return plaintext if stream.verify(sealed[-self._tag_length :]) else None

    def start_encrypt(
        self, nonce: bytes, lengths: tuple[int, int] = (0, 0)
    ) -> "GcmEncryption | GcmWithShortNonce":
        """GCM needs no lengths."""
        if len(nonce) < _SHORTEST_NONCE:
            return GcmWithShortNonce(self._block, nonce, encrypt=True)
        return GcmEncryption(Cipher(self._block, modes.GCM(nonce)).encryptor())

    def start_decrypt(
        self, nonce: bytes, lengths: tuple[int, int] = (0, 0)
    ) -> "GcmDecryption | GcmWithShortNonce":
        """GCM needs no lengths."""
        if len(nonce) < _SHORTEST_NONCE:
            return GcmWithShortNonce(self._block, nonce, encrypt=False)
        return GcmDecryption(Cipher(self._block, modes.GCM(nonce, None, _SHORTEST_TAG)).decryptor())


class GcmEncryption:
    """One message on its way, with a nonce of 8 bytes or more."""

    def __init__(self, context: AEADEncryptionContext) -> None:
        self._context = context

    def update_ad(self, data: bytes) -> None:
        self._context.authenticate_additional_data(data)

    def update(self, data: bytes) -> bytes:
        return self._context.update(data)

    def tag(self) -> bytes:
        """All 16 bytes."""
        self._context.finalize()
        return self._context.tag


class GcmDecryption:
    """The way back: plaintext comes out before anything is known about its authenticity."""

    def __init__(self, context: AEADDecryptionContext) -> None:
        self._context = context

    def update_ad(self, data: bytes) -> None:
        self._context.authenticate_additional_data(data)

    def update(self, data: bytes) -> bytes:
        return self._context.update(data)

    def verify(self, tag: bytes) -> bool:
        """``tag`` has 4 to 16 bytes."""
        try:
            self._context.finalize_with_tag(tag)
        except InvalidTag:
            return False
        return True


class Counter32:
    """Counter mode whose last 32 bits wrap by themselves, as SP 800-38D counts (inc32)."""

    def __init__(self, block: BlockCipherAlgorithm, start: bytes) -> None:
        self._block = block
        self._head = start[:12]
        self._begin(int.from_bytes(start[12:], "big"))

    def _begin(self, count: int) -> None:
        self._stream = Cipher(self._block, modes.CTR(self._head + count.to_bytes(4, "big"))).encryptor()
        self._left = (2**32 - count) * 16

    def update(self, data: bytes) -> bytes:
        before, after = data[: self._left], data[self._left :]
        output = self._stream.update(before)
        self._left -= len(before)
        if not after:
            return output
        self._begin(0)
        return output + self.update(after)


class GcmWithShortNonce:
    """Either direction with a nonce of any length, built from counter mode and a second GCM.

    The second GCM runs under a nonce of twelve zero bytes. Its input is masked with its own key stream, so
    what it authenticates is the ciphertext of the message, and its tag differs from the wanted one by the two
    nonces' masks alone.
    """

    def __init__(self, block: BlockCipherAlgorithm, nonce: bytes, *, encrypt: bool) -> None:
        self._is_encrypt = encrypt
        self._ecb = Cipher(block, modes.ECB()).encryptor()
        zero_block = _ZERO_NONCE + b"\0\0\0\1"
        # SP 800-38D 7.1, step 2: J0 = GHASH(nonce padded to blocks, 64 zero bits, its length in bits), which
        # is the field sum behind the tag of a message without additional data whose ciphertext is the nonce.
        hashing = Ghash(block)
        hashing.update(nonce)
        zero_mask = self._ecb.update(zero_block)
        counter_block = xor(hashing.tag(), zero_mask)
        self._mask = xor(self._ecb.update(counter_block), zero_mask)
        low = (int.from_bytes(counter_block[12:], "big") + 1) % 2**32
        self._stream = Counter32(block, counter_block[:12] + low.to_bytes(4, "big"))
        self._hashing = Ghash(block)

    def update_ad(self, data: bytes) -> None:
        self._hashing.update_ad(data)

    def update(self, data: bytes) -> bytes:
        output = self._stream.update(data)
        self._hashing.update(output if self._is_encrypt else data)
        return output

    def tag(self) -> bytes:
        """All 16 bytes."""
        return xor(self._hashing.tag(), self._mask)

    def verify(self, tag: bytes) -> bool:
        return hmac.compare_digest(self.tag()[: len(tag)], tag)


class Ghash:
    """GCM under the nonce of zeros for what it authenticates: ``update`` takes ciphertext."""

    def __init__(self, block: BlockCipherAlgorithm) -> None:
        self._context = Cipher(block, modes.GCM(_ZERO_NONCE)).encryptor()
        self._unmask = Cipher(block, modes.CTR(_ZERO_NONCE + b"\0\0\0\2")).encryptor()

    def update_ad(self, data: bytes) -> None:
        self._context.authenticate_additional_data(data)

    def update(self, ciphertext: bytes) -> None:
        self._context.update(self._unmask.update(ciphertext))

    def tag(self) -> bytes:
        self._context.finalize()
        return self._context.tag


def xor(left: bytes, right: bytes) -> bytes:
    """Of two blocks of the same length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
