"""Addresses of this machine alone: what is served and asked without TLS does not leave it."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from ...interface.errors import ExitCode, TfmSimError

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})")
LEGAL: Final = "127.0.0.1:PORT, localhost:PORT or [::1]:PORT, PORT 0 to have one chosen"


class NotLoopback(TfmSimError):
    """An address that others than this machine could reach, or that is none."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 literal."""
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.IPv6Address("::1") if address.version == 6 else address.is_loopback


def parse_listen(text: str) -> Address:
    """A loopback address and a port. Raises NotLoopback."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[3]) > 0xFFFF:
        raise NotLoopback(f"--listen: found {text!r}; legal: {LEGAL}")
    host = match[1] or match[2]
    if not is_loopback(host):
        raise NotLoopback(f"--listen: found {host!r}, which other machines could reach; legal: {LEGAL}")
    return Address("127.0.0.1" if host.lower() == "localhost" else host, int(match[3]))


def host_of(authority: str) -> str:
    """The host of a Host field or of a URL's authority, without port and brackets."""
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:]*))(?::[0-9]*)?", authority.strip())
    return (match[1] or match[2] or "") if match else ""
