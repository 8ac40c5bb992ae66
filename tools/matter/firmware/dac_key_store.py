"""Where the device attestation private key lives: one interface, three stores behind it."""

from collections.abc import Sequence
from typing import Final, Protocol

from ....interface.errors import TfmSimError

DAC_PRIVATE_KEY_SIZE: Final = 32
"""Matter 1.4 3.5.1: P-256; the scalar, big endian."""
DAC_PUBLIC_KEY_SIZE: Final = 65
"""The uncompressed point 04, X, Y."""
DAC_SIGNATURE_SIZE: Final = 64
"""Matter 1.4 3.5.3: r and s, 32 bytes each, big endian (SDK kP256_ECDSA_Signature_Length_Raw)."""


Entries = Sequence[tuple[int, bytes]]
"""Entries of factory data: tag and value."""


class DacKeyError(TfmSimError):
    """A key store refused. ``call`` is the function that did, ``status`` what it returned."""

    def __init__(self, call: str, status: int, meaning: str) -> None:
        super().__init__(f"DAC private key: {call} returned {meaning}")
        self.call = call
        self.status = status


class DacKeyStore(Protocol):
    """Keeps one key over resets and signs with it."""

    def store(self, private_key: bytes) -> Entries:
        """Take the 32-byte private key in; what of it belongs into the factory data, for the caller to write.

        Raises DacKeyError; ITS also where one is there already.
        """

    def sign(self, message: bytes, public_key: bytes) -> bytes:
        """ECDSA with SHA-256 over ``message``: 64 bytes, r and s.

        ``public_key`` is the DAC's, 65 bytes; CKS asks for it. Raises DacKeyError without a key.
        """

    def erase(self) -> None:
        """Make room for another key, if there is one. Raises DacKeyError."""
