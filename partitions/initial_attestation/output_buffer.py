"""What a failed call leaves in a buffer that the token is written to in place (TF-M's encoder, QCBOR)."""

from collections.abc import Sequence
from dataclasses import dataclass

import cbor2

from ...interface.tfm.cbor_items import Built, string_head_size
from .cose import Envelope


@dataclass(frozen=True, slots=True)
class Begun:
    """A token that was given up: its headers, and labels and values of the claims, item by item.

    ``payload`` is the wrapped map of them, where it was complete. ``signature`` is what there was to write
    behind it, or nothing; with ``signed_in_place`` it was made where it stands and its head came after it.
    """

    envelope: Envelope
    items: Sequence[bytes]
    payload: bytes = b""
    signature: bytes = b""
    signed_in_place: bool = False

    def left_in(self, capacity: int) -> bytes:
        """The bytes in a buffer of ``capacity`` bytes.

        A signature that the crypto service had no room for is left out here: what TF-M leaves of it depends
        on a variable that it never set.
        """
        buffer = _Buffer(capacity)
        buffer.append(self.envelope.tag)
        start = len(buffer.out)
        buffer.write(self.envelope.protected)
        buffer.write(self.envelope.unprotected)
        for item in (self.payload,) if self.payload else self.items:
            buffer.write(item)
        if self.signature:
            self._sign(buffer)
            buffer.insert(start, self.envelope.array_head)
        return bytes(buffer.out)

    def _sign(self, buffer: "_Buffer") -> None:
        encoded = cbor2.dumps(self.signature)
        if not self.signed_in_place:
            buffer.write(encoded)
            return
        at = len(buffer.out)
        buffer.append(self.signature)
        buffer.insert(at, encoded[: string_head_size(encoded)])


class _Buffer:
    """Bytes up to a capacity; after a first piece without room for it nothing more is written."""

    def __init__(self, capacity: int) -> None:
        self.out = bytearray()
        self._capacity = capacity
        self._full = False

    def append(self, piece: bytes) -> None:
        self.insert(len(self.out), piece)

    def insert(self, at: int, piece: bytes) -> None:
        self._full = self._full or len(self.out) + len(piece) > self._capacity
        if not self._full:
            self.out[at:at] = piece

    def write(self, item: bytes) -> None:
        """The head of an array, a map or a wrapping string comes last, that of a string first and alone."""
        if isinstance(item, Built):
            at = len(self.out)
            for part in item.parts:
                self.write(part)
            self.insert(at, item.head)
        else:
            size = string_head_size(item)
            self.append(item[:size])
            self.append(item[size:])
