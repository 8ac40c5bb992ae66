"""From method and path to a handler; every refusal becomes a problem."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from .messages import Refused, Request, Response, problem

Handler = Callable[[Request, str, float], Response]
"""Gets the request, the last segment of a path that ends in ``/{}``, and the time in seconds since 1970."""


class Api(Protocol):
    """What a server serves: it answers every request, and reads no clock and no socket."""

    def handle(self, request: Request, now: float) -> Response:
        """The answer to any request; never an exception."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Paths, and what each method does there. GET answers HEAD too (RFC 9110 9.3.2)."""

    table: Mapping[str, Mapping[str, Handler]]

    def answer(self, request: Request, now: float) -> Response:
        """What the handler says, or the problem that it or the table has with the request."""
        try:
            handlers, argument = self._find(request.target.partition("?")[0])
            method = "GET" if request.method == "HEAD" else request.method
            if method not in handlers:
                legal = [*handlers, *(["HEAD"] if "GET" in handlers else [])]
                text = f"method: found {request.method[:40]!r}; legal: {', '.join(legal)}"
                raise Refused(405, text, (("Allow", ", ".join(legal)),))
            return handlers[method](request, argument, now)
        except Refused as refused:
            return problem(refused)

    def _find(self, path: str) -> tuple[Mapping[str, Handler], str]:
        if path in self.table and not path.endswith("{}"):
            return self.table[path], ""
        parent, _, last = path.rpartition("/")
        pattern = f"{parent}/{{}}"
        if last and pattern in self.table:
            return self.table[pattern], unquote(last)
        raise Refused(404, f"path: found {path[:200]!r}; legal: {', '.join(self.table)}")


def query_of(request: Request, *legal: str) -> dict[str, str]:
    """The query's parameters, each at most once, no other ones. Raises Refused."""
    text = request.target.partition("?")[2]
    try:
        pairs = (
            parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=20) if text else []
        )
    except ValueError:
        raise Refused(400, f"query: found {text[:200]!r}; legal: name=value, joined by &") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in legal or name in found:
            raise Refused(400, f"query: found {name[:40]!r}; legal: {', '.join(legal)}, each once")
        found[name] = value
    return found
