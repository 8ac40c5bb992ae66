"""Names, numbers and sizes of hash algorithms (IANA Named Information Hash Algorithm Registry)."""

from typing import Final

from .model import Digest, EndorsementError

NUMBERS: Final = {
    1: "sha-256",
    2: "sha-256-128",
    3: "sha-256-120",
    4: "sha-256-96",
    5: "sha-256-64",
    6: "sha-256-32",
    7: "sha-384",
    8: "sha-512",
    9: "sha3-224",
    10: "sha3-256",
    11: "sha3-384",
    12: "sha3-512",
}
NUMBER_OF: Final = {name: number for number, name in NUMBERS.items()}
SIZES: Final = {
    "sha-256": 32,
    "sha-256-128": 16,
    "sha-256-120": 15,
    "sha-256-96": 12,
    "sha-256-64": 8,
    "sha-256-32": 4,
    "sha-384": 48,
    "sha-512": 64,
    "sha3-224": 28,
    "sha3-256": 32,
    "sha3-384": 48,
    "sha3-512": 64,
}
"""In bytes."""
OF_SIZE: Final = {32: "sha-256", 48: "sha-384", 64: "sha-512"}
"""What a hash of so many bytes is in PSA and CCA tokens, which do not always say."""


def check_digest(digest: Digest, where: str) -> Digest:
    """The digest, if its size is that of its algorithm; an algorithm outside the registry has any size.

    Raises EndorsementError.
    """
    size = SIZES.get(digest.algorithm)
    if size is not None and len(digest.value) != size:
        raise EndorsementError(
            f"{where}: {digest.algorithm} of {len(digest.value)} bytes; legal: {size} bytes"
        )
    if not digest.value:
        raise EndorsementError(f"{where}: {digest.algorithm!r} of no bytes; legal: a digest")
    return digest
