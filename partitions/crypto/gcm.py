"""Galois/Counter mode over 128-bit block ciphers (NIST SP 800-38D), at once and in pieces.

`cryptography` has it for AES with nonces of 8 to 128 bytes. For shorter ones, and for Camellia, it is put
together here; the arithmetic in the field is slow, some microseconds a block.
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

from .block_ciphers import ecb, xor

_BLOCK: Final = 16
_SHORTEST_TAG: Final = 4
_SHORTEST_NONCE: Final = 8
"""What the library takes, in bytes."""
_COUNTER_NONCE: Final = 12
_REDUCTION: Final = 0xE1 << 120
"""SP 800-38D 6.3, R: the field's polynomial, most significant bit first."""


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

    def start_encrypt(self, nonce: bytes, lengths: tuple[int, int] = (0, 0)) -> "GcmEncryption | GcmInSteps":
        """GCM needs no lengths."""
        if not isinstance(self._block, AES) or len(nonce) < _SHORTEST_NONCE:
            return GcmInSteps(self._block, nonce, encrypt=True)
        return GcmEncryption(Cipher(self._block, modes.GCM(nonce)).encryptor())

    def start_decrypt(self, nonce: bytes, lengths: tuple[int, int] = (0, 0)) -> "GcmDecryption | GcmInSteps":
        """GCM needs no lengths."""
        if not isinstance(self._block, AES) or len(nonce) < _SHORTEST_NONCE:
            return GcmInSteps(self._block, nonce, encrypt=False)
        return GcmDecryption(Cipher(self._block, modes.GCM(nonce, None, _SHORTEST_TAG)).decryptor())


class GcmEncryption:
    """One message on its way through the library."""

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


class Ghash:
    """The hash of SP 800-38D 6.4 under the key ``subkey``; all data in whole blocks but for their end."""

    def __init__(self, subkey: bytes) -> None:
        # The key times x to the power of 0 to 127: a product is the sum of those that the factor's bits name.
        power = int.from_bytes(subkey, "big")
        self._powers = []
        for _ in range(8 * _BLOCK):
            self._powers.append(power)
            power = power >> 1 ^ (_REDUCTION if power & 1 else 0)
        self._sum = 0
        self._rest = b""

    def update(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) - len(data) % _BLOCK
        for start in range(0, whole, _BLOCK):
            factor = self._sum ^ int.from_bytes(data[start : start + _BLOCK], "big")
            self._sum = 0
            for bit, power in zip(f"{factor:0128b}", self._powers, strict=True):
                if bit == "1":
                    self._sum ^= power
        self._rest = data[whole:]

    def fill_block(self) -> None:
        """Zeros to the end of the block that is under way, if there is one."""
        self.update(bytes(-len(self._rest) % _BLOCK))

    def digest(self) -> bytes:
        return self._sum.to_bytes(_BLOCK, "big")


class Counter32:
    """Counter mode whose last 32 bits wrap by themselves (SP 800-38D 6.2, inc32), from ``start`` on."""

    def __init__(self, block: BlockCipherAlgorithm, start: bytes) -> None:
        self._ecb = ecb(block, encrypt=True)
        self._head, self._next = start[:12], int.from_bytes(start[12:], "big")
        self._spare = b""

    def update(self, data: bytes) -> bytes:
        blocks = -(-max(0, len(data) - len(self._spare)) // _BLOCK)
        counts = ((self._next + i) % 2**32 for i in range(blocks))
        stream = self._spare + self._ecb.update(
            b"".join(self._head + count.to_bytes(4, "big") for count in counts)
        )
        self._next += blocks
        self._spare = stream[len(data) :]
        return xor(data, stream[: len(data)])


class GcmInSteps:
    """Either direction with any nonce over any block cipher (SP 800-38D 7.1, 7.2)."""

    def __init__(self, block: BlockCipherAlgorithm, nonce: bytes, *, encrypt: bool) -> None:
        self._is_encrypt = encrypt
        subkey = ecb(block, encrypt=True).update(bytes(_BLOCK))
        first = nonce + b"\0\0\0\1" if len(nonce) == _COUNTER_NONCE else _hashed_nonce(subkey, nonce)
        self._stream = Counter32(block, first)
        self._mask = self._stream.update(bytes(_BLOCK))
        self._hash = Ghash(subkey)
        self._ad_length = self._length = 0

    def update_ad(self, data: bytes) -> None:
        self._hash.update(data)
        self._ad_length += len(data)

    def update(self, data: bytes) -> bytes:
        if not self._length:
            self._hash.fill_block()
        output = self._stream.update(data)
        self._hash.update(output if self._is_encrypt else data)
        self._length += len(data)
        return output

    def tag(self) -> bytes:
        """All 16 bytes."""
        self._hash.fill_block()
        self._hash.update((8 * self._ad_length).to_bytes(8, "big") + (8 * self._length).to_bytes(8, "big"))
        return xor(self._hash.digest(), self._mask)

    def verify(self, tag: bytes) -> bool:
        return hmac.compare_digest(self.tag()[: len(tag)], tag)


def _hashed_nonce(subkey: bytes, nonce: bytes) -> bytes:
    """SP 800-38D 7.1, step 2: the first counter block of a nonce that has not 12 bytes."""
    digest = Ghash(subkey)
    digest.update(nonce)
    digest.fill_block()
    digest.update((8 * len(nonce)).to_bytes(_BLOCK, "big"))
    return digest.digest()
