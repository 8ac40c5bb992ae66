"""TFM_SP_ITS: requests of the PSA Internal Trusted Storage API (TF-M tfm_its_req_mngr.c)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS
from ...interface.tfm.storage import (
    STORAGE_FLAGS_SIZE,
    STORAGE_INFO_SIZE,
    STORAGE_SIZE_SIZE,
    STORAGE_UID_SIZE,
    TFM_ITS_GET,
    TFM_ITS_GET_INFO,
    TFM_ITS_REMOVE,
    TFM_ITS_SET,
)
from ...spm.partition_api import PartitionApi
from .config import ItsBuild
from .refusal import Refusal
from .service import ItsService

_UID, _DATA, _OFFSET, _FLAGS = 0, 1, 1, 2
"""Input vectors."""
_BASE_BUILD: Final = ItsBuild()


class ItsPartition:
    """The program of the internal trusted storage partition."""

    def __init__(self, psa: PartitionApi, build: ItsBuild = _BASE_BUILD) -> None:
        self._psa = psa
        self._build = build
        self._service: ItsService
        self._functions: dict[int, Callable[[psa_msg_t], None]] = {
            TFM_ITS_SET: self._set,
            TFM_ITS_GET: self._get,
            TFM_ITS_GET_INFO: self._get_info,
            TFM_ITS_REMOVE: self._remove,
        }

    def tfm_its_entry(self) -> int:
        """entry_init: mount the file systems."""
        try:
            self._service = ItsService(self._psa.hal, self._build)
        except Refusal as refusal:
            return refusal.status
        return PSA_SUCCESS

    def tfm_internal_trusted_storage_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_INTERNAL_TRUSTED_STORAGE_SERVICE."""
        function = self._functions.get(msg.type)
        if function is None:
            return PSA_ERROR_NOT_SUPPORTED
        try:
            function(msg)
        except Refusal as refusal:
            return refusal.status
        return PSA_SUCCESS

    def _set(self, msg: psa_msg_t) -> None:
        # TF-M tfm_its_set_req: the sizes of uid and flags are exact.
        if msg.in_size[_UID] != STORAGE_UID_SIZE or msg.in_size[_FLAGS] != STORAGE_FLAGS_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        uid, flags = self._number(msg, _UID, STORAGE_UID_SIZE), self._number(msg, _FLAGS, STORAGE_FLAGS_SIZE)
        self._service.set(
            msg.client_id, uid, msg.in_size[_DATA], flags, lambda size: self._read(msg, _DATA, size)
        )

    def _get(self, msg: psa_msg_t) -> None:
        # TF-M tfm_its_get_req: the sizes of uid and offset are exact.
        if msg.in_size[_UID] != STORAGE_UID_SIZE or msg.in_size[_OFFSET] != STORAGE_SIZE_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        uid, offset = self._number(msg, _UID, STORAGE_UID_SIZE), self._number(msg, _OFFSET, STORAGE_SIZE_SIZE)
        data = self._service.get(msg.client_id, uid, offset, msg.out_size[0])
        if data:
            self._psa.psa_write(msg.handle, 0, data)

    def _get_info(self, msg: psa_msg_t) -> None:
        # TF-M tfm_its_get_info_req: the sizes of uid and info are exact.
        if msg.in_size[_UID] != STORAGE_UID_SIZE or msg.out_size[0] != STORAGE_INFO_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        info = self._service.get_info(msg.client_id, self._number(msg, _UID, STORAGE_UID_SIZE))
        self._psa.psa_write(msg.handle, 0, info.encode())

    def _remove(self, msg: psa_msg_t) -> None:
        # TF-M tfm_its_remove_req: the size of the uid is exact.
        if msg.in_size[_UID] != STORAGE_UID_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        self._service.remove(msg.client_id, self._number(msg, _UID, STORAGE_UID_SIZE))

    def _number(self, msg: psa_msg_t, index: int, size: int) -> int:
        return int.from_bytes(self._read(msg, index, size), "little")

    def _read(self, msg: psa_msg_t, index: int, size: int) -> bytes:
        if not size:
            return b""
        buffer = bytearray(size)
        if self._psa.psa_read(msg.handle, index, buffer, size) != size:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)
        return bytes(buffer)
