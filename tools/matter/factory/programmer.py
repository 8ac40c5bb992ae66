"""What STM32CubeProgrammer does to a board that is switched off: files to addresses, memory erased.

It works from outside, with power of its own: its writes have no numbers and no power cut meets them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ....interface.errors import TfmSimError
from ....platform.board import Board
from ....platform.flash import Flash
from ....platform.hardware import Hardware


class ProgrammerError(TfmSimError):
    """An address that the board has no flash at, or a file that does not fit there."""


@dataclass(frozen=True, slots=True)
class Programmed:
    """Where a file came to lie: the flash device, the offset in it, and what was erased for it, in bytes."""

    flash: str
    offset: int
    size: int
    erased: int


def program(hardware: Hardware, address: int, data: bytes, what: str = "file") -> Programmed:
    """Write ``data`` at a CPU address, secure or not, after erasing all blocks that it touches.

    What else those blocks held is gone, as with the real tool. Raises ProgrammerError for an address
    without flash, one inside a program unit, for no data, and for data that leaves the flash device.
    """
    flash, offset = find_flash(hardware, address, what)
    if not data:
        raise ProgrammerError(f"{what}: found no bytes; legal: at least one")
    if offset % flash.write_size:
        raise ProgrammerError(
            f"{what}: found address {address:#010x}; legal: multiples of {flash.write_size} in {flash.name}"
        )
    if offset + len(data) > flash.size:
        raise ProgrammerError(
            f"{what} of {len(data)} bytes at {address:#010x}; legal: up to {flash.size - offset} bytes there"
        )
    filled = data + bytes([flash.erased_value]) * (-len(data) % flash.write_size)
    start = offset - offset % flash.erase_block
    end = -(-(offset + len(data)) // flash.erase_block) * flash.erase_block
    with hardware.power.programmer():
        flash.erase(start, end - start)
        flash.write(offset, filled)
    return Programmed(flash.name, offset, len(data), end - start)


def erase_all(hardware: Hardware) -> None:
    """ST's regression script: the flash of the board is erased.

    OTP keeps what was burnt, and the chip what its maker wrote: system flash, its secrets.
    """
    with hardware.power.programmer():
        for flash in hardware.flash.values():
            if not flash.factory_only:
                flash.erase(0, flash.size)


def find_flash(hardware: Hardware, address: int, what: str = "file") -> tuple[Flash, int]:
    """The flash device at a CPU address, and the offset in it. Raises ProgrammerError where there is none."""
    for name, base, size in flash_windows(hardware.board):
        if base <= address < base + size:
            return hardware.flash[name], address - base
    windows = ", ".join(
        f"{base:#010x}..{base + size - 1:#010x} ({name})"
        for name, base, size in flash_windows(hardware.board)
    )
    raise ProgrammerError(f"{what}: found address {address:#x}; legal on {hardware.board.name}: {windows}")


def flash_windows(board: Board) -> Iterator[tuple[str, int, int]]:
    """Name, address and size of each flash device that a programmer writes, wherever it sees it."""
    for flash in board.flash:
        if flash.factory_only:
            continue
        bases = {base for base in (flash.non_secure_base, flash.secure_base) if base is not None}
        for base in sorted(bases):
            yield flash.name, base, flash.size
