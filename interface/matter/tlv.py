"""Matter TLV as a device writes and reads it (Matter 1.4 appendix A).

An element is a control octet (three bits of tag control, five of element type), a tag, a length for strings,
a value. Numbers are little endian and take the fewest of 1, 2, 4 or 8 bytes that hold them; a container ends
with an octet of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

ANONYMOUS: Final = b"\x00"  # control bits only: no tag follows
_END: Final = b"\x18"


class ElementType(IntEnum):
    """Matter 1.4 A.7.1: the low five bits of a control octet, the smallest of each size family."""

    SIGNED = 0x00
    UNSIGNED = 0x04
    FALSE = 0x08
    TRUE = 0x09
    FLOAT = 0x0A
    DOUBLE = 0x0B
    UTF8 = 0x0C
    BYTES = 0x10
    NULL = 0x14
    STRUCTURE = 0x15
    ARRAY = 0x16
    LIST = 0x17
    END = 0x18


class TlvError(ValueError):
    """Bytes that are no Matter TLV, or a value that TLV cannot carry: says where, what, and what is legal."""


def context(number: int) -> bytes:
    """A context-specific tag, 0 to 255: tag control 1 and one byte."""
    if not 0 <= number <= 0xFF:
        raise TlvError(f"context tag {number}; legal: 0 to 255")
    return bytes([0x20, number])


def profile(vendor: int, number: int, tag: int) -> bytes:
    """A fully-qualified tag: vendor id and profile number, 16 bits each, and a tag of 16 or 32 bits."""
    if not (0 <= vendor <= 0xFFFF and 0 <= number <= 0xFFFF and 0 <= tag <= 0xFFFFFFFF):
        raise TlvError(f"tag of vendor {vendor}, profile {number}, number {tag}; legal: 16, 16 and 32 bits")
    head = vendor.to_bytes(2, "little") + number.to_bytes(2, "little")
    if tag <= 0xFFFF:
        return b"\xc0" + head + tag.to_bytes(2, "little")
    return b"\xe0" + head + tag.to_bytes(4, "little")


def unsigned(tag: bytes, value: int) -> bytes:
    """An unsigned integer of up to 64 bits."""
    size = _width(value, "unsigned integer")
    return _head(tag, ElementType.UNSIGNED + size) + value.to_bytes(1 << size, "little")


def boolean(tag: bytes, value: bool) -> bytes:
    """True or false; the type is the value."""
    return _head(tag, ElementType.TRUE if value else ElementType.FALSE)


def octets(tag: bytes, value: bytes) -> bytes:
    """A byte string."""
    return _string(tag, ElementType.BYTES, value)


def text(tag: bytes, value: str) -> bytes:
    """A UTF-8 string."""
    return _string(tag, ElementType.UTF8, value.encode())


def structure(tag: bytes, *members: bytes) -> bytes:
    """A structure of encoded elements, each with a tag."""
    return _head(tag, ElementType.STRUCTURE) + b"".join(members) + _END


def array(tag: bytes, *members: bytes) -> bytes:
    """An array of encoded elements, each anonymous."""
    return _head(tag, ElementType.ARRAY) + b"".join(members) + _END


def _head(tag: bytes, element_type: int) -> bytes:
    return bytes([tag[0] | element_type]) + tag[1:]


def _string(tag: bytes, element_type: ElementType, value: bytes) -> bytes:
    size = _width(len(value), "length")
    return _head(tag, element_type + size) + len(value).to_bytes(1 << size, "little") + value


def _width(value: int, what: str) -> int:
    """The exponent of the fewest bytes: 0 for 1, 1 for 2, 2 for 4, 3 for 8."""
    for exponent in range(4):
        if 0 <= value < 1 << (8 << exponent):
            return exponent
    raise TlvError(f"{what} {value}; legal: 0 to 2^64 - 1")


Value: TypeAlias = "int | bool | bytes | str | tuple[Element, ...] | None"


@dataclass(frozen=True, slots=True)
class Element:
    """One element read. ``tag`` is its control bits and tag bytes, as ``context`` and ``profile`` make them.

    A number, boolean, string or null has its Python value; a container has its elements; a float its bytes.
    """

    tag: bytes
    type: ElementType
    value: Value

    def member(self, tag: bytes) -> "Element":
        """The member of a container with ``tag``. TlvError when there is none."""
        if isinstance(self.value, tuple):
            for element in self.value:
                if element.tag == tag:
                    return element
        raise TlvError(f"no element with tag {tag.hex()}")

    def number(self, tag: bytes, bits: int) -> int:
        """The unsigned integer with ``tag``, of at most ``bits``."""
        found = self.member(tag)
        if found.type is not ElementType.UNSIGNED or not isinstance(found.value, int):
            raise TlvError(f"element {tag.hex()} is {found.type.name}; legal: UNSIGNED")
        if found.value >> bits:
            raise TlvError(f"element {tag.hex()} is {found.value}; legal: {bits} bits")
        return found.value

    def bytes_of(self, tag: bytes, size: int) -> bytes:
        """The byte string with ``tag``, of exactly ``size`` bytes."""
        found = self.member(tag)
        if not isinstance(found.value, bytes) or found.type is not ElementType.BYTES:
            raise TlvError(f"element {tag.hex()} is {found.type.name}; legal: BYTES")
        if len(found.value) != size:
            raise TlvError(f"element {tag.hex()} has {len(found.value)} bytes; legal: {size}")
        return found.value


_TAG_SIZES: Final = (0, 1, 2, 4, 2, 4, 6, 8)  # Matter 1.4 A.7.2, by tag control
_FAMILIES: Final = {
    0x00: ElementType.SIGNED,
    0x04: ElementType.UNSIGNED,
    0x0C: ElementType.UTF8,
    0x10: ElementType.BYTES,
}
_CONTAINERS: Final = (ElementType.STRUCTURE, ElementType.ARRAY, ElementType.LIST)
MAX_DEPTH: Final = 16


def decode(data: bytes) -> Element:
    """The one element that ``data`` is, containers within containers up to 16 deep. Raises TlvError."""
    reader = _Reader(data)
    element = reader.element(0)
    if reader.at != len(data):
        raise TlvError(f"{len(data) - reader.at} bytes behind the element at offset {reader.at}; legal: none")
    return element


class _Reader:
    __slots__ = ("_data", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def element(self, depth: int) -> Element:
        start = self.at
        control = self._take(1)[0]
        tag = bytes([control & 0xE0]) + self._take(_TAG_SIZES[control >> 5])
        kind = control & 0x1F
        family = _FAMILIES.get(kind & 0x1C)
        if family is not None:
            return Element(tag, family, self._sized(family, 1 << (kind & 3), start))
        if kind > ElementType.END:
            raise TlvError(f"element type 0x{kind:02x} at offset {start}; legal: 0x00 to 0x18")
        known = ElementType(kind)
        if known in _CONTAINERS:
            if depth == MAX_DEPTH:
                raise TlvError(f"a container at offset {start} is {MAX_DEPTH + 1} deep; legal: {MAX_DEPTH}")
            return Element(tag, known, tuple(self._members(depth + 1)))
        match known:
            case ElementType.END:
                if tag != ANONYMOUS:
                    raise TlvError(f"end of container with a tag at offset {start}; legal: none")
                return Element(tag, known, None)
            case ElementType.FLOAT | ElementType.DOUBLE:
                return Element(tag, known, self._take(4 if known is ElementType.FLOAT else 8))
            case ElementType.NULL:
                return Element(tag, known, None)
        return Element(tag, known, known is ElementType.TRUE)

    def _members(self, depth: int) -> Iterator[Element]:
        while (member := self.element(depth)).type is not ElementType.END:
            yield member

    def _sized(self, family: ElementType, width: int, start: int) -> Value:
        number = self._take(width)
        match family:
            case ElementType.SIGNED:
                return int.from_bytes(number, "little", signed=True)
            case ElementType.UNSIGNED:
                return int.from_bytes(number, "little")
        value = self._take(int.from_bytes(number, "little"))
        if family is ElementType.BYTES:
            return value
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise TlvError(f"string at offset {start} is not UTF-8: {error.reason}") from None

    def _take(self, size: int) -> bytes:
        taken = self._data[self.at : self.at + size]
        if len(taken) < size:
            raise TlvError(f"{size} bytes wanted at offset {self.at}, {len(taken)} there")
        self.at += size
        return taken
