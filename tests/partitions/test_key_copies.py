"""Copies, purging and custom generation: every rule with its status (PSA Crypto 1.2, 9.6)."""

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_custom_key_parameters_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig

AES, DES, HMAC, RSA = (
    v.PSA_KEY_TYPE_AES,
    v.PSA_KEY_TYPE_DES,
    v.PSA_KEY_TYPE_HMAC,
    v.PSA_KEY_TYPE_RSA_KEY_PAIR,
)
PUBLIC = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
EXPORT, COPY = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY
ENCRYPT, DECRYPT = v.PSA_KEY_USAGE_ENCRYPT, v.PSA_KEY_USAGE_DECRYPT
SIGN_HASH, SIGN_MSG = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_SIGN_MESSAGE
CTR, CBC = v.PSA_ALG_CTR, v.PSA_ALG_CBC_NO_PADDING
KEY = bytes(range(16))


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions()


@pytest.mark.parametrize(
    "source, target, status",
    [
        (
            KeyAttributes(usage=COPY | EXPORT, alg=CTR),
            KeyAttributes(AES, 128, usage=COPY, alg=CTR),
            PSA_SUCCESS,
        ),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(alg=CTR), PSA_SUCCESS),
        (KeyAttributes(usage=EXPORT, alg=CTR), KeyAttributes(alg=CTR), PSA_ERROR_NOT_PERMITTED),
        (KeyAttributes(alg=CTR), KeyAttributes(DES, alg=CBC), PSA_ERROR_NOT_PERMITTED),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(DES, alg=CTR), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(bits=127, alg=CTR), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(alg=CBC), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(), PSA_SUCCESS),
        (KeyAttributes(usage=COPY, alg=CTR), KeyAttributes(lifetime=1, alg=CTR), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY), KeyAttributes(lifetime=1, id=0x40000000), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY), KeyAttributes(lifetime=0xFF, id=9), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY), KeyAttributes(id=9), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY), KeyAttributes(lifetime=0x100), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(usage=COPY), KeyAttributes(usage=0x10000), PSA_SUCCESS),
    ],
)
def test_copy(device: PartitionBench, source: KeyAttributes, target: KeyAttributes, status: int) -> None:
    placed = KeyAttributes(AES, usage=source.usage, alg=source.alg)
    _, key = crypto.psa_import_key(device.ns, placed, KEY)
    found, copy = crypto.psa_copy_key(device.ns, key, target)
    assert found == status
    assert (copy != 0) == (status == PSA_SUCCESS)
    crypto.psa_destroy_key(device.ns, key)
    crypto.psa_destroy_key(device.ns, copy)


@pytest.mark.parametrize(
    "ours, theirs, both",
    [
        (COPY | EXPORT | ENCRYPT, COPY | EXPORT | DECRYPT, COPY | EXPORT),
        (COPY | ENCRYPT | DECRYPT, ENCRYPT, ENCRYPT),
        (COPY, EXPORT, 0),
        # A flag brings its companion where a key is made, on either side.
        (COPY | SIGN_HASH, SIGN_MSG, SIGN_MSG),
        (COPY | SIGN_HASH, SIGN_HASH, SIGN_HASH | SIGN_MSG),
        (COPY | SIGN_MSG, SIGN_HASH, SIGN_MSG),
    ],
)
def test_usage_of_a_copy(device: PartitionBench, ours: int, theirs: int, both: int) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(AES, usage=ours), KEY)
    status, copy = crypto.psa_copy_key(device.ns, key, KeyAttributes(usage=theirs))
    found = crypto.psa_get_key_attributes(device.ns, copy)[1]
    assert (status, found) == (PSA_SUCCESS, KeyAttributes(AES, 128, usage=both, id=copy))
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    exported = crypto.psa_export_key(device.ns, copy, 16)
    assert exported == ((PSA_SUCCESS, KEY) if both & EXPORT else (PSA_ERROR_NOT_PERMITTED, b""))
    crypto.psa_destroy_key(device.ns, copy)


def test_a_copy_has_a_life_of_its_own(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(AES, usage=COPY | EXPORT), KEY)
    assert crypto.psa_copy_key(device.ns, key, KeyAttributes(usage=EXPORT, lifetime=1, id=9)) == (
        PSA_SUCCESS,
        9,
    )
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    assert crypto.psa_copy_key(device.ns, key, KeyAttributes())[0] == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_export_key(device.ns, 9, 16) == (PSA_SUCCESS, KEY)
    assert crypto.psa_copy_key(device.ns, 9, KeyAttributes())[0] == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_destroy_key(device.ns, 9) == PSA_SUCCESS


@pytest.mark.parametrize("key", [0, 1, 0x3FFFFFFF, 0x40000000, 0x4000FFFF, 0x80000000, 0xFFFFFFFF])
def test_what_is_no_key_cannot_be_copied_or_purged(device: PartitionBench, key: int) -> None:
    assert crypto.psa_copy_key(device.ns, key, KeyAttributes()) == (PSA_ERROR_INVALID_HANDLE, 0)
    assert crypto.psa_purge_key(device.ns, key) == PSA_ERROR_INVALID_HANDLE


def test_purging_a_volatile_key_changes_nothing(device: PartitionBench) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(AES, usage=EXPORT), KEY)
    assert crypto.psa_purge_key(device.ns, key) == PSA_SUCCESS
    assert crypto.psa_export_key(device.ns, key, 16) == (PSA_SUCCESS, KEY)
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS


@pytest.mark.parametrize(
    "inputs, out_sizes, status",
    [
        ([bytes(24)], [4], PSA_ERROR_INVALID_HANDLE),
        ([bytes(23)], [4], PSA_ERROR_PROGRAMMER_ERROR),
        ([bytes(28)], [4], PSA_ERROR_PROGRAMMER_ERROR),
        ([], [4], PSA_ERROR_PROGRAMMER_ERROR),
        ([bytes(24)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        ([bytes(24)], [], PSA_ERROR_PROGRAMMER_ERROR),
    ],
)
def test_vectors_of_a_copy(
    device: PartitionBench, inputs: list[bytes], out_sizes: list[int], status: int
) -> None:
    """TF-M tfm_crypto_key_management_interface: the vectors count before the key."""
    out_vec = [psa_outvec(bytearray(size)) for size in out_sizes]
    request = pack_iovec(Function.COPY_KEY, 1)
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request, *inputs], out_vec) == status


@pytest.mark.parametrize("room, status", [(24, PSA_ERROR_INVALID_HANDLE), (29, PSA_ERROR_PROGRAMMER_ERROR)])
def test_room_for_attributes_counts_whatever_the_key(device: PartitionBench, room: int, status: int) -> None:
    request = pack_iovec(Function.GET_KEY_ATTRIBUTES, 1)
    out_vec = [psa_outvec(bytearray(room))]
    assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request], out_vec) == status


@pytest.mark.parametrize(
    "key_type, bits, flags, exponent, status",
    [
        (RSA, 1024, 0, b"\3", PSA_SUCCESS),
        (RSA, 1024, 0, b"\1\0\1", PSA_SUCCESS),
        (RSA, 1024, 0, b"\0\0\0\3", PSA_SUCCESS),
        (RSA, 1024, 0, b"", PSA_SUCCESS),
        (RSA, 1024, 0, b"\4", PSA_ERROR_INVALID_ARGUMENT),
        (RSA, 1024, 0, b"\1", PSA_ERROR_INVALID_ARGUMENT),
        (RSA, 1024, 0, b"\0", PSA_ERROR_INVALID_ARGUMENT),
        (RSA, 1024, 0, b"\x7f\xff\xff\xff", PSA_SUCCESS),
        (RSA, 1024, 0, b"\x80\0\0\1", PSA_ERROR_NOT_SUPPORTED),
        (RSA, 1024, 1, b"\3", PSA_ERROR_INVALID_ARGUMENT),
        (RSA, 1024, 1, b"", PSA_ERROR_INVALID_ARGUMENT),
        (RSA, 0, 0, b"\3", PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_RSA_PUBLIC_KEY, 1024, 0, b"\3", PSA_ERROR_INVALID_ARGUMENT),
        (AES, 128, 0, b"", PSA_SUCCESS),
        (AES, 128, 0, b"\3", PSA_ERROR_INVALID_ARGUMENT),
        (AES, 128, 1, b"", PSA_ERROR_INVALID_ARGUMENT),
        (0x0BAD, 128, 1, b"", PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_generate_key_custom(
    device: PartitionBench, key_type: int, bits: int, flags: int, exponent: bytes, status: int
) -> None:
    custom = psa_custom_key_parameters_t(flags)
    asked = KeyAttributes(key_type, bits, usage=EXPORT)
    found, key = crypto.psa_generate_key_custom(device.ns, asked, custom, exponent)
    assert found == status
    if key_type == RSA and status == PSA_SUCCESS:
        # RSAPublicKey: SEQUENCE of modulus and exponent, and the exponent is an INTEGER at its end.
        public = crypto.psa_export_public_key(device.ns, key, 200)[1]
        number = int.from_bytes(exponent, "big") or 65537
        tail = number.to_bytes((number.bit_length() + 7) // 8, "big")
        assert public.endswith(bytes([2, len(tail)]) + tail)
    crypto.psa_destroy_key(device.ns, key)


def test_generate_key_custom_is_ours_and_can_be_left_out() -> None:
    device = start_partitions(crypto=CryptoConfig(extensions=False))
    custom = psa_custom_key_parameters_t()
    asked = KeyAttributes(AES, 128)
    assert crypto.psa_generate_key_custom(device.ns, asked, custom)[0] == PSA_ERROR_NOT_SUPPORTED
    assert crypto.psa_generate_key(device.ns, asked)[0] == PSA_SUCCESS
