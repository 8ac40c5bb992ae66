"""What a partition's process asks for, as calls of that partition's own door."""

import sys
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_SUCCESS
from ...interface.wire import plain
from ...interface.wire.frames import HEADER_SIZE, NOTE, NOTE_SIZE, Op, WireError
from ...interface.wire.payloads import (
    FIELDS,
    MESSAGE,
    Kind,
    decode,
    decode_vectors,
    encode,
    encode_written,
)
from ...platform.hal import HAL_FUNCTIONS
from .deliveries import NO_VECTORS, delivery, object_of, rhandle_of

if TYPE_CHECKING:
    from ..client import Partition
    from ..kernel import Kernel

_I32: Final = Struct("<i")
_U32: Final = Struct("<I")
_WAITED: Final = FIELDS[Op.PSA_WAIT]
_GOT: Final = Struct("<iI")
_SCRATCH_SIZE: Final = 1 << 16
_ROOM_MAX: Final = 1 << 20
_WAIT, _GET, _READ, _WRITE, _REPLY = map(
    int, (Op.PSA_WAIT, Op.PSA_GET, Op.PSA_READ, Op.PSA_WRITE, Op.PSA_REPLY)
)
_ANSWER: Final = int(Op.ANSWER)
_PRINT: Final = int(Op.PRINT)
_CARRIERS: Final = frozenset((_WRITE, _PRINT))

Handler = Callable[..., bytes | None]


def _unsigned(call: Callable[..., int]) -> Handler:
    return lambda *fields: _U32.pack(call(*fields) & 0xFFFFFFFF)


def _signed(call: Callable[..., int]) -> Handler:
    return lambda *fields: _I32.pack(call(*fields))


def _bytes(call: Callable[..., memoryview]) -> Handler:
    return lambda *fields: bytes(call(*fields))


def _nothing(call: Callable[..., object]) -> Handler:
    def handler(*fields: Any) -> None:
        call(*fields)

    return handler


# The calls whose fields are the door's arguments, and how their result travels.
_DIRECT: Final[dict[Op, Callable[[Callable[..., Any]], Handler]]] = {
    Op.PSA_FRAMEWORK_VERSION: _unsigned,
    Op.PSA_VERSION: _unsigned,
    Op.PSA_CONNECT: _signed,
    Op.PSA_CLOSE: _nothing,
    Op.PSA_SKIP: _unsigned,
    Op.PSA_NOTIFY: _nothing,
    Op.PSA_CLEAR: _nothing,
    Op.PSA_PANIC: _nothing,
    Op.PSA_ROT_LIFECYCLE_STATE: _unsigned,
    Op.PSA_IRQ_ENABLE: _nothing,
    Op.PSA_IRQ_DISABLE: _signed,
    Op.PSA_EOI: _nothing,
    Op.PSA_RESET_SIGNAL: _nothing,
    Op.PSA_MAP_INVEC: _bytes,
    Op.PSA_UNMAP_INVEC: _nothing,
}


class NotAnInteger:
    """What a partition's code returned in place of a psa_status_t, as far as its text goes."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Calls:
    """The calls of one partition in another process, by their ops: asked, which answer, and notes."""

    def __init__(self, spm: "Kernel", partition: "Partition", door: Any) -> None:
        self._spm = spm
        self._door = door
        self._maps: dict[tuple[int, int], memoryview] = {}
        self._handlers = self._make_handlers()
        self._notes = self._make_notes()
        self._services = list(partition.service_by_signal.items())
        self._got = psa_msg_t()
        self._scratch = bytearray(_SCRATCH_SIZE)

    def answer(self, op: int, frame: bytes, at: int) -> bytes:
        """The payload that answers a call; raises what the call does, and WireError."""
        handler = self._handlers.get(op)
        if handler is None:
            raise WireError(f"op {op:#x}, which is not a partition's to send")
        return handler(*decode(op, frame, at)) or b""

    def execute(self, frame: bytes, count: int) -> int:
        """The notes of a frame, in order; returns where its payload begins. Raises WireError."""
        door = self._door
        at = HEADER_SIZE + count * NOTE_SIZE
        for op, a, b, c in NOTE.iter_unpack(frame[HEADER_SIZE:at]):
            if op == _READ:
                if c > _SCRATCH_SIZE:
                    raise WireError(f"psa_read: {c} bytes ahead; legal: at most {_SCRATCH_SIZE}")
                door.psa_read(a, b, self._scratch, c)
            elif op in _CARRIERS:
                data = frame[at : at + c]
                if len(data) != c:
                    raise WireError(f"a note with {c} bytes; legal: {len(data)} that follow")
                at += c
                if op == _WRITE:
                    door.psa_write(a, b, data, c)
                else:
                    (sys.stdout if a == 1 else sys.stderr).write(data.decode(errors="replace"))
            elif op == _REPLY:
                door.psa_reply(a, b)
            elif op == _GET:
                door.psa_get(c, self._got)
            elif op in self._notes:
                self._notes[op](a, b, c)
            else:
                raise WireError(f"note {op:#x}; legal: those of docs/wire.md")
        return at

    def wait(self, frame: bytes, at: int) -> bytes:
        """psa_wait: the frame that answers, with the first message of the lowest asserted service signal."""
        mask, timeout = decode(_WAIT, frame, at)
        signals: int = self._door.psa_wait(mask, timeout)
        for signal, service in self._services:
            if signals & signal and service.queue:
                return delivery(_ANSWER, signals, signal, service.queue[0])
        return encode(Op.ANSWER, tail=_WAITED.pack(signals, 0))

    def _make_notes(self) -> dict[int, Callable[[int, int, int], object]]:
        """Of the calls that can be noted those that are rare."""
        door = self._door
        return {
            Op.PSA_CLOSE: lambda a, b, c: door.psa_close(a),
            Op.PSA_SET_RHANDLE: self._psa_set_rhandle,
            Op.PSA_SKIP: door.psa_skip,
            Op.PSA_NOTIFY: lambda a, b, c: door.psa_notify(a),
            Op.PSA_CLEAR: lambda a, b, c: door.psa_clear(),
            Op.PSA_RESET_SIGNAL: lambda a, b, c: door.psa_reset_signal(c),
        }

    def _make_handlers(self) -> dict[int, Handler]:
        """What each op comes to: most are the door's own calls, by the same name."""
        door = self._door
        named = {op: getattr(door, op.name.lower(), None) for op in _DIRECT}
        direct: dict[int, Handler] = {op: _DIRECT[op](call) for op, call in named.items() if call is not None}
        return direct | {
            Op.PSA_CALL: self._psa_call,
            Op.PSA_GET: self._psa_get,
            Op.PSA_SET_RHANDLE: self._psa_set_rhandle,
            Op.PSA_READ: self._psa_read,
            Op.PSA_WRITE: self._psa_write,
            Op.PSA_REPLY: self._psa_reply,
            Op.PSA_MAP_OUTVEC: self._psa_map_outvec,
            Op.PSA_UNMAP_OUTVEC: self._psa_unmap_outvec,
            Op.BOOT_DATA: self._boot_data,
            Op.HAL: self._hal,
            Op.CPU_LOAD: self._cpu_load,
            Op.CPU_STORE: self._cpu_store,
            Op.CPU_EXECUTE: self._cpu_execute,
            Op.NOTES: lambda: None,
            Op.MEMORY_PERMISSION_CHECK: self._memory_permission_check,
            Op.AGENT_PSA_CONNECT: self._agent_psa_connect,
            Op.AGENT_PSA_CALL: self._agent_psa_call,
            Op.AGENT_PSA_CLOSE: self._agent_psa_close,
        }

    def _psa_call(
        self,
        handle: int,
        type_: int,
        in_kind: int,
        in_count: int,
        in_array: int,
        out_kind: int,
        out_count: int,
        out_array: int,
        data: bytes,
    ) -> bytes:
        in_inline, out_inline = in_kind == Kind.INLINE, out_kind == Kind.INLINE
        ins, outs = decode_vectors(data, in_count if in_inline else 0, out_count if out_inline else 0)
        status = self._door.psa_call(
            handle,
            type_,
            ins if in_inline else in_array,
            outs if out_inline else out_array,
            in_len=None if in_inline else in_count,
            out_len=None if out_inline else out_count,
        )
        return _I32.pack(status) + encode_written(outs)

    def _psa_get(self, signal: int, kind: int, address: int) -> bytes:
        msg = psa_msg_t()
        status: int = self._door.psa_get(signal, address if kind == Kind.ADDRESS else msg)
        if kind == Kind.ADDRESS or status != PSA_SUCCESS:
            return _GOT.pack(status, 0)
        connection = self._spm.connections.open.get(msg.handle)
        if connection is None:
            # TF-M mailbox agent: the reply to a call of its own is no message of a connection.
            return _GOT.pack(status, 1) + MESSAGE.pack(msg.type, 0, 0, *rhandle_of(msg.rhandle), *NO_VECTORS)
        return delivery(_ANSWER, status, 1, connection)[HEADER_SIZE:]

    def _psa_set_rhandle(self, handle: int, kind: int, value: int) -> None:
        self._door.psa_set_rhandle(handle, object_of(kind, value) or None)

    def _psa_read(self, handle: int, index: int, num_bytes: int, kind: int, at: int) -> bytes:
        if kind == Kind.ADDRESS:
            return _U32.pack(self._door.psa_read(handle, index, at, num_bytes))
        if at > _ROOM_MAX:
            raise WireError(f"psa_read: a buffer of {at} bytes; legal: at most {_ROOM_MAX}")
        buffer = bytearray(at)
        count: int = self._door.psa_read(handle, index, buffer, num_bytes)
        return _U32.pack(count) + buffer[:count]

    def _psa_write(self, handle: int, index: int, num_bytes: int, kind: int, at: int, data: bytes) -> None:
        self._door.psa_write(handle, index, at if kind == Kind.ADDRESS else data, num_bytes)

    def _psa_reply(self, handle: int, kind: int, status: int, text: bytes) -> None:
        answer = status if kind == Kind.INLINE else NotAnInteger(text.decode(errors="replace"))
        self._door.psa_reply(handle, answer)

    def _psa_map_outvec(self, handle: int, index: int) -> bytes:
        view = self._maps[handle, index] = self._door.psa_map_outvec(handle, index)
        return bytes(view)

    def _psa_unmap_outvec(self, handle: int, index: int, length: int, data: bytes) -> None:
        view = self._maps.pop((handle, index), memoryview(b""))
        if len(data) > len(view):
            raise WireError(f"psa_unmap_outvec: {len(data)} bytes; legal: {len(view)} that were mapped")
        if data:
            view[: len(data)] = data
        self._door.psa_unmap_outvec(handle, index, length)

    def _agent_psa_connect(self, sid: int, version: int, client_id: int, kind: int, value: int) -> bytes:
        data = object_of(kind, value)
        return _I32.pack(self._door.agent_psa_connect(sid, version, client_id, data))

    def _agent_psa_call(
        self,
        handle: int,
        type_: int,
        in_base: int,
        in_count: int,
        out_base: int,
        out_count: int,
        client_id: int,
        kind: int,
        value: int,
    ) -> bytes:
        vectors, data = ((in_base, in_count), (out_base, out_count)), object_of(kind, value)
        return _I32.pack(self._door.agent_psa_call(handle, type_, *vectors, client_id, data))

    def _agent_psa_close(self, handle: int, client_id: int, kind: int, value: int) -> bytes:
        return _I32.pack(self._door.agent_psa_close(handle, client_id, object_of(kind, value)))

    def _boot_data(self, major: int, size: int) -> bytes:
        status, data = self._door.tfm_core_get_boot_data(major, size)
        return _I32.pack(status) + bytes(data)

    def _memory_permission_check(self, msg_handle: int, address: int, size: int, access: int) -> bytes:
        return _I32.pack(self._door.tfm_core_memory_permission_check(msg_handle, address, size, access))

    def _hal(self, length: int, data: bytes) -> bytes:
        name = data[:length].decode(errors="replace")
        if name not in HAL_FUNCTIONS:
            raise WireError(f"platform function {name!r}; legal: those of platform/hal.py")
        match plain.load(data[length:]):
            case [list(arguments), list(pairs)]:
                keywords = {
                    str(pair[0]): pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2
                }
            case _:
                raise WireError(f"{name}: no arguments; legal: a list of them and one of named ones")
        result = getattr(self._door.hal, name)(*arguments, **keywords)
        try:
            return plain.dump(result)
        except WireError as error:
            raise TypeError(f"{name}: {error}") from None

    def _cpu_load(self, address: int, length: int) -> bytes:
        return bytes(self._door.cpu.load(address, length))

    def _cpu_store(self, address: int, data: bytes) -> None:
        self._door.cpu.store(address, data)

    def _cpu_execute(self, address: int) -> None:
        self._door.cpu.execute(address)
