"""The operational CSR judged: the DAC key signed the elements, and the new key signed the request."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .elements import ElementsError, NocsrElements, read_nocsr_elements
from .verification import RESPONSE_MAX, SIGNATURE_SIZE, is_signed

NONCE_SIZE = 32


class CsrResult(StrEnum):
    """CHIP SDK CHIPError.h: what VerifyNodeOperationalCSRInformation and the check of the request answer."""

    SUCCESS = "CHIP_NO_ERROR"
    INVALID_ARGUMENT = "CHIP_ERROR_INVALID_ARGUMENT"
    INVALID_TLV = "CHIP_ERROR_INVALID_TLV_ELEMENT"
    INVALID_SIGNATURE = "CHIP_ERROR_INVALID_SIGNATURE"
    UNSUPPORTED_SIGNATURE = "CHIP_ERROR_UNSUPPORTED_SIGNATURE_TYPE"
    UNSUPPORTED_CERT_FORMAT = "CHIP_ERROR_UNSUPPORTED_CERT_FORMAT"


@dataclass(frozen=True, slots=True)
class CsrInfo:
    """A CSR response, and what the commissioner knows: nonce, challenge, the DAC's key (65 bytes)."""

    elements: bytes
    challenge: bytes
    signature: bytes
    dac_key: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class CsrVerdict:
    """As the verdict on an attestation. ``operational_key`` is the new key, 65 bytes, empty when refused."""

    result: CsrResult
    passed: tuple[str, ...]
    rule: str = ""
    reason: str = ""
    operational_key: bytes = b""

    @property
    def ok(self) -> bool:
        return self.result is CsrResult.SUCCESS

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "result": str(self.result),
            "rule": self.rule,
            "reason": self.reason,
            "passed": list(self.passed),
            "operational_key": self.operational_key.hex(),
        }


class _Broken(Exception):
    def __init__(self, result: CsrResult, reason: str) -> None:
        super().__init__(reason)
        self.result = result


def verify_csr(info: CsrInfo) -> CsrVerdict:
    """The verdict by the first rule that is broken; only after it a CA is asked for a certificate."""
    check = _Verification(info)
    passed: list[str] = []
    for name, rule in check.rules():
        try:
            rule()
        except _Broken as broken:
            return CsrVerdict(broken.result, tuple(passed), name, str(broken))
        passed.append(name)
    return CsrVerdict(CsrResult.SUCCESS, tuple(passed), operational_key=check.operational_key)


class _Verification:
    elements: NocsrElements
    request: x509.CertificateSigningRequest
    operational_key: bytes

    def __init__(self, info: CsrInfo) -> None:
        self.info = info

    def rules(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """CHIP SDK VerifyNodeOperationalCSRInformation, then VerifyCertificateSigningRequest."""
        yield "arguments are there", self._arguments
        yield "NOCSR elements of at most 900 bytes", self._limit
        yield "NOCSR elements", self._elements
        yield "CSR nonce", self._nonce
        yield "DAC key's signature", self._signature
        yield "PKCS#10 of P-256 and SHA-256", self._request
        yield "CSR's own signature", self._self_signature

    def _arguments(self) -> None:
        info = self.info
        for name, value in (
            ("NOCSR elements", info.elements),
            ("attestation challenge", info.challenge),
            ("attestation signature", info.signature),
            ("CSR nonce", info.nonce),
        ):
            if not value:
                raise _Broken(CsrResult.INVALID_ARGUMENT, f"{name}: none")

    def _limit(self) -> None:
        if len(self.info.elements) > RESPONSE_MAX:
            raise _Broken(
                CsrResult.INVALID_ARGUMENT,
                f"NOCSR elements of {len(self.info.elements)} bytes; legal: up to {RESPONSE_MAX}",
            )

    def _elements(self) -> None:
        try:
            self.elements = read_nocsr_elements(self.info.elements)
        except ElementsError as error:
            raise _Broken(CsrResult.INVALID_TLV, str(error)) from None

    def _nonce(self) -> None:
        found = self.elements.csr_nonce
        if len(found) != NONCE_SIZE or found != self.info.nonce:
            raise _Broken(
                CsrResult.INVALID_ARGUMENT,
                f"CSR nonce {found[:8].hex()}...; sent: {self.info.nonce[:8].hex()}...",
            )

    def _signature(self) -> None:
        info = self.info
        if len(info.signature) != SIGNATURE_SIZE:
            raise _Broken(
                CsrResult.INVALID_ARGUMENT,
                f"attestation signature of {len(info.signature)} bytes; legal: {SIGNATURE_SIZE}",
            )
        if not is_signed(info.elements, info.challenge, info.signature, info.dac_key):
            raise _Broken(
                CsrResult.INVALID_SIGNATURE,
                "attestation signature that is not the DAC key's over these elements and this session's "
                "challenge",
            )

    def _request(self) -> None:
        try:
            self.request = x509.load_der_x509_csr(self.elements.csr)
            key = self.request.public_key()
            hashed_by = self.request.signature_hash_algorithm
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            raise _Broken(CsrResult.UNSUPPORTED_CERT_FORMAT, f"CSR: {error}; legal: PKCS#10") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise _Broken(CsrResult.UNSUPPORTED_CERT_FORMAT, "CSR for a key not of P-256; legal: prime256v1")
        if not isinstance(hashed_by, SHA256):
            raise _Broken(
                CsrResult.UNSUPPORTED_SIGNATURE, "CSR not signed with SHA-256; legal: ecdsa-with-SHA256"
            )
        self.operational_key = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def _self_signature(self) -> None:
        # Matter 1.4 6.4.6.1: the request proves that the device has the new key.
        try:
            genuine = self.request.is_signature_valid
        except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
            genuine = False
        if not genuine:
            raise _Broken(
                CsrResult.INVALID_SIGNATURE, "CSR whose signature is not by the key that it asks for"
            )
