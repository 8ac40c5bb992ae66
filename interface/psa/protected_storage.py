"""PSA Protected Storage API 1.0, client side (psa/protected_storage.h).

The functions pack their requests as TF-M's client library does: integers in, a ``psa_status_t`` back.
TF-M's library answers psa_ps_create and psa_ps_set_extended by itself, with NOT_SUPPORTED, and its service
has no message for them; here they travel, and a service without them refuses their type with that status.
`ProtectedStorage` is the layer for Python callers.
"""

from typing import Final

from ..tfm.services import TFM_PROTECTED_STORAGE_SERVICE_HANDLE
from ..tfm.storage import (
    STORAGE_SUPPORT_SIZE,
    TFM_PS_CREATE,
    TFM_PS_GET,
    TFM_PS_GET_INFO,
    TFM_PS_GET_SUPPORT,
    TFM_PS_REMOVE,
    TFM_PS_SET,
    TFM_PS_SET_EXTENDED,
)
from .client import BytesLike, InVec, PsaClient, psa_outvec
from .status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS, PsaError
from .storage_common import PSA_STORAGE_FLAG_NONE, psa_storage_info_t
from .storage_requests import (
    legal_flags,
    legal_uid,
    pack_flags,
    pack_size,
    pack_uid,
    storage_get,
    storage_get_info,
    storage_remove,
    storage_set,
)

PSA_PS_API_VERSION_MAJOR: Final = 1
PSA_PS_API_VERSION_MINOR: Final = 0

_HANDLE: Final = TFM_PROTECTED_STORAGE_SERVICE_HANDLE


def psa_ps_set(client: PsaClient, uid: int, data: InVec, create_flags: int) -> int:
    """Store ``data`` under ``uid``, a number of 64 bits, in the place of what was there."""
    return storage_set(client, _HANDLE, TFM_PS_SET, uid, data, create_flags)


def psa_ps_get(client: PsaClient, uid: int, data_offset: int, data_size: int) -> tuple[int, bytes]:
    """(status, up to ``data_size`` bytes of the object from ``data_offset`` on); empty unless PSA_SUCCESS."""
    return storage_get(client, _HANDLE, TFM_PS_GET, uid, data_offset, data_size)


def psa_ps_get_info(client: PsaClient, uid: int) -> tuple[int, psa_storage_info_t]:
    """(status, capacity, size and flags of the object); all zero unless PSA_SUCCESS."""
    return storage_get_info(client, _HANDLE, TFM_PS_GET_INFO, uid)


def psa_ps_remove(client: PsaClient, uid: int) -> int:
    """Remove the object."""
    return storage_remove(client, _HANDLE, TFM_PS_REMOVE, uid)


def psa_ps_create(client: PsaClient, uid: int, capacity: int, create_flags: int) -> int:
    """Reserve ``capacity`` bytes for an object of size 0, to be filled by psa_ps_set_extended."""
    packed = pack_size(capacity)
    if packed is None:
        return PSA_ERROR_INVALID_ARGUMENT
    return client.psa_call(_HANDLE, TFM_PS_CREATE, [pack_uid(uid), packed, pack_flags(create_flags)])


def psa_ps_set_extended(client: PsaClient, uid: int, data_offset: int, data: InVec) -> int:
    """Overwrite or extend an object from ``data_offset`` on, within its capacity."""
    packed = pack_size(data_offset)
    if packed is None:
        return PSA_ERROR_INVALID_ARGUMENT
    return client.psa_call(_HANDLE, TFM_PS_SET_EXTENDED, [pack_uid(uid), packed, data])


def psa_ps_get_support(client: PsaClient) -> int:
    """PSA_STORAGE_SUPPORT_* flags of the service; 0 also where it cannot be asked."""
    flags = bytearray(STORAGE_SUPPORT_SIZE)
    client.psa_call(_HANDLE, TFM_PS_GET_SUPPORT, [], [psa_outvec(flags)])
    return int.from_bytes(flags, "little")


class ProtectedStorage:
    """Protected storage for Python callers: values back, PsaError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def set(self, uid: int, data: BytesLike, flags: int = PSA_STORAGE_FLAG_NONE) -> None:
        """Store ``data`` under ``uid``, from 1 to 2^64 - 1."""
        _check(psa_ps_set(self._client, legal_uid(uid), data, legal_flags(flags)), "psa_ps_set")

    def get(self, uid: int, offset: int = 0, size: int | None = None) -> bytes:
        """The object from ``offset`` on, up to ``size`` bytes; all of the rest without a size."""
        room = self.get_info(uid).size if size is None else size
        status, data = psa_ps_get(self._client, legal_uid(uid), offset, room)
        _check(status, "psa_ps_get")
        return data

    def get_info(self, uid: int) -> psa_storage_info_t:
        """Capacity, size and flags of the object."""
        status, info = psa_ps_get_info(self._client, legal_uid(uid))
        _check(status, "psa_ps_get_info")
        return info

    def remove(self, uid: int) -> None:
        """Remove the object."""
        _check(psa_ps_remove(self._client, legal_uid(uid)), "psa_ps_remove")

    def create(self, uid: int, capacity: int, flags: int = PSA_STORAGE_FLAG_NONE) -> None:
        """Reserve ``capacity`` bytes for an object of size 0."""
        _check(psa_ps_create(self._client, legal_uid(uid), capacity, legal_flags(flags)), "psa_ps_create")

    def set_extended(self, uid: int, offset: int, data: BytesLike) -> None:
        """Overwrite or extend an object from ``offset`` on, within its capacity."""
        _check(psa_ps_set_extended(self._client, legal_uid(uid), offset, data), "psa_ps_set_extended")

    def get_support(self) -> int:
        """PSA_STORAGE_SUPPORT_* flags of the service."""
        return psa_ps_get_support(self._client)


def _check(status: int, call: str) -> None:
    if status != PSA_SUCCESS:
        raise PsaError(status, call)
