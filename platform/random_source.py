"""The device's random source: deterministic by seed, so that a run can be repeated."""

from hashlib import sha256, shake_256
from typing import Final

_DOMAIN: Final = b"tfm-sim random source 1"


class RandomSource:
    """Bytes from SHAKE-256 over a key and a counter of the requests so far.

    The key comes from the device's ENTROPY_SEED in OTP and the run's seed. Equal seeds give equal runs; it is
    a model's generator and no source of real secrets.
    """

    __slots__ = ("_key", "_requests")

    def __init__(self, entropy_seed: bytes, seed: int) -> None:
        self.reseed(entropy_seed, seed)

    def reseed(self, entropy_seed: bytes, seed: int) -> None:
        """Begin anew: the device's entropy seed was burnt."""
        self._key = sha256(_DOMAIN + sha256(entropy_seed).digest() + str(seed).encode()).digest()
        self._requests = 0

    def bytes(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        self._requests += 1
        return shake_256(self._key + self._requests.to_bytes(8, "little")).digest(size)
