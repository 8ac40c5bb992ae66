"""CBOR as TF-M's encoder writes it: definite lengths, shortest heads, entries in the order they come.

cbor2 encodes the items; what is ours is to put ready-made items into maps and arrays, because TF-M splices
the boot loader's records into the token as they are.
"""

from functools import lru_cache

import cbor2


def encode_text(text: bytes) -> bytes:
    """A text string of these bytes; TF-M does not check that they are UTF-8, so neither can cbor2."""
    encoded = cbor2.dumps(text)
    return bytes((encoded[0] | 0x20,)) + encoded[1:]


@lru_cache(maxsize=64)
def _head(major: int, count: int) -> bytes:
    encoded = cbor2.dumps(count)
    return bytes((encoded[0] | major << 5,)) + encoded[1:]


def join_array(items: list[bytes]) -> bytes:
    """An array of encoded items."""
    return _head(4, len(items)) + b"".join(items)


def join_map(items: list[bytes]) -> bytes:
    """A map of encoded items, each label followed by its value, in the order given."""
    return _head(5, len(items) // 2) + b"".join(items)
