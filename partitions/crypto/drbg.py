"""The deterministic random bit generator of the service: HMAC_DRBG with SHA-256 (NIST SP 800-90A, 10.1.2)."""

import hashlib
import hmac
from typing import Final

_HASH: Final = "sha256"
_SIZE: Final = hashlib.new(_HASH).digest_size


class HmacDrbg:
    """One instance, without reseeding: a boot of the model stays far below the 2**48 requests allowed."""

    __slots__ = ("_key", "_value")

    def __init__(self, seed_material: bytes) -> None:
        """10.1.2.3: instantiate from entropy, nonce and personalization string, one behind the other."""
        self._key = bytes(_SIZE)
        self._value = b"\x01" * _SIZE
        self._update(seed_material)

    def generate(self, size: int) -> bytes:
        """10.1.2.5: the next ``size`` bytes."""
        blocks = []
        for _ in range(-(-size // _SIZE)):
            self._value = hmac.digest(self._key, self._value, _HASH)
            blocks.append(self._value)
        self._update(b"")
        return b"".join(blocks)[:size]

    def _update(self, provided: bytes) -> None:
        """10.1.2.2."""
        for round_ in (b"\x00", b"\x01"):
            self._key = hmac.digest(self._key, self._value + round_ + provided, _HASH)
            self._value = hmac.digest(self._key, self._value, _HASH)
            if not provided:
                return
