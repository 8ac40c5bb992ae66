"""From manifests to partitions: their services, their signals, their programs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import NoReturn

from ..interface.psa.service import PSA_DOORBELL
from ..interface.tfm.mailbox import ASYNC_MSG_REPLY
from .build_checks import LoadError, assign_stateless_handles, check_builds, load_order
from .client import Partition
from .interrupts import Irq
from .manifest import FIRST_IRQ_SIGNAL_BIT, FIRST_SERVICE_SIGNAL_BIT, PartitionManifest
from .partition_api import PartitionApi
from .scheduler import Thread
from .service import Service


@dataclass(frozen=True, slots=True)
class PartitionBuild:
    """One partition of a build: its manifest, its id, and the class of its program.

    The SPM makes the program anew at each power-on, as ``program(psa)``, or ``program(psa, config)`` where
    the build has a configuration for it. In a process of its own the class must lie at the top of a module,
    and ``config`` be a dataclass of plain values.

    ``hal`` names platform functions that this build of the partition is granted beside those of its board.

    Raises LoadError for what is no manifest, no partition id or no program.
    """

    manifest: PartitionManifest
    pid: int
    program: Callable[..., object]
    config: object = None
    hal: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.manifest, PartitionManifest):
            _refuse("manifest", self.manifest, "a PartitionManifest, as load_manifest gives it")
        if not isinstance(self.pid, int) or isinstance(self.pid, bool):
            _refuse("pid", self.pid, "a number")
        if not callable(self.program):
            _refuse("program", self.program, "the partition's class itself")

    def make(self, psa: PartitionApi) -> object:
        """The program, new. Raises LoadError for a class that cannot be made of what the SPM hands it."""
        arguments = (psa,) if self.config is None else (psa, self.config)
        try:
            signature(self.program).bind(*arguments)
        except TypeError as error:
            name = getattr(self.program, "__name__", "program")
            raise LoadError(
                f"{self.manifest.where}: {self.manifest.name}: {name} cannot take what the SPM gives it: "
                f"{error}; legal: psa, and config where the build has one"
            ) from None
        except ValueError:
            pass  # a program without a signature of its own, such as one written in C
        return self.program(*arguments)


def _refuse(name: str, found: object, legal: str) -> NoReturn:
    raise LoadError(f"PartitionBuild: {name}: found {found!r:.60}; legal: {legal}")


def make_partition(build: PartitionBuild, order: int, place: int = 0) -> Partition:
    """A partition with its services and their signals, not yet linked to others or to its program.

    ``order`` is its load order value, ``place`` its place in the list of partitions, from 0.
    """
    # TF-M IPC backend: the smaller load order runs first; of two equal ones the partition loaded later.
    partition = Partition(build.manifest, build.pid, order, Thread(build.manifest.name, (order, -place)))
    for i, manifest in enumerate(build.manifest.services):
        # TF-M signals: services from bit 4 up, interrupts from bit 31 down, in the order of the manifest.
        service = Service(manifest, partition, 1 << FIRST_SERVICE_SIGNAL_BIT + i)
        partition.services.append(service)
        partition.service_by_signal[service.signal] = service
    partition.assigned = PSA_DOORBELL | sum(partition.service_by_signal)
    # TF-M mailbox agent: bit 2 is a signal of an NS agent's, and of nobody else's.
    if build.manifest.ns_agent:
        partition.assigned |= ASYNC_MSG_REPLY
    return partition


def load_irqs(partition: Partition, irq_line: Callable[[int | str], int | None]) -> list[Irq]:
    """The interrupts of a partition, signals from bit 31 down. Raises LoadError for an unknown source."""
    irqs = []
    for i, manifest in enumerate(partition.manifest.irqs):
        line = irq_line(manifest.source)
        if line is None:
            raise LoadError(
                f"{partition.manifest.where}: interrupt source {manifest.source}; legal: one of the board's"
            )
        irq = Irq(line, partition, 1 << FIRST_IRQ_SIGNAL_BIT - i, manifest)
        partition.irq_by_signal[irq.signal] = irq
        partition.assigned |= irq.signal
        irqs.append(irq)
    return irqs


def bind_program(partition: Partition, program: object) -> None:
    """Find the manifest's symbols in the program, as the linker would."""
    partition.program = program
    symbols = [partition.manifest.entry] if partition.manifest.entry else []
    if partition.is_sfn:
        symbols += [sfn_symbol(s) for s in partition.services]
    symbols += [irq.manifest.flih for irq in partition.irq_by_signal.values() if irq.is_flih]
    for symbol in symbols:
        if not callable(getattr(program, symbol, None)):
            raise LoadError(
                f"{partition.manifest.where}: {partition.name} needs the function {symbol}, which "
                f"{type(program).__name__} does not define"
            )
    if partition.is_sfn:
        for service in partition.services:
            service.sfn = getattr(program, sfn_symbol(service))


def sfn_symbol(service: Service) -> str:
    """TF-M manifest tool: an SFN service's function is called after the service, in lower case."""
    return f"{service.name.lower()}_sfn"


__all__ = [
    "LoadError",
    "PartitionBuild",
    "assign_stateless_handles",
    "bind_program",
    "check_builds",
    "load_order",
    "make_partition",
    "sfn_symbol",
]
