"""LMS and HSS signatures (RFC 8554): verification, which `cryptography` does not have.

Hash-based: nothing here but SHA-256, whole or cut to 192 bits (NIST SP 800-208). All integers are big endian.
Signing keeps a state, so it is no business of a boot loader: the tools have it (`tools/lms_key.py`).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..interface.errors import TfmSimError

D_PBLC: Final = b"\x80\x80"
D_MESG: Final = b"\x81\x81"
D_LEAF: Final = b"\x82\x82"
D_INTR: Final = b"\x83\x83"
IDENTIFIER_SIZE: Final = 16
MAX_HSS_LEVELS: Final = 8
LMS_SHA256_M32_H10: Final = 6
LMOTS_SHA256_N32_W8: Final = 4
"""The one parameter set of TF-M and Mbed TLS."""


class LmsError(TfmSimError):
    """A key or a signature is not what RFC 8554 makes of it, or does not fit the message."""

    def __init__(self, check: str, found: str, wanted: str) -> None:
        super().__init__(f"{check}: found {found}; {wanted}")
        self.check = check
        self.found = found
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Lmots:
    """A one-time signature: ``n`` bytes a hash, ``w`` bits a digit, ``p`` chains, checksum shift ``ls``."""

    code: int
    n: int
    w: int
    p: int
    ls: int

    @property
    def signature_size(self) -> int:
        return 4 + self.n * (self.p + 1)


@dataclass(frozen=True, slots=True)
class Lms:
    """A tree's parameters: ``m`` bytes a node, ``h`` levels above the leaves."""

    code: int
    m: int
    h: int


LMOTS: Final = {
    parameters.code: parameters
    for parameters in (
        Lmots(1, 32, 1, 265, 7),
        Lmots(2, 32, 2, 133, 6),
        Lmots(3, 32, 4, 67, 4),
        Lmots(4, 32, 8, 34, 0),
        Lmots(5, 24, 1, 200, 8),
        Lmots(6, 24, 2, 101, 6),
        Lmots(7, 24, 4, 51, 4),
        Lmots(8, 24, 8, 26, 0),
    )
}
"""LMOTS_SHA256_N32_W1 to W8 of RFC 8554, then their 192-bit kin of NIST SP 800-208."""
LMS: Final = {
    code: Lms(code, m, h)
    for first, m in ((5, 32), (10, 24))
    for code, h in zip(range(first, first + 5), (5, 10, 15, 20, 25), strict=True)
}
"""LMS_SHA256_M32_H5 to H25 of RFC 8554, then M24."""


@dataclass(frozen=True, slots=True)
class LmsPublicKey:
    """``u32 type | u32 one-time type | I[16] | T(1)``: 56 bytes with 32-byte hashes."""

    lms: Lms
    lmots: Lmots
    identifier: bytes
    root: bytes

    @classmethod
    def decode(cls, encoded: bytes) -> "LmsPublicKey":
        """RFC 8554 section 5.3. Raises LmsError for an unknown type or another length."""
        check = "LMS public key"
        if len(encoded) < 8:
            raise LmsError(check, f"{len(encoded)} bytes", "wanted its two types of 4 bytes at least")
        lms, lmots = _lms(encoded[:4], check), _lmots(encoded[4:8], check)
        if lms.m != lmots.n:
            raise LmsError(
                check, f"{lms.m}-byte nodes over {lmots.n}-byte one-time hashes", "wanted one hash for both"
            )
        size = 8 + IDENTIFIER_SIZE + lms.m
        if len(encoded) != size:
            raise LmsError(check, f"{len(encoded)} bytes", f"wanted {size}")
        return cls(lms, lmots, encoded[8:24], encoded[24:])

    def encode(self) -> bytes:
        return u32(self.lms.code) + u32(self.lmots.code) + self.identifier + self.root

    @property
    def signature_size(self) -> int:
        """Bytes of a signature by this key; TF-M's H10 with W8 has 1452."""
        return 4 + self.lmots.signature_size + 4 + self.lms.m * self.lms.h


def verify_lms(key: LmsPublicKey, message: bytes, signature: bytes) -> None:
    """RFC 8554 section 5.4.2, algorithms 6 and 6a. Raises LmsError where the signature is not good."""
    check = "LMS signature"
    if len(signature) != key.signature_size:
        raise LmsError(check, f"{len(signature)} bytes", f"wanted {key.signature_size}")
    q = int.from_bytes(signature[:4], "big")
    one_time = signature[4 : 4 + key.lmots.signature_size]
    rest = signature[4 + key.lmots.signature_size :]
    _same_type(check, "one-time type", one_time[:4], key.lmots.code)
    _same_type(check, "type", rest[:4], key.lms.code)
    if q >= 1 << key.lms.h:
        raise LmsError(check, f"leaf {q}", f"a tree of height {key.lms.h} has {1 << key.lms.h}")
    leaf = lmots_candidate(key.lmots, key.identifier, q, message, one_time)
    if _root(key, q, leaf, rest[4:]) != key.root:
        raise LmsError(check, "a path to another root", "wanted the root in the public key")


def verify_hss(public_key: bytes, message: bytes, signature: bytes) -> None:
    """RFC 8554 section 6.3: a chain of LMS keys, each signed by the one before it. Raises LmsError."""
    check = "HSS signature"
    if len(public_key) < 4 or len(signature) < 4:
        raise LmsError(check, "less than 4 bytes of key or signature", "each begins with a count of levels")
    levels, signed = int.from_bytes(public_key[:4], "big"), int.from_bytes(signature[:4], "big")
    if not 1 <= levels <= MAX_HSS_LEVELS:
        raise LmsError(check, f"{levels} levels in the key", f"wanted 1 to {MAX_HSS_LEVELS}")
    if signed != levels - 1:
        raise LmsError(check, f"{signed} signed keys", f"a key of {levels} levels wants {levels - 1}")
    key, rest = LmsPublicKey.decode(public_key[4:]), signature[4:]
    for _ in range(signed):
        own, rest = rest[: key.signature_size], rest[key.signature_size :]
        if len(rest) < 8:
            raise LmsError(check, "an end inside a signed public key", "wanted all of it")
        size = 8 + IDENTIFIER_SIZE + _lms(rest[:4], check).m
        verify_lms(key, rest[:size], own)
        key, rest = LmsPublicKey.decode(rest[:size]), rest[size:]
    verify_lms(key, message, rest)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def digest(n: int, *parts: bytes) -> bytes:
    """SHA-256, or its first 24 bytes."""
    return hashlib.sha256(b"".join(parts)).digest()[:n]


def digits(lmots: Lmots, hashed: bytes) -> Iterator[int]:
    """RFC 8554 sections 3.1.3, 4.4: the ``w``-bit digits of a hash and of its checksum, high bits first."""
    top = (1 << lmots.w) - 1
    total = sum(top - digit for digit in _coefficients(hashed, lmots.w))
    checked = hashed + (total << lmots.ls).to_bytes(2, "big")
    for index, digit in enumerate(_coefficients(checked, lmots.w)):
        if index == lmots.p:
            return
        yield digit


def chain(lmots: Lmots, prefix: bytes, index: int, value: bytes, steps: range) -> bytes:
    """One Winternitz chain from one step to another; ``prefix`` is I and q."""
    head, n = prefix + index.to_bytes(2, "big"), lmots.n
    sha256 = hashlib.sha256
    for step in steps:
        value = sha256(head + step.to_bytes(1, "big") + value).digest()[:n]
    return value


def lmots_candidate(lmots: Lmots, identifier: bytes, q: int, message: bytes, signature: bytes) -> bytes:
    """RFC 8554 algorithm 4b: the one-time public key that this signature would be good for."""
    prefix, n = identifier + u32(q), lmots.n
    randomizer, values = signature[4 : 4 + n], signature[4 + n :]
    hashed = digest(n, prefix, D_MESG, randomizer, message)
    ends = [
        chain(lmots, prefix, i, values[n * i : n * (i + 1)], range(digit, (1 << lmots.w) - 1))
        for i, digit in enumerate(digits(lmots, hashed))
    ]
    return digest(n, prefix, D_PBLC, *ends)


def leaf_node(lms: Lms, identifier: bytes, q: int, one_time_key: bytes) -> bytes:
    """RFC 8554 section 5.3: the leaf over a one-time public key."""
    return digest(lms.m, identifier, u32((1 << lms.h) + q), D_LEAF, one_time_key)


def inner_node(lms: Lms, identifier: bytes, number: int, left: bytes, right: bytes) -> bytes:
    """RFC 8554 section 5.3: the node ``number`` over its two children."""
    return digest(lms.m, identifier, u32(number), D_INTR, left, right)


def _root(key: LmsPublicKey, q: int, one_time_key: bytes, path: bytes) -> bytes:
    node, number, m = leaf_node(key.lms, key.identifier, q, one_time_key), (1 << key.lms.h) + q, key.lms.m
    for level in range(key.lms.h):
        sibling = path[m * level : m * (level + 1)]
        left, right = (sibling, node) if number % 2 else (node, sibling)
        number //= 2
        node = inner_node(key.lms, key.identifier, number, left, right)
    return node


def _coefficients(data: bytes, w: int) -> Iterator[int]:
    for byte in data:
        for shift in range(8 - w, -1, -w):
            yield byte >> shift & (1 << w) - 1


def _lms(raw: bytes, check: str) -> Lms:
    code = int.from_bytes(raw, "big")
    if code not in LMS:
        raise LmsError(check, f"LMS type {code:#x}", f"known are {min(LMS)} to {max(LMS)}")
    return LMS[code]


def _lmots(raw: bytes, check: str) -> Lmots:
    code = int.from_bytes(raw, "big")
    if code not in LMOTS:
        raise LmsError(check, f"one-time type {code:#x}", f"known are {min(LMOTS)} to {max(LMOTS)}")
    return LMOTS[code]


def _same_type(check: str, what: str, raw: bytes, wanted: int) -> None:
    found = int.from_bytes(raw, "big")
    if found != wanted:
        raise LmsError(check, f"{what} {found:#x}", f"the public key has {wanted:#x}")
