"""A device's end: a nonce in, evidence out. What a non-secure program would be that listens on a network.

It tells what such a program can know: what the attestation service answers, and what it was built as. The key
that verifies the evidence is not to be had here, nor is the lifecycle: the first is the factory's to hand
out (a key that comes with the evidence proves nothing), the second is believed only in a signed token.
"""

from collections.abc import Callable
from typing import Any, Final

from ...interface.errors import TfmSimError
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PsaError
from ...spm.panic import DevicePanic
from .media_types import MediaTypeError, accepts, media_types_of, parse_media_type
from .messages import JSON_TYPE, NO_STORE, Refused, Request, Response, json_response
from .nonce_text import NonceTextError, decode_nonce
from .routes import Routes, query_of

ATTEST: Final = "/attestation/v1/token"
DESCRIPTION: Final = "/.well-known/tfm-sim/attestation"
BYTES_TYPE: Final = "application/octet-stream"
CHALLENGE_SIZES: Final = (32, 48, 64)
MAX_CHALLENGE: Final = 256
"""Bytes that the program hands on; what the service makes of them is its own affair."""


class DeviceApi:
    """``attester`` asks the device's attestation service for a token; it raises PsaError, DevicePanic."""

    def __init__(self, attester: Callable[[bytes], bytes], description: dict[str, Any]) -> None:
        self._attester = attester
        self._description = description
        self.panic: DevicePanic | None = None
        self._routes = Routes({ATTEST: {"POST": self._attest}, DESCRIPTION: {"GET": self._describe}})

    def handle(self, request: Request, now: float) -> Response:
        """The answer to any request."""
        return self._routes.answer(request, now)

    def _attest(self, request: Request, _argument: str, _now: float) -> Response:
        query_of(request)
        challenge = _challenge(request)
        self._expect_running()
        try:
            token = self._attester(challenge)
        except PsaError as error:
            raise _status_refused(error, challenge) from None
        except DevicePanic as panic:
            self.panic = panic
            raise self._down() from None
        except TfmSimError as error:
            raise Refused(503, f"the device could not be asked: {error}") from None
        types = media_types_of(token) or (BYTES_TYPE,)
        accept = request.header("Accept")
        chosen = next((one for one in types if accepts(accept, one.partition(";")[0])), None)
        if chosen is None:
            raise Refused(406, f"Accept: found {str(accept)[:200]!r}; legal: {', '.join(types)}")
        return Response(200, (("Content-Type", chosen), NO_STORE), token)

    def _describe(self, request: Request, _argument: str, _now: float) -> Response:
        if not accepts(request.header("Accept"), JSON_TYPE):
            raise Refused(406, f"the only supported output format is {JSON_TYPE}")
        data = {
            **self._description,
            "challenge-sizes": list(CHALLENGE_SIZES),
            "service-state": "READY" if self.panic is None else "DOWN",
            "api-endpoints": {"token": ATTEST},
        }
        return json_response(200, data, JSON_TYPE, (NO_STORE,))

    def _expect_running(self) -> None:
        if self.panic is not None:
            raise self._down()

    def _down(self) -> Refused:
        report = self.panic.report if self.panic is not None else None
        members = {"culprit": report.culprit, "rule": report.rule} if report is not None else {}
        return Refused(503, " ".join(str(self.panic).split()), members=members)


def _challenge(request: Request) -> bytes:
    """The challenge of a request: a body of its bytes, or JSON with them as "nonce". Raises Refused."""
    found = request.header("Content-Type") or BYTES_TYPE
    try:
        essence = parse_media_type(found).essence
    except MediaTypeError as error:
        raise Refused(400, str(error)) from None
    match essence:
        case "application/octet-stream":
            challenge = request.body
        case "application/json":
            challenge = _challenge_of_json(request)
        case _:
            legal = f"{JSON_TYPE}, {BYTES_TYPE}"
            raise Refused(415, f"media type: found {found[:200]!r}; legal: {legal}", (("Accept", legal),))
    if len(challenge) > MAX_CHALLENGE:
        raise Refused(400, f"challenge: found {len(challenge)} bytes; legal: 32, 48 or 64")
    return challenge


def _challenge_of_json(request: Request) -> bytes:
    # A request and a response have the same bodies.
    data = Response(200, request.headers, request.body).data()
    if not isinstance(data, dict) or list(data) != ["nonce"] or not isinstance(data["nonce"], str):
        raise Refused(400, f'body: found {request.body[:100]!r}; legal: {{"nonce": "base64url"}}')
    try:
        return decode_nonce(data["nonce"])
    except NonceTextError as error:
        raise Refused(400, f"nonce: {error}") from None


def _status_refused(error: PsaError, challenge: bytes) -> Refused:
    """A service's refusal: the client's fault if it was the argument, else the device's."""
    members = {"psa_status": int(error.status), "psa_status_name": error.status.name}
    if error.status != PSA_ERROR_INVALID_ARGUMENT:
        return Refused(500, str(error), members=members)
    return Refused(
        400, f"{error}; a challenge has 32, 48 or 64 bytes, this one {len(challenge)}", members=members
    )
