"""The provisioning script on the programming PC: one device at one serial port, from `Init` to its result.

It does what the STM32_provisioning.py of X-CUBE-MATTER is documented to do, and passes the device's
certificate request on to a PKI. It is an ordinary program of the host: it knows a port's name, opens it with
pyserial, and ends with a result whatever the line, the device or the user does.
"""

import termios
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ....interface.matter.provisioning_link import (
    INIT,
    TIME_LIMIT,
    LineReader,
    LinkError,
    LinkMessage,
    ProvisioningMode,
    ProvisioningStatus,
    is_message,
    message_line,
    mode_line,
    read_finish,
    read_message,
)
from ...line_time import HostClock, LineStuck, SerialPort, WallClock, open_serial_port
from ..pki.names import PkiError
from ..pki.server import DeviceCertificates

INIT_PERIOD: Final = 0.5
"""Seconds from one `Init` to the next, until the device answers."""
POLL: Final = 0.05
"""Seconds from one look at the port to the next."""
SILENCE: Final = 1.0
"""Seconds of silence that end a line as well: the timeout of pyserial's readline in ST's script."""
KEYWORD: Final = b"Start_provisioning"
CHUNK: Final = 4096
START_MESSAGE: Final = "Start third party provisioning"

Certify = Callable[[bytes], DeviceCertificates]
"""The PKI: a certificate signing request (DER) in, the device's certificates out; raises PkiError."""


class ScriptStep(StrEnum):
    """How far a script has come."""

    STARTED = "opens the port"
    SYNCHRONISING = "sends Init"
    WAITING = "waits for the device"
    CERTIFIED = "certificates sent"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a provisioning ended. ``detail`` says what a status leaves open; "" where nothing is."""

    status: ProvisioningStatus
    message: str
    detail: str = ""

    @property
    def ok(self) -> bool:
        return self.status is ProvisioningStatus.DONE

    def __str__(self) -> str:
        return f"{self.message} : {self.detail}" if self.detail else self.message


class _Ended(Exception):
    """The script has its result."""

    def __init__(self, status: ProvisioningStatus, detail: str = "", message: str = "") -> None:
        super().__init__()
        self.result = ScriptResult(status, message or status.message, detail)


@dataclass(slots=True)
class ProvisioningScript:
    """Call `run` once. ``header`` stands in front of each line that ``say`` prints.

    ``certify`` None is a line to a device that needs no certificates; one that asks for some fails.
    ``cancelled`` is asked at each look at the port: a Ctrl+C that another thread got. ``progress`` is told
    each step. ``mode`` is forwarded to the device.
    """

    port: str
    certify: Certify | None = None
    header: str = ""
    clock: HostClock = WallClock()  # noqa: RUF009  it has no state
    open_port: Callable[[str], SerialPort] = open_serial_port
    say: Callable[[str], None] = print
    progress: Callable[[ScriptStep], None] = lambda step: None
    cancelled: Callable[[], bool] = lambda: False
    mode: ProvisioningMode | None = None
    _answer: tuple[bytes, bytes] | None = None
    _trouble: str = ""
    _heard: float = 0.0

    def run(self) -> ScriptResult:
        """The whole provisioning. Raises nothing.

        STM32 provisioning script: Ctrl+C is 0xFFFF, an error of the port 0xFFFE.
        """
        try:
            self._provision()
        except _Ended as end:
            result = end.result
        except KeyboardInterrupt:
            result = _Ended(ProvisioningStatus.INTERRUPTED).result
        except (OSError, termios.error) as error:  # SerialException is an OSError
            result = _Ended(ProvisioningStatus.UNKNOWN_ERROR, f"serial port: {error}").result
        except LineStuck as error:
            result = _Ended(ProvisioningStatus.UNKNOWN_ERROR, str(error)).result
        self.say(f"{self.header}{result}")
        self.progress(ScriptStep.ENDED)
        return result

    def _provision(self) -> None:
        self.progress(ScriptStep.STARTED)
        self.say(f"{self.header}{START_MESSAGE}")
        try:
            port = self.open_port(self.port)
        except (OSError, ValueError, termios.error) as error:
            raise _Ended(ProvisioningStatus.UNKNOWN_ERROR, str(error), "Failed to open COM port") from None
        try:
            reader = LineReader()
            self.progress(ScriptStep.SYNCHRONISING)
            lines = self._synchronise(port, reader)
            self.progress(ScriptStep.WAITING)
            self._wait_for_result(port, reader, lines)
        finally:
            port.close()

    def _synchronise(self, port: SerialPort, reader: LineReader) -> list[bytes]:
        """STM32 provisioning script: `Init` again and again until the keyword comes, 30 s long.

        Returns the lines that came right behind it.
        """
        end = self.clock.now() + TIME_LIMIT
        init = INIT if self.mode is None else mode_line(self.mode) + INIT
        while self.clock.now() < end:
            port.write(init)
            again = min(self.clock.now() + INIT_PERIOD, end)
            while self.clock.now() < again:
                lines = self._look(port, reader)
                for number, line in enumerate(lines):
                    if KEYWORD in line:
                        return lines[number + 1 :]
        raise _Ended(ProvisioningStatus.NOT_INIT, f"no {KEYWORD.decode()} in {TIME_LIMIT:g} s")

    def _wait_for_result(self, port: SerialPort, reader: LineReader, lines: list[bytes]) -> None:
        # STM32 provisioning script: another 30 s for the result.
        end = self.clock.now() + TIME_LIMIT
        while True:
            for line in lines:
                self._take(port, line)
            if self.clock.now() >= end:
                trouble = f"; {self._trouble}" if self._trouble else ""
                raise _Ended(ProvisioningStatus.UNKNOWN_ERROR, f"no finish:XYZ in {TIME_LIMIT:g} s{trouble}")
            lines = self._look(port, reader)

    def _look(self, port: SerialPort, reader: LineReader) -> list[bytes]:
        """The lines that have come by now; then some time passes."""
        if self.cancelled():
            raise _Ended(ProvisioningStatus.INTERRUPTED)
        data, now = port.read(CHUNK), self.clock.now()
        if data:
            self._heard = now
        lines = reader.feed(data)
        # STM32 provisioning script: ST's firmware for the STM32WB5MM-DK ends `finish:XYZ` with no line feed.
        if not data and now - self._heard >= SILENCE and _is_result(reader.rest):
            lines = [reader.rest]
            reader.feed(b"\n")
        if not lines:
            self.clock.sleep(POLL)
        return lines

    def _take(self, port: SerialPort, line: bytes) -> None:
        """One line of the device; one that means nothing is left alone."""
        # STM32 provisioning script: `finish:` and three digits, wherever in a line.
        status = read_finish(line)
        if status is not None:
            detail = "" if status.name.isupper() else f"status {status:03d}"
            raise _Ended(status, detail)
        if not is_message(line):
            return
        try:
            message, der = read_message(line)
        except LinkError as error:
            self._trouble = f"a damaged line: {error}"
            return
        if message is LinkMessage.CSR:
            self._certify(port, der)

    def _certify(self, port: SerialPort, csr: bytes) -> None:
        """The certificates for a request; one that comes again gets the same ones."""
        if self._answer is None or self._answer[0] != csr:
            self._answer = (csr, self._ask_pki(csr))
        port.write(self._answer[1])
        self.progress(ScriptStep.CERTIFIED)

    def _ask_pki(self, csr: bytes) -> bytes:
        if self.certify is None:
            raise _Ended(ProvisioningStatus.UNKNOWN_ERROR, "a CSR came, and there is no PKI to ask")
        try:
            certificates = self.certify(csr)
            pai, dac = certificates.pai, certificates.dac
            return message_line(LinkMessage.PAI, pai) + message_line(LinkMessage.DAC, dac)
        except (PkiError, LinkError, OSError) as error:
            raise _Ended(ProvisioningStatus.UNKNOWN_ERROR, f"PKI: {error}") from None


def is_available(port: str) -> bool:
    """STM32 genFactoryData: whether a port can be opened now, by opening and closing it."""
    try:
        open_serial_port(port).close()
    except (OSError, ValueError, termios.error):
        return False
    return True


def _is_result(line: bytes) -> bool:
    """Whether an unfinished line holds what the script waits for."""
    return KEYWORD in line or read_finish(line) is not None
