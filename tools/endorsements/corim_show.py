"""A CoRIM in words, as data and as lines: all that stands in it, understood by a profile or not."""

import datetime
import json
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Union

from ..verifier import cbor
from .cbor_node import read_general
from .corim import (
    CLASS_KEYS,
    COMID_KEYS,
    CORIM_KEYS,
    ENTITY_KEYS,
    ENVIRONMENT_KEYS,
    MEASUREMENT_KEYS,
    META_KEYS,
    MVAL_KEYS,
    SIGNER_KEYS,
    TAG_IDENTITY_KEYS,
    TRIPLES_KEYS,
    VALIDITY_KEYS,
    VERSION_KEYS,
    CorimRole,
)
from .digests import NUMBERS
from .model import EndorsementError
from .signed_corim import CLAIMS_KEYS, HEADER_KEYS, algorithm_name

Shape = Union["_Map", "_List", "_Row", "_Encoded", "_Word", None]


@dataclass(frozen=True, slots=True)
class _Map:
    """A map whose integer keys have names; ``inner`` says what is under some of them."""

    names: Mapping[int, str]
    inner: Mapping[int, Shape]


@dataclass(frozen=True, slots=True)
class _List:
    """An array of alike items."""

    item: Shape


@dataclass(frozen=True, slots=True)
class _Row:
    """An array whose places have names."""

    names: Sequence[str]
    inner: Sequence[Shape]


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A byte string with CBOR in it."""

    inner: Shape


@dataclass(frozen=True, slots=True)
class _Word:
    """A number that stands for a word."""

    word: Callable[[int], str]


def _numbered(names: Mapping[int, str]) -> _Word:
    return _Word(lambda number: names.get(number, str(number)))


_ENTITY_ROLES: Final = _numbered({role: role.name.lower().replace("_", "-") for role in CorimRole})
_COMID_ROLES: Final = _numbered({0: "tag-creator", 1: "creator", 2: "maintainer"})
_VALIDITY: Final = _Map(VALIDITY_KEYS, {})
_DIGEST: Final = _Row(("algorithm", "value"), (_numbered(NUMBERS), None))
_CLASS: Final = _Map(CLASS_KEYS, {})
_ENVIRONMENT: Final = _Map(ENVIRONMENT_KEYS, {0: _CLASS})
_MVAL: Final = _Map(
    MVAL_KEYS, {0: _Map(VERSION_KEYS, {}), 2: _List(_DIGEST), 14: _Map({}, {-1: _List(_DIGEST)})}
)
_MEASUREMENTS: Final = _List(_Map(MEASUREMENT_KEYS, {1: _MVAL}))
_VALUES: Final = _List(_Row(("environment", "measurements"), (_ENVIRONMENT, _MEASUREMENTS)))
_CONDITIONAL: Final = _List(_Row(("conditions", "endorsements"), (_VALUES, _VALUES)))
_KEYS: Final = _List(_Row(("environment", "keys", "conditions"), (_ENVIRONMENT, None, None)))
_TRIPLES: Final = _Map(TRIPLES_KEYS, {0: _VALUES, 1: _VALUES, 2: _KEYS, 3: _KEYS, 10: _CONDITIONAL})
_COMID: Final = _Map(
    COMID_KEYS,
    {1: _Map(TAG_IDENTITY_KEYS, {}), 2: _List(_Map(ENTITY_KEYS, {2: _List(_COMID_ROLES)})), 4: _TRIPLES},
)
_CORIM: Final = _Map(CORIM_KEYS, {4: _VALIDITY, 5: _List(_Map(ENTITY_KEYS, {2: _List(_ENTITY_ROLES)}))})
_META: Final = _Map(META_KEYS, {0: _Map(SIGNER_KEYS, {}), 1: _VALIDITY})
_PROTECTED: Final = _Map(
    HEADER_KEYS, {1: _Word(algorithm_name), 8: _Encoded(_META), 15: _Map(CLAIMS_KEYS, {})}
)
_COMPONENT: Final = _Map({1: "measurement-type", 4: "version", 5: "signer-id"}, {})
_TAGS: Final[Mapping[int, tuple[str, Shape]]] = {
    18: ("signed-corim", None),
    111: ("oid", None),
    501: ("unsigned-corim", _CORIM),
    505: ("coswid", None),
    506: ("comid", _Encoded(_COMID)),
    507: ("cots", None),
    508: ("cotl", None),
    550: ("ueid", None),
    552: ("svn", None),
    553: ("min-svn", None),
    554: ("pkix-base64-key", None),
    555: ("pkix-base64-cert", None),
    556: ("pkix-base64-cert-path", None),
    557: ("key-thumbprint", _DIGEST),
    558: ("cose-key", None),
    559: ("cert-thumbprint", _DIGEST),
    560: ("bytes", None),
    561: ("cert-path-thumbprint", _DIGEST),
    562: ("pkix-asn1der-cert", None),
    563: ("masked-raw-value", _Row(("value", "mask"), (None, None))),
    564: ("int-range", None),
    600: ("psa.impl-id", None),
    601: ("psa.refval-id", _COMPONENT),
    602: ("cca.platform-config-id", None),
}
"""What CoRIM's tags are called, and what stands in them."""


def show_corim(data: bytes, name: str = "CoRIM") -> Any:
    """A CoRIM as JSON can say it: keys by name, bytes in hex, times as text, tags as {"name": ...}.

    Nothing is judged; what nobody has a name for is told by its number. Raises EndorsementError for bytes
    that are no CBOR.
    """
    return _show(read_general(data, name).item, None)


def _show(item: cbor.Item, shape: Shape) -> Any:
    match item, shape:
        case cbor.Int(value=value), _Word(word=word):
            return word(value)
        case cbor.Tag(), _:
            return _show_tag(item)
        case cbor.Map(), _:
            return _show_map(item, shape if isinstance(shape, _Map) else _Map({}, {}))
        case cbor.Array(items=items), _Row(names=names, inner=inner) if len(items) <= len(names):
            return {name: _show(part, shape) for name, part, shape in zip(names, items, inner, strict=False)}
        case cbor.Array(items=items), _:
            inner_shape = shape.item if isinstance(shape, _List) else None
            return [_show(part, inner_shape) for part in items]
        case cbor.Bytes(value=value), _Encoded(inner=inner_shape):
            with suppress(EndorsementError):
                return _show(read_general(value, "").item, inner_shape)
            return value.hex()
        case cbor.Bytes(value=value), _:
            return value.hex()
        case cbor.Float(value=value), _ if not math.isfinite(value):
            return str(value)  # JSON has no word for it
    return cbor.plain(item)


def _show_map(item: cbor.Map, shape: _Map) -> dict[str, Any]:
    other = shape.inner.get(-1)
    shown = {}
    for key, value in item.pairs:
        if isinstance(key, cbor.Int):
            shown[shape.names.get(key.value, str(key.value))] = _show(
                value, shape.inner.get(key.value, other)
            )
        else:
            shown[str(_show(key, None))] = _show(value, other)
    return shown


def _show_tag(item: cbor.Tag) -> Any:
    match item.number, item.content:
        case 1, cbor.Int(value=seconds):
            return _time(seconds)
        case 32, cbor.Text(value=str(text)):
            return text
        case 37, cbor.Bytes(value=value) if len(value) == 16:
            return {"uuid": str(uuid.UUID(bytes=value))}
        case 18, cbor.Array(
            items=(cbor.Bytes(value=protected), unprotected, cbor.Bytes(value=payload), last)
        ):
            return {
                "signed-corim": {
                    "protected": _encoded(protected, _PROTECTED),
                    "unprotected": _show(unprotected, _Map(HEADER_KEYS, {})),
                    "payload": _encoded(payload, None),
                    "signature": _show(last, None),
                }
            }
    name, shape = _TAGS.get(item.number, (f"tag {item.number}", None))
    return {name: _show(item.content, shape)}


def _encoded(data: bytes, shape: Shape) -> Any:
    """What is in a byte string; its hex where that is no CBOR."""
    try:
        return _show(read_general(data, "").item, shape)
    except EndorsementError:
        return data.hex()


def _time(seconds: int) -> str:
    """ISO 8601 in UTC; the number where there is no such year."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def corim_lines(shown: Any) -> Iterator[str]:
    """What `show_corim` gives, as indented lines."""
    match shown:
        case dict():
            for key, value in shown.items():
                yield from _entry(key, value)
        case list():
            for value in shown:
                first, *rest = list(corim_lines(value)) or [""]
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case str():
            yield from shown.splitlines() or [""]
        case _:
            yield json.dumps(shown)


def _entry(key: str, value: Any) -> Iterator[str]:
    """A name and what is under it, on one line where that is one word."""
    words = _words(value)
    if words is not None:
        yield f"{key}: {words}"
        return
    yield f"{key}:"
    yield from (f"  {line}" for line in corim_lines(value))


def _words(value: Any) -> str | None:
    match value:
        case {"algorithm": str(algorithm), "value": str(digest)} if len(value) == 2:
            return f"{algorithm} {digest}"
        case dict() if len(value) == 1:
            ((key, inner),) = value.items()
            words = _words(inner) if not isinstance(inner, dict | list) else None
            return None if words is None else f"{key} {words}"
        case dict() | list() if not value:
            return "none"
        case list() if len(value) == 1 and not isinstance(value[0], list):
            return _words(value[0])
        case str():
            return None if "\n" in value else value
        case int() | float() | None:
            return json.dumps(value)
    return None
