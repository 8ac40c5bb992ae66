"""The storage's services for the REE as they were until April 2025: keys in slots 0 to 14."""

from collections.abc import Mapping
from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.sec_storage import MAX_SEC_STG_SLOT_ID, PUBKEY_SIZE, SIGN_SIZE, KeyType, SlotKeyType
from ...interface.esp_tee.service_calls import SecureService
from ...interface.esp_tee.tee_sec_storage import slot_name
from ..ree_pointers import ReePointers, Service
from .config import TeeSecStorageConfig
from .keys import SecStorageKeys

_TYPES: Final = {
    SlotKeyType.ECDSA_SECP256R1: KeyType.ECDSA_SECP256R1,
    SlotKeyType.AES256: KeyType.AES256,
}
_UNKNOWN_TYPE: Final = 0xFF


def _name(slot_id: int) -> bytes:
    return slot_name(slot_id).encode()


class ReeSlots:
    """One service call is one method; a number past 14 is of no slot."""

    def __init__(self, keys: SecStorageKeys, config: TeeSecStorageConfig) -> None:
        self._keys = keys
        self._config = config
        self.services: Mapping[int, Service] = {
            SecureService.SEC_STORAGE_INIT: (0, self._init),
            SecureService.SEC_STORAGE_GEN_KEY_IN_SLOT: (2, self._gen_key),
            SecureService.SEC_STORAGE_GET_SIGNATURE: (4, self._get_signature),
            SecureService.SEC_STORAGE_GET_PUBKEY: (2, self._get_pubkey),
            SecureService.SEC_STORAGE_IS_SLOT_EMPTY: (1, self._is_slot_empty),
            SecureService.SEC_STORAGE_CLEAR_SLOT: (1, self._clear_slot),
        }

    def _init(self, ree: ReePointers) -> int:
        del ree
        return EspErr.ESP_OK

    def _gen_key(self, ree: ReePointers, slot_id: int, key_type: int) -> int:
        # ESP-TEE esp_tee_sec_storage_gen_key: number, then whether the slot is taken, then the type.
        del ree
        if slot_id > MAX_SEC_STG_SLOT_ID:
            return EspErr.ESP_ERR_INVALID_ARG
        if self._is_tee_owned(slot_id):
            return EspErr.ESP_ERR_INVALID_STATE
        known = key_type in set(SlotKeyType)
        return self._keys.gen(_name(slot_id), _TYPES[SlotKeyType(key_type)] if known else _UNKNOWN_TYPE, 0)

    def _get_signature(self, ree: ReePointers, slot_id: int, hash: int, hlen: int, out_sign: int) -> int:
        # ESP-TEE esp_tee_sec_storage_get_signature: pointers, number, length, key.
        ends = (hash, out_sign, hash + hlen, out_sign + SIGN_SIZE)
        if not all(map(ree.ptr, ends)) or slot_id > MAX_SEC_STG_SLOT_ID or self._is_tee_owned(slot_id):
            return EspErr.ESP_ERR_INVALID_ARG
        if not hlen:
            return EspErr.ESP_ERR_INVALID_SIZE
        error, signature = self._keys.ecdsa_sign(
            _name(slot_id), KeyType.ECDSA_SECP256R1, ree.load(hash, hlen)
        )
        if error == EspErr.ESP_OK:
            ree.store(out_sign, signature)
        return slot_error(error)

    def _get_pubkey(self, ree: ReePointers, slot_id: int, pubkey: int) -> int:
        ends = (pubkey, pubkey + PUBKEY_SIZE)
        if not all(map(ree.ptr, ends)) or slot_id > MAX_SEC_STG_SLOT_ID or self._is_tee_owned(slot_id):
            return EspErr.ESP_ERR_INVALID_ARG
        error, point = self._keys.ecdsa_get_pubkey(_name(slot_id), KeyType.ECDSA_SECP256R1)
        if error == EspErr.ESP_OK:
            ree.store(pubkey, point)
        return slot_error(error)

    def _is_slot_empty(self, ree: ReePointers, slot_id: int) -> int:
        del ree
        return int(slot_id <= MAX_SEC_STG_SLOT_ID and not self._keys.exists(_name(slot_id)))

    def _clear_slot(self, ree: ReePointers, slot_id: int) -> int:
        del ree
        if slot_id > MAX_SEC_STG_SLOT_ID:
            return EspErr.ESP_ERR_INVALID_ARG
        if self._is_tee_owned(slot_id):
            return EspErr.ESP_ERR_INVALID_STATE
        error = self._keys.clear(_name(slot_id))
        return EspErr.ESP_OK if error == EspErr.ESP_ERR_NOT_FOUND else error

    def _is_tee_owned(self, slot_id: int) -> bool:
        return not self._config.unprotected and slot_name(slot_id) == self._config.attestation_key


def slot_error(error: int) -> int:
    """An empty slot and one with a key of another type were the same to it."""
    lacking = (EspErr.ESP_ERR_NVS_NOT_FOUND, EspErr.ESP_ERR_INVALID_STATE)
    return EspErr.ESP_ERR_NOT_FOUND if error in lacking else error
