"""A piece of the REE's memory, for the buffers that a program's pointers point at."""

from typing import Protocol

from ..cpu import Cpu
from ..errors import TfmSimError
from ..psa.client import PsaClient

ALIGNMENT = 4


class ReeClient(PsaClient, Protocol):
    """A program of the REE: it calls the TEE, and loads and stores."""

    @property
    def cpu(self) -> Cpu: ...


class ReeMemoryFull(TfmSimError):
    """The buffers of a call do not fit into the memory that the REE's library has for them."""


class ReeMemory:
    """``size`` bytes of RAM from ``base`` on. Buffers are given out in a row; `clear` takes them back."""

    def __init__(self, client: ReeClient, base: int, size: int) -> None:
        self._client = client
        self._base = self._top = base
        self._end = base + size

    def clear(self) -> None:
        """Nobody needs a buffer any more."""
        self._top = self._base

    def room(self, size: int) -> int:
        """The address of ``size`` bytes. Raises ReeMemoryFull."""
        address = self._top
        if size > self._end - address:
            raise ReeMemoryFull(f"{size} bytes of the REE's RAM; legal: up to {self._end - address}")
        self._top = address + size + -size % ALIGNMENT
        return address

    def put(self, data: bytes) -> int:
        """The address of a copy of ``data``. Raises ReeMemoryFull."""
        address = self.room(len(data))
        self._client.cpu.store(address, data)
        return address

    def text(self, text: str) -> int:
        """The address of a C string. Raises ReeMemoryFull."""
        return self.put(text.encode() + b"\0")

    def get(self, address: int, size: int) -> bytes:
        return self._client.cpu.load(address, size)

    def u32(self, address: int) -> int:
        return int.from_bytes(self.get(address, 4), "little")
