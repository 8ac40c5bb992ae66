"""A device without a device: a USART, virtual time, and a program that is a Python function.

Its program says and does on the line what a test wants of it. It sees the USART by its registers, as
firmware does.
"""

from collections.abc import Callable

from tfm_sim.interface.matter.provisioning_link import START_PROVISIONING, LineReader
from tfm_sim.platform.stm32_usart import Stm32Usart, UsartCr1, UsartIsr, UsartRegister
from tfm_sim.tools.line_ends import DeviceProgram
from tfm_sim.tools.line_time import LineTime
from tfm_sim.tools.serial_line import SerialLine

CLOCK = 100_000_000
TICK = 10_000
"""Microseconds that a program waits between two looks at the line."""


def set_up(usart: Stm32Usart, baud_rate: int = 115200, cr1: int = 0) -> None:
    """8N1 unless ``cr1`` says otherwise; the USART is on."""
    usart.write(UsartRegister.CR1, 0, 4)
    usart.write(UsartRegister.BRR, round(CLOCK / baud_rate), 4)
    on = UsartCr1.UE | UsartCr1.RE | UsartCr1.TE | UsartCr1.FIFOEN
    usart.write(UsartRegister.CR1, on | cr1, 4)


class SerialDevice:
    """What a test's program has."""

    def __init__(self, line: SerialLine, time: LineTime, baud_rate: int = 115200) -> None:
        self.line = line
        self.now = 0
        self.usart = Stm32Usart(CLOCK)
        self._time = time
        self._reader = LineReader()
        self._lines: list[bytes] = []
        set_up(self.usart, baud_rate)
        line.join(self.usart)

    def wait(self, microseconds: int) -> None:
        self._time.wait(microseconds, self._pass)

    def send(self, data: bytes) -> None:
        for byte in data:
            self.usart.write(UsartRegister.TDR, byte, 4)

    def receive(self) -> bytes:
        """What has arrived by now."""
        data = bytearray()
        while self.usart.read(UsartRegister.ISR, 4) & UsartIsr.RXNE:
            data.append(self.usart.read(UsartRegister.RDR, 4))
        return bytes(data)

    def lines(self) -> list[bytes]:
        """The lines that have arrived by now and were not looked at yet."""
        lines, self._lines = [*self._lines, *self._reader.feed(self.receive())], []
        return lines

    def line_with(self, word: bytes) -> bytes:
        """Wait for a line that holds ``word``; the host's time limits end it."""
        while True:
            lines = self.lines()
            for number, line in enumerate(lines):
                if word in line:
                    self._lines = lines[number + 1 :]
                    return line
            self.wait(TICK)

    def synchronise(self) -> None:
        self.line_with(b"Init")
        self.send(START_PROVISIONING)

    def sleep(self) -> None:
        """Do nothing until it is switched off."""
        while True:
            self.wait(1_000_000)

    def _pass(self, microseconds: int) -> None:
        self.now += microseconds


def program(code: Callable[[SerialDevice], object], baud_rate: int = 115200) -> DeviceProgram:
    """A device whose program is ``code``."""
    return lambda line, time: code(SerialDevice(line, time, baud_rate))
