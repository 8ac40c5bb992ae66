"""What a failed call leaves in a buffer that the token is written to in place."""

from dataclasses import dataclass

from .cose import Envelope


@dataclass(frozen=True, slots=True)
class Begun:
    """A token that was given up: its headers, and labels and values of the claims, item by item.

    ``payload`` is the wrapped map of them, where it was complete.
    """

    envelope: Envelope
    items: list[bytes]
    payload: bytes = b""

    def left_in(self, capacity: int) -> bytes:
        """The bytes in a buffer of ``capacity`` bytes.

        TF-M's encoder (QCBOR) appends item by item until one does not fit, and puts the head of an array, a
        map or a wrapping string before its content only when that ends: no such head is in what is left.
        What would come behind the claims, a signature that did not fit, is left out here.
        """
        headers = b"".join(self.envelope.pieces)
        if self.payload and len(headers) + len(self.payload) <= capacity:
            return headers + self.payload
        out = bytearray()
        for piece in (*self.envelope.pieces, *self.items):
            if len(out) + len(piece) > capacity:
                break
            out += piece
        return bytes(out)
