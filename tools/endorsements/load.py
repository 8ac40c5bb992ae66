"""Endorsements from a file of whatever form."""

from .model import Endorsements
from .yaml_form import parse_endorsements_yaml


def load_endorsements(data: bytes, name: str = "endorsements") -> Endorsements:
    """Endorsements from YAML or CoRIM, by what the bytes are; ``name`` stands for the file in messages.

    Raises EndorsementError, and nothing else whatever the bytes are.
    """
    return parse_endorsements_yaml(data, name)
