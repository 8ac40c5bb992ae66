"""Vendor and product id in the name of a certificate's subject (Matter 1.4 6.1.1, 6.2.2.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .der import OID, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING, DerError, Reader, read_sequence, tag_name

COMMON_NAME: Final = "2.5.4.3"
VENDOR_ID: Final = "1.3.6.1.4.1.37244.2.1"
PRODUCT_ID: Final = "1.3.6.1.4.1.37244.2.2"
COMMON_NAME_SCANNED: Final = 64
"""Bytes of a common name that are looked at: CHIP SDK kMax_CommonNameAttr_Length."""

_WHAT: Final = {VENDOR_ID: "vendor id", PRODUCT_ID: "product id"}
_SHORT: Final = {COMMON_NAME: "CN", "2.5.4.10": "O", "2.5.4.11": "OU", VENDOR_ID: "VID", PRODUCT_ID: "PID"}
_PREFIX: Final = {VENDOR_ID: b"Mvid:", PRODUCT_ID: b"Mpid:"}
_FOUR_DIGITS: Final = re.compile(rb"[0-9A-F]{4}")


class DistinguishedNameError(ValueError):
    """A name that is malformed, or that says a vendor or product id in a way that is not allowed."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a name: its type dotted, its value's tag and bytes."""

    oid: str
    tag: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What a name says; None where it does not."""

    vendor_id: int | None = None
    product_id: int | None = None

    def __str__(self) -> str:
        vendor, product = (
            "none" if number is None else f"0x{number:04X}" for number in (self.vendor_id, self.product_id)
        )
        return f"VID {vendor}, PID {product}"


def read_name(name: bytes) -> tuple[Attribute, ...]:
    """All attributes of a name in DER, in its order. Raises DerError."""
    found: list[Attribute] = []
    names = read_sequence(name, "name")
    while names.more:
        found += _relative_name(names.take(SET, "relative distinguished name").reader())
    return tuple(found)


def _relative_name(reader: Reader) -> Iterator[Attribute]:
    """Mostly one attribute; never none."""
    last = b""
    while True:
        pair = reader.take(SEQUENCE, "attribute")
        # X.690 11.6: the members of a SET OF stand in ascending order.
        if pair.raw < last:
            raise DerError(f"attribute at offset {pair.offset} out of order; legal: ascending")
        last = pair.raw
        inside = pair.reader()
        oid = inside.take(OID, "attribute type").oid()
        value = inside.any("attribute value")
        inside.end("attribute")
        if value.tag == UTF8_STRING:
            value.text()
        yield Attribute(oid, value.tag, value.content)
        if not reader.more:
            return


def describe_name(name: bytes) -> str:
    """A name for a reader: CN=Matter PAA, VID=FFF1. Raises DerError."""
    return ", ".join(
        f"{_SHORT.get(attribute.oid, attribute.oid)}={attribute.value.decode('utf-8', 'replace')}"
        for attribute in read_name(name)
    )


def read_identifiers(name: bytes) -> Identifiers:
    """Vendor and product id of a name in DER. Raises DistinguishedNameError."""
    try:
        attributes = read_name(name)
    except DerError as error:
        raise DistinguishedNameError(str(error)) from None
    found = {oid: _of_attributes(attributes, oid) for oid in (VENDOR_ID, PRODUCT_ID)}
    # Matter 1.4 6.2.2.2: with either attribute there, the common name says nothing about ids.
    if all(number is None for number in found.values()):
        found = _of_common_names(attributes)
    return Identifiers(found[VENDOR_ID], found[PRODUCT_ID])


def _of_attributes(attributes: tuple[Attribute, ...], oid: str) -> int | None:
    mine = [attribute for attribute in attributes if attribute.oid == oid]
    if not mine:
        return None
    what = _WHAT[oid]
    if len(mine) > 1:
        raise DistinguishedNameError(f"{what} {len(mine)} times; legal: once")
    [attribute] = mine
    # Matter 1.4 6.1.1: UTF8String or PrintableString of four upper-case hexadecimal digits.
    if attribute.tag not in (UTF8_STRING, PRINTABLE_STRING):
        raise DistinguishedNameError(
            f"{what} as {tag_name(attribute.tag)}; legal: UTF8String or PrintableString"
        )
    if not _FOUR_DIGITS.fullmatch(attribute.value):
        text = attribute.value.decode("latin-1")
        raise DistinguishedNameError(f"{what} {text!r}; legal: four digits of 0-9 and A-F")
    return int(attribute.value, 16)


def _of_common_names(attributes: tuple[Attribute, ...]) -> dict[str, int | None]:
    """CHIP SDK ExtractVIDPIDFromAttributeString: the first common name that says either id says both."""
    found: dict[str, int | None] = dict.fromkeys(_PREFIX)
    for attribute in attributes:
        if attribute.oid == COMMON_NAME and all(number is None for number in found.values()):
            found = {oid: _after_prefix(attribute.value[:COMMON_NAME_SCANNED], oid) for oid in _PREFIX}
    return found


def _after_prefix(name: bytes, oid: str) -> int | None:
    # Matter 1.4 6.2.2.2: the leftmost prefix that four upper-case digits follow counts; a prefix without any
    # such place is an error.
    prefix = _PREFIX[oid]
    if prefix not in name:
        return None
    match = re.search(re.escape(prefix) + rb"([0-9A-F]{4})", name, re.DOTALL)
    if match is None:
        raise DistinguishedNameError(
            f"common name {name.decode('latin-1')!r}; "
            f"legal: four digits of 0-9 and A-F behind {prefix.decode()}"
        )
    return int(match[1], 16)
