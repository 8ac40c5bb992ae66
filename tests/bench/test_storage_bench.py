"""What a client pays for internal trusted storage, in units of the file system alone (`make bench`).

Absolute times are shown; only ratios within one run are asserted.
"""

import timeit
from collections.abc import Callable

import pytest
from support.its_bench import FsBench, Geometry, file_id

import tfm_sim

Act = Callable[[], object]
DATA = bytes(64)


def best(act: Act, calls: int) -> float:
    """Seconds a call, the best of several batches."""
    return min(timeit.repeat(act, number=calls, repeat=5)) / calls


def bare() -> tuple[Act, Act]:
    """The file system over a flash like AN521's: look a file up and read it; write it anew."""
    bench = FsBench(Geometry(sector=0x1000, max_file_size=512, max_files=11))
    bench.boot()
    bench.set(0, DATA)

    def get() -> bytes:
        bench.fs.info(file_id(0))
        return bench.fs.read(file_id(0), 0, len(DATA))

    return get, lambda: bench.set(0, DATA)


@pytest.mark.parametrize("what, number, calls, most", [("get(64 B)", 0, 200, 8.0), ("set(64 B)", 1, 40, 8.0)])
def test_ratio_to_the_file_system(what: str, number: int, calls: int, most: float) -> None:
    floor = best(bare()[number], calls)
    with tfm_sim.boot() as device:
        storage = device.psa.internal_trusted_storage
        storage.set(1, DATA)
        acts: tuple[Act, Act] = lambda: storage.get(1, 0, len(DATA)), lambda: storage.set(1, DATA)
        measured = best(acts[number], calls)
    print(f"\n{what}: {measured * 1e6:.1f} us = {measured / floor:.1f} x bare ({floor * 1e6:.1f} us)")
    assert measured / floor < most
