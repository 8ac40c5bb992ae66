"""ChaCha20-Poly1305 (RFC 8439), at once and in pieces, and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).

`cryptography` has the first at once; the pieces are its stream cipher and its MAC.
"""

import hmac
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, aead
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305

_XNONCE: Final = 24
_BLOCK: Final = 64
_WORDS: Final = struct.Struct("<8I")
_SIGMA: Final = b"expand 32-byte k"


class ChaCha20Poly1305:
    """The algorithm with a key of 32 bytes and tags of 16.

    A nonce has 12 bytes; one of 24 makes it XChaCha20-Poly1305, which then runs under a key of its own.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""
        key, nonce = _subkey(self._key, nonce)
        return aead.ChaCha20Poly1305(key).encrypt(nonce, plaintext, ad)

    def open_sealed(self, nonce: bytes, ad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext of a ciphertext with its tag behind it, None unless it is authentic."""
        key, nonce = _subkey(self._key, nonce)
        try:
            return aead.ChaCha20Poly1305(key).decrypt(nonce, sealed, ad)
        except InvalidTag:
            return None

    def start_encrypt(self, nonce: bytes, lengths: tuple[int, int] = (0, 0)) -> "ChaCha20Poly1305Stream":
        """The algorithm needs no lengths."""
        return ChaCha20Poly1305Stream(*_subkey(self._key, nonce), encrypt=True)

    def start_decrypt(self, nonce: bytes, lengths: tuple[int, int] = (0, 0)) -> "ChaCha20Poly1305Stream":
        """The algorithm needs no lengths."""
        return ChaCha20Poly1305Stream(*_subkey(self._key, nonce), encrypt=False)


def _subkey(key: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """Key and nonce for the 12-byte algorithm (draft-irtf-cfrg-xchacha-03 2.3)."""
    if len(nonce) == _XNONCE:
        return hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    return key, nonce


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The subkey of a key and the first 16 bytes of an XChaCha20 nonce.

    HChaCha20 is ChaCha20's permutation without the addition of its input that ends a block: so the input's
    words are taken off the first and the last row of a block of key stream.
    """
    stream = Cipher(ChaCha20(key, nonce), None).encryptor().update(bytes(_BLOCK))
    ends = _WORDS.unpack(stream[:16] + stream[48:])
    added = _WORDS.unpack(_SIGMA + nonce)
    return _WORDS.pack(*((word - start) & 0xFFFFFFFF for word, start in zip(ends, added, strict=True)))


class ChaCha20Poly1305Stream:
    """One message on its way; the nonce has 12 bytes."""

    def __init__(self, key: bytes, nonce: bytes, *, encrypt: bool) -> None:
        self._is_encrypt = encrypt
        # RFC 8439 2.6: block 0 of the key stream is the MAC's key, the message begins with block 1.
        self._stream = Cipher(ChaCha20(key, bytes(4) + nonce), None).encryptor()
        self._mac = Poly1305(self._stream.update(bytes(_BLOCK))[:32])
        self._ad_length = 0
        self._length = 0
        self._in_body = False

    def update_ad(self, data: bytes) -> None:
        self._mac.update(data)
        self._ad_length += len(data)

    def _begin_body(self) -> None:
        if not self._in_body:
            self._in_body = True
            self._mac.update(bytes(-self._ad_length % 16))

    def update(self, data: bytes) -> bytes:
        self._begin_body()
        output = self._stream.update(data)
        self._mac.update(output if self._is_encrypt else data)
        self._length += len(data)
        return output

    def tag(self) -> bytes:
        self._begin_body()
        self._mac.update(bytes(-self._length % 16) + struct.pack("<QQ", self._ad_length, self._length))
        return self._mac.finalize()

    def verify(self, tag: bytes) -> bool:
        return hmac.compare_digest(self.tag(), tag)
