"""JSON lines: one object an event, every field of it, for programs."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, Flag
from typing import Any, Final

from ...interface.psa.status import PsaStatus
from ...interface.trace import Event
from .writer import TraceWriter

HEADER: Final = ("t", "n", "event")


class JsonLinesTrace(TraceWriter):
    """``{"t": microseconds, "n": number from 0, "event": "MessageDelivered", ...fields}``, line by line."""

    _number = 0

    def _hear(self, event: Event) -> None:
        line: dict[str, Any] = {"t": self._now(), "n": self._number, "event": type(event).__name__}
        self._number += 1
        line.update(event_fields(event))
        self._sink.write(json.dumps(line) + "\n")


def event_fields(event: Event) -> dict[str, Any]:
    """An event's fields for JSON; a status that has a name brings it along as ``status_name``.

    A field that is called like one of the three that each line has gets an underscore behind.
    """
    found: dict[str, Any] = {}
    for name, value in _fields_of(event):
        found[f"{name}_" if name in HEADER else name] = as_json(value)
        if name == "status" and isinstance(value, int) and PsaStatus(value).name != str(int(value)):
            found["status_name"] = PsaStatus(value).name
    return found


def as_json(value: object) -> Any:
    """Enums by name (a psa_status_t is a number all the same), bytes as hex, dataclasses as objects."""
    match value:
        case PsaStatus():
            return int(value)
        case Flag() | Enum():
            return value.name if value.name is not None else value.value
        case None | bool() | int() | float() | str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case type():
            return value.__name__
        case Mapping():
            return {str(as_json(key)): as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case set() | frozenset():
            return sorted((as_json(item) for item in value), key=str)
        case _ if is_dataclass(value):
            return {name: as_json(item) for name, item in _fields_of(value)}
    return str(value)


def _fields_of(value: Any) -> list[tuple[str, object]]:
    if not is_dataclass(value):
        return []
    return [(f.name, getattr(value, f.name)) for f in fields(value) if f.repr]
