"""A device whose non-secure side has a core of its own, and services that answer when they are told to."""

import struct
from typing import Any

from support.kernel_bench import a_manifest, a_service

from tfm_sim import Build, Device, SpmConfig, boot, psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.tfm.mailbox import MailboxMessage, reply_address, slot_address
from tfm_sim.interface.trace import Listener
from tfm_sim.platform.mhu import MhuRegister
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi

BOARD = "an521_dual_core"
AGENT = "TFM_NS_MAILBOX_AGENT"
QUEUE = 0x281FF000
MHU = 0x40003000
NS_RAM = 0x28100000
SECURE_RAM = 0x38010000

CONNECTED_SID = 0xFA01
STATELESS = 0x4000011F
SECURE_ONLY_SID = 0xFA03

WHO, HOLD, RELEASE, FAIL, CRASH = range(5)
"""Types of requests: who am I, do not answer, answer the held ones (last first), PROGRAMMER_ERROR, fault."""


class OnDemand:
    """Answers WHO at once with the client id in the first output vector, and HOLD when RELEASE comes."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.held: list[int] = []
        self.seen: list[tuple[int, int]] = []

    def on_demand_main(self) -> None:
        while True:
            signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            for signal in (0x10, 0x20, 0x40):
                if signals & signal:
                    self.take(signal)

    def take(self, signal: int) -> None:
        msg = psa_msg_t()
        self.psa.psa_get(signal, msg)
        self.seen.append((msg.type, msg.client_id))
        if msg.type == HOLD:
            self.held.append(msg.handle)
            return
        if msg.type == WHO and msg.out_size[0]:
            self.psa.psa_write(msg.handle, 0, struct.pack("<i", msg.client_id))
        if msg.type == RELEASE:
            while self.held:
                self.psa.psa_reply(self.held.pop(), len(self.held))
        if msg.type == CRASH:
            raise ZeroDivisionError
        self.psa.psa_reply(msg.handle, -129 if msg.type == FAIL else 0)


MANIFEST = a_manifest(
    "ON_DEMAND",
    [
        a_service("CONNECTED", CONNECTED_SID),
        a_service("STATELESS", 0xFA02, connection_based=False, stateless_handle=32),
        a_service("SECURE_ONLY", SECURE_ONLY_SID, non_secure_clients=False),
    ],
    entry_point="on_demand_main",
)


def on_demand_build(**config: Any) -> Build:
    """The standard build and the partition ON_DEMAND."""
    partition = PartitionBuild(parse_manifest(MANIFEST, "on_demand.yaml"), 3000, OnDemand)
    return Build(spm=SpmConfig(**config), partitions=(partition,))


def boot_dual_core(*listeners: Listener, seed: int = 0, **config: Any) -> Device:
    """A booted device with ON_DEMAND; ``config`` is SpmConfig's."""
    return boot(BOARD, build=on_demand_build(**config), seed=seed, listeners=listeners)


def on_demand(device: Device) -> OnDemand:
    """The running program of ON_DEMAND."""
    program = device.kernel.partitions_by_id[3000].program
    assert isinstance(program, OnDemand)
    return program


def who(ns: ClientDoor, handle: int = STATELESS) -> int:
    """The client id that the service sees."""
    out = psa_outvec(bytearray(4))
    assert ns.psa_call(handle, WHO, [], [out]) == 0
    assert isinstance(out.base, bytearray)
    return int(struct.unpack("<i", out.base)[0])


SENTINEL = 0x5A5A5A5A


def ring(device: Device) -> None:
    """The non-secure core interrupts the secure one."""
    device.ns.cpu.store(MHU + MhuRegister.CPU0INTR_SET, b"\x01\0\0\0")


def put(device: Device, *requests: MailboxMessage) -> None:
    """Requests in slots 0 and up, by hand, marked as pending; nobody is told."""
    for slot, request in enumerate(requests):
        device.ns.cpu.store(slot_address(QUEUE, slot), request.encode())
        device.ns.cpu.store(reply_address(QUEUE, slot), SENTINEL.to_bytes(4, "little"))
    device.ns.cpu.store(QUEUE, ((1 << len(requests)) - 1).to_bytes(4, "little"))


def replies(device: Device, count: int) -> list[int | None]:
    """What lies in the slots; None where there was no reply."""
    words = [device.ns.cpu.load(reply_address(QUEUE, slot), 4) for slot in range(count)]
    values = [int.from_bytes(word, "little", signed=True) for word in words]
    return [None if value == SENTINEL else value for value in values]


def ask(device: Device, *requests: MailboxMessage) -> list[int | None]:
    """The replies to requests that are pending all at once."""
    put(device, *requests)
    ring(device)
    return replies(device, len(requests))
