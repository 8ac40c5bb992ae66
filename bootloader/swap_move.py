"""The SWAP_USING_MOVE strategy: the primary image moves up by a sector, then sectors change places.

MCUboot swap_move.c. No scratch area is needed; one sector of the primary slot stays free, and each sector
of it is erased twice a swap.
"""

from ..interface.mcuboot.image import ImageHeader, read_header
from ..interface.mcuboot.swap import StatusSource
from ..interface.mcuboot.trailer import Flag, Magic, SwapType, write_image_ok, write_magic
from ..platform.flash import FlashArea
from .events import SwapPhase
from .flash_regions import ShiftedSource, erase_region
from .overwrite import copy_image
from .ports import PRIMARY, SECONDARY
from .swap_flow import SwapFlow
from .swap_status import IDX_0, STATE_0, STATE_1, SwapOp, read_swap_size, status_cells, write_swap_size

MOVE_STATES = 1
SWAP_STATES = 2


def primary_status_source(flow: SwapFlow, image: int) -> StatusSource:
    """MCUboot swap_status_source of the strategies without a scratch area: the primary slot, or nothing."""
    g = flow.geometry(image)
    primary, secondary = flow.state_of(g.primary), flow.state_of(g.secondary)
    flow.log_state("Primary image", primary)
    flow.log_state("Secondary image", secondary)
    begun = primary.magic is Magic.GOOD and primary.copy_done is Flag.UNSET
    return StatusSource.PRIMARY_SLOT if begun and secondary.magic is not Magic.GOOD else StatusSource.NONE


def last_entry(cells: bytes, erased: int) -> int:
    """The number, from 1, of the last status entry that is written; 0 where none is."""
    return len(cells.rstrip(bytes([erased])))


class SwapUsingMove(SwapFlow):
    """MCUboot MCUBOOT_SWAP_USING_MOVE."""

    def status_source(self, image: int) -> StatusSource:
        return primary_status_source(self, image)

    def read_status_entries(self, image: int, area: FlashArea) -> None:
        status = self.status
        found = last_entry(status_cells(self.geometry(image), area), area.erased_value)
        moves = self.geometry(image).format.max_sectors * MOVE_STATES
        if not found:
            return
        if found < moves:
            status.op, status.idx, status.state = SwapOp.MOVE, found // MOVE_STATES + IDX_0, STATE_0
            return
        index, state = divmod(found - moves, SWAP_STATES)
        status.op, status.idx, status.state = SwapOp.SWAP, index + IDX_0, state + STATE_0

    def status_entry(self) -> int:
        status, moves = self.status, self.geometry(0).format.max_sectors * MOVE_STATES
        if status.op is SwapOp.MOVE:
            return (status.idx - IDX_0) * MOVE_STATES + status.state - STATE_0
        return moves + (status.idx - IDX_0) * SWAP_STATES + status.state - STATE_0

    def read_header_by_status(self, image: int, name: str) -> ImageHeader:
        status, g, offset = self.status, self.geometry(image), 0
        if not status.is_reset:
            last = last_index(read_swap_size(g, g.primary), g.sector)
            if status.op is SwapOp.MOVE:
                if name == PRIMARY and status.idx > last:
                    offset = g.sector
            elif IDX_0 < status.idx <= last:
                name = SECONDARY if name == PRIMARY else PRIMARY
            elif status.idx == IDX_0:
                if name == PRIMARY:
                    offset = g.sector
                elif status.state == STATE_1:
                    name = PRIMARY
        return read_header(ShiftedSource(self.area(image, name), offset))

    def clear_stuck_revert(self, image: int) -> None:
        # MCUboot boot_validate_slot: the revert would be tried in every boot.
        if self.status.swap_type != SwapType.REVERT and self.swap_type(image) is not SwapType.REVERT:
            return
        self.scramble_trailer(image, self.geometry(image).primary)
        self.loader.log(f"[INF] Cleared image {image} primary slot trailer due to stuck revert")
        self._tell_erased(image, PRIMARY, "the image to revert to is gone, so this one stays")

    def bootstrap_copy(self, image: int) -> None:
        copy_image(self, image, fast=True, keep_header=True)

    def run(self, image: int, size: int) -> None:
        self.loader.log("[INF] Starting swap using move algorithm.")
        status, g = self.status, self.geometry(image)
        last = last_index(size, g.sector)
        if not self.has_room(image, last):
            return
        self._fix_up_revert(image)
        if status.op is SwapOp.MOVE:
            self._tell_phase(image, "the primary image moves up by a sector")
            for index in range(last, 0, -1):
                if index <= last - status.idx + 1:
                    self._move_up(image, index)
            status.idx = IDX_0
        status.op = SwapOp.SWAP
        self._tell_phase(image, "sectors change places")
        for index in range(1, last + 1):
            if index >= status.idx:
                self._swap(image, index)

    def _fix_up_revert(self, image: int) -> None:
        """Make a revert look like a permanent upgrade until its trailer is written (MCUboot fixup_revert)."""
        status, g = self.status, self.geometry(image)
        if status.swap_type != SwapType.REVERT or status.op is not SwapOp.MOVE or status.idx != IDX_0:
            return
        secondary = self.state_of(g.secondary)
        self.log_state("Secondary image", secondary)
        if secondary.magic is Magic.UNSET:
            self.scramble_trailer(image, g.secondary)
            write_image_ok(g.secondary, g.format.max_align)
            write_swap_size(g, g.secondary, status)
            write_magic(g.secondary, g.format.max_align)

    def _move_up(self, image: int, index: int) -> None:
        # MCUboot boot_move_sector_up: sector index - 1 of the primary slot to index.
        status, g = self.status, self.geometry(image)
        if status.idx == IDX_0:
            if status.source is not StatusSource.PRIMARY_SLOT:
                self.scramble_trailer(image, g.primary)
                self.init_status(image, g.primary)
            self.scramble_trailer(image, g.secondary)
        erase_region(g.primary, index * g.sector, g.sector)
        self.copy(image, g.primary, g.primary, (index - 1) * g.sector, index * g.sector, g.sector)
        self.write_status(image)
        status.idx += 1

    def _swap(self, image: int, index: int) -> None:
        # MCUboot boot_swap_sectors.
        status, g = self.status, self.geometry(image)
        at, up = (index - 1) * g.sector, index * g.sector
        if status.state == STATE_0:
            erase_region(g.primary, at, g.sector)
            self.copy(image, g.secondary, g.primary, at, at, g.sector)
            self.write_status(image)
            status.state = STATE_1
        if status.state == STATE_1:
            erase_region(g.secondary, at, g.sector)
            self.copy(image, g.primary, g.secondary, up, at, g.sector)
            self.write_status(image)
            status.idx += 1
            status.state = STATE_0

    def _tell_phase(self, image: int, phase: str) -> None:
        if self.loader.trace.listeners:
            self.loader.trace.emit(SwapPhase(image, "swap_run", f"image {image}: {phase}", phase))


def last_index(size: int, sector: int) -> int:
    """Sectors that take part in a swap of ``size`` bytes (MCUboot swap_move.c find_last_idx)."""
    return max(1, -(-size // sector))
