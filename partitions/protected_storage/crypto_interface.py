"""What protected storage asks of the crypto service: a key for each object, AEAD, a nonce that never repeats.

TF-M ps_crypto_interface.c.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import (
    psa_aead_decrypt,
    psa_aead_encrypt,
    psa_destroy_key,
    psa_generate_random,
    psa_key_derivation_abort,
    psa_key_derivation_input_bytes,
    psa_key_derivation_input_key,
    psa_key_derivation_output_key,
    psa_key_derivation_setup,
)
from ...interface.psa.crypto_types import KeyAttributes, psa_key_derivation_operation_t
from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_WITH_SHORTENED_TAG,
    PSA_ALG_HKDF,
    PSA_ALG_SHA_256,
    PSA_KEY_DERIVATION_INPUT_INFO,
    PSA_KEY_DERIVATION_INPUT_SECRET,
    PSA_KEY_TYPE_AES,
    PSA_KEY_USAGE_DECRYPT,
    PSA_KEY_USAGE_ENCRYPT,
)
from ...interface.psa.status import (
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_SUCCESS,
)
from ...interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK
from .layout import PS_IV_LEN_BYTES, PS_TAG_LEN_BYTES
from .refusal import PsRefused

PS_KEY_LEN_BYTES: Final = 16
_IV_END: Final = 1 << 8 * PS_IV_LEN_BYTES
_RANDOM_IV_END: Final = _IV_END >> 1


@dataclass(frozen=True, slots=True)
class KeyLabel:
    """What a key is derived for. ``generation`` None is a build without a limit to a key's use."""

    client_id: int
    uid: int
    generation: int | None = None

    def encode(self) -> bytes:
        """12 bytes, or 16 with a generation, little endian (TF-M fill_key_label)."""
        label = self.client_id.to_bytes(4, "little", signed=True) + self.uid.to_bytes(8, "little")
        return label if self.generation is None else label + self.generation.to_bytes(4, "little")


class PsCrypto:
    """AEAD under keys that last for one use each, and the counter that is their nonce."""

    def __init__(self, client: PsaClient, aead_alg: int) -> None:
        self._client = client
        self._alg = PSA_ALG_AEAD_WITH_SHORTENED_TAG(aead_alg, PS_TAG_LEN_BYTES)
        self._attributes = KeyAttributes(
            type=PSA_KEY_TYPE_AES,
            bits=8 * PS_KEY_LEN_BYTES,
            usage=PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT,
            alg=self._alg,
        )
        self._iv = 0

    def set_iv(self, iv: bytes) -> None:
        """Count on from ``iv``."""
        self._iv = int.from_bytes(iv, "little")

    def start_iv_anywhere(self) -> None:
        """Count from a random number of 95 bits on, so that no power cut brings a nonce back."""
        status, start = psa_generate_random(self._client, PS_IV_LEN_BYTES)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "no random number to start nonces with")
        self._iv = int.from_bytes(start, "little") % _RANDOM_IV_END

    def next_iv(self) -> bytes:
        """A nonce of 12 bytes, a little-endian counter (TF-M ps_crypto_get_iv).

        Raises PsRefused GENERIC_ERROR at its end, again and again.
        """
        if self._iv + 1 == _IV_END:
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, "nonces are used up")
        self._iv += 1
        return self._iv.to_bytes(PS_IV_LEN_BYTES, "little")

    def encrypt(self, label: KeyLabel, iv: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        """(ciphertext, tag). Raises PsRefused."""
        room = len(plaintext) + PS_TAG_LEN_BYTES
        with self._key(label) as key:
            status, sealed = psa_aead_encrypt(self._client, key, self._alg, iv, aad, plaintext, room)
            if status != PSA_SUCCESS or len(sealed) != room:
                raise PsRefused(PSA_ERROR_GENERIC_ERROR, "encryption failed")
        return sealed[:-PS_TAG_LEN_BYTES], sealed[-PS_TAG_LEN_BYTES:]

    def decrypt(self, label: KeyLabel, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes) -> bytes:
        """The plaintext. Raises PsRefused INVALID_SIGNATURE for anything but what `encrypt` made."""
        with self._key(label) as key:
            status, plaintext = psa_aead_decrypt(
                self._client, key, self._alg, iv, aad, ciphertext + tag, len(ciphertext)
            )
            if status != PSA_SUCCESS:
                raise PsRefused(PSA_ERROR_INVALID_SIGNATURE, "authentication failed")
        return plaintext

    @contextmanager
    def _key(self, label: KeyLabel) -> Iterator[int]:
        key = self._derive(label)
        try:
            yield key
        except PsRefused:
            psa_destroy_key(self._client, key)
            raise
        if psa_destroy_key(self._client, key) != PSA_SUCCESS:
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, "a transient key stays")

    def _derive(self, label: KeyLabel) -> int:
        """TF-M ps_crypto_setkey: HKDF-SHA-256 of the HUK, which for this partition is its own sub-key."""
        operation = psa_key_derivation_operation_t()
        status = psa_key_derivation_setup(self._client, operation, PSA_ALG_HKDF(PSA_ALG_SHA_256))
        if status != PSA_SUCCESS:
            raise PsRefused(status, "no key derivation")
        try:
            _demand(
                psa_key_derivation_input_key(
                    self._client, operation, PSA_KEY_DERIVATION_INPUT_SECRET, TFM_BUILTIN_KEY_ID_HUK
                )
            )
            _demand(
                psa_key_derivation_input_bytes(
                    self._client, operation, PSA_KEY_DERIVATION_INPUT_INFO, label.encode()
                )
            )
            status, key = psa_key_derivation_output_key(self._client, self._attributes, operation)
            _demand(status)
        except PsRefused:
            psa_key_derivation_abort(self._client, operation)
            raise
        if psa_key_derivation_abort(self._client, operation) != PSA_SUCCESS:
            psa_destroy_key(self._client, key)
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, "a key derivation stays")
        return key


def _demand(status: int) -> None:
    if status != PSA_SUCCESS:
        raise PsRefused(PSA_ERROR_GENERIC_ERROR, "key derivation failed")
