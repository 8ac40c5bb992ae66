"""How requests travel to TF-M's platform service (tfm_platform_api.h)."""

from enum import IntEnum
from typing import Final

TFM_PLATFORM_API_ID_NV_READ: Final = 1010
"""in[0] counter id u32, out[0] value, at most 4 bytes."""
TFM_PLATFORM_API_ID_NV_INCREMENT: Final = 1011
"""in[0] counter id u32."""
TFM_PLATFORM_API_ID_SYSTEM_RESET: Final = 1012
TFM_PLATFORM_API_ID_IOCTL: Final = 1013
"""in[0] request i32, in[1] input where there is one, out[0] output where there is one."""

NV_COUNTER_ID_SIZE: Final = 4
NV_COUNTER_SIZE: Final = 4


class TfmPlatformErr(IntEnum):
    """``enum tfm_platform_err_t``; the service answers these as positive statuses."""

    TFM_PLATFORM_ERR_SUCCESS = 0
    TFM_PLATFORM_ERR_SYSTEM_ERROR = 1
    TFM_PLATFORM_ERR_INVALID_PARAM = 2
    TFM_PLATFORM_ERR_NOT_SUPPORTED = 3
