"""The partition API: every violation is a panic (spm.md 2 and 2.1; FF-M 1.1)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import (
    MMIO,
    SECURE_CODE,
    SECURE_RAM,
    Bench,
    Echo,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.spm.panic import DevicePanic

SID, OTHER_SID, STATELESS = 0x1001, 0x1002, 0x40000100
SERVER = a_manifest(
    "SERVER",
    [
        a_service("MAIN", SID),
        a_service("OTHER", OTHER_SID),
        a_service("STATELESS", 0x1003, connection_based=False, stateless_handle=1),
    ],
)
PEER = a_manifest("PEER", [a_service("PEER_SERVICE", 0x2001)], priority="LOW")
Action = Callable[[Any, psa_msg_t], object]


def serve(action: Action, in_vec: tuple[bytes, ...] = (b"abcd",), room: int = 4) -> Bench:
    """Run ``action`` in the server while it serves a request of type 5 on a connection."""
    bench = start_bench((SERVER, Echo), (PEER, Echo))
    server = bench.programs["SERVER"]

    def act(msg: psa_msg_t) -> int:
        action(server.psa, msg)
        return 0

    server.answers[5] = act
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 5, in_vec, [psa_outvec(bytearray(room))]) == 0
    return bench


BUFFER = bytearray(16)
PANICS: list[tuple[str, Action, str]] = [
    (
        "wait for unassigned",
        lambda psa, m: psa.psa_wait(0x80000000, PSA_POLL),
        "psa_wait: a signal that is assigned",
    ),
    ("wait for nothing", lambda psa, m: psa.psa_wait(0, PSA_BLOCK), "psa_wait: a signal that is assigned"),
    ("get two bits", lambda psa, m: psa.psa_get(0x30, psa_msg_t()), "psa_get: exactly one signal"),
    ("get no bit", lambda psa, m: psa.psa_get(0, psa_msg_t()), "psa_get: exactly one signal"),
    (
        "get the doorbell",
        lambda psa, m: psa.psa_get(PSA_DOORBELL, psa_msg_t()),
        "psa_get: the signal of an RoT",
    ),
    (
        "get an unassigned bit",
        lambda psa, m: psa.psa_get(0x400, psa_msg_t()),
        "psa_get: the signal of an RoT",
    ),
    ("get twice", lambda psa, m: psa.psa_get(0x10, psa_msg_t()), "psa_get: a signal that is asserted"),
    ("rhandle of null", lambda psa, m: psa.psa_set_rhandle(0, 1), "psa_set_rhandle: a message handle"),
    ("read null handle", lambda psa, m: psa.psa_read(0, 0, BUFFER, 0), "psa_read: a message handle"),
    ("read bad handle", lambda psa, m: psa.psa_read(0x1234DEAD, 0, BUFFER, 0), "psa_read: a message handle"),
    ("read index 4", lambda psa, m: psa.psa_read(m.handle, 4, BUFFER, 0), "psa_read: a vector index"),
    ("read index -1", lambda psa, m: psa.psa_read(m.handle, -1, BUFFER, 0), "psa_read: a vector index"),
    ("read into code", lambda psa, m: psa.psa_read(m.handle, 0, SECURE_CODE, 1), "psa_read: a buffer"),
    ("read into nothing", lambda psa, m: psa.psa_read(m.handle, 0, 0, 1), "psa_read: a buffer"),
    (
        "read over a region's end",
        lambda psa, m: psa.psa_read(m.handle, 0, MMIO + 0xFF, 2),
        "psa_read: a buffer",
    ),
    (
        "read past the own buffer",
        lambda psa, m: psa.psa_read(m.handle, 0, bytearray(1), 4),
        "psa_read: a buffer",
    ),
    ("skip null handle", lambda psa, m: psa.psa_skip(0, 0, 0), "psa_skip: a message handle"),
    ("skip index 4", lambda psa, m: psa.psa_skip(m.handle, 4, 0), "psa_skip: a vector index"),
    ("write null handle", lambda psa, m: psa.psa_write(0, 0, b""), "psa_write: a message handle"),
    ("write index 5", lambda psa, m: psa.psa_write(m.handle, 5, b""), "psa_write: a vector index"),
    (
        "write one too many",
        lambda psa, m: psa.psa_write(m.handle, 0, b"12345"),
        "psa_write: no more than is left",
    ),
    (
        "write to no vector",
        lambda psa, m: psa.psa_write(m.handle, 1, b"1"),
        "psa_write: no more than is left",
    ),
    ("write from nothing", lambda psa, m: psa.psa_write(m.handle, 0, 0, 1), "psa_write: a buffer"),
    ("reply null handle", lambda psa, m: psa.psa_reply(0, 0), "psa_reply: a message handle"),
    ("reply bad handle", lambda psa, m: psa.psa_reply(0x1234DEAD, 0), "psa_reply: a message handle"),
    ("notify -10", lambda psa, m: psa.psa_notify(-10), "psa_notify: an existing partition"),
    ("notify 0", lambda psa, m: psa.psa_notify(0), "psa_notify: an existing partition"),
    ("notify 200", lambda psa, m: psa.psa_notify(200), "psa_notify: an existing partition"),
    ("clear without doorbell", lambda psa, m: psa.psa_clear(), "psa_clear: PSA_DOORBELL asserted"),
    ("panic", lambda psa, m: psa.psa_panic(), "psa_panic"),
    (
        "connect to itself",
        lambda psa, m: psa.psa_connect(SID, 1),
        "psa_connect: a service that the caller may use",
    ),
    ("a fault in code", lambda psa, m: 1 // 0, "code that runs without a fault"),
]
LEGAL: list[tuple[str, Action]] = [
    ("wait with junk low bits polls", lambda psa, m: psa.psa_wait(PSA_WAIT_ANY, 0x7FFFFFFF)),
    ("read nothing", lambda psa, m: psa.psa_read(m.handle, 0, 0, 0)),
    ("read an absent vector", lambda psa, m: psa.psa_read(m.handle, 3, SECURE_CODE, 9)),
    ("read into own memory", lambda psa, m: psa.psa_read(m.handle, 0, SECURE_RAM + 0x100, 4)),
    ("skip over the end", lambda psa, m: psa.psa_skip(m.handle, 0, 99)),
    ("write nothing to no vector", lambda psa, m: psa.psa_write(m.handle, 3, b"")),
    ("write from code", lambda psa, m: psa.psa_write(m.handle, 0, SECURE_CODE, 4)),
    ("rhandle", lambda psa, m: psa.psa_set_rhandle(m.handle, "mine")),
]


@pytest.mark.parametrize(("action", "rule"), [pytest.param(a, r, id=n) for n, a, r in PANICS])
def test_partition_api_violation_panics(action: Action, rule: str) -> None:
    with pytest.raises(DevicePanic) as panic:
        serve(action)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule.startswith(rule)


@pytest.mark.parametrize("action", [pytest.param(a, id=n) for n, a in LEGAL])
def test_partition_api_legal(action: Action) -> None:
    serve(action)


@pytest.mark.parametrize("call", ["psa_read", "psa_skip", "psa_write"])
@pytest.mark.parametrize("type_", [-1, -2])
def test_connect_and_disconnect_messages_have_no_vectors(call: str, type_: int) -> None:
    bench = start_bench((SERVER, Echo))
    psa = bench.programs["SERVER"].psa
    arguments = {"psa_read": (0, BUFFER, 0), "psa_skip": (0, 0), "psa_write": (0, b"")}[call]
    bench.programs["SERVER"].answers[type_] = lambda msg: getattr(psa, call)(msg.handle, *arguments) or 0
    with pytest.raises(DevicePanic, match=f"{call}: a request message"):
        bench.ns.psa_close(bench.ns.psa_connect(SID, 1))


def test_a_message_handle_dies_with_the_reply() -> None:
    def reply_twice(psa: Any, msg: psa_msg_t) -> None:
        psa.psa_reply(msg.handle, 0)

    with pytest.raises(DevicePanic, match="psa_reply: a message handle"):
        serve(reply_twice)


def test_rhandle_belongs_to_the_connection_and_is_null_at_connect() -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]

    def remember(msg: psa_msg_t) -> int:
        server.psa.psa_set_rhandle(msg.handle, f"state {msg.handle}")
        return 0

    server.answers[5] = remember
    first, second = bench.ns.psa_connect(SID, 1), bench.ns.psa_connect(SID, 1)
    bench.ns.psa_call(first, 5)
    bench.ns.psa_call(second, 6)
    bench.ns.psa_call(first, 6)
    bench.ns.psa_close(second)
    bench.ns.psa_close(first)
    assert [m.rhandle for m in server.seen] == [
        None,
        None,
        None,
        None,
        f"state {first}",
        None,
        f"state {first}",
    ]


def test_rhandle_of_a_stateless_service_panics() -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: server.psa.psa_set_rhandle(msg.handle, 1) or 0
    with pytest.raises(DevicePanic, match="psa_set_rhandle: a connection-based service"):
        bench.ns.psa_call(STATELESS, 5)


def test_returning_from_an_entry_point_panics() -> None:
    class Returns(Echo):
        def main(self) -> None:
            return

    with pytest.raises(DevicePanic, match="entry_point: never returns"):
        start_bench((SERVER, Returns))


def test_a_client_that_nobody_answers_is_reported() -> None:
    class Mute(Echo):
        def take(self, signal: int) -> None:
            self.psa.psa_get(signal, psa_msg_t())

    bench = start_bench((SERVER, Mute))
    with pytest.raises(DevicePanic, match="NS client -1 blocked; in psa_wait: SERVER"):
        bench.ns.psa_connect(SID, 1)


def test_the_doorbell_is_a_level() -> None:
    """psa_notify wakes a waiting partition; psa_wait does not consume; psa_clear does (spm.md 7.4, 058)."""

    class Bell(Echo):
        def __init__(self, psa: Any) -> None:
            super().__init__(psa)
            self.log: list[int] = []

        def main(self) -> None:
            while True:
                self.log.append(self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK))
                self.log.append(self.psa.psa_wait(PSA_DOORBELL, PSA_POLL))
                self.psa.psa_clear()
                self.log.append(self.psa.psa_wait(PSA_DOORBELL, PSA_POLL))

    bench = start_bench((SERVER, Echo), (PEER, Bell))
    server = bench.programs["SERVER"]

    def ring(msg: psa_msg_t) -> int:
        server.psa.psa_notify(257)
        server.psa.psa_notify(257)
        return 0

    server.answers[5] = ring
    bench.ns.psa_call(STATELESS, 5)
    assert bench.programs["PEER"].log == [8, 8, 0]


def test_deferred_replies_in_any_order() -> None:
    """A message may be kept and answered later, after others (FF-M 1.1 psa_reply)."""

    class Late(Echo):
        def take(self, signal: int) -> None:
            msg = psa_msg_t()
            self.psa.psa_get(signal, msg)
            self.seen.append(msg)
            if msg.type == 8:
                for waiting in reversed(self.seen):
                    self.psa.psa_reply(waiting.handle, waiting.type)

    class Client(Echo):
        result = 0

        def answer(self, msg: psa_msg_t) -> int:
            self.result = self.psa.psa_call(STATELESS, 7)
            return self.result

    helper = a_manifest(
        "HELPER",
        [a_service("HELPER_SERVICE", 0x3001, connection_based=False, stateless_handle=3)],
        dependencies="[STATELESS]",
    )
    start = a_manifest(
        "START",
        [a_service("START_SERVICE", 0x3002, connection_based=False, stateless_handle=4)],
        dependencies="[STATELESS]",
        priority="LOW",
    )

    class Starter(Echo):
        def answer(self, msg: psa_msg_t) -> int:
            self.psa.psa_notify(257)
            return self.psa.psa_call(STATELESS, 8)

    class Helper(Client):
        def main(self) -> None:
            while True:
                if self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) & PSA_DOORBELL:
                    self.psa.psa_clear()
                    self.answer(psa_msg_t())

    bench = start_bench((SERVER, Late), (helper, Helper), (start, Starter))
    assert bench.ns.psa_call(0x40000103, 1) == 8
    assert bench.programs["HELPER"].result == 7
