"""What a set, get, get_info or remove does (TF-M tfm_internal_trusted_storage.c), check by check."""

from collections.abc import Callable

from ...interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...interface.psa.storage_common import (
    PSA_STORAGE_FLAG_NO_CONFIDENTIALITY,
    PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION,
    PSA_STORAGE_FLAG_WRITE_ONCE,
    PsaStorageFlag,
    psa_storage_info_t,
)
from ...interface.tfm.storage import TFM_ITS_INVALID_UID
from ...platform.hal import PlatformHal
from .config import TFM_SP_PS, ItsBuild
from .encryption import decrypt_file, encrypt_file
from .file_system import FileInfo
from .layout import FLAG_CREATE, FLAG_TRUNCATE, align
from .refusal import Refusal
from .stores import Store, open_stores

_SUPPORTED_FLAGS = int(
    PSA_STORAGE_FLAG_WRITE_ONCE | PSA_STORAGE_FLAG_NO_CONFIDENTIALITY | PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION
)
_WRITE_ONCE = int(PSA_STORAGE_FLAG_WRITE_ONCE)


class ItsService:
    """Assets by client and uid. Every function raises Refusal with the status to answer."""

    def __init__(self, hal: PlatformHal, build: ItsBuild) -> None:
        """Mounts the file systems."""
        self._hal = hal
        self._config = build.config
        self._own, self._ps = open_stores(hal, build)

    def set(self, client_id: int, uid: int, size: int, flags: int, read: Callable[[int], bytes]) -> None:
        """Store an asset of ``size`` bytes; ``read`` hands out the next so many of them."""
        store, file_id = self._store(client_id), _file_id(client_id, uid)
        # PSA Storage 1.0 psa_its_set: flags that are not known are not supported.
        if flags & ~_SUPPORTED_FLAGS:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        info = self._existing(store, file_id)
        # PSA Storage 1.0 psa_its_set: WRITE_ONCE is for ever, whatever the new data and flags.
        if info is not None and info.flags & _WRITE_ONCE:
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        # TF-M its_flash_fs_file_write: INVALID_ARGUMENT, from a status list that has INSUFFICIENT_STORAGE.
        too_large = align(size, store.config.program_unit) > store.config.max_file_size
        if too_large and not self._config.quirks.too_large_is_invalid_argument:
            raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE)
        piece = min(size, store.config.max_file_size)
        flags |= FLAG_CREATE | FLAG_TRUNCATE
        if store.encrypted:
            nonce, tag, data = encrypt_file(self._hal, file_id, flags, read(piece))
            store.files.write(file_id, FileInfo(0, size, flags, nonce, tag), data)
            return
        if self._config.quirks.writes_in_pieces:
            self._set_in_pieces(store, file_id, FileInfo(0, size, flags), read)
            return
        store.files.write(file_id, FileInfo(0, size, flags), read(piece))

    def _set_in_pieces(
        self, store: Store, file_id: bytes, info: FileInfo, read: Callable[[int], bytes]
    ) -> None:
        # TF-M tfm_its_set: the buffer is whole program units.
        buffer = self._config.buf_size or self._config.max_asset_size
        buffer = align(buffer, store.config.alignment)
        size, offset = info.size_max, 0
        while True:
            data = read(min(buffer, size - offset))
            store.files.write(file_id, info, data, offset)
            offset += len(data)
            info = FileInfo(0, size, 0)
            if offset >= size:
                return

    def get(self, client_id: int, uid: int, offset: int, room: int) -> bytes:
        """Up to ``room`` bytes of an asset from ``offset``."""
        store, file_id = self._store(client_id), _file_id(client_id, uid)
        small = self._config.quirks.encrypted_get_needs_a_small_buffer
        if store.encrypted and small and offset + room > self._config.max_asset_size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        info = store.files.info(file_id)
        # PSA Storage 1.0 psa_its_get: an offset at the end is legal and reads nothing.
        if offset > info.size_current:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        size = min(room, info.size_current - offset)
        if store.encrypted:
            whole = decrypt_file(self._hal, file_id, info, store.files.read(file_id, 0, info.size_current))
            return whole[offset : offset + size]
        return store.files.read(file_id, offset, size)

    def get_info(self, client_id: int, uid: int) -> psa_storage_info_t:
        """Size and flags of an asset; its capacity is its size."""
        info = self._store(client_id).files.info(_file_id(client_id, uid))
        return psa_storage_info_t(info.size_current, info.size_current, PsaStorageFlag(info.flags))

    def remove(self, client_id: int, uid: int) -> None:
        """Remove an asset."""
        store, file_id = self._store(client_id), _file_id(client_id, uid)
        # PSA Storage 1.0 psa_its_remove: WRITE_ONCE is for ever.
        if store.files.info(file_id).flags & _WRITE_ONCE:
            raise Refusal(PSA_ERROR_NOT_PERMITTED)
        store.files.delete(file_id)

    def _store(self, client_id: int) -> Store:
        # TF-M get_fs_ctx: the objects of protected storage have a file system of their own.
        return self._ps if self._ps is not None and client_id == TFM_SP_PS else self._own

    @staticmethod
    def _existing(store: Store, file_id: bytes) -> FileInfo | None:
        try:
            return store.files.info(file_id)
        except Refusal as refusal:
            if refusal.status != PSA_ERROR_DOES_NOT_EXIST:
                raise
            return None


def _file_id(client_id: int, uid: int) -> bytes:
    """An asset's name in flash: whose it is, and the uid, so that no client reaches another's."""
    # PSA Storage 1.0: uid 0 is invalid.
    if uid == TFM_ITS_INVALID_UID:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return client_id.to_bytes(4, "little", signed=True) + uid.to_bytes(8, "little")
