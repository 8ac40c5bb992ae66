"""One request takes bounded time and memory, however much work it asks for."""

import hashlib

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import psa_key_derivation_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.derivation_inputs import MAX_INPUT
from tfm_sim.partitions.crypto.pbkdf2 import block_limit

COST, SALT, PASSWORD = (
    v.PSA_KEY_DERIVATION_INPUT_COST,
    v.PSA_KEY_DERIVATION_INPUT_SALT,
    v.PSA_KEY_DERIVATION_INPUT_PASSWORD,
)
HMAC, CMAC = v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256), v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128
ITERATIONS = 20_000


def small_client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(pbkdf2_max_iterations=ITERATIONS)).ns


def ready(client: PsaClient, alg: int, cost: int) -> psa_key_derivation_operation_t:
    operation = psa_key_derivation_operation_t()
    assert crypto.psa_key_derivation_setup(client, operation, alg) == PSA_SUCCESS
    assert crypto.psa_key_derivation_input_integer(client, operation, COST, cost) == PSA_SUCCESS
    assert crypto.psa_key_derivation_input_bytes(client, operation, SALT, b"salt") == PSA_SUCCESS
    assert crypto.psa_key_derivation_input_bytes(client, operation, PASSWORD, b"pw") == PSA_SUCCESS
    return operation


@pytest.mark.parametrize(
    "alg, cost, blocks", [(HMAC, 5000, 3), (HMAC, 20_000, 1), (CMAC, 10_000, 1), (CMAC, 3000, 3)]
)
def test_the_blocks_of_pbkdf2_have_so_many_iterations_together(alg: int, cost: int, blocks: int) -> None:
    size = blocks * (32 if alg == HMAC else 16)
    for pieces in ([size], [1] * size):
        client = small_client()
        operation = ready(client, alg, cost)
        found = b"".join(crypto.psa_key_derivation_output_bytes(client, operation, n)[1] for n in pieces)
        assert len(found) == size
        if alg == HMAC:
            assert found == hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", cost, size)
        refused = crypto.psa_key_derivation_output_bytes(client, operation, 1)
        assert refused == (PSA_ERROR_INSUFFICIENT_MEMORY, b"")
        assert crypto.psa_key_derivation_output_bytes(client, operation, 1)[0] == PSA_ERROR_BAD_STATE
        assert crypto.psa_key_derivation_abort(client, operation) == PSA_SUCCESS


@pytest.mark.parametrize("alg, cost", [(HMAC, 20_001), (CMAC, 10_001)])
def test_a_cost_beyond_the_build(alg: int, cost: int) -> None:
    client, operation = small_client(), psa_key_derivation_operation_t()
    assert crypto.psa_key_derivation_setup(client, operation, alg) == PSA_SUCCESS
    found = crypto.psa_key_derivation_input_integer(client, operation, COST, cost)
    assert found == PSA_ERROR_NOT_SUPPORTED


def test_costs_in_use_go_through() -> None:
    """600 000 iterations for 256 bytes of SHA-256 is more than anybody asks for."""
    limit = CryptoConfig().pbkdf2_max_iterations
    assert block_limit(limit, 600_000, bytes(16)) >= 6
    assert block_limit(limit, 1, bytes(MAX_INPUT)) * (MAX_INPUT // 64) <= limit


def test_a_salt_in_parts_does_not_grow_for_ever() -> None:
    client, operation = small_client(), psa_key_derivation_operation_t()
    assert crypto.psa_key_derivation_setup(client, operation, HMAC) == PSA_SUCCESS
    assert crypto.psa_key_derivation_input_integer(client, operation, COST, 1) == PSA_SUCCESS
    for _ in range(MAX_INPUT // 4096):
        part = crypto.psa_key_derivation_input_bytes(client, operation, SALT, bytes(4096))
        assert part == PSA_SUCCESS
    last = crypto.psa_key_derivation_input_bytes(client, operation, SALT, b"1")
    assert last == PSA_ERROR_INSUFFICIENT_MEMORY
