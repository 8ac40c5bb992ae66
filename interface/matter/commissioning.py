"""What a Matter commissioner and a commissionee say to each other, from PASE to the operational CSR.

The messages of session establishment are TLV and travel as bytes; the cluster commands after it are calls
with their fields (Matter 1.4 11.18 Operational Credentials, 11.1 Basic Information).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

NONCE_SIZE: Final = 32
CHALLENGE_SIZE: Final = 16
SIGNATURE_SIZE: Final = 64
RESP_MAX: Final = 900  # Matter 1.4 11.18.5.1: attestation elements and NOCSR elements
SESSION_KEYS_INFO: Final = b"SessionKeys"
SESSION_KEY_SIZE: Final = 16
PASE_CONTEXT_PREFIX: Final = b"CHIP PAKE V1 Commissioning"
POINT_SIZE: Final = 65
VERIFIER_SIZE: Final = 97  # w0 (32) and L (65)
PBKDF_ITERATIONS: Final = range(1000, 100_001)
PBKDF_SALT_SIZES: Final = range(16, 33)


class CertificateChainType(IntEnum):
    """Matter 1.4 11.18.4.1: the argument of CertificateChainRequest."""

    DAC = 1
    PAI = 2


class CommandStatus(IntEnum):
    """Matter 1.4 8.10.1: the statuses that a commissionee of ours gives."""

    FAILURE = 0x01
    UNSUPPORTED_ACCESS = 0x7E
    INVALID_COMMAND = 0x85


class CommissioneeError(Exception):
    """A command refused: ``status`` is the one that the interaction model sends back."""

    def __init__(self, status: CommandStatus, reason: str) -> None:
        super().__init__(f"{status.name} (0x{int(status):02x}): {reason}")
        self.status = status


class SessionError(Exception):
    """Session establishment failed; the one side drops it, the other is told INVALID_PARAMETER."""


@dataclass(frozen=True, slots=True)
class BasicInformation:
    """VendorID and ProductID of the Basic Information cluster."""

    vendor_id: int
    product_id: int


@dataclass(frozen=True, slots=True)
class SignedElements:
    """AttestationResponse or CSRResponse: elements as TLV, and the DAC key's signature, r and s, 64 bytes.

    Matter 1.4 11.18.4.7, 11.18.4.9: the signature is over the elements followed by the attestation challenge.
    """

    elements: bytes
    signature: bytes


class Commissionee(Protocol):
    """A device as its commissioner sees it. Commands are legal in a session only; CommissioneeError else."""

    def pbkdf_param_request(self, message: bytes) -> bytes:
        """PBKDFParamRequest in, PBKDFParamResponse back (TLV). Raises SessionError."""

    def pake1(self, message: bytes) -> bytes:
        """Pake1 in, Pake2 back (TLV). Raises SessionError."""

    def pake3(self, message: bytes) -> None:
        """Pake3 in; the session is there on return. Raises SessionError."""

    def read_basic_information(self) -> BasicInformation:
        """Attributes VendorID and ProductID of Basic Information."""

    def certificate_chain_request(self, certificate_type: int) -> bytes:
        """The DER certificate of a CertificateChainType."""

    def attestation_request(self, attestation_nonce: bytes) -> SignedElements:
        """Attestation elements for a nonce of 32 bytes."""

    def csr_request(self, csr_nonce: bytes) -> SignedElements:
        """NOCSR elements for a nonce of 32 bytes: a CSR of a new operational key."""
