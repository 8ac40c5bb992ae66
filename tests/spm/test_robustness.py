"""What partitions and callers may try: the device goes down with a report, never the host, never wrongly."""

import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from greenlet import greenlet
from support.kernel_bench import NS_RAM, Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, psa_msg_t
from tfm_sim.interface.trace import Event
from tfm_sim.interface.wire.frames import HEADER, Op
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.config import Backend, SpmConfig
from tfm_sim.spm.load import LoadError, PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.process.channel import Channel, ChannelTimeout
from tfm_sim.spm.scheduler import WrongThread

HANDLE = 0x40000100
SID = 0x1001
STATELESS = a_service("S", 0x1000, connection_based=False, stateless_handle=1)
SERVER = {
    "IPC": (a_manifest("SERVER", [STATELESS, a_service("C", SID)]), Echo),
    "SFN": (a_manifest("SERVER", [STATELESS, a_service("C", SID)], model="SFN"), SfnEcho),
}
Action = Callable[[Any, psa_msg_t], Any]


def server_that(action: Action, model: str) -> Bench:
    """The server does ``action`` on a request of type 5 and answers with what it returns."""
    bench = start_bench(SERVER[model])
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: action(server.psa, msg)
    return bench


def swallow(call: Callable[[], object]) -> int:
    """Code that goes on whatever happens."""
    try:
        call()
    except Exception:
        return 42
    return 41


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_a_panic_cannot_be_swallowed(model: str) -> None:
    bench = server_that(lambda psa, m: swallow(lambda: psa.psa_call(0, 0)), model)
    with pytest.raises(DevicePanic, match="psa_call: a handle of the caller's own"):
        bench.ns.psa_call(HANDLE, 5)


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("status", [None, "ok", 1.5, b""])
def test_a_reply_that_is_no_status_is_the_services_fault(status: object, model: str) -> None:
    with pytest.raises(DevicePanic) as panic:
        server_that(lambda psa, m: status, model).ns.psa_call(HANDLE, 5)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule == "psa_reply: a psa_status_t"


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize(("status", "seen"), [(2**40, 0), (0xFFFFFF7C, -132), (2**31, -(2**31))])
def test_a_status_is_32_bits(status: int, seen: int, model: str) -> None:
    assert server_that(lambda psa, m: status, model).ns.psa_call(HANDLE, 5) == seen


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_a_partition_that_exits_does_not_take_the_host_along(model: str) -> None:
    def leave(psa: Any, msg: psa_msg_t) -> int:
        raise SystemExit(3)

    with pytest.raises(DevicePanic, match=r"(?s)SERVER broke a rule.*SystemExit"):
        server_that(leave, model).ns.psa_call(HANDLE, 5)


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_an_interrupt_reaches_the_caller_and_ends_the_device(model: str) -> None:
    def interrupt(psa: Any, msg: psa_msg_t) -> int:
        raise KeyboardInterrupt

    bench = server_that(interrupt, model)
    with pytest.raises(KeyboardInterrupt):
        bench.ns.psa_call(HANDLE, 5)
    with pytest.raises(SystemReset, match="interrupted"):
        bench.ns.psa_framework_version()


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_a_listeners_mistake_is_not_blamed_on_a_partition(model: str) -> None:
    bench = start_bench(SERVER[model])

    def fails(event: Event) -> None:
        raise RuntimeError("listener")

    bench.kernel.trace.listeners.append(fails)
    with pytest.raises(RuntimeError, match="listener"):
        bench.ns.psa_call(HANDLE, 1)


NEGATIVE: list[tuple[str, Action]] = [
    ("read", lambda psa, m: psa.psa_read(m.handle, 0, bytearray(4), -3)),
    ("write", lambda psa, m: psa.psa_write(m.handle, 0, b"x", -1)),
    ("write a wide number", lambda psa, m: psa.psa_write(m.handle, 0, b"x", 2**32 - 1)),
]


@pytest.mark.parametrize("action", [pytest.param(a, id=n) for n, a in NEGATIVE])
def test_a_negative_size_is_a_large_one(action: Action) -> None:
    bench = server_that(lambda psa, m: action(psa, m) or 0, "IPC")
    with pytest.raises(DevicePanic):
        bench.ns.psa_call(HANDLE, 5, [b"abcd"], [psa_outvec(bytearray(4))])


def test_a_negative_skip_never_goes_back() -> None:
    bench = server_that(lambda psa, m: psa.psa_skip(m.handle, 0, -16), "IPC")
    assert bench.ns.psa_call(HANDLE, 5, [b"abcd"]) == 4, "what was skipped"


@pytest.mark.parametrize("version", [-1, 2**32 - 1])
def test_a_version_is_unsigned(version: int) -> None:
    relaxed = a_service("R", 0x1007, version=2, version_policy="RELAXED")
    bench = start_bench((a_manifest("SERVER", [relaxed]), Echo))
    assert bench.ns.psa_connect(0x1007, version) == -130
    assert bench.ns.psa_connect(0x1007 + 2**32, 2) > 0, "a SID is 32 bits"


def test_a_handle_with_bit_31_is_negative_and_never_stateless() -> None:
    bench = start_bench(SERVER["IPC"])
    assert bench.ns.psa_call(HANDLE | 1 << 31, 0) == -129


NOT_FOR_SFN: list[tuple[str, Action]] = [
    ("psa_wait", lambda psa, m: psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)),
    ("psa_reply", lambda psa, m: psa.psa_reply(m.handle, 0)),
]


@pytest.mark.parametrize(("call", "action"), NOT_FOR_SFN)
def test_an_sfn_partition_neither_waits_nor_replies_itself(call: str, action: Action) -> None:
    with pytest.raises(DevicePanic, match=f"{call}: an IPC partition"):
        server_that(action, "SFN").ns.psa_call(HANDLE, 5)


def test_a_message_for_an_sfn_that_is_being_initialised_is_served_afterwards() -> None:
    """EARLY waits for its doorbell; A's initialisation calls B, which rings EARLY, which calls A."""
    log: list[str] = []

    class Early(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            log.append(f"early is served {self.psa.psa_call(HANDLE, 7)}")
            super().main()

    class A(SfnEcho):
        def a_init(self) -> int:
            self.psa.psa_call(0x40000101, 1)
            log.append("a is up")
            return 0

    class B(SfnEcho):
        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_notify(258)
            return 0

    service_b = a_service("B_S", 0x1002, connection_based=False, stateless_handle=2)
    start_bench(
        (a_manifest("A", [STATELESS], model="SFN", entry_init="a_init", dependencies="[B_S]"), A),
        (a_manifest("B", [service_b], model="SFN"), B),
        (a_manifest("EARLY", [a_service("E_S", 0x1003)], priority="HIGH", dependencies="[S]"), Early),
    )
    assert log == ["a is up", "early is served 0"]


def test_the_boot_order_is_by_priority_even_for_those_that_were_rung() -> None:
    log: list[str] = []

    def noting(name: str, rings: int | None = None) -> type[Echo]:
        class Noting(Echo):
            def main(self) -> None:
                log.append(name)
                if rings:
                    self.psa.psa_notify(rings)
                if self.psa.psa_wait(PSA_DOORBELL, PSA_POLL):
                    self.psa.psa_clear()
                super().main()

        return Noting

    start_bench(
        (a_manifest("HIGH", [a_service("H", 0x1001)], priority="HIGH"), noting("HIGH", 257)),
        (a_manifest("LOW", [a_service("L", 0x1002)], priority="LOW"), noting("LOW")),
        (a_manifest("NORMAL", [a_service("N", 0x1003)]), noting("NORMAL")),
    )
    assert log == ["HIGH", "NORMAL", "LOW"]


def test_a_caller_of_a_less_urgent_sfn_lets_others_run_first() -> None:
    """HIGH rings MID, then calls LOW: MID comes before LOW's function (TF-M thread scheduling)."""
    log: list[str] = []

    class High(SfnEcho):
        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_notify(257)
            return int(self.psa.psa_call(0x40000101, 1))

    class Mid(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            log.append("mid")
            self.psa.psa_clear()
            super().main()

    class Low(SfnEcho):
        def answer(self, msg: psa_msg_t) -> int:
            log.append("low")
            return 0

    service_l = a_service("L", 0x1002, connection_based=False, stateless_handle=2)
    bench = start_bench(
        (a_manifest("HIGH", [STATELESS], model="SFN", priority="HIGH", dependencies="[L]"), High),
        (a_manifest("MID", [a_service("M", 0x1003)]), Mid),
        (a_manifest("LOW", [service_l], model="SFN", priority="LOW"), Low),
    )
    assert bench.ns.psa_call(HANDLE, 1) == 0
    assert log == ["mid", "low"]


@pytest.mark.parametrize("farewell", ["psa.psa_close(0)", "1 // 0", "psa.psa_panic()"])
def test_a_partition_cannot_hold_up_a_reset(farewell: str) -> None:
    class Clinging(Echo):
        def main(self) -> None:
            try:
                super().main()
            finally:
                {
                    "psa.psa_close(0)": lambda: self.psa.psa_close(0),
                    "1 // 0": lambda: 1 // 0,
                    "psa.psa_panic()": self.psa.psa_panic,
                }[farewell]()

    bench = start_bench((SERVER["IPC"][0], Clinging), (a_manifest("OTHER", [a_service("O", 0x2000)]), Echo))
    bench.kernel.stop()
    with pytest.raises(SystemReset, match="reset or switched off"):
        bench.ns.psa_framework_version()
    scheduler = bench.kernel.scheduler
    partitions = [thread for thread in scheduler.threads if thread is not scheduler.root]
    assert len(partitions) == 2
    assert all(thread.greenlet is None or thread.greenlet.dead for thread in partitions)


def test_power_can_go_away_in_another_greenlet() -> None:
    bench = start_bench(SERVER["IPC"])
    log = []

    def switch_off() -> None:
        bench.kernel.stop()
        log.append("after")

    greenlet(switch_off).switch()
    assert log == ["after"]


def test_another_thread_is_refused_and_the_device_unharmed() -> None:
    bench = start_bench(SERVER["IPC"])
    caught: list[BaseException] = []

    def call() -> None:
        for attempt in (lambda: bench.ns.psa_call(HANDLE, 1), bench.kernel.stop):
            try:
                attempt()
            except BaseException as error:
                caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [type(error) for error in caught] == [WrongThread, WrongThread]
    assert bench.ns.psa_call(HANDLE, 1) == 0


def test_ownership_goes_by_client_id() -> None:
    """TF-M gives every non-secure task the id -1; two doors with one id are one client."""
    from tfm_sim.spm.partition_memory import Arena  # noqa: PLC0415

    bench = start_bench(SERVER["IPC"])
    handle = bench.ns.psa_connect(SID, 1)
    twin = bench.kernel.ns_client(Arena(NS_RAM, 0x1000))
    stranger = bench.kernel.ns_client(Arena(NS_RAM + 0x1000, 0x1000), -2)
    assert twin.psa_call(handle, 3) == 0
    assert stranger.psa_call(handle, 3) == -129
    twin.psa_close(handle)
    assert bench.ns.psa_call(handle, 3) == -129


def test_the_length_of_an_output_over_its_own_descriptor_is_written_last() -> None:
    bench = server_that(lambda psa, m: psa.psa_write(m.handle, 0, bytes(8)) or 0, "SFN")
    bench.memory.write(NS_RAM, NS_RAM.to_bytes(4, "little") + (8).to_bytes(4, "little"))
    assert bench.ns.psa_call(HANDLE, 5, (), NS_RAM, out_len=1) == 0
    assert bench.memory.read(NS_RAM, 8) == bytes(4) + (8).to_bytes(4, "little")


@pytest.mark.parametrize(
    "call",
    [
        lambda ns: ns.psa_call(HANDLE, 0, NS_RAM),
        lambda ns: ns.psa_call(HANDLE, 0, [b"a", b"b"], in_len=1),
        lambda ns: ns.psa_call(HANDLE, 0, [psa_invec(NS_RAM)]),
        lambda ns: ns.psa_call(HANDLE, 0, [psa_invec(b"ab", 10)]),
        lambda ns: ns.psa_call(HANDLE, 0, (), [psa_outvec(bytearray(2), 10)]),
        lambda ns: ns.psa_call(HANDLE, 0, (), [psa_outvec(bytes(2))]),  # type: ignore[arg-type]
        lambda ns: ns.psa_call(HANDLE, 0, (), [psa_outvec(memoryview(bytes(2)))]),
    ],
)
def test_vectors_that_python_cannot_mean_are_refused_before_the_call(call: Callable[[Any], int]) -> None:
    bench = start_bench(SERVER["SFN"])
    with pytest.raises((TypeError, ValueError)):
        call(bench.ns)
    assert bench.programs["SERVER"].seen == []


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ({"manifest": "counter.yaml"}, "manifest: found 'counter.yaml'; legal: a PartitionManifest"),
        ({"pid": "300"}, "pid: found '300'; legal: a number"),
        ({"program": 1}, "program: found 1; legal: the partition's class itself"),
    ],
)
def test_a_partition_build_refuses_what_is_none(what: dict[str, Any], part: str) -> None:
    arguments: dict[str, Any] = {"manifest": parse_manifest(SERVER["SFN"][0], "s.yaml"), "pid": 300}
    with pytest.raises(LoadError, match=re.escape(f"PartitionBuild: {part}")):
        PartitionBuild(**({**arguments, "program": SfnEcho} | what))


def test_a_class_that_does_not_take_the_partition_api() -> None:
    class Alone:
        pass

    psa: Any = None
    build = PartitionBuild(parse_manifest(SERVER["SFN"][0], "s.yaml"), 300, Alone)
    with pytest.raises(LoadError, match=r"s\.yaml:2: SERVER: Alone cannot take .*too many.*; legal: psa"):
        build.make(psa)


def test_a_handle_of_no_service_is_answered_with_those_that_there_are() -> None:
    bench = server_that(lambda psa, m: psa.psa_call(0x4000011F, 0), "IPC")
    with pytest.raises(DevicePanic, match="found 0x4000011f; legal: 0x40000100 S"):
        bench.ns.psa_call(HANDLE, 5)


def test_a_secure_caller_is_told_that_its_dependencies_decide() -> None:
    bench = server_that(lambda psa, m: psa.psa_call(HANDLE, 0), "IPC")
    with pytest.raises(DevicePanic, match="found S; legal: a service in the partition's dependencies"):
        bench.ns.psa_call(HANDLE, 5)


def test_a_deadlock_names_the_signals_that_a_partition_waits_for() -> None:
    bench = server_that(lambda psa, m: psa.psa_wait(PSA_DOORBELL, PSA_BLOCK), "IPC")
    with pytest.raises(DevicePanic, match="in psa_wait: SERVER for PSA_DOORBELL; joining"):
        bench.ns.psa_call(HANDLE, 5)


@pytest.mark.parametrize("level", [0, 4, "3"])
def test_an_isolation_level_that_does_not_exist(level: Any) -> None:
    with pytest.raises(LoadError, match=f"isolation level {level!r}; legal: 1, 2, 3"):
        SpmConfig(isolation_level=level)


def test_every_raise_is_a_fresh_exception_with_the_same_report() -> None:
    bench = server_that(lambda psa, m: psa.psa_panic(), "SFN")
    seen = []
    for _ in range(3):
        with pytest.raises(DevicePanic) as panic:
            bench.ns.psa_call(HANDLE, 5)
        seen.append(panic.value)
    assert len({id(error) for error in seen}) == 3
    assert len({error.report for error in seen}) == 1


def test_an_answer_to_the_disconnect_of_a_terminated_connection_counts_on_the_sfn_backend() -> None:
    """The SPM calls the function a second time within one call of the client's, and looks at both answers."""
    bench = start_bench(SERVER["SFN"], config=SpmConfig(backend=Backend.SFN))
    bench.programs["SERVER"].answers |= {5: -129, -2: lambda msg: "no status"}
    handle = bench.ns.psa_connect(SID, 1)
    with pytest.raises(DevicePanic, match="SERVER broke a rule: psa_reply: a psa_status_t"):
        bench.ns.psa_call(handle, 5)


def test_a_frame_that_comes_byte_by_byte_is_late_as_a_whole() -> None:
    ours, theirs = socket.socketpair()
    ended = threading.Event()

    def drip() -> None:
        theirs.sendall(HEADER.pack(1 << 20, int(Op.PSA_WAIT), 0))
        while not ended.wait(0.02):
            theirs.send(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(ChannelTimeout):
            Channel(ours, 0.2).receive()
    finally:
        ended.set()
        thread.join()
        ours.close()
        theirs.close()


def test_a_partition_that_never_takes_what_it_waits_for_is_a_panic(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(Echo):
        def main(self) -> None:
            while True:
                self.psa.psa_wait(0x10, PSA_BLOCK)

    monkeypatch.setattr("tfm_sim.spm.service_api.VAIN_WAITS_MAX", 1000)
    bench = start_bench((SERVER["IPC"][0], Blind))
    with pytest.raises(
        DevicePanic, match="SERVER broke a rule: a loop that takes what it waits for"
    ) as panic:
        bench.ns.psa_call(HANDLE, 5)
    assert "1000 returns of psa_wait with S_SIGNAL asserted" in panic.value.report.found


def test_a_busy_partition_is_no_hanging_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfm_sim.spm.service_api.VAIN_WAITS_MAX", 3)
    bench = start_bench(SERVER["IPC"])
    assert [bench.ns.psa_call(HANDLE, 5) for _ in range(10)] == [0] * 10
