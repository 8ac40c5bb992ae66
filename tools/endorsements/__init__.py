"""What verifiers are provisioned with: trust anchors and reference values, as YAML and as CoRIM."""

from .load import load_endorsements
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
from .yaml_form import endorsements_yaml

__all__ = [
    "Certification",
    "ClassNames",
    "Digest",
    "EndorsementError",
    "Endorsements",
    "PlatformConfig",
    "RealmReference",
    "ReferenceValue",
    "endorsements_yaml",
    "load_endorsements",
]
