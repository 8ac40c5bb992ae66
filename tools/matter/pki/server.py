"""The PKI provider's server: a certificate signing request in, a device's two certificates out.

In a factory the provisioning process manager reaches it over a secure connection and is known to it. Here
that connection is a call of this object, from any thread.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .authority import (
    NO_END,
    Authority,
    NextKey,
    Validity,
    derive_key,
    make_dac,
    make_paa,
    make_pai,
    serial_number,
)
from .names import TEST_PRODUCT, NameStyle, PkiError, Product

NOT_SECURE: Final = (
    "NOT SECURE: the PKI's private keys are test keys, made from a seed that anyone can repeat"
)


class CsrRefused(PkiError):
    """The server gives no certificate for this request."""


@dataclass(frozen=True, slots=True)
class DeviceCertificates:
    """What a device gets, each DER: its own certificate and the intermediate that signed it."""

    dac: bytes
    pai: bytes


class PkiServer:
    """A PAA, its PAIs and the record of what they signed. ``warning`` is "" where the keys are secret."""

    def __init__(self, paa: Authority, pais: Iterable[Authority], *, warning: str = "") -> None:
        self.paa: Final = paa
        self.pais: Final = {(pai.vendor_id, pai.product_id): pai for pai in pais}
        self.warning: Final = warning
        self._lock = threading.Lock()
        self._issued: dict[bytes, DeviceCertificates] = {}

    @classmethod
    def development(
        cls,
        products: Iterable[Product] = (TEST_PRODUCT,),
        *,
        seed: int = 0,
        plan: "Plan | None" = None,
    ) -> "PkiServer":
        """A PKI for tests, the same for the same arguments: one PAA, and a PAI for each product.

        NOT SECURE: its private keys come from ``seed``. Raises PkiError.
        """
        return build(lambda label: derive_key(seed, label), products, plan or Plan(), warning=NOT_SECURE)

    @property
    def paa_der(self) -> bytes:
        """The root's certificate: what a commissioner has to trust beforehand."""
        return self.paa.der

    @property
    def issued(self) -> tuple[DeviceCertificates, ...]:
        """What has been handed out, in that order."""
        with self._lock:
            return tuple(self._issued.values())

    def certify(
        self, csr: bytes, product: Product = TEST_PRODUCT, *, validity: Validity = NO_END
    ) -> DeviceCertificates:
        """The certificates of the device whose key signed ``csr`` (PKCS#10, DER).

        The factory says what the product is; the request's subject is not looked at. Raises CsrRefused: not
        a PKCS#10 request, not P-256 with SHA-256, signed by another key, a product of no PAI here, or a
        key that has a certificate already, as a cloned device's would.
        """
        public_key = _key_of(csr)
        pai = self._pai_of(product)
        serial = serial_number(public_key)
        dac = make_dac(pai, public_key, f"tfm-sim DAC {serial:016X}", product, validity=validity)
        point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        certificates = DeviceCertificates(dac, pai.der)
        with self._lock:
            if point in self._issued:
                raise CsrRefused(
                    f"CSR for a key that has a DAC already, serial number {serial:016X}; "
                    "legal: a key of its own for each device"
                )
            self._issued[point] = certificates
        return certificates

    def _pai_of(self, product: Product) -> Authority:
        for key in ((product.vendor_id, product.product_id), (product.vendor_id, None)):
            if key in self.pais:
                return self.pais[key]
        raise CsrRefused(f"CSR for {product}; legal: {', '.join(map(_served, self.pais.values()))}")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a PKI is laid out.

    ``style``: where names say their ids. ``paa_of_vendor``: the PAA is that of the products' one vendor.
    ``pai_of_vendor``: a PAI for all products of a vendor, not one for each.
    """

    style: NameStyle = NameStyle.ATTRIBUTES
    paa_of_vendor: bool = False
    pai_of_vendor: bool = False


def build(key_for: NextKey, products: Iterable[Product], plan: Plan, *, warning: str = "") -> PkiServer:
    """A server with new authorities whose keys ``key_for`` makes. Raises PkiError."""
    products = tuple(dict.fromkeys(products))
    vendors = sorted({product.vendor_id for product in products})
    if not products:
        raise PkiError("PKI for no product; legal: at least one")
    if plan.paa_of_vendor and len(vendors) != 1:
        listed = ", ".join(f"0x{vendor:04X}" for vendor in vendors)
        raise PkiError(f"PAA of one vendor for products of {listed}; legal: one vendor's products")
    paa = make_paa(
        key_for("PAA"),
        "tfm-sim Matter PAA",
        vendor_id=vendors[0] if plan.paa_of_vendor else None,
        style=plan.style,
    )
    subjects: list[tuple[int, int | None]] = [(product.vendor_id, product.product_id) for product in products]
    if plan.pai_of_vendor:
        subjects = [(vendor, None) for vendor in vendors]
    pais = [
        make_pai(
            paa,
            key_for(f"PAI {vendor:04X}" + ("" if product is None else f" {product:04X}")),
            "tfm-sim Matter PAI",
            vendor_id=vendor,
            product_id=product,
            style=plan.style,
        )
        for vendor, product in subjects
    ]
    return PkiServer(paa, pais, warning=warning)


def _served(pai: Authority) -> str:
    product = "any PID" if pai.product_id is None else f"PID 0x{pai.product_id:04X}"
    return f"VID 0x{pai.vendor_id or 0:04X}, {product}"


def _key_of(csr: bytes) -> ec.EllipticCurvePublicKey:
    """The key that a request asks a certificate for, its possession proven. Raises CsrRefused."""
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
        signature_hash = request.signature_hash_algorithm
        genuine = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion) as error:
        raise CsrRefused(
            f"CSR of {len(csr)} bytes: not PKCS#10 in DER; legal: a certification request"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CsrRefused("CSR for a key that is not of P-256; legal: prime256v1")
    if not isinstance(signature_hash, SHA256):
        raise CsrRefused("CSR not signed with SHA-256; legal: ecdsa-with-SHA256")
    if not genuine:
        raise CsrRefused("CSR whose signature is not by the key that it names; legal: signed by that key")
    return key
