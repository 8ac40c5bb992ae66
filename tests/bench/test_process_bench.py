"""What a call into a partition in its own process costs, in round trips of a bare echo (`make bench`).

The echo is two Python processes on a socket pair that send 32 bytes and back. Times are shown; only the ratio
within one run is asserted, and generously, for a busy machine.
"""

import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.kernel_bench import a_manifest, a_service
from support.process_bench import start_processes
from support.process_programs import CopyIpc, LeanIpc, LeanSfn

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.spm.process.host import Launcher

STATELESS = 0x40000100
CALLS = 300
ROUNDS = 15


@contextmanager
def bare_echo() -> Iterator[Callable[[], object]]:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        ours.close()
        buffer = bytearray(4096)
        try:
            while size := theirs.recv_into(buffer):
                theirs.sendall(buffer[:size])
        finally:
            os._exit(0)
    theirs.close()
    buffer, word = bytearray(4096), bytes(32)

    def round_trip() -> None:
        ours.sendall(word)
        ours.recv_into(buffer)

    try:
        yield round_trip
    finally:
        ours.close()
        os.waitpid(pid, 0)


@contextmanager
def a_call(model: str, program: type, size: int, connected: bool) -> Iterator[Callable[[], object]]:
    attributes = {} if connected else {"stateless_handle": 1}
    service = a_service("SERVICE", 0x1001, connection_based=connected, **attributes)
    with start_processes((a_manifest("SERVER", [service], model=model), program)) as bench:
        bench.kernel.trace.listeners.clear()
        psa_call = bench.ns.psa_call
        handle = bench.ns.psa_connect(0x1001, 1) if connected else STATELESS
        if not size:
            yield lambda: psa_call(handle, 1)
        else:
            data, buffer = bytes(size), bytearray(size)
            yield lambda: psa_call(handle, 1, [data], [psa_outvec(buffer)])


def seconds(subject: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        subject()
    return (time.perf_counter() - start) / CALLS


SUBJECTS = [
    ("psa_call without vectors, SFN", "SFN", LeanSfn, 0, False, 6),
    ("psa_call without vectors, IPC", "IPC", LeanIpc, 0, False, 8),
    ("psa_call, 16 bytes in and out, IPC", "IPC", CopyIpc, 16, False, 10),
    ("psa_call on a connection, 32 bytes in and out, IPC", "IPC", CopyIpc, 32, True, 10),
    ("psa_call, 4 KiB in and out, IPC", "IPC", CopyIpc, 4096, False, 12),
]


@pytest.mark.parametrize(
    ("what", "model", "program", "size", "connected", "most"), SUBJECTS, ids=[row[0] for row in SUBJECTS]
)
def test_cost_of_a_call_in_round_trips(
    what: str, model: str, program: type, size: int, connected: bool, most: float
) -> None:
    """One round trip and the work of both sides; ``most`` is far above what a quiet machine shows."""
    ratios, calls, floors = [], [], []
    with bare_echo() as echo, a_call(model, program, size, connected) as call:
        for _ in range(ROUNDS):
            floors.append(seconds(echo))
            calls.append(seconds(call))
            ratios.append(calls[-1] / floors[-1])
    ratio = min(calls) / min(floors)
    print(
        f"\n{what}: {min(calls) * 1e6:.1f} us = {ratio:.2f} x bare echo ({min(floors) * 1e6:.1f} us); "
        f"median of {ROUNDS} pairs {statistics.median(ratios):.2f}"
    )
    assert ratio < most


def test_time_to_launch_four_partitions() -> None:
    """What a start at level 3 takes longer than one at level 1 once the launcher is up, and the end."""
    partitions = [(a_manifest(f"P{i}", [a_service(f"S{i}", 0x1001 + i)]), LeanIpc) for i in range(4)]
    launcher = Launcher()
    launched, ended, alone, forked = [], [], [], []
    try:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for _ in partitions:
                with bare_echo() as echo:
                    echo()
            forked.append(time.perf_counter() - start)
            start = time.perf_counter()
            with start_processes(*partitions, launcher=launcher, level=1):
                alone.append(time.perf_counter() - start)
            start = time.perf_counter()
            with start_processes(*partitions, launcher=launcher):
                launched.append(time.perf_counter() - start - alone[-1])
                start = time.perf_counter()
            ended.append(time.perf_counter() - start)
    finally:
        launcher.close()
    print(
        f"\nfour partitions in processes: {min(launched) * 1e3:.1f} ms to launch = "
        f"{min(launched) / min(forked):.1f} x four bare forks ({min(forked) * 1e3:.1f} ms; median "
        f"{statistics.median(launched) * 1e3:.1f}, first {launched[0] * 1e3:.0f} with the launcher), "
        f"{min(ended) * 1e3:.1f} ms to end"
    )
    assert min(launched) < 20 * min(forked)
