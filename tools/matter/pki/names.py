"""Names of Matter certificates: who a device is, written into a subject."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from ....interface.errors import TfmSimError

VENDOR_ID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.37244.2.1")
PRODUCT_ID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.37244.2.2")
TEST_VENDOR_ID: Final = 0xFFF1
"""The first of the four vendor ids that Matter keeps for tests (0xFFF1..0xFFF4)."""
TEST_PRODUCT_ID: Final = 0x8004
"""The product of that vendor which ST's and the CHIP SDK's test data describe."""
TEST_VENDOR_IDS: Final = range(0xFFF1, 0xFFF5)

_COMMON_NAME_MAX: Final = 64
"""Characters of a common name: X.520's ub-common-name."""


class PkiError(TfmSimError):
    """The PKI was asked for what it cannot or may not make; the text says what and what would be legal."""


@dataclass(frozen=True, slots=True, order=True)
class Product:
    """What a device is: its vendor's id and its number among that vendor's products, 16 bits each."""

    vendor_id: int = TEST_VENDOR_ID
    product_id: int = TEST_PRODUCT_ID

    def __post_init__(self) -> None:
        check_identifier("vendor id", self.vendor_id)
        check_identifier("product id", self.product_id)

    def __str__(self) -> str:
        return f"VID 0x{self.vendor_id:04X}, PID 0x{self.product_id:04X}"


class NameStyle(Enum):
    """Where a subject says its ids; the value is what the command line calls it."""

    ATTRIBUTES = "attributes"
    COMMON_NAME = "common-name"


def check_identifier(what: str, number: int) -> None:
    """Raises PkiError unless ``number`` is a vendor or product id that a certificate may have."""
    # Matter 1.4 2.5.2: vendor id 0 means "Matter Standard" and names no vendor; product id 0 is anonymous.
    if not 0 < number <= 0xFFFF:
        raise PkiError(f"{what} {number:#x}; legal: 0x0001..0xFFFF")


TEST_PRODUCT: Final = Product()
"""VID 0xFFF1, PID 0x8004."""


def make_name(
    common_name: str,
    vendor_id: int | None = None,
    product_id: int | None = None,
    style: NameStyle = NameStyle.ATTRIBUTES,
) -> x509.Name:
    """A subject. Raises PkiError for ids out of range and a common name over 64 characters."""
    ids = []
    for what, prefix, oid, number in (
        ("vendor id", "Mvid:", VENDOR_ID_OID, vendor_id),
        ("product id", "Mpid:", PRODUCT_ID_OID, product_id),
    ):
        if number is not None:
            check_identifier(what, number)
            ids.append((prefix, oid, f"{number:04X}"))
    # Matter 1.4 6.2.2.2: without the attributes, the ids stand in the common name, each after its prefix.
    if style is NameStyle.COMMON_NAME:
        common_name = " ".join([common_name, *(f"{prefix}{text}" for prefix, _, text in ids)])
    if not 0 < len(common_name) <= _COMMON_NAME_MAX:
        raise PkiError(f"common name {common_name!r}; legal: 1 to {_COMMON_NAME_MAX} characters")
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    # Matter 1.4 6.2.2.1: a UTF8String of exactly four upper-case hexadecimal digits.
    if style is NameStyle.ATTRIBUTES:
        attributes += [x509.NameAttribute(oid, text) for _, oid, text in ids]
    return x509.Name(attributes)


def name_style(name: x509.Name) -> NameStyle:
    """Where a subject of ours says its ids; one that says none passes for attributes."""
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    prefixed = any(re.search("M[vp]id:", str(attribute.value)) for attribute in names)
    return NameStyle.COMMON_NAME if prefixed else NameStyle.ATTRIBUTES
