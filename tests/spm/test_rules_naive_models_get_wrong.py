"""Twenty rules that naive models of an SPM get wrong, one test or a few for each, by their numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.kernel_bench import (
    MMIO,
    NS_RAM,
    SECURE_CODE,
    SECURE_RAM,
    Bench,
    Echo,
    a_manifest,
    a_service,
    start_bench,
)

from tfm_sim import Build, Device, DevicePanic, SpmConfig
from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import (
    PSA_BLOCK,
    PSA_DOORBELL,
    PSA_POLL,
    PSA_WAIT_ANY,
    psa_msg_t,
)
from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.memory import Access, Memory, Region, Security
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest import PartitionModel, VersionPolicy
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.spm.partition_memory import Arena

OPEN, CLOSED, STATELESS_SID, UNDECLARED = 0x1001, 0x1002, 0x1003, 0x1004
STATELESS, CALLER_HANDLE = 0x40000100, 0x40000101
NEVER_ISSUED, NOWHERE = 0x1234DEAD, 0x70000000
OPEN_SIGNAL = 0x10
SERVER = a_manifest(
    "SERVER",
    [
        a_service("OPEN", OPEN),
        a_service("CLOSED", CLOSED, non_secure_clients=False),
        a_service("STATELESS", STATELESS_SID, connection_based=False, stateless_handle=1),
        a_service("UNDECLARED", UNDECLARED),
    ],
)
CALLER = a_manifest(
    "CALLER",
    [a_service("CALLER_SERVICE", 0x2001, connection_based=False, stateless_handle=2)],
    dependencies="[OPEN, CLOSED, STATELESS]",
)
BOARD = Path(__file__).parent.parent / "data" / "boards" / "ff_ipc.yaml"
Action = Callable[[Any, psa_msg_t], object]


def a_bench(**config: Any) -> Bench:
    return start_bench((SERVER, Echo), (CALLER, Echo), config=SpmConfig(**config))


def as_partition(bench: Bench, call: Callable[[Any], object]) -> int:
    """Have the partition CALLER do it on a request of the non-secure side; what it returns."""
    caller = bench.programs["CALLER"]
    caller.answers[1] = lambda msg: call(caller.psa) or 0
    return bench.ns.psa_call(CALLER_HANDLE, 1)


def serve(action: Action) -> Bench:
    """The server does ``action`` with a request of four bytes in and room for four out."""
    bench = a_bench()
    server = bench.programs["SERVER"]
    server.answers[5] = lambda msg: (action(server.psa, msg) and 0) or 0
    assert bench.ns.psa_call(STATELESS, 5, [b"abcd"], [psa_outvec(bytearray(4))]) == 0
    return bench


def panics(run: Callable[[], object], culprit: str, rule: str) -> None:
    with pytest.raises(DevicePanic) as panic:
        run()
    assert panic.value.report.culprit == culprit
    assert panic.value.report.rule.startswith(rule), panic.value.report


def test_rule_01_a_refusal_by_the_spm_panics_a_partition_one_by_the_service_does_not() -> None:
    bench = a_bench()
    bench.programs["SERVER"].answers[-1] = -130
    assert as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1)) == -130
    panics(
        lambda: as_partition(bench, lambda psa: psa.psa_connect(OPEN, 2)), "CALLER", "psa_connect: a version"
    )


def test_rule_02_a_replier_goes_on_before_its_client_which_is_less_urgent() -> None:
    log: list[str] = []

    class Server(Echo):
        def take(self, signal: int) -> None:
            super().take(signal)
            log.append("server goes on after its reply")

    bench = start_bench((SERVER, Server), (CALLER, Echo))

    def call(psa: Any) -> None:
        psa.psa_call(STATELESS, 0)
        log.append("partition returns")

    as_partition(bench, call)
    log.append("non-secure side returns")
    assert log == ["server goes on after its reply", "partition returns", "non-secure side returns"]


def test_rule_03_psa_reply_to_the_null_handle_resets() -> None:
    panics(lambda: serve(lambda psa, m: psa.psa_reply(0, 0)), "SERVER", "psa_reply: a message handle")


@pytest.mark.parametrize(("status", "after"), [(0, [3]), (-129, [])])
def test_rule_04_exactly_one_disconnect_for_a_connection(status: int, after: list[int]) -> None:
    bench = a_bench()
    server = bench.programs["SERVER"]
    server.answers[5] = status
    handle = bench.ns.psa_connect(OPEN, 1)
    bench.ns.psa_call(handle, 5)
    bench.ns.psa_call(handle, 3)
    bench.ns.psa_close(handle)
    bench.ns.psa_close(handle)
    assert server.types == [-1, 5, *after, -2]


def test_rule_05_a_rejected_call_is_invisible_and_leaves_the_connection_as_it_was() -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    assert bench.ns.psa_call(handle, 5, [psa_invec(SECURE_RAM, 4)]) == -129
    assert bench.programs["SERVER"].types == [-1]
    assert bench.ns.psa_call(handle, 3) == 0
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].types == [-1, 3, -2]


@pytest.mark.parametrize(
    ("action", "rule"),
    [
        (lambda psa, m: psa.psa_read(0, 0, bytearray(4), 0), "psa_read: a message handle"),
        (lambda psa, m: psa.psa_skip(NEVER_ISSUED, 0, 0), "psa_skip: a message handle"),
        (lambda psa, m: psa.psa_write(0, 0, b""), "psa_write: a message handle"),
        (lambda psa, m: psa.psa_read(m.handle, 0, SECURE_CODE, 1), "psa_read: a buffer"),
        (lambda psa, m: psa.psa_read(m.handle, 0, MMIO + 0xFC, 5), "psa_read: a buffer"),
    ],
)
def test_rule_06_handles_come_before_zero_lengths_and_buffers_count_whole(action: Action, rule: str) -> None:
    panics(lambda: serve(action), "SERVER", rule)


def test_rule_06_a_buffer_counts_only_while_data_remain() -> None:
    def read(psa: Any, msg: psa_msg_t) -> None:
        assert psa.psa_read(msg.handle, 0, SECURE_CODE, 0) == 0
        assert psa.psa_skip(msg.handle, 0, 4) == 4
        assert psa.psa_read(msg.handle, 0, SECURE_CODE, 4) == 0

    serve(read)


@pytest.mark.parametrize("base", [0, NOWHERE, SECURE_RAM])
def test_rule_07_any_base_goes_with_no_length_and_null_with_no_other(base: int) -> None:
    ns = a_bench().ns
    assert ns.psa_call(STATELESS, 0, [psa_invec(base, 0)], [psa_outvec(base, 0)]) == 0
    assert ns.psa_call(STATELESS, 0, base, base, in_len=0, out_len=0) == 0
    assert ns.psa_call(STATELESS, 0, [psa_invec(base, 1)]) == -129
    assert ns.psa_call(STATELESS, 0, (), [psa_outvec(base, 1)]) == -129
    assert ns.psa_call(STATELESS, 0, base, in_len=1) == -129


CALLER_RAM = SECURE_RAM + 0x5000


def callers_own_memory(memory: Memory) -> None:
    rw = Access.READ | Access.WRITE
    memory.carve(Region("CALLER_data", CALLER_RAM, 0x1000, Security.SECURE, rw, "CALLER"))


def test_rule_08_the_clients_rights_guard_vectors_and_the_services_its_buffers() -> None:
    """Isolation level 3: the server copies from the caller's memory, and may not name it as its own."""
    config = SpmConfig(isolation_level=3)
    bench = start_bench((SERVER, Echo), (CALLER, Echo), config=config, prepare=callers_own_memory)
    server = bench.programs["SERVER"]
    address = CALLER_RAM + 0x800
    server.answers[5] = lambda msg: server.psa.psa_read(msg.handle, 0, bytearray(4), 4)
    server.answers[6] = lambda msg: server.psa.psa_read(msg.handle, 0, address, 4)
    assert as_partition(bench, lambda psa: psa.psa_call(STATELESS, 5, [psa_invec(address, 4)])) == 4
    again = lambda: as_partition(bench, lambda psa: psa.psa_call(STATELESS, 6, [psa_invec(address, 4)]))  # noqa: E731
    panics(again, "SERVER", "psa_read: a buffer")


def test_rule_08_a_whole_range_lies_in_one_region() -> None:
    """Two regions side by side, either of them open to the client: a hardware range check sees two."""

    def neighbour(memory: Memory) -> None:
        rw = Access.READ | Access.WRITE
        memory.add(Region("ns_next", NS_RAM + 0x10000, 0x100, Security.NON_SECURE, rw), bytearray(0x100))

    ns = start_bench((SERVER, Echo), prepare=neighbour).ns
    end = NS_RAM + 0x10000
    assert ns.psa_call(STATELESS, 0, [psa_invec(end - 4, 4), psa_invec(end, 4)]) == 0
    assert ns.psa_call(STATELESS, 0, [psa_invec(end - 4, 8)]) == -129


@pytest.mark.parametrize("status", [0, -129, -132, 7])
def test_rule_09_output_lengths_are_set_whatever_the_status_and_count_bytes_written(status: int) -> None:
    bench = a_bench()
    server = bench.programs["SERVER"]

    def write(msg: psa_msg_t) -> int:
        server.psa.psa_write(msg.handle, 0, b"ab")
        return status

    server.answers[5] = write
    outs = [psa_outvec(bytearray(8)), psa_outvec(bytearray(8)), psa_outvec(NOWHERE, 0)]
    assert bench.ns.psa_call(STATELESS, 5, [], outs) == status
    assert [out.len for out in outs] == [2, 0, 0]


def test_rule_10_psa_wait_consumes_nothing_and_psa_get_the_oldest() -> None:
    """The peer rings the server when it has queued up behind the non-secure side."""
    log: list[tuple[int, int]] = []

    class Server(Echo):
        def main(self) -> None:
            psa = self.psa
            psa.psa_wait(OPEN_SIGNAL, PSA_BLOCK)
            psa.psa_notify(257)
            psa.psa_notify(257)
            psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            psa.psa_clear()
            assert (
                psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) == OPEN_SIGNAL
            )
            for _ in range(2):
                msg = psa_msg_t()
                psa.psa_get(OPEN_SIGNAL, msg)
                log.append((msg.client_id, psa.psa_wait(PSA_WAIT_ANY, PSA_POLL)))
                psa.psa_reply(msg.handle, 0)
            super().main()

    class Peer(Echo):
        def main(self) -> None:
            psa = self.psa
            assert psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) == PSA_DOORBELL
            psa.psa_clear()
            assert psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == 0, "a level, and no count"
            psa.psa_notify(258)
            psa.psa_connect(OPEN, 1)
            super().main()

    class Last(Echo):
        def main(self) -> None:
            self.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK)
            self.psa.psa_clear()
            self.psa.psa_notify(256)
            super().main()

    last = a_manifest("LAST", [a_service("LAST_SERVICE", 0x3001)], priority="LOW")
    bench = start_bench((SERVER, Server), (CALLER, Peer), (last, Last))
    assert bench.ns.psa_connect(OPEN, 1) > 0
    assert log == [(-0x3C000000, OPEN_SIGNAL), (257, 0)]


def test_rule_11_psa_wait_for_an_unassigned_signal_panics_with_psa_poll_too() -> None:
    serve(lambda psa, m: psa.psa_wait(PSA_WAIT_ANY, 0x7FFFFFFF))
    panics(lambda: serve(lambda psa, m: psa.psa_wait(0x80000000, PSA_POLL)), "SERVER", "psa_wait: a signal")


def test_rule_12_stateless_services() -> None:
    bench = a_bench(conn_handle_max_num=2)
    server = bench.programs["SERVER"]
    assert bench.ns.psa_connect(STATELESS_SID, 1) == -129
    assert bench.ns.psa_call(STATELESS, 5) == 0
    bench.ns.psa_close(STATELESS)
    assert [(msg.type, msg.rhandle) for msg in server.seen] == [(5, None)], "no connection, no rhandle"
    assert bench.ns.psa_call(STATELESS + 0x100, 5) == -129, "the version is the handle's"
    handles = [bench.ns.psa_connect(OPEN, 1) for _ in range(2)]
    assert bench.ns.psa_call(STATELESS, 5) == -131, "a request takes a connection"
    bench.ns.psa_close(handles[0])
    panics(lambda: as_partition(bench, lambda psa: psa.psa_close(STATELESS)), "CALLER", "psa_close: a conn")
    panics(
        lambda: serve(lambda psa, m: psa.psa_set_rhandle(m.handle, 1)), "SERVER", "psa_set_rhandle: a conn"
    )


def test_rule_13_partitions_are_authorised_by_dependencies_alone() -> None:
    bench = a_bench()
    assert as_partition(bench, lambda psa: psa.psa_connect(CLOSED, 1)) > 0, "not for the non-secure side"
    assert as_partition(bench, lambda psa: psa.psa_version(UNDECLARED)) == 0, "open to the non-secure side"
    undeclared = lambda: as_partition(a_bench(), lambda psa: psa.psa_connect(UNDECLARED, 1))  # noqa: E731
    panics(undeclared, "CALLER", "psa_connect: a service that the caller may use")
    own = lambda: serve(lambda psa, m: psa.psa_connect(OPEN, 1))  # noqa: E731
    panics(own, "SERVER", "psa_connect: a service that the caller may use")


def test_rule_14_a_closed_handle_is_dead_and_its_value_not_given_out_at_once() -> None:
    bench = a_bench(conn_handle_max_num=1)
    first = bench.ns.psa_connect(OPEN, 1)
    bench.ns.psa_close(first)
    second = bench.ns.psa_connect(OPEN, 1)
    assert second != first
    assert bench.ns.psa_call(first, 0) == -129
    assert bench.ns.psa_call(second, 0) == 0


def test_rule_14_a_handle_belongs_to_one_client_id_and_a_message_to_one_partition() -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(OPEN, 1)
    assert bench.kernel.ns_client(Arena(NS_RAM, 0x1000), -2).psa_call(handle, 0) == -129
    caller = bench.programs["CALLER"]
    bench.programs["SERVER"].answers[5] = lambda msg: caller.psa.psa_reply(msg.handle, 0) or 0
    panics(lambda: bench.ns.psa_call(handle, 5), "CALLER", "psa_reply: a message handle")


def test_rule_15_rhandle_is_the_connections_and_cursors_are_the_messages() -> None:
    bench = a_bench()
    server = bench.programs["SERVER"]
    seen: list[tuple[object, bytes]] = []

    def take_part(msg: psa_msg_t) -> int:
        buffer = bytearray(2)
        server.psa.psa_read(msg.handle, 0, buffer, 2)
        server.psa.psa_write(msg.handle, 0, b"wxyz")
        seen.append((msg.rhandle, bytes(buffer)))
        server.psa.psa_set_rhandle(msg.handle, 7)
        return 0

    server.answers[5] = take_part
    handles = [bench.ns.psa_connect(OPEN, 1) for _ in range(2)]
    for handle in (handles[0], handles[0], handles[1]):
        out = psa_outvec(bytearray(4))
        assert bench.ns.psa_call(handle, 5, [b"abcd"], [out]) == 0
        assert out.len == 4
    assert seen == [(None, b"ab"), (7, b"ab"), (None, b"ab")]


def test_rule_16_a_line_is_masked_while_its_signal_stands() -> None:
    line, signal = 5, 0x80000000
    manifest = SERVER + "\nirqs: [{source: 5, name: DEV, handling: SLIH}]"

    class Driver(Echo):
        def main(self) -> None:
            while True:
                self.psa.psa_wait(0x70, PSA_BLOCK)
                self.take(0x40)

    def driven(action: Callable[[Any, Any], object]) -> None:
        bench = start_bench((manifest, Driver))
        driver = bench.programs["SERVER"]
        driver.answers[5] = lambda msg: (action(driver.psa, bench.interrupts) and 0) or 0
        assert bench.ns.psa_call(STATELESS, 5) == 0

    def fire(psa: Any, interrupts: Any) -> None:
        psa.psa_irq_enable(signal)
        interrupts.set_level(line, True)

    def end_by(eoi: int) -> Callable[[Any, Any], None]:
        def act(psa: Any, interrupts: Any) -> None:
            fire(psa, interrupts)
            psa.psa_eoi(eoi)

        return act

    def handle(psa: Any, interrupts: Any) -> None:
        fire(psa, interrupts)
        assert not interrupts.is_enabled(line)
        interrupts.set_level(line, False)
        psa.psa_eoi(signal)
        assert interrupts.is_enabled(line)

    driven(handle)
    for eoi in (PSA_DOORBELL, 0x40, signal | 0x40, 0):
        panics(lambda eoi=eoi: driven(end_by(eoi)), "SERVER", "psa_eoi: ")  # type: ignore[misc]
    panics(lambda: driven(lambda psa, interrupts: psa.psa_eoi(signal)), "SERVER", "psa_eoi: a signal that is")


def test_rule_17_non_volatile_memory_is_erased_when_new_and_survives_a_reset() -> None:
    nvmem, ram = 0x102FFC00, 0x28100000
    hardware = Hardware(load_board(BOARD))
    assert hardware.memory.read(nvmem, 0x400) == b"\xff" * 0x400
    hardware.memory.write(nvmem, b"kept")
    hardware.memory.write(ram, b"gone")
    hardware.reset()
    assert hardware.memory.read(nvmem, 4) == b"kept"
    assert hardware.memory.read(ram, 4) == bytes(4)


def test_rule_18_what_a_1_0_manifest_leaves_out() -> None:
    manifest = parse_manifest(
        "{psa_framework_version: 1.0, name: P, type: PSA-ROT, priority: LOW, entry_point: p_main, "
        "stack_size: 64, services: [{name: S, sid: '0x1000', non_secure_clients: true}]}",
        "p.yaml",
    )
    (service,) = manifest.services
    assert manifest.model is PartitionModel.IPC
    assert (service.connection_based, service.version) == (True, 1)
    assert service.version_policy is VersionPolicy.STRICT


def test_rule_19_running_out_of_connections_is_busy_for_everybody() -> None:
    bench = a_bench()
    handles = []
    while (handle := bench.ns.psa_connect(OPEN, 1)) > 0:
        handles.append(handle)
    assert (handle, len(handles)) == (-131, 8)
    bench.ns.psa_close(handles.pop())
    assert as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1)) == -131, "the request took the spare one"
    bench.ns.psa_close(handles.pop())
    assert as_partition(bench, lambda psa: psa.psa_connect(OPEN, 1)) > 0


class Counting(Echo):
    """Counts its requests; type 9 is one too many."""

    def __init__(self, psa: PartitionApi) -> None:
        super().__init__(psa)
        self.answers = {5: lambda msg: len(self.seen), 9: lambda msg: psa.psa_panic()}


def test_rule_20_a_panic_takes_everything_but_flash_down() -> None:
    manifest = parse_manifest(SERVER.replace("stateless_handle: 1", "stateless_handle: 20"), "server.yaml")
    build = Build(bl2=None, partitions=(PartitionBuild(manifest, 3000, Counting),), its=None)
    with Device(BOARD, build=build).power_on() as device:
        old = device.ns
        handle = old.psa_connect(OPEN, 1)
        assert old.psa_call(handle, 5) == 2
        device.hardware.memory.write(0x102FFC00, b"kept")
        for _ in range(2):
            panics(lambda: old.psa_call(handle, 9), "SERVER", "psa_panic")
        device.reset()
        assert device.ns.psa_call(handle, 5) == -129, "no connection survives"
        assert device.ns.psa_call(device.ns.psa_connect(OPEN, 1), 5) == 2, "nor a partition's state"
        assert device.hardware.memory.read(0x102FFC00, 4) == b"kept"
