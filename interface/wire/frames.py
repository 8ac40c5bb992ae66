"""Frames: a header of three numbers, then a payload. Little endian, no pointers (docs/wire.md).

Whoever reads a socket feeds the bytes to a Decoder and gets the frames that are complete.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from ..errors import TfmSimError

HEADER: Final = Struct("<IHH")
"""u32 bytes of payload, u16 op, u16 flags."""
HEADER_SIZE: Final = HEADER.size
MAX_PAYLOAD: Final = 1 << 24
ONE_WAY: Final = 1
"""The one flag: no answer is wanted. Such a call can only succeed or panic the device."""

Frame = tuple[int, int, bytes]
"""Op, flags, payload."""


class WireError(TfmSimError):
    """Bytes that are no frame, or a payload that is not its op's."""


class Op(IntEnum):
    """What a frame is: a call of the client or partition API, or control."""

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
    AGENT_PSA_CONNECT = 0x23
    AGENT_PSA_CALL = 0x24
    AGENT_PSA_CLOSE = 0x25

    BOOT_DATA = 0x30
    HAL = 0x31
    CPU_LOAD = 0x32
    CPU_STORE = 0x33
    CPU_EXECUTE = 0x34
    PRINT = 0x35

    LOAD = 0x40
    LOADED = 0x41
    RUN = 0x42
    RETURN = 0x43
    FAULT = 0x44
    ANSWER = 0x45
    RAISE = 0x46


_OPS: Final = frozenset(Op)


class Decoder:
    """From bytes as they arrive to complete frames; keeps what is not complete yet."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = bytearray()

    @property
    def kept(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._kept)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """The frames that ``data`` completes. Raises WireError for a header that none has."""
        kept = self._kept
        if kept:
            kept += data
            if len(kept) >= HEADER_SIZE:
                length = HEADER.unpack_from(kept)[0]
                # A long frame in many pieces is looked at once it is whole.
                if len(kept) < HEADER_SIZE + length <= HEADER_SIZE + MAX_PAYLOAD:
                    return []
            data = bytes(kept)
        at, end = 0, len(data)
        frames = []
        while end - at >= HEADER_SIZE:
            length, op, flags = HEADER.unpack_from(data, at)
            if length > MAX_PAYLOAD or op not in _OPS or flags & ~ONE_WAY:
                raise WireError(
                    f"frame header: length {length}, op {op:#x}, flags {flags:#x}; legal: a length of at "
                    f"most {MAX_PAYLOAD}, an op of docs/wire.md, flag {ONE_WAY} or none"
                )
            start = at + HEADER_SIZE
            if end - start < length:
                break
            at = start + length
            frames.append((op, flags, bytes(data[start:at])))
        if kept or at < end:
            self._kept = bytearray(data[at:])
        return frames
