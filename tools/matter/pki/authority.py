"""The certificates of Matter's device attestation: PAA, PAI and DAC, and the keys that sign them.

A Product Attestation Authority (PAA) is a root that the CSA knows. It certifies a Product Attestation
Intermediate (PAI) for one vendor, perhaps for one product, and that certifies each device's Device
Attestation Certificate (DAC). All are X.509 version 3 over P-256, signed with SHA-256.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .names import NameStyle, PkiError, Product, make_name

NO_EXPIRY: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280's way to say that a certificate does not expire: written as 99991231235959Z."""
DEFAULT_NOT_BEFORE: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""From when certificates are valid unless told: a fixed time, so that a seed makes the same bytes always."""
MAX_CERTIFICATE: Final = 600
"""Bytes of a certificate of device attestation: Matter 1.4 6.2.2.3 ff. cap the DER."""

NextKey = Callable[[str], ec.EllipticCurvePrivateKey]
"""Makes the private key of an authority, given what it is for: from a seed, or at random."""

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's group."""
_SERIAL_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that certifies, with its own certificate; ``vendor_id`` and ``product_id`` are its subject's."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey
    vendor_id: int | None = None
    product_id: int | None = None
    style: NameStyle = NameStyle.ATTRIBUTES

    @property
    def der(self) -> bytes:
        """The certificate's DER."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate is valid: first and last second."""

    not_before: datetime = DEFAULT_NOT_BEFORE
    not_after: datetime = NO_EXPIRY


NO_END: Final = Validity()
"""From DEFAULT_NOT_BEFORE on, without an end, as test certificates are."""


def derive_key(seed: int, label: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 key that is the same for the same seed and label. NOT SECURE: whoever has both has the key."""
    digest = hashlib.sha512(f"tfm-sim matter pki {seed} {label}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def make_paa(
    private_key: ec.EllipticCurvePrivateKey,
    common_name: str,
    *,
    vendor_id: int | None = None,
    style: NameStyle = NameStyle.ATTRIBUTES,
    validity: Validity = NO_END,
) -> Authority:
    """A root: signs itself, may be for one vendor, names no product. Matter 1.4 6.2.2.5."""
    name = make_name(common_name, vendor_id, None, style)
    certificate = _certificate(
        subject=name,
        issuer=name,
        public_key=private_key.public_key(),
        signer=private_key,
        validity=validity,
        basic=x509.BasicConstraints(ca=True, path_length=1),
        usage=_usage(certifies=True),
    )
    return Authority(certificate, private_key, vendor_id, None, style)


def make_pai(
    paa: Authority,
    private_key: ec.EllipticCurvePrivateKey,
    common_name: str,
    *,
    vendor_id: int,
    product_id: int | None = None,
    style: NameStyle = NameStyle.ATTRIBUTES,
    validity: Validity = NO_END,
) -> Authority:
    """An intermediate for one vendor, perhaps for one product. Matter 1.4 6.2.2.4. Raises PkiError."""
    if paa.vendor_id not in (None, vendor_id):
        raise PkiError(
            f"PAI for vendor 0x{vendor_id:04X}; legal: 0x{paa.vendor_id:04X}, the PAA is that vendor's"
        )
    certificate = _certificate(
        subject=make_name(common_name, vendor_id, product_id, style),
        issuer=paa.certificate.subject,
        public_key=private_key.public_key(),
        signer=paa.private_key,
        validity=validity,
        basic=x509.BasicConstraints(ca=True, path_length=0),
        usage=_usage(certifies=True),
    )
    return Authority(certificate, private_key, vendor_id, product_id, style)


def make_dac(
    pai: Authority,
    public_key: ec.EllipticCurvePublicKey,
    common_name: str,
    product: Product,
    *,
    validity: Validity = NO_END,
) -> bytes:
    """A device's certificate, DER. Matter 1.4 6.2.2.3. Raises PkiError for a product not of this PAI."""
    if pai.vendor_id != product.vendor_id or pai.product_id not in (None, product.product_id):
        whose = f"VID 0x{pai.vendor_id or 0:04X}" + (
            "" if pai.product_id is None else f", PID 0x{pai.product_id:04X}"
        )
        raise PkiError(f"DAC for {product}; legal: {whose}, as the PAI's subject says")
    certificate = _certificate(
        subject=make_name(common_name, product.vendor_id, product.product_id, pai.style),
        issuer=pai.certificate.subject,
        public_key=public_key,
        signer=pai.private_key,
        validity=validity,
        basic=x509.BasicConstraints(ca=False, path_length=None),
        usage=_usage(certifies=False),
    )
    return certificate.public_bytes(Encoding.DER)


def serial_number(public_key: ec.EllipticCurvePublicKey) -> int:
    """A serial number for a key's certificate: the same however many are made at once, positive, 8 bytes."""
    point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    digest = hashlib.sha256(b"serial" + point).digest()
    # RFC 5280 4.1.2.2: positive, so the top bit is clear; set, the one below keeps it 8 bytes long.
    return int.from_bytes(digest[:_SERIAL_BYTES], "big") >> 2 | 1 << (8 * _SERIAL_BYTES - 2)


def _certificate(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    validity: Validity,
    basic: x509.BasicConstraints,
    usage: x509.KeyUsage,
) -> x509.Certificate:
    if validity.not_after < validity.not_before:
        raise PkiError(
            f"valid until {validity.not_after}; legal: not before {validity.not_before}, when it begins"
        )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial_number(public_key))
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(basic, critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
    )
    size = len(certificate.public_bytes(Encoding.DER))
    if size > MAX_CERTIFICATE:
        raise PkiError(
            f"certificate of {size} bytes for {subject.rfc4514_string()}; legal: at most {MAX_CERTIFICATE}"
        )
    return certificate


def _usage(certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )
