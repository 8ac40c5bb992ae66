"""What certificates of device attestation must say (Matter 1.4 6.2.2), and that three of them are a chain.

Each check yields what it finds against a certificate; nothing found is a pass. `read_certificate` and
`read_identifiers` come before them and raise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from .der import number_text
from .distinguished_name import DistinguishedNameError, Identifiers, describe_name, read_identifiers
from .x509 import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    ECDSA_WITH_SHA256,
    KEY_USAGE,
    P256_KEY,
    SUBJECT_KEY_ID,
    Certificate,
    is_point,
)

MAX_SIZE: Final = 600
"""Bytes of a certificate in DER: Matter 1.4 6.1.3."""
KEY_ID_SIZE: Final = 20
"""Bytes of a key identifier: Matter 1.4 6.1.2."""

_EXTENDED_KEY_USAGE: Final = "2.5.29.37"
_UNDERSTOOD: Final = {BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_KEY_ID, AUTHORITY_KEY_ID, _EXTENDED_KEY_USAGE}
_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN = 0, 5, 6
_USAGE_NAMES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)


class CertificateKind(Enum):
    """A certificate's place in the chain; the value is its name."""

    DAC = "DAC"
    PAI = "PAI"
    PAA = "PAA"


@dataclass(frozen=True, slots=True)
class Finding:
    """What speaks against a certificate: which one, what of it, what was found, what would be legal."""

    kind: CertificateKind
    subject: str
    found: str
    legal: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.subject}: {self.found}; legal: {self.legal}"


def check_format(certificate: Certificate, kind: CertificateKind) -> Iterator[Finding]:
    """The rules that a certificate keeps alone, save those on its ids.

    Matter 1.4 6.2.2.3, 6.2.2.4, 6.2.2.5: DAC, PAI and PAA; CHIP SDK VerifyAttestationCertificateFormat.
    """
    if len(certificate.der) > MAX_SIZE:
        yield Finding(kind, "size", f"{len(certificate.der)} bytes", f"at most {MAX_SIZE}")
    if certificate.version != 3:
        yield Finding(kind, "version", f"v{certificate.version}", "v3")
    # RFC 5280 4.1.1.2: both fields say the same algorithm.
    for algorithm in (certificate.signature_algorithm, certificate.inner_algorithm):
        if algorithm != ECDSA_WITH_SHA256:
            yield Finding(kind, "signature algorithm", algorithm.hex(), "ecdsa-with-SHA256, no parameters")
            break
    if certificate.key_algorithm != P256_KEY:
        yield Finding(kind, "public key algorithm", certificate.key_algorithm.hex(), "prime256v1")
    elif not is_point(certificate.public_key):
        yield Finding(
            kind,
            "public key",
            f"{len(certificate.public_key)} bytes, {certificate.public_key[:1].hex()}...",
            "an uncompressed point of the curve: 04 and 64 bytes",
        )
    yield from _basic_constraints(certificate, kind)
    yield from _key_usage(certificate, kind)
    yield from _key_ids(certificate, kind)


def check_identifiers(certificate: Certificate, kind: CertificateKind) -> Iterator[Finding]:
    """The vendor and product id of a certificate's subject: there where they must be, and nowhere else."""
    try:
        ids = read_identifiers(certificate.subject)
    except DistinguishedNameError as error:
        yield Finding(
            kind, "subject", str(error), "a name that says each id once at most, in upper-case digits"
        )
        return
    # Matter 1.4 6.2.2.3, 6.2.2.4, 6.2.2.5: a DAC has both ids, a PAI the vendor's, a PAA no product id.
    if kind is not CertificateKind.PAA and ids.vendor_id is None:
        yield Finding(kind, "vendor id", "none", "exactly one")
    if kind is CertificateKind.DAC and ids.product_id is None:
        yield Finding(kind, "product id", "none", "exactly one")
    if kind is CertificateKind.PAA and ids.product_id is not None:
        yield Finding(kind, "product id", f"0x{ids.product_id:04X}", "none")


def check_same_product(dac: Identifiers, pai: Identifiers) -> Iterator[Finding]:
    """A DAC's ids are those of the PAI, as far as it has any."""
    # Matter 1.4 6.2.3.1: the vendor ids of DAC and PAI are equal.
    if dac.vendor_id is None or dac.vendor_id != pai.vendor_id:
        legal = "a PAI with one" if pai.vendor_id is None else f"{_hex(pai.vendor_id)}, as the PAI's is"
        yield Finding(CertificateKind.DAC, "vendor id", _hex(dac.vendor_id), legal)
    # Matter 1.4 6.2.3.1: the DAC has a product id, and a PAI's, if there, is equal.
    if dac.product_id is None or pai.product_id not in (None, dac.product_id):
        legal = "exactly one" if pai.product_id is None else f"{_hex(pai.product_id)}, as the PAI's is"
        yield Finding(CertificateKind.DAC, "product id", _hex(dac.product_id), legal)


def check_paa_vendor(pai: Identifiers, paa: Identifiers) -> Iterator[Finding]:
    """A PAA's vendor id, if there, is the PAI's."""
    # Matter 1.4 6.2.3.1: a PAA's vendor id, where it has one, is the PAI's.
    if paa.vendor_id not in (None, pai.vendor_id):
        yield Finding(
            CertificateKind.PAI, "vendor id", _hex(pai.vendor_id), f"{_hex(paa.vendor_id)}, as the PAA's is"
        )


def check_valid_at(
    certificate: Certificate, kind: CertificateKind, when: datetime, what: str
) -> Iterator[Finding]:
    """Is ``when``, called ``what`` in messages, within a certificate's validity, its ends included?"""
    if not certificate.not_before <= when <= certificate.not_after:
        yield Finding(
            kind,
            "validity",
            f"{_time(certificate.not_before)} to {_time(certificate.not_after)}",
            f"it includes {what}, {_time(when)}",
        )


def check_chain(paa: Certificate, pai: Certificate, dac: Certificate) -> Iterator[Finding]:
    """PAA, PAI and DAC, these three and no more, each signed by the one before it.

    Judged at the DAC's notBefore: Matter 1.4 6.2.3.1. Whether the PAA is trusted is asked elsewhere.
    """
    links = (
        (CertificateKind.PAA, paa, paa, "its own subject"),
        (CertificateKind.PAI, pai, paa, "the PAA's subject"),
        (CertificateKind.DAC, dac, pai, "the PAI's subject"),
    )
    for kind, certificate, issuer, whose in links:
        # Matter 1.4 6.2.2.3, 6.2.2.4, 6.2.2.5: the issuer is byte by byte the subject of the one above.
        if certificate.issuer != issuer.subject:
            found, legal = describe_name(certificate.issuer), describe_name(issuer.subject)
            if found == legal:  # the same in other words: other string types, another order in a set
                found, legal = certificate.issuer.hex(), issuer.subject.hex()
            yield Finding(kind, "issuer", found, f"{legal}, {whose}")
        yield from _authority(certificate, kind, issuer)
        if not certificate.signed_by(issuer.public_key):
            yield Finding(kind, "signature", "does not verify", "by the key of its issuer")
        yield from check_valid_at(certificate, kind, dac.not_before, "the DAC's notBefore")
        # RFC 5280 4.2: a critical extension that is not understood refuses a certificate, 6.1: but no root.
        for extension in certificate.extensions:
            if certificate is not paa and extension.critical and extension.oid not in _UNDERSTOOD:
                yield Finding(
                    kind, "critical extension", extension.oid, "none that this reader does not know"
                )


def _authority(certificate: Certificate, kind: CertificateKind, issuer: Certificate) -> Iterator[Finding]:
    """RFC 5280 4.2.1.1: what a certificate says of its issuer's key and certificate is so."""
    authority = certificate.authority
    if authority is None:  # a PAA's may be
        return
    if authority.key_id != issuer.subject_key_id:
        wanted = "none" if issuer.subject_key_id is None else issuer.subject_key_id.hex()
        yield Finding(
            kind, "authority key id", authority.key_id.hex(), f"{wanted}, the issuer's subject key id"
        )
    if authority.serial_number is not None and authority.serial_number != issuer.serial_number:
        yield Finding(
            kind,
            "authority's serial number",
            number_text(authority.serial_number),
            f"{number_text(issuer.serial_number)}, the issuer's",
        )
    if authority.issuers and issuer.issuer not in authority.issuers:
        yield Finding(
            kind, "authority's issuer", authority.issuers[0].hex(), f"{issuer.issuer.hex()}, the issuer's"
        )


def _basic_constraints(certificate: Certificate, kind: CertificateKind) -> Iterator[Finding]:
    extension, constraints = certificate.extension(BASIC_CONSTRAINTS), certificate.basic_constraints
    if extension is None or constraints is None:
        yield Finding(kind, "basic constraints", "none", "there and critical")
        return
    if not extension.critical:
        yield Finding(kind, "basic constraints", "not critical", "critical")
    length = constraints.path_length
    match kind:
        case CertificateKind.DAC:
            legal, ok = "CA false, no path length", not constraints.ca and length is None
        case CertificateKind.PAI:
            legal, ok = "CA true, path length 0", constraints.ca and length == 0
        case CertificateKind.PAA:
            legal, ok = "CA true, path length 1 or none", constraints.ca and length in (None, 1)
    if not ok:
        said = "no path length" if length is None else f"path length {number_text(length)}"
        yield Finding(kind, "basic constraints", f"CA {str(constraints.ca).lower()}, {said}", legal)


def _key_usage(certificate: Certificate, kind: CertificateKind) -> Iterator[Finding]:
    extension, usage = certificate.extension(KEY_USAGE), certificate.key_usage
    if extension is None or usage is None:
        yield Finding(kind, "key usage", "none", "there and critical")
        return
    if not extension.critical:
        yield Finding(kind, "key usage", "not critical", "critical")
    if kind is CertificateKind.DAC:
        legal, ok = "digitalSignature alone", usage == {_DIGITAL_SIGNATURE}
    else:
        must = {_KEY_CERT_SIGN, _CRL_SIGN}
        legal = "keyCertSign and cRLSign, digitalSignature or not, nothing else"
        ok = must <= usage <= must | {_DIGITAL_SIGNATURE}
    if not ok:
        names = (_USAGE_NAMES[bit] if bit < len(_USAGE_NAMES) else f"bit {bit}" for bit in sorted(usage))
        yield Finding(kind, "key usage", ", ".join(names) or "nothing", legal)


def _key_ids(certificate: Certificate, kind: CertificateKind) -> Iterator[Finding]:
    for oid, key_id, what, optional in (
        (SUBJECT_KEY_ID, certificate.subject_key_id, "subject key id", False),
        # Matter 1.4 6.2.2.5: a PAA may have an authority key id.
        (AUTHORITY_KEY_ID, certificate.authority_key_id, "authority key id", kind is CertificateKind.PAA),
    ):
        extension = certificate.extension(oid)
        if extension is None or key_id is None:
            if not optional:
                yield Finding(kind, what, "none", f"{KEY_ID_SIZE} bytes")
            continue
        if extension.critical:
            yield Finding(kind, what, "critical", "not critical")
        if len(key_id) != KEY_ID_SIZE:
            yield Finding(kind, what, f"{len(key_id)} bytes", f"{KEY_ID_SIZE} bytes")


def _hex(number: int | None) -> str:
    return "none" if number is None else f"0x{number:04X}"


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S")
