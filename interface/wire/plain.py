"""Values that can leave their process: numbers, texts, bytes, enums, and dataclasses and tuples of these.

They travel as CBOR; what comes in is rebuilt by a type hint and by nothing else, so that no sender can make
the receiver build anything that the hint does not name.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import cbor2

from .frames import WireError

PLAIN = (bool, int, float, str, bytes, NoneType)


def dump(value: object) -> bytes:
    """CBOR of a value. Raises WireError for one that cannot travel."""
    return cbor2.dumps(to_plain(value))


def load(data: bytes) -> Any:
    """What CBOR bytes say, as plain values, lists and maps. Raises WireError."""
    try:
        value = cbor2.loads(data)
        _check(value)
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"CBOR: {error}") from error
    return value


def _check(value: object) -> None:
    if isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key)
            _check(item)
    elif not isinstance(value, PLAIN):
        raise WireError(f"CBOR: a {type(value).__name__}; legal: numbers, texts, bytes, lists, maps")


def to_plain(value: object) -> object:
    """The value as CBOR can say it. Raises WireError naming a part that cannot travel."""
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value) if f.init}
    if isinstance(value, Mapping):
        return [[to_plain(k), to_plain(v)] for k, v in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    raise WireError(
        f"{value!r:.60}: a {type(value).__name__} cannot leave its process; legal: numbers, texts, bytes, "
        "enums, tuples, sets and dataclasses of these"
    )


def from_plain(hint: Any, data: Any) -> Any:
    """The value of type ``hint`` that was sent as ``data``. Raises WireError where it is none."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(get_args(hint), data)
    if origin is Literal:
        return _expect(data in get_args(hint), hint, data)
    if origin is not None:
        return _collection(origin, get_args(hint), data)
    if hint is None:
        hint = NoneType
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return _member(hint, data)
        if is_dataclass(hint):
            return _dataclass(hint, data)
        if hint is float:
            return float(_expect(isinstance(data, int | float), hint, data))
        if hint in PLAIN:
            return _expect(type(data) is hint, hint, data)
    if hint is Any or hint is object:
        return data
    raise WireError(f"{hint!r} is no type whose values can leave their process")


def _expect(holds: bool, hint: Any, data: Any) -> Any:
    if not holds:
        raise WireError(f"found {data!r:.60}; legal: a value of {getattr(hint, '__name__', hint)}")
    return data


def _one_of(hints: tuple[Any, ...], data: Any) -> Any:
    for hint in hints:
        try:
            return from_plain(hint, data)
        except WireError:
            continue
    return _expect(False, " or ".join(getattr(h, "__name__", str(h)) for h in hints), data)


def _member(hint: type[Enum], data: Any) -> Enum:
    for member in hint:
        if to_plain(member.value) == data:
            return member
    try:
        return hint(data)  # a combination of flags
    except (ValueError, TypeError):
        return _expect(False, hint, data)  # type: ignore[no-any-return]


def _dataclass(hint: type, data: Any) -> object:
    hints = get_type_hints(hint)
    names = {f.name for f in fields(hint) if f.init}
    _expect(isinstance(data, dict) and data.keys() == names, hint, data)
    return hint(**{name: from_plain(hints[name], data[name]) for name in names})


def _collection(origin: Any, hints: tuple[Any, ...], data: Any) -> Any:
    _expect(isinstance(data, list), origin, data)
    if origin is tuple:
        if len(hints) == 2 and hints[1] is Ellipsis:
            return tuple(from_plain(hints[0], item) for item in data)
        _expect(len(data) == len(hints), origin, data)
        return tuple(from_plain(h, item) for h, item in zip(hints, data, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = [_expect(isinstance(item, list) and len(item) == 2, origin, item) for item in data]
        return {from_plain(hints[0], k): from_plain(hints[1], v) for k, v in pairs}
    if isinstance(origin, type) and issubclass(origin, Collection):
        items = (from_plain(hints[0], item) for item in data)
        return origin(items) if origin in (list, set, frozenset) else tuple(items)
    raise WireError(f"{origin!r} is no type whose values can leave their process")
