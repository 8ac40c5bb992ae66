"""A bench for the kernel: partitions from manifest text and small programs, without boot or hardware."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.trace import Event, Trace
from tfm_sim.platform.bus import Bus
from tfm_sim.platform.clock import VirtualClock
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.interrupts import InterruptController
from tfm_sim.platform.memory import Access, Memory, Region, Security
from tfm_sim.spm.boot_data import BootData
from tfm_sim.spm.client import Partition
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.machine import Machine
from tfm_sim.spm.manifest import PartitionManifest
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.spm.partition_memory import Arena

RW = Access.READ | Access.WRITE
NS_RAM = 0x28100000
NS_CODE = 0x00100000
SECURE_RAM = 0x38000000
SECURE_CODE = 0x10080000
MMIO = 0x40000000
Handler = Callable[[psa_msg_t], int]


def a_service(name: str, sid: int, **attributes: object) -> str:
    entry: dict[str, object] = {"name": name, "sid": f"{sid:#010x}", "non_secure_clients": True}
    entry |= {"connection_based": True, **attributes}
    return (
        "{"
        + ", ".join(f"{k}: {str(v).lower() if isinstance(v, bool) else v}" for k, v in entry.items())
        + "}"
    )


def a_manifest(name: str, services: Sequence[str], model: str = "IPC", **attributes: object) -> str:
    entry: dict[str, object] = {"psa_framework_version": 1.1, "name": name, "type": "APPLICATION-ROT"}
    entry |= {"priority": "NORMAL", "model": model, "stack_size": 1024}
    entry |= {"entry_point": "main"} if model == "IPC" else {}
    entry |= attributes
    lines = [f"{k}: {v}" for k, v in entry.items()]
    return "\n".join([*lines, f"services: [{', '.join(services)}]"])


@cache
def parsed(text: str, where: str) -> PartitionManifest:
    """Many benches start from one text."""
    return parse_manifest(text, where)


class Echo:
    """An IPC partition that notes every message; ``answers`` maps its type to a status or an action."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.seen: list[psa_msg_t] = []
        self.answers: dict[int, int | Handler] = {}

    def main(self) -> None:
        while True:
            signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            for bit in range(4, 32):
                if signals & 1 << bit:
                    self.take(1 << bit)

    def take(self, signal: int) -> None:
        msg = psa_msg_t()
        assert self.psa.psa_get(signal, msg) == 0
        self.psa.psa_reply(msg.handle, self.answer(msg))

    def answer(self, msg: psa_msg_t) -> int:
        self.seen.append(msg)
        action = self.answers.get(msg.type, 0)
        return action(msg) if callable(action) else action

    @property
    def types(self) -> list[int]:
        return [msg.type for msg in self.seen]


class SfnEcho(Echo):
    """The same as an SFN partition: every service's function is `answer`."""

    def __getattr__(self, name: str) -> Handler:
        if name.endswith("_sfn"):
            return self.answer
        raise AttributeError(name)


@dataclass
class Bench:
    """A started kernel with its non-secure client and the partitions' programs by name."""

    kernel: Kernel
    ns: ClientDoor
    programs: dict[str, Any]
    events: list[Event] = field(default_factory=list)

    @property
    def memory(self) -> Memory:
        return self.kernel.memory

    @property
    def interrupts(self) -> InterruptController:
        return self.kernel.interrupts

    @property
    def clock(self) -> VirtualClock:
        return self.kernel.machine.clock


def make_memory() -> Memory:
    memory = Memory()
    for name, base, size, security, access in (
        ("ns_code", NS_CODE, 0x1000, Security.NON_SECURE, RW),
        ("secure_code", SECURE_CODE, 0x1000, Security.SECURE, Access.READ | Access.EXECUTE),
        ("ns_ram", NS_RAM, 0x10000, Security.NON_SECURE, RW),
        ("secure_ram", SECURE_RAM, 0x20000, Security.SECURE, RW),
        ("mmio", MMIO, 0x100, Security.SECURE, RW),
    ):
        memory.add(Region(name, base, size, security, access), bytearray(size))
    return memory


def with_own_entry(manifest: PartitionManifest) -> PartitionManifest:
    """Every program here calls its entry point main, and a build wants them apart: NAME_main."""
    if manifest.entry != "main":
        return manifest
    return replace(manifest, entry_point=f"{manifest.name.lower()}_main")


def in_the_name_of(kernel: Kernel, partition_id: int) -> Partition:
    """A caller that the SPM takes for a partition, and that waits in the thread of the test."""
    partition = copy(kernel.partitions_by_id[partition_id])
    partition.thread, partition.wait_mask = kernel.ns_thread, 0
    return partition


def make_machine(memory: Memory, hal: PlatformHal | None = None) -> Machine:
    """Hardware without peripherals; an interrupt source is the line's number."""
    return Machine(
        memory,
        hal,  # type: ignore[arg-type]
        Bus(memory, {}),
        VirtualClock(),
        InterruptController(),
        lambda source: source if isinstance(source, int) else None,
    )


def start_bench(
    *partitions: tuple[str, Callable[[PartitionApi], object]],
    config: SpmConfig | None = None,
    prepare: Callable[[Memory], None] = lambda memory: None,
    hal: PlatformHal | None = None,
) -> Bench:
    """A bench from (manifest text, program class) pairs; partition ids count from 256."""
    memory = make_memory()
    prepare(memory)
    trace = Trace()
    events: list[Event] = []
    trace.listeners.append(events.append)
    programs: dict[str, Any] = {}
    builds = []
    for i, (text, program) in enumerate(partitions):
        manifest = parsed(text, f"partition{i}.yaml")
        entry = f"{manifest.name.lower()}_main"

        def keep(
            psa: PartitionApi, name: str = manifest.name, entry: str = entry, make_program: Any = program
        ) -> object:
            programs[name] = made = make_program(psa)
            if hasattr(made, "main"):
                setattr(made, entry, made.main)
            return made

        builds.append(PartitionBuild(with_own_entry(manifest), 256 + i, keep))
    machine = make_machine(memory, hal)
    # The programs are closures of the test, which no other process could find.
    here = replace(config or SpmConfig(), in_one_process=True)
    kernel = Kernel(machine, BootData(memory, None), trace, here)
    kernel.load(builds)
    arenas = {b.manifest.name: Arena(SECURE_RAM + 0x4000 + 0x1000 * i, 0x1000) for i, b in enumerate(builds)}
    kernel.start(lambda name: hal, arenas.__getitem__)  # type: ignore[arg-type, return-value]
    return Bench(kernel, kernel.ns_client(Arena(NS_RAM + 0x8000, 0x8000)), programs, events)
