"""Which byte of a token is what: its fields from the first byte to the last, none left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..verifier import CborError, DecodedPart, DecodedToken, cbor
from ..verifier.collection import CONTENT_EAT_CWT, PLATFORM_TOKEN, REALM_TOKEN, Collection
from ..verifier.cose import ALGORITHMS
from ..verifier.envelope import HEADER_ALG, CoseKind
from ..verifier.notation import diagnose
from ..verifier.profiles import SUBMODULES, lifecycle_state
from ..verifier.shapes import Claim, ListOf, SubMap

HEADERS: Final = {1: "alg", 2: "crit", 3: "content type", 4: "kid", 33: "x5chain"}
_TAGS: Final = {
    17: "COSE_Mac0",
    18: "COSE_Sign1",
    61: "CWT",
    399: "CCA collection, legacy",
    907: "CCA collection",
}
_ENTRIES: Final = {PLATFORM_TOKEN: "platform token", REALM_TOKEN: "realm token"}
Table = Mapping[int, Claim]


@dataclass(frozen=True, slots=True)
class Field:
    """A run of bytes with one meaning. ``offset`` counts from the token's first byte."""

    offset: int
    data: bytes
    depth: int
    text: str


def byte_map(token: bytes, decoded: DecodedToken) -> list[Field]:
    """The fields of ``token``, which ``decoded`` is, in order; together they are the token."""
    mapper = _Mapper(token, {part.name: part for part in decoded.parts})
    item = cbor.read(token)
    body = mapper.tags(item, 0, 0)
    if isinstance(decoded.dissected, Collection):
        mapper.collection(body)
    else:
        mapper.message(body, 0, 0, decoded.parts[0])
    mapper.rest(item.end, len(token), 0, "behind the token")
    return mapper.fields


class _Mapper:
    """Walks down the items; ``base`` is where the bytes begin that an item's own offsets count from."""

    def __init__(self, token: bytes, parts: Mapping[str, DecodedPart]) -> None:
        self._token = token
        self._parts = parts
        self.fields: list[Field] = []

    def tags(self, item: cbor.Item, base: int, depth: int) -> cbor.Item:
        """The tags around an item, and the item inside."""
        while isinstance(item, cbor.Tag):
            name = _TAGS.get(item.number)
            text = f"tag {item.number}" + (f", {name}" if name else "")
            self._field(base + item.start, base + item.content.start, depth, text)
            item = item.content
        return item

    def collection(self, body: cbor.Item) -> None:
        """The map of a CCA collection."""
        if not isinstance(body, cbor.Map):
            self._item(body, 0, 0, "")
            return
        self._head(
            body, body.pairs[0][0].start if body.pairs else body.end, 0, 0, f"map of {len(body.pairs)}"
        )
        for key, value in body.pairs:
            number = key.value if isinstance(key, cbor.Int) else None
            name = _ENTRIES.get(number, "entry") if number is not None else "entry"
            self._item(key, 0, 1, name)
            part = self._parts.get(name.removesuffix(" token"))
            if part is None or not self._record(value, part):
                self._item(value, 0, 2, "")

    def _record(self, value: cbor.Item, part: DecodedPart) -> bool:
        """A token within the collection; False for what is none."""
        others: tuple[cbor.Item, ...] = ()
        match value:
            case cbor.Array(items=(_, cbor.Bytes(value=octets), *_)) | cbor.Bytes(value=octets):
                try:
                    item = cbor.read(octets)
                except CborError:  # under a key that occurred before: the first one's token was read
                    return False
            case _:
                return False
        match value:
            case cbor.Array(items=(first, cbor.Bytes() as wrapped, *rest)):
                self._head(value, first.start, 0, 2, f"array of {len(value.items)}")
                meaning = "application/eat+cwt" if _is(first, CONTENT_EAT_CWT) else ""
                self._item(first, 0, 3, "content format", meaning)
                others = tuple(rest)
            case cbor.Bytes() as wrapped:
                pass
            case _:
                return False
        start = self._string_head(wrapped, 0, 3, f"{part.name} token")
        self.message(self.tags(item, start, 4), start, 4, part)
        self.rest(start + item.end, wrapped.end, 4, "behind the token")
        for other in others:
            self._item(other, 0, 3, "indicator")
        return True

    def message(self, body: cbor.Item, base: int, depth: int, part: DecodedPart) -> None:
        """The array of four of a COSE_Sign1 or COSE_Mac0."""
        if not isinstance(body, cbor.Array) or len(body.items) != 4:
            self._item(body, base, depth, "")
            return
        protected, unprotected, payload, signature = body.items
        self._head(body, protected.start, base, depth, "array of 4")
        self._wrapped(protected, base, depth + 1, "protected header", None)
        self._headers(unprotected, base, depth + 1, "unprotected header")
        table = {claim.key: claim for claim in part.profile.claims} if part.profile else {}
        self._wrapped(payload, base, depth + 1, "payload", table)
        self._signature(signature, base, depth + 1, part.envelope.kind)

    def _wrapped(self, item: cbor.Item, base: int, depth: int, name: str, table: Table | None) -> None:
        """A byte string that holds encoded CBOR: headers without a table, else claims."""
        if not isinstance(item, cbor.Bytes):
            self._item(item, base, depth, name)
            return
        start = self._string_head(item, base, depth, name)
        end = base + item.end
        try:
            inner = cbor.read(item.value)
        except CborError:
            self.rest(start, end, depth + 1, "no CBOR")
            return
        content = self.tags(inner, start, depth + 1)
        if table is None:
            self._headers(content, start, depth + 1, "")
        else:
            self._map(content, start, depth + 1, "claims: ", table)
        self.rest(start + inner.end, end, depth + 1, "behind the map")

    def _headers(self, item: cbor.Item, base: int, depth: int, name: str) -> None:
        if not isinstance(item, cbor.Map):
            self._item(item, base, depth, name)
            return
        label = f"{name}: " if name else ""
        first = item.pairs[0][0].start if item.pairs else item.end
        self._head(item, first, base, depth, f"{label}map of {len(item.pairs)}")
        for key, value in item.pairs:
            number = key.value if isinstance(key, cbor.Int) else None
            self._item(
                key, base, depth + 1, HEADERS.get(number, "header") if number is not None else "header"
            )
            meaning = ""
            if number == HEADER_ALG and isinstance(value, cbor.Int) and value.value in ALGORITHMS:
                meaning = ALGORITHMS[value.value].name
            self._item(value, base, depth + 2, "", meaning)

    def _map(self, item: cbor.Item, base: int, depth: int, label: str, table: Table) -> None:
        if not isinstance(item, cbor.Map):
            self._item(item, base, depth, label.rstrip(": "))
            return
        first = item.pairs[0][0].start if item.pairs else item.end
        self._head(item, first, base, depth, f"{label}map of {len(item.pairs)}")
        for key, value in item.pairs:
            claim = table.get(key.value) if isinstance(key, cbor.Int) else None
            name = claim.name if claim else "unknown claim"
            if isinstance(key, cbor.Int) and key.value == SUBMODULES.key:
                name = SUBMODULES.name
            self._item(key, base, depth + 1, name)
            if name == SUBMODULES.name and isinstance(value, cbor.Map):
                self._submodules(value, base, depth + 2)
            else:
                self._value(value, base, depth + 2, claim)

    def _submodules(self, value: cbor.Map, base: int, depth: int) -> None:
        """RFC 9711 4.2.18: the token that is nested here is opened like the one around it."""
        first = value.pairs[0][0].start if value.pairs else value.end
        self._head(value, first, base, depth, f"map of {len(value.pairs)}")
        part = self._parts.get("platform")
        for key, module in value.pairs:
            self._item(key, base, depth + 1, "submodule")
            if (
                part is None
                or not isinstance(module, cbor.Bytes)
                or part.envelope.payload not in module.value
            ):
                self._item(module, base, depth + 2, "")
                continue
            try:
                item = cbor.read(module.value)
            except CborError:  # a label that occurred before, around another token's payload
                self._item(module, base, depth + 2, "")
                continue
            start = self._string_head(module, base, depth + 2, f"{part.name} token")
            self.message(self.tags(item, start, depth + 3), start, depth + 3, part)
            self.rest(start + item.end, base + module.end, depth + 3, "behind the token")

    def _value(self, value: cbor.Item, base: int, depth: int, claim: Claim | None) -> None:
        if claim is not None and isinstance(value, cbor.Array):
            match claim.shape:
                case ListOf(element=SubMap(claims=claims)) if value.items:
                    table = {inner.key: inner for inner in claims}
                    self._head(value, value.items[0].start, base, depth, f"array of {len(value.items)}")
                    for index, element in enumerate(value.items):
                        self._map(element, base, depth + 1, f"component {index}: ", table)
                    return
        meaning = ""
        if claim is not None and claim.name == "security-lifecycle" and isinstance(value, cbor.Int):
            meaning = f"0x{value.value:04x}, {lifecycle_state(value.value) or 'no legal state'}"
        self._item(value, base, depth, "", meaning)

    def _signature(self, item: cbor.Item, base: int, depth: int, kind: CoseKind | None) -> None:
        if not isinstance(item, cbor.Bytes):
            self._item(item, base, depth, "signature")
            return
        start = self._string_head(item, base, depth, "tag" if kind is CoseKind.MAC0 else "signature")
        end, half = base + item.end, len(item.value) // 2
        if kind is CoseKind.SIGN1 and len(item.value) in (64, 96, 132):
            self._field(start, start + half, depth + 1, "r")
            self._field(start + half, end, depth + 1, "s")
        elif item.value:
            self._field(start, end, depth + 1, "the MAC" if kind is CoseKind.MAC0 else "its bytes")

    def _item(self, item: cbor.Item, base: int, depth: int, name: str, meaning: str = "") -> None:
        """An item that has no structure of a token's, down to its last byte."""
        label = f"{name}: " if name else ""
        match item:
            case cbor.Map(pairs=pairs):
                first = pairs[0][0].start if pairs else item.end
                self._head(item, first, base, depth, f"{label}map of {len(pairs)}")
                for key, value in pairs:
                    self._item(key, base, depth + 1, "key")
                    self._item(value, base, depth + 2, "")
            case cbor.Array(items=items):
                first = items[0].start if items else item.end
                self._head(item, first, base, depth, f"{label}array of {len(items)}")
                for element in items:
                    self._item(element, base, depth + 1, "")
            case cbor.Tag(number=number, content=content):
                self._field(base + item.start, base + content.start, depth, f"{label}tag {number}")
                self._item(content, base, depth + 1, "")
            case cbor.Bytes(value=value):
                self._field(base + item.start, base + item.end, depth, f"{label}{len(value)} bytes")
            case _:
                text = label + diagnose(item) + (f", {meaning}" if meaning else "")
                self._field(base + item.start, base + item.end, depth, text)

    def _string_head(self, item: cbor.Bytes, base: int, depth: int, name: str) -> int:
        """The head of a byte string whose content follows; returns where that begins."""
        start = base + item.end - len(item.value)
        self._field(base + item.start, start, depth, f"{name}: byte string of {len(item.value)}")
        return start

    def _head(self, item: cbor.Item, end: int, base: int, depth: int, text: str) -> None:
        self._field(base + item.start, base + end, depth, text)

    def rest(self, start: int, end: int, depth: int, what: str) -> None:
        """Bytes that do not belong there, if there are any."""
        if start < end:
            self._field(start, end, depth, f"{end - start} bytes: {what}")

    def _field(self, start: int, end: int, depth: int, text: str) -> None:
        self.fields.append(Field(start, self._token[start:end], depth, text))


def _is(item: cbor.Item, number: int) -> bool:
    return isinstance(item, cbor.Int) and item.value == number
