"""What the way through the crypto and storage partitions costs (`make bench`), beside the bare call.

Only ratios within one run are asserted. The bare call is what a program would write without the service: of
the library, of the flash model for an asset, of both for an object of protected storage. A hash of 32 bytes
takes it half a microsecond, a sealed KiB two, so that nearly all of their ratio is the way there and back; a
signature takes as long as that way.
"""

import hashlib
import timeit
from collections.abc import Callable, Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pytest_benchmark.fixture import BenchmarkFixture
from support.partition_bench import start_partitions
from support.ps_bench import PsBench

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from tfm_sim.interface.psa.protected_storage import psa_ps_get, psa_ps_set
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.platform.flash import Flash, FlashArea

WORDS, KIB, NONCE, AD, ASSET = bytes(32), bytes(1024), bytes(12), bytes(20), bytes(64)
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


def partition_its_get() -> Callable[[], object]:
    client = a_client()
    assert psa_its_set(client, 1, ASSET, 0) == PSA_SUCCESS
    return lambda: psa_its_get(client, 1, 0, len(ASSET))


def flash_read() -> Callable[[], object]:
    area = FlashArea(7, "its", Flash("its", 0x4000, 0x1000, 1), 0, 0x4000)
    area.write(0, ASSET)
    return lambda: area.read(0, len(ASSET))


def partition_ps_get() -> Callable[[], object]:
    client = PsBench(on_flash=True).boot().ns
    assert psa_ps_set(client, 1, ASSET, 0) == PSA_SUCCESS
    return lambda: psa_ps_get(client, 1, 0, len(ASSET))


def open_from_flash() -> Callable[[], object]:
    """What an object takes without services: its file from the flash, its key derived, the file opened."""
    info, secret = bytes(12), bytes(32)
    area = FlashArea(6, "ps", Flash("ps", 0x5000, 0x1000, 1), 0, 0x5000)

    def derived() -> AESGCM:
        return AESGCM(HKDF(SHA256(), 16, None, info).derive(secret))

    sealed = derived().encrypt(NONCE, bytes(16) + ASSET, bytes(4))
    area.write(0, sealed)
    return lambda: derived().decrypt(NONCE, area.read(0, len(sealed)), bytes(4))


# (what, through the partition, bare, at most so many times that, calls a batch)
SUBJECTS = [
    ("hash of 32 bytes", partition_hash, library_hash, 300.0, 200),
    ("AES-GCM of 1 KiB", partition_gcm, library_gcm, 150.0, 200),
    ("ECDSA P-256 signature", partition_sign, library_sign, 10.0, 30),
    ("ITS get of 64 bytes", partition_its_get, flash_read, 700.0, 200),
    ("PS get of 64 bytes", partition_ps_get, open_from_flash, 150.0, 50),
]
NAMES = [name for name, *_ in SUBJECTS]


@pytest.mark.parametrize("through", [row[1] for row in SUBJECTS], ids=NAMES)
def test_speed(through: Callable[[], Callable[[], object]], benchmark: BenchmarkFixture) -> None:
    benchmark(through())


def best(calls: Sequence[Callable[[], object]], number: int) -> list[float]:
    """Seconds a call, the best of many batches: in turn, for a busy machine to slow all of them alike."""
    rounds = [[timeit.timeit(call, number=number) for call in calls] for _ in range(25)]
    return [min(times) / number for times in zip(*rounds, strict=True)]


@pytest.mark.parametrize(("name", "through", "bare", "most", "calls"), SUBJECTS, ids=NAMES)
def test_ratio_to_the_bare_call(
    name: str,
    through: Callable[[], Callable[[], object]],
    bare: Callable[[], Callable[[], object]],
    most: float,
    calls: int,
) -> None:
    measured, floor = best((through(), bare()), calls)
    print(
        f"\n{name}: {measured * 1e6:.1f} us = {measured / floor:.1f} x the bare call ({floor * 1e6:.2f} us)"
    )
    assert measured / floor < most
