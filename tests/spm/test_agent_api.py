"""Calls of an NS agent for the clients of another core (TF-M mailbox agent): the SPM's side of them."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, SECURE_RAM, Bench, Echo, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_POLL, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.tfm.mailbox import ASYNC_MSG_REPLY
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.events import MessageDelivered
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi

SERVICES = [
    a_service("C", 0x1001),
    a_service("S", 0x1002, connection_based=False, stateless_handle=1),
    a_service("SECURE", 0x1003, non_secure_clients=False),
]
STATELESS = 0x40000100
LINE = 9
BASE, LIMIT = -0x0400FFFF, -0x04000000
IDS = {"client_id_base": f'"-{-BASE:#x}"', "client_id_limit": f'"-{-LIMIT:#x}"'}
IRQ = f"{{source: {LINE}, name: GO, handling: SLIH, client_id_base: {IDS['client_id_base']}, "
IRQ += f"client_id_limit: {IDS['client_id_limit']}}}"
NOTHING = (0, 0)
Script = Callable[[PartitionApi], object]


class Agent:
    """Runs the next script at each interrupt, and keeps what it returns."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.scripts: list[Script] = []
        self.results: list[Any] = []

    def main(self) -> None:
        self.psa.psa_irq_enable(1 << 31)
        while True:
            self.psa.psa_wait(1 << 31, PSA_BLOCK)
            self.psa.psa_eoi(1 << 31)
            self.results.append(self.scripts.pop()(self.psa))


class Holding(Echo):
    """Answers nothing of type 1 before something of type 2 comes, then the last first."""

    def __init__(self, psa: PartitionApi) -> None:
        super().__init__(psa)
        self.held: list[int] = []

    def take(self, signal: int) -> None:
        msg = psa_msg_t()
        self.psa.psa_get(signal, msg)
        self.seen.append(msg)
        if msg.type == 1:
            self.held.append(msg.handle)
            return
        if msg.type == 2:
            while self.held:
                self.psa.psa_reply(self.held.pop(), 10 + len(self.held))
        self.psa.psa_reply(msg.handle, self.answers.get(msg.type, 0))  # type: ignore[arg-type]


def bench_with_agent(**config: Any) -> Bench:
    return start_bench(
        (a_manifest("SERVER", SERVICES), Holding),
        (
            a_manifest("AGENT", [], type="PSA-ROT", priority="LOW", ns_agent="true", irqs=f"[{IRQ}]", **IDS),
            Agent,
        ),
        config=SpmConfig(**config),
    )


def run(bench: Bench, script: Script) -> Any:
    """What ``script`` returns when the agent runs it."""
    agent = bench.programs["AGENT"]
    agent.scripts.append(script)
    bench.interrupts.pend(LINE)
    bench.ns.psa_framework_version()
    return agent.results.pop()


def fetch(psa: PartitionApi) -> list[tuple[object, int]]:
    """All answers that are there, as (client data, value)."""
    answers = []
    while psa.psa_wait(ASYNC_MSG_REPLY, PSA_POLL):
        msg = psa_msg_t()
        assert psa.psa_get(ASYNC_MSG_REPLY, msg) == 0
        answers.append((msg.rhandle, msg.type))
    return answers


def requests(*types: int, ns_client_id: int = LIMIT) -> Script:
    """One stateless call of each type, its place from 1 as client data; the statuses of the calls."""
    return lambda psa: [
        psa.agent_psa_call(STATELESS, type_, NOTHING, NOTHING, ns_client_id, place)
        for place, type_ in enumerate(types, 1)
    ]


def test_the_agent_goes_on_while_its_calls_wait() -> None:
    bench = bench_with_agent()
    assert run(bench, requests(1, 1, 1)) == [0, 0, 0]
    assert run(bench, fetch) == []
    assert len(bench.programs["SERVER"].held) == 3


def test_answers_come_in_the_order_of_the_replies() -> None:
    bench = bench_with_agent()
    run(bench, requests(1, 1, 0, 2))
    assert run(bench, fetch) == [(3, 0), (2, 11), (1, 10), (4, 0)]


def test_bit_2_is_raised_until_all_are_fetched() -> None:
    bench = bench_with_agent()

    def look(psa: PartitionApi) -> list[int]:
        masks = []
        for _ in range(3):
            masks.append(psa.psa_wait(PSA_WAIT_ANY, PSA_POLL))
            psa.psa_get(ASYNC_MSG_REPLY, psa_msg_t())
        return [*masks, psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)]

    run(bench, requests(0, 0, 0))
    assert run(bench, look) == [4, 4, 4, 0]


def test_what_the_spm_refuses_is_an_answer_like_any_other() -> None:
    bench = bench_with_agent()

    def refused(psa: PartitionApi) -> list[int]:
        return [
            psa.agent_psa_connect(0x9999, 1, LIMIT, 101),
            psa.agent_psa_connect(0x1003, 1, LIMIT, 102),
            psa.agent_psa_call(STATELESS, -1, NOTHING, NOTHING, LIMIT, 103),
            psa.agent_psa_call(STATELESS, 0, (SECURE_RAM, 1), NOTHING, LIMIT, 104),
            psa.agent_psa_close(77, LIMIT, 105),
            psa.agent_psa_close(0, LIMIT, 106),
        ]

    assert run(bench, refused) == [0] * 6
    answers = [(101, -130), (102, -130), (103, -129), (104, -129), (105, -129)]
    assert run(bench, fetch) == [*answers, (106, 0)]
    assert bench.programs["SERVER"].seen == []


@pytest.mark.parametrize("ns_client_id", [BASE - 1, LIMIT + 1, -0x3C000000, -1, 0, 1])
def test_an_id_out_of_the_range_is_refused_at_once(ns_client_id: int) -> None:
    bench = bench_with_agent()
    assert run(bench, requests(0, ns_client_id=ns_client_id)) == [-135]
    assert run(bench, lambda psa: psa.agent_psa_connect(0x1001, 1, ns_client_id, 0)) == -135
    assert run(bench, lambda psa: psa.agent_psa_close(1, ns_client_id, 0)) == -135
    assert run(bench, fetch) == []


@pytest.mark.parametrize("ns_client_id", [BASE, LIMIT])
def test_the_service_sees_the_clients_id(ns_client_id: int) -> None:
    bench = bench_with_agent()
    run(bench, requests(0, ns_client_id=ns_client_id))
    assert [msg.client_id for msg in bench.programs["SERVER"].seen] == [ns_client_id]
    [event] = [e for e in bench.events if isinstance(e, MessageDelivered)]
    assert event.client == f"NS client {ns_client_id - LIMIT - 1}"


def test_a_connection_is_its_clients_own() -> None:
    bench = bench_with_agent()
    run(bench, lambda psa: psa.agent_psa_connect(0x1001, 1, LIMIT, 0))
    [(_, handle)] = run(bench, fetch)

    def use(psa: PartitionApi) -> None:
        psa.agent_psa_call(handle, 0, NOTHING, NOTHING, LIMIT - 1, 107)
        psa.agent_psa_close(handle, LIMIT - 1, 107)
        psa.agent_psa_call(handle, 0, NOTHING, NOTHING, LIMIT, 108)
        psa.agent_psa_close(handle, LIMIT, 108)

    run(bench, use)
    answers = run(bench, fetch)
    assert answers == [(107, -129), (107, -129), (108, 0), (108, 0)]


def test_a_connection_with_a_request_in_flight_is_busy() -> None:
    bench = bench_with_agent()
    run(bench, lambda psa: psa.agent_psa_connect(0x1001, 1, LIMIT, 0))
    [(_, handle)] = run(bench, fetch)

    def use(psa: PartitionApi) -> None:
        psa.agent_psa_call(handle, 1, NOTHING, NOTHING, LIMIT, 109)
        psa.agent_psa_call(handle, 0, NOTHING, NOTHING, LIMIT, 110)
        psa.agent_psa_close(handle, LIMIT, 111)
        psa.agent_psa_call(STATELESS, 2, NOTHING, NOTHING, LIMIT, 112)

    run(bench, use)
    assert run(bench, fetch) == [(110, -129), (111, -129), (109, 10), (112, 0)]


def test_a_pool_that_is_exhausted_is_connection_busy() -> None:
    bench = bench_with_agent(conn_handle_max_num=2)
    run(bench, requests(1, 1, 1))
    assert run(bench, fetch) == [(3, -131)]


def test_a_programmer_error_terminates_the_connection_and_disconnects_it_once() -> None:
    bench = bench_with_agent()
    server = bench.programs["SERVER"]
    server.answers[5] = -129
    run(bench, lambda psa: psa.agent_psa_connect(0x1001, 1, LIMIT, 0))
    [(_, handle)] = run(bench, fetch)

    def use(psa: PartitionApi) -> None:
        for type_ in (5, 0):
            psa.agent_psa_call(handle, type_, NOTHING, NOTHING, LIMIT, type_)
        psa.agent_psa_close(handle, LIMIT, 111)

    run(bench, use)
    assert run(bench, fetch) == [(5, -129), (0, -129), (111, 0)]
    assert server.types == [-1, 5, -2]
    assert not bench.kernel.handles


def test_output_lengths_are_written_to_the_clients_descriptors() -> None:
    bench = bench_with_agent()
    server = bench.programs["SERVER"]
    bench.memory.write(NS_RAM, struct.pack("<IIII", NS_RAM + 0x100, 8, NS_RAM + 0x200, 8))
    server.answers[3] = 0
    arrays = (NS_RAM, 1), (NS_RAM + 8, 1)
    run(bench, lambda psa: psa.agent_psa_call(STATELESS, 3, *arrays, LIMIT, 0))
    assert server.seen[0].in_size == server.seen[0].out_size == (8, 0, 0, 0)
    assert bench.memory.read(NS_RAM, 16) == struct.pack("<IIII", NS_RAM + 0x100, 8, NS_RAM + 0x200, 0)


@pytest.mark.parametrize(("sid", "version"), [(0x1001, 1), (0x1002, 1), (0x1003, 0), (0x9999, 0)])
def test_psa_version_from_an_agent_is_what_a_non_secure_client_may_know(sid: int, version: int) -> None:
    assert run(bench_with_agent(), lambda psa: psa.psa_version(sid)) == version


def test_psa_get_without_an_answer_panics() -> None:
    bench = bench_with_agent()
    with pytest.raises(DevicePanic, match=r"psa_get: a signal that is asserted\n  found 0x4"):
        run(bench, lambda psa: psa.psa_get(ASYNC_MSG_REPLY, psa_msg_t()))


def test_an_answer_into_the_agents_memory() -> None:
    bench = bench_with_agent()
    run(bench, requests(1, 2))
    address = SECURE_RAM + 0x5000
    assert run(bench, lambda psa: psa.psa_get(ASYNC_MSG_REPLY, address)) == 0
    assert run(bench, lambda psa: psa.psa_get(ASYNC_MSG_REPLY, address + 48)) == 0
    answers = [struct.unpack("<iiiI", bench.memory.read(address + at, 16)) for at in (0, 48)]
    assert answers == [(10, 0, 0, 1), (0, 0, 0, 2)]
    with pytest.raises(DevicePanic, match="psa_get: a buffer in the partition's own memory"):
        run(bench, lambda psa: psa.psa_get(ASYNC_MSG_REPLY, 0))


AGENT_CALLS: list[Script] = [
    lambda psa: psa.agent_psa_connect(0x1001, 1, LIMIT, 0),
    lambda psa: psa.agent_psa_call(STATELESS, 0, NOTHING, NOTHING, LIMIT, 0),
    lambda psa: psa.agent_psa_close(1, LIMIT, 0),
    lambda psa: psa.psa_wait(ASYNC_MSG_REPLY, PSA_POLL),
    lambda psa: psa.psa_get(ASYNC_MSG_REPLY, psa_msg_t()),
]


@pytest.mark.parametrize("script", AGENT_CALLS)
def test_a_partition_that_is_no_agent_panics(script: Script) -> None:
    bench = bench_with_agent()
    server = bench.programs["SERVER"]
    server.take = lambda signal: script(server.psa)
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(STATELESS, 0)
    assert panic.value.report.culprit == "SERVER"
