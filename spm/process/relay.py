"""A partition in another process, as the kernel sees it: an in-process partition whose program is a relay.

The relay offers the manifest's symbols. Each sends RUN to the process and then serves its requests by calling
the partition's own door, in the partition's own thread, until RETURN. So every rule, check and panic is the
kernel's own, and the order in which partitions run is the same at each isolation level.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_SUCCESS
from ...interface.trace import LISTENER_NOTE
from ...interface.wire import plain
from ...interface.wire.frames import ONE_WAY, Frame, Op, WireError
from ...interface.wire.payloads import (
    NOTHING,
    PREFETCH_SIZE,
    Kind,
    Prefetched,
    decode,
    decode_vectors,
    encode,
    encode_message,
    encode_written,
)
from ...platform.hal import HAL_FUNCTIONS, SystemReset
from ..connection import NO_SIZES
from ..load import LoadError, sfn_symbol
from ..manifest import IrqHandling
from ..outcome import Fault
from ..panic import DevicePanic
from .channel import Channel, ChannelClosed, ChannelTimeout

if TYPE_CHECKING:
    from ..client import Partition
    from ..connection import Connection
    from ..kernel import Kernel

_I32: Final = Struct("<i")
_U32: Final = Struct("<I")
_WAITED: Final = Struct("<II")
_BATCH_MAX: Final = 1 << 16
_SCRATCH_SIZE: Final = 1 << 16
_ROOM_MAX: Final = 1 << 20
NULL: Final = (0, 0)
_RETURN: Final = int(Op.RETURN)
_MAKE: Final = 0
"""The symbol that makes the program; the manifest's own count from 1."""

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
    Op.AGENT_PSA_CONNECT: _signed,
    Op.AGENT_PSA_CLOSE: _signed,
}


class NotAnInteger:
    """What a partition's code returned in place of a psa_status_t, as far as its text goes."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Token:
    """An rhandle that is an object in the partition's own process, by its number there."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def symbols_of(partition: "Partition") -> list[str]:
    """The functions that the SPM calls in a partition's program, from its manifest."""
    manifest = partition.manifest
    symbols = [manifest.entry] if manifest.entry else []
    if partition.is_sfn:
        symbols += [sfn_symbol(service) for service in partition.services]
    for irq in manifest.irqs:
        if irq.handling is IrqHandling.FLIH:
            name: str = getattr(irq, "name", irq.signal.removesuffix("_SIGNAL"))
            symbols.append(f"{name.lower()}_flih")
    return symbols


class RemoteProgram:
    """The program of one partition in another process; its methods carry the manifest's symbols.

    ``why`` tells how the process ended, once it has hung up; it also ends one that has not.
    """

    def __init__(
        self,
        spm: "Kernel",
        partition: "Partition",
        door: Any,
        channel: Channel,
        why: Callable[[], str],
        seconds: float,
    ) -> None:
        self._spm = spm
        self._partition = partition
        self._door = door
        self._channel = channel
        self._why = why
        self._seconds = seconds
        self._symbols = symbols_of(partition)
        self._running = ""
        self._last = 0
        self._maps: dict[tuple[int, int], memoryview] = {}
        self._handlers = self._make_handlers()
        self._notes = self._handlers | {Op.PSA_GET: self._note_get, Op.PSA_READ: self._note_read}
        self._services = list(partition.service_by_signal.items())
        self._got = psa_msg_t()
        self._scratch = bytearray(_SCRATCH_SIZE)
        for place, symbol in enumerate(self._symbols, 1):
            setattr(self, symbol, partial(self._run, place))

    def make(self, name: str) -> None:
        """Have the process make the program, an object of class ``name``. Raises LoadError."""
        missing = self._run(_MAKE)
        where = f"{self._partition.manifest.where}: {self._partition.name}"
        if missing != 0:
            symbol = self._symbols[missing - 1] if isinstance(missing, int) else "?"
            raise LoadError(f"{where} needs the function {symbol}, which {name} does not define")

    # Running code over there.

    def _run(self, place: int, msg: psa_msg_t | None = None) -> object:
        running = self._running
        self._running = self._symbols[place - 1] if place else "the program's constructor"
        tail = b"" if msg is None else _message(self._spm.connections.open[msg.handle])
        self._send(encode(Op.RUN, place, msg is not None, tail=tail))
        while True:
            batch = self._batch()
            op, _, payload = batch.pop()
            for note in batch:
                self._execute(note)
            if op == _RETURN:
                self._running = running
                return self._result(payload)
            if op == Op.FAULT:
                self._fault(payload, place)
            self._send(self._answer(op, payload))

    def _result(self, payload: bytes) -> object:
        try:
            kind, value, text = decode(Op.RETURN, payload)
        except WireError as error:
            self._broken(str(error))
        return value if kind == Kind.INLINE else NotAnInteger(text.decode(errors="replace"))

    def _fault(self, payload: bytes, place: int) -> NoReturn:
        found = payload.decode(errors="replace")
        if place == _MAKE:
            raise LoadError(f"{self._partition.manifest.where}: {self._partition.name}: {found}")
        self._panic("code that runs without a fault", found, "no exception")

    def _batch(self) -> list[Frame]:
        """What the process sends next: calls that want no answer, then something that wants one."""
        batch: list[Frame] = []
        try:
            batch = self._channel.receive()
            while batch[-1][1] & ONE_WAY:
                batch += self._channel.receive()
                if len(batch) > _BATCH_MAX:
                    raise WireError(f"{len(batch)} calls without an answer; legal: at most {_BATCH_MAX}")
            if not self._channel.is_between_frames:
                raise WireError("bytes behind a frame that wants an answer; legal: to wait for it")
        except ChannelTimeout:
            self._finish(batch)
            self._hangs()
        except ChannelClosed:
            self._finish(batch)
            self._died()
        except WireError as error:
            self._broken(str(error))
        return batch

    def _send(self, frame: bytes) -> None:
        try:
            self._channel.send(frame)
        except ChannelTimeout:
            self._hangs()
        except ChannelClosed:
            self._died()

    def _finish(self, notes: Sequence[Frame]) -> None:
        """The last that a process said before it fell silent counts."""
        for note in notes:
            self._execute(note)

    # What the process asks for.

    def _execute(self, note: Frame) -> None:
        """A call that wants no answer."""
        op, flags, payload = note
        try:
            if not flags & ONE_WAY:
                raise WireError("a frame behind one that wants an answer; legal: to wait for it")
            self._notes[op](*decode(op, payload))
        except (WireError, KeyError) as error:
            self._broken(str(error))

    def _answer(self, op: int, payload: bytes) -> bytes:
        """The frame that answers a call: its results, or what it raised."""
        handler = self._handlers.get(op)
        if handler is None:
            self._broken(f"op {op:#x}, which is not a partition's to send")
        self._last = op
        try:
            return encode(Op.ANSWER, tail=handler(*decode(op, payload)) or b"")
        except WireError as error:
            self._broken(str(error))
        except (DevicePanic, SystemReset):
            raise
        except Exception as error:
            if self._spm.down is not None or LISTENER_NOTE in getattr(error, "__notes__", ()):
                raise
            return _raised(error)

    def _make_handlers(self) -> dict[int, Handler]:
        """What each op comes to: most are the door's own calls, by the same name."""
        door = self._door
        named = {op: getattr(door, op.name.lower(), None) for op in _DIRECT}
        direct: dict[int, Handler] = {op: _DIRECT[op](call) for op, call in named.items() if call is not None}
        return direct | {
            Op.PSA_CALL: self._psa_call,
            Op.PSA_WAIT: self._psa_wait,
            Op.PSA_GET: self._psa_get,
            Op.PSA_SET_RHANDLE: self._psa_set_rhandle,
            Op.PSA_READ: self._psa_read,
            Op.PSA_WRITE: self._psa_write,
            Op.PSA_REPLY: self._psa_reply,
            Op.PSA_MAP_OUTVEC: self._psa_map_outvec,
            Op.PSA_UNMAP_OUTVEC: self._psa_unmap_outvec,
            Op.AGENT_PSA_CALL: self._agent_psa_call,
            Op.BOOT_DATA: self._boot_data,
            Op.HAL: self._hal,
            Op.CPU_LOAD: self._cpu_load,
            Op.CPU_STORE: self._cpu_store,
            Op.CPU_EXECUTE: self._cpu_execute,
            Op.PRINT: self._print,
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

    def _psa_wait(self, mask: int, timeout: int) -> bytes:
        signals: int = self._door.psa_wait(mask, timeout)
        for signal, service in self._services:
            if signals & signal and service.queue:
                return _WAITED.pack(signals, signal) + _message(service.queue[0])
        return _WAITED.pack(signals, 0)

    def _psa_get(self, signal: int, kind: int, address: int) -> bytes:
        msg = psa_msg_t()
        status: int = self._door.psa_get(signal, address if kind == Kind.ADDRESS else msg)
        if kind == Kind.ADDRESS or status != PSA_SUCCESS:
            return _I32.pack(status)
        connection = self._spm.connections.open.get(msg.handle)
        if connection is not None:
            return _I32.pack(status) + _message(connection)
        # TF-M mailbox agent: the reply to a call of its own is no message of a connection.
        rhandle = _rhandle(msg.rhandle)
        message = encode_message(msg.type, msg.handle, msg.client_id, rhandle, msg.in_size, msg.out_size)
        return _I32.pack(status) + message

    def _note_get(self, signal: int, kind: int, address: int) -> None:
        self._door.psa_get(signal, self._got)

    def _note_read(self, handle: int, index: int, num_bytes: int, kind: int, at: int) -> None:
        if num_bytes > len(self._scratch):
            raise WireError(f"psa_read: {num_bytes} bytes ahead; legal: at most {len(self._scratch)}")
        self._door.psa_read(handle, index, self._scratch, num_bytes)

    def _psa_set_rhandle(self, handle: int, kind: int, value: int) -> None:
        self._door.psa_set_rhandle(handle, Token(value) if kind == Kind.TOKEN else value or None)

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

    def _agent_psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: int,
        in_len: int,
        out_vec: int,
        out_len: int,
        ns_client_id: int,
        client_data: int,
    ) -> bytes:
        arrays = (in_vec, in_len), (out_vec, out_len)
        return _I32.pack(self._door.agent_psa_call(handle, type_, *arrays, ns_client_id, client_data))

    def _boot_data(self, major: int, size: int) -> bytes:
        status, data = self._door.tfm_core_get_boot_data(major, size)
        return _I32.pack(status) + bytes(data)

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

    def _print(self, stream: int, text: bytes) -> None:
        (sys.stdout if stream == 1 else sys.stderr).write(text.decode(errors="replace"))

    # Ends.

    def _here(self) -> str:
        after = Op(self._last).name.lower() if self._last else "its start"
        return f"while in {self._running}, after {after}"

    def _died(self) -> NoReturn:
        self._panic(
            "code that runs without a fault", f"its process {self._why()} {self._here()}", "no such end"
        )

    def _hangs(self) -> NoReturn:
        seconds = f"{self._seconds:g} seconds of host time"
        self._panic(
            "watchdog: a process that goes on", f"it hangs {self._here()}", f"a call within {seconds}"
        )

    def _broken(self, found: str) -> NoReturn:
        self._panic("frames as docs/wire.md has them", f"{found}, {self._here()}", "no others")

    def _panic(self, rule: str, found: str, legal: str) -> NoReturn:
        if self._spm.down is not None:
            raise self._spm.gone()
        self._spm.panic_of(Fault(self._partition, rule, found, legal))


def _raised(error: Exception) -> bytes:
    """What a call raised, as the classes that the process may know it by."""
    classes = [[c.__module__, c.__qualname__] for c in type(error).__mro__ if issubclass(c, Exception)]
    reason = getattr(error, "reason", None)
    return encode(
        Op.RAISE, tail=plain.dump([classes, reason if isinstance(reason, int) else None, str(error)])
    )


def _rhandle(value: object) -> tuple[int, int]:
    if value is None:
        return NULL
    if isinstance(value, Token):
        return Kind.TOKEN, value.number
    return Kind.INLINE, value & 0xFFFFFFFF if isinstance(value, int) else 0


def _message(connection: "Connection") -> bytes:
    """The message that stands at a connection, as psa_get would deliver it, with what was prefetched."""
    ins, outs = connection.in_vecs, connection.out_vecs
    return encode_message(
        connection.type,
        connection.handle,
        connection.client.client_id,
        _rhandle(connection.rhandle),
        _sizes(ins) if ins else NO_SIZES,
        _sizes(outs) if outs else NO_SIZES,
        _prefetched(ins, outs) if ins else NOTHING,
    )


def _sizes(vectors: Sequence[tuple[Any, ...]]) -> Sequence[int]:
    return (*[vector[2] for vector in vectors], *NO_SIZES[len(vectors) :])


def _prefetched(ins: Sequence[tuple[Any, ...]], outs: Sequence[tuple[Any, ...]]) -> Prefetched:
    """The first bytes of the input vectors, unless a write to an output vector would change them."""
    for view, start, length, *_ in outs:
        for read, at, size in (vector[:3] for vector in ins):
            if view is read and start < at + size and at < start + length:
                return NOTHING
    left = PREFETCH_SIZE
    parts = [b"", b"", b"", b""]
    for i, (view, start, length, *_) in enumerate(ins):
        count = min(length, left)
        parts[i] = bytes(view[start : start + count])
        left -= count
    return parts[0], parts[1], parts[2], parts[3]
