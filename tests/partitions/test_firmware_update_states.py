"""The state model of PSA Firmware Update 1.0, every state against every call, for every kind of component."""

# ruff: noqa: E501 - a table of one line a case

from itertools import product

import pytest
from support.firmware_update import CALLS, CLIENTS_ERROR, MemoryLib, ServiceBench, bench_in

from tfm_sim.interface.psa.firmware_update import (
    PSA_SUCCESS_REBOOT,
    PSA_SUCCESS_RESTART,
    PsaFwuFlag,
    PsaFwuState,
    psa_fwu_image_version_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DEPENDENCY_NEEDED,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_POWER,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_STORAGE_FAILURE,
    PSA_SUCCESS,
)
from tfm_sim.partitions.firmware_update.config import FwuConfig, FwuQuirks
from tfm_sim.partitions.firmware_update.states import KINDS, ComponentKind, FwuEvent, table_of

READY, WRITING, CANDIDATE, STAGED, FAILED, TRIAL, REJECTED, UPDATED = PsaFwuState
REBOOT, TRIALS, VOLATILE = "needs_reboot", "has_trial", "volatile_staging"
DEFAULT = ComponentKind()


def kind_with(*features: str) -> ComponentKind:
    return ComponentKind(*(name in features for name in (REBOOT, TRIALS, VOLATILE)))


# The specification, a line an arrow: from, event, to, and what a component must have or lack for it.
SPECIFICATION = [
    (READY, "psa_fwu_start", WRITING, (), ()),
    (WRITING, "psa_fwu_write", WRITING, (), ()),
    (WRITING, "psa_fwu_finish", CANDIDATE, (), ()),
    (WRITING, "psa_fwu_cancel", FAILED, (), ()),
    (CANDIDATE, "psa_fwu_cancel", FAILED, (), ()),
    (CANDIDATE, "psa_fwu_install", STAGED, (REBOOT,), ()),
    (CANDIDATE, "psa_fwu_install", TRIAL, (TRIALS,), (REBOOT,)),
    (CANDIDATE, "psa_fwu_install", UPDATED, (), (REBOOT, TRIALS)),
    (CANDIDATE, "psa_fwu_install fails", FAILED, (), ()),
    (STAGED, "psa_fwu_reject", FAILED, (REBOOT,), ()),
    (TRIAL, "psa_fwu_accept", UPDATED, (TRIALS,), ()),
    (TRIAL, "psa_fwu_reject", REJECTED, (TRIALS, REBOOT), ()),
    (TRIAL, "psa_fwu_reject", FAILED, (TRIALS,), (REBOOT,)),
    (FAILED, "psa_fwu_clean", READY, (), ()),
    (UPDATED, "psa_fwu_clean", READY, (), ()),
    (READY, "reboot", READY, (), ()),
    (WRITING, "reboot", READY, (VOLATILE,), ()),
    (WRITING, "reboot", WRITING, (), (VOLATILE,)),
    (CANDIDATE, "reboot", READY, (VOLATILE,), ()),
    (CANDIDATE, "reboot", CANDIDATE, (), (VOLATILE,)),
    (STAGED, "reboot", TRIAL, (REBOOT, TRIALS), ()),
    (STAGED, "reboot", READY, (REBOOT, VOLATILE), (TRIALS,)),
    (STAGED, "reboot", UPDATED, (REBOOT,), (TRIALS, VOLATILE)),
    (STAGED, "reboot, image refused", READY, (REBOOT, VOLATILE), ()),
    (STAGED, "reboot, image refused", FAILED, (REBOOT,), (VOLATILE,)),
    (TRIAL, "reboot", READY, (REBOOT, TRIALS, VOLATILE), ()),
    (TRIAL, "reboot", FAILED, (REBOOT, TRIALS), (VOLATILE,)),
    (TRIAL, "reboot", TRIAL, (TRIALS,), (REBOOT,)),
    (REJECTED, "reboot", READY, (REBOOT, TRIALS, VOLATILE), ()),
    (REJECTED, "reboot", FAILED, (REBOOT, TRIALS), (VOLATILE,)),
    (FAILED, "reboot", READY, (VOLATILE,), ()),
    (FAILED, "reboot", FAILED, (), (VOLATILE,)),
    (UPDATED, "reboot", READY, (VOLATILE,), ()),
    (UPDATED, "reboot", UPDATED, (), (VOLATILE,)),
]


def arrows(kind: ComponentKind) -> set[tuple[PsaFwuState, str, PsaFwuState]]:
    def is_so(feature: str) -> bool:
        return bool(getattr(kind, feature))

    legal = {
        (state, event, target)
        for state, event, target, has, lacks in SPECIFICATION
        if all(map(is_so, has)) and not any(map(is_so, lacks))
    }
    reached = {READY}
    while more := {target for state, _, target in legal if state in reached} - reached:
        reached |= more
    return {arrow for arrow in legal if arrow[0] in reached}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_table_has_the_specifications_arrows_and_no_other(kind: ComponentKind) -> None:
    table = table_of(kind)
    assert {(s, e.value, t) for s, ways in table.items() for e, t in ways.items()} == arrows(kind)
    assert next(iter(table)) is READY


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_states_that_a_kind_does_not_have(kind: ComponentKind) -> None:
    states = set(table_of(kind))
    assert (STAGED in states) == kind.needs_reboot
    assert (TRIAL in states) == kind.has_trial
    assert (REJECTED in states) == (kind.has_trial and kind.needs_reboot)
    assert (UPDATED not in states) == (kind == kind_with(REBOOT, VOLATILE))


PAIRS = [
    (kind, state, call)
    for kind in KINDS
    if kind.volatile_staging
    for state, call in product(table_of(kind), CALLS)
]


@pytest.mark.parametrize(
    ("kind", "state", "call"), PAIRS, ids=[f"{k.name}-{s.name}-{c}" for k, s, c in PAIRS]
)
def test_every_call_in_every_state(kind: ComponentKind, state: PsaFwuState, call: str) -> None:
    """It leads where the specification says, or is refused and changes nothing."""
    bench = bench_in(state, kind)
    assert bench.state() is state
    info, facts = bench.service.query(0), bench.lib.facts()
    targets = [t for s, event, t in arrows(kind) if (s, event) == (state, f"psa_fwu_{call}")]
    status = bench.call(call)
    if targets:
        assert (status >= 0, [bench.state()]) == (True, targets)
        reboots = kind.needs_reboot and (call, state) in {("install", CANDIDATE), ("reject", TRIAL)}
        assert status == (PSA_SUCCESS_REBOOT if reboots else PSA_SUCCESS)
        assert bench.error() == (CLIENTS_ERROR if call == "reject" else PSA_SUCCESS)
    else:
        absent = {"accept": not kind.has_trial, "reject": not (kind.has_trial or kind.needs_reboot)}
        assert status == (PSA_ERROR_NOT_SUPPORTED if absent.get(call) else PSA_ERROR_BAD_STATE)
        assert (bench.service.query(0), bench.lib.facts()) == (info, facts)


@pytest.mark.parametrize("state", PsaFwuState)
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("kind", [k for k in KINDS if k.volatile_staging and k.needs_reboot], ids=str)
def test_every_state_over_a_reset(kind: ComponentKind, state: PsaFwuState, refused: bool) -> None:
    if state not in table_of(kind):
        return
    bench = bench_in(state, kind)
    event = FwuEvent.REBOOT_FAILED if refused and state is STAGED else FwuEvent.REBOOT
    bench.reset(refused=refused)
    assert bench.state() is table_of(kind)[state][event]


@pytest.mark.parametrize("call", ["start", "write", "finish", "cancel", "clean"])
@pytest.mark.parametrize("component", [1, 2, 255])
@pytest.mark.parametrize("state", PsaFwuState)
def test_a_component_that_is_not_there(call: str, component: int, state: PsaFwuState) -> None:
    bench = bench_in(state, DEFAULT)
    info, facts = bench.service.query(0), bench.lib.facts()
    assert bench.call(call, component) == PSA_ERROR_DOES_NOT_EXIST
    assert bench.answer(lambda: bench.service.query(component).error) == PSA_ERROR_DOES_NOT_EXIST
    assert (bench.service.query(0), bench.lib.facts()) == (info, facts)


# What goes wrong below: in which state, in which call, with what status, and the state and error after it.
FAILURES = [
    (READY, "start", "staging_area_init", PSA_ERROR_STORAGE_FAILURE, READY, 0),
    (WRITING, "write", "load_image", PSA_ERROR_STORAGE_FAILURE, WRITING, 0),
    (WRITING, "write", "load_image", PSA_ERROR_INVALID_ARGUMENT, WRITING, 0),
    (CANDIDATE, "install", "install_images", PSA_ERROR_DEPENDENCY_NEEDED, CANDIDATE, 0),
    (CANDIDATE, "install", "install_images", PSA_ERROR_INVALID_ARGUMENT, FAILED, PSA_ERROR_INVALID_ARGUMENT),
    (CANDIDATE, "install", "install_images", PSA_ERROR_INVALID_SIGNATURE, FAILED, PSA_ERROR_INVALID_SIGNATURE),
    (CANDIDATE, "install", "install_images", PSA_ERROR_STORAGE_FAILURE, FAILED, PSA_ERROR_STORAGE_FAILURE),
    (CANDIDATE, "install", "install_images", PSA_ERROR_INSUFFICIENT_POWER, FAILED, PSA_ERROR_INSUFFICIENT_POWER),
    (STAGED, "reject", "reject_staged_image", PSA_ERROR_STORAGE_FAILURE, STAGED, 0),
    (TRIAL, "reject", "reject_trial_image", PSA_ERROR_STORAGE_FAILURE, TRIAL, 0),
    (TRIAL, "accept", "mark_images_accepted", PSA_ERROR_STORAGE_FAILURE, TRIAL, 0),
    (FAILED, "clean", "clean_component", PSA_ERROR_STORAGE_FAILURE, FAILED, 0),
    (UPDATED, "clean", "clean_component", PSA_ERROR_STORAGE_FAILURE, UPDATED, 0),
]  # fmt: skip


@pytest.mark.parametrize(("state", "call", "function", "status", "after", "error"), FAILURES)
def test_a_failure_below(
    state: PsaFwuState, call: str, function: str, status: int, after: PsaFwuState, error: int
) -> None:
    bench = bench_in(state, DEFAULT)
    bench.lib.fails[function] = status
    assert bench.call(call) == status
    assert (bench.state(), bench.error()) == (after, error)
    bench.lib.fails.clear()
    if after is state:
        assert bench.call(call) >= 0, "it can be tried again"


def test_what_query_tells() -> None:
    bench = bench_in(CANDIDATE, DEFAULT)
    info = bench.service.query(0)
    assert (info.state, info.error, info.version) == (CANDIDATE, 0, psa_fwu_image_version_t(1, 2, 3, 4))
    assert (info.max_size, info.location, info.flags) == (0x2000, 1, PsaFwuFlag.VOLATILE_STAGING)
    assert info.impl.candidate_digest == bytes([1]) * 32
    bench.lib.fails["candidate_digest"] = PSA_ERROR_STORAGE_FAILURE
    assert bench.answer(lambda: bench.service.query(0).error) == PSA_ERROR_STORAGE_FAILURE
    bench.call("install")
    assert bench.service.query(0).impl.candidate_digest == bytes(32)
    kept = ServiceBench(MemoryLib(kind_with(REBOOT)))
    assert kept.service.query(0).flags == PsaFwuFlag(0)


@pytest.mark.parametrize("state", [READY, CANDIDATE])
def test_a_detached_manifest(state: PsaFwuState) -> None:
    bench = bench_in(state, DEFAULT)
    status = bench.answer(lambda: bench.service.start(0, 1))
    assert status == (PSA_ERROR_INVALID_ARGUMENT if state is READY else PSA_ERROR_BAD_STATE)
    assert bench.answer(lambda: bench.service.start(1, 1)) == PSA_ERROR_DOES_NOT_EXIST
    assert bench.state() is state


@pytest.mark.parametrize(
    ("size", "status"), [(0, PSA_ERROR_INVALID_ARGUMENT), (1, 0), (1024, 0), (1025, PSA_ERROR_INVALID_ARGUMENT)]
)  # fmt: skip
def test_the_size_of_a_block(size: int, status: int) -> None:
    bench = bench_in(WRITING, DEFAULT)
    assert bench.answer(lambda: bench.service.write(0, 0, bytes(size))) == status
    assert bench.state() is WRITING
    small = bench_in(READY, DEFAULT)
    assert small.answer(lambda: small.service.write(0, 0, bytes(size))) == PSA_ERROR_BAD_STATE


def two(*ways: tuple[str, ...], quirks: FwuQuirks | None = None) -> ServiceBench:
    """Two components, each brought on by its calls."""
    bench = ServiceBench(MemoryLib(DEFAULT, 2), FwuConfig(quirks=quirks or FwuQuirks()))
    for component, way in enumerate(ways):
        for call in way:
            assert bench.call(call, component) >= 0
    return bench


TO_CANDIDATE = ("start", "write", "finish")


@pytest.mark.parametrize(
    ("first", "second", "status", "states"),
    [
        (TO_CANDIDATE, TO_CANDIDATE, PSA_SUCCESS_REBOOT, [STAGED, STAGED]),
        (TO_CANDIDATE, (), PSA_SUCCESS_REBOOT, [STAGED, READY]),
        ((), TO_CANDIDATE, PSA_SUCCESS_REBOOT, [READY, STAGED]),
        (TO_CANDIDATE, ("start",), PSA_SUCCESS_REBOOT, [STAGED, WRITING]),
        (TO_CANDIDATE, ("start", "cancel"), PSA_SUCCESS_REBOOT, [STAGED, FAILED]),
        ((*TO_CANDIDATE, "install"), TO_CANDIDATE, PSA_ERROR_BAD_STATE, [STAGED, CANDIDATE]),
    ],
)
def test_install_takes_all_candidates_and_no_other(
    first: tuple[str, ...], second: tuple[str, ...], status: int, states: list[PsaFwuState]
) -> None:
    bench = two(first, second)
    assert bench.call("install") == status
    assert [bench.state(0), bench.state(1)] == states


def on_trial(quirks: FwuQuirks | None = None) -> ServiceBench:
    """Component 0 on trial, component 1 READY."""
    bench = two(TO_CANDIDATE, (), quirks=quirks)
    bench.call("install")
    bench.reset()
    assert [bench.state(0), bench.state(1)] == [TRIAL, READY]
    return bench


def test_nothing_is_installed_beside_a_component_on_trial_or_rejected() -> None:
    bench = on_trial()
    for call in TO_CANDIDATE:
        assert bench.call(call, 1) == PSA_SUCCESS
    assert bench.call("install") == PSA_ERROR_BAD_STATE
    assert bench.call("reject") == PSA_SUCCESS_REBOOT
    assert bench.call("install") == PSA_ERROR_BAD_STATE
    assert [bench.state(0), bench.state(1)] == [REJECTED, CANDIDATE]


@pytest.mark.parametrize("overlooked", [False, True])
def test_a_trial_whose_acceptance_failed(overlooked: bool) -> None:
    bench = on_trial(FwuQuirks(trial_with_context_is_overlooked=overlooked))
    for call in TO_CANDIDATE:
        bench.call(call, 1)
    assert bench.call("install") == PSA_ERROR_BAD_STATE
    bench.lib.fails["mark_images_accepted"] = PSA_ERROR_STORAGE_FAILURE
    assert bench.call("accept") == PSA_ERROR_STORAGE_FAILURE
    assert bench.call("install") == (PSA_SUCCESS_REBOOT if overlooked else PSA_ERROR_BAD_STATE)
    assert bench.state(1) is (STAGED if overlooked else CANDIDATE)


@pytest.mark.parametrize(("last", "status"), [(False, PSA_SUCCESS_REBOOT), (True, PSA_SUCCESS)])
def test_what_reject_answers_with_an_idle_component_behind(last: bool, status: int) -> None:
    bench = on_trial(FwuQuirks(reject_answers_the_last_status=last))
    assert bench.call("reject") == status
    assert [bench.state(0), bench.state(1)] == [REJECTED, READY]


def test_an_empty_block_as_tf_m_takes_it() -> None:
    bench = two(("start",), quirks=FwuQuirks(empty_block_is_success=True))
    assert bench.answer(lambda: bench.service.write(0, 0xFFFFFFFF, b"")) == PSA_SUCCESS
    assert bench.answer(lambda: bench.service.write(1, 0, b"")) == PSA_ERROR_BAD_STATE


def test_a_restart_of_components_is_told() -> None:
    class Restarts(MemoryLib):
        def reject_trial_image(self, component: int) -> int:
            return PSA_SUCCESS_RESTART

    bench = ServiceBench(Restarts(DEFAULT, on_trial={0}))
    assert bench.call("reject") == PSA_SUCCESS_RESTART
    assert bench.state() is REJECTED
