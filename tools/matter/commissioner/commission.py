"""A whole commissioning up to the point where a CA is asked for an operational certificate."""

from dataclasses import dataclass
from typing import Any

from ....interface.matter.commissioning import (
    NONCE_SIZE,
    BasicInformation,
    CertificateChainType,
    Commissionee,
    CommissioneeError,
    SessionError,
)
from .csr import CsrInfo, CsrVerdict, verify_csr
from .pase import Random, establish
from .results import Verdict
from .trust import Policy, TrustStore
from .verification import AttestationInfo, verify_attestation
from .x509 import read_certificate


@dataclass(frozen=True, slots=True)
class Commissioning:
    """How far it came, and what was received on the way.

    ``failed`` is why there is no verdict: the session or a command. ``csr`` is None where it was not asked
    for: a device that is not genuine gets no certificate.
    """

    failed: str = ""
    device: BasicInformation | None = None
    evidence: AttestationInfo | None = None
    attestation: Verdict | None = None
    request: CsrInfo | None = None
    csr: CsrVerdict | None = None

    @property
    def ok(self) -> bool:
        """Whether a CA may be asked for a certificate."""
        return self.csr is not None and self.csr.ok

    @property
    def reason(self) -> str:
        """Why not, empty when it is."""
        for verdict in (self.attestation, self.csr):
            if verdict is not None and not verdict.ok:
                return verdict.reason
        return self.failed

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "failed": self.failed or None,
            "vendor_id": self.device.vendor_id if self.device else None,
            "product_id": self.device.product_id if self.device else None,
            "attestation": self.attestation.as_json() if self.attestation else None,
            "csr": self.csr.as_json() if self.csr else None,
        }


def commission(
    device: Commissionee, passcode: int, trust: TrustStore, policy: Policy, random: Random
) -> Commissioning:
    """Open a session, have the device attest, judge it, have it ask for a certificate, judge that.

    ``random`` gives so many random bytes. Raises ValueError for a passcode that no device may have.
    """
    basic = evidence = None
    try:
        # Matter 1.4 5.5: session, attestation, operational credentials, in this order.
        challenge = establish(device, passcode, random).attestation_challenge
        basic = device.read_basic_information()
        pai = device.certificate_chain_request(CertificateChainType.PAI)
        dac = device.certificate_chain_request(CertificateChainType.DAC)
        nonce = random(NONCE_SIZE)
        answer = device.attestation_request(nonce)
        evidence = AttestationInfo(
            answer.elements, challenge, answer.signature, pai, dac, nonce, basic.vendor_id, basic.product_id
        )
        verdict = verify_attestation(evidence, trust, policy)
        if not verdict.ok:
            return Commissioning("", basic, evidence, verdict)
        csr_nonce = random(NONCE_SIZE)
        response = device.csr_request(csr_nonce)
    except (SessionError, CommissioneeError) as error:
        return Commissioning(str(error), basic, evidence)
    public_key = read_certificate(dac).public_key
    request = CsrInfo(response.elements, challenge, response.signature, public_key, csr_nonce)
    return Commissioning("", basic, evidence, verdict, request, verify_csr(request))
