"""Who a service sees, and whose a connection is: client ids (FF-M 1.1, client_id; TF-M, NS client id)."""

from collections.abc import Callable
from typing import Any

import pytest
from support.kernel_bench import NS_RAM, Bench, Echo, a_manifest, a_service, start_bench

from tfm_sim import DevicePanic, SpmConfig
from tfm_sim.spm.ns_ids import NsClientContexts
from tfm_sim.spm.partition_memory import Arena

SID, STATELESS = 0x1001, 0x40000100
SERVER = a_manifest(
    "SERVER",
    [
        a_service("CONNECTED", SID),
        a_service("STATELESS", 0x1002, connection_based=False, stateless_handle=1),
    ],
)


def a_bench(*, managed: bool = False) -> Bench:
    return start_bench((SERVER, Echo), config=SpmConfig(ns_manage_nsid=managed))


def run_as(bench: Bench, nsid: int) -> None:
    """The RTOS switches to a task with this id."""
    contexts = bench.kernel.ns_contexts
    assert isinstance(contexts, NsClientContexts)
    contexts.tfm_nsce_init(1)
    token = contexts.tfm_nsce_acquire_ctx(1, 1)
    assert contexts.tfm_nsce_load_ctx(token, nsid) == 0


@pytest.mark.parametrize(
    ("nsid", "client_id"), [(-1, -0x3C000000), (-2, -0x3C000001), (-0x10000, -0x3C00FFFF)]
)
@pytest.mark.parametrize("managed", [False, True])
def test_a_non_secure_id_is_translated_into_the_agents_range(
    managed: bool, nsid: int, client_id: int
) -> None:
    bench = a_bench(managed=managed)
    if managed:
        run_as(bench, nsid)
    ns = bench.ns if managed else bench.kernel.ns_client(Arena(NS_RAM, 0x1000), nsid)
    ns.psa_call(STATELESS, 0)
    (msg,) = bench.programs["SERVER"].seen
    assert msg.client_id == client_id


@pytest.mark.parametrize("nsid", [0, 1, -0x10001])
def test_a_non_secure_id_out_of_the_agents_range_is_refused(nsid: int) -> None:
    with pytest.raises(ValueError, match="legal are -1 down to -65536"):
        a_bench().kernel.ns_client(Arena(NS_RAM, 0x1000), nsid)


CALLS: dict[str, Callable[[Any], object]] = {
    "psa_connect": lambda ns: ns.psa_connect(SID, 1),
    "psa_call": lambda ns: ns.psa_call(STATELESS, 0),
    "psa_close": lambda ns: ns.psa_close(0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nsid", [None, -0x10001])
def test_a_call_without_a_loaded_context_or_with_an_id_out_of_range_panics(
    nsid: int | None, call: str
) -> None:
    bench = a_bench(managed=True)
    if nsid is not None:
        run_as(bench, nsid)
    with pytest.raises(DevicePanic) as panic:
        CALLS[call](bench.ns)
    assert panic.value.report.rule == f"{call}: a non-secure client id"


def test_psa_framework_version_asks_for_no_client_id_and_never_fails() -> None:
    assert a_bench(managed=True).ns.psa_framework_version() == 0x0101


def test_a_connection_belongs_to_the_id_that_opened_it_whatever_task_the_rtos_loads() -> None:
    """One caller for the SPM's eyes, two tasks by their ids: neither may use the other's connection."""
    bench = a_bench(managed=True)
    run_as(bench, -1)
    handle = bench.ns.psa_connect(SID, 1)
    run_as(bench, -2)
    assert bench.ns.psa_call(handle, 5) == -129
    bench.ns.psa_close(handle)
    run_as(bench, -1)
    assert bench.ns.psa_call(handle, 6) == 0
    bench.ns.psa_close(handle)
    assert [(m.type, m.client_id) for m in bench.programs["SERVER"].seen] == [
        (-1, -0x3C000000),
        (6, -0x3C000000),
        (-2, -0x3C000000),
    ]
