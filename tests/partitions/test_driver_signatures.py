"""Signing and encrypting with a driver's keys: what goes to the driver, and what the service does itself."""

from collections.abc import Iterator

import pytest
from support.asymmetric_driver import AsymmetricDriver, VerifyingDriver
from support.asymmetric_keys import RSA_PAIR, ecc_pair, rsa_pair
from support.key_wrap_driver import PAIR, KeyWrapDriver
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverSpec, OpaqueDriver

WRAP, OWN, VERIFYING = 0x000001, 0x800005, 0x800006
CONFIG = CryptoConfig(
    drivers=(
        DriverSpec.of(WRAP, KeyWrapDriver),
        DriverSpec.of(OWN, AsymmetricDriver),
        DriverSpec.of(VERIFYING, VerifyingDriver),
    )
)
OK, WRONG = PSA_SUCCESS, PSA_ERROR_INVALID_SIGNATURE
ES256 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
RS256 = v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_SHA_256)
OAEP_256, PURE = v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_256), v.PSA_ALG_PURE_EDDSA
ED25519 = ecc_pair(v.PSA_ECC_FAMILY_TWISTED_EDWARDS)
USAGE = (
    v.PSA_KEY_USAGE_SIGN_HASH
    | v.PSA_KEY_USAGE_VERIFY_HASH
    | v.PSA_KEY_USAGE_ENCRYPT
    | v.PSA_KEY_USAGE_DECRYPT
)
DIGEST = bytes(range(32))


@pytest.fixture
def device() -> Iterator[PartitionBench]:
    AsymmetricDriver.asked.clear()
    yield start_partitions(crypto=CONFIG)
    AsymmetricDriver.asked.clear()


def there(device: PartitionBench, location: int, kind: int, data: bytes, alg: int, usage: int = USAGE) -> int:
    lifetime = v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(v.PSA_KEY_PERSISTENCE_VOLATILE, location)
    attributes = KeyAttributes(kind, lifetime=lifetime, usage=usage, alg=alg)
    status, key = crypto.psa_import_key(device.ns, attributes, data)
    assert status == OK
    return key


def test_a_driver_that_signs_hashes_signs_messages(device: PartitionBench) -> None:
    """The service hashes, and verifies with the public key that the driver exports."""
    key, client = there(device, WRAP, PAIR, DIGEST, ES256), device.ns
    status, of_message = crypto.psa_sign_message(client, key, ES256, b"message", 64)
    assert (status, len(of_message)) == (OK, 64)
    assert crypto.psa_verify_message(client, key, ES256, b"message", of_message) == OK
    assert crypto.psa_verify_message(client, key, ES256, b"massage", of_message) == WRONG
    _, of_hash = crypto.psa_sign_hash(client, key, ES256, DIGEST, 64)
    assert crypto.psa_verify_hash(client, key, ES256, DIGEST, of_hash) == OK
    assert crypto.psa_verify_hash(client, key, ES256, DIGEST, of_hash[:-1]) == WRONG


def test_what_the_driver_has_it_is_asked_for(device: PartitionBench) -> None:
    key, client = there(device, OWN, RSA_PAIR, rsa_pair(), RS256), device.ns
    _, signature = crypto.psa_sign_message(client, key, RS256, b"message", 96)
    assert AsymmetricDriver.asked == [("sign_message", RS256), ("sign_hash", RS256)]
    assert crypto.psa_verify_message(client, key, RS256, b"message", signature) == OK
    edwards = there(device, OWN, ED25519, bytes(32), PURE, v.PSA_KEY_USAGE_SIGN_MESSAGE | 0x800)
    _, signature = crypto.psa_sign_message(client, edwards, PURE, b"message", 64)
    assert crypto.psa_verify_message(client, edwards, PURE, b"message", signature) == OK
    assert crypto.psa_verify_message(client, edwards, PURE, b"massage", signature) == WRONG


def test_the_drivers_own_verdict_counts(device: PartitionBench) -> None:
    key, client = there(device, VERIFYING, RSA_PAIR, rsa_pair(), RS256), device.ns
    assert crypto.psa_verify_hash(client, key, RS256, DIGEST, b"\0") == OK
    assert crypto.psa_verify_message(client, key, RS256, DIGEST, b"\1") == WRONG
    assert AsymmetricDriver.asked == [("verify_hash", RS256)] * 2


def test_encryption_is_the_services_where_the_driver_has_none(device: PartitionBench) -> None:
    key, client = there(device, OWN, RSA_PAIR, rsa_pair(), OAEP_256), device.ns
    status, encrypted = crypto.psa_asymmetric_encrypt(client, key, OAEP_256, b"hi", b"label", 96)
    assert status == OK
    assert AsymmetricDriver.asked == []
    found = crypto.psa_asymmetric_decrypt(client, key, OAEP_256, encrypted, b"label", 96)
    assert found == (OK, b"hi")
    assert AsymmetricDriver.asked == [("asymmetric_decrypt", OAEP_256)]
    small = crypto.psa_asymmetric_decrypt(client, key, OAEP_256, encrypted, b"label", 1)
    assert small == (PSA_ERROR_BUFFER_TOO_SMALL, b"")
    other = there(device, VERIFYING, RSA_PAIR, rsa_pair(), OAEP_256)
    assert crypto.psa_asymmetric_encrypt(client, other, OAEP_256, b"hi", None, 96) == (OK, b"hi\0")


@pytest.mark.parametrize(
    "policy, alg, usage, digest, room, status",
    [
        (RS256, RS256, 0, DIGEST, 96, PSA_ERROR_NOT_PERMITTED),
        (OAEP_256, RS256, USAGE, DIGEST, 96, PSA_ERROR_NOT_PERMITTED),
        (ES256, ES256, USAGE, DIGEST, 96, PSA_ERROR_INVALID_ARGUMENT),
        (RS256, RS256, USAGE, DIGEST[:31], 96, PSA_ERROR_INVALID_ARGUMENT),
        (RS256, RS256, USAGE, DIGEST, 95, PSA_ERROR_BUFFER_TOO_SMALL),
        (RS256, RS256, USAGE, DIGEST, 0, PSA_ERROR_BUFFER_TOO_SMALL),
    ],
)
def test_a_driver_is_not_asked_for_what_the_service_refuses(
    device: PartitionBench, policy: int, alg: int, usage: int, digest: bytes, room: int, status: int
) -> None:
    key = there(device, OWN, RSA_PAIR, rsa_pair(), policy, usage)
    assert crypto.psa_sign_hash(device.ns, key, alg, digest, room)[0] == status
    assert AsymmetricDriver.asked == []


def test_what_the_driver_lacks_and_the_service_cannot_do() -> None:
    lacking = CryptoConfig(drivers=(DriverSpec.of(OWN, _Keeper),))
    device = start_partitions(crypto=lacking)
    for alg in (RS256, OAEP_256):
        key, client = there(device, OWN, RSA_PAIR, rsa_pair(), alg), device.ns
        refused = PSA_ERROR_NOT_SUPPORTED if alg == RS256 else PSA_ERROR_NOT_PERMITTED
        assert crypto.psa_sign_hash(client, key, RS256, DIGEST, 96)[0] == refused
        assert crypto.psa_sign_message(client, key, RS256, DIGEST, 96)[0] == refused
        assert crypto.psa_verify_hash(client, key, RS256, DIGEST, bytes(96)) == refused
        assert crypto.psa_verify_message(client, key, RS256, DIGEST, bytes(96)) == refused
    assert crypto.psa_asymmetric_encrypt(client, key, OAEP_256, b"", None, 96)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_asymmetric_decrypt(client, key, OAEP_256, b"", None, 96)[0] == PSA_ERROR_NOT_SUPPORTED


class _Keeper(OpaqueDriver):
    """It keeps a key and does nothing with it."""

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        return 768, data
