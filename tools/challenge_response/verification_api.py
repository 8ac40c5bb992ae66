"""Veraison's challenge-response API as a protocol core: a request in, a response out, no sockets.

Paths, fields, media types and statuses are those of Veraison's verification service and of its description
(veraison/docs, api/challenge-response). Where service and description differ, the description holds:
evidence is taken once, and only by a session that is waiting.
"""

import base64
import uuid
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Final, Protocol

from ...interface.errors import TfmSimError
from .media_types import ACCEPT, MediaTypeError, accepts, find_evidence_type, token_profile
from .messages import JSON_TYPE, NO_STORE, Headers, Refused, Request, Response, json_response
from .nonce_text import NonceForm, NonceTextError, decode_nonce, encode_nonce
from .routes import Routes, query_of
from .sessions import Session, SessionRefused, Sessions, Why

SESSION_TYPE: Final = "application/vnd.veraison.challenge-response-session+json"
DISCOVERY_TYPE: Final = "application/vnd.veraison.discovery+json"
NEW_SESSION: Final = "/challenge-response/v1/newSession"
SESSION_PATH: Final = "/challenge-response/v1/session/{}"
WELL_KNOWN: Final = "/.well-known/veraison/verification"
DEFAULT_NONCE_SIZE: Final = 32
PSA_NONCE_SIZES: Final = (32, 48, 64)
"""RFC 9783 4.1.1; with any other a PSA attester could not answer."""
VERAISON_NONCE_SIZES: Final = range(8, 65)
_MAX_AGE: Final = 60

_STATUS: Final = {
    Why.UNKNOWN: 404,
    Why.EXPIRED: 410,
    Why.DELETED: 410,
    Why.NOT_WAITING: 409,
    Why.BUSY: 409,
    Why.NONCE_USED: 409,
    Why.EVIDENCE_USED: 409,
    Why.FULL: 503,
}


class Judge(Protocol):
    """Appraises evidence. It is given the time, and what it cannot do it says by a TfmSimError."""

    def __call__(self, evidence: bytes, media_type: str, nonce: bytes, now: float, /) -> str:
        """The attestation result, an EAR as JWT, whatever it says of the evidence."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the verifier says of itself: the public key of its results as JWK, and its version."""

    public_key: dict[str, Any] | None = None
    version: str = "tfm-sim"
    nonce_sizes: Container[int] = PSA_NONCE_SIZES
    nonce_sizes_text: str = "32, 48 or 64 bytes, which PSA and CCA tokens have"
    nonce_form: NonceForm = NonceForm.BASE64


class VerificationApi:
    """The verifier's end. It keeps sessions and asks ``judge``; results leave it only as they came."""

    def __init__(self, sessions: Sessions, judge: Judge, service: Service) -> None:
        self._sessions = sessions
        self._judge = judge
        self._service = service
        self._routes = Routes(
            {
                NEW_SESSION: {"POST": self._new_session},
                SESSION_PATH: {"POST": self._evidence, "GET": self._show, "DELETE": self._delete},
                WELL_KNOWN: {"GET": self._well_known},
            }
        )

    def handle(self, request: Request, now: float) -> Response:
        """The answer to any request; ``now`` in seconds since 1970."""
        return self._routes.answer(request, now)

    def _new_session(self, request: Request, _argument: str, now: float) -> Response:
        _expect_accept(request, SESSION_TYPE)
        nonce = self._asked_nonce(query_of(request, "nonce", "nonceSize"))
        try:
            session = self._sessions.create(nonce, now)
        except SessionRefused as refused:
            raise _refused(refused) from None
        # Veraison sends it relative to newSession, and its scripts rely on that.
        return self._session(201, session, (("Location", f"session/{session.id}"),))

    def _asked_nonce(self, query: dict[str, str]) -> int | bytes:
        service = self._service
        if len(query) == 2:
            raise Refused(400, "nonce and nonceSize are mutually exclusive")
        if "nonce" in query:
            try:
                nonce = decode_nonce(query["nonce"])
            except NonceTextError as error:
                raise Refused(400, f"nonce: {error}") from None
            if len(nonce) not in service.nonce_sizes:
                raise Refused(400, f"nonce: found {len(nonce)} bytes; legal: {service.nonce_sizes_text}")
            return nonce
        text = query.get("nonceSize", str(DEFAULT_NONCE_SIZE))
        size = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1
        if size not in service.nonce_sizes:
            raise Refused(400, f"nonceSize: found {text[:40]!r}; legal: {service.nonce_sizes_text}")
        return size

    def _evidence(self, request: Request, id_: str, now: float) -> Response:
        _expect_accept(request, SESSION_TYPE)
        if not request.body:
            raise Refused(400, "evidence: found an empty body; legal: a token")
        media_type = _evidence_media_type(request)
        name = _session_id(id_)
        try:
            session = self._sessions.submit(name, media_type, request.body, now)
        except SessionRefused as refused:
            raise _refused(refused) from None
        try:
            result = self._judge(request.body, media_type, session.nonce, now)
        except Exception as error:  # a judge's own fault must not leave the session in the air
            self._sessions.fail(name)
            said = f": {error}" if isinstance(error, TfmSimError) else ""
            raise Refused(500, f"error encountered while processing evidence{said}") from error
        return self._session(200, self._sessions.complete(name, result))

    def _show(self, request: Request, id_: str, now: float) -> Response:
        _expect_accept(request, SESSION_TYPE)
        try:
            return self._session(200, self._sessions.get(_session_id(id_), now))
        except SessionRefused as refused:
            raise _refused(refused) from None

    def _delete(self, _request: Request, id_: str, now: float) -> Response:
        try:
            self._sessions.delete(_session_id(id_), now)
        except SessionRefused as refused:
            raise _refused(refused) from None
        return Response(204)

    def _well_known(self, request: Request, _argument: str, now: float) -> Response:
        _expect_accept(request, DISCOVERY_TYPE, JSON_TYPE)
        key = self._service.public_key
        data = {
            **({"ear-verification-key": key} if key is not None else {}),
            "media-types": list(ACCEPT),
            "version": self._service.version,
            "service-state": "READY",
            "api-endpoints": {"newChallengeResponseSession": NEW_SESSION},
        }
        expires = formatdate(now + _MAX_AGE, usegmt=True)
        headers = (("Cache-Control", f"max-age={_MAX_AGE}"), ("Expires", expires))
        return json_response(200, data, DISCOVERY_TYPE, headers)

    def _session(self, status: int, session: Session, headers: Headers = ()) -> Response:
        data: dict[str, Any] = {
            "status": session.state.value,
            "nonce": encode_nonce(session.nonce, self._service.nonce_form),
            "expiry": _rfc3339(session.expiry),
            "accept": list(ACCEPT),
        }
        if session.evidence is not None:
            value = base64.b64encode(session.evidence).decode()
            data["evidence"] = {"type": session.media_type, "value": value}
        if session.result is not None:
            data["result"] = session.result
        return json_response(status, data, SESSION_TYPE, (NO_STORE, *headers))


def _expect_accept(request: Request, *offered: str) -> None:
    if not accepts(request.header("Accept"), *offered):
        raise Refused(406, f"the only supported output format is {offered[0]}")


def _evidence_media_type(request: Request) -> str:
    """The Content-Type in our spelling, if the token in the body may be sent as that. Raises Refused."""
    found = request.header("Content-Type") or ""
    try:
        kind = find_evidence_type(found)
    except MediaTypeError as error:
        raise Refused(400, str(error)) from None
    if kind is None:
        text = f"media type: found {found[:200]!r}; legal: {', '.join(ACCEPT)}"
        raise Refused(415, text, (("Accept", ", ".join(ACCEPT)),))
    profile = token_profile(request.body)
    if profile is not None and profile not in kind.profiles:
        # RFC 9782: the parameter repeats the profile of the EAT.
        legal = ", ".join(sorted(kind.profiles))
        raise Refused(400, f"evidence: found profile {profile!r} sent as {kind.text}; legal: {legal}")
    return kind.text


def _session_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Refused(400, f"session id: found {text[:80]!r}; legal: a UUID") from None


def _refused(refused: SessionRefused) -> Refused:
    status = _STATUS[refused.why]
    return Refused(status, str(refused), (("Retry-After", "60"),) if status == 503 else ())


def _rfc3339(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
