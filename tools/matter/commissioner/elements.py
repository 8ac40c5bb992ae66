"""Attestation elements and NOCSR elements (Matter 1.4 11.18.4.6, 11.18.4.8), read from the bytes received."""

from dataclasses import dataclass
from typing import Final

from .tlv import Node, TlvFormatError, context_tags, read_structure

_ATTESTATION: Final = {1: "certification declaration", 2: "attestation nonce", 3: "timestamp"}
_FIRMWARE_INFORMATION: Final = 4
_NOCSR: Final = {1: "CSR", 2: "CSR nonce"}
_VENDOR_RESERVED: Final[tuple[int, ...]] = (3, 4, 5)


class ElementsError(ValueError):
    """Elements that are malformed: kAttestationElementsMalformed, or a CSR response refused."""


@dataclass(frozen=True, slots=True)
class VendorReserved:
    """A vendor's own element: a fully-qualified tag, and a byte string."""

    vendor: int
    profile: int
    number: int
    value: bytes


@dataclass(frozen=True, slots=True)
class AttestationElements:
    """``timestamp`` is in seconds since 2000-01-01 UTC, 0 when the device does not know the time."""

    certification_declaration: bytes
    attestation_nonce: bytes
    timestamp: int
    firmware_information: bytes = b""
    vendor_reserved: tuple[VendorReserved, ...] = ()


@dataclass(frozen=True, slots=True)
class NocsrElements:
    """``vendor_reserved`` are those of tags 3, 4 and 5 by tag."""

    csr: bytes
    csr_nonce: bytes
    vendor_reserved: dict[int, bytes]


def read_attestation_elements(data: bytes, *, ignore_unknown: bool = False) -> AttestationElements:
    """Raises ElementsError.

    ``ignore_unknown`` lets context tags pass that are higher than those known, as newer SDKs do.
    """
    try:
        # CHIP SDK DeconstructAttestationElements: context tags in strict order, the declaration first.
        tags, others = context_tags(read_structure(data))
        _all_of(_ATTESTATION, tags)
        unknown = sorted(set(tags) - {*_ATTESTATION, _FIRMWARE_INFORMATION})
        # CHIP SDK DeconstructAttestationElements: an unknown context tag is malformed.
        if unknown and (not ignore_unknown or unknown[0] < _FIRMWARE_INFORMATION):
            raise ElementsError(f"context tag {unknown[0]}; legal: 1 to 4, then vendors' own tags")
        firmware = tags.get(_FIRMWARE_INFORMATION)
        return AttestationElements(
            tags[1].octets(),
            tags[2].octets(),
            tags[3].uint(32),
            firmware.octets() if firmware else b"",
            tuple(_vendor_reserved(node) for node in others),
        )
    except TlvFormatError as error:
        raise ElementsError(f"attestation elements: {error}") from None


def read_nocsr_elements(data: bytes) -> NocsrElements:
    """Raises ElementsError."""
    try:
        # CHIP SDK DeconstructNOCSRElements: CSR, nonce, vendor reserved 1 to 3, ascending, and nothing else.
        tags, others = context_tags(read_structure(data))
        _all_of(_NOCSR, tags)
        unknown = sorted(set(tags) - {*_NOCSR, *_VENDOR_RESERVED})
        if unknown or others:
            found = f"context tag {unknown[0]}" if unknown else str(others[0].tag)
            raise ElementsError(f"NOCSR elements: {found}; legal: context tags 1 to 5")
        reserved = {number: tags[number].octets() for number in _VENDOR_RESERVED if number in tags}
        return NocsrElements(tags[1].octets(), tags[2].octets(), reserved)
    except TlvFormatError as error:
        raise ElementsError(f"NOCSR elements: {error}") from None


def _all_of(wanted: dict[int, str], tags: dict[int, Node]) -> None:
    for number, name in wanted.items():
        if number not in tags:
            raise ElementsError(f"no {name} (context tag {number})")


def _vendor_reserved(node: Node) -> VendorReserved:
    tag = node.tag
    if tag.number is None or tag.vendor is None or tag.profile is None:
        raise ElementsError(f"{tag} behind the context tags; legal: vendors' own, fully qualified")
    return VendorReserved(tag.vendor, tag.profile, tag.number, node.octets())
