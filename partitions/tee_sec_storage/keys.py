"""The storage's own functions (tee_sec_storage.c): keys by name, made, cleared and used.

Errors are ESP-IDF's, in the order of its checks. A key of a slot has the name `slot_name` gives it.
"""

from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.sec_storage import (
    AES256_GCM_IV_LEN,
    AES256_GCM_TAG_LENS,
    NVS_KEY_NAME_MAX_SIZE,
    PUBKEY_SIZE,
    SECP256R1_KEY_LEN,
    SIGN_SIZE,
    KeyFlag,
    KeyType,
)
from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import (
    psa_aead_decrypt,
    psa_aead_encrypt,
    psa_destroy_key,
    psa_export_public_key,
    psa_generate_key,
    psa_generate_random,
    psa_sign_hash,
)
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG,
    PSA_ALG_AEAD_WITH_SHORTENED_TAG,
    PSA_ALG_ECDSA,
    PSA_ALG_GCM,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_LIFETIME_PERSISTENT,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_DECRYPT,
    PSA_KEY_USAGE_ENCRYPT,
    PSA_KEY_USAGE_SIGN_HASH,
)
from ...interface.psa.status import PSA_ERROR_ALREADY_EXISTS, PSA_SUCCESS
from .directory import Directory, StorageFailure, StoredKey

_ECDSA: Final = PSA_ALG_ECDSA(PSA_ALG_SHA_256)
_POINT_SIZE: Final = 1 + PUBKEY_SIZE
_ATTRIBUTES: Final = {
    KeyType.ECDSA_SECP256R1: KeyAttributes(
        type=PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
        bits=8 * SECP256R1_KEY_LEN,
        lifetime=PSA_KEY_LIFETIME_PERSISTENT,
        usage=PSA_KEY_USAGE_SIGN_HASH,
        alg=_ECDSA,
    ),
    KeyType.AES256: KeyAttributes(
        type=PSA_KEY_TYPE_AES,
        bits=256,
        lifetime=PSA_KEY_LIFETIME_PERSISTENT,
        usage=PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT,
        alg=PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(PSA_ALG_GCM, AES256_GCM_TAG_LENS[0]),
    ),
}


class SecStorageKeys:
    """The keys of one device."""

    def __init__(self, client: PsaClient, *, any_digest: bool = False) -> None:
        self._client = client
        self._any_digest = any_digest
        self._directory = Directory(client)

    def flags_of(self, name: bytes) -> KeyFlag:
        """None for a key that is not there."""
        try:
            key = self._directory.find(name)
        except StorageFailure:
            return KeyFlag.NONE
        return KeyFlag.NONE if key is None else KeyFlag(key.flags)

    def exists(self, name: bytes) -> bool:
        """True where storage cannot be read: ESP-TEE esp_tee_sec_storage_is_slot_empty says no then."""
        try:
            return self._directory.find(name) is not None
        except StorageFailure:
            return True

    def gen(self, name: bytes, key_type: int, flags: int) -> int:
        """A new key under ``name``."""
        try:
            return self._gen(name, key_type, flags)
        except StorageFailure:
            return EspErr.ESP_FAIL

    def _gen(self, name: bytes, key_type: int, flags: int) -> int:
        # ESP-TEE esp_tee_sec_storage_gen_key: a name that is taken, the type, and then what NVS says.
        if self._directory.find(name) is not None:
            return EspErr.ESP_ERR_INVALID_STATE
        if key_type not in _ATTRIBUTES:
            return EspErr.ESP_ERR_NOT_SUPPORTED
        if len(name) >= NVS_KEY_NAME_MAX_SIZE:
            return EspErr.ESP_ERR_NVS_KEY_TOO_LONG
        key_id = self._directory.free_key_id()
        if key_id is None:
            return EspErr.ESP_ERR_NVS_NOT_ENOUGH_SPACE
        if not self._generate(KeyType(key_type), key_id):
            return EspErr.ESP_FAIL
        error = self._directory.add(StoredKey(name, key_type, flags & 0xFF, key_id))
        if error != EspErr.ESP_OK:
            psa_destroy_key(self._client, key_id)
        return error

    def _generate(self, key_type: KeyType, key_id: int) -> bool:
        """A key that a power cut left without its record is in nobody's use: it goes first."""
        given = _ATTRIBUTES[key_type]
        attributes = KeyAttributes(given.type, given.bits, given.lifetime, given.usage, given.alg, id=key_id)
        status, _ = psa_generate_key(self._client, attributes)
        if status == PSA_ERROR_ALREADY_EXISTS:
            psa_destroy_key(self._client, key_id)
            status, _ = psa_generate_key(self._client, attributes)
        return status == PSA_SUCCESS

    def clear(self, name: bytes) -> int:
        """ESP-TEE esp_tee_sec_storage_clear_key: NOT_FOUND, or INVALID_STATE for one written once."""
        try:
            key = self._directory.find(name)
            if key is None:
                return EspErr.ESP_ERR_NOT_FOUND
            if key.flags & KeyFlag.WRITE_ONCE:
                return EspErr.ESP_ERR_INVALID_STATE
            error = self._directory.remove(name)
        except StorageFailure:
            return EspErr.ESP_FAIL
        if error == EspErr.ESP_OK:
            psa_destroy_key(self._client, key.key_id)
        return error

    def ecdsa_sign(self, name: bytes, key_type: int, digest: bytes) -> tuple[int, bytes]:
        """(error, r and s).

        ESP-TEE esp_tee_sec_storage_ecdsa_sign: no key, a key of another type, a type that cannot sign; then
        whatever the crypto service refuses, such as a digest of another size than SHA-256's, is FAIL.
        """
        error, key = self._find(name, key_type)
        if key is None:
            return error, b""
        if key_type != KeyType.ECDSA_SECP256R1:
            return EspErr.ESP_ERR_INVALID_ARG, b""
        if self._any_digest:
            # ESP-TEE mbedtls_ecdsa_sign: the leftmost bytes of a digest as a number, 32 of them at most.
            digest = digest[:SECP256R1_KEY_LEN].rjust(SECP256R1_KEY_LEN, b"\0")
        status, signature = psa_sign_hash(self._client, key.key_id, _ECDSA, digest, SIGN_SIZE)
        return (EspErr.ESP_OK, signature) if status == PSA_SUCCESS else (EspErr.ESP_FAIL, b"")

    def ecdsa_get_pubkey(self, name: bytes, key_type: int) -> tuple[int, bytes]:
        """(error, X and Y). ESP-TEE esp_tee_sec_storage_ecdsa_get_pubkey: the same checks."""
        error, key = self._find(name, key_type)
        if key is None:
            return error, b""
        if key_type != KeyType.ECDSA_SECP256R1:
            return EspErr.ESP_ERR_INVALID_ARG, b""
        status, point = psa_export_public_key(self._client, key.key_id, _POINT_SIZE)
        return (EspErr.ESP_OK, point[1:]) if status == PSA_SUCCESS else (EspErr.ESP_FAIL, b"")

    def aead_encrypt(
        self, name: bytes, plaintext: bytes, aad: bytes, iv_len: int, tag_len: int
    ) -> tuple[int, bytes, bytes]:
        """(error, IV, ciphertext and tag)."""
        error, key = self._find_for_gcm(name, iv_len, tag_len)
        if key is None:
            return error, b"", b""
        alg = PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_GCM, tag_len)
        status, iv = psa_generate_random(self._client, iv_len)
        if status == PSA_SUCCESS:
            room = len(plaintext) + tag_len
            status, sealed = psa_aead_encrypt(self._client, key.key_id, alg, iv, aad, plaintext, room)
        return (EspErr.ESP_OK, iv, sealed) if status == PSA_SUCCESS else (EspErr.ESP_FAIL, b"", b"")

    def aead_decrypt(
        self, name: bytes, iv: bytes, sealed: bytes, aad: bytes, tag_len: int
    ) -> tuple[int, bytes]:
        """(error, plaintext); FAIL for what is not authentic."""
        error, key = self._find_for_gcm(name, len(iv), tag_len)
        if key is None:
            return error, b""
        alg = PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_GCM, tag_len)
        room = len(sealed) - tag_len
        status, plaintext = psa_aead_decrypt(self._client, key.key_id, alg, iv, aad, sealed, room)
        return (EspErr.ESP_OK, plaintext) if status == PSA_SUCCESS else (EspErr.ESP_FAIL, b"")

    def _find_for_gcm(self, name: bytes, iv_len: int, tag_len: int) -> tuple[int, StoredKey | None]:
        # ESP-TEE tee_sec_storage_crypt_common: sizes of IV and tag before the key is looked for.
        if iv_len != AES256_GCM_IV_LEN or tag_len not in AES256_GCM_TAG_LENS:
            return EspErr.ESP_ERR_INVALID_SIZE, None
        return self._find(name, KeyType.AES256)

    def _find(self, name: bytes, key_type: int) -> tuple[int, StoredKey | None]:
        try:
            key = self._directory.find(name)
        except StorageFailure:
            return EspErr.ESP_FAIL, None
        if key is None:
            return EspErr.ESP_ERR_NVS_NOT_FOUND, None
        return (EspErr.ESP_OK, key) if key.type == key_type else (EspErr.ESP_ERR_INVALID_STATE, None)
