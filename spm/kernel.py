"""The Secure Partition Manager of one device, from its start to a panic."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from ..interface.trace import Trace
from ..platform.hal import HalDenied, PlatformHal, SystemReset
from ..platform.memory import Memory
from .boot_data import BootData
from .client import Client, NonSecureClient, Partition
from .connection import ConnectionPool
from .door import ClientDoor, PartitionDoor
from .events import Panicked, PartitionStarted, ProgrammerError
from .load import (
    PartitionBuild,
    assign_stateless_handles,
    bind_program,
    check_builds,
    load_order,
    make_partition,
)
from .manifest import PartitionType
from .outcome import Fault
from .panic import DevicePanic, PanicReport
from .partition_memory import Arena
from .scheduler import NS_AGENT_PRIORITY, Scheduler, Thread
from .service import Service


@dataclass(frozen=True, slots=True)
class SpmConfig:
    """Build options of the SPM. ``conn_handle_max_num`` is CONFIG_TFM_CONN_HANDLE_MAX_NUM."""

    isolation_level: int = 1
    conn_handle_max_num: int = 8


class Kernel:
    """The SPM's state. Dies with a reset; a new one is made at each power-on."""

    def __init__(
        self,
        memory: Memory,
        hal: PlatformHal,
        boot_data: BootData,
        trace: Trace,
        config: SpmConfig,
    ) -> None:
        self.memory = memory
        self.hal = hal
        self.boot_data = boot_data
        self.trace = trace
        self.config = config
        self.ns_thread = Thread("NS", NS_AGENT_PRIORITY)
        self.scheduler = Scheduler(self.ns_thread)
        self.connections = ConnectionPool(config.conn_handle_max_num)
        self.partitions: list[Partition] = []
        self.partitions_by_id: dict[int, Partition] = {}
        self.services_by_sid: dict[int, Service] = {}
        self.stateless_services: list[Service | None] = []
        self.down: DevicePanic | SystemReset | None = None

    def load(self, builds: Sequence[PartitionBuild]) -> None:
        """Load the partitions in load order and link their services; raises LoadError."""
        check_builds(builds)
        order = load_order([build.manifest for build in builds])
        self._builds = {build.manifest.name: build for build in builds}
        listed = [make_partition(build, order[build.manifest.name]) for build in builds]
        services = [service for partition in listed for service in partition.services]
        self.stateless_services = assign_stateless_handles(services)
        self.services_by_sid = {service.sid: service for service in services}
        self.partitions = sorted(listed, key=lambda p: p.priority)
        self.partitions_by_id = {p.client_id: p for p in self.partitions}
        by_name = {service.name: service for service in services}
        for partition in self.partitions:
            wanted = (*partition.manifest.dependencies, *partition.manifest.weak_dependencies)
            partition.dependencies = frozenset(by_name[name] for name in wanted if name in by_name)
            partition.open_owners = self._open_owners(partition)

    def _open_owners(self, partition: Partition) -> frozenset[str] | None:
        """FF-M 1.1, isolation levels: whose memory a partition may touch; None is everybody's."""
        if self.config.isolation_level == 1 or partition.manifest.type is PartitionType.PSA_ROT:
            return None
        if self.config.isolation_level == 2:
            return frozenset(
                p.name for p in self.partitions if p.manifest.type is PartitionType.APPLICATION_ROT
            )
        return frozenset({partition.name})

    def start(self, hal_of: Callable[[str], PlatformHal], arena_of: Callable[[str], Arena]) -> None:
        """Make each partition's program and run it to where it waits for messages, in load order."""
        for partition in self.partitions:
            arena = arena_of(partition.name)
            door = PartitionDoor(self, partition, hal_of(partition.name), arena.base, arena.size)
            bind_program(partition, self._builds[partition.name].program(door))
            if not partition.is_sfn:
                self._make_thread(partition)
        for partition in self.partitions:
            if partition.is_sfn:
                if not partition.initialised:
                    partition.thread = self.ns_thread
                    self._at_priority_of(partition, self.initialise_sfn)
            elif not partition.thread.started:
                self.scheduler.wake(partition.thread)
            if self.trace.listeners:
                manifest = partition.manifest
                self.trace.emit(
                    PartitionStarted(
                        partition.name, partition.client_id, manifest.model.value, partition.priority
                    )
                )

    def _at_priority_of(self, partition: Partition, action: Callable[[Partition], None]) -> None:
        self.ns_thread.priority = partition.priority
        action(partition)
        self.ns_thread.priority = NS_AGENT_PRIORITY

    def _make_thread(self, partition: Partition) -> None:
        def entry() -> None:
            try:
                cast("Callable[[], None]", getattr(partition.program, partition.manifest.entry))()
                self.panic_of(
                    Fault(partition, "entry_point: never returns", "a return", "a loop around psa_wait")
                )
            except Exception as error:
                self.scheduler.raise_in_root(self.fault_in(partition, error))

        partition.thread = Thread(partition.name, partition.priority, entry)
        self.scheduler.add(partition.thread)

    def initialise_sfn(self, partition: Partition) -> None:
        """Run ``entry_init`` once, at boot or when another partition's initialisation needs this one."""
        partition.initialised = True
        if not partition.manifest.entry:
            return
        serving, partition.serving = partition.serving, True
        try:
            status = cast("Callable[[], int]", getattr(partition.program, partition.manifest.entry))()
        except Exception as error:
            raise self.fault_in(partition, error) from error
        partition.serving = serving
        # TF-M IPC backend: the init function of an SFN partition must return exactly PSA_SUCCESS.
        if status != 0:
            self.panic_of(Fault(partition, "entry_init: success", f"status {status}", "PSA_SUCCESS"))

    def stop(self) -> None:
        """Power goes away: partitions end where they stand, and no call enters any more."""
        if self.down is None:
            self.down = SystemReset("the device was reset")
        self.scheduler.end()

    def ns_client(self, arena: Arena, ns_id: int = -1) -> ClientDoor:
        """A client in the NSPE; ``arena`` is where its Python buffers come to lie."""
        return ClientDoor(self, NonSecureClient(ns_id, self.ns_thread), arena.base, arena.size)

    def settle_fault(self, fault: Fault) -> int:
        """FF-M 1.1, PROGRAMMER ERROR: a status for the non-secure side, a panic for a partition."""
        culprit = fault.culprit
        if culprit.is_secure:
            self.panic_of(fault)
        if self.trace.listeners:
            self.trace.emit(
                ProgrammerError(culprit.name, fault.rule, str(fault.found), fault.legal, fault.status)
            )
        return fault.status

    def panic_of(self, fault: Fault) -> NoReturn:
        """The device goes down for a partition's fault."""
        raise self._panic(PanicReport(fault.culprit.name, fault.rule, str(fault.found), fault.legal))

    def panic_deadlock(self, client: Client) -> NoReturn:
        """Nothing can ever run again; a watchdog would reset real hardware here."""
        waiting = ", ".join(p.name for p in self.partitions if p.wait_mask) or "nobody"
        found = f"{client.name} blocked, in psa_wait: {waiting}"
        raise self._panic(PanicReport("the device", "somebody can run", found, "a reply or a signal to come"))

    def fault_in(self, partition: Partition, error: Exception) -> DevicePanic | SystemReset:
        """What an exception in a partition's code comes to: the device goes down, as after a CPU fault."""
        if isinstance(error, DevicePanic):
            return error
        if isinstance(error, SystemReset):
            self.down = error
            return error
        if isinstance(error, HalDenied):
            rule, legal = "a platform function that the board grants", "one of the partition's grants"
        else:
            rule, legal = "code that does not fault", "no exception"
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.name}, line {frame.lineno} of {Path(frame.filename).name}"
        found = f"{type(error).__name__}: {error} in {where}"
        return self._panic(PanicReport(partition.name, rule, found, legal))

    def _panic(self, report: PanicReport) -> DevicePanic:
        if not isinstance(self.down, DevicePanic):
            self.down = DevicePanic(report)
            if self.trace.listeners:
                self.trace.emit(Panicked(report))
        return self.down

    def known_sids(self) -> str:
        return ", ".join(f"{sid:#x} {s.name}" for sid, s in sorted(self.services_by_sid.items()))

    def known_partition_ids(self) -> str:
        return ", ".join(f"{pid} {p.name}" for pid, p in sorted(self.partitions_by_id.items()))

    def open_handles(self, client: Client) -> str:
        handles = [f"{c.handle:#x}" for c in self.connections.open.values() if c.client is client]
        return ", ".join(handles) or "none is open"
