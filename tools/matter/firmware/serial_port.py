"""The driver of the serial port: a USART by its registers, 115200 8N1, polled."""

from typing import Final

from ....interface.cpu import Cpu
from ....interface.matter.provisioning_link import BAUD_RATE
from ....interface.stm32.usart import UsartCr1, UsartIsr, UsartRegister

_ERRORS: Final = int(UsartIsr.PE | UsartIsr.FE | UsartIsr.NE | UsartIsr.ORE)
_RXNE: Final = int(UsartIsr.RXNE)
_TXE: Final = int(UsartIsr.TXE)


class SerialPort:
    """An open port. ``clock`` is the USART's kernel clock in hertz. ``errors`` counts bytes that came damaged
    (framing, parity, noise) or too fast."""

    def __init__(self, cpu: Cpu, base: int, clock: int, baud_rate: int = BAUD_RATE) -> None:
        self._cpu = cpu
        self._base = base
        self.errors = 0
        # RM0456: off while it is set up; 8 data bits, no parity, 1 stop bit are CR1's and CR2's zeros.
        self._store(UsartRegister.CR1, 0)
        self._store(UsartRegister.CR2, 0)
        self._store(UsartRegister.PRESC, 0)
        self._store(UsartRegister.BRR, (clock + baud_rate // 2) // baud_rate)
        self._store(UsartRegister.ICR, _ERRORS)
        self._store(UsartRegister.CR1, UsartCr1.UE | UsartCr1.RE | UsartCr1.TE | UsartCr1.FIFOEN)

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        for byte in data:
            while not self._load(UsartRegister.ISR) & _TXE:
                pass
            self._store(UsartRegister.TDR, byte)

    def read(self) -> bytes:
        """What has arrived and not been read; never waits."""
        data = bytearray()
        while (status := self._load(UsartRegister.ISR)) & _RXNE:
            data.append(self._load(UsartRegister.RDR) & 0xFF)
            self._note(status)
        self._note(status)
        return bytes(data)

    def _note(self, status: int) -> None:
        if status & _ERRORS:
            self.errors += 1
            self._store(UsartRegister.ICR, _ERRORS)

    def _load(self, register: int) -> int:
        return int.from_bytes(self._cpu.load(self._base + register, 4), "little")

    def _store(self, register: int, value: int) -> None:
        self._cpu.store(self._base + register, value.to_bytes(4, "little"))
