"""Which events a trace writer hears, and that its end is written whatever happens."""

from io import StringIO

import pytest
from support.traced import IPC_BY_HAND, a_panic, a_token

import tfm_sim
from tfm_sim.bootloader.events import BootDecision
from tfm_sim.device import Stage
from tfm_sim.interface.trace import Event, LogLine, Trace
from tfm_sim.spm.events import (
    CallEntered,
    CallReturned,
    Panicked,
    PartitionCalled,
    PartitionReturned,
    PartitionStarted,
)
from tfm_sim.tools.trace import MermaidTrace, PerfettoTrace, TextTrace, TraceWriter, recording, selected


def test_without_the_boot_all_begins_with_the_non_secure_sides_first_call() -> None:
    heard: list[Event] = []
    a_token(selected(heard.append, boot=False))
    assert isinstance(heard[0], CallEntered)
    assert isinstance(heard[-1], CallReturned)
    assert not [e for e in heard if isinstance(e, Stage | LogLine | BootDecision | PartitionStarted)]


def test_without_the_boot_a_reset_is_left_out_too_and_a_panic_never() -> None:
    heard: list[Event] = []
    a_panic(selected(heard.append, boot=False))
    assert len([e for e in heard if isinstance(e, Panicked)]) == 1
    assert not [e for e in heard if isinstance(e, Stage | BootDecision)]


def test_without_the_partition_api() -> None:
    heard: list[Event] = []
    listen = selected(heard.append, calls=False)
    for event in IPC_BY_HAND:
        listen(event)
    left_out = [e for e in IPC_BY_HAND if isinstance(e, PartitionCalled | PartitionReturned)]
    assert len(heard) == len(IPC_BY_HAND) - len(left_out)
    assert left_out


@pytest.mark.parametrize("writer", [MermaidTrace, PerfettoTrace, TextTrace])
def test_recording_ends_the_trace_and_leaves_the_device_as_it_was(writer: type[TraceWriter]) -> None:
    sink = StringIO()
    with tfm_sim.boot() as device:
        with recording(device.trace, writer(sink, device.trace.now)):
            device.psa.initial_attestation.get_token(bytes(32))
        whole = sink.getvalue()
        assert "TFM_ATTESTATION_SERVICE" in whole
        assert device.trace.listeners == []
        device.psa.initial_attestation.get_token(bytes(32))
    assert sink.getvalue() == whole


def test_recording_writes_the_end_although_an_error_passes() -> None:
    sink = StringIO()
    trace = Trace()
    with pytest.raises(KeyError), recording(trace, MermaidTrace(sink)):
        raise KeyError
    assert sink.getvalue() == "sequenceDiagram\n"


def test_a_writer_writes_its_end_once() -> None:
    sink = StringIO()
    with MermaidTrace(sink) as writer:
        writer.close()
        writer(Stage("NS", "too late"))
    assert sink.getvalue() == "sequenceDiagram\n"


def test_a_device_without_a_clock_stands_at_0() -> None:
    assert Trace().now() == 0
