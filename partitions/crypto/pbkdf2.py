"""PBKDF2 (RFC 8018, 5.2) as a stream: with HMAC by hashlib, with AES-CMAC-PRF-128 (RFC 4615) by hand."""

import hashlib
import struct
from collections.abc import Iterator
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ...interface.psa.crypto_values import PSA_KEY_TYPE_AES
from .kdf import Prf, cmac_prf

AES_BLOCK: Final = 16


_LEAST_WORK: Final = 256
"""What a block counts for at least, so that not much has to be kept of an output with a small cost."""
_HASH_BLOCK: Final = 64


def block_limit(iterations: int, cost: int, salt: bytes) -> int:
    """How many blocks an output may have, so that they are ``iterations`` at most; one at least.

    A long salt counts as well: each block hashes it once.
    """
    return max(1, iterations // (_LEAST_WORK + cost + len(salt) // _HASH_BLOCK))


class Pbkdf2HmacStream:
    """PBKDF2 with HMAC. hashlib runs the iterations, but always from the first block on.

    So later reads run for twice as much as before, and what has been computed is kept: that is at most a few
    times the work of one long read, however small the pieces. ``limit`` is the length in bytes up to which
    there will be reads.
    """

    def __init__(self, hash_name: str, password: bytes, salt: bytes, cost: int, limit: int) -> None:
        self._hash_name = hash_name
        self._password = password
        self._salt = salt
        self._cost = cost
        self._limit = limit
        self._known = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._known):
            length = min(max(end, 2 * len(self._known)), self._limit)
            self._known = hashlib.pbkdf2_hmac(self._hash_name, self._password, self._salt, self._cost, length)
        data = self._known[self._position : end]
        self._position = end
        return data


def pbkdf2(prf: Prf, salt: bytes, cost: int) -> Iterator[bytes]:
    """The blocks T(1), T(2), ... with any PRF that is keyed by the password: for what hashlib has not."""
    for number in count(1):
        u = prf(salt + struct.pack(">I", number))
        total = int.from_bytes(u, "big")
        for _ in range(cost - 1):
            u = prf(u)
            total ^= int.from_bytes(u, "big")
        yield total.to_bytes(len(u), "big")


def aes_cmac_prf_128_key(key: bytes) -> bytes:
    """RFC 4615, 3: a key of another length than 16 bytes is replaced by its CMAC under the zero key."""
    return key if len(key) == AES_BLOCK else cmac_prf(PSA_KEY_TYPE_AES, bytes(AES_BLOCK))(key)


def pbkdf2_aes_cmac_prf_128(password: bytes, salt: bytes, cost: int) -> Iterator[bytes]:
    """The blocks T(1), T(2), ...

    From the second iteration on the message is one whole block, whose CMAC is the encryption of the block
    xor the first subkey (RFC 4493, 2.4).
    """
    key = aes_cmac_prf_128_key(password)
    prf = cmac_prf(PSA_KEY_TYPE_AES, key)
    encrypt = Cipher(AES(key), ECB()).encryptor().update
    subkey = _double(int.from_bytes(encrypt(bytes(AES_BLOCK)), "big"))
    for number in count(1):
        u = total = int.from_bytes(prf(salt + struct.pack(">I", number)), "big")
        for _ in range(cost - 1):
            u = int.from_bytes(encrypt((u ^ subkey).to_bytes(AES_BLOCK, "big")), "big")
            total ^= u
        yield total.to_bytes(AES_BLOCK, "big")


def _double(value: int) -> int:
    """Times x in GF(2^128) (RFC 4493, 2.3)."""
    doubled = value << 1
    return doubled ^ (1 << 128 | 0x87) if doubled >> 128 else doubled
