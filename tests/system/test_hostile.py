"""Code that means harm, or no good: whatever it does, the device goes down and boots again as a good one."""

import contextlib
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from greenlet import GreenletExit, getcurrent
from support.kernel_bench import Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

import tfm_sim
from tfm_sim import Device
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.trace import LISTENER_NOTE, Event
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.config import Backend, SpmConfig
from tfm_sim.spm.panic import FOUND_MAX, DevicePanic
from tfm_sim.spm.scheduler import WrongThread

HANDLE = 0x40000100
STATELESS = a_service("S", 0x1000, connection_based=False, stateless_handle=1)
SFN_BACKEND = SpmConfig(backend=Backend.SFN)
KINDS = {
    "IPC": ("IPC", Echo, None),
    "SFN": ("SFN", SfnEcho, None),
    "SFN backend": ("SFN", SfnEcho, SFN_BACKEND),
}


def server_that(action: Callable[[Any], object], kind: str) -> Bench:
    model, program, config = KINDS[kind]
    bench = start_bench((a_manifest("SERVER", [STATELESS], model=model), program), config=config)
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: action(server.psa)
    return bench


def attack(action: Callable[[Any], object], kind: str) -> str:
    bench = server_that(action, kind)
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(HANDLE, 5)
    bench.kernel.stop()
    return str(panic.value)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class NoTraceback(Exception):
    @property
    def __traceback__(self) -> NoReturn:  # type: ignore[override]
        raise ValueError("no traceback")


class NoNotes(Exception):
    __notes__ = 5  # type: ignore[assignment]


class Nameless(type):
    @property
    def __name__(cls) -> NoReturn:  # type: ignore[override]
        raise ValueError("no name")


class Anonymous(Exception, metaclass=Nameless):
    pass


class InDisguise(Exception):
    __class__ = SystemReset  # type: ignore[assignment]


class NoRepr:
    def __repr__(self) -> NoReturn:
        raise ValueError("no repr")

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


class LyingInt(int):
    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("not to be compared")

    __le__ = __ge__ = __lt__ = __gt__ = __eq__
    __hash__ = None  # type: ignore[assignment]


def noted() -> Exception:
    error = ValueError("forged")
    error.add_note(LISTENER_NOTE)
    return error


ERRORS: list[Callable[[], BaseException]] = [
    *(GreenletExit, GeneratorExit, StopIteration, Unspeakable, NoTraceback),
    *(NoNotes, Anonymous, InDisguise, noted),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", range(len(ERRORS)))
def test_an_exception_of_any_kind_is_a_panic_of_its_partition(which: int, kind: str) -> None:
    def fail(psa: object) -> NoReturn:
        raise ERRORS[which]()

    assert "SERVER broke a rule: code that runs without a fault" in attack(fail, kind)


@pytest.mark.parametrize("text", ["x" * 10**6, "\udcff", "\x1b[2J\x00"], ids=["huge", "surrogate", "control"])
def test_a_report_can_be_printed_whatever_a_partition_says(text: str) -> None:
    def fail(psa: object) -> NoReturn:
        raise ValueError(text)

    report = attack(fail, "IPC")
    assert len(report.encode()) < FOUND_MAX + 500
    assert all(c.isprintable() or c == "\n" for c in report)


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_without_a_repr_is_no_status(kind: str) -> None:
    report = attack(lambda psa: NoRepr(), kind)
    assert "psa_reply: a psa_status_t\n  found an object without a repr" in report or kind == "IPC"
    assert "SERVER broke a rule" in report


@pytest.mark.parametrize("kind", KINDS)
def test_a_status_is_the_number_that_it_is(kind: str) -> None:
    assert server_that(lambda psa: LyingInt(7), kind).ns.psa_call(HANDLE, 5) == 7


@pytest.mark.parametrize("status", [NoRepr(), LyingInt(3), "x" * 10**6], ids=["object", "number", "text"])
@pytest.mark.parametrize("config", [None, SFN_BACKEND], ids=["IPC backend", "SFN backend"])
def test_an_init_function_that_returns_anything(status: object, config: SpmConfig | None) -> None:
    class Odd(SfnEcho):
        def odd_init(self) -> object:
            return status

    manifest = a_manifest("ODD", [STATELESS], model="SFN", entry_init="odd_init")
    if config is SFN_BACKEND and isinstance(status, int):
        assert start_bench((manifest, Odd), config=config).ns.psa_call(HANDLE, 0) == 0
        return
    with pytest.raises(DevicePanic, match="ODD broke a rule: entry_init: success"):
        start_bench((manifest, Odd), config=config)


def test_code_that_catches_all_and_asks_again_does_not_hold_the_host() -> None:
    class Limpet(Echo):
        def main(self) -> None:
            while True:
                try:
                    self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
                    self.psa.psa_get(0, psa_msg_t())
                except BaseException:
                    pass

    bench = start_bench((a_manifest("LIMPET", [STATELESS]), Limpet))
    with pytest.raises(DevicePanic, match="psa_get: exactly one signal"):
        bench.ns.psa_call(HANDLE, 0)
    bench.kernel.stop()


def test_a_partition_with_anothers_api_is_stopped() -> None:
    bench = start_bench(
        (a_manifest("SERVER", [STATELESS]), Echo), (a_manifest("OTHER", [a_service("O", 0x2000)]), Echo)
    )
    other = bench.programs["OTHER"].psa
    bench.programs["SERVER"].answers[5] = lambda msg: other.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
    with pytest.raises(
        DevicePanic, match="SERVER broke a rule: a partition's calls come from its own thread"
    ):
        bench.ns.psa_call(HANDLE, 5)


# Listeners.


class Mine(Exception):
    pass


class MineToo(BaseException):
    pass


EVENTS = [
    "CallEntered", "MessageDelivered", "SignalAsserted", "ThreadSwitched", "PartitionCalled",
    "PartitionReturned", "MessageReplied", "CallReturned",
]  # fmt: skip


@pytest.mark.parametrize("error", [Mine, MineToo, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("event", EVENTS)
def test_what_a_listener_raises_comes_out_and_ends_the_device(event: str, error: type[BaseException]) -> None:
    bench = start_bench((a_manifest("SERVER", [STATELESS]), Echo))
    raised = error("from a listener")

    def listener(told: Event) -> None:
        if type(told).__name__ == event:
            raise raised

    bench.kernel.trace.listeners.append(listener)
    with pytest.raises(error) as caught:
        bench.ns.psa_call(HANDLE, 1)
    assert caught.value is raised
    with pytest.raises(SystemReset, match=f"a trace listener raised {error.__name__}"):
        bench.ns.psa_call(HANDLE, 1)
    bench.kernel.stop()


def test_a_partition_that_swallows_a_listeners_exception_does_not_run_on() -> None:
    def swallow(psa: Any) -> int:
        with contextlib.suppress(BaseException):
            psa.psa_rot_lifecycle_state()
        return 0

    bench = server_that(swallow, "IPC")

    def listener(told: Event) -> None:
        if getattr(told, "call", "") == "psa_rot_lifecycle_state":
            raise Mine

    bench.kernel.trace.listeners.append(listener)
    with pytest.raises(SystemReset, match="a trace listener raised Mine"):
        bench.ns.psa_call(HANDLE, 5)


ACTS: dict[str, Callable[[Device], object]] = {
    "resets": lambda device: device.reset(),
    "switches off": lambda device: device.power_off(),
    "calls": lambda device: device.psa.initial_attestation.get_token(bytes(32)),
    "starts a task": lambda device: device.start_task(lambda ns: 1, "t", priority=3),
    "waits": lambda device: device.idle(10),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("event", ["CallEntered", "MessageDelivered", "ThreadSwitched", "PartitionCalled"])
def test_a_listener_that_calls_the_device_harms_neither_host_nor_next_boot(event: str, act: str) -> None:
    device = tfm_sim.boot()
    acted: list[str] = []

    def listener(told: Event) -> None:
        if type(told).__name__ == event and not acted:
            acted.append(event)
            ACTS[act](device)

    device.trace.listeners.append(listener)
    with contextlib.suppress(DevicePanic, SystemReset, WrongThread):
        assert len(device.psa.initial_attestation.get_token(bytes(32))) > 300
    assert acted
    device.reset()
    assert len(device.psa.initial_attestation.get_token(bytes(32))) > 300
    device.power_off()


# Tasks.


@pytest.mark.parametrize("priority", [0, 1])
@pytest.mark.parametrize("act", ["resets", "switches off"])
def test_a_task_cannot_end_the_device_under_itself(act: str, priority: int) -> None:
    with tfm_sim.boot() as device:
        with pytest.raises(WrongThread, match="by the code of t; legal: by the code that powered it on"):
            device.join(device.start_task(lambda ns: ACTS[act](device), "t", priority=priority))
        assert device.ns.psa_version(0x80) == 1


@pytest.mark.parametrize("priority", [0, 1])
@pytest.mark.parametrize("error", [GreenletExit, GeneratorExit, SystemExit])
def test_what_ends_a_task_comes_out_where_the_device_was_called(
    error: type[BaseException], priority: int
) -> None:
    def task(ns: object) -> NoReturn:
        raise error("from a task")

    with tfm_sim.boot() as device:
        with pytest.raises(error, match="from a task"):
            device.join(device.start_task(task, "t", priority=priority))
        with pytest.raises(SystemReset, match="task t was interrupted"):
            device.ns.psa_version(0x80)
        device.reset()
        assert device.ns.psa_version(0x80) == 1


@pytest.mark.parametrize("priority", [0, 1])
def test_a_task_may_use_the_first_clients_api(priority: int) -> None:
    with tfm_sim.boot() as device:
        task = device.start_task(
            lambda ns: device.psa.initial_attestation.get_token(bytes(32)), "t", priority=priority
        )
        device.join(task)
        assert isinstance(task.result, bytes)
        assert device.psa.initial_attestation.get_token(bytes(32))


def test_a_task_that_switches_greenlets_itself_does_not_stop_a_reset() -> None:
    with tfm_sim.boot() as device:
        task = device.start_task(lambda ns: getcurrent().parent.switch(), "t")  # type: ignore[union-attr]
        device.join(task)
        device.reset()
        assert device.ns.psa_version(0x80) == 1
