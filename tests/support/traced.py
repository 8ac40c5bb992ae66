"""What the tests of the trace writers have happen: on real devices, on a kernel alone, and by hand."""

import dataclasses
import types
from collections.abc import Callable, Sequence
from enum import Enum
from io import StringIO
from typing import Any, TextIO, Union, get_args, get_origin, get_type_hints

import pytest
from support.kernel_bench import Echo, SfnEcho, a_manifest, a_service, start_bench

import tfm_sim
from tfm_sim import Build, DevicePanic
from tfm_sim.device import Stage
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256
from tfm_sim.interface.psa.service import PSA_IPC_CONNECT, psa_msg_t
from tfm_sim.interface.psa.status import PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_PROGRAMMER_ERROR
from tfm_sim.interface.trace import Event, Listener
from tfm_sim.spm.events import (
    CallEntered,
    CallReturned,
    ClockAdvanced,
    InterruptTaken,
    MessageDelivered,
    MessageReplied,
    PartitionCalled,
    PartitionReturned,
    SignalAsserted,
    ThreadSwitched,
)
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.tools.trace import TraceWriter

Scenario = Callable[[Listener], None]
HANDLE = 0x40000100
CLUMSY_HANDLE = 0x4000011F


def a_token(listen: Listener) -> None:
    with tfm_sim.boot(listeners=[listen]) as device:
        device.psa.initial_attestation.get_token(bytes(32))


def a_panic(listen: Listener) -> None:
    """In the middle of two calls: a partition that a client waits for uses a handle that it has not."""

    class Clumsy(SfnEcho):
        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_call(HANDLE, 0, [bytes(56)], [])
            return self.psa.psa_call(0x1234567, 1)

    service = a_service("CLUMSY_SERVICE", 0x1000, connection_based=False, stateless_handle=32)
    manifest = a_manifest("CLUMSY", [service], "SFN", dependencies="[TFM_CRYPTO]")
    clumsy = PartitionBuild(parse_manifest(manifest, "clumsy.yaml"), 3000, Clumsy)
    with tfm_sim.boot(build=Build(partitions=(clumsy,)), listeners=[listen]) as device:
        with pytest.raises(DevicePanic, match="CLUMSY broke a rule"):
            device.ns.psa_call(CLUMSY_HANDLE, 5)
        device.reset()
        device.psa.crypto.hash_compute(PSA_ALG_SHA_256, b"alive again")


def refusals(listen: Listener) -> None:
    """Connections on a kernel alone: accepted, refused by the service, refused by the SPM, terminated."""
    server = a_manifest("SERVER", [a_service("A_S", 0x1001), a_service("CLOSED_S", 0x1002)])

    def refuse_connections(msg: psa_msg_t) -> int:
        return PSA_ERROR_CONNECTION_REFUSED if closed else 0

    bench = start_bench((server, Echo))
    bench.kernel.trace.listeners.append(listen)
    closed = False
    bench.programs["SERVER"].answers |= {PSA_IPC_CONNECT: refuse_connections, 7: PSA_ERROR_PROGRAMMER_ERROR}
    handle = bench.ns.psa_connect(0x1001, 1)
    assert bench.ns.psa_call(handle, 1) == 0
    assert bench.ns.psa_call(handle, 7) == PSA_ERROR_PROGRAMMER_ERROR
    bench.ns.psa_close(handle)
    bench.ns.psa_close(bench.ns.psa_connect(0x1001, 1))
    closed = True
    assert bench.ns.psa_connect(0x1002, 1) == PSA_ERROR_CONNECTION_REFUSED
    assert bench.ns.psa_connect(0x1003, 1) == PSA_ERROR_CONNECTION_REFUSED
    assert bench.ns.psa_call(0x7777, 1) == PSA_ERROR_PROGRAMMER_ERROR


def ipc_by_hand(listen: Listener) -> None:
    """Two tasks' messages, answered in the order in which they came, by a partition with an interrupt."""
    for event in IPC_BY_HAND:
        listen(event)


def cut_short(listen: Listener) -> None:
    """A trace that begins inside a call and ends inside another."""
    for event in (*IPC_BY_HAND[9:], *IPC_BY_HAND[:6]):
        listen(event)


def a_reset(listen: Listener) -> None:
    """In the middle of a call; and a boot in which a client still waits when the NS side comes up."""
    anew = Stage("SPM", "anew")
    for event in (*IPC_BY_HAND[:5], anew, *IPC_BY_HAND[3:5], *IPC_BY_HAND[:1], *IPC_BY_HAND[18:]):
        listen(event)


SCENARIOS: dict[str, Scenario] = {
    f.__name__: f for f in (a_token, a_panic, a_reset, refusals, ipc_by_hand, cut_short)
}

IPC_BY_HAND: Sequence[Event] = (
    Stage("NS", "the non-secure side runs"),
    PartitionCalled("P", "psa_wait", (0xFFFFFFFF, 0x80000000)),
    ThreadSwitched("task 1"),
    CallEntered("task 1", -1, "psa_call", 0x40000100, 3, (4, 8), (2,)),
    MessageDelivered("task 1", "P_S", "P", 0x101, 3),
    SignalAsserted("P", 0x10, "P_S_SIGNAL"),
    ThreadSwitched("task 2"),
    CallEntered("task 2", -2, "psa_call", 0x40000100, 4),
    MessageDelivered("task 2", "P_S", "P", 0x202, 4),
    SignalAsserted("P", 0x10, "P_S_SIGNAL"),
    ClockAdvanced(500),
    InterruptTaken(8, "TIMER0", "P", "SLIH"),
    SignalAsserted("P", 0x20, "TIMER0_SIGNAL"),
    ThreadSwitched("P"),
    PartitionReturned("P", "psa_wait", 0x34),
    PartitionCalled("P", "psa_get", (0x10,)),
    PartitionReturned("P", "psa_get", 0),
    PartitionCalled("P", "psa_reply", (0x101, -134)),
    MessageReplied("task 1", "P_S", "P", 0x101, 3, -134, (2,)),
    PartitionReturned("P", "psa_reply", 0),
    PartitionCalled("P", "psa_reply", (0x202, 7)),
    MessageReplied("task 2", "P_S", "P", 0x202, 4, 7),
    ThreadSwitched("task 2"),
    CallReturned("task 2", "psa_call", 7),
    ThreadSwitched("task 1"),
    CallReturned("task 1", "psa_call", -134),
)


def traced(make: Callable[[TextIO, Callable[[], int]], TraceWriter], scenario: Scenario) -> str:
    """What a writer makes of a scenario; its clock moves by 10 us each third time that it is read."""
    sink = StringIO()
    reads = iter(range(1 << 20))
    with make(sink, lambda: next(reads) // 3 * 10) as writer:
        scenario(writer)
    return sink.getvalue()


def event_classes() -> list[type[Event]]:
    """Every kind of event that the package can emit."""
    classes = [Event]
    for cls in classes:
        classes += cls.__subclasses__()
    # A dataclass with slots replaces its class: by name the one that is left wins.
    return list({c.__name__: c for c in classes[1:] if c.__module__.startswith("tfm_sim.")}.values())


def sample(cls: type[Any]) -> Any:
    """An instance of a dataclass, its fields filled by their types."""
    hints = get_type_hints(cls)
    values = {f.name: _sample_of(hints[f.name]) for f in dataclasses.fields(cls) if f.init}
    return cls(**values)


def _sample_of(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _sample_of(arguments[0])
    if origin is tuple:
        return (_sample_of(arguments[0]),)
    if dataclasses.is_dataclass(hint):
        return sample(hint)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return {int: 1, str: "a word", bytes: b"\x01\x02", bool: True}[hint]
