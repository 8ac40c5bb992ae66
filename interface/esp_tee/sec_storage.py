"""TEE secure storage: what its keys are, and its services for the REE (esp_tee_sec_storage.h).

Until April 2025 a key lay in a slot with a number, since then under a name. Pointers are addresses in the
simulated memory, as in C.
"""

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

from ..psa.client import PsaClient
from .service_calls import ESP_TEE_SEC_STORAGE_HANDLE, SecureService, esp_tee_service_call

MIN_SEC_STG_SLOT_ID: Final = 0
MAX_SEC_STG_SLOT_ID: Final = 14
NVS_KEY_NAME_MAX_SIZE: Final = 16
"""Bytes of a key's name with its NUL."""
SECP256R1_KEY_LEN: Final = 32
PUBKEY_SIZE: Final = 64
"""``pub_x`` and ``pub_y``, big endian."""
SIGN_SIZE: Final = 64
"""r and s, big endian."""
AES256_GCM_IV_LEN: Final = 12
AES256_GCM_TAG_LENS: Final = range(12, 17)

KeyCfg: Final = Struct("<III")
"""``esp_tee_sec_storage_key_cfg_t``: pointer to the name, type, flags."""
AeadCtx: Final = Struct("<IIIII")
"""``esp_tee_sec_storage_aead_ctx_t``: pointer to the key's name, AAD, its length, input, its length."""


class SlotKeyType(IntEnum):
    """``esp_tee_sec_storage_type_t`` of the time of slots."""

    ECDSA_SECP256R1 = 0
    AES256 = 1


class KeyType(IntEnum):
    """``esp_tee_sec_storage_type_t`` of the time of names. An ESP32-C6 has no P-384."""

    AES256 = 0
    ECDSA_SECP256R1 = 1


class KeyFlag(IntFlag):
    """SEC_STORAGE_FLAG_*. Unknown bits are kept."""

    NONE = 0
    WRITE_ONCE = 1
    """The key cannot be cleared."""
    TEE_ONLY = 2
    """The REE can neither use nor clear it."""


def _call(client: PsaClient, service: SecureService, *arguments: int) -> int:
    return esp_tee_service_call(client, ESP_TEE_SEC_STORAGE_HANDLE, service, *arguments)


def esp_tee_sec_storage_gen_key(client: PsaClient, cfg: int) -> int:
    """A new key; ``cfg`` points at a `KeyCfg`. INVALID_STATE where there is one of that name."""
    return _call(client, SecureService.SEC_STORAGE_GEN_KEY, cfg)


def esp_tee_sec_storage_clear_key(client: PsaClient, key_id: int) -> int:
    """``key_id`` points at the name. NOT_FOUND for none, INVALID_STATE for one that is written once."""
    return _call(client, SecureService.SEC_STORAGE_CLEAR_KEY, key_id)


def esp_tee_sec_storage_ecdsa_sign(client: PsaClient, cfg: int, hash: int, hlen: int, out_sign: int) -> int:
    """r and s, 64 bytes, of a digest by the key of ``cfg``."""
    return _call(client, SecureService.SEC_STORAGE_ECDSA_SIGN, cfg, hash, hlen, out_sign)


def esp_tee_sec_storage_ecdsa_get_pubkey(client: PsaClient, cfg: int, out_pubkey: int) -> int:
    """X and Y, 64 bytes, of the key of ``cfg``."""
    return _call(client, SecureService.SEC_STORAGE_ECDSA_GET_PUBKEY, cfg, out_pubkey)


def esp_tee_sec_storage_aead_encrypt(
    client: PsaClient, ctx: int, iv: int, iv_len: int, tag: int, tag_len: int, output: int
) -> int:
    """AES-256-GCM by the key of ``ctx``, an `AeadCtx`; the IV is drawn and written to ``iv``."""
    return _call(client, SecureService.SEC_STORAGE_AEAD_ENCRYPT, ctx, iv, iv_len, tag, tag_len, output)


def esp_tee_sec_storage_aead_decrypt(
    client: PsaClient, ctx: int, iv: int, iv_len: int, tag: int, tag_len: int, output: int
) -> int:
    """The same the other way round; FAIL for what is not authentic."""
    return _call(client, SecureService.SEC_STORAGE_AEAD_DECRYPT, ctx, iv, iv_len, tag, tag_len, output)


def esp_tee_sec_storage_init(client: PsaClient) -> int:
    """Of the time of slots: the REE opens the storage. It is open from boot on here."""
    return _call(client, SecureService.SEC_STORAGE_INIT)


def esp_tee_sec_storage_gen_key_in_slot(client: PsaClient, slot_id: int, key_type: int) -> int:
    """esp_tee_sec_storage_gen_key of the time of slots: INVALID_STATE where the slot is taken."""
    return _call(client, SecureService.SEC_STORAGE_GEN_KEY_IN_SLOT, slot_id, key_type)


def esp_tee_sec_storage_get_signature(
    client: PsaClient, slot_id: int, hash: int, hlen: int, out_sign: int
) -> int:
    """r and s, 64 bytes, of a digest by the key of a slot."""
    return _call(client, SecureService.SEC_STORAGE_GET_SIGNATURE, slot_id, hash, hlen, out_sign)


def esp_tee_sec_storage_get_pubkey(client: PsaClient, slot_id: int, pubkey: int) -> int:
    """X and Y, 64 bytes, of the key of a slot."""
    return _call(client, SecureService.SEC_STORAGE_GET_PUBKEY, slot_id, pubkey)


def esp_tee_sec_storage_is_slot_empty(client: PsaClient, slot_id: int) -> bool:
    """False for a slot that is not there, too."""
    return bool(_call(client, SecureService.SEC_STORAGE_IS_SLOT_EMPTY, slot_id))


def esp_tee_sec_storage_clear_slot(client: PsaClient, slot_id: int) -> int:
    """OK for an empty one, too."""
    return _call(client, SecureService.SEC_STORAGE_CLEAR_SLOT, slot_id)
