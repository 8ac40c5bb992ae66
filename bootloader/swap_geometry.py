"""Sectors and trailers of a slot pair: which slots a strategy can upgrade, and how large an image may be.

A flash device has sectors of one size, its erase block; two slots may lie on different devices. ``Boundary``
arithmetic of MCUboot's loops over sector tables is kept, for it decides which slots are compatible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..interface.mcuboot.trailer import TrailerFormat, TrailerLayout
from ..platform.flash import FlashArea
from .config import Bl2Config, Bl2ConfigError, UpgradeStrategy
from .ports import PRIMARY, SECONDARY, Ports

SWAP_STRATEGIES: Final = frozenset(
    {
        UpgradeStrategy.SWAP_USING_SCRATCH,
        UpgradeStrategy.SWAP_USING_MOVE,
        UpgradeStrategy.SWAP_USING_OFFSET,
    }
)
TOO_MANY_SECTORS: Final = "more sectors than allowed"


@lru_cache
def trailer_format(config: Bl2Config) -> TrailerFormat:
    """The trailers that this build of the loader writes."""
    return TrailerFormat(
        config.boot_max_align,
        config.max_img_sectors,
        config.enc_cell_size,
        config.strategy is UpgradeStrategy.SWAP_USING_OFFSET,
    )


def image_offset(strategy: UpgradeStrategy, slot: str, area: FlashArea) -> int:
    """Where an image goes that is flashed to a slot, in bytes from its start.

    MCUboot SWAP_USING_OFFSET: a candidate begins in the second sector of the secondary slot.
    """
    return area.erase_block if strategy is UpgradeStrategy.SWAP_USING_OFFSET and slot == SECONDARY else 0


def sector_count(area: FlashArea) -> int:
    return area.size // area.erase_block


@dataclass(frozen=True, slots=True)
class Geometry:
    """One image's slots and what a loader's build makes of them. Sizes and offsets are bytes.

    ``write_size`` is MCUboot's BOOT_WRITE_SZ: the larger write block of primary slot and scratch area.
    """

    config: Bl2Config
    format: TrailerFormat
    primary: FlashArea
    secondary: FlashArea
    scratch: FlashArea | None
    write_size: int

    @classmethod
    def of(cls, ports: Ports, config: Bl2Config, image: int) -> "Geometry":
        """Raises Bl2ConfigError where a swap strategy cannot work at all on this flash."""
        primary, secondary = ports.slots[image, PRIMARY], ports.slots[image, SECONDARY]
        scratch, write_size = None, primary.write_size
        if config.strategy is UpgradeStrategy.SWAP_USING_SCRATCH:
            scratch = ports.scratch
            if scratch is None:
                raise Bl2ConfigError("BL2: SWAP_USING_SCRATCH on a board without a scratch area")
            # MCUboot boot_write_sz.
            write_size = max(write_size, scratch.write_size)
        geometry = cls(config, trailer_format(config), primary, secondary, scratch, write_size)
        if config.strategy in SWAP_STRATEGIES:
            geometry._check()
        return geometry

    def _check(self) -> None:
        for area in (self.primary, self.secondary, self.scratch):
            if area is None:
                continue
            if area.size % area.erase_block or area.offset % area.erase_block:
                raise Bl2ConfigError(
                    f"BL2: {area.name} of {area.size:#x} bytes at {area.offset:#x}; "
                    f"legal for {self.config.strategy.value}: whole sectors of {area.erase_block:#x}"
                )
            if area.write_size > self.config.boot_max_align:
                # MCUboot boot_write_trailer asserts it.
                raise Bl2ConfigError(
                    f"BL2: boot_max_align {self.config.boot_max_align} on {area.name} with a write block of "
                    f"{area.write_size}; legal: at least the write block"
                )
            needed = self.format.scratch_size if area is self.scratch else self.format.size
            if needed(max(self.write_size, area.write_size)) > area.size:
                # MCUboot boot_status_off asserts it.
                raise Bl2ConfigError(
                    f"BL2: a trailer of {needed(self.write_size):#x} bytes for {self.config.max_img_sectors} "
                    f"sectors; {area.name} has {area.size:#x}"
                )

    @property
    def trailer_size(self) -> int:
        """MCUboot boot_trailer_sz(BOOT_WRITE_SZ)."""
        return self.format.size(self.write_size)

    @property
    def sector(self) -> int:
        """Of the primary slot."""
        return self.primary.erase_block

    def first_trailer_sector(self, area: FlashArea) -> int:
        """The lowest sector of a slot that holds a part of the trailer (boot_get_first_trailer_sector)."""
        return sector_count(area) - max(1, -(-self.trailer_size // area.erase_block))

    def incompatible(self) -> str | None:
        """Why these slots cannot be upgraded, None where they can (MCUboot boot_slots_compatible)."""
        return _COMPATIBLE.get(self.config.strategy, _overwrite_incompatible)(self)

    def max_image_size(self, area: FlashArea) -> int:
        """Where the TLVs of an image must end (MCUboot bootutil_max_image_size)."""
        size = _MAX_SIZE.get(self.config.strategy)
        if size is None:
            return TrailerLayout.of(area.size, self.config.boot_max_align).swap_info
        return size(self)


def _overwrite_incompatible(g: Geometry) -> str | None:
    if max(sector_count(g.primary), sector_count(g.secondary)) > g.config.max_img_sectors:
        return TOO_MANY_SECTORS
    return (
        None
        if g.primary.size == g.secondary.size and _boundaries(g) is not None
        else "slots are not compatible"
    )


def _boundaries(g: Geometry) -> list[int] | None:
    """Sizes of the pieces that begin and end with a sector in both slots; None where there are none such."""
    a, b = sorted((g.primary.erase_block, g.secondary.erase_block))
    return None if b % a else [b] * (min(g.primary.size, g.secondary.size) // b)


def _scratch_incompatible(g: Geometry) -> str | None:
    assert g.scratch is not None
    if max(sector_count(g.primary), sector_count(g.secondary)) > g.config.max_img_sectors:
        return TOO_MANY_SECTORS
    pieces = _boundaries(g)
    if pieces is None:
        return "slots have non-compatible sectors"
    if any(piece > g.scratch.size for piece in pieces):
        return "not all sectors fit inside scratch"
    return None if g.primary.size == g.secondary.size else "slots are not compatible"


def _move_incompatible(g: Geometry) -> str | None:
    primary, secondary = sector_count(g.primary), sector_count(g.secondary)
    if primary not in (secondary, secondary + 1):
        return "not a compatible amount of sectors"
    return _same_sectors(g, primary)


def _offset_incompatible(g: Geometry) -> str | None:
    primary, secondary = sector_count(g.primary), sector_count(g.secondary)
    if secondary not in (primary, primary + 1):
        return "not a compatible amount of sectors"
    return _same_sectors(g, primary)


def _same_sectors(g: Geometry, primary: int) -> str | None:
    if primary > g.config.max_img_sectors:
        return TOO_MANY_SECTORS
    return None if g.primary.erase_block == g.secondary.erase_block else "not same sector layout"


def _scratch_max_size(g: Geometry) -> int:
    # MCUboot swap_scratch.c app_max_size, app_max_size_adjust_to_trailer.
    pieces = _boundaries(g)
    if pieces is None or g.scratch is None or any(piece > g.scratch.size for piece in pieces):
        return 0
    trailer_at = sum(pieces) - g.trailer_size
    end = max((g.first_trailer_sector(area) + 1) * area.erase_block for area in (g.primary, g.secondary))
    return trailer_at - max(0, g.format.scratch_size(g.write_size) - (end - trailer_at))


def _move_max_size(g: Geometry) -> int:
    return _whole_sectors(g, primary_spare=1, secondary_spare=0)


def _offset_max_size(g: Geometry) -> int:
    return _whole_sectors(g, primary_spare=0, secondary_spare=1)


def _whole_sectors(g: Geometry, *, primary_spare: int, secondary_spare: int) -> int:
    """Sectors without the trailer's and without the one that the swap needs free."""
    trailer = -(-g.trailer_size // g.sector)
    primary = sector_count(g.primary) - trailer - primary_spare
    secondary = sector_count(g.secondary) - trailer - secondary_spare
    return min(primary, secondary) * g.sector


_COMPATIBLE: Final[dict[UpgradeStrategy, Callable[[Geometry], str | None]]] = {
    UpgradeStrategy.SWAP_USING_SCRATCH: _scratch_incompatible,
    UpgradeStrategy.SWAP_USING_MOVE: _move_incompatible,
    UpgradeStrategy.SWAP_USING_OFFSET: _offset_incompatible,
}
_MAX_SIZE: Final[dict[UpgradeStrategy, Callable[[Geometry], int]]] = {
    UpgradeStrategy.SWAP_USING_SCRATCH: _scratch_max_size,
    UpgradeStrategy.SWAP_USING_MOVE: _move_max_size,
    UpgradeStrategy.SWAP_USING_OFFSET: _offset_max_size,
}
