"""One connection to the server: requests read within limits of size and time, responses written."""

import io
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from .deadline import UntilDeadline
from .framing import read_body
from .loopback import host_of, is_loopback
from .messages import Refused, Request, Response, problem

MAX_REQUEST_LINE: Final = 8192
LINGER_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``request_seconds`` from the end of a response to the end of the next request, body and all."""

    body: int = 1 << 16
    request_seconds: float = 10.0
    write_seconds: float = 10.0
    connections: int = 64


class Connection(BaseHTTPRequestHandler):
    """Reads the head of a request by http.server's parser, and the rest by RFC 9112's rules."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"
    server_version = "tfm-sim"
    sys_version = ""

    def __init__(
        self,
        ask: Callable[[Request], tuple[Response, bool]],
        limits: Limits,
        log: Callable[[str], None],
        *arguments: Any,
    ) -> None:
        self._ask = ask
        self._limits = limits
        self._log = log
        super().__init__(*arguments)

    def setup(self) -> None:
        """Put the deadline between the socket and the reader."""
        super().setup()
        self._timed = UntilDeadline(self.connection)
        self.rfile = io.BufferedReader(self._timed)

    def handle_one_request(self) -> None:
        """One request and its response; then the connection ends or not, as ``close_connection`` says."""
        self.close_connection = True
        self.command = self.path = self.requestline = ""
        self.request_version = self.protocol_version
        self._timed.start(self._limits.request_seconds)
        try:
            self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE + 1)
            if self.raw_requestline in (b"\r\n", b"\n"):  # RFC 9112 2.2: one empty line before is nothing
                self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE + 1)
            if not self.raw_requestline:
                return
            if len(self.raw_requestline) > MAX_REQUEST_LINE:
                self.send_error(414, f"request line: legal: at most {MAX_REQUEST_LINE} bytes")
            elif (words := len(self.raw_requestline.split())) != 3:  # HTTP/0.9 has two, and no headers
                self.send_error(400, f"request line: found {words} words; legal: method, target, HTTP/1.1")
            elif self.parse_request():
                self._answer()
        except TimeoutError:
            if self._timed.received:
                with suppress(OSError):
                    self.send_error(408, f"the request took longer than {self._limits.request_seconds:g} s")
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        keep = not self.close_connection
        self.close_connection = True
        try:
            request = self._request()
        except Refused as refused:
            self._send(problem(refused))
            self._linger()
            return
        response, last = self._ask(request)
        self.close_connection = last or not keep
        self._send(response)

    def _request(self) -> Request:
        """The request with its body. Raises Refused for what is no request to this server."""
        headers = tuple((name, str(value)) for name, value in self.headers.items())
        if self.headers.defects or any(set(value) & set("\r\n\0") for _, value in headers):
            raise Refused(400, "headers: found a malformed line; legal: name: value")
        self._check_host([value for name, value in headers if name.lower() == "host"])
        for origin in (value for name, value in headers if name.lower() == "origin"):
            if not is_loopback(host_of(origin.partition("://")[2])):
                raise Refused(403, f"Origin: found {origin[:100]!r}; legal: a page of this machine, or none")
        self.path = self._origin_form(self.path)
        body = read_body(headers, self.rfile, self._limits.body, version=self.request_version)
        return Request(self.command, self.path, headers, body)

    def _origin_form(self, target: str) -> str:
        """RFC 9112 3.2.2: of a target in absolute form it is the host there that counts, not the field."""
        scheme, found, rest = target.partition("://")
        if not found or scheme.lower() not in ("http", "https"):
            return target
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if not is_loopback(host_of(authority)):
            raise Refused(421, f"target: found {target[:100]!r}; legal: localhost, 127.0.0.1 or [::1]")
        path = rest[len(authority) :]
        return path if path.startswith("/") else f"/{path}"

    def _check_host(self, hosts: list[str]) -> None:
        """A page from elsewhere may have its own name resolve to this machine; the Host field tells."""
        if not hosts and self.request_version == "HTTP/1.0":
            return
        if len(hosts) != 1:
            raise Refused(400, f"Host: found {len(hosts)} of them; legal: one")
        if not is_loopback(host_of(hosts[0])):
            raise Refused(421, f"Host: found {hosts[0][:100]!r}; legal: localhost, 127.0.0.1 or [::1]")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parser refuses, as a problem too."""
        self.close_connection = True
        self._send(problem(Refused(int(code), message or explain or "a malformed request")))
        self._linger()

    def _send(self, response: Response) -> None:
        self.connection.settimeout(self._limits.write_seconds)
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self._tell(response)

    def _tell(self, response: Response) -> None:
        line = f"{self.command or '?'} {self.path.partition('?')[0][:200] or '?'} {response.status}"
        self._log(f"{line}: {response.detail}" if response.status >= 400 else line)

    def _linger(self) -> None:
        """Take what the client is still sending, or a reset would overtake the response (RFC 9112 9.6)."""
        self._timed.start(LINGER_SECONDS)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self._timed.readinto(bytearray(1 << 16)):
                pass

    def log_message(self, format: str, *args: Any) -> None:
        """http.server's own lines go nowhere; `_tell` has ours."""
