"""AEAD algorithms by PSA number: the keys, nonces and tags they take, and what computes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ...interface.psa.crypto_values import (
    PSA_ALG_AEAD_GET_TAG_LENGTH,
    PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG,
    PSA_ALG_CCM,
    PSA_ALG_CHACHA20_POLY1305,
    PSA_ALG_GCM,
    PSA_ALG_XCHACHA20_POLY1305,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_CAMELLIA,
    PSA_KEY_TYPE_CHACHA20,
    PSA_KEY_TYPE_XCHACHA20,
)
from .block_ciphers import block_cipher
from .ccm import Ccm, takes_lengths
from .chacha20_poly1305 import ChaCha20Poly1305
from .gcm import Gcm


class AeadStream(Protocol):
    """One message on its way, additional data first; what goes in comes out at once."""

    def update_ad(self, data: bytes) -> None: ...

    def update(self, data: bytes) -> bytes: ...


class AeadEncryption(AeadStream, Protocol):
    def tag(self) -> bytes:
        """The whole tag; a shorter one is its beginning."""


class AeadDecryption(AeadStream, Protocol):
    def verify(self, tag: bytes) -> bool:
        """Whether ``tag``, of the length that the algorithm names, is the message's."""


class WholeAead(Protocol):
    """An AEAD algorithm with a key and a tag length, for a message in one piece."""

    def seal(self, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
        """The ciphertext with its tag behind it."""

    def open_sealed(self, nonce: bytes, ad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext; None unless ciphertext, tag, nonce and additional data are authentic."""


class KeyedAead(WholeAead, Protocol):
    """The same for messages in parts as well."""

    def start_encrypt(self, nonce: bytes, lengths: tuple[int, int]) -> AeadEncryption:
        """``lengths`` are those of additional data and plaintext; only CCM looks at them."""

    def start_decrypt(self, nonce: bytes, lengths: tuple[int, int]) -> AeadDecryption:
        """As ``start_encrypt``."""


def _any_lengths(nonce_length: int, ad_length: int, length: int) -> bool:
    # The limits of GCM and of ChaCha20 lie far above what the 32 bits of a request can say.
    return True


@dataclass(frozen=True, slots=True)
class Aead:
    """An AEAD algorithm without regard to its tag. All lengths are in bytes.

    ``keyed`` makes it of key type, key and tag length; ``default_nonce`` is what psa_aead_generate_nonce
    makes; ``needs_lengths`` is for those that must know them before anything else, and ``takes_lengths`` says
    whether a nonce, additional data and a plaintext of such lengths go together.
    """

    key_types: frozenset[int]
    nonces: range
    default_nonce: int
    tags: frozenset[int]
    keyed: Callable[[int, bytes, int], KeyedAead]
    needs_lengths: bool = False
    takes_lengths: Callable[[int, int, int], bool] = _any_lengths


def _gcm(key_type: int, key: bytes, tag_length: int) -> KeyedAead:
    return Gcm(block_cipher(key_type, key), tag_length)


def _ccm(key_type: int, key: bytes, tag_length: int) -> KeyedAead:
    return Ccm(block_cipher(key_type, key), tag_length)


def _chacha(key_type: int, key: bytes, tag_length: int) -> KeyedAead:
    return ChaCha20Poly1305(key)


_ON_BLOCKS: Final = frozenset({PSA_KEY_TYPE_AES, PSA_KEY_TYPE_CAMELLIA})
_POLY1305_TAG: Final = frozenset({16})

# PSA Crypto 1.2 PSA_ALG_GCM: the longest nonce is implementation defined. It is the library's here; with more
# than 16 bytes it takes psa_aead_set_nonce, as a request of one call has no room for it.
ALGORITHMS: Final = {
    PSA_ALG_GCM: Aead(_ON_BLOCKS, range(1, 129), 12, frozenset({4, 8, 12, 13, 14, 15, 16}), _gcm),
    PSA_ALG_CCM: Aead(
        _ON_BLOCKS,
        range(7, 14),
        13,
        frozenset(range(4, 17, 2)),
        _ccm,
        needs_lengths=True,
        takes_lengths=takes_lengths,
    ),
    PSA_ALG_CHACHA20_POLY1305: Aead(
        frozenset({PSA_KEY_TYPE_CHACHA20}), range(12, 13), 12, _POLY1305_TAG, _chacha
    ),
    PSA_ALG_XCHACHA20_POLY1305: Aead(
        frozenset({PSA_KEY_TYPE_XCHACHA20}), range(24, 25), 24, _POLY1305_TAG, _chacha
    ),
}


def key_aead(alg: int, key_type: int, key: bytes) -> KeyedAead:
    """The primitive for a key type and a tag length that its ``Aead`` has."""
    algorithm = ALGORITHMS[PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(alg)]
    return algorithm.keyed(key_type, key, PSA_ALG_AEAD_GET_TAG_LENGTH(alg))
