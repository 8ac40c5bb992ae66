"""Public keys as PEM."""

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..verifier.keys import EcKey


def public_pem(key: EcKey) -> str:
    """SubjectPublicKeyInfo as a PEM block PUBLIC KEY, a line feed behind it."""
    return key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
