"""J-PAKE over the NIST curves (RFC 8236, 3; its proofs RFC 8235, 3), the proofs encoded as Mbed TLS does."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ...interface.psa.crypto_pake import (
    PSA_PAKE_ROLE_NONE,
    PSA_PAKE_STEP_KEY_SHARE,
    PSA_PAKE_STEP_ZK_PROOF,
    PSA_PAKE_STEP_ZK_PUBLIC,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_SUPPORTED,
)
from .pake import NewHash, Random, decode_share, random_scalar
from .refusal import Refusal
from .weierstrass import Group, Point

_ORDER: Final = (PSA_PAKE_STEP_KEY_SHARE, PSA_PAKE_STEP_ZK_PUBLIC, PSA_PAKE_STEP_ZK_PROOF)
_ROUND_ONE: Final = 2 * len(_ORDER)
_ALL: Final = 3 * len(_ORDER)


@dataclass(frozen=True, slots=True)
class _Share:
    """A key share with its proof: X, V, and r or, of a peer's that is not there yet, None."""

    generator: Point
    key_share: Point
    zk_public: Point | None = None
    zk_proof: int | None = None


class JPake:
    """One participant; both do the same. The variables are those of RFC 8236: x1, x2, their g3, g4."""

    is_pseudorandom = False
    steps: Collection[int] = _ORDER

    def __init__(self, group: Group, password: bytes, new_hash: NewHash, random: Random, max_id: int) -> None:
        """``password``, a big endian number, is reduced modulo the order; INVALID_ARGUMENT where that is 0.

        ``max_id`` is the longest identity in bytes.
        """
        self._group = group
        self._secret = int.from_bytes(password, "big") % group.order
        if self._secret == 0:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._new_hash = new_hash
        self._random = random
        self._max_id = max_id
        self._user = self._peer = b""
        self._x2 = 0
        self._outputs = self._inputs = 0
        self._sent: list[_Share] = []
        self._received: list[_Share] = []

    def set_role(self, role: int) -> None:
        if role != PSA_PAKE_ROLE_NONE:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)

    def set_user(self, user_id: bytes) -> None:
        self._user = self._checked_id(user_id, self._peer)

    def set_peer(self, peer_id: bytes) -> None:
        self._peer = self._checked_id(peer_id, self._user)

    def set_context(self, context: bytes) -> None:
        del context
        raise Refusal(PSA_ERROR_BAD_STATE)

    def output(self, step: int) -> bytes:
        self._check_step(step, self._outputs, self._inputs)
        index = self._outputs // len(_ORDER)
        if step == PSA_PAKE_STEP_KEY_SHARE:
            self._sent.append(self._make_share(index))
        share = self._sent[index]
        self._outputs += 1
        if step == PSA_PAKE_STEP_KEY_SHARE:
            return share.key_share.encode()
        if step == PSA_PAKE_STEP_ZK_PUBLIC:
            assert share.zk_public is not None
            return share.zk_public.encode()
        assert share.zk_proof is not None
        return self._group.scalar(share.zk_proof)

    def input(self, step: int, data: bytes) -> None:
        self._check_step(step, self._inputs, self._outputs)
        index = self._inputs // len(_ORDER)
        if step == PSA_PAKE_STEP_KEY_SHARE:
            generator = self._peer_generator() if index == 2 else self._group.generator
            self._received.append(_Share(generator, decode_share(self._group, data)))
        elif step == PSA_PAKE_STEP_ZK_PUBLIC:
            share = self._received[index]
            public = decode_share(self._group, data)
            self._received[index] = _Share(share.generator, share.key_share, public)
        else:
            self._check_proof(self._received[index], data)
        self._inputs += 1

    def shared_secret(self) -> bytes:
        """RFC 8236, 3: K = (B - g4 * x2*s) * x2, the whole point, 04, X, Y."""
        if not self._outputs == self._inputs == _ALL:
            raise Refusal(PSA_ERROR_BAD_STATE)
        b, g4 = self._received[2].key_share, self._received[1].key_share
        key = self._x2 * (b - self._x2 * self._secret * g4)
        return _finite(key).encode()

    def _checked_id(self, identity: bytes, other: bytes) -> bytes:
        # RFC 8236, 3: the identities must differ, or a participant could be shown its own proofs.
        if not identity or identity == other:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if len(identity) > self._max_id:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return identity

    def _check_step(self, step: int, done: int, done_other_way: int) -> None:
        """PSA Crypto, J-PAKE operation: in each round all outputs first or all inputs, in this order."""
        if step not in _ORDER:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        in_order = done < _ALL and step == _ORDER[done % len(_ORDER)]
        if not (self._user and self._peer and in_order):
            raise Refusal(PSA_ERROR_BAD_STATE)
        start, end = (0, _ROUND_ONE) if done < _ROUND_ONE else (_ROUND_ONE, _ALL)
        other_is_between = start < done_other_way < end
        if done_other_way < start or (other_is_between and done == start):
            raise Refusal(PSA_ERROR_BAD_STATE)

    def _make_share(self, index: int) -> _Share:
        generator, x = self._group.generator, random_scalar(self._group, self._random)
        if index == 1:
            self._x2 = x
        elif index == 2:
            generator, x = self._own_generator(), self._x2 * self._secret % self._group.order
        v = random_scalar(self._group, self._random)
        key_share, public = x * generator, v * generator
        c = self._challenge(generator, public, key_share, self._user)
        return _Share(generator, key_share, public, (v - x * c) % self._group.order)

    def _own_generator(self) -> Point:
        """RFC 8236, 3: GA = G1 + G3 + G4."""
        return _finite(self._sent[0].key_share + self._received[0].key_share + self._received[1].key_share)

    def _peer_generator(self) -> Point:
        """RFC 8236, 3: GB = G1 + G2 + G3."""
        return _finite(self._sent[0].key_share + self._sent[1].key_share + self._received[0].key_share)

    def _check_proof(self, share: _Share, data: bytes) -> None:
        """RFC 8235, 3.2: V = G * r + X * c. Leading zeros of r may be missing (PSA_PAKE_STEP_ZK_PROOF)."""
        r = int.from_bytes(data, "big")
        if not 0 < len(data) <= self._group.width or r >= self._group.order:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        assert share.zk_public is not None
        c = self._challenge(share.generator, share.zk_public, share.key_share, self._peer)
        if r * share.generator + c * share.key_share != share.zk_public:
            raise Refusal(PSA_ERROR_INVALID_SIGNATURE)

    def _challenge(self, generator: Point, public: Point, key_share: Point, identity: bytes) -> int:
        """RFC 8235, 3.3: the hash over G, V, X and the prover's identity, each behind its length (u32)."""
        state = self._new_hash(b"")
        for part in (generator.encode(), public.encode(), key_share.encode(), identity):
            state.update(len(part).to_bytes(4, "big") + part)
        return int.from_bytes(state.digest(), "big") % self._group.order


def _finite(point: Point) -> Point:
    """A sum that only a peer who lies about its shares can make infinite."""
    if point.is_infinity:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return point
