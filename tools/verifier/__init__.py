"""The verifier: decodes and judges PSA and CCA attestation tokens with code of its own.

It shares no encoder with the device, so that one mistake cannot hide itself, and would stand alone.
"""

from .cbor import CborError
from .claims import ClaimResult
from .cose import SignatureState
from .decode import DecodedPart, DecodedToken, TokenUnreadable, decode
from .findings import Finding, Kind
from .identity import InstanceRule
from .keys import EcKey, Key, KeyUnusable, MacKey, load_key
from .nonces import NonceRegister, NonceUnavailable
from .trust import TrustAnchor, TrustAnchorUnusable, TrustStore
from .verdict import Verdict
from .verify import verify

__all__ = [
    "CborError",
    "ClaimResult",
    "DecodedPart",
    "DecodedToken",
    "EcKey",
    "Finding",
    "InstanceRule",
    "Key",
    "KeyUnusable",
    "Kind",
    "MacKey",
    "NonceRegister",
    "NonceUnavailable",
    "SignatureState",
    "TokenUnreadable",
    "TrustAnchor",
    "TrustAnchorUnusable",
    "TrustStore",
    "Verdict",
    "decode",
    "load_key",
    "verify",
]
