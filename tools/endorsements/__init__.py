"""What verifiers are provisioned with: trust anchors and reference values, as YAML and as CoRIM."""

from .corim import Corim, CorimProfile, Entity, Signature, Validity
from .corim_writer import write_corim
from .load import load_corim, load_endorsements
from .model import (
    Certification,
    ClassNames,
    Digest,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
)
from .signed_corim import sign_corim
from .yaml_form import endorsements_yaml

__all__ = [
    "Certification",
    "ClassNames",
    "Corim",
    "CorimProfile",
    "Digest",
    "EndorsementError",
    "Endorsements",
    "Entity",
    "PlatformConfig",
    "RealmReference",
    "ReferenceValue",
    "Signature",
    "Validity",
    "endorsements_yaml",
    "load_corim",
    "load_endorsements",
    "sign_corim",
    "write_corim",
]
