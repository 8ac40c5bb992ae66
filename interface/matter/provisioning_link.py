"""The serial line between a device that is being provisioned and its programming PC.

``Init``, ``Start_provisioning`` and ``finish:NNN`` are ST's (X-CUBE-MATTER, STM32_provisioning.py): 115200
baud, 8 data bits, no parity, 1 stop bit, lines of ASCII. How certificate request and certificates travel ST
leaves to the customer's middleware; here each is one line of its own::

    CSR:<size>:<crc>:<base64>     device to PC: PKCS#10, DER
    PAI:<size>:<crc>:<base64>     PC to device: X.509, DER
    DAC:<size>:<crc>:<base64>     PC to device: X.509, DER

    MODE:test, MODE:production    PC to device, in front of `Init`

``size`` is that of the DER in bytes, decimal; ``crc`` the CRC-32 of the DER as zlib has it, 8 lower-case hex
digits; base64 is RFC 4648's with padding. A line ends with a line feed, a carriage return in front of it does
no harm. PAI and DAC may come in either order. MODE says where an STM32WB55 is to keep its private key: the
programming tool's --mode, which the script forwards.
"""

import base64
import binascii
import re
import zlib
from enum import StrEnum
from typing import Final

from ..errors import TfmSimError
from ..open_enum import OpenIntEnum

BAUD_RATE: Final = 115200
TIME_LIMIT: Final = 30.0
"""Seconds that either side waits: for synchronisation, and again for the result."""
INIT: Final = b"Init\n"
START_PROVISIONING: Final = b"Start_provisioning\r\n"
DER_LIMIT: Final = 600
"""Matter 1.4 6.1.2: the largest certificate in bytes (SDK kMax_x509_Certificate_Length)."""
LINE_LIMIT: Final = 1024
"""The longest line in bytes, its end not counted; a longer one is dropped whole."""

_FINISH: Final = re.compile(rb"finish:([0-9]{3})(?![0-9])")
_MESSAGE: Final = re.compile(rb"(CSR|PAI|DAC):([0-9]{1,4}):([0-9a-f]{8}):([A-Za-z0-9+/]*={0,2})")


class LinkError(TfmSimError):
    """A line that is no message of this link."""


class TooLong(LinkError):
    """A message whose DER, or whose line, is over the limit."""


class LinkMessage(StrEnum):
    """What a line of ours carries."""

    CSR = "CSR"
    PAI = "PAI"
    DAC = "DAC"


class ProvisioningMode(StrEnum):
    """genFactoryData --mode: the private key of an STM32WB55 in flash, or in the customer key storage."""

    TEST = "test"
    PRODUCTION = "production"


class ProvisioningStatus(OpenIntEnum):
    """The result of a provisioning. A device says 0 to 999; the last two exist on the PC only."""

    DONE = 0
    DATA_NOT_FOUND = 1
    BUFFER_TOO_SMALL = 2
    PARAM_ERROR = 3
    NOT_INIT = 4
    UNKNOWN_ERROR = 0xFFFE
    INTERRUPTED = 0xFFFF

    @property
    def message(self) -> str:
        """What the provisioning script prints of it (ST's words)."""
        return _MESSAGES.get(int(self), _MESSAGES[int(ProvisioningStatus.UNKNOWN_ERROR)])


_MESSAGES: Final = {
    0: "Provisioning Done",
    1: "Data not found",
    2: "Buffer too small",
    3: "Parameter error",
    4: "STM32 not init or fail in synchronization",
    0xFFFE: "Provisioning completed with unknown error",
    0xFFFF: "Provisioning interrupted by user",
}


def mode_line(mode: ProvisioningMode) -> bytes:
    """The line that forwards ``mode``, its end included."""
    return b"MODE:%s\n" % mode.encode()


def read_mode(line: bytes) -> ProvisioningMode | None:
    """The mode in a line that forwards one, None for any other line."""
    found = {mode_line(mode).strip(): mode for mode in ProvisioningMode}
    return found.get(line.strip())


def finish_line(status: int) -> bytes:
    """``finish:`` and three decimal digits, as the device sends it. Raises LinkError outside 0 to 999."""
    if not 0 <= status <= 999:
        raise LinkError(f"result: found {status}; legal: 0 to 999, three digits on the line")
    return b"finish:%03d\r\n" % status


def read_finish(line: bytes) -> ProvisioningStatus | None:
    """The status in a line that holds ``finish:XYZ``, None for any other."""
    found = _FINISH.search(line)
    return ProvisioningStatus(int(found[1])) if found else None


def message_line(message: LinkMessage, der: bytes) -> bytes:
    """The line that carries ``der``, its end included. Raises TooLong for more than 600 bytes."""
    if len(der) > DER_LIMIT:
        raise TooLong(f"{message}: found {len(der)} bytes of DER; legal: up to {DER_LIMIT}")
    body = base64.b64encode(der)
    return b"%s:%d:%08x:%s\r\n" % (message.encode(), len(der), zlib.crc32(der), body)


def is_message(line: bytes) -> bool:
    """Whether a line at least begins as a message of ours does; noise and ST's own lines do not."""
    return line.lstrip()[:4] in (b"CSR:", b"PAI:", b"DAC:")


def read_message(line: bytes) -> tuple[LinkMessage, bytes]:
    """What a line carries, checked. Raises TooLong for more than 600 bytes of DER, else LinkError."""
    found = _MESSAGE.fullmatch(line.strip())
    if found is None:
        raise LinkError(f"line {line[:40]!r}: no CSR, PAI or DAC; legal: NAME:size:crc32:base64")
    name, size = LinkMessage(found[1].decode()), int(found[2])
    if size > DER_LIMIT:
        raise TooLong(f"{name}: found {size} bytes of DER; legal: up to {DER_LIMIT}")
    try:
        der = base64.b64decode(found[4], validate=True)
    except binascii.Error as error:
        raise LinkError(f"{name}: base64 with {error}; legal: RFC 4648 with padding") from error
    if len(der) != size:
        raise LinkError(f"{name}: found {len(der)} bytes of DER; legal: {size}, as the line says")
    if zlib.crc32(der) != int(found[3], 16):
        raise LinkError(f"{name}: CRC-32 {zlib.crc32(der):08x}; legal: {found[3].decode()}, as the line says")
    return name, der


class LineReader:
    """Makes lines of the bytes that arrive. One that is too long is dropped up to its end."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._line = bytearray()
        self._dropping = False
        self.dropped = 0
        """How many lines were too long."""

    @property
    def rest(self) -> bytes:
        """What has come of a line whose end has not; empty for one that is being dropped."""
        return bytes(self._line)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their ends; empty ones are left out."""
        lines = []
        for byte in data:
            if byte == 0x0A:
                line = bytes(self._line).rstrip(b"\r")
                if line and not self._dropping:
                    lines.append(line)
                self._line.clear()
                self._dropping = False
            elif not self._dropping:
                self._line.append(byte)
                if len(self._line) > self._limit:
                    self._line.clear()
                    self._dropping = True
                    self.dropped += 1
        return lines
