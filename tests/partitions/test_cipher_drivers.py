"""MACs and ciphers with keys that only a driver has (PSA Crypto Driver Interface 1.0, section 6)."""

import hmac

import pytest
from support.cipher_client import BOTH, CipherCalls
from support.key_wrap_driver import KeyWrapDriver
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_mac_operation_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverSpec, OpaqueDriver

WRAP, LACKING = 0x000001, 0x800004
MATERIAL = bytes(range(16))
HS256 = v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256), 16)
SIGNS = v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
CTR = v.PSA_ALG_CTR


class StoringDriver(OpaqueDriver):
    """It takes keys and can do nothing with them."""

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        return 8 * len(data), data


@pytest.fixture(scope="module")
def client() -> PsaClient:
    drivers = (DriverSpec.of(WRAP, KeyWrapDriver), DriverSpec.of(LACKING, StoringDriver))
    return start_partitions(crypto=CryptoConfig(drivers=drivers)).ns


def make_key(client: PsaClient, location: int, key_type: int, alg: int, usage: int) -> int:
    lifetime = v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(v.PSA_KEY_PERSISTENCE_VOLATILE, location)
    attributes = KeyAttributes(key_type, lifetime=lifetime, usage=usage, alg=alg)
    status, key = crypto.psa_import_key(client, attributes, MATERIAL)
    assert status == PSA_SUCCESS
    return key


def test_mac_at_once_and_in_pieces(client: PsaClient) -> None:
    """The driver gives the whole MAC, the service cuts it and keeps the rules."""
    key = make_key(client, WRAP, v.PSA_KEY_TYPE_HMAC, HS256, SIGNS)
    wanted = hmac.digest(MATERIAL, b"abc", "sha256")[:16]
    assert crypto.psa_mac_compute(client, key, HS256, b"abc", 16) == (PSA_SUCCESS, wanted)
    assert crypto.psa_mac_compute(client, key, HS256, b"abc", 15)[0] == PSA_ERROR_BUFFER_TOO_SMALL
    assert crypto.psa_mac_verify(client, key, HS256, b"abc", wanted) == PSA_SUCCESS
    assert crypto.psa_mac_verify(client, key, HS256, b"abd", wanted) == PSA_ERROR_INVALID_SIGNATURE
    operation = psa_mac_operation_t()
    assert crypto.psa_mac_sign_setup(client, operation, key, HS256) == PSA_SUCCESS
    for piece in (b"a", b"bc"):
        assert crypto.psa_mac_update(client, operation, piece) == PSA_SUCCESS
    assert crypto.psa_mac_sign_finish(client, operation, 16) == (PSA_SUCCESS, wanted)


def test_whole_messages_go_to_the_driver(client: PsaClient) -> None:
    key = make_key(client, WRAP, v.PSA_KEY_TYPE_AES, CTR, BOTH)
    status, message = crypto.psa_cipher_encrypt(client, key, CTR, b"hello", 21)
    assert (status, len(message)) == (PSA_SUCCESS, 21)
    assert crypto.psa_cipher_decrypt(client, key, CTR, message, 5) == (PSA_SUCCESS, b"hello")
    _, local = crypto.psa_import_key(client, KeyAttributes(v.PSA_KEY_TYPE_AES, usage=BOTH, alg=CTR), MATERIAL)
    assert crypto.psa_cipher_decrypt(client, local, CTR, message, 5) == (PSA_SUCCESS, b"hello")
    assert crypto.psa_cipher_encrypt(client, key, CTR, b"hello", 20)[0] == PSA_ERROR_BUFFER_TOO_SMALL
    assert crypto.psa_cipher_decrypt(client, key, CTR, message, 4)[0] == PSA_ERROR_BUFFER_TOO_SMALL
    assert crypto.psa_cipher_decrypt(client, key, CTR, message[:15], 4)[0] == PSA_ERROR_INVALID_ARGUMENT


def test_messages_in_pieces_are_not_supported(client: PsaClient) -> None:
    key = make_key(client, WRAP, v.PSA_KEY_TYPE_AES, CTR, BOTH)
    op = CipherCalls(client)
    assert (op.setup(key, CTR), op.handle) == (PSA_ERROR_NOT_SUPPORTED, 0)


def test_a_driver_without_the_entry_points(client: PsaClient) -> None:
    aes = make_key(client, LACKING, v.PSA_KEY_TYPE_AES, CTR, BOTH)
    assert crypto.psa_cipher_encrypt(client, aes, CTR, b"", 64)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_cipher_decrypt(client, aes, CTR, bytes(16), 64)[0] == PSA_ERROR_NOT_SUPPORTED
    key = make_key(client, LACKING, v.PSA_KEY_TYPE_HMAC, HS256, SIGNS)
    operation = psa_mac_operation_t()
    assert crypto.psa_mac_compute(client, key, HS256, b"", 64)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_mac_sign_setup(client, operation, key, HS256) == PSA_ERROR_NOT_SUPPORTED
    assert operation.handle == 0
