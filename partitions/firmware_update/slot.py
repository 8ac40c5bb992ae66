"""An image slot as the partition reaches it: through the flash map functions that the board grants."""

from ...interface.mcuboot.trailer import TrailerLayout
from ...platform.hal import PlatformHal

PRIMARY_SLOT = 0
SECONDARY_SLOT = 1


class HalSlot:
    """A slot, open: a SlotArea of MCUboot's formats. Sizes are bytes. Accesses raise PlatError."""

    def __init__(self, hal: PlatformHal, image: int, slot: int) -> None:
        self._hal = hal
        info = hal.flash_area_open(hal.flash_area_id_from_multi_image_slot(image, slot))
        self.id = info.id
        self.name = info.name
        self.size = info.size
        self.erase_block = info.erase_block
        self.write_size = info.write_size
        self.erased_value = info.erased_value

    def read(self, offset: int, length: int) -> bytes:
        return self._hal.flash_area_read(self.id, offset, length)

    def write(self, offset: int, data: bytes) -> None:
        self._hal.flash_area_write(self.id, offset, data)

    def erase(self, offset: int, length: int) -> None:
        self._hal.flash_area_erase(self.id, offset, length)

    def erase_all(self) -> None:
        self.erase(0, self.size)

    def erase_trailer(self, max_align: int) -> None:
        """The blocks in which the marks lie. TF-M programs erased bytes over the magic, which NOR cannot."""
        first = TrailerLayout.of(self.size, max_align).swap_info // self.erase_block * self.erase_block
        self.erase(first, self.size - first)
