"""The content of a certification declaration (Matter 1.4 6.3.1): TLV inside the CMS message."""

from dataclasses import dataclass
from typing import Final

from .tlv import Node, TlvFormatError, context_tags, read_structure

FORMAT_VERSION: Final = 1
CERTIFICATION_TYPES: Final = {0: "development and test", 1: "provisional", 2: "official"}
_MANDATORY: Final = {
    0: "format version",
    1: "vendor id",
    2: "product id array",
    3: "device type id",
    4: "certificate id",
    5: "security level",
    6: "security information",
    7: "version number",
    8: "certification type",
}
_DAC_ORIGIN_VENDOR_ID: Final = 9
_DAC_ORIGIN_PRODUCT_ID: Final = 10
_AUTHORIZED_PAA_LIST: Final = 11
_PRODUCT_IDS: Final = 100
_CERTIFICATE_ID_LENGTH: Final = 19
_AUTHORIZED_PAAS: Final = 10
_KEY_ID_SIZE: Final = 20


class DeclarationError(ValueError):
    """No certification declaration: kCertificationDeclarationInvalidFormat."""


@dataclass(frozen=True, slots=True)
class CertificationDeclaration:
    """``dac_origin`` is the vendor and product id that DAC and PAI carry when they are another vendor's."""

    format_version: int
    vendor_id: int
    product_ids: tuple[int, ...]
    device_type_id: int
    certificate_id: str
    security_level: int
    security_information: int
    version_number: int
    certification_type: int
    dac_origin: tuple[int, int] | None = None
    authorized_paas: tuple[bytes, ...] | None = None


def read_declaration(data: bytes) -> CertificationDeclaration:
    """Raises DeclarationError. Security level and information and version are read and mean nothing yet."""
    try:
        tags, _ = context_tags(read_structure(data))
        for number, name in _MANDATORY.items():
            if number not in tags:
                raise DeclarationError(f"no {name} (context tag {number})")
        return CertificationDeclaration(
            tags[0].uint(16),
            tags[1].uint(16),
            _product_ids(tags[2]),
            tags[3].uint(32),
            _certificate_id(tags[4]),
            tags[5].uint(8),
            tags[6].uint(16),
            tags[7].uint(16),
            tags[8].uint(8),
            _dac_origin(tags.get(_DAC_ORIGIN_VENDOR_ID), tags.get(_DAC_ORIGIN_PRODUCT_ID)),
            _authorized_paas(tags.get(_AUTHORIZED_PAA_LIST)),
        )
    except TlvFormatError as error:
        raise DeclarationError(str(error)) from None


def _product_ids(node: Node) -> tuple[int, ...]:
    _array(node, "product id array", _PRODUCT_IDS)
    # CHIP SDK DecodeCertificationElements: an empty array is read, and then no device is in it.
    return tuple(member.uint(16) for member in node.members)


def _certificate_id(node: Node) -> str:
    text = node.utf8()
    if len(text.encode()) != _CERTIFICATE_ID_LENGTH:
        raise DeclarationError(f"certificate id {text!r}; legal: {_CERTIFICATE_ID_LENGTH} bytes of UTF-8")
    return text


def _dac_origin(vendor: Node | None, product: Node | None) -> tuple[int, int] | None:
    # Matter 1.4 6.3.1: DAC origin vendor id and product id are both there or neither.
    if vendor is None and product is None:
        return None
    if vendor is None or product is None:
        there = "vendor" if product is None else "product"
        raise DeclarationError(f"a DAC origin {there} id alone; legal: vendor and product id, or neither")
    return vendor.uint(16), product.uint(16)


def _authorized_paas(node: Node | None) -> tuple[bytes, ...] | None:
    if node is None:
        return None
    _array(node, "authorized PAA list", _AUTHORIZED_PAAS)
    key_ids = tuple(member.octets() for member in node.members)
    for key_id in key_ids:
        if len(key_id) != _KEY_ID_SIZE:
            raise DeclarationError(f"authorized PAA of {len(key_id)} bytes; legal: {_KEY_ID_SIZE}")
    return key_ids


def _array(node: Node, name: str, most: int) -> None:
    if node.kind != "array":
        raise DeclarationError(f"{name} is {node.kind}; legal: array")
    if len(node.members) > most:
        raise DeclarationError(f"{name} of {len(node.members)}; legal: up to {most}")
