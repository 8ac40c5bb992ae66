"""Who takes part in a demand: the non-secure side or one of the three partitions, with a PSA API each.

A party has nothing but that API, its numbers, and what the command that started the demand told it, so that
it may as well live in a process of its own.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from support.ff_ipc.facts import (
    CLIENT,
    DISPATCHERS,
    DRIVER,
    DRIVER_NVMEM,
    DRIVER_UART,
    HEAP_SIZES,
    NS_SCRATCH,
    NVMEM,
    SERVER,
    STACK_SIZES,
    STATIC_DATA_OFFSET,
    UART,
    UART_INIT,
    UART_PRINT,
    Service,
    Setup,
)

from tfm_sim.interface.psa.client import InVec, psa_invec, psa_outvec
from tfm_sim.interface.psa.service import (
    PSA_BLOCK,
    PSA_IPC_CONNECT,
    PSA_IPC_DISCONNECT,
    PSA_WAIT_ANY,
    psa_msg_t,
)
from tfm_sim.interface.psa.status import PSA_SUCCESS

NS: Final = "NS"


class Action(IntEnum):
    """What a dispatcher is asked for; EXECUTE is answered before the body of the demand runs."""

    EXECUTE = 1
    RETURN_RESULT = 2


class Result(IntEnum):
    """What RETURN_RESULT answers. A check that fails raises, and so takes the device down with its text."""

    MET = 0
    NOT_RUN = 1


class BootState(IntEnum):
    """What non-volatile memory says about a reset, should one come."""

    NOT_EXPECTED = 2
    EXPECTED_NS = 3
    EXPECTED_S = 4


class Slot(IntEnum):
    """Words of non-volatile memory by index."""

    CURRENT_DEMAND = 2
    BOOT_STATE = 9


class NvmemCall(IntEnum):
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Command:
    """The first input vector of a dispatcher's request, one word."""

    demand: int
    check: int
    action: Action
    secure: bool

    def pack(self) -> bytes:
        return struct.pack("<BBBB", self.demand, self.check, self.action, self.secure)

    @classmethod
    def unpack(cls, data: bytes | bytearray) -> "Command":
        demand, check, action, secure = struct.unpack("<BBBB", data)
        return cls(demand, check, Action(action), bool(secure))


@dataclass(frozen=True, slots=True)
class Places:
    """Where each partition's own RAM begins, which the linker would know; the second input vector."""

    client: int = 0
    server: int = 0
    driver: int = 0

    def pack(self) -> bytes:
        return struct.pack("<III", self.client, self.server, self.driver)

    @classmethod
    def unpack(cls, data: bytes | bytearray) -> "Places":
        return cls(*struct.unpack("<III", data))

    def of(self, partition: str) -> int:
        return {CLIENT: self.client, SERVER: self.server, DRIVER: self.driver}[partition]


class Party:
    """One of those who take part, and what it does in most demands."""

    def __init__(self, psa: Any, setup: Setup, name: str, places: Places | None = None) -> None:
        self.psa = psa
        self.setup = setup
        self.name = name
        self.places = places or Places()
        self.check = 0
        self.for_secure = name == CLIENT

    @property
    def is_secure(self) -> bool:
        return self.name != NS

    @property
    def scratch(self) -> int:
        """An address in memory of its own, of at least 256 bytes."""
        return self.place(self.name, "global") if self.is_secure else NS_SCRATCH

    def place(self, partition: str, what: str) -> int:
        """An address in a partition's global data, stack or heap, which the model keeps in that order back.

        The partition's region holds its stack, then its heap, then its static data.
        """
        stack, heap = STACK_SIZES[partition], HEAP_SIZES[partition]
        offset = {"stack": stack - 0x10, "heap": stack, "global": stack + heap + STATIC_DATA_OFFSET}[what]
        return self.places.of(partition) + offset

    # As a client of a service.

    def open(self, service: Service, version: int = 0) -> int:
        """A handle for calls: a new connection, or the service's stateless handle."""
        if self.setup.stateless:
            return service.stateless_handle
        handle = int(self.psa.psa_connect(service.sid, version or service.version))
        assert handle > 0, f"{service.name} answers the connection with {handle}"
        return handle

    def close(self, handle: int) -> None:
        if not self.setup.stateless:
            self.psa.psa_close(handle)

    def ask(
        self,
        service: Service,
        type_: int = 0,
        in_vec: tuple[InVec, ...] = (),
        out_vec: tuple[psa_outvec, ...] = (),
    ) -> int:
        """Connect, one call, close; the call's status."""
        handle = self.open(service)
        status = int(self.psa.psa_call(handle, type_, in_vec, out_vec))
        self.close(handle)
        return status

    def begin(self, partition: str, demand: int, check: int) -> int:
        """Have a partition run its part of a demand; returns the handle for `finish`."""
        handle = self.open(DISPATCHERS[partition], 1)
        command = Command(demand, check, Action.EXECUTE, self.is_secure)
        assert self.psa.psa_call(handle, 0, [command.pack(), self.places.pack()]) == PSA_SUCCESS
        return handle

    def finish(self, handle: int) -> None:
        """The partition must have met its part to the end."""
        result = psa_outvec(bytearray(4))
        command = Command(0, 0, Action.RETURN_RESULT, self.is_secure)
        assert self.psa.psa_call(handle, 0, [command.pack()], [result]) == PSA_SUCCESS
        assert struct.unpack("<i", result.base) == (Result.MET,)  # type: ignore[arg-type]
        self.close(handle)

    def print_line(self, text: str) -> None:
        """Over DRIVER_UART: one connection for the set-up, one for the line."""
        init = struct.pack("<I", UART_INIT), struct.pack("<I", UART), psa_invec(0, 0)
        assert self.ask(DRIVER_UART, 0, init) == PSA_SUCCESS
        line = struct.pack("<I", UART_PRINT), text.encode() + b"\0", struct.pack("<i", 0)
        assert self.ask(DRIVER_UART, 0, line) == PSA_SUCCESS

    # Non-volatile memory: what is expected of a reset.

    def read_word(self, slot: Slot) -> int:
        word = psa_outvec(bytearray(4))
        status = self.ask(DRIVER_NVMEM, 0, (_nvmem_call(NvmemCall.READ, slot),), (word,))
        assert (status, word.len) == (PSA_SUCCESS, 4)
        assert isinstance(word.base, bytearray)
        return int.from_bytes(word.base, "little")

    def write_word(self, slot: Slot, value: int) -> None:
        data = value.to_bytes(4, "little")
        assert self.ask(DRIVER_NVMEM, 0, (_nvmem_call(NvmemCall.WRITE, slot), data)) == PSA_SUCCESS

    def arm(self) -> None:
        """From here on a reset is what the demand asks for."""
        state = BootState.EXPECTED_S if self.for_secure else BootState.EXPECTED_NS
        if self.name == DRIVER:
            self.psa.cpu.store(NVMEM + 4 * Slot.BOOT_STATE, state.to_bytes(4, "little"))
        else:
            self.write_word(Slot.BOOT_STATE, state)

    # As a partition with services.

    def take(self, service: Service) -> psa_msg_t:
        """Wait for whatever comes, which must be a message for this service."""
        signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
        assert signals == service.signal, f"signals {signals:#x} while waiting for {service.name}"
        return self.fetch(service)

    def fetch(self, service: Service) -> psa_msg_t:
        msg = psa_msg_t()
        assert self.psa.psa_get(service.signal, msg) == PSA_SUCCESS
        return msg

    def accept(self, service: Service) -> None:
        """The next thing that the service sees is a connection, where it has connections; take it."""
        if not self.setup.stateless:
            self._expect(service, PSA_IPC_CONNECT)

    def request(self, service: Service, type_: int = 0) -> psa_msg_t:
        """The next thing that the service sees is a request of this type."""
        msg = self.take(service)
        assert msg.type == type_, f"{service.name} gets a message of type {msg.type}, not {type_}"
        return msg

    def hang_up(self, service: Service) -> None:
        """The next thing that the service sees is the end of its connection."""
        if not self.setup.stateless:
            self._expect(service, PSA_IPC_DISCONNECT)

    def _expect(self, service: Service, type_: int) -> None:
        self.psa.psa_reply(self.request(service, type_).handle, PSA_SUCCESS)


Body = Callable[[Party], None]


def _nvmem_call(call: NvmemCall, slot: Slot) -> bytes:
    return struct.pack("<IIIi", call, NVMEM, 4 * slot, 4)
