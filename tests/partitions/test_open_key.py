"""psa_open_key and psa_close_key: ST's TF-M has them, Arm's has given them up."""

from collections.abc import Iterator

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig

KEY_ID = 7
VOLATILE = KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=v.PSA_KEY_USAGE_EXPORT)
PERSISTENT = KeyAttributes(v.PSA_KEY_TYPE_HMAC, usage=v.PSA_KEY_USAGE_EXPORT, lifetime=1, id=KEY_ID)


@pytest.fixture
def device() -> Iterator[PartitionBench]:
    yield start_partitions(crypto=CryptoConfig(open_close_key=True, key_slots=2))


def test_a_handle_is_the_key_id(device: PartitionBench) -> None:
    assert crypto.psa_import_key(device.ns, PERSISTENT, b"secret") == (PSA_SUCCESS, KEY_ID)
    assert crypto.psa_open_key(device.ns, KEY_ID) == (PSA_SUCCESS, KEY_ID)
    assert crypto.psa_export_key(device.ns, KEY_ID, 6) == (PSA_SUCCESS, b"secret")


def test_a_closed_persistent_key_is_in_storage_still(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, PERSISTENT, b"secret")
    assert crypto.psa_close_key(device.ns, KEY_ID) == PSA_SUCCESS
    # psa_close_key: a key in no slot is no open handle.
    assert crypto.psa_close_key(device.ns, KEY_ID) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_open_key(device.ns, KEY_ID) == (PSA_SUCCESS, KEY_ID)
    assert crypto.psa_export_key(device.ns, KEY_ID, 6) == (PSA_SUCCESS, b"secret")


def test_a_closed_volatile_key_is_gone(device: PartitionBench) -> None:
    status, key = crypto.psa_import_key(device.ns, VOLATILE, b"secret")
    assert status == PSA_SUCCESS
    assert crypto.psa_open_key(device.ns, key) == (PSA_SUCCESS, key)
    assert crypto.psa_close_key(device.ns, key) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, key, 6) == (PSA_ERROR_INVALID_HANDLE, b"")


@pytest.mark.parametrize("key", [0, KEY_ID, 0x7FFFFFFF, 0xFFFFFFFF])
def test_what_is_not_there(device: PartitionBench, key: int) -> None:
    assert crypto.psa_open_key(device.ns, key)[0] == PSA_ERROR_DOES_NOT_EXIST
    # psa_close_key: the null handle is no error.
    assert crypto.psa_close_key(device.ns, key) == (PSA_ERROR_INVALID_HANDLE if key else PSA_SUCCESS)


def test_no_slot_to_open_it_in(device: PartitionBench) -> None:
    crypto.psa_import_key(device.ns, PERSISTENT, b"secret")
    crypto.psa_close_key(device.ns, KEY_ID)
    while crypto.psa_import_key(device.ns, VOLATILE, b"other")[0] == PSA_SUCCESS:
        pass
    assert crypto.psa_open_key(device.ns, KEY_ID)[0] == PSA_ERROR_INSUFFICIENT_MEMORY


def test_no_room_for_the_handle(device: PartitionBench) -> None:
    request, out = pack_iovec(Function.OPEN_KEY, KEY_ID), [psa_outvec(bytearray(3))]
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request], out) == PSA_ERROR_PROGRAMMER_ERROR


def test_arm_has_given_them_up() -> None:
    """TF-M TFM_CRYPTO_ABANDONED_OPEN_KEY_SID."""
    ns = start_partitions().ns
    assert crypto.psa_open_key(ns, KEY_ID) == (PSA_ERROR_NOT_SUPPORTED, 0)
    assert crypto.psa_close_key(ns, KEY_ID) == PSA_ERROR_NOT_SUPPORTED
