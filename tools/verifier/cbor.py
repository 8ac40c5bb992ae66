"""A strict CBOR reader (RFC 8949): well-formed, definite-length items, with the place of every byte.

It accepts heads that are not the shortest, as RFC 9783 asks of a verifier, and refuses everything
that two readers might understand differently.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from .findings import Finding, Kind

MAX_DEPTH = 16  # a token needs 7 levels; a bound keeps nested garbage from exhausting the stack


class CborError(Exception):
    """The bytes are not one well-formed, definite-length CBOR item."""

    def __init__(self, kind: Kind, text: str, offset: int) -> None:
        super().__init__(text)
        self.finding = Finding(kind, text, f"byte {offset}")


@dataclass(frozen=True, slots=True)
class Int:
    """Major types 0 and 1."""

    noun: ClassVar[str] = "an integer"
    value: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """Major type 2."""

    noun: ClassVar[str] = "a byte string"
    value: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """Major type 3; ``value`` is None if the bytes are not UTF-8, which is well-formed but invalid CBOR."""

    noun: ClassVar[str] = "a text string"
    value: str | None
    raw: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Array:
    """Major type 4."""

    noun: ClassVar[str] = "an array"
    items: tuple["Item", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Map:
    """Major type 5, in the order of transmission; keys may repeat, see :func:`duplicate_keys`."""

    noun: ClassVar[str] = "a map"
    pairs: tuple[tuple["Item", "Item"], ...]
    start: int
    end: int

    def get(self, key: int | str) -> "Item | None":
        """The value of the first pair whose key is this integer or text."""
        for found, value in self.pairs:
            if isinstance(found, Int | Text) and found.value == key:
                return value
        return None

    def __contains__(self, key: int | str) -> bool:
        return self.get(key) is not None


@dataclass(frozen=True, slots=True)
class Tag:
    """Major type 6."""

    noun: ClassVar[str] = "a tagged item"
    number: int
    content: "Item"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Simple:
    """Major type 7 without the floats: 20 false, 21 true, 22 null, 23 undefined, others unassigned."""

    noun: ClassVar[str] = "a simple value"
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Float:
    """Major type 7, half, single or double precision."""

    noun: ClassVar[str] = "a float"
    value: float
    start: int
    end: int


Item = Int | Bytes | Text | Array | Map | Tag | Simple | Float
Plain = int | float | bytes | str | bool | None | list["Plain"] | dict["Plain", "Plain"]


def read(data: bytes, offset: int = 0) -> Item:
    """The item at ``offset``; its ``end`` says where it stops.

    Raises CborError for truncated, reserved, indefinite-length or too deeply nested encodings. Duplicate
    keys, invalid UTF-8 and trailing bytes are left to the caller, so that such an item can still be shown.
    """
    return _Reader(data).item(offset, MAX_DEPTH)


def read_exactly(data: bytes) -> Item:
    """The one item that fills ``data``. Raises CborError as :func:`read`, and for bytes behind the item."""
    item = read(data)
    if item.end != len(data):
        raise CborError(Kind.TRAILING_BYTES, f"{len(data) - item.end} bytes behind the CBOR item", item.end)
    return item


def duplicate_keys(item: Item) -> Iterator[tuple[Item, Item]]:
    """Every (map, key) whose key occurred before in that map, at any depth (RFC 8949 5.6)."""
    match item:
        case Map(pairs=pairs):
            seen = set()
            for key, value in pairs:
                identity = _identity(key)
                if identity in seen:
                    yield item, key
                seen.add(identity)
                yield from duplicate_keys(key)
                yield from duplicate_keys(value)
        case Array(items=items):
            for element in items:
                yield from duplicate_keys(element)
        case Tag(content=content):
            yield from duplicate_keys(content)
        case _:
            pass


def plain(item: Item) -> Plain:
    """The item as ordinary Python values: for output, not for checks (tags vanish, repeated keys too)."""
    match item:
        case Int() | Bytes() | Float():
            return item.value
        case Text():
            return item.raw.decode("utf-8", "replace") if item.value is None else item.value
        case Array():
            return [plain(element) for element in item.items]
        case Map():
            return {_plain_key(key): plain(value) for key, value in item.pairs}
        case Tag():
            return plain(item.content)
        case Simple():
            return {20: False, 21: True, 22: None, 23: None}.get(item.number, item.number)


def _plain_key(key: Item) -> Plain:
    value = plain(key)
    return repr(value) if isinstance(value, list | dict) else value


def _identity(item: Item) -> object:
    """A hashable value, equal for two items exactly if they are the same CBOR value (1 is not true)."""
    match item:
        case Int() | Bytes():
            return type(item), item.value
        case Text():
            return Text, item.raw
        case Array():
            return Array, tuple(_identity(element) for element in item.items)
        case Map():
            return Map, frozenset((_identity(key), _identity(value)) for key, value in item.pairs)
        case Tag():
            return Tag, item.number, _identity(item.content)
        case Simple():
            return Simple, item.number
        case Float():
            return Float, struct.pack(">d", item.value)


class _Reader:
    """Recursive descent over one buffer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def item(self, start: int, depth: int) -> Item:
        if depth == 0:
            raise CborError(Kind.MALFORMED_CBOR, f"nested deeper than {MAX_DEPTH} levels", start)
        major, info, argument, body = self._head(start)
        match major:
            case 0:
                return Int(argument, start, body)
            case 1:
                return Int(-1 - argument, start, body)
            case 2:
                return Bytes(self._take(body, argument), start, body + argument)
            case 3:
                return _text(self._take(body, argument), start, body + argument)
            case 4:
                elements, end = self._sequence(body, argument, depth)
                return Array(elements, start, end)
            case 5:
                flat, end = self._sequence(body, 2 * argument, depth)
                return Map(tuple(zip(flat[::2], flat[1::2], strict=True)), start, end)
            case 6:
                content = self.item(body, depth - 1)
                return Tag(argument, content, start, content.end)
            case _:
                return self._simple_or_float(info, argument, start, body)

    def _head(self, start: int) -> tuple[int, int, int, int]:
        """(major type, additional information, argument, offset behind the head)."""
        initial = self._take(start, 1)[0]
        major, info = initial >> 5, initial & 0x1F
        if info < 24:
            return major, info, info, start + 1
        if info == 31:
            if major in (2, 3, 4, 5):
                raise CborError(Kind.INDEFINITE_LENGTH, "an item of indefinite length", start)
            raise CborError(Kind.MALFORMED_CBOR, f"initial byte 0x{initial:02x} has no meaning here", start)
        if info > 27:
            raise CborError(Kind.MALFORMED_CBOR, f"reserved additional information {info}", start)
        size = 1 << (info - 24)
        return major, info, int.from_bytes(self._take(start + 1, size), "big"), start + 1 + size

    def _take(self, start: int, length: int) -> bytes:
        if start + length > len(self._data):
            raise CborError(
                Kind.MALFORMED_CBOR,
                f"{length} bytes wanted, {max(len(self._data) - start, 0)} left: truncated",
                start,
            )
        return self._data[start : start + length]

    def _sequence(self, start: int, count: int, depth: int) -> tuple[tuple[Item, ...], int]:
        if count > len(self._data) - start:  # every item takes a byte: do not even begin
            raise CborError(Kind.MALFORMED_CBOR, f"{count} items announced, too few bytes left", start)
        elements = []
        offset = start
        for _ in range(count):
            element = self.item(offset, depth - 1)
            elements.append(element)
            offset = element.end
        return tuple(elements), offset

    def _simple_or_float(self, info: int, argument: int, start: int, end: int) -> Item:
        if info < 24:
            return Simple(argument, start, end)
        if info == 24:
            if argument < 32:
                raise CborError(Kind.MALFORMED_CBOR, f"two-byte simple value {argument}", start)
            return Simple(argument, start, end)
        form = {25: ">e", 26: ">f", 27: ">d"}[info]
        value: float = struct.unpack(form, self._data[start + 1 : end])[0]
        return Float(value, start, end)


def _text(raw: bytes, start: int, end: int) -> Text:
    try:
        return Text(raw.decode("utf-8"), raw, start, end)
    except UnicodeDecodeError:
        return Text(None, raw, start, end)
