"""Which slot of an image is its code and which its spare, in the memory map: BL2 may choose either."""

from dataclasses import replace

from .flash import FlashArea
from .memory import Memory, Region


def exchange_slots(memory: Memory, primary: FlashArea, secondary: FlashArea, *, paged: bool = False) -> None:
    """Let the two slots of an image change places in the memory map.

    Firmware that is linked for the secondary slot sets up MPC, SAU and MPU for that one (TF-M
    LINK_TO_SECONDARY_PARTITION): its own slot is code, the other one is the spare. A slot that was not
    mapped leaves the other one unmapped. ``paged``: an MMU shows flash page by page, so code stays where it
    is linked, and the MMU shows the other slot there. Raises MemoryFault where a slot's new place is taken.
    """
    windows = [_cut_out(memory, area) for area in (primary, secondary)]
    for area, window in zip((secondary, primary), windows, strict=True):
        if window is not None:
            base = window.base if paged else window.base - window.offset + area.offset
            memory.add(replace(window, base=base, offset=area.offset), _cells(area))


def _cells(area: FlashArea) -> memoryview:
    return memoryview(area.flash.cells)[area.offset : area.offset + area.size]


def _cut_out(memory: Memory, area: FlashArea) -> Region | None:
    """The slot's window, unmapped."""
    whole = next(
        (
            region
            for region in memory.regions
            if region.device == area.flash.name
            and region.offset <= area.offset
            and area.offset + area.size <= region.offset + region.size
        ),
        None,
    )
    if whole is None:
        return None
    part = replace(whole, base=whole.base + area.offset - whole.offset, size=area.size, offset=area.offset)
    window = memory.carve(part)
    memory.remove(window)
    return window
