"""psa_framework_version, psa_version, psa_connect, psa_close (spm.md 1.3; FF-M 1.1)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import Bench, Echo, SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
)
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.states import (
    CONNECTION,
    ConnectionEvent,
    ConnectionState,
    Draining,
    Free,
    StatelessActive,
    Terminated,
    Terminating,
)

OPEN, RELAXED, CLOSED, STATELESS, OWN = 0x1001, 0x1002, 0x1003, 0x1004, 0x2001
SERVER = a_manifest(
    "SERVER",
    [
        a_service("OPEN", OPEN, version=2),
        a_service("RELAXED", RELAXED, version=2, version_policy="RELAXED"),
        a_service("CLOSED", CLOSED, non_secure_clients=False),
        a_service("STATELESS", STATELESS, connection_based=False, stateless_handle=1),
    ],
)
CALLER = a_manifest(
    "CALLER",
    [a_service("OWN", OWN, connection_based=False, stateless_handle=2)],
    dependencies="[CLOSED, RELAXED, STATELESS]",
)
CALLER_HANDLE = 0x40000101


class Caller(Echo):
    """A partition that does on request type 1 what ``todo`` says."""

    todo: Callable[[Any], int] = staticmethod(lambda psa: 0)

    def answer(self, msg: Any) -> int:
        return self.todo(self.psa) if msg.type == 1 else 0


def a_bench(model: str = "IPC") -> Bench:
    if model == "IPC":
        return start_bench((SERVER, Echo), (CALLER, Caller))
    return start_bench(
        (SERVER.replace("model: IPC", "model: SFN").replace("entry_point: main\n", ""), SfnEcho),
        (CALLER, Caller),
    )


def secure(bench: Bench, todo: Callable[[Any], int]) -> int:
    bench.programs["CALLER"].todo = todo
    return bench.ns.psa_call(CALLER_HANDLE, 1)


def test_psa_framework_version() -> None:
    assert a_bench().ns.psa_framework_version() == 0x0101


@pytest.mark.parametrize(
    ("sid", "ns", "secure_caller"),
    [
        (OPEN, 2, 0),
        (RELAXED, 2, 2),
        (CLOSED, 0, 1),
        (STATELESS, 1, 1),
        (OWN, 1, 0),
        (0xDEAD0000, 0, 0),
        (0, 0, 0),
    ],
)
def test_psa_version(sid: int, ns: int, secure_caller: int) -> None:
    bench = a_bench()
    assert bench.ns.psa_version(sid) == ns
    assert secure(bench, lambda psa: int(psa.psa_version(sid))) == secure_caller


@pytest.mark.parametrize(
    ("sid", "version", "status", "rule"),
    [
        (0xDEAD0000, 1, PSA_ERROR_CONNECTION_REFUSED, "an RoT Service with this SID"),
        (STATELESS, 1, PSA_ERROR_PROGRAMMER_ERROR, "a connection-based service"),
        (CLOSED, 1, PSA_ERROR_CONNECTION_REFUSED, "a service that the caller may use"),
        (OPEN, 0, PSA_ERROR_CONNECTION_REFUSED, "a version that the policy admits"),
        (OPEN, 1, PSA_ERROR_CONNECTION_REFUSED, "a version that the policy admits"),
        (OPEN, 3, PSA_ERROR_CONNECTION_REFUSED, "a version that the policy admits"),
        (RELAXED, 3, PSA_ERROR_CONNECTION_REFUSED, "a version that the policy admits"),
    ],
)
def test_psa_connect_refused_by_the_spm(sid: int, version: int, status: int, rule: str) -> None:
    bench = a_bench()
    assert bench.ns.psa_connect(sid, version) == status
    assert bench.programs["SERVER"].seen == []
    assert any(rule in str(event) for event in bench.events)


@pytest.mark.parametrize(
    ("sid", "version"), [(0xDEAD0000, 1), (STATELESS, 1), (OPEN, 2), (OWN, 1), (RELAXED, 3), (CLOSED, 2)]
)
def test_psa_connect_refused_by_the_spm_panics_a_partition(sid: int, version: int) -> None:
    with pytest.raises(DevicePanic) as panic:
        secure(a_bench(), lambda psa: int(psa.psa_connect(sid, version)))
    assert panic.value.report.culprit == "CALLER"
    assert panic.value.report.rule.startswith("psa_connect:")


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("status", [PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY])
def test_psa_connect_refused_by_the_service_never_panics(status: int, model: str) -> None:
    bench = a_bench(model)
    bench.programs["SERVER"].answers[-1] = status
    assert bench.ns.psa_connect(RELAXED, 1) == status
    assert secure(bench, lambda psa: int(psa.psa_connect(RELAXED, 1))) == status
    assert not bench.kernel.connections.open


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("status", [-114, -129, 1])
def test_psa_reply_to_connect_with_any_other_status_panics_the_service(status: int, model: str) -> None:
    bench = a_bench(model)
    bench.programs["SERVER"].answers[-1] = status
    with pytest.raises(DevicePanic) as panic:
        bench.ns.psa_connect(RELAXED, 1)
    assert panic.value.report.culprit == "SERVER"


@pytest.mark.parametrize(("sid", "version"), [(OPEN, 2), (RELAXED, 0), (RELAXED, 1), (RELAXED, 2)])
def test_psa_connect_accepted(sid: int, version: int) -> None:
    bench = a_bench()
    handle = bench.ns.psa_connect(sid, version)
    assert 0 < handle < 0x40000000
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].types == [-1, -2]


@pytest.mark.parametrize("handle", [0, 0x1234DEAD, -5, 0x40000100])
def test_psa_close_of_what_is_not_open_has_no_effect_for_the_non_secure_side(handle: int) -> None:
    bench = a_bench()
    bench.ns.psa_close(handle)
    assert bench.programs["SERVER"].seen == []


@pytest.mark.parametrize("handle", [0x1234DEAD, -5, 0x40000100])
def test_psa_close_of_what_is_not_open_panics_a_partition(handle: int) -> None:
    def close(psa: Any) -> int:
        psa.psa_close(handle)
        return 0

    with pytest.raises(DevicePanic, match="psa_close:"):
        secure(a_bench(), close)


def test_psa_close_of_the_null_handle_is_legal_for_a_partition() -> None:
    def close(psa: Any) -> int:
        psa.psa_close(0)
        return 0

    assert secure(a_bench(), close) == 0


@pytest.mark.parametrize("model", ["IPC", "SFN"])
@pytest.mark.parametrize("status", [0, -129, 5, -114])
def test_any_reply_to_disconnect_closes(status: int, model: str) -> None:
    bench = a_bench(model)
    bench.programs["SERVER"].answers[-2] = status
    bench.ns.psa_close(bench.ns.psa_connect(RELAXED, 1))
    assert not bench.kernel.connections.open


def test_handles_follow_tfm_s_layout() -> None:
    """The recorded TF-M hands out slots from the pool's end and counts a loop modulo 8 (spm.md 1.5)."""
    bench = a_bench()
    handles = [bench.ns.psa_connect(RELAXED, 1) for _ in range(8)]
    offsets = [(h - 1) >> 3 for h in handles]
    assert offsets == [20 + 148 * slot for slot in range(7, -1, -1)]
    assert [(h - 1) & 7 for h in handles] == [1, 2, 3, 4, 5, 6, 7, 0]


STATES = ConnectionState.__subclasses__()
EVENTS = ConnectionEvent.__subclasses__()


def test_the_connection_table_knows_every_state_and_every_event() -> None:
    assert set(CONNECTION) == set(STATES)
    assert {event for row in CONNECTION.values() for event in row} == set(EVENTS)
    reachable = {Free} | {target for row in CONNECTION.values() for target in row.values()}
    assert reachable == set(STATES)


@pytest.mark.parametrize("state", STATES, ids=lambda s: s.__name__)
def test_every_connection_state_leads_back_to_free(state: type[ConnectionState]) -> None:
    seen: set[type[ConnectionState]] = set()
    todo = [state]
    while todo:
        now = todo.pop()
        if now not in seen:
            seen.add(now)
            todo += CONNECTION[now].values()
    assert Free in seen


def test_a_terminated_connection_never_serves_again() -> None:
    for state in (Terminating, Terminated, Draining):
        assert set(CONNECTION[state].values()) <= {Terminated, Draining, Free}
    assert set(CONNECTION[StatelessActive].values()) == {Free}
