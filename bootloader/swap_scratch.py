"""The SWAP_USING_SCRATCH strategy: pieces of both slots change places through a scratch area, the last first.

MCUboot swap_scratch.c. A piece is as many sectors as the scratch area holds. The one in which the trailers
begin has its status in the scratch area, while the primary trailer is not there.
"""

from collections.abc import Sequence
from contextlib import suppress

from ..interface.mcuboot.image import U32_MAX, ImageHeader, read_header
from ..interface.mcuboot.swap import StatusSource, find_status
from ..interface.mcuboot.trailer import (
    Flag,
    SwapType,
    spoil_magic,
    write_image_ok,
    write_magic,
    write_swap_info,
)
from ..platform.flash import FlashArea, FlashError
from .flash_regions import erase_region
from .loader import BootLoader
from .ports import PRIMARY, SECONDARY
from .swap_flow import SwapFlow
from .swap_geometry import Geometry
from .swap_status import (
    IDX_0,
    STATE_0,
    STATE_1,
    STATE_2,
    read_swap_size,
    status_cells,
    write_keys,
    write_swap_size,
)
from .upgrade import StepError

STATES = 3


class SwapUsingScratch(SwapFlow):
    """MCUboot MCUBOOT_SWAP_USING_SCRATCH."""

    needs_magic_in_headers = False

    def __init__(self, loader: BootLoader) -> None:
        super().__init__(loader)
        self._finished: set[int] = set()

    def settle(self, active: Sequence[int]) -> None:
        """First what was cut off of other images' swaps.

        A deviation from MCUboot: one scratch area serves all images, and TF-M's order sees to one image at a
        time. A swap that begins would erase what another one, cut off, has nowhere else.
        """
        config, count = self.loader.config, len(self.loader.images)
        for image in range(0 if config.scratch_taken_in_mid_swap else count):
            if image not in active and self._is_under_way(image):
                try:
                    self._finish(image)
                except (FlashError, StepError) as error:
                    self.halt(image, "boot_complete_partial_swap", error)
        super().settle(active)

    def _prepare(self, image: int) -> None:
        if image in self._finished:
            # As after any swap that was completed: what was swapped in runs once before more is decided.
            self.loader.images[image].swap_type = SwapType.NONE
            self.loader.read_headers(image)
        else:
            super()._prepare(image)

    def _is_under_way(self, image: int) -> bool:
        """Whether a status is written for this image, in whichever area tells of its swap."""
        g, scratch = self.geometry(image), self._scratch(image)
        primary, shared = self.state_of(g.primary), self.state_of(scratch)
        source, _ = find_status(primary, shared)
        if source is StatusSource.NONE or (source is StatusSource.SCRATCH and shared.image_num != image):
            return False
        area = scratch if source is StatusSource.SCRATCH else g.primary
        return bool(status_cells(g, area).strip(bytes([area.erased_value])))

    def _finish(self, image: int) -> None:
        self.loader.read_headers(image)
        if self.loader.images[image].headers[PRIMARY] is None or self.geometry(image).incompatible():
            return
        self.status.reset()
        if self.find_interrupted(image) and not self.status.is_reset:
            self.complete_interrupted(image)
            self._finished.add(image)
        self.status.reset()
        self.loader.images[image].enc_keys.clear()

    def status_source(self, image: int) -> StatusSource:
        primary, scratch = self.state_of(self.geometry(image).primary), self.state_of(self._scratch(image))
        self.log_state("Primary image", primary)
        self.log_state("Scratch", scratch)
        source, _ = find_status(primary, scratch)
        if len(self.loader.images) > 1 and source is StatusSource.SCRATCH and scratch.image_num != image:
            # One scratch area serves all images: this status is another's.
            return StatusSource.NONE
        return source

    def read_status_entries(self, image: int, area: FlashArea) -> None:
        cells, blank = status_cells(self.geometry(image), area), bytes([area.erased_value])
        begin = len(cells) - len(cells.lstrip(blank))
        if begin == len(cells):
            return
        # The first entry that is not written after one that is.
        found = cells.find(blank, begin) if blank in cells[begin:] else len(cells)
        if cells[found:].strip(blank):
            self.loader.log("[ERR] Detected inconsistent status!")
        index, state = divmod(found, STATES)
        self.status.idx, self.status.state = index + IDX_0, state + STATE_0

    def status_entry(self) -> int:
        return (self.status.idx - IDX_0) * STATES + self.status.state - STATE_0

    def read_header_by_status(self, image: int, name: str) -> ImageHeader:
        status, g = self.status, self.geometry(image)
        if not status.is_reset:
            done, count = status.idx - IDX_0, len(pieces(g, read_swap_size(g, self.marked_area(image))))
            if done >= count:
                name = SECONDARY if name == PRIMARY else PRIMARY
            elif done == count - 1:
                # The piece with the headers is the last one, and under way.
                if name == SECONDARY and status.state >= STATE_1:
                    return read_header(self._scratch(image))
                if name == PRIMARY and status.state >= STATE_2:
                    name = SECONDARY
        return read_header(self.area(image, name))

    def run(self, image: int, size: int) -> None:
        self.loader.log("[INF] Starting swap using scratch algorithm.")
        for number, (offset, length) in enumerate(pieces(self.geometry(image), size)):
            if number >= self.status.idx - IDX_0:
                self._swap(image, offset, length)

    def _scratch(self, image: int) -> FlashArea:
        scratch = self.geometry(image).scratch
        assert scratch is not None
        return scratch

    def _swap(self, image: int, offset: int, size: int) -> None:
        # MCUboot boot_swap_sectors.
        status, g, scratch = self.status, self.geometry(image), self._scratch(image)
        trailer = g.first_trailer_sector(g.primary) * g.sector
        copied = size
        if offset + size > trailer:
            # Neither the slot's trailer nor the one in the scratch area is overwritten.
            scratch_trailer = g.format.status_at(scratch.size, scratch.write_size, scratch=True)
            copied = min((g.primary.size - offset - g.trailer_size) & U32_MAX, scratch_trailer)
        status.use_scratch = status.idx == IDX_0 and copied != size
        if status.state == STATE_0:
            self._to_scratch(image, offset, copied)
        if status.state == STATE_1:
            self._to_secondary(image, offset, size, copied)
        if status.state == STATE_2:
            self._to_primary(image, offset, size, copied)

    def _to_scratch(self, image: int, offset: int, copied: int) -> None:
        status, g, scratch = self.status, self.geometry(image), self._scratch(image)
        erase_region(scratch, 0, scratch.size)
        if status.idx == IDX_0:
            # The swap type needs a place while the primary trailer is erased.
            self.init_status(image, scratch)
            if not status.use_scratch:
                self.scramble_trailer(image, g.primary)
                self.init_status(image, g.primary)
                erase_region(scratch, 0, scratch.size)
        self.copy(image, g.secondary, scratch, offset, 0, copied)
        self.write_status(image)
        status.state = STATE_1

    def _to_secondary(self, image: int, offset: int, size: int, copied: int) -> None:
        status, g = self.status, self.geometry(image)
        erased = size
        if status.idx == IDX_0:
            # Only the primary slot has the state from here.
            self.scramble_trailer(image, g.secondary)
            if status.use_scratch:
                erased = g.first_trailer_sector(g.secondary) * g.secondary.erase_block - offset
        if erased > 0:
            erase_region(g.secondary, offset, erased)
        self.copy(image, g.primary, g.secondary, offset, offset, copied)
        self.write_status(image)
        status.state = STATE_2

    def _to_primary(self, image: int, offset: int, size: int, copied: int) -> None:
        status, g, scratch = self.status, self.geometry(image), self._scratch(image)
        with_trailer, erased = status.use_scratch, size
        if with_trailer:
            self.scramble_trailer(image, g.primary)
            erased = g.first_trailer_sector(g.primary) * g.sector - offset
        if erased > 0:
            erase_region(g.primary, offset, erased)
        self.copy(image, scratch, g.primary, 0, offset, copied)
        if with_trailer:
            self._bring_trailer(image, offset + copied)
        status.use_scratch = False
        self.write_status(image)
        status.idx += 1
        status.state = STATE_0
        if with_trailer:
            # Backwards: a status that is half gone must not be taken for one.
            if not self.loader.config.scratch_magic_kept:
                # A deviation from MCUboot: nor must one whose sector is half gone, and image data with it.
                with suppress(FlashError):  # a flash that takes no second write: as MCUboot then
                    spoil_magic(scratch, g.format.max_align)
            erase_region(scratch, 0, scratch.size, backwards=True)

    def _bring_trailer(self, image: int, at: int) -> None:
        """The trailer from the scratch area to the primary slot, the magic last."""
        g, scratch = self.geometry(image), self._scratch(image)
        status_at = g.format.status_at(scratch.size, scratch.write_size, scratch=True)
        self.copy(image, scratch, g.primary, status_at, at, (STATES - 1) * g.write_size)
        state = self.state_of(scratch)
        if state.image_ok is Flag.SET:
            write_image_ok(g.primary, g.format.max_align)
        if state.swap_type != SwapType.NONE:
            write_swap_info(g.primary, state.swap_type, image, g.format.max_align)
        write_swap_size(g, g.primary, self.status)
        write_keys(g, g.primary, self.status)
        write_magic(g.primary, g.format.max_align)


def pieces(g: Geometry, size: int) -> list[tuple[int, int]]:
    """Offset and size of what is swapped at a time, in that order, the last of the slot first.

    MCUboot find_last_sector_idx and boot_copy_sz. Raises StepError where the slots are not so large.
    """
    assert g.scratch is not None
    if size > g.primary.size:
        raise StepError(f"a swap of {size:#x} bytes; the slots have {g.primary.size:#x}")
    common = max(g.sector, g.secondary.erase_block)
    sector, most = g.sector, g.scratch.size // g.sector
    found, end = [], -(-size // common) * common // sector
    while end > 0:
        first = max(0, end - most)
        found.append((first * sector, (end - first) * sector))
        end = first
    return found
