"""Key derivation functions as streams of bytes; they know nothing of keys, policies or requests."""

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final, Protocol

from cryptography.hazmat.primitives.cmac import CMAC

from ...interface.psa.crypto_values import PSA_KEY_TYPE_AES, PSA_KEY_TYPE_CAMELLIA
from .block_ciphers import block_cipher

Prf = Callable[[bytes], bytes]
"""A pseudorandom function with its key inside."""

HKDF_MAX_BLOCKS: Final = 255
CMAC_KEY_TYPES: Final = frozenset({PSA_KEY_TYPE_AES, PSA_KEY_TYPE_CAMELLIA})
"""Key types of the block ciphers that ``cmac_prf`` has."""


def hmac_prf(keyed: hmac.HMAC) -> Prf:
    """HMAC for many messages, out of one that has its key and nothing else."""

    def prf(message: bytes) -> bytes:
        state = keyed.copy()
        state.update(message)
        return state.digest()

    return prf


def cmac_prf(key_type: int, key: bytes) -> Prf:
    """CMAC with a block cipher key, for many messages."""
    keyed = CMAC(block_cipher(key_type, key))

    def prf(message: bytes) -> bytes:
        state = keyed.copy()
        state.update(message)
        return state.finalize()

    return prf


class Stream(Protocol):
    """The output of a key derivation: what is read once never comes again."""

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; the caller minds the capacity."""


class BlockStream:
    """The bytes of a series of blocks."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts = [self._rest]
        missing = size - len(self._rest)
        while missing > 0:
            block = next(self._blocks)
            parts.append(block)
            missing -= len(block)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]


def hkdf_extract(prf: Prf, secret: bytes) -> bytes:
    """RFC 5869, 2.2: the pseudorandom key, with the PRF keyed by the salt.

    No salt is the same as an empty one, because HMAC pads its key with zeros.
    """
    return prf(secret)


def hkdf_expand(prf: Prf, info: bytes) -> Iterator[bytes]:
    """RFC 5869, 2.3: T(1), T(2), ... T(255), with the PRF keyed by the pseudorandom key."""
    block = b""
    for number in range(1, HKDF_MAX_BLOCKS + 1):
        block = prf(block + info + bytes([number]))
        yield block


def tls12_prf(prf: Prf, seed: bytes) -> Iterator[bytes]:
    """RFC 5246, 5: P_hash, with the PRF keyed by the secret; ``seed`` is label and seed in one."""
    a = seed
    while True:
        a = prf(a)
        yield prf(a + seed)


def psk_premaster_secret(psk: bytes, other_secret: bytes | None) -> bytes:
    """RFC 4279, 2: other secret and PSK, each behind its length (u16); zeros for a pure PSK exchange."""
    other = bytes(len(psk)) if other_secret is None else other_secret
    return struct.pack(">H", len(other)) + other + struct.pack(">H", len(psk)) + psk


def sp800_108_counter(prf: Prf, fixed_input: bytes) -> Iterator[bytes]:
    """NIST SP 800-108r1, 4.1: the PRF over counter (u32, from 1) and fixed input."""
    for number in count(1):
        yield prf(struct.pack(">I", number) + fixed_input)


def sp800_108_fixed_input(label: bytes, context: bytes, capacity: int) -> bytes:
    """Label, 00, context and the output's length in bits (u32), of ``capacity`` bytes."""
    return label + b"\0" + context + struct.pack(">I", 8 * capacity)


def ecjpake_premaster_secret(point: bytes) -> bytes:
    """TLS with EC J-PAKE, 8.7: SHA-256 of the x coordinate of an uncompressed P-256 point."""
    return hashlib.sha256(point[1:33]).digest()
