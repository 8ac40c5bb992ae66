"""psa_connect, psa_call and psa_close, a test for each row of their tables and for the order of the rows.

The rows are those of the SPM's fact sheet: conditions in check order, with what a non-secure caller gets; a
secure one panics for -129 and -130. Their many values are in test_connect.py and test_psa_call.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, SECURE_RAM, Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim import DevicePanic, SpmConfig
from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.spm.events import ProgrammerError
from tfm_sim.spm.partition_memory import Arena

OPEN, CLOSED, CLOSED_STATELESS, DEFAULTS = 0x1001, 0x1002, 0x1003, 0x1004
STATELESS, CLOSED_HANDLE, EMPTY_HANDLE, CALLER_HANDLE = 0x40000100, 0x40000101, 0x4000011F, 0x40000104
OLD_VERSION, CLOSED_OLD_VERSION = 0x40000200, 0x40000201
NEVER_ISSUED = 0x1234DEAD
SERVER = a_manifest(
    "SERVER",
    [
        a_service("OPEN", OPEN, version=2, version_policy="RELAXED"),
        a_service("CLOSED", CLOSED, version=2, non_secure_clients=False),
        a_service("STATELESS", 0x1005, connection_based=False, stateless_handle=1),
        a_service(
            "CLOSED_STATELESS",
            CLOSED_STATELESS,
            connection_based=False,
            stateless_handle=2,
            non_secure_clients=False,
        ),
        a_service("DEFAULTS", DEFAULTS),
    ],
)
CALLER = a_manifest(
    "CALLER",
    [a_service("CALLER_SERVICE", 0x2001, connection_based=False, stateless_handle=5)],
    dependencies="[OPEN, STATELESS]",
)
Call = Callable[[Any, int], object]


def a_bench(**config: Any) -> Bench:
    return start_bench((SERVER, Echo), (CALLER, Echo), config=SpmConfig(**config))


def refusal(bench: Bench) -> str:
    """The last rule that the non-secure side broke."""
    return [event.rule for event in bench.events if isinstance(event, ProgrammerError)][-1]


def as_partition(bench: Bench, call: Callable[[Any], object]) -> int:
    """Have the partition CALLER do it; what it returns."""
    caller = bench.programs["CALLER"]
    caller.answers[1] = lambda msg: call(caller.psa) or 0
    return bench.ns.psa_call(CALLER_HANDLE, 1)


# psa_connect


@pytest.mark.parametrize(
    ("sid", "version", "status", "rule"),
    [
        pytest.param(0xDEAD0000, 1, -130, "psa_connect: an RoT Service with this SID", id="1 unknown SID"),
        pytest.param(0x1005, 1, -129, "psa_connect: a connection-based service", id="2 stateless"),
        pytest.param(CLOSED_STATELESS, 9, -129, "psa_connect: a connection-based service", id="2 before 3"),
        pytest.param(CLOSED, 2, -130, "psa_connect: a service that the caller may use", id="3 not for NS"),
        pytest.param(CLOSED, 9, -130, "psa_connect: a service that the caller may use", id="3 before 4"),
        pytest.param(OPEN, 3, -130, "psa_connect: a version", id="4 version policy"),
        pytest.param(DEFAULTS, 0, -130, "psa_connect: a version", id="4 default policy, version 0"),
        pytest.param(DEFAULTS, 2, -130, "psa_connect: a version", id="4 default policy, version 2"),
    ],
)
def test_psa_connect_row(sid: int, version: int, status: int, rule: str) -> None:
    bench = a_bench()
    assert bench.ns.psa_connect(sid, version) == status
    assert refusal(bench).startswith(rule)
    assert bench.programs["SERVER"].seen == []


def test_psa_connect_row_4_comes_before_row_5() -> None:
    bench = a_bench(conn_handle_max_num=1)
    assert bench.ns.psa_connect(OPEN, 1) > 0
    assert bench.ns.psa_connect(OPEN, 3) == -130


def test_psa_connect_row_5_no_connection_left_is_busy_for_both_and_panics_nobody() -> None:
    bench = a_bench(conn_handle_max_num=2)
    handle = bench.ns.psa_connect(OPEN, 1)
    assert as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1)) == -131
    second = bench.ns.psa_connect(OPEN, 1)
    assert bench.ns.psa_connect(OPEN, 1) == -131
    for open_one in (handle, second):
        bench.ns.psa_close(open_one)


def test_psa_connect_row_6_a_refusal_by_the_service_frees_the_connection() -> None:
    bench = a_bench(conn_handle_max_num=1)
    server = bench.programs["SERVER"]
    for status in (-130, -131):
        server.answers[-1] = status
        assert bench.ns.psa_connect(OPEN, 1) == status
    server.answers[-1] = 0
    assert bench.ns.psa_connect(OPEN, 1) > 0


# psa_call

OVERLAP = [psa_invec(NS_RAM, 8), psa_invec(NS_RAM + 4, 8)]
UNREADABLE_OVERLAP = [psa_invec(SECURE_RAM, 8), psa_invec(SECURE_RAM + 4, 8)]
PSA_CALL_ROWS: list[tuple[str, Call, int, str]] = [
    ("0 type below 0", lambda ns, h: ns.psa_call(h, -1), -129, "type and counts"),
    ("0 type above 32767", lambda ns, h: ns.psa_call(h, 32768), -129, "type and counts"),
    ("0 in_len above 4", lambda ns, h: ns.psa_call(h, 0, [b""] * 5), -129, "type and counts"),
    ("0 out_len above 4", lambda ns, h: ns.psa_call(h, 0, [], [psa_outvec()] * 5), -129, "type and counts"),
    ("0 before 1", lambda ns, h: ns.psa_call(0, -1), -129, "type and counts"),
    ("1 null handle", lambda ns, h: ns.psa_call(0, 0), -129, "a handle of the caller's own"),
    ("2a empty slot", lambda ns, h: ns.psa_call(EMPTY_HANDLE, 0), -129, "a stateless handle of a service"),
    ("2b not authorised", lambda ns, h: ns.psa_call(CLOSED_HANDLE, 0), -130, "a service that the caller"),
    ("2b before 2c", lambda ns, h: ns.psa_call(CLOSED_OLD_VERSION, 0), -130, "a service that the caller"),
    ("2c version", lambda ns, h: ns.psa_call(OLD_VERSION, 0), -129, "a version"),
    ("2c before 6", lambda ns, h: ns.psa_call(OLD_VERSION, 0, 0, in_len=1), -129, "a version"),
    ("3a never issued", lambda ns, h: ns.psa_call(NEVER_ISSUED, 0), -129, "a handle of the caller's own"),
    ("3a before 5", lambda ns, h: ns.psa_call(NEVER_ISSUED, 0, [b""] * 4, [psa_outvec()]), -129, "a handle"),
    ("5 five vectors", lambda ns, h: ns.psa_call(h, 0, [b""] * 4, [psa_outvec()]), -129, "at most PSA_MAX"),
    ("5 before 6", lambda ns, h: ns.psa_call(h, 0, 0, 0, in_len=3, out_len=2), -129, "at most PSA_MAX"),
    ("6 in_vec array", lambda ns, h: ns.psa_call(h, 0, 0, in_len=1), -129, "the in_vec array"),
    ("6 out_vec array", lambda ns, h: ns.psa_call(h, 0, (), 0, out_len=1), -129, "the out_vec array"),
    ("7 inputs overlap", lambda ns, h: ns.psa_call(h, 0, OVERLAP), -129, "input vectors that do not overlap"),
    ("7 before 8", lambda ns, h: ns.psa_call(h, 0, UNREADABLE_OVERLAP), -129, "input vectors that do not"),
    ("8 input out of reach", lambda ns, h: ns.psa_call(h, 0, [psa_invec(SECURE_RAM, 1)]), -129, "in_vec[0]"),
    ("8 output out of reach", lambda ns, h: ns.psa_call(h, 0, [], [psa_outvec(0, 1)]), -129, "out_vec[0]"),
]


@pytest.mark.parametrize(
    ("call", "status", "rule"), [pytest.param(*row[1:], id=row[0]) for row in PSA_CALL_ROWS]
)
def test_psa_call_row(call: Call, status: int, rule: str) -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    assert call(bench.ns, handle) == status
    assert refusal(bench).startswith(f"psa_call: {rule}")
    assert bench.programs["SERVER"].types == [-1]


def test_psa_call_row_2d_no_connection_left_is_busy_for_both() -> None:
    bench = a_bench(conn_handle_max_num=2)
    handles = [bench.ns.psa_connect(OPEN, 1)]
    # The request that makes the partition call takes the second connection.
    assert as_partition(bench, lambda psa: psa.psa_call(STATELESS, 0)) == -131
    handles.append(bench.ns.psa_connect(OPEN, 1))
    assert bench.ns.psa_call(STATELESS, 0) == -131
    bench.ns.psa_close(handles[0])
    assert bench.ns.psa_call(STATELESS, 0) == 0


def test_psa_call_row_2d_comes_before_the_vectors_are_looked_at() -> None:
    bench = a_bench(conn_handle_max_num=1)
    bench.ns.psa_connect(OPEN, 1)
    assert bench.ns.psa_call(STATELESS, 0, 0, in_len=1) == -131


def test_psa_call_row_3a_a_closed_handle() -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    bench.ns.psa_close(handle)
    assert bench.ns.psa_call(handle, 0) == -129


def test_psa_call_row_3b_another_clients_connection() -> None:
    bench = a_bench()
    other = bench.kernel.ns_client(Arena(NS_RAM, 0x1000), -2)
    handle = bench.ns.psa_connect(OPEN, 1)
    assert other.psa_call(handle, 0) == -129
    assert refusal(bench).startswith("psa_call: a handle of the caller's own")
    assert bench.ns.psa_call(handle, 0) == 0


def test_psa_call_row_3b_a_partitions_connection() -> None:
    bench = a_bench()
    handle = as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1))
    assert handle > 0
    assert bench.ns.psa_call(handle, 0) == -129


@pytest.mark.parametrize("type_", [-1, 5, -2])
def test_psa_call_row_3c_a_busy_connection(type_: int) -> None:
    """Connecting, with a request in flight, or closing: only an idle connection takes a request."""
    bench = a_bench()
    twin = bench.kernel.ns_client(Arena(NS_RAM, 0x1000))
    seen: list[tuple[int, str]] = []

    def call_meanwhile(msg: psa_msg_t) -> int:
        seen.append((twin.psa_call(msg.handle, 0), refusal(bench)))
        return 0

    bench.programs["SERVER"].answers[type_] = call_meanwhile
    handle = bench.ns.psa_connect(OPEN, 1)
    bench.ns.psa_call(handle, 5)
    bench.ns.psa_close(handle)
    assert seen == [(-129, "psa_call: a connection that is idle")]
    assert bench.programs["SERVER"].types == [-1, 5, -2]


def test_psa_call_row_9_a_request_arrives_with_its_sizes_in_place() -> None:
    bench = a_bench()
    assert bench.ns.psa_call(STATELESS, 7, [b"", b"abc"], [psa_outvec(), psa_outvec(bytearray(5))]) == 0
    (msg,) = bench.programs["SERVER"].seen
    assert (msg.type, msg.in_size, msg.out_size) == (7, (0, 3, 0, 0), (0, 5, 0, 0))


def test_psa_call_a_message_has_nothing_of_the_one_before() -> None:
    """A request without vectors on a connection that had some, and the end of the connection."""
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    bench.ns.psa_call(handle, 5, [b"abc"], [psa_outvec(bytearray(5))])
    bench.ns.psa_call(handle, 6)
    bench.ns.psa_close(handle)
    sizes = [(msg.in_size, msg.out_size) for msg in bench.programs["SERVER"].seen]
    nothing = ((0, 0, 0, 0), (0, 0, 0, 0))
    assert sizes == [nothing, ((3, 0, 0, 0), (5, 0, 0, 0)), nothing, nothing]


def test_psa_call_descriptors_are_read_once() -> None:
    """What happens to them while the request is in flight has no effect."""
    bench = a_bench()
    server = bench.programs["SERVER"]
    array, source = NS_RAM, NS_RAM + 0x100
    bench.memory.write(array, source.to_bytes(4, "little") + (4).to_bytes(4, "little"))
    bench.memory.write(source, b"abcdefgh")

    def read(msg: psa_msg_t) -> int:
        bench.memory.write(array, SECURE_RAM.to_bytes(4, "little") + (8).to_bytes(4, "little"))
        buffer = bytearray(8)
        assert server.psa.psa_read(msg.handle, 0, buffer, 8) == 4
        assert buffer == b"abcd\0\0\0\0"
        return 0

    server.answers[5] = read
    assert bench.ns.psa_call(STATELESS, 5, array, in_len=1) == 0


# psa_close


def test_psa_close_of_the_null_handle_has_no_effect() -> None:
    bench = a_bench()
    bench.ns.psa_close(0)
    assert as_partition(bench, lambda psa: psa.psa_close(0)) == 0


@pytest.mark.parametrize(
    ("handle", "rule"),
    [
        (STATELESS, "psa_close: a connection handle"),
        (NEVER_ISSUED, "psa_close: a handle of the caller's own"),
    ],
)
def test_psa_close_of_no_connection_is_ignored_for_ns_and_panics_a_partition(handle: int, rule: str) -> None:
    bench = a_bench()
    bench.ns.psa_close(handle)
    with pytest.raises(DevicePanic) as panic:
        as_partition(bench, lambda psa: psa.psa_close(handle))
    assert (panic.value.report.culprit, panic.value.report.rule) == ("CALLER", rule)


def test_psa_close_of_anothers_connection_leaves_it_open() -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    bench.kernel.ns_client(Arena(NS_RAM, 0x1000), -2).psa_close(handle)
    assert bench.ns.psa_call(handle, 3) == 0
    assert bench.programs["SERVER"].types == [-1, 3]


def test_psa_close_of_a_busy_connection_is_ignored_for_ns() -> None:
    bench = a_bench()
    twin = bench.kernel.ns_client(Arena(NS_RAM, 0x1000))

    def close_meanwhile(msg: psa_msg_t) -> int:
        twin.psa_close(msg.handle)
        return 0

    bench.programs["SERVER"].answers[5] = close_meanwhile
    handle = bench.ns.psa_connect(OPEN, 1)
    assert bench.ns.psa_call(handle, 5) == 0
    assert refusal(bench) == "psa_close: a connection that is idle"
    assert bench.ns.psa_call(handle, 3) == 0
    assert bench.programs["SERVER"].types == [-1, 5, 3]


def test_psa_close_sends_one_disconnect_and_frees_the_connection() -> None:
    bench = a_bench(conn_handle_max_num=1)
    for _ in range(3):
        bench.ns.psa_close(bench.ns.psa_connect(OPEN, 1))
    assert bench.programs["SERVER"].types == [-1, -2] * 3


# Who suffers where a build panics for the non-secure side's errors too

NS_ERRORS: list[tuple[str, Call, str, str]] = [
    (
        "found by the SPM",
        lambda ns, h: ns.psa_call(h, 0, [psa_invec(0, 1)]),
        "NS client -1",
        "psa_call: in_vec",
    ),
    ("a refusal by the SPM", lambda ns, h: ns.psa_connect(0xDEAD, 1), "NS client -1", "psa_connect: an RoT"),
    ("psa_close", lambda ns, h: ns.psa_close(NEVER_ISSUED), "NS client -1", "psa_close: a handle"),
    (
        "found by the service",
        lambda ns, h: ns.psa_call(h, 9),
        "NS client -1",
        "psa_call: a request that OPEN",
    ),
]


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize(
    ("call", "culprit", "rule"), [pytest.param(*row[1:], id=row[0]) for row in NS_ERRORS]
)
def test_ns_programmer_error_panics_whoever_finds_it(call: Call, culprit: str, rule: str, model: str) -> None:
    config = SpmConfig(ns_programmer_error_panics=True)
    sfn = SERVER.replace("model: IPC", "model: SFN").replace("entry_point: main\n", "")
    server = (SERVER, Echo) if model == "IPC" else (sfn, SfnEcho)
    bench = start_bench(server, config=config)
    bench.programs["SERVER"].answers[9] = -129
    handle = bench.ns.psa_connect(OPEN, 1)
    with pytest.raises(DevicePanic) as panic:
        call(bench.ns, handle)
    assert panic.value.report.culprit == culprit
    assert panic.value.report.rule.startswith(rule)


@pytest.mark.parametrize("status", [-130, -131])
def test_ns_programmer_error_panics_not_for_what_a_service_refuses(status: int) -> None:
    bench = a_bench(ns_programmer_error_panics=True)
    bench.programs["SERVER"].answers |= {-1: status, 5: status}
    assert bench.ns.psa_connect(OPEN, 1) == status
    assert bench.ns.psa_call(STATELESS, 5) == status


def test_a_weak_dependency_authorises_like_a_strong_one() -> None:
    caller = CALLER.replace("dependencies: [OPEN, STATELESS]", "weak_dependencies: [OPEN, STATELESS, ABSENT]")
    bench = start_bench((SERVER, Echo), (caller, Echo))
    assert as_partition(bench, lambda psa: psa.psa_version(OPEN)) == 2
    assert as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1)) > 0
    assert as_partition(bench, lambda psa: psa.psa_call(STATELESS, 0)) == 0
