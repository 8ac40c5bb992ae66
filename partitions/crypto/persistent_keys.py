"""Persistent keys in internal trusted storage (Mbed TLS psa_crypto_storage, keys that encode their owner)."""

from ...interface.psa.client import PSA_VERSION_NONE, PsaClient
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.internal_trusted_storage import (
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from ...interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_DATA_INVALID,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_SUCCESS,
)
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE
from ...interface.tfm.services import TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID
from .refusal import Refusal
from .stored_key import PSA_CRYPTO_MAX_STORAGE_SIZE, decode, encode

_NO_ROOM = (PSA_ERROR_INSUFFICIENT_STORAGE, PSA_ERROR_INVALID_ARGUMENT)
"""What storage answers where it is full, and to an object larger than it takes."""


def uid_of_key(owner: int, key_id: int) -> int:
    """Mbed TLS psa_its_identifier_of_slot: the owner's 32 bits above the key's id."""
    return (owner & 0xFFFFFFFF) << 32 | key_id


class PersistentKeys:
    """Keys as objects of the crypto partition in internal trusted storage.

    A build without that service has nowhere to keep a key: ``available`` is False and no key is found.
    """

    def __init__(self, psa: PsaClient) -> None:
        self._psa = psa
        # FF-M 1.1 psa_version: calling a service that the build has not would be a PROGRAMMER ERROR.
        version = psa.psa_version(TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID)
        self.available = version != PSA_VERSION_NONE

    def exists(self, owner: int, key_id: int) -> bool:
        """Mbed TLS psa_is_key_present_in_storage: everything but DOES_NOT_EXIST counts as a key."""
        if not self.available:
            return False
        return psa_its_get_info(self._psa, uid_of_key(owner, key_id))[0] != PSA_ERROR_DOES_NOT_EXIST

    def load(self, owner: int, key_id: int) -> tuple[KeyAttributes, bytes]:
        """Attributes and key data. DOES_NOT_EXIST for no such key; what storage answers, or DATA_INVALID and
        STORAGE_FAILURE, for one that cannot be read."""
        if not self.available:
            raise Refusal(PSA_ERROR_DOES_NOT_EXIST)
        uid = uid_of_key(owner, key_id)
        status, info = psa_its_get_info(self._psa, uid)
        if status != PSA_SUCCESS:
            raise Refusal(status)
        status, stored = psa_its_get(self._psa, uid, 0, info.size)
        # Mbed TLS psa_crypto_storage_load: the length counts before the status.
        if len(stored) != info.size:
            raise Refusal(PSA_ERROR_DATA_INVALID)
        if status != PSA_SUCCESS:
            raise Refusal(status)
        return decode(stored, key_id)

    def save(self, owner: int, attributes: KeyAttributes, data: bytes) -> None:
        """Store a new key, whole or not at all. ALREADY_EXISTS, INSUFFICIENT_STORAGE, DATA_INVALID.

        Mbed TLS psa_crypto_storage_store makes DATA_INVALID of every failure to store; PSA Crypto 1.2,
        psa_import_key, names INSUFFICIENT_STORAGE for a lack of room, and so it is here.
        """
        if len(data) > PSA_CRYPTO_MAX_STORAGE_SIZE:
            raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE)
        uid = uid_of_key(owner, attributes.id)
        if self.exists(owner, attributes.id):
            raise Refusal(PSA_ERROR_ALREADY_EXISTS)
        stored = encode(attributes, data)
        status = psa_its_set(self._psa, uid, stored, PSA_STORAGE_FLAG_NONE)
        if status != PSA_SUCCESS:
            no_room = status in _NO_ROOM
            raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE if no_room else PSA_ERROR_DATA_INVALID)
        status, info = psa_its_get_info(self._psa, uid)
        if status == PSA_SUCCESS and info.size != len(stored):
            status = PSA_ERROR_DATA_INVALID
        if status != PSA_SUCCESS:
            psa_its_remove(self._psa, uid)
            raise Refusal(status)

    def remove(self, owner: int, key_id: int) -> None:
        """Mbed TLS psa_destroy_persistent_key: DATA_INVALID where it does not go; no object is no error."""
        uid = uid_of_key(owner, key_id)
        if not self.exists(owner, key_id):
            return
        if psa_its_remove(self._psa, uid) != PSA_SUCCESS or self.exists(owner, key_id):
            raise Refusal(PSA_ERROR_DATA_INVALID)
