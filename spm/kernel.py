"""The Secure Partition Manager of one device, from its start to a panic."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from greenlet import GreenletExit

from ..interface.trace import LISTENER_NOTE, Trace
from ..platform.hal import PlatformHal, SystemReset
from ..platform.memory import Memory
from .boot_data import BootData
from .client import Client, NonSecureClient, Partition
from .connection import ConnectionPool, Idle
from .door import ClientDoor, PartitionDoor
from .events import Panicked, PartitionStarted, ProgrammerError
from .load import (
    LoadError,
    PartitionBuild,
    assign_stateless_handles,
    bind_program,
    check_builds,
    load_order,
    make_partition,
)
from .manifest import PartitionType
from .messages import begin_serving, end_serving
from .outcome import Fault
from .panic import DevicePanic, PanicReport
from .partition_memory import Arena
from .process.host import Launcher, Processes
from .scheduler import NS_AGENT_PRIORITY, Scheduler, Thread
from .service import Service


@dataclass(frozen=True, slots=True)
class SpmConfig:
    """Build options of the SPM. ``conn_handle_max_num`` is CONFIG_TFM_CONN_HANDLE_MAX_NUM.

    ``process_watchdog_seconds`` is how long, in host time, a partition's process may leave the SPM without a
    word.
    """

    isolation_level: int = 1
    conn_handle_max_num: int = 8
    process_watchdog_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.isolation_level not in (1, 2, 3):
            raise LoadError(f"isolation level {self.isolation_level}; legal: 1, 2, 3")
        if not self.process_watchdog_seconds > 0:
            raise LoadError(f"a watchdog of {self.process_watchdog_seconds} seconds; legal: more than 0")
        if self.conn_handle_max_num < 1:
            raise LoadError(f"{self.conn_handle_max_num} connections; legal: at least 1")


class Kernel:
    """The SPM's state. Dies with a reset; a new one is made at each power-on."""

    def __init__(
        self,
        memory: Memory,
        hal: PlatformHal,
        boot_data: BootData,
        trace: Trace,
        config: SpmConfig,
        launcher: Launcher | None = None,
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
        self.down: PanicReport | str | None = None
        self._stopping = False
        self._own_launcher = Launcher() if launcher is None else None
        self.processes = Processes(
            launcher or self._own_launcher or Launcher(), config.process_watchdog_seconds
        )

    def load(self, builds: Sequence[PartitionBuild]) -> None:
        """Load the partitions in load order and link their services; raises LoadError."""
        check_builds(builds)
        order = load_order([build.manifest for build in builds])
        self._builds = {build.manifest.name: build for build in builds}
        listed = [make_partition(b, order[b.manifest.name], place) for place, b in enumerate(builds)]
        services = [service for partition in listed for service in partition.services]
        self.stateless_services = assign_stateless_handles(services)
        self.services_by_sid = {service.sid: service for service in services}
        self.partitions = sorted(listed, key=lambda p: p.load_order)
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
        self.processes.launch(self.partitions, self._builds, self.config.isolation_level)
        for partition in self.partitions:
            arena = arena_of(partition.name)
            door = PartitionDoor(self, partition, hal_of(partition.name), arena.base, arena.size)
            build = self._builds[partition.name]
            remote = self.processes.program_of(self, partition, build, door)
            bind_program(partition, build.make(door) if remote is None else remote)
            if not partition.is_sfn:
                self._make_thread(partition)
        for partition in self.partitions:
            self._start(partition)
            if self.trace.listeners:
                self.trace.emit(
                    PartitionStarted(
                        partition.name,
                        partition.client_id,
                        partition.manifest.model.value,
                        partition.load_order,
                    )
                )
        self.ns_thread.priority = NS_AGENT_PRIORITY
        self.scheduler.reschedule()

    def _start(self, partition: Partition) -> None:
        """TF-M boot: every thread is runnable from the beginning and the most urgent one runs first.

        The booting thread comes directly behind the partition whose turn it is, so that one which an
        earlier partition has woken already still waits for its place.
        """
        self.ns_thread.priority = partition.priority | 1
        self.scheduler.reschedule()
        if not partition.is_sfn:
            if not partition.thread.started:
                self.scheduler.wake(partition.thread)
        elif not partition.initialised:
            priority = begin_serving(self, partition, self.ns_thread)
            self.initialise_sfn(partition)
            end_serving(self, partition, priority)

    def _make_thread(self, partition: Partition) -> None:
        def entry() -> None:
            try:
                self.run_code_of(partition, getattr(partition.program, partition.manifest.entry))
                self.panic_of(
                    Fault(partition, "entry_point: never returns", "a return", "a loop around psa_wait")
                )
            except GreenletExit:
                raise
            except BaseException as error:
                if not self._stopping:
                    self.scheduler.raise_in_root(error)

        partition.thread = Thread(partition.name, partition.priority, entry)
        self.scheduler.add(partition.thread)

    def initialise_sfn(self, partition: Partition) -> None:
        """Run ``entry_init`` once, at boot or when another partition's initialisation needs this one."""
        partition.initialised = True
        if not partition.manifest.entry:
            return
        status = self.run_code_of(partition, getattr(partition.program, partition.manifest.entry))
        # TF-M IPC backend: the init function of an SFN partition must return exactly PSA_SUCCESS.
        if status != 0:
            self.panic_of(Fault(partition, "entry_init: success", f"status {status}", "PSA_SUCCESS"))

    def run_code_of(self, partition: Partition, code: Callable[[], object]) -> object:
        """Run a partition's own code; what it raises takes the device down, as a CPU fault does.

        A panic stays one although the code may have caught what it raised there.
        """
        try:
            result = code()
        except BaseException as error:
            self.raise_fault_in(partition, error)
        if self.down is not None:
            raise self.gone()
        return result

    def raise_fault_in(self, partition: Partition, error: BaseException) -> NoReturn:
        """Raise what an exception in a partition's code comes to; called where it was caught."""
        verdict = error if isinstance(error, GreenletExit) else self._fault_in(partition, error)
        if verdict is error:
            raise error
        raise verdict from error

    def stop(self) -> None:
        """Power goes away: partitions end where they stand, and no call enters any more."""
        self.scheduler.check_os_thread()
        self._stopping = True
        if self.down is None:
            self.down = "the device was reset or switched off"
        self.scheduler.end()
        self.processes.end()
        if self._own_launcher is not None:
            self._own_launcher.close()

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
        owed = [c for c in self.connections.open.values() if c.client is client and c.state is not Idle]
        culprit = owed[0].service.partition.name if owed else client.name
        waiting = ", ".join(p.name for p in self.partitions if p.wait_mask) or "nobody"
        found = f"{client.name} blocked; in psa_wait: {waiting}"
        raise self._panic(PanicReport(culprit, "somebody can run", found, "a reply or a signal to come"))

    def hal_denied(self, partition: str, function: str, legal: str) -> NoReturn:
        """A partition called a platform function that its board does not grant it."""
        raise self._panic(
            PanicReport(partition, "a platform function that the board grants", function, legal)
        )

    def gone(self) -> DevicePanic | SystemReset:
        """What every call raises once the device is down."""
        if isinstance(self.down, PanicReport):
            return DevicePanic(self.down)
        return SystemReset(str(self.down))

    def _fault_in(self, partition: Partition, error: BaseException) -> BaseException:
        """What an exception in a partition's code comes to."""
        if self.down is not None:
            return error if isinstance(error, DevicePanic | SystemReset) else self.gone()
        if isinstance(error, SystemReset):
            self.down = str(error)
            return error
        if isinstance(error, KeyboardInterrupt) or LISTENER_NOTE in getattr(error, "__notes__", ()):
            self.down = "the device was interrupted in the middle of a call"
            return error
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.name}, line {frame.lineno} of {Path(frame.filename).name}"
        found = f"{type(error).__name__}: {error} in {where}"
        return self._panic(
            PanicReport(partition.name, "code that runs without a fault", found, "no exception")
        )

    def _panic(self, report: PanicReport) -> DevicePanic | SystemReset:
        if self.down is None:
            self.down = report
            if self.trace.listeners:
                self.trace.emit(Panicked(report))
        return self.gone()

    def known_sids(self) -> str:
        """Every RoT Service with its SID, for messages."""
        return ", ".join(f"{sid:#x} {s.name}" for sid, s in sorted(self.services_by_sid.items()))

    def known_partition_ids(self) -> str:
        """Every partition with its ID, for messages."""
        return ", ".join(f"{pid} {p.name}" for pid, p in sorted(self.partitions_by_id.items()))

    def open_handles(self, client: Client) -> str:
        """A client's open connections, for messages."""
        mine = [c for c in self.connections.open.values() if c.client.client_id == client.client_id]
        return ", ".join(f"{c.handle:#x}" for c in mine) or "none is open"

    def message_handles(self, partition: Partition) -> str:
        """A partition's delivered and unanswered messages, for messages."""
        mine = [c for c in self.connections.open.values() if c.delivered and c.service.partition is partition]
        return ", ".join(f"{c.handle:#x}" for c in mine) or "no message is delivered and unanswered"
