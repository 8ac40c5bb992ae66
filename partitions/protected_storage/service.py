"""The calls of the PSA Protected Storage API on the objects of one device (TF-M tfm_protected_storage.c)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ...interface.psa.status import (
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
)
from ...interface.psa.storage_common import (
    PSA_STORAGE_FLAG_NO_CONFIDENTIALITY,
    PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION,
    PSA_STORAGE_FLAG_WRITE_ONCE,
    PSA_STORAGE_SUPPORT_SET_EXTENDED,
    PsaStorageFlag,
    psa_storage_info_t,
)
from ...interface.tfm.storage import TFM_PS_INVALID_UID
from .config import PsConfig
from .object_system import ObjectSystem
from .refusal import PsRefused

_CREATE_FLAGS: Final = PSA_STORAGE_FLAG_NO_CONFIDENTIALITY | PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION
_SET_FLAGS: Final = _CREATE_FLAGS | PSA_STORAGE_FLAG_WRITE_ONCE
_DAMAGE: Final = (PSA_ERROR_INVALID_SIGNATURE, PSA_ERROR_DATA_CORRUPT)


class PsService:
    """Protected storage for all clients: each sees its own objects. Every call raises PsRefused."""

    def __init__(self, objects: ObjectSystem, config: PsConfig) -> None:
        self._objects = objects
        self._config = config

    def set(self, client_id: int, uid: int, data: bytes, flags: int) -> None:
        """PSA Storage 1.0 psa_ps_set. ``data`` may be cut off behind the first byte that is too many."""
        _check_uid(uid)
        _check_flags(flags, _SET_FLAGS)
        if len(data) > self._config.max_asset_size:
            invalid = self._config.quirks.too_large_is_invalid_argument
            status = PSA_ERROR_INVALID_ARGUMENT if invalid else PSA_ERROR_INSUFFICIENT_STORAGE
            raise PsRefused(status, "more than the largest asset")
        with _damage_is_generic():
            self._objects.set(uid, client_id, flags, data)

    def get(self, client_id: int, uid: int, offset: int, size: int) -> bytes:
        """PSA Storage 1.0 psa_ps_get: up to ``size`` bytes; none at the object's end, no start behind it."""
        _check_uid(uid)
        data = self._objects.read(uid, client_id).data
        if offset > len(data):
            raise PsRefused(PSA_ERROR_INVALID_ARGUMENT, "an offset behind the object's end")
        return data[offset : offset + size]

    def get_info(self, client_id: int, uid: int) -> psa_storage_info_t:
        """PSA Storage 1.0 psa_ps_get_info."""
        _check_uid(uid)
        item = self._objects.read(uid, client_id)
        return psa_storage_info_t(item.capacity, len(item.data), PsaStorageFlag(item.flags))

    def remove(self, client_id: int, uid: int) -> None:
        """PSA Storage 1.0 psa_ps_remove."""
        _check_uid(uid)
        with _damage_is_generic():
            self._objects.delete(uid, client_id)

    def create(self, client_id: int, uid: int, capacity: int, flags: int) -> None:
        """PSA Storage 1.0 psa_ps_create: not for an object that could never be filled."""
        self._demand_extended()
        _check_uid(uid)
        _check_flags(flags, _CREATE_FLAGS)
        with _damage_is_generic():
            self._objects.create(uid, client_id, flags, capacity)

    def set_extended(self, client_id: int, uid: int, offset: int, data: bytes) -> None:
        """PSA Storage 1.0 psa_ps_set_extended, on an object of psa_ps_set too."""
        self._demand_extended()
        _check_uid(uid)
        self._objects.write(uid, client_id, offset, data)

    def get_support(self) -> int:
        """PSA Storage 1.0 psa_ps_get_support."""
        return 0 if self._config.quirks.no_set_extended else PSA_STORAGE_SUPPORT_SET_EXTENDED

    def _demand_extended(self) -> None:
        if self._config.quirks.no_set_extended:
            raise PsRefused(PSA_ERROR_NOT_SUPPORTED, "a build without optional calls")


def _check_uid(uid: int) -> None:
    if uid == TFM_PS_INVALID_UID:
        raise PsRefused(PSA_ERROR_INVALID_ARGUMENT, "uid 0")


def _check_flags(flags: int, legal: int) -> None:
    if flags & ~int(legal):
        raise PsRefused(PSA_ERROR_NOT_SUPPORTED, "flags that this call does not have")


@contextmanager
def _damage_is_generic() -> Iterator[None]:
    """PSA Storage 1.0: set, remove and create have no status for an object that is damaged."""
    try:
        yield
    except PsRefused as refused:
        if refused.status in _DAMAGE:
            raise PsRefused(PSA_ERROR_GENERIC_ERROR, "a damaged object") from refused
        raise
