"""Certificates of device attestation and a certification declaration, judged without a device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .commissioner.certificates import (
    CertificateKind,
    check_chain,
    check_format,
    check_identifiers,
    check_paa_vendor,
    check_same_product,
    check_valid_at,
)
from .commissioner.cms import CmsError, SignedMessage, read_signed_message
from .commissioner.declaration import (
    CERTIFICATION_TYPES,
    FORMAT_VERSION,
    CertificationDeclaration,
    DeclarationError,
    read_declaration,
)
from .commissioner.distinguished_name import DistinguishedNameError, Identifiers, read_identifiers
from .commissioner.x509 import Certificate, CertificateError, read_certificate

_AS_DECLARED: Final = ", as the declaration says"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was judged: its name, what it says of itself, and what speaks against it."""

    name: str
    facts: Mapping[str, Any]
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, **self.facts, "findings": list(self.findings)}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is there to judge, all DER; ``cd_signer`` is a certificate. Each has to be valid at ``now``."""

    now: datetime
    certificates: Mapping[CertificateKind, bytes]
    declaration: bytes | None = None
    cd_signer: bytes | None = None


def judge(inputs: Inputs) -> tuple[Part, ...]:
    """Each certificate alone, those that belong together, the three as a chain, and the declaration."""
    read = {kind: _read(der) for kind, der in inputs.certificates.items()}
    parts = [_certificate(kind, found, inputs.now) for kind, found in read.items()]
    certificates = {kind: found for kind, found in read.items() if isinstance(found, Certificate)}
    if together := tuple(map(str, _together(certificates))):
        parts.append(Part("together", {}, together))
    if len(certificates) == len(CertificateKind):
        paa, pai, dac = (
            certificates[k] for k in (CertificateKind.PAA, CertificateKind.PAI, CertificateKind.DAC)
        )
        parts.append(Part("chain", {}, tuple(map(str, check_chain(paa, pai, dac)))))
    if inputs.declaration is not None:
        parts.append(_declaration(inputs.declaration, inputs.cd_signer, certificates))
    return tuple(parts)


def _read(der: bytes) -> Certificate | str:
    try:
        return read_certificate(der)
    except CertificateError as error:
        return str(error)


def _certificate(kind: CertificateKind, found: Certificate | str, now: datetime) -> Part:
    if isinstance(found, str):
        return Part(kind.value, {}, (f"{kind.value}: {found}",))
    findings = [
        *check_format(found, kind),
        *check_identifiers(found, kind),
        *check_valid_at(found, kind, now, "now"),
    ]
    ids = _identifiers(found) or Identifiers()
    facts = {
        "vendor_id": ids.vendor_id,
        "product_id": ids.product_id,
        "serial_number": f"{found.serial_number:X}",
        "not_before": found.not_before.isoformat(),
        "not_after": found.not_after.isoformat(),
        "subject_key_id": None if found.subject_key_id is None else found.subject_key_id.hex(),
        "authority_key_id": None if found.authority_key_id is None else found.authority_key_id.hex(),
        "size": len(found.der),
    }
    return Part(kind.value, facts, tuple(map(str, findings)))


def _identifiers(certificate: Certificate | None) -> Identifiers | None:
    try:
        return None if certificate is None else read_identifiers(certificate.subject)
    except DistinguishedNameError:
        return None


def _together(certificates: Mapping[CertificateKind, Certificate]) -> Iterator[object]:
    """Vendor and product ids across the chain, as far as names can be read at all."""
    paa, pai, dac = (
        _identifiers(certificates.get(k))
        for k in (CertificateKind.PAA, CertificateKind.PAI, CertificateKind.DAC)
    )
    if dac is not None and pai is not None:
        yield from check_same_product(dac, pai)
    if pai is not None and paa is not None:
        yield from check_paa_vendor(pai, paa)


def _declaration(
    der: bytes, cd_signer: bytes | None, certificates: Mapping[CertificateKind, Certificate]
) -> Part:
    try:
        message = read_signed_message(der)
        said = read_declaration(message.content)
    except (CmsError, DeclarationError) as error:
        return Part("declaration", {}, (f"declaration: {error}",))
    signed = "not looked at"
    findings: list[str] = []
    if cd_signer is not None:
        against = _against_signer(message, cd_signer)
        signed = "verifies" if against is None else "does not verify"
        findings += [] if against is None else [against]
    findings += _content(said, certificates)
    facts = {
        "vendor_id": said.vendor_id,
        "product_ids": list(said.product_ids),
        "certificate_id": said.certificate_id,
        "certification_type": CERTIFICATION_TYPES.get(said.certification_type, str(said.certification_type)),
        "dac_origin": None if said.dac_origin is None else list(said.dac_origin),
        "authorized_paas": None if said.authorized_paas is None else [k.hex() for k in said.authorized_paas],
        "signer_key_id": message.key_id.hex(),
        "signature": signed,
        "size": len(der),
    }
    return Part("declaration", facts, tuple(findings))


def _against_signer(message: SignedMessage, cd_signer: bytes) -> str | None:
    try:
        signer = read_certificate(cd_signer)
    except CertificateError as error:
        return f"declaration's signer: {error}"
    if signer.subject_key_id != message.key_id:
        named = "none" if signer.subject_key_id is None else signer.subject_key_id.hex()
        return f"declaration's key id: {message.key_id.hex()}; legal: {named}, the signer's"
    if not message.signed_by(signer.public_key):
        return "declaration's signature: does not verify; legal: by the key of its signer"
    return None


def _content(
    said: CertificationDeclaration, certificates: Mapping[CertificateKind, Certificate]
) -> Iterator[str]:
    """What a declaration says, against itself and against the certificates that are there."""
    if said.format_version != FORMAT_VERSION:
        yield f"declaration's format version: {said.format_version}; legal: {FORMAT_VERSION}"
    if said.certification_type not in CERTIFICATION_TYPES:
        yield f"declaration's type: {said.certification_type}; legal: 0, 1, 2"
    vendor, products = said.vendor_id, said.product_ids
    if said.dac_origin is not None:
        vendor, products = said.dac_origin[0], (said.dac_origin[1],)
    listed = ", ".join(f"0x{product:04X}" for product in products)
    for kind in (CertificateKind.DAC, CertificateKind.PAI):
        ids = _identifiers(certificates.get(kind))
        if ids is None:
            continue
        if ids.vendor_id is not None and ids.vendor_id != vendor:
            yield f"{kind.value} vendor id: 0x{ids.vendor_id:04X}; legal: 0x{vendor:04X}{_AS_DECLARED}"
        if ids.product_id is not None and ids.product_id not in products:
            yield f"{kind.value} product id: 0x{ids.product_id:04X}; legal: {listed}{_AS_DECLARED}"
    paa = certificates.get(CertificateKind.PAA)
    if (
        paa is not None
        and said.authorized_paas is not None
        and paa.subject_key_id not in said.authorized_paas
    ):
        found = "none" if paa.subject_key_id is None else paa.subject_key_id.hex()
        yield f"PAA subject key id: {found}; legal: one of {len(said.authorized_paas)}{_AS_DECLARED}"
