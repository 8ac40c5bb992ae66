"""Nonces that a relying party handed out: each answers once, and only for a while.

The clock is the caller's: every call says what time it is, in seconds of any one clock.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ...interface.errors import TfmSimError
from .findings import Finding, Kind

NONCE_SIZES = (32, 48, 64)  # RFC 9783 4.1.1
DEFAULT_CAPACITY = 65536
_ATTEMPTS = 8


class NonceUnavailable(TfmSimError):
    """No nonce could be issued: the size is none that a token can carry, or the random source fails."""


@dataclass(slots=True)
class _Issued:
    expires: float
    used: bool = False


class NonceRegister:
    """Issues nonces and takes each back once, within ``lifetime`` seconds of its issue.

    It remembers at most ``capacity`` nonces, and each for twice its lifetime, so that a late or repeated
    one is called by its name. What it has forgotten is unknown: forgetting never accepts anything.
    """

    def __init__(
        self, lifetime: float, random: Callable[[int], bytes], *, capacity: int = DEFAULT_CAPACITY
    ) -> None:
        if lifetime <= 0 or capacity <= 0:
            raise ValueError("lifetime and capacity must be positive")
        self._lifetime = lifetime
        self._random = random
        self._capacity = capacity
        self._issued: OrderedDict[bytes, _Issued] = OrderedDict()  # in the order of issue
        self._latest = float("-inf")

    def issue(self, size: int, now: float) -> bytes:
        """A new nonce of 32, 48 or 64 bytes; the oldest is forgotten if there are too many.

        Raises NonceUnavailable for another size, or if ``random`` only returns what is in use.
        """
        if size not in NONCE_SIZES:
            raise NonceUnavailable(f"a nonce of {size} bytes; legal: {NONCE_SIZES}")
        now = self._advance(now)
        for _ in range(_ATTEMPTS):
            nonce = bytes(self._random(size))
            if len(nonce) == size and nonce not in self._issued:
                break
        else:
            raise NonceUnavailable(f"the random source gave no new {size} bytes in {_ATTEMPTS} attempts")
        if len(self._issued) >= self._capacity:
            self._issued.popitem(last=False)
        self._issued[nonce] = _Issued(now + self._lifetime)
        return nonce

    def consume(self, nonce: bytes, now: float) -> Finding | None:
        """Take a nonce back: None if it was issued here, is in time and was not taken before.

        Else why not (nonce-unknown, nonce-expired, nonce-replayed). Taking it back late uses it up too.
        """
        now = self._advance(now)
        issued = self._issued.get(nonce)
        if issued is None:
            return Finding(Kind.NONCE_UNKNOWN, "this nonce was not issued here, or long ago", "nonce")
        if issued.used:
            return Finding(Kind.NONCE_REPLAYED, "this nonce was answered before: a replay", "nonce")
        issued.used = True
        if now > issued.expires:
            late = now - issued.expires
            return Finding(Kind.NONCE_EXPIRED, f"the answer is {late:g} s late", "nonce")
        return None

    def __len__(self) -> int:
        return len(self._issued)

    def _advance(self, now: float) -> float:
        """Forget what is long over. A clock that goes back stands still: nothing expired lives again."""
        self._latest = max(self._latest, now)
        while self._issued:
            oldest = next(iter(self._issued))
            if self._issued[oldest].expires + self._lifetime >= self._latest:
                break
            del self._issued[oldest]
        return self._latest
