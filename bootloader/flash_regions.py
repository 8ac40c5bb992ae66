"""Erasing and copying regions of flash the way bootutil does: sector by sector, 1 KiB at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..platform.flash import FlashArea

COPY_BUFFER_SIZE: Final = 1024
"""MCUboot BUF_SZ in bytes."""
Transform = Callable[[bytes, int], bytes]
"""What becomes of bytes on their way, and where they are going: the offset within the destination."""


@dataclass(frozen=True, slots=True)
class ShiftedSource:
    """A slot as an image sees it that begins ``start`` bytes into it. ``size`` is the whole slot's."""

    area: FlashArea
    start: int

    @property
    def size(self) -> int:
        return self.area.size

    @property
    def erased_value(self) -> int:
        return self.area.erased_value

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset`` of the image. Raises FlashError where they leave the slot."""
        return self.area.read(self.start + offset, length)


def erase_region(area: FlashArea, offset: int, size: int, *, backwards: bool = False) -> None:
    """Erase every sector that the region touches, one by one (MCUboot boot_erase_region)."""
    block = area.erase_block
    sectors = range(offset // block * block, offset + size, block)
    for at in reversed(sectors) if backwards else sectors:
        area.erase(at, block)


def copy_region(
    source: FlashArea,
    destination: FlashArea,
    source_offset: int,
    offset: int,
    size: int,
    transform: Transform | None = None,
) -> None:
    """Copy to a region that is erased (MCUboot boot_copy_region)."""
    for done in range(0, size, COPY_BUFFER_SIZE):
        length = min(COPY_BUFFER_SIZE, size - done)
        data = source.read(source_offset + done, length)
        if transform is not None:
            data = transform(data, offset + done)
        destination.write(offset + done, data)
