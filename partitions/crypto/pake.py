"""What the password-authenticated key exchanges have in common (PSA Crypto 1.2 PAKE Extension)."""

from collections.abc import Callable, Collection
from typing import Protocol

from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT
from .hashing import HashState
from .refusal import Refusal
from .weierstrass import Group, Point

NewHash = Callable[[bytes], HashState]
"""A hash over the bytes given, to go on with."""
Random = Callable[[int], bytes]


class PakeProtocol(Protocol):
    """One side of an exchange. Whatever it refuses leaves it in no state to go on."""

    is_pseudorandom: bool
    """The shared secret may be a key of a block cipher; else it is input for a derivation only."""

    steps: Collection[int]
    """The steps of the algorithm."""

    def set_role(self, role: int) -> None:
        """INVALID_ARGUMENT for a role that the algorithm, or its key, does not have."""

    def set_user(self, user_id: bytes) -> None:
        """INVALID_ARGUMENT or NOT_SUPPORTED for an identity that cannot be."""

    def set_peer(self, peer_id: bytes) -> None:
        """The same for the other side's."""

    def set_context(self, context: bytes) -> None:
        """BAD_STATE for an algorithm without a context."""

    def output(self, step: int) -> bytes:
        """What goes to the peer in this step; BAD_STATE out of order, INVALID_ARGUMENT for a foreign step."""

    def input(self, step: int, data: bytes) -> None:
        """What came from the peer: as ``output``, and INVALID_SIGNATURE for a proof that fails."""

    def shared_secret(self) -> bytes:
        """BAD_STATE before every step is done."""


def random_scalar(group: Group, random: Random) -> int:
    """FIPS 186-5, A.2.2: a number from 1 to the order less one, drawn until it is in range."""
    spare = 8 * group.width - group.bits
    while True:
        drawn = int.from_bytes(random(group.width), "big") >> spare
        if 0 < drawn < group.order:
            return drawn


def decode_share(group: Group, data: bytes) -> Point:
    """A point of the curve; PSA Crypto psa_pake_input: anything else is INVALID_ARGUMENT."""
    try:
        return group.point(data)
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
