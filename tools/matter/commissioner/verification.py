"""Device attestation judged as the CHIP SDK's DefaultDACVerifier does: its rules, order and results."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .certificates import (
    CertificateKind,
    Finding,
    check_chain,
    check_format,
    check_identifiers,
    check_paa_vendor,
    check_same_product,
    check_valid_at,
)
from .cms import CmsError, read_key_id, read_signed_message
from .declaration import (
    CERTIFICATION_TYPES,
    FORMAT_VERSION,
    CertificationDeclaration,
    DeclarationError,
    read_declaration,
)
from .distinguished_name import DistinguishedNameError, Identifiers, read_identifiers
from .elements import AttestationElements, ElementsError, read_attestation_elements
from .results import AttestationVerificationResult as Result
from .results import Verdict
from .trust import Policy, TrustStore
from .x509 import Certificate, CertificateError, read_certificate, verify_ecdsa

RESPONSE_MAX: Final = 900
SIGNATURE_SIZE: Final = 64


@dataclass(frozen=True, slots=True)
class AttestationInfo:
    """What the commissioner has in hand when it judges: CHIP SDK's AttestationInfo.

    ``vendor_id`` and ``product_id`` are what the Basic Information cluster says.
    """

    elements: bytes
    challenge: bytes
    signature: bytes
    pai: bytes
    dac: bytes
    nonce: bytes
    vendor_id: int
    product_id: int


class _Broken(Exception):
    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result


def verify_attestation(info: AttestationInfo, trust: TrustStore, policy: Policy) -> Verdict:
    """The verdict by the first rule that is broken. ``info`` may be anything at all."""
    passed: list[str] = []
    for name, rule in _Verification(info, trust, policy).rules():
        try:
            rule()
        except _Broken as broken:
            return Verdict(broken.result, tuple(passed), name, str(broken))
        passed.append(name)
    return Verdict(Result.SUCCESS, tuple(passed))


def is_signed(elements: bytes, challenge: bytes, signature: bytes, public_key: bytes) -> bool:
    """Matter 1.4 11.18.4.7: whether r and s, 64 bytes, are of the elements followed by the challenge.

    ``public_key`` is the DAC's, a point of 65 bytes.
    """
    if len(signature) != SIGNATURE_SIZE:
        return False
    r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
    return verify_ecdsa(public_key, encode_dss_signature(r, s), elements + challenge)


class _Verification:
    """One judgement; a rule leaves in the attributes what later ones need."""

    pai: Certificate
    dac: Certificate
    paa: Certificate
    pai_ids: Identifiers
    dac_ids: Identifiers
    declaration_content: bytes
    elements: AttestationElements
    declaration: CertificationDeclaration

    def __init__(self, info: AttestationInfo, trust: TrustStore, policy: Policy) -> None:
        self.info = info
        self.trust = trust
        self.policy = policy

    def rules(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """CHIP SDK DefaultDACVerifier VerifyAttestationInformation: which rule is asked before which."""
        yield "arguments are there", self._arguments
        yield "elements of at most 900 bytes", self._limit
        yield "PAI present", self._pai_present
        yield "PAI format", self._pai_format
        yield "DAC format", self._dac_format
        yield "vendor id of DAC and PAI", self._vendor_ids
        yield "product id of DAC and PAI", self._product_ids
        yield "attestation signature", self._signature
        yield "PAA trusted", self._paa_found
        yield "PAA format", self._paa_format
        yield "vendor id of PAI and PAA", self._paa_vendor_id
        yield "PAA of no product", self._paa_product_id
        yield "DAC valid now", self._dac_now
        yield "chain PAA, PAI, DAC", self._chain
        yield "attestation elements", self._elements
        yield "attestation nonce", self._nonce
        yield "declaration's signature", self._declaration_signature
        yield "declaration's format", self._declaration_format
        yield "declaration and Basic Information", self._declaration_device
        yield "declaration, DAC and PAI", self._declaration_certificates
        yield "declaration's authorities", self._declaration_paas
        # CHIP SDK CheckForRevokedDACChain: revocation is a step of its own, after all of the above.
        yield "revocation", self._revocation

    def _arguments(self) -> None:
        info = self.info
        for name, value in (
            ("attestation elements", info.elements),
            ("attestation challenge", info.challenge),
            ("attestation signature", info.signature),
            ("DAC", info.dac),
            ("attestation nonce", info.nonce),
        ):
            if not value:
                raise _Broken(Result.INVALID_ARGUMENT, f"{name}: none")

    def _limit(self) -> None:
        # Matter 1.4 11.18.5.1: RESP_MAX.
        if len(self.info.elements) > RESPONSE_MAX:
            raise _Broken(
                Result.INVALID_ARGUMENT,
                f"attestation elements of {len(self.info.elements)} bytes; legal: up to {RESPONSE_MAX}",
            )

    def _pai_present(self) -> None:
        if not self.info.pai:
            raise _Broken(Result.PAI_MISSING, "the device gave no PAI certificate")

    def _pai_format(self) -> None:
        self.pai = _certificate(self.info.pai, CertificateKind.PAI, Result.PAI_FORMAT_INVALID)

    def _dac_format(self) -> None:
        self.dac = _certificate(self.info.dac, CertificateKind.DAC, Result.DAC_FORMAT_INVALID)

    def _vendor_ids(self) -> None:
        self.dac_ids = _identifiers(self.dac, CertificateKind.DAC, Result.DAC_FORMAT_INVALID)
        self.pai_ids = _identifiers(self.pai, CertificateKind.PAI, Result.PAI_FORMAT_INVALID)
        if self.pai_ids.vendor_id is None or self.pai_ids.vendor_id != self.dac_ids.vendor_id:
            _refuse(Result.DAC_VENDOR_ID_MISMATCH, check_identifiers(self.pai, CertificateKind.PAI))
            _refuse(Result.DAC_VENDOR_ID_MISMATCH, check_same_product(self.dac_ids, self.pai_ids))

    def _product_ids(self) -> None:
        _refuse(Result.DAC_PRODUCT_ID_MISMATCH, check_same_product(self.dac_ids, self.pai_ids))

    def _signature(self) -> None:
        info = self.info
        if len(info.signature) > SIGNATURE_SIZE:
            raise _Broken(
                Result.ATTESTATION_SIGNATURE_INVALID_FORMAT,
                f"attestation signature of {len(info.signature)} bytes; legal: {SIGNATURE_SIZE}",
            )
        if not is_signed(info.elements, info.challenge, info.signature, self.dac.public_key):
            raise _Broken(
                Result.ATTESTATION_SIGNATURE_INVALID,
                "attestation signature that is not the DAC key's over these elements and this session's "
                "challenge",
            )

    def _paa_found(self) -> None:
        key_id = self.pai.authority_key_id
        if key_id is None or key_id not in self.trust.paas:
            named = key_id.hex() if key_id else "none"
            raise _Broken(
                Result.PAA_NOT_FOUND,
                f"PAI's authority key id {named} is of none of {len(self.trust.paas)} trusted authorities",
            )
        self.paa_der = self.trust.paas[key_id]

    def _paa_format(self) -> None:
        self.paa = _certificate(self.paa_der, CertificateKind.PAA, Result.PAA_FORMAT_INVALID)

    def _paa_vendor_id(self) -> None:
        ids = _identifiers(self.paa, CertificateKind.PAA, Result.PAA_FORMAT_INVALID)
        _refuse(Result.PAI_VENDOR_ID_MISMATCH, check_paa_vendor(self.pai_ids, ids))

    def _paa_product_id(self) -> None:
        _refuse(Result.PAA_FORMAT_INVALID, check_identifiers(self.paa, CertificateKind.PAA))

    def _dac_now(self) -> None:
        # CHIP SDK IsCertificateValidAtCurrentTime: asked of the DAC alone.
        _refuse(Result.DAC_EXPIRED, check_valid_at(self.dac, CertificateKind.DAC, self.policy.now, "now"))

    def _chain(self) -> None:
        _refuse(Result.DAC_SIGNATURE_INVALID, check_chain(self.paa, self.pai, self.dac))

    def _elements(self) -> None:
        try:
            self.elements = read_attestation_elements(
                self.info.elements, ignore_unknown=self.policy.ignore_unknown_tags
            )
        except ElementsError as error:
            raise _Broken(Result.ATTESTATION_ELEMENTS_MALFORMED, str(error)) from None

    def _nonce(self) -> None:
        found = self.elements.attestation_nonce
        if found != self.info.nonce:
            raise _Broken(
                Result.ATTESTATION_NONCE_MISMATCH,
                f"attestation nonce {found[:8].hex()}...; sent: {self.info.nonce[:8].hex()}...",
            )

    def _declaration_signature(self) -> None:
        sent = self.elements.certification_declaration
        try:
            key_id = read_key_id(sent)
        except CmsError as error:
            raise _Broken(Result.CERTIFICATION_DECLARATION_NO_KEY_ID, f"declaration: {error}") from None
        key = self.trust.cd_keys.get(key_id)
        if key is None:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_NO_CERTIFICATE_FOUND,
                f"declaration signed by key {key_id.hex()}, which is of no trusted signer",
            )
        if key_id in self.trust.test_cd_keys and not self.policy.test_cd_keys:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_NO_CERTIFICATE_FOUND,
                f"declaration signed by test key {key_id.hex()}; legal: an official signer's",
            )
        # CHIP SDK CMS_Verify: what is malformed outside the signer's info counts as a bad signature.
        try:
            message = read_signed_message(sent)
        except CmsError as error:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_INVALID_SIGNATURE, f"declaration: {error}"
            ) from None
        if not message.signed_by(key):
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_INVALID_SIGNATURE,
                f"declaration with a signature that is not by the key {key_id.hex()} that it names",
            )
        self.declaration_content = message.content

    def _declaration_format(self) -> None:
        try:
            found = read_declaration(self.declaration_content)
        except DeclarationError as error:
            raise _Broken(Result.CERTIFICATION_DECLARATION_INVALID_FORMAT, f"declaration: {error}") from None
        # Matter 1.4 6.3.1: of format version 1, and of a type that is not reserved; CHIP SDK
        # ValidateCertificateDeclarationPayload says of either that the elements are malformed.
        if found.format_version != FORMAT_VERSION:
            raise _Broken(
                Result.ATTESTATION_ELEMENTS_MALFORMED,
                f"declaration of format version {found.format_version}; legal: {FORMAT_VERSION}",
            )
        if found.certification_type not in CERTIFICATION_TYPES:
            raise _Broken(
                Result.ATTESTATION_ELEMENTS_MALFORMED,
                f"declaration of type {found.certification_type}; legal: 0, 1, 2",
            )
        self.declaration = found

    def _declaration_device(self) -> None:
        found, info = self.declaration, self.info
        # Matter 1.4 6.2.3.1: vendor and product id of the declaration are those of Basic Information.
        if found.vendor_id != info.vendor_id:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_INVALID_VENDOR_ID,
                f"declaration for vendor {_hex(found.vendor_id)}, the device says {_hex(info.vendor_id)}",
            )
        if info.product_id not in found.product_ids:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_INVALID_PRODUCT_ID,
                f"declaration for products {_listed(found.product_ids)}, the device says "
                f"{_hex(info.product_id)}",
            )

    def _declaration_certificates(self) -> None:
        found = self.declaration
        # Matter 1.4 6.2.3.1: with a DAC origin, DAC and PAI are of that vendor and product; without, of the
        # declaration's own.
        vendor_id, product_ids = found.vendor_id, found.product_ids
        if found.dac_origin is not None:
            vendor_id, product_ids = found.dac_origin[0], (found.dac_origin[1],)
        origin = "DAC origin" if found.dac_origin else "declaration"
        for name, ids in (("DAC", self.dac_ids), ("PAI", self.pai_ids)):
            if ids.vendor_id != vendor_id:
                raise _Broken(
                    Result.CERTIFICATION_DECLARATION_INVALID_VENDOR_ID,
                    f"{name} of vendor {_hex(ids.vendor_id)}, {origin} of {_hex(vendor_id)}",
                )
        for name, ids in (("DAC", self.dac_ids), ("PAI", self.pai_ids)):
            if ids.product_id is not None and ids.product_id not in product_ids:
                raise _Broken(
                    Result.CERTIFICATION_DECLARATION_INVALID_PRODUCT_ID,
                    f"{name} of product {_hex(ids.product_id)}, {origin} of {_listed(product_ids)}",
                )

    def _declaration_paas(self) -> None:
        authorized = self.declaration.authorized_paas
        # Matter 1.4 6.2.3.1: where the declaration lists authorities, the PAA is one of them.
        key_id = self.paa.subject_key_id or b""
        if authorized is not None and key_id not in authorized:
            raise _Broken(
                Result.CERTIFICATION_DECLARATION_INVALID_PAA,
                f"PAA with key id {key_id.hex()}; legal: one of the {len(authorized)} "
                "that the declaration authorizes",
            )

    def _revocation(self) -> None:
        revoked = self.policy.revoked
        dac = (self.dac.authority_key_id, self.dac.serial_number) in revoked
        pai = (self.pai.authority_key_id, self.pai.serial_number) in revoked
        if dac and pai:
            raise _Broken(Result.PAI_AND_DAC_REVOKED, "PAI and DAC are revoked")
        if dac:
            raise _Broken(Result.DAC_REVOKED, f"DAC {self.dac.serial_number:X} is revoked by its PAI")
        if pai:
            raise _Broken(Result.PAI_REVOKED, f"PAI {self.pai.serial_number:X} is revoked by its PAA")


def _certificate(der: bytes, kind: CertificateKind, result: Result) -> Certificate:
    try:
        certificate = read_certificate(der)
    except CertificateError as error:
        raise _Broken(result, f"{kind.value}: {error}") from None
    _refuse(result, check_format(certificate, kind))
    return certificate


def _identifiers(certificate: Certificate, kind: CertificateKind, result: Result) -> Identifiers:
    try:
        return read_identifiers(certificate.subject)
    except DistinguishedNameError as error:
        raise _Broken(result, f"{kind.value}: {error}") from None


def _refuse(result: Result, findings: Iterable[Finding]) -> None:
    for finding in findings:
        raise _Broken(result, str(finding))


def _hex(number: int | None) -> str:
    return "none" if number is None else f"0x{number:04X}"


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(_hex(number) for number in numbers)
