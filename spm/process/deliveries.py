"""A message on its way to a partition's process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...interface.wire.frames import HEADER_SIZE
from ...interface.wire.payloads import DELIVERY, NOTHING, PREFETCH_SIZE, Four, Kind
from ..connection import NO_SIZES, PinnedVector, four_sizes

if TYPE_CHECKING:
    from ..connection import Connection

NO_VECTORS: Final = (*NO_SIZES, *NO_SIZES, *NOTHING)
"""in_size, out_size and ahead of a message without vectors."""
_PAYLOAD_SIZE: Final = DELIVERY.size - HEADER_SIZE
_NULL: Final = (int(Kind.INLINE), 0)


class Token:
    """An rhandle that is an object in the partition's own process, by its number there."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def object_of(kind: int, value: int) -> "Token | int":
    """What the SPM keeps for an rhandle or for the client data of an agent."""
    return Token(value) if kind == Kind.TOKEN else value


def rhandle_of(value: object) -> tuple[int, int]:
    """Kind and value under which what the SPM keeps travels back."""
    if value is None:
        return _NULL
    if isinstance(value, Token):
        return Kind.TOKEN, value.number
    return Kind.INLINE, value & 0xFFFFFFFF if isinstance(value, int) else 0


def delivery(op: int, first: int, second: int, connection: "Connection") -> bytes:
    """A whole frame: two fields, and the message at a connection with the beginnings of its input vectors."""
    ins, outs = connection.in_vecs, connection.out_vecs
    rhandle = connection.rhandle
    kind, value = _NULL if rhandle is None else rhandle_of(rhandle)
    head = op, 0, first, second, connection.type, connection.handle, connection.client.client_id, kind, value
    if not ins and not outs:
        return DELIVERY.pack(_PAYLOAD_SIZE, *head, *NO_VECTORS)
    ahead, data = _ahead(ins, outs) if ins else (NOTHING, b"")
    sizes = *four_sizes(ins), *four_sizes(outs)
    return DELIVERY.pack(_PAYLOAD_SIZE + len(data), *head, *sizes, *ahead) + data


def _ahead(ins: Sequence[PinnedVector], outs: Sequence[PinnedVector]) -> tuple[Four, bytes]:
    """The first bytes of the input vectors, unless a write to an output vector would change them."""
    for view, start, length, _ in outs:
        for read, at, size, _ in ins:
            if view is read and start < at + size and at < start + length:
                return NOTHING, b""
    if len(ins) == 1:
        view, start, length, _ = ins[0]
        count = min(length, PREFETCH_SIZE)
        return (count, 0, 0, 0), bytes(view[start : start + count])
    left = PREFETCH_SIZE
    counts, parts = [0, 0, 0, 0], []
    for i, (view, start, length, _) in enumerate(ins):
        counts[i] = count = min(length, left)
        parts.append(view[start : start + count])
        left -= count
    a, b, c, d = counts
    return (a, b, c, d), b"".join(parts)
