"""The STM32 USART's registers, FIFOs and interrupt line, and the host at its other end (RM0456, USART)."""

import pytest

from tfm_sim.platform.stm32_usart import (
    FIFO_DEPTH,
    SENT_LIMIT,
    SerialFrame,
    Stm32Usart,
    UsartCr1,
    UsartCr3,
    UsartIsr,
    UsartRegister,
)

CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR, PRESC = UsartRegister
UE, RE, TE = UsartCr1.UE, UsartCr1.RE, UsartCr1.TE
ON = UE | RE | TE
IDLE = UsartIsr.TXE | UsartIsr.TC
CLOCK = 16_000_000


class Bench:
    """A USART, its line, and what the host was told."""

    def __init__(self, cr1: int = 0, brr: int = 139, cr3: int = 0) -> None:
        self.line = False
        self.heard = b""
        self.usart = Stm32Usart(CLOCK, self._line)
        self.usart.on_output = self._hear
        self.write(BRR, brr)
        self.write(CR3, cr3)
        self.write(CR1, cr1)

    def _line(self, high: bool) -> None:
        self.line = high

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def read(self, register: int) -> int:
        return self.usart.read(register, 4)

    def write(self, register: int, value: int) -> None:
        self.usart.write(register, value, 4)

    def flags(self) -> UsartIsr:
        return UsartIsr(self.read(ISR)) & ~(UsartIsr.TEACK | UsartIsr.REACK)


@pytest.mark.parametrize(
    "register, at_reset, written",
    [
        (CR1, 0, 0xFFFFFFFF),
        (CR2, 0, 0xFFFFFFFF),
        (CR3, 0, 0xFFFFFFFF),
        (BRR, 0, 0xFFFF),
        (GTPR, 0, 0xFFFFFFFF),
        (RTOR, 0, 0xFFFFFFFF),
        (RQR, 0, 0),
        (ISR, 0xC0, 0xC0),
        (ICR, 0, 0),
        (RDR, 0, 0),
        (TDR, 0, 0x1FF),
        (PRESC, 0, 0xFFFFFFFF),
        (0x3FC, 0, 0),
    ],
)
def test_registers(register: int, at_reset: int, written: int) -> None:
    usart = Stm32Usart(CLOCK)
    assert usart.read(register, 4) == at_reset
    usart.write(register, 0xFFFFFFFF, 4)
    assert usart.read(register, 4) == written
    usart.reset()
    assert usart.read(register, 4) == at_reset


@pytest.mark.parametrize(
    "brr, cr1, presc, baud",
    [
        (139, 0, 0, 115107.9),
        (1667, 0, 0, 9598.1),
        (278, 0, 1, 28776.98),
        (0x0110 | 0x0A >> 1, UsartCr1.OVER8, 0, 2 * CLOCK / 0x11A),
        (16, 0, 0, 1e6),
        (15, 0, 0, None),
        (139, 0, 12, None),
    ],
)
def test_baud_rate(brr: int, cr1: int, presc: int, baud: float | None) -> None:
    """RM0456: USARTDIV is BRR, or with OVER8 its low three bits doubled; 16 at least; PRESC up to 11."""
    bench = Bench(brr=brr)
    assert bench.usart.baud_rate is None  # off
    bench.write(PRESC, presc)
    bench.write(CR1, ON | cr1)
    assert bench.usart.baud_rate == (baud if baud is None else pytest.approx(baud, abs=0.1))


@pytest.mark.parametrize(
    "cr1, cr2, frame",
    [
        (0, 0, "8N1"),
        (UsartCr1.PCE | UsartCr1.M0, 0, "8E1"),
        (UsartCr1.PCE | UsartCr1.PS, 2 << 12, "7O2"),
        (UsartCr1.M1, 1 << 12, "7N0.5"),
        (UsartCr1.M0, 3 << 12, "9N1.5"),
    ],
)
def test_frame(cr1: int, cr2: int, frame: str) -> None:
    bench = Bench()
    bench.write(CR2, cr2)
    bench.write(CR1, cr1 | ON)
    assert str(bench.usart.frame) == frame
    assert SerialFrame() == Bench(ON).usart.frame


@pytest.mark.parametrize(
    "register, value, kept",
    [
        (BRR, 16, 139),
        (CR2, 2 << 12, 0),
        (PRESC, 1, 0),
        (CR1, ON | UsartCr1.PCE | UsartCr1.RXNEIE, ON | UsartCr1.RXNEIE),
        (CR1, 0, 0),
    ],
)
def test_set_up_only_while_it_is_off(register: int, value: int, kept: int) -> None:
    bench = Bench(ON)
    bench.write(register, value)
    assert bench.read(register) == kept


@pytest.mark.parametrize(
    "cr1, heard", [(ON, b"Hi"), (UE | TE, b"Hi"), (UE | RE, b""), (TE, b""), (ON | UsartCr1.M1, b"Hi")]
)
def test_sending(cr1: int, heard: bytes) -> None:
    bench = Bench(cr1)
    for byte in b"Hi":
        bench.write(TDR, byte)
    assert bench.heard == heard == bytes(bench.usart.sent)
    assert bench.flags() == IDLE


def test_what_was_sent_is_remembered_up_to_a_limit() -> None:
    bench = Bench(ON)
    bench.usart.sent += bytes(2 * SENT_LIMIT)
    bench.write(TDR, ord("x"))
    assert len(bench.usart.sent) == SENT_LIMIT
    bench.usart.reset()
    assert bench.usart.sent[-1:] == b"x"
    assert len(bench.usart.sent) == SENT_LIMIT


def test_a_patient_host_waits_for_the_receiver() -> None:
    bench = Bench()
    bench.usart.feed(b"Init")
    assert bench.flags() == IDLE
    bench.write(CR1, ON)
    got = b""
    while bench.flags() & UsartIsr.RXNE:
        got += bytes((bench.read(RDR),))
    assert got == b"Init"


@pytest.mark.parametrize(
    "cr1, cr3, received, flags",
    [
        (0, 0, b"", IDLE),
        (UE | TE, 0, b"", IDLE),
        (ON, 0, b"0", IDLE | UsartIsr.ORE),
        (ON, UsartCr3.OVRDIS, b"9", IDLE),
        (ON | UsartCr1.FIFOEN, 0, b"01234567", IDLE | UsartIsr.ORE),
    ],
)
def test_a_host_that_does_not_wait(cr1: int, cr3: int, received: bytes, flags: int) -> None:
    """RM0456 ORE: the new character is lost; OVRDIS: it takes the old one's place. The FIFO has 8."""
    bench = Bench(cr1, cr3=cr3)
    bench.usart.feed(b"0123456789", wait=False)
    got = b""
    while bench.flags() & UsartIsr.RXNE:
        got += bytes((bench.read(RDR),))
    assert got == received
    assert len(got) <= FIFO_DEPTH
    assert bench.flags() == flags
    bench.write(ICR, UsartIsr.ORE)
    assert bench.flags() == IDLE


def test_errors_come_with_a_byte_and_are_cleared_by_icr() -> None:
    bench = Bench(ON)
    bench.usart.feed(b"\xf0", errors=UsartIsr.FE | UsartIsr.NE)
    assert bench.flags() == IDLE | UsartIsr.RXNE | UsartIsr.FE | UsartIsr.NE
    bench.write(ICR, UsartIsr.FE)
    assert bench.flags() == IDLE | UsartIsr.RXNE | UsartIsr.NE
    bench.write(RQR, 8)
    assert bench.flags() == IDLE | UsartIsr.NE


@pytest.mark.parametrize(
    "cr1, cr3, fed, high",
    [
        (ON, 0, b"x", False),
        (ON | UsartCr1.RXNEIE, 0, b"", False),
        (ON | UsartCr1.RXNEIE, 0, b"x", True),
        (ON | UsartCr1.TXEIE, 0, b"", True),
        (ON | UsartCr1.TCIE, 0, b"", True),
        (ON | UsartCr1.PEIE, 0, b"x", False),
        (ON, UsartCr3.EIE, b"xy", True),
    ],
)
def test_the_interrupt(cr1: int, cr3: int, fed: bytes, high: bool) -> None:
    bench = Bench(cr1, cr3=cr3)
    bench.usart.feed(fed, wait=False)
    assert bench.line is high
    bench.usart.reset()
    assert bench.line is False


def test_narrow_accesses() -> None:
    bench = Bench(ON)
    bench.usart.write(TDR, ord("x"), 1)
    assert bench.heard == b"x"
    bench.usart.feed(b"y")
    assert bench.usart.read(RDR, 1) == ord("y")


def test_an_overrun_keeps_the_line_high_until_it_is_cleared() -> None:
    """RM0456 RXNEIE: an interrupt whenever ORE or RXNE is set."""
    bench = Bench(ON | UsartCr1.RXNEIE)
    bench.usart.feed(b"xy", wait=False)
    bench.read(RDR)
    assert bench.flags() == IDLE | UsartIsr.ORE
    assert bench.line
    bench.write(ICR, UsartIsr.ORE)
    assert not bench.line


def test_transmission_complete_is_cleared_and_comes_back() -> None:
    """RM0456 TC: by TCCF; the next character sets it, and so does UE 0."""
    bench = Bench(ON | UsartCr1.TCIE)
    for register, value in ((TDR, 0x41), (CR1, RE | TE)):
        bench.write(ICR, UsartIsr.TC)
        assert bench.flags() == UsartIsr.TXE
        assert not bench.line
        bench.write(register, value)
        assert bench.flags() == IDLE
