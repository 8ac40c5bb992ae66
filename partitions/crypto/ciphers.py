"""Unauthenticated ciphers by key type and algorithm (PSA Crypto 1.2, section 10.4.1).

A message goes through a stream: ``update`` gives what is ready, ``finish`` the rest. What is ready when is
what Mbed TLS gives: whole blocks as soon as they are there, but the last block of padded ciphertext waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.modes import CFB, OFB
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import (
    CBC,
    CTR,
    ECB,
    ModeWithInitializationVector,
    ModeWithNonce,
    ModeWithTweak,
)

from ...interface.psa.crypto_values import (
    MACRO_CACHE_SIZE,
    PSA_ALG_CBC_NO_PADDING,
    PSA_ALG_CBC_PKCS7,
    PSA_ALG_CCM_STAR_NO_TAG,
    PSA_ALG_CFB,
    PSA_ALG_CTR,
    PSA_ALG_ECB_NO_PADDING,
    PSA_ALG_OFB,
    PSA_ALG_STREAM_CIPHER,
    PSA_ALG_XTS,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_ARC4,
    PSA_KEY_TYPE_CHACHA20,
    PSA_KEY_TYPE_XCHACHA20,
)
from ...interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_PADDING,
    PSA_ERROR_NOT_SUPPORTED,
)
from .arc4 import Arc4
from .block_ciphers import AES_BLOCK, BLOCK_LENGTH, KEY_LENGTHS, Context, Counter, block_cipher, ecb
from .chacha20_poly1305 import hchacha20
from .refusal import Refusal
from .xts import Xts

_Mode = ModeWithInitializationVector | ModeWithNonce | ModeWithTweak | ECB | None


class CipherStream(Protocol):
    """One message on its way. ``room`` is what the output of an update may need, in bytes."""

    def room(self, length: int) -> int: ...

    def update(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Bytewise:
    """A key stream: as much comes out as goes in, up to ``limit`` bytes where the algorithm has one."""

    def __init__(self, context: Context, limit: int | None = None) -> None:
        self._context = context
        self._left = limit

    def room(self, length: int) -> int:
        return length

    def update(self, data: bytes) -> bytes:
        if self._left is not None:
            # PSA Crypto 1.2 psa_cipher_update: total input too large for the algorithm.
            if len(data) > self._left:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
            self._left -= len(data)
        return self._context.update(data)

    def finish(self) -> bytes:
        return b""


class _Blockwise:
    """Whole blocks, without padding."""

    def __init__(self, context: Context, block: int) -> None:
        self._context = context
        self._block = block
        self._held = b""

    def room(self, length: int) -> int:
        # Mbed TLS mbedtls_psa_cipher_update: every block that is full by now, though one may wait.
        return (len(self._held) + length) // self._block * self._block

    def update(self, data: bytes) -> bytes:
        data = self._held + data
        ready = self._ready(len(data))
        self._held = data[ready:]
        return self._context.update(data[:ready])

    def _ready(self, length: int) -> int:
        return length - length % self._block

    def finish(self) -> bytes:
        # PSA Crypto 1.2 psa_cipher_finish: not a whole number of blocks.
        if self._held:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        return b""


class _Padding(_Blockwise):
    """Encryption with the padding of PKCS #7: 1 to a block of bytes, each of which tells how many."""

    def finish(self) -> bytes:
        count = self._block - len(self._held)
        return self._context.update(self._held + bytes((count,)) * count)


class _Unpadding(_Blockwise):
    """Decryption with that padding: a whole block stays here until more comes or the message ends."""

    def _ready(self, length: int) -> int:
        return max(0, length - 1) // self._block * self._block

    def finish(self) -> bytes:
        # Mbed TLS mbedtls_cipher_finish_padded: a message of no or of broken blocks is INVALID_ARGUMENT.
        if len(self._held) != self._block:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        last = self._context.update(self._held)
        count = last[-1]
        if not 1 <= count <= self._block or last[-count:] != bytes((count,)) * count:
            raise Refusal(PSA_ERROR_INVALID_PADDING)
        return last[:-count]


class Start(Protocol):
    """Begins a message; key and IV have lengths that the CipherKind names."""

    def __call__(self, key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream: ...


@dataclass(frozen=True, slots=True)
class CipherKind:
    """A cipher algorithm for one key type. All lengths are in bytes.

    ``iv`` is the default length of the IV, 0 where there is none; ``ivs`` are all the lengths that
    psa_cipher_set_iv takes; ``keys`` are those of the key, which is a pair where ``two_keys`` says so.
    """

    iv: int
    ivs: frozenset[int]
    keys: frozenset[int]
    start: Start
    two_keys: bool = False

    def check_key(self, key: bytes) -> None:
        """NOT_SUPPORTED for a length that is another algorithm's, INVALID_ARGUMENT for a pair of twins."""
        if len(key) not in self.keys:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        # IEEE 1619 and FIPS 140 implementation guidance C.I: the two keys of XTS differ.
        if self.two_keys and key[: len(key) // 2] == key[len(key) // 2 :]:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _context(algorithm: CipherAlgorithm, mode: _Mode, *, encrypt: bool) -> Context:
    cipher: Cipher[_Mode] = Cipher(algorithm, mode)
    return cipher.encryptor() if encrypt else cipher.decryptor()


def _counter(key_type: int, key: bytes, counter_block: bytes) -> Context:
    algorithm = block_cipher(key_type, key)
    if key_type == PSA_KEY_TYPE_AES:
        return _context(algorithm, CTR(counter_block), encrypt=True)
    return Counter(algorithm, counter_block)


def _with_block_iv(key_type: int, start: Start) -> CipherKind:
    block = BLOCK_LENGTH[key_type]
    return CipherKind(block, frozenset({block}), frozenset(KEY_LENGTHS[key_type]), start)


def _ecb(key_type: int) -> CipherKind:
    def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
        return _Blockwise(ecb(block_cipher(key_type, key), encrypt=encrypt), BLOCK_LENGTH[key_type])

    return CipherKind(0, frozenset(), frozenset(KEY_LENGTHS[key_type]), start)


def _cbc(encryption: type[_Blockwise], decryption: type[_Blockwise]) -> Callable[[int], CipherKind]:
    def make(key_type: int) -> CipherKind:
        def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
            context = _context(block_cipher(key_type, key), CBC(iv), encrypt=encrypt)
            return (encryption if encrypt else decryption)(context, len(iv))

        return _with_block_iv(key_type, start)

    return make


def _feedback(mode: Callable[[bytes], ModeWithInitializationVector]) -> Callable[[int], CipherKind]:
    """CFB with segments of a block (CFB-128 for AES) and OFB."""

    def make(key_type: int) -> CipherKind:
        def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
            return _Bytewise(_context(block_cipher(key_type, key), mode(iv), encrypt=encrypt))

        return _with_block_iv(key_type, start)

    return make


def _ctr(key_type: int) -> CipherKind:
    """PSA_ALG_CTR: the IV is the first counter block, a shorter one is filled with zeros."""
    block = BLOCK_LENGTH[key_type]

    def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
        return _Bytewise(_counter(key_type, key, iv.ljust(block, b"\0")))

    return CipherKind(block, frozenset(range(1, block + 1)), frozenset(KEY_LENGTHS[key_type]), start)


def _ccm_star(key_type: int) -> CipherKind | None:
    """PSA_ALG_CCM_STAR_NO_TAG: CTR from block 1 on; the nonce leaves L bytes for lengths and counters."""
    if BLOCK_LENGTH[key_type] != AES_BLOCK:
        return None

    def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
        length_bytes = AES_BLOCK - 1 - len(iv)
        first = bytes((length_bytes - 1,)) + iv + (1).to_bytes(length_bytes, "big")
        return _Bytewise(_counter(key_type, key, first), limit=(1 << 8 * length_bytes) - 1)

    return CipherKind(13, frozenset(range(7, 14)), frozenset(KEY_LENGTHS[key_type]), start)


def _xts(key_type: int) -> CipherKind | None:
    """PSA_ALG_XTS: the key is two; IEEE 1619 is for blocks of 16 bytes."""
    if BLOCK_LENGTH[key_type] != AES_BLOCK:
        return None

    def start(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
        return Xts(key_type, key, iv, encrypt=encrypt)

    keys = frozenset(2 * length for length in KEY_LENGTHS[key_type])
    return CipherKind(AES_BLOCK, frozenset({AES_BLOCK}), keys, start, two_keys=True)


def _arc4(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    return _Bytewise(Arc4(key))


_CHACHA_BLOCK: Final = 64


_SHORT_COUNTER: Final = 1 << 32
_LONG_COUNTER: Final = 1 << 64


class _LongChaCha20:
    """The original ChaCha20, with 64 bits of counter; the library counts to 2^32 and no further."""

    def __init__(self, key: bytes, counter: int, nonce: bytes) -> None:
        self._key = key
        self._nonce = nonce
        self._start(counter)

    def _start(self, counter: int) -> None:
        self._next = (counter // _SHORT_COUNTER + 1) * _SHORT_COUNTER
        self._left = (self._next - counter) * _CHACHA_BLOCK
        algorithm = ChaCha20(self._key, counter.to_bytes(8, "little") + self._nonce)
        self._context = _context(algorithm, None, encrypt=True)

    def update(self, data: bytes) -> bytes:
        if len(data) <= self._left:
            self._left -= len(data)
            return self._context.update(data)
        head, rest = data[: self._left], data[self._left :]
        output = self._context.update(head)
        self._start(self._next)
        return output + self.update(rest)


def _chacha20(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    """PSA_ALG_STREAM_CIPHER: 12 bytes are the nonce, 16 a counter and the nonce, 8 the original's nonce."""
    if len(iv) == 8:
        return _Bytewise(_LongChaCha20(key, 0, iv), _LONG_COUNTER * _CHACHA_BLOCK)
    state = iv.rjust(16, b"\0")
    counter = int.from_bytes(state[:4], "little")
    # RFC 8439, 2.4: the counter has 32 bits; the library would carry into the nonce.
    limit = (2**32 - counter) * _CHACHA_BLOCK
    return _Bytewise(_context(ChaCha20(key, state), None, encrypt=encrypt), limit)


def _xchacha20(key: bytes, iv: bytes, *, encrypt: bool) -> CipherStream:
    """24 bytes are the nonce, 32 a counter of 8 bytes and the nonce (draft-irtf-cfrg-xchacha-03)."""
    counter, nonce = int.from_bytes(iv[:-24], "little"), iv[-24:]
    stream = _LongChaCha20(hchacha20(key, nonce[:16]), counter, nonce[16:])
    return _Bytewise(stream, (_LONG_COUNTER - counter) * _CHACHA_BLOCK)


_STREAMS: Final = {
    PSA_KEY_TYPE_ARC4: CipherKind(0, frozenset(), frozenset(range(5, 257)), _arc4),
    PSA_KEY_TYPE_CHACHA20: CipherKind(12, frozenset({8, 12, 16}), frozenset({32}), _chacha20),
    PSA_KEY_TYPE_XCHACHA20: CipherKind(24, frozenset({24, 32}), frozenset({32}), _xchacha20),
}

_MODES: Final[dict[int, Callable[[int], CipherKind | None]]] = {
    PSA_ALG_ECB_NO_PADDING: _ecb,
    PSA_ALG_CBC_NO_PADDING: _cbc(_Blockwise, _Blockwise),
    PSA_ALG_CBC_PKCS7: _cbc(_Padding, _Unpadding),
    PSA_ALG_CFB: _feedback(CFB),
    PSA_ALG_OFB: _feedback(OFB),
    PSA_ALG_CTR: _ctr,
    PSA_ALG_CCM_STAR_NO_TAG: _ccm_star,
    PSA_ALG_XTS: _xts,
}


KEY_TYPES: Final = frozenset({*_STREAMS, *BLOCK_LENGTH})
"""The types of key that ciphers take."""


@lru_cache(maxsize=MACRO_CACHE_SIZE)
def find_cipher(key_type: int, alg: int) -> CipherKind | None:
    """None for a key type and an algorithm that do not go together, or that are not here at all."""
    if alg == PSA_ALG_STREAM_CIPHER:
        return _STREAMS.get(key_type)
    mode = _MODES.get(alg)
    return mode(key_type) if mode and key_type in BLOCK_LENGTH else None
