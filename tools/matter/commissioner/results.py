"""What a commissioner finds: the results of the CHIP SDK by their names and numbers, and a verdict."""

from dataclasses import dataclass
from typing import Any

from ....interface.open_enum import OpenIntEnum


class AttestationVerificationResult(OpenIntEnum):
    """CHIP SDK DeviceAttestationVerifier.h: the first rule that was broken; unknown values are kept."""

    SUCCESS = 0
    PAA_UNTRUSTED = 100
    PAA_NOT_FOUND = 101
    PAA_EXPIRED = 102
    PAA_SIGNATURE_INVALID = 103
    PAA_REVOKED = 104
    PAA_FORMAT_INVALID = 105
    PAA_ARGUMENT_INVALID = 106
    PAI_EXPIRED = 200
    PAI_SIGNATURE_INVALID = 201
    PAI_REVOKED = 202
    PAI_FORMAT_INVALID = 203
    PAI_ARGUMENT_INVALID = 204
    PAI_VENDOR_ID_MISMATCH = 205
    PAI_AUTHORITY_NOT_FOUND = 206
    PAI_MISSING = 207
    PAI_AND_DAC_REVOKED = 208
    DAC_EXPIRED = 300
    DAC_SIGNATURE_INVALID = 301
    DAC_REVOKED = 302
    DAC_FORMAT_INVALID = 303
    DAC_ARGUMENT_INVALID = 304
    DAC_VENDOR_ID_MISMATCH = 305
    DAC_PRODUCT_ID_MISMATCH = 306
    DAC_AUTHORITY_NOT_FOUND = 307
    FIRMWARE_INFORMATION_MISMATCH = 400
    FIRMWARE_INFORMATION_MISSING = 401
    ATTESTATION_SIGNATURE_INVALID = 500
    ATTESTATION_ELEMENTS_MALFORMED = 501
    ATTESTATION_NONCE_MISMATCH = 502
    ATTESTATION_SIGNATURE_INVALID_FORMAT = 503
    CERTIFICATION_DECLARATION_NO_KEY_ID = 600
    CERTIFICATION_DECLARATION_NO_CERTIFICATE_FOUND = 601
    CERTIFICATION_DECLARATION_INVALID_SIGNATURE = 602
    CERTIFICATION_DECLARATION_INVALID_FORMAT = 603
    CERTIFICATION_DECLARATION_INVALID_VENDOR_ID = 604
    CERTIFICATION_DECLARATION_INVALID_PRODUCT_ID = 605
    CERTIFICATION_DECLARATION_INVALID_PAA = 606
    # As SDKs of 2025 number these; earlier ones had 800, 900 and 0xffff.
    NO_MEMORY = 700
    INVALID_ARGUMENT = 701
    INTERNAL_ERROR = 702
    NOT_IMPLEMENTED = 703

    @property
    def sdk_name(self) -> str:
        """As the SDK spells it: kDacVendorIdMismatch."""
        name = "k" + "".join(word.capitalize() for word in self.name.split("_"))
        return name.replace("InvalidPaa", "InvalidPAA")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attestation or a CSR, by the first rule broken.

    ``passed`` names the rules that held, in the order in which they were asked; ``rule`` and ``reason`` are
    those of the one that did not, empty for a success.
    """

    result: AttestationVerificationResult
    passed: tuple[str, ...]
    rule: str = ""
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.result is AttestationVerificationResult.SUCCESS

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "result": int(self.result),
            "name": self.result.sdk_name,
            "rule": self.rule,
            "reason": self.reason,
            "passed": list(self.passed),
        }
