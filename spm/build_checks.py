"""The partitions of one build together: checks across their manifests, load order, stateless handles."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from ..interface.errors import TfmSimError
from .client import NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT
from .handles import STATELESS_SERVICES_MAX
from .manifest import (
    BUILTIN_PIDS,
    PID_RANGE,
    TFM_PID_BASE,
    ClientIdRange,
    IrqManifest,
    PartitionManifest,
    PartitionModel,
)
from .service import Service

if TYPE_CHECKING:
    from .load import PartitionBuild

SIGNALS_MAX: Final = 28
"""Service and interrupt signals of one partition, added up (bits 4 to 31)."""
SCORE_MASK: Final = 0xFF

Ranges = Mapping[str, tuple[int, int]]


class LoadError(TfmSimError):
    """The partitions of a build contradict each other or one another's manifests."""


def check_builds(
    builds: Sequence["PartitionBuild"],
    *,
    backend: str = "IPC",
    isolation_level: int = 1,
    irq_sources: Mapping[str, int] | None = None,
    mmio_regions: Ranges | None = None,
) -> None:
    """Raise LoadError with file and line where the manifests of a build do not fit together.

    ``irq_sources`` are the platform's interrupt lines by symbol, ``mmio_regions`` its named regions as
    (address, size in bytes). With None nothing is known of the platform, and symbols are just compared.
    """
    for build in builds:
        _check_partition(build, backend)
    _check_claims(builds, irq_sources or {})
    _check_dependencies(builds)
    manifests = [build.manifest for build in builds]
    if irq_sources is not None:
        _check_interrupts(manifests, irq_sources)
    _check_regions(manifests, mmio_regions)
    _check_agents(manifests)
    # TF-M manifest tool: the SFN backend knows isolation level 1 only.
    if backend == "SFN" and isolation_level > 1:
        raise LoadError(f"the SFN backend at isolation level {isolation_level}; legal: 1, or the IPC backend")


def load_order(manifests: Sequence[PartitionManifest]) -> dict[str, int]:
    """TF-M load order value by partition name: priority << 8 | score; a smaller one loads earlier.

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
                    raise _refusal(
                        manifest.at(service), f"circular dependency {cycle}", "dependencies without a cycle"
                    )
            scores[manifest.name] = 1 + sum(score(needed[name], chain) for name in sorted(needed))
        return scores[manifest.name]

    return {m.name: m.priority << 8 | score(m, ()) & SCORE_MASK for m in manifests}


def assign_stateless_handles(services: Sequence[Service]) -> list[Service | None]:
    """TF-M manifest tool: numbers given are placed first; "auto" fills the lowest free, in listing order."""
    table: list[Service | None] = [None] * STATELESS_SERVICES_MAX
    stateless = [s for s in services if s.stateless]
    if len(stateless) > STATELESS_SERVICES_MAX:
        first = stateless[STATELESS_SERVICES_MAX]
        where = f"{first.partition.manifest.source}:{first.manifest.line}"
        raise _refusal(where, f"{len(stateless)} stateless services", f"{STATELESS_SERVICES_MAX} in a build")
    for service in sorted(stateless, key=lambda s: s.manifest.stateless_handle is None):
        number = service.manifest.stateless_handle
        index = table.index(None) if number is None else number - 1
        table[index] = service
        service.stateless_index = index
    return table


def _refusal(where: str, what: str, legal: str) -> LoadError:
    return LoadError(f"{where}: {what}; legal: {legal}")


def _check_partition(build: "PartitionBuild", backend: str) -> None:
    """The rules about one partition that need its id or the backend."""
    manifest, services, irqs = build.manifest, len(build.manifest.services), len(build.manifest.irqs)
    least, most = PID_RANGE
    is_tfm_s_own = build.pid < TFM_PID_BASE
    legal_signals = f"{SIGNALS_MAX} signals in all"
    for wrong, what, legal in (
        # TF-M boot: a negative id; FF-M 1.1: 0 is no partition; TF-M PID table: 6000 and up.
        (not least <= build.pid <= most, f"partition id {build.pid}", f"a number in {least}..{most}"),
        # TF-M manifest tool: a partition offers a service or owns an interrupt, TF-M's own excepted.
        (
            not services and not irqs and not is_tfm_s_own,
            f"{manifest.name} has neither a service nor an interrupt",
            f"at least one, or a partition id below {TFM_PID_BASE}",
        ),
        # TF-M manifest tool: bits 0 to 3 of the signals are reserved.
        (services + irqs > SIGNALS_MAX, f"{services} services and {irqs} interrupts", legal_signals),
        # TF-M manifest tool: the SFN backend has no threads for IPC partitions.
        (
            backend == "SFN"
            and manifest.model is PartitionModel.IPC
            and not (is_tfm_s_own or manifest.ns_agent),
            f"{manifest.name} is of model IPC on the SFN backend",
            "SFN or dual, or the IPC backend",
        ),
    ):
        if wrong:
            raise _refusal(manifest.where, what, legal)


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
        where = f"{manifest.source}:{service.line}"
        yield "service name", service.name, where
        yield "SID", f"{service.sid:#010x}", where
        if service.stateless_handle is not None:
            yield "stateless_handle", service.stateless_handle, where
    # FF-M 1.1 manifest: an interrupt and a region belong to one partition.
    for irq in manifest.irqs:
        yield "interrupt", irq_sources.get(str(irq.source), irq.source), f"{manifest.source}:{irq.line}"
    for region in manifest.mmio_regions:
        if region.name:
            yield "MMIO region", region.name, f"{manifest.source}:{region.line}"


def _check_claims(builds: Sequence["PartitionBuild"], irq_sources: Mapping[str, int]) -> None:
    seen: dict[tuple[str, object], str] = {("partition id", pid): by for pid, by in BUILTIN_PIDS.items()}
    for build in builds:
        for what, value, where in _claims(build, irq_sources):
            if (what, value) in seen:
                taken = seen[what, value]
                raise _refusal(where, f"{what} {value} is taken by {taken}", "one that is free")
            seen[what, value] = where


def _check_dependencies(builds: Sequence["PartitionBuild"]) -> None:
    names = {s.name for b in builds for s in b.manifest.services}
    for build in builds:
        # FF-M 1.1 manifest: a dependency must be a service of the build.
        for name in build.manifest.dependencies:
            if name not in names:
                raise _refusal(
                    build.manifest.at(name),
                    f"{build.manifest.name} depends on {name}, which no partition of this build offers",
                    f"{', '.join(sorted(names))}, or a weak dependency",
                )


def _check_interrupts(manifests: Sequence[PartitionManifest], sources: Mapping[str, int]) -> None:
    def is_known(irq: IrqManifest) -> bool:
        return irq.source in sources or irq.source in sources.values()

    # TF-M boot: an interrupt that the platform cannot initialise.
    for manifest in manifests:
        for irq in manifest.irqs:
            if not is_known(irq):
                where = f"{manifest.source}:{irq.line}"
                legal = (
                    ", ".join(f"{name} ({line})" for name, line in sources.items()) or "none on this board"
                )
                raise _refusal(where, f"the platform has no interrupt {irq.source}", legal)


def _check_regions(manifests: Sequence[PartitionManifest], named: Ranges | None) -> None:
    ranges: list[tuple[str, int, int, str]] = []
    for manifest in manifests:
        for region in manifest.mmio_regions:
            where = f"{manifest.source}:{region.line}"
            base, size = region.base, region.size
            if named is not None and region.name:
                # TF-M boot: a named region is on the platform's list.
                if region.name not in named:
                    legal = ", ".join(named) or "none on this board"
                    raise _refusal(where, f"the platform has no MMIO region {region.name}", legal)
                base, size = named[region.name]
            if base is not None and size is not None:
                ranges.append((region.name or f"{base:#x}", base, base + size, where))
    # FF-M 1.1 manifest: regions do not overlap.
    for (name, base, end, taken), (other, other_base, other_end, where) in combinations(ranges, 2):
        if base < other_end and other_base < end:
            raise _refusal(where, f"MMIO region {other} overlaps {name} of {taken}", "regions that lie apart")


def _check_agents(manifests: Sequence[PartitionManifest]) -> None:
    agents = [(BUILTIN_PIDS[2], ClientIdRange(NS_CLIENT_ID_BASE, NS_CLIENT_ID_LIMIT), "")]
    agents += [
        (m.name, m.client_ids, f"{m.source}:{m.client_ids.line}")
        for m in manifests
        if m.ns_agent and m.client_ids is not None
    ]
    # TF-M manifest tool and boot: two agents never give out the same client id.
    for (name, ids, _), (other, other_ids, where) in combinations(agents, 2):
        if ids.overlaps(other_ids):
            raise _refusal(
                where, f"client ids {other_ids} of {other} overlap {ids} of {name}", "ranges apart"
            )
