"""Hash algorithms by PSA number."""

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, Self

from cryptography.hazmat.primitives import hashes

from ...interface.psa.crypto_values import (
    PSA_ALG_CATEGORY_HASH,
    PSA_ALG_HASH_MASK,
    PSA_ALG_IS_HASH,
    PSA_ALG_MD5,
    PSA_ALG_RIPEMD160,
    PSA_ALG_SHA3_224,
    PSA_ALG_SHA3_256,
    PSA_ALG_SHA3_384,
    PSA_ALG_SHA3_512,
    PSA_ALG_SHA_1,
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
    PSA_ALG_SHA_512_224,
    PSA_ALG_SHA_512_256,
    PSA_ALG_SHAKE256_512,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .compression import CONSTRUCTIONS, ChainedHash
from .refusal import Refusal
from .wants import Offer

_HASHLIB_NAME: Final = {
    PSA_ALG_MD5: "md5",
    PSA_ALG_RIPEMD160: "ripemd160",
    PSA_ALG_SHA_1: "sha1",
    PSA_ALG_SHA_224: "sha224",
    PSA_ALG_SHA_256: "sha256",
    PSA_ALG_SHA_384: "sha384",
    PSA_ALG_SHA_512: "sha512",
    PSA_ALG_SHA_512_224: "sha512_224",
    PSA_ALG_SHA_512_256: "sha512_256",
    PSA_ALG_SHA3_224: "sha3_224",
    PSA_ALG_SHA3_256: "sha3_256",
    PSA_ALG_SHA3_384: "sha3_384",
    PSA_ALG_SHA3_512: "sha3_512",
}

_AVAILABLE: Final = frozenset(hashlib.algorithms_available)

CRYPTOGRAPHY_HASH: Final[dict[int, hashes.HashAlgorithm]] = {
    PSA_ALG_SHA3_224: hashes.SHA3_224(),
    PSA_ALG_SHA3_256: hashes.SHA3_256(),
    PSA_ALG_SHA3_384: hashes.SHA3_384(),
    PSA_ALG_SHA3_512: hashes.SHA3_512(),
    PSA_ALG_MD5: hashes.MD5(),
    PSA_ALG_SHA_1: hashes.SHA1(),
    PSA_ALG_SHA_512_224: hashes.SHA512_224(),
    PSA_ALG_SHA_512_256: hashes.SHA512_256(),
    PSA_ALG_SHA_224: hashes.SHA224(),
    PSA_ALG_SHA_256: hashes.SHA256(),
    PSA_ALG_SHA_384: hashes.SHA384(),
    PSA_ALG_SHA_512: hashes.SHA512(),
}
"""What `cryptography` has of them; RIPEMD-160 and SHAKE256 of 64 bytes are not among them."""


def hash_of(alg: int) -> int:
    """The hash that an algorithm names in its lowest byte; 0 there is a hash that no build has."""
    return PSA_ALG_CATEGORY_HASH | alg & PSA_ALG_HASH_MASK


class HashState(Protocol):
    """A hash under way; ``digest`` leaves it as it is."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...

    def copy(self) -> Self: ...


class Shake256:
    """The first 64 bytes of SHAKE256, shaped as the other hashes are."""

    __slots__ = ("_sponge",)
    digest_size = 64
    block_size = 136

    def __init__(self, data: bytes = b"") -> None:
        self._sponge = hashlib.shake_256(data)

    def update(self, data: bytes, /) -> None:
        self._sponge.update(data)

    def digest(self) -> bytes:
        return self._sponge.digest(self.digest_size)

    def copy(self) -> Self:
        twin = type(self)()
        twin._sponge = self._sponge.copy()
        return twin


def _make(alg: int, available: frozenset[str]) -> Callable[..., HashState]:
    """What starts a hash, with its first data if there is any."""
    if alg == PSA_ALG_SHAKE256_512:
        return Shake256
    name = _HASHLIB_NAME[alg]
    if name in available:
        # hashlib's constructor by name is quicker than hashlib.new, where there is one.
        return getattr(hashlib, name, None) or partial(hashlib.new, name)
    return partial(ChainedHash.start, CONSTRUCTIONS[alg])


class Hashes:
    """The hash algorithms of one build.

    ``available`` are hashlib's names on this machine: builds of OpenSSL without RIPEMD-160 are common.
    """

    def __init__(self, offer: Offer, available: frozenset[str] = _AVAILABLE) -> None:
        known = (*_HASHLIB_NAME, PSA_ALG_SHAKE256_512)
        self._makers = {alg: _make(alg, available) for alg in known if offer.alg(alg)}
        # hmac is quickest by name; it takes anything else that makes hashes too, of whose methods it uses
        # those of HashState, and the sizes.
        self._for_hmac: dict[int, Any] = {
            alg: name if (name := _HASHLIB_NAME.get(alg, "")) in available else maker
            for alg, maker in self._makers.items()
        }

    def check(self, alg: int) -> None:
        """PSA Crypto: what is not a hash is INVALID_ARGUMENT, a hash that is not offered NOT_SUPPORTED."""
        if alg not in self._makers:
            known_kind = PSA_ALG_IS_HASH(alg)
            raise Refusal(PSA_ERROR_NOT_SUPPORTED if known_kind else PSA_ERROR_INVALID_ARGUMENT)

    def hashlib_name(self, alg: int) -> str | None:
        """hashlib's name of a hash that is offered; None for one that hashlib has not on this machine."""
        name = self._for_hmac[alg]
        return name if isinstance(name, str) else None

    def name(self, alg: int) -> str:
        """The same with the refusals of ``check``, and NOT_SUPPORTED where hashlib has no such hash."""
        self.check(alg)
        name = self.hashlib_name(alg)
        if name is None:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        return name

    def offers(self, alg: int) -> bool:
        return alg in self._makers

    def new(self, alg: int, data: bytes = b"") -> HashState:
        """A hash under way, with the refusals of ``check``."""
        self.check(alg)
        return self._makers[alg](data)

    def digest(self, alg: int, data: bytes) -> bytes:
        return self.new(alg, data).digest()

    def hmac(self, alg: int, key: bytes) -> hmac.HMAC:
        """HMAC (RFC 2104) with the hash ``alg`` under way, with the refusals of ``check``."""
        self.check(alg)
        return hmac.new(key, digestmod=self._for_hmac[alg])
