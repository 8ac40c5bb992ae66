"""Primes of RSA keys by FIPS 186-5 appendix A.1.3, every random byte of them from a seeded source."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from math import gcd, prod
from typing import Final

_SIEVES: Final = (3, 1 << 11, 1 << 16)
"""Primes are divided by up to here, those of a range at once: each sieve costs more and stops fewer."""
_ROUNDS: Final = 7
"""Miller-Rabin with random bases: as many as FIPS 186-4 table C.3 asks of the smallest keys."""


class NoPrimeError(Exception):
    """The source went on giving numbers of which none is prime: it is broken."""


@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    """The products of the odd primes of each range of ``_SIEVES``."""
    found = list(_odd_primes(_SIEVES[-1]))
    return tuple(prod(p for p in found if low <= p < high) for low, high in pairwise(_SIEVES))


def _odd_primes(limit: int) -> Iterator[int]:
    composite = bytearray(limit)
    for number in range(3, limit, 2):
        if not composite[number]:
            composite[number * number :: 2 * number] = b"\1" * len(range(number * number, limit, 2 * number))
            yield number


def generate_primes(bits: int, exponent: int, random: Callable[[int], bytes]) -> tuple[int, int]:
    """Two primes, the larger first, whose product has exactly ``bits`` bits; ``bits`` is even.

    Raises NoPrimeError where FIPS 186-5 gives up.
    """
    half = bits // 2
    while True:
        p = _draw_prime(half, exponent, random, 5 * bits)
        q = _draw_prime(half, exponent, random, 10 * bits)
        # FIPS 186-5 A.1.3 steps 5.4, and A.1.1 criterion 3 on the private exponent.
        if abs(p - q) >> half - 100 and _private_exponent_bits(p, q, exponent) > half:
            return max(p, q), min(p, q)


def _private_exponent_bits(p: int, q: int, exponent: int) -> int:
    common = (p - 1) * (q - 1) // gcd(p - 1, q - 1)
    return pow(exponent, -1, common).bit_length()


def _draw_prime(bits: int, exponent: int, random: Callable[[int], bytes], tries: int) -> int:
    """A prime of ``bits`` bits, at least sqrt(2) 2^(bits - 1), that ``exponent`` goes with."""
    for _ in range(tries):
        candidate = _draw_large(bits, random)
        if gcd(candidate - 1, exponent) == 1 and _is_probable_prime(candidate, random):
            return candidate
    raise NoPrimeError


def _draw_large(bits: int, random: Callable[[int], bytes]) -> int:
    """FIPS 186-5 A.1.3 steps 4.2 to 4.4: an odd number whose square has twice as many bits."""
    width = -(-bits // 8)
    for _ in range(1000):
        candidate = int.from_bytes(random(width), "big") >> 8 * width - bits | 1
        if (candidate * candidate).bit_length() == 2 * bits:
            return candidate
    raise NoPrimeError


def _is_probable_prime(candidate: int, random: Callable[[int], bytes]) -> bool:
    """FIPS 186-5 B.3.1. Division by small primes and base 2 come first: they stop nearly all, for less."""
    if any(gcd(candidate, product % candidate) != 1 for product in _small_primes()):
        return False
    if not _passes(candidate, 2):
        return False
    width = candidate.bit_length() // 8 + 8
    bases = (int.from_bytes(random(width), "big") % (candidate - 3) + 2 for _ in range(_ROUNDS))
    return all(_passes(candidate, base) for base in bases)


def _passes(candidate: int, base: int) -> bool:
    """One round of Miller-Rabin."""
    twos = (candidate - 1 & 1 - candidate).bit_length() - 1
    power = pow(base, candidate >> twos, candidate)
    if power in (1, candidate - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % candidate
        if power == candidate - 1:
            return True
    return False
