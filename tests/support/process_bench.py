"""A kernel whose partitions run in processes of their own, without boot or hardware."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.kernel_bench import (
    NS_RAM,
    RW,
    SECURE_RAM,
    Bench,
    make_machine,
    make_memory,
    with_own_entry,
)

from tfm_sim.interface.trace import Event, Trace
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.memory import Region, Security
from tfm_sim.spm.boot_data import BootData
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.kernel import Kernel
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_memory import Arena
from tfm_sim.spm.process.host import Launcher

ARENA = 0x1000


@contextmanager
def start_processes(
    *partitions: tuple[str, Callable[..., object]] | tuple[str, Callable[..., object], object],
    level: int = 3,
    seconds: float = 10.0,
    hal: Callable[[Kernel], PlatformHal] | None = None,
    launcher: Launcher | None = None,
) -> Iterator[Bench]:
    """A started kernel from (manifest text, program class) or with a configuration as third.

    Partition ids count from 256; the memory of partition n is 4 KiB at SECURE_RAM + 0x4000 + n * 0x1000.
    """
    memory = make_memory()
    builds = [
        PartitionBuild(with_own_entry(parse_manifest(text, f"partition{i}.yaml")), 256 + i, program, *config)
        for i, (text, program, *config) in enumerate(partitions)
    ]
    for i, build in enumerate(builds):
        name, base = build.manifest.name, SECURE_RAM + 0x4000 + ARENA * i
        memory.carve(Region(f"{name}_data", base, ARENA, Security.SECURE, RW, name))
    trace = Trace()
    events: list[Event] = []
    trace.listeners.append(events.append)
    config = SpmConfig(isolation_level=level, process_watchdog_seconds=seconds)
    kernel = Kernel(make_machine(memory), BootData(memory, None), trace, config, launcher)
    kernel.load(builds)
    arenas = {b.manifest.name: Arena(SECURE_RAM + 0x4000 + ARENA * i, ARENA) for i, b in enumerate(builds)}
    try:
        kernel.start(lambda name: hal and hal(kernel), arenas.__getitem__)  # type: ignore[arg-type, return-value]
        yield Bench(kernel, kernel.ns_client(Arena(NS_RAM + 0x8000, 0x8000)), {}, events)
    finally:
        kernel.stop()
