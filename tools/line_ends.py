"""Both ends of a serial line at once: the device's program in a thread, the host's in the caller's."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Generic, TypeVar

from .line_time import (
    REAL_LIMIT,
    Halted,
    HostClock,
    LineStuck,
    LineTime,
    RealLineTime,
    SerialPort,
    SharedTime,
    WallClock,
    open_serial_port,
)
from .serial_line import SerialLine

T = TypeVar("T")
DeviceProgram = Callable[[SerialLine, LineTime], object]
"""Powers a device on, joins its USART to the line, and waits by the line's time."""


@dataclass(frozen=True, slots=True)
class HostEnd:
    """What a program of the host needs: a port's name, a way to open it, and a clock."""

    port: str
    open_port: Callable[[str], SerialPort]
    clock: HostClock


@dataclass(frozen=True, slots=True)
class BothEnds(Generic[T]):
    """What the host's program returned, and what the device's raised, if it did."""

    host: T
    device_error: BaseException | None


def run_both_ends(
    device: DeviceProgram, host: Callable[[HostEnd], T], *, real_time: bool = False
) -> BothEnds[T]:
    """Run both until the host's program ends; the device is switched off then.

    The two share one virtual time, or with ``real_time`` go by the wall clock. What the host's program raises
    comes out. Raises LineError without a pseudo-terminal, LineStuck for a device that does not stop.
    """
    with SerialLine() as line:
        return _run_in_real_time(line, device, host) if real_time else _run_in_shared_time(line, device, host)


def _run_in_shared_time(line: SerialLine, device: DeviceProgram, host: Callable[[HostEnd], T]) -> BothEnds[T]:
    shared = SharedTime(line)
    thread = _DeviceThread(line, shared, device, shared.device_over)
    thread.start()
    try:
        answer = host(HostEnd(line.name, shared.open, shared))
    finally:
        shared.host_over()
        thread.end()
    return BothEnds(answer, thread.error)


def _run_in_real_time(line: SerialLine, device: DeviceProgram, host: Callable[[HostEnd], T]) -> BothEnds[T]:
    pace = RealLineTime(line)
    thread = _DeviceThread(line, pace, device, lambda: None)
    thread.start()
    try:
        answer = host(HostEnd(line.name, open_serial_port, WallClock()))
    finally:
        pace.halt()
        thread.end()
        pace.close()
    return BothEnds(answer, thread.error)


class _DeviceThread(Thread):
    """The thread that a device lives in from power-on to power-off: it cannot leave it."""

    def __init__(
        self, line: SerialLine, time: LineTime, program: DeviceProgram, over: Callable[[], None]
    ) -> None:
        super().__init__(name=f"device at {line.name}", daemon=True)
        self.error: BaseException | None = None
        self._line = line
        self._time = time
        self._program = program
        self._over = over

    def run(self) -> None:
        try:
            self._program(self._line, self._time)
        except Halted:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._line.transmit()
            self._over()

    def end(self) -> None:
        """Raises LineStuck for a program that does not stop."""
        self.join(REAL_LIMIT)
        if self.is_alive():
            raise LineStuck(
                f"{self.name}: its program does not stop; legal: a program that waits now and then"
            )
