"""ESP-TEE attestation for relying parties: a verifier of its JSON tokens, by code of its own."""

from .claims import ClaimResult, Form
from .json_members import JsonUnreadable, Member, members
from .kinds import Kind
from .reference import Enrolled, Reference, ReferenceUnusable, Register, SoftwareReference, enrolled_key
from .verify import EspVerdict, verify

__all__ = [
    "ClaimResult",
    "Enrolled",
    "EspVerdict",
    "Form",
    "JsonUnreadable",
    "Kind",
    "Member",
    "Reference",
    "ReferenceUnusable",
    "Register",
    "SoftwareReference",
    "enrolled_key",
    "members",
    "verify",
]
