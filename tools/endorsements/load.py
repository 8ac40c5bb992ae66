"""Endorsements from a file of whatever form."""

from collections.abc import Sequence
from typing import Final

from ..verifier.keys import Key
from .cbor_node import read_general
from .corim import SIGNED_TAG, Corim
from .corim_reader import read_unsigned
from .model import EndorsementError, Endorsements
from .signed_corim import read_signed
from .yaml_form import parse_endorsements_yaml

OLD_SIGNED: Final = b"\xd9\x01\xf4\xd9\x01\xf6"
"""Tags 500 and 502, which early drafts put before a signed CoRIM."""


def load_endorsements(
    data: bytes, name: str = "endorsements", *, keys: Sequence[Key] = (), now: float | None = None
) -> Endorsements:
    """Endorsements from YAML or CoRIM, by what the bytes are; ``name`` stands for the file in messages.

    With ``keys`` only a CoRIM counts that one of them has signed. ``now``, in seconds since 1970, must lie in
    the validity of CoRIM and signature; None asks for neither. Raises EndorsementError, and nothing else
    whatever the bytes are.
    """
    if is_corim(data):
        return load_corim(data, name, keys=keys, now=now).endorsements
    if keys:
        raise EndorsementError(f"{name}: YAML, which nobody signs; legal with a key: a signed CoRIM")
    return parse_endorsements_yaml(data, name)


def is_corim(data: bytes) -> bool:
    """CBOR, that is: no text in UTF-8 that is of use in YAML begins so."""
    return data[:1] >= b"\x80"


def load_corim(
    data: bytes, name: str = "CoRIM", *, keys: Sequence[Key] = (), now: float | None = None
) -> Corim:
    """A CoRIM, signed or unsigned, as `load_endorsements` reads it. Raises EndorsementError."""
    root = read_general(data.removeprefix(OLD_SIGNED), name)
    if root.tag == SIGNED_TAG:
        corim = read_signed(root, keys)
    elif keys:
        raise EndorsementError(f"{name}: not signed; legal with a key: a signed CoRIM (tag 18)")
    else:
        corim = read_unsigned(root)
    if now is not None:
        if corim.validity is not None:
            corim.validity.check(now, name)
        if corim.signature is not None and corim.signature.validity is not None:
            corim.signature.validity.check(now, f"{name}: signature")
    return corim
