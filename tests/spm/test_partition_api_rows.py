"""The partition API, a test for each row of its tables: what a call does, and the order of what it refuses.

The single values are in test_partition_api.py; MM-IOVEC and interrupts have files of their own.
"""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import (
    SECURE_CODE,
    SECURE_RAM,
    Bench,
    Echo,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim import DevicePanic
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY, psa_msg_t

SID, OTHER_SID, STATELESS, PEER_HANDLE = 0x1001, 0x1002, 0x40000100, 0x40000101
SERVER = a_manifest(
    "SERVER",
    [
        a_service("MAIN", SID),
        a_service("OTHER", OTHER_SID),
        a_service("STATELESS", 0x1003, connection_based=False, stateless_handle=1),
    ],
)
PEER = a_manifest(
    "PEER",
    [a_service("PEER_SERVICE", 0x2001, connection_based=False, stateless_handle=2)],
    dependencies="[MAIN, OTHER]",
)
MAIN_SIGNAL, OTHER_SIGNAL, STATELESS_SIGNAL = 0x10, 0x20, 0x40
MESSAGE = SECURE_RAM + 0x800
Action = Callable[[Any, psa_msg_t], object]


def a_bench() -> Bench:
    return start_bench((SERVER, Echo), (PEER, Echo))


def serve(action: Action, type_: int = 5) -> Bench:
    """The server does ``action`` with a message of this type, on a connection of MAIN."""
    bench = a_bench()
    server = bench.programs["SERVER"]
    server.answers[type_] = lambda msg: (action(server.psa, msg) and 0) or 0
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 5, [b"abcd"], [psa_outvec(bytearray(4))]) == 0
    bench.ns.psa_close(handle)
    return bench


def panics(action: Action, rule: str, type_: int = 5) -> None:
    with pytest.raises(DevicePanic) as panic:
        serve(action, type_)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule.startswith(rule), panic.value.report


def two_clients(act: Callable[[Any], object]) -> Bench:
    """The server does ``act`` when two connections stand at MAIN, the peer's after the non-secure side's."""

    class Server(Echo):
        def main(self) -> None:
            self.psa.psa_wait(MAIN_SIGNAL, PSA_BLOCK)
            self.psa.psa_notify(257)
            self.psa.psa_wait(OTHER_SIGNAL, PSA_BLOCK)
            act(self.psa)
            super().main()

    class Peer(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            self.psa.psa_connect(OTHER_SID, 1)
            super().main()

    bench = start_bench((SERVER, Server), (PEER, Peer))
    bench.ns.psa_close(bench.ns.psa_connect(SID, 1))
    return bench


# psa_wait


def test_psa_wait_a_mask_may_hold_unassigned_bits_beside_an_assigned_one() -> None:
    serve(lambda psa, m: psa.psa_wait(0x80000000 | MAIN_SIGNAL, PSA_POLL))


@pytest.mark.parametrize("timeout", [PSA_POLL, PSA_BLOCK])
def test_psa_wait_without_an_assigned_bit_panics(timeout: int) -> None:
    panics(lambda psa, m: psa.psa_wait(0x80000000, timeout), "psa_wait: a signal that is assigned")


def test_psa_wait_does_not_clear_and_tells_what_is_in_the_mask() -> None:
    seen: list[int] = []

    def look(psa: Any) -> None:
        for mask in (PSA_WAIT_ANY, MAIN_SIGNAL, OTHER_SIGNAL, MAIN_SIGNAL | OTHER_SIGNAL, STATELESS_SIGNAL):
            seen.append(psa.psa_wait(mask, PSA_POLL))

    two_clients(look)
    assert seen == [0x30, 0x10, 0x20, 0x30, 0]


def test_psa_wait_bits_30_to_0_of_the_timeout_are_ignored() -> None:
    seen: list[int] = []
    two_clients(lambda psa: seen.append(psa.psa_wait(MAIN_SIGNAL, PSA_BLOCK | 0x7FFFFFFF)))
    assert seen == [MAIN_SIGNAL]


# psa_get


@pytest.mark.parametrize(
    ("signal", "msg", "rule"),
    [
        pytest.param(MAIN_SIGNAL | OTHER_SIGNAL, 0, "psa_get: exactly one signal", id="1 before 2"),
        pytest.param(0, 0, "psa_get: exactly one signal", id="1 no signal"),
        pytest.param(STATELESS_SIGNAL, 0, "psa_get: a buffer", id="2 before 3, null"),
        pytest.param(MAIN_SIGNAL, SECURE_CODE, "psa_get: a buffer", id="2 read-only"),
        pytest.param(MAIN_SIGNAL, MESSAGE, "psa_get: a signal that is asserted", id="3 not asserted"),
        pytest.param(PSA_DOORBELL, MESSAGE, "psa_get: the signal of an RoT Service", id="4 doorbell"),
    ],
)
def test_psa_get_row(signal: int, msg: int, rule: str) -> None:
    panics(lambda psa, m: psa.psa_get(signal, msg), rule)


def test_psa_get_row_4_an_asserted_doorbell() -> None:
    def ring_oneself(psa: Any, msg: psa_msg_t) -> None:
        psa.psa_notify(256)
        psa.psa_get(PSA_DOORBELL, psa_msg_t())

    panics(ring_oneself, "psa_get: the signal of an RoT Service")


def test_psa_get_into_memory_leaves_a_psa_msg_t_there() -> None:
    bench = a_bench()
    server = bench.programs["SERVER"]

    def take(signal: int) -> None:
        assert server.psa.psa_get(signal, MESSAGE) == 0
        words = struct.unpack("<iiiI4I4I", bench.memory.read(MESSAGE, 48))
        server.seen.append(psa_msg_t(words[0], words[1], words[2], words[3], words[4:8], words[8:]))
        server.psa.psa_reply(words[1], 0)

    server.take = take
    assert bench.ns.psa_call(STATELESS, 7, [b"", b"abc"], [psa_outvec(bytearray(5))]) == 0
    (msg,) = server.seen
    assert (msg.type, msg.client_id, msg.rhandle) == (7, -0x3C000000, 0)
    assert (msg.in_size, msg.out_size) == ((0, 3, 0, 0), (5, 0, 0, 0))


def test_psa_get_takes_the_oldest_and_the_signal_falls_with_the_last() -> None:
    """Two messages for one service: a doorbell lets the peer queue up behind the non-secure side."""
    log: list[object] = []

    class Server(Echo):
        def main(self) -> None:
            self.psa.psa_wait(MAIN_SIGNAL, PSA_BLOCK)
            self.psa.psa_notify(257)
            # The peer runs while this waits for a signal that nobody asserts before it has queued up.
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            for _ in range(2):
                msg = psa_msg_t()
                self.psa.psa_get(MAIN_SIGNAL, msg)
                log.append((msg.client_id, self.psa.psa_wait(MAIN_SIGNAL, PSA_POLL)))
                self.psa.psa_reply(msg.handle, 0)
            super().main()

    class Peer(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            self.psa.psa_notify(258)
            self.psa.psa_connect(SID, 1)
            super().main()

    class Late(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            self.psa.psa_notify(256)
            super().main()

    late = a_manifest("LATE", [a_service("LATE_SERVICE", 0x3001)], priority="LOW")
    bench = start_bench((SERVER, Server), (PEER, Peer), (late, Late))
    assert bench.ns.psa_connect(SID, 1) > 0
    assert log == [(-0x3C000000, MAIN_SIGNAL), (257, 0)]


# psa_set_rhandle


@pytest.mark.parametrize("type_", [-1, 5, -2])
def test_psa_set_rhandle_is_legal_with_every_message_of_a_connection(type_: int) -> None:
    bench = serve(lambda psa, m: psa.psa_set_rhandle(m.handle, 0x42), type_)
    seen = [msg.rhandle or 0 for msg in bench.programs["SERVER"].seen]
    assert seen == {-1: [0, 0x42, 0x42], 5: [0, 0, 0x42], -2: [0, 0, 0]}[type_]


# Handles of messages


CALLS: dict[str, Callable[[Any, int], object]] = {
    "psa_set_rhandle": lambda psa, h: psa.psa_set_rhandle(h, 1),
    "psa_read": lambda psa, h: psa.psa_read(h, 0, bytearray(4), 0),
    "psa_skip": lambda psa, h: psa.psa_skip(h, 0, 0),
    "psa_write": lambda psa, h: psa.psa_write(h, 0, b""),
    "psa_reply": lambda psa, h: psa.psa_reply(h, 0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("handle", [0, 0x1234DEAD, -1])
def test_a_message_handle_that_is_none(call: str, handle: int) -> None:
    panics(lambda psa, m: CALLS[call](psa, handle), f"{call}: a message handle")


@pytest.mark.parametrize("call", CALLS)
def test_a_message_handle_that_is_not_yet_delivered(call: str) -> None:
    """FF-M 1.1: the handle is the service's with psa_get, although the value is known before."""
    bench = a_bench()
    server = bench.programs["SERVER"]
    handle = bench.ns.psa_connect(SID, 1)
    server.take = lambda signal: CALLS[call](server.psa, handle)
    with pytest.raises(DevicePanic, match=f"{call}: a message handle"):
        bench.ns.psa_call(handle, 5)


@pytest.mark.parametrize("call", CALLS)
def test_a_message_handle_that_was_replied_to(call: str) -> None:
    def reply_first(psa: Any, msg: psa_msg_t) -> None:
        psa.psa_reply(msg.handle, 0)
        CALLS[call](psa, msg.handle)

    panics(reply_first, f"{call}: a message handle")


@pytest.mark.parametrize("call", CALLS)
def test_a_message_handle_of_another_partition(call: str) -> None:
    bench = a_bench()
    server, peer = bench.programs["SERVER"], bench.programs["PEER"]
    server.answers[5] = lambda msg: CALLS[call](peer.psa, msg.handle) or 0
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_call(STATELESS, 5)
    assert (panic.value.report.culprit, panic.value.report.rule.split(":")[0]) == ("PEER", call)


# psa_read, psa_skip, psa_write: what is refused first


NO_BUFFER = SECURE_CODE
ORDER: list[tuple[str, Action, str]] = [
    ("read handle before index", lambda psa, m: psa.psa_read(0, 9, NO_BUFFER, 4), "psa_read: a message"),
    (
        "read index before buffer",
        lambda psa, m: psa.psa_read(m.handle, 4, NO_BUFFER, 4),
        "psa_read: a vector",
    ),
    ("read whole buffer", lambda psa, m: psa.psa_read(m.handle, 0, bytearray(4), 5), "psa_read: a buffer"),
    ("skip handle before index", lambda psa, m: psa.psa_skip(0, 9, 0), "psa_skip: a message handle"),
    ("write handle before index", lambda psa, m: psa.psa_write(0, 9, b""), "psa_write: a message handle"),
    ("write index before size", lambda psa, m: psa.psa_write(m.handle, 4, bytes(9)), "psa_write: a vector"),
    ("write size before buffer", lambda psa, m: psa.psa_write(m.handle, 0, 0, 9), "psa_write: no more"),
    ("write buffer", lambda psa, m: psa.psa_write(m.handle, 0, 0, 4), "psa_write: a buffer"),
]


@pytest.mark.parametrize(("action", "rule"), [pytest.param(a, r, id=n) for n, a, r in ORDER])
def test_copy_calls_refuse_in_this_order(action: Action, rule: str) -> None:
    panics(action, rule)


@pytest.mark.parametrize("call", ["psa_read", "psa_skip", "psa_write"])
@pytest.mark.parametrize("type_", [-1, -2])
def test_copy_calls_refuse_the_message_type_before_the_index(call: str, type_: int) -> None:
    arguments = {"psa_read": (9, bytearray(4), 0), "psa_skip": (9, 0), "psa_write": (9, b"")}[call]
    panics(lambda psa, m: getattr(psa, call)(m.handle, *arguments), f"{call}: a request message", type_)


def test_psa_read_and_psa_skip_share_a_cursor_and_end_at_zero() -> None:
    def read(psa: Any, msg: psa_msg_t) -> None:
        buffer = bytearray(b"....")
        assert psa.psa_read(msg.handle, 0, buffer, 1) == 1
        assert psa.psa_skip(msg.handle, 0, 2) == 2
        assert psa.psa_read(msg.handle, 0, buffer, 4) == 1
        assert buffer == b"d..."
        assert psa.psa_skip(msg.handle, 0, 1) == psa.psa_read(msg.handle, 0, buffer, 4) == 0
        assert psa.psa_read(msg.handle, 0, NO_BUFFER, 4) == 0, "with no data left no buffer is looked at"
        assert buffer == b"d..."

    serve(read)


def test_psa_write_of_nothing_is_legal_on_a_full_and_on_an_absent_vector() -> None:
    def write(psa: Any, msg: psa_msg_t) -> None:
        psa.psa_write(msg.handle, 0, b"abcd")
        psa.psa_write(msg.handle, 0, b"")
        psa.psa_write(msg.handle, 3, NO_BUFFER, 0)

    serve(write)


# psa_reply


@pytest.mark.parametrize("status", [-114, -129, 1, -132, -(2**31)])
def test_psa_reply_row_connect_anything_but_three_values_panics(status: int) -> None:
    bench = a_bench()
    bench.programs["SERVER"].answers[-1] = status
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_connect(SID, 1)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule == "psa_reply: a legal answer to PSA_IPC_CONNECT"


def test_psa_reply_row_handle_comes_before_status() -> None:
    panics(lambda psa, m: psa.psa_reply(0, -114), "psa_reply: a message handle", -1)


def test_psa_reply_row_request_minus_129_of_a_stateless_service_leaves_nothing_behind() -> None:
    bench = a_bench()
    bench.programs["SERVER"].answers[5] = -129
    assert bench.ns.psa_call(STATELESS, 5) == -129
    assert bench.programs["SERVER"].types == [5]
    assert bench.ns.psa_call(STATELESS, 6) == 0
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("status", [0, -129, -131, 7])
def test_psa_reply_row_disconnect_any_status_closes(status: int) -> None:
    bench = a_bench()
    bench.programs["SERVER"].answers[-2] = status
    bench.ns.psa_close(bench.ns.psa_connect(SID, 1))
    assert not bench.kernel.connections.open


def test_psa_reply_lengths_are_set_before_minus_129_is_dealt_with() -> None:
    bench = a_bench()
    server = bench.programs["SERVER"]

    def write_and_complain(msg: psa_msg_t) -> int:
        server.psa.psa_write(msg.handle, 0, b"ab")
        return -129

    server.answers[5] = write_and_complain
    buffer = bytearray(4)
    out = psa_outvec(buffer)
    assert bench.ns.psa_call(STATELESS, 5, [], [out]) == -129
    assert out.len == 2
    assert buffer == b"ab\0\0"


# The rest


@pytest.mark.parametrize("pid", [0, -10, 200, 258])
def test_psa_notify_of_no_partition_panics(pid: int) -> None:
    panics(lambda psa, m: psa.psa_notify(pid), "psa_notify: an existing partition")


def test_psa_clear_without_a_doorbell_panics() -> None:
    panics(lambda psa, m: psa.psa_clear(), "psa_clear: PSA_DOORBELL asserted")


def test_psa_panic_takes_the_device_down() -> None:
    panics(lambda psa, m: psa.psa_panic(), "psa_panic")


def test_a_terminated_connection_is_closed_at_once_though_its_disconnect_is_unanswered() -> None:
    """The client has psa_close alone left, and the service its one message: neither waits for the other."""
    bench = a_bench()
    server = bench.programs["SERVER"]
    kept: list[psa_msg_t] = []

    def take(signal: int) -> None:
        msg = psa_msg_t()
        server.psa.psa_get(signal, msg)
        server.seen.append(msg)
        if msg.type == -2:
            kept.append(msg)
            return
        if msg.type == 7:
            server.psa.psa_reply(kept[0].handle, 0)
        server.psa.psa_reply(msg.handle, -129 if msg.type == 5 else 0)

    server.take = take
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 5) == -129
    bench.ns.psa_close(handle)
    assert bench.ns.psa_call(handle, 6) == -129
    bench.ns.psa_close(handle)
    assert handle in bench.kernel.connections.open, "the service still has a message of it"
    assert bench.ns.psa_call(STATELESS, 7) == 0
    assert not bench.kernel.connections.open
    assert server.types == [-1, 5, -2, 7]
