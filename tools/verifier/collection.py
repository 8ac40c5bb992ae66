"""CCA collections: a platform token and a realm token in one map, in the new and the legacy form.

Tag 907 holds records [263, bstr] (CCA's own tag, not one of the CMW document's); tag 399 holds bare
byte strings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import cbor
from .envelope import Envelope, Found, TokenMalformed, describe, open_envelope, read_item, strip_tags
from .findings import Finding, Kind

CMW_COLLECTION, LEGACY_COLLECTION = 907, 399
PLATFORM_TOKEN, REALM_TOKEN, DEVICE_TOKEN = 44234, 44241, 44258
CONTENT_EAT_CWT = 263  # CoAP content format of application/eat+cwt
COLLECTION_TYPE = "__cmwc_t"
_URI_OR_OID = r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+|[0-2](\.[0-9]+)+"
_ENTRIES = (PLATFORM_TOKEN, REALM_TOKEN, DEVICE_TOKEN, COLLECTION_TYPE)


@dataclass(frozen=True, slots=True)
class Collection:
    """Both tokens taken apart; one that is absent or cannot be taken apart is None, with a problem."""

    tag: int
    tags: tuple[int, ...]
    platform: Envelope | None
    realm: Envelope | None
    size: int
    problems: tuple[Finding, ...]
    oddities: tuple[Finding, ...] = ()
    device_token: cbor.Item | None = None

    @property
    def parts(self) -> tuple[tuple[str, Envelope], ...]:
        """The tokens that could be taken apart, by name."""
        named = (("platform", self.platform), ("realm", self.realm))
        return tuple((name, envelope) for name, envelope in named if envelope is not None)


def dissect(token: bytes) -> Envelope | Collection:
    """Take a token of any kind apart. Raises TokenMalformed with the one finding that stops it."""
    found = read_item(token)
    tags, body = strip_tags(found.item)
    if tags and tags[-1] in (CMW_COLLECTION, LEGACY_COLLECTION):
        return _open_collection(tags, body, found)
    return open_envelope(found)


def _open_collection(tags: tuple[int, ...], body: cbor.Item, found: Found) -> Collection:
    problems = list(found.problems)
    if not isinstance(body, cbor.Map):
        text = f"tag {tags[-1]}: found {describe(body)}; legal: a map of tokens"
        raise TokenMalformed(Finding(Kind.COLLECTION_SHAPE, text, "collection"))
    for extra in tags[:-1]:
        text = f"found tag {extra} around the collection; legal: none"
        problems.append(Finding(Kind.TAG_EXTRA, text, "collection"))
    problems.extend(_bad_labels(body))
    parts = [
        _open_part(body, tags[-1], key, name, problems)
        for key, name in ((PLATFORM_TOKEN, "platform"), (REALM_TOKEN, "realm"))
    ]
    return Collection(
        tags[-1],
        tags,
        parts[0],
        parts[1],
        found.item.end - found.item.start,
        tuple(problems),
        (*found.oddities, *_unknown_entries(body)),
        body.get(DEVICE_TOKEN),
    )


def _open_part(body: cbor.Map, tag: int, key: int, name: str, problems: list[Finding]) -> Envelope | None:
    where = f"{name} token ({key})"
    wrapped = _unwrap(body.get(key), tag)
    if isinstance(wrapped, str):
        problems.append(Finding(Kind.COLLECTION_SHAPE, wrapped, where))
        return None
    try:
        return open_envelope(read_item(wrapped))
    except TokenMalformed as error:
        problems.append(error.finding.at(where))
        return None


def _unwrap(entry: cbor.Item | None, tag: int) -> bytes | str:
    """The bytes of a token, or what is wrong with the entry that should hold them."""
    match tag, entry:
        case _, None:
            return "missing; legal: both a platform and a realm token"
        case 399, cbor.Bytes(value=value):
            return value
        case 399, wrong:
            return f"found {describe(wrong)}; legal under tag 399: a byte string"
        case _, cbor.Array(items=(cbor.Int(value=263), cbor.Bytes(value=value))):
            return value
        case _, cbor.Array(items=(cbor.Int(value=263), cbor.Bytes(value=value), cbor.Int(value=indicator))):
            # The CMW record's optional third member: bit 2 says "evidence".
            return (
                value if indicator > 0 and indicator & 4 else f"indicator {indicator} does not say evidence"
            )
        case _, wrong:
            return f"found {describe(wrong)}; legal under tag 907: [263, byte string]"


def _bad_labels(body: cbor.Map) -> Iterator[Finding]:
    """RFC 9999 (CMW): labels are integers or text, and the type of the collection is a URI or an OID."""
    kind = body.get(COLLECTION_TYPE)
    if kind is not None and not (
        isinstance(kind, cbor.Text) and re.fullmatch(_URI_OR_OID, kind.value or "") is not None
    ):
        text = f"{COLLECTION_TYPE}: legal: an absolute URI or an OID as text"
        yield Finding(Kind.COLLECTION_SHAPE, text, "collection")
    for key, _ in body.pairs:
        if not isinstance(key, cbor.Int | cbor.Text):
            text = f"a label is {key.noun}; legal: an integer or text"
            yield Finding(Kind.COLLECTION_SHAPE, text, "collection")


def _unknown_entries(body: cbor.Map) -> Iterator[Finding]:
    for key, _ in body.pairs:
        if isinstance(key, cbor.Int | cbor.Text) and key.value not in _ENTRIES:
            text = f"entry {cbor.plain(key)!r} is none that CCA knows, and was not judged"
            yield Finding(Kind.ENTRY_UNKNOWN, text, "collection")
