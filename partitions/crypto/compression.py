"""The compression functions of the MD4 family: MD5, RIPEMD-160, SHA-1, SHA-2 (RFC 1321, FIPS 180-4).

Libraries hand out digests and keep the state between two blocks to themselves. That state is what
psa_hash_suspend gives away, and some builds of OpenSSL lack RIPEMD-160; both are served from here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

from ...interface.psa.crypto_values import (
    PSA_ALG_MD5,
    PSA_ALG_RIPEMD160,
    PSA_ALG_SHA_1,
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ALG_SHA_512_224,
    PSA_ALG_SHA_512_256,
)

Words = tuple[int, ...]
M32: Final = 0xFFFFFFFF
M64: Final = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Construction:
    """One hash: ``block`` and ``word`` in bytes, ``order`` of its words, ``digest`` length in bytes.

    ``counter`` is the size in bytes of the message length at the end of the padding.
    """

    block: int
    word: int
    counter: int
    order: Literal["little", "big"]
    initial: Words
    digest: int
    compress: Callable[[Words, Words], Words]

    @property
    def state_length(self) -> int:
        return self.word * len(self.initial)

    def words(self, data: bytes) -> Words:
        step = self.word
        return tuple(int.from_bytes(data[i : i + step], self.order) for i in range(0, len(data), step))

    def join(self, words: Words) -> bytes:
        return b"".join(word.to_bytes(self.word, self.order) for word in words)


class ChainedHash:
    """A hash under way whose ``state``, ``length`` in bytes so far and unprocessed ``tail`` can be seen."""

    __slots__ = ("construction", "length", "state", "tail")

    def __init__(
        self, construction: Construction, state: Words = (), length: int = 0, tail: bytes = b""
    ) -> None:
        self.construction = construction
        self.state = state or construction.initial
        self.length = length
        self.tail = tail

    @classmethod
    def start(cls, construction: Construction, data: bytes = b"") -> Self:
        state = cls(construction)
        state.update(data)
        return state

    @property
    def block_size(self) -> int:
        return self.construction.block

    @property
    def digest_size(self) -> int:
        return self.construction.digest

    def takes(self, more: int) -> bool:
        """Whether a message of so many bytes more still has a length that the padding can hold, in bits."""
        return not self.length + more >> 8 * self.construction.counter - 3

    def update(self, data: bytes, /) -> None:
        form = self.construction
        self.length += len(data)
        data = self.tail + data
        whole = len(data) - len(data) % form.block
        for start in range(0, whole, form.block):
            self.state = form.compress(self.state, form.words(data[start : start + form.block]))
        self.tail = data[whole:]

    def digest(self) -> bytes:
        form = self.construction
        last = self.copy()
        zeros = -(self.length + 1 + form.counter) % form.block
        bits = (8 * self.length).to_bytes(form.counter, form.order)
        last.update(b"\x80" + bytes(zeros) + bits)
        return form.join(last.state)[: form.digest]

    def copy(self) -> Self:
        return type(self)(self.construction, self.state, self.length, self.tail)


def _rotl(value: int, count: int) -> int:
    return (value << count | value >> (32 - count)) & M32


def _add(state: Words, result: Words, mask: int = M32) -> Words:
    return tuple((a + b) & mask for a, b in zip(state, result, strict=True))


# MD5 (RFC 1321, 3.4).
_SINES: Final = tuple(int(abs(math.sin(i + 1)) * 2**32) for i in range(64))
_MD5_SHIFTS: Final = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))


def _md5(state: Words, block: Words) -> Words:
    a, b, c, d = state
    for i in range(64):
        if i < 16:
            f, k = b & c | ~b & d, i
        elif i < 32:
            f, k = d & b | ~d & c, (5 * i + 1) % 16
        elif i < 48:
            f, k = b ^ c ^ d, (3 * i + 5) % 16
        else:
            f, k = c ^ (b | ~d & M32), 7 * i % 16
        turned = _rotl((a + f + _SINES[i] + block[k]) & M32, _MD5_SHIFTS[i // 16][i % 4])
        a, b, c, d = d, (b + turned) & M32, b, c
    return _add(state, (a, b, c, d))


# RIPEMD-160 (Dobbertin, Bosselaers, Preneel, 1996): two lines of five rounds, a shift a hexadecimal digit.
_RHO: Final = (7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8)
_RIPEMD_SHIFTS: Final = (
    ("befc5879bdef6798", "768db97f7cf9b7dc", "bd67e9dfe8d65c75", "bcefef989e56865c", "9f5b68dc5cdeb856"),
    ("899bdff5778beec6", "9df7c89b77c76fdb", "97fb866ecd5edd75", "f58bee6e69c9c5f8", "85c9c5e68d65fdbb"),
)
_RIPEMD_CONSTANTS: Final = (
    (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E),
    (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0),
)
_RIPEMD_MIX: Final[tuple[Callable[[int, int, int], int], ...]] = (
    lambda x, y, z: x ^ y ^ z,
    lambda x, y, z: x & y | ~x & z,
    lambda x, y, z: (x | ~y & M32) ^ z,
    lambda x, y, z: x & z | y & ~z,
    lambda x, y, z: x ^ (y | ~z & M32),
)


def _ripemd_line(state: Words, block: Words, line: int) -> Words:
    a, b, c, d, e = state
    order = [(9 * i + 5) % 16 for i in range(16)] if line else list(range(16))
    for turn in range(5):
        mix = _RIPEMD_MIX[4 - turn if line else turn]
        constant = _RIPEMD_CONSTANTS[line][turn]
        for word, shift in zip(order, _RIPEMD_SHIFTS[line][turn], strict=True):
            turned = _rotl((a + mix(b, c, d) + block[word] + constant) & M32, int(shift, 16))
            a, b, c, d, e = e, (turned + e) & M32, b, _rotl(c, 10), d
        order = [_RHO[i] for i in order]
    return a, b, c, d, e


def _ripemd160(state: Words, block: Words) -> Words:
    left = _ripemd_line(state, block, 0)
    right = _ripemd_line(state, block, 1)
    return tuple((state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & M32 for i in range(5))


def _sha1(state: Words, block: Words) -> Words:
    w = list(block)
    for t in range(16, 80):
        w.append(_rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1))
    a, b, c, d, e = state
    for t, word in enumerate(w):
        if t < 20:
            f, k = b & c | ~b & d, 0x5A827999
        elif 40 <= t < 60:
            f, k = b & c | b & d | c & d, 0x8F1BBCDC
        else:
            f, k = b ^ c ^ d, 0x6ED9EBA1 if t < 40 else 0xCA62C1D6
        a, b, c, d, e = (_rotl(a, 5) + f + e + k + word) & M32, a, _rotl(b, 30), c, d
    return _add(state, (a, b, c, d, e))


# SHA-2 (FIPS 180-4, 4.2 and 5.3): constants are fractional parts of roots of the first primes.
_PRIMES: Final = tuple(n for n in range(2, 410) if all(n % d for d in range(2, math.isqrt(n) + 1)))


def _square_root_part(prime: int) -> int:
    return math.isqrt(prime << 128) & M64


def _cube_root_part(prime: int) -> int:
    target = prime << 192
    root = 1 << (target.bit_length() + 2) // 3
    while (better := (2 * root + target // root**2) // 3) < root:
        root = better
    return root & M64


_K64: Final = tuple(_cube_root_part(prime) for prime in _PRIMES)
_K32: Final = tuple(k >> 32 for k in _K64[:64])


def _sha2(
    bits: int, constants: Words, turns: tuple[tuple[int, int, int], ...]
) -> Callable[[Words, Words], Words]:
    """The compression function for words of ``bits`` bits.

    ``turns`` are the amounts of the large sigmas 0 and 1 and of the small ones, whose last is a shift.
    """
    mask = (1 << bits) - 1

    def rotr(value: int, count: int) -> int:
        return (value >> count | value << (bits - count)) & mask

    large0, large1, small0, small1 = turns

    def compress(state: Words, block: Words) -> Words:
        w = list(block)
        for t in range(16, len(constants)):
            x, y = w[t - 15], w[t - 2]
            s0 = rotr(x, small0[0]) ^ rotr(x, small0[1]) ^ x >> small0[2]
            s1 = rotr(y, small1[0]) ^ rotr(y, small1[1]) ^ y >> small1[2]
            w.append((w[t - 16] + s0 + w[t - 7] + s1) & mask)
        a, b, c, d, e, f, g, h = state
        for word, k in zip(w, constants, strict=True):
            s1 = rotr(e, large1[0]) ^ rotr(e, large1[1]) ^ rotr(e, large1[2])
            s0 = rotr(a, large0[0]) ^ rotr(a, large0[1]) ^ rotr(a, large0[2])
            t1 = h + s1 + (e & f ^ ~e & g) + k + word
            t2 = s0 + (a & b ^ a & c ^ b & c)
            a, b, c, d, e, f, g, h = (t1 + t2) & mask, a, b, c, (d + t1) & mask, e, f, g
        return _add(state, (a, b, c, d, e, f, g, h), mask)

    return compress


_sha256 = _sha2(32, _K32, ((2, 13, 22), (6, 11, 25), (7, 18, 3), (17, 19, 10)))
_sha512 = _sha2(64, _K64, ((28, 34, 39), (14, 18, 41), (1, 8, 7), (19, 61, 6)))

_H512: Final = tuple(_square_root_part(prime) for prime in _PRIMES[:8])
_H384: Final = tuple(_square_root_part(prime) for prime in _PRIMES[8:16])
_H160: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)


def _narrow(initial: Words, digest: int) -> Construction:
    return Construction(64, 4, 8, "big", initial, digest, _sha256)


def _wide(initial: Words, digest: int) -> Construction:
    return Construction(128, 8, 16, "big", initial, digest, _sha512)


def _truncated(digest: int) -> Construction:
    """SHA-512/t (FIPS 180-4, 5.3.6): its initial value is a hash of its own name."""
    form = _wide(tuple(word ^ 0xA5A5A5A5A5A5A5A5 for word in _H512), 64)
    named = ChainedHash.start(form, f"SHA-512/{8 * digest}".encode())
    return _wide(form.words(named.digest()), digest)


CONSTRUCTIONS: Final[dict[int, Construction]] = {
    PSA_ALG_MD5: Construction(64, 4, 8, "little", _H160[:4], 16, _md5),
    PSA_ALG_RIPEMD160: Construction(64, 4, 8, "little", _H160, 20, _ripemd160),
    PSA_ALG_SHA_1: Construction(64, 4, 8, "big", _H160, 20, _sha1),
    PSA_ALG_SHA_224: _narrow(tuple(word & M32 for word in _H384), 28),
    PSA_ALG_SHA_256: _narrow(tuple(word >> 32 for word in _H512), 32),
    PSA_ALG_SHA_384: _wide(_H384, 48),
    PSA_ALG_SHA_512: _wide(_H512, 64),
    PSA_ALG_SHA_512_224: _truncated(28),
    PSA_ALG_SHA_512_256: _truncated(32),
}
