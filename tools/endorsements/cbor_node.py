"""A CBOR item with its place: each getter says what is legal there, in the manner of the YAML files.

A CoRIM may be encoded in any way that RFC 8949 allows (draft-ietf-rats-corim demands no deterministic
encoding): lengths may be indefinite and keys in any order. Keys that repeat are refused.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from ..tokens.cbor_writer import head
from ..verifier import cbor
from ..verifier.envelope import describe
from ..verifier.findings import Kind
from .model import EndorsementError

BREAK: Final = 0xFF
_INDEFINITE: Final = 31


def read_general(data: bytes, path: str) -> "Node":
    """The one CBOR item of ``data``; ``path`` names it in messages. Raises EndorsementError."""
    plain = definite_lengths(data, path)
    try:
        reading = cbor.examine(plain)
    except cbor.CborError as error:
        raise EndorsementError(f"{path}: {error.finding}; legal: one CBOR item") from None
    if reading.item.end != len(plain):
        extra = len(plain) - reading.item.end
        raise EndorsementError(f"{path}: {extra} bytes behind the CBOR item; legal: the item alone")
    for key in reading.repeated:
        raise EndorsementError(f"{path}: a map has the key {_shown(key)} twice; legal: once")
    return Node(reading.item, path)


class Node:
    """An item and what it is called."""

    __slots__ = ("item", "path")

    def __init__(self, item: cbor.Item, path: str) -> None:
        self.item = item
        self.path = path

    def error(self, found: str, legal: str) -> EndorsementError:
        """``PATH: found ...; legal: ...``, to be raised."""
        return EndorsementError(f"{self.path}: found {found}; legal: {legal}")

    def wrong(self, legal: str) -> EndorsementError:
        """The error for an item that is not what it should be."""
        return self.error(_shown(self.item), legal)

    def map(self, names: Mapping[int, str], required: Sequence[int] = ()) -> "dict[int, Node]":
        """The entries whose keys have names here; keys of extensions are left out."""
        if not isinstance(self.item, cbor.Map):
            raise self.wrong("a map")
        entries = {
            key.value: Node(value, f"{self.path}.{names[key.value]}")
            for key, value in self.item.pairs
            if isinstance(key, cbor.Int) and key.value in names
        }
        for key in required:
            if key not in entries:
                raise EndorsementError(f"{self.path}: no {names[key]} (key {key}); legal: with it")
        return entries

    def texts(self) -> "dict[str, Node]":
        """The entries of a map from text."""
        if not isinstance(self.item, cbor.Map):
            raise self.wrong("a map")
        entries = {}
        for key, value in self.item.pairs:
            name = Node(key, f"{self.path}: a key").text()
            entries[name] = Node(value, f"{self.path}.{name}")
        return entries

    def array(self, least: int = 0, most: int | None = None) -> "list[Node]":
        """The items of an array of ``least`` to ``most``."""
        if not isinstance(self.item, cbor.Array):
            raise self.wrong("an array")
        count = len(self.item.items)
        if count < least or (most is not None and count > most):
            wanted = (
                f"at least {least}" if most is None else str(least) if least == most else f"{least} to {most}"
            )
            raise self.error(f"an array of {count}", f"{wanted} item{'s' * (most != 1 and least != 1)}")
        return [Node(item, f"{self.path}[{place}]") for place, item in enumerate(self.item.items)]

    def text(self, legal: str = "a text") -> str:
        """A text in UTF-8."""
        if not isinstance(self.item, cbor.Text) or self.item.value is None:
            raise self.wrong(legal)
        return self.item.value

    def octets(self, *sizes: int) -> bytes:
        """A byte string, of one of these sizes where any are given."""
        legal = f"a byte string of {_either(sizes)} bytes" if sizes else "a byte string"
        if not isinstance(self.item, cbor.Bytes) or (sizes and len(self.item.value) not in sizes):
            raise self.wrong(legal)
        return self.item.value

    def integer(self, least: int | None = None, legal: str = "an integer") -> int:
        """An integer, not below ``least``."""
        if not isinstance(self.item, cbor.Int) or (least is not None and self.item.value < least):
            raise self.wrong(legal)
        return self.item.value

    @property
    def tag(self) -> int | None:
        """The number of the tag that stands here, if one does."""
        return self.item.number if isinstance(self.item, cbor.Tag) else None

    def tagged(self, *numbers: int, what: str) -> "Node":
        """What stands in a tag of one of these numbers; ``what`` says what that is."""
        if not isinstance(self.item, cbor.Tag) or self.item.number not in numbers:
            raise self.wrong(f"{what} (tag {_either(numbers)})")
        return Node(self.item.content, self.path)

    def time(self) -> float:
        """Seconds since 1970, in a tag 1 (RFC 8949 3.4.2)."""
        return self.tagged(1, what="a time").number()

    def number(self) -> float:
        """An integer or a finite float."""
        match self.item:
            case cbor.Int(value=value):
                return value
            case cbor.Float(value=value) if math.isfinite(value):
                return value
        raise self.wrong("a number")


def _either(numbers: Sequence[int]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def _shown(item: cbor.Item) -> str:
    """An item as a message shows it."""
    match item:
        case cbor.Text(value=str(text)):
            return repr(text if len(text) <= 60 else text[:57] + "...")
        case cbor.Text():
            return "a text that is not UTF-8"
        case cbor.Tag(number=number, content=content):
            return f"tag {number} around {_shown(content)}"
    return describe(item)


def definite_lengths(data: bytes, path: str) -> bytes:
    """The same CBOR item without indefinite lengths, and what lies behind it as it is.

    Raises EndorsementError for an item that is not well-formed.
    """
    if not any(major << 5 | _INDEFINITE in data for major in (2, 3, 4, 5)):
        return data
    try:
        item, end = _definite(data, 0, cbor.MAX_DEPTH)
    except cbor.CborError as error:
        raise EndorsementError(f"{path}: {error.finding}; legal: one CBOR item") from None
    return item + data[end:]


def _definite(data: bytes, start: int, depth: int) -> tuple[bytes, int]:
    """(the item at ``start``, where it ends)."""
    if depth == 0:
        raise _malformed(f"nested deeper than {cbor.MAX_DEPTH} levels", start)
    initial = _take(data, start, 1)[0]
    major, info = initial >> 5, initial & 0x1F
    if info == _INDEFINITE and major in (2, 3):
        return _joined(data, start, major)
    if info == _INDEFINITE and major in (4, 5):
        return _counted(data, start, major, depth)
    size = 1 if info < 24 else 1 + (1 << (info - 24)) if info < 28 else 0
    if not size:
        raise _malformed(f"initial byte 0x{initial:02x} has no meaning here", start)
    body = start + size
    argument = info if info < 24 else int.from_bytes(_take(data, start + 1, size - 1), "big")
    if major in (2, 3):
        return data[start:body] + _take(data, body, argument), body + argument
    count = {4: argument, 5: 2 * argument, 6: 1}.get(major, 0)
    if count > len(data):
        raise _malformed(f"{count} items announced, too few bytes left", start)
    parts, end = [_take(data, start, size)], body
    for _ in range(count):
        part, end = _definite(data, end, depth - 1)
        parts.append(part)
    return b"".join(parts), end


def _joined(data: bytes, start: int, major: int) -> tuple[bytes, int]:
    """A string in chunks, each a string of the same kind and of definite length."""
    chunks, offset = bytearray(), start + 1
    while _take(data, offset, 1)[0] != BREAK:
        if data[offset] >> 5 != major or data[offset] & 0x1F == _INDEFINITE:
            raise _malformed("a chunk that is no string of the same kind", offset)
        chunk, end = _definite(data, offset, 1)
        chunks += chunk[len(chunk) - _length_of(chunk) :]
        offset = end
    return head(major, len(chunks)) + bytes(chunks), offset + 1


def _length_of(chunk: bytes) -> int:
    info = chunk[0] & 0x1F
    return info if info < 24 else int.from_bytes(chunk[1 : 1 + (1 << (info - 24))], "big")


def _counted(data: bytes, start: int, major: int, depth: int) -> tuple[bytes, int]:
    """An array or map up to its break."""
    parts, offset = [], start + 1
    while _take(data, offset, 1)[0] != BREAK:
        part, offset = _definite(data, offset, depth - 1)
        parts.append(part)
    if major == 5 and len(parts) % 2:
        raise _malformed("a map whose last key has no value", offset)
    return head(major, len(parts) // 2 if major == 5 else len(parts)) + b"".join(parts), offset + 1


def _take(data: bytes, start: int, length: int) -> bytes:
    if start + length > len(data):
        raise _malformed(f"{length} bytes wanted, {max(len(data) - start, 0)} left: truncated", start)
    return data[start : start + length]


def _malformed(text: str, offset: int) -> cbor.CborError:
    return cbor.CborError(Kind.MALFORMED_CBOR, text, offset)
