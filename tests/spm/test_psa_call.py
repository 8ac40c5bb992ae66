"""psa_call, its rules in check order (spm.md 1.3; FF-M 1.1). A refused call never reaches the service."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import (
    MMIO,
    NS_CODE,
    NS_RAM,
    SECURE_CODE,
    SECURE_RAM,
    Bench,
    Echo,
    SfnEcho,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi

SID = 0x1001
STATELESS_SID = 0x1002
CLOSED_SID = 0x1003
STATELESS = 0x40000100
SERVER = a_manifest(
    "SERVER",
    [
        a_service("ECHO", SID),
        a_service("STATELESS_ECHO", STATELESS_SID, connection_based=False, stateless_handle=1),
        a_service("CLOSED", CLOSED_SID, connection_based=False, stateless_handle=2, non_secure_clients=False),
    ],
)
SFN_SERVER = SERVER.replace("model: IPC", "model: SFN").replace("entry_point: main\n", "")

Call = Callable[[Any, int], int]


class Caller:
    """A secure client: an IPC partition that performs the call it is handed on a message of type 1."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.todo: Callable[[PartitionApi], int] = lambda psa: 0

    def main(self) -> None:
        while True:
            self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            msg = psa_msg_t()
            self.psa.psa_get(0x10, msg)
            self.psa.psa_reply(msg.handle, self.todo(self.psa) if msg.type == 1 else 0)


CALLER = a_manifest(
    "CALLER",
    [a_service("CALLER_SERVICE", 0x2001, connection_based=False, stateless_handle=5)],
    dependencies="[ECHO, STATELESS_ECHO]",
)
CALLER_HANDLE = 0x40000104


def a_bench(model: str) -> Bench:
    server = (SERVER, Echo) if model == "IPC" else (SFN_SERVER, SfnEcho)
    return start_bench(server, (CALLER, Caller))


def secure(bench: Bench, todo: Callable[[Any], int]) -> int:
    bench.programs["CALLER"].todo = todo
    return bench.ns.psa_call(CALLER_HANDLE, 1)


# (what is wrong, the call on an open handle, what a non-secure caller gets); a secure one panics the device.
MISUSES: list[tuple[str, Call, int]] = [
    ("the null handle", lambda psa, h: psa.psa_call(0, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("a handle never issued", lambda psa, h: psa.psa_call(0x1234DEAD, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("a negative handle", lambda psa, h: psa.psa_call(-1, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("a handle of an old loop", lambda psa, h: psa.psa_call(h + 1, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("an empty stateless index", lambda psa, h: psa.psa_call(0x4000011F, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("a stateless version", lambda psa, h: psa.psa_call(0x40000500, 0), PSA_ERROR_PROGRAMMER_ERROR),
    ("no authorization", lambda psa, h: psa.psa_call(0x40000101, 0), PSA_ERROR_CONNECTION_REFUSED),
    ("a negative type", lambda psa, h: psa.psa_call(h, -1), PSA_ERROR_PROGRAMMER_ERROR),
    ("a type over 32767", lambda psa, h: psa.psa_call(h, 32768), PSA_ERROR_PROGRAMMER_ERROR),
    (
        "five vectors",
        lambda psa, h: psa.psa_call(h, 0, [b""] * 4, [psa_outvec()]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    ("five inputs", lambda psa, h: psa.psa_call(h, 0, [b""] * 5), PSA_ERROR_PROGRAMMER_ERROR),
    ("a null array", lambda psa, h: psa.psa_call(h, 0, 0, in_len=1), PSA_ERROR_PROGRAMMER_ERROR),
    ("a null out array", lambda psa, h: psa.psa_call(h, 0, (), 0, out_len=1), PSA_ERROR_PROGRAMMER_ERROR),
    (
        "an unmapped array",
        lambda psa, h: psa.psa_call(h, 0, 0x70000000, in_len=1),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    ("a null input", lambda psa, h: psa.psa_call(h, 0, [psa_invec(0, 4)]), PSA_ERROR_PROGRAMMER_ERROR),
    ("a null output", lambda psa, h: psa.psa_call(h, 0, [], [psa_outvec(0, 4)]), PSA_ERROR_PROGRAMMER_ERROR),
    (
        "an unmapped input",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(0x70000000, 1)]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    (
        "an output in code",
        lambda psa, h: psa.psa_call(h, 0, [], [psa_outvec(SECURE_CODE, 1)]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    (
        "an input that wraps",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(NS_RAM, 0xF0000000)]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    (
        "an input over the end of its region",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(NS_RAM + 0xFFFF, 2)]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
    (
        "overlapping inputs",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(NS_RAM, 8), psa_invec(NS_RAM + 7, 8)]),
        PSA_ERROR_PROGRAMMER_ERROR,
    ),
]
NS_ONLY_MISUSES: list[tuple[str, Call, int]] = [
    ("an input in secure RAM", lambda psa, h: psa.psa_call(h, 0, [psa_invec(SECURE_RAM, 4)]), -129),
    ("an output in secure RAM", lambda psa, h: psa.psa_call(h, 0, [], [psa_outvec(SECURE_RAM, 4)]), -129),
    ("an input in secure code", lambda psa, h: psa.psa_call(h, 0, [psa_invec(SECURE_CODE, 4)]), -129),
    ("an input in a secure peripheral", lambda psa, h: psa.psa_call(h, 0, [psa_invec(MMIO, 4)]), -129),
    ("an array in secure RAM", lambda psa, h: psa.psa_call(h, 0, SECURE_RAM, in_len=1), -129),
]
LEGAL: list[tuple[str, Call]] = [
    ("no vectors", lambda psa, h: psa.psa_call(h, 0)),
    ("type 32767", lambda psa, h: psa.psa_call(h, 32767)),
    ("four vectors", lambda psa, h: psa.psa_call(h, 0, [b"a", b"b"], [psa_outvec(), psa_outvec()])),
    ("a null input of no length", lambda psa, h: psa.psa_call(h, 0, [psa_invec(0, 0)])),
    ("an unmapped input of no length", lambda psa, h: psa.psa_call(h, 0, [psa_invec(0x70000000, 0)])),
    ("a null array of no length", lambda psa, h: psa.psa_call(h, 0, 0, 0, in_len=0, out_len=0)),
    (
        "an empty input inside another",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(NS_RAM, 8), psa_invec(NS_RAM + 4, 0)]),
    ),
    (
        "an input over an output",
        lambda psa, h: psa.psa_call(h, 0, [psa_invec(NS_RAM, 8)], [psa_outvec(NS_RAM, 8)]),
    ),
    ("an output in writable code memory", lambda psa, h: psa.psa_call(h, 0, [], [psa_outvec(NS_CODE, 4)])),
]


def ids(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("row", MISUSES + NS_ONLY_MISUSES, ids=ids(MISUSES + NS_ONLY_MISUSES))
def test_psa_call_misuse_by_the_non_secure_side(row: tuple[str, Call, int], model: str) -> None:
    _, call, status = row
    bench = a_bench(model)
    handle = bench.ns.psa_connect(SID, 1)
    assert call(bench.ns, handle) == status
    assert bench.programs["SERVER"].types == [-1], "a refused call is invisible to the service"
    assert bench.ns.psa_call(handle, 3) == PSA_SUCCESS, "and leaves the connection usable"
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].types == [-1, 3, -2]
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("row", MISUSES, ids=ids(MISUSES))
def test_psa_call_misuse_by_a_partition_panics(row: tuple[str, Call, int]) -> None:
    _, call, _ = row
    bench = a_bench("IPC")
    with pytest.raises(DevicePanic) as panic:
        secure(bench, lambda psa: call(psa, psa.psa_connect(SID, 1)))
    assert panic.value.report.culprit == "CALLER"
    assert panic.value.report.rule.startswith("psa_call:")
    with pytest.raises(DevicePanic):
        bench.ns.psa_framework_version()


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("row", LEGAL, ids=ids(LEGAL))
def test_psa_call_legal(row: tuple[str, Call], model: str) -> None:
    bench = a_bench(model)
    handle = bench.ns.psa_connect(SID, 1)
    assert row[1](bench.ns, handle) == PSA_SUCCESS
    assert len(bench.programs["SERVER"].seen) == 2


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("status", [0, 1, 2, 2**31 - 1, -1, -2, -(2**31) + 128, -130, -131, -134])
def test_psa_reply_passes_any_status_verbatim(status: int, model: str) -> None:
    bench = a_bench(model)
    bench.programs["SERVER"].answers[7] = status
    assert bench.ns.psa_call(STATELESS, 7) == status
    assert secure(bench, lambda psa: psa.psa_call(STATELESS, 7)) == status


def test_psa_call_on_anothers_handle() -> None:
    bench = a_bench("IPC")
    mine = bench.ns.psa_connect(SID, 1)
    with pytest.raises(DevicePanic, match="a handle of the caller's own"):
        secure(bench, lambda psa: psa.psa_call(mine, 0))


def test_psa_call_on_a_closed_handle() -> None:
    bench = a_bench("IPC")
    handle = bench.ns.psa_connect(SID, 1)
    bench.ns.psa_close(handle)
    assert bench.ns.psa_call(handle, 0) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_connect(SID, 1) != handle, "a handle is not given out again at once"


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_connection_pool_exhaustion_is_busy_for_everybody(model: str) -> None:
    bench = a_bench(model)
    handles = [bench.ns.psa_connect(SID, 1) for _ in range(8)]
    assert len(set(handles)) == 8
    assert bench.ns.psa_connect(SID, 1) == PSA_ERROR_CONNECTION_BUSY
    assert bench.ns.psa_call(STATELESS, 0) == PSA_ERROR_CONNECTION_BUSY
    assert bench.ns.psa_call(handles[0], 0) == PSA_SUCCESS
    bench.ns.psa_close(handles[3])
    assert bench.ns.psa_call(STATELESS, 0) == PSA_SUCCESS


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_vectors_travel_and_lengths_come_back(model: str) -> None:
    bench = a_bench(model)
    server = bench.programs["SERVER"]

    def reverse(msg: psa_msg_t) -> int:
        assert msg.in_size == (5, 0, 3, 0)
        assert msg.out_size == (8, 0, 0, 0)
        buffer = bytearray(5)
        assert server.psa.psa_read(msg.handle, 0, buffer, 2) == 2
        assert server.psa.psa_read(msg.handle, 0, memoryview(buffer)[2:], 3) == 3
        assert server.psa.psa_read(msg.handle, 0, buffer, 5) == 0
        server.psa.psa_write(msg.handle, 0, bytes(reversed(buffer)))
        server.psa.psa_write(msg.handle, 0, b"!")
        return -134

    server.answers[9] = reverse
    out = psa_outvec(bytearray(8))
    untouched = psa_outvec(bytearray(0))
    assert bench.ns.psa_call(STATELESS, 9, [b"hello", b"", b"abc"], [out]) == -134
    assert out.len == 6
    assert out.base == bytearray(b"olleh!\0\0")
    assert untouched.len == -1


def test_descriptor_arrays_in_memory() -> None:
    bench = a_bench("IPC")
    server = bench.programs["SERVER"]

    def copy(msg: psa_msg_t) -> int:
        buffer = bytearray(4)
        server.psa.psa_read(msg.handle, 0, buffer, 4)
        server.psa.psa_write(msg.handle, 0, buffer)
        return 0

    server.answers[9] = copy
    array, source, target = NS_RAM, NS_RAM + 0x100, NS_RAM + 0x200
    words = (source, 4, target, 16)
    bench.memory.write(array, b"".join(w.to_bytes(4, "little") for w in words))
    bench.memory.write(source, b"\xef\xbe\xad\xde")
    assert bench.ns.psa_call(STATELESS, 9, array, array + 8, in_len=1, out_len=1) == PSA_SUCCESS
    assert bench.memory.read(target, 4) == b"\xef\xbe\xad\xde"
    assert int.from_bytes(bench.memory.read(array + 12, 4), "little") == 4


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_programmer_error_reply_terminates_the_connection(model: str) -> None:
    bench = a_bench(model)
    server = bench.programs["SERVER"]
    server.answers[7] = PSA_ERROR_PROGRAMMER_ERROR
    handle = bench.ns.psa_connect(SID, 1)
    assert bench.ns.psa_call(handle, 7) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_call(handle, 3) == PSA_ERROR_PROGRAMMER_ERROR
    assert bench.ns.psa_call(handle, 3) == PSA_ERROR_PROGRAMMER_ERROR
    bench.ns.psa_close(handle)
    assert server.types == [-1, 7, -2], "exactly one disconnect, directly after the reply"
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_programmer_error_reply_panics_a_partition(model: str) -> None:
    bench = a_bench(model)
    bench.programs["SERVER"].answers[7] = PSA_ERROR_PROGRAMMER_ERROR
    with pytest.raises(DevicePanic) as panic:
        secure(bench, lambda psa: psa.psa_call(STATELESS, 7))
    assert panic.value.report.culprit == "CALLER"


@pytest.mark.parametrize("model", ["IPC", "SFN"])
def test_client_id_is_the_same_in_all_messages(model: str) -> None:
    bench = a_bench(model)
    server = bench.programs["SERVER"]

    def visit(psa: Any) -> int:
        handle = psa.psa_connect(SID, 1)
        psa.psa_call(handle, 3)
        psa.psa_close(handle)
        return 0

    visit(bench.ns)
    secure(bench, visit)
    assert [m.client_id for m in server.seen] == [-0x3C000000] * 3 + [257] * 3
