"""TFM_SP_PS: requests of the PSA Protected Storage API (TF-M tfm_ps_req_mngr.c)."""

from collections.abc import Callable

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS
from ...interface.tfm.storage import (
    STORAGE_FLAGS_SIZE,
    STORAGE_INFO_SIZE,
    STORAGE_SIZE_SIZE,
    STORAGE_SUPPORT_SIZE,
    STORAGE_UID_SIZE,
    TFM_PS_CREATE,
    TFM_PS_GET,
    TFM_PS_GET_INFO,
    TFM_PS_GET_SUPPORT,
    TFM_PS_REMOVE,
    TFM_PS_SET,
    TFM_PS_SET_EXTENDED,
)
from ...spm.partition_api import PartitionApi, read_all
from .config import PsConfig
from .crypto_interface import PsCrypto
from .encrypted_object import EncryptedObjects
from .nv_counters import PsNvCounters
from .object_system import ObjectSystem
from .object_table import ObjectTable
from .plain_object import PlainObjects
from .refusal import NoValidTable, PsRefused
from .service import PsService
from .stored_object import ObjectFiles

_UID = 0
"""The input vector of every call that names an object."""


class PsPartition:
    """The program of the protected storage partition."""

    def __init__(self, psa: PartitionApi, config: PsConfig) -> None:
        self._psa = psa
        self._config = config
        crypto = PsCrypto(psa, config.aead_alg)
        files: ObjectFiles = PlainObjects(psa, config)
        if config.encryption:
            files = EncryptedObjects(psa, crypto, config)
        self._table = ObjectTable(psa, crypto, PsNvCounters(psa), config)
        self._service = PsService(ObjectSystem(psa, self._table, files, config), config)
        self._functions: dict[int, Callable[[psa_msg_t], None]] = {
            TFM_PS_SET: self._set,
            TFM_PS_GET: self._get,
            TFM_PS_GET_INFO: self._get_info,
            TFM_PS_REMOVE: self._remove,
            TFM_PS_GET_SUPPORT: self._get_support,
            TFM_PS_CREATE: self._create,
            TFM_PS_SET_EXTENDED: self._set_extended,
        }

    def tfm_ps_entry(self) -> int:
        """entry_init: the object table is found, or storage made anew (TF-M tfm_ps_init)."""
        try:
            try:
                self._table.load()
            except NoValidTable:
                if not self._config.create_flash_layout:
                    raise
                self._table.create()
                self._table.load()
        except PsRefused as refused:
            return refused.status
        return PSA_SUCCESS

    def tfm_protected_storage_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_PROTECTED_STORAGE_SERVICE."""
        function = self._functions.get(msg.type)
        # TF-M tfm_ps_req_mngr: another type is the client's PROGRAMMER ERROR.
        if function is None:
            return PSA_ERROR_PROGRAMMER_ERROR
        try:
            function(msg)
        except PsRefused as refused:
            return refused.status
        return PSA_SUCCESS

    def _set(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE, None, STORAGE_FLAGS_SIZE))
        flags = self._number(msg, 2)
        self._service.set(msg.client_id, self._number(msg, _UID), self._data(msg, 1), flags)

    def _get(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE, STORAGE_SIZE_SIZE))
        uid, offset = self._number(msg, _UID), self._number(msg, 1)
        data = self._service.get(msg.client_id, uid, offset, msg.out_size[0])
        if data:
            self._psa.psa_write(msg.handle, 0, data)

    def _get_info(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE,))
        _demand_sizes(msg.out_size, (STORAGE_INFO_SIZE,))
        info = self._service.get_info(msg.client_id, self._number(msg, _UID))
        self._psa.psa_write(msg.handle, 0, info.encode())

    def _remove(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE,))
        self._service.remove(msg.client_id, self._number(msg, _UID))

    def _get_support(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.out_size, (STORAGE_SUPPORT_SIZE,))
        self._psa.psa_write(
            msg.handle, 0, self._service.get_support().to_bytes(STORAGE_SUPPORT_SIZE, "little")
        )

    def _create(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE, STORAGE_SIZE_SIZE, STORAGE_FLAGS_SIZE))
        uid, capacity, flags = (self._number(msg, vector) for vector in range(3))
        self._service.create(msg.client_id, uid, capacity, flags)

    def _set_extended(self, msg: psa_msg_t) -> None:
        _demand_sizes(msg.in_size, (STORAGE_UID_SIZE, STORAGE_SIZE_SIZE))
        uid, offset = self._number(msg, _UID), self._number(msg, 1)
        self._service.set_extended(msg.client_id, uid, offset, self._data(msg, 2))

    def _number(self, msg: psa_msg_t, vector: int) -> int:
        return int.from_bytes(read_all(self._psa, msg, vector), "little")

    def _data(self, msg: psa_msg_t, vector: int) -> bytes:
        """What fits into the service's buffer, and a byte more of what does not."""
        size = min(msg.in_size[vector], self._config.max_asset_size + 1)
        buffer = bytearray(size)
        if size:
            self._psa.psa_read(msg.handle, vector, buffer, size)
        return bytes(buffer)


def _demand_sizes(sizes: tuple[int, ...], legal: tuple[int | None, ...]) -> None:
    """TF-M tfm_ps_req_mngr.c: a fixed part of another size is the client's PROGRAMMER ERROR."""
    if any(size not in (found, None) for found, size in zip(sizes, legal, strict=False)):
        raise PsRefused(PSA_ERROR_PROGRAMMER_ERROR, "a fixed part of another size")
