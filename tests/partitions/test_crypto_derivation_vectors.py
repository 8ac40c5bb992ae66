"""Published vectors of key derivation through psa_call."""

import pytest
from support.derivation_bench import Derivation
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PSA_SUCCESS

SALT = v.PSA_KEY_DERIVATION_INPUT_SALT
SECRET = v.PSA_KEY_DERIVATION_INPUT_SECRET
INFO = v.PSA_KEY_DERIVATION_INPUT_INFO


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


RFC_5869 = [
    (
        v.PSA_ALG_SHA_256,
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        v.PSA_ALG_SHA_256,
        "".join(f"{n:02x}" for n in range(0x50)),
        "".join(f"{n:02x}" for n in range(0x60, 0xB0)),
        "".join(f"{n:02x}" for n in range(0xB0, 0x100)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
        "cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        v.PSA_ALG_SHA_256,
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
    (
        v.PSA_ALG_SHA_1,
        "0b" * 11,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
    ),
    (
        v.PSA_ALG_SHA_1,
        "0c" * 22,
        None,
        "",
        "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48",
    ),
]


@pytest.mark.parametrize("hash_alg, secret, salt, info, output", RFC_5869)
def test_hkdf_of_rfc_5869(
    device: PartitionBench, hash_alg: int, secret: str, salt: str | None, info: str, output: str
) -> None:
    derivation = Derivation(device.ns)
    assert derivation.setup(v.PSA_ALG_HKDF(hash_alg)) == PSA_SUCCESS
    if salt is not None:
        assert derivation.give(SALT, bytes.fromhex(salt)) == PSA_SUCCESS
    assert derivation.give(SECRET, bytes.fromhex(secret)) == PSA_SUCCESS
    assert derivation.give(INFO, bytes.fromhex(info)) == PSA_SUCCESS
    expected = bytes.fromhex(output)
    assert derivation.read(len(expected)) == (PSA_SUCCESS, expected)
    assert derivation.abort() == PSA_SUCCESS
