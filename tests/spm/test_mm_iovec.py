"""MM-IOVEC, vectors accessed in place (FF-M 1.1): what it does, and what it refuses in which order."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import (
    NS_RAM,
    SECURE_RAM,
    Bench,
    Echo,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim import DevicePanic, SpmConfig
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.platform.memory import Access, Memory, Region, Security

SID, PLAIN_SID = 0x1001, 0x1002
HANDLE, PLAIN_HANDLE, CALLER_HANDLE = 0x40000100, 0x40000101, 0x40000102
SERVER = a_manifest(
    "SERVER",
    [
        a_service("MAPPED", SID, mm_iovec="enable"),
        a_service("PLAIN", PLAIN_SID),
        a_service("MAPPED_STATELESS", 0x1003, connection_based=False, stateless_handle=1, mm_iovec="enable"),
        a_service("PLAIN_STATELESS", 0x1004, connection_based=False, stateless_handle=2),
    ],
)
Action = Callable[[Any, psa_msg_t], object]


def serve(action: Action, handle: int = HANDLE) -> tuple[list[psa_outvec], list[bytearray]]:
    """The server does ``action`` with a request of inputs "abcd" and "efgh" and outputs of 8 and 4 bytes."""
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: (action(server.psa, msg) and 0) or 0
    buffers = [bytearray(8), bytearray(4)]
    outs = [psa_outvec(buffer) for buffer in buffers]
    assert bench.ns.psa_call(handle, 5, [b"abcd", b"efgh"], outs) == 0
    return outs, buffers


def panics(action: Action, rule: str, handle: int = HANDLE) -> None:
    with pytest.raises(DevicePanic) as panic:
        serve(action, handle)
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule.startswith(rule), panic.value.report


def then(*actions: Action) -> Action:
    """One after the other."""

    def run(psa: Any, msg: psa_msg_t) -> None:
        for action in actions:
            action(psa, msg)

    return run


def map_in(psa: Any, m: psa_msg_t, index: int = 0) -> Any:
    return psa.psa_map_invec(m.handle, index)


def map_out(psa: Any, m: psa_msg_t, index: int = 0) -> Any:
    return psa.psa_map_outvec(m.handle, index)


def unmap_in(psa: Any, m: psa_msg_t, index: int = 0) -> object:
    return psa.psa_unmap_invec(m.handle, index)


def unmap_out(psa: Any, m: psa_msg_t, index: int = 0, length: int = 0) -> object:
    return psa.psa_unmap_outvec(m.handle, index, length)


def read(psa: Any, m: psa_msg_t, size: int = 1) -> object:
    return psa.psa_read(m.handle, 0, bytearray(4), size)


def skip(psa: Any, m: psa_msg_t, size: int = 1) -> object:
    return psa.psa_skip(m.handle, 0, size)


def write(psa: Any, m: psa_msg_t, data: bytes = b"w") -> object:
    return psa.psa_write(m.handle, 0, data)


CALLS: dict[str, Callable[[Any, int, int], object]] = {
    "psa_map_invec": lambda psa, h, i: psa.psa_map_invec(h, i),
    "psa_unmap_invec": lambda psa, h, i: psa.psa_unmap_invec(h, i),
    "psa_map_outvec": lambda psa, h, i: psa.psa_map_outvec(h, i),
    "psa_unmap_outvec": lambda psa, h, i: psa.psa_unmap_outvec(h, i, 0),
}


# What it does.


def test_a_mapped_output_holds_what_the_client_had_there_and_keeps_what_is_left_alone() -> None:
    seen: list[bytes] = []

    def look(msg: psa_msg_t) -> int:
        view = map_out(server.psa, msg)
        seen.append(bytes(view))
        view[0:1] = b"X"
        unmap_out(server.psa, msg, length=4)
        return 0

    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    assert bench.ns.psa_call(HANDLE, 6, [b"leftovers of an earlier call"]) == 0
    server.answers[5] = look
    buffers = [bytearray(b"mine"), bytearray(b"mine too")]
    assert bench.ns.psa_call(HANDLE, 5, [], [psa_outvec(buffers[0])]) == 0
    assert bench.ns.psa_call(HANDLE, 5, [], [psa_outvec(buffers[1], 4)]) == 0
    assert seen == [b"mine", b"mine"]
    assert buffers == [b"Xine", b"Xine too"]


def test_a_mapped_input_is_the_clients_bytes_and_read_only() -> None:
    seen: list[object] = []

    def look(psa: Any, msg: psa_msg_t) -> None:
        view = map_in(psa, msg, 1)
        seen.extend((bytes(view), len(view), view.readonly))
        unmap_in(psa, msg, 1)

    serve(look)
    assert seen == [b"efgh", 4, True]


def test_a_mapped_output_reports_what_unmap_says() -> None:
    def fill(psa: Any, msg: psa_msg_t) -> None:
        view = map_out(psa, msg)
        assert len(view) == 8
        view[:3] = b"xyz"
        unmap_out(psa, msg, 0, 3)

    outs, buffers = serve(fill)
    assert outs[0].len == 3
    assert buffers[0][:3] == b"xyz"


@pytest.mark.parametrize("length", [0, 8])
def test_unmap_outvec_takes_any_length_up_to_the_size(length: int) -> None:
    outs, _ = serve(then(map_out, lambda psa, m: unmap_out(psa, m, 0, length)))
    assert outs[0].len == length


def test_an_output_mapped_and_never_unmapped_reports_nothing_written() -> None:
    def fill(psa: Any, msg: psa_msg_t) -> None:
        map_out(psa, msg)[:3] = b"xyz"

    outs, _ = serve(fill)
    assert outs[0].len == 0


def test_an_input_mapped_and_never_unmapped_does_no_harm() -> None:
    serve(map_in)


def test_mapping_and_copying_exclude_each_other_per_vector_not_per_message() -> None:
    def mix(psa: Any, msg: psa_msg_t) -> None:
        view, buffer = map_in(psa, msg, 0), bytearray(4)
        assert psa.psa_read(msg.handle, 1, buffer, 4) == 4
        assert (bytes(view), bytes(buffer)) == (b"abcd", b"efgh")
        map_out(psa, msg, 1)[:] = b"1234"
        psa.psa_write(msg.handle, 0, b"written")
        unmap_out(psa, msg, 1, 4)
        unmap_in(psa, msg, 0)

    outs, buffers = serve(mix)
    assert [out.len for out in outs] == [7, 4]
    assert buffers[1] == b"1234"


def test_the_state_of_vectors_is_the_messages_and_new_with_the_next() -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: (then(map_in, map_out)(server.psa, msg) and 0) or 0
    server.answers[6] = lambda msg: (then(read, write)(server.psa, msg) and 0) or 0
    handle = bench.ns.psa_connect(SID, 1)
    for type_ in (5, 6, 5, 6, 5):
        assert bench.ns.psa_call(handle, type_, [b"abcd"], [psa_outvec(bytearray(8))]) == 0


def test_a_length_in_a_descriptor_array_is_what_unmap_says() -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: (
        then(map_out, lambda psa, m: unmap_out(psa, m, 0, 5))(server.psa, msg) or 0
    )
    bench.memory.write(NS_RAM, (NS_RAM + 0x100).to_bytes(4, "little") + (8).to_bytes(4, "little"))
    assert bench.ns.psa_call(HANDLE, 5, (), NS_RAM, out_len=1) == 0
    assert bench.memory.read(NS_RAM + 4, 4) == (5).to_bytes(4, "little")


def test_a_pointer_is_of_no_use_after_unmap() -> None:
    def keep(psa: Any, msg: psa_msg_t) -> None:
        view = map_out(psa, msg)
        unmap_out(psa, msg, 0, 0)
        view[0] = 1

    panics(keep, "code that runs without a fault")


# What it refuses.


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("handle", [0, 0x1234DEAD])
def test_row_bad_handle(call: str, handle: int) -> None:
    panics(lambda psa, m: CALLS[call](psa, handle, 9), f"{call}: a message handle")


@pytest.mark.parametrize("call", CALLS)
def test_row_not_enabled_comes_before_the_index(call: str) -> None:
    panics(lambda psa, m: CALLS[call](psa, m.handle, 9), f"{call}: a service with mm_iovec", PLAIN_HANDLE)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("sid", "rule"), [(SID, "a request message"), (PLAIN_SID, "a service with mm_iovec")]
)
@pytest.mark.parametrize("type_", [-1, -2])
def test_row_not_a_request_comes_after_not_enabled_and_before_the_index(
    type_: int, sid: int, rule: str, call: str
) -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[type_] = lambda msg: (CALLS[call](server.psa, msg.handle, 9) and 0) or 0
    with pytest.raises(DevicePanic, match=f"{call}: {rule}"):
        bench.ns.psa_close(bench.ns.psa_connect(sid, 1))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("index", [4, 5, -1])
def test_row_index(call: str, index: int) -> None:
    panics(lambda psa, m: CALLS[call](psa, m.handle, index), f"{call}: a vector index")


EMPTY = "a vector that is not empty"
COPIED, TWICE = "a vector that was not copied", "a vector that was never mapped"
NOT_MAPPED, MAPPED = "a vector that is mapped", "a vector that is not mapped"
TOO_MUCH = "no more than the vector's size"
REFUSED: list[tuple[str, Action, str, str]] = [
    ("absent input", lambda psa, m: map_in(psa, m, 2), "psa_map_invec", EMPTY),
    ("absent output", lambda psa, m: map_out(psa, m, 3), "psa_map_outvec", EMPTY),
    ("mapped input", then(map_in, map_in), "psa_map_invec", TWICE),
    ("mapped output", then(map_out, map_out), "psa_map_outvec", TWICE),
    ("unmapped input", then(map_in, unmap_in, map_in), "psa_map_invec", TWICE),
    ("unmapped output", then(map_out, unmap_out, map_out), "psa_map_outvec", TWICE),
    ("read input", then(read, map_in), "psa_map_invec", COPIED),
    ("skipped input", then(skip, map_in), "psa_map_invec", COPIED),
    ("written output", then(write, map_out), "psa_map_outvec", COPIED),
    ("nothing read", then(lambda psa, m: read(psa, m, 0), map_in), "psa_map_invec", COPIED),
    ("nothing skipped", then(lambda psa, m: skip(psa, m, 0), map_in), "psa_map_invec", COPIED),
    ("nothing written", then(lambda psa, m: write(psa, m, b""), map_out), "psa_map_outvec", COPIED),
    ("untouched input", unmap_in, "psa_unmap_invec", NOT_MAPPED),
    ("untouched output", unmap_out, "psa_unmap_outvec", NOT_MAPPED),
    ("absent input", lambda psa, m: unmap_in(psa, m, 2), "psa_unmap_invec", NOT_MAPPED),
    ("absent output", lambda psa, m: unmap_out(psa, m, 3), "psa_unmap_outvec", NOT_MAPPED),
    ("read input", then(read, unmap_in), "psa_unmap_invec", NOT_MAPPED),
    ("written output", then(write, unmap_out), "psa_unmap_outvec", NOT_MAPPED),
    ("unmapped input", then(map_in, unmap_in, unmap_in), "psa_unmap_invec", NOT_MAPPED),
    ("unmapped output", then(map_out, unmap_out, unmap_out), "psa_unmap_outvec", NOT_MAPPED),
    ("too much", then(map_out, lambda psa, m: unmap_out(psa, m, 0, 9)), "psa_unmap_outvec", TOO_MUCH),
    ("too much, not mapped", lambda psa, m: unmap_out(psa, m, 0, 9), "psa_unmap_outvec", TOO_MUCH),
    ("mapped", then(map_in, read), "psa_read", MAPPED),
    ("nothing of a mapped one", then(map_in, lambda psa, m: read(psa, m, 0)), "psa_read", MAPPED),
    ("mapped", then(map_in, skip), "psa_skip", MAPPED),
    ("nothing of a mapped one", then(map_in, lambda psa, m: skip(psa, m, 0)), "psa_skip", MAPPED),
    ("mapped", then(map_out, write), "psa_write", MAPPED),
    ("nothing to a mapped one", then(map_out, lambda psa, m: write(psa, m, b"")), "psa_write", MAPPED),
    ("unmapped", then(map_in, unmap_in, read), "psa_read", MAPPED),
    ("unmapped", then(map_in, unmap_in, skip), "psa_skip", MAPPED),
    ("unmapped", then(map_out, unmap_out, write), "psa_write", MAPPED),
]


@pytest.mark.parametrize(
    ("action", "call", "rule"), [pytest.param(a, c, r, id=f"{c} {n}") for n, a, c, r in REFUSED]
)
def test_row_state_of_the_vector(action: Action, call: str, rule: str) -> None:
    panics(action, f"{call}: {rule}")


@pytest.mark.parametrize(("empty", "call"), [("in", "psa_map_invec"), ("out", "psa_map_outvec")])
def test_row_empty_vector(empty: str, call: str) -> None:
    bench = start_bench((SERVER, Echo))
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: (CALLS[call](server.psa, msg.handle, 0) and 0) or 0
    with pytest.raises(DevicePanic, match=f"{call}: {EMPTY}"):
        bench.ns.psa_call(HANDLE, 5, [b""], [psa_outvec(bytearray(0))])


# The memory is judged by the service's rights, not by the client's.

CALLER_RAM = SECURE_RAM + 0x5000
CALLER = a_manifest(
    "CALLER",
    [a_service("CALLER_SERVICE", 0x2001, connection_based=False, stateless_handle=3)],
    dependencies="[MAPPED_STATELESS]",
)


def own_memory(memory: Memory) -> None:
    """The caller's buffers lie in a region of its own."""
    rw = Access.READ | Access.WRITE
    memory.carve(Region("CALLER_data", CALLER_RAM, 0x1000, Security.SECURE, rw, "CALLER"))


def call_of_a_partition(level: int, call: str, server_type: str) -> Bench:
    server_manifest = SERVER.replace("APPLICATION-ROT", server_type)
    config = SpmConfig(isolation_level=level)
    bench = start_bench((server_manifest, Echo), (CALLER, Echo), config=config, prepare=own_memory)
    server, caller = bench.programs["SERVER"], bench.programs["CALLER"]
    server.answers[5] = lambda msg: (CALLS[call](server.psa, msg.handle, 0) and 0) or 0
    caller.answers[1] = lambda msg: caller.psa.psa_call(HANDLE, 5, [b"abcd"], [psa_outvec(bytearray(4))])
    assert bench.ns.psa_call(CALLER_HANDLE, 1) == 0
    return bench


@pytest.mark.parametrize("call", ["psa_map_invec", "psa_map_outvec"])
@pytest.mark.parametrize(
    ("level", "server_type"), [(1, "APPLICATION-ROT"), (2, "APPLICATION-ROT"), (2, "PSA-ROT")]
)
def test_row_memory_open_to_the_service(level: int, server_type: str, call: str) -> None:
    call_of_a_partition(level, call, server_type)


@pytest.mark.parametrize("call", ["psa_map_invec", "psa_map_outvec"])
def test_row_memory_closed_to_the_service(call: str) -> None:
    """Isolation level 3: what psa_read may copy, an application partition may not see in place."""
    with pytest.raises(DevicePanic) as panic:
        call_of_a_partition(3, call, "APPLICATION-ROT")
    assert panic.value.report.culprit == "SERVER"
    assert panic.value.report.rule == f"{call}: memory that the service may access"
