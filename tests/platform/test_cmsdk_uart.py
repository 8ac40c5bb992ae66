"""The CMSDK UART's registers, its three interrupt lines, and the host at its other end."""

import pytest

from tfm_sim.platform.cmsdk_uart import (
    SENT_LIMIT,
    CmsdkUart,
    UartCtrl,
    UartInterrupt,
    UartRegister,
    UartState,
)

DATA, STATE, CTRL, INTSTATUS, BAUDDIV = UartRegister
TX, RX = UartCtrl.TX_ENABLE, UartCtrl.RX_ENABLE
TX_IRQ, RX_IRQ = UartCtrl.TX_INTERRUPT_ENABLE, UartCtrl.RX_INTERRUPT_ENABLE
ALL = 0xFFFFFFFF


class Bench:
    """A UART, its lines as (receive, transmit, combined), and what the host was told."""

    def __init__(self, ctrl: int = 0) -> None:
        self.lines = [False, False, False]
        self.heard = b""
        self.uart = CmsdkUart(*(self._line(n) for n in range(3)))
        self.uart.on_output = self._hear
        self.write(CTRL, ctrl)

    def _line(self, number: int):  # type: ignore[no-untyped-def]
        return lambda high: self.lines.__setitem__(number, high)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def read(self, register: int) -> int:
        return self.uart.read(register, 4)

    def write(self, register: int, value: int) -> None:
        self.uart.write(register, value, 4)


@pytest.mark.parametrize(
    "register, written",
    [
        (STATE, 0),
        (CTRL, 0x7F),
        (INTSTATUS, 0),
        (BAUDDIV, 0xFFFFF),
        (0x14, 0),
        (0xFD0, 0x04),
        (0xFE0, 0x21),
        (0xFF8, 0x05),
    ],
)
def test_registers(register: int, written: int) -> None:
    bench = Bench()
    at_reset = bench.read(register)
    assert at_reset == (written if register >= 0xFD0 else 0)
    bench.write(register, ALL)
    assert bench.read(register) == written
    bench.uart.reset()
    assert bench.read(register) == at_reset


def test_what_is_sent_reaches_the_host() -> None:
    bench = Bench(TX)
    for byte in b"tfm":
        assert not bench.read(STATE) & UartState.TX_FULL
        bench.write(DATA, byte)
    assert (bench.heard, bytes(bench.uart.sent)) == (b"tfm", b"tfm")
    bench.write(DATA, 0x1241)
    assert bench.heard == b"tfmA", "the upper 24 bits are not sent"


def test_a_transmitter_that_is_off_keeps_one_byte_and_counts_what_follows_as_an_overrun() -> None:
    bench = Bench()
    bench.write(DATA, ord("a"))
    assert bench.read(STATE) == UartState.TX_FULL
    bench.write(DATA, ord("b"))
    assert bench.read(STATE) == UartState.TX_FULL | UartState.TX_OVERRUN
    assert (bench.read(INTSTATUS), bench.lines) == (0, [False, False, False])
    bench.write(CTRL, UartCtrl.TX_OVERRUN_INTERRUPT_ENABLE)
    assert (bench.read(INTSTATUS), bench.lines) == (UartInterrupt.TX_OVERRUN, [False, False, True])
    bench.write(STATE, UartState.TX_OVERRUN)
    assert (bench.read(INTSTATUS), bench.lines) == (0, [False, False, False])
    bench.write(CTRL, TX)
    assert (bench.heard, bench.read(STATE)) == (b"b", 0)


def test_a_buffer_that_becomes_empty_raises_the_transmit_interrupt_until_it_is_cleared() -> None:
    """How Arm's FF-M suite makes its interrupt: enable, send two, wait for the status, clear, disable."""
    bench = Bench(TX)
    bench.write(CTRL, bench.read(CTRL) | TX_IRQ)
    assert bench.lines == [False, False, False]
    bench.write(DATA, 0x20)
    bench.write(DATA, 0x20)
    assert bench.read(INTSTATUS) == UartInterrupt.TX
    assert bench.lines == [False, True, True]
    bench.write(INTSTATUS, bench.read(INTSTATUS) | UartInterrupt.TX)
    bench.write(CTRL, bench.read(CTRL) & ~TX_IRQ)
    assert (bench.read(INTSTATUS), bench.lines) == (0, [False, False, False])
    bench.write(DATA, 0x20)
    assert bench.lines == [False, False, False]


def test_what_the_host_types_arrives_byte_by_byte() -> None:
    bench = Bench(RX)
    bench.uart.feed(b"hi")
    assert bench.read(STATE) == UartState.RX_FULL
    assert bench.read(DATA) == ord("h")
    assert bench.read(STATE) == UartState.RX_FULL
    assert bench.read(DATA) == ord("i")
    assert (bench.read(STATE), bench.read(INTSTATUS)) == (0, 0)


def test_the_host_waits_for_a_receiver_that_is_off() -> None:
    bench = Bench()
    bench.uart.feed(b"x")
    assert bench.read(STATE) == 0
    bench.write(CTRL, RX | RX_IRQ)
    assert (bench.read(STATE), bench.read(INTSTATUS)) == (UartState.RX_FULL, UartInterrupt.RX)
    assert bench.lines == [True, False, True]


@pytest.mark.parametrize("clear_first", [True, False])
def test_every_byte_interrupts_whichever_of_data_and_intclear_comes_first(clear_first: bool) -> None:
    bench = Bench(RX | RX_IRQ)
    bench.uart.feed(b"abc")
    got = b""
    while bench.lines[0]:
        if clear_first:
            bench.write(INTSTATUS, UartInterrupt.RX)
        got += bytes((bench.read(DATA),))
        if not clear_first:
            bench.write(INTSTATUS, UartInterrupt.RX)
    assert got == b"abc"
    assert bench.lines == [False, False, False]


def test_a_host_that_does_not_wait_overruns_the_receiver() -> None:
    bench = Bench()
    bench.uart.feed(b"lost", wait=False)
    bench.write(CTRL, RX | UartCtrl.RX_OVERRUN_INTERRUPT_ENABLE)
    assert bench.read(STATE) == 0
    bench.uart.feed(b"ab", wait=False)
    assert bench.read(STATE) == UartState.RX_FULL | UartState.RX_OVERRUN
    assert (bench.read(INTSTATUS), bench.lines) == (UartInterrupt.RX_OVERRUN, [False, False, True])
    assert bench.read(DATA) == ord("b")
    bench.write(INTSTATUS, UartInterrupt.RX_OVERRUN)
    assert (bench.read(STATE), bench.read(INTSTATUS), bench.lines) == (0, 0, [False, False, False])


def test_sent_is_bounded_and_survives_a_reset() -> None:
    bench = Bench(TX)
    count = 2 * SENT_LIMIT + 1
    for n in range(count):
        bench.write(DATA, n & 0xFF)
    assert SENT_LIMIT <= len(bench.uart.sent) <= 2 * SENT_LIMIT
    assert bench.uart.sent[-1] == (count - 1) & 0xFF
    sent = bytes(bench.uart.sent)
    bench.uart.reset()
    assert bytes(bench.uart.sent) == sent


def test_a_reset_loses_what_was_typed_and_quiets_the_lines() -> None:
    bench = Bench(RX | RX_IRQ)
    bench.uart.feed(b"abc")
    bench.uart.reset()
    assert bench.lines == [False, False, False]
    bench.write(CTRL, RX | RX_IRQ)
    assert (bench.read(STATE), bench.read(DATA)) == (0, 0)


def test_a_handler_that_quiets_it_inside_its_interrupt_leaves_the_lines_right() -> None:
    levels = [False, False, False]

    def transmit(high: bool) -> None:
        levels[1] = high
        if high:
            uart.write(INTSTATUS, UartInterrupt.TX, 4)

    uart = CmsdkUart(
        lambda high: levels.__setitem__(0, high), transmit, lambda high: levels.__setitem__(2, high)
    )
    uart.write(CTRL, TX | TX_IRQ, 4)
    uart.write(DATA, 0x41, 4)
    assert levels == [False, False, False]
