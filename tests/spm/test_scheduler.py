"""Who runs when: strict priority, no chance (spm.md 6.1)."""

from typing import Any

import pytest
from support.kernel_bench import Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.spm.events import PartitionStarted

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
