"""What a partition's process can do beside FF-M: TF-M's boot data, the platform, its memory, and print."""

from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Any, Final, get_type_hints

from ...interface.wire import plain
from ...interface.wire.frames import Op
from ...platform.hal import HAL_FUNCTIONS, PlatformHal
from .arguments import UINT32, int32
from .channel import Channel
from .client_calls import ClientCalls

_I32: Final = Struct("<i")


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


class PlatformCalls(ClientCalls):
    """``cpu`` are the partition's own loads and stores, ``hal`` the platform's functions."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._runs = False
        self.cpu = _Cpu(self._ask)
        self.hal = _remote_hal(self._call_hal)

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        answer = self._ask(Op.BOOT_DATA, int32(major), int32(size))
        return _I32.unpack_from(answer)[0], answer[4:]

    def tfm_core_memory_permission_check(self, msg_handle: int, address: int, size: int, access: int) -> int:
        fields = int32(msg_handle), address & UINT32, size & UINT32, access & UINT32
        return self._ask_int(Op.MEMORY_PERMISSION_CHECK, *fields)

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


def _remote_hal(call: Callable[..., object]) -> PlatformHal:
    """The platform's functions, each of which travels; the SPM says which of them this partition has."""
    hal = object.__new__(PlatformHal)
    for name in HAL_FUNCTIONS:
        vars(hal)[name] = partial(call, name)
    return hal
