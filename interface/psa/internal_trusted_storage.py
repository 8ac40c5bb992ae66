"""PSA Internal Trusted Storage API 1.0, client side (psa/internal_trusted_storage.h).

The functions pack their requests as TF-M's client library does: integers in, a ``psa_status_t`` back.
`InternalTrustedStorage` is the layer for Python callers.
"""

from typing import Final

from ..tfm.services import TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE
from ..tfm.storage import TFM_ITS_GET, TFM_ITS_GET_INFO, TFM_ITS_REMOVE, TFM_ITS_SET
from .client import BytesLike, InVec, PsaClient
from .status import PSA_SUCCESS, PsaError
from .storage_common import PSA_STORAGE_FLAG_NONE, psa_storage_info_t
from .storage_requests import (
    legal_flags,
    legal_uid,
    storage_get,
    storage_get_info,
    storage_remove,
    storage_set,
)

PSA_ITS_API_VERSION_MAJOR: Final = 1
PSA_ITS_API_VERSION_MINOR: Final = 0

_HANDLE: Final = TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE


def psa_its_set(client: PsaClient, uid: int, data: InVec, create_flags: int) -> int:
    """Store ``data`` under ``uid``, a number of 64 bits, in the place of what was there."""
    return storage_set(client, _HANDLE, TFM_ITS_SET, uid, data, create_flags)


def psa_its_get(client: PsaClient, uid: int, data_offset: int, data_size: int) -> tuple[int, bytes]:
    """(status, up to ``data_size`` bytes of the object from ``data_offset`` on); empty unless PSA_SUCCESS."""
    return storage_get(client, _HANDLE, TFM_ITS_GET, uid, data_offset, data_size)


def psa_its_get_info(client: PsaClient, uid: int) -> tuple[int, psa_storage_info_t]:
    """(status, size and flags of the object); all zero unless PSA_SUCCESS."""
    return storage_get_info(client, _HANDLE, TFM_ITS_GET_INFO, uid)


def psa_its_remove(client: PsaClient, uid: int) -> int:
    """Remove the object."""
    return storage_remove(client, _HANDLE, TFM_ITS_REMOVE, uid)


class InternalTrustedStorage:
    """Internal trusted storage for Python callers: values back, PsaError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def set(self, uid: int, data: BytesLike, flags: int = PSA_STORAGE_FLAG_NONE) -> None:
        """Store ``data`` under ``uid``, from 1 to 2^64 - 1."""
        _check(psa_its_set(self._client, legal_uid(uid), data, legal_flags(flags)), "psa_its_set")

    def get(self, uid: int, offset: int = 0, size: int | None = None) -> bytes:
        """The object from ``offset`` on, up to ``size`` bytes; all of the rest without a size."""
        room = self.get_info(uid).size if size is None else size
        status, data = psa_its_get(self._client, legal_uid(uid), offset, room)
        _check(status, "psa_its_get")
        return data

    def get_info(self, uid: int) -> psa_storage_info_t:
        """Capacity, size and flags of the object."""
        status, info = psa_its_get_info(self._client, legal_uid(uid))
        _check(status, "psa_its_get_info")
        return info

    def remove(self, uid: int) -> None:
        """Remove the object."""
        _check(psa_its_remove(self._client, legal_uid(uid)), "psa_its_remove")


def _check(status: int, call: str) -> None:
    if status != PSA_SUCCESS:
        raise PsaError(status, call)
