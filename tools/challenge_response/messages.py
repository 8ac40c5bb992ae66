"""HTTP requests and responses as values, and refusals as RFC 9457 problems. No sockets here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from ...interface.errors import TfmSimError

PROBLEM_TYPE: Final = "application/problem+json"
JSON_TYPE: Final = "application/json"
NO_STORE: Final = ("Cache-Control", "no-store")
"""Nonces and evidence are for one use: no cache between keeps them."""
MAX_DETAIL: Final = 500
"""Characters of what the other side says that are told on."""
Headers = tuple[tuple[str, str], ...]


def _find(headers: Headers, name: str) -> str | None:
    found = [value for key, value in headers if key.lower() == name.lower()]
    return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class Request:
    """``target`` is the path with its query, as it stands in the request line."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A field's value; several lines of one name are one list (RFC 9110 5.3)."""
        return _find(self.headers, name)


@dataclass(frozen=True, slots=True)
class Response:
    """Without Content-Length, which whoever sends it adds."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A field's value; several lines of one name are one list."""
        return _find(self.headers, name)

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in small letters; empty if there is none."""
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    def data(self) -> Any:
        """The body's JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def detail(self) -> str:
        """What a problem says, on one line; the status' own name where the body says nothing."""
        data = self.data()
        if isinstance(data, dict) and isinstance(data.get("detail"), str):
            return (
                data["detail"] if len(data["detail"]) <= MAX_DETAIL else f"{data['detail'][:MAX_DETAIL]}..."
            )
        return title(self.status)


class Refused(TfmSimError):
    """A request gets this status and reason in place of an answer."""

    def __init__(
        self, status: int, detail: str, headers: Headers = (), members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
        self.members = dict(members or {})


def title(status: int) -> str:
    """The name of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def json_response(status: int, data: Any, media_type: str = JSON_TYPE, headers: Headers = ()) -> Response:
    """A response with a JSON body, one line that ends."""
    body = json.dumps(data).encode() + b"\n"
    return Response(status, (("Content-Type", media_type), *headers), body)


def problem(refused: Refused) -> Response:
    """RFC 9457 3: type, title, status and detail, then the members of this kind of problem."""
    data = {
        "type": "about:blank",
        "title": title(refused.status),
        "status": refused.status,
        "detail": str(refused),
        **refused.members,
    }
    return json_response(refused.status, data, PROBLEM_TYPE, (NO_STORE, *refused.headers))
