"""TFM_SP_PLATFORM: the platform service (TF-M platform_sp)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.platform import (
    NV_COUNTER_ID_SIZE,
    NV_COUNTER_SIZE,
    TFM_PLATFORM_API_ID_IOCTL,
    TFM_PLATFORM_API_ID_NV_INCREMENT,
    TFM_PLATFORM_API_ID_NV_READ,
    TFM_PLATFORM_API_ID_SYSTEM_RESET,
    TfmPlatformErr,
)
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi, read_all, vector_count
from .config import PlatformConfig

_REQUEST_SIZE: Final = 4

_SUCCESS: Final = TfmPlatformErr.TFM_PLATFORM_ERR_SUCCESS
_SYSTEM_ERROR: Final = TfmPlatformErr.TFM_PLATFORM_ERR_SYSTEM_ERROR
_INVALID_PARAM: Final = TfmPlatformErr.TFM_PLATFORM_ERR_INVALID_PARAM
_BASE_CONFIG: Final = PlatformConfig()


class _Refused(Exception):
    """Why a caller does not get a counter; it never leaves the partition."""

    def __init__(self, error: TfmPlatformErr) -> None:
        super().__init__(error)
        self.error = error


class PlatformPartition:
    """The program of the platform partition. Its answers are TfmPlatformErr values, not PSA statuses."""

    def __init__(self, psa: PartitionApi, config: PlatformConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._functions: dict[int, Callable[[psa_msg_t], int]] = {
            TFM_PLATFORM_API_ID_SYSTEM_RESET: self._system_reset,
            TFM_PLATFORM_API_ID_IOCTL: self._ioctl,
        }
        if config.nv_counter_module:
            self._functions[TFM_PLATFORM_API_ID_NV_READ] = self._nv_read
            self._functions[TFM_PLATFORM_API_ID_NV_INCREMENT] = self._nv_increment

    def platform_sp_init(self) -> int:
        """entry_init: the counters need no preparation here."""
        return PSA_SUCCESS

    def tfm_platform_service_sfn(self, msg: psa_msg_t) -> int:
        """TFM_PLATFORM_SERVICE."""
        function = self._functions.get(msg.type)
        return PSA_ERROR_NOT_SUPPORTED if function is None else function(msg)

    def _system_reset(self, msg: psa_msg_t) -> int:
        del msg
        self._psa.hal.tfm_platform_hal_system_reset()

    def _nv_read(self, msg: psa_msg_t) -> int:
        counts = vector_count(msg.in_size), vector_count(msg.out_size)
        if counts != (1, 1) or msg.out_size[0] > NV_COUNTER_SIZE:
            return _SYSTEM_ERROR
        try:
            value = self._psa.hal.tfm_plat_read_nv_counter(self._counter(msg), msg.out_size[0])
        except _Refused as refused:
            return refused.error
        except PlatError:
            return _SYSTEM_ERROR
        self._psa.psa_write(msg.handle, 0, value.to_bytes(NV_COUNTER_SIZE, "little"))
        return _SUCCESS

    def _nv_increment(self, msg: psa_msg_t) -> int:
        if vector_count(msg.in_size) != 1 or vector_count(msg.out_size) != 0:
            return _SYSTEM_ERROR
        try:
            self._psa.hal.tfm_plat_increment_nv_counter(self._counter(msg))
        except _Refused as refused:
            return refused.error
        except PlatError:
            return _SYSTEM_ERROR
        return _SUCCESS

    def _counter(self, msg: psa_msg_t) -> int:
        """The counter that input vector 0 names; raises _Refused where the caller cannot have it.

        TF-M platform_sp: a non-secure client numbers its own counters 0 to 2, others are INVALID_PARAM; then
        PS counters are for TFM_SP_PS alone, NS counters for non-secure clients, and all others for nobody.
        """
        if msg.in_size[0] != NV_COUNTER_ID_SIZE:
            raise _Refused(_SYSTEM_ERROR)
        number = int.from_bytes(read_all(self._psa, msg, 0), "little")
        if msg.client_id < 0:
            try:
                number = self._psa.hal.tfm_plat_ns_counter_idx_to_nv_counter(number)
            except PlatError as error:
                raise _Refused(_INVALID_PARAM) from error
        if not self._psa.hal.tfm_plat_nv_counter_permissions_check(msg.client_id, number):
            raise _Refused(_SYSTEM_ERROR)
        return number

    def _ioctl(self, msg: psa_msg_t) -> int:
        """A request of the board's own; what it puts into the output goes back, whatever it answers."""
        inputs, outputs = vector_count(msg.in_size), vector_count(msg.out_size)
        # TF-M platform_sp_ioctl_psa_api: one input or two, an output or none.
        if not 1 <= inputs <= 2 or outputs > 1:
            return PSA_ERROR_PROGRAMMER_ERROR
        request = bytearray(_REQUEST_SIZE)
        if self._psa.psa_read(msg.handle, 0, request, _REQUEST_SIZE) != _REQUEST_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        if msg.in_size[1] > self._config.input_buffer_size:
            return PSA_ERROR_BUFFER_TOO_SMALL
        if msg.out_size[0] > self._config.output_buffer_size:
            return PSA_ERROR_PROGRAMMER_ERROR
        number = int.from_bytes(request, "little", signed=True)
        input_ = read_all(self._psa, msg, 1)
        try:
            reply = self._psa.hal.tfm_platform_hal_ioctl(number, input_, msg.out_size[0])
        except PlatError:
            return _SYSTEM_ERROR
        if reply.output:
            self._psa.psa_write(msg.handle, 0, reply.output)
        return reply.error
