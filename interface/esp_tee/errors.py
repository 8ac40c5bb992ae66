"""ESP-IDF's error codes (esp_err.h, nvs.h, esp_image_format.h), as far as the TEE's services give them."""

from ..errors import TfmSimError
from ..open_enum import OpenIntEnum


class EspErr(OpenIntEnum):
    """An ``esp_err_t``: 32-bit signed. A value without a name is kept, as ``EspErr(7).name == "0x7"``."""

    ESP_OK = 0
    ESP_FAIL = -1
    ESP_ERR_NO_MEM = 0x101
    ESP_ERR_INVALID_ARG = 0x102
    ESP_ERR_INVALID_STATE = 0x103
    ESP_ERR_INVALID_SIZE = 0x104
    ESP_ERR_NOT_FOUND = 0x105
    ESP_ERR_NOT_SUPPORTED = 0x106
    ESP_ERR_NVS_NOT_FOUND = 0x1102
    ESP_ERR_NVS_NOT_ENOUGH_SPACE = 0x1105
    ESP_ERR_NVS_KEY_TOO_LONG = 0x1109
    ESP_ERR_IMAGE_INVALID = 0x2002
    ESP_ERR_FLASH_OP_FAIL = 0x6001

    @classmethod
    def _unnamed(cls, value: int) -> str:
        return hex(value)


class EspError(TfmSimError):
    """A service of the TEE refused. ``error`` is the EspErr, ``call`` the function."""

    def __init__(self, error: int, call: str) -> None:
        self.error = EspErr(error)
        super().__init__(f"{call}: {self.error.name}")
        self.call = call
