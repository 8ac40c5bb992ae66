"""Non-volatile monotonic counters with TF-M's limits.

BL2, BL1 and NS counters are unary in OTP: the value is the number of bits set, so 64 bytes count to 512 and
BL1's 16 bytes to 128. The counters of protected storage are plain u32 in flash.
"""

from enum import IntEnum
from typing import Final

from .otp import UINT32_MAX, Otp, OtpError, OtpField
from .plat_err import PlatError, TfmPlatErr

TFM_SP_PS_PID: Final = 256


class NvCounter(IntEnum):
    """``enum tfm_nv_counter_t``, PLAT_NV_COUNTER_* in TF-M's default order."""

    PS_0 = 0
    PS_1 = 1
    PS_2 = 2
    BL2_0 = 3
    BL2_1 = 4
    BL2_2 = 5
    BL2_3 = 6
    BL1_0 = 7
    NS_0 = 8
    NS_1 = 9
    NS_2 = 10


_OTP_FIELD: Final[dict[int, OtpField]] = {
    counter: OtpField[f"NV_COUNTER_{counter.name}"] for counter in NvCounter if counter > NvCounter.PS_2
}


class NvCounterError(PlatError):
    """A counter access failed.

    ``reason``: MAX_VALUE (past the counter's limit), INVALID_INPUT (the value would fall), UNSUPPORTED (no
    such counter on this device), SYSTEM_ERR (the value read back is not the one written).
    """


class NvCounters:
    """The counters of one device, stored in its OTP area."""

    __slots__ = ("_otp",)

    def __init__(self, otp: Otp) -> None:
        self._otp = otp

    def limit(self, counter: int) -> int:
        """The highest value that a counter can take. Raises NvCounterError UNSUPPORTED."""
        field = self._field(counter)
        return UINT32_MAX if field is None else 8 * self._otp.size_of(field)

    def read(self, counter: int) -> int:
        """The counter's value. Raises NvCounterError UNSUPPORTED where the device has no such counter."""
        field = self._field(counter)
        if field is None:
            return self._otp.read_flash_counter(counter)
        return int.from_bytes(self._otp.read(field), "little").bit_count()

    def set(self, counter: int, value: int) -> None:
        """Raise a counter to ``value``; its present value is accepted too.

        TF-M tfm_plat_set_nv_counter: raises NvCounterError MAX_VALUE past the limit, INVALID_INPUT where the
        value would fall, UNSUPPORTED without such a counter, SYSTEM_ERR where it reads back differently.
        """
        field = self._field(counter)
        if value < 0:
            raise self._error(TfmPlatErr.INVALID_INPUT, counter, f"set to {value}; legal: 0 and above")
        if field is None:
            self._set_flash(counter, value)
        else:
            self._set_unary(counter, field, value)
        if self.read(counter) != value:
            raise self._error(
                TfmPlatErr.SYSTEM_ERR, counter, f"reads back as {self.read(counter)} after a write of {value}"
            )

    def increment(self, counter: int) -> None:
        """Raise a counter by one. Raises NvCounterError as ``set`` does, MAX_VALUE at the limit."""
        value = self.read(counter)
        if value == UINT32_MAX:
            raise self._past_limit(counter, value + 1)
        self.set(counter, value + 1)

    def _set_flash(self, counter: int, value: int) -> None:
        current = self._otp.read_flash_counter(counter)
        if current == UINT32_MAX or value > UINT32_MAX:
            raise self._past_limit(counter, value)
        if current > value:
            raise self._error(
                TfmPlatErr.INVALID_INPUT, counter, f"set to {value}; legal: {current} and above"
            )
        self._otp.write_flash_counter(counter, value)

    def _set_unary(self, counter: int, field: OtpField, value: int) -> None:
        size = self._otp.size_of(field)
        if value > 8 * size:
            raise self._past_limit(counter, value)
        try:
            self._otp.write(field, ((1 << value) - 1).to_bytes(size, "little"))
        except OtpError as error:
            current = self.read(counter)
            raise self._error(
                error.reason, counter, f"set to {value}; legal: {current} and above (OTP bits only rise)"
            ) from error

    def _field(self, counter: int) -> OtpField | None:
        """The OTP field of a counter, None for the PS counters in flash."""
        if NvCounter.PS_0 <= counter <= NvCounter.PS_2:
            return None
        field = _OTP_FIELD.get(counter)
        if field is None or field not in self._otp.layout.fields:
            raise self._error(TfmPlatErr.UNSUPPORTED, counter, "this device has no such counter")
        return field

    def _past_limit(self, counter: int, value: int) -> "NvCounterError":
        return self._error(
            TfmPlatErr.MAX_VALUE, counter, f"set to {value}; legal: up to {self.limit(counter)}"
        )

    @staticmethod
    def _error(reason: TfmPlatErr, counter: int, text: str) -> "NvCounterError":
        name = NvCounter(counter).name if counter in NvCounter._value2member_map_ else str(counter)
        return NvCounterError(reason, f"NV counter {name}: {text}")


def permissions_check(client_id: int, counter: int) -> bool:
    """TF-M tfm_plat_nv_counter_permissions_check: who may use a counter through the platform service.

    The PS counters belong to the PS partition, the NS counters to non-secure clients (negative ids).
    """
    if NvCounter.PS_0 <= counter <= NvCounter.PS_2:
        return client_id == TFM_SP_PS_PID
    if NvCounter.NS_0 <= counter <= NvCounter.NS_2:
        return client_id < 0
    return False
