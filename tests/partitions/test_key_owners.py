"""Nobody reaches another client's keys: not by id or handle, not over a reset, not by what was destroyed."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF as HKDF_OF_LIBRARY
from support.partition_bench import PartitionBench, make_hal, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_HANDLE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.crypto import (
    TFM_BUILTIN_KEY_ID_DAK_SEED,
    TFM_BUILTIN_KEY_ID_HUK,
    TFM_BUILTIN_KEY_ID_IAK,
)
from tfm_sim.partitions.crypto.builtin_keys import BuiltinKeys
from tfm_sim.partitions.crypto.config import (
    TFM_SP_CRYPTO,
    TFM_SP_DELEGATED_ATTESTATION,
    TFM_SP_INITIAL_ATTESTATION,
    CryptoConfig,
)
from tfm_sim.platform.otp import OtpField
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.spm.client import NS_CLIENT_ID_LIMIT

AES, HMAC, RAW, DERIVE = (
    v.PSA_KEY_TYPE_AES,
    v.PSA_KEY_TYPE_HMAC,
    v.PSA_KEY_TYPE_RAW_DATA,
    v.PSA_KEY_TYPE_DERIVE,
)
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
PERSISTENT = v.PSA_KEY_LIFETIME_PERSISTENT
S256 = v.PSA_ALG_SHA_256
HS256, ES256, HKDF = v.PSA_ALG_HMAC(S256), v.PSA_ALG_ECDSA(S256), v.PSA_ALG_HKDF(S256)
GCM, CTR, ECDH, OAEP = v.PSA_ALG_GCM, v.PSA_ALG_CTR, v.PSA_ALG_ECDH, v.PSA_ALG_RSA_OAEP(S256)
ALL = v.PSA_KEY_USAGE_ALL
NONCE, DIGEST = bytes(12), bytes(32)


def client(device: PartitionBench, who: str) -> PsaClient:
    """Two non-secure clients and a partition of the build."""
    if who == "attestation":
        return device.as_partition(TFM_SP_INITIAL_ATTESTATION)
    return {"ns": device.ns, "ns2": device.ns2}[who]


CLIENTS = ("ns", "ns2", "attestation")
PAIRS = [(a, b) for a in CLIENTS for b in CLIENTS if a != b]


def every_use(of: PsaClient, key: int) -> dict[str, int]:
    """What each function that takes a key answers."""
    mac, cipher, aead = psa_mac_operation_t(), psa_cipher_operation_t(), psa_aead_operation_t()
    kdf = psa_key_derivation_operation_t()
    assert crypto.psa_key_derivation_setup(of, kdf, HKDF) == PSA_SUCCESS
    secret = v.PSA_KEY_DERIVATION_INPUT_SECRET
    found = {
        "get_key_attributes": crypto.psa_get_key_attributes(of, key)[0],
        "export_key": crypto.psa_export_key(of, key, 64)[0],
        "export_public_key": crypto.psa_export_public_key(of, key, 65)[0],
        "copy_key": crypto.psa_copy_key(of, key, KeyAttributes())[0],
        "purge_key": crypto.psa_purge_key(of, key),
        "destroy_key": crypto.psa_destroy_key(of, key),
        "sign_hash": crypto.psa_sign_hash(of, key, ES256, DIGEST, 64)[0],
        "sign_message": crypto.psa_sign_message(of, key, ES256, b"", 64)[0],
        "verify_hash": crypto.psa_verify_hash(of, key, ES256, DIGEST, bytes(64)),
        "verify_message": crypto.psa_verify_message(of, key, ES256, b"", bytes(64)),
        "mac_compute": crypto.psa_mac_compute(of, key, HS256, b"", 32)[0],
        "mac_verify": crypto.psa_mac_verify(of, key, HS256, b"", bytes(32)),
        "mac_sign_setup": crypto.psa_mac_sign_setup(of, mac, key, HS256),
        "mac_verify_setup": crypto.psa_mac_verify_setup(of, mac, key, HS256),
        "cipher_encrypt": crypto.psa_cipher_encrypt(of, key, CTR, b"", 32)[0],
        "cipher_decrypt": crypto.psa_cipher_decrypt(of, key, CTR, bytes(16), 32)[0],
        "cipher_encrypt_setup": crypto.psa_cipher_encrypt_setup(of, cipher, key, CTR),
        "cipher_decrypt_setup": crypto.psa_cipher_decrypt_setup(of, cipher, key, CTR),
        "aead_encrypt": crypto.psa_aead_encrypt(of, key, GCM, NONCE, b"", b"", 32)[0],
        "aead_decrypt": crypto.psa_aead_decrypt(of, key, GCM, NONCE, b"", bytes(16), 32)[0],
        "aead_encrypt_setup": crypto.psa_aead_encrypt_setup(of, aead, key, GCM),
        "aead_decrypt_setup": crypto.psa_aead_decrypt_setup(of, aead, key, GCM),
        "asymmetric_encrypt": crypto.psa_asymmetric_encrypt(of, key, OAEP, b"", b"", 256)[0],
        "asymmetric_decrypt": crypto.psa_asymmetric_decrypt(of, key, OAEP, bytes(128), b"", 256)[0],
        "raw_key_agreement": crypto.psa_raw_key_agreement(of, ECDH, key, bytes(65), 32)[0],
        "key_derivation_input_key": crypto.psa_key_derivation_input_key(of, kdf, secret, key),
    }
    crypto.psa_key_derivation_abort(of, kdf)
    return found


@pytest.mark.parametrize(
    "key_type, alg, data", [(AES, CTR, bytes(16)), (HMAC, HS256, b"k"), (PAIR, ES256, b"\1" * 32)]
)
@pytest.mark.parametrize("lifetime", [v.PSA_KEY_LIFETIME_VOLATILE, PERSISTENT])
def test_another_clients_key_is_no_key(key_type: int, alg: int, data: bytes, lifetime: int) -> None:
    device = start_partitions()
    for owner, stranger in PAIRS:
        asked = KeyAttributes(key_type, lifetime=lifetime, usage=ALL, alg=alg, id=5 if lifetime else 0)
        _, key = crypto.psa_import_key(client(device, owner), asked, data)
        found = every_use(client(device, stranger), key)
        assert set(found.values()) == {PSA_ERROR_INVALID_HANDLE}, (owner, stranger)
        assert crypto.psa_export_key(client(device, owner), key, 64) == (PSA_SUCCESS, data)
        assert crypto.psa_destroy_key(client(device, owner), key) == PSA_SUCCESS


@pytest.mark.parametrize(
    "key",
    [0, 1, 0x3FFFFFFF, 0x40000000, 0x40000020, 0x7FFF815B, 0x7FFF817B, 0x7FFFFFFF, 0x80000000, 2**32 - 1],
)
def test_what_is_no_key_is_an_invalid_handle(key: int) -> None:
    """PSA Crypto 1.2: everywhere, but that destroying id 0 has no effect."""
    found = every_use(start_partitions().ns, key)
    assert found.pop("destroy_key") == (PSA_ERROR_INVALID_HANDLE if key else PSA_SUCCESS)
    assert set(found.values()) == {PSA_ERROR_INVALID_HANDLE}


def test_one_id_is_a_key_of_each_owner() -> None:
    device = start_partitions()
    for reset in range(2):
        for number, who in enumerate(CLIENTS):
            data = bytes([number] * 8)
            asked = KeyAttributes(RAW, lifetime=PERSISTENT, usage=v.PSA_KEY_USAGE_EXPORT, id=1)
            if not reset:
                assert crypto.psa_import_key(client(device, who), asked, data) == (PSA_SUCCESS, 1)
            assert crypto.psa_export_key(client(device, who), 1, 8) == (PSA_SUCCESS, data)
        device = start_partitions(hal=device.hal)
    assert crypto.psa_destroy_key(client(device, "ns"), 1) == PSA_SUCCESS
    device = start_partitions(hal=device.hal)
    assert [crypto.psa_export_key(client(device, who), 1, 8)[0] for who in CLIENTS] == [
        PSA_ERROR_INVALID_HANDLE,
        PSA_SUCCESS,
        PSA_SUCCESS,
    ]


def test_volatile_ids_lead_nowhere_after_a_reset() -> None:
    device = start_partitions()
    raw = KeyAttributes(RAW, usage=v.PSA_KEY_USAGE_EXPORT)
    ids = [crypto.psa_import_key(device.ns, raw, b"secret")[1] for _ in range(3)]
    device = start_partitions(hal=device.hal)
    assert {crypto.psa_export_key(device.ns, key, 6)[0] for key in ids} == {PSA_ERROR_INVALID_HANDLE}
    # The slots are given out again, to another client: the ids are now that one's and nobody else's.
    again = [crypto.psa_import_key(device.ns2, raw, b"others")[1] for _ in range(3)]
    assert again == ids
    assert {crypto.psa_export_key(device.ns, key, 6)[0] for key in ids} == {PSA_ERROR_INVALID_HANDLE}
    assert crypto.psa_destroy_key(device.ns, ids[0]) == PSA_ERROR_INVALID_HANDLE
    assert crypto.psa_export_key(device.ns2, ids[0], 6) == (PSA_SUCCESS, b"others")


def test_handles_of_operations_lead_nowhere_after_a_reset() -> None:
    device = start_partitions()
    old = psa_hash_operation_t()
    assert crypto.psa_hash_setup(device.ns, old, S256) == PSA_SUCCESS
    device = start_partitions(hal=device.hal)
    assert crypto.psa_hash_update(device.ns, replace(old), b"abc") == PSA_ERROR_BAD_STATE
    anothers = psa_hash_operation_t()
    assert crypto.psa_hash_setup(device.ns2, anothers, S256) == PSA_SUCCESS
    assert anothers == old
    assert crypto.psa_hash_update(device.ns, replace(old), b"abc") == PSA_ERROR_BAD_STATE
    assert crypto.psa_hash_finish(device.ns, replace(old), 32)[0] == PSA_ERROR_BAD_STATE
    assert crypto.psa_hash_abort(device.ns, replace(old)) == PSA_SUCCESS
    assert crypto.psa_hash_finish(device.ns2, anothers, 32)[0] == PSA_SUCCESS


def test_a_destroyed_id_is_not_the_next_owners_key() -> None:
    device = start_partitions()
    raw = KeyAttributes(RAW, usage=v.PSA_KEY_USAGE_EXPORT)
    _, key = crypto.psa_import_key(device.ns, raw, b"secret")
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    assert crypto.psa_import_key(device.ns2, raw, b"others") == (PSA_SUCCESS, key)
    assert crypto.psa_export_key(device.ns, key, 6) == (PSA_ERROR_INVALID_HANDLE, b"")


def test_an_operation_goes_on_when_its_key_is_gone() -> None:
    """Mbed TLS psa_wipe_key_slot: an operation has a copy of the key; nobody else gets at it."""
    device = start_partitions(crypto=CryptoConfig(operations_outlive_keys=True))
    mac_key = KeyAttributes(HMAC, usage=ALL, alg=HS256)
    _, key = crypto.psa_import_key(device.ns, mac_key, b"key")
    expected = crypto.psa_mac_compute(device.ns, key, HS256, b"abc", 32)
    operation = psa_mac_operation_t()
    assert crypto.psa_mac_sign_setup(device.ns, operation, key, HS256) == PSA_SUCCESS
    assert crypto.psa_destroy_key(device.ns, key) == PSA_SUCCESS
    assert crypto.psa_import_key(device.ns2, mac_key, b"another") == (PSA_SUCCESS, key)
    stolen = replace(operation)
    assert crypto.psa_mac_update(device.ns2, stolen, b"evil") == PSA_ERROR_BAD_STATE
    assert crypto.psa_mac_update(device.ns, operation, b"abc") == PSA_SUCCESS
    assert crypto.psa_mac_sign_finish(device.ns, operation, 32) == expected
    assert crypto.psa_mac_sign_setup(device.ns, psa_mac_operation_t(), key, HS256) == PSA_ERROR_INVALID_HANDLE


@pytest.mark.parametrize("owner, stranger", PAIRS)
def test_another_clients_operation_is_none(owner: str, stranger: str) -> None:
    device = start_partitions()
    mine, theirs = client(device, owner), client(device, stranger)
    asked = KeyAttributes(AES, usage=ALL, alg=CTR, alg2=GCM)
    _, key = crypto.psa_import_key(mine, asked, bytes(16))
    hash_, cipher, aead = psa_hash_operation_t(), psa_cipher_operation_t(), psa_aead_operation_t()
    kdf = psa_key_derivation_operation_t()
    assert crypto.psa_hash_setup(mine, hash_, S256) == PSA_SUCCESS
    assert crypto.psa_cipher_encrypt_setup(mine, cipher, key, CTR) == PSA_SUCCESS
    assert crypto.psa_aead_encrypt_setup(mine, aead, key, GCM) == PSA_SUCCESS
    assert crypto.psa_key_derivation_setup(mine, kdf, HKDF) == PSA_SUCCESS
    assert [
        crypto.psa_hash_update(theirs, replace(hash_), b""),
        crypto.psa_hash_clone(theirs, replace(hash_), psa_hash_operation_t()),
        crypto.psa_cipher_set_iv(theirs, replace(cipher), bytes(16)),
        crypto.psa_aead_set_nonce(theirs, replace(aead), NONCE),
        crypto.psa_key_derivation_input_bytes(theirs, replace(kdf), v.PSA_KEY_DERIVATION_INPUT_SALT, b""),
        crypto.psa_key_derivation_get_capacity(theirs, replace(kdf))[0],
    ] == [PSA_ERROR_BAD_STATE] * 6
    # An abort of what is not one's own succeeds and does nothing.
    assert crypto.psa_hash_abort(theirs, replace(hash_)) == PSA_SUCCESS
    assert crypto.psa_cipher_abort(theirs, replace(cipher)) == PSA_SUCCESS
    assert crypto.psa_hash_update(mine, hash_, b"abc") == PSA_SUCCESS
    assert crypto.psa_cipher_set_iv(mine, cipher, bytes(16)) == PSA_SUCCESS
    assert crypto.psa_aead_set_nonce(mine, aead, NONCE) == PSA_SUCCESS


def huk_bytes(of: PsaClient) -> tuple[int, bytes]:
    operation = psa_key_derivation_operation_t()
    secret, info = v.PSA_KEY_DERIVATION_INPUT_SECRET, v.PSA_KEY_DERIVATION_INPUT_INFO
    assert crypto.psa_key_derivation_setup(of, operation, HKDF) == PSA_SUCCESS
    status = crypto.psa_key_derivation_input_key(of, operation, secret, TFM_BUILTIN_KEY_ID_HUK)
    assert status == PSA_SUCCESS
    assert crypto.psa_key_derivation_input_bytes(of, operation, info, b"label") == PSA_SUCCESS
    output = crypto.psa_key_derivation_output_bytes(of, operation, 32)
    crypto.psa_key_derivation_abort(of, operation)
    return output


def test_the_huk_gives_each_client_keys_of_its_own() -> None:
    """TF-M tfm_builtin_key_loader: HKDF-SHA-256 of the HUK, the client's id as info."""
    device = start_partitions()
    huk = device.hal.tfm_plat_get_huk()
    ids = (NS_DEFAULT_ID, NS_DEFAULT_ID - 1, TFM_SP_INITIAL_ATTESTATION)
    for who, client_id in zip(CLIENTS, ids, strict=True):
        info = client_id.to_bytes(4, "little", signed=True)
        mine = HKDF_OF_LIBRARY(SHA256(), 32, salt=None, info=info).derive(huk)
        expected = HKDF_OF_LIBRARY(SHA256(), 32, salt=None, info=b"label").derive(mine)
        assert huk_bytes(client(device, who)) == (PSA_SUCCESS, expected)


def test_the_crypto_partition_has_the_huk_itself() -> None:
    """TF-M tfm_builtin_key_loader_get_builtin_key: no sub-key for TFM_CRYPTO's own id."""
    device = start_partitions()
    huk = device.hal.tfm_plat_get_huk()
    # It has no door to itself, so this cannot go through psa_call.
    view = BuiltinKeys(device.hal, CryptoConfig()).view(TFM_SP_CRYPTO, TFM_BUILTIN_KEY_ID_HUK)
    assert view is not None
    assert view[1].data == huk


def usage_of(of: PsaClient, key: int) -> int | None:
    status, attributes = crypto.psa_get_key_attributes(of, key)
    return attributes.usage if status == PSA_SUCCESS else None


NS_DEFAULT_ID = NS_CLIENT_ID_LIMIT
DERIVES = v.PSA_KEY_USAGE_DERIVE
SIGNS = v.PSA_KEY_USAGE_SIGN_HASH | v.PSA_KEY_USAGE_SIGN_MESSAGE
VERIFIES = v.PSA_KEY_USAGE_VERIFY_HASH | v.PSA_KEY_USAGE_VERIFY_MESSAGE
TEST_NS = ((TFM_BUILTIN_KEY_ID_IAK, NS_DEFAULT_ID, v.PSA_KEY_USAGE_VERIFY_HASH),)
WITH_DAK = CryptoConfig(
    delegated_attestation=True,
    builtin_key_usage=((TFM_BUILTIN_KEY_ID_DAK_SEED, TFM_SP_INITIAL_ATTESTATION, DERIVES),),
)


@pytest.mark.parametrize(
    "config, key, who, usage",
    [
        (CryptoConfig(), TFM_BUILTIN_KEY_ID_IAK, "ns", 0),
        (CryptoConfig(), TFM_BUILTIN_KEY_ID_IAK, "attestation", SIGNS),
        (CryptoConfig(builtin_key_usage=TEST_NS), TFM_BUILTIN_KEY_ID_IAK, "ns", VERIFIES),
        (CryptoConfig(builtin_key_usage=TEST_NS), TFM_BUILTIN_KEY_ID_IAK, "ns2", 0),
        (CryptoConfig(builtin_key_usage=TEST_NS), TFM_BUILTIN_KEY_ID_IAK, "attestation", SIGNS),
        (CryptoConfig(), TFM_BUILTIN_KEY_ID_HUK, "ns", DERIVES),
        (CryptoConfig(), TFM_BUILTIN_KEY_ID_DAK_SEED, "ns", None),
        (CryptoConfig(delegated_attestation=True), TFM_BUILTIN_KEY_ID_DAK_SEED, "ns", 0),
        (WITH_DAK, TFM_BUILTIN_KEY_ID_DAK_SEED, "attestation", DERIVES),
        (CryptoConfig(builtin_max_key_length=32), TFM_BUILTIN_KEY_ID_HUK, "ns", DERIVES),
        (CryptoConfig(builtin_max_key_length=31), TFM_BUILTIN_KEY_ID_HUK, "ns", None),
    ],
)
def test_builtin_keys_of_a_build(config: CryptoConfig, key: int, who: str, usage: int | None) -> None:
    device = start_partitions(crypto=config)
    assert usage_of(client(device, who), key) == usage


def test_the_dak_seed_is_the_delegated_attestation_partitions() -> None:
    assert TFM_SP_DELEGATED_ATTESTATION == 277
    device = start_partitions(crypto=WITH_DAK)
    operation = psa_key_derivation_operation_t()
    secret = v.PSA_KEY_DERIVATION_INPUT_SECRET
    crypto.psa_key_derivation_setup(device.ns, operation, HKDF)
    refused = crypto.psa_key_derivation_input_key(device.ns, operation, secret, TFM_BUILTIN_KEY_ID_DAK_SEED)
    assert refused == PSA_ERROR_NOT_PERMITTED


def test_a_builtin_key_that_the_platform_cannot_give_is_not_there() -> None:
    """TF-M tfm_builtin_key_loader_init: it is skipped, and the service starts."""
    otp = provisioned_otp(DUMMY)
    otp.write(OtpField.IAK_LEN, b"\xff\xff\xff\xff")
    device = start_partitions(hal=make_hal(otp))
    attestation = client(device, "attestation")
    assert usage_of(attestation, TFM_BUILTIN_KEY_ID_IAK) is None
    assert crypto.psa_destroy_key(attestation, TFM_BUILTIN_KEY_ID_IAK) == PSA_ERROR_INVALID_HANDLE
    assert usage_of(attestation, TFM_BUILTIN_KEY_ID_HUK) == DERIVES
