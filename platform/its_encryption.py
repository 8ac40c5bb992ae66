"""Encryption of internal trusted storage, as TF-M's template does it (tfm_hal_its_encryption.c).

A file's key is AES-128 by HKDF-SHA-256 from the storage partition's own sub-key of the HUK, with the file's
id as info; the algorithm is GCM with a tag of 16 bytes. A nonce is 8 random bytes, drawn anew after each
reset, and a counter of 32 bits, little endian.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .otp import Otp, OtpField
from .plat_err import PlatError, TfmPlatErr
from .random_source import RandomSource

TFM_SP_ITS_PID: Final = 257
TFM_ITS_KEY_LENGTH: Final = 16
TFM_ITS_ENC_NONCE_LENGTH: Final = 12
TFM_ITS_AUTH_TAG_LENGTH: Final = 16
_SEED_LENGTH: Final = 8
_COUNTER_MAX: Final = 0xFFFFFFFF


class ItsEncryption:
    """Keys and nonces of one device; the counter of nonces dies with a reset."""

    def __init__(self, otp: Otp, rng: RandomSource) -> None:
        self._otp = otp
        self._rng = rng
        self._seed = b""
        self._counter = 0

    def reset(self) -> None:
        """A reset: the next nonce begins with other random bytes."""
        self._counter = 0

    def nonce(self) -> bytes:
        """A nonce that was never used since the reset, 12 bytes.

        Raises PlatError SYSTEM_ERR where the counter is used up.
        """
        if self._counter == _COUNTER_MAX:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, "ITS encryption: 2^32 - 1 nonces since the reset")
        if self._counter == 0:
            self._seed = self._rng.bytes(_SEED_LENGTH)
        nonce = self._seed + self._counter.to_bytes(4, "little")
        self._counter += 1
        return nonce

    def encrypt(self, label: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext and behind it the tag. Raises PlatError INVALID_INPUT for an empty label."""
        return AESGCM(self._key(label)).encrypt(nonce, plaintext, aad)

    def decrypt(self, label: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        """The plaintext of ciphertext and tag. Raises PlatError SYSTEM_ERR where they are not authentic."""
        try:
            return AESGCM(self._key(label)).decrypt(nonce, sealed, aad)
        except InvalidTag as error:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, "ITS encryption: a file that is not authentic") from error

    def _key(self, label: bytes) -> bytes:
        if not label:
            raise PlatError(TfmPlatErr.INVALID_INPUT, "ITS encryption: an empty label; legal: a file id")
        huk = self._otp.read(OtpField.HUK)
        own = _hkdf(huk, TFM_SP_ITS_PID.to_bytes(4, "little"), len(huk))
        return _hkdf(own, label, TFM_ITS_KEY_LENGTH)


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, info).derive(secret)
