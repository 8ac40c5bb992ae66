"""Taking a token apart: the COSE_Sign1 or COSE_Mac0 around the claims, before any key is used."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from . import cbor
from .findings import Finding, Kind

HEADER_ALG, HEADER_CRIT, HEADER_KID, HEADER_X5CHAIN = 1, 2, 4, 33
# alg, crit, content type, kid: what a critical header may name here (RFC 9052 3.1).
PROCESSED_HEADERS = (HEADER_ALG, HEADER_CRIT, 3, HEADER_KID)
# RFC 9360: a certificate chain is known as what it is, and no certificate is looked at.
UNDERSTOOD_HEADERS = (*PROCESSED_HEADERS, HEADER_X5CHAIN)


class CoseKind(Enum):
    """The two envelopes of RFC 9783: CBOR tag, name, context string of what is authenticated."""

    SIGN1 = (18, "COSE_Sign1", "Signature1")
    MAC0 = (17, "COSE_Mac0", "MAC0")

    def __init__(self, tag: int, label: str, context: str) -> None:
        self.tag = tag
        self.label = label
        self.context = context


_KINDS = {kind.tag: kind for kind in CoseKind}


class TokenMalformed(Exception):
    """The bytes cannot be taken apart at all."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Envelope:
    """One signed or MACed token, dissected; ``problems`` are the rules that its structure breaks."""

    tags: tuple[int, ...]
    kind: CoseKind | None  # None without tag 17 or 18: nothing then says how to authenticate it
    protected_raw: bytes
    protected: cbor.Map | None  # None if the bytes are no map
    unprotected: cbor.Map
    payload: bytes
    claims: cbor.Map | None  # None if the payload is no map
    signature: bytes
    size: int
    problems: tuple[Finding, ...]
    oddities: tuple[Finding, ...] = ()  # legal, though TF-M does not write it; see Found

    @property
    def kid(self) -> bytes | None:
        """The key id header, from either bucket."""
        for bucket in (self.protected, self.unprotected):
            item = bucket.get(HEADER_KID) if bucket else None
            if isinstance(item, cbor.Bytes):
                return item.value
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """One CBOR item; ``problems`` are wrong with it, ``oddities`` must be tolerated and may be told."""

    item: cbor.Item
    problems: tuple[Finding, ...] = ()
    oddities: tuple[Finding, ...] = ()


def read_item(token: bytes) -> Found:
    """The one CBOR item of a token, and what is wrong around it. Raises TokenMalformed."""
    try:
        reading = cbor.examine(token)
    except cbor.CborError as error:
        raise TokenMalformed(error.finding) from None
    item = reading.item
    problems = list(repeated_keys(reading, "envelope")) if reading.repeated else []
    if reading.no_utf8 is not None:
        problems.extend(_bad_text(reading, "envelope"))
    if item.end != len(token):
        text = f"{len(token) - item.end} bytes behind the token"
        problems.append(Finding(Kind.TRAILING_BYTES, text, f"byte {item.end}"))
    return Found(item, tuple(problems), tuple(_long_heads(reading, "envelope")))


def strip_tags(item: cbor.Item) -> tuple[tuple[int, ...], cbor.Item]:
    """The tag numbers around an item, outermost first, and the item inside."""
    tags = []
    while isinstance(item, cbor.Tag):
        tags.append(item.number)
        item = item.content
    return tuple(tags), item


def open_envelope(outer: Found) -> Envelope:
    """Dissect a COSE_Sign1 or COSE_Mac0 item. Raises TokenMalformed if it has not their four parts."""
    item = outer.item
    tags, body = strip_tags(item)
    found = [*outer.problems, *_tag_problems(tags)]
    odd = list(outer.oddities)
    protected, unprotected, payload, last = _four_parts(body)
    if not isinstance(payload, cbor.Bytes) or not isinstance(last, cbor.Bytes):
        which, wrong = ("payload", payload) if not isinstance(payload, cbor.Bytes) else ("signature", last)
        text = f"found {describe(wrong)}; legal: a byte string, never detached"
        raise TokenMalformed(Finding(Kind.ENVELOPE_SHAPE, text, which))
    headers, claims = _inner_map(protected.value, "protected header", found, odd), None
    if payload.value:
        claims = _inner_map(payload.value, "payload", found, odd)
    else:
        found.append(Finding(Kind.ENVELOPE_SHAPE, "empty; legal: a CBOR map of claims", "payload"))
    return Envelope(
        tags=tags,
        kind=_KINDS.get(tags[-1]) if tags else None,
        protected_raw=protected.value,
        protected=headers,
        unprotected=unprotected,
        payload=payload.value,
        claims=claims,
        signature=last.value,
        size=item.end - item.start,
        problems=(*found, *_header_problems(headers, unprotected)),
        oddities=(*odd, *_unknown_labels(unprotected), *(_unknown_labels(headers) if headers else ())),
    )


def _four_parts(body: cbor.Item) -> tuple[cbor.Bytes, cbor.Map, cbor.Item, cbor.Item]:
    """RFC 9052 4.2, 6.2: protected and unprotected header, payload, signature or tag."""
    if isinstance(body, cbor.Array) and len(body.items) == 4:
        protected, unprotected, payload, last = body.items
        if isinstance(protected, cbor.Bytes) and isinstance(unprotected, cbor.Map):
            return protected, unprotected, payload, last
    wanted = "[protected bstr, unprotected map, payload bstr, signature bstr]"
    text = f"found {describe(body)}; legal: {wanted}"
    raise TokenMalformed(Finding(Kind.ENVELOPE_SHAPE, text, f"byte {body.start}"))


def describe(item: cbor.Item) -> str:
    """An item in a message: its kind, and its size where that says something."""
    match item:
        case cbor.Int():
            return f"the integer {item.value}"
        case cbor.Bytes():
            return f"a byte string of {len(item.value)} bytes"
        case cbor.Array():
            return f"an array of {len(item.items)} items"
        case cbor.Simple(number=22):
            return "null"
        case _:
            return item.noun


def repeated_keys(reading: cbor.Reading, where: str) -> Iterator[Finding]:
    """A finding for each map key that occurs again in its map (RFC 8949 5.6)."""
    for key in reading.repeated:
        name = repr(key.value) if isinstance(key, cbor.Int | cbor.Text) else key.noun
        yield Finding(Kind.DUPLICATE_KEY, f"key {name} occurs more than once in a map", where)


def _bad_text(reading: cbor.Reading, where: str) -> Iterator[Finding]:
    """A text string that is no UTF-8, wherever it stands: two readers may see two texts (RFC 8949 3.1)."""
    if reading.no_utf8 is not None:
        yield Finding(Kind.INVALID_UTF8, f"the text string at byte {reading.no_utf8} is no UTF-8", where)


def _long_heads(reading: cbor.Reading, where: str) -> Iterator[Finding]:
    if reading.stretched is not None:
        text = f"the head at byte {reading.stretched} is longer than it need be"
        yield Finding(Kind.NON_PREFERRED, text, where)


def _inner_map(data: bytes, where: str, problems: list[Finding], oddities: list[Finding]) -> cbor.Map | None:
    """The map that a byte string wraps; RFC 9052 3: zero bytes stand for the empty map."""
    if not data:
        return cbor.EMPTY_MAP
    try:
        reading = cbor.examine(data)
    except cbor.CborError as error:
        problems.append(error.finding.at(where))
        return None
    item = reading.item
    if item.end != len(data):
        text = f"{len(data) - item.end} bytes behind the map"
        problems.append(Finding(Kind.TRAILING_BYTES, text, where))
    if reading.repeated:
        problems.extend(repeated_keys(reading, where))
    if reading.no_utf8 is not None:
        problems.extend(_bad_text(reading, where))
    if reading.stretched is not None:
        oddities.extend(_long_heads(reading, where))
    tags, inner = strip_tags(item)
    if tags:
        problems.append(Finding(Kind.TAG_EXTRA, f"found tag {tags[0]}; legal: none", where))
    if not isinstance(inner, cbor.Map):
        problems.append(Finding(Kind.ENVELOPE_SHAPE, f"found {describe(inner)}; legal: a map", where))
        return None
    return inner


def _tag_problems(tags: tuple[int, ...]) -> Iterator[Finding]:
    """RFC 9783 5.2: Sign1 is tag 18, Mac0 tag 17, and there is no CWT tag 61 around them."""
    legal = "legal: 18 (COSE_Sign1) or 17 (COSE_Mac0), alone"
    if not tags:
        yield Finding(Kind.TAG_MISSING, f"the token has no CBOR tag; {legal}", "envelope")
        return
    if tags[-1] not in _KINDS:
        yield Finding(Kind.TAG_WRONG, f"found tag {tags[-1]}; {legal}", "envelope")
    for extra in tags[:-1]:
        yield Finding(Kind.TAG_EXTRA, f"found tag {extra} around the token; {legal}", "envelope")


def _header_problems(protected: cbor.Map | None, unprotected: cbor.Map) -> Iterator[Finding]:
    """RFC 9052 3: labels are integers or text, none in both buckets, and critical ones are understood."""
    yield from _label_problems("unprotected header", unprotected)
    if unprotected.get(HEADER_CRIT) is not None:
        yield Finding(Kind.HEADER_CRITICAL, "crit must be in the protected header", "unprotected header")
    if protected is None:
        return
    yield from _label_problems("protected header", protected)
    for label in unprotected.table:
        if label in protected:
            text = f"label {label} is in the protected and the unprotected header"
            yield Finding(Kind.HEADER_REPEATED, text, "headers")
    yield from _critical_problems(protected)


def _label_problems(where: str, bucket: cbor.Map) -> Iterator[Finding]:
    for key, _ in bucket.pairs:
        if not isinstance(key, cbor.Int | cbor.Text):
            text = f"a label is {key.noun}; legal: an integer or text"
            yield Finding(Kind.ENVELOPE_SHAPE, text, where)


def _unknown_labels(bucket: cbor.Map) -> Iterator[Finding]:
    """RFC 9052 3: a label that is not critical may be ignored."""
    for label in bucket.table:
        if label not in UNDERSTOOD_HEADERS:
            yield Finding(Kind.HEADER_UNKNOWN, f"label {label!r} was ignored", "headers")


def _critical_problems(protected: cbor.Map) -> Iterator[Finding]:
    match protected.get(HEADER_CRIT):
        case None:
            pass
        case cbor.Array(items=(_, *_) as labels):
            for label in labels:
                if not isinstance(label, cbor.Int) or label.value not in PROCESSED_HEADERS:
                    text = f"critical header {cbor.plain(label)!r} is not processed here"
                    yield Finding(Kind.HEADER_CRITICAL, text, "protected header")
                elif label.value not in protected:
                    text = f"critical header {label.value} is not in the protected header"
                    yield Finding(Kind.HEADER_CRITICAL, text, "protected header")
        case wrong:
            text = f"crit: found {describe(wrong)}; legal: an array of at least one label"
            yield Finding(Kind.HEADER_CRITICAL, text, "protected header")
