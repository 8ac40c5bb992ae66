"""Persistent keys: stored as Mbed TLS does, over resets, in and out of the slots, and damaged."""

from dataclasses import replace

import pytest
from support.key_wrap_driver import MAGIC, PAIR, KeyWrapDriver
from support.partition_bench import PartitionBench, make_hal, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_remove, psa_its_set
from tfm_sim.interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_CORRUPTION_DETECTED,
    PSA_ERROR_DATA_INVALID,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_STORAGE_FAILURE,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK
from tfm_sim.partitions.crypto.config import TFM_SP_CRYPTO, CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverSpec
from tfm_sim.partitions.crypto.wants import DEFAULT
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp

AES, RAW, HMAC = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_RAW_DATA, v.PSA_KEY_TYPE_HMAC
EXPORT, COPY, CACHE = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY, v.PSA_KEY_USAGE_CACHE
PERSISTENT = v.PSA_KEY_LIFETIME_PERSISTENT
KEY = bytes(range(100, 116))
KEY_7 = KeyAttributes(AES, 128, PERSISTENT, EXPORT | COPY, v.PSA_ALG_GCM, id=7)
UID_7 = 0xC4000000_00000007
"""Key 7 of the first non-secure client, whose id is -0x3c000000."""
STORED_7 = bytes.fromhex(
    "505341004b455900 00000000 01000000 0024 8000 03000000 00025005 00000000 10000000"
) + bytes(range(100, 116))


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


def reset(device: PartitionBench, crypto_config: CryptoConfig | None = None) -> PartitionBench:
    """The same flash and OTP; RAM starts anew."""
    return start_partitions(hal=device.hal, crypto=crypto_config)


def stored(device: PartitionBench, uid: int = UID_7) -> tuple[int, bytes]:
    return psa_its_get(device.as_partition(TFM_SP_CRYPTO), uid, 0, 512)


def store(device: PartitionBench, data: bytes, uid: int = UID_7) -> None:
    assert psa_its_set(device.as_partition(TFM_SP_CRYPTO), uid, data, 0) == PSA_SUCCESS


def test_stored_byte_for_byte_as_mbed_tls_does(device: PartitionBench) -> None:
    assert crypto.psa_import_key(device.ns, KEY_7, KEY) == (PSA_SUCCESS, 7)
    assert stored(device) == (PSA_SUCCESS, STORED_7)


def test_a_key_that_another_firmware_stored_is_read(device: PartitionBench) -> None:
    store(device, STORED_7)
    assert crypto.psa_get_key_attributes(device.ns, 7) == (PSA_SUCCESS, KEY_7)
    assert crypto.psa_export_key(device.ns, 7, 16) == (PSA_SUCCESS, KEY)


def test_persistent_keys_outlive_a_reset_and_volatile_ones_do_not(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    _, volatile = crypto.psa_import_key(device.ns, KeyAttributes(AES), KEY)
    device = reset(device)
    assert crypto.psa_get_key_attributes(device.ns, 7) == (PSA_SUCCESS, KEY_7)
    assert crypto.psa_export_key(device.ns, 7, 16) == (PSA_SUCCESS, KEY)
    assert crypto.psa_get_key_attributes(device.ns, volatile)[0] == PSA_ERROR_INVALID_HANDLE


def test_cache_usage_is_kept(device: PartitionBench) -> None:
    """PSA Crypto 1.2 PSA_KEY_USAGE_CACHE: preserved when read back."""
    crypto.psa_generate_key(device.ns, KeyAttributes(AES, 128, PERSISTENT, CACHE, id=1))
    assert crypto.psa_get_key_attributes(reset(device).ns, 1)[1].usage == CACHE


def test_usage_read_from_storage_is_extended(device: PartitionBench) -> None:
    """Mbed TLS psa_get_and_lock_key_slot: psa_extend_key_usage_flags after loading."""
    store(device, STORED_7[:20] + (0x1000).to_bytes(4, "little") + STORED_7[24:])
    assert crypto.psa_get_key_attributes(device.ns, 7)[1].usage == 0x1400


@pytest.mark.parametrize("with_reset", [False, True])
def test_an_id_is_taken_until_the_key_is_destroyed(device: PartitionBench, with_reset: bool) -> None:
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    if with_reset:
        device = reset(device)
    _, source = crypto.psa_import_key(device.ns, KeyAttributes(AES, usage=COPY), KEY)
    target = KeyAttributes(lifetime=PERSISTENT, id=7)
    assert [
        crypto.psa_import_key(device.ns, KEY_7, KEY),
        crypto.psa_generate_key(device.ns, KEY_7),
        crypto.psa_copy_key(device.ns, source, target),
    ] == [(PSA_ERROR_ALREADY_EXISTS, 0)] * 3
    assert crypto.psa_export_key(device.ns, 7, 16) == (PSA_SUCCESS, KEY)
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_SUCCESS
    assert stored(device)[0] == PSA_ERROR_DOES_NOT_EXIST
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_copy_key(device.ns, source, target) == (PSA_SUCCESS, 7)


def test_what_is_wrong_with_the_data_counts_before_the_id(device: PartitionBench) -> None:
    """Mbed TLS psa_finish_key_creation: storage comes last."""
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    assert crypto.psa_import_key(device.ns, KEY_7, KEY[:15])[0] == PSA_ERROR_INVALID_ARGUMENT


def test_storage_that_is_full(device: PartitionBench) -> None:
    """ITS_NUM_ASSETS 10, of which the entropy seed is one."""
    statuses = [
        crypto.psa_generate_key(device.ns, KeyAttributes(AES, 128, PERSISTENT, id=key))[0]
        for key in range(1, 11)
    ]
    assert statuses == [PSA_SUCCESS] * 9 + [PSA_ERROR_INSUFFICIENT_STORAGE]
    assert crypto.psa_get_key_attributes(device.ns, 10)[0] == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_destroy_key(device.ns, 4) == PSA_SUCCESS
    assert crypto.psa_generate_key(device.ns, KeyAttributes(AES, 128, PERSISTENT, id=10))[0] == PSA_SUCCESS


@pytest.mark.parametrize("size, status", [(476, PSA_SUCCESS), (477, PSA_ERROR_INSUFFICIENT_STORAGE)])
def test_a_key_that_is_larger_than_an_asset(device: PartitionBench, size: int, status: int) -> None:
    """ITS_MAX_ASSET_SIZE 512 with the 36 bytes of the header; RSA-2048 pairs do not fit."""
    asked = KeyAttributes(RAW, lifetime=PERSISTENT, id=7)
    assert crypto.psa_import_key(device.ns, asked, bytes(size))[0] == status


def replaced(offset: int, new: bytes) -> bytes:
    return STORED_7[:offset] + new + STORED_7[offset + len(new) :]


@pytest.mark.parametrize(
    "damaged, status, destroyed",
    [
        (b"", PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (STORED_7[:35], PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (STORED_7[:-1], PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (replaced(0, b"p"), PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (replaced(8, b"\1"), PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (replaced(12, b"\0"), PSA_ERROR_DATA_INVALID, PSA_ERROR_DATA_INVALID),
        (replaced(32, b"\0"), PSA_ERROR_STORAGE_FAILURE, PSA_ERROR_STORAGE_FAILURE),
        (replaced(32, b"\x0f"), PSA_ERROR_DATA_INVALID, PSA_SUCCESS),
        (replaced(18, b"\0\1"), PSA_ERROR_DATA_INVALID, PSA_SUCCESS),
        (replaced(16, b"\0\x23"), PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS),
        (replaced(13, b"\7"), PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS),
    ],
)
def test_a_damaged_key(device: PartitionBench, damaged: bytes, status: int, destroyed: int) -> None:
    """NOT_SUPPORTED: a type or a location that this build has not.

    PSA Crypto 1.2 psa_destroy_key: key material is erased as well as can be, whatever the answer is.
    """
    store(device, damaged)
    readable = status == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_export_key(device.ns, 7, 64)[0] == status
    assert crypto.psa_get_key_attributes(device.ns, 7)[0] == (PSA_SUCCESS if readable else status)
    assert crypto.psa_purge_key(device.ns, 7) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, 7) == destroyed
    assert stored(device) == (PSA_ERROR_DOES_NOT_EXIST, b"")
    assert crypto.psa_import_key(device.ns, KEY_7, KEY) == (PSA_SUCCESS, 7)


def test_a_read_only_key_stays(device: PartitionBench) -> None:
    store(device, replaced(12, b"\xff"))
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_export_key(device.ns, 7, 16) == (PSA_SUCCESS, KEY)


def test_purge_drops_the_copy_in_ram_and_nothing_else(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    store(device, STORED_7[:-16] + bytes(16))
    assert crypto.psa_export_key(device.ns, 7, 16)[1] == KEY
    assert crypto.psa_purge_key(device.ns, 7) == PSA_SUCCESS
    assert crypto.psa_purge_key(device.ns, 7) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, 7, 16)[1] == bytes(16)


def test_a_copy_in_ram_is_used_until_it_goes(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    assert psa_its_remove(device.as_partition(TFM_SP_CRYPTO), UID_7) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, 7, 16)[1] == KEY
    assert crypto.psa_purge_key(device.ns, 7) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, 7, 16)[0] == PSA_ERROR_INVALID_HANDLE


def test_slots_are_shared_and_only_stored_keys_give_way() -> None:
    device = start_partitions(crypto=CryptoConfig(key_slots=3))
    ns, volatile = device.ns, KeyAttributes(AES, 128)
    for key in range(1, 6):
        asked = KeyAttributes(AES, 128, PERSISTENT, EXPORT, id=key)
        assert crypto.psa_generate_key(ns, asked) == (PSA_SUCCESS, key)
    assert all(crypto.psa_get_key_attributes(ns, key)[0] == PSA_SUCCESS for key in range(1, 6))
    made = [crypto.psa_generate_key(ns, volatile) for _ in range(4)]
    ids = {key for _, key in made[:3]}
    assert ids == {0x40000000, 0x40000001, 0x40000002}
    assert made[3] == (PSA_ERROR_INSUFFICIENT_MEMORY, 0)
    assert crypto.psa_get_key_attributes(ns, 3)[0] == PSA_ERROR_INSUFFICIENT_MEMORY
    assert crypto.psa_get_key_attributes(ns, TFM_BUILTIN_KEY_ID_HUK)[0] == PSA_ERROR_INSUFFICIENT_MEMORY
    another = KeyAttributes(AES, 128, PERSISTENT, id=6)
    assert crypto.psa_generate_key(ns, another) == (PSA_ERROR_INSUFFICIENT_MEMORY, 0)
    assert crypto.psa_purge_key(ns, 3) == PSA_SUCCESS
    assert crypto.psa_destroy_key(ns, made[1][1]) == PSA_SUCCESS
    assert crypto.psa_get_key_attributes(ns, 3)[0] == PSA_SUCCESS
    assert crypto.psa_get_key_attributes(ns, TFM_BUILTIN_KEY_ID_HUK)[0] == PSA_SUCCESS
    assert crypto.psa_get_key_attributes(ns, made[0][1])[0] == PSA_SUCCESS


def test_a_slot_comes_before_a_location() -> None:
    """Mbed TLS psa_start_key_creation: attributes, slot, driver."""
    device = start_partitions(crypto=CryptoConfig(key_slots=1))
    nowhere = KeyAttributes(AES, lifetime=v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(0, 0x800005))
    assert crypto.psa_import_key(device.ns, nowhere, KEY)[0] == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_import_key(device.ns, KeyAttributes(AES), KEY)[0] == PSA_SUCCESS
    assert crypto.psa_import_key(device.ns, nowhere, KEY)[0] == PSA_ERROR_INSUFFICIENT_MEMORY
    assert crypto.psa_import_key(device.ns, replace(nowhere, id=1), KEY)[0] == PSA_ERROR_INVALID_ARGUMENT


def test_a_key_keeps_its_slot_while_it_is_copied() -> None:
    device = start_partitions(crypto=CryptoConfig(key_slots=2))
    crypto.psa_generate_key(device.ns, KeyAttributes(AES, 128))
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    assert crypto.psa_copy_key(device.ns, 7, KeyAttributes()) == (PSA_ERROR_INSUFFICIENT_MEMORY, 0)


def test_a_build_without_storage() -> None:
    device = start_partitions(its=None)
    assert crypto.psa_import_key(device.ns, KEY_7, KEY) == (PSA_ERROR_NOT_SUPPORTED, 0)
    assert crypto.psa_generate_key(device.ns, KEY_7) == (PSA_ERROR_NOT_SUPPORTED, 0)
    # What no build could store is told first.
    for wrong in (replace(KEY_7, id=0), replace(KEY_7, lifetime=v.PSA_KEY_PERSISTENCE_READ_ONLY)):
        assert crypto.psa_import_key(device.ns, wrong, KEY) == (PSA_ERROR_INVALID_ARGUMENT, 0)
    assert crypto.psa_export_key(device.ns, 7, 16)[0] == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_purge_key(device.ns, 7) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_import_key(device.ns, KeyAttributes(AES), KEY)[0] == PSA_SUCCESS


def test_a_build_that_no_longer_has_the_type(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, KEY_7, KEY)
    device = reset(device, CryptoConfig(wants=DEFAULT - {"PSA_WANT_KEY_TYPE_AES"}))
    assert crypto.psa_get_key_attributes(device.ns, 7) == (PSA_SUCCESS, KEY_7)
    assert crypto.psa_export_key(device.ns, 7, 16)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_import_key(device.ns, KeyAttributes(AES), KEY)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_generate_key(device.ns, KeyAttributes(AES, 128))[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_SUCCESS


WRAP = 0x800002
WRAPPING = CryptoConfig(drivers=(DriverSpec.of(WRAP, KeyWrapDriver),))
WRAPPED_7 = KeyAttributes(PAIR, 256, v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(1, WRAP), EXPORT, id=7)
SCALAR = bytes(range(1, 33))


def test_of_a_drivers_key_storage_has_the_drivers_data_only() -> None:
    flash = Flash("its", 0x4000, 0x1000, 1)
    hal = make_hal(provisioned_otp(DUMMY), its_area=FlashArea(7, "its", flash, 0, 0x4000))
    device = start_partitions(hal=hal, crypto=WRAPPING)
    assert crypto.psa_import_key(device.ns, WRAPPED_7, SCALAR) == (PSA_SUCCESS, 7)
    blob = stored(device)[1][36:]
    assert blob.startswith(MAGIC)
    assert SCALAR not in flash.cells
    public = crypto.psa_export_public_key(device.ns, 7, 65)
    device = reset(device, WRAPPING)
    assert crypto.psa_export_public_key(device.ns, 7, 65) == public
    assert crypto.psa_export_key(device.ns, 7, 200)[0] == PSA_ERROR_NOT_SUPPORTED
    # What the driver wrapped can be brought in again under another name, here and on no other device.
    again = KeyAttributes(PAIR, lifetime=WRAPPED_7.lifetime, id=8)
    assert crypto.psa_import_key(device.ns, again, blob) == (PSA_SUCCESS, 8)
    assert crypto.psa_export_public_key(device.ns, 8, 65) == public


def test_altered_and_foreign_driver_data_is_refused() -> None:
    device = start_partitions(crypto=WRAPPING)
    crypto.psa_import_key(device.ns, WRAPPED_7, SCALAR)
    whole = stored(device)[1]
    for at in range(36, len(whole)):
        store(device, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        crypto.psa_purge_key(device.ns, 7)
        assert crypto.psa_export_public_key(device.ns, 7, 65)[0] == PSA_ERROR_CORRUPTION_DETECTED
    other_huk = make_hal(provisioned_otp(replace(DUMMY, huk=bytes(32))))
    stranger = start_partitions(hal=other_huk, crypto=WRAPPING)
    store(stranger, whole)
    assert crypto.psa_export_public_key(stranger.ns, 7, 65)[0] == PSA_ERROR_CORRUPTION_DETECTED
    as_hmac = whole[:16] + HMAC.to_bytes(2, "little") + whole[18:]
    store(device, as_hmac)
    crypto.psa_purge_key(device.ns, 7)
    assert crypto.psa_export_public_key(device.ns, 7, 65)[0] == PSA_ERROR_INVALID_ARGUMENT


def test_a_build_without_the_driver() -> None:
    device = start_partitions(crypto=WRAPPING)
    crypto.psa_import_key(device.ns, WRAPPED_7, SCALAR)
    device = reset(device)
    assert crypto.psa_get_key_attributes(device.ns, 7) == (PSA_SUCCESS, WRAPPED_7)
    assert crypto.psa_export_public_key(device.ns, 7, 65)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_destroy_key(device.ns, 7) == PSA_SUCCESS
