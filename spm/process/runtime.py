"""A partition's process: the partition API over a socket, and the program that uses it.

What can only succeed or panic the device is kept back and goes with the next call that wants an answer; a
message that came with the answer of psa_wait is read here. The SPM is told of each such call, in order, and
executes it there, so that its rules apply as in its own process. A call that breaks a rule as far as can be
seen here is sent at once, so that the panic happens at that call.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Final, NoReturn, get_type_hints

from ...interface.errors import TfmSimError
from ...interface.psa.client import PSA_MAX_IOVEC, PSA_NULL_HANDLE, InVec, psa_invec, psa_outvec
from ...interface.psa.service import PSA_DOORBELL, PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.wire import plain
from ...interface.wire.frames import ONE_WAY, Frame, Op, WireError
from ...interface.wire.payloads import (
    InVector,
    Kind,
    Prefetched,
    decode,
    decode_message,
    decode_written,
    encode,
    encode_vectors,
)
from ...platform.hal import HAL_FUNCTIONS, PlatformHal
from .channel import Channel, ChannelClosed

_UINT32: Final = 0xFFFFFFFF
_INLINE: Final = int(Kind.INLINE)
_ANSWER: Final = int(Op.ANSWER)
_WAITED: Final = Struct("<II")
"""The signals, and that one of them whose first message follows; 0 where none does."""
_STATUS_SIZE: Final = 4
_INT32_SIGN: Final = 0x80000000
_LONGEST_INLINE: Final = 1 << 20
"""Bytes of a buffer that travel; a message's vectors are much smaller, so a longer one breaks a rule."""
_NOTE_ROOM: Final = 1 << 16
_NOTES_MAX: Final = 1 << 18
"""Bytes of calls that are kept back."""
_CONNECT_ANSWERS: Final = (PSA_SUCCESS, PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY)


def int32(value: int) -> int:
    """The value that a C int32_t keeps."""
    return ((value & _UINT32) ^ _INT32_SIGN) - _INT32_SIGN


class _Message:
    """What this process knows of a message that it holds."""

    __slots__ = ("age", "client_id", "data", "in_size", "left", "mapped", "room", "taken", "token", "type")

    def __init__(self, msg: psa_msg_t, token: int, data: Prefetched, age: int) -> None:
        self.type = msg.type
        self.client_id = msg.client_id
        self.in_size = msg.in_size
        self.taken = [0, 0, 0, 0]
        self.room = list(msg.out_size)
        self.token = token
        self.data = data
        self.age = age
        self.mapped = False


class _Cpu:
    """The partition's own loads and stores at simulated addresses."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        self._ask = ask

    def load(self, address: int, length: int) -> bytes:
        return self._ask(encode(Op.CPU_LOAD, address & _UINT32, length & _UINT32))

    def store(self, address: int, data: bytes | bytearray | memoryview) -> None:
        self._ask(encode(Op.CPU_STORE, address & _UINT32, tail=bytes(data)))

    def execute(self, address: int) -> None:
        self._ask(encode(Op.CPU_EXECUTE, address & _UINT32))


class ProcessApi:
    """The partition API of one partition in this process (spm/partition_api.py says what each call does)."""

    def __init__(self, channel: Channel, partition_id: int) -> None:
        self._channel = channel
        self._frames: list[Frame] = []
        self._queued = bytearray()
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
        self.partition_id = partition_id
        self.cpu = _Cpu(self._ask)
        self.hal = _remote_hal(self._call_hal)
        self.symbols: list[Callable[..., object]] = []

    # Frames: out with all that was kept back, and in until the answer.

    def _ask(self, frame: bytes) -> bytes:
        """Send what was kept back and then ``frame``; return the answer, or raise what it says."""
        self._age += 1
        self._first = 0
        queued = self._queued
        if queued:
            queued += frame
            self._channel.send(queued)
            queued.clear()
        else:
            self._channel.send(frame)
        while True:
            op, _, payload = self._next()
            if op == _ANSWER:
                return payload
            if op == Op.RAISE:
                raise _exception(payload)
            self._run(op, payload)

    def _note(self, frame: bytes) -> int:
        """Keep back a call whose only answer would be that it succeeded."""
        if len(self._queued) < _NOTES_MAX:
            self._queued += frame
        else:
            self._ask(_answered(frame))
        return PSA_SUCCESS

    def _obey(self, frame: bytes) -> int:
        """A call whose only answer is that it succeeded, and that cannot wait."""
        self._ask(frame)
        return PSA_SUCCESS

    def _note_to_others(self, frame: bytes) -> int:
        """As ``_note``, for what lets others run: they may change memory that was sent here ahead."""
        self._age += 1
        return self._note(frame)

    def _next(self) -> Frame:
        frames = self._frames or self._channel.receive()
        frame = frames.pop(0)
        self._frames = frames
        return frame

    def serve(self) -> NoReturn:
        """Run what the SPM asks for, for ever."""
        while True:
            op, _, payload = self._next()
            self._run(op, payload)

    def _run(self, op: int, payload: bytes) -> None:
        if op != Op.RUN:
            raise WireError(f"op {op:#x} while nothing is asked; legal: RUN")
        symbol, has_message, tail = decode(op, payload)
        msg = None
        if has_message:
            msg = psa_msg_t()
            self._hold(tail, 0, msg, self._age)
        try:
            code = self.symbols[symbol]
            result = code() if msg is None else code(msg)
        except ChannelClosed:
            raise
        except BaseException as error:
            answer = encode(Op.FAULT, tail=describe(error).encode(errors="replace"))
        else:
            if isinstance(result, int):
                answer = encode(Op.RETURN, _INLINE, int32(result))
            else:
                answer = encode(Op.RETURN, Kind.ADDRESS, 0, tail=repr(result)[:200].encode(errors="replace"))
        if msg is not None:
            self._forget(msg.handle, self._messages.pop(msg.handle, None))
        self._queued += answer
        self._age += 1
        self._channel.send(self._queued)
        self._queued.clear()

    # The client API.

    def psa_framework_version(self) -> int:
        return int.from_bytes(self._ask(encode(Op.PSA_FRAMEWORK_VERSION)), "little")

    def psa_version(self, sid: int) -> int:
        return int.from_bytes(self._ask(encode(Op.PSA_VERSION, sid & _UINT32)), "little")

    def psa_connect(self, sid: int, version: int) -> int:
        handle = _int(self._ask(encode(Op.PSA_CONNECT, sid & _UINT32, version & _UINT32)))
        if handle > 0:
            self._handles.add(handle)
        return handle

    def psa_close(self, handle: int) -> None:
        if handle not in self._handles:
            self._obey(encode(Op.PSA_CLOSE, int32(handle)))
            return
        self._note_to_others(encode(Op.PSA_CLOSE, handle, flags=ONE_WAY))
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
        in_count, out_count = _count("in", in_vec, in_len), _count("out", out_vec, out_len)
        in_kind, in_array, ins = (
            _array(in_vec) if isinstance(in_vec, int) else (0, 0, [_in(v) for v in in_vec])
        )
        out_kind, out_array, outs = (
            _array(out_vec) if isinstance(out_vec, int) else (0, 0, [_out(v) for v in out_vec])
        )
        answer = self._ask(
            encode(
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
        )
        if not isinstance(out_vec, int):
            for item, (length, data) in zip(out_vec, decode_written(answer[4:], len(outs)), strict=True):
                if length >= 0:
                    item.len = length
                    if data and not isinstance(item.base, int):
                        item.base[: len(data)] = data
        return _int(answer[:4])

    # The partition API.

    def psa_wait(self, signal_mask: int, timeout: int) -> int:
        answer = self._ask(encode(Op.PSA_WAIT, signal_mask & _UINT32, timeout & _UINT32))
        signals, first = _WAITED.unpack_from(answer)
        self._asserted = signals
        if first:
            self._first, self._waited, self._first_age = first, answer, self._age
        return signals  # type: ignore[no-any-return]

    def psa_get(self, signal: int, msg: psa_msg_t | int) -> int:
        if isinstance(msg, int):
            # The message lies in the partition's memory; the SPM alone knows of it.
            return _int(self._ask(encode(Op.PSA_GET, signal & _UINT32, Kind.ADDRESS, msg & _UINT32)))
        if not signal or self._first != signal:
            answer = self._ask(encode(Op.PSA_GET, signal & _UINT32, _INLINE, 0))
            if len(answer) > _STATUS_SIZE:
                self._hold(answer, _STATUS_SIZE, msg, self._age)
            return _int(answer[:_STATUS_SIZE])
        self._first = 0
        self._queued += encode(Op.PSA_GET, signal, _INLINE, 0, flags=ONE_WAY)
        self._hold(self._waited, _WAITED.size, msg, self._first_age)
        return PSA_SUCCESS

    def psa_set_rhandle(self, msg_handle: int, rhandle: Any) -> int:
        message = self._messages.get(msg_handle)
        kind, value = _INLINE, 0
        if isinstance(rhandle, int) and 0 <= rhandle <= _UINT32:
            value = rhandle
        elif rhandle is not None:
            # One number a connection: what it meant before is forgotten.
            value = message.token if message is not None else 0
            if not value:
                value = self._tokens = self._tokens + 1
            kind = Kind.TOKEN
            self._objects[value] = rhandle
        frame = encode(Op.PSA_SET_RHANDLE, int32(msg_handle), kind, value, flags=ONE_WAY)
        if message is not None and kind is Kind.TOKEN:
            message.token = value
        if message is None or message.type >= 0:
            # The SPM alone knows whether a request is one of a connection, as FF-M asks here.
            return self._obey(_answered(frame))
        return self._note(frame)

    def psa_read(
        self, msg_handle: int, invec_idx: int, buffer: int | bytearray | memoryview, num_bytes: int
    ) -> int:
        num_bytes &= _UINT32
        message = self._messages.get(msg_handle)
        if message is not None and not isinstance(buffer, int):
            data = self._ahead(message, invec_idx, num_bytes)
            if data is not None and num_bytes <= min(len(buffer), _NOTE_ROOM):
                count = len(data)
                if count:
                    buffer[:count] = data
                    message.taken[invec_idx] += count
                self._queued += encode(
                    Op.PSA_READ, msg_handle, invec_idx, num_bytes, _INLINE, num_bytes, flags=ONE_WAY
                )
                return count
        kind, at = (Kind.ADDRESS, buffer & _UINT32) if isinstance(buffer, int) else (_INLINE, len(buffer))
        if kind is _INLINE and at > _LONGEST_INLINE:
            num_bytes, at = min(num_bytes, _LONGEST_INLINE), _LONGEST_INLINE
        answer = self._ask(encode(Op.PSA_READ, int32(msg_handle), int32(invec_idx), num_bytes, kind, at))
        count = int.from_bytes(answer[:4], "little")
        if not isinstance(buffer, int) and count:
            buffer[:count] = answer[4:]
        if message is not None and count:
            message.taken[invec_idx] += count
        return count

    def _ahead(self, message: _Message, index: int, num_bytes: int) -> bytes | None:
        """What a psa_read of ``num_bytes`` copies, if that is here and no rule can be broken."""
        if message.type < 0 or not 0 <= index < PSA_MAX_IOVEC or message.mapped:
            return None
        taken = message.taken[index]
        end = min(message.in_size[index], taken + num_bytes)
        if end == taken:
            return b""
        data = message.data[index]
        if message.age != self._age or end > len(data):
            return None
        return data[taken:end]

    def psa_skip(self, msg_handle: int, invec_idx: int, num_bytes: int) -> int:
        num_bytes &= _UINT32
        message = self._messages.get(msg_handle)
        if message is None or message.type < 0 or message.mapped or not 0 <= invec_idx < PSA_MAX_IOVEC:
            answer = self._ask(encode(Op.PSA_SKIP, int32(msg_handle), int32(invec_idx), num_bytes))
            return int.from_bytes(answer, "little")
        count = min(num_bytes, message.in_size[invec_idx] - message.taken[invec_idx])
        message.taken[invec_idx] += count
        self._note(encode(Op.PSA_SKIP, msg_handle, invec_idx, num_bytes, flags=ONE_WAY))
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
        num_bytes &= _UINT32
        message = self._messages.get(msg_handle)
        if isinstance(buffer, int):
            frame = encode(
                Op.PSA_WRITE, int32(msg_handle), int32(outvec_idx), num_bytes, Kind.ADDRESS, buffer & _UINT32
            )
            self._ask(frame)
        else:
            data = buffer[: min(num_bytes, _LONGEST_INLINE)]
            size = len(data)
            if (
                message is not None
                and message.type >= 0
                and not message.mapped
                and 0 <= outvec_idx < PSA_MAX_IOVEC
                and size == num_bytes <= message.room[outvec_idx]
            ):
                self._queued += encode(
                    Op.PSA_WRITE, msg_handle, outvec_idx, size, _INLINE, size, tail=data, flags=ONE_WAY
                )
                message.room[outvec_idx] -= size
                return PSA_SUCCESS
            self._ask(
                encode(
                    Op.PSA_WRITE,
                    int32(msg_handle),
                    int32(outvec_idx),
                    num_bytes,
                    _INLINE,
                    size,
                    tail=data,
                )
            )
        if message is not None and 0 <= outvec_idx < PSA_MAX_IOVEC:
            message.room[outvec_idx] -= num_bytes
        return PSA_SUCCESS

    def psa_reply(self, msg_handle: int, status: int) -> int:
        message = self._messages.pop(msg_handle, None)
        if not isinstance(status, int):
            text = repr(status)[:200].encode(errors="replace")
            return self._obey(encode(Op.PSA_REPLY, int32(msg_handle), Kind.ADDRESS, 0, tail=text))
        self._forget(msg_handle, message)
        status = int32(status)
        if (
            message is None
            or (message.type == PSA_IPC_CONNECT and status not in _CONNECT_ANSWERS)
            or (message.type >= 0 and status == PSA_ERROR_PROGRAMMER_ERROR)
        ):
            return self._obey(encode(Op.PSA_REPLY, int32(msg_handle), _INLINE, status))
        return self._note_to_others(encode(Op.PSA_REPLY, msg_handle, _INLINE, status, flags=ONE_WAY))

    def psa_notify(self, partition_id: int) -> int:
        return self._note_to_others(encode(Op.PSA_NOTIFY, int32(partition_id), flags=ONE_WAY))

    def psa_clear(self) -> int:
        return self._lower(PSA_DOORBELL, encode(Op.PSA_CLEAR, flags=ONE_WAY))

    def _lower(self, signal: int, frame: bytes) -> int:
        """Clear a signal: one that psa_wait showed is surely asserted until then."""
        if not signal & self._asserted:
            return self._obey(_answered(frame))
        self._asserted &= ~signal
        return self._note(frame)

    def psa_panic(self) -> NoReturn:
        self._ask(encode(Op.PSA_PANIC))
        raise AssertionError("psa_panic returned")

    def psa_rot_lifecycle_state(self) -> int:
        return int.from_bytes(self._ask(encode(Op.PSA_ROT_LIFECYCLE_STATE)), "little")

    def psa_irq_enable(self, irq_signal: int) -> int:
        return self._obey(encode(Op.PSA_IRQ_ENABLE, irq_signal & _UINT32))

    def psa_irq_disable(self, irq_signal: int) -> int:
        return _int(self._ask(encode(Op.PSA_IRQ_DISABLE, irq_signal & _UINT32)))

    def psa_eoi(self, irq_signal: int) -> int:
        return self._obey(encode(Op.PSA_EOI, irq_signal & _UINT32))

    def psa_reset_signal(self, irq_signal: int) -> int:
        return self._lower(irq_signal, encode(Op.PSA_RESET_SIGNAL, irq_signal & _UINT32, flags=ONE_WAY))

    # Calls for the clients of another core.

    def agent_psa_connect(self, sid: int, version: int, ns_client_id: int, client_data: int) -> int:
        fields = (sid & _UINT32, version & _UINT32, int32(ns_client_id), client_data)
        return _int(self._ask(encode(Op.AGENT_PSA_CONNECT, *fields)))

    def agent_psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: tuple[int, int],
        out_vec: tuple[int, int],
        ns_client_id: int,
        client_data: int,
    ) -> int:
        vectors = [number & _UINT32 for number in (*in_vec, *out_vec)]
        fields = (int32(handle), int32(type_), *vectors, int32(ns_client_id), client_data)
        return _int(self._ask(encode(Op.AGENT_PSA_CALL, *fields)))

    def agent_psa_close(self, handle: int, ns_client_id: int, client_data: int) -> int:
        fields = (int32(handle), int32(ns_client_id), client_data)
        return _int(self._ask(encode(Op.AGENT_PSA_CLOSE, *fields)))

    # MM-IOVEC: a copy of the vector lies here from map to unmap.

    def psa_map_invec(self, msg_handle: int, invec_idx: int) -> memoryview:
        self._touch(msg_handle)
        answer = self._ask(encode(Op.PSA_MAP_INVEC, int32(msg_handle), int32(invec_idx)))
        return memoryview(answer).toreadonly()

    def psa_unmap_invec(self, msg_handle: int, invec_idx: int) -> int:
        return self._obey(encode(Op.PSA_UNMAP_INVEC, int32(msg_handle), int32(invec_idx)))

    def psa_map_outvec(self, msg_handle: int, outvec_idx: int) -> memoryview:
        self._touch(msg_handle)
        answer = self._ask(encode(Op.PSA_MAP_OUTVEC, int32(msg_handle), int32(outvec_idx)))
        buffer = self._mapped[msg_handle, outvec_idx] = bytearray(answer)
        return memoryview(buffer)

    def psa_unmap_outvec(self, msg_handle: int, outvec_idx: int, length: int) -> int:
        data = bytes(self._mapped.pop((msg_handle, outvec_idx), b""))
        return self._obey(
            encode(Op.PSA_UNMAP_OUTVEC, int32(msg_handle), int32(outvec_idx), length & _UINT32, tail=data)
        )

    def _touch(self, msg_handle: int) -> None:
        """From the first mapping on the SPM alone knows what reads and writes come to."""
        if msg_handle in self._messages:
            self._messages[msg_handle].mapped = True

    # Beside FF-M.

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        answer = self._ask(encode(Op.BOOT_DATA, int32(major), int32(size)))
        return _int(answer[:4]), answer[4:]

    def _call_hal(self, name: str, *arguments: object, **keywords: object) -> object:
        called = name.encode()
        tail = called + plain.dump([list(arguments), [[k, v] for k, v in keywords.items()]])
        answer = plain.load(self._ask(encode(Op.HAL, len(called), tail=tail)))
        return plain.from_plain(get_type_hints(getattr(PlatformHal, name)).get("return", Any), answer)

    def print(self, stream: int, text: str) -> None:
        """Text for the host's standard output (1) or error (2); not kept back, for a crash may follow."""
        self._queued += encode(Op.PRINT, stream, tail=text.encode(errors="replace"), flags=ONE_WAY)
        self._channel.send(self._queued)
        self._queued.clear()

    # Messages.

    def _hold(self, data: bytes, at: int, msg: psa_msg_t, age: int) -> None:
        """Fill ``msg``, remember the message, and put the object back that its rhandle stands for."""
        kind, prefetched = decode_message(data, at, msg)
        rhandle = msg.rhandle
        token = 0
        if kind == Kind.TOKEN:
            token = rhandle
            msg.rhandle = self._objects.get(token)
        elif not rhandle:
            msg.rhandle = None
        # TF-M mailbox agent: the answer to one of its own calls is no message that could be replied to.
        if msg.handle:
            self._messages[msg.handle] = _Message(msg, token, prefetched, age)

    def _forget(self, msg_handle: int, message: _Message | None) -> None:
        if message is not None and message.type == PSA_IPC_DISCONNECT:
            self._objects.pop(message.token, None)
        if self._mapped:
            for index in range(PSA_MAX_IOVEC):
                self._mapped.pop((msg_handle, index), None)


def _int(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _answered(frame: bytes) -> bytes:
    """The same call, its answer wanted."""
    return frame[:6] + b"\0\0" + frame[8:]


def _count(which: str, vectors: Sequence[object] | int, given: int | None) -> int:
    if isinstance(vectors, int):
        if given is None:
            raise TypeError(f"psa_call: {which}_vec is an address and needs {which}_len")
        return int32(given)
    if given is not None and given != len(vectors):
        raise TypeError(f"psa_call: {which}_len {given} for {len(vectors)} vectors; legal: leave it out")
    return len(vectors)


def _array(address: int) -> tuple[int, int, list[Any]]:
    return Kind.ADDRESS, address & _UINT32, []


def _in(item: InVec) -> InVector:
    if not isinstance(item, psa_invec):
        return bytes(item)
    base, length = item.base, item.len
    if isinstance(base, int):
        return psa_invec(base, _length("psa_invec", base, length))
    if length > len(base):
        raise ValueError(f"psa_invec: len {length} over a buffer of {len(base)} bytes")
    return bytes(base if length < 0 else base[:length])


def _out(item: psa_outvec) -> psa_outvec:
    base, length = item.base, item.len
    if isinstance(base, int):
        return psa_outvec(base, _length("psa_outvec", base, length))
    if not isinstance(base, bytearray) and (not isinstance(base, memoryview) or base.readonly):
        raise TypeError(
            f"psa_outvec: base is a {type(base).__name__}; legal: a writable buffer or an address"
        )
    if length > len(base):
        raise ValueError(f"psa_outvec: len {length} over a buffer of {len(base)} bytes")
    return psa_outvec(base, len(base) if length < 0 else length)


def _length(what: str, base: int, length: int) -> int:
    if length < 0 and base:
        raise ValueError(f"{what}: address {base:#x} without a len")
    return max(length, 0)


def _remote_hal(call: Callable[..., object]) -> PlatformHal:
    """The platform's functions, each of which travels; the SPM says which of them this partition has."""
    hal = object.__new__(PlatformHal)
    for name in HAL_FUNCTIONS:
        vars(hal)[name] = partial(call, name)
    return hal


def _exception(payload: bytes) -> Exception:
    """What the SPM's side raised, as the most special class of it that this process knows."""
    classes, reason, text = plain.load(payload)
    for module, name in classes:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            error = kind.__new__(kind)
            error.args = (text,)
            if reason is not None:
                hint = get_type_hints(kind.__init__).get("reason", int)
                error.reason = plain.from_plain(hint, reason)  # type: ignore[attr-defined]
            return error
    return TfmSimError(text)


def describe(error: BaseException) -> str:
    """An exception as a panic's report has it, with the line of the partition's own code if there is one."""
    frame: TracebackType | None = error.__traceback__
    name, line, file = "", 0, ""
    while frame is not None:
        code = frame.tb_frame.f_code
        if not file or Path(code.co_filename).parent != Path(__file__).parent:
            name, line, file = code.co_name, frame.tb_lineno, code.co_filename
        frame = frame.tb_next
    return f"{type(error).__name__}: {error} in {name}, line {line} of {Path(file).name}"
