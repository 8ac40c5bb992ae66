"""Counter with CBC-MAC (RFC 3610, NIST SP 800-38C) over 128-bit block ciphers, at once and in pieces.

`cryptography` has it at once and for AES alone; the pieces are counter mode and CBC.
"""

import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from .block_ciphers import Context, Counter, xor

_BLOCK: Final = 16
_AD_LENGTH_END: Final = 0xFF00
"""From so many bytes on, the length of additional data takes more than two bytes on its way into the MAC."""


def takes_lengths(nonce_length: int, ad_length: int, length: int) -> bool:
    """Whether CCM, as it is here, can process additional data and a plaintext of these lengths in bytes.

    RFC 3610 2.1: the plaintext's length is written in 15 - ``nonce_length`` bytes. Mbed TLS
    mbedtls_ccm_set_lengths: the longer encodings of the additional data's length are left out.
    """
    return ad_length < _AD_LENGTH_END and length < 1 << 8 * (15 - nonce_length)


class Ccm:
    """CCM with a key and tags of ``tag_length`` bytes (4 to 16, even); a nonce has 7 to 13 bytes."""

    def __init__(self, block: BlockCipherAlgorithm, tag_length: int) -> None:
        self._block = block
        self._tag_length = tag_length

    def seal(self, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""
        if isinstance(self._block, AES):
            return AESCCM(self._block.key, self._tag_length).encrypt(nonce, plaintext, ad)
        stream = self.start_encrypt(nonce, (len(ad), len(plaintext)))
        stream.update_ad(ad)
        return stream.update(plaintext) + stream.tag()

    def open_sealed(self, nonce: bytes, ad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext of a ciphertext with its tag behind it, None unless it is authentic."""
        if isinstance(self._block, AES):
            try:
                return AESCCM(self._block.key, self._tag_length).decrypt(nonce, sealed, ad)
            except InvalidTag:
                return None
        stream = self.start_decrypt(nonce, (len(ad), len(sealed) - self._tag_length))
        stream.update_ad(ad)
        plaintext = stream.update(sealed[: -self._tag_length])
        return plaintext if stream.verify(sealed[-self._tag_length :]) else None

    def start_encrypt(self, nonce: bytes, lengths: tuple[int, int]) -> "CcmStream":
        """``lengths`` of the additional data and of the plaintext to come."""
        return CcmStream(self._block, nonce, lengths, self._tag_length, encrypt=True)

    def start_decrypt(self, nonce: bytes, lengths: tuple[int, int]) -> "CcmStream":
        """``lengths`` of the additional data and of the ciphertext to come, which is its plaintext's."""
        return CcmStream(self._block, nonce, lengths, self._tag_length, encrypt=False)


def _counter(block: BlockCipherAlgorithm, start: bytes) -> Context:
    return Cipher(block, modes.CTR(start)).encryptor() if isinstance(block, AES) else Counter(block, start)


class CcmStream:
    """One message on its way; ``lengths`` are those of its additional data and of its plaintext."""

    def __init__(
        self,
        block: BlockCipherAlgorithm,
        nonce: bytes,
        lengths: tuple[int, int],
        tag_length: int,
        *,
        encrypt: bool,
    ) -> None:
        self._is_encrypt = encrypt
        self._tag_length = tag_length
        size = 15 - len(nonce)
        # RFC 3610 2.3: block 0 of the key stream masks the tag, the message begins with block 1.
        self._stream = _counter(block, bytes((size - 1,)) + nonce + bytes(size))
        self._mask = self._stream.update(bytes(_BLOCK))
        self._cbc = Cipher(block, modes.CBC(bytes(_BLOCK))).encryptor()
        self._mac = b""
        self._fed = 0
        self._in_body = False
        ad_length, length = lengths
        # RFC 3610 2.2: flags, nonce, length; then the additional data with its length in front.
        flags = bool(ad_length) << 6 | (tag_length - 2) // 2 << 3 | size - 1
        self._authenticate(bytes((flags,)) + nonce + length.to_bytes(size, "big"))
        if ad_length:
            self._authenticate(ad_length.to_bytes(2, "big"))

    def _authenticate(self, data: bytes) -> None:
        blocks = self._cbc.update(data)
        self._fed += len(data)
        if blocks:
            self._mac = blocks[-_BLOCK:]

    def _fill_block(self) -> None:
        self._authenticate(bytes(-self._fed % _BLOCK))

    def update_ad(self, data: bytes) -> None:
        self._authenticate(data)

    def update(self, data: bytes) -> bytes:
        if not self._in_body:
            self._in_body = True
            self._fill_block()
        output = self._stream.update(data)
        self._authenticate(data if self._is_encrypt else output)
        return output

    def tag(self) -> bytes:
        """As long as the nonce block says."""
        self._fill_block()
        return xor(self._mac, self._mask)[: self._tag_length]

    def verify(self, tag: bytes) -> bool:
        return hmac.compare_digest(self.tag(), tag)
