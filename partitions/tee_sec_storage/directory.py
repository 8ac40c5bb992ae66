"""Which keys there are: one object of internal trusted storage, a record a key.

The keys themselves are persistent ones of the crypto service, which this partition owns; they are never
exported. ESP-IDF keeps the key's bytes in an encrypted NVS partition and imports them for each use.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.sec_storage import NVS_KEY_NAME_MAX_SIZE
from ...interface.psa.client import PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_get_info, psa_its_set
from ...interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PSA_SUCCESS
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE

DIRECTORY_UID: Final = 1
MAX_KEYS: Final = 15
"""As many as there were slots."""
_RECORD: Final = Struct(f"<{NVS_KEY_NAME_MAX_SIZE}sBB2xI")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """``name`` without NUL; ``key_id`` is that of the crypto service."""

    name: bytes
    type: int
    flags: int
    key_id: int


class StorageFailure(Exception):
    """The directory cannot be read or written; it never leaves the partition."""


class Directory:
    """Read anew for each request: nothing of it is kept in RAM."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def keys(self) -> list[StoredKey]:
        """All of them, none where there is no directory yet. Raises StorageFailure."""
        status, info = psa_its_get_info(self._client, DIRECTORY_UID)
        if status == PSA_ERROR_DOES_NOT_EXIST:
            return []
        if status == PSA_SUCCESS:
            status, raw = psa_its_get(self._client, DIRECTORY_UID, 0, info.size)
        if status != PSA_SUCCESS or len(raw) % _RECORD.size:
            raise StorageFailure
        records = (_RECORD.unpack_from(raw, at) for at in range(0, len(raw), _RECORD.size))
        return [StoredKey(name.rstrip(b"\0"), type_, flags, key) for name, type_, flags, key in records]

    def find(self, name: bytes) -> StoredKey | None:
        """The key of that name. Raises StorageFailure."""
        return next((key for key in self.keys() if key.name == name), None)

    def free_key_id(self) -> int | None:
        """One that no key has; None where storage is full. Raises StorageFailure."""
        taken = {key.key_id for key in self.keys()}
        return next((key_id for key_id in range(1, MAX_KEYS + 1) if key_id not in taken), None)

    def add(self, key: StoredKey) -> int:
        """An error of ESP-IDF's. Raises StorageFailure."""
        return self._write([*self.keys(), key])

    def remove(self, name: bytes) -> int:
        """The same. Raises StorageFailure."""
        return self._write([key for key in self.keys() if key.name != name])

    def _write(self, keys: list[StoredKey]) -> int:
        raw = b"".join(_RECORD.pack(key.name, key.type, key.flags, key.key_id) for key in keys)
        status = psa_its_set(self._client, DIRECTORY_UID, raw, PSA_STORAGE_FLAG_NONE)
        return EspErr.ESP_OK if status == PSA_SUCCESS else EspErr.ESP_ERR_NVS_NOT_ENOUGH_SPACE
