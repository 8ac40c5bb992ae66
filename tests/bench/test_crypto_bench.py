"""What the way through the crypto partition costs (`make bench`): each call beside the library's own.

Only ratios within one run are asserted. The library's side is what a Python program would write without the
service: a hash of 32 bytes and a sealed KiB take it a microsecond, so that most of their ratio is the way
there and back; an ECDSA signature takes a hundred times that.
"""

import hashlib
import timeit
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from pytest_benchmark.fixture import BenchmarkFixture
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes

WORDS, KIB, NONCE, AD = bytes(32), bytes(1024), bytes(12), bytes(20)
GCM, SHA_256 = v.PSA_ALG_GCM, v.PSA_ALG_SHA_256
ECDSA = v.PSA_ALG_DETERMINISTIC_ECDSA(SHA_256)
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)


def a_client() -> PsaClient:
    bench = start_partitions()
    bench.kernel.trace.listeners.clear()
    return bench.ns


def partition_hash() -> Callable[[], object]:
    client = a_client()
    return lambda: crypto.psa_hash_compute(client, SHA_256, WORDS, 32)


def library_hash() -> Callable[[], object]:
    return lambda: hashlib.sha256(WORDS).digest()


def partition_gcm() -> Callable[[], object]:
    client = a_client()
    attributes = KeyAttributes(v.PSA_KEY_TYPE_AES, usage=v.PSA_KEY_USAGE_ENCRYPT, alg=GCM)
    _, key = crypto.psa_import_key(client, attributes, bytes(16))
    return lambda: crypto.psa_aead_encrypt(client, key, GCM, NONCE, AD, KIB, 1040)


def library_gcm() -> Callable[[], object]:
    return lambda: AESGCM(bytes(16)).encrypt(NONCE, KIB, AD)


def partition_sign() -> Callable[[], object]:
    client = a_client()
    attributes = KeyAttributes(PAIR, 256, usage=v.PSA_KEY_USAGE_SIGN_HASH, alg=ECDSA)
    _, key = crypto.psa_generate_key(client, attributes)
    return lambda: crypto.psa_sign_hash(client, key, ECDSA, WORDS, 64)


def library_sign() -> Callable[[], object]:
    key = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(utils.Prehashed(SHA256()), deterministic_signing=True)
    return lambda: key.sign(WORDS, algorithm)


# (what, through the partition, by the library, at most so many times that, calls a batch)
SUBJECTS = [
    ("hash of 32 bytes", partition_hash, library_hash, 150.0, 2000),
    ("AES-GCM of 1 KiB", partition_gcm, library_gcm, 60.0, 2000),
    ("ECDSA P-256 signature", partition_sign, library_sign, 4.0, 100),
]
NAMES = [name for name, *_ in SUBJECTS]


@pytest.mark.parametrize("through", [row[1] for row in SUBJECTS], ids=NAMES)
def test_speed(through: Callable[[], Callable[[], object]], benchmark: BenchmarkFixture) -> None:
    benchmark(through())


def best(call: Callable[[], object], calls: int) -> float:
    """Seconds a call, the best of several batches."""
    return min(timeit.repeat(call, number=calls, repeat=7)) / calls


@pytest.mark.parametrize(("name", "through", "bare", "most", "calls"), SUBJECTS, ids=NAMES)
def test_ratio_to_the_library(
    name: str,
    through: Callable[[], Callable[[], object]],
    bare: Callable[[], Callable[[], object]],
    most: float,
    calls: int,
) -> None:
    measured, floor = best(through(), calls), best(bare(), calls)
    print(f"\n{name}: {measured * 1e6:.1f} us = {measured / floor:.1f} x the library ({floor * 1e6:.2f} us)")
    assert measured / floor < most
