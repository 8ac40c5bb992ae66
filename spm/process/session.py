"""A partition's process and its socket: calls go out with the notes before them, and answers come in."""

from abc import ABC, abstractmethod
from struct import Struct
from typing import Final, NoReturn

from ...interface.psa.status import PSA_SUCCESS
from ...interface.wire.frames import HEADER, HEADER_SIZE, MAX_PAYLOAD, NOTE, NOTE_SIZE, Op, WireError
from ...interface.wire.payloads import FIELDS
from .channel import Channel
from .faults import load_exception

_ANSWER: Final = int(Op.ANSWER)
_I32: Final = Struct("<i")
_NOTES_MAX: Final = 1 << 16
_DATA_MAX: Final = 1 << 18
"""Bytes of notes, and of what they carry, that are kept back."""
_pack_note: Final = NOTE.pack
_Buffer = bytes | bytearray | memoryview


class Session(ABC):
    """Asks the SPM, and runs what the SPM asks for.

    ``_age`` counts the times at which others may have run since; ``_first`` is the signal whose first message
    came with the last answer, 0 where none did.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        # The frame to come: room for its header and the notes; and the bytes that go with these.
        self._out = bytearray(HEADER_SIZE)
        self._data = bytearray()
        self._age = 0
        self._first = 0

    def _send(self, op: int, fields: bytes, tail: _Buffer = b"") -> None:
        out, data = self._out, self._data
        if len(out) + len(data) + len(fields) + len(tail) > MAX_PAYLOAD:
            raise WireError(f"{Op(op).name}: {len(tail)} bytes; legal: {MAX_PAYLOAD} in all")
        notes = (len(out) - HEADER_SIZE) // NOTE_SIZE
        if data:
            out += data
            data.clear()
        out += fields
        out += tail
        HEADER.pack_into(out, 0, len(out) - HEADER_SIZE, op, notes)
        self._channel.send(out)
        del out[HEADER_SIZE:]

    def _answer_to(self, op: int, fields: bytes, tail: _Buffer = b"") -> bytes:
        """Send a call with what was kept back; return the answer's frame, or raise what it says."""
        self._age += 1
        self._first = 0
        self._send(op, fields, tail)
        while True:
            op, _, frame = self._channel.receive()
            if op == _ANSWER:
                return frame
            if op == Op.RAISE:
                raise load_exception(frame[HEADER_SIZE:])
            self._run(op, frame)

    def _ask(self, op: Op, *fields: int, tail: _Buffer = b"") -> bytes:
        """The answer's payload."""
        return self._answer_to(op, FIELDS[op].pack(*fields), tail)[HEADER_SIZE:]

    def _ask_int(self, op: Op, *fields: int) -> int:
        """The answer, a C int."""
        return _I32.unpack_from(self._answer_to(op, FIELDS[op].pack(*fields)), HEADER_SIZE)[0]  # type: ignore[no-any-return]

    def _obey(self, op: Op, *fields: int, tail: _Buffer = b"") -> int:
        """A call whose only answer is that it succeeded, and that cannot wait."""
        self._answer_to(op, FIELDS[op].pack(*fields), tail)
        return PSA_SUCCESS

    def _note(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        """Keep back a call whose only answer would be that it succeeded."""
        self._out += _pack_note(op, a, b, c)
        if len(self._out) > _NOTES_MAX or len(self._data) > _DATA_MAX:
            self._obey(Op.NOTES)
        return PSA_SUCCESS

    def serve(self) -> NoReturn:
        """Run what the SPM asks for, for ever."""
        receive = self._channel.receive
        while True:
            op, _, frame = receive()
            self._run(op, frame)

    @abstractmethod
    def _run(self, op: int, frame: bytes) -> None:
        """Run the function that a RUN frame names."""
