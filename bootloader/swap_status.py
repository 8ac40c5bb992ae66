"""How far a swap has got: the status in memory, and its record in the trailer of the slot or scratch area."""

from dataclasses import dataclass, field
from enum import Enum

from ..interface.mcuboot.swap import StatusSource
from ..interface.mcuboot.trailer import (
    Flag,
    SwapState,
    SwapType,
    TrailerLayout,
    write_image_ok,
    write_magic,
    write_swap_info,
    write_trailer,
)
from ..platform.flash import FlashArea
from .swap_geometry import Geometry

IDX_0 = 1
STATE_0, STATE_1, STATE_2 = 1, 2, 3


class SwapOp(Enum):
    """BOOT_STATUS_OP_*: what SWAP_USING_MOVE does; the others only swap."""

    MOVE = "move"
    SWAP = "swap"


@dataclass(slots=True)
class BootStatus:
    """MCUboot boot_status. ``idx`` and ``state`` count from 1.

    ``swap_type`` is a nibble of a trailer, so it may be no SwapType. ``key_cells`` are what the trailer has
    for the image keys of primary and secondary slot: bytes to be filled up with 0xff.
    """

    first_op: SwapOp = SwapOp.MOVE
    op: SwapOp = SwapOp.MOVE
    idx: int = IDX_0
    state: int = STATE_0
    use_scratch: bool = False
    swap_type: int = SwapType.NONE
    swap_size: int = 0
    source: StatusSource = StatusSource.NONE
    key_cells: list[bytes] = field(default_factory=lambda: [b"", b""])

    def reset(self) -> None:
        """MCUboot boot_status_reset."""
        self.op, self.idx, self.state = self.first_op, IDX_0, STATE_0
        self.use_scratch, self.swap_type, self.swap_size = False, SwapType.NONE, 0
        self.source, self.key_cells = StatusSource.NONE, [b"", b""]

    @property
    def is_reset(self) -> bool:
        """Whether no step is known to be done (MCUboot boot_status_is_reset)."""
        return self.op is self.first_op and self.idx == IDX_0 and self.state == STATE_0


def status_cells(g: Geometry, area: FlashArea) -> bytes:
    """The first byte of each swap status entry of a slot or the scratch area."""
    scratch = area is g.scratch
    at = g.format.status_at(area.size, area.write_size, scratch)
    count = g.format.state_count * (1 if scratch else g.format.max_sectors)
    last = min(count * g.write_size, area.size - at)
    return area.read(at, last)[:: g.write_size]


def status_entry_at(g: Geometry, area: FlashArea, entry: int) -> int:
    """Offset of a status entry: the area counts by its own write block, entries by the larger one."""
    start = g.format.status_at(area.size, area.write_size, area is g.scratch)
    return start + entry * g.write_size


def init_status(
    g: Geometry,
    area: FlashArea,
    image: int,
    status: BootStatus,
    secondary: SwapState,
    tlv_sizes: tuple[int, int] | None,
) -> None:
    """Write the trailer with which a swap begins, the magic last (MCUboot swap_status_init).

    ``secondary`` is the secondary slot's trailer, whose image_ok goes along.
    """
    align = g.format.max_align
    if status.swap_type != SwapType.NONE:
        write_swap_info(area, status.swap_type, image, align)
    if secondary.image_ok is Flag.SET:
        write_image_ok(area, align)
    write_swap_size(g, area, status)
    if tlv_sizes is not None:
        # Wrapped, as the 16-bit fields of boot_write_unprotected_tlv_sizes take them.
        data = b"".join((size & 0xFFFF).to_bytes(2, "little") for size in tlv_sizes)
        write_trailer(area, g.format.tlv_sizes_at(area.size), data)
    write_keys(g, area, status)
    write_magic(area, align)


def write_swap_size(g: Geometry, area: FlashArea, status: BootStatus) -> None:
    """MCUboot boot_write_swap_size."""
    write_trailer(area, g.format.swap_size_at(area.size), status.swap_size.to_bytes(4, "little"))


def read_swap_size(g: Geometry, area: FlashArea) -> int:
    """MCUboot boot_read_swap_size."""
    return int.from_bytes(area.read(g.format.swap_size_at(area.size), 4), "little")


def read_tlv_sizes(g: Geometry, area: FlashArea) -> tuple[int, int]:
    """Unprotected TLV sizes of the primary and the secondary image (boot_read_unprotected_tlv_sizes)."""
    data = area.read(g.format.tlv_sizes_at(area.size), 4)
    return int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")


def write_keys(g: Geometry, area: FlashArea, status: BootStatus) -> None:
    """MCUboot boot_write_enc_keys: both cells whole, 0xff where a slot has no key."""
    if g.format.key_cell:
        for slot, cell in enumerate(status.key_cells):
            area.write(g.format.key_at(area.size, slot), cell.ljust(g.format.key_cell, b"\xff"))


def read_key_cell(g: Geometry, area: FlashArea, slot: int) -> bytes:
    """A key cell as it stands; empty where it holds no key (MCUboot boot_read_enc_key)."""
    cell = area.read(g.format.key_at(area.size, slot), g.format.key_cell)
    return b"" if cell == b"\xff" * len(cell) else cell


def read_swap_info(g: Geometry, area: FlashArea) -> int:
    """The swap type that a trailer tells, unchecked; NONE where it tells none (MCUboot swap_read_status)."""
    info = area.read(TrailerLayout.of(area.size, g.format.max_align).swap_info, 1)[0]
    return SwapType.NONE if info == area.erased_value else info & 0x0F
