"""From manifests to partitions: ids, signals, stateless handles, dependencies, load order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..interface.errors import TfmSimError
from ..interface.psa.service import PSA_DOORBELL
from .client import Partition
from .handles import STATELESS_SERVICES_MAX
from .interrupts import Irq
from .manifest import PartitionManifest, ServiceManifest
from .partition_api import PartitionApi
from .scheduler import Thread
from .service import Service

SIGNALS_MAX: Final = 28
"""Service and interrupt signals of one partition, added up (bits 4 to 31)."""
FIRST_SERVICE_SIGNAL_BIT: Final = 4
LAST_SIGNAL_BIT: Final = 31


class LoadError(TfmSimError):
    """The partitions of a build contradict each other or one another's manifests."""


@dataclass(frozen=True, slots=True)
class PartitionBuild:
    """One partition of a build: its manifest, its id, and the class of its program.

    The SPM makes the program anew at each power-on, as ``program(psa)``, or ``program(psa, config)`` where
    the build has a configuration for it. In a process of its own the class must lie at the top of a module,
    and ``config`` be a dataclass of plain values.
    """

    manifest: PartitionManifest
    pid: int
    program: Callable[..., object]
    config: object = None

    def make(self, psa: PartitionApi) -> object:
        """The program, new."""
        return self.program(psa) if self.config is None else self.program(psa, self.config)


def load_order(manifests: Sequence[PartitionManifest]) -> dict[str, int]:
    """TF-M load order value by partition name: priority << 8 | score; a smaller one loads earlier.

    The score is one more than the scores of the distinct partitions that this one depends on directly.
    """
    owner = {service.name: m.name for m in manifests for service in m.services}
    by_name = {m.name: m for m in manifests}
    scores: dict[str, int] = {}

    def score(name: str, chain: tuple[str, ...]) -> int:
        # FF-M 1.1 manifest: no circular dependency, one's own services included.
        if name in chain:
            cycle = " -> ".join((*chain[chain.index(name) :], name))
            raise LoadError(
                f"{by_name[name].where}: circular dependency {cycle}; legal: dependencies without a cycle"
            )
        if name not in scores:
            manifest = by_name[name]
            needed = {owner[s] for s in (*manifest.dependencies, *manifest.weak_dependencies) if s in owner}
            scores[name] = 1 + sum(score(n, (*chain, name)) for n in sorted(needed))
        return scores[name]

    return {m.name: m.priority << 8 | score(m.name, ()) for m in manifests}


def check_builds(builds: Sequence[PartitionBuild]) -> None:
    """Raise LoadError where two manifests claim the same thing, or a dependency has no service."""
    for what, keyed in (
        ("partition id", [(b.pid, b.manifest.where) for b in builds]),
        ("partition name", [(b.manifest.name, b.manifest.where) for b in builds]),
        ("service name", _of_services(builds, lambda s: s.name)),
        ("SID", _of_services(builds, lambda s: f"{s.sid:#010x}")),
        (
            "stateless_handle",
            [pair for pair in _of_services(builds, lambda s: s.stateless_handle) if pair[0] is not None],
        ),
    ):
        _no_duplicates(what, keyed)
    names = {s.name for b in builds for s in b.manifest.services}
    for build in builds:
        manifest = build.manifest
        if build.pid <= 0:
            raise LoadError(f"{manifest.where}: partition id {build.pid}; legal: a positive number")
        # FF-M 1.1 manifest: a dependency must be a service of the build.
        for name in manifest.dependencies:
            if name not in names:
                raise LoadError(
                    f"{manifest.where}: {manifest.name} depends on {name}, which no partition of this build "
                    f"offers; legal: {', '.join(sorted(names))}, or a weak dependency"
                )
        if len(manifest.services) + len(manifest.irqs) > SIGNALS_MAX:
            raise LoadError(
                f"{manifest.where}: {len(manifest.services)} services and {len(manifest.irqs)} interrupts; "
                f"legal: {SIGNALS_MAX} signals in all"
            )


def _of_services(
    builds: Iterable[PartitionBuild], key: Callable[[ServiceManifest], object]
) -> list[tuple[object, str]]:
    return [(key(s), f"{b.manifest.source}:{s.line}") for b in builds for s in b.manifest.services]


def _no_duplicates(what: str, keyed: Iterable[tuple[object, str]]) -> None:
    seen: dict[object, str] = {}
    for key, where in keyed:
        if key in seen:
            raise LoadError(f"{where}: {what} {key} is taken by {seen[key]}; legal: one that is free")
        seen[key] = where


def make_partition(build: PartitionBuild, order: int, place: int = 0) -> Partition:
    """A partition with its services and their signals, not yet linked to others or to its program.

    ``order`` is its load order value, ``place`` its place in the list of partitions, from 0.
    """
    partition = Partition(build.manifest, build.pid, order, Thread(build.manifest.name, (order, -place)))
    for i, manifest in enumerate(build.manifest.services):
        service = Service(manifest, partition, 1 << FIRST_SERVICE_SIGNAL_BIT + i)
        partition.services.append(service)
        partition.service_by_signal[service.signal] = service
    partition.assigned = PSA_DOORBELL | sum(partition.service_by_signal)
    return partition


def load_irqs(partition: Partition, irq_line: Callable[[int | str], int | None]) -> list[Irq]:
    """The interrupts of a partition, their signals from bit 31 down. Raises LoadError for an unknown source."""
    irqs = []
    for i, manifest in enumerate(partition.manifest.irqs):
        line = irq_line(manifest.source)
        if line is None:
            raise LoadError(
                f"{partition.manifest.where}: interrupt source {manifest.source}; legal: one of the board's"
            )
        irq = Irq(line, partition, 1 << LAST_SIGNAL_BIT - i, manifest)
        partition.irq_by_signal[irq.signal] = irq
        partition.assigned |= irq.signal
        irqs.append(irq)
    return irqs


def assign_stateless_handles(services: Sequence[Service]) -> list[Service | None]:
    """TF-M manifest tool: numbers given are placed first; "auto" fills the lowest free, in listing order."""
    table: list[Service | None] = [None] * STATELESS_SERVICES_MAX
    stateless = [s for s in services if s.stateless]
    if len(stateless) > STATELESS_SERVICES_MAX:
        raise LoadError(f"{len(stateless)} stateless services; legal: {STATELESS_SERVICES_MAX} in a build")
    for service in sorted(stateless, key=lambda s: s.manifest.stateless_handle is None):
        number = service.manifest.stateless_handle
        index = table.index(None) if number is None else number - 1
        table[index] = service
        service.stateless_index = index
    return table


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
    """TF-M: an SFN service's function is called after the service, in lower case."""
    return f"{service.name.lower()}_sfn"
