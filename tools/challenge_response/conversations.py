"""What the asking sides say, without sockets: an attester to a verifier, a relying party to a device.

The first is RATS' passport model (RFC 9334 5.1) over Veraison's API: the verifier's nonce, the device's
evidence, the verifier's result. The second is the background-check model (5.2): the relying party draws the
nonce and judges.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ...interface.errors import ExitCode, TfmSimError
from .client import Ask, CannotAsk, Conversation, same_origin
from .device_api import ATTEST
from .media_types import MediaTypeError, accepts, media_types_of, parse_media_type
from .messages import JSON_TYPE, Response
from .nonce_text import NonceForm, NonceTextError, decode_nonce, encode_nonce
from .verification_api import DISCOVERY_TYPE, NEW_SESSION, SESSION_TYPE, WELL_KNOWN

POLLS: Final = 10
POLL_SECONDS: Final = 1.0


class EvidenceRefused(TfmSimError):
    """The verifier does not take the evidence, or failed over it."""

    exit_code = ExitCode.NO


class DeviceRefused(TfmSimError):
    """The device's attestation service answered the challenge with an error status."""

    exit_code = ExitCode.NO


class DeviceDown(TfmSimError):
    """The device has panicked."""

    exit_code = ExitCode.PANIC


@dataclass(frozen=True, slots=True)
class Attested:
    """What came of a session: ``result`` is the verifier's, an EAR as JWT where it speaks Veraison's API."""

    nonce: bytes
    evidence: bytes
    media_type: str
    result: str


def new_session_url(base: str) -> str:
    """A verifier's address, or the whole URL of its newSession as evcli takes it."""
    return _at(base, NEW_SESSION)


def attest_to(base: str, nonce_size: int, attester: Callable[[bytes], bytes]) -> Conversation[Attested]:
    """Have a verifier judge what ``attester`` makes of its nonce; the session is deleted at the end.

    Raises EvidenceRefused, CannotAsk, and what ``attester`` raises.
    """
    url = new_session_url(base)
    accept = (("Accept", SESSION_TYPE),)
    created = yield Ask("POST", f"{url}?nonceSize={nonce_size}", accept)
    if created.status != 201:
        raise CannotAsk(f"{url}: {created.status}: {created.detail}; legal: 201 and a session")
    location = created.header("Location")
    if location is None:
        raise CannotAsk(f"{url}: found no Location; legal: that of the session")
    session = same_origin(url, location)
    data = _session(url, created)
    nonce = _nonce(url, data)
    evidence = attester(nonce)
    media_type = choose_media_type(evidence, data.get("accept"))
    answer = yield Ask("POST", session, (("Content-Type", media_type), *accept), evidence)
    for _ in range(POLLS):
        if answer.status not in (200, 202) or _session(session, answer).get("status") != "processing":
            break
        answer = yield Ask("GET", session, accept, after=POLL_SECONDS)
    yield Ask("DELETE", session)
    if answer.status not in (200, 202):
        raise EvidenceRefused(f"the verifier refused the evidence: {answer.status}: {answer.detail}")
    data = _session(session, answer)
    if data.get("status") != "complete" or not isinstance(data.get("result"), str):
        raise EvidenceRefused(
            f"{session}: found status {data.get('status')!r:.40}; legal: complete, with a result"
        )
    return Attested(nonce, evidence, media_type, data["result"])


def choose_media_type(evidence: bytes, accepted: object) -> str:
    """The first type of ours for this token that a verifier's list has, in the list's spelling.

    Raises CannotAsk.
    """
    if not isinstance(accepted, list) or not all(isinstance(one, str) for one in accepted):
        raise CannotAsk(f"accept: found {accepted!r:.200}; legal: a list of media types")
    theirs = {}
    for text in accepted:
        try:
            theirs[parse_media_type(text)] = text
        except MediaTypeError:
            continue  # one that it has beside ours
    ours = media_types_of(evidence)
    for text in ours:
        if (kind := parse_media_type(text)) in theirs:
            return str(theirs[kind])
    raise CannotAsk(
        f"the verifier accepts {', '.join(accepted)[:500] or 'nothing'}; legal for this token: "
        f"{', '.join(ours) or 'none, its profile is unknown'}"
    )


def discover(base: str) -> Conversation[dict[str, Any]]:
    """A verifier's description of itself, with the key of its results. Raises CannotAsk."""
    parts = urlsplit(base)
    url = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}"
    answer = yield Ask("GET", url, (("Accept", f"{DISCOVERY_TYPE}, {JSON_TYPE}"),))
    data = answer.data()
    if answer.status != 200 or not isinstance(data, dict):
        raise CannotAsk(f"{url}: {answer.status}: {answer.detail}; legal: 200 and a JSON object")
    return data


def ask_device(base: str, challenge: bytes) -> Conversation[bytes]:
    """A device's evidence over ``challenge``. Raises DeviceRefused, DeviceDown, CannotAsk."""
    url = _at(base, ATTEST)
    body = json.dumps({"nonce": encode_nonce(challenge, NonceForm.BASE64URL)}).encode()
    answer = yield Ask("POST", url, (("Content-Type", JSON_TYPE),), body)
    if answer.status == 200:
        _check_evidence_type(url, answer)
        return answer.body
    data = answer.data()
    members = data if isinstance(data, dict) else {}
    if "psa_status" in members:
        raise DeviceRefused(f"the device refused: {answer.detail}")
    if answer.status == 503 and "rule" in members:
        raise DeviceDown(answer.detail)
    raise CannotAsk(f"{url}: {answer.status}: {answer.detail}; legal: 200 and evidence")


def _check_evidence_type(url: str, answer: Response) -> None:
    """RFC 9782: the media type says the profile, and the token must not say another."""
    found = answer.header("Content-Type") or ""
    ours = media_types_of(answer.body)
    try:
        told = parse_media_type(found)
    except MediaTypeError as error:
        raise CannotAsk(f"{url}: {error}") from None
    if ours and told not in map(parse_media_type, ours):
        raise CannotAsk(f"{url}: found evidence sent as {found[:200]}; legal for it: {', '.join(ours)}")


def _at(base: str, path: str) -> str:
    parts = urlsplit(base)
    return base if parts.path not in ("", "/") else f"{parts.scheme}://{parts.netloc}{path}"


def _session(url: str, answer: Response) -> dict[str, Any]:
    data = answer.data()
    if not accepts(answer.media_type, SESSION_TYPE) or not isinstance(data, dict):
        raise CannotAsk(f"{url}: found {answer.media_type or 'no media type'}; legal: {SESSION_TYPE}")
    return data


def _nonce(url: str, data: dict[str, Any]) -> bytes:
    text = data.get("nonce")
    try:
        return decode_nonce(text if isinstance(text, str) else "?")
    except NonceTextError as error:
        raise CannotAsk(f"{url}: nonce: {error}") from None
