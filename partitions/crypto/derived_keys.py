"""Keys out of a key derivation's stream (PSA Crypto 1.2, psa_key_derivation_output_key, table 8)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_DES,
    PSA_KEY_TYPE_DH_KEY_PAIR_BASE,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ASYMMETRIC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_PUBLIC_KEY,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from . import key_formats
from .material import Material
from .refusal import Refusal

Read = Callable[[int], bytes]
"""The next bytes of the stream."""

_EDWARDS_SIZE: Final = {255: 32, 448: 57}
"""RFC 8032: the private key is any string of this many bytes, by PSA's bits of the curve."""
_DES_KEY_SIZE: Final = 8
_DES_BITS: Final = (64, 128, 192)
_WEAK_DES_KEYS: Final = frozenset(
    bytes.fromhex(keys)[start : start + _DES_KEY_SIZE]
    for keys in (
        "0101010101010101 1f1f1f1f0e0e0e0e e0e0e0e0f1f1f1f1 fefefefefefefefe",
        "011f011f010e010e 1f011f010e010e01 01e001e001f101f1 e001e001f101f101",
        "01fe01fe01fe01fe fe01fe01fe01fe01 1fe01fe00ef10ef1 e01fe01ff10ef10e",
        "1ffe1ffe0efe0efe fe1ffe1ffe0efe0e e0fee0fef1fef1fe fee0fee0fef1fef1",
    )
    for start in range(0, 4 * _DES_KEY_SIZE, _DES_KEY_SIZE)
)
"""NIST SP 800-67, 3.3.2: the weak and the semi-weak keys."""


def derive_material(attributes: KeyAttributes, read: Read) -> Material:
    """A key of this type and size, which decides how much of the stream it takes.

    INVALID_ARGUMENT for a public key or a size that the type has not, NOT_SUPPORTED for RSA.
    """
    key_type, bits = attributes.type, attributes.bits
    if PSA_KEY_TYPE_IS_PUBLIC_KEY(key_type):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
        family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
        if family == PSA_ECC_FAMILY_MONTGOMERY:
            return _montgomery(attributes, read)
        if family == PSA_ECC_FAMILY_TWISTED_EDWARDS:
            return _load(attributes, read(_EDWARDS_SIZE.get(bits, 0)))
        return _by_candidates(attributes, read)
    if key_type & ~0xFF == PSA_KEY_TYPE_DH_KEY_PAIR_BASE:
        return _by_candidates(attributes, read)
    if PSA_KEY_TYPE_IS_ASYMMETRIC(key_type):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if key_type == PSA_KEY_TYPE_DES:
        return _des(attributes, read)
    if bits % 8:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return _load(attributes, read(bits // 8))


def _montgomery(attributes: KeyAttributes, read: Read) -> Material:
    """RFC 7748, 5: bits that a private key must have set or clear."""
    if attributes.bits not in (255, 448):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    key = bytearray(read(PSA_BITS_TO_BYTES(attributes.bits)))
    if attributes.bits == 255:
        key[0] &= 0xF8
        key[31] = key[31] & 0x7F | 0x40
    else:
        key[0] &= 0xFC
        key[55] |= 0x80
    return _load(attributes, bytes(key))


def _load(attributes: KeyAttributes, data: bytes) -> Material:
    """As for an imported key."""
    bits, material = key_formats.load(attributes, data)
    if bits != attributes.bits:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return material


def _by_candidates(attributes: KeyAttributes, read: Read) -> Material:
    """FIPS 186-5, A.2.2 and SP 800-56A, 5.6.1.1.4: the key is k + 1 for the first drawn k that fits."""
    bits = attributes.bits
    width = PSA_BITS_TO_BYTES(bits)
    # A key that every group has: what refuses this one has no such group, and no candidate would do.
    _load(attributes, (2).to_bytes(width, "big"))
    while True:
        key = (int.from_bytes(read(width), "big") & (1 << bits) - 1) + 1
        if key >> 8 * width == 0:
            try:
                return _load(attributes, key.to_bytes(width, "big"))
            except Refusal:
                continue


def _des(attributes: KeyAttributes, read: Read) -> Material:
    """One, two or three keys with odd parity, of which none is weak."""
    if attributes.bits not in _DES_BITS:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    keys = b""
    while len(keys) < attributes.bits // 8:
        key = bytes(_odd_parity(byte) for byte in read(_DES_KEY_SIZE))
        if key not in _WEAK_DES_KEYS:
            keys += key
    return _load(attributes, keys)


def _odd_parity(byte: int) -> int:
    """The byte whose lowest bit makes the number of ones odd."""
    return byte & 0xFE | (byte >> 1).bit_count() & 1 ^ 1
