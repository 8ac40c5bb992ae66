"""The asking side over HTTP: one request, one response, from this machine unless the user says otherwise."""

import http.client
import socket
import ssl
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urljoin, urlsplit

from ...interface.errors import TfmSimError
from .deadline import Answering
from .loopback import is_loopback
from .messages import Headers, Request, Response

MAX_RESPONSE: Final = 1 << 20
DEFAULT_TIMEOUT: Final = 10.0
"""Seconds for a connection, and then for the whole answer, however its bytes drip."""
Answer = TypeVar("Answer")


class CannotAsk(TfmSimError):
    """The other side is not there, or says what no such service says."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a whole URL; ``after`` so many seconds of waiting."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    after: float = 0.0

    @property
    def request(self) -> Request:
        """The same as the server sees it."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Request(self.method, target, self.headers, self.body)


Conversation = Generator[Ask, Response, Answer]
"""A client's side of a protocol, without sockets: it yields what it asks and is sent what comes back."""
Transport = Callable[[Ask], Response]


def converse(conversation: Conversation[Answer], transport: Transport) -> Answer:
    """Carry a conversation to its end. Raises what it and the transport raise."""
    try:
        ask = next(conversation)
        while True:
            ask = conversation.send(transport(ask))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


def check_url(text: str, *, remote: bool = False) -> str:
    """A base URL that may be asked. Raises CannotAsk for another machine's, unless ``remote``."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or port == 0:
        raise CannotAsk(f"URL: found {text[:200]!r}; legal: http://127.0.0.1:PORT or another http(s) URL")
    if not remote and not is_loopback(host):
        raise CannotAsk(f"URL: found host {host!r}; legal: this machine, or with --remote any")
    return text


def same_origin(base: str, reference: str) -> str:
    """A reference resolved against the URL that it came from. Raises CannotAsk if it leads elsewhere."""
    try:
        found = urljoin(base, reference)
        there, here = urlsplit(found), urlsplit(base)
    except ValueError:
        raise CannotAsk(f"Location: found {reference[:200]!r}; legal: a URL") from None
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise CannotAsk(
            f"Location: found {reference[:200]!r}; legal: a path of {here.scheme}://{here.netloc}"
        )
    return found


def http_transport(
    sleep: Callable[[float], None], *, timeout: float = DEFAULT_TIMEOUT, remote: bool = False
) -> Transport:
    """Requests over sockets, a connection each; no redirect is followed. The transport raises CannotAsk."""

    def transport(ask: Ask) -> Response:
        check_url(ask.url, remote=remote)
        if ask.after:
            sleep(ask.after)
        parts = urlsplit(ask.url)
        assert parts.hostname is not None
        connection = (
            http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        )
        plain: socket.socket | None = None
        try:
            connection.connect()
            plain = connection.sock
            connection.sock = Answering(plain, timeout)
            connection.request(ask.method, ask.request.target, ask.body or None, dict(ask.headers))
            answer = connection.getresponse()
            body = answer.read(MAX_RESPONSE + 1)
            headers = tuple(answer.getheaders())
        except (OSError, http.client.HTTPException, ValueError) as error:
            said = str(getattr(error, "strerror", None) or error)[:200].strip() or type(error).__name__
            raise CannotAsk(f"{ask.url}: {said}; legal: a service that answers") from None
        finally:
            if plain is not None:
                plain.close()
        if len(body) > MAX_RESPONSE:
            raise CannotAsk(f"{ask.url}: found an answer over {MAX_RESPONSE} bytes; legal: fewer")
        if answer.length:  # what its Content-Length says is still to come
            raise CannotAsk(f"{ask.url}: found an answer that breaks off; legal: a service that answers")
        return Response(answer.status, headers, body)

    return transport
