"""Both ends of challenge and response without sockets: requests by hand, a clock to turn."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tfm_sim.tools.challenge_response.client import Ask, Transport
from tfm_sim.tools.challenge_response.messages import PROBLEM_TYPE, Headers, Request, Response
from tfm_sim.tools.challenge_response.routes import Api
from tfm_sim.tools.challenge_response.sessions import Sessions
from tfm_sim.tools.challenge_response.verification_api import (
    NEW_SESSION,
    SESSION_TYPE,
    Judge,
    Service,
    VerificationApi,
)

START = 1_790_000_000.0
ACCEPT = (("Accept", SESSION_TYPE),)


def counting_random(label: str = "nonce") -> Callable[[int], bytes]:
    """A random source that repeats: SHA-256 over a counter."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        block = b"".join(sha256(f"{label} {count} {part}".encode()).digest() for part in range(3))
        return block[:size]

    return draw


class Verifier:
    """A VerificationApi, and the clock that it is told."""

    def __init__(self, judge: Judge, service: Service | None = None, **options: Any) -> None:
        self.now = START
        self.api = VerificationApi(Sessions(counting_random(), **options), judge, service or Service())

    def __call__(
        self, method: str, target: str, body: bytes = b"", headers: Headers = ACCEPT, **more: str
    ) -> Response:
        extra = tuple((name.replace("_", "-"), value) for name, value in more.items())
        return self.api.handle(Request(method, target, (*headers, *extra), body), self.now)

    def new_session(self, query: str = "nonceSize=32") -> tuple[str, bytes]:
        """The path of a new session, and its nonce."""
        answer = self("POST", f"{NEW_SESSION}?{query}")
        assert answer.status == 201, answer
        return f"/challenge-response/v1/{answer.header('Location')}", nonce_of(answer)

    def transport(self) -> Transport:
        """For conversations."""
        return transport_to(self.api, lambda: self.now)


def transport_to(api: Api, clock: Callable[[], float] = lambda: START) -> Transport:
    """Requests straight into a core."""

    def transport(ask: Ask) -> Response:
        return api.handle(ask.request, clock())

    return transport


def nonce_of(answer: Response) -> bytes:
    return base64.b64decode(answer.data()["nonce"], validate=True)


def expect_problem(answer: Response, status: int, *words: str) -> dict[str, Any]:
    """RFC 9457: the members that every problem has, and what this one must say."""
    assert answer.status == status, answer
    assert answer.header("Content-Type") == PROBLEM_TYPE
    assert answer.header("Cache-Control") == "no-store"
    data: dict[str, Any] = json.loads(answer.body)
    assert data["status"] == status
    assert data["type"] == "about:blank"
    assert data["title"]
    for word in words:
        assert word in data["detail"], data["detail"]
    return data
