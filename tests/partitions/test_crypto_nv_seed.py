"""The random source of the crypto service and the seed that it keeps (TF-M crypto_nv_seed.c)."""

import hashlib

import pytest
from support.partition_bench import start_partitions

import tfm_sim
from tfm_sim.firmware_build import Build
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drbg import HmacDrbg


@pytest.mark.parametrize(
    "message, nonce",
    [
        (b"sample", "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60"),
        (b"test", "D16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0"),
    ],
)
def test_hmac_drbg_gives_the_nonces_of_rfc_6979(message: bytes, nonce: str) -> None:
    """RFC 6979, 3.3: its generation of k is HMAC_DRBG; A.2.5 has the vectors for P-256 and SHA-256."""
    key = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
    generator = HmacDrbg(key + hashlib.sha256(message).digest())
    assert generator.generate(32).hex().upper() == nonce


def test_hmac_drbg_requests_are_not_one_stream() -> None:
    """SP 800-90A, 10.1.2.5: each request ends with an update."""
    one, other = HmacDrbg(b"seed"), HmacDrbg(b"seed")
    whole = one.generate(64)
    assert other.generate(32) + other.generate(32) != whole
    assert [len(one.generate(size)) for size in (0, 1, 33)] == [0, 1, 33]


def test_no_boot_repeats_anothers_bytes(tmp_path: object) -> None:
    with tfm_sim.boot(state=str(tmp_path)) as device:
        first = device.psa.crypto.generate_random(16)
        second = device.reset().psa.crypto.generate_random(16)
    with tfm_sim.boot(state=str(tmp_path)) as device:
        third = device.psa.crypto.generate_random(16)
    assert len({first, second, third}) == 3


def test_equal_seeds_and_histories_give_equal_bytes() -> None:
    def history(seed: int) -> list[bytes]:
        with tfm_sim.boot(seed=seed) as device:
            return [device.psa.crypto.generate_random(8), device.reset().psa.crypto.generate_random(8)]

    assert history(7) == history(7)
    assert history(7) != history(8)


def test_seed_is_an_asset_of_the_crypto_partition() -> None:
    """TF-M NV_SEED_FILE_ID: it takes one of the ten, which others then lack."""
    with tfm_sim.boot() as device:
        storage = device.psa.internal_trusted_storage
        for uid in range(1, 10):
            storage.set(uid, b"x")
        with pytest.raises(tfm_sim.PsaError, match="INSUFFICIENT_STORAGE"):
            storage.set(10, b"x")


def test_build_without_it_draws_from_the_device() -> None:
    with tfm_sim.boot(build=Build(crypto=CryptoConfig(nv_seed=False))) as device:
        for uid in range(1, 11):
            device.psa.internal_trusted_storage.set(uid, b"x")
        assert len(device.psa.crypto.generate_random(33)) == 33


def test_build_without_storage_draws_from_the_device() -> None:
    device = start_partitions(its=None)
    assert len(CryptoApi(device.ns).generate_random(33)) == 33
