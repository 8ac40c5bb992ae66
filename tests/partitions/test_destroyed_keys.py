"""What becomes of an operation whose key is destroyed (PSA Crypto 1.2 psa_destroy_key)."""

from collections.abc import Callable

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_pake as p
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    Operation,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.status import PSA_ERROR_BAD_STATE, PSA_SUCCESS
from tfm_sim.partitions.crypto.config import CryptoConfig

AES, HMAC, PASSWORD = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC, v.PSA_KEY_TYPE_PASSWORD
HS256 = v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256)
JPAKE = p.PSA_ALG_JPAKE(v.PSA_ALG_SHA_256)
P256 = p.PSA_PAKE_PRIMITIVE(p.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256)
SUITE = psa_pake_cipher_suite_t(JPAKE, P256, p.PSA_PAKE_UNCONFIRMED_KEY)
ALL = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_DERIVE

Step = Callable[[PsaClient, Operation, int], int]


def _mac(client: PsaClient, op: Operation, key: int) -> int:
    assert isinstance(op, psa_mac_operation_t)
    return (
        crypto.psa_mac_sign_setup(client, op, key, HS256) if key else crypto.psa_mac_update(client, op, b"x")
    )


def _cipher(client: PsaClient, op: Operation, key: int) -> int:
    assert isinstance(op, psa_cipher_operation_t)
    if key:
        return crypto.psa_cipher_encrypt_setup(client, op, key, v.PSA_ALG_CTR)
    return crypto.psa_cipher_set_iv(client, op, bytes(16))


def _aead(client: PsaClient, op: Operation, key: int) -> int:
    assert isinstance(op, psa_aead_operation_t)
    if key:
        return crypto.psa_aead_encrypt_setup(client, op, key, v.PSA_ALG_GCM)
    return crypto.psa_aead_set_nonce(client, op, bytes(12))


def _pake(client: PsaClient, op: Operation, key: int) -> int:
    assert isinstance(op, psa_pake_operation_t)
    if key:
        return crypto.psa_pake_setup(client, op, key, SUITE)
    return crypto.psa_pake_set_user(client, op, b"alice")


KINDS = [
    pytest.param(HMAC, HS256, psa_mac_operation_t, _mac, id="mac"),
    pytest.param(AES, v.PSA_ALG_CTR, psa_cipher_operation_t, _cipher, id="cipher"),
    pytest.param(AES, v.PSA_ALG_GCM, psa_aead_operation_t, _aead, id="aead"),
    pytest.param(PASSWORD, JPAKE, psa_pake_operation_t, _pake, id="pake"),
]


def make_key(client: PsaClient, key_type: int, alg: int) -> int:
    return crypto.psa_import_key(client, KeyAttributes(key_type, usage=ALL, alg=alg), b"k" * 16)[1]


@pytest.mark.parametrize("kind, alg, operation_type, step", KINDS)
def test_psa_destroy_key_makes_operations_in_progress_fail(
    kind: int, alg: int, operation_type: Callable[[], Operation], step: Step
) -> None:
    device = start_partitions()
    key, other = make_key(device.ns, kind, alg), make_key(device.ns, kind, alg)
    mine, beside = operation_type(), operation_type()
    assert [step(device.ns, mine, key), step(device.ns, beside, other)] == [PSA_SUCCESS] * 2
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    assert step(device.ns, mine, 0) == PSA_ERROR_BAD_STATE
    assert step(device.ns, mine, other) == PSA_ERROR_BAD_STATE
    assert step(device.ns, beside, 0) == PSA_SUCCESS


def test_mbed_tls_goes_on_with_a_copy_of_the_key() -> None:
    device = start_partitions(crypto=CryptoConfig(operations_outlive_keys=True))
    key, op = make_key(device.ns, HMAC, HS256), psa_mac_operation_t()
    assert _mac(device.ns, op, key) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    assert _mac(device.ns, op, 0) == PSA_SUCCESS


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


def test_persistent_key_of_the_same_id_as_anothers(device: PartitionBench) -> None:
    """Keys of two clients may have one id: destroying one leaves the other's operations alone."""
    attributes = KeyAttributes(HMAC, usage=ALL, alg=HS256, lifetime=1, id=5)
    ops = [psa_mac_operation_t(), psa_mac_operation_t()]
    for client, op in zip((device.ns, device.ns2), ops, strict=True):
        assert crypto.psa_import_key(client, attributes, b"key")[0] == PSA_SUCCESS
        assert _mac(client, op, 5) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, 5) == PSA_SUCCESS
    assert _mac(device.ns, ops[0], 0) == PSA_ERROR_BAD_STATE
    assert _mac(device.ns2, ops[1], 0) == PSA_SUCCESS


def test_purging_a_key_is_not_destroying_it(device: PartitionBench) -> None:
    attributes = KeyAttributes(HMAC, usage=ALL, alg=HS256, lifetime=1, id=5)
    assert crypto.psa_import_key(device.ns, attributes, b"key")[0] == PSA_SUCCESS
    op = psa_mac_operation_t()
    assert _mac(device.ns, op, 5) == PSA_SUCCESS
    assert crypto.psa_purge_key(device.ns, 5) == PSA_SUCCESS
    assert _mac(device.ns, op, 0) == PSA_SUCCESS


def test_operations_without_a_key_have_none_to_lose(device: PartitionBench) -> None:
    """A derivation has taken its inputs; a hash never had a key, whatever its request says."""
    key = make_key(device.ns, v.PSA_KEY_TYPE_DERIVE, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256))
    kdf, hash_ = psa_key_derivation_operation_t(), psa_hash_operation_t()
    assert crypto.psa_key_derivation_setup(device.ns, kdf, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)) == PSA_SUCCESS
    secret = v.PSA_KEY_DERIVATION_INPUT_SECRET
    assert crypto.psa_key_derivation_input_key(device.ns, kdf, secret, key) == PSA_SUCCESS
    assert crypto.psa_hash_setup(device.ns, hash_, v.PSA_ALG_SHA_256) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    info = v.PSA_KEY_DERIVATION_INPUT_INFO
    assert crypto.psa_key_derivation_input_bytes(device.ns, kdf, info, b"") == PSA_SUCCESS
    assert crypto.psa_hash_update(device.ns, hash_, b"x") == PSA_SUCCESS
