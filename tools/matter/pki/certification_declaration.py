"""Certification declarations: the CSA's word, signed, that a product is certified (Matter 1.4 6.3).

A device carries its product's declaration and hands it out when it attests. Here the CSA is a key of ours,
or the test key that the Matter specification prints, which every SDK in development accepts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ....interface.matter.tlv import ANONYMOUS, array, context, octets, structure, text, unsigned
from .authority import derive_key, make_paa
from .cms import sign_message
from .names import TEST_PRODUCT, TEST_VENDOR_ID, PkiError, Product, check_identifier

MAX_PRODUCTS: Final = 100
MAX_AUTHORITIES: Final = 10
CERTIFICATE_ID_LENGTH: Final = 19
KEY_ID_SIZE: Final = 20
FORMAT_VERSION: Final = 1
DEVELOPMENT_CERTIFICATE_ID: Final = "CSA00000SWC00000-00"
"""What the specification's examples and SDKs put where there is no certification."""
DIMMABLE_LIGHT: Final = 0x0101
"""Device type of ST's Lighting-App."""

# Matter 1.4 appendix F: "Matter Test CD Signing Authority", printed there with its private key. NOT SECURE.
_TEST_KEY: Final = 0xAEF3484116E9481EC57BE0472DF41BF499064E5024AD869ECA5E889802D48075


class CertificationType(IntEnum):
    """Matter 1.4 6.3.1: how far a product's certification has come."""

    DEVELOPMENT_AND_TEST = 0
    PROVISIONAL = 1
    OFFICIAL = 2


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a certification declaration says. ``dac_origin`` is whose DAC it is if another product's."""

    vendor_id: int = TEST_VENDOR_ID
    product_ids: Sequence[int] = (TEST_PRODUCT.product_id,)
    device_type_id: int = DIMMABLE_LIGHT
    certificate_id: str = DEVELOPMENT_CERTIFICATE_ID
    security_level: int = 0
    security_information: int = 0
    version_number: int = 1
    certification_type: CertificationType = CertificationType.DEVELOPMENT_AND_TEST
    dac_origin: Product | None = None
    authorized_paas: Sequence[bytes] = ()

    def __post_init__(self) -> None:
        check_identifier("vendor id", self.vendor_id)
        for product_id in self.product_ids:
            check_identifier("product id", product_id)
        if not 1 <= len(self.product_ids) <= MAX_PRODUCTS:
            raise PkiError(f"declaration for {len(self.product_ids)} products; legal: 1 to {MAX_PRODUCTS}")
        if len(self.certificate_id) != CERTIFICATE_ID_LENGTH or not self.certificate_id.isascii():
            raise PkiError(
                f"certificate id {self.certificate_id!r}; legal: {CERTIFICATE_ID_LENGTH} ASCII characters"
            )
        for what, number, bits in (
            ("device type id", self.device_type_id, 32),
            ("security level", self.security_level, 8),
            ("security information", self.security_information, 16),
            ("version number", self.version_number, 16),
        ):
            if not 0 <= number < 1 << bits:
                raise PkiError(f"{what} {number}; legal: {bits} bits")
        if len(self.authorized_paas) > MAX_AUTHORITIES:
            raise PkiError(f"{len(self.authorized_paas)} authorized PAAs; legal: up to {MAX_AUTHORITIES}")
        for key_id in self.authorized_paas:
            if len(key_id) != KEY_ID_SIZE:
                raise PkiError(f"authorized PAA of {len(key_id)} bytes; legal: a key id of {KEY_ID_SIZE}")

    @classmethod
    def of(cls, product: Product) -> Self:
        """A development declaration for one product."""
        return cls(vendor_id=product.vendor_id, product_ids=(product.product_id,))

    def encode(self) -> bytes:
        """As TLV, Matter 1.4 6.3.1: a structure with the elements in the order of their tags."""
        elements = [
            unsigned(context(0), FORMAT_VERSION),
            unsigned(context(1), self.vendor_id),
            array(context(2), *(unsigned(ANONYMOUS, product) for product in self.product_ids)),
            unsigned(context(3), self.device_type_id),
            text(context(4), self.certificate_id),
            unsigned(context(5), self.security_level),
            unsigned(context(6), self.security_information),
            unsigned(context(7), self.version_number),
            unsigned(context(8), self.certification_type),
        ]
        if self.dac_origin is not None:
            elements.append(unsigned(context(9), self.dac_origin.vendor_id))
            elements.append(unsigned(context(10), self.dac_origin.product_id))
        if self.authorized_paas:
            elements.append(
                array(context(11), *(octets(ANONYMOUS, key_id) for key_id in self.authorized_paas))
            )
        return structure(ANONYMOUS, *elements)


@dataclass(frozen=True, slots=True)
class DeclarationSigner:
    """A key that signs certification declarations, as the CSA has some."""

    private_key: ec.EllipticCurvePrivateKey

    @classmethod
    def test(cls) -> Self:
        """The test key of the Matter specification, known to every SDK. NOT SECURE: it is printed there."""
        return cls(ec.derive_private_key(_TEST_KEY, ec.SECP256R1()))

    @classmethod
    def from_seed(cls, seed: int) -> Self:
        """One that only we know. NOT SECURE: whoever has the seed has it."""
        return cls(derive_key(seed, "CD signer"))

    @property
    def key_id(self) -> bytes:
        """The subject key id by which a declaration names it: SHA-1 of the public key, 20 bytes."""
        return x509.SubjectKeyIdentifier.from_public_key(self.private_key.public_key()).digest

    @property
    def public_key(self) -> bytes:
        """What verifies its declarations: a point of 65 bytes."""
        return self.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def certificate(self) -> bytes:
        """A certificate of the key, DER, self-signed: for tools that verify CMS by certificates only."""
        return make_paa(self.private_key, "tfm-sim Matter CD signer").der

    def sign(self, declaration: Declaration) -> bytes:
        """The certification declaration as a device carries it: CMS, DER."""
        return sign_message(declaration.encode(), self.private_key, self.key_id)
