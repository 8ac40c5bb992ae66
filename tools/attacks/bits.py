"""Damage: one bit changed, or an end missing."""

from dataclasses import replace

from ..verifier import Kind
from .mutation import ACCEPTED, OnMessage, Rule, refused, tolerated
from .subject import Part, Target
from .traits import HAS_KID, MAC_OR_REALM, NO_PLATFORM, NOT_IN_REALM, NOT_REALM, SIGN1

COVERED = "the signature covers the exact payload bytes"


def flip(data: bytes, bit: int) -> bytes:
    """``data`` with one bit changed; bit 0 is the lowest of the first byte, counted modulo the length."""
    index, shift = divmod(bit % (8 * len(data)), 8)
    return data[:index] + bytes((data[index] ^ 1 << shift,)) + data[index + 1 :]


def chosen(target: Target, size: int) -> int:
    """The place that the means name, or one by the dice, below ``size``."""
    at = target.means.at
    return target.dice.randrange(size) if at is None else at % size


def _payload(target: Target) -> bytes:
    payload = target.message.payload
    return replace(target.message, payload=flip(payload, chosen(target, 8 * len(payload)))).encode()


def _signature(target: Target) -> bytes:
    signature = target.message.signature
    return replace(target.message, signature=flip(signature, chosen(target, 8 * len(signature)))).encode()


def _protected(target: Target) -> bytes:
    protected = target.message.protected
    return replace(target.message, protected=flip(protected, chosen(target, 8 * len(protected)))).encode()


def _kid(target: Target) -> bytes:
    headers = target.message.headers
    kid = headers.get(4) or b"\x40"
    head = 1 if len(kid) <= 24 else 2
    body = flip(kid[head:], chosen(target, 8 * len(kid[head:]))) if kid[head:] else b""
    return target.message.with_headers(headers.put(4, kid[:head] + body if body else b"\x41\x00")).encode()


def _anywhere(target: Target) -> bytes:
    """COSE leaves the unprotected header open, so a flip there is another mutation."""
    data = target.message.encode()
    start = 2 + len(target.message.parts[0])
    open_bits = range(8 * start, 8 * (start + len(target.message.unprotected)))
    place = chosen(target, 8 * len(data) - len(open_bits))
    return flip(data, place if place < open_bits.start else place + len(open_bits))


def _truncated(target: Target) -> bytes:
    data = target.message.encode()
    return data[: chosen(target, len(data))]


MUTATIONS = (
    OnMessage(
        "bit-flip-payload",
        "changes one bit of the claims (--at says which)",
        refused(Kind.SIGNATURE_INVALID),
        Rule(COVERED, "RFC 9052 4.4"),
        _payload,
        parts=NOT_IN_REALM,
    ),
    OnMessage(
        "bit-flip-payload",
        "changes one bit of the claims (--at says which); it may be one of the key's",
        refused(),
        Rule(COVERED, "RFC 9052 4.4"),
        _payload,
        parts=(Part.REALM,),
    ),
    OnMessage(
        "bit-flip-signature",
        "changes one bit of the signature or tag (--at says which)",
        refused(Kind.SIGNATURE_INVALID),
        Rule("the signature is another one", "RFC 9052 4.4"),
        _signature,
    ),
    OnMessage(
        "bit-flip-protected",
        "changes one bit of the protected header (--at says which)",
        refused(),
        Rule("the protected header is signed as it stands", "RFC 9052 4.4"),
        _protected,
    ),
    OnMessage(
        "bit-flip-anywhere",
        "changes one bit anywhere but in the unprotected header (--at says which)",
        refused(),
        Rule("every bit but those of the unprotected header counts", "RFC 9052 3"),
        _anywhere,
    ),
    OnMessage(
        "bit-flip-kid",
        "changes one bit of the key id, which is not signed (--at says which)",
        tolerated(Kind.KEY_ID),
        Rule("a hint; but TF-M makes it from the key, so another one is worth a word", "TF-M attest_core"),
        _kid,
        traits=(HAS_KID, SIGN1, NOT_REALM),
    ),
    OnMessage(
        "bit-flip-kid-unruled",
        "changes one bit of the key id, which is not signed (--at says which)",
        ACCEPTED,
        Rule("the unprotected header is a hint: keys are found by instance id", "RFC 9783 5.2"),
        _kid,
        traits=(HAS_KID, MAC_OR_REALM),
        parts=NO_PLATFORM,
    ),
    OnMessage(
        "truncated",
        "cuts the end off (--at says how many bytes are left)",
        refused(Kind.MALFORMED_CBOR),
        Rule("the outer array announces more than there is", "RFC 8949 5.3"),
        _truncated,
    ),
    OnMessage(
        "empty",
        "nothing at all",
        refused(Kind.MALFORMED_CBOR),
        Rule("no bytes are no CBOR item", "RFC 8949 5.3"),
        lambda target: b"",
    ),
)
