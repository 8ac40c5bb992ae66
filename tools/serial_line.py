"""A pseudo-terminal joined to a modelled USART: any program that opens a serial port can talk to the device.

The kernel carries the bytes; speed and frame are compared here, for a pseudo-terminal has none of its own.
Whoever opens the port sets them by termios (a pseudo-terminal is always 8 data bits without parity), the
device by its registers, and where they disagree the bytes arrive as a receiver would have sampled them.
"""

import os
import select
import struct
import termios
import tty
from contextlib import suppress
from fcntl import ioctl
from types import TracebackType
from typing import Final, Self

from ..interface.errors import TfmSimError
from ..platform.stm32_usart import SerialFrame, Stm32Usart, UsartIsr
from .serial_signal import Received, SerialSettings, receive

CHUNK: Final = 4096
LINGER: Final = 5.0
"""Seconds of real time that a program at the far end has to read what is left."""
_TCGETS2: Final = 0x802C542A
"""Linux: termios with the speed as a number, which `termios` cannot tell for speeds of no name."""
_SPEED_AT: Final = 40
_SPEEDS: Final = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdecimal()
}


class LineError(TfmSimError):
    """The machine has no pseudo-terminal to give."""


class SerialLine:
    """A serial cable. Its near end is a USART, its far end the port ``name`` of this machine.

    One thread uses it: the one that runs the device. ``received`` counts bytes that the far end has written,
    ``sent`` those that it has to read. What the device sends while nobody reads is kept as far as the kernel
    has room, then lost; what arrives while its receiver is off is lost. Raises LineError.
    """

    def __init__(self) -> None:
        try:
            self._near, self._far = os.openpty()
        except OSError as error:
            raise LineError(
                f"pseudo-terminal: {error.strerror}; legal: a machine with one to spare"
            ) from None
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.name = os.ttyname(self._far)
        self.closed = False
        self._far_closed = False
        self.received = 0
        self.sent = 0
        self._usart: Stm32Usart | None = None
        self._output = bytearray()
        self._sent_as: SerialSettings | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def join(self, usart: Stm32Usart) -> None:
        """Plug the near end into a device's USART, in place of the one before."""
        self.leave()
        self._usart = usart
        usart.on_output = self._collect

    def leave(self) -> None:
        """Pull the near end out."""
        if self._usart is not None:
            self._usart.on_output = None
        self._usart = None

    def close(self) -> None:
        """Pull the cable: whoever has the far end open gets an error from now on."""
        if self.closed:
            return
        self.leave()
        self.closed = True
        os.close(self._near)
        if not self._far_closed:
            os.close(self._far)

    def fileno(self) -> int:
        """For `select`: readable when the far end has written something."""
        return self._near

    @property
    def host(self) -> SerialSettings:
        """What the program at the far end has set up."""
        attributes = termios.tcgetattr(self._far)
        frame = SerialFrame(stop_bits=2.0 if attributes[2] & termios.CSTOPB else 1.0)
        speed = int(attributes[5])
        return SerialSettings(_exact_speed(self._far) or _SPEEDS.get(speed, speed), frame)

    @property
    def device(self) -> SerialSettings | None:
        """What the device has set up; None while its USART is off."""
        usart = self._usart
        if usart is None or usart.baud_rate is None:
            return None
        return SerialSettings(usart.baud_rate, usart.frame)

    def run(self) -> int:
        """Carry what either end has written by now; returns how many bytes came from the far one."""
        self.transmit()
        return self._receive()

    def linger(self, limit: float = LINGER) -> None:
        """Close, but first let whoever has the far end open read and close it, for ``limit`` seconds."""
        if self.closed:
            return
        self.leave()
        os.close(self._far)
        self._far_closed = True
        hung_up = select.poll()
        hung_up.register(self._near, 0)  # POLLHUP comes unasked, once nobody has the far end open
        hung_up.poll(limit * 1000)
        self.close()

    def transmit(self) -> None:
        """Carry what the device has sent."""
        output, self._output = bytes(self._output), bytearray()
        if self.closed or not output or self._sent_as is None:
            return
        data = bytes(character.byte for character in receive(output, self._sent_as, self.host))
        while data:
            try:
                written = os.write(self._near, data)
            except OSError:  # EAGAIN: nobody reads and the kernel has no more room
                return
            self.sent += written
            data = data[written:]

    def _collect(self, data: bytes) -> None:
        settings = self.device
        if settings != self._sent_as:
            self.transmit()
            self._sent_as = settings
        self._output += data

    def _receive(self) -> int:
        data = b""
        if not self.closed:
            with suppress(OSError):  # EAGAIN: nothing there
                data = os.read(self._near, CHUNK)
        self.received += len(data)
        device, usart = self.device, self._usart
        if data and device is not None and usart is not None:
            _feed(usart, receive(data, self.host, device))
        return len(data)


def _feed(usart: Stm32Usart, characters: list[Received]) -> None:
    for byte, framing_error, parity_error in characters:
        errors = (UsartIsr.FE if framing_error else UsartIsr(0)) | (
            UsartIsr.PE if parity_error else UsartIsr(0)
        )
        usart.feed(bytes((byte,)), errors=errors)


def _exact_speed(terminal: int) -> int:
    """Linux's number for a terminal's speed, 0 where it cannot be asked."""
    try:
        return int(struct.unpack_from("=I", ioctl(terminal, _TCGETS2, bytes(64)), _SPEED_AT)[0])
    except OSError:
        return 0
