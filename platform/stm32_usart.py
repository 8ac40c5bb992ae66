"""The USART of STM32WB, STM32WBA and STM32U5: asynchronous mode, its FIFOs, one interrupt line.

RM0493 and RM0456, chapter USART. What is sent leaves at once, whatever BRR says: programs poll for an empty
register, and virtual time does not pass while they do. Baud rate and frame are there for who sits at the
other end: ``baud_rate`` and ``frame`` say how the program has set them up.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..interface.stm32.usart import UsartCr1, UsartCr3, UsartIsr, UsartRegister
from .peripheral import Line, check_access, not_wired

__all__ = [
    "FIFO_DEPTH",
    "SENT_LIMIT",
    "SerialFrame",
    "Stm32Usart",
    "UsartCr1",
    "UsartCr3",
    "UsartIsr",
    "UsartRegister",
]

SENT_LIMIT: Final = 0x10000
"""How many of the last bytes sent a USART remembers."""
FIFO_DEPTH: Final = 8


# Plain numbers: a flag costs several times as much, and a driver that polls reads ISR for each byte.
_UE, _RE, _TE, _FIFOEN = int(UsartCr1.UE), int(UsartCr1.RE), int(UsartCr1.TE), int(UsartCr1.FIFOEN)
_M0, _M1, _PCE, _OVER8 = int(UsartCr1.M0), int(UsartCr1.M1), int(UsartCr1.PCE), int(UsartCr1.OVER8)
_ORE, _RXNE, _TC, _TXE = int(UsartIsr.ORE), int(UsartIsr.RXNE), int(UsartIsr.TC), int(UsartIsr.TXE)
_TEACK, _REACK = int(UsartIsr.TEACK), int(UsartIsr.REACK)
_NOISE: Final = int(UsartIsr.FE | UsartIsr.NE)
_PS, _EIE, _OVRDIS = int(UsartCr1.PS), int(UsartCr3.EIE), int(UsartCr3.OVRDIS)
ERRORS: Final = int(UsartIsr.PE) | _NOISE | _ORE
_RXFRQ: Final = 1 << 3
_FIXED_WHILE_ENABLED: Final = _PS | _PCE | _M0 | _M1 | _OVER8 | _FIFOEN
"""RM0456 USART_CR1: these bits can be written with UE 0 only."""
_INTERRUPTS: Final = (
    (int(UsartCr1.RXNEIE), _RXNE | _ORE),
    (int(UsartCr1.TXEIE), _TXE),
    (int(UsartCr1.TCIE), _TC),
    (int(UsartCr1.PEIE), int(UsartIsr.PE)),
)
"""A bit of CR1, and the flags of ISR that it lets through."""
_PRESCALERS: Final = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_STOP_BITS: Final = (1.0, 0.5, 2.0, 1.5)


@dataclass(frozen=True, slots=True)
class SerialFrame:
    """How one character goes over the line: ``data_bits`` 6 to 9, ``parity`` N, E or O, ``stop_bits``."""

    data_bits: int = 8
    parity: str = "N"
    stop_bits: float = 1.0

    def __str__(self) -> str:
        return f"{self.data_bits}{self.parity}{self.stop_bits:g}"


class Stm32Usart:
    """A USART whose other end is the host. ``clock`` is its kernel clock in hertz.

    ``on_output`` is told each byte that is sent; ``sent`` keeps the last 64 KiB, over resets too, as a
    terminal would.
    """

    def __init__(self, clock: int, line: Line = not_wired) -> None:
        self.clock = clock
        self.on_output: Callable[[bytes], None] | None = None
        self.sent = bytearray()
        self._line = line
        self._waiting = bytearray()
        self._clear()

    @property
    def baud_rate(self) -> float | None:
        """Bits per second as PRESC, BRR and OVER8 have it; None while it is off or BRR is illegal.

        RM0456, baud rate generation: USARTDIV must be 16 or more.
        """
        prescaler = self._kept[UsartRegister.PRESC] & 0xF
        if not self._cr1 & _UE or prescaler >= len(_PRESCALERS):
            return None
        brr, clock = self._kept[UsartRegister.BRR], self.clock / _PRESCALERS[prescaler]
        if self._cr1 & _OVER8:
            divider = brr & 0xFFF0 | (brr & 7) << 1
            return 2 * clock / divider if divider >= 16 else None
        return clock / brr if brr >= 16 else None

    @property
    def frame(self) -> SerialFrame:
        """RM0456, USART_CR1 M and PCE, USART_CR2 STOP: a parity bit is one of the word's bits."""
        word = 7 if self._cr1 & _M1 else 9 if self._cr1 & _M0 else 8
        stop = _STOP_BITS[self._kept[UsartRegister.CR2] >> 12 & 3]
        if not self._cr1 & _PCE:
            return SerialFrame(word, "N", stop)
        return SerialFrame(word - 1, "O" if self._cr1 & _PS else "E", stop)

    def feed(self, data: bytes, *, wait: bool = True, errors: int = 0) -> None:
        """Type ``data`` on the host's side.

        The next byte arrives when the receiver is on and has room. With ``wait`` False the host does not
        wait: a byte for a receiver that is off is lost, one for a full receiver is lost too and sets the
        overrun, unless OVRDIS lets it take the last one's place. ``errors`` are flags that the bytes bring
        along (framing, noise, parity), as where both ends do not agree on the baud rate; those do not wait.
        """
        if wait and not errors:
            self._waiting += data
            self._receive()
        else:
            for byte in data:
                self._take(byte, errors & ERRORS & ~_ORE)
        self._drive()

    def reset(self) -> None:
        """All registers as after reset, the line low; what was typed and not yet received is lost."""
        self._waiting.clear()
        self._clear()
        self._drive()

    def read(self, offset: int, size: int) -> int:
        """A load; where there is no register it gives 0. Raises MemoryFault as any peripheral does."""
        check_access(offset, size)
        lane = 8 * (offset & 3)
        return self._load(offset & ~3) >> lane & (1 << 8 * size) - 1

    def write(self, offset: int, value: int, size: int) -> None:
        """A store; the lanes that a narrower one leaves out are 0. Raises MemoryFault likewise."""
        check_access(offset, size)
        lane = 8 * (offset & 3)
        self._store(offset & ~3, (value & (1 << 8 * size) - 1) << lane)
        self._receive()
        self._drive()

    def _clear(self) -> None:
        kept = (UsartRegister.CR2, UsartRegister.CR3, UsartRegister.BRR, UsartRegister.GTPR)
        self._kept = dict.fromkeys((*kept, UsartRegister.RTOR, UsartRegister.PRESC), 0)
        self._cr1 = 0
        self._errors = 0
        self._complete = True
        self._received: deque[int] = deque()
        self._last = self._sending = 0

    def _load(self, register: int) -> int:
        match register:
            case UsartRegister.CR1:
                return self._cr1
            case UsartRegister.ISR:
                return self._status()
            case UsartRegister.RDR:
                if self._received:
                    self._last = self._received.popleft()
                    self._receive()
                    self._drive()
                return self._last
            case UsartRegister.TDR:
                return self._sending
        return self._kept.get(UsartRegister(register), 0) if register in self._kept else 0

    def _store(self, register: int, value: int) -> None:
        enabled = bool(self._cr1 & _UE)
        match register:
            case UsartRegister.CR1:
                fixed = _FIXED_WHILE_ENABLED if enabled else 0
                self._cr1 = self._cr1 & fixed | value & ~fixed & 0xFFFFFFFF
                if not self._cr1 & _UE:  # RM0456 UE: cleared, the flags go back to their reset values
                    self._received.clear()
                    self._errors, self._complete = 0, True
            case UsartRegister.RQR:
                if value & _RXFRQ:
                    self._received.clear()
            case UsartRegister.ICR:
                self._errors &= ~(value & ERRORS)
                self._complete = self._complete and not value & _TC
            case UsartRegister.TDR:
                self._sending = value & 0x1FF
                self._send()
            case UsartRegister.CR2 | UsartRegister.BRR | UsartRegister.PRESC if enabled:
                pass  # RM0456: written with UE 0 only
            case UsartRegister.BRR:
                self._kept[UsartRegister.BRR] = value & 0xFFFF
            case _ if register in self._kept:
                self._kept[UsartRegister(register)] = value

    def _send(self) -> None:
        if not (self._cr1 & _UE and self._cr1 & _TE):
            return
        self._complete = True
        byte = bytes((self._sending & (1 << min(self.frame.data_bits, 8)) - 1,))
        self.sent += byte
        if len(self.sent) > 2 * SENT_LIMIT:
            del self.sent[:-SENT_LIMIT]
        if self.on_output is not None:
            self.on_output(byte)

    def _room(self) -> int:
        """How many more characters the receiver holds; 0 also where it is off."""
        if not (self._cr1 & _UE and self._cr1 & _RE):
            return 0
        return (FIFO_DEPTH if self._cr1 & _FIFOEN else 1) - len(self._received)

    def _receive(self) -> None:
        """What the host has typed arrives as far as there is room."""
        count = min(self._room(), len(self._waiting))
        for byte in self._waiting[:count]:
            self._take(byte, 0)
        del self._waiting[:count]

    def _take(self, byte: int, errors: int) -> None:
        if not (self._cr1 & _UE and self._cr1 & _RE):
            return
        byte &= (1 << min(self.frame.data_bits, 8)) - 1
        if self._room():
            self._received.append(byte)
        elif self._kept[UsartRegister.CR3] & _OVRDIS:
            self._received[-1] = byte
        else:
            self._errors |= _ORE
        self._errors |= errors

    def _status(self) -> int:
        status = self._errors | _TXE
        if self._complete:
            status |= _TC
        if self._received:
            status |= _RXNE
        if self._cr1 & _UE:
            status |= _TEACK if self._cr1 & _TE else 0
            status |= _REACK if self._cr1 & _RE else 0
        return status

    def _drive(self) -> None:
        status, cr1 = self._status(), self._cr1
        wanted = 0
        for enable, flags in _INTERRUPTS:
            if cr1 & enable:
                wanted |= flags
        if self._kept[UsartRegister.CR3] & _EIE:
            wanted |= _NOISE | _ORE
        self._line(bool(status & wanted))
