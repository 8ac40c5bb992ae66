"""TF-M's measured boot service: its requests, and the client side (measured_boot_api.h, ..._defs.h).

The requests are C structures of the 32-bit ABI, little endian, with the padding that a compiler puts in.
"""

from dataclasses import dataclass
from typing import Final

from construct import Bytes, Int8ul, Int32ul, Padding, Struct

from ..psa.client import PsaClient, psa_outvec
from ..psa.crypto_values import PSA_ALG_SHA_256
from ..psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS, PsaError
from .boot_measurement import MEASUREMENT_VALUE_MAX_SIZE, SIGNER_ID_MAX_SIZE
from .services import TFM_MEASURED_BOOT_HANDLE

TFM_MEASURED_BOOT_READ: Final = 1001
"""in[0] `ReadIn`; out[0] `ReadOut`, out[1] signer id, out[2] measurement value."""
TFM_MEASURED_BOOT_EXTEND: Final = 1002
"""in[0] `Extend`, in[1] signer id, in[2] version, in[3] measurement value."""

VERSION_MAX_SIZE: Final = 14
SW_TYPE_MAX_SIZE: Final = 32
NUM_OF_MEASUREMENT_SLOTS: Final = 32

ReadIn: Final = Struct("index" / Int8ul, "sw_type_size" / Int8ul, "version_size" / Int8ul)
"""``struct measured_boot_read_iovec_in_t``, 3 bytes."""
ReadOut: Final = Struct(
    "is_locked" / Int8ul,
    Padding(3),
    "measurement_algo" / Int32ul,
    "sw_type" / Bytes(SW_TYPE_MAX_SIZE),
    "sw_type_len" / Int8ul,
    "version" / Bytes(VERSION_MAX_SIZE),
    "version_len" / Int8ul,
)
"""``struct measured_boot_read_iovec_out_t``, 56 bytes."""
Extend: Final = Struct(
    "index" / Int8ul,
    "lock_measurement" / Int8ul,
    Padding(2),
    "measurement_algo" / Int32ul,
    "sw_type" / Bytes(SW_TYPE_MAX_SIZE),
    "sw_type_size" / Int8ul,
    Padding(3),
)
"""``struct measured_boot_extend_iovec_t``, 44 bytes."""

READ_IN_SIZE: Final = int(ReadIn.sizeof())
READ_OUT_SIZE: Final = int(ReadOut.sizeof())
EXTEND_SIZE: Final = int(Extend.sizeof())
_U8_MAX: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a slot holds; ``measurement_algo`` is a PSA hash algorithm, the texts are bytes without NUL."""

    signer_id: bytes
    version: bytes
    measurement_algo: int
    sw_type: bytes
    measurement_value: bytes
    is_locked: bool


def tfm_measured_boot_read_measurement(
    client: PsaClient,
    index: int,
    signer_id_size: int = SIGNER_ID_MAX_SIZE,
    version_size: int = VERSION_MAX_SIZE,
    sw_type_size: int = SW_TYPE_MAX_SIZE,
    measurement_value_size: int = MEASUREMENT_VALUE_MAX_SIZE,
) -> tuple[int, Measurement | None]:
    """(status, measurement) of slot ``index``, for buffers of these sizes in bytes.

    None unless the status is PSA_SUCCESS. The index and the sizes of version and type travel as one byte
    each, as in C.
    """
    request: bytes = ReadIn.build(
        {
            "index": index & _U8_MAX,
            "sw_type_size": sw_type_size & _U8_MAX,
            "version_size": version_size & _U8_MAX,
        }
    )
    fields = bytearray(READ_OUT_SIZE)
    signer_id, value = bytearray(signer_id_size), bytearray(measurement_value_size)
    out_vec = [psa_outvec(fields), psa_outvec(signer_id), psa_outvec(value)]
    status = client.psa_call(TFM_MEASURED_BOOT_HANDLE, TFM_MEASURED_BOOT_READ, [request], out_vec)
    if status != PSA_SUCCESS:
        return status, None
    read = ReadOut.parse(bytes(fields))
    return status, Measurement(
        signer_id=bytes(signer_id[: out_vec[1].len]),
        version=bytes(read.version[: read.version_len]),
        measurement_algo=int(read.measurement_algo),
        sw_type=bytes(read.sw_type[: read.sw_type_len]),
        measurement_value=bytes(value[: out_vec[2].len]),
        is_locked=bool(read.is_locked),
    )


def tfm_measured_boot_extend_measurement(
    client: PsaClient,
    index: int,
    signer_id: bytes,
    version: bytes,
    measurement_algo: int,
    sw_type: bytes,
    measurement_value: bytes,
    lock_measurement: bool,
) -> int:
    """Extend slot ``index`` by a value, and lock it if asked; a psa_status_t.

    The client library itself refuses a version past 14 bytes, then a type past 32, and leaves out one NUL at
    the end of either.
    """
    if len(version) > VERSION_MAX_SIZE or len(sw_type) > SW_TYPE_MAX_SIZE:
        return PSA_ERROR_INVALID_ARGUMENT
    text, role = version.removesuffix(b"\0"), sw_type.removesuffix(b"\0")
    request: bytes = Extend.build(
        {
            "index": index & _U8_MAX,
            "lock_measurement": int(lock_measurement),
            "measurement_algo": measurement_algo,
            "sw_type": role.ljust(SW_TYPE_MAX_SIZE, b"\0"),
            "sw_type_size": len(role),
        }
    )
    return client.psa_call(
        TFM_MEASURED_BOOT_HANDLE, TFM_MEASURED_BOOT_EXTEND, [request, signer_id, text, measurement_value]
    )


class MeasuredBoot:
    """Measured boot for Python callers: values back, PsaError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def read_measurement(self, index: int) -> Measurement:
        """What slot ``index`` holds; PSA_ERROR_DOES_NOT_EXIST for an empty one."""
        status, measurement = tfm_measured_boot_read_measurement(self._client, index)
        if measurement is None:
            raise PsaError(status, "tfm_measured_boot_read_measurement")
        return measurement

    def extend_measurement(
        self,
        index: int,
        measurement_value: bytes,
        *,
        signer_id: bytes,
        version: str = "",
        sw_type: str = "",
        measurement_algo: int = PSA_ALG_SHA_256,
        lock: bool = False,
    ) -> None:
        """Extend slot ``index``; a populated one wants the same signer and algorithm again."""
        status = tfm_measured_boot_extend_measurement(
            self._client,
            index,
            signer_id,
            version.encode(),
            measurement_algo,
            sw_type.encode(),
            measurement_value,
            lock,
        )
        if status != PSA_SUCCESS:
            raise PsaError(status, "tfm_measured_boot_extend_measurement")
