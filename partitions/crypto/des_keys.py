"""DES keys: odd parity, and the keys that nobody should have (NIST SP 800-67 section 3.3)."""

from collections.abc import Callable
from typing import Final

WEAK: Final = frozenset(
    bytes.fromhex(row)[start : start + 8]
    for row in (
        "0101010101010101 fefefefefefefefe e0e0e0e0f1f1f1f1 1f1f1f1f0e0e0e0e",
        "011f011f010e010e 1f011f010e010e01 01e001e001f101f1 e001e001f101f101",
        "01fe01fe01fe01fe fe01fe01fe01fe01 1fe01fe00ef10ef1 e01fe01ff10ef10e",
        "1ffe1ffe0efe0efe fe1ffe1ffe0efe0e e0fee0fef1fef1fe fee0fee0fef1fef1",
    )
    for start in range(0, 32, 8)
)
"""The weak and the semi-weak keys, in odd parity."""


def set_parity(data: bytes) -> bytes:
    """The key with the lowest bit of each byte such that the byte has an odd number of ones."""
    return bytes(byte ^ 1 ^ byte.bit_count() & 1 for byte in data)


def generate(size: int, random: Callable[[int], bytes]) -> bytes:
    """One to three DES keys, ``size`` bytes together, none of them weak."""
    return b"".join(_generate_one(random) for _ in range(size // 8))


def _generate_one(random: Callable[[int], bytes]) -> bytes:
    while (key := set_parity(random(8))) in WEAK:
        pass
    return key
