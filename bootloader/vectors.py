"""The vector table of the image that BL2 jumps to. BL2 itself does not judge it; this model only remarks."""

from dataclasses import dataclass

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import ImageFlag, ImageHeader
from ..platform.memory import Memory
from .ports import Ports, Slot


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Word 0 and word 1 at ``address``; None where nothing readable lies there."""

    address: int
    msp: int | None
    reset: int | None
    warnings: tuple[str, ...] = ()


def run_address(header: ImageHeader, slot: Slot) -> int:
    """Where the first byte of an image's header is when the image runs.

    TF-M do_boot: an image with the RAM_LOAD flag is looked for at its load address, whatever the strategy.
    """
    return header.load_addr if ImageFlag.RAM_LOAD in header.flags else slot.address


def read_vectors(ports: Ports, header: ImageHeader, slot: Slot) -> VectorTable:
    """The table behind the header of the image in a slot, as BL2 sees memory: before MPU and MPC are set."""
    address = run_address(header, slot) + header.hdr_size
    try:
        if ImageFlag.RAM_LOAD in header.flags:
            words = ports.memory.read(address, 8)
        else:
            words = slot.area.read(header.hdr_size, 8)
    except TfmSimError:
        return VectorTable(address, None, None, ("nothing readable lies there",))
    msp, reset = int.from_bytes(words[:4], "little"), int.from_bytes(words[4:], "little")
    warnings = []
    if msp % 8 or not ports.is_ram(msp):
        warnings.append(f"initial MSP {msp:#010x} is no 8-byte aligned address in RAM")
    if not reset & 1:
        warnings.append(f"reset vector {reset:#010x} is even, so not Thumb code")
    if not address <= reset & ~1 < address + header.img_size:
        warnings.append(f"reset vector {reset:#010x} is outside the image")
    return VectorTable(address, msp, reset, tuple(warnings))


def read_code_vectors(memory: Memory, address: int, size: int) -> VectorTable:
    """The table at the start of ``size`` bytes of code in RAM, which BL1 jumps through as it is."""
    words = memory.read(address, 8)
    msp, reset = int.from_bytes(words[:4], "little"), int.from_bytes(words[4:], "little")
    warnings = []
    if not reset & 1:
        warnings.append(f"reset vector {reset:#010x} is even, so not Thumb code")
    if not address <= reset & ~1 < address + size:
        warnings.append(f"reset vector {reset:#010x} is outside the code")
    return VectorTable(address, msp, reset, tuple(warnings))
