"""What psa_hash_suspend and psa_hash_resume refuse (PSA Crypto 1.2, 10.2.3 and 10.2.5)."""

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_sizes as sizes
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.compression import CONSTRUCTIONS
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import EVERYTHING

SHA_256, SHA_512 = v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_512


@pytest.fixture
def client() -> PsaClient:
    return start_partitions().ns


def state_of(alg: int, length: int, tail: bytes = b"") -> bytes:
    """A suspend state whose hash state is whatever bytes."""
    words = b"w" * sizes.PSA_HASH_SUSPEND_HASH_STATE_FIELD_LENGTH(alg)
    width = sizes.PSA_HASH_SUSPEND_INPUT_LENGTH_FIELD_LENGTH(alg)
    return alg.to_bytes(4, "big") + length.to_bytes(width, "big") + words + tail


def started(client: PsaClient, alg: int, data: bytes = b"") -> psa_hash_operation_t:
    operation = psa_hash_operation_t()
    assert crypto.psa_hash_setup(client, operation, alg) == PSA_SUCCESS
    assert crypto.psa_hash_update(client, operation, data) == PSA_SUCCESS
    return operation


@pytest.mark.parametrize("alg", sorted(CONSTRUCTIONS))
@pytest.mark.parametrize("length", [0, 63, 64, 127, 128])
def test_size_of_the_state(alg: int, length: int) -> None:
    """No state is longer than its macro says, and the longest one is as long."""
    client = start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns
    operation = started(client, alg, bytes(length))
    status, state = crypto.psa_hash_suspend(client, operation, 256)
    tail = length % sizes.PSA_HASH_BLOCK_LENGTH(alg)
    room = sizes.PSA_HASH_SUSPEND_OUTPUT_SIZE(alg)
    spare = sizes.PSA_HASH_BLOCK_LENGTH(alg) - 1 - tail
    assert (status, len(state)) == (PSA_SUCCESS, room - spare)
    assert len(state) <= sizes.PSA_HASH_SUSPEND_OUTPUT_MAX_SIZE


def test_suspending_without_an_operation(client: PsaClient) -> None:
    operation = psa_hash_operation_t()
    assert crypto.psa_hash_suspend(client, operation, 256) == (PSA_ERROR_BAD_STATE, b"")


def test_a_suspended_operation_is_inactive(client: PsaClient) -> None:
    operation = started(client, SHA_256)
    assert crypto.psa_hash_suspend(client, operation, 256)[0] == PSA_SUCCESS
    assert operation.handle == 0
    assert crypto.psa_hash_suspend(client, operation, 256)[0] == PSA_ERROR_BAD_STATE
    assert crypto.psa_hash_abort(client, operation) == PSA_SUCCESS


def test_a_small_buffer_loses_the_operation(client: PsaClient) -> None:
    operation = started(client, SHA_256, b"abc")
    whole = 4 + 8 + 32 + 3
    assert crypto.psa_hash_suspend(client, operation, whole - 1) == (PSA_ERROR_BUFFER_TOO_SMALL, b"")
    assert crypto.psa_hash_suspend(client, operation, whole)[0] == PSA_ERROR_BAD_STATE
    assert crypto.psa_hash_finish(client, operation, 32)[0] == PSA_ERROR_BAD_STATE
    assert (crypto.psa_hash_abort(client, operation), operation.handle) == (PSA_SUCCESS, 0)


@pytest.mark.parametrize("alg", [v.PSA_ALG_SHA3_256, v.PSA_ALG_SHA3_512, v.PSA_ALG_SHAKE256_512])
def test_sha_3_has_no_state_to_suspend(client: PsaClient, alg: int) -> None:
    operation = started(client, alg, b"abc")
    assert crypto.psa_hash_suspend(client, operation, 256) == (PSA_ERROR_NOT_SUPPORTED, b"")
    assert crypto.psa_hash_finish(client, operation, 64)[0] == PSA_ERROR_BAD_STATE
    assert crypto.psa_hash_abort(client, operation) == PSA_SUCCESS


@pytest.mark.parametrize(
    "state, status",
    [
        (state_of(SHA_256, 0), PSA_SUCCESS),
        (state_of(SHA_256, 3, b"abc"), PSA_SUCCESS),
        (state_of(SHA_256, 64), PSA_SUCCESS),
        (state_of(SHA_512, 127, bytes(127)), PSA_SUCCESS),
        (b"", PSA_ERROR_INVALID_ARGUMENT),
        (b"\2\0\0", PSA_ERROR_INVALID_ARGUMENT),
        (SHA_256.to_bytes(4, "big"), PSA_ERROR_INVALID_ARGUMENT),
        (SHA_256.to_bytes(4, "little") + bytes(40), PSA_ERROR_INVALID_ARGUMENT),
        (state_of(SHA_256, 3, b"ab"), PSA_ERROR_INVALID_ARGUMENT),
        (state_of(SHA_256, 3, b"abcd"), PSA_ERROR_INVALID_ARGUMENT),
        (state_of(SHA_256, 0)[:-1], PSA_ERROR_INVALID_ARGUMENT),
        (state_of(SHA_256, 64, bytes(64)), PSA_ERROR_INVALID_ARGUMENT),
        # FIPS 180-4: at most 2^64 - 1 bits.
        (state_of(SHA_256, 2**61 - 64), PSA_SUCCESS),
        (state_of(SHA_256, 2**61), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_CMAC.to_bytes(4, "big") + bytes(40), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_SHA3_256.to_bytes(4, "big") + bytes(40), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_MD2.to_bytes(4, "big") + bytes(65), PSA_ERROR_NOT_SUPPORTED),
        # In the model, but not in this build.
        (state_of(v.PSA_ALG_MD5, 0), PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_resuming(client: PsaClient, state: bytes, status: int) -> None:
    operation = psa_hash_operation_t()
    assert crypto.psa_hash_resume(client, operation, state) == status
    assert (operation.handle != 0) is (status == PSA_SUCCESS)
    if status == PSA_SUCCESS:
        # What was resumed and not fed gives the same state again.
        assert crypto.psa_hash_suspend(client, operation, 256) == (PSA_SUCCESS, state)


def test_resuming_an_active_operation(client: PsaClient) -> None:
    operation = started(client, SHA_256)
    state = state_of(SHA_256, 0)
    assert crypto.psa_hash_resume(client, operation, state) == PSA_ERROR_BAD_STATE
    others = [started(client, SHA_256) for _ in range(7)]
    late = psa_hash_operation_t()
    assert crypto.psa_hash_resume(client, late, state) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_hash_abort(client, others[0]) == PSA_SUCCESS
    assert crypto.psa_hash_resume(client, late, state) == PSA_SUCCESS


def test_a_resumed_operation_can_be_cloned(client: PsaClient) -> None:
    operation, target = started(client, SHA_256, b"ab"), psa_hash_operation_t()
    _, state = crypto.psa_hash_suspend(client, operation, 256)
    assert crypto.psa_hash_resume(client, operation, state) == PSA_SUCCESS
    assert crypto.psa_hash_clone(client, operation, target) == PSA_SUCCESS
    assert crypto.psa_hash_update(client, target, b"c") == PSA_SUCCESS
    for op, message in ((operation, b"ab"), (target, b"abc")):
        wanted = crypto.psa_hash_compute(client, SHA_256, message, 32)
        assert crypto.psa_hash_finish(client, op, 32) == wanted


def test_tf_m_s_service_has_neither() -> None:
    ns = start_partitions(crypto=CryptoConfig(extensions=False)).ns
    operation = started(ns, SHA_256)
    same = psa_hash_operation_t(operation.handle)
    assert crypto.psa_hash_suspend(ns, same, 256) == (PSA_ERROR_NOT_SUPPORTED, b"")
    assert crypto.psa_hash_resume(ns, psa_hash_operation_t(), b"") == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_hash_finish(ns, operation, 32)[0] == PSA_SUCCESS
