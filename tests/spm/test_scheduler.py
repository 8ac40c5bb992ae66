"""Who runs when: strict priority, no chance (spm.md 6.1)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, Bench, Echo, SfnEcho, a_manifest, a_service, start_bench
from support.puppets import FIRST_LINE, Job, start_stage

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.events import PartitionStarted, ThreadSwitched
from tfm_sim.spm.ns_tasks import join, start_task
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.spm.partition_memory import Arena

CALLER = 0x40000100


class Listener(Echo):
    """Notes in a shared log when its doorbell wakes it."""

    log: list[str]
    name = ""

    def main(self) -> None:
        while True:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            self.log.append(self.name)


def listener(name: str, log: list[str], **attributes: object) -> tuple[str, Any]:
    def make(psa: Any) -> Listener:
        program = Listener(psa)
        program.log, program.name = log, name
        return program

    number = sum(map(ord, name))
    return a_manifest(name, [a_service(f"{name}_SERVICE", 0x2000 + number)], **attributes), make  # type: ignore[arg-type]


def ring_all(log: list[str], model: str, priority: str = "NORMAL") -> tuple[str, Any]:
    """A partition that on a request rings the partitions 257 and 258, in that order, and goes on."""

    class Ringer(SfnEcho if model == "SFN" else Echo):  # type: ignore[misc]
        def answer(self, msg: psa_msg_t) -> int:
            for pid in (257, 258):
                self.psa.psa_notify(pid)
                log.append(f"rang {pid}")
            return 0

    service = a_service("RINGER_SERVICE", 0x1001, connection_based=False, stateless_handle=1)
    return a_manifest("RINGER", [service], model=model, priority=priority), Ringer


def run(model: str, first: str, second: str, priority: str = "NORMAL") -> list[str]:
    log: list[str] = []
    bench = start_bench(
        ring_all(log, model, priority),
        listener("FIRST", log, priority=first),
        listener("SECOND", log, priority=second),
    )
    assert bench.ns.psa_call(CALLER, 1) == 0
    log.append("client goes on")
    return log


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_a_waker_of_higher_priority_keeps_running(model: str) -> None:
    assert run(model, "LOW", "NORMAL", "HIGH") == [
        "rang 257",
        "rang 258",
        "SECOND",
        "FIRST",
        "client goes on",
    ]


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_a_waker_of_lower_priority_is_preempted_at_once(model: str) -> None:
    assert run(model, "HIGH", "HIGH", "LOW") == ["FIRST", "rang 257", "SECOND", "rang 258", "client goes on"]


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_of_equal_priorities_the_one_loaded_later_is_ahead(model: str) -> None:
    assert run(model, "LOW", "HIGH", "HIGH") == ["rang 257", "SECOND", "rang 258", "FIRST", "client goes on"]


def test_partitions_start_in_load_order() -> None:
    log: list[str] = []
    bench = start_bench(
        listener("LATE", log, priority="LOW"), listener("EARLY", log, priority="HIGH"), ring_all(log, "SFN")
    )
    started = [event.partition for event in bench.events if isinstance(event, PartitionStarted)]
    assert started == ["EARLY", "RINGER", "LATE"]


def test_an_sfn_that_is_busy_serves_the_next_message_afterwards() -> None:
    """SERVER waits for HELPER, which rings URGENT, which calls SERVER: that message waits for the first."""
    log: list[str] = []

    class Server(SfnEcho):
        def answer(self, msg: psa_msg_t) -> int:
            log.append(f"server begins {msg.type}")
            if msg.type == 1:
                self.psa.psa_call(0x40000101, 1)
            log.append(f"server ends {msg.type}")
            return 0

    class Helper(Echo):
        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_notify(258)
            log.append("helper replies")
            return 0

    class Urgent(Echo):
        def main(self) -> None:
            while True:
                self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
                self.psa.psa_clear()
                log.append("urgent calls")
                self.psa.psa_call(CALLER, 2)
                log.append("urgent is served")

    def stateless(name: str, sid: int, number: int) -> str:
        return a_service(name, sid, connection_based=False, stateless_handle=number)

    bench: Bench = start_bench(
        (a_manifest("SERVER", [stateless("S", 0x1001, 1)], model="SFN", dependencies="[H]"), Server),
        (a_manifest("HELPER", [stateless("H", 0x1002, 2)]), Helper),
        (a_manifest("URGENT", [stateless("U", 0x1003, 3)], priority="HIGH", dependencies="[S]"), Urgent),
    )
    assert bench.ns.psa_call(CALLER, 1) == 0
    assert log == [
        "server begins 1",
        "urgent calls",
        "helper replies",
        "server ends 1",
        "server begins 2",
        "server ends 2",
        "urgent is served",
    ]


def test_the_same_run_twice_is_the_same_run() -> None:
    assert run("IPC", "NORMAL", "NORMAL") == run("IPC", "NORMAL", "NORMAL")


# ---- NS runs last (6.1, threads) ----


def test_the_non_secure_side_runs_only_when_all_partitions_are_blocked() -> None:
    """LOW is the least urgent partition there is, and polls a while before it blocks."""
    log: list[str] = []

    class Busy(Echo):
        def main(self) -> None:
            while True:
                self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
                self.psa.psa_clear()
                for lap in range(3):
                    self.psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)
                    log.append(f"lap {lap}")

    bench = start_bench(
        ring_all(log, "IPC"),
        listener("FIRST", log),
        (a_manifest("LOW", [a_service("L", 0x1002)], priority="LOW"), Busy),
    )
    assert bench.ns.psa_call(CALLER, 1) == 0
    log.append("client goes on")
    assert log[-4:] == ["lap 0", "lap 1", "lap 2", "client goes on"]
    assert [t.name for t in bench.kernel.scheduler.threads] == ["FIRST", "RINGER", "LOW", "NS"]


def test_boot_runs_the_most_urgent_until_it_blocks_and_the_non_secure_side_last() -> None:
    bench = start_bench(
        *(
            (a_manifest(name, [a_service(f"{name}_S", 0x1001 + i)], priority=priority), Echo)
            for i, (name, priority) in enumerate(
                (("LOW", "LOW"), ("A", "NORMAL"), ("B", "NORMAL"), ("C", "HIGH"))
            )
        )
    )
    switches = [event.thread for event in bench.events if isinstance(event, ThreadSwitched)]
    assert switches == ["C", "B", "A", "LOW", "NS"]


def test_psa_get_takes_the_oldest_message_of_the_given_signal() -> None:
    """SLOW collects while it is not woken: three messages of two services stand in one order each."""
    got: list[tuple[int, int]] = []

    class Slow(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            handles = []
            for signal in (0x20, 0x10, 0x10):
                msg = psa_msg_t()
                self.psa.psa_get(signal, msg)
                got.append((signal, msg.type))
                handles.append(msg.handle)
            got.append((0, self.psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)))
            for handle in handles:
                self.psa.psa_reply(handle, 0)
            super().main()

    services = [
        a_service(name, sid, connection_based=False, stateless_handle=sid - 0x1000)
        for name, sid in (("ONE", 0x1001), ("TWO", 0x1002))
    ]
    ring = a_service("RING", 0x1003, connection_based=False, stateless_handle=3)

    class Ringer(Echo):
        def answer(self, msg: psa_msg_t) -> int:
            return self.psa.psa_notify(256)

    bench = start_bench((a_manifest("SLOW", services), Slow), (a_manifest("RINGER", [ring]), Ringer))
    tasks = [
        start_task(
            bench.kernel, partial(lambda handle, type_, ns: ns.psa_call(handle, type_), *call), name, arena
        )
        for name, call, arena in (
            ("T1", (0x40000100, 1), Arena(NS_RAM, 0x100)),
            ("T2", (0x40000101, 2), Arena(NS_RAM + 0x100, 0x100)),
            ("T3", (0x40000100, 3), Arena(NS_RAM + 0x200, 0x100)),
            ("T4", (0x40000102, 0), Arena(NS_RAM + 0x300, 0x100)),
        )
    ]
    join(bench.kernel, tasks)
    assert got == [(0x20, 2), (0x10, 1), (0x10, 3), (0, 0)]


# ---- Partitions of the SFN model on the IPC backend (6.1, SFN partition here) ----


@pytest.mark.parametrize("status", [1, -1, -132, 2**31 - 1])
def test_the_init_of_an_sfn_partition_must_return_exactly_psa_success(status: int) -> None:
    class Starting(SfnEcho):
        def start(self) -> int:
            return status

    with pytest.raises(DevicePanic) as panic:
        start_bench((a_manifest("P", [a_service("S", 0x1001)], model="SFN", entry_init="start"), Starting))
    assert (panic.value.report.culprit, panic.value.report.legal) == ("P", "PSA_SUCCESS")


def test_an_sfn_partition_serves_the_lowest_signal_first() -> None:
    """Three messages wait while the partition initialises; the service listed first goes first."""
    served: list[int] = []

    class Server(SfnEcho):
        def start(self) -> int:
            return self.psa.psa_call(0x40000103, 1)

        def answer(self, msg: psa_msg_t) -> int:
            served.append(msg.type)
            return 0

    class Gate(Echo):
        """Lets everybody less urgent run before it answers."""

        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            return 0

    def calling(handle: int, type_: int) -> type[Echo]:
        class Calling(Echo):
            def main(self) -> None:
                if not type_:
                    self.psa.psa_notify(257)
                else:
                    self.psa.psa_call(handle, type_)
                super().main()

        return Calling

    def stateless(name: str, number: int) -> str:
        return a_service(name, 0x1000 + number, connection_based=False, stateless_handle=number)

    start_bench(
        (
            a_manifest(
                "SERVER",
                [stateless("A", 1), stateless("B", 2), stateless("C", 3)],
                model="SFN",
                entry_init="start",
                dependencies="[G]",
            ),
            Server,
        ),
        (a_manifest("GATE", [stateless("G", 4)]), Gate),
        *(
            (
                a_manifest(name, [a_service(f"{name}_S", 0x2000 + i)], dependencies=needs, priority="LOW"),
                calling(handle, type_),
            )
            # Of equal load orders the one loaded later is ahead: C's caller comes first, the ringer last.
            for i, (name, needs, handle, type_) in enumerate(
                (
                    ("RINGER", "[A]", 0, 0),
                    ("P1", "[A]", 0x40000100, 1),
                    ("P2", "[B]", 0x40000101, 2),
                    ("P3", "[C]", 0x40000102, 3),
                )
            )
        ),
    )
    assert served == [1, 2, 3]


# ---- A secure interrupt over the non-secure side (6.1) ----


def ticker(log: list[str], handling: str = "SLIH") -> tuple[str, Any]:
    """A partition that waits for its interrupt, line 5."""

    class Ticker(Echo):
        def main(self) -> None:
            self.psa.psa_irq_enable(0x80000000)
            while True:
                signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
                if signals & 0x80000000:
                    log.append("tick")
                    (self.psa.psa_eoi if handling == "SLIH" else self.psa.psa_reset_signal)(0x80000000)
                if signals & 0x10:
                    self.take(0x10)

        def tick_flih(self) -> int:
            return 1

    irqs = f"[{{source: 5, name: TICK, handling: {handling}}}]"
    service = a_service("T", 0x1001, connection_based=False, stateless_handle=1)
    return a_manifest("TICKER", [service], irqs=irqs), Ticker


@pytest.mark.parametrize("handling", ["SLIH", "FLIH"])
def test_a_secure_interrupt_of_the_non_secure_side_waits_for_the_next_spm_call(handling: str) -> None:
    log: list[str] = []
    bench = start_bench(ticker(log, handling))
    bench.interrupts.pend(5)
    log.append("non-secure side")
    bench.ns.psa_framework_version()
    log.append("after a call")
    assert log == ["non-secure side", "tick", "after a call"]


@pytest.mark.parametrize("handling", ["SLIH", "FLIH"])
def test_schedule_when_ns_interrupted_runs_the_partition_at_once(handling: str) -> None:
    log: list[str] = []
    bench = start_bench(ticker(log, handling), config=SpmConfig(schedule_when_ns_interrupted=True))
    for _ in range(3):
        bench.interrupts.pend(5)
        log.append("non-secure side")
    assert log == ["tick", "non-secure side"] * 3


def test_a_partition_that_an_interrupt_of_the_nspe_woke_is_interrupted_itself() -> None:
    """While the woken partition runs, the interrupt is over: its own device interrupts it again."""
    log: list[str] = []
    handling = {"now": 0}

    class Ticker(Echo):
        def main(self) -> None:
            for signal in (0x80000000, 0x40000000):
                self.psa.psa_irq_enable(signal)
            while True:
                signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
                if signals & 0x80000000:
                    self.psa.psa_eoi(0x80000000)
                    log.append(f"begin, {handling['now']} handlers run")
                    bench.interrupts.pend(6)
                    log.append("end")
                elif signals & 0x40000000:
                    self.psa.psa_reset_signal(0x40000000)
                    log.append("second")
                else:
                    self.take(0x10)

        def second_flih(self) -> int:
            log.append("flih")
            return 1

    irqs = "[{source: 5, name: FIRST, handling: SLIH}, {source: 6, name: SECOND, handling: FLIH}]"
    service = a_service("T", 0x1001, connection_based=False, stateless_handle=1)
    config = SpmConfig(schedule_when_ns_interrupted=True)
    bench = start_bench((a_manifest("TICKER", [service], irqs=irqs), Ticker), config=config)
    bench.interrupts.pend(5)
    assert log == ["begin, 0 handlers run", "flih", "end", "second"]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_poll_that_finds_nothing_lets_those_go_ahead_whom_an_interrupt_woke(at_once: bool) -> None:
    """The poller's time passes, the alarm rings, and the more urgent partition runs before the poll ends."""
    log: list[str] = []

    class Poller(Echo):
        def answer(self, msg: psa_msg_t) -> int:
            while "tick" not in log:
                self.psa.psa_wait(PSA_DOORBELL, PSA_POLL)
                log.append("poll")
            return 0

    service = a_service("P", 0x1002, connection_based=False, stateless_handle=2)
    bench = start_bench(
        ticker(log),
        (a_manifest("POLLER", [service], priority="LOW"), Poller),
        config=SpmConfig(schedule_when_ns_interrupted=at_once),
    )
    bench.clock.at(bench.clock.now + 2, lambda: bench.interrupts.pend(5))
    assert bench.ns.psa_call(0x40000101, 1) == 0
    assert log == ["poll", "tick", "poll"]


def test_an_interrupt_of_a_partition_that_polls_is_not_lost_to_a_less_urgent_one() -> None:
    """A less urgent partition that an interrupt wakes waits until the more urgent one blocks."""
    log: list[str] = []

    class Urgent(Echo):
        def answer(self, msg: psa_msg_t) -> int:
            for _ in range(3):
                self.psa.psa_wait(PSA_DOORBELL, PSA_POLL)
                log.append("poll")
            return 0

    text, program = ticker(log)
    service = a_service("U", 0x1002, connection_based=False, stateless_handle=2)
    bench = start_bench(
        (text.replace("NORMAL", "LOW"), program), (a_manifest("URGENT", [service], priority="HIGH"), Urgent)
    )
    bench.clock.at(bench.clock.now + 1, lambda: bench.interrupts.pend(5))
    assert bench.ns.psa_call(0x40000101, 1) == 0
    assert log == ["poll", "poll", "poll", "tick"]


def test_interrupts_that_come_to_no_end_take_the_device_down() -> None:
    class Deaf(Echo):
        def tick_flih(self) -> int:
            return 0

        def main(self) -> None:
            self.psa.psa_irq_enable(0x80000000)
            super().main()

    irqs = "[{source: 5, name: TICK, handling: FLIH}]"
    bench = start_bench((a_manifest("DEAF", [a_service("D", 0x1001)], irqs=irqs), Deaf))
    bench.clock.at(10, lambda: bench.interrupts.set_level(5, True))
    with pytest.raises(DevicePanic) as panic:
        bench.kernel.ns_idle(20)
    assert (panic.value.report.culprit, panic.value.report.rule) == ("DEAF", "interrupts come to an end")
    with pytest.raises(DevicePanic):
        bench.ns.psa_framework_version()


CALLS_OF_A_MESSAGE: dict[str, Callable[[PartitionApi, int], object]] = {
    "psa_wait": lambda psa, handle: psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK),
    "psa_get": lambda psa, handle: psa.psa_get(1 << 4, psa_msg_t()),
    "psa_read": lambda psa, handle: psa.psa_read(handle, 0, bytearray(1), 1),
    "psa_skip": lambda psa, handle: psa.psa_skip(handle, 0, 1),
    "psa_write": lambda psa, handle: psa.psa_write(handle, 0, b"1"),
    "psa_reply": lambda psa, handle: psa.psa_reply(handle, 0),
}


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("call", CALLS_OF_A_MESSAGE)
def test_whom_an_interrupt_wakes_runs_at_the_exit_of_the_next_call(call: str, traced: bool) -> None:
    """Whether anybody listens makes no difference."""
    service = a_service("LOW_SERVICE", 0x1001, connection_based=False, stateless_handle=1)
    stage = start_stage({"URGENT": ([], {"priority": "HIGH"}), "LOW": ([service], {"priority": "LOW"})})
    if not traced:
        stage.bench.kernel.trace.listeners.clear()
    for slot in (1, 2):
        stage.client(-1, slot, lambda ns: ns.psa_call(CALLER, 0, [b"input"], [psa_outvec(bytearray(1))]))
    urgent = Job(lambda psa: None)

    def low(psa: PartitionApi) -> bool:
        msg = psa_msg_t()
        psa.psa_get(1 << 4, msg)
        stage.bench.programs["URGENT"].job = urgent
        stage.bench.interrupts.pend(FIRST_LINE)
        assert not urgent.done
        CALLS_OF_A_MESSAGE[call](psa, msg.handle)
        return urgent.done

    assert stage.partition("LOW", low).result
