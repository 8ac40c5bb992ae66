"""Error codes of TF-M's platform functions (tfm_plat_defs.h) and the exception that carries them."""

from enum import IntEnum

from ..interface.errors import TfmSimError


class TfmPlatErr(IntEnum):
    """``enum tfm_plat_err_t``; the values are far apart in Hamming distance on purpose."""

    SUCCESS = 0
    SYSTEM_ERR = 0x3A5C
    MAX_VALUE = 0x55A3
    INVALID_INPUT = 0xA3C5
    UNSUPPORTED = 0xC35A
    NOT_PERMITTED = 0xC5A3


class PlatError(TfmSimError):
    """A platform function failed; ``reason`` is what TF-M's function would have returned."""

    def __init__(self, reason: TfmPlatErr, text: str) -> None:
        super().__init__(text)
        self.reason = reason
