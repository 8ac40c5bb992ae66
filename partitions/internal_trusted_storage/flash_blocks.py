"""The blocks of a file system in a flash area of the HAL (TF-M its_flash_nor.c)."""

from ...interface.psa.status import PSA_ERROR_STORAGE_FAILURE
from ...platform.hal import FlashAreaInfo, PlatformHal
from ...platform.plat_err import PlatError
from .refusal import Refusal


class FlashBlocks:
    """Blocks of one or more erase blocks each; a flash error is a Refusal with STORAGE_FAILURE."""

    def __init__(self, hal: PlatformHal, area: FlashAreaInfo, sectors_per_block: int) -> None:
        self._hal = hal
        self._area = area.id
        self._sector_size = area.erase_block
        self.block_size = area.erase_block * sectors_per_block

    def read(self, block: int, offset: int, size: int) -> bytes:
        """``size`` bytes at ``offset`` of a block."""
        try:
            return self._hal.tfm_hal_flash_read(self._area, block * self.block_size + offset, size)
        except PlatError as error:
            raise Refusal(PSA_ERROR_STORAGE_FAILURE) from error

    def write(self, block: int, offset: int, data: bytes) -> None:
        """Program whole program units at ``offset`` of a block; they are in flash when it returns."""
        try:
            self._hal.tfm_hal_flash_program(self._area, block * self.block_size + offset, data)
        except PlatError as error:
            raise Refusal(PSA_ERROR_STORAGE_FAILURE) from error

    def erase(self, block: int) -> None:
        """Erase a block, one erase block of the flash after the other."""
        start = block * self.block_size
        try:
            for sector in range(start, start + self.block_size, self._sector_size):
                self._hal.tfm_hal_flash_erase(self._area, sector, self._sector_size)
        except PlatError as error:
            raise Refusal(PSA_ERROR_STORAGE_FAILURE) from error
