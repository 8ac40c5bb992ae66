"""What a program is compiled for: the addresses and clocks of ST's three Matter boards."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class BoardSupport:
    """The numbers of a board support package. Addresses are the non-secure side's, sizes bytes.

    ``usart`` is the serial port of the on-board ST-LINK, ``usart_clock`` its kernel clock in hertz.
    ``factory_data`` and ``factory_data_end`` are FACTORY_DATA_START_ADDR and FACTORY_DATA_END_ADDR, between
    which ST's reader looks; ``factory_data_size`` is what its writer erases, whole blocks.
    """

    name: str
    usart: int
    usart_clock: int
    factory_data: int
    factory_data_size: int
    factory_data_end: int


STM32WBA65I_DK1: Final = BoardSupport(
    "STM32WBA65I-DK1", 0x40013800, 100_000_000, 0x081EC000, 0x4000, 0x081FAFFF
)
STM32WB5MM_DK: Final = BoardSupport("STM32WB5MM-DK", 0x40013800, 64_000_000, 0x901C0000, 0x10000, 0x901CFFFF)
NUCLEO_U575ZI_Q: Final = BoardSupport(
    "NUCLEO-U575ZI-Q", 0x40013800, 160_000_000, 0x081EC000, 0x4000, 0x081FAFFF
)
