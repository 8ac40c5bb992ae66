"""The partitions of one build together: checks across their manifests, load order, stateless handles."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import TYPE_CHECKING, Final

from ..interface.errors import TfmSimError
from .client import NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT
from .handles import STATELESS_SERVICES_MAX
from .manifest import BUILTIN_PIDS, PID_RANGE, TFM_PID_BASE, PartitionManifest, PartitionModel
from .service import Service

if TYPE_CHECKING:
    from .load import PartitionBuild

SIGNALS_MAX: Final = 28
"""Service and interrupt signals of one partition, added up (bits 4 to 31)."""
SCORE_MASK: Final = 0xFF

Refusal = tuple[str, str, str]
"""Where, what, and what would be legal."""


class LoadError(TfmSimError):
    """The partitions of a build contradict each other or one another's manifests."""


def check_builds(
    builds: Sequence["PartitionBuild"],
    *,
    backend: str = "IPC",
    isolation_level: int = 1,
    irq_sources: Mapping[str, int] | None = None,
    mmio_regions: Mapping[str, tuple[int, int]] | None = None,
) -> None:
    """Raise LoadError with file and line where the manifests of a build do not fit together.

    ``irq_sources`` are the platform's interrupt lines by symbol, ``mmio_regions`` its named regions as
    (address, size in bytes). With None nothing is known of the platform, and symbols are just compared.
    """
    # TF-M manifest tool: the SFN backend knows isolation level 1 only.
    if backend == "SFN" and isolation_level > 1:
        raise LoadError(f"the SFN backend at isolation level {isolation_level}; legal: 1, or the IPC backend")
    manifests = [build.manifest for build in builds]
    for refusal in chain(
        chain.from_iterable(_out_of_order(build, backend) for build in builds),
        _taken_twice(builds, irq_sources or {}),
        _absent(manifests, irq_sources, mmio_regions),
        _overlapping(manifests, mmio_regions or {}),
    ):
        raise _error(*refusal)


def load_order(manifests: Sequence[PartitionManifest]) -> dict[str, int]:
    """TF-M load order: priority << 8 | score, by partition name; a smaller value loads earlier.

    The score is one more than the scores of the distinct partitions that this one depends on directly, modulo
    256 as in TF-M. Raises LoadError for a circular dependency.
    """
    owner = {service.name: m for m in manifests for service in m.services}
    scores: dict[str, int] = {}

    def score(manifest: PartitionManifest, chain: tuple[str, ...]) -> int:
        chain += (manifest.name,)
        if manifest.name not in scores:
            needed = {}
            for service in (*manifest.dependencies, *manifest.weak_dependencies):
                if service not in owner:
                    continue
                other = needed[owner[service].name] = owner[service]
                # FF-M 1.1 manifest: no circular dependency, one's own services included.
                if other.name in chain:
                    cycle = " -> ".join((*chain[chain.index(other.name) :], other.name))
                    what = f"circular dependency {cycle}"
                    raise _error(manifest.at(service), what, "dependencies without a cycle")
            scores[manifest.name] = 1 + sum(score(needed[name], chain) for name in sorted(needed))
        return scores[manifest.name]

    return {m.name: m.priority << 8 | score(m, ()) & SCORE_MASK for m in manifests}


def assign_stateless_handles(services: Sequence[Service]) -> list[Service | None]:
    """TF-M manifest tool: numbers given are placed first; "auto" fills the lowest free, in listing order."""
    table: list[Service | None] = [None] * STATELESS_SERVICES_MAX
    stateless = [s for s in services if s.stateless]
    if len(stateless) > STATELESS_SERVICES_MAX:
        first = stateless[STATELESS_SERVICES_MAX]
        where = first.partition.manifest.at(first.manifest)
        raise _error(where, f"{len(stateless)} stateless services", f"{STATELESS_SERVICES_MAX} in a build")
    for service in sorted(stateless, key=lambda s: s.manifest.stateless_handle is None):
        number = service.manifest.stateless_handle
        index = table.index(None) if number is None else number - 1
        table[index] = service
        service.stateless_index = index
    return table


def _error(where: str, what: str, legal: str) -> LoadError:
    return LoadError(f"{where}: {what}; legal: {legal}")


def _out_of_order(build: "PartitionBuild", backend: str) -> Iterator[Refusal]:
    """The rules about one partition that need its id or the backend."""
    manifest, where = build.manifest, build.manifest.where
    services, irqs = len(manifest.services), len(manifest.irqs)
    least, most = PID_RANGE
    tfm_s_own = build.pid < TFM_PID_BASE
    # FF-M 1.1 partition id: positive; TF-M PID table: 6000 and up are reserved.
    if not least <= build.pid <= most:
        yield where, f"partition id {build.pid}", f"a number in {least}..{most}"
    # TF-M manifest tool: a partition offers a service or owns an interrupt, TF-M's own excepted.
    if not services and not irqs and not tfm_s_own:
        legal = f"at least one, or a partition id below {TFM_PID_BASE}"
        yield where, f"{manifest.name} has neither a service nor an interrupt", legal
    # TF-M manifest tool: bits 0 to 3 of the signals are reserved.
    if services + irqs > SIGNALS_MAX:
        yield where, f"{services} services and {irqs} interrupts", f"{SIGNALS_MAX} signals in all"
    # TF-M manifest tool: the SFN backend has no threads for IPC partitions.
    if backend == "SFN" and manifest.model is PartitionModel.IPC and not (tfm_s_own or manifest.ns_agent):
        what = f"{manifest.name} is of model IPC on the SFN backend"
        yield where, what, "SFN or dual, or the IPC backend"


def _taken_twice(builds: Sequence["PartitionBuild"], irq_sources: Mapping[str, int]) -> Iterator[Refusal]:
    seen: dict[tuple[str, object], str] = {("partition id", pid): by for pid, by in BUILTIN_PIDS.items()}
    for build in builds:
        for what, value, where in _claims(build, irq_sources):
            if (what, value) in seen:
                yield where, f"{what} {value} is taken by {seen[what, value]}", "one that is free"
            seen[what, value] = where


def _claims(build: "PartitionBuild", irq_sources: Mapping[str, int]) -> Iterator[tuple[str, object, str]]:
    """What a build may have once: what it is, its value, and where a partition claims it."""
    manifest = build.manifest
    yield "partition id", build.pid, manifest.where
    yield "partition name", manifest.name, manifest.where
    # FF-M 1.1 manifest: entry points are distinct functions.
    if manifest.entry:
        key = "entry_point" if manifest.model is PartitionModel.IPC else "entry_init"
        yield "entry symbol", manifest.entry, manifest.at(key)
    for service in manifest.services:
        yield "service name", service.name, manifest.at(service)
        yield "SID", f"{service.sid:#010x}", manifest.at(service)
        yield f"{manifest.name}'s signal", f"{service.name}_SIGNAL", manifest.at(service)
        if service.stateless_handle is not None:
            yield "stateless_handle", service.stateless_handle, manifest.at(service)
    # FF-M 1.1 manifest: an interrupt and a region belong to one partition.
    for irq in manifest.irqs:
        yield f"{manifest.name}'s signal", irq.signal, manifest.at(irq)
        yield "interrupt", irq_sources.get(str(irq.source), irq.source), manifest.at(irq)
    for region in manifest.mmio_regions:
        if region.name:
            yield "MMIO region", region.name, manifest.at(region)


def _absent(
    manifests: Sequence[PartitionManifest],
    sources: Mapping[str, int] | None,
    regions: Mapping[str, tuple[int, int]] | None,
) -> Iterator[Refusal]:
    """What manifests name and neither the build nor the platform has."""
    services = {s.name for m in manifests for s in m.services}
    for manifest in manifests:
        # FF-M 1.1 manifest: a dependency must be a service of the build.
        for name in manifest.dependencies:
            if name not in services:
                what = f"{manifest.name} depends on {name}, which no partition of this build offers"
                yield manifest.at(name), what, f"{', '.join(sorted(services))}, or a weak dependency"
        # TF-M boot: the platform must have the interrupt.
        for irq in manifest.irqs:
            if sources is not None and irq.source not in (*sources, *sources.values()):
                legal = ", ".join(f"{name} ({line})" for name, line in sources.items()) or "none"
                yield manifest.at(irq), f"the platform has no interrupt {irq.source}", legal
        # TF-M boot: a named region must be on the platform's list.
        for region in manifest.mmio_regions:
            if regions is not None and region.name and region.name not in regions:
                legal = ", ".join(regions) or "none"
                yield manifest.at(region), f"the platform has no MMIO region {region.name}", legal


def _overlapping(
    manifests: Sequence[PartitionManifest], named: Mapping[str, tuple[int, int]]
) -> Iterator[Refusal]:
    regions, agents = [], [(BUILTIN_PIDS[2], NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT, "built in")]
    for manifest in manifests:
        for region in manifest.mmio_regions:
            base, size = named.get(region.name, (region.base, region.size))
            if base is not None and size is not None:
                what = f"MMIO region {region.name or hex(base)}"
                regions.append((what, base, base + size - 1, manifest.at(region)))
        if manifest.ns_agent and (ids := manifest.client_ids):
            agents.append((f"client ids {ids} of {manifest.name}", ids.base, ids.limit, manifest.at(ids)))
    # FF-M 1.1 manifest: regions do not overlap; TF-M manifest tool: agents give out ids of their own.
    for (one, base, limit, taken), (two, other_base, other_limit, where) in chain(
        combinations(regions, 2), combinations(agents, 2)
    ):
        if base <= other_limit and other_base <= limit:
            yield where, f"{two} and {one} ({taken}) overlap", "ranges that lie apart"
