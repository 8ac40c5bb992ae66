"""The TEE's services for Python programs of the REE: values back, EspError or PsaError raised."""

from ..psa.status import PSA_SUCCESS, PsaError
from .attestation import (
    DEFAULT_PSA_CERT_REF,
    ESP_ATT_TK_MIN_SIZE,
    PSA_CERT_REF_SIZE,
    esp_tee_att_generate_token,
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from .errors import EspErr, EspError
from .ree_memory import ReeClient, ReeMemory
from .sec_storage import (
    AES256_GCM_IV_LEN,
    PUBKEY_SIZE,
    SIGN_SIZE,
    AeadCtx,
    KeyCfg,
    KeyFlag,
    KeyType,
    SlotKeyType,
    esp_tee_sec_storage_aead_decrypt,
    esp_tee_sec_storage_aead_encrypt,
    esp_tee_sec_storage_clear_key,
    esp_tee_sec_storage_clear_slot,
    esp_tee_sec_storage_ecdsa_get_pubkey,
    esp_tee_sec_storage_ecdsa_sign,
    esp_tee_sec_storage_gen_key,
    esp_tee_sec_storage_gen_key_in_slot,
    esp_tee_sec_storage_get_pubkey,
    esp_tee_sec_storage_get_signature,
    esp_tee_sec_storage_is_slot_empty,
)

TAG_LEN = 16


class EspTeeApi:
    """``memory`` is where the buffers of a call lie for as long as it takes."""

    def __init__(self, client: ReeClient, memory: ReeMemory) -> None:
        self.client = client
        self.memory = memory
        self.sec_storage = SecStorage(client, memory)
        self.slots = SecStorageSlots(client, memory)

    def generate_token(
        self,
        nonce: int,
        client_id: int,
        psa_cert_ref: str = DEFAULT_PSA_CERT_REF,
        capacity: int = ESP_ATT_TK_MIN_SIZE,
    ) -> bytes:
        """esp_tee_att_generate_token: the JSON token without its NUL. Raises EspError.

        ``nonce`` and ``client_id`` are u32; ``capacity`` is the room for the token in bytes.
        """
        self.memory.clear()
        # The service takes 32 bytes from where the text begins, whatever stands behind its NUL.
        reference = self.memory.put((psa_cert_ref.encode() + b"\0").ljust(PSA_CERT_REF_SIZE, b"\0"))
        token, length = self.memory.room(capacity), self.memory.room(4)
        error = esp_tee_att_generate_token(self.client, nonce, client_id, reference, token, capacity, length)
        _demand(error, "esp_tee_att_generate_token")
        return self.memory.get(token, self.memory.u32(length) - 1)

    def get_token(self, challenge: bytes, capacity: int | None = None) -> bytes:
        """psa_initial_attest_get_token: the JSON token without its NUL. Raises PsaError.

        ``challenge`` has 32, 48 or 64 bytes; without a ``capacity`` in bytes it is what the service asks for.
        """
        room = self.get_token_size(len(challenge)) if capacity is None else capacity
        self.memory.clear()
        where, token, length = (
            self.memory.put(challenge),
            self.memory.room(room),
            self.memory.room(4),
        )
        status = psa_initial_attest_get_token(self.client, where, len(challenge), token, room, length)
        if status != PSA_SUCCESS:
            raise PsaError(status, "psa_initial_attest_get_token")
        return self.memory.get(token, self.memory.u32(length) - 1)

    def get_token_size(self, challenge_size: int) -> int:
        """psa_initial_attest_get_token_size: the room in bytes that a token has to have. Raises PsaError."""
        self.memory.clear()
        size = self.memory.room(4)
        status = psa_initial_attest_get_token_size(self.client, challenge_size, size)
        if status != PSA_SUCCESS:
            raise PsaError(status, "psa_initial_attest_get_token_size")
        return self.memory.u32(size)


class SecStorage:
    """Keys by name, up to 15 characters. Raises EspError."""

    def __init__(self, client: ReeClient, memory: ReeMemory) -> None:
        self._client = client
        self._memory = memory

    def gen_key(
        self, name: str, key_type: KeyType = KeyType.ECDSA_SECP256R1, flags: KeyFlag = KeyFlag.NONE
    ) -> None:
        self._memory.clear()
        error = esp_tee_sec_storage_gen_key(self._client, self._cfg(name, key_type, flags))
        _demand(error, "esp_tee_sec_storage_gen_key")

    def clear_key(self, name: str) -> None:
        self._memory.clear()
        error = esp_tee_sec_storage_clear_key(self._client, self._memory.text(name))
        _demand(error, "esp_tee_sec_storage_clear_key")

    def ecdsa_sign(self, name: str, digest: bytes) -> bytes:
        """r and s, 64 bytes."""
        self._memory.clear()
        cfg, hash = self._cfg(name, KeyType.ECDSA_SECP256R1), self._memory.put(digest)
        out = self._memory.room(SIGN_SIZE)
        error = esp_tee_sec_storage_ecdsa_sign(self._client, cfg, hash, len(digest), out)
        _demand(error, "esp_tee_sec_storage_ecdsa_sign")
        return self._memory.get(out, SIGN_SIZE)

    def ecdsa_get_pubkey(self, name: str) -> bytes:
        """X and Y, 64 bytes."""
        self._memory.clear()
        cfg, out = self._cfg(name, KeyType.ECDSA_SECP256R1), self._memory.room(PUBKEY_SIZE)
        error = esp_tee_sec_storage_ecdsa_get_pubkey(self._client, cfg, out)
        _demand(error, "esp_tee_sec_storage_ecdsa_get_pubkey")
        return self._memory.get(out, PUBKEY_SIZE)

    def aead_encrypt(self, name: str, plaintext: bytes, aad: bytes = b"") -> tuple[bytes, bytes, bytes]:
        """(IV of 12 bytes, ciphertext, tag of 16)."""
        self._memory.clear()
        ctx, iv = self._ctx(name, plaintext, aad), self._memory.room(AES256_GCM_IV_LEN)
        tag, output = self._memory.room(TAG_LEN), self._memory.room(len(plaintext))
        error = esp_tee_sec_storage_aead_encrypt(
            self._client, ctx, iv, AES256_GCM_IV_LEN, tag, TAG_LEN, output
        )
        _demand(error, "esp_tee_sec_storage_aead_encrypt")
        get = self._memory.get
        return get(iv, AES256_GCM_IV_LEN), get(output, len(plaintext)), get(tag, TAG_LEN)

    def aead_decrypt(self, name: str, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes = b"") -> bytes:
        """The plaintext."""
        self._memory.clear()
        ctx, where, tag_at = self._ctx(name, ciphertext, aad), self._memory.put(iv), self._memory.put(tag)
        output = self._memory.room(len(ciphertext))
        error = esp_tee_sec_storage_aead_decrypt(self._client, ctx, where, len(iv), tag_at, len(tag), output)
        _demand(error, "esp_tee_sec_storage_aead_decrypt")
        return self._memory.get(output, len(ciphertext))

    def _cfg(self, name: str, key_type: int, flags: int = KeyFlag.NONE) -> int:
        return self._memory.put(KeyCfg.pack(self._memory.text(name), key_type, flags))

    def _ctx(self, name: str, input_: bytes, aad: bytes) -> int:
        memory = self._memory
        aad_at = memory.put(aad) if aad else 0
        return memory.put(AeadCtx.pack(memory.text(name), aad_at, len(aad), memory.put(input_), len(input_)))


class SecStorageSlots:
    """Keys in slots 0 to 14, as before April 2025. Raises EspError."""

    def __init__(self, client: ReeClient, memory: ReeMemory) -> None:
        self._client = client
        self._memory = memory

    def gen_key(self, slot_id: int, key_type: SlotKeyType = SlotKeyType.ECDSA_SECP256R1) -> None:
        error = esp_tee_sec_storage_gen_key_in_slot(self._client, slot_id, key_type)
        _demand(error, "esp_tee_sec_storage_gen_key")

    def is_slot_empty(self, slot_id: int) -> bool:
        return esp_tee_sec_storage_is_slot_empty(self._client, slot_id)

    def clear_slot(self, slot_id: int) -> None:
        _demand(esp_tee_sec_storage_clear_slot(self._client, slot_id), "esp_tee_sec_storage_clear_slot")

    def get_signature(self, slot_id: int, digest: bytes) -> bytes:
        """r and s, 64 bytes."""
        self._memory.clear()
        hash, out = self._memory.put(digest), self._memory.room(SIGN_SIZE)
        error = esp_tee_sec_storage_get_signature(self._client, slot_id, hash, len(digest), out)
        _demand(error, "esp_tee_sec_storage_get_signature")
        return self._memory.get(out, SIGN_SIZE)

    def get_pubkey(self, slot_id: int) -> bytes:
        """X and Y, 64 bytes."""
        self._memory.clear()
        out = self._memory.room(PUBKEY_SIZE)
        error = esp_tee_sec_storage_get_pubkey(self._client, slot_id, out)
        _demand(error, "esp_tee_sec_storage_get_pubkey")
        return self._memory.get(out, PUBKEY_SIZE)


def _demand(error: int, call: str) -> None:
    if error != EspErr.ESP_OK:
        raise EspError(error, call)
