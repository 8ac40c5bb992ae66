"""Both sides of the wire face to face: interrupts, mapped vectors, the CPU's own accesses, and odd frames.

The process is a thread here, and the door is one that writes down what it is asked; what a door then does is
the kernel's, and tested there.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support.kernel_bench import a_manifest

from tfm_sim.interface.psa.service import PSA_FLIH_SIGNAL, psa_msg_t
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.wire.frames import HEADER, NOTE, Op
from tfm_sim.interface.wire.payloads import Kind, encode
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.spm.load import PartitionBuild, make_partition
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.outcome import Fault
from tfm_sim.spm.process.channel import Channel, ChannelClosed
from tfm_sim.spm.process.relay import RemoteProgram
from tfm_sim.spm.process.runtime import ProcessApi

MANIFEST = a_manifest("TICKER", [], irqs="[{source: TIMER, name: TICK, handling: FLIH}]")


class Panic(Exception):
    """What the kernel would make of a fault."""


class Door:
    """Notes each call; ``answers`` has what it returns or does."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.answers: dict[str, Any] = {}
        self.cpu = SimpleNamespace(
            load=lambda *a: self.call("load", *a),
            store=lambda *a: self.call("store", *a),
            execute=self.execute,
        )

    def execute(self, address: int) -> None:
        self.call("execute", address)

    def call(self, name: str, *arguments: object) -> Any:
        self.calls.append((name, *arguments))
        answer = self.answers.get(name, 0)
        return answer(*arguments) if callable(answer) else answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("psa_"):
            raise AttributeError(name)
        return lambda *arguments: self.call(name, *arguments)


class Program:
    """What the thread runs: ``body`` is entry_point's."""

    def __init__(self, psa: ProcessApi, body: Callable[[Any], object]) -> None:
        self.psa: Any = psa
        self.body = body
        self.ticks = 0

    def main(self) -> object:
        return self.body(self)

    def tick_flih(self) -> int:
        self.ticks += 1
        self.psa.psa_reset_signal(0x80000000)
        return PSA_FLIH_SIGNAL


def fault(it: Fault) -> None:
    raise Panic(it)


@contextmanager
def ticker(body: Callable[[Any], object]) -> Iterator[tuple[Any, Door]]:
    ours, theirs = socket.socketpair()
    api = ProcessApi(Channel(theirs), 300)
    program = Program(api, body)
    api.symbols += [lambda: 0, program.main, program.tick_flih]

    def serve() -> None:
        with pytest.raises(ChannelClosed):
            api.serve()

    thread = threading.Thread(target=serve)
    thread.start()
    door = Door()
    build = PartitionBuild(parse_manifest(MANIFEST, "ticker.yaml"), 300, Program)
    partition = make_partition(build, 0)
    spm: Any = SimpleNamespace(down=None, panic_of=fault, connections=SimpleNamespace(open={}))
    channel = Channel(ours, 5)
    remote = RemoteProgram(spm, partition, door, channel, lambda: "died by nothing", 5)
    try:
        remote.make("Program")
        yield remote, door
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        thread.join()
        ours.close()
        theirs.close()


def run(body: Callable[[Any], object], **answers: object) -> tuple[object, list[tuple[object, ...]]]:
    with ticker(body) as (remote, door):
        door.answers |= answers
        return remote.main(), door.calls


def test_interrupt_calls_travel() -> None:
    def body(it: Any) -> int:
        it.psa.psa_irq_enable(0x80000000)
        it.psa.psa_eoi(0x40000000)
        return it.psa.psa_irq_disable(0x80000000) + 10  # type: ignore[no-any-return]

    assert run(body, psa_irq_disable=1) == (
        11,
        [("psa_irq_enable", 0x80000000), ("psa_eoi", 0x40000000), ("psa_irq_disable", 0x80000000)],
    )


def test_a_handler_runs_while_its_partition_waits_for_an_answer() -> None:
    """FF-M 1.1, FLIH: like a signal handler, in the partition's own memory, before the call comes back."""

    def body(it: Any) -> int:
        it.psa.psa_notify(5)
        signals = it.psa.psa_wait(0xFFFFFFFF, 0x80000000)
        assert it.ticks == 2
        return signals  # type: ignore[no-any-return]

    with ticker(body) as (remote, door):

        def tick_twice(*_: object) -> int:
            assert [remote.tick_flih(), remote.tick_flih()] == [PSA_FLIH_SIGNAL] * 2
            return 0x8

        door.answers["psa_wait"] = tick_twice
        assert remote.main() == 0x8
        names = [name for name, *_ in door.calls]
        assert names == ["psa_notify", "psa_wait", "psa_reset_signal", "psa_reset_signal"]


def test_a_handler_may_run_while_earlier_calls_are_executed() -> None:
    """A call that wanted no answer lets an interrupt in: its partition has sent a later call by then."""

    def body(it: Any) -> int:
        it.psa.psa_notify(5)
        it.psa.psa_clear()
        return it.psa.psa_rot_lifecycle_state() + it.ticks  # type: ignore[no-any-return]

    with ticker(body) as (remote, door):
        door.answers["psa_notify"] = lambda pid: remote.tick_flih()
        door.answers["psa_rot_lifecycle_state"] = 0x3000
        assert remote.main() == 0x3001
        names = [name for name, *_ in door.calls]
        assert names == ["psa_notify", "psa_reset_signal", "psa_clear", "psa_rot_lifecycle_state"]


def test_mapped_vectors_are_copies_that_return_when_unmapped() -> None:
    out = bytearray(b"before..")

    def body(it: Any) -> bytes:
        view = it.psa.psa_map_invec(3, 0)
        assert view.readonly
        room = it.psa.psa_map_outvec(3, 1)
        assert bytes(room) == b"before.."
        room[:5] = view[:5]
        it.psa.psa_unmap_invec(3, 0)
        it.psa.psa_unmap_outvec(3, 1, 5)
        return bytes(view)

    result, calls = run(body, psa_map_invec=memoryview(b"input"), psa_map_outvec=lambda *_: memoryview(out))
    assert repr(result) == "b'input'"
    assert out == b"inpute.."
    assert calls == [
        ("psa_map_invec", 3, 0),
        ("psa_map_outvec", 3, 1),
        ("psa_unmap_invec", 3, 0),
        ("psa_unmap_outvec", 3, 1, 5),
    ]


def test_the_cpus_own_accesses_travel() -> None:
    def body(it: Any) -> int:
        it.psa.cpu.store(0x38000000, bytearray(b"data"))
        it.psa.cpu.execute(0x10080000)
        return int.from_bytes(it.psa.cpu.load(0x38000000, 2), "little")

    assert run(body, load=b"\x01\x02") == (
        0x0201,
        [("store", 0x38000000, b"data"), ("execute", 0x10080000), ("load", 0x38000000, 2)],
    )


@pytest.mark.parametrize(
    ("error", "caught"),
    [
        (ValueError("v"), "ValueError v"),
        (Panic("new"), "Panic new"),
        (PlatError(TfmPlatErr.SYSTEM_ERR, "p"), "PlatError p SYSTEM_ERR"),
    ],
)
def test_what_a_call_raises_is_raised_in_the_partition(error: Exception, caught: str) -> None:
    def body(it: Any) -> str:
        try:
            it.psa.psa_connect(1, 1)
        except Exception as raised:
            reason = getattr(raised, "reason", None)
            return f"{type(raised).__name__} {raised}" + (f" {reason.name}" if reason else "")
        return "nothing"

    def refuse(*_: object) -> int:
        raise error

    result, _ = run(body, psa_connect=refuse)
    assert repr(result) == repr(caught)


def test_an_rhandle_of_the_partitions_own_stays_with_it() -> None:
    """The SPM keeps a number; an integer is kept as it is, for programs that read messages in memory."""
    kept: list[Any] = []

    def body(it: Any) -> int:
        for thing in ({"a": 1}, 0x1234, None):
            it.psa.psa_set_rhandle(1, thing)
        return 0

    run(body, psa_set_rhandle=lambda handle, value: kept.append(value))
    assert type(kept[0]).__name__ == "Token"
    assert kept[1:] == [0x1234, None]


def test_a_message_at_an_address_is_the_spms_to_write() -> None:
    result, calls = run(lambda it: it.psa.psa_get(0x10, 0x38000100), psa_get=PSA_SUCCESS)
    assert result == PSA_SUCCESS
    assert calls == [("psa_get", 0x10, 0x38000100)]


def test_a_partition_that_keeps_calling_without_an_answer_gets_one_in_between() -> None:
    def body(it: Any) -> int:
        for _ in range(40_000):
            it.psa.psa_notify(1)
        return 0

    result, calls = run(body)
    assert result == 0
    assert len(calls) == 40_000


def noted(*note: int) -> bytes:
    """A frame with one note."""
    return HEADER.pack(NOTE.size, Op.NOTES, 1) + NOTE.pack(*note)


ODD = [
    ("LOADED", encode(Op.LOADED), "op 0x41, which is not a partition's to send"),
    ("short", encode(Op.PSA_CLEAR).replace(b"\x18\0", b"\x10\0"), "PSA_WAIT: 0 bytes; legal: 8"),
    ("kind", encode(Op.PSA_CALL, 1, 0, Kind.INLINE, 1, 0, Kind.INLINE, 0, 0), "psa_call: 0 bytes of vectors"),
    ("room", encode(Op.PSA_READ, 1, 0, 4, Kind.INLINE, 0xFFFFFFFF), "psa_read: a buffer of 4294967295 bytes"),
    (
        "ahead",
        noted(Op.PSA_READ, 1, 0, 1 << 20),
        "psa_read: 1048576 bytes ahead",
    ),
    ("data", noted(Op.PSA_WRITE, 1, 0, 4), "a note with 4 bytes; legal: 0 that follow"),
    ("note", noted(Op.PSA_CONNECT, 1, 1, 0), "note 0x3; legal"),
    ("NOTES", encode(Op.NOTES, tail=b"x"), "NOTES: 1 bytes; legal: 0"),
    ("hal", encode(Op.HAL, 8, tail=b"__init__" + b"\x82\x80\x80"), "platform function '__init__'"),
    ("cbor", encode(Op.HAL, 16, tail=b"tfm_plat_get_huk" + b"\xff"), "CBOR"),
    ("arguments", encode(Op.HAL, 16, tail=b"tfm_plat_get_huk" + b"\x01"), "no arguments"),
    ("unmap", encode(Op.PSA_UNMAP_OUTVEC, 1, 0, 0, tail=b"x"), "psa_unmap_outvec: 1 bytes"),
]


@pytest.mark.parametrize(("frame", "found"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_a_frame_that_no_partition_sends_is_a_panic(frame: bytes, found: str) -> None:
    def body(it: Any) -> None:
        it.psa._channel.send(frame)
        it.psa._channel.receive()

    with ticker(body) as (remote, _), pytest.raises(Panic) as panic:
        remote.main()
    verdict: Fault = panic.value.args[0]
    assert verdict.rule == "frames as docs/wire.md has them"
    assert found in str(verdict.found)


def test_messages_hold_no_more_than_they_were_given() -> None:
    """A process that makes up a message handle gets the SPM's judgement at once."""
    answers: list[object] = []

    def body(it: Any) -> int:
        it.psa.psa_read(0x99, 0, bytearray(4), 4)
        it.psa.psa_skip(0x99, 0, 4)
        it.psa.psa_write(0x99, 0, b"x")
        it.psa.psa_reply(0x99, 0)
        return it.psa.psa_get(0x10, psa_msg_t())  # type: ignore[no-any-return]

    with ticker(body) as (remote, door):
        answer = remote._calls.answer

        def answered(op: int, frame: bytes, at: int) -> bytes:
            answers.append(Op(op).name)
            return answer(op, frame, at)  # type: ignore[no-any-return]

        remote._calls.answer = answered
        door.answers["psa_get"] = -140
        assert remote.main() == -140
    assert answers == ["PSA_READ", "PSA_SKIP", "PSA_WRITE", "PSA_REPLY", "PSA_GET"]
