"""TF-M's SFN backend: one thread, every service a function of it (spm.md 6.2)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_POLL, psa_msg_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
)
from tfm_sim.spm.config import Backend, SpmConfig
from tfm_sim.spm.events import PartitionStarted, ThreadSwitched
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi

SFN = SpmConfig(backend=Backend.SFN)
SID, HANDLE, CALLER_HANDLE = 0x1001, 0x40000100, 0x40000101
STATELESS = a_service("S", 0x1002, connection_based=False, stateless_handle=1)
SERVER = a_manifest("SERVER", [a_service("C", SID), STATELESS], model="SFN", entry_init="start")
CALLER = a_manifest(
    "CALLER",
    [a_service("CALL", 0x1003, connection_based=False, stateless_handle=2)],
    model="SFN",
    dependencies="[C, S]",
)
Made = Callable[[PartitionApi], SfnEcho]


class Starting(SfnEcho):
    """``inits`` are what its initialisation returns, one time after another; then 0."""

    def __init__(self, psa: PartitionApi, *inits: object) -> None:
        super().__init__(psa)
        self.inits = [*inits]
        self.started = 0

    def start(self) -> object:
        self.started += 1
        return self.inits.pop(0) if self.inits else 0


def server(*inits: object) -> tuple[str, Made]:
    return SERVER, lambda psa: Starting(psa, *inits)


def a_bench(*others: tuple[str, Any], config: SpmConfig = SFN) -> Bench:
    return start_bench(server(), *others, config=config)


def by_a_partition(bench: Bench, todo: Callable[[Any], int]) -> int:
    caller = bench.programs["CALLER"]
    caller.answers[1] = lambda msg: todo(caller.psa)
    return bench.ns.psa_call(CALLER_HANDLE, 1)


# ---- Builds ----


def test_an_ipc_partition_is_refused() -> None:
    with pytest.raises(LoadError, match=r"partition1\.yaml.*OTHER is of model IPC on the SFN backend"):
        a_bench((a_manifest("OTHER", [a_service("O", 0x2000)]), Echo))


@pytest.mark.parametrize("level", [2, 3])
def test_isolation_above_level_1_is_refused(level: int) -> None:
    with pytest.raises(LoadError, match=f"isolation level {level} on the SFN backend; legal: 1"):
        SpmConfig(backend=Backend.SFN, isolation_level=level)


# ---- Boot ----


def test_all_inits_run_in_load_order_before_the_non_secure_side() -> None:
    bench = start_bench((CALLER, SfnEcho), server(), config=SFN)
    started = [event.partition for event in bench.events if isinstance(event, PartitionStarted)]
    assert started == ["SERVER", "CALLER"]
    assert bench.programs["SERVER"].started == 1


@pytest.mark.parametrize("status", [0, 1, 2**31 - 1])
def test_an_init_that_is_not_negative_is_accepted(status: int) -> None:
    bench = start_bench(server(status), config=SFN)
    assert bench.ns.psa_call(HANDLE, 1) == 0
    assert bench.programs["SERVER"].started == 1


@pytest.mark.parametrize("status", [-1, -132, -(2**31), None])
def test_an_init_that_fails_at_boot_panics(status: object) -> None:
    with pytest.raises(DevicePanic) as panic:
        start_bench(server(status), config=SFN)
    assert (panic.value.report.culprit, panic.value.report.rule) == ("SERVER", "entry_init: success")


def test_a_partition_called_by_anothers_init_is_initialised_on_demand_and_once() -> None:
    """EARLY is loaded first and calls SERVER while it initialises."""
    log: list[str] = []

    class Early(SfnEcho):
        def begin(self) -> int:
            log.append("early begins")
            status = self.psa.psa_call(HANDLE, 7)
            log.append(f"early got {status}")
            return 0

    class Server(SfnEcho):
        def start(self) -> int:
            log.append("server starts")
            return 0

        def answer(self, msg: psa_msg_t) -> int:
            log.append("server serves")
            return 5

    early = a_manifest(
        "EARLY", [a_service("E", 0x2000)], "SFN", priority="HIGH", entry_init="begin", dependencies="[S]"
    )
    bench = start_bench((SERVER, Server), (early, Early), config=SFN)
    assert log == ["early begins", "server starts", "server serves", "early got 5"]
    started = [event.partition for event in bench.events if isinstance(event, PartitionStarted)]
    assert started == ["EARLY", "SERVER"]


def failing_on_demand(todo: Callable[[Any], int]) -> DevicePanic:
    class Early(SfnEcho):
        def begin(self) -> int:
            return todo(self.psa)

    early = a_manifest(
        "EARLY", [a_service("E", 0x2000)], "SFN", priority="HIGH", entry_init="begin", dependencies="[C, S]"
    )
    with pytest.raises(DevicePanic) as panic:
        start_bench(server(-132), (early, Early), config=SFN)
    return panic.value


def test_an_init_on_demand_that_fails_panics_the_partition_that_called() -> None:
    report = failing_on_demand(lambda psa: psa.psa_call(HANDLE, 7)).report
    assert report.culprit == "EARLY"
    assert "PSA_ERROR_PROGRAMMER_ERROR" in report.found


def test_an_init_on_demand_that_fails_is_no_answer_to_a_connect() -> None:
    report = failing_on_demand(lambda psa: psa.psa_connect(SID, 1)).report
    assert (report.culprit, report.rule) == ("SERVER", "psa_reply: a legal answer to PSA_IPC_CONNECT")


def test_an_init_that_fails_answers_a_non_secure_request_and_is_tried_again() -> None:
    """No boot leaves a partition so; the rule is of the backend all the same (2.1)."""
    bench = a_bench()
    program = bench.programs["SERVER"]
    program.inits = [-1, -1]
    bench.kernel.partitions[0].initialised = False
    assert bench.ns.psa_call(HANDLE, 7) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_call(HANDLE, 7) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_call(HANDLE, 7) == 0
    assert (program.started, program.types) == (4, [7])


# ---- Calls ----


def test_connect_and_disconnect_reach_the_same_function() -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 3) == 0
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].types == [-1, 3, -2]
    assert len({msg.handle for msg in bench.programs["SERVER"].seen}) == 1
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("status", [0, 1, -129, -130, -2147483648])
@pytest.mark.parametrize("who", ["NS", "CALLER"])
def test_close_always_completes(status: int, who: str) -> None:
    bench = a_bench((CALLER, SfnEcho))
    bench.programs["SERVER"].answers[-2] = status

    def visit(psa: Any) -> int:
        psa.psa_close(psa.psa_connect(SID, 1))
        return 0

    assert (visit(bench.ns) if who == "NS" else by_a_partition(bench, visit)) == 0
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("status", [PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY])
def test_a_refused_connect_is_the_clients_value_and_panics_nobody(status: int) -> None:
    bench = a_bench((CALLER, SfnEcho))
    bench.programs["SERVER"].answers[-1] = status
    assert bench.ns.psa_connect(SID, 1) == status
    assert by_a_partition(bench, lambda psa: psa.psa_connect(SID, 1)) == status
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("status", [1, -114, -129, 2**31 - 1])
def test_a_connect_takes_three_answers(status: int) -> None:
    bench = a_bench()
    bench.programs["SERVER"].answers[-1] = status
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_connect(SID, 1)
    assert panic.value.report.culprit == "SERVER"


def test_programmer_error_is_returned_to_the_nspe_and_panics_a_partition() -> None:
    bench = a_bench((CALLER, SfnEcho))
    bench.programs["SERVER"].answers[7] = PSA_ERROR_PROGRAMMER_ERROR
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 7) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_call(handle, 3) == PSA_ERROR_PROGRAMMER_ERROR, "the connection is terminated"
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].types == [-1, 7, -2]
    with pytest.raises(DevicePanic) as panic:
        by_a_partition(bench, lambda psa: psa.psa_call(HANDLE, 7))
    assert panic.value.report.culprit == "CALLER"


def test_calls_across_partitions_nest_in_one_thread() -> None:
    bench = a_bench((CALLER, SfnEcho))
    server_program = bench.programs["SERVER"]
    log: list[str] = []

    def outer(psa: Any) -> int:
        log.append("outer begins")
        status: int = psa.psa_call(HANDLE, 7)
        log.append("outer ends")
        return status

    def inner(msg: psa_msg_t) -> int:
        log.append(f"inner for {msg.client_id}")
        return 9

    server_program.answers[7] = inner
    assert by_a_partition(bench, outer) == 9
    assert log == ["outer begins", "inner for 257", "outer ends"]
    assert not [event for event in bench.events if isinstance(event, ThreadSwitched)]
    assert [thread.name for thread in bench.kernel.scheduler.threads] == ["NS"]


# ---- The partition API ----

ABSENT: list[tuple[str, Callable[[Any, psa_msg_t], Any]]] = [
    ("psa_get", lambda psa, m: psa.psa_get(0x10, m)),
    ("psa_reply", lambda psa, m: psa.psa_reply(m.handle, 0)),
    ("psa_notify", lambda psa, m: psa.psa_notify(256)),
    ("psa_clear", lambda psa, m: psa.psa_clear()),
    ("psa_wait", lambda psa, m: psa.psa_wait(0x8, PSA_POLL)),
    ("psa_irq_enable", lambda psa, m: psa.psa_irq_enable(0x80000000)),
    ("psa_irq_disable", lambda psa, m: psa.psa_irq_disable(0x80000000)),
]


@pytest.mark.parametrize(("call", "action"), ABSENT)
def test_what_the_sfn_backend_does_not_have(call: str, action: Callable[[Any, psa_msg_t], Any]) -> None:
    bench = a_bench()
    program = bench.programs["SERVER"]
    program.answers[7] = lambda msg: action(program.psa, msg)
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(HANDLE, 7)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule.startswith(f"{call}:")


def with_an_interrupt(handling: str, action: Callable[[Any], int]) -> Bench:
    class Ticking(SfnEcho):
        def tick_flih(self) -> int:
            return 1

        def answer(self, msg: psa_msg_t) -> int:
            return action(self.psa)

    irqs = f"[{{source: 5, name: TICK, handling: {handling}}}]"
    return start_bench((a_manifest("TICKER", [STATELESS], "SFN", irqs=irqs), Ticking), config=SFN)


@pytest.mark.parametrize(("handling", "end"), [("SLIH", "psa_eoi"), ("FLIH", "psa_reset_signal")])
def test_a_partition_waits_for_its_interrupt_while_time_passes(handling: str, end: str) -> None:
    def wait(psa: Any) -> int:
        psa.psa_irq_enable(0x80000000)
        signals: int = psa.psa_wait(0x80000000, PSA_BLOCK)
        getattr(psa, end)(0x80000000)
        return int(signals == 0x80000000) + int(psa.psa_wait(0x80000000, PSA_POLL))

    bench = with_an_interrupt(handling, wait)
    bench.clock.at(70, lambda: bench.interrupts.pend(5))
    assert bench.ns.psa_call(HANDLE, 1) == 1
    assert bench.clock.now == 71


def test_a_wait_for_an_interrupt_that_cannot_come_is_reported() -> None:
    bench = with_an_interrupt("SLIH", lambda psa: int(psa.psa_wait(0x80000000, PSA_BLOCK)))
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(HANDLE, 1)
    assert (panic.value.report.culprit, panic.value.report.rule) == ("TICKER", "somebody can run")
    assert "in psa_wait: TICKER" in panic.value.report.found
