"""Power goes away at any write or erase of the file system: each file has its old or its new state.

PSA Storage 1.0, 4.1: an object is the old or the new one whenever power fails. The promise holds on every
flash geometry that the format knows, for cuts before, after and in the middle of an operation, and for cuts
while the next boot tidies up.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.its_bench import GEOMETRIES, FsBench, Geometry

from tfm_sim.partitions.internal_trusted_storage.refusal import Refusal
from tfm_sim.platform.power import Cut, CutMode, Operation, OperationKind, PowerCut

Files = dict[int, tuple[bytes, int]]
START = {0: (bytes(range(40)), 0), 1: (b"\xa5" * 100, 0), 2: (b"", 2), 3: (b"x" * 33, 4)}

UPDATES: dict[str, Callable[[FsBench], None]] = {
    "a new file": lambda b: b.set(4, b"n" * 57),
    "a new empty file": lambda b: b.set(4, b""),
    "the same size": lambda b: b.set(0, b"\x5a" * 40),
    "the same size, other flags": lambda b: b.set(3, b"x" * 33, 6),
    "a larger size": lambda b: b.set(0, b"\x5a" * 101),
    "a smaller size": lambda b: b.set(1, b"\x5a" * 7),
    "nothing instead of something": lambda b: b.set(1, b""),
    "something instead of nothing": lambda b: b.set(2, b"\x5a" * 64),
    "removal of the first": lambda b: b.remove(0),
    "removal of one in the middle": lambda b: b.remove(1),
    "removal of an empty one": lambda b: b.remove(2),
    "removal of the last": lambda b: b.remove(3),
}


def started(geometry: Geometry) -> FsBench:
    """A device with the four files of START, the last of them removed from the way of a fifth."""
    bench = FsBench(replace(geometry, max_files=7))
    bench.boot()
    for number, (data, flags) in START.items():
        bench.set(number, data, flags)
    return bench


def states(bench: FsBench, update: Callable[[FsBench], None]) -> tuple[Files, Files]:
    """What all files are before an update and after it."""
    other = bench.copy()
    other.boot()
    before = other.all()
    update(other)
    return before, other.all()


def check_usable(bench: FsBench) -> None:
    """Nothing of the cut is left behind: room, entries and scratch blocks serve again."""
    files = bench.all()
    bench.set(5, b"later")
    bench.set(0, b"anew" * 30)
    bench.remove(5)
    after = bench.all()
    assert after.pop(0) == (b"anew" * 30, 0)
    files.pop(0, None)
    assert after == files


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_every_kind_of_update_cut_at_every_operation(
    geometry: Geometry, update: Callable[[FsBench], None]
) -> None:
    bench = started(geometry)
    before, after = states(bench, update)
    total = bench.count(update)
    seen = []
    for number in range(1, total + 1):
        for mode in (CutMode.BEFORE, CutMode.TORN, CutMode.AFTER):
            cut = bench.copy()
            cut.boot()
            assert cut.cut(update, number, mode)
            cut.boot()
            found = cut.all()
            assert found in (before, after), (number, mode)
            seen.append(found)
            if number % 5 == 0 and mode is CutMode.TORN:
                check_usable(cut)
    # The update counts from one operation on, and does not come and go.
    first = seen.index(after)
    assert seen == [before] * first + [after] * (len(seen) - first)
    assert first > 0


@pytest.mark.parametrize("geometry", [GEOMETRIES["four blocks"], GEOMETRIES["two blocks"]])
@pytest.mark.parametrize("name", ["a larger size", "the same size", "removal of one in the middle"])
def test_the_next_boot_is_cut_as_well(geometry: Geometry, name: str) -> None:
    """It erases scratch blocks and finishes a replacement; cut at each of these, the one after does so."""
    bench, update = started(geometry), UPDATES[name]
    before, after = states(bench, update)
    for number in range(1, bench.count(update) + 1):
        once = bench.copy()
        once.boot()
        once.cut(update, number, CutMode.TORN)
        image = bytes(once.flash.cells)
        settled = FsBench(once.geometry, image)
        settled.boot()
        for second in range(1, settled.flash.power.operations + 1, 2):
            twice = FsBench(once.geometry, image)
            mode = list(CutMode)[(number + second) % 3]
            assert twice.cut(FsBench.boot, second, mode)
            twice.boot()
            assert twice.all() == settled.all()
            assert twice.all() in (before, after)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_the_first_boot_is_cut(geometry: Geometry) -> None:
    """The layout is made anew until a boot gets to its end."""
    total = FsBench(geometry).count(lambda b: None)
    first = FsBench(geometry)
    first.boot()
    total = first.flash.power.operations
    for number in range(1, total + 1):
        for mode in CutMode:
            bench = FsBench(geometry)
            assert bench.cut(FsBench.boot, number, mode)
            bench.boot()
            assert bench.all() == {}
            bench.set(0, b"usable")
            assert bench.all() == {0: (b"usable", 0)}


def torn(image: bytearray, operation: Operation, done: int, erased: int) -> None:
    """The first ``done`` bytes of an operation on the bytes of a flash; of the next byte the upper half."""
    start = operation.offset
    if operation.kind is OperationKind.ERASE:
        image[start : start + done] = bytes([erased]) * done
        return
    image[start : start + done] = operation.data[:done]
    if done < operation.length:
        at = start + done
        image[at] = operation.data[done] & 0xF0 | image[at] & 0x0F


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", ["a larger size", "the same size", "removal of one in the middle"])
def test_an_operation_is_torn_at_any_byte(geometry: Geometry, name: str) -> None:
    """Finer than the flash model tears: a header after each of its bytes, data and erases after some."""
    bench, update = started(geometry), UPDATES[name]
    before, after = states(bench, update)
    bench.boot()
    image = bytearray(bench.flash.cells)
    bench.operations.clear()
    update(bench)
    for operation in bench.operations:
        length = operation.length
        lengths = range(length) if length <= 16 else (1, 4, 5, 6, 7, 8, length // 3, length - 1)
        for done in lengths:
            cut = bytearray(image)
            torn(cut, operation, done, geometry.erased)
            other = FsBench(bench.geometry, bytes(cut))
            other.boot()
            assert other.all() in (before, after), (str(operation), done)
        torn(image, operation, length, geometry.erased)
    assert image == bench.flash.cells


ACTS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 4), st.binary(max_size=128), st.sampled_from([0, 2, 4, 6])),
        st.tuples(st.integers(0, 4), st.none(), st.just(0)),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(
    geometry=st.sampled_from(list(GEOMETRIES.values())),
    acts=ACTS,
    at=st.floats(0, 1),
    again=st.integers(1, 60),
    modes=st.tuples(st.sampled_from(CutMode), st.sampled_from(CutMode)),
)
def test_random_sets_and_removes_with_two_cuts(
    geometry: Geometry,
    acts: list[tuple[int, bytes | None, int]],
    at: float,
    again: int,
    modes: tuple[CutMode, CutMode],
) -> None:
    def run(bench: FsBench) -> list[dict[int, tuple[bytes, int]]]:
        history.append(bench.all())
        for number, data, flags in acts:
            expected = dict(bench.all())
            try:
                if data is None:
                    bench.remove(number)
                    expected.pop(number)
                else:
                    # What is about to be is written down before it is: a cut may show either.
                    pending.update({number: (data, flags)})
                    bench.set(number, data, flags)
                    expected[number] = (data, flags)
            except Refusal:
                pass
            pending.clear()
            assert bench.all() == expected
            history.append(expected)
        return history

    history: list[dict[int, tuple[bytes, int]]] = []
    pending: dict[int, tuple[bytes, int]] = {}
    whole = FsBench(geometry)
    whole.boot()
    booted = whole.flash.power.operations
    complete = list(run(whole))
    total = whole.flash.power.operations - booted
    if not total:
        return
    history.clear()
    bench = FsBench(geometry)
    bench.boot()
    power = bench.flash.power
    power.cut_at(Cut(power.operations + 1 + int(at * (total - 1)), modes[0]))
    try:
        run(bench)
    except PowerCut:
        power.restore()
    done = len(history)
    if not bench.cut(FsBench.boot, again, modes[1]):
        power.cut_at(None)
    bench.boot()
    assert bench.all() in complete[done - 1 : done + 1]
    check_usable_within(bench)


def check_usable_within(bench: FsBench) -> None:
    """A file of any size can be replaced where it was, whatever happened before."""
    for number, (data, _) in bench.all().items():
        bench.set(number, data[::-1])
        assert bench.get(number) == (data[::-1], 0)
