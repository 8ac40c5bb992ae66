"""Who the non-secure side is: TF-M's translation of ids, and TFM_NS_MANAGE_NSID (spm.md 5)."""

from collections.abc import Callable

import pytest
from support.kernel_bench import NS_RAM, Bench, Echo, a_manifest, a_service, start_bench

from tfm_sim.spm.client import NS_ID_LOWEST, ns_client_id
from tfm_sim.spm.config import SpmConfig
from tfm_sim.spm.door import ClientDoor
from tfm_sim.spm.load import LoadError, PartitionBuild, check_builds
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.ns_ids import TOKEN_INVALID, NsClientContexts, NsidError
from tfm_sim.spm.ns_tasks import join, start_task
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_memory import Arena

HANDLE = 0x40000100
SERVER = a_manifest("SERVER", [a_service("S", 0x1001, connection_based=False, stateless_handle=1)])

# (non-secure id, what services see); 0 is TF-M's for "none", with which a PSA call panics.
TRANSLATION: list[tuple[int, int | None]] = [
    (-1, -0x3C000000),
    (-2, -0x3C000001),
    (-0xFFFF, -0x3C00FFFE),
    (-0x10000, -0x3C00FFFF),
    (-0x10001, None),
    (-(2**31), None),
    (0, None),
    (1, None),
    (2**31 - 1, None),
]


@pytest.mark.parametrize(("ns_id", "client_id"), TRANSLATION)
def test_translation(ns_id: int, client_id: int | None) -> None:
    assert ns_client_id(ns_id) == client_id


def test_the_first_id_is_0xc4000000_and_the_lowest_is_known() -> None:
    assert -0x3C000000 & 0xFFFFFFFF == 0xC4000000
    assert NS_ID_LOWEST == -0x10000


@pytest.mark.parametrize(("base", "limit"), [(-(2**31), -1), (-10, -1), (-7, -7)])
def test_translation_in_another_agents_range(base: int, limit: int) -> None:
    lowest = -(limit - base) - 1
    assert ns_client_id(-1, base, limit) == limit
    assert ns_client_id(lowest, base, limit) == base
    assert ns_client_id(lowest - 1, base, limit) is None


def test_without_ns_manage_nsid_everybody_is_the_first_id() -> None:
    bench = start_bench((SERVER, Echo))
    assert bench.kernel.ns_contexts is None
    bench.ns.psa_call(HANDLE, 1)
    assert bench.programs["SERVER"].seen[0].client_id == -0x3C000000


@pytest.mark.parametrize("pid", [0, -1, -0x3C000000])
def test_a_partition_has_a_positive_id(pid: int) -> None:
    """TF-M: sign and kind of a caller must agree; the sign of a partition's is settled when it is loaded."""
    with pytest.raises(LoadError, match=rf"partition id {pid}\b"):
        check_builds([PartitionBuild(parse_manifest(SERVER, "p.yaml"), pid, Echo)])


# ---- The tfm_nsce calls ----


def loaded(ns_id: int = -1) -> tuple[NsClientContexts, int]:
    contexts = NsClientContexts()
    token = contexts.tfm_nsce_acquire_ctx(0, 1)
    assert contexts.tfm_nsce_load_ctx(token, ns_id) is NsidError.SUCCESS
    return contexts, token


@pytest.mark.parametrize(("requested", "granted"), [(0, 1), (1, 1), (2, 1), (255, 1)])
def test_init_grants_one_context_and_0_asks_for_all(requested: int, granted: int) -> None:
    assert NsClientContexts().tfm_nsce_init(requested) == granted


@pytest.mark.parametrize(
    ("group", "thread", "token"),
    [(0, 0, 0), (0, 1, 1), (2, 3, 0x203), (0xFF, 0xFF, 0xFFFF), (0x102, 0x103, 0x203)],
)
def test_a_token_is_context_group_and_thread(group: int, thread: int, token: int) -> None:
    assert NsClientContexts().tfm_nsce_acquire_ctx(group, thread) == token


def test_threads_of_one_group_share_the_context_and_another_group_gets_none() -> None:
    contexts = NsClientContexts()
    tokens = [contexts.tfm_nsce_acquire_ctx(1, thread) for thread in range(3)]
    assert tokens == [0x100, 0x101, 0x102]
    assert contexts.tfm_nsce_acquire_ctx(2, 0) == TOKEN_INVALID
    for token in tokens:
        assert contexts.tfm_nsce_acquire_ctx(2, 0) == TOKEN_INVALID
        assert contexts.tfm_nsce_release_ctx(token) is NsidError.SUCCESS
    assert contexts.tfm_nsce_acquire_ctx(2, 0) == 0x200


def test_a_context_has_255_threads() -> None:
    contexts = NsClientContexts()
    assert TOKEN_INVALID not in [contexts.tfm_nsce_acquire_ctx(0, i) for i in range(255)]
    assert contexts.tfm_nsce_acquire_ctx(0, 255) == TOKEN_INVALID


Nsce = Callable[[NsClientContexts, int], int]
LOAD: Nsce = lambda c, token: c.tfm_nsce_load_ctx(token, -1)  # noqa: E731
SAVE: Nsce = NsClientContexts.tfm_nsce_save_ctx
RELEASE: Nsce = NsClientContexts.tfm_nsce_release_ctx
ERRORS: list[tuple[str, Nsce, int, NsidError]] = [
    ("load", LOAD, 1, NsidError.SUCCESS),
    ("load another thread of the group", LOAD, 2, NsidError.SUCCESS),
    ("load of another group", LOAD, 0x101, NsidError.INVALID_TOKEN),
    ("load of no context", LOAD, 0x10001, NsidError.INVALID_TOKEN),
    ("load with a top byte", LOAD, 0x1000001, NsidError.INVALID_TOKEN),
    ("load of the failed token", LOAD, TOKEN_INVALID, NsidError.INVALID_TOKEN),
    ("load of id 0", lambda c, t: c.tfm_nsce_load_ctx(t, 0), 1, NsidError.INVALID_NSID),
    ("load of id 5", lambda c, t: c.tfm_nsce_load_ctx(t, 5), 1, NsidError.INVALID_NSID),
    ("load of id 0, bad token", lambda c, t: c.tfm_nsce_load_ctx(t, 0), 0x101, NsidError.INVALID_NSID),
    ("save", SAVE, 1, NsidError.SUCCESS),
    ("save of a thread that is not loaded", SAVE, 2, NsidError.INVALID_TOKEN),
    ("save of another group", SAVE, 0x101, NsidError.INVALID_TOKEN),
    ("save with a top byte", SAVE, 0x1000001, NsidError.INVALID_TOKEN),
    ("release", RELEASE, 1, NsidError.SUCCESS),
    ("release of another group", RELEASE, 0x101, NsidError.INVALID_TOKEN),
    ("release of no context", RELEASE, 0x10001, NsidError.INVALID_TOKEN),
    ("release with a top byte", RELEASE, 0x1000001, NsidError.INVALID_TOKEN),
]


@pytest.mark.parametrize(("call", "token", "error"), [row[1:] for row in ERRORS], ids=[r[0] for r in ERRORS])
def test_error_codes(call: Nsce, token: int, error: NsidError) -> None:
    contexts, mine = loaded()
    assert mine == 1
    assert call(contexts, token) == error


@pytest.mark.parametrize("call", [LOAD, SAVE, RELEASE, lambda c, t: c.tfm_nsce_load_ctx(t, 0)])
def test_in_thread_mode_the_mode_is_what_is_wrong(call: Nsce) -> None:
    contexts, token = loaded()
    contexts.handler_mode = False
    for each in (token, TOKEN_INVALID):
        assert call(contexts, each) == NsidError.WRONG_MODE
    assert contexts.ns_id == -1
    assert contexts.tfm_nsce_init(1) == 0
    assert contexts.tfm_nsce_acquire_ctx(0, 1) == TOKEN_INVALID


def test_a_saved_context_cannot_be_saved_again_and_a_released_one_not_loaded() -> None:
    contexts, token = loaded()
    assert contexts.tfm_nsce_save_ctx(token) is NsidError.SUCCESS
    assert contexts.tfm_nsce_save_ctx(token) is NsidError.INVALID_TOKEN
    assert contexts.tfm_nsce_release_ctx(token) is NsidError.SUCCESS
    assert contexts.tfm_nsce_load_ctx(token, -1) is NsidError.INVALID_TOKEN


def test_the_loaded_thread_keeps_the_context_whatever_others_of_its_group_release() -> None:
    contexts, token = loaded(-7)
    assert contexts.tfm_nsce_release_ctx(2) is NsidError.SUCCESS
    assert contexts.ns_id == -7
    assert contexts.tfm_nsce_acquire_ctx(9, 0) == TOKEN_INVALID
    assert contexts.tfm_nsce_release_ctx(token) is NsidError.SUCCESS
    assert contexts.ns_id is None


# ---- PSA calls of a managed non-secure side ----


def managed() -> tuple[Bench, NsClientContexts]:
    bench = start_bench((SERVER, Echo), config=SpmConfig(ns_manage_nsid=True))
    assert bench.kernel.ns_contexts is not None
    return bench, bench.kernel.ns_contexts


def test_services_see_the_id_of_the_context_that_is_loaded() -> None:
    bench, contexts = managed()
    token = contexts.tfm_nsce_acquire_ctx(0, 0)
    for ns_id in (-1, -5, -0x10000):
        contexts.tfm_nsce_load_ctx(token, ns_id)
        assert bench.ns.psa_call(HANDLE, 1) == 0
    assert [m.client_id for m in bench.programs["SERVER"].seen] == [-0x3C000000, -0x3C000004, -0x3C00FFFF]


def test_a_connection_belongs_to_the_id_that_opened_it_whatever_task_the_rtos_loads() -> None:
    """One caller for the SPM's eyes, two tasks by their ids: neither may use the other's connection."""
    service = a_service("CONNECTED", 0x1002)
    manifest = a_manifest("SERVER", [service])
    bench = start_bench((manifest, Echo), config=SpmConfig(ns_manage_nsid=True))
    contexts = bench.kernel.ns_contexts
    assert contexts is not None
    token = contexts.tfm_nsce_acquire_ctx(0, 0)
    contexts.tfm_nsce_load_ctx(token, -1)
    handle = bench.ns.psa_connect(0x1002, 1)
    contexts.tfm_nsce_load_ctx(token, -2)
    assert bench.ns.psa_call(handle, 5) == -129
    bench.ns.psa_close(handle)
    contexts.tfm_nsce_load_ctx(token, -1)
    assert bench.ns.psa_call(handle, 6) == 0
    bench.ns.psa_close(handle)
    seen = [(m.type, m.client_id) for m in bench.programs["SERVER"].seen]
    assert seen == [(-1, -0x3C000000), (6, -0x3C000000), (-2, -0x3C000000)]


UNKNOWN: list[tuple[Nsce, str]] = [
    (lambda c, t: 0, "None"),
    (lambda c, t: c.tfm_nsce_load_ctx(t, -1) or c.tfm_nsce_save_ctx(t), "None"),
    (lambda c, t: c.tfm_nsce_load_ctx(t, -1) or c.tfm_nsce_release_ctx(t), "None"),
    (lambda c, t: c.tfm_nsce_load_ctx(t, -0x10001), "-65537"),
]
CALLS: dict[str, Callable[[ClientDoor], object]] = {
    "psa_connect": lambda ns: ns.psa_connect(0x1001, 1),
    "psa_call": lambda ns: ns.psa_call(HANDLE, 1),
    "psa_close": lambda ns: ns.psa_close(HANDLE),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("prepare", "found"), UNKNOWN)
def test_a_call_without_a_legal_context_panics(prepare: Nsce, found: str, call: str) -> None:
    bench, contexts = managed()
    assert prepare(contexts, contexts.tfm_nsce_acquire_ctx(0, 0)) == 0
    with pytest.raises(DevicePanic) as panic:
        CALLS[call](bench.ns)
    report = panic.value.report
    assert report.rule == f"{call}: a non-secure client id"
    assert (report.culprit, report.found) == ("NS client -1", found)
    assert not bench.programs["SERVER"].seen


@pytest.mark.parametrize(("prepare", "found"), UNKNOWN)
def test_for_a_version_nobody_asks_who_calls(prepare: Nsce, found: str) -> None:
    bench, contexts = managed()
    prepare(contexts, contexts.tfm_nsce_acquire_ctx(0, 0))
    assert bench.ns.psa_framework_version() == 0x0101
    assert bench.ns.psa_version(0x1001) == 1


@pytest.mark.parametrize("ns_id", [0, 5])
def test_a_non_secure_caller_whose_id_is_not_negative_panics(ns_id: int) -> None:
    """TF-M: sign and kind of a caller must agree. The tfm_nsce calls let no such id through."""
    bench, contexts = managed()
    contexts.ns_id = ns_id
    with pytest.raises(DevicePanic, match="a non-secure client id"):
        bench.ns.psa_call(HANDLE, 1)


def test_a_task_keeps_the_id_that_it_was_started_with() -> None:
    """start_task does for its task what an RTOS does at each switch, with whatever context was loaded."""
    bench, contexts = managed()
    task = start_task(bench.kernel, lambda ns: ns.psa_call(HANDLE, 1), "T", Arena(NS_RAM, 0x100), -9)
    join(bench.kernel, [task])
    assert bench.programs["SERVER"].seen[0].client_id == -0x3C000008
    assert contexts.ns_id is None
