"""A partition's process: the partition API over a socket, and the program that uses it.

What can only succeed or panic the device is kept back as a note and goes with the next call that wants an
answer; a message that came with the answer of psa_wait is read here. The SPM executes each note, in order, so
that its rules apply as in its own process. A call that breaks a rule as far as can be seen here is sent at
once, so that the panic happens at that call.
"""

from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import Any, Final, NoReturn, get_type_hints

from ...interface.psa.client import PSA_MAX_IOVEC, PSA_NULL_HANDLE, InVec, psa_outvec
from ...interface.psa.service import PSA_DOORBELL, PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.wire import plain
from ...interface.wire.frames import HEADER, HEADER_SIZE, MAX_PAYLOAD, NOTE, NOTE_SIZE, Op, WireError
from ...interface.wire.payloads import (
    DELIVERED,
    FIELDS,
    Four,
    Kind,
    decode,
    decode_message,
    decode_written,
    encode_vectors,
)
from ...platform.hal import HAL_FUNCTIONS, PlatformHal
from .arguments import UINT32, array_at, in_vector, int32, out_vector, vector_count
from .channel import Channel, ChannelClosed
from .faults import describe, load_exception

_WAITED: Final = FIELDS[Op.PSA_WAIT]
"""The fields of the call; of its answer too: signals, and that one of them whose first message follows."""
_WAIT, _GET, _READ, _WRITE, _REPLY = map(
    int, (Op.PSA_WAIT, Op.PSA_GET, Op.PSA_READ, Op.PSA_WRITE, Op.PSA_REPLY)
)
_RETURN: Final = int(Op.RETURN)
_ANSWER: Final = int(Op.ANSWER)
_RUN: Final = int(Op.RUN)
_RETURNED: Final = FIELDS[Op.RETURN]
_GOT: Final = Struct("<iI")
_HANDLE: Final = Struct("<4xi")
_I32: Final = Struct("<i")
_U32: Final = Struct("<I")
_INLINE: Final = int(Kind.INLINE)
_ADDRESS: Final = int(Kind.ADDRESS)
_TOKEN: Final = int(Kind.TOKEN)
_LONGEST_INLINE: Final = 1 << 20
"""Bytes of a buffer that travel; a message's vectors are much smaller, so a longer one breaks a rule."""
_NOTE_ROOM: Final = 1 << 16
_NOTES_MAX: Final = 1 << 16
_DATA_MAX: Final = 1 << 18
"""Bytes of notes, and of what they carry, that are kept back."""
_CONNECT_ANSWERS: Final = (PSA_SUCCESS, PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY)
_pack_note: Final = NOTE.pack


class _Message:
    """What this process knows of a message that it holds.

    ``frame`` has the first ``ahead[i]`` bytes of each input vector, from ``start`` on; they are good while
    ``age`` is the current one. ``countable`` is false where the SPM alone knows what reads and writes do.
    """

    __slots__ = (
        "age",
        "ahead",
        "countable",
        "frame",
        "in_size",
        "room",
        "start",
        "taken",
        "token",
        "type",
    )

    def __init__(self, msg: psa_msg_t, token: int, frame: bytes, ahead: Four, start: int, age: int) -> None:
        self.type = msg.type
        self.countable = msg.type >= 0
        self.token = token
        self.in_size = msg.in_size
        self.taken = [0, 0, 0, 0]
        self.room = list(msg.out_size)
        self.frame = frame
        self.ahead = ahead
        self.start = start
        self.age = age


class _Cpu:
    """The partition's own loads and stores at simulated addresses."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[..., bytes]) -> None:
        self._ask = ask

    def load(self, address: int, length: int) -> bytes:
        return self._ask(Op.CPU_LOAD, address & UINT32, length & UINT32)

    def store(self, address: int, data: bytes | bytearray | memoryview) -> None:
        self._ask(Op.CPU_STORE, address & UINT32, tail=data)

    def execute(self, address: int) -> None:
        self._ask(Op.CPU_EXECUTE, address & UINT32)


class ProcessApi:
    """The partition API of one partition in this process (spm/partition_api.py says what each call does)."""

    def __init__(self, channel: Channel, partition_id: int) -> None:
        self._channel = channel
        # The frame to come: room for its header and the notes; and the bytes that go with these.
        self._out = bytearray(HEADER_SIZE)
        self._data = bytearray()
        self._messages: dict[int, _Message] = {}
        # The signal whose first message came with the last answer, that answer, and what was current then.
        self._first = 0
        self._waited = b""
        self._first_age = 0
        self._age = 0
        self._asserted = 0
        self._handles = {PSA_NULL_HANDLE}
        self._objects: dict[int, object] = {}
        self._tokens = 0
        self._mapped: dict[tuple[int, int], bytearray] = {}
        self._runs = False
        self.partition_id = partition_id
        self.cpu = _Cpu(self._ask)
        self.hal = _remote_hal(self._call_hal)
        self.symbols: list[Callable[..., object]] = []

    # Frames: out with all notes, and in until the answer.

    def _send(self, op: int, fields: bytes, tail: bytes | bytearray | memoryview = b"") -> None:
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

    def _answer_to(self, op: int, fields: bytes, tail: bytes | bytearray | memoryview = b"") -> bytes:
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

    def _ask(self, op: Op, *fields: int, tail: bytes | bytearray | memoryview = b"") -> bytes:
        """The answer's payload."""
        return self._answer_to(op, FIELDS[op].pack(*fields), tail)[HEADER_SIZE:]

    def _ask_int(self, op: Op, *fields: int) -> int:
        """The answer, a C int."""
        return _I32.unpack_from(self._answer_to(op, FIELDS[op].pack(*fields)), HEADER_SIZE)[0]  # type: ignore[no-any-return]

    def _obey(self, op: Op, *fields: int, tail: bytes | bytearray | memoryview = b"") -> int:
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

    def _run(self, op: int, frame: bytes) -> None:
        if op != _RUN:
            raise WireError(f"op {op:#x} while nothing is asked; legal: RUN")
        symbol, has_message, _ = decode(op, frame)
        msg = None
        if has_message:
            msg = psa_msg_t()
            self._hold(frame, msg, self._age)
        self._runs = True
        try:
            code = self.symbols[symbol]
            result = code() if msg is None else code(msg)
        except ChannelClosed:
            raise
        except BaseException as error:
            self._send(Op.FAULT, b"", describe(error).encode(errors="replace"))
            return
        if msg is not None:
            self._forget(msg.handle, self._messages.pop(msg.handle, None))
        self._age += 1
        if isinstance(result, int):
            self._send(_RETURN, _RETURNED.pack(_INLINE, int32(result)))
        else:
            self._send(_RETURN, _RETURNED.pack(_ADDRESS, 0), repr(result)[:200].encode(errors="replace"))

    # The client API.

    def psa_framework_version(self) -> int:
        return self._ask_int(Op.PSA_FRAMEWORK_VERSION) & UINT32

    def psa_version(self, sid: int) -> int:
        return self._ask_int(Op.PSA_VERSION, sid & UINT32) & UINT32

    def psa_connect(self, sid: int, version: int) -> int:
        handle = self._ask_int(Op.PSA_CONNECT, sid & UINT32, version & UINT32)
        if handle > 0:
            self._handles.add(handle)
        return handle

    def psa_close(self, handle: int) -> None:
        if handle not in self._handles:
            self._obey(Op.PSA_CLOSE, int32(handle))
            return
        self._age += 1
        self._note(Op.PSA_CLOSE, handle)
        if handle:
            self._handles.remove(handle)

    def psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: Sequence[InVec] | int = (),
        out_vec: Sequence[psa_outvec] | int = (),
        *,
        in_len: int | None = None,
        out_len: int | None = None,
    ) -> int:
        in_count, out_count = vector_count("in", in_vec, in_len), vector_count("out", out_vec, out_len)
        in_kind, in_array, ins = (
            array_at(in_vec) if isinstance(in_vec, int) else (0, 0, [in_vector(v) for v in in_vec])
        )
        out_kind, out_array, outs = (
            array_at(out_vec) if isinstance(out_vec, int) else (0, 0, [out_vector(v) for v in out_vec])
        )
        answer = self._ask(
            Op.PSA_CALL,
            int32(handle),
            int32(type_),
            in_kind,
            in_count,
            in_array,
            out_kind,
            out_count,
            out_array,
            tail=encode_vectors(ins, outs),
        )
        if not isinstance(out_vec, int):
            for item, (length, data) in zip(out_vec, decode_written(answer[4:], len(outs)), strict=True):
                if length >= 0:
                    item.len = length
                    if data and not isinstance(item.base, int):
                        item.base[: len(data)] = data
        return _I32.unpack_from(answer)[0]  # type: ignore[no-any-return]

    # The partition API.

    def psa_wait(self, signal_mask: int, timeout: int) -> int:
        answer = self._answer_to(_WAIT, _WAITED.pack(signal_mask & UINT32, timeout & UINT32))
        signals, first = _WAITED.unpack_from(answer, HEADER_SIZE)
        self._asserted = signals
        if first:
            self._first, self._waited, self._first_age = first, answer, self._age
        return signals  # type: ignore[no-any-return]

    def psa_get(self, signal: int, msg: psa_msg_t | int) -> int:
        if isinstance(msg, int):
            # The message lies in the partition's memory; the SPM alone knows of it.
            return self._ask_int(Op.PSA_GET, signal & UINT32, _ADDRESS, msg & UINT32)
        if signal and self._first == signal:
            self._first = 0
            self._note(_GET, c=signal)
            self._hold(self._waited, msg, self._first_age)
            return PSA_SUCCESS
        answer = self._answer_to(_GET, FIELDS[Op.PSA_GET].pack(signal & UINT32, _INLINE, 0))
        status, has_message = _GOT.unpack_from(answer, HEADER_SIZE)
        if has_message:
            if _HANDLE.unpack_from(answer, DELIVERED)[0]:
                self._hold(answer, msg, self._age)
            else:
                self._take_reply(answer, msg)
        return status  # type: ignore[no-any-return]

    def psa_set_rhandle(self, msg_handle: int, rhandle: Any) -> int:
        message = self._messages.get(msg_handle)
        kind, value = _INLINE, 0
        if isinstance(rhandle, int) and 0 <= rhandle <= UINT32:
            value = rhandle
        elif rhandle is not None:
            # One number a connection: what it meant before is forgotten.
            kind, value = _TOKEN, self._keep(rhandle, message.token if message is not None else 0)
            if message is not None:
                message.token = value
        if message is None or message.type >= 0:
            # The SPM alone knows whether a request is one of a connection, as FF-M asks here.
            return self._obey(Op.PSA_SET_RHANDLE, int32(msg_handle), kind, value)
        return self._note(Op.PSA_SET_RHANDLE, msg_handle, kind, value)

    def psa_read(
        self, msg_handle: int, invec_idx: int, buffer: int | bytearray | memoryview, num_bytes: int
    ) -> int:
        num_bytes &= UINT32
        message = self._messages.get(msg_handle)
        if (
            message is not None
            and message.countable
            and 0 <= invec_idx < PSA_MAX_IOVEC
            and not isinstance(buffer, int)
            and num_bytes <= len(buffer)
            and num_bytes <= _NOTE_ROOM
        ):
            taken = message.taken[invec_idx]
            count = min(num_bytes, message.in_size[invec_idx] - taken)
            if not count:
                self._note(_READ, msg_handle, invec_idx, num_bytes)
                return 0
            if message.age == self._age and taken + count <= message.ahead[invec_idx]:
                at = message.start + sum(message.ahead[:invec_idx]) + taken
                buffer[:count] = message.frame[at : at + count]
                message.taken[invec_idx] = taken + count
                self._note(_READ, msg_handle, invec_idx, num_bytes)
                return count
        kind, at = (_ADDRESS, buffer & UINT32) if isinstance(buffer, int) else (_INLINE, len(buffer))
        if kind == _INLINE and at > _LONGEST_INLINE:
            num_bytes, at = min(num_bytes, _LONGEST_INLINE), _LONGEST_INLINE
        answer = self._ask(Op.PSA_READ, int32(msg_handle), int32(invec_idx), num_bytes, kind, at)
        count = int(_U32.unpack_from(answer)[0])
        if not isinstance(buffer, int) and count:
            buffer[:count] = answer[4:]
        if message is not None and count:
            message.taken[invec_idx] += count
        return count

    def psa_skip(self, msg_handle: int, invec_idx: int, num_bytes: int) -> int:
        num_bytes &= UINT32
        message = self._messages.get(msg_handle)
        if message is None or not message.countable or not 0 <= invec_idx < PSA_MAX_IOVEC:
            return self._ask_int(Op.PSA_SKIP, int32(msg_handle), int32(invec_idx), num_bytes) & UINT32
        count = min(num_bytes, message.in_size[invec_idx] - message.taken[invec_idx])
        message.taken[invec_idx] += count
        self._note(Op.PSA_SKIP, msg_handle, invec_idx, num_bytes)
        return count

    def psa_write(
        self,
        msg_handle: int,
        outvec_idx: int,
        buffer: int | bytes | bytearray | memoryview,
        num_bytes: int | None = None,
    ) -> int:
        if num_bytes is None:
            if isinstance(buffer, int):
                raise TypeError("psa_write: an address needs num_bytes")
            num_bytes = len(buffer)
        num_bytes &= UINT32
        message = self._messages.get(msg_handle)
        if isinstance(buffer, int):
            self._obey(
                Op.PSA_WRITE, int32(msg_handle), int32(outvec_idx), num_bytes, _ADDRESS, buffer & UINT32
            )
        elif (
            message is not None
            and message.countable
            and 0 <= outvec_idx < PSA_MAX_IOVEC
            and num_bytes <= len(buffer)
            and num_bytes <= message.room[outvec_idx]
            and num_bytes <= _LONGEST_INLINE
        ):
            self._data += buffer if len(buffer) == num_bytes else buffer[:num_bytes]
            self._note(_WRITE, msg_handle, outvec_idx, num_bytes)
        else:
            data = buffer[: min(num_bytes, _LONGEST_INLINE)]
            at = len(data)
            self._obey(Op.PSA_WRITE, int32(msg_handle), int32(outvec_idx), num_bytes, _INLINE, at, tail=data)
        if message is not None and 0 <= outvec_idx < PSA_MAX_IOVEC:
            message.room[outvec_idx] -= num_bytes
        return PSA_SUCCESS

    def psa_reply(self, msg_handle: int, status: int) -> int:
        message = self._messages.pop(msg_handle, None)
        if not isinstance(status, int):
            text = repr(status)[:200].encode(errors="replace")
            return self._obey(Op.PSA_REPLY, int32(msg_handle), _ADDRESS, 0, tail=text)
        status = int32(status)
        self._forget(msg_handle, message)
        if (
            message is None
            or (message.type == PSA_IPC_CONNECT and status not in _CONNECT_ANSWERS)
            or (message.type >= 0 and status == PSA_ERROR_PROGRAMMER_ERROR)
        ):
            return self._obey(Op.PSA_REPLY, int32(msg_handle), _INLINE, status)
        # Others run from here on, and may change memory that was sent here ahead.
        self._age += 1
        return self._note(_REPLY, msg_handle, status)

    def psa_notify(self, partition_id: int) -> int:
        self._age += 1
        return self._note(Op.PSA_NOTIFY, int32(partition_id))

    def psa_clear(self) -> int:
        if not self._lowers(PSA_DOORBELL):
            return self._obey(Op.PSA_CLEAR)
        return self._note(Op.PSA_CLEAR)

    def _lowers(self, signal: int) -> bool:
        """A signal that psa_wait showed is surely asserted until it is cleared."""
        was = self._asserted & signal
        self._asserted &= ~signal
        return was != 0

    def psa_panic(self) -> NoReturn:
        self._ask(Op.PSA_PANIC)
        raise AssertionError("psa_panic returned")

    def psa_rot_lifecycle_state(self) -> int:
        return self._ask_int(Op.PSA_ROT_LIFECYCLE_STATE) & UINT32

    def psa_irq_enable(self, irq_signal: int) -> int:
        return self._obey(Op.PSA_IRQ_ENABLE, irq_signal & UINT32)

    def psa_irq_disable(self, irq_signal: int) -> int:
        return self._ask_int(Op.PSA_IRQ_DISABLE, irq_signal & UINT32)

    def psa_eoi(self, irq_signal: int) -> int:
        return self._obey(Op.PSA_EOI, irq_signal & UINT32)

    def psa_reset_signal(self, irq_signal: int) -> int:
        if not self._lowers(irq_signal):
            return self._obey(Op.PSA_RESET_SIGNAL, irq_signal & UINT32)
        return self._note(Op.PSA_RESET_SIGNAL, c=irq_signal & UINT32)

    # MM-IOVEC: a copy of the vector lies here from map to unmap.

    def psa_map_invec(self, msg_handle: int, invec_idx: int) -> memoryview:
        self._touch(msg_handle)
        answer = self._ask(Op.PSA_MAP_INVEC, int32(msg_handle), int32(invec_idx))
        return memoryview(answer)

    def psa_unmap_invec(self, msg_handle: int, invec_idx: int) -> int:
        return self._obey(Op.PSA_UNMAP_INVEC, int32(msg_handle), int32(invec_idx))

    def psa_map_outvec(self, msg_handle: int, outvec_idx: int) -> memoryview:
        self._touch(msg_handle)
        answer = self._ask(Op.PSA_MAP_OUTVEC, int32(msg_handle), int32(outvec_idx))
        buffer = self._mapped[msg_handle, outvec_idx] = bytearray(answer)
        return memoryview(buffer)

    def psa_unmap_outvec(self, msg_handle: int, outvec_idx: int, length: int) -> int:
        data = self._mapped.pop((msg_handle, outvec_idx), b"")
        return self._obey(
            Op.PSA_UNMAP_OUTVEC, int32(msg_handle), int32(outvec_idx), length & UINT32, tail=data
        )

    def _touch(self, msg_handle: int) -> None:
        """From the first mapping on the SPM alone knows what reads and writes come to."""
        if msg_handle in self._messages:
            self._messages[msg_handle].countable = False

    # TF-M, for a mailbox agent: calls for the clients of another core.

    def agent_psa_connect(self, sid: int, version: int, ns_client_id: int, client_data: object) -> int:
        return self._as_agent(
            client_data, Op.AGENT_PSA_CONNECT, sid & UINT32, version & UINT32, int32(ns_client_id)
        )

    def agent_psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: tuple[int, int],
        out_vec: tuple[int, int],
        ns_client_id: int,
        client_data: object,
    ) -> int:
        vectors = (*in_vec, *out_vec)
        return self._as_agent(
            client_data,
            Op.AGENT_PSA_CALL,
            int32(handle),
            int32(type_),
            *(number & UINT32 for number in vectors),
            int32(ns_client_id),
        )

    def agent_psa_close(self, handle: int, ns_client_id: int, client_data: object) -> int:
        return self._as_agent(client_data, Op.AGENT_PSA_CLOSE, int32(handle), int32(ns_client_id))

    def _as_agent(self, client_data: object, op: Op, *fields: int) -> int:
        kind, value = _INLINE, 0
        if isinstance(client_data, int) and 0 <= client_data <= UINT32:
            value = client_data
        else:
            kind, value = _TOKEN, self._keep(client_data)
        status = self._ask_int(op, *fields, kind, value)
        if status != PSA_SUCCESS and kind == _TOKEN:
            del self._objects[value]  # no reply will bring it back
        return status

    def _take_reply(self, frame: bytes, msg: psa_msg_t) -> None:
        """A completed call of the agent's: ``msg`` gets its client data and its status, and nothing else."""
        reply = psa_msg_t()
        kind, _, _ = decode_message(frame, DELIVERED, reply)
        msg.rhandle = self._objects.pop(reply.rhandle) if kind == _TOKEN else reply.rhandle
        msg.type = reply.type

    # Beside FF-M.

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        answer = self._ask(Op.BOOT_DATA, int32(major), int32(size))
        return _I32.unpack_from(answer)[0], answer[4:]

    def _call_hal(self, name: str, *arguments: object, **keywords: object) -> object:
        called = name.encode()
        tail = called + plain.dump([list(arguments), [[k, v] for k, v in keywords.items()]])
        answer = plain.load(self._ask(Op.HAL, len(called), tail=tail))
        return plain.from_plain(get_type_hints(getattr(PlatformHal, name)).get("return", Any), answer)

    def print(self, stream: int, text: str) -> None:
        """Text for the host's standard output (1) or error (2); a crash may follow, so it goes at once.

        What is printed before the SPM runs anything goes with what is sent first.
        """
        data = text.encode(errors="replace")
        self._data += data
        self._note(Op.PRINT, stream, c=len(data))
        if self._runs:
            self._obey(Op.NOTES)

    # Messages and the objects that rhandles stand for.

    def _keep(self, thing: object, number: int = 0) -> int:
        """The number under which an object stays here."""
        if not number:
            number = self._tokens = self._tokens + 1
        self._objects[number] = thing
        return number

    def _hold(self, frame: bytes, msg: psa_msg_t, age: int) -> None:
        """Fill ``msg``, remember the message, and put the object back that its rhandle stands for."""
        kind, ahead, start = decode_message(frame, DELIVERED, msg)
        token = 0
        if kind == _TOKEN:
            token = msg.rhandle
            msg.rhandle = self._objects.get(token)
        elif not msg.rhandle:
            msg.rhandle = None
        self._messages[msg.handle] = _Message(msg, token, frame, ahead, start, age)

    def _forget(self, msg_handle: int, message: _Message | None) -> None:
        if message is not None and message.type == PSA_IPC_DISCONNECT:
            self._objects.pop(message.token, None)
        if self._mapped:
            for index in range(PSA_MAX_IOVEC):
                self._mapped.pop((msg_handle, index), None)


def _remote_hal(call: Callable[..., object]) -> PlatformHal:
    """The platform's functions, each of which travels; the SPM says which of them this partition has."""
    hal = object.__new__(PlatformHal)
    for name in HAL_FUNCTIONS:
        vars(hal)[name] = partial(call, name)
    return hal
