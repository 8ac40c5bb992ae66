"""How fast the model is (`make bench`). Absolute times are shown; only ratios within one run are asserted.

The real TF-M in QEMU at its best: 32 microseconds a call, 27 milliseconds a token, 162 milliseconds to NS
(tests/data/recordings/tfm-timings.json).
"""

import json
import subprocess
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from greenlet import getcurrent, greenlet
from pytest_benchmark.fixture import BenchmarkFixture
from support.kernel_bench import Echo, SfnEcho, a_manifest, a_service, start_bench

import tfm_sim
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.spm.config import Backend, SpmConfig
from tfm_sim.spm.partition_api import PartitionApi

SID = 0x1001
TIMINGS = Path(__file__).parent.parent / "data" / "recordings" / "tfm-timings.json"


WORDS = bytes(32)


class LeanIpc(Echo):
    """Waits, gets, reads and writes where there are vectors, replies; nothing else."""

    def main(self) -> None:
        psa, msg, buffer = self.psa, psa_msg_t(), bytearray(len(WORDS))
        while True:
            psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            if msg.in_size[0]:
                psa.psa_read(msg.handle, 0, buffer, len(buffer))
                psa.psa_write(msg.handle, 0, WORDS)
            psa.psa_reply(msg.handle, 0)


class LeanSfn(SfnEcho):
    def answer(self, msg: psa_msg_t) -> int:
        if msg.in_size[0]:
            self.psa.psa_read(msg.handle, 0, bytearray(len(WORDS)), len(WORDS))
            self.psa.psa_write(msg.handle, 0, WORDS)
        return 0


def a_call(model: str, *, vectors: bool) -> Callable[[], object]:
    """On a connection; with ``vectors`` 32 bytes each way. An SFN partition runs on the SFN backend."""
    program: Callable[[PartitionApi], object] = LeanIpc if model == "IPC" else LeanSfn
    config = SpmConfig(backend=Backend(model))
    bench = start_bench(
        (a_manifest("SERVER", [a_service("SERVICE", SID)], model=model), program), config=config
    )
    bench.kernel.trace.listeners.clear()
    psa_call = bench.ns.psa_call
    handle = bench.ns.psa_connect(SID, 1)
    if not vectors:
        return lambda: psa_call(handle, 1)
    ins, outs = [WORDS], [psa_outvec(bytearray(len(WORDS)))]
    return lambda: psa_call(handle, 1, ins, outs)


def greenlet_round_trip() -> Callable[[], object]:
    main = getcurrent()

    def back() -> None:
        while True:
            main.switch()

    return greenlet(back).switch


def a_token() -> Callable[[], object]:
    device = tfm_sim.boot()
    get_token = device.psa.initial_attestation.get_token
    return lambda: get_token(bytes(32))


def token_floor() -> Callable[[], object]:
    """What no token can do without: one P-256 signature, one CBOR encoding of the claims."""
    token = tfm_sim.boot().psa.initial_attestation.get_token(bytes(32))
    claims = cbor2.loads(cbor2.loads(token).value[2])
    key, algorithm, digest = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.ECDSA(utils.Prehashed(SHA256())),
        bytes(32),
    )

    def floor() -> None:
        cbor2.dumps(claims)
        key.sign(digest, algorithm)

    return floor


def power_on_to_first_ns_call() -> Callable[[], object]:
    def power_on() -> None:
        with tfm_sim.boot() as device:
            device.ns.psa_framework_version()

    return power_on


SUBJECTS: dict[str, Callable[[], Callable[[], object]]] = {
    "bare greenlet round trip": greenlet_round_trip,
    "psa_call, SFN": lambda: a_call("SFN", vectors=False),
    "psa_call, SFN, 32 bytes each way": lambda: a_call("SFN", vectors=True),
    "psa_call, IPC": lambda: a_call("IPC", vectors=False),
    "psa_call, IPC, 32 bytes each way": lambda: a_call("IPC", vectors=True),
    "token floor (sign + encode)": token_floor,
    "get_token": a_token,
    "power on to first NS call": power_on_to_first_ns_call,
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_speed(subject: str, benchmark: BenchmarkFixture) -> None:
    benchmark(SUBJECTS[subject]())


def test_speed_of_the_run_command(benchmark: BenchmarkFixture) -> None:
    command = [sys.executable, "-c", "from tfm_sim.tools.cli import main; main()", "run"]
    benchmark(lambda: subprocess.run(command, check=True, capture_output=True))


def best(subject: str, calls: int) -> float:
    """Seconds a call, the best of several batches."""
    return min(timeit.repeat(SUBJECTS[subject](), number=calls, repeat=7)) / calls


# (what, in units of, at most so many): generous enough for a busy machine, tight enough to see a blunder.
RATIOS = [
    ("psa_call, SFN", "bare greenlet round trip", 20.0, 5000),
    ("psa_call, SFN, 32 bytes each way", "bare greenlet round trip", 35.0, 5000),
    ("psa_call, IPC", "bare greenlet round trip", 35.0, 5000),
    ("psa_call, IPC, 32 bytes each way", "bare greenlet round trip", 50.0, 5000),
    ("get_token", "token floor (sign + encode)", 6.0, 100),
]


@pytest.mark.parametrize(("subject", "unit", "most", "calls"), RATIOS, ids=[row[0] for row in RATIOS])
def test_ratio_to_the_floor(subject: str, unit: str, most: float, calls: int) -> None:
    measured, floor = best(subject, calls), best(unit, calls)
    print(f"\n{subject}: {measured * 1e6:.2f} us = {measured / floor:.1f} x {unit} ({floor * 1e6:.2f} us)")
    assert measured / floor < most


def test_the_recorded_timings_of_the_real_tf_m_are_at_hand() -> None:
    assert json.loads(TIMINGS.read_text())["builds"]
