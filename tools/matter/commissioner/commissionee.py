"""The device as the commissioner sees it: see interface/matter/commissioning.py."""

from ....interface.matter.commissioning import (
    BasicInformation,
    CertificateChainType,
    Commissionee,
    CommissioneeError,
    SessionError,
    SignedElements,
)

__all__ = [
    "BasicInformation",
    "CertificateChainType",
    "Commissionee",
    "CommissioneeError",
    "SessionError",
    "SignedElements",
]
