"""CBOR head by head (RFC 8949 3): also the forms that no encoder offers, for tokens that are bent on purpose.

Everything takes and gives encoded items as bytes, so keys may repeat, stand in any order, and be written
with heads that are longer than they need to be.
"""

import struct
from collections.abc import Iterable, Sequence

BREAK = b"\xff"
WIDTHS = (0, 1, 2, 4, 8)
"""Bytes that an argument may take behind its initial byte; 0 holds up to 23 inside it."""


def head(major: int, argument: int, width: int | None = None) -> bytes:
    """Initial byte and argument, the argument in ``width`` bytes, by default the shortest that hold it.

    Raises ValueError for an argument that is negative, or too large for ``width`` or for 8 bytes.
    """
    if argument < 0 or argument >= 1 << 64:
        raise ValueError(f"CBOR argument: found {argument}; legal: 0 to 2**64 - 1")
    if width is None:
        width = next(size for size in WIDTHS if argument < _limit(size))
    if width not in WIDTHS or argument >= _limit(width):
        raise ValueError(f"CBOR argument {argument} in {width} bytes; legal: widths {WIDTHS} that hold it")
    if width == 0:
        return bytes((major << 5 | argument,))
    info = 23 + WIDTHS.index(width)
    return bytes((major << 5 | info,)) + argument.to_bytes(width, "big")


def write_int(value: int, width: int | None = None) -> bytes:
    """Major type 0 or 1. Raises ValueError outside -2**64 to 2**64 - 1."""
    return head(0, value, width) if value >= 0 else head(1, -1 - value, width)


def write_bytes(value: bytes, width: int | None = None) -> bytes:
    """Major type 2."""
    return head(2, len(value), width) + value


def write_text(value: str | bytes, width: int | None = None) -> bytes:
    """Major type 3; bytes are taken as they are, UTF-8 or not."""
    raw = value.encode() if isinstance(value, str) else value
    return head(3, len(raw), width) + raw


def join_array(items: Sequence[bytes], width: int | None = None) -> bytes:
    """Major type 4 around encoded items."""
    return head(4, len(items), width) + b"".join(items)


def join_map(pairs: Sequence[tuple[bytes, bytes]], width: int | None = None) -> bytes:
    """Major type 5 around encoded keys and values, in the order given."""
    return head(5, len(pairs), width) + b"".join(key + value for key, value in pairs)


def wrap_tag(number: int, item: bytes, width: int | None = None) -> bytes:
    """Major type 6 before an encoded item."""
    return head(6, number, width) + item


def write_simple(number: int) -> bytes:
    """Major type 7: 20 false, 21 true, 22 null, 23 undefined, up to 19 and from 32 to 255 unassigned."""
    return head(7, number, 0 if number < 24 else 1)


def write_double(value: float) -> bytes:
    """Major type 7: a float of double precision."""
    return b"\xfb" + struct.pack(">d", value)


def indefinite_bytes(chunks: Iterable[bytes]) -> bytes:
    """A byte string of indefinite length in these pieces, which are raw."""
    return b"\x5f" + b"".join(write_bytes(chunk) for chunk in chunks) + BREAK


def indefinite_text(chunks: Iterable[str]) -> bytes:
    """A text string of indefinite length in these pieces."""
    return b"\x7f" + b"".join(write_text(chunk) for chunk in chunks) + BREAK


def indefinite_array(items: Iterable[bytes]) -> bytes:
    """An array of indefinite length around encoded items."""
    return b"\x9f" + b"".join(items) + BREAK


def indefinite_map(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A map of indefinite length around encoded keys and values."""
    return b"\xbf" + b"".join(key + value for key, value in pairs) + BREAK


def _limit(width: int) -> int:
    return 1 << (8 * width) if width else 24
