"""Writes docs/trailers.md: every field of MCUboot's trailers, from the declaration that the loader uses."""

import sys
from collections.abc import Sequence
from typing import Final

from ..interface.mcuboot.trailer import TrailerFormat
from .generated_page import write_page

HEAD: Final = """\
# Trailers

What a boot loader and the firmware write at the end of a slot. Offsets count back from the slot's end, in
bytes. The scratch area has the same fields with the swap status of one sector. Written by `make docs` from
`TrailerFormat` (`interface/mcuboot/trailer.py`), by which the loader itself reads and writes.
"""
BUILDS: Final = (
    ("AN521, overwrite, scratch or move: 128 sectors, write block 4", TrailerFormat(), 4),
    ("The same, SWAP_USING_OFFSET", TrailerFormat(swap_offset=True), 4),
    ("The same, image keys of 16 bytes", TrailerFormat(key_cell=16), 4),
    ("The same, MCUBOOT_SWAP_SAVE_ENCTLV with RSA", TrailerFormat(key_cell=256), 4),
    ("MCUBOOT_BOOT_MAX_ALIGN 32, write block 32", TrailerFormat(max_align=32), 32),
)
SLOT: Final = 0x80000
MEANING: Final = {
    "swap status": "one write block a step that is done; three a sector, two with SWAP_USING_OFFSET",
    "key 1": "image key of the secondary slot, or the TLV that it came in",
    "key 0": "image key of the primary slot, or the TLV that it came in",
    "swap_size": "u32: bytes that change places",
    "unprotected TLV sizes": "u16 of the primary image, u16 of the secondary one",
    "swap_info": "low nibble swap type, high nibble image index",
    "copy_done": "0x01: the swap is done",
    "image_ok": "0x01: the image is confirmed",
    "magic": "16 bytes; good, bad, or erased for unset",
}


def render() -> str:
    """The whole Markdown file."""
    lines = [HEAD]
    for name, fmt, write_size in BUILDS:
        sizes = f"{fmt.size(write_size)} bytes, {fmt.scratch_size(write_size)} in scratch."
        lines += [f"## {name}", "", sizes, ""]
        lines += ["| field | offset from the end | size | content |", "|---|---|---|---|"]
        for cell in fmt.cells(SLOT, write_size):
            lines.append(f"| {cell.name} | -{SLOT - cell.offset} | {cell.size} | {MEANING[cell.name]} |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Write the file that the one argument names."""
    return write_page("trailer_page", arguments, render)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
