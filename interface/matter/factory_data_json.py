"""The JSON form of factory data, as ST's genFactoryData.py reads it.

One object: the tag's name in upper case, and its value. Numbers are text, decimal or with 0x; bytes are a
list of texts of one byte each in hexadecimal; strings are strings.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from .factory_data import (
    VALUE_TYPES,
    FactoryData,
    FactoryDataError,
    FactoryDataTag,
    ValueType,
    number_value,
)

_NUMBER: Final = re.compile(r"0x[0-9A-Fa-f]{1,16}|[0-9]{1,20}")
_BYTE: Final = re.compile(r"(?:0x)?[0-9A-Fa-f]{1,2}")
_LEGAL: Final = {
    ValueType.UINT16: 'text such as "0xF00" or "3840"',
    ValueType.UINT32: 'text such as "0x3E8" or "1000"',
    ValueType.BYTES: 'a list of texts such as ["0x30", "0x82"]',
    ValueType.STRING: "text",
}
_BYTES_PER_LINE: Final = 16


def factory_data_from_json(
    raw: bytes | str, name: str = "JSON", skipped: list[str] | None = None
) -> FactoryData:
    """The factory data in a JSON text; ``name`` stands for it in messages.

    Parameters that nobody knows are passed over, as ST's tool does, and appended to ``skipped``. Raises
    FactoryDataError for what is no JSON, for a name that comes twice, and for a value of the wrong form.
    """
    values: dict[FactoryDataTag, bytes] = {}
    for key, value in _object(raw, name).items():
        tag = FactoryDataTag.__members__.get(key)
        if tag is None:
            if skipped is not None:
                skipped.append(key)
            continue
        try:
            values[tag] = _value(tag, value)
        except FactoryDataError as error:
            raise FactoryDataError(f"{name}: {error}") from error
    try:
        return FactoryData(values)
    except FactoryDataError as error:
        raise FactoryDataError(f"{name}: {error}") from error


def factory_data_to_json(data: FactoryData) -> str:
    """The JSON form, entries by id; `factory_data_from_json` reads it back to the same values."""
    lines = (f"  {json.dumps(tag.name)} : {_text(tag, value)}" for tag, value in data.values.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _object(raw: bytes | str, name: str) -> dict[str, Any]:
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        found = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, name))
    except UnicodeDecodeError as error:
        raise FactoryDataError(f"{name}: found no UTF-8 at byte {error.start}; legal: a JSON text") from error
    except json.JSONDecodeError as error:
        where = f"{name}:{error.lineno}:{error.colno}"
        raise FactoryDataError(f"{where}: not JSON: {error.msg}; legal: one object") from error
    except (RecursionError, ValueError) as error:
        raise FactoryDataError(f"{name}: not JSON that can be read: {error}"[:200]) from error
    if not isinstance(found, dict):
        raise FactoryDataError(f"{name}: found {found!r:.40}; legal: one object of names and values")
    return found


def _once(pairs: Iterable[tuple[str, Any]], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FactoryDataError(f"{name}: {key!r:.60} for a second time; legal: each name once")
        found[key] = value
    return found


def _value(tag: FactoryDataTag, value: object) -> bytes:
    match VALUE_TYPES[tag], value:
        case ((ValueType.UINT16 | ValueType.UINT32), str()) if _NUMBER.fullmatch(value):
            return number_value(tag, int(value, 16 if value.startswith("0x") else 10))
        case ValueType.STRING, str():
            return _utf8(tag, value)
        case ValueType.BYTES, list():
            return _bytes(tag, value)
    raise FactoryDataError(
        f"factory data {tag.name} (id {int(tag)}): found {value!r:.60}; legal: {_LEGAL[VALUE_TYPES[tag]]}"
    )


def _utf8(tag: FactoryDataTag, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FactoryDataError(
            f"factory data {tag.name} (id {int(tag)}): half a surrogate pair at character {error.start}; "
            "legal: text"
        ) from error


def _bytes(tag: FactoryDataTag, items: Sequence[object]) -> bytes:
    for index, item in enumerate(items):
        if not (isinstance(item, str) and _BYTE.fullmatch(item)):
            raise FactoryDataError(
                f"factory data {tag.name} (id {int(tag)}): item {index}: found {item!r:.40}; "
                'legal: one byte such as "0x30"'
            )
    return bytes(int(str(item), 16) for item in items)


def _text(tag: FactoryDataTag, value: bytes) -> str:
    match VALUE_TYPES[tag]:
        case ValueType.UINT16:
            return f'"0x{int.from_bytes(value, "little"):04X}"'
        case ValueType.UINT32:
            return f'"{int.from_bytes(value, "little")}"'
        case ValueType.STRING:
            return json.dumps(value.decode(), ensure_ascii=False)
    rows = [value[at : at + _BYTES_PER_LINE] for at in range(0, len(value), _BYTES_PER_LINE)]
    return "[\n" + ",\n".join("    " + ", ".join(f'"0x{b:02x}"' for b in row) for row in rows) + "\n  ]"
