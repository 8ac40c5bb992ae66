"""Forged certification declarations: what is signed, by whom, and what it says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ....interface.matter import tlv
from ..commissioner.results import AttestationVerificationResult as Result
from ..pki.certification_declaration import DeclarationSigner
from ..pki.cms import sign_message
from ..pki.names import Product
from .lab import PRODUCT, VENDOR, Lab, key, subject

Change = Callable[[Lab], object]

_SIGNED: Final = "declaration's signature"
_FORMAT: Final = (Result.CERTIFICATION_DECLARATION_INVALID_FORMAT, "declaration's format")
_MALFORMED: Final = (Result.ATTESTATION_ELEMENTS_MALFORMED, "declaration's format")
_DEVICE: Final = "declaration and Basic Information"
_CERTIFICATES: Final = "declaration, DAC and PAI"
_VENDOR: Final = Result.CERTIFICATION_DECLARATION_INVALID_VENDOR_ID
_PRODUCT: Final = Result.CERTIFICATION_DECLARATION_INVALID_PRODUCT_ID
_MANDATORY: Final = (
    "format version",
    "vendor id",
    "product ids",
    "device type",
    "certificate id",
    "security level",
    "security information",
    "version number",
    "certification type",
)


def _content(*changes: tuple[int, bytes | None]) -> Change:
    """The declaration's TLV with elements replaced or left out, by tag; signed as it should be."""

    def change(lab: Lab) -> None:
        lab.declaration_content = tlv.structure(tlv.ANONYMOUS, *changed(dict(changes)))

    return change


def changed(changes: dict[int, bytes | None]) -> list[bytes]:
    """The elements of the laboratory's declaration, with these changes, in the order of their tags."""
    elements: dict[int, bytes | None] = {
        0: tlv.unsigned(tlv.context(0), 1),
        1: tlv.unsigned(tlv.context(1), VENDOR),
        2: tlv.array(tlv.context(2), tlv.unsigned(tlv.ANONYMOUS, PRODUCT)),
        3: tlv.unsigned(tlv.context(3), 0x0101),
        4: tlv.text(tlv.context(4), "CSA00000SWC00000-00"),
        5: tlv.unsigned(tlv.context(5), 0),
        6: tlv.unsigned(tlv.context(6), 0),
        7: tlv.unsigned(tlv.context(7), 1),
        8: tlv.unsigned(tlv.context(8), 0),
        **changes,
    }
    return [element for _, element in sorted(elements.items()) if element is not None]


def _product(**fields: object) -> Change:
    return lambda lab: setattr(lab, "product", replace(lab.product, **fields))  # type: ignore[arg-type]


def _array(number: int, *members: bytes) -> tuple[int, bytes]:
    return number, tlv.array(tlv.context(number), *members)


def _uint(number: int, value: int) -> tuple[int, bytes]:
    return number, tlv.unsigned(tlv.context(number), value)


def _not_cms(lab: Lab) -> None:
    lab.declaration = lab.product.encode()


def _altered(lab: Lab) -> None:
    """Another product id in a declaration that was signed for this one."""
    mine = PRODUCT.to_bytes(2, "little")
    lab.declaration = lab.certification_declaration().replace(mine, (PRODUCT + 2).to_bytes(2, "little"), 1)


def _signed_under_another_name(lab: Lab) -> None:
    """Signed by the forger, naming the key id of a trusted signer."""
    lab.declaration = sign_message(
        lab.product.encode(), key("somebody"), DeclarationSigner(key("CD signer")).key_id
    )


def _origin(vendor_id: int, product_id: int) -> Change:
    return _product(dac_origin=Product(vendor_id, product_id))


def _pid_behind_pai(lab: Lab) -> None:
    """A PAI for a product that the declaration does not list; the DAC has to follow it."""
    lab.pai.subject = lab.dac.issuer = subject("Forger's PAI", VENDOR, 0x8009)
    lab.dac.subject = subject("Forger's DAC", VENDOR, 0x8009)


def _pid_behind_open_pai(lab: Lab) -> None:
    """A PAI for all of the vendor's products: the DAC alone names the one that is not listed."""
    lab.pai.subject = lab.dac.issuer = subject("Forger's PAI", VENDOR)
    lab.dac.subject = subject("Forger's DAC", VENDOR, 0x8009)


DECLARATION_FORGERIES: Final[tuple[tuple[str, str, Result, str, Change], ...]] = (
    (
        "declaration-no-cms",
        "the declaration without the message that signs it",
        Result.CERTIFICATION_DECLARATION_NO_KEY_ID,
        _SIGNED,
        _not_cms,
    ),
    (
        "declaration-of-unknown-signer",
        "a declaration that the forger signed",
        Result.CERTIFICATION_DECLARATION_NO_CERTIFICATE_FOUND,
        _SIGNED,
        lambda lab: setattr(lab, "declaration_signer", DeclarationSigner(key("somebody"))),
    ),
    (
        "declaration-by-test-key",
        "a declaration signed by the test key that everybody has",
        Result.CERTIFICATION_DECLARATION_NO_CERTIFICATE_FOUND,
        _SIGNED,
        lambda lab: setattr(lab, "declaration_signer", DeclarationSigner.test()),
    ),
    (
        "declaration-under-another-name",
        "the forger signed, and names a trusted signer",
        Result.CERTIFICATION_DECLARATION_INVALID_SIGNATURE,
        _SIGNED,
        _signed_under_another_name,
    ),
    (
        "declaration-altered",
        "another product in a signed declaration",
        Result.CERTIFICATION_DECLARATION_INVALID_SIGNATURE,
        _SIGNED,
        _altered,
    ),
    *(
        (f"declaration-without-{name.replace(' ', '-')}", f"no {name}", *_FORMAT, _content((number, None)))
        for number, name in enumerate(_MANDATORY)
    ),
    ("declaration-version-0", "format version 0", *_MALFORMED, _content(_uint(0, 0))),
    ("declaration-version-2", "format version 2", *_MALFORMED, _content(_uint(0, 2))),
    ("declaration-type-3", "a reserved certification type", *_MALFORMED, _content(_uint(8, 3))),
    ("declaration-no-product", "no product at all", _PRODUCT, _DEVICE, _content(_array(2))),
    (
        "declaration-101-products",
        "101 product ids",
        *_FORMAT,
        _content(_array(2, *(tlv.unsigned(tlv.ANONYMOUS, 1 + i) for i in range(101)))),
    ),
    (
        "declaration-certificate-id",
        "a certificate id of 18 characters",
        *_FORMAT,
        _content((4, tlv.text(tlv.context(4), "CSA00000SWC00000-0"))),
    ),
    (
        "declaration-long-certificate-id",
        "a certificate id of 20 characters",
        *_FORMAT,
        _content((4, tlv.text(tlv.context(4), "CSA00000SWC00000-000"))),
    ),
    ("declaration-products-no-array", "one product id in no array", *_FORMAT, _content(_uint(2, PRODUCT))),
    ("declaration-wide-vendor-id", "a vendor id of 17 bits", *_FORMAT, _content(_uint(1, 0x10000 | VENDOR))),
    (
        "declaration-wide-product-id",
        "a product id of 17 bits besides",
        *_FORMAT,
        _content(_array(2, *(tlv.unsigned(tlv.ANONYMOUS, number) for number in (PRODUCT, 0x10000)))),
    ),
    ("declaration-half-an-origin", "a DAC origin's vendor alone", *_FORMAT, _content(_uint(9, VENDOR))),
    ("declaration-other-half", "a DAC origin's product alone", *_FORMAT, _content(_uint(10, PRODUCT))),
    (
        "declaration-paa-id-size",
        "an authority's key id of 19 bytes",
        *_FORMAT,
        _content(_array(11, tlv.octets(tlv.ANONYMOUS, bytes(19)))),
    ),
    (
        "declaration-long-paa-id",
        "an authority's key id of 21 bytes",
        *_FORMAT,
        _content(_array(11, tlv.octets(tlv.ANONYMOUS, bytes(21)))),
    ),
    (
        "declaration-11-paas",
        "11 authorities",
        *_FORMAT,
        _content(_array(11, *(tlv.octets(tlv.ANONYMOUS, bytes(20)) for _ in range(11)))),
    ),
    (
        "declaration-of-another-vendor",
        "a product of another vendor's",
        _VENDOR,
        _DEVICE,
        _product(vendor_id=0xFFF2),
    ),
    (
        "declaration-of-another-product",
        "another product of this vendor",
        _PRODUCT,
        _DEVICE,
        _product(product_ids=(0x8005,)),
    ),
    (
        "device-says-another-vendor",
        "Basic Information names another vendor",
        _VENDOR,
        _DEVICE,
        lambda lab: setattr(lab, "vendor_id", 0xFFF2),
    ),
    (
        "device-says-another-product",
        "Basic Information names a product that is not certified",
        _PRODUCT,
        _DEVICE,
        lambda lab: setattr(lab, "product_id", 0x8006),
    ),
    (
        "dac-product-not-certified",
        "DAC and PAI of a product not in the declaration",
        _PRODUCT,
        _CERTIFICATES,
        _pid_behind_pai,
    ),
    (
        "dac-product-not-listed",
        "a DAC of a product not in the declaration, by a PAI of no product",
        _PRODUCT,
        _CERTIFICATES,
        _pid_behind_open_pai,
    ),
    (
        "origin-of-another-vendor",
        "a DAC origin of another vendor",
        _VENDOR,
        _CERTIFICATES,
        _origin(0xFFF2, PRODUCT),
    ),
    (
        "origin-of-another-product",
        "a DAC origin of another product",
        _PRODUCT,
        _CERTIFICATES,
        _origin(VENDOR, 0x8005),
    ),
    (
        "paa-not-authorized",
        "a declaration for other authorities' devices",
        Result.CERTIFICATION_DECLARATION_INVALID_PAA,
        "declaration's authorities",
        _product(authorized_paas=(bytes(20),)),
    ),
    (
        "no-paa-authorized",
        "a declaration whose list of authorities is empty",
        Result.CERTIFICATION_DECLARATION_INVALID_PAA,
        "declaration's authorities",
        _content(_array(11)),
    ),
)
