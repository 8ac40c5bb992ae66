"""Partitions and non-secure clients that do one call at a time, when a test says so.

A partition waits for its interrupt, which the test pends; it then runs what the test handed it. A non-secure
client's call is a task of its own, above the thread of the test: the test goes on as soon as everybody waits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.kernel_bench import NS_RAM, SECURE_RAM, Bench, a_manifest, start_bench

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_POLL, PSA_WAIT_ANY
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.ns_tasks import NsTask, start_task
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.spm.partition_memory import Arena

CUE = 1 << 31
"""The signal of a puppet's interrupt."""
SLOT_SIZE = 0x400
SECURE_SLOTS = SECURE_RAM + 0x10000
FIRST_LINE = 10
FIRST_PARTITION_ID = 256


@dataclass(eq=False)
class Job:
    """A call, or a few of one caller, in progress; ``signals`` are the partition's after it."""

    code: Callable[[Any], object]
    done: bool = False
    result: object = None
    signals: int = 0


class Puppet:
    """An IPC partition without a will of its own."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.job: Job | None = None

    def main(self) -> None:
        self.psa.psa_irq_enable(CUE)
        while True:
            signals = self.psa.psa_wait(CUE, PSA_BLOCK)
            assert signals == CUE, f"a wait for {CUE:#x} returned {signals:#x}"
            self.psa.psa_eoi(CUE)
            job = self.job
            assert job is not None
            job.result = job.code(self.psa)
            job.signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)
            job.done = True


@dataclass
class Stage:
    """A started bench with puppets, by name in the order of their lines."""

    bench: Bench
    names: tuple[str, ...]
    tasks: list[NsTask] = field(default_factory=list)

    def partition(self, name: str, code: Callable[[PartitionApi], object]) -> Job:
        """Have a puppet run ``code``; returns when it is done or waits in a call."""
        job = Job(code)
        self.bench.programs[name].job = job
        self.bench.interrupts.pend(FIRST_LINE + self.names.index(name))
        self.bench.kernel.ns_idle(0)
        return job

    def client(self, ns_id: int, slot: int, code: Callable[[Any], object]) -> Job:
        """A call of a non-secure client, with the memory of ``slot`` for its buffers."""
        job = Job(code)

        def run(ns: Any) -> None:
            job.result = code(ns)
            job.done = True

        arena = Arena(NS_RAM + SLOT_SIZE * slot, SLOT_SIZE)
        self.tasks.append(start_task(self.bench.kernel, run, f"NS {ns_id}/{slot}", arena, ns_id, priority=1))
        return job

    def close(self) -> None:
        self.bench.kernel.stop()


def start_stage(
    partitions: dict[str, tuple[list[str], dict[str, object]]], config: SpmConfig | None = None
) -> Stage:
    """Puppets from names to services and further attributes of their manifests."""
    texts = []
    for i, (name, (services, attributes)) in enumerate(partitions.items()):
        irqs = f"[{{source: {FIRST_LINE + i}, name: {name}_CUE, handling: SLIH}}]"
        texts.append((a_manifest(name, services, irqs=irqs, **attributes), Puppet))  # type: ignore[arg-type]
    return Stage(start_bench(*texts, config=config), tuple(partitions))
