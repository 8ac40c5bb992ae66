"""Frames: a header of three numbers, notes, then a payload. Little endian, no pointers (docs/wire.md).

Whoever reads a socket hands the bytes to ``parse`` until they are a frame.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from ..errors import TfmSimError

HEADER: Final = Struct("<IHH")
"""u32 bytes behind the header, u16 op, u16 notes."""
HEADER_SIZE: Final = HEADER.size
NOTE: Final = Struct("<IiiI")
"""u32 op, and three fields of that call: i32, i32, u32."""
NOTE_SIZE: Final = NOTE.size
MAX_PAYLOAD: Final = 1 << 24

Frame = tuple[int, int, bytes]
"""Op, how many notes, and the whole frame with its header."""


class WireError(TfmSimError):
    """Bytes that are no frame, or a payload that is not its op's."""


class Op(IntEnum):
    """What a frame or a note is: a call of the client or partition API, or control."""

    PSA_FRAMEWORK_VERSION = 0x01
    PSA_VERSION = 0x02
    PSA_CONNECT = 0x03
    PSA_CALL = 0x04
    PSA_CLOSE = 0x05

    PSA_WAIT = 0x10
    PSA_GET = 0x11
    PSA_SET_RHANDLE = 0x12
    PSA_READ = 0x13
    PSA_SKIP = 0x14
    PSA_WRITE = 0x15
    PSA_REPLY = 0x16
    PSA_NOTIFY = 0x17
    PSA_CLEAR = 0x18
    PSA_PANIC = 0x19
    PSA_ROT_LIFECYCLE_STATE = 0x1A
    PSA_IRQ_ENABLE = 0x1B
    PSA_IRQ_DISABLE = 0x1C
    PSA_EOI = 0x1D
    PSA_RESET_SIGNAL = 0x1E
    PSA_MAP_INVEC = 0x1F
    PSA_UNMAP_INVEC = 0x20
    PSA_MAP_OUTVEC = 0x21
    PSA_UNMAP_OUTVEC = 0x22

    AGENT_PSA_CONNECT = 0x28
    AGENT_PSA_CALL = 0x29
    AGENT_PSA_CLOSE = 0x2A

    BOOT_DATA = 0x30
    HAL = 0x31
    CPU_LOAD = 0x32
    CPU_STORE = 0x33
    CPU_EXECUTE = 0x34
    PRINT = 0x35
    NOTES = 0x36
    MEMORY_PERMISSION_CHECK = 0x37

    LOAD = 0x40
    LOADED = 0x41
    RUN = 0x42
    RETURN = 0x43
    FAULT = 0x44
    ANSWER = 0x45
    RAISE = 0x46


_OPS: Final = frozenset(Op)


def parse(data: bytes | bytearray) -> Frame | None:
    """The frame that ``data`` is; None while more of it has to come.

    Raises WireError for a header that no frame has, and for bytes behind the frame: each side waits for the
    other's before it sends its next.
    """
    size = len(data) - HEADER_SIZE
    if size < 0:
        return None
    length, op, notes = HEADER.unpack_from(data)
    if length > MAX_PAYLOAD or op not in _OPS or notes * NOTE_SIZE > length:
        raise WireError(
            f"frame header: length {length}, op {op:#x}, {notes} notes; legal: a length of at most "
            f"{MAX_PAYLOAD}, an op of docs/wire.md, notes of {NOTE_SIZE} bytes within the length"
        )
    if size == length:
        return op, notes, bytes(data)
    if size > length:
        raise WireError("bytes behind a frame; legal: to wait for what it brings")
    return None
