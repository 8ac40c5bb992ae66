"""Finite-field Diffie-Hellman in the groups of RFC 7919: primes by their definition, keys of full length."""

from functools import lru_cache
from typing import Final

_X: Final = {2048: 560316, 3072: 2625351, 4096: 5736041, 6144: 15705020, 8192: 10965728}
"""RFC 7919 appendix A: what makes each number a safe prime."""

GROUP_BITS: Final = tuple(_X)
GENERATOR: Final = 2


@lru_cache(maxsize=len(_X))
def prime(bits: int) -> int:
    """p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1."""
    return (1 << bits) - (1 << bits - 64) + (_scaled_e(bits - 130) + _X[bits] << 64) - 1


def _scaled_e(bits: int) -> int:
    """floor(2^bits e), by the series of 1/k! with room to spare for its roundings."""
    term = total = 1 << bits + 64
    divisor = 1
    while term:
        term //= divisor
        total += term
        divisor += 1
    return total >> 64


def is_element(bits: int, number: int) -> bool:
    """Whether a number may be a private or a public key: 2 to p - 2 (RFC 7919 section 5.1)."""
    return 2 <= number <= prime(bits) - 2


def public_of(bits: int, private: bytes) -> bytes:
    """The public key, big endian, as long as the prime."""
    return power(bits, GENERATOR, int.from_bytes(private, "big"))


def power(bits: int, base: int, exponent: int) -> bytes:
    """base^exponent mod p, big endian, as long as the prime."""
    return pow(base, exponent, prime(bits)).to_bytes(bits // 8, "big")
