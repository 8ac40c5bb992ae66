"""Where an HTTP/1.1 request's body ends (RFC 9112 6 and 7), and that no two readers could disagree on it."""

import re
from typing import Final, Protocol

from .messages import Headers, Refused

MAX_LINE: Final = 256
MAX_TRAILERS: Final = 16
_OWS: Final = " \t"
"""RFC 9110 5.6.3; Python's own strip takes what others take for a part of the value."""


class Source(Protocol):
    """A buffered stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end."""

    def readline(self, size: int, /) -> bytes:
        """A line with its end, at most so many bytes of it."""


def read_body(headers: Headers, source: Source, limit: int, *, version: str = "HTTP/1.1") -> bytes:
    """The body that the headers announce, at most ``limit`` bytes.

    Raises Refused: 400 for what could be read in two ways or ends early, 413 for too much, 501 for another
    transfer coding than chunked. After that the stream is of no more use.
    """
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    codings = [value for name, value in headers if name.lower() == "transfer-encoding"]
    if codings:
        if lengths:  # RFC 9112 6.3: an attempt at request smuggling
            raise Refused(400, "body: found Content-Length and Transfer-Encoding; legal: one of them")
        if version == "HTTP/1.0":  # RFC 9112 6.1: what lies between may have read it otherwise
            raise Refused(400, "Transfer-Encoding: found in HTTP/1.0; legal: Content-Length")
        if [value.strip(_OWS).lower() for value in codings] != ["chunked"]:
            raise Refused(501, f"Transfer-Encoding: found {', '.join(codings)[:100]!r}; legal: chunked")
        return _chunked(source, limit)
    if not lengths:
        return b""
    if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0].strip(_OWS)):
        raise Refused(400, f"Content-Length: found {', '.join(lengths)[:100]!r}; legal: one decimal number")
    size = int(lengths[0].strip(_OWS))
    if size > limit:
        raise Refused(413, f"body: found {size} bytes; legal: at most {limit}")
    return _exactly(source, size)


def _chunked(source: Source, limit: int) -> bytes:
    body = bytearray()
    while True:
        line = _line(source)
        size_text = line.partition(b";")[0].strip(_OWS.encode())
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_text):
            raise Refused(400, f"chunk: found {line[:40]!r}; legal: its size in hex")
        size = int(size_text, 16)
        if size == 0:
            break
        if len(body) + size > limit:
            raise Refused(413, f"body: found more than {limit} bytes; legal: at most {limit}")
        body += _exactly(source, size)
        if _exactly(source, 2) != b"\r\n":
            raise Refused(400, f"chunk: found more than its {size} bytes; legal: CR LF behind them")
    for _ in range(MAX_TRAILERS):
        if not _line(source):
            return bytes(body)
    raise Refused(400, f"trailers: found more than {MAX_TRAILERS}; legal: none is of use here")


def _exactly(source: Source, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise Refused(400, f"body: found its end after {len(data)} of {size} bytes")
    return data


def _line(source: Source) -> bytes:
    line = source.readline(MAX_LINE + 1)
    if not line.endswith(b"\r\n"):
        raise Refused(
            400, f"body: found {line[:40]!r}; legal: a line that CR LF ends, at most {MAX_LINE} bytes"
        )
    return line[:-2]
