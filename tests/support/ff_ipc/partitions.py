"""The programs of the three partitions: a dispatcher that runs the partition's part of a demand."""

import struct
from abc import ABC, abstractmethod
from typing import Final

from support.ff_ipc.demands import BY_NUMBER, Demand
from support.ff_ipc.driver_side import send
from support.ff_ipc.facts import (
    CLIENT,
    DISPATCHERS,
    DRIVER,
    DRIVER_NVMEM,
    DRIVER_UART,
    DRIVER_WATCHDOG,
    NVMEM_SIZE,
    PIDS,
    SERVER,
    UART_INIT,
    UART_LINE_MAX,
    UART_PRINT,
    Service,
    Setup,
)
from support.ff_ipc.manifests import manifest_of
from support.ff_ipc.party import Action, Body, Command, NvmemCall, Party, Places, Result

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.partition_api import PartitionApi

WATCHDOG_CALLS: Final = (1, 2, 3, 4)
"""Init, enable, disable, status."""


class Dispatching(ABC):
    """Serves its dispatcher for ever; anything else that comes in between two demands is a mistake."""

    name: str

    def __init__(self, psa: PartitionApi, setup: Setup) -> None:
        self.psa = psa
        self.me = Party(psa, setup, self.name)
        self.result = Result.NOT_RUN

    def serve_for_ever(self) -> None:
        while True:
            self.serve(self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK))

    def serve(self, signals: int) -> None:
        assert signals == DISPATCHERS[self.name].signal, f"signals {signals:#x} between two demands"
        self.dispatch()

    def dispatch(self) -> None:
        msg = self.me.fetch(DISPATCHERS[self.name])
        if msg.type < 0:
            self.psa.psa_reply(msg.handle, PSA_SUCCESS)
            return
        word = bytearray(4)
        self.psa.psa_read(msg.handle, 0, word, 4)
        command = Command.unpack(word)
        if command.action is Action.RETURN_RESULT:
            self.psa.psa_write(msg.handle, 0, struct.pack("<i", self.result))
            self.psa.psa_reply(msg.handle, PSA_SUCCESS)
            return
        places = bytearray(12)
        self.psa.psa_read(msg.handle, 1, places, 12)
        self.psa.psa_reply(msg.handle, PSA_SUCCESS)
        self.result = Result.NOT_RUN
        self.me.places = Places.unpack(places)
        self.me.check = command.check
        self.me.for_secure = command.secure
        self.run(BY_NUMBER[command.demand])
        self.result = Result.MET

    @abstractmethod
    def run(self, demand: Demand) -> None:
        """This partition's part in a demand."""


class ClientPartition(Dispatching):
    """Asks as the non-secure side does, and starts the other two itself."""

    name = CLIENT
    client_main = Dispatching.serve_for_ever

    def run(self, demand: Demand) -> None:
        if demand.partner:
            demand.partner(self.me)
        else:
            self.me.for_secure = True
            perform(self.me, demand)


class ServerPartition(Dispatching):
    name = SERVER
    server_main = Dispatching.serve_for_ever

    def run(self, demand: Demand) -> None:
        _needed(demand.server)(self.me)


class DriverPartition(Dispatching):
    """Beside the demands it drives the UART, the watchdog and non-volatile memory."""

    name = DRIVER
    driver_main = Dispatching.serve_for_ever
    DEVICES: Final = (DRIVER_UART, DRIVER_WATCHDOG, DRIVER_NVMEM)

    def run(self, demand: Demand) -> None:
        _needed(demand.driver)(self.me)

    def serve(self, signals: int) -> None:
        for service in self.DEVICES:
            if signals & service.signal:
                msg = self.me.fetch(service)
                self.psa.psa_reply(msg.handle, self.drive(service, msg) if msg.type >= 0 else PSA_SUCCESS)
                return
        super().serve(signals)

    def drive(self, service: Service, msg: psa_msg_t) -> int:
        head = bytearray(16)
        size = self.psa.psa_read(msg.handle, 0, head, 16)
        function = int.from_bytes(head[:4], "little")
        if service is DRIVER_NVMEM and size == 16:
            return self.nvmem(msg, *struct.unpack("<IIIi", head))
        if service is DRIVER_UART:
            return self.uart(msg, function)
        # A panic resets the device at once, so that no demand needs the watchdog.
        return PSA_SUCCESS if function in WATCHDOG_CALLS else PSA_ERROR_NOT_SUPPORTED

    def uart(self, msg: psa_msg_t, function: int) -> int:
        if function == UART_PRINT:
            line = bytearray(UART_LINE_MAX)
            self.psa.psa_read(msg.handle, 1, line, UART_LINE_MAX)
            send(self.me, line.partition(b"\0")[0])
        return PSA_SUCCESS if function in {UART_INIT, UART_PRINT} else PSA_ERROR_NOT_SUPPORTED

    def nvmem(self, msg: psa_msg_t, function: int, base: int, offset: int, size: int) -> int:
        """The vectors go straight to and from the memory's own addresses."""
        if not 0 <= size <= NVMEM_SIZE - offset:
            return PSA_ERROR_INVALID_ARGUMENT
        if function == NvmemCall.READ:
            self.psa.psa_write(msg.handle, 0, base + offset, size)
        else:
            self.psa.psa_read(msg.handle, 1, base + offset, size)
        return PSA_SUCCESS


PROGRAMS: Final = {CLIENT: ClientPartition, SERVER: ServerPartition, DRIVER: DriverPartition}


def perform(me: Party, demand: Demand) -> None:
    """The client's side: start the others' parts, do one's own, and ask the others how it went."""
    parts = ((SERVER, demand.server), (DRIVER, demand.driver))
    handles = [me.begin(name, demand.number, me.check) for name, body in parts if body]
    _needed(demand.client)(me)
    for handle in handles:
        me.finish(handle)


def demand_partitions(setup: Setup) -> tuple[PartitionBuild, ...]:
    """The three partitions for a variant, in the order of their ids."""
    return tuple(
        PartitionBuild(manifest_of(name, setup), pid, PROGRAMS[name], setup) for name, pid in PIDS.items()
    )


def _needed(body: Body | None) -> Body:
    assert body is not None, "the demand has no part for this partition"
    return body
