"""Nonces as text: base64 of either alphabet, padded or not."""

import base64
import binascii
import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from ...interface.errors import TfmSimError

_LETTERS: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
Random = Callable[[int], bytes]


class NonceTextError(TfmSimError):
    """A text that is no base64."""


class NonceForm(Enum):
    """How a session's nonce is written."""

    BASE64 = "base64"
    """With padding, as the API's description has it (``format: byte``) and evcli reads it."""
    BASE64URL = "base64url"
    """Without padding, as Veraison's service writes it since July 2026."""


def encode_nonce(nonce: bytes, form: NonceForm = NonceForm.BASE64) -> str:
    """The nonce as text."""
    if form is NonceForm.BASE64URL:
        return base64.urlsafe_b64encode(nonce).rstrip(b"=").decode()
    return base64.b64encode(nonce).decode()


def decode_nonce(text: str) -> bytes:
    """A nonce from base64 or base64url, padded or not. Raises NonceTextError."""
    if not _LETTERS.fullmatch(text):
        raise NonceTextError(f"found {text[:100]!r}; legal: base64url")
    compact = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NonceTextError(f"found {text[:100]!r}; legal: base64url") from None


def plain(random: Random) -> Random:
    """The same source, less the few values whose text differs between base64's two alphabets.

    Veraison's service and its clients disagree on the alphabet; a nonce drawn here reads alike in both. Of
    64 bytes that costs 4 bits of 512 and about 15 draws, of 32 bytes 2 bits of 256 and 4 draws.
    """

    def draw(size: int) -> bytes:
        while True:
            nonce = random(size)
            if not re.search(rb"[+/]", base64.b64encode(nonce)):
                return nonce

    return draw
