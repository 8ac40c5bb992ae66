"""CBOR as TF-M's encoder writes it: definite lengths, shortest heads, entries in the order they come.

cbor2 encodes the items; what is ours is to put ready-made items into maps and arrays, because TF-M splices
the boot loader's records into the token as they are.
"""

import cbor2


def encode_text(text: bytes) -> bytes:
    """A text string of these bytes; TF-M does not check that they are UTF-8, so neither can cbor2."""
    encoded = cbor2.dumps(text)
    return bytes((encoded[0] | 0x20,)) + encoded[1:]


def _head(major: int, count: int) -> bytes:
    encoded = cbor2.dumps(count)
    return bytes((encoded[0] | major << 5,)) + encoded[1:]


def join_array(items: list[bytes]) -> bytes:
    """An array of encoded items."""
    return _head(4, len(items)) + b"".join(items)


class MapWriter:
    """A map of encoded labels and encoded values, in the order in which they are added."""

    __slots__ = ("_count", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, label: bytes, value: bytes) -> None:
        self._parts += (label, value)
        self._count += 1

    def encode(self) -> bytes:
        return _head(5, self._count) + b"".join(self._parts)
