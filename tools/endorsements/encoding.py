"""Values as CBOR, core deterministic (RFC 8949 4.2.1): short heads, definite lengths, sorted keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from ..tokens.cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int, write_text

Value = Union[int, str, bytes, Sequence["Value"], Mapping[int, "Value"], Mapping[str, "Value"], "Tagged"]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value in a tag."""

    number: int
    value: Value


def encode(value: Value) -> bytes:
    """The bytes of a value; the order of a map's keys is that of their encoded bytes."""
    match value:
        case int():
            return write_int(value)
        case str():
            return write_text(value)
        case bytes():
            return write_bytes(value)
        case Tagged():
            return wrap_tag(value.number, encode(value.value))
        case Mapping():
            return join_map(sorted((encode(key), encode(item)) for key, item in value.items()))
    return join_array([encode(item) for item in value])
