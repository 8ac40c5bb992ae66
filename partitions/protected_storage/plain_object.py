"""Objects in the clear, for builds without PS_ENCRYPTION (TF-M ps_object_system.c, ps_read_object)."""

from ...interface.psa.client import PsaClient
from ...interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from ...interface.psa.status import PSA_ERROR_DATA_CORRUPT, PSA_SUCCESS
from ...interface.psa.storage_common import PSA_STORAGE_FLAG_NONE
from .config import PsConfig
from .layout import PLAIN_HEADER_SIZE, PlainObjectFile, TableEntry
from .refusal import PsRefused
from .stored_object import PsObject, unreadable


class PlainObjects:
    """The object files of such a build; what speaks for one is its version, 4 bytes little endian."""

    def __init__(self, client: PsaClient, config: PsConfig) -> None:
        self._client = client
        self._config = config

    def read(self, fid: int, entry: TableEntry) -> PsObject:
        """A file of another place or version is DATA_CORRUPT; an altered one is not found out."""
        status, content = psa_its_get(self._client, fid, 0, self._config.max_file_size)
        if status != PSA_SUCCESS:
            raise unreadable(status, quirk=self._config.quirks.missing_file_does_not_exist)
        if len(content) < PLAIN_HEADER_SIZE:
            raise PsRefused(PSA_ERROR_DATA_CORRUPT, "an object's file is too short")
        file = PlainObjectFile.parse(content)
        version = int.from_bytes(entry.proof, "little")
        if (file.fid, file.version) != (fid, version) or file.info.current_size != len(file.data):
            raise PsRefused(PSA_ERROR_DATA_CORRUPT, "an object's file is another's")
        return PsObject(
            entry.uid,
            entry.client_id,
            int(file.info.create_flags),
            int(file.info.max_size),
            bytes(file.data),
            version=version,
        )

    def write(self, fid: int, item: PsObject) -> bytes:
        """TF-M ps_write_object: the version counts the writes."""
        version = (item.version + 1) & 0xFFFFFFFF
        content: bytes = PlainObjectFile.build(
            {
                "version": version,
                "fid": fid,
                "info": {
                    "current_size": len(item.data),
                    "max_size": item.capacity,
                    "create_flags": item.flags,
                },
                "data": item.data,
            }
        )
        status = psa_its_set(self._client, fid, content, PSA_STORAGE_FLAG_NONE)
        if status != PSA_SUCCESS:
            raise PsRefused(status, "ITS does not take an object's file")
        return version.to_bytes(4, "little")
