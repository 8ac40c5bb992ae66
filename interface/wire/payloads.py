"""Payloads: the fields of every op, and how a message and the vectors of a psa_call lie in one.

An op's payload follows the notes of its frame: fixed fields, then for some a run of bytes, the tail. ``Kind``
says which of two ways a value goes where there are two.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from ..psa.client import psa_invec, psa_outvec
from ..psa.service import psa_msg_t
from .frames import HEADER_SIZE, MAX_PAYLOAD, Op, WireError

PREFETCH_SIZE: Final = 4096
"""Bytes of input vectors, at most, that travel with the message to which they belong."""


class Kind(IntEnum):
    """How a buffer, a result or an rhandle goes."""

    INLINE = 0
    """The bytes are in the frame; a result or an rhandle is the integer itself."""
    ADDRESS = 1
    """At an address of the partition's simulated memory; a result is a text, for it was no integer."""
    TOKEN = 2
    """An rhandle: an object of the partition's own, which stays in its process under this number."""


Home = tuple[str, str, str]
"""Where a class is: the name of its module, that module's file, and its own qualified name."""


@dataclass(frozen=True, slots=True)
class Load:
    """What LOAD says, as CBOR: which program to make, with which configuration, which symbols to offer."""

    program: Home
    config_class: Home | None
    config: object
    symbols: tuple[str, ...]
    partition_id: int


# op: (fields, whether a tail follows). docs/wire.md names each field.
REQUESTS: Final[dict[Op, tuple[str, bool]]] = {
    Op.PSA_FRAMEWORK_VERSION: ("", False),
    Op.PSA_VERSION: ("I", False),
    Op.PSA_CONNECT: ("II", False),
    Op.PSA_CALL: ("iiIiIIiI", True),
    Op.PSA_CLOSE: ("i", False),
    Op.PSA_WAIT: ("II", False),
    Op.PSA_GET: ("III", False),
    Op.PSA_SET_RHANDLE: ("iII", False),
    Op.PSA_READ: ("iiIII", False),
    Op.PSA_SKIP: ("iiI", False),
    Op.PSA_WRITE: ("iiIII", True),
    Op.PSA_REPLY: ("iIi", True),
    Op.PSA_NOTIFY: ("i", False),
    Op.PSA_CLEAR: ("", False),
    Op.PSA_PANIC: ("", False),
    Op.PSA_ROT_LIFECYCLE_STATE: ("", False),
    Op.PSA_IRQ_ENABLE: ("I", False),
    Op.PSA_IRQ_DISABLE: ("I", False),
    Op.PSA_EOI: ("I", False),
    Op.PSA_RESET_SIGNAL: ("I", False),
    Op.PSA_MAP_INVEC: ("ii", False),
    Op.PSA_UNMAP_INVEC: ("ii", False),
    Op.PSA_MAP_OUTVEC: ("ii", False),
    Op.PSA_UNMAP_OUTVEC: ("iiI", True),
    Op.AGENT_PSA_CONNECT: ("IIiII", False),
    Op.AGENT_PSA_CALL: ("iiIIIIiII", False),
    Op.AGENT_PSA_CLOSE: ("iiII", False),
    Op.BOOT_DATA: ("ii", False),
    Op.HAL: ("I", True),
    Op.CPU_LOAD: ("II", False),
    Op.CPU_STORE: ("I", True),
    Op.CPU_EXECUTE: ("I", False),
    Op.NOTES: ("", False),
    Op.MEMORY_PERMISSION_CHECK: ("iIII", False),
    Op.LOAD: ("", True),
    Op.LOADED: ("", True),
    Op.RUN: ("II", True),
    Op.RETURN: ("Ii", True),
    Op.FAULT: ("", True),
    Op.ANSWER: ("", True),
    Op.RAISE: ("", True),
}
FIELDS: Final = {op: Struct("<" + fields) for op, (fields, _) in REQUESTS.items()}
_FRAMES: Final = {op: Struct("<IHH" + fields) for op, (fields, _) in REQUESTS.items()}
_DECODED: Final[dict[int, tuple[Struct, bool]]] = {
    op: (FIELDS[op], tail) for op, (_, tail) in REQUESTS.items()
}

MESSAGE: Final = Struct("<iiiII4I4I4I")
"""type, handle, client_id, Kind of the rhandle, rhandle, in_size[4], out_size[4], ahead[4]; then bytes."""
DELIVERY: Final = Struct("<IHHII" + MESSAGE.format.removeprefix("<"))
"""A whole RUN of a function that takes a message, or a whole ANSWER to PSA_WAIT: two fields and a message."""
DELIVERED: Final = HEADER_SIZE + 8
"""Where the message lies in one."""
_VECTOR: Final = Struct("<III")
_WRITTEN: Final = Struct("<iI")
_TOKEN: Final = int(Kind.TOKEN)

Four = tuple[int, int, int, int]
"""Sizes of four vectors, in bytes."""
NOTHING: Final[Four] = (0, 0, 0, 0)


def encode(op: Op, *fields: int, tail: bytes | bytearray | memoryview = b"") -> bytes:
    """A whole frame without notes. Raises WireError for a field that is not 32 bits, or too long a tail."""
    frame = _FRAMES[op]
    length = frame.size - HEADER_SIZE + len(tail)
    try:
        if length > MAX_PAYLOAD:
            raise WireError(f"{op.name}: {length} bytes; legal: at most {MAX_PAYLOAD}")
        head = frame.pack(length, op, 0, *fields)
    except StructError as error:
        raise WireError(f"{op.name}: {fields}; legal: 32-bit fields") from error
    return head + tail if tail else head


def decode(op: int, frame: bytes, at: int = HEADER_SIZE) -> tuple[Any, ...]:
    """The fields of the payload at ``at``, the tail last where its op has one. Raises WireError."""
    fields, tail = _DECODED[op]
    more = len(frame) - at - fields.size
    if more < 0 or (more and not tail):
        legal = f"{fields.size}{' or more' if tail else ''}"
        raise WireError(f"{Op(op).name}: {len(frame) - at} bytes; legal: {legal}")
    found = fields.unpack_from(frame, at)
    return (*found, frame[at + fields.size :]) if tail else found


def decode_message(frame: bytes, at: int, msg: psa_msg_t) -> tuple[int, Four, int]:
    """Fill ``msg`` from the message at ``at``, which the frame ends with.

    Returns the Kind of its rhandle, and how many bytes of each input vector follow, and where. Raises
    WireError.
    """
    start = at + MESSAGE.size
    if len(frame) < start:
        raise WireError(f"message: {len(frame) - at} bytes; legal: {MESSAGE.size} or more")
    type_, handle, client_id, kind, rhandle, a, b, c, d, e, f, g, h, i, j, k, m = MESSAGE.unpack_from(
        frame, at
    )
    if kind > _TOKEN:
        raise WireError(f"message: rhandle of kind {kind}; legal: 0 to {_TOKEN}")
    if len(frame) != start + i + j + k + m:
        raise WireError(
            f"message: {len(frame) - start} bytes of vectors; legal: {i + j + k + m} as announced"
        )
    msg.type = type_
    msg.handle = handle
    msg.client_id = client_id
    msg.rhandle = rhandle
    msg.in_size = a, b, c, d
    msg.out_size = e, f, g, h
    return kind, (i, j, k, m), start


InVector = bytes | psa_invec
OutVector = psa_outvec


def encode_vectors(ins: list[InVector], outs: list[psa_outvec]) -> bytes:
    """The vectors of a psa_call: bytes and room inline, or an address with its length."""
    parts = []
    for item in ins:
        if isinstance(item, psa_invec):
            assert isinstance(item.base, int)
            parts.append(_VECTOR.pack(Kind.ADDRESS, item.base & 0xFFFFFFFF, item.len & 0xFFFFFFFF))
        else:
            parts += (_VECTOR.pack(Kind.INLINE, 0, len(item)), item)
    for out in outs:
        if isinstance(out.base, int):
            parts.append(_VECTOR.pack(Kind.ADDRESS, out.base & 0xFFFFFFFF, out.len & 0xFFFFFFFF))
        else:
            parts.append(_VECTOR.pack(Kind.INLINE, 0, out.len))
    return b"".join(parts)


def decode_vectors(data: bytes, in_count: int, out_count: int) -> tuple[list[InVector], list[psa_outvec]]:
    """The vectors of a psa_call; room inline becomes a buffer of that size. Raises WireError."""
    ins: list[InVector] = []
    outs: list[psa_outvec] = []
    at, room = 0, MAX_PAYLOAD
    for i in range(in_count + out_count):
        if len(data) - at < _VECTOR.size:
            raise WireError(f"psa_call: {len(data)} bytes of vectors; legal: {in_count} in, {out_count} out")
        kind, base, length = _VECTOR.unpack_from(data, at)
        at += _VECTOR.size
        if kind == Kind.ADDRESS:
            if i < in_count:
                ins.append(psa_invec(base, length))
            else:
                outs.append(psa_outvec(base, length))
        elif kind != Kind.INLINE:
            raise WireError(f"psa_call: vector of kind {kind}; legal: 0 and 1")
        elif i < in_count:
            if length > len(data) - at:
                raise WireError(f"psa_call: vector of {length} bytes; legal: {len(data) - at} that follow")
            ins.append(data[at : at + length])
            at += length
        else:
            room -= length
            if room < 0:
                raise WireError(f"psa_call: room for {length} bytes; legal: {MAX_PAYLOAD} in all vectors")
            outs.append(psa_outvec(bytearray(length)))
    if at != len(data):
        raise WireError(f"psa_call: {len(data) - at} bytes behind the vectors; legal: none")
    return ins, outs


def encode_written(outs: list[psa_outvec]) -> bytes:
    """What a psa_call left in its output vectors; a length of -1 means that the vector was not touched."""
    parts: list[bytes | bytearray | memoryview] = []
    for out in outs:
        if isinstance(out.base, int) or out.len < 0:
            parts.append(_WRITTEN.pack(_signed(out.len), 0))
        else:
            parts += (_WRITTEN.pack(out.len, out.len), out.base[: out.len])
    return b"".join(parts)


def decode_written(data: bytes, count: int) -> list[tuple[int, bytes]]:
    """Length and bytes for each output vector. Raises WireError."""
    written = []
    at = 0
    for _ in range(count):
        if len(data) - at < _WRITTEN.size:
            raise WireError(f"psa_call: {len(data)} bytes of results; legal: {count} vectors")
        length, size = _WRITTEN.unpack_from(data, at)
        at += _WRITTEN.size
        if size > len(data) - at:
            raise WireError(f"psa_call: result of {size} bytes; legal: {len(data) - at} that follow")
        written.append((length, data[at : at + size]))
        at += size
    if at != len(data):
        raise WireError(f"psa_call: {len(data) - at} bytes behind the results; legal: none")
    return written


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - 0x1_0000_0000 if value > 0x7FFFFFFF else value
