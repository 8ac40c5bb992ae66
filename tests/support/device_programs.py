"""Partitions for tests of whole devices: classes at the top of a module, so that a process finds them."""

import struct
from collections.abc import Callable
from typing import Any

from support.kernel_bench import a_manifest, a_service

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.platform.cmsdk_watchdog import WatchdogRegister
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi

WATCHDOG_S = 0x50081000
WATCHDOG_NS = 0x40081000
TICKS_PER_MICROSECOND = 20
KEEPER_HANDLE, KEEPER_SID = 0x4000011F, 0xF301
COUNT, ARM, FEED, POLL, HOLD, RELEASE, BREAK = range(1, 8)
"""Requests: how many there were; the watchdog; a loop of polls; a reply later; a misuse."""


def word(value: int) -> bytes:
    return struct.pack("<I", value)


def arm(cpu: Any, base: int, microseconds: int) -> None:
    """The watchdog's interrupt after so long, its reset after as long again."""
    cpu.store(base + WatchdogRegister.LOAD, word(microseconds * TICKS_PER_MICROSECOND))
    cpu.store(base + WatchdogRegister.CONTROL, word(3))


def feed(cpu: Any, base: int) -> None:
    cpu.store(base + WatchdogRegister.INTCLR, word(1))


MISUSES: dict[int, Callable[[PartitionApi], object]] = {
    1: lambda psa: psa.psa_panic(),
    2: lambda psa: psa.psa_notify(200),
    3: lambda psa: psa.psa_clear(),
    4: lambda psa: psa.psa_get(PSA_DOORBELL, psa_msg_t()),
    5: lambda psa: psa.psa_wait(0x80000000, PSA_POLL),
    6: lambda psa: psa.psa_reply(0, 0),
    7: lambda psa: psa.psa_connect(0xDEAD, 1),
    8: lambda psa: psa.psa_call(0x1234DEAD, 0),
    9: lambda psa: psa.psa_close(0x1234DEAD),
    10: lambda psa: psa.psa_irq_enable(0x80000000),
    11: lambda psa: psa.psa_read(0x1234DEAD, 0, bytearray(4), 0),
    12: lambda psa: psa.psa_eoi(0x8),
    13: lambda psa: psa.cpu.store(0x10080000, b"code"),
    14: lambda psa: psa.cpu.load(0x50081002, 4),
}
"""What a BREAK request makes the keeper do."""


class Keeper:
    """Owns the secure watchdog; counts its requests; keeps some unanswered."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.count = 0
        self.held: list[psa_msg_t] = []

    def keeper_main(self) -> None:
        while True:
            self.psa.psa_wait(0x10, PSA_BLOCK)
            msg = psa_msg_t()
            self.psa.psa_get(0x10, msg)
            self.count += 1
            if msg.type == HOLD:
                self.held.append(msg)
            else:
                self.psa.psa_reply(msg.handle, self.serve(msg))

    def serve(self, msg: psa_msg_t) -> int:
        if msg.type == COUNT:
            return self.count
        if msg.type == ARM:
            arm(self.psa.cpu, WATCHDOG_S, self.number(msg))
        elif msg.type == FEED:
            feed(self.psa.cpu, WATCHDOG_S)
        elif msg.type == POLL:
            while not self.psa.psa_wait(PSA_DOORBELL, PSA_POLL):
                pass
        elif msg.type == RELEASE:
            while self.held:
                held = self.held.pop()
                self.psa.psa_reply(held.handle, held.client_id)
        elif msg.type == BREAK:
            self.break_a_rule(self.number(msg))
        return 0

    def number(self, msg: psa_msg_t) -> int:
        buffer = bytearray(4)
        self.psa.psa_read(msg.handle, 0, buffer, 4)
        return int.from_bytes(buffer, "little")

    def break_a_rule(self, number: int) -> None:
        MISUSES[number](self.psa)
        self.psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)  # a call that waits for what the last one came to


class Guard:
    """Resets the device when the watchdog of the NSPE asks for it: on this board that is an interrupt."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def guard_main(self) -> None:
        self.psa.psa_irq_enable(0x80000000)
        self.psa.psa_wait(0x80000000, PSA_BLOCK)
        self.psa.psa_panic()


def guard() -> PartitionBuild:
    irq = "{source: NONSEC_WATCHDOG_RESET_IRQn, name: NS_WATCHDOG_RESET, handling: SLIH}"
    text = a_manifest("TEST_GUARD", [], entry_point="guard_main", irqs=f"[{irq}]")
    return PartitionBuild(parse_manifest(text, "guard.yaml"), 3101, Guard)


def keeper() -> PartitionBuild:
    service = a_service("KEEPER", KEEPER_SID, connection_based=False, stateless_handle=32)
    text = a_manifest(
        "TEST_KEEPER",
        [service],
        entry_point="keeper_main",
        mmio_regions="[{name: FF_TEST_WATCHDOG_REGION, permission: READ-WRITE}]",
    )
    return PartitionBuild(parse_manifest(text, "keeper.yaml"), 3100, Keeper)
