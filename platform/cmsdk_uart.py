"""The CMSDK APB UART: one byte each way, interrupts for sending, receiving and overruns.

What is sent leaves at once, whatever BAUDDIV says: programs poll for an empty buffer, and virtual time does
not pass while they do.
"""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Final

from .peripheral import ApbPeripheral, Line, not_wired

SENT_LIMIT: Final = 0x10000
"""How many of the last bytes sent a UART remembers."""


class UartRegister(IntEnum):
    """Offsets. INTSTATUS is read, INTCLEAR written, at the same place."""

    DATA = 0x0
    STATE = 0x4
    CTRL = 0x8
    INTSTATUS = 0xC
    BAUDDIV = 0x10


class UartState(IntFlag):
    """Bits of STATE; the overruns are cleared by writing 1."""

    TX_FULL = 1
    RX_FULL = 2
    TX_OVERRUN = 4
    RX_OVERRUN = 8


class UartCtrl(IntFlag):
    """Bits of CTRL. HIGH_SPEED_TEST is kept and does nothing."""

    TX_ENABLE = 1
    RX_ENABLE = 2
    TX_INTERRUPT_ENABLE = 4
    RX_INTERRUPT_ENABLE = 8
    TX_OVERRUN_INTERRUPT_ENABLE = 16
    RX_OVERRUN_INTERRUPT_ENABLE = 32
    HIGH_SPEED_TEST = 64


class UartInterrupt(IntFlag):
    """Bits of INTSTATUS, cleared by writing 1."""

    TX = 1
    RX = 2
    TX_OVERRUN = 4
    RX_OVERRUN = 8


_OVERRUNS: Final = UartState.TX_OVERRUN | UartState.RX_OVERRUN


class CmsdkUart(ApbPeripheral):
    """A UART whose other end is the host.

    ``on_output`` is told each byte that is sent; ``sent`` keeps the last 64 KiB, over resets too, as a
    terminal would. ``combined_line`` is high for any interrupt, the others for their own.
    """

    part = 0x21

    def __init__(
        self,
        receive_line: Line = not_wired,
        transmit_line: Line = not_wired,
        combined_line: Line = not_wired,
    ) -> None:
        self.on_output: Callable[[bytes], None] | None = None
        self.sent = bytearray()
        self._lines = (receive_line, transmit_line, combined_line)
        self._clear()

    def feed(self, data: bytes, *, wait: bool = True) -> None:
        """Type ``data`` on the host's side.

        The next byte arrives when the receiver is enabled, its buffer empty and its interrupt cleared. With
        ``wait`` False the host does not wait: a byte for a receiver that is off is lost, one for a full
        buffer takes the old one's place and sets the receive overrun.
        """
        if wait:
            self._waiting += data
            self._receive()
            return
        for byte in data:
            if self._ctrl & UartCtrl.RX_ENABLE:
                if self._state & UartState.RX_FULL:
                    self._state |= UartState.RX_OVERRUN
                self._arrive(byte)

    def reset(self) -> None:
        """All registers 0, the lines low; what was typed and not yet received is lost."""
        self._clear()
        self._drive()

    def _clear(self) -> None:
        self._waiting = bytearray()
        self._received = self._sending = 0
        self._state = self._ctrl = self._interrupts = self._bauddiv = 0

    def _load(self, register: int) -> int:
        match register:
            case UartRegister.DATA:
                byte = self._received
                self._state &= ~UartState.RX_FULL
                self._receive()
                return byte
            case UartRegister.STATE:
                return self._state
            case UartRegister.CTRL:
                return self._ctrl
            case UartRegister.INTSTATUS:
                return self._status()
            case UartRegister.BAUDDIV:
                return self._bauddiv
        return super()._load(register)

    def _store(self, register: int, value: int) -> None:
        match register:
            case UartRegister.DATA:
                if self._state & UartState.TX_FULL:
                    self._state |= UartState.TX_OVERRUN
                self._state |= UartState.TX_FULL
                self._sending = value & 0xFF
            case UartRegister.STATE:
                self._state &= ~(value & _OVERRUNS)
            case UartRegister.CTRL:
                self._ctrl = value & 0x7F
            case UartRegister.INTSTATUS:
                self._interrupts &= ~value
                self._state &= ~(value & _OVERRUNS)
            case UartRegister.BAUDDIV:
                self._bauddiv = value & 0xFFFFF
            case _:
                return
        self._send()
        self._drive()
        self._receive()

    def _send(self) -> None:
        """The buffer's byte goes out, if sending is enabled; a buffer that becomes empty interrupts."""
        if not (self._ctrl & UartCtrl.TX_ENABLE and self._state & UartState.TX_FULL):
            return
        self._state &= ~UartState.TX_FULL
        if self._ctrl & UartCtrl.TX_INTERRUPT_ENABLE:
            self._interrupts |= UartInterrupt.TX
        self.sent.append(self._sending)
        if len(self.sent) > 2 * SENT_LIMIT:
            del self.sent[:-SENT_LIMIT]
        if self.on_output is not None:
            self.on_output(bytes((self._sending,)))

    def _receive(self) -> None:
        """The next byte that the host has typed arrives, if the receiver is ready for it."""
        ready = self._ctrl & UartCtrl.RX_ENABLE and not self._state & UartState.RX_FULL
        if self._waiting and ready and not self._interrupts & UartInterrupt.RX:
            self._arrive(self._waiting.pop(0))

    def _arrive(self, byte: int) -> None:
        self._received = byte
        self._state |= UartState.RX_FULL
        if self._ctrl & UartCtrl.RX_INTERRUPT_ENABLE:
            self._interrupts |= UartInterrupt.RX
        self._drive()

    def _status(self) -> int:
        # The overrun interrupts are no latches of their own: STATE where CTRL lets it through.
        return self._interrupts | self._state & self._ctrl >> 2 & _OVERRUNS

    def _drive(self) -> None:
        # A line that rises runs its handler at once, which may store here: look again for each line.
        receive, transmit, combined = self._lines
        receive(bool(self._status() & UartInterrupt.RX))
        transmit(bool(self._status() & UartInterrupt.TX))
        combined(bool(self._status()))
