"""The JSON text of a token, read so that the bytes of each member stay what they were.

A signature over text can only be checked on the text as it was transmitted: a writer of JSON may put spaces,
order and escapes as it likes, so what is parsed and written again is another text. The members of the outer
object therefore keep the slice of the text that they were read from.
"""

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NoReturn

from ..statement import Statement
from .kinds import Kind

MAX_SIZE: Final = 1 << 16
"""Bytes; the longest token of a device has 2048."""
MAX_DEPTH: Final = 16
_SPACE: Final = " \t\n\r"


class JsonUnreadable(Exception):
    """The bytes are not the text of one JSON object; ``statement`` says why."""

    def __init__(self, text: str, kind: Kind = Kind.MALFORMED_JSON) -> None:
        super().__init__(text)
        self.statement = Statement(kind, text, "token")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the outer object: its value, and the text of the value as it was transmitted."""

    value: Any
    text: bytes


def members(data: bytes) -> dict[str, Member]:
    """The members of the one object in ``data``, in their order. Raises JsonUnreadable, nothing else.

    RFC 8259: UTF-8, no member twice at any depth, no NaN. One NUL at the end is the C string's that the
    device counts in the token's length, and not part of the text.
    """
    if len(data) > MAX_SIZE:
        raise JsonUnreadable(f"{len(data)} bytes; legal: at most {MAX_SIZE}")
    try:
        text = data.removesuffix(b"\0").decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonUnreadable(f"no UTF-8 at byte {error.start}; legal: JSON text") from None
    _check_depth(text)
    return _outer_object(text)


def _outer_object(text: str) -> dict[str, Member]:
    found: dict[str, Member] = {}
    at = _expect(text, _skip(text, 0), "{", "an object")
    at = _skip(text, at)
    if text[at : at + 1] != "}":
        while True:
            at = _skip(text, at)
            _expect(text, at, '"', "the name of a member")
            name, at = _name(text, at)
            at = _skip(text, _expect(text, _skip(text, at), ":", f"a colon behind {name!a}"))
            value, end = _value(text, at)
            if name in found:
                raise JsonUnreadable(f"the member {name!a} twice; legal: once", Kind.DUPLICATE_MEMBER)
            found[name] = Member(value, text[at:end].encode("utf-8"))
            at = _skip(text, end)
            if text[at : at + 1] != ",":
                break
            at += 1
    at = _skip(text, _expect(text, at, "}", "a comma or the end of the object"))
    if at != len(text):
        raise JsonUnreadable(f"{len(text) - at} characters behind the object; legal: none")
    return found


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, character: str, legal: str) -> int:
    if text[at : at + 1] != character:
        found = repr(text[at]) if at < len(text) else "the end"
        raise JsonUnreadable(f"found {found} at character {at}; legal: {legal}")
    return at + 1


def _name(text: str, at: int) -> tuple[str, int]:
    name, end = _value(text, at)
    if not _is_unicode(name):
        raise JsonUnreadable(f"a lone surrogate in a name before character {end}; legal: Unicode text")
    return name, end


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except RecursionError:
        raise JsonUnreadable(f"nested too deep; legal: at most {MAX_DEPTH} levels") from None
    except ValueError as error:  # JSONDecodeError, and an integer of thousands of digits
        raise JsonUnreadable(f"no JSON: {error}") from None
    return value, end


def _check_depth(text: str) -> None:
    """A bound on nesting that counts brackets in strings too: no string of a token has any."""
    depth = 0
    for character in text:
        depth += (character in "{[") - (character in "}]")
        if depth > MAX_DEPTH:
            raise JsonUnreadable(f"nested too deep; legal: at most {MAX_DEPTH} levels")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise JsonUnreadable(f"the member {name!a} twice; legal: once", Kind.DUPLICATE_MEMBER)
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    """RFC 8259 6: what no double can hold would be infinite, which is no number of JSON's."""
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"the number {digits:.40} is too large")
    return number


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
