"""Message authentication codes by key type and algorithm (PSA Crypto 1.2, section 10.3.1)."""

from collections.abc import Callable
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

from ...interface.psa.crypto_values import (
    PSA_ALG_CBC_MAC,
    PSA_ALG_CMAC,
    PSA_ALG_FULL_LENGTH_MAC,
    PSA_ALG_HMAC_GET_HASH,
    PSA_ALG_IS_HMAC,
)
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from .block_ciphers import BLOCK_LENGTH, KEY_LENGTHS, Context, block_cipher
from .hashing import Hashes
from .refusal import Refusal


class MacState(Protocol):
    """A MAC under way; ``digest`` is the whole MAC and may be asked once."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Cmac:
    """CMAC (NIST SP 800-38B)."""

    def __init__(self, key_type: int, key: bytes) -> None:
        self._cmac = CMAC(block_cipher(key_type, key))

    def update(self, data: bytes, /) -> None:
        self._cmac.update(data)

    def digest(self) -> bytes:
        return self._cmac.finalize()


class CbcMac:
    """CBC-MAC: MAC algorithm 1 of ISO/IEC 9797-1.

    PSA Crypto names no padding; this is the standard's method 1, zeros up to a whole block, which FIPS 113
    has. It leaves whole blocks as they are, and makes one block of an empty message.
    """

    def __init__(self, key_type: int, key: bytes) -> None:
        self._block = BLOCK_LENGTH[key_type]
        zeros = bytes(self._block)
        self._cbc: Context = Cipher(block_cipher(key_type, key), CBC(zeros)).encryptor()
        self._held = b""
        self._last = b""

    def update(self, data: bytes, /) -> None:
        data = self._held + data
        ready = len(data) - len(data) % self._block
        self._held = data[ready:]
        if ready:
            self._last = self._cbc.update(data[:ready])[-self._block :]

    def digest(self) -> bytes:
        if self._held or not self._last:
            self.update(bytes(self._block - len(self._held)))
        return self._last


_BLOCK_CIPHER_MACS: Final[dict[int, Callable[[int, bytes], MacState]]] = {
    PSA_ALG_CMAC: Cmac,
    PSA_ALG_CBC_MAC: CbcMac,
}


def start_mac(hashes: Hashes, key_type: int, key: bytes, alg: int) -> MacState:
    """Begin a MAC, whatever length ``alg`` cuts it to; NOT_SUPPORTED for what is not here."""
    if PSA_ALG_IS_HMAC(alg):
        return hashes.hmac(PSA_ALG_HMAC_GET_HASH(alg), key)
    make = _BLOCK_CIPHER_MACS.get(PSA_ALG_FULL_LENGTH_MAC(alg))
    if make is None or len(key) not in KEY_LENGTHS.get(key_type, ()):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return make(key_type, key)
