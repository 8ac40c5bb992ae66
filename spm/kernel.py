"""The Secure Partition Manager of one device, from its start to a panic."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from greenlet import GreenletExit

from ..interface.trace import Trace
from ..platform.hal import PlatformHal
from ..platform.interrupts import InterruptStorm
from ..platform.power import PowerCut, SystemReset
from .boot_data import BootData
from .client import NS_ID_LOWEST, Client, NonSecureClient, Partition, ns_client_id
from .config import Backend, SpmConfig
from .connection import ConnectionPool, ConnectionStack
from .door import ClientDoor, ManagedClientDoor, PartitionDoor
from .events import ClockAdvanced, Panicked, PartitionStarted, ProgrammerError, ThreadSwitched
from .interrupts import Irq, take_interrupt
from .legal import awaited
from .load import (
    PartitionBuild,
    assign_stateless_handles,
    bind_program,
    check_builds,
    load_irqs,
    load_order,
    make_partition,
)
from .machine import Machine
from .manifest import PartitionType
from .ns_ids import NsClientContexts
from .outcome import BLOCKED, Fault, Outcome
from .panic import DevicePanic, PanicReport, describe, printable
from .partition_memory import Arena
from .process.host import Launcher, Processes
from .scheduler import NS_AGENT_LOAD_ORDER, Deadlock, Scheduler, Thread, WrongThread
from .service import Service
from .sfn import initialise, serve, sfn_loop
from .states import Answered, Running

if TYPE_CHECKING:
    from .ns_tasks import NsTask

REFUSALS_MAX = 1000
"""Calls of a device that is down after which its SPM stops listening to whoever makes them."""
POLL_MICROSECONDS = 1
"""What a psa_wait that only polls takes on the virtual clock, so that a loop of polls comes to an end."""


class Kernel:
    """The SPM's state. Dies with a reset; a new one is made at each power-on.

    ``down`` says why the device is down, None while it runs; ``handling`` is the interrupt whose first-level
    handler runs; ``closed`` is true in both cases: no call may enter then.
    """

    def __init__(
        self,
        machine: Machine,
        boot_data: BootData,
        trace: Trace,
        config: SpmConfig,
        launcher: Launcher | None = None,
    ) -> None:
        self.machine = machine
        self.memory = machine.memory
        self.hal = machine.hal
        self.interrupts = machine.interrupts
        self.boot_data = boot_data
        self.trace = trace
        trace.failure, trace.on_failure = None, self._listener_failed
        self.listeners = trace.listeners
        self.config = config
        self.ns_thread = Thread("NS", (NS_AGENT_LOAD_ORDER, 0, 0))
        self.scheduler = Scheduler(self.ns_thread, self._idle, self._tell_switch, trace)
        self.connections = ConnectionPool(config.conn_handle_max_num)
        self.handles = self.connections.open
        self.partitions: list[Partition] = []
        self.partitions_by_id: dict[int, Partition] = {}
        self.services_by_sid: dict[int, Service] = {}
        self.stateless_services: list[Service | None] = []
        self.irqs_by_line: dict[int, Irq] = {}
        self.serve = serve if config.backend is Backend.SFN else None
        self.down: PanicReport | str | None = None
        self._reset_kind: type[SystemReset] = SystemReset
        self.handling: Irq | None = None
        self.closed = False
        self.joining: dict[Thread, list[NsTask]] = {}
        self.tasks_started = 0
        self.switching = False
        self._refusals = 0
        self.ns_contexts = NsClientContexts() if config.ns_manage_nsid else None
        self.stopping = False
        self._own_launcher = Launcher() if launcher is None else None
        self.processes = Processes(
            launcher or self._own_launcher or Launcher(), config.process_watchdog_seconds
        )

    def load(self, builds: Sequence[PartitionBuild]) -> None:
        """Load the partitions in load order and link their services; raises LoadError."""
        backend = self.config.backend.value
        # TF-M manifest tool: model "dual" is the one of the chosen backend.
        builds = [replace(build, manifest=build.manifest.for_backend(backend)) for build in builds]
        check_builds(
            builds,
            backend=backend,
            isolation_level=self.config.isolation_level,
            irq_sources=self.machine.irq_sources,
            mmio_regions=self.machine.mmio_regions,
        )
        order = load_order([build.manifest for build in builds])
        self._builds = {build.manifest.name: build for build in builds}
        listed = [make_partition(b, order[b.manifest.name], place) for place, b in enumerate(builds)]
        services = [service for partition in listed for service in partition.services]
        self.stateless_services = assign_stateless_handles(services)
        self.services_by_sid = {service.sid: service for service in services}
        constant_handle = self.serve is not None and self.config.quirks.sfn_constant_message_handle
        if constant_handle and all(service.stateless for service in services):
            self.connections = ConnectionStack()
            self.handles = self.connections.open
        self.partitions = sorted(listed, key=lambda p: p.load_order)
        self.partitions_by_id = {p.client_id: p for p in self.partitions}
        by_name = {service.name: service for service in services}
        mm_iovec = not (self.config.quirks.mm_iovec_only_at_level_1 and self.config.isolation_level > 1)
        for service in services:
            service.mm_iovec = service.manifest.mm_iovec and mm_iovec
        for partition in self.partitions:
            wanted = (*partition.manifest.dependencies, *partition.manifest.weak_dependencies)
            partition.dependencies = frozenset(by_name[name] for name in wanted if name in by_name)
            partition.open_owners = self._open_owners(partition)
            for irq in load_irqs(partition, self.machine.irq_line):
                self.irqs_by_line[irq.line] = irq

    def _open_owners(self, partition: Partition) -> frozenset[str] | None:
        """FF-M 1.1, isolation levels: whose memory a partition may touch; None is everybody's.

        At level 1 all of the SPE is one domain, at level 2 the application RoT and the PSA RoT are one each;
        at level 3 each partition is its own.
        """
        level, is_psa_rot = self.config.isolation_level, partition.manifest.type is PartitionType.PSA_ROT
        one_domain = level == 2 or self.config.quirks.one_psa_rot_domain
        if level == 1 or (is_psa_rot and one_domain):
            return None
        if level == 2:
            return frozenset(
                p.name for p in self.partitions if p.manifest.type is PartitionType.APPLICATION_ROT
            )
        return frozenset({partition.name})

    def hal_functions_of(self, partition: str) -> tuple[str, ...]:
        """The platform functions that a partition's build brings, whatever the board grants."""
        return self._builds[partition].hal

    def start(self, hal_of: Callable[[str], PlatformHal], arena_of: Callable[[str], Arena]) -> None:
        """Make each partition's program and run it to where it waits for messages, in load order."""
        self.processes.launch(self.partitions, self._builds, self.config.process_level)
        for partition in self.partitions:
            arena = arena_of(partition.name)
            door = PartitionDoor(self, partition, hal_of(partition.name), arena.base, arena.size)
            build = self._builds[partition.name]
            remote = self.processes.program_of(self, partition, build, door)
            bind_program(partition, build.make(door) if remote is None else remote)
        self.interrupts.after = self._after_interrupts
        self.interrupts.handler = partial(take_interrupt, self)
        for irq in self.irqs_by_line.values():
            # TF-M interrupts: a 1.0 manifest's is enabled at boot, a 1.1 manifest's by psa_irq_enable.
            if irq.partition.manifest.irqs_enabled_at_boot:
                self.interrupts.enable(irq.line)
        if self.config.backend is Backend.SFN:
            self._start_sfn_backend()
            return
        for partition in self.partitions:
            partition.thread.entry = partial(self._thread_of, partition)
            self.scheduler.add(partition.thread)
        # TF-M boot: every thread is runnable from the beginning, and the most urgent one runs first.
        self.scheduler.reschedule()

    def _thread_of(self, partition: Partition) -> None:
        """A partition's thread on the IPC backend, from its start to the end of the device."""
        try:
            if partition.is_sfn:
                sfn_loop(self, partition)
            self.tell_start(partition)
            self.run_code_of(partition, getattr(partition.program, partition.manifest.entry))
            self.panic_of(
                Fault(partition, "entry_point: never returns", "a return", "a loop around psa_wait")
            )
        except BaseException as error:
            if self.stopping:
                raise GreenletExit from None
            self.scheduler.raise_in_root(error)

    def _start_sfn_backend(self) -> None:
        for partition in self.partitions:
            if partition.initialised:
                continue
            status = initialise(self, partition)
            # TF-M SFN backend: the init function of a partition must not fail at boot.
            if not isinstance(status, int) or status < 0:
                self.panic_of(Fault(partition, "entry_init: success", f"status {status}", "0 or more"))

    def tell_start(self, partition: Partition) -> None:
        """A partition's code begins to run."""
        if self.listeners:
            model = partition.manifest.model.value
            self.trace.emit(
                PartitionStarted(partition.name, partition.client_id, model, partition.load_order)
            )

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
        is_end = self.stopping and type(error) is GreenletExit
        verdict = error if is_end else self._fault_in(partition, error)
        if verdict is error:
            raise error
        if describe(error)[1]:
            raise verdict from error
        verdict.__suppress_context__ = True
        try:
            raise verdict
        finally:
            verdict.__context__ = None  # nobody could print the two together

    def stop(self) -> None:
        """Power goes away: partitions end where they stand, and no call enters any more.

        Raises WrongThread for a foreign thread, and for code of a partition or a task.
        """
        self.scheduler.check_os_thread()
        self.scheduler.check_root()
        self.check_switch()
        self.stopping = True
        self.interrupts.handler = self.interrupts.after = None
        if self.down is None:
            self._go_down("the device was reset or switched off")
        self.scheduler.end()
        self.scheduler.idle = self._never
        self.processes.end()
        if self._own_launcher is not None:
            self._own_launcher.close()

    def ns_client(self, arena: Arena, ns_id: int = -1, thread: Thread | None = None) -> ClientDoor:
        """A client in the NSPE; ``arena`` is where its Python buffers come to lie.

        Raises ValueError for an id outside the agent's range.
        """
        client_id = ns_client_id(ns_id)
        if client_id is None:
            raise ValueError(f"non-secure id {ns_id}: legal are -1 down to {NS_ID_LOWEST}")
        client = NonSecureClient(f"NS client {ns_id}", client_id, thread or self.ns_thread)
        kind = ManagedClientDoor if self.config.ns_manage_nsid and thread is None else ClientDoor
        return kind(self, client, arena.base, arena.size)

    def leave(self, caller: Client, outcome: Outcome) -> int:
        """The one way out of the SPM: the caller's value, after waiting, switching or settling a fault."""
        if outcome is BLOCKED:
            if self.serve is not None:
                return self._wait_alone(caller)
            if caller.thread is not self.scheduler.current:
                self._borrowed(caller)
            event = "psa_wait" if isinstance(caller, Partition) and caller.wait_mask else "call"
            try:
                self.scheduler.block(event)
            except Deadlock:
                raise self.deadlock() from None
            return caller.take_answer()
        if isinstance(outcome, Fault):
            outcome = self.settle_fault(outcome)
        if self.scheduler.switch_due:
            self.scheduler.reschedule()
        assert isinstance(outcome, int)
        return outcome

    def _borrowed(self, caller: Client) -> None:
        """A call in another's name: a task waits for it itself, a partition has no business there."""
        here = self.scheduler.current
        if isinstance(caller, Partition):
            rule = "a partition's calls come from its own thread"
            found = f"a call in the name of {caller.name}"
            raise self._panic(PanicReport(here.name, rule, found, "the partition API that it was given"))
        caller.thread = here

    def _wait_alone(self, caller: Client) -> int:
        """TF-M SFN backend: in psa_wait for an interrupt its one thread stands still, and time passes."""
        assert isinstance(caller, Partition)
        while not caller.signals & caller.wait_mask:
            if not self._idle():
                raise self.deadlock()
        return caller.take_answer()

    def refuse_entry(self, call: str) -> NoReturn:
        """Why no call may enter now."""
        if self.down is not None:
            self._refusals += 1
            # Code that catches whatever it is told, and asks again, would never let go of the host.
            if self._refusals > REFUSALS_MAX:
                self.scheduler.abandon_current(self.gone())
            raise self.gone()
        self.check_switch()
        assert self.handling is not None
        # TF-M FLIH: every secure API call from exception context panics.
        rule = f"{call}: not in a first-level interrupt handler"
        self.panic_of(
            Fault(self.handling.partition, rule, self.handling.manifest.flih, "a partition's thread")
        )

    def poll_found_nothing(self) -> None:
        """psa_wait with PSA_POLL takes time, and lets those go ahead whom an interrupt has woken."""
        self._let_time_pass(POLL_MICROSECONDS)
        scheduler = self.scheduler
        if scheduler.ready & -scheduler.ready < scheduler.current.bit:
            scheduler.reschedule()

    def _after_interrupts(self) -> None:
        """TF-M CONFIG_TFM_SCHEDULE_WHEN_NS_INTERRUPTED: an interrupt of the NSPE may switch to a partition.

        If not, the partition runs at the next exit of an SPM call.
        """
        scheduler = self.scheduler
        is_ns = scheduler.current.priority[0] == NS_AGENT_LOAD_ORDER and scheduler.current.state is Running
        if self.config.schedule_when_ns_interrupted and is_ns and scheduler.switch_due:
            scheduler.reschedule()

    def ns_idle(self, microseconds: int) -> None:
        """The non-secure side sleeps: time passes, and partitions that an interrupt wakes run."""
        if self.down is not None:
            raise self.gone()
        self.check_switch()
        self._let_time_pass(microseconds)
        if self.scheduler.switch_due:
            self.scheduler.reschedule()

    def reset_requested(self, why: str) -> None:
        """The hardware resets the device: a partition asked for it, or a watchdog."""
        if self.down is None:
            self._go_down(why)

    def power_lost(self, why: str) -> None:
        """Power goes away; every call that is in progress ends here."""
        if self.down is None:
            self._reset_kind = PowerCut
            self._go_down(why)

    def _idle(self) -> bool:
        """Nobody can run: time passes until something happens that a device of the board was set to."""
        moved = self._let_time_pass()
        if moved and self.listeners:
            self.trace.emit(ClockAdvanced(self.machine.clock.now))
        return moved

    def _tell_switch(self, name: str) -> None:
        """No thread runs while one hands over to the next, so no call may enter."""
        was, self.closed, self.switching = self.closed, True, True
        try:
            self.trace.emit(ThreadSwitched(name))
        finally:
            self.closed, self.switching = was or self.down is not None, False

    def check_switch(self) -> None:
        """Raises WrongThread for a listener that calls the device from within ThreadSwitched."""
        if self.switching:
            raise WrongThread(
                "the device was called by a trace listener between two threads; legal: in other events"
            )

    def _never(self) -> NoReturn:
        """A call that was in progress when power went away, as a listener's may do, ends here."""
        raise self.gone()

    def _let_time_pass(self, microseconds: int | None = None) -> bool:
        """Move the clock, by default to the next alarm; False where there is none."""
        try:
            if microseconds is None:
                return self.machine.clock.advance_to_next()
            self.machine.clock.advance(microseconds)
        except InterruptStorm as storm:
            raise self.storm(storm) from storm
        return True

    def storm(self, storm: InterruptStorm) -> DevicePanic | SystemReset:
        """Interrupts that come to no end: a watchdog would reset real hardware here."""
        irq = self.irqs_by_line.get(storm.line)
        found, _, legal = str(storm).partition("; legal: ")
        culprit = irq.partition.name if irq is not None else "the hardware"
        return self._panic(PanicReport(culprit, "interrupts come to an end", found, legal))

    def settle_fault(self, fault: Fault) -> int:
        """FF-M 1.1, PROGRAMMER ERROR: a status for the non-secure side, a panic for a partition."""
        culprit = fault.culprit
        if culprit.is_secure or self.config.ns_programmer_error_panics:
            self.panic_of(fault)
        if self.listeners:
            self.trace.emit(
                ProgrammerError(culprit.name, fault.rule, str(fault.found), fault.legal, fault.status)
            )
        return fault.status

    def panic_of(self, fault: Fault) -> NoReturn:
        """The device goes down for a partition's fault."""
        raise self._panic(PanicReport(fault.culprit.name, fault.rule, str(fault.found), fault.legal))

    def deadlock(self) -> DevicePanic | SystemReset:
        """Nothing can ever run again; a watchdog would reset real hardware here."""
        owed = [c for c in self.handles.values() if c.message is not Answered]
        culprit = owed[0].service.partition.name if owed else self.scheduler.current.name
        blocked = ", ".join(dict.fromkeys(c.client.name for c in owed)) or self.scheduler.current.name
        waiting = ", ".join(p.name + awaited(p) for p in self.partitions if p.wait_mask) or "nobody"
        joining = ", ".join(thread.name for thread in self.joining) or "nobody"
        found = f"{blocked} blocked; in psa_wait: {waiting}; joining tasks: {joining}"
        return self._panic(PanicReport(culprit, "somebody can run", found, "a reply or a signal to come"))

    def joined(self, task: "NsTask") -> None:
        """A task has ended; whoever waited for the last of several, or for one that failed, can go on."""
        for thread, tasks in list(self.joining.items()):
            if task in tasks:
                tasks.remove(task)
                if not tasks or task.error is not None:
                    del self.joining[thread]
                    self.scheduler.wake(thread, "reply")

    def hal_denied(self, partition: str, function: str, legal: str) -> NoReturn:
        """A partition called a platform function that its board does not grant it."""
        raise self._panic(
            PanicReport(partition, "a platform function that the board grants", function, legal)
        )

    def gone(self) -> DevicePanic | SystemReset:
        """What every call raises once the device is down."""
        if isinstance(self.down, PanicReport):
            return DevicePanic(self.down)
        return self._reset_kind(str(self.down))

    def _fault_in(self, partition: Partition, error: BaseException) -> BaseException:
        """What an exception in a partition's code comes to."""
        if error is self.trace.failure:
            return error
        kind = type(error)  # an object may deny its class
        if self.down is not None:
            return error if kind in (DevicePanic, self._reset_kind) else self.gone()
        if kind is SystemReset:
            self._go_down(printable(str(error)))
            return error
        if kind is KeyboardInterrupt:
            self._go_down("the device was interrupted in the middle of a call")
            return error
        found, legal = describe(error)[0], "no exception"
        return self._panic(PanicReport(partition.name, "code that runs without a fault", found, legal))

    def _panic(self, report: PanicReport) -> DevicePanic | SystemReset:
        if self.down is None:
            report = replace(report, found=printable(report.found))
            self._go_down(report)
            if self.listeners:
                self.trace.emit(Panicked(report))
        return self.gone()

    def _listener_failed(self) -> None:
        """A listener was told in the middle of something that now stays undone, so the device ends."""
        if self.down is None:
            self._go_down(f"a trace listener raised {type(self.trace.failure).__name__}")

    def _go_down(self, why: PanicReport | str) -> None:
        self.down = why
        self.closed = True
