"""Whatever a non-secure client sends to the crypto service, it gets a status."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PsaStatus
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import (
    TFM_ATTESTATION_SERVICE_HANDLE,
    TFM_CRYPTO_HANDLE,
    TFM_PLATFORM_SERVICE_HANDLE,
)

KNOWN = {status.value for status in PsaStatus}
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
KEYS = st.sampled_from(
    [0, 0x40000000, 0x40000001, 0x40000002, 0x7FFF815C, 0x7FFF815D, 0x7FFF815E]
) | st.integers(0, 2**32 - 1)
PLAIN_ALGS = [0, v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_512, v.PSA_ALG_CBC_PKCS7, v.PSA_ALG_CMAC]
WITH_HASH = [0x03800009, 0x03908009, 0x06000609, 0x06000600, 0x060006FF]
ALGS = st.sampled_from(PLAIN_ALGS + WITH_HASH) | st.integers(0, 2**32 - 1)
FUNCTIONS = st.sampled_from([f.value for f in Function]) | st.integers(0, 2**16 - 1)
REQUESTS = st.builds(pack_iovec, FUNCTIONS, KEYS, ALGS, st.integers(0, 10))
ATTRIBUTES = st.builds(
    KeyAttributes,
    st.sampled_from([0, 0x1001, 0x1100, 0x2400, PAIR, 0x4112, 0x7117, 0x7001]) | st.integers(0, 2**16 - 1),
    st.sampled_from([0, 8, 128, 256, 384, 521, 0xFFF8, 0xFFFF]),
    st.sampled_from([0, 1, 0x80000101]),
    st.integers(0, 0xFFFF),
    ALGS,
    ALGS,
    st.integers(0, 2),
).map(KeyAttributes.encode)
VECTORS = st.lists(ATTRIBUTES | st.binary(max_size=140), max_size=2)
SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    started = start_partitions()
    usage = v.PSA_KEY_USAGE_ALL
    crypto.psa_generate_key(started.ns, KeyAttributes(PAIR, 256, usage=usage, alg=0x060006FF))
    crypto.psa_generate_key(started.ns, KeyAttributes(v.PSA_KEY_TYPE_HMAC, 256, usage=usage, alg=0x03848009))
    aes = KeyAttributes(v.PSA_KEY_TYPE_AES, 128, usage=usage, alg=v.PSA_ALG_CBC_PKCS7, alg2=v.PSA_ALG_CMAC)
    crypto.psa_generate_key(started.ns, aes)
    return started


@SETTINGS
@given(REQUESTS | st.binary(max_size=60), VECTORS, st.lists(st.integers(0, 140), max_size=1))
def test_any_crypto_request_gets_a_status(
    device: PartitionBench, request: bytes, inputs: list[bytes], out_sizes: list[int]
) -> None:
    out_vec = [psa_outvec(bytearray(size), size) for size in out_sizes]
    status = device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request, *inputs], out_vec)
    assert status in KNOWN
    assert all(0 <= out.len <= size for out, size in zip(out_vec, out_sizes, strict=True))


@SETTINGS
@given(
    st.sampled_from([TFM_ATTESTATION_SERVICE_HANDLE, TFM_PLATFORM_SERVICE_HANDLE]),
    st.sampled_from([0, 1001, 1002, 1010, 1011, 1013]),
    st.lists(st.binary(max_size=70), max_size=2),
    st.lists(st.integers(0, 700), max_size=2),
)
def test_any_request_to_the_other_services_gets_a_status(
    device: PartitionBench, handle: int, type_: int, inputs: list[bytes], out_sizes: list[int]
) -> None:
    out_vec = [psa_outvec(bytearray(size), size) for size in out_sizes]
    status = device.ns.psa_call(handle, type_, inputs, out_vec)
    assert status in KNOWN | {1, 2, 3}
