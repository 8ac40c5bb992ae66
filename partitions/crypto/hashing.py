"""Hash algorithms by PSA number."""

import hashlib
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives import hashes

from ...interface.psa.crypto_values import (
    PSA_ALG_IS_HASH,
    PSA_ALG_SHA_1,
    PSA_ALG_SHA_224,
    PSA_ALG_SHA_256,
    PSA_ALG_SHA_384,
    PSA_ALG_SHA_512,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .refusal import Refusal
from .wants import Offer

HASHLIB_NAME: Final = {
    PSA_ALG_SHA_1: "sha1",
    PSA_ALG_SHA_224: "sha224",
    PSA_ALG_SHA_256: "sha256",
    PSA_ALG_SHA_384: "sha384",
    PSA_ALG_SHA_512: "sha512",
}

CRYPTOGRAPHY_HASH: Final[dict[int, hashes.HashAlgorithm]] = {
    PSA_ALG_SHA_1: hashes.SHA1(),
    PSA_ALG_SHA_224: hashes.SHA224(),
    PSA_ALG_SHA_256: hashes.SHA256(),
    PSA_ALG_SHA_384: hashes.SHA384(),
    PSA_ALG_SHA_512: hashes.SHA512(),
}


class HashState(Protocol):
    """A hashlib object."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...

    def copy(self) -> Self: ...


class Hashes:
    """The hash algorithms of one build."""

    def __init__(self, offer: Offer) -> None:
        self._names = {alg: name for alg, name in HASHLIB_NAME.items() if offer.alg(alg)}

    def new(self, alg: int, data: bytes = b"") -> HashState:
        """A hashlib object. PSA Crypto: not a hash is INVALID_ARGUMENT, a hash not offered NOT_SUPPORTED."""
        return hashlib.new(self.name(alg), data)

    def name(self, alg: int) -> str:
        """The name in hashlib, with the same refusals."""
        name = self._names.get(alg)
        if name is None:
            known_kind = PSA_ALG_IS_HASH(alg)
            raise Refusal(PSA_ERROR_NOT_SUPPORTED if known_kind else PSA_ERROR_INVALID_ARGUMENT)
        return name

    def digest(self, alg: int, data: bytes) -> bytes:
        return self.new(alg, data).digest()
