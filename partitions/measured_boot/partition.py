"""TFM_SP_MEASURED_BOOT: reading and extending measurement slots (tf-m-extras measured_boot_req_mngr.c)."""

from typing import Final

from ...interface.psa.crypto import psa_hash_compute
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.boot_measurement import (
    MEASUREMENT_VALUE_MAX_SIZE,
    MEASUREMENT_VALUE_MIN_SIZE,
    SIGNER_ID_MAX_SIZE,
    SIGNER_ID_MIN_SIZE,
)
from ...interface.tfm.boot_status import SHARED_DATA_HEADER_SIZE, TlvMajor
from ...interface.tfm.measured_boot import (
    EXTEND_SIZE,
    NUM_OF_MEASUREMENT_SLOTS,
    READ_IN_SIZE,
    READ_OUT_SIZE,
    SW_TYPE_MAX_SIZE,
    TFM_MEASURED_BOOT_EXTEND,
    TFM_MEASURED_BOOT_READ,
    VERSION_MAX_SIZE,
    Extend,
    Measurement,
    ReadIn,
    ReadOut,
)
from ...spm.partition_api import PartitionApi, read_all
from .boot_data import MalformedBootData, shared_measurements
from .config import MeasuredBootConfig
from .slots import Sizes, Slots

_BASE_CONFIG: Final = MeasuredBootConfig()


class MeasuredBootPartition:
    """The program of the measured boot partition."""

    def __init__(self, psa: PartitionApi, config: MeasuredBootConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._slots = Slots(config.hash.size, self._hash)

    def tfm_measured_boot_init(self) -> int:
        """entry_init: the slots of what boot stages measured are filled; GENERIC_ERROR for nonsense."""
        if not self._config.store_measurements:
            return PSA_SUCCESS
        room = SHARED_DATA_HEADER_SIZE + self._config.max_boot_data
        status, area = self._psa.tfm_core_get_boot_data(TlvMajor.MBS, room)
        if status != PSA_SUCCESS:
            return PSA_ERROR_GENERIC_ERROR
        reversed_ = self._config.version_digits_reversed
        try:
            for index, measurement in shared_measurements(area, digits_reversed=reversed_):
                status = self._slots.extend(index, measurement)
                if status != PSA_SUCCESS:
                    return status
        except MalformedBootData:
            return PSA_ERROR_GENERIC_ERROR
        return PSA_SUCCESS

    def tfm_measured_boot_sfn(self, msg: psa_msg_t) -> int:
        """TFM_MEASURED_BOOT."""
        if msg.type == TFM_MEASURED_BOOT_READ:
            return self._read(msg)
        if msg.type == TFM_MEASURED_BOOT_EXTEND:
            return self._extend(msg)
        return PSA_ERROR_NOT_SUPPORTED

    def _read(self, msg: psa_msg_t) -> int:
        # TF-M read_measurements: sizes of the structures, slot number, then what the slot says.
        if msg.in_size[0] != READ_IN_SIZE or msg.out_size[0] != READ_OUT_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        request = ReadIn.parse(read_all(self._psa, msg, 0))
        if request.index >= NUM_OF_MEASUREMENT_SLOTS:
            return PSA_ERROR_INVALID_ARGUMENT
        room = Sizes(
            signer_id=min(msg.out_size[1], SIGNER_ID_MAX_SIZE),
            version=int(request.version_size),
            sw_type=int(request.sw_type_size),
            measurement_value=min(msg.out_size[2], self._config.hash.size),
        )
        status, found = self._slots.read(int(request.index), room)
        if found is None:
            return status
        answer: bytes = ReadOut.build(
            {
                "is_locked": int(found.is_locked),
                "measurement_algo": found.measurement_algo,
                "sw_type": found.sw_type.ljust(SW_TYPE_MAX_SIZE, b"\0"),
                "sw_type_len": len(found.sw_type),
                "version": found.version.ljust(VERSION_MAX_SIZE, b"\0"),
                "version_len": len(found.version),
            }
        )
        for vector, data in enumerate((answer, found.signer_id, found.measurement_value)):
            self._psa.psa_write(msg.handle, vector, data)
        return status

    def _extend(self, msg: psa_msg_t) -> int:
        # TF-M extend_measurement: size of the structure, sizes of all fields, slot number.
        if msg.in_size[0] != EXTEND_SIZE:
            return PSA_ERROR_PROGRAMMER_ERROR
        request = Extend.parse(read_all(self._psa, msg, 0))
        signer_size, version_size, value_size = msg.in_size[1:]
        longest = MEASUREMENT_VALUE_MAX_SIZE if self._config.longer_values else self._config.hash.size
        if not (
            SIGNER_ID_MIN_SIZE <= signer_size <= SIGNER_ID_MAX_SIZE
            and version_size <= VERSION_MAX_SIZE
            and MEASUREMENT_VALUE_MIN_SIZE <= value_size <= longest
            and request.sw_type_size <= SW_TYPE_MAX_SIZE
        ):
            return PSA_ERROR_INVALID_ARGUMENT
        if request.index >= NUM_OF_MEASUREMENT_SLOTS:
            return PSA_ERROR_INVALID_ARGUMENT
        signer_id, version, value = (read_all(self._psa, msg, vector) for vector in (1, 2, 3))
        return self._slots.extend(
            int(request.index),
            Measurement(
                signer_id,
                version,
                int(request.measurement_algo),
                bytes(request.sw_type[: request.sw_type_size]),
                value,
                bool(request.lock_measurement),
            ),
        )

    def _hash(self, data: bytes) -> tuple[int, bytes]:
        return psa_hash_compute(self._psa, self._config.hash.algorithm, data, self._config.hash.size)
