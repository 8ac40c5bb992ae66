"""The non-secure side on a core of its own: all goes over the mailbox, several requests at once."""

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.dual_core import (
    BOARD,
    CONNECTED_SID,
    CRASH,
    FAIL,
    HOLD,
    NS_RAM,
    QUEUE,
    RELEASE,
    SECURE_ONLY_SID,
    SECURE_RAM,
    STATELESS,
    WHO,
    boot_dual_core,
    on_demand,
    on_demand_build,
    who,
)

import tfm_sim
from tfm_sim import Build, Device, DevicePanic, SpmConfig, psa_invec, psa_outvec
from tfm_sim.interface.apis import PsaApis
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.interface.trace import Event
from tfm_sim.platform.interrupts import InterruptController
from tfm_sim.platform.power import SystemReset
from tfm_sim.spm.buffers import BuffersDoNotFit
from tfm_sim.spm.config import Backend
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.events import CallEntered, CallReturned, MessageDelivered, ThreadSwitched
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.ns_tasks import NsTask
from tfm_sim.spm.scheduler import WrongThread
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

CHALLENGE = bytes(range(32))
LIMIT = -0x04000000
Task = Callable[[ClientDoor], object]


def client_id_in(token: bytes, device: Device) -> object:
    """The client-id claim of a token, which verifies."""
    verdict = verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE)
    assert verdict.ok, verdict.reasons
    claim = verdict.claim("client-id")
    assert claim is not None
    return claim.value


def calls(type_: int, handle: int = STATELESS) -> Task:
    return lambda ns: ns.psa_call(handle, type_)


def start(device: Device, *tasks: Task) -> list[NsTask]:
    """A task each, with ids from -2 down, all in the middle of what they do first."""
    return [
        device.start_task(task, f"task {i}", ns_id=-2 - i, priority=1, memory=0x800)
        for i, task in enumerate(tasks)
    ]


def results(device: Device, tasks: list[NsTask]) -> list[object]:
    device.join(*tasks)
    return [task.result for task in tasks]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_from_power_to_a_verified_token_with_the_translated_client_id(level: int) -> None:
    with tfm_sim.boot(BOARD, build=Build(spm=SpmConfig(isolation_level=level))) as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        assert client_id_in(token, device) == LIMIT


def test_a_token_of_a_task_has_the_tasks_id() -> None:
    def token(ns: ClientDoor) -> bytes:
        out = psa_outvec(bytearray(600))
        assert ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, 1001, [CHALLENGE], [out]) == 0
        assert isinstance(out.base, bytearray)
        return bytes(out.base[: out.len])

    with tfm_sim.boot(BOARD) as device:
        task = device.start_task(token, "attester", ns_id=-0x1234)
        device.join(task)
        assert isinstance(task.result, bytes)
        assert client_id_in(task.result, device) == LIMIT - 0x1233


def test_a_deferred_service_does_not_hold_up_another_clients_request() -> None:
    with boot_dual_core() as device:
        held = start(device, calls(HOLD), calls(HOLD))
        assert who(device.ns) == LIMIT
        assert not any(task.done for task in held)
        assert device.ns.psa_call(STATELESS, RELEASE) == 0
        assert results(device, held) == [0, 1]


def test_replies_come_out_of_order_and_each_to_its_own_task() -> None:
    order: list[str] = []

    def held(name: str) -> Task:
        def task(ns: ClientDoor) -> tuple[int, int]:
            status = ns.psa_call(STATELESS, HOLD)
            order.append(name)
            return status, who(ns)

        return task

    with boot_dual_core() as device:
        tasks = start(device, held("first"), held("second"), held("third"))
        assert device.ns.psa_call(STATELESS, RELEASE) == 0
        assert results(device, tasks) == [(0, LIMIT - 1), (1, LIMIT - 2), (2, LIMIT - 3)]
        seen = on_demand(device).seen
    assert order == ["first", "second", "third"], "all were ready, and the one started first goes first"
    assert [type_ for type_, _ in seen] == [HOLD, HOLD, HOLD, RELEASE, WHO, WHO, WHO]


def test_more_requests_than_slots_wait_for_a_slot_in_order() -> None:
    with boot_dual_core() as device:
        held = start(device, *[calls(HOLD)] * 4)
        late = [
            device.start_task(who, f"late {i}", ns_id=-10 - i, priority=1, memory=0x800) for i in range(2)
        ]
        assert device.hardware.memory.read(QUEUE, 4) == bytes(4), "all four are taken"
        assert len(on_demand(device).seen) == 4, "the others are not in the mailbox"
        program = on_demand(device)
        program.psa.psa_reply(program.held.pop(), 99)  # its service is done with the last one now
        assert results(device, [held[3], *late]) == [99, LIMIT - 9, LIMIT - 10]
        assert not held[0].done


def test_the_pool_is_shared_and_its_end_is_connection_busy() -> None:
    with boot_dual_core(conn_handle_max_num=3) as device:
        held = start(device, *[calls(HOLD)] * 2)
        handle = device.ns.psa_connect(CONNECTED_SID, 1)
        assert handle > 0
        assert device.ns.psa_connect(CONNECTED_SID, 1) == -131
        assert device.ns.psa_call(STATELESS, WHO) == -131
        assert device.ns.psa_call(handle, RELEASE) == 0
        device.join(*held)
        assert device.ns.psa_call(STATELESS, WHO) == 0


def test_a_connection_is_of_the_client_that_made_it() -> None:
    with boot_dual_core() as device:
        handle = device.ns.psa_connect(CONNECTED_SID, 1)

        def steal(ns: ClientDoor) -> int:
            ns.psa_close(handle)
            return ns.psa_call(handle, WHO)

        assert results(device, start(device, steal)) == [-129]
        assert who(device.ns, handle) == LIMIT
        same = device.start_task(lambda ns: who(ns, handle), "same id", ns_id=-1)
        assert results(device, [same]) == [LIMIT]
        device.ns.psa_close(handle)
        assert device.ns.psa_call(handle, WHO) == -129
        assert [type_ for type_, _ in on_demand(device).seen] == [-1, WHO, WHO, -2]


@pytest.mark.parametrize("ns_id", [0, 1, -0x10001, -(2**31), 2**31 - 1])
def test_a_task_whose_id_the_agent_has_no_place_for(ns_id: int) -> None:
    def task(ns: ClientDoor) -> list[int]:
        return [ns.psa_framework_version(), ns.psa_connect(CONNECTED_SID, 1), ns.psa_call(STATELESS, WHO)]

    with boot_dual_core() as device:
        stranger = device.start_task(task, "stranger", ns_id=ns_id)
        assert results(device, [stranger]) == [[0x0101, -135, -135]]
        assert on_demand(device).seen == []
        assert who(device.ns) == LIMIT


def outvec(call: Callable[[psa_outvec], int], size: int = 4) -> tuple[int, int, bytes]:
    out = psa_outvec(bytearray(b"\xee" * size), size)
    status = call(out)
    assert isinstance(out.base, bytearray)
    return status, out.len, bytes(out.base)


def across_regions(ns: ClientDoor) -> int:
    """The last word of the region where the buffers of calls are, and what follows it."""
    return ns.psa_call(STATELESS, WHO, [psa_invec(0x281FEFFC, 0x100000)])


# What a non-secure client can do and see is the same on one core and on two.
SAME_ON_BOTH: list[Callable[[ClientDoor], Any]] = [
    lambda ns: ns.psa_framework_version(),
    lambda ns: [ns.psa_version(sid) for sid in (0x80, CONNECTED_SID, SECURE_ONLY_SID, 0x9999, -1)],
    lambda ns: [ns.psa_connect(sid, 1) for sid in (0x9999, SECURE_ONLY_SID, 0xFA02)],
    lambda ns: [ns.psa_connect(CONNECTED_SID, version) for version in (0, 2)],
    lambda ns: [ns.psa_call(handle, WHO) for handle in (0, 0x1234DEAD, -1, 0x4000001B)],
    lambda ns: [ns.psa_call(STATELESS, type_) for type_ in (-1, 32768, 32767, 2**32)],
    lambda ns: ns.psa_call(STATELESS, WHO, [b"1"] * 5),
    lambda ns: ns.psa_call(STATELESS, WHO, [b"1"] * 3, [psa_outvec(bytearray(1))] * 2),
    lambda ns: [ns.psa_call(STATELESS, WHO, [psa_invec(base, 4)]) for base in (0, SECURE_RAM, 0xFFFFFFFC)],
    lambda ns: [ns.psa_call(STATELESS, WHO, [], [psa_outvec(base, 4)]) for base in (0, SECURE_RAM)],
    lambda ns: ns.psa_call(STATELESS, WHO, [psa_invec(0, 0), b"", b"x"], [psa_outvec(0, 0)]),
    lambda ns: ns.psa_call(STATELESS, WHO, [psa_invec(NS_RAM, 8), psa_invec(NS_RAM + 4, 8)]),
    lambda ns: [ns.psa_call(STATELESS, WHO, a, in_len=1) for a in (0, SECURE_RAM)],
    lambda ns: [ns.psa_call(STATELESS, WHO, [], a, out_len=n) for a, n in ((0, 1), (SECURE_RAM, 1), (0, 0))],
    lambda ns: outvec(lambda out: ns.psa_call(STATELESS, RELEASE, [], [out])),
    lambda ns: outvec(lambda out: ns.psa_call(STATELESS, -1, [], [out])),
    lambda ns: outvec(lambda out: ns.psa_call(STATELESS, FAIL, [], [out])),
    lambda ns: outvec(lambda out: ns.psa_call(STATELESS, RELEASE, [b"1"] * 4, [out])),
    lambda ns: outvec(lambda out: ns.psa_call(STATELESS, RELEASE, [], [out]), 0),
    lambda ns: outvec(lambda out: ns.psa_call(0x40000103, 1001, [CHALLENGE], [out]), 600)[1],
    lambda ns: ns.psa_call(ns.psa_connect(CONNECTED_SID, 1), FAIL),
    across_regions,
]


@pytest.mark.parametrize("what", SAME_ON_BOTH)
def test_a_client_sees_the_same_as_on_one_core(what: Callable[[ClientDoor], Any]) -> None:
    with tfm_sim.boot(build=on_demand_build()) as one, boot_dual_core() as two:
        assert what(two.ns) == what(one.ns)
        assert [type_ for type_, _ in on_demand(two).seen] == [type_ for type_, _ in on_demand(one).seen]


@pytest.mark.parametrize(
    ("vectors", "error"),
    [
        (lambda: ([psa_invec(b"abc", 4)], []), ValueError),
        (lambda: ([], [psa_outvec(bytearray(3), 4)]), ValueError),
        (lambda: ([], [psa_outvec(b"abc")]), TypeError),  # type: ignore[arg-type]
        (lambda: ([bytes(0x80000)], []), BuffersDoNotFit),
        (lambda: ([], [psa_outvec(bytearray(0x7F800)), psa_outvec(bytearray(0x800))]), BuffersDoNotFit),
    ],
)
def test_buffers_that_c_could_not_express_or_memory_not_hold(
    vectors: Callable[[], tuple[Any, Any]], error: type[Exception]
) -> None:
    with boot_dual_core() as device:
        with pytest.raises(error):
            device.ns.psa_call(STATELESS, WHO, *vectors())
        assert who(device.ns) == LIMIT


def test_the_room_of_a_call_is_free_again_after_it() -> None:
    with boot_dual_core() as device:
        for _ in range(3):
            assert device.ns.psa_call(STATELESS, RELEASE, [bytes(0x3F000)], [psa_outvec(bytearray(8))]) == 0


def test_vectors_at_addresses() -> None:
    with boot_dual_core() as device:
        device.ns.cpu.store(NS_RAM, struct.pack("<II", NS_RAM + 0x100, 8))
        assert device.ns.psa_call(STATELESS, WHO, [], NS_RAM, out_len=1) == 0
        assert device.ns.cpu.load(NS_RAM + 4, 4) == b"\x04\0\0\0"
        out = psa_outvec(NS_RAM + 0x200, 8)
        assert device.ns.psa_call(STATELESS, WHO, [], [out]) == 0
        assert out.len == 4
        assert device.ns.cpu.load(NS_RAM + 0x200, 4) == struct.pack("<i", LIMIT)


def test_a_panic_while_requests_are_in_flight_takes_all_down_and_reset_forgets_them() -> None:
    with boot_dual_core() as device:
        held = start(device, *[calls(HOLD)] * 3)
        before = device.ns
        with pytest.raises(DevicePanic, match="ON_DEMAND broke a rule"):
            device.ns.psa_call(STATELESS, CRASH)
        with pytest.raises(DevicePanic, match="ON_DEMAND broke a rule"):
            device.ns.psa_framework_version()
        with pytest.raises(DevicePanic, match="ON_DEMAND broke a rule"):
            device.join(*held)
        device.reset()
        assert not any(task.done for task in held)
        assert device.hardware.memory.read(QUEUE, 288) == bytes(288)
        assert results(device, start(device, *[who] * 4)) == [LIMIT - 1 - i for i in range(4)]
        with pytest.raises((SystemReset, DevicePanic)):
            before.psa_framework_version()


def test_a_panic_in_a_tasks_call_comes_out_of_join() -> None:
    with boot_dual_core() as device:
        tasks = [device.start_task(calls(type_), f"{type_}", memory=0x800) for type_ in (HOLD, CRASH)]
        with pytest.raises(DevicePanic, match="ZeroDivisionError"):
            device.join(*tasks)


def test_a_reset_while_requests_are_in_flight_forgets_them() -> None:
    with boot_dual_core() as device:
        start(device, *[calls(HOLD)] * 4)
        device.reset()
        assert who(device.ns) == LIMIT
        assert on_demand(device).held == []
        cpu1: InterruptController = device.hardware.cpu1_interrupts
        assert (cpu1.level(6), cpu1.is_pending(6)) == (False, False)


def test_a_reply_that_never_comes_is_named() -> None:
    with (
        boot_dual_core() as device,
        pytest.raises(DevicePanic, match=r"ON_DEMAND broke.*somebody can run") as e,
    ):
        device.ns.psa_call(STATELESS, HOLD)
    assert "NS client -1 blocked" in str(e.value)


def test_what_a_task_raises_comes_out_of_join() -> None:
    def fail(ns: ClientDoor) -> None:
        ns.psa_framework_version()
        raise KeyError("mine")

    with boot_dual_core() as device, pytest.raises(KeyError, match="mine"):
        device.join(*start(device, fail))


def test_a_programmer_error_panics_where_the_build_says_so() -> None:
    with (
        boot_dual_core(ns_programmer_error_panics=True) as device,
        pytest.raises(DevicePanic, match="NS client -1"),
    ):
        device.ns.psa_call(0x1234DEAD, WHO)


def test_time_passes_on_both_cores_while_the_non_secure_one_idles() -> None:
    with boot_dual_core() as device:
        before = device.hardware.clock.now
        device.idle(500)
        assert device.hardware.clock.now - before == 500
        assert who(device.ns) == LIMIT


def test_another_os_thread_is_refused_and_the_device_unharmed() -> None:
    with boot_dual_core() as device:
        with ThreadPoolExecutor(1) as pool, pytest.raises(WrongThread):
            pool.submit(device.ns.psa_framework_version).result()
        assert device.ns.psa_framework_version() == 0x0101


def a_busy_run(seed: int, level: int = 1) -> tuple[list[Event], list[object]]:
    """Every event of a run with five tasks that hold, release, connect and ask for random bytes."""
    events: list[Event] = []

    def mixed(ns: ClientDoor) -> list[int]:
        handle = ns.psa_connect(CONNECTED_SID, 1)
        statuses = [handle, ns.psa_call(handle, HOLD), who(ns, handle)]
        ns.psa_close(handle)
        return statuses

    def randomly(ns: ClientDoor) -> bytes:
        return PsaApis(ns).crypto.generate_random(8)

    with boot_dual_core(events.append, seed=seed, isolation_level=level) as device:
        tasks = start(device, mixed, randomly, mixed, randomly, mixed)
        device.ns.psa_call(STATELESS, RELEASE)
        done = results(device, tasks)
        return list(events), done


def test_one_seed_is_one_run() -> None:
    first, again, other = a_busy_run(5), a_busy_run(5), a_busy_run(6)
    assert first == again
    assert first[1][1] != other[1][1], "the random bytes"
    assert [r for r in first[1] if isinstance(r, list)] == [r for r in other[1] if isinstance(r, list)]


@pytest.mark.parametrize("level", [2, 3])
def test_a_run_is_the_same_at_each_isolation_level(level: int) -> None:
    assert a_busy_run(5, level) == a_busy_run(5)


def test_the_trace_names_the_client_on_both_sides() -> None:
    events: list[Event] = []
    with boot_dual_core() as device:
        device.trace.listeners.append(events.append)
        device.ns.psa_call(STATELESS, WHO, [b"12"], [psa_outvec(bytearray(4))])
    [entered] = [e for e in events if isinstance(e, CallEntered)]
    [delivered] = [e for e in events if isinstance(e, MessageDelivered)]
    [returned] = [e for e in events if isinstance(e, CallReturned)]
    assert (entered.client, entered.client_id) == ("NS client -1", -1)
    assert (entered.in_sizes, entered.out_sizes) == ((2,), (4,))
    assert entered.client == delivered.client == returned.client
    threads = [e.thread for e in events if isinstance(e, ThreadSwitched)]
    agent = "TFM_NS_MAILBOX_AGENT"
    assert threads == [agent, "ON_DEMAND", agent, "NS"]


@pytest.mark.parametrize(
    ("spm", "says"),
    [
        (
            SpmConfig(backend=Backend.SFN),
            r"the SFN backend on board an521_dual_core, .*; legal: Backend\.IPC",
        ),
        (SpmConfig(ns_manage_nsid=True), "ns_manage_nsid on board an521_dual_core, .*; legal: False"),
    ],
)
def test_builds_that_two_cores_cannot_have(spm: SpmConfig, says: str) -> None:
    with pytest.raises(LoadError, match=says):
        Device(BOARD, build=Build(spm=spm))
