"""PASE: the commissioner's side of the session that a passcode opens (Matter 1.4 4.14.1, 3.10).

SPAKE2+ after draft-bar-cfrg-spake2plus-02, as Matter kept it. The device has only the verifier that belongs
to the passcode, and gives away nothing with which one could be tried at leisure.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ....interface.matter.commissioning import (
    CHALLENGE_SIZE,
    PASE_CONTEXT_PREFIX,
    PBKDF_ITERATIONS,
    PBKDF_SALT_SIZES,
    SESSION_KEY_SIZE,
    SESSION_KEYS_INFO,
    Commissionee,
    SessionError,
)
from .p256 import GENERATOR, ORDER, M, N, Point, PointError
from .tlv import Node, TlvFormatError, context_tags, read_structure

Random = Callable[[int], bytes]
PASSCODES: Final = range(1, 99_999_999)
# Matter 1.4 5.1.7.1: passcodes that anyone would try first.
INVALID_PASSCODES: Final = frozenset({*(11_111_111 * digit for digit in range(10)), 12_345_678, 87_654_321})
_W_SIZE: Final = 40  # CRYPTO_GROUP_SIZE_BYTES + 8
_RANDOM_SIZE: Final = 32
_SESSION_ID: Final = 1


@dataclass(frozen=True, slots=True)
class Session:
    """What both ends now know. ``attestation_challenge`` binds what is signed to this session."""

    i2r_key: bytes
    r2i_key: bytes
    attestation_challenge: bytes


def check_passcode(passcode: int) -> None:
    """Raises ValueError for a passcode that no device may have."""
    if passcode not in PASSCODES or passcode in INVALID_PASSCODES:
        raise ValueError(
            f"passcode {passcode}; legal: 1 to 99999998, no eight equal digits, 12345678 or 87654321"
        )


def establish(device: Commissionee, passcode: int, random: Random) -> Session:
    """Open a session. Raises SessionError: another passcode, or messages that are none."""
    check_passcode(passcode)
    my_random = random(_RANDOM_SIZE)
    request = _request(my_random)
    response = device.pbkdf_param_request(request)
    try:
        iterations, salt = _parameters(response, my_random)
        exchange = _Prover(passcode, iterations, salt, random)
        prefix = PASE_CONTEXT_PREFIX + request + response
        answer, _ = context_tags(read_structure(device.pake1(_message(exchange.share))))
        keys = exchange.finish(_octets(answer, 1, 65), hashlib.sha256(prefix).digest())
    except (TlvFormatError, PointError) as error:
        raise SessionError(f"PASE: {error}") from None
    if not hmac.compare_digest(keys.confirm_device, _octets(answer, 2, 32)):
        raise SessionError("PASE: the device's confirmation does not fit: it has another passcode")
    device.pake3(_message(keys.confirm_commissioner))
    return session_of(keys.shared)


def session_of(shared: bytes) -> Session:
    """Matter 1.4 4.14.1.2: the session's keys of the secret that SPAKE2+ left."""
    length = 2 * SESSION_KEY_SIZE + CHALLENGE_SIZE
    derived = HKDF(SHA256(), length, salt=None, info=SESSION_KEYS_INFO).derive(shared)
    return Session(derived[:16], derived[16:32], derived[32:])


def verifier_of(passcode: int, salt: bytes, iterations: int) -> bytes:
    """What a device's factory data have in place of the passcode: w0 and L, 97 bytes (Matter 1.4 3.10.3)."""
    w0, w1 = _w0_w1(passcode, salt, iterations)
    return w0.to_bytes(32, "big") + (w1 * GENERATOR).encode()


def _request(my_random: bytes) -> bytes:
    """PBKDFParamRequest: random, session id, passcode id 0, and that the parameters are not known yet."""
    session_id = _SESSION_ID.to_bytes(1, "little")
    return b"\x15\x30\x01\x20" + my_random + b"\x24\x02" + session_id + b"\x24\x03\x00\x28\x04\x18"


def _message(value: bytes) -> bytes:
    """Pake1 and Pake3: a structure of one byte string with tag 1."""
    return b"\x15\x30\x01" + bytes([len(value)]) + value + b"\x18"


def _parameters(response: bytes, my_random: bytes) -> tuple[int, bytes]:
    """Iterations and salt of a PBKDFParamResponse to the request of ``my_random``."""
    tags, _ = context_tags(read_structure(response))
    if _octets(tags, 1, _RANDOM_SIZE) != my_random:
        raise SessionError("PASE: PBKDFParamResponse to another request")
    _octets(tags, 2, _RANDOM_SIZE)
    if 4 not in tags or tags[4].kind != "structure":
        raise SessionError("PASE: PBKDFParamResponse without PBKDF parameters (context tag 4)")
    inner, _ = context_tags(tags[4].members)
    if 1 not in inner or 2 not in inner:
        raise SessionError("PASE: PBKDF parameters without iterations or salt")
    iterations, salt = inner[1].uint(32), inner[2].octets()
    if iterations not in PBKDF_ITERATIONS:
        raise SessionError(f"PASE: {iterations} iterations; legal: 1000 to 100000")
    if len(salt) not in PBKDF_SALT_SIZES:
        raise SessionError(f"PASE: salt of {len(salt)} bytes; legal: 16 to 32")
    return iterations, salt


def _octets(tags: dict[int, Node], number: int, size: int) -> bytes:
    if number not in tags:
        raise SessionError(f"PASE: no context tag {number}")
    value = tags[number].octets()
    if len(value) != size:
        raise SessionError(f"PASE: context tag {number} of {len(value)} bytes; legal: {size}")
    return value


def _w0_w1(passcode: int, salt: bytes, iterations: int) -> tuple[int, int]:
    """Matter 1.4 3.10.1: PBKDF2 over the passcode, 32 bits little endian; two numbers of 40 bytes."""
    both = hashlib.pbkdf2_hmac("sha256", passcode.to_bytes(4, "little"), salt, iterations, 2 * _W_SIZE)
    return int.from_bytes(both[:_W_SIZE], "big") % ORDER, int.from_bytes(both[_W_SIZE:], "big") % ORDER


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    confirm_commissioner: bytes
    confirm_device: bytes
    shared: bytes


class _Prover:
    """SPAKE2+ in the commissioner's role; the names are the draft's."""

    def __init__(self, passcode: int, iterations: int, salt: bytes, random: Random) -> None:
        self._w0, self._w1 = _w0_w1(passcode, salt, iterations)
        self._x = int.from_bytes(random(_W_SIZE), "big") % (ORDER - 1) + 1
        self.share = (self._x * GENERATOR + self._w0 * M).encode()

    def finish(self, peer_share: bytes, context: bytes) -> _Keys:
        """Raises PointError for a share that is no point, or the one that would give the secret away."""
        unblinded = Point.decode(peer_share) + -(self._w0 * N)
        z, v = (self._x * unblinded).encode(), (self._w1 * unblinded).encode()
        transcript = b"".join(
            len(item).to_bytes(8, "little") + item
            for item in (
                context, b"", b"", M.encode(), N.encode(), self.share, peer_share, z, v,
                self._w0.to_bytes(32, "big"),
            )
        )  # fmt: skip
        digest = hashlib.sha256(transcript).digest()
        confirmation = HKDF(SHA256(), 32, salt=None, info=b"ConfirmationKeys").derive(digest[:16])
        return _Keys(
            hmac.digest(confirmation[:16], peer_share, "sha256"),
            hmac.digest(confirmation[16:], self.share, "sha256"),
            digest[16:],
        )
