"""Keys: creation, policy, owners, builtin keys (PSA Crypto 1.2, 9)."""

import pytest
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK, TFM_BUILTIN_KEY_ID_IAK

PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
PUBLIC = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
HMAC = v.PSA_KEY_TYPE_HMAC
ES256 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
ES384 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_384)
ES_ANY_HASH = v.PSA_ALG_ECDSA(v.PSA_ALG_ANY_HASH)
HS256 = v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256)
HS256_16_UP = v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(HS256, 16)
PSS = v.PSA_ALG_RSA_PSS(v.PSA_ALG_SHA_256)
SIGN_HASH, VERIFY_HASH = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_VERIFY_HASH
SIGN_MSG, VERIFY_MSG = v.PSA_KEY_USAGE_SIGN_MESSAGE, v.PSA_KEY_USAGE_VERIFY_MESSAGE
EXPORT = v.PSA_KEY_USAGE_EXPORT
DIGEST = bytes(range(32))
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
POINT = bytes.fromhex(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)


def hs256_cut(length: int) -> int:
    return v.PSA_ALG_TRUNCATED_MAC(HS256, length)


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


@pytest.mark.parametrize(
    "attributes, data, status",
    [
        (KeyAttributes(PAIR), b"\1" * 32, PSA_SUCCESS),
        (KeyAttributes(PAIR, 256), b"\1" * 32, PSA_SUCCESS),
        (KeyAttributes(PAIR, 384), b"\1" * 32, PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PAIR, 224), b"\1" * 28, PSA_SUCCESS),
        (KeyAttributes(PAIR), b"\1" * 31, PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PAIR), bytes(32), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PAIR), ORDER.to_bytes(32, "big"), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PAIR), (ORDER - 1).to_bytes(32, "big"), PSA_SUCCESS),
        (KeyAttributes(PUBLIC), POINT, PSA_SUCCESS),
        (KeyAttributes(PUBLIC), b"\4" + bytes(64), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PUBLIC), b"\2" + POINT[1:33], PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PUBLIC), b"\5" + POINT[1:], PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_ECC_KEY_PAIR(0x99)), b"\1" * 32, PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(HMAC), b"k", PSA_SUCCESS),
        (KeyAttributes(HMAC, 16), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC), b"", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_AES), bytes(16), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_AES), bytes(17), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_RAW_DATA), bytes(5), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_NONE), bytes(5), PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(0x0BAD), bytes(5), PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(0x0BAD), b"", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_RSA_KEY_PAIR), bytes(5), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, usage=0x10000), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, id=1), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=1, id=1), b"k", PSA_SUCCESS),
        (KeyAttributes(HMAC, lifetime=1, id=0x3FFFFFFF), b"k", PSA_SUCCESS),
        (KeyAttributes(HMAC, lifetime=0xFE, id=1), b"k", PSA_SUCCESS),
        (KeyAttributes(HMAC, lifetime=1, id=0x7FFF815C), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=1, id=0x80000001), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=1), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=1, id=0x40000000), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=0xFF, id=1), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=0x100), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, lifetime=0x80000100), b"k", PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, bits=0xFFFF), b"k", PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_import_key(device: PartitionBench, attributes: KeyAttributes, data: bytes, status: int) -> None:
    assert crypto.psa_import_key(device.ns, attributes, data)[0] == status


@pytest.mark.parametrize(
    "attributes, status",
    [
        (KeyAttributes(PAIR, 256), PSA_SUCCESS),
        (KeyAttributes(PAIR, 521), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_K1), 256), PSA_SUCCESS),
        (KeyAttributes(PAIR, 255), PSA_ERROR_NOT_SUPPORTED),
        (KeyAttributes(PAIR, 0), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(PUBLIC, 256), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(HMAC, 256), PSA_SUCCESS),
        (KeyAttributes(HMAC, 255), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(v.PSA_KEY_TYPE_AES, 192), PSA_SUCCESS),
        (KeyAttributes(v.PSA_KEY_TYPE_AES, 64), PSA_ERROR_INVALID_ARGUMENT),
        (KeyAttributes(0x0BAD, 8), PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_generate_key(device: PartitionBench, attributes: KeyAttributes, status: int) -> None:
    found, key = crypto.psa_generate_key(device.ns, attributes)
    assert found == status
    if status == PSA_SUCCESS:
        assert crypto.psa_get_key_attributes(device.ns, key)[1].bits == attributes.bits


@pytest.mark.parametrize(
    "usage, policy, alg, status",
    [
        (SIGN_HASH, ES256, ES256, PSA_SUCCESS),
        (SIGN_HASH, ES256, ES384, PSA_ERROR_NOT_PERMITTED),
        (SIGN_HASH, ES_ANY_HASH, ES256, PSA_SUCCESS),
        (SIGN_HASH, ES_ANY_HASH, v.PSA_ALG_ECDSA_ANY, PSA_ERROR_NOT_PERMITTED),
        (SIGN_HASH, ES_ANY_HASH, v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_256), PSA_ERROR_NOT_PERMITTED),
        (SIGN_HASH, ES_ANY_HASH, ES_ANY_HASH, PSA_ERROR_INVALID_ARGUMENT),
        (SIGN_HASH, v.PSA_ALG_NONE, ES256, PSA_ERROR_NOT_PERMITTED),
        (VERIFY_HASH, ES256, ES256, PSA_ERROR_NOT_PERMITTED),
        (VERIFY_HASH, ES_ANY_HASH, ES_ANY_HASH, PSA_ERROR_INVALID_ARGUMENT),
        (SIGN_MSG, ES256, ES256, PSA_ERROR_NOT_PERMITTED),
        (SIGN_HASH, HS256, HS256, PSA_ERROR_INVALID_ARGUMENT),
        (SIGN_HASH, v.PSA_ALG_SHA_256, v.PSA_ALG_SHA_256, PSA_ERROR_INVALID_ARGUMENT),
        (SIGN_HASH, PSS, PSS, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_policy_usage_first_then_algorithm(
    device: PartitionBench, usage: int, policy: int, alg: int, status: int
) -> None:
    _, key = crypto.psa_generate_key(device.ns, KeyAttributes(PAIR, 256, usage=usage, alg=policy))
    assert crypto.psa_sign_hash(device.ns, key, alg, DIGEST, 64)[0] == status


def test_second_policy_algorithm_counts_too(device: PartitionBench) -> None:
    _, key = crypto.psa_generate_key(
        device.ns, KeyAttributes(PAIR, 256, usage=SIGN_HASH, alg=ES384, alg2=ES256)
    )
    assert crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[0] == PSA_SUCCESS


@pytest.mark.parametrize(
    "policy, alg, status",
    [
        (HS256, HS256, PSA_SUCCESS),
        (HS256, hs256_cut(32), PSA_SUCCESS),
        (hs256_cut(32), HS256, PSA_SUCCESS),
        (HS256, hs256_cut(31), PSA_ERROR_NOT_PERMITTED),
        (hs256_cut(16), HS256, PSA_ERROR_NOT_PERMITTED),
        (hs256_cut(16), hs256_cut(16), PSA_SUCCESS),
        (HS256_16_UP, HS256, PSA_SUCCESS),
        (HS256_16_UP, hs256_cut(16), PSA_SUCCESS),
        (HS256_16_UP, hs256_cut(15), PSA_ERROR_NOT_PERMITTED),
        (HS256_16_UP, HS256_16_UP, PSA_ERROR_INVALID_ARGUMENT),
        (hs256_cut(3), hs256_cut(3), PSA_ERROR_NOT_SUPPORTED),
        (hs256_cut(33), hs256_cut(33), PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_ALG_HMAC(0x020000FE), v.PSA_ALG_HMAC(0x020000FE), PSA_ERROR_NOT_SUPPORTED),
        (v.PSA_ALG_CMAC, v.PSA_ALG_CMAC, PSA_ERROR_INVALID_ARGUMENT),
        (ES256, ES256, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_mac_policy(device: PartitionBench, policy: int, alg: int, status: int) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(HMAC, usage=SIGN_MSG, alg=policy), b"key")
    found, mac = crypto.psa_mac_compute(device.ns, key, alg, b"", 64)
    assert found == status
    if status == PSA_SUCCESS:
        assert len(mac) == (v.PSA_MAC_TRUNCATED_LENGTH(alg) or 32)


@pytest.mark.parametrize(
    "usage, reported",
    [
        (SIGN_HASH, SIGN_HASH | SIGN_MSG),
        (VERIFY_HASH, VERIFY_HASH | VERIFY_MSG),
        (SIGN_MSG | 4, SIGN_MSG | 4),
    ],
)
def test_usage_is_reported_with_what_it_implies(device: PartitionBench, usage: int, reported: int) -> None:
    _, key = crypto.psa_generate_key(device.ns, KeyAttributes(PAIR, 256, usage=usage, alg=ES256))
    assert crypto.psa_get_key_attributes(device.ns, key)[1] == KeyAttributes(
        PAIR, 256, usage=reported, alg=ES256, id=key
    )


@pytest.mark.parametrize(
    "kind, data, usage, room, private_status, public_status",
    [
        (PAIR, b"\1" * 32, EXPORT, 100, PSA_SUCCESS, PSA_SUCCESS),
        (PAIR, b"\1" * 32, 0, 100, PSA_ERROR_NOT_PERMITTED, PSA_SUCCESS),
        (PUBLIC, POINT, 0, 65, PSA_SUCCESS, PSA_SUCCESS),
        (PUBLIC, POINT, 0, 64, PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_BUFFER_TOO_SMALL),
        (PUBLIC, POINT, 0, 0, PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_BUFFER_TOO_SMALL),
        (HMAC, b"key", EXPORT, 3, PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT),
        (HMAC, b"key", EXPORT, 2, PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_INVALID_ARGUMENT),
        (HMAC, b"key", 0, 3, PSA_ERROR_NOT_PERMITTED, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_export(
    device: PartitionBench,
    kind: int,
    data: bytes,
    usage: int,
    room: int,
    private_status: int,
    public_status: int,
) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(kind, usage=usage), data)
    status, exported = crypto.psa_export_key(device.ns, key, room)
    assert (status, exported) == (private_status, data if status == PSA_SUCCESS else b"")
    assert crypto.psa_export_public_key(device.ns, key, room)[0] == public_status


def test_another_clients_key_is_not_found(device: PartitionBench) -> None:
    attributes = KeyAttributes(PAIR, 256, usage=SIGN_HASH | VERIFY_HASH | EXPORT, alg=ES256)
    _, key = crypto.psa_generate_key(device.ns, attributes)
    stranger = device.ns2
    assert [
        crypto.psa_get_key_attributes(stranger, key)[0],
        crypto.psa_export_key(stranger, key, 32)[0],
        crypto.psa_export_public_key(stranger, key, 65)[0],
        crypto.psa_sign_hash(stranger, key, ES256, DIGEST, 64)[0],
        crypto.psa_verify_hash(stranger, key, ES256, DIGEST, bytes(64)),
        crypto.psa_mac_compute(stranger, key, HS256, b"", 32)[0],
        crypto.psa_purge_key(stranger, key),
        crypto.psa_destroy_key(stranger, key),
    ] == [PSA_ERROR_INVALID_HANDLE] * 8
    assert crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[0] == PSA_SUCCESS


@pytest.mark.parametrize("key", [0, 1, 0x3FFFFFFF, 0x40000000, 0x40000020, 0x7FFF815B, 0x7FFF815E, 2**32 - 1])
def test_unknown_key_is_an_invalid_handle(device: PartitionBench, key: int) -> None:
    assert crypto.psa_get_key_attributes(device.ns, key) == (PSA_ERROR_INVALID_HANDLE, KeyAttributes())
    assert crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[0] == PSA_ERROR_INVALID_HANDLE
    destroyed = PSA_SUCCESS if key == 0 else PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_destroy_key(device.ns, key) == destroyed


def test_destroyed_key_is_gone_and_its_slot_free(device: PartitionBench) -> None:
    attributes = KeyAttributes(HMAC, 64)
    keys = [crypto.psa_generate_key(device.ns, attributes)[1] for _ in range(32)]
    assert keys == list(range(0x40000000, 0x40000020))
    assert crypto.psa_generate_key(device.ns, attributes) == (PSA_ERROR_INSUFFICIENT_MEMORY, 0)
    assert crypto.psa_import_key(device.ns2, attributes, bytes(8)) == (PSA_ERROR_INSUFFICIENT_MEMORY, 0)
    assert crypto.psa_destroy_key(device.ns, keys[5]) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, keys[5]) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_generate_key(device.ns2, attributes) == (PSA_SUCCESS, keys[5])


IAK_USAGE = SIGN_HASH | SIGN_MSG


@pytest.mark.parametrize(
    "caller, key, usage, sign",
    [
        (-1, TFM_BUILTIN_KEY_ID_IAK, 0, PSA_ERROR_NOT_PERMITTED),
        (261, TFM_BUILTIN_KEY_ID_IAK, IAK_USAGE, PSA_SUCCESS),
        (-1, TFM_BUILTIN_KEY_ID_HUK, v.PSA_KEY_USAGE_DERIVE, PSA_ERROR_NOT_PERMITTED),
        (261, TFM_BUILTIN_KEY_ID_HUK, v.PSA_KEY_USAGE_DERIVE, PSA_ERROR_NOT_PERMITTED),
    ],
)
def test_builtin_key_policy_by_client(
    device: PartitionBench, caller: int, key: int, usage: int, sign: int
) -> None:
    """TF-M builtin key policy: anybody sees the key, its usage is by client."""
    client = device.ns if caller < 0 else device.as_partition(caller)
    status, attributes = crypto.psa_get_key_attributes(client, key)
    is_iak = key == TFM_BUILTIN_KEY_ID_IAK
    assert status == PSA_SUCCESS
    assert attributes == KeyAttributes(
        type=PAIR if is_iak else v.PSA_KEY_TYPE_DERIVE,
        bits=256,
        lifetime=0x80000101,
        usage=usage,
        alg=ES256 if is_iak else v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256),
        id=key,
    )
    assert crypto.psa_sign_hash(client, key, ES256, DIGEST, 64)[0] == sign
    assert crypto.psa_export_key(client, key, 64)[0] == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_verify_hash(client, key, ES256, DIGEST, bytes(64)) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_destroy_key(client, key) == PSA_ERROR_NOT_PERMITTED
    assert crypto.psa_purge_key(client, key) == PSA_SUCCESS


@pytest.mark.parametrize(
    "kind, data, alg, hash_, room, status",
    [
        (PAIR, b"\1" * 32, ES256, DIGEST, 64, PSA_SUCCESS),
        (PAIR, b"\1" * 32, ES256, DIGEST, 63, PSA_ERROR_BUFFER_TOO_SMALL),
        (PAIR, b"\1" * 32, ES256, DIGEST, 0, PSA_ERROR_BUFFER_TOO_SMALL),
        (PAIR, b"\1" * 32, ES256, DIGEST[:31], 64, PSA_ERROR_INVALID_ARGUMENT),
        (PUBLIC, POINT, ES256, DIGEST, 64, PSA_ERROR_INVALID_ARGUMENT),
        (v.PSA_KEY_TYPE_AES, bytes(16), ES256, DIGEST, 64, PSA_ERROR_INVALID_ARGUMENT),
        (HMAC, b"key", ES256, DIGEST, 64, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_sign_hash(
    device: PartitionBench, kind: int, data: bytes, alg: int, hash_: bytes, room: int, status: int
) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(kind, usage=SIGN_HASH, alg=alg), data)
    assert crypto.psa_sign_hash(device.ns, key, alg, hash_, room)[0] == status


@pytest.mark.parametrize(
    "kind, data, of_hash, of_message",
    [
        (v.PSA_KEY_TYPE_AES, bytes(16), PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_INVALID_ARGUMENT),
        (PUBLIC, POINT, -149, -149),
        (PAIR, b"\1" * 32, -149, -149),
    ],
)
def test_verify_with_a_key_that_does_not_fit(
    device: PartitionBench, kind: int, data: bytes, of_hash: int, of_message: int
) -> None:
    _, key = crypto.psa_import_key(device.ns, KeyAttributes(kind, usage=VERIFY_HASH, alg=ES256), data)
    assert crypto.psa_verify_hash(device.ns, key, ES256, DIGEST, bytes(64)) == of_hash
    assert crypto.psa_verify_message(device.ns, key, ES256, b"m", bytes(64)) == of_message


def test_message_calls_need_an_algorithm_with_a_hash(device: PartitionBench) -> None:
    attributes = KeyAttributes(PAIR, 256, usage=SIGN_HASH | VERIFY_HASH, alg=v.PSA_ALG_ECDSA_ANY)
    _, key = crypto.psa_generate_key(device.ns, attributes)
    any_ecdsa = v.PSA_ALG_ECDSA_ANY
    assert crypto.psa_sign_message(device.ns, key, any_ecdsa, b"m", 64)[0] == PSA_ERROR_INVALID_ARGUMENT
    assert crypto.psa_verify_message(device.ns, key, any_ecdsa, b"m", bytes(64)) == PSA_ERROR_INVALID_ARGUMENT


def test_sign_message_usage_alone_signs_messages_only(device: PartitionBench) -> None:
    _, key = crypto.psa_generate_key(device.ns, KeyAttributes(PAIR, 256, usage=SIGN_MSG, alg=ES256))
    assert crypto.psa_sign_message(device.ns, key, ES256, b"m", 64)[0] == PSA_SUCCESS
    assert crypto.psa_sign_hash(device.ns, key, ES256, DIGEST, 64)[0] == PSA_ERROR_NOT_PERMITTED
