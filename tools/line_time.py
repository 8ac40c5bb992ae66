"""How time goes on a serial line between a modelled device and a program of the host.

Either it is the wall clock's, for programs that know nothing of virtual time. Or both ends share one virtual
time, which only the host's sleep moves on: the device runs so long, then the host goes on. Neither waits in
real time for the other's time limits then, and the same run happens each time.

All waits end: what another thread owes is waited for ``REAL_LIMIT`` seconds.
"""

import os
import select
import time
from collections.abc import Callable
from threading import Condition
from typing import Final, Protocol

import serial

from ..interface.errors import TfmSimError
from .serial_line import SerialLine

REAL_LIMIT: Final = 60.0
"""Seconds of real time until a thread that owes an answer is given up."""
DELIVERY_LIMIT: Final = 1.0
"""Seconds of real time in which the kernel carries a byte through a pseudo-terminal."""
Idle = Callable[[int], None]
"""Lets so many microseconds of a device's virtual time pass, interrupts served."""


class LineStuck(TfmSimError):
    """The other end's thread did not answer in real time."""


class Halted(BaseException):
    """The device is switched off under its program; no program can catch that."""


class SerialPort(Protocol):
    """An open serial port, as pyserial has it. ``read`` does not wait."""

    def read(self, size: int = 1, /) -> bytes: ...

    def write(self, data: bytes, /) -> int | None: ...

    def close(self) -> None: ...


class HostClock(Protocol):
    """The time of a program on the host, in seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class LineTime(Protocol):
    """The time of the device's end."""

    def wait(self, microseconds: int, idle: Idle) -> None:
        """The device's program sleeps so long, and the line runs. Raises Halted."""


class WallClock:
    """The real time."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def open_serial_port(name: str) -> SerialPort:
    """STM32 provisioning script: 115200 baud, 8 data bits, no parity, 1 stop bit; nobody else has it open.

    Raises SerialException.
    """
    return serial.Serial(
        name,
        115200,
        serial.EIGHTBITS,
        serial.PARITY_NONE,
        serial.STOPBITS_ONE,
        timeout=0,
        write_timeout=DELIVERY_LIMIT,
        exclusive=True,
    )


class RealLineTime:
    """A device that runs by the wall clock. ``halt`` may come from any thread."""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self._woken, self._wake = os.pipe()
        self._halted = False

    def wait(self, microseconds: int, idle: Idle) -> None:
        self._line.run()
        while microseconds > 0 and not self._halted:
            began = time.monotonic()
            ends: list[SerialLine | int] = [self._woken]
            if not self._line.closed:
                ends.append(self._line)
            select.select(ends, [], [], microseconds / 1e6)
            self._line.run()
            passed = min(microseconds, int((time.monotonic() - began) * 1e6) + 1)
            microseconds -= passed
            idle(passed)
        if self._halted:
            raise Halted

    def halt(self) -> None:
        """The device's program ends at its next wait, or out of the one that it is in."""
        self._halted = True
        os.write(self._wake, b"h")

    def close(self) -> None:
        os.close(self._woken)
        os.close(self._wake)


class SharedTime:
    """One virtual time for a device and a program of the host, each in its own thread.

    For the host it is its clock, and `open` opens its port; for the device it is its line's time.
    """

    def __init__(self, line: SerialLine, real_limit: float = REAL_LIMIT) -> None:
        self.line = line
        self.written = 0
        """Bytes that the host has written by now."""
        self._turn = Condition()
        self._real_limit = real_limit
        self._granted = self._used = 0
        self._device_waits = self._device_over = self._host_over = False

    # The host's end.

    def now(self) -> float:
        return self._granted / 1e6

    def sleep(self, seconds: float) -> None:
        """Let the device run so long; 0 only waits until it has done what it can. Raises LineStuck."""
        with self._turn:
            self._granted += round(seconds * 1e6)
            if self._granted > self._used:
                self._device_waits = False
                self._turn.notify_all()
            if not self._turn.wait_for(lambda: self._device_waits or self._device_over, self._real_limit):
                raise LineStuck(
                    f"device at {self.line.name}: its program did not wait for {self._real_limit:g} s of "
                    "real time; legal: a program that waits now and then"
                )

    def open(self, name: str) -> SerialPort:
        """The host's port, as `open_serial_port` opens it, its bytes counted."""
        self.sleep(0)
        port = open_serial_port(name)
        return _SharedPort(port, self)

    def host_over(self) -> None:
        """The host's program has ended: the device's ends at its next wait."""
        with self._turn:
            self._host_over = True
            self._turn.notify_all()

    # The device's end.

    def wait(self, microseconds: int, idle: Idle) -> None:
        self._carry()
        while True:
            if self._host_over:
                raise Halted
            step = min(microseconds, self._granted - self._used)
            self._used += step
            microseconds -= step
            if step:
                idle(step)
                self._carry()
            if not microseconds:
                return
            self._let_the_host_go_on()

    def device_over(self) -> None:
        """The device's program has ended: time passes without it."""
        with self._turn:
            self._device_over = True
            self._turn.notify_all()

    def _let_the_host_go_on(self) -> None:
        with self._turn:
            self._device_waits = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._granted > self._used or self._host_over, self._real_limit)
            if self._granted == self._used:
                raise Halted

    def _carry(self) -> None:
        """All bytes on their way arrive; the kernel takes a moment to carry what the host has written."""
        self.line.run()
        while self.line.received < self.written and not self.line.closed:
            if not select.select([self.line], [], [], DELIVERY_LIMIT)[0]:
                self.written = self.line.received  # the far end was flushed
            self.line.run()


class _SharedPort:
    """A port that reads all that the device has sent by now."""

    def __init__(self, port: SerialPort, shared: SharedTime) -> None:
        self._port = port
        self._shared = shared
        self._read = shared.line.sent

    def read(self, size: int = 1, /) -> bytes:
        data = self._port.read(size)
        end = time.monotonic() + DELIVERY_LIMIT
        while self._read + len(data) < self._shared.line.sent and len(data) < size:
            if time.monotonic() > end:
                self._read = self._shared.line.sent - len(data)  # flushed, or never taken
            time.sleep(0.0002)
            data += self._port.read(size - len(data))
        self._read += len(data)
        return data

    def write(self, data: bytes, /) -> int | None:
        written = self._port.write(data)
        self._shared.written += len(data)
        return written

    def close(self) -> None:
        self._port.close()
