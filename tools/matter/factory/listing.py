"""Factory data as people and programs read it: what ST's tool shows with --verbose."""

from collections.abc import Iterator
from typing import Any

from ....interface.matter.factory_data import (
    HEADER_SIZE,
    VALUE_TYPES,
    FactoryData,
    FactoryDataTag,
    ValueType,
    entries,
)

SHOWN_BYTES = 12


def listing(image: bytes) -> Iterator[str]:
    """A line an entry, as they lie in ``image``: offset, id, name and value. The private key is not shown.

    Provisioning firmware adds its entries behind the others, whatever their ids. Raises FactoryDataError.
    """
    data, end = FactoryData.decode(image), 0
    for at, number, value in entries(image):
        if number in VALUE_TYPES:
            tag = FactoryDataTag(number)
            yield f"{at:#06x}  {number:3}  {tag.name:<30}  {_shown(data, tag)}"
        else:
            yield f"{at:#06x}  {number:3}  {'(unknown)':<30}  {_start(value)}"
        end = at + HEADER_SIZE + len(value)
    yield f"{end:#06x}       end marker"


def listing_data(data: FactoryData) -> list[dict[str, Any]]:
    """The same for JSON; values as numbers, text or hex digits, the private key left out."""
    return [
        {
            "id": int(tag),
            "name": tag.name,
            "length": len(value),
            "value": None if tag is FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY else _value(data, tag),
        }
        for tag, value in data.values.items()
    ]


def _value(data: FactoryData, tag: FactoryDataTag) -> int | str | None:
    match VALUE_TYPES[tag]:
        case ValueType.UINT16 | ValueType.UINT32:
            return data.number(tag)
        case ValueType.STRING:
            return data.text(tag)
    return data.values[tag].hex()


def _shown(data: FactoryData, tag: FactoryDataTag) -> str:
    value = data.values[tag]
    if tag is FactoryDataTag.DEVICE_ATTESTATION_PRIV_KEY:
        return f"{len(value)} bytes, not shown"
    match VALUE_TYPES[tag]:
        case ValueType.UINT16 | ValueType.UINT32:
            number = int.from_bytes(value, "little")
            return f"{number:#x} ({number})"
        case ValueType.STRING:
            return repr(value.decode())
    return _start(value)


def _start(value: bytes) -> str:
    more = ".." if len(value) > SHOWN_BYTES else ""
    return f"{len(value)} bytes, {value[:SHOWN_BYTES].hex()}{more}"
