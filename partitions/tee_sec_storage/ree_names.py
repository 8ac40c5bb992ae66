"""The storage's services for the REE since April 2025: keys under names (esp_secure_services.c)."""

from collections.abc import Mapping

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.sec_storage import (
    NVS_KEY_NAME_MAX_SIZE,
    PUBKEY_SIZE,
    SIGN_SIZE,
    AeadCtx,
    KeyCfg,
    KeyFlag,
)
from ...interface.esp_tee.service_calls import SecureService
from ..ree_pointers import ReePointers, Service
from .config import TeeSecStorageConfig
from .keys import SecStorageKeys


class ReeNames:
    """One service call is one method. Pointers to names are not checked but followed, as the TEE does."""

    def __init__(self, keys: SecStorageKeys, config: TeeSecStorageConfig) -> None:
        self._keys = keys
        self._config = config
        self.services: Mapping[int, Service] = {
            SecureService.SEC_STORAGE_CLEAR_KEY: (1, self._clear_key),
            SecureService.SEC_STORAGE_GEN_KEY: (1, self._gen_key),
            SecureService.SEC_STORAGE_ECDSA_SIGN: (4, self._ecdsa_sign),
            SecureService.SEC_STORAGE_ECDSA_GET_PUBKEY: (2, self._ecdsa_get_pubkey),
            SecureService.SEC_STORAGE_AEAD_ENCRYPT: (6, self._aead_encrypt),
            SecureService.SEC_STORAGE_AEAD_DECRYPT: (6, self._aead_decrypt),
        }

    def _clear_key(self, ree: ReePointers, key_id: int) -> int:
        # ESP-TEE _ss_esp_tee_sec_storage_clear_key: a key of the TEE's stays, as one that is written once;
        # in the code of July 2026 its name is an argument that is not legal.
        name = _name(ree, key_id)
        if self._is_tee_owned(name):
            by_code = self._config.errors_of_the_code
            return EspErr.ESP_ERR_INVALID_ARG if by_code else EspErr.ESP_ERR_INVALID_STATE
        return self._keys.clear(name or b"")

    def _gen_key(self, ree: ReePointers, cfg: int) -> int:
        # ESP-TEE _ss_esp_tee_sec_storage_gen_key: the pointer, the flag that is the TEE's, the name.
        if not ree.buf(cfg, KeyCfg.size):
            return EspErr.ESP_ERR_INVALID_ARG
        key_id, key_type, flags = KeyCfg.unpack(ree.load(cfg, KeyCfg.size))
        name = _name(ree, key_id)
        claims_the_tees = bool(flags & KeyFlag.TEE_ONLY) and not self._config.unprotected
        if claims_the_tees or self._is_tee_owned(name) or name is None:
            return EspErr.ESP_ERR_INVALID_ARG
        return self._keys.gen(name, key_type, flags)

    def _ecdsa_sign(self, ree: ReePointers, cfg: int, hash: int, hlen: int, out_sign: int) -> int:
        # ESP-TEE _ss_esp_tee_sec_storage_ecdsa_sign: configuration, digest, output, the TEE's keys.
        if not (ree.buf(cfg, KeyCfg.size) and ree.buf(hash, hlen) and ree.buf(out_sign, SIGN_SIZE)):
            return EspErr.ESP_ERR_INVALID_ARG
        key_id, key_type, _ = KeyCfg.unpack(ree.load(cfg, KeyCfg.size))
        name = _name(ree, key_id)
        if name is None or self._is_tee_owned(name):
            return EspErr.ESP_ERR_INVALID_ARG
        error, signature = self._keys.ecdsa_sign(name, key_type, ree.load(hash, hlen))
        if error == EspErr.ESP_OK:
            ree.store(out_sign, signature)
        return error

    def _ecdsa_get_pubkey(self, ree: ReePointers, cfg: int, out_pubkey: int) -> int:
        if not (ree.buf(cfg, KeyCfg.size) and ree.buf(out_pubkey, PUBKEY_SIZE)):
            return EspErr.ESP_ERR_INVALID_ARG
        key_id, key_type, _ = KeyCfg.unpack(ree.load(cfg, KeyCfg.size))
        name = _name(ree, key_id)
        if name is None or self._is_tee_owned(name):
            return EspErr.ESP_ERR_INVALID_ARG
        error, point = self._keys.ecdsa_get_pubkey(name, key_type)
        if error == EspErr.ESP_OK:
            ree.store(out_pubkey, point)
        return error

    def _aead_encrypt(
        self, ree: ReePointers, ctx: int, iv: int, iv_len: int, tag: int, tag_len: int, output: int
    ) -> int:
        given = self._aead_arguments(ree, ctx, iv, iv_len, tag, tag_len, output)
        if given is None:
            return EspErr.ESP_ERR_INVALID_ARG
        name, plaintext, aad = given
        error, drawn, sealed = self._keys.aead_encrypt(name, plaintext, aad, iv_len, tag_len)
        if error == EspErr.ESP_OK:
            ree.store(iv, drawn)
            ree.store(output, sealed[: len(plaintext)])
            ree.store(tag, sealed[len(plaintext) :])
        return error

    def _aead_decrypt(
        self, ree: ReePointers, ctx: int, iv: int, iv_len: int, tag: int, tag_len: int, output: int
    ) -> int:
        given = self._aead_arguments(ree, ctx, iv, iv_len, tag, tag_len, output)
        if given is None:
            return EspErr.ESP_ERR_INVALID_ARG
        name, ciphertext, aad = given
        sealed = ciphertext + ree.load(tag, tag_len)
        error, plaintext = self._keys.aead_decrypt(name, ree.load(iv, iv_len), sealed, aad, tag_len)
        if error == EspErr.ESP_OK:
            ree.store(output, plaintext)
        return error

    def _aead_arguments(
        self, ree: ReePointers, ctx: int, iv: int, iv_len: int, tag: int, tag_len: int, output: int
    ) -> tuple[bytes, bytes, bytes] | None:
        """Name, input and AAD; None where a pointer is not the REE's, or the key is the TEE's."""
        # ESP-TEE _ss_esp_tee_sec_storage_aead_encrypt: context, input, IV, tag, output, the TEE's keys, AAD.
        if not ree.buf(ctx, AeadCtx.size):
            return None
        key_id, aad, aad_len, input_, input_len = AeadCtx.unpack(ree.load(ctx, AeadCtx.size))
        buffers = ((input_, input_len), (iv, iv_len), (tag, tag_len), (output, input_len))
        if not all(ree.buf(*buffer) for buffer in buffers):
            return None
        name = _name(ree, key_id)
        if name is None or self._is_tee_owned(name) or (aad_len and not ree.buf(aad, aad_len)):
            return None
        return name, ree.load(input_, input_len), ree.load(aad, aad_len) if aad_len else b""

    def _is_tee_owned(self, name: bytes | None) -> bool:
        """ESP-TEE esp_tee_sec_storage_is_key_tee_owned: the attestation's, and those with the flag."""
        if name is None or self._config.unprotected:
            return False
        reserved = self._config.attestation_key.encode()[:NVS_KEY_NAME_MAX_SIZE]
        return name == reserved or bool(self._keys.flags_of(name) & KeyFlag.TEE_ONLY)


def _name(ree: ReePointers, key_id: int) -> bytes | None:
    """None for NULL."""
    return ree.string(key_id, NVS_KEY_NAME_MAX_SIZE) if key_id else None
