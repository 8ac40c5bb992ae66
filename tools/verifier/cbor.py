"""A strict CBOR reader (RFC 8949): well-formed, definite-length items, with the place of every byte.

It accepts heads that are not the shortest, as RFC 9783 asks of a verifier, and says where they are. It
refuses everything that two readers might understand differently. Items are named tuples: a token holds
fifty, and a frozen dataclass takes three times as long to make.
"""

import struct
from typing import NamedTuple

from .findings import Finding, Kind

MAX_DEPTH = 16  # a token needs 7 levels; a bound keeps nested garbage from exhausting the stack
MAX_REPEATED = 8  # repeated keys that are told; more say nothing new


class CborError(Exception):
    """The bytes are not one well-formed, definite-length CBOR item."""

    def __init__(self, kind: Kind, text: str, offset: int) -> None:
        super().__init__(text)
        self.finding = Finding(kind, text, f"byte {offset}")


class Int(NamedTuple):
    """Major types 0 and 1."""

    value: int
    start: int
    end: int

    @property
    def noun(self) -> str:
        """The kind of item, for a message; so in all the classes below."""
        return "an integer"


class Bytes(NamedTuple):
    """Major type 2."""

    value: bytes
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "a byte string"


class Text(NamedTuple):
    """Major type 3; ``value`` is None if the bytes are not UTF-8, which is well-formed but invalid CBOR."""

    value: str | None
    raw: bytes
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "a text string"


class Array(NamedTuple):
    """Major type 4."""

    items: tuple["Item", ...]
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "an array"


class Map(NamedTuple):
    """Major type 5, in the order of transmission; keys may repeat, then ``table`` has the first."""

    pairs: tuple[tuple["Item", "Item"], ...]
    start: int
    end: int
    table: dict[int | str, "Item"]

    @property
    def noun(self) -> str:
        """See Int."""
        return "a map"

    def get(self, key: int | str) -> "Item | None":
        """The value of the first pair whose key is this integer or text."""
        return self.table.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self.table


class Tag(NamedTuple):
    """Major type 6."""

    number: int
    content: "Item"
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "a tagged item"


class Simple(NamedTuple):
    """Major type 7 without the floats: 20 false, 21 true, 22 null, 23 undefined, others unassigned."""

    number: int
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "a simple value"


class Float(NamedTuple):
    """Major type 7, half, single or double precision."""

    value: float
    start: int
    end: int

    @property
    def noun(self) -> str:
        """See Int."""
        return "a float"


Item = Int | Bytes | Text | Array | Map | Tag | Simple | Float
Plain = int | float | bytes | str | bool | None | list["Plain"] | dict["Plain", "Plain"]
EMPTY_MAP = Map((), 0, 0, {})
_new = tuple.__new__  # what a named tuple calls, without the call in between


class Reading(NamedTuple):
    """An item with what is legal CBOR and still worth a word.

    ``repeated`` are the first keys that occurred before in their map, at any depth (RFC 8949 5.6);
    ``stretched`` is the offset of the first head that is longer than it need be, None without one
    (RFC 8949 4.1, preferred serialization); ``no_utf8`` is that of the first text string that is no UTF-8,
    which is well-formed and not valid (RFC 8949 3.1, 5.3.1).
    """

    item: Item
    repeated: tuple[Item, ...]
    stretched: int | None
    no_utf8: int | None = None


def examine(data: bytes) -> Reading:
    """The item at the start of ``data``; its ``end`` says where it stops.

    Raises CborError for truncated, reserved, indefinite-length or too deeply nested encodings. Repeated
    keys, invalid UTF-8 and trailing bytes are left to the caller, so that such an item can still be shown.
    """
    reader = _Reader(data)
    item = reader.item(0, MAX_DEPTH)
    return Reading(item, tuple(reader.repeated), reader.stretched, reader.no_utf8)


def read(data: bytes) -> Item:
    """The item of :func:`examine` alone."""
    return _Reader(data).item(0, MAX_DEPTH)


def read_exactly(data: bytes) -> Item:
    """The one item that fills ``data``. Raises CborError as :func:`examine`, and for bytes behind it."""
    item = read(data)
    if item.end != len(data):
        raise CborError(Kind.TRAILING_BYTES, f"{len(data) - item.end} bytes behind the CBOR item", item.end)
    return item


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
    """A hashable value, equal for two items exactly if they are the same CBOR value (1 is not true).

    RFC 8949 3.4.3: a bignum is the integer that it stands for, so that it cannot hide a repeated key.
    """
    match item:
        case Tag(number=2 | 3 as sign, content=Bytes(value=octets)):
            octets = octets.lstrip(b"\0")
            if len(octets) > 8:
                # Not as an integer: whoever chooses those chooses their hashes, and a set of equal hashes
                # takes quadratic time. Bytes are hashed with a secret of the process.
                return Int, sign, octets
            value = int.from_bytes(octets, "big")
            return Int, value if sign == 2 else -1 - value
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
    """Recursive descent over one buffer, with one call for each item: this is most of a verification."""

    __slots__ = ("_data", "_size", "no_utf8", "repeated", "stretched")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self.repeated: list[Item] = []
        self.stretched: int | None = None
        self.no_utf8: int | None = None

    def item(self, start: int, depth: int) -> Item:
        data = self._data
        if start >= self._size:
            raise self._truncated(start, 1)
        initial = data[start]
        major = initial >> 5
        argument = initial & 0x1F
        body = start + 1
        if argument > 23:
            argument, body = self._argument(body, argument, major)
        if major < 2:
            return _new(Int, (-1 - argument if major else argument, start, body))
        if major < 4:
            end = body + argument
            if end > self._size:
                raise self._truncated(body, argument)
            raw = data[body:end]
            return _new(Bytes, (raw, start, end)) if major == 2 else self._text(raw, start, end)
        if major == 7:
            return self._simple_or_float(initial & 0x1F, argument, start, body)
        if depth == 1:
            raise CborError(Kind.MALFORMED_CBOR, f"nested deeper than {MAX_DEPTH} levels", start)
        if major == 4:
            self._demand(body, argument)
            elements = []
            for _ in range(argument):
                element = self.item(body, depth - 1)
                elements.append(element)
                body = element.end
            return _new(Array, (tuple(elements), start, body))
        if major == 5:
            return self._map(start, body, argument, depth - 1)
        content = self.item(body, depth - 1)
        return _new(Tag, (argument, content, start, content.end))

    def _argument(self, body: int, info: int, major: int) -> tuple[int, int]:
        """The argument of a head of more than one byte, from ``body`` on, and the offset behind it."""
        data = self._data
        if info == 24 and body < self._size:
            argument, body, least = data[body], body + 1, 24
        elif info == 25 and body + 1 < self._size:
            argument, body, least = data[body] << 8 | data[body + 1], body + 2, 1 << 8
        else:
            argument, body, least = self._long_argument(body, info, major)
        if argument < least and self.stretched is None and major != 7:
            self.stretched = body - 1 - (1 << (info - 24))
        return argument, body

    def _long_argument(self, body: int, info: int, major: int) -> tuple[int, int, int]:
        """The same with the least argument that needs so long a head."""
        start = body - 1
        if info == 31:
            if major in (2, 3, 4, 5):
                raise CborError(Kind.INDEFINITE_LENGTH, "an item of indefinite length", start)
            initial = major << 5 | info
            raise CborError(Kind.MALFORMED_CBOR, f"initial byte 0x{initial:02x} has no meaning here", start)
        if info > 27:
            raise CborError(Kind.MALFORMED_CBOR, f"reserved additional information {info}", start)
        size = 1 << (info - 24)
        if body + size > self._size:
            raise self._truncated(body, size)
        least = 24 if size == 1 else 1 << (4 * size)
        return int.from_bytes(self._data[body : body + size], "big"), body + size, least

    def _truncated(self, start: int, wanted: int) -> CborError:
        left = max(self._size - start, 0)
        return CborError(Kind.MALFORMED_CBOR, f"{wanted} bytes wanted, {left} left: truncated", start)

    def _map(self, start: int, body: int, count: int, depth: int) -> Map:
        self._demand(body, 2 * count)
        pairs = []
        table: dict[int | str, Item] = {}
        for _ in range(count):
            key = self.item(body, depth)
            value = self.item(key.end, depth)
            body = value.end
            pairs.append((key, value))
            if isinstance(key, (Int, Text)) and key.value is not None:
                table.setdefault(key.value, value)
        if len(table) != count:  # a repeated key, or one that is no integer and no text
            self._find_repeated(pairs)
        return _new(Map, (tuple(pairs), start, body, table))

    def _demand(self, start: int, count: int) -> None:
        if count > self._size - start:  # every item takes a byte: do not even begin
            raise CborError(Kind.MALFORMED_CBOR, f"{count} items announced, too few bytes left", start)

    def _find_repeated(self, pairs: list[tuple[Item, Item]]) -> None:
        seen = set()
        for key, _ in pairs:
            identity = _identity(key)
            if identity in seen and len(self.repeated) < MAX_REPEATED:
                self.repeated.append(key)
            seen.add(identity)

    def _simple_or_float(self, info: int, argument: int, start: int, end: int) -> Item:
        if info < 24:
            return _new(Simple, (argument, start, end))
        if info == 24:
            if argument < 32:
                raise CborError(Kind.MALFORMED_CBOR, f"two-byte simple value {argument}", start)
            return _new(Simple, (argument, start, end))
        form = {25: ">e", 26: ">f", 27: ">d"}[info]
        value: float = struct.unpack(form, self._data[start + 1 : end])[0]
        return _new(Float, (value, start, end))

    def _text(self, raw: bytes, start: int, end: int) -> Text:
        try:
            return _new(Text, (raw.decode("utf-8"), raw, start, end))
        except UnicodeDecodeError:
            if self.no_utf8 is None:
                self.no_utf8 = start
            return _new(Text, (None, raw, start, end))
