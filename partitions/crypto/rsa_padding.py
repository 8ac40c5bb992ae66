"""Encodings of RSA (RFC 8017 sections 7 and 9), over a hash given as a function and random bytes given.

Only for what the `cryptography` package cannot do with the private or public key (`rsa_schemes`).
All of them fill the whole modulus: ``size`` is its length in bytes, its length in bits a multiple of 8.
"""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_values import (
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
)

Digest = Callable[[bytes], bytes]
Random = Callable[[int], bytes]

_OID: Final = {
    PSA_ALG_MD5: "2a864886f70d0205",
    PSA_ALG_RIPEMD160: "2b24030201",
    PSA_ALG_SHA_1: "2b0e03021a",
    PSA_ALG_SHA_256: "608648016503040201",
    PSA_ALG_SHA_384: "608648016503040202",
    PSA_ALG_SHA_512: "608648016503040203",
    PSA_ALG_SHA_224: "608648016503040204",
    PSA_ALG_SHA_512_224: "608648016503040205",
    PSA_ALG_SHA_512_256: "608648016503040206",
    PSA_ALG_SHA3_224: "608648016503040207",
    PSA_ALG_SHA3_256: "608648016503040208",
    PSA_ALG_SHA3_384: "608648016503040209",
    PSA_ALG_SHA3_512: "60864801650304020a",
}
_SMALLEST_FILL: Final = 8


class TooLongError(ValueError):
    """What is to be encoded does not fit into the modulus."""


class BadPaddingError(ValueError):
    """What was decrypted is not what encrypting makes."""


def digest_info(hash_alg: int, digest: bytes) -> bytes:
    """DER of DigestInfo (RFC 8017 section 9.2 step 2); KeyError for a hash that has no identifier."""
    oid = bytes.fromhex(_OID[hash_alg])
    algorithm = bytes((0x30, len(oid) + 4, 0x06, len(oid))) + oid + b"\x05\x00"
    return bytes((0x30, len(algorithm) + 2 + len(digest))) + algorithm + bytes((0x04, len(digest))) + digest


def encode_pkcs1v15_signature(info: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 from step 3 on; ``info`` is a DigestInfo, or any bytes for PKCS1V15_SIGN_RAW."""
    fill = size - len(info) - 3
    if fill < _SMALLEST_FILL:
        raise TooLongError("PKCS#1 v1.5: no room for the padding of a signature")
    return b"\x00\x01" + b"\xff" * fill + b"\x00" + info


def pss_salt_length(hash_length: int, size: int) -> int:
    """PSA Crypto 1.2 PSA_ALG_RSA_PSS: as long as the hash, or the longest that fits if that is shorter."""
    room = size - hash_length - 2
    if room < 0:
        raise TooLongError("PSS: no room for the hash")
    return min(hash_length, room)


def encode_pss(hash_: Digest, digest: bytes, salt: bytes, size: int) -> bytes:
    """EMSA-PSS-ENCODE (RFC 8017 section 9.1.1), whose message is one bit shorter than the modulus."""
    salted = hash_(bytes(8) + digest + salt)
    block = (b"\x01" + salt).rjust(size - len(digest) - 1, b"\0")
    masked = bytearray(_xor(block, _mgf1(hash_, salted, len(block))))
    masked[0] &= 0x7F
    return bytes(masked) + salted + b"\xbc"


def is_pss(hash_: Digest, digest: bytes, encoded: bytes, salt_length: int | None) -> bool:
    """EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) with a salt of this length, or of any if it is None."""
    block_length = len(encoded) - len(digest) - 1
    if block_length < 1 or encoded[-1] != 0xBC or encoded[0] & 0x80:
        return False
    salted = encoded[block_length:-1]
    block = bytearray(_xor(encoded[:block_length], _mgf1(hash_, salted, block_length)))
    block[0] &= 0x7F
    stripped = bytes(block).lstrip(b"\0")
    if stripped[:1] != b"\x01" or salt_length not in (None, len(stripped) - 1):
        return False
    return hash_(bytes(8) + digest + stripped[1:]) == salted


def encode_pkcs1v15(message: bytes, size: int, random: Random) -> bytes:
    """EME-PKCS1-v1_5 (RFC 8017 section 7.2.1)."""
    fill = size - len(message) - 3
    if fill < _SMALLEST_FILL:
        raise TooLongError("PKCS#1 v1.5: the message is too long for the key")
    padding = b""
    while len(padding) < fill:
        padding += random(fill - len(padding)).replace(b"\0", b"")
    return b"\x00\x02" + padding + b"\x00" + message


def decode_pkcs1v15(encoded: bytes) -> bytes:
    """The message of RFC 8017 section 7.2.2. Mbed TLS: bad padding is told, not covered by random bytes."""
    padding, zero, message = encoded[2:].partition(b"\0")
    if encoded[:2] != b"\x00\x02" or not zero or len(padding) < _SMALLEST_FILL:
        raise BadPaddingError("PKCS#1 v1.5: no padding of an encrypted message")
    return message


def check_oaep_room(hash_length: int, message_length: int, size: int) -> None:
    """RFC 8017 sections 7.1.1 and 7.1.2, step 1: two hashes, the message and two bytes fit the modulus."""
    if message_length + 2 * hash_length + 2 > size:
        raise TooLongError("OAEP: the message or the hash is too long for the key")


def encode_oaep(hash_: Digest, message: bytes, label: bytes, size: int, random: Random) -> bytes:
    """EME-OAEP (RFC 8017 section 7.1.1), MGF1 with the same hash."""
    start = hash_(label)
    check_oaep_room(len(start), len(message), size)
    block = start + (b"\x01" + message).rjust(size - 2 * len(start) - 1, b"\0")
    seed = random(len(start))
    masked = _xor(block, _mgf1(hash_, seed, len(block)))
    return b"\x00" + _xor(seed, _mgf1(hash_, masked, len(seed))) + masked


def decode_oaep(hash_: Digest, encoded: bytes, label: bytes) -> bytes:
    """The message of RFC 8017 section 7.1.2."""
    start = hash_(label)
    length = len(start)
    check_oaep_room(length, 0, len(encoded))
    masked_seed, masked = encoded[1 : 1 + length], encoded[1 + length :]
    seed = _xor(masked_seed, _mgf1(hash_, masked, length))
    block = _xor(masked, _mgf1(hash_, seed, len(masked)))
    message = block[length:].lstrip(b"\0")
    if encoded[0] or block[:length] != start or message[:1] != b"\x01":
        raise BadPaddingError("OAEP: no padding of a message with this label")
    return message[1:]


def _mgf1(hash_: Digest, seed: bytes, length: int) -> bytes:
    """RFC 8017 appendix B.2.1."""
    mask, counter = b"", 0
    while len(mask) < length:
        mask += hash_(seed + counter.to_bytes(4, "big"))
        counter += 1
    return mask[:length]


def _xor(first: bytes, second: bytes) -> bytes:
    number = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    return number.to_bytes(len(first), "big")
