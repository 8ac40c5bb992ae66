"""Objects as AEAD ciphertexts, each under its own key (TF-M ps_encrypted_object.c).

The associated data is the file id, and the key's generation where there is one, so that a file counts in its
place only; the tag is the caller's to keep, so that an older file does not come back.
"""

from construct import ConstructError

from ...interface.psa.client import PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from ...interface.psa.status import (
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_SUCCESS,
)
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE
from .config import PsConfig
from .crypto_interface import KeyLabel, PsCrypto
from .layout import EncryptedPart, TableEntry, blocks_of, object_file
from .refusal import PsRefused
from .stored_object import PsObject, unreadable


class EncryptedObjects:
    """The object files of a build with PS_ENCRYPTION; what speaks for one is its tag."""

    def __init__(self, client: PsaClient, crypto: PsCrypto, config: PsConfig) -> None:
        self._client = client
        self._crypto = crypto
        self._config = config
        self._file = object_file(config.key_generations)
        self._smallest = config.max_file_size - config.max_asset_size

    def read(self, fid: int, entry: TableEntry) -> PsObject:
        """ps_encrypted_object_read."""
        quirks = self._config.quirks
        status, content = psa_its_get(self._client, fid, 0, self._config.max_file_size)
        if status != PSA_SUCCESS:
            raise unreadable(status, quirk=quirks.missing_file_does_not_exist)
        if len(content) < self._smallest:
            raise PsRefused(PSA_ERROR_DATA_CORRUPT, "an object's file is too short")
        try:
            file = self._file.parse(content)
        except ConstructError as error:
            raise PsRefused(PSA_ERROR_DATA_CORRUPT, "an object's file is no such file") from error
        generation = int(file.key.generation)
        label, aad = self._bound_to(fid, entry.client_id, entry.uid, generation)
        try:
            plaintext = self._crypto.decrypt(label, bytes(file.iv), aad, bytes(file.ciphertext), entry.proof)
        except PsRefused as refused:
            generic = quirks.bad_signature_is_generic or refused.status != PSA_ERROR_INVALID_SIGNATURE
            status = PSA_ERROR_GENERIC_ERROR if generic else PSA_ERROR_INVALID_SIGNATURE
            blocks = blocks_of(len(content) - self._smallest)
            raise PsRefused(status, "an object does not open", blocks) from refused
        part = EncryptedPart.parse(plaintext)
        return PsObject(
            entry.uid,
            entry.client_id,
            int(part.info.create_flags),
            int(part.info.max_size),
            bytes(part.data),
            generation,
        )

    def write(self, fid: int, item: PsObject) -> bytes:
        """ps_encrypted_object_write: a new nonce each time."""
        info = {
            "current_size": len(item.data),
            "max_size": item.capacity,
            "create_flags": item.flags,
        }
        plaintext: bytes = EncryptedPart.build({"info": info, "data": item.data})
        iv = self._crypto.next_iv()
        label, aad = self._bound_to(fid, item.client_id, item.uid, item.generation)
        ciphertext, tag = self._crypto.encrypt(label, iv, aad, plaintext)
        content: bytes = self._file.build(
            {"iv": iv, "key": {"generation": item.generation}, "ciphertext": ciphertext}
        )
        status = psa_its_set(self._client, fid, content, PSA_STORAGE_FLAG_NONE)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "ITS does not take an object's file")
        return tag

    def _bound_to(self, fid: int, client_id: int, uid: int, generation: int) -> tuple[KeyLabel, bytes]:
        """Key label and associated data of an object's file."""
        aad = fid.to_bytes(4, "little")
        if not self._config.key_generations:
            return KeyLabel(client_id, uid), aad
        return KeyLabel(client_id, uid, generation), aad + generation.to_bytes(4, "little")
