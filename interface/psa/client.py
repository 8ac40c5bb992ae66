"""FF-M client types and constants (FF-M 1.1, psa/client.h)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

PSA_FRAMEWORK_VERSION: Final = 0x0101
PSA_VERSION_NONE: Final = 0
PSA_NULL_HANDLE: Final = 0
PSA_MAX_IOVEC: Final = 4
"""Input and output vectors of one call, added up."""
PSA_IPC_CALL: Final = 0
PSA_CALL_TYPE_MIN: Final = 0
PSA_CALL_TYPE_MAX: Final = 32767


def PSA_HANDLE_IS_VALID(handle: int) -> bool:
    """True for a handle that a client can use; a negative one *is* the ``psa_status_t``."""
    return handle > 0


@dataclass(slots=True, frozen=True)
class psa_invec:
    """An input vector: ``base`` is an address, or bytes that the caller's side places in its own memory.

    ``len`` is in bytes; left out, it is the length of the bytes. An address needs it.
    """

    base: int | bytes | bytearray | memoryview = 0
    len: int = -1


@dataclass(slots=True)
class psa_outvec:
    """An output vector: ``base`` is an address, or a writable buffer that receives what is written.

    ``len`` is the room in bytes before the call and the number of bytes written after a call that reached
    the service (FF-M 1.1, psa_call); left out, it is the length of the buffer.
    """

    base: int | bytearray | memoryview = 0
    len: int = -1


BytesLike = bytes | bytearray | memoryview
InVec = psa_invec | BytesLike
"""What a caller may pass as an input vector: bytes stand for a vector over the whole of them."""


class PsaClient(Protocol):
    """The FF-M client API as one caller sees it: integers in, integers out, no exception for a status."""

    def psa_framework_version(self) -> int: ...

    def psa_version(self, sid: int) -> int: ...

    def psa_connect(self, sid: int, version: int) -> int: ...

    def psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: Sequence[InVec] = (),
        out_vec: Sequence[psa_outvec] = (),
    ) -> int: ...

    def psa_close(self, handle: int) -> None: ...
