"""The registers of the USART of STM32WB, STM32WBA and STM32U5 (RM0493, RM0456): offsets and bits."""

from enum import IntEnum, IntFlag


class UsartRegister(IntEnum):
    """Offsets."""

    CR1 = 0x00
    CR2 = 0x04
    CR3 = 0x08
    BRR = 0x0C
    GTPR = 0x10
    RTOR = 0x14
    RQR = 0x18
    ISR = 0x1C
    ICR = 0x20
    RDR = 0x24
    TDR = 0x28
    PRESC = 0x2C


class UsartCr1(IntFlag):
    """Bits of CR1 that the model heeds; the others are kept."""

    UE = 1 << 0
    RE = 1 << 2
    TE = 1 << 3
    RXNEIE = 1 << 5
    TCIE = 1 << 6
    TXEIE = 1 << 7
    PEIE = 1 << 8
    PS = 1 << 9
    PCE = 1 << 10
    M0 = 1 << 12
    OVER8 = 1 << 15
    M1 = 1 << 28
    FIFOEN = 1 << 29


class UsartCr3(IntFlag):
    """Bits of CR3 that the model heeds."""

    EIE = 1 << 0
    OVRDIS = 1 << 12


class UsartIsr(IntFlag):
    """Bits of ISR. TXE is TXFNF, RXNE is RXFNE with the FIFOs on."""

    PE = 1 << 0
    FE = 1 << 1
    NE = 1 << 2
    ORE = 1 << 3
    RXNE = 1 << 5
    TC = 1 << 6
    TXE = 1 << 7
    TEACK = 1 << 21
    REACK = 1 << 22
