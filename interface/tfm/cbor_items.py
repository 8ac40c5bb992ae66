"""CBOR as TF-M's encoder writes it: definite lengths, shortest heads, entries in the order they come.

cbor2 encodes the items; what is ours is to put ready-made items into maps and arrays, because TF-M splices
the boot loader's records into the token as they are.
"""

from collections.abc import Sequence
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


class Built(bytes):
    """Encoded CBOR that knows its ``parts``, which follow its head; spliced bytes have none.

    TF-M's encoder (QCBOR) writes such a head last, when all parts are there.
    """

    parts: Sequence[bytes]

    @property
    def head(self) -> bytes:
        """All that precedes the parts."""
        return self[: len(self) - sum(map(len, self.parts))]


def _build(head: bytes, parts: Sequence[bytes]) -> Built:
    built = Built(head + b"".join(parts))
    built.parts = parts
    return built


def splice(encoded: bytes) -> Built:
    """Bytes that somebody else encoded, as they are."""
    return _build(encoded, ())


def join_array(items: Sequence[bytes]) -> Built:
    """An array of encoded items."""
    return _build(_head(4, len(items)), items)


def join_map(items: Sequence[bytes]) -> Built:
    """A map of encoded items, each label followed by its value, in the order given."""
    return _build(_head(5, len(items) // 2), items)


def wrap(item: bytes) -> Built:
    """A byte string around an encoded item."""
    return _build(_head(2, len(item)), (item,))


def string_head_size(item: bytes) -> int:
    """Bytes before the content of an encoded string, which are written apart from it; 0 for a number."""
    if not item or item[0] >> 5 not in (2, 3):
        return 0
    length = item[0] & 0x1F
    return 1 if length < 24 else 1 + (1 << length - 24)
