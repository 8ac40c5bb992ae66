"""What a peripheral's model is to the bus, and what all CMSDK peripherals on the APB have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

from .memory import MemoryFault

Line = Callable[[bool], None]
"""An output of a peripheral, driven high or low; interrupts are levels."""
SIZES: Final = frozenset((1, 2, 4))
_IDENTIFICATION: Final = 0xFD0
_PERIPHERAL_IDS: Final = (0x04, 0x00, 0x00, 0x00, None, 0xB8, 0x1B, 0x00, 0x0D, 0xF0, 0x05, 0xB1)


class PeripheralModel(Protocol):
    """A peripheral with registers. Offsets are bytes from its base; a size is 1, 2 or 4, aligned."""

    def read(self, offset: int, size: int) -> int:
        """A load. Raises MemoryFault for a size or an alignment that the bus does not carry."""

    def write(self, offset: int, value: int, size: int) -> None:
        """A store. Raises MemoryFault as ``read`` does."""

    def reset(self) -> None:
        """Back to the state after reset; drives its interrupt lines low."""


def not_wired(high: bool) -> None:
    """The line of an output that the board leads nowhere."""


def check_access(address: int, size: int) -> None:
    """Raises MemoryFault unless a peripheral's bus carries an access of ``size`` bytes at ``address``."""
    if size not in SIZES or address < 0 or address % size:
        raise MemoryFault(
            address,
            size,
            f"access of {size} bytes at {address:#x} to a peripheral; legal: 1, 2 or 4 bytes, aligned",
        )


class ApbPeripheral(ABC):
    """A CMSDK peripheral: 32-bit registers on the APB, identification registers at the end of its page.

    The bus has no byte strobes: a narrower store is the whole register with zeros in the other lanes, a
    narrower load is its part of the whole register, which is read. Where there is no register, a load gives
    0 and a store is lost. ``part`` is the low byte of the part number in PID0.
    """

    part: ClassVar[int]

    def read(self, offset: int, size: int) -> int:
        check_access(offset, size)
        lane = 8 * (offset & 3)
        return self._load(offset & ~3) >> lane & (1 << 8 * size) - 1

    def write(self, offset: int, value: int, size: int) -> None:
        check_access(offset, size)
        lane = 8 * (offset & 3)
        self._store(offset & ~3, (value & (1 << 8 * size) - 1) << lane)

    def _load(self, register: int) -> int:
        """The value of a register; here those that every CMSDK peripheral has."""
        index = (register - _IDENTIFICATION) // 4
        if not 0 <= index < len(_PERIPHERAL_IDS):
            return 0
        value = _PERIPHERAL_IDS[index]
        return self.part if value is None else value

    @abstractmethod
    def _store(self, register: int, value: int) -> None:
        """Store a whole register."""

    @abstractmethod
    def reset(self) -> None:
        """Back to the state after reset."""
