"""TfmQuirks: each switch in both positions, off as FF-M has it and on as TF-M does (spm/config.py)."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, SECURE_RAM, Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, psa_msg_t
from tfm_sim.interface.psa.status import PSA_ERROR_CONNECTION_BUSY
from tfm_sim.platform.memory import Access, Region, Security
from tfm_sim.spm.config import TFM_TODAY, Backend, SpmConfig, TfmQuirks
from tfm_sim.spm.panic import DevicePanic

SID, HANDLE = 0x1001, 0x40000100
IRQ_SIGNAL = 0x80000000
SERVER = a_manifest(
    "SERVER",
    [
        a_service("S", 0x1002, connection_based=False, stateless_handle=1, mm_iovec="enable"),
        a_service("C", SID),
    ],
    irqs="[{source: 5, name: TICK, handling: SLIH}]",
)
PEER = a_manifest("PEER", [a_service("P", 0x1003)], type="PSA-ROT")
Answer = Callable[[Any, psa_msg_t], int]
Outcome = int | str
"""The status that the client saw, or the rule of the panic."""


class Server(Echo):
    """On a request of type 1 it does what the test hands it."""

    def main(self) -> None:
        self.psa.psa_irq_enable(IRQ_SIGNAL)
        while True:
            signals = self.psa.psa_wait(0x30, PSA_BLOCK)
            for signal in (0x10, 0x20):
                if signals & signal:
                    self.take(signal)


def config_with(switch: str, on: bool, **options: Any) -> SpmConfig:
    return SpmConfig(quirks=TfmQuirks(**{switch: on}), **options)


def a_bench(switch: str, on: bool, answer: Answer, type_: str = "APPLICATION-ROT", **options: Any) -> Bench:
    bench = start_bench(
        (SERVER.replace("APPLICATION-ROT", type_), Server),
        (PEER, Echo),
        config=config_with(switch, on, **options),
    )
    program = bench.programs["SERVER"]
    program.answers[1] = lambda msg: answer(program.psa, msg)
    return bench


def outcome(bench: Bench, call: Callable[[], int]) -> Outcome:
    try:
        return call()
    except DevicePanic as panic:
        return panic.report.rule


def asked(switch: str, on: bool, answer: Answer, **options: Any) -> Outcome:
    """What a request of type 1 with one input and one output of 4 bytes comes to."""
    bench = a_bench(switch, on, answer, **options)
    return outcome(bench, lambda: bench.ns.psa_call(HANDLE, 1, [b"abcd"], [psa_outvec(bytearray(4))]))


def empty_input_overlaps(on: bool) -> Outcome:
    bench = a_bench("empty_input_overlaps", on, lambda psa, msg: 0)
    return bench.ns.psa_call(HANDLE, 2, [psa_invec(NS_RAM, 8), psa_invec(NS_RAM + 4, 0)])


def programmer_error_keeps_connection(on: bool) -> Outcome:
    """The messages that the service sees: -129 to a request, another request, psa_close."""
    bench = a_bench("programmer_error_keeps_connection", on, lambda psa, msg: -129)
    handle = bench.ns.psa_connect(SID, 1)
    results = [int(bench.ns.psa_call(handle, type_)) for type_ in (1, 2)]
    bench.ns.psa_close(handle)
    return f"{results} {bench.programs['SERVER'].types}"


def get_of_other_signal_does_not_exist(on: bool, signal: int) -> Outcome:
    def answer(psa: Any, msg: psa_msg_t) -> int:
        psa.psa_notify(256)
        bench.interrupts.pend(5)
        status: int = psa.psa_get(signal, psa_msg_t())
        return status

    bench = a_bench("get_of_other_signal_does_not_exist", on, answer)
    return outcome(bench, lambda: bench.ns.psa_call(HANDLE, 1))


def irq_disable_answers_one(on: bool) -> Outcome:
    def answer(psa: Any, msg: psa_msg_t) -> int:
        return int(psa.psa_irq_disable(IRQ_SIGNAL) * 10 + psa.psa_irq_disable(IRQ_SIGNAL))

    return asked("irq_disable_answers_one", on, answer)


def remap_after_unmap(on: bool, which: str) -> Outcome:
    def answer(psa: Any, msg: psa_msg_t) -> int:
        for _ in range(2):
            if which == "in":
                psa.psa_map_invec(msg.handle, 0)
                psa.psa_unmap_invec(msg.handle, 0)
            else:
                psa.psa_map_outvec(msg.handle, 0)
                psa.psa_unmap_outvec(msg.handle, 0, 4)
        return 0

    return asked("remap_after_unmap", on, answer)


def one_psa_rot_domain(on: bool) -> Outcome:
    """At level 3 a PSA RoT partition stores into another's data."""

    def answer(psa: Any, msg: psa_msg_t) -> int:
        psa.cpu.store(peers_data, b"mine")
        return 0

    peers_data = SECURE_RAM + 0x5000
    bench = a_bench("one_psa_rot_domain", on, answer, "PSA-ROT", isolation_level=3)
    own_the_arenas(bench)
    return outcome(bench, lambda: bench.ns.psa_call(HANDLE, 1))


def own_the_arenas(bench: Bench) -> None:
    """Nobody's secure RAM is not open to any partition, so give the two theirs, as a device does."""
    for i, owner in enumerate(("SERVER", "PEER")):
        base = SECURE_RAM + 0x4000 + 0x1000 * i
        access = Access.READ | Access.WRITE
        bench.memory.carve(Region(owner, base, 0x1000, Security.SECURE, access, owner))


def mm_iovec_only_at_level_1(on: bool, level: int) -> Outcome:
    def answer(psa: Any, msg: psa_msg_t) -> int:
        return bytes(psa.psa_map_invec(msg.handle, 0)) != b"abcd"

    return asked("mm_iovec_only_at_level_1", on, answer, isolation_level=level)


TWO_BITS = "psa_get: the signal of an RoT Service"
NEVER_MAPPED = "a vector that was never mapped"
OFF_AND_ON: list[tuple[str, Callable[[bool], Outcome], Outcome, Outcome]] = [
    ("empty_input_overlaps", empty_input_overlaps, 0, -129),
    (
        "programmer_error_keeps_connection",
        programmer_error_keeps_connection,
        "[-129, -129] [-1, 1, -2]",
        "[-129, 0] [-1, 1, 2, -2]",
    ),
    (
        "get_of_other_signal_does_not_exist, doorbell",
        lambda on: get_of_other_signal_does_not_exist(on, PSA_DOORBELL),
        TWO_BITS,
        -140,
    ),
    (
        "get_of_other_signal_does_not_exist, interrupt",
        lambda on: get_of_other_signal_does_not_exist(on, IRQ_SIGNAL),
        TWO_BITS,
        -140,
    ),
    ("irq_disable_answers_one", irq_disable_answers_one, 10, 11),
    ("remap_after_unmap, in", lambda on: remap_after_unmap(on, "in"), f"psa_map_invec: {NEVER_MAPPED}", 0),
    ("remap_after_unmap, out", lambda on: remap_after_unmap(on, "out"), f"psa_map_outvec: {NEVER_MAPPED}", 0),
    ("one_psa_rot_domain", one_psa_rot_domain, "CPU store: memory of the caller's domain", 0),
    ("mm_iovec_only_at_level_1, 1", lambda on: mm_iovec_only_at_level_1(on, 1), 0, 0),
    (
        "mm_iovec_only_at_level_1, 2",
        lambda on: mm_iovec_only_at_level_1(on, 2),
        0,
        "psa_map_invec: a service with mm_iovec enabled",
    ),
    (
        "mm_iovec_only_at_level_1, 3",
        lambda on: mm_iovec_only_at_level_1(on, 3),
        0,
        "psa_map_invec: a service with mm_iovec enabled",
    ),
]


@pytest.mark.parametrize(("name", "run", "off", "on"), OFF_AND_ON, ids=[row[0] for row in OFF_AND_ON])
def test_the_switch_off_and_on(name: str, run: Callable[[bool], Outcome], off: Outcome, on: Outcome) -> None:
    assert (run(False), run(True)) == (off, on)


def test_every_switch_is_tested_here() -> None:
    here = {row[0].partition(",")[0] for row in OFF_AND_ON} | {"sfn_constant_message_handle"}
    assert here == {switch.name for switch in fields(TfmQuirks)}


def test_all_are_off_by_default_and_tfm_today_has_all_on() -> None:
    assert SpmConfig().quirks == TfmQuirks()
    assert not any(getattr(TfmQuirks(), switch.name) for switch in fields(TfmQuirks))
    assert all(getattr(TFM_TODAY, switch.name) for switch in fields(TfmQuirks))


def test_the_quirk_of_doorbells_needs_an_asserted_signal() -> None:
    answer: Answer = lambda psa, msg: psa.psa_get(PSA_DOORBELL, psa_msg_t())  # noqa: E731
    assert asked("get_of_other_signal_does_not_exist", True, answer) == TWO_BITS


# ---- sfn_constant_message_handle ----

INNER, OUTER = HANDLE, 0x40000101


def nested(on: bool, backend: Backend = Backend.SFN, connections: bool = False, pool: int = 8) -> Bench:
    """OUTER calls INNER. On the IPC backend, or with a connection-based service, the switch does nothing."""
    services = [a_service("INNER", 0x1001, connection_based=False, stateless_handle=1)]
    services += [a_service("C", 0x1003)] if connections else []
    outer = a_service("OUTER", 0x1002, connection_based=False, stateless_handle=2)
    return start_bench(
        (a_manifest("IN", services, "SFN"), SfnEcho),
        (a_manifest("OUT", [outer], "SFN", dependencies="[INNER]"), SfnEcho),
        config=config_with("sfn_constant_message_handle", on, backend=backend, conn_handle_max_num=pool),
    )


def handles_seen(bench: Bench) -> list[int]:
    outer, inner = bench.programs["OUT"], bench.programs["IN"]
    data = bytearray(8)

    def go_between(msg: psa_msg_t) -> int:
        outer.psa.psa_read(msg.handle, 0, data, 2)
        status: int = outer.psa.psa_call(INNER, 3, [b"inner"])
        outer.psa.psa_read(msg.handle, 0, memoryview(data)[2:], 6)
        return status

    def innermost(msg: psa_msg_t) -> int:
        buffer = bytearray(8)
        assert inner.psa.psa_read(msg.handle, 0, buffer, 8) == 5
        assert buffer.startswith(b"inner")
        return 77

    outer.answers[1], inner.answers[3] = go_between, innermost
    assert bench.ns.psa_call(OUTER, 1, [b"outer in"]) == 77
    assert data == b"outer in", "the outer message is current again after the inner call"
    assert not bench.kernel.connections.open
    return [outer.seen[0].handle, inner.seen[0].handle]


def test_sfn_constant_message_handle() -> None:
    assert handles_seen(nested(True)) == [0x1000, 0x1000]
    off = handles_seen(nested(False))
    assert len({*off, 0x1000}) == 3


@pytest.mark.parametrize(
    "bench",
    [lambda: nested(True, Backend.IPC), lambda: nested(True, connections=True)],
    ids=["IPC backend", "a connection-based service"],
)
def test_sfn_constant_message_handle_is_for_builds_without_connections_only(
    bench: Callable[[], Bench],
) -> None:
    assert 0x1000 not in handles_seen(bench())


def test_sfn_constant_message_handle_has_no_pool_limit() -> None:
    assert handles_seen(nested(True, pool=1)) == [0x1000, 0x1000]
    limited = nested(False, pool=1)
    limited.programs["OUT"].answers[1] = lambda msg: limited.programs["OUT"].psa.psa_call(INNER, 3)
    assert limited.ns.psa_call(OUTER, 1) == PSA_ERROR_CONNECTION_BUSY


def test_the_constant_handle_is_no_clients() -> None:
    bench = nested(True)
    assert bench.ns.psa_call(0x1000, 1) == -129
    bench.ns.psa_close(0x1000)
    bench.programs["OUT"].answers[1] = lambda msg: bench.programs["OUT"].psa.psa_call(0x1000, 1)
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(OUTER, 1)
    assert panic.value.report.rule == "psa_call: a handle of the caller's own"


def test_a_rejected_call_leaves_the_outer_message_current() -> None:
    bench = nested(True)
    outer = bench.programs["OUT"]

    def answer(msg: psa_msg_t) -> int:
        data = bytearray(4)
        outer.psa.psa_read(msg.handle, 0, data, 4)
        return int(data == b"abcd")

    outer.answers[1] = answer
    assert bench.ns.psa_call(OUTER, 1, [psa_invec(0, 4)]) == -129
    assert bench.ns.psa_call(OUTER, 1, [b"abcd"]) == 1
    assert not bench.kernel.connections.open
