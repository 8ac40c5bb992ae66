"""The SWAP_USING_OFFSET strategy: a candidate begins in the second sector; no sector moves first.

MCUboot swap_offset.c. Sector x of the primary slot goes to sector x of the secondary one, whose sector x + 1
comes back. A revert runs the other way, from the last sector to the first.
"""

from ..interface.mcuboot.image import IMAGE_MAGIC, U32_MAX, ImageError, ImageHeader, ImageSource, read_header
from ..interface.mcuboot.swap import OFFSET_SWAP_TABLE, StatusSource
from ..interface.mcuboot.tlv import tlv_areas
from ..interface.mcuboot.trailer import Magic, SwapType, write_copy_done
from ..platform.flash import FlashArea
from .flash_regions import ShiftedSource, erase_region
from .loader import BootLoader
from .overwrite import copy_image
from .ports import PRIMARY, SECONDARY, SLOTS
from .swap_flow import SwapFlow
from .swap_move import last_entry, primary_status_source
from .swap_status import (
    IDX_0,
    STATE_0,
    STATE_1,
    STATE_2,
    SwapOp,
    read_swap_size,
    read_tlv_sizes,
    status_cells,
)

STATES = 2


class SwapUsingOffset(SwapFlow):
    """MCUboot MCUBOOT_SWAP_USING_OFFSET."""

    first_op = SwapOp.SWAP
    swap_table = OFFSET_SWAP_TABLE

    def __init__(self, loader: BootLoader) -> None:
        super().__init__(loader)
        self._tlv_sizes: dict[tuple[int, str], int] = {}
        self._start_known: set[int] = set()
        loader.header_source = self._header_at_rest

    def status_source(self, image: int) -> StatusSource:
        return primary_status_source(self, image)

    def read_status_entries(self, image: int, area: FlashArea) -> None:
        found = last_entry(status_cells(self.geometry(image), area), area.erased_value)
        if found:
            index, state = divmod(found, STATES)
            self.status.idx, self.status.state = index + IDX_0, state + STATE_0

    def status_entry(self) -> int:
        return (self.status.idx - IDX_0) * STATES + self.status.state - STATE_0

    # --- Where images and their headers are (MCUboot swap_offset.c boot_read_image_header) ---

    def _header_at_rest(self, image: int, name: str) -> ImageSource:
        """No swap is under way, or its status is not known yet."""
        if name == PRIMARY:
            return self.area(image, PRIMARY)
        start = 0 if self.swap_type(image) is SwapType.REVERT else self._sector(image)
        source, header = self._read_secondary(image, start)
        bootstrap = self.loader.config.bootstrap
        if bootstrap and header.magic == IMAGE_MAGIC and image not in self._start_known:
            self._remember(image, source)
        return source

    def read_header_by_status(self, image: int, name: str) -> ImageHeader:
        status = self.status
        reverts = status.swap_type == SwapType.REVERT or self.swap_type(image) is SwapType.REVERT
        if not status.is_reset:
            place, start = self._place_mid_swap(image, name, reverts)
            source = ShiftedSource(self.area(image, place), start)
            header = read_header(source)
        elif name == PRIMARY:
            return read_header(self.area(image, PRIMARY))
        else:
            place = SECONDARY
            source, header = self._read_secondary(image, 0 if reverts else self._sector(image))
        if place == SECONDARY and header.magic == IMAGE_MAGIC:
            self._remember(image, source)
        return header

    def _read_secondary(self, image: int, start: int) -> tuple[ShiftedSource, ImageHeader]:
        """The secondary slot's header where it should be, or else in the other of the first two sectors."""
        area = self.area(image, SECONDARY)
        source = ShiftedSource(area, start)
        header = read_header(source)
        if header.magic != IMAGE_MAGIC:
            reverts = self.swap_type(image) is SwapType.REVERT
            source = ShiftedSource(area, self._sector(image) if reverts else 0)
            header = read_header(source)
        return source, header

    def _place_mid_swap(self, image: int, name: str, reverts: bool) -> tuple[str, int]:
        status, g = self.status, self.geometry(image)
        last = last_index(read_swap_size(g, g.primary), g.sector)
        done = status.idx - IDX_0
        if reverts:
            if name == PRIMARY:
                gone = done > last or (done == last and status.state == STATE_1)
                return (SECONDARY, g.sector) if gone else (PRIMARY, 0)
            back = done > last or (done == last and status.state == STATE_2)
            return (PRIMARY, 0) if back else (SECONDARY, 0)
        if name == PRIMARY:
            gone = status.idx > IDX_0 or status.state == STATE_1
            return (SECONDARY, 0) if gone and status.idx <= last else (PRIMARY, 0)
        return (PRIMARY, 0) if status.idx > IDX_0 else (SECONDARY, g.sector)

    def _remember(self, image: int, source: ShiftedSource) -> None:
        # MCUboot boot_loader_state.secondary_offset.
        self._start_known.add(image)
        self.loader.images[image].loaded[SECONDARY] = source

    def _sector(self, image: int) -> int:
        return self.geometry(image).secondary.erase_block

    def misplaced(self, image: int, expected: SwapType) -> ImageError | None:
        if not self.status.is_reset or expected not in (SwapType.TEST, SwapType.PERM):
            return None
        if read_header(self.area(image, SECONDARY)).magic != IMAGE_MAGIC:
            return None
        return ImageError(
            "boot_validate_slot",
            "place of the image",
            "an image in the first sector",
            f"a candidate begins in the second sector, at {self._sector(image):#x} of the slot",
        )

    # --- The swap ---

    def image_size(self, image: int, name: str, header: ImageHeader) -> int:
        areas = tlv_areas(header, self.loader.source(self.slot(image, name)))
        self._tlv_sizes[image, name] = areas.end - areas.protected_end
        return areas.end

    def tlv_sizes(self, image: int) -> tuple[int, int] | None:
        primary, secondary = (self._tlv_sizes.get((image, name), 0) for name in SLOTS)
        return primary, secondary

    def bootstrap_copy(self, image: int) -> None:
        copy_image(self, image, fast=True, keep_header=True, start=self._sector(image))

    def run(self, image: int, size: int) -> None:
        self.loader.log("[INF] Starting swap using offset algorithm.")
        status, g = self.status, self.geometry(image)
        last = last_index(size, g.sector)
        if not self.has_room(image, last):
            return
        self._fix_up_revert(image)
        if status.idx == IDX_0:
            if status.source is not StatusSource.PRIMARY_SLOT:
                self.scramble_trailer(image, g.primary)
                self.init_status(image, g.primary)
            self.scramble_trailer(image, g.secondary)
        used = self._used_sectors(image)
        reverts = status.swap_type == SwapType.REVERT or self.swap_type(image) is SwapType.REVERT
        step = self._swap_back if reverts else self._swap
        for number in range(status.idx - IDX_0, last + 1):
            index = last - number if reverts else number
            step(image, index, index > used[PRIMARY], index > used[SECONDARY])
        if reverts:
            # No stale header in front of the next candidate, and no trailer that asks for anything.
            erase_region(g.secondary, 0, g.sector)
            self.scramble_trailer(image, g.secondary)

    def _used_sectors(self, image: int) -> dict[str, int]:
        """Sectors of each image by its header, which has moved since, and by the TLV sizes in the trailer."""
        g, headers = self.geometry(image), self.loader.images[image].headers
        sizes, used = read_tlv_sizes(g, g.primary), {}
        for name, tlvs in zip(SLOTS, sizes, strict=True):
            header = headers[name]
            assert header is not None
            total = header.hdr_size + tlvs + header.protect_tlv_size + header.img_size + g.sector - 1
            used[name] = (total & U32_MAX) // g.sector
        return used

    def _fix_up_revert(self, image: int) -> None:
        """Make the secondary trailer tell of a revert until the primary one does (MCUboot fixup_revert)."""
        status, g = self.status, self.geometry(image)
        if status.swap_type != SwapType.REVERT or status.idx != IDX_0:
            return
        if not status.is_reset and not self.loader.config.offset_revert_marked_again:
            # A deviation from MCUboot: the good magic would hide the status of the swap that is under way.
            return
        secondary = self.state_of(g.secondary)
        self.log_state("Secondary image", secondary)
        if secondary.magic is Magic.UNSET:
            self.scramble_trailer(image, g.secondary)
            write_copy_done(g.secondary, g.format.max_align)
            self.init_status(image, g.secondary)

    def _swap(self, image: int, index: int, skip_primary: bool, skip_secondary: bool) -> None:
        # MCUboot boot_swap_sectors.
        self._exchange(image, index, 0, index + 1, skip_primary, skip_secondary)

    def _swap_back(self, image: int, index: int, skip_primary: bool, skip_secondary: bool) -> None:
        # MCUboot boot_swap_sectors_revert.
        self._exchange(image, index, 1, index, skip_primary, skip_secondary)

    def _exchange(
        self, image: int, index: int, shift: int, back: int, skip_primary: bool, skip_secondary: bool
    ) -> None:
        """Sector ``index`` of the primary slot to ``index + shift`` of the other, whose ``back`` comes."""
        status, g = self.status, self.geometry(image)
        sector = g.sector
        if status.state == STATE_0:
            if not skip_primary:
                to = (index + shift) * sector
                erase_region(g.secondary, to, sector)
                self.copy(image, g.primary, g.secondary, index * sector, to, sector, shift * sector)
            self.write_status(image)
            status.state = STATE_1
        if status.state == STATE_1:
            if not skip_secondary:
                erase_region(g.primary, index * sector, sector)
                self.copy(image, g.secondary, g.primary, back * sector, index * sector, sector)
            self.write_status(image)
            status.idx += 1
            status.state = STATE_0


def last_index(size: int, sector: int) -> int:
    """The last sector that takes part in a swap of ``size`` bytes (MCUboot swap_offset.c find_last_idx)."""
    return max(1, -(-size // sector)) - 1
