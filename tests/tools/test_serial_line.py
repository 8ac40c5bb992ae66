"""A pseudo-terminal joined to a USART: pyserial at one end, registers at the other, speeds that differ."""

import os
from collections.abc import Iterator
from threading import Thread
from time import monotonic
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from support.serial_device import CLOCK, set_up

from tfm_sim.platform.stm32_usart import SerialFrame, Stm32Usart, UsartCr1, UsartIsr, UsartRegister
from tfm_sim.tools.serial_line import LineError, SerialLine
from tfm_sim.tools.serial_signal import Received, SerialSettings, receive


class Ends:
    """A line with both ends open."""

    def __init__(self, line: SerialLine) -> None:
        self.line = line
        self.usart = Stm32Usart(CLOCK)
        set_up(self.usart)
        line.join(self.usart)
        self.port = serial.Serial(line.name, 115200, timeout=1)

    def to_device(self, data: bytes) -> bytes:
        """What arrives, and ISR after it."""
        wanted = self.line.received + len(data)
        self.port.write(data)
        received = bytearray()
        while self.line.received < wanted:
            self.line.run()
        while self.usart.read(UsartRegister.ISR, 4) & UsartIsr.RXNE:
            received.append(self.usart.read(UsartRegister.RDR, 4))
        return bytes(received)

    def to_host(self, data: bytes) -> bytes:
        before = self.line.sent
        for byte in data:
            self.usart.write(UsartRegister.TDR, byte, 4)
        self.line.run()
        count = self.line.sent - before
        return self.port.read(count) if count else b""


@pytest.fixture
def ends() -> Iterator[Ends]:
    with SerialLine() as line:
        both = Ends(line)
        yield both
        both.port.close()


EVERY_BYTE = bytes(range(256))


def test_every_byte_both_ways(ends: Ends) -> None:
    """Raw: no echo, no line editing, no control characters."""
    assert ends.to_device(EVERY_BYTE) == EVERY_BYTE
    assert ends.to_host(EVERY_BYTE) == EVERY_BYTE


@pytest.mark.parametrize("speed", [9600, 115200, 250000, 1_000_000])
def test_speeds_that_agree(ends: Ends, speed: int) -> None:
    """250000 has no name in termios."""
    ends.port.baudrate = speed
    set_up(ends.usart, speed)
    assert ends.line.host == SerialSettings(speed)
    assert ends.to_device(b"Init\n") == b"Init\n"
    assert ends.to_host(b"finish:000\n") == b"finish:000\n"


@pytest.mark.parametrize("speed", [9600, 19200, 57600, 230400, 921600])
def test_speeds_that_differ(ends: Ends, speed: int) -> None:
    ends.port.baudrate = speed
    assert ends.to_device(b"Init\n") != b"Init\n"
    assert ends.to_host(b"finish:000\n") != b"finish:000\n"


def test_framing_errors_are_the_usarts_to_tell(ends: Ends) -> None:
    ends.port.baudrate = 9600
    ends.to_device(b"\0")
    assert ends.usart.read(UsartRegister.ISR, 4) & UsartIsr.FE


def test_two_stop_bits_and_one_understand_each_other(ends: Ends) -> None:
    ends.port.stopbits = 2
    assert ends.line.host == SerialSettings(115200, SerialFrame(stop_bits=2.0))
    assert ends.to_device(b"Init\n") == b"Init\n"
    assert ends.to_host(b"finish") == b"finish"


def test_a_usart_with_parity_tells_of_the_host_that_has_none(ends: Ends) -> None:
    """A 9-bit word with parity: the host's stop bit is taken for the parity bit."""
    set_up(ends.usart, cr1=UsartCr1.M0 | UsartCr1.PCE)
    assert ends.to_device(b"\x01") == b"\x01"
    assert not ends.usart.read(UsartRegister.ISR, 4) & UsartIsr.PE
    assert ends.to_device(b"\x03") == b"\x03"
    assert ends.usart.read(UsartRegister.ISR, 4) & UsartIsr.PE


def test_a_usart_that_is_off_hears_and_says_nothing(ends: Ends) -> None:
    ends.usart.write(UsartRegister.CR1, 0, 4)
    assert ends.to_device(b"lost") == b""
    set_up(ends.usart)
    assert ends.to_device(b"heard") == b"heard"
    assert ends.line.device == SerialSettings(CLOCK / 868)


def test_what_was_sent_at_one_speed_stays_so(ends: Ends) -> None:
    for byte in b"slow":
        ends.usart.write(UsartRegister.TDR, byte, 4)
    set_up(ends.usart, 9600)
    assert ends.to_host(b"") == b"slow"


def test_nobody_reads() -> None:
    """The kernel keeps some, the rest is lost; the device never waits for it."""
    with SerialLine() as line:
        usart = Stm32Usart(CLOCK)
        set_up(usart)
        line.join(usart)
        assert usart.on_output is not None
        for _ in range(8):
            usart.on_output(bytes(4096))
            line.run()
        assert 0 < line.sent < 8 * 4096


def test_a_cable_pulled_and_closed_twice(ends: Ends) -> None:
    ends.line.close()
    ends.line.close()
    assert ends.line.run() == 0
    ends.usart.write(UsartRegister.TDR, 0x41, 4)  # into nothing
    with pytest.raises(serial.SerialException):
        ends.port.read(1)


def test_a_line_lingers_until_the_far_end_is_closed(ends: Ends) -> None:
    for byte in b"finish":
        ends.usart.write(UsartRegister.TDR, byte, 4)
    ends.line.run()
    read: list[bytes] = []

    def read_and_close() -> None:
        read.append(ends.port.read(6))
        ends.port.close()

    reader = Thread(target=read_and_close)
    reader.start()
    began = monotonic()
    ends.line.linger(limit=20)
    reader.join()
    assert read == [b"finish"]
    assert monotonic() - began < 10


def test_a_line_lingers_no_longer_than_its_limit(ends: Ends) -> None:
    ends.line.linger(limit=0.05)
    ends.line.linger()
    assert ends.line.closed


def test_another_device_on_the_same_cable(ends: Ends) -> None:
    other = Stm32Usart(CLOCK)
    set_up(other)
    ends.line.join(other)
    assert ends.usart.on_output is None
    assert ends.to_device(b"x") == b""
    assert other.read(UsartRegister.RDR, 4) == ord("x")


def test_no_pseudo_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "openpty", none_left)
    with pytest.raises(LineError, match="No space left on device"):
        SerialLine()


# The signal itself.

SPEEDS = st.sampled_from([9600.0, 38400.0, 115200.0, 115740.7, 230400.0])
FRAMES = st.builds(
    SerialFrame, st.sampled_from([7, 8]), st.sampled_from("NEO"), st.sampled_from([1.0, 1.5, 2.0])
)


@given(st.binary(max_size=40), st.builds(SerialSettings, SPEEDS, FRAMES))
def test_like_settings_carry_every_byte(data: bytes, settings: SerialSettings) -> None:
    """By the waveform too: a receiver three percent off has its samples still inside the right bits."""
    mask = (1 << settings.frame.data_bits) - 1
    whole = [Received(byte & mask) for byte in data]
    assert receive(data, settings, settings) == whole
    for off in (0.97, 1.03):
        assert receive(data, settings, SerialSettings(settings.baud_rate * off, settings.frame)) == whole


@given(
    st.binary(max_size=40),
    st.builds(SerialSettings, SPEEDS, FRAMES),
    st.builds(SerialSettings, SPEEDS, FRAMES),
)
def test_unlike_settings_never_make_more_than_the_line_has_time_for(
    data: bytes, sender: SerialSettings, receiver: SerialSettings
) -> None:
    seconds = 13 * (len(data) + 1) / sender.baud_rate
    received = receive(data, sender, receiver)
    assert len(received) <= seconds * receiver.baud_rate / (receiver.frame.data_bits + 1.5) + 1
    assert all(0 <= character.byte <= 255 for character in received)


@pytest.mark.parametrize(
    ("sender", "receiver", "byte", "received"),
    [
        # Each bit is seen twice: start 0, data 01100110, stop 0; start 0, data 01100111 with the idle line.
        (57600, 115200, 0x55, [Received(0x66, framing_error=True), Received(0xE6)]),
        # Nine low bits at nine times the speed are a start bit, at twenty times a glitch.
        (1_036_800, 115200, 0x00, [Received(0xFF)]),
        (2_304_000, 115200, 0x00, []),
        # A long low is a break: no stop bit.
        (9600, 115200, 0x00, [Received(0x00, framing_error=True)]),
        (0, 115200, 0x55, []),
        (115200, 0, 0x55, []),
    ],
)
def test_samples(sender: int, receiver: int, byte: int, received: list[Received]) -> None:
    assert receive(bytes([byte]), SerialSettings(sender), SerialSettings(receiver)) == received
