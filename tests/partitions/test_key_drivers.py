"""Keys in the location of a driver (PSA Crypto Driver Interface 1.0, chapter 6)."""

from collections.abc import Iterator

import pytest
from support.key_wrap_driver import MAGIC, PAIR, ElementDriver, ExportingDriver, KeyWrapDriver
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_custom_key_parameters_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_HARDWARE_FAILURE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_IAK
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverError, DriverKey, DriverSpec, OpaqueDriver
from tfm_sim.partitions.crypto.refusal import Refusal

WRAP, EXPORTING, ELEMENT, LACKING = 0x000001, 0x800002, 0x800003, 0x800004
CONFIG = CryptoConfig(
    drivers=(
        DriverSpec.of(WRAP, KeyWrapDriver),
        DriverSpec.of(EXPORTING, ExportingDriver),
        DriverSpec.of(ELEMENT, ElementDriver),
        DriverSpec.of(LACKING, OpaqueDriver),
    )
)
AES, HMAC = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC
ES256 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
EXPORT, COPY = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY
SIGN, VERIFY = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_VERIFY_HASH
SCALAR = bytes(range(1, 33))
PUBLIC_SIZE = 65


def at(location: int) -> int:
    return v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(v.PSA_KEY_PERSISTENCE_VOLATILE, location)


@pytest.fixture
def device() -> Iterator[PartitionBench]:
    ElementDriver.keys.clear()
    yield start_partitions(crypto=CONFIG)
    ElementDriver.keys.clear()


def test_a_wrapped_key_is_reported_as_any_other(device: PartitionBench) -> None:
    asked = KeyAttributes(PAIR, lifetime=at(WRAP), usage=SIGN, alg=ES256)
    status, key = crypto.psa_import_key(device.ns, asked, SCALAR)
    assert status == PSA_SUCCESS
    assert crypto.psa_get_key_attributes(device.ns, key) == (
        PSA_SUCCESS,
        KeyAttributes(PAIR, 256, at(WRAP), SIGN | v.PSA_KEY_USAGE_SIGN_MESSAGE, ES256, id=key),
    )


def test_public_key_comes_from_the_driver(device: PartitionBench) -> None:
    _, here = crypto.psa_import_key(device.ns, KeyAttributes(PAIR), SCALAR)
    _, there = crypto.psa_import_key(device.ns, KeyAttributes(PAIR, lifetime=at(WRAP)), SCALAR)
    public = crypto.psa_export_public_key(device.ns, here, PUBLIC_SIZE)
    assert public[0] == PSA_SUCCESS
    assert crypto.psa_export_public_key(device.ns, there, PUBLIC_SIZE) == public
    assert crypto.psa_export_public_key(device.ns, there, 64)[0] == PSA_ERROR_BUFFER_TOO_SMALL


@pytest.mark.parametrize(
    "location, usage, status",
    [
        (WRAP, EXPORT, PSA_ERROR_NOT_SUPPORTED),
        (WRAP, 0, PSA_ERROR_NOT_PERMITTED),
        (EXPORTING, EXPORT, PSA_SUCCESS),
        (EXPORTING, 0, PSA_ERROR_NOT_PERMITTED),
        (ELEMENT, EXPORT, PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_only_the_driver_gives_a_key_away(
    device: PartitionBench, location: int, usage: int, status: int
) -> None:
    attributes = KeyAttributes(AES, lifetime=at(location), usage=usage)
    _, key = crypto.psa_import_key(device.ns, attributes, SCALAR)
    found = crypto.psa_export_key(device.ns, key, 256)
    assert found == (status, SCALAR if status == PSA_SUCCESS else b"")


@pytest.mark.parametrize(
    "attributes, status",
    [
        (KeyAttributes(PAIR, 256), PSA_SUCCESS),
        (KeyAttributes(AES, 128), PSA_SUCCESS),
        (KeyAttributes(AES, 0), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, 192), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(0x12), 256), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA, 256), PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(AES, 128, usage=0x10000), PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_generate(device: PartitionBench, attributes: KeyAttributes, status: int) -> None:
    placed = KeyAttributes(attributes.type, attributes.bits, at(WRAP), attributes.usage)
    assert crypto.psa_generate_key(device.ns, placed)[0] == status


def test_a_driver_has_no_custom_parameters(device: PartitionBench) -> None:
    rsa = KeyAttributes(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 2048, at(WRAP))
    assert (
        crypto.psa_generate_key_custom(device.ns, rsa, psa_custom_key_parameters_t(), b"\3")[0]
        == PSA_ERROR_NOT_SUPPORTED
    )


@pytest.mark.parametrize(
    "attributes, data, status",
    [
        (KeyAttributes(AES, lifetime=at(WRAP)), b"", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, 128, at(WRAP)), bytes(32), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(WRAP)), bytes(17), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(LACKING)), bytes(16), PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(AES, lifetime=at(0x800005)), bytes(16), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(0x800001)), bytes(16), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(WRAP) | 0xFF, id=1), bytes(16), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(WRAP), id=1), bytes(16), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(AES, lifetime=at(WRAP)), MAGIC + bytes(32), PSA_ERROR_CORRUPTION_DETECTED),
    ],
)
def test_import(device: PartitionBench, attributes: KeyAttributes, data: bytes, status: int) -> None:
    assert crypto.psa_import_key(device.ns, attributes, data)[0] == status


def test_a_refused_import_leaves_nothing_in_the_element(device: PartitionBench) -> None:
    wrong_size = KeyAttributes(AES, 256, at(ELEMENT))
    assert crypto.psa_import_key(device.ns, wrong_size, bytes(16))[0] == PSA_ERROR_INVALID_ARGUMENT
    assert ElementDriver.keys == {}


def test_destroying_reaches_the_element(device: PartitionBench) -> None:
    attributes = KeyAttributes(AES, lifetime=at(ELEMENT))
    _, first = crypto.psa_import_key(device.ns, attributes, bytes(16))
    _, second = crypto.psa_import_key(device.ns, attributes, bytes(32))
    assert crypto.psa_purge_key(device.ns, first) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, first) == PSA_SUCCESS
    assert list(ElementDriver.keys.values()) == [bytes(32)]
    assert crypto.psa_destroy_key(device.ns, second) == PSA_SUCCESS
    assert ElementDriver.keys == {}


class StuckDriver(ElementDriver):
    """An element that does not let go of a key."""

    def destroy_key(self, key: DriverKey) -> None:
        raise Refusal(PSA_ERROR_HARDWARE_FAILURE)


def test_a_key_that_its_driver_keeps_stays_in_storage() -> None:
    device = start_partitions(crypto=CryptoConfig(drivers=(DriverSpec.of(ELEMENT, StuckDriver),)))
    stored = KeyAttributes(AES, lifetime=at(ELEMENT) | v.PSA_KEY_PERSISTENCE_DEFAULT, id=7)
    assert crypto.psa_import_key(device.ns, stored, bytes(16)) == (PSA_SUCCESS, 7)
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_ERROR_HARDWARE_FAILURE
    assert crypto.psa_get_key_attributes(device.ns, 7)[0] == PSA_SUCCESS
    ElementDriver.keys.clear()


HERE = 0


@pytest.mark.parametrize(
    "source, target, usage, status",
    [
        (HERE, WRAP, COPY, PSA_SUCCESS),
        (HERE, LACKING, COPY, PSA_ERROR_NOT_SUPPORTED),
        (HERE, 0x800005, COPY, PSA_ERROR_INVALID_ARGUMENT),
        (HERE, WRAP, EXPORT, PSA_ERROR_NOT_PERMITTED),
        (WRAP, WRAP, COPY, PSA_SUCCESS),
        (ELEMENT, ELEMENT, COPY, PSA_ERROR_NOT_SUPPORTED),
        (WRAP, HERE, COPY, PSA_ERROR_NOT_PERMITTED),
        (WRAP, HERE, COPY | EXPORT, PSA_ERROR_NOT_SUPPORTED),
        (EXPORTING, HERE, COPY, PSA_ERROR_NOT_PERMITTED),
        (EXPORTING, HERE, COPY | EXPORT, PSA_SUCCESS),
        (EXPORTING, WRAP, COPY | EXPORT, PSA_SUCCESS),
        (EXPORTING, WRAP, COPY, PSA_ERROR_NOT_PERMITTED),
    ],
)
def test_copy_between_locations(
    device: PartitionBench, source: int, target: int, usage: int, status: int
) -> None:
    """PSA Crypto 1.2 psa_copy_key: COPY, and out of a secure element EXPORT as well."""
    attributes = KeyAttributes(PAIR, lifetime=at(source), usage=usage)
    _, key = crypto.psa_import_key(device.ns, attributes, SCALAR)
    found, copy = crypto.psa_copy_key(device.ns, key, KeyAttributes(lifetime=at(target)))
    assert found == status
    if status == PSA_SUCCESS:
        assert crypto.psa_get_key_attributes(device.ns, copy)[1].lifetime == at(target)
        public = crypto.psa_export_public_key(device.ns, key, PUBLIC_SIZE)
        assert crypto.psa_export_public_key(device.ns, copy, PUBLIC_SIZE) == public


@pytest.mark.parametrize(
    "location, name, message",
    [
        (0, "KeyWrapDriver", "location 0x0"),
        (0x1000000, "KeyWrapDriver", "location 0x1000000"),
        (1, "MAGIC", "a subclass of OpaqueDriver"),
        (1, "Missing", "found None"),
    ],
)
def test_a_driver_that_cannot_be(location: int, name: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        DriverSpec(location, "support.key_wrap_driver", name)


def test_a_driver_whose_module_is_missing() -> None:
    with pytest.raises(DriverError, match=r"no\.such\.module\.Driver: No module"):
        DriverSpec(1, "no.such.module", "Driver")


def test_a_driver_is_a_class() -> None:
    with pytest.raises(DriverError, match="driver of location 0x1: found 3; legal: a class"):
        DriverSpec.of(1, 3)  # type: ignore[arg-type]


def test_no_driver_where_the_builtin_key_loader_is_unless_that_is_moved() -> None:
    spec = DriverSpec.of(0x800001, KeyWrapDriver)
    with pytest.raises(DriverError, match="location 0x800001, where TF-M's builtin key loader is; legal: an"):
        CryptoConfig(drivers=(spec,))
    device = start_partitions(crypto=CryptoConfig(drivers=(spec,), builtin_key_location=0x800009))
    attributes = KeyAttributes(AES, lifetime=at(0x800001))
    assert crypto.psa_import_key(device.ns, attributes, bytes(16))[0] == PSA_SUCCESS
    status, builtin = crypto.psa_get_key_attributes(device.ns, TFM_BUILTIN_KEY_ID_IAK)
    assert (status, builtin.lifetime) == (PSA_SUCCESS, 0x80000901)


def test_one_driver_a_location() -> None:
    with pytest.raises(DriverError, match="two drivers of location 0x1"):
        CryptoConfig(drivers=(DriverSpec.of(1, KeyWrapDriver), DriverSpec.of(1, OpaqueDriver)))
