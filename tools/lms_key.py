"""LMS private keys for the tools: made from a seed, kept with the number of the next one-time key.

A key signs once with each leaf: whoever has two signatures by one leaf can forge a third. A file therefore
carries its state and is written before a signature is handed out. The format is that of the `pyhsslms` tool,
which TF-M's scripts use: one HSS level around one LMS key.
"""

import secrets
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from construct import Bytes, Const, ConstructError, Int32ub, Struct, Terminated

from ..bootloader.lms import (
    D_MESG,
    D_PBLC,
    LMOTS,
    LMS,
    LmsPublicKey,
    chain,
    digest,
    digits,
    inner_node,
    leaf_node,
    u32,
)
from ..interface.errors import TfmSimError

LMS_SHA256_M32_H10: Final = 6
LMOTS_SHA256_N32_W8: Final = 4
"""TF-M's choice."""
KEYS: Final = Path(__file__).parent / "demo" / "keys"
DUMMY_KEY: Final = KEYS / "bl1_dummy_rotpk.prv"
"""TF-M's dummy signing key of BL2 (NOT SECURE), and beside it the leaves of its tree."""

LEAVES: Final = ".leaves"
"""Suffix of the file with the leaves of a key's tree, 32 bytes each."""

KeyFile: Final = Struct(
    "levels" / Const(1, Int32ub),
    "format" / Const(0x11111111, Int32ub),
    "length" / Const(60, Int32ub),
    "lms" / Int32ub,
    "lmots" / Int32ub,
    "seed" / Bytes(32),
    "identifier" / Bytes(16),
    "q" / Int32ub,
    Terminated,
)


class LmsKeyError(TfmSimError):
    """A file holds no LMS private key, or the key has no signature left."""


@dataclass(frozen=True)
class LmsPrivateKey:
    """A tree of one-time keys, all derived from ``seed``; ``q`` is the first that has not signed yet.

    ``leaves`` are those of the tree where they are known: for H10 and W8 they cost millions of hashes.
    """

    lms_code: int
    lmots_code: int
    seed: bytes
    identifier: bytes
    q: int = 0
    leaves: tuple[bytes, ...] = ()

    @classmethod
    def decode(cls, raw: bytes, name: str) -> "LmsPrivateKey":
        """From the bytes of a key file; ``name`` stands for it in messages. Raises LmsKeyError."""
        try:
            fields = KeyFile.parse(raw)
        except ConstructError as error:
            raise LmsKeyError(
                f"{name}: not an LMS private key; legal: one of one level, as pyhsslms writes it"
            ) from error
        # The format has room for a seed of 32 bytes, which is that of the types with 32-byte hashes.
        if fields.lms not in range(5, 10) or fields.lmots not in range(1, 5):
            raise LmsKeyError(
                f"{name}: LMS type {fields.lms:#x} with one-time type {fields.lmots:#x}; "
                "legal: 5 to 9 with 1 to 4"
            )
        return cls(fields.lms, fields.lmots, fields.seed, fields.identifier, fields.q)

    def encode(self) -> bytes:
        raw: bytes = KeyFile.build(
            {
                "lms": self.lms_code,
                "lmots": self.lmots_code,
                "seed": self.seed,
                "identifier": self.identifier,
                "q": self.q,
            }
        )
        return raw

    @cached_property
    def nodes(self) -> list[bytes]:
        """Every node of the tree by its number; 1 is the root."""
        lms, lmots = LMS[self.lms_code], LMOTS[self.lmots_code]
        count = 1 << lms.h
        nodes = [b""] * (2 * count)
        for q in range(count):
            nodes[count + q] = (
                self.leaves[q]
                if self.leaves
                else leaf_node(
                    lms, self.identifier, q, one_time_public_key(lmots.code, self.seed, self.identifier, q)
                )
            )
        for number in range(count - 1, 0, -1):
            children = nodes[2 * number], nodes[2 * number + 1]
            nodes[number] = inner_node(lms, self.identifier, number, *children)
        return nodes

    @property
    def public_key(self) -> LmsPublicKey:
        return LmsPublicKey(LMS[self.lms_code], LMOTS[self.lmots_code], self.identifier, self.nodes[1])

    def sign(self, message: bytes, randomizer: bytes) -> bytes:
        """The signature by leaf ``q`` (RFC 8554 algorithms 3 and 5). Use `spent` as the key from then on.

        ``randomizer`` is C, of the hash's size. Raises LmsKeyError where no leaf is left.
        """
        lms, lmots = LMS[self.lms_code], LMOTS[self.lmots_code]
        if self.q >= 1 << lms.h:
            raise LmsKeyError(f"LMS key: all {1 << lms.h} signatures are made; legal: a new key")
        prefix, n = self.identifier + u32(self.q), lmots.n
        hashed = digest(n, prefix, D_MESG, randomizer, message)
        values = [
            chain(
                lmots,
                prefix,
                index,
                secret(lmots.code, self.seed, self.identifier, self.q, index),
                range(digit),
            )
            for index, digit in enumerate(digits(lmots, hashed))
        ]
        number, path = (1 << lms.h) + self.q, []
        for _ in range(lms.h):
            path.append(self.nodes[number ^ 1])
            number //= 2
        one_time = u32(lmots.code) + randomizer + b"".join(values)
        return u32(self.q) + one_time + u32(lms.code) + b"".join(path)

    def spent(self) -> "LmsPrivateKey":
        """The same key behind its next signature."""
        following = replace(self, q=self.q + 1)
        if "nodes" in vars(self):
            vars(following)["nodes"] = self.nodes
        return following


def new_key(lms_code: int = LMS_SHA256_M32_H10, lmots_code: int = LMOTS_SHA256_N32_W8) -> LmsPrivateKey:
    """A key from the host's random source."""
    return LmsPrivateKey(lms_code, lmots_code, secrets.token_bytes(32), secrets.token_bytes(16))


def load_key(path: Path, raw: bytes) -> LmsPrivateKey:
    """The key in a file; a file of its leaves beside it saves the making of its tree. Raises LmsKeyError."""
    key = LmsPrivateKey.decode(raw, str(path))
    count = 1 << LMS[key.lms_code].h
    try:
        tree = path.with_suffix(LEAVES).read_bytes()
    except OSError:
        return key
    if len(tree) != 32 * count:
        raise LmsKeyError(
            f"{path.with_suffix(LEAVES)}: {len(tree)} bytes; legal: {32 * count}, the leaves of {path}"
        )
    return replace(key, leaves=tuple(tree[at : at + 32] for at in range(0, len(tree), 32)))


def secret(lmots_code: int, seed: bytes, identifier: bytes, q: int, index: int) -> bytes:
    """RFC 8554 appendix A: the start of a chain."""
    return digest(LMOTS[lmots_code].n, identifier, u32(q), index.to_bytes(2, "big"), b"\xff", seed)


def one_time_public_key(lmots_code: int, seed: bytes, identifier: bytes, q: int) -> bytes:
    """RFC 8554 algorithm 1, its chains begun by appendix A."""
    lmots, prefix = LMOTS[lmots_code], identifier + u32(q)
    steps = range((1 << lmots.w) - 1)
    ends = (
        chain(lmots, prefix, i, secret(lmots_code, seed, identifier, q, i), steps) for i in range(lmots.p)
    )
    return digest(lmots.n, prefix, D_PBLC, *ends)


def dummy_key() -> LmsPrivateKey:
    """TF-M's dummy BL2 signing key (NOT SECURE: it is published), with its tree at hand."""
    return load_key(DUMMY_KEY, DUMMY_KEY.read_bytes())
