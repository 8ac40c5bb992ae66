"""TF-M's platform service, client side (tfm_platform_api.h): reset, ioctl, NV counters.

Each function packs its request as TF-M's client library does; a negative status of ``psa_call`` comes back as
TFM_PLATFORM_ERR_SYSTEM_ERROR.
"""

from ..ranges import in_range, output_buffer
from ..tfm.platform import (
    TFM_PLATFORM_API_ID_IOCTL,
    TFM_PLATFORM_API_ID_NV_INCREMENT,
    TFM_PLATFORM_API_ID_NV_READ,
    TFM_PLATFORM_API_ID_SYSTEM_RESET,
    TfmPlatformErr,
)
from ..tfm.services import TFM_PLATFORM_SERVICE_HANDLE
from .client import BytesLike, InVec, PsaClient, psa_outvec


def _platform_err(status: int) -> int:
    return TfmPlatformErr.TFM_PLATFORM_ERR_SYSTEM_ERROR if status < 0 else status


def tfm_platform_system_reset(client: PsaClient) -> int:
    """Reset the device; comes back only when that failed."""
    return _platform_err(client.psa_call(TFM_PLATFORM_SERVICE_HANDLE, TFM_PLATFORM_API_ID_SYSTEM_RESET))


def tfm_platform_ioctl(
    client: PsaClient, request: int, input_: InVec | None = None, output: psa_outvec | None = None
) -> int:
    """A request of the platform's own; ``request`` is a signed 32-bit number."""
    in_vec: list[InVec] = [request.to_bytes(4, "little", signed=True)]
    if input_ is not None:
        in_vec.append(input_)
    out_vec = [] if output is None else [output]
    return _platform_err(
        client.psa_call(TFM_PLATFORM_SERVICE_HANDLE, TFM_PLATFORM_API_ID_IOCTL, in_vec, out_vec)
    )


def tfm_platform_nv_counter_increment(client: PsaClient, counter_id: int) -> int:
    """Add one to a counter. Non-secure clients number theirs 0 to 2, partitions use TF-M's own numbers."""
    return _platform_err(
        client.psa_call(
            TFM_PLATFORM_SERVICE_HANDLE, TFM_PLATFORM_API_ID_NV_INCREMENT, [counter_id.to_bytes(4, "little")]
        )
    )


def tfm_platform_nv_counter_read(client: PsaClient, counter_id: int, size: int = 4) -> tuple[int, int]:
    """(status, value) of a counter; the value is 0 unless the status is 0, which takes a ``size`` of 4."""
    value = bytearray(size)
    status = _platform_err(
        client.psa_call(
            TFM_PLATFORM_SERVICE_HANDLE,
            TFM_PLATFORM_API_ID_NV_READ,
            [counter_id.to_bytes(4, "little")],
            [psa_outvec(value)],
        )
    )
    return status, int.from_bytes(value, "little") if status == 0 else 0


class TfmPlatformError(Exception):
    """Raised by the Pythonic layer when the platform service refuses; ``error`` is a TfmPlatformErr."""

    def __init__(self, error: int, call: str) -> None:
        self.error = TfmPlatformErr(error)
        super().__init__(f"{call}: {self.error.name} ({error})")


class PlatformApi:
    """The platform service for Python callers: values back, TfmPlatformError raised."""

    def __init__(self, client: PsaClient) -> None:
        self._client = client

    def system_reset(self) -> None:
        """Reset the device: the call ends in SystemReset, and the device has to be powered on again."""
        error = tfm_platform_system_reset(self._client)
        if error:
            raise TfmPlatformError(error, "tfm_platform_system_reset")

    def ioctl(self, request: int, data: BytesLike | None = None, size: int = 0) -> bytes:
        """A request of the board's own, a signed 32-bit number; the answer has up to ``size`` bytes."""
        in_range("request + 0x80000000", request + (1 << 31), 32)
        answer = output_buffer(size)
        out = psa_outvec(answer) if size else None
        error = tfm_platform_ioctl(self._client, request, data, out)
        if error:
            raise TfmPlatformError(error, "tfm_platform_ioctl")
        return b"" if out is None else bytes(answer[: out.len])

    def nv_counter_read(self, counter_id: int) -> int:
        """The value of one of the board's counters for the non-secure side, from 0."""
        in_range("counter", counter_id, 32)
        error, value = tfm_platform_nv_counter_read(self._client, counter_id)
        if error:
            raise TfmPlatformError(error, "tfm_platform_nv_counter_read")
        return value

    def nv_counter_increment(self, counter_id: int) -> None:
        """Add one to it."""
        in_range("counter", counter_id, 32)
        error = tfm_platform_nv_counter_increment(self._client, counter_id)
        if error:
            raise TfmPlatformError(error, "tfm_platform_nv_counter_increment")
