"""A driver's key in every group of operations gives what the same key in the clear gives."""

from collections.abc import Callable
from inspect import getmembers, isfunction, signature
from itertools import chain

import pytest
from support.key_wrap_driver import PAIR, KeyWrapDriver
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_cipher_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverKey, DriverSpec, OpaqueDriver
from tfm_sim.partitions.crypto.refusal import Refusal

WRAP, LACKING = 0x000001, 0x800002
CONFIG = CryptoConfig(drivers=(DriverSpec.of(WRAP, KeyWrapDriver), DriverSpec.of(LACKING, OpaqueDriver)))
SECRET = bytes(range(1, 33))
DIGEST = bytes(range(32))
S256 = v.PSA_ALG_SHA_256
ES256 = v.PSA_ALG_DETERMINISTIC_ECDSA(S256)
HS256, HKDF = v.PSA_ALG_HMAC(S256), v.PSA_ALG_HKDF(S256)
SHORT_MAC = v.PSA_ALG_TRUNCATED_MAC(HS256, 12)
AES, HMAC, DERIVE = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC, v.PSA_KEY_TYPE_DERIVE
NONCE = bytes(12)
POINT = bytes.fromhex(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions(crypto=CONFIG)


def key_at(device: PartitionBench, location: int, key_type: int, alg: int, usage: int) -> int:
    attributes = KeyAttributes(key_type, lifetime=location << 8, usage=usage, alg=alg)
    status, key = crypto.psa_import_key(device.ns, attributes, SECRET)
    assert status == PSA_SUCCESS
    return key


def mac_in_parts(ns: PsaClient, key: int) -> tuple[int, bytes]:
    operation = psa_mac_operation_t()
    statuses = [
        crypto.psa_mac_sign_setup(ns, operation, key, HS256),
        crypto.psa_mac_update(ns, operation, b"mess"),
        crypto.psa_mac_update(ns, operation, b"age"),
    ]
    assert statuses == [PSA_SUCCESS] * 3
    return crypto.psa_mac_sign_finish(ns, operation, 32)


def derived(ns: PsaClient, key: int) -> tuple[int, bytes]:
    operation = psa_key_derivation_operation_t()
    statuses = [
        crypto.psa_key_derivation_setup(ns, operation, HKDF),
        crypto.psa_key_derivation_input_key(ns, operation, v.PSA_KEY_DERIVATION_INPUT_SECRET, key),
        crypto.psa_key_derivation_input_bytes(ns, operation, v.PSA_KEY_DERIVATION_INPUT_INFO, b"info"),
    ]
    assert statuses == [PSA_SUCCESS] * 3
    result = crypto.psa_key_derivation_output_bytes(ns, operation, 40)
    crypto.psa_key_derivation_abort(ns, operation)
    return result


Use = Callable[[PsaClient, int], tuple[int, bytes]]
SIGN, ENCRYPT, DERIVES = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DERIVE
USES: dict[str, tuple[int, int, int, Use]] = {
    "sign_hash": (PAIR, ES256, SIGN, lambda ns, k: crypto.psa_sign_hash(ns, k, ES256, DIGEST, 64)),
    "sign_message": (PAIR, ES256, SIGN, lambda ns, k: crypto.psa_sign_message(ns, k, ES256, b"m", 64)),
    "mac": (HMAC, HS256, SIGN, lambda ns, k: crypto.psa_mac_compute(ns, k, HS256, b"message", 32)),
    "short mac": (HMAC, SHORT_MAC, SIGN, lambda ns, k: crypto.psa_mac_compute(ns, k, SHORT_MAC, b"m", 32)),
    "mac in parts": (HMAC, HS256, SIGN, mac_in_parts),
    "aead": (
        AES,
        v.PSA_ALG_GCM,
        ENCRYPT,
        lambda ns, k: crypto.psa_aead_encrypt(ns, k, v.PSA_ALG_GCM, NONCE, b"ad", b"text", 99),
    ),
    "agreement": (
        PAIR,
        v.PSA_ALG_ECDH,
        DERIVES,
        lambda ns, k: crypto.psa_raw_key_agreement(ns, v.PSA_ALG_ECDH, k, POINT, 32),
    ),
    "derivation": (DERIVE, HKDF, DERIVES, derived),
}


@pytest.mark.parametrize("use", USES)
def test_the_driver_does_what_the_service_does(device: PartitionBench, use: str) -> None:
    key_type, alg, usage, act = USES[use]
    ours = key_at(device, 0, key_type, alg, usage)
    theirs = key_at(device, WRAP, key_type, alg, usage)
    expected = act(device.ns, ours)
    assert expected[0] == PSA_SUCCESS and expected[1]
    assert act(device.ns, theirs) == expected


@pytest.mark.parametrize("use", sorted(USES.keys() - {"mac in parts", "derivation"}))
def test_the_policy_is_the_services(device: PartitionBench, use: str) -> None:
    key_type, alg, _, act = USES[use]
    no_usage = key_at(device, WRAP, key_type, alg, v.PSA_KEY_USAGE_COPY)
    assert act(device.ns, no_usage) == (PSA_ERROR_NOT_PERMITTED, b"")


def test_cipher(device: PartitionBench) -> None:
    both = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
    ours, theirs = (key_at(device, location, AES, v.PSA_ALG_CTR, both) for location in (0, WRAP))
    status, sealed = crypto.psa_cipher_encrypt(device.ns, theirs, v.PSA_ALG_CTR, b"a longer text", 99)
    assert status == PSA_SUCCESS
    assert crypto.psa_cipher_decrypt(device.ns, ours, v.PSA_ALG_CTR, sealed, 99)[1] == b"a longer text"
    assert crypto.psa_cipher_decrypt(device.ns, theirs, v.PSA_ALG_CTR, sealed, 99)[1] == b"a longer text"
    operation = psa_cipher_operation_t()
    setup = crypto.psa_cipher_encrypt_setup(device.ns, operation, theirs, v.PSA_ALG_CTR)
    assert (setup, operation.handle) == (PSA_ERROR_NOT_SUPPORTED, 0)


def test_verification_with_the_public_key_that_the_driver_gives(device: PartitionBench) -> None:
    usage = SIGN | v.PSA_KEY_USAGE_VERIFY_HASH
    key = key_at(device, WRAP, PAIR, ES256, usage)
    _, signature = crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)
    assert crypto.psa_verify_hash(device.ns, key, ES256, DIGEST, signature) == PSA_SUCCESS
    other = bytes(32)
    assert crypto.psa_verify_hash(device.ns, key, ES256, other, signature) == PSA_ERROR_INVALID_SIGNATURE
    _, signature = crypto.psa_sign_message(device.ns, key, ES256, b"message", 64)
    assert crypto.psa_verify_message(device.ns, key, ES256, b"message", signature) == PSA_SUCCESS
    assert crypto.psa_verify_message(device.ns, key, ES256, b"massage", signature) != PSA_SUCCESS


def test_an_entry_point_that_the_driver_lacks(device: PartitionBench) -> None:
    key = key_at(device, WRAP, AES, v.PSA_ALG_GCM, v.PSA_KEY_USAGE_DECRYPT)
    sealed = bytes(20)
    found = crypto.psa_aead_decrypt(device.ns, key, v.PSA_ALG_GCM, NONCE, b"", sealed, 99)
    assert found == (PSA_ERROR_NOT_SUPPORTED, b"")


def test_every_entry_point_of_the_base_is_not_supported() -> None:
    """OpaqueDriver: but for destroy_key, which has nothing to do for a driver that keeps no keys."""
    driver = OpaqueDriver(None)  # type: ignore[arg-type]
    entries = [name for name, _ in getmembers(OpaqueDriver, isfunction) if not name.startswith("_")]
    assert len(entries) == 20
    key = DriverKey(KeyAttributes(), b"")
    for name in set(entries) - {"destroy_key"}:
        entry = getattr(driver, name)
        with pytest.raises(Refusal) as refused:
            entry(*chain([key], [b""] * (len(signature(entry).parameters) - 1)))
        assert refused.value.status == PSA_ERROR_NOT_SUPPORTED
