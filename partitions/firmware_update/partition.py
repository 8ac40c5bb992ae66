"""TFM_SP_FWU: requests of the PSA Firmware Update API (TF-M tfm_fwu_req_mngr.c)."""

from collections.abc import Callable

from ...interface.psa.platform import tfm_platform_system_reset
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.firmware_update import (
    COMPONENT_INFO_SIZE,
    COMPONENT_SIZE,
    ERROR_SIZE,
    OFFSET_SIZE,
    TFM_FWU_ACCEPT,
    TFM_FWU_CANCEL,
    TFM_FWU_CLEAN,
    TFM_FWU_FINISH,
    TFM_FWU_INSTALL,
    TFM_FWU_QUERY,
    TFM_FWU_REJECT,
    TFM_FWU_REQUEST_REBOOT,
    TFM_FWU_START,
    TFM_FWU_WRITE,
)
from ...spm.partition_api import PartitionApi, read_all
from .bootloader import FwuRefused
from .config import FwuBuild
from .mcuboot import McubootLib
from .service import FwuService

_COMPONENT, _SECOND, _BLOCK = 0, 1, 2
"""Input vectors."""


class FwuPartition:
    """The program of the firmware update partition."""

    def __init__(self, psa: PartitionApi, build: FwuBuild) -> None:
        self._psa = psa
        self._config = build.config
        self._lib = McubootLib(psa, build)
        self._service = FwuService(self._lib, build.config)
        self._functions: dict[int, Callable[[psa_msg_t], int]] = {
            TFM_FWU_START: self._start,
            TFM_FWU_WRITE: self._write,
            TFM_FWU_FINISH: lambda msg: self._service.finish(self._component(msg)),
            TFM_FWU_INSTALL: lambda msg: self._service.install(),
            TFM_FWU_CANCEL: lambda msg: self._service.cancel(self._component(msg)),
            TFM_FWU_CLEAN: lambda msg: self._service.clean(self._component(msg)),
            TFM_FWU_QUERY: self._query,
            TFM_FWU_REQUEST_REBOOT: self._request_reboot,
            TFM_FWU_ACCEPT: lambda msg: self._service.accept(),
            TFM_FWU_REJECT: self._reject,
        }

    def tfm_fwu_entry(self) -> int:
        """entry_init: GENERIC_ERROR where the SPM hands out no boot status."""
        return PSA_SUCCESS if self._lib.has_boot_data else PSA_ERROR_GENERIC_ERROR

    def tfm_firmware_update_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_FIRMWARE_UPDATE_SERVICE."""
        function = self._functions.get(msg.type)
        if function is None:
            return PSA_ERROR_NOT_SUPPORTED
        try:
            return function(msg)
        except FwuRefused as refused:
            return refused.status

    def _start(self, msg: psa_msg_t) -> int:
        size = msg.in_size[_SECOND]
        if msg.in_size[_COMPONENT] != COMPONENT_SIZE:
            raise FwuRefused(PSA_ERROR_PROGRAMMER_ERROR)
        # TF-M tfm_fwu_start: TFM_CONFIG_FWU_MAX_MANIFEST_SIZE, 0, counts before the component is read.
        if size and self._config.quirks.manifest_not_supported:
            raise FwuRefused(PSA_ERROR_NOT_SUPPORTED)
        return self._service.start(self._component(msg), size)

    def _write(self, msg: psa_msg_t) -> int:
        # TF-M tfm_fwu_write: the block's size is what is looked at first.
        too_large = msg.in_size[_BLOCK] > self._config.max_write_size
        if too_large and self._config.quirks.block_size_checked_first:
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT)
        if msg.in_size[_COMPONENT] != COMPONENT_SIZE or msg.in_size[_SECOND] != OFFSET_SIZE:
            raise FwuRefused(PSA_ERROR_PROGRAMMER_ERROR)
        component = self._component(msg)
        offset = int.from_bytes(read_all(self._psa, msg, _SECOND), "little")
        return self._service.write(component, offset, self._block(msg))

    def _block(self, msg: psa_msg_t) -> bytes:
        """What fits into the service's buffer, and a byte more of a block that does not."""
        size = min(msg.in_size[_BLOCK], self._config.max_write_size + 1)
        buffer = bytearray(size)
        if size:
            self._psa.psa_read(msg.handle, _BLOCK, buffer, size)
        return bytes(buffer)

    def _query(self, msg: psa_msg_t) -> int:
        if msg.out_size[0] != COMPONENT_INFO_SIZE:
            raise FwuRefused(PSA_ERROR_PROGRAMMER_ERROR)
        info = self._service.query(self._component(msg))
        self._psa.psa_write(msg.handle, 0, info.encode())
        return PSA_SUCCESS

    def _request_reboot(self, msg: psa_msg_t) -> int:
        # TF-M tfm_fwu_request_reboot: what the platform service answers, should it ever, is not looked at.
        tfm_platform_system_reset(self._psa)
        return PSA_SUCCESS

    def _reject(self, msg: psa_msg_t) -> int:
        if msg.in_size[0] != ERROR_SIZE:
            raise FwuRefused(PSA_ERROR_PROGRAMMER_ERROR)
        return self._service.reject(int.from_bytes(read_all(self._psa, msg, 0), "little", signed=True))

    def _component(self, msg: psa_msg_t) -> int:
        if msg.in_size[_COMPONENT] != COMPONENT_SIZE:
            raise FwuRefused(PSA_ERROR_PROGRAMMER_ERROR)
        return read_all(self._psa, msg, _COMPONENT)[0]
