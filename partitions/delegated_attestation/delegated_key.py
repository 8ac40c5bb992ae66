"""The delegated attestation key of this boot, and the hash of its public half (delegated_attest.c)."""

from typing import Final

from ...interface.psa.client import PsaClient
from ...interface.psa.crypto import (
    psa_destroy_key,
    psa_export_key,
    psa_export_public_key,
    psa_hash_abort,
    psa_hash_compare,
    psa_hash_setup,
    psa_key_derivation_abort,
    psa_key_derivation_input_bytes,
    psa_key_derivation_input_key,
    psa_key_derivation_output_key,
    psa_key_derivation_setup,
)
from ...interface.psa.crypto_sizes import PSA_HASH_LENGTH, PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE
from ...interface.psa.crypto_types import (
    KeyAttributes,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
)
from ...interface.psa.crypto_values import (
    PSA_ALG_HKDF,
    PSA_ALG_NONE,
    PSA_ALG_SHA_256,
    PSA_KEY_DERIVATION_INPUT_INFO,
    PSA_KEY_DERIVATION_INPUT_SECRET,
    PSA_KEY_ID_NULL,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_EXPORT,
)
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_HANDLE,
    PSA_SUCCESS,
)
from ...interface.tfm.cose_key import encode_cose_key
from ...interface.tfm.crypto import TFM_BUILTIN_KEY_ID_DAK_SEED
from .boot_state import UnknownMeasurement, encode_boot_state
from .config import DelegatedAttestationConfig

_HKDF: Final = PSA_ALG_HKDF(PSA_ALG_SHA_256)


class DelegatedKey:
    """One key for all callers; a second one replaces it, and the hash that goes with it."""

    def __init__(self, client: PsaClient, config: DelegatedAttestationConfig) -> None:
        self._client = client
        self._config = config
        self._key_id = PSA_KEY_ID_NULL
        self._hash_alg = PSA_ALG_NONE

    def make(self, curve: int, bits: int, room: int, hash_alg: int) -> tuple[int, bytes]:
        """(status, private scalar) of a new key; ``room`` in bytes is the caller's.

        TF-M delegated_attest_get_delegated_key: the hash algorithm first, then measurements, then the key.
        """
        operation = psa_hash_operation_t()
        status = psa_hash_setup(self._client, operation, hash_alg)
        psa_hash_abort(self._client, operation)
        if status != PSA_SUCCESS:
            return status, b""
        status, boot_state = self._boot_state()
        if status != PSA_SUCCESS:
            return status, b""
        status, scalar = self._derive(curve, bits, room, boot_state)
        if status == PSA_SUCCESS:
            self._hash_alg = hash_alg
        return status, scalar

    def compare(self, public_hash: bytes) -> int:
        """INVALID_ARGUMENT unless it is the hash of the key's public half, by the algorithm named for it.

        TF-M verify_dak_pub_hash: hashed is the COSE_Key; until TF-M 2.1 it was the point. Before the first
        key the algorithm is none, whose hashes have no bytes, so that no hash passes.
        """
        if len(public_hash) != PSA_HASH_LENGTH(self._hash_alg):
            return PSA_ERROR_INVALID_ARGUMENT
        room = PSA_KEY_EXPORT_ECC_PUBLIC_KEY_MAX_SIZE(521)
        status, point = psa_export_public_key(self._client, self._key_id, room)
        if status != PSA_SUCCESS:
            return PSA_ERROR_GENERIC_ERROR
        public_key = point if self._config.hash_of_point else encode_cose_key(point)
        status = psa_hash_compare(self._client, self._hash_alg, public_key, public_hash)
        return PSA_SUCCESS if status == PSA_SUCCESS else PSA_ERROR_INVALID_ARGUMENT

    def _boot_state(self) -> tuple[int, bytes]:
        try:
            shrinking = self._config.shrinking_buffers
            boot_state = encode_boot_state(self._client, shrinking_buffers=shrinking)
        except UnknownMeasurement:
            return PSA_ERROR_GENERIC_ERROR, b""
        if len(boot_state) > self._config.boot_records_max_size:
            return PSA_ERROR_BUFFER_TOO_SMALL, b""
        return PSA_SUCCESS, boot_state

    def _derive(self, curve: int, bits: int, room: int, boot_state: bytes) -> tuple[int, bytes]:
        """TF-M derive_delegated_attestation_key: the old key goes first, whatever becomes of the new one."""
        if not boot_state:
            return PSA_ERROR_INVALID_ARGUMENT, b""
        status = psa_destroy_key(self._client, self._key_id)
        if status not in (PSA_SUCCESS, PSA_ERROR_INVALID_HANDLE):
            return status, b""
        operation = psa_key_derivation_operation_t()
        status = psa_key_derivation_setup(self._client, operation, _HKDF)
        if status != PSA_SUCCESS:
            return status, b""
        attributes = KeyAttributes(
            type=PSA_KEY_TYPE_ECC_KEY_PAIR(curve), bits=bits, usage=PSA_KEY_USAGE_EXPORT
        )
        made = self._output_key(operation, attributes, boot_state)
        status, scalar = psa_export_key(self._client, self._key_id, room) if made else (0, b"")
        if made and status != PSA_SUCCESS:
            psa_destroy_key(self._client, self._key_id)
        aborted = psa_key_derivation_abort(self._client, operation)
        if not made or status != PSA_SUCCESS:
            return PSA_ERROR_GENERIC_ERROR, b""
        return aborted, scalar

    def _output_key(
        self, operation: psa_key_derivation_operation_t, attributes: KeyAttributes, boot_state: bytes
    ) -> bool:
        """No salt step; the boot state is the info, which names neither curve nor size."""
        client, secret = self._client, PSA_KEY_DERIVATION_INPUT_SECRET
        seed, info = TFM_BUILTIN_KEY_ID_DAK_SEED, PSA_KEY_DERIVATION_INPUT_INFO
        if psa_key_derivation_input_key(client, operation, secret, seed) != PSA_SUCCESS:
            return False
        if psa_key_derivation_input_bytes(client, operation, info, boot_state) != PSA_SUCCESS:
            return False
        status, key_id = psa_key_derivation_output_key(client, attributes, operation)
        if status == PSA_SUCCESS:
            self._key_id = key_id
        return status == PSA_SUCCESS
