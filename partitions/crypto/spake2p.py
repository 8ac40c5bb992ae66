"""SPAKE2+ over the NIST curves (RFC 9383), and the earlier draft of it that Matter kept."""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...interface.psa.crypto_pake import (
    PSA_PAKE_ROLE_CLIENT,
    PSA_PAKE_ROLE_SERVER,
    PSA_PAKE_STEP_CONFIRM,
    PSA_PAKE_STEP_KEY_SHARE,
)
from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
)
from .pake import NewHash, Random, decode_share, random_scalar
from .refusal import Refusal
from .weierstrass import Group, Point

_M_AND_N: Final = {
    256: (
        "02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f",
        "03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49",
    ),
    384: (
        "030ff0895ae5ebf6187080a82d82b42e2765e3b2f8749c7e05eba366434b363d3dc36f15314739074d2eb8613fceec2853",
        "02c72cf2e390853a1c1c4ad816a62fd15824f56078918f43f922ca21518f9c543bb252c5490214cf9aa3f0baab4b665c10",
    ),
    521: (
        "02003f06f38131b2ba2600791e82488e8d20ab889af753a41806c5db18d37d85608cfae06b82e4a72cd744c719193562a653ea"
        "1f119eef9356907edc9b56979962d7aa",
        "0200c7924b9ec017f3094562894336a53c50167ba8c5963876880542bc669e494b2532d76c5b53dfb349fdf69154b9e0048c58"
        "a42e8ed04cef052a3bc349d95575cd25",
    ),
}
"""RFC 9383, 4: the points M and N of each curve, compressed."""

_OUT, _IN = True, False
_SEQUENCE: Final = {
    PSA_PAKE_ROLE_CLIENT: (
        (_OUT, PSA_PAKE_STEP_KEY_SHARE),
        (_IN, PSA_PAKE_STEP_KEY_SHARE),
        (_IN, PSA_PAKE_STEP_CONFIRM),
        (_OUT, PSA_PAKE_STEP_CONFIRM),
    ),
    PSA_PAKE_ROLE_SERVER: (
        (_IN, PSA_PAKE_STEP_KEY_SHARE),
        (_OUT, PSA_PAKE_STEP_KEY_SHARE),
        (_OUT, PSA_PAKE_STEP_CONFIRM),
        (_IN, PSA_PAKE_STEP_CONFIRM),
    ),
}
"""PSA Crypto, SPAKE2+ operation: the calls of the Prover (client) and of the Verifier, in this order only."""

Mac = Callable[[bytes, bytes], bytes]
"""The confirmation MAC of a key over a message."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What a cipher suite adds to the curve: its hash, its MAC, the length of a MAC key in bytes.

    ``is_matter`` takes the key schedule of draft-bar-cfrg-spake2plus-02.
    """

    new_hash: NewHash
    hash_algorithm: HashAlgorithm
    mac: Mac
    mac_key_length: int
    is_matter: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class RegistrationRecord:
    """RFC 9383, 3.2: w0 and L, and for the Prover w1."""

    w0: int
    big_l: Point
    w1: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    confirm_prover: bytes
    confirm_verifier: bytes
    shared: bytes


def cmac_aes_128(key: bytes, message: bytes) -> bytes:
    """CMAC-AES-128 (RFC 4493)."""
    state = CMAC(AES(key))
    state.update(message)
    return state.finalize()


class Spake2p:
    """One participant; the variables are those of RFC 9383, 3.3."""

    is_pseudorandom = True
    steps: Collection[int] = (PSA_PAKE_STEP_KEY_SHARE, PSA_PAKE_STEP_CONFIRM)

    def __init__(self, group: Group, record: RegistrationRecord, suite: Suite, random: Random) -> None:
        self._group = group
        self._record = record
        self._suite = suite
        self._random = random
        self._m, self._n = (group.decompress(bytes.fromhex(point)) for point in _M_AND_N[group.bits])
        self._role = 0
        self._user = self._peer = b""
        self._context: bytes | None = None
        self._done = 0
        self._scalar = 0
        self._shares: dict[bool, bytes] = {}
        self._keys: _Keys | None = None

    def set_role(self, role: int) -> None:
        is_prover = role == PSA_PAKE_ROLE_CLIENT
        # PSA Crypto 1.2 psa_pake_set_role: the Prover needs the key pair.
        if role not in _SEQUENCE or (is_prover and self._record.w1 is None):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._role = role

    def set_user(self, user_id: bytes) -> None:
        self._user = user_id

    def set_peer(self, peer_id: bytes) -> None:
        self._peer = peer_id

    def set_context(self, context: bytes) -> None:
        self._context = context

    def output(self, step: int) -> bytes:
        self._check_step(_OUT, step)
        if step == PSA_PAKE_STEP_CONFIRM:
            data = self._confirmation(of_prover=self._is_prover)
        else:
            self._scalar = random_scalar(self._group, self._random)
            blind = self._m if self._is_prover else self._n
            data = (self._scalar * self._group.generator + self._record.w0 * blind).encode()
            self._shares[_OUT] = data
            self._schedule_when_ready()
        self._done += 1
        return data

    def input(self, step: int, data: bytes) -> None:
        self._check_step(_IN, step)
        if step == PSA_PAKE_STEP_CONFIRM:
            if not hmac.compare_digest(self._confirmation(of_prover=not self._is_prover), data):
                raise Refusal(PSA_ERROR_INVALID_SIGNATURE)
        else:
            if self._unblinded(data).is_infinity:
                # RFC 9383, 3.3: Z and V must not be the identity.
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
            self._shares[_IN] = data
            self._schedule_when_ready()
        self._done += 1

    def shared_secret(self) -> bytes:
        if not self._role or self._done < len(_SEQUENCE[self._role]) or self._keys is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return self._keys.shared

    @property
    def _is_prover(self) -> bool:
        return self._role == PSA_PAKE_ROLE_CLIENT

    def _check_step(self, direction: bool, step: int) -> None:
        if step not in self.steps:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        sequence = _SEQUENCE.get(self._role, ())
        if self._done >= len(sequence) or sequence[self._done] != (direction, step):
            raise Refusal(PSA_ERROR_BAD_STATE)

    def _unblinded(self, share: bytes) -> Point:
        """The peer's share without the password: shareV - w0*N or shareP - w0*M."""
        blind = self._n if self._is_prover else self._m
        return decode_share(self._group, share) - self._record.w0 * blind

    def _schedule_when_ready(self) -> None:
        if len(self._shares) < len((_OUT, _IN)):
            return
        bare = self._unblinded(self._shares[_IN])
        z = self._scalar * bare
        if self._is_prover:
            assert self._record.w1 is not None  # set_role
            v = self._record.w1 * bare
        else:
            v = self._scalar * self._record.big_l
        self._keys = self._schedule(self._transcript(z, v))

    def _transcript(self, z: Point, v: Point) -> bytes:
        """RFC 9383, 3.3: each part behind its length (u64, little endian).

        PSA Crypto, SPAKE2+ operation: a context that was never set is left out together with its length.
        """
        prover, verifier = (self._user, self._peer) if self._is_prover else (self._peer, self._user)
        own, peers = self._shares[_OUT], self._shares[_IN]
        share_p, share_v = (own, peers) if self._is_prover else (peers, own)
        parts = [prover, verifier, self._m.encode(), self._n.encode(), share_p, share_v]
        parts += [z.encode(), v.encode(), self._group.scalar(self._record.w0)]
        if self._context is not None:
            parts.insert(0, self._context)
        return b"".join(len(part).to_bytes(8, "little") + part for part in parts)

    def _schedule(self, transcript: bytes) -> _Keys:
        """RFC 9383, 3.4; in draft-02 the hash's first half makes the MAC keys, the second is the secret."""
        suite, main = self._suite, self._suite.new_hash(transcript).digest()
        shared, length = b"", suite.mac_key_length
        if suite.is_matter:
            main, shared = main[: len(main) // 2], main[len(main) // 2 :]
        confirm = self._hkdf(main, b"ConfirmationKeys", 2 * length)
        shared = shared or self._hkdf(main, b"SharedKey", len(main))
        return _Keys(confirm[:length], confirm[length:], shared)

    def _hkdf(self, key: bytes, info: bytes, length: int) -> bytes:
        return HKDF(self._suite.hash_algorithm, length, salt=None, info=info).derive(key)

    def _confirmation(self, *, of_prover: bool) -> bytes:
        """confirmP is over shareV, confirmV over shareP."""
        assert self._keys is not None  # the order of the steps
        key = self._keys.confirm_prover if of_prover else self._keys.confirm_verifier
        share_is_own = of_prover is not self._is_prover
        return self._suite.mac(key, self._shares[_OUT if share_is_own else _IN])
