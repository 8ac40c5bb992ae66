"""The secure AES engine (SAES) of STM32: the key that it alone knows, and what it wraps with it.

DHUK, the derived hardware unique key, follows from a root key that no CPU can read, and from who asks: keys
wrapped for the non-secure side are of no use to the secure one. How the silicon derives it ST does not
publish; the model takes HKDF. On hardware the level of read-out protection (RDP) goes into it as well, which
the model does not have.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..interface.errors import TfmSimError
from ..interface.trace import Trace
from .ccb_events import CPU_BUS, KeyMoved

KEY_SIZES: Final = (16, 32)
"""Bytes of the AES keys that the engine takes."""
RHUK_SIZE: Final = 32


class SaesError(TfmSimError):
    """The engine cannot: no root key, a key of a size that it does not take, or a tag that does not fit."""


class AesMode(Enum):
    """What the engine does with a key that was unwrapped into it."""

    ECB = "ecb"
    CBC = "cbc"
    GCM = "gcm"
    CCM = "ccm"


@dataclass(frozen=True, slots=True)
class AesCall:
    """One use of a wrapped AES key; ``wrap_iv`` empty for a key wrapped in ECB."""

    wrapped: bytes = field(repr=False)
    wrap_iv: bytes
    mode: AesMode
    iv: bytes
    data: bytes = field(repr=False)
    header: bytes = b""
    tag_length: int = 0


class Saes:
    """One device's engine. ``root_key`` reads the fuses, 32 bytes; it is no bus that reads them."""

    def __init__(self, root_key: Callable[[], bytes]) -> None:
        self._root_key = root_key
        self.trace: Trace | None = None

    def seal(self, nonce: bytes, header: bytes, payload: bytes, *, secure: bool) -> bytes:
        """AES-256-GCM under DHUK: ciphertext and tag."""
        return AESGCM(self._dhuk(secure)).encrypt(nonce, payload, header)

    def open(self, nonce: bytes, header: bytes, sealed: bytes, *, secure: bool) -> bytes:
        """The payload, over the bridge to the PKA and to nobody else. Raises SaesError for another tag."""
        try:
            return AESGCM(self._dhuk(secure)).decrypt(nonce, sealed, header)
        except InvalidTag as error:
            raise SaesError("the tag of a blob that is not this device's, or was altered") from error
        except ValueError as error:
            raise _no_input(error) from error

    def wrap_key(self, key: bytes, iv: bytes, *, secure: bool) -> bytes:
        """An AES key under DHUK: ECB without ``iv``, CBC with one. Neither says whether it was altered.

        Raises SaesError for a key that is not of 16 or 32 bytes.
        """
        _check_size(key)
        self._moved(clear=True)
        return _cipher(self._dhuk(secure), iv).encryptor().update(key)

    def encrypt(self, call: AesCall, *, secure: bool) -> bytes:
        """Ciphertext, with the tag of an AEAD behind it. Raises SaesError."""
        key = self._unwrapped(call, secure)
        try:
            if call.mode in (AesMode.ECB, AesMode.CBC):
                return _whole(_cipher(key, call.iv).encryptor(), call.data)
            return _aead(key, call).encrypt(call.iv, call.data, call.header)
        except ValueError as error:
            raise _no_input(error) from error

    def decrypt(self, call: AesCall, *, secure: bool) -> bytes:
        """The plaintext. Raises SaesError, also for a tag that does not fit."""
        key = self._unwrapped(call, secure)
        try:
            if call.mode in (AesMode.ECB, AesMode.CBC):
                return _whole(_cipher(key, call.iv).decryptor(), call.data)
            return _aead(key, call).decrypt(call.iv, call.data, call.header)
        except InvalidTag as error:
            raise SaesError("the tag of a ciphertext that was altered") from error
        except ValueError as error:
            raise _no_input(error) from error

    def _unwrapped(self, call: AesCall, secure: bool) -> bytes:
        """Into the key registers, which are write-only."""
        _check_size(call.wrapped)
        self._moved(clear=False)
        return _cipher(self._dhuk(secure), call.wrap_iv).decryptor().update(call.wrapped)

    def _moved(self, *, clear: bool) -> None:
        if self.trace is not None and self.trace.listeners:
            self.trace.emit(KeyMoved("AES key", "CPU", "SAES", CPU_BUS, clear))

    def _dhuk(self, secure: bool) -> bytes:
        info = b"DHUK secure" if secure else b"DHUK non-secure"
        return HKDF(SHA256(), RHUK_SIZE, None, info).derive(self._root_key())


def _cipher(key: bytes, iv: bytes) -> Cipher[modes.ECB | modes.CBC]:
    try:
        return Cipher(algorithms.AES(key), modes.CBC(iv) if iv else modes.ECB())
    except ValueError as error:
        raise _no_input(error) from error


def _whole(context: CipherContext, data: bytes) -> bytes:
    """All of the data. Raises ValueError where it is not in blocks."""
    return context.update(data) + context.finalize()


def _aead(key: bytes, call: AesCall) -> AESCCM | AESGCM:
    return AESCCM(key, call.tag_length) if call.mode is AesMode.CCM else AESGCM(key)


def _no_input(error: ValueError) -> SaesError:
    return SaesError(f"an IV, a length or a tag that the engine does not take: {error}")


def _check_size(key: bytes) -> None:
    if len(key) not in KEY_SIZES:
        raise SaesError(f"an AES key of {len(key)} bytes; legal: 16, 32")
