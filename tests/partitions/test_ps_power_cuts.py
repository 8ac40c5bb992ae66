"""Power goes away at every change that protected storage makes: an object is the old one or the new one.

On a stand-in for ITS a change is a file or a counter; on flash it is every program and erase as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ps_bench import PsBench, State

from tfm_sim.interface.psa.protected_storage import ProtectedStorage, psa_ps_get, psa_ps_get_info
from tfm_sim.interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PsaError
from tfm_sim.partitions.protected_storage.config import PsConfig, PsQuirks
from tfm_sim.platform.power import Cut, CutMode, PowerCut

SMALL = PsConfig(max_asset_size=512, num_assets=4)
LIMITED = PsConfig(max_asset_size=512, num_assets=4, aes_key_usage_limit=68)
PLAIN = PsConfig(max_asset_size=512, num_assets=4, encryption=False, rollback_protection=False)
Asset = tuple[bytes, int, int]
"""Data, capacity, flags."""
Assets = dict[int, Asset]


@dataclass(frozen=True)
class Act:
    """A call, and what the objects are when it has succeeded."""

    name: str
    run: Callable[[ProtectedStorage], None]
    after: Callable[[Assets], Assets]

    def __str__(self) -> str:
        return self.name


def set_(uid: int, data: bytes) -> Act:
    return Act(
        f"set {uid} to {len(data)} bytes",
        lambda psa: psa.set(uid, data),
        lambda assets: assets | {uid: (data, len(data), 0)},
    )


def remove(uid: int) -> Act:
    return Act(
        f"remove {uid}",
        lambda psa: psa.remove(uid),
        lambda assets: {other: asset for other, asset in assets.items() if other != uid},
    )


def create(uid: int, capacity: int) -> Act:
    return Act(
        f"create {uid} of {capacity}",
        lambda psa: psa.create(uid, capacity),
        lambda assets: assets if uid in assets else assets | {uid: (b"", capacity, 0)},
    )


def extend(uid: int, offset: int, data: bytes) -> Act:
    def after(assets: Assets) -> Assets:
        if uid not in assets:
            return assets
        old, capacity, flags = assets[uid]
        if offset > len(old) or offset + len(data) > capacity:
            return assets
        return assets | {uid: (old[:offset] + data + old[offset + len(data) :], capacity, flags)}

    name = f"write {len(data)} bytes at {offset} of {uid}"
    return Act(name, lambda psa: psa.set_extended(uid, offset, data), after)


FIRST = [set_(1, b"first" * 9), create(2, 40), extend(2, 0, b"begun")]
ACTS = [
    set_(3, b"a new object"),
    set_(1, b"FIRST" * 9),
    set_(1, b"of another size"),
    set_(1, b""),
    remove(1),
    create(4, 64),
    extend(2, 3, b"and so on"),
]


def assets_of(bench: PsBench, uids: Iterator[int] | range = range(1, 6)) -> Assets:
    """What the device has, as its client sees it; anything but an object or no object fails the test."""
    found: Assets = {}
    for uid in uids:
        status, info = psa_ps_get_info(bench.ns, uid)
        if status == PSA_ERROR_DOES_NOT_EXIST:
            continue
        assert status == 0, f"object {uid}: {status}"
        status, data = psa_ps_get(bench.ns, uid, 0, 512)
        assert status == 0, f"object {uid}: {status}"
        found[uid] = (data, info.capacity, int(info.flags))
    return found


def started(config: PsConfig, on_flash: bool) -> tuple[PsBench, State, Assets]:
    bench = PsBench(config, on_flash=on_flash).boot()
    assets: Assets = {}
    for act in FIRST:
        act.run(bench.psa)
        assets = act.after(assets)
    return bench, bench.state(), assets


def changes_of(bench: PsBench, act: Act) -> int:
    """How many changes a call makes."""
    bench.power.restore()
    act.run(bench.psa)
    return bench.power.operations


def cut_in(bench: PsBench, run: Callable[[], object], cut: Cut) -> bool:
    """Whether power went away in ``run``."""
    bench.power.restore()
    bench.power.cut_at(cut)
    try:
        run()
    except PowerCut:
        return True
    finally:
        bench.power.cut_at(None)
    return False


@pytest.mark.parametrize("act", ACTS, ids=str)
@pytest.mark.parametrize("config", [SMALL, PLAIN], ids=["encrypted", "plain"])
def test_one_call_cut_at_every_change(config: PsConfig, act: Act) -> None:
    bench, state, old = started(config, on_flash=False)
    new = act.after(old)
    for number in range(1, changes_of(bench, act) + 1):
        for mode in CutMode:
            bench.restore(state)
            bench.boot()
            assert cut_in(bench, lambda: act.run(bench.psa), Cut(number, mode))
            bench.boot()
            assert assets_of(bench) in (old, new), f"{act} cut at {number}, {mode.value}"


@pytest.mark.parametrize("act", [ACTS[0], ACTS[2], ACTS[4]], ids=str)
def test_a_second_cut_while_the_device_recovers(act: Act) -> None:
    """The boot after a cut is cut too, at every change, and so is the next call."""
    bench, state, old = started(SMALL, on_flash=False)
    new = act.after(old)
    for number in range(1, changes_of(bench, act) + 1):
        bench.restore(state)
        bench.boot()
        cut_in(bench, lambda: act.run(bench.psa), Cut(number, CutMode.AFTER))
        left = bench.state()
        bench.boot()
        for second in range(1, bench.power.operations + 1):
            bench.restore(left)
            assert cut_in(bench, bench.boot, Cut(second, CutMode.BEFORE))
            bench.boot()
            assert assets_of(bench) in (old, new), f"{act} cut after {number}, its boot before {second}"


def next_call_cut(config: PsConfig) -> list[tuple[int, int]]:
    """Where two cuts in a row, each in a call, leave objects that are neither old nor new."""
    bench, state, old = started(config, on_flash=False)
    first, second = set_(3, b"one"), set_(4, b"two")
    both = second.after(first.after(old)), second.after(old), first.after(old), old
    lost = []
    for at in range(1, 9):
        bench.restore(state)
        bench.boot()
        if not cut_in(bench, lambda: first.run(bench.psa), Cut(at, CutMode.AFTER)):
            break
        left = bench.state()
        for then in range(1, 9):
            bench.restore(left)
            bench.boot()
            cut_in(bench, lambda: second.run(bench.psa), Cut(then, CutMode.AFTER))
            bench.boot()
            if assets_of(bench) not in both:
                lost.append((at, then))
    return lost


def test_two_calls_cut_one_after_the_other() -> None:
    assert next_call_cut(SMALL) == []


def test_two_cuts_lose_all_objects_of_tf_m() -> None:
    """TF-M leaves the counters apart at boot: NVC3 vouches for nobody, and NVC1 goes on without a table."""
    assert next_call_cut(replace(SMALL, quirks=PsQuirks(counters_left_apart=True)))


@pytest.mark.parametrize("quirk", [False, True])
def test_a_key_at_its_limit_is_changed_while_reading(quirk: bool) -> None:
    """TF-M overwrites the object's file before its table knows the new tag."""
    quirks = PsQuirks(key_switched_in_place=quirk)
    bench = PsBench(replace(LIMITED, quirks=quirks)).boot()
    bench.psa.set(1, bytes(500))
    state = bench.state()
    lost = False
    for number in range(1, 20):
        bench.restore(state)
        bench.boot()
        if not cut_in(bench, lambda: psa_ps_get(bench.ns, 1, 0, 512), Cut(number, CutMode.BEFORE)):
            break
        bench.boot()
        lost |= psa_ps_get(bench.ns, 1, 0, 512) != (0, bytes(500))
    assert number > 5
    assert lost is quirk


@pytest.mark.parametrize("act", ACTS, ids=str)
def test_one_call_cut_at_every_program_and_erase(act: Act) -> None:
    bench, state, old = started(SMALL, on_flash=True)
    new = act.after(old)
    for number in range(1, changes_of(bench, act) + 1):
        mode = list(CutMode)[number % 3]
        bench.restore(state)
        bench.boot()
        assert cut_in(bench, lambda: act.run(bench.psa), Cut(number, mode))
        bench.boot()
        assert assets_of(bench) in (old, new), f"{act} cut at {number}, {mode.value}"


def test_the_first_boot_cut_at_every_change() -> None:
    for number in range(1, 80):
        bench = PsBench(SMALL, on_flash=True)
        was_cut = cut_in(bench, bench.boot, Cut(number, list(CutMode)[number % 3]))
        bench.boot()
        bench.psa.set(1, b"works")
        assert assets_of(bench) == {1: (b"works", 5, 0)}
        if not was_cut:
            break
    assert number > 20


BYTES = st.binary(max_size=70)
UIDS = st.integers(1, 5)
CALLS = st.one_of(
    st.builds(set_, UIDS, BYTES),
    st.builds(remove, UIDS),
    st.builds(create, UIDS, st.integers(0, 80)),
    st.builds(extend, UIDS, st.integers(0, 40), BYTES),
)
CUTS = st.none() | st.tuples(st.integers(1, 90), st.sampled_from(CutMode))


@settings(max_examples=40, deadline=None)
@given(
    acts=st.lists(st.tuples(CALLS, CUTS), max_size=8),
    on_flash=st.booleans(),
    config=st.sampled_from([SMALL, LIMITED]),
)
def test_any_sequence_with_cuts_anywhere(
    acts: list[tuple[Act, tuple[int, CutMode] | None]], on_flash: bool, config: PsConfig
) -> None:
    bench = PsBench(config, on_flash=on_flash).boot()
    assets: Assets = {}
    for act, where in acts:
        cut = Cut(*where) if where is not None else Cut(1 << 20)
        refused = False
        try:
            was_cut = cut_in(bench, lambda act=act: act.run(bench.psa), cut)  # type: ignore[misc]
        except PsaError:
            was_cut, refused = False, True
        if was_cut:
            bench.boot()
            left = assets_of(bench)
            assert left in (assets, act.after(assets)), str(act)
            assets = left
        else:
            assets = assets if refused else act.after(assets)
            assert assets_of(bench) == assets, str(act)
    bench.boot()
    assert assets_of(bench) == assets


def test_files_that_a_cut_left_behind_take_no_room() -> None:
    bench, state, _ = started(SMALL, on_flash=True)
    for number in range(1, 60, 7):
        bench.restore(state)
        bench.boot()
        cut_in(bench, lambda: bench.psa.set(3, b"new"), Cut(number, CutMode.BEFORE))
        bench.boot()
        for uid in (3, 4):
            bench.psa.set(uid, bytes(100))
        with pytest.raises(PsaError, match="INSUFFICIENT_STORAGE"):
            bench.psa.set(5, b"")
