"""Key data as PSA formats them: checked when imported, made when generated (PSA Crypto 1.2 section 9)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES, PSA_BYTES_TO_BITS
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_NONE,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_TYPE_PEPPER,
    PSA_KEY_TYPE_RAW_DATA,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .material import Material, ecc_bits, find_curve
from .refusal import Refusal

Random = Callable[[int], bytes]
"""As many bytes of the seeded source as asked for."""

_UNSTRUCTURED: Final = frozenset(
    {
        PSA_KEY_TYPE_RAW_DATA,
        PSA_KEY_TYPE_HMAC,
        PSA_KEY_TYPE_DERIVE,
        PSA_KEY_TYPE_PASSWORD,
        PSA_KEY_TYPE_PASSWORD_HASH,
        PSA_KEY_TYPE_PEPPER,
    }
)
_AES_BITS: Final = (128, 192, 256)


def load(attributes: KeyAttributes, data: bytes) -> tuple[int, Material]:
    """Size in bits and material of imported data, checked for its type."""
    key_type = attributes.type
    material = Material(data)
    if PSA_KEY_TYPE_IS_ECC(key_type):
        bits = ecc_bits(key_type, attributes.bits, len(data))
        material.public(key_type, bits)
        return bits, material
    bits = PSA_BYTES_TO_BITS(len(data))
    _check_symmetric(key_type, bits)
    return bits, material


def generate(key_type: int, bits: int, random: Random) -> Material:
    """A new key of ``bits`` bits, every random byte of it from ``random``."""
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
        return _generate_ecc(key_type, bits, random)
    _check_symmetric(key_type, bits)
    return Material(random(PSA_BITS_TO_BYTES(bits)))


def _check_symmetric(key_type: int, bits: int) -> None:
    """Mbed TLS psa_validate_unstructured_key_bit_size; a type that is not offered is NOT_SUPPORTED."""
    if key_type == PSA_KEY_TYPE_NONE:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    if key_type == PSA_KEY_TYPE_AES:
        legal = bits in _AES_BITS
    elif key_type in _UNSTRUCTURED:
        legal = bits % 8 == 0
    else:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if not legal:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _generate_ecc(key_type: int, bits: int, random: Random) -> Material:
    """FIPS 186-5, A.2.2: draw until the number is a private key of the curve."""
    find_curve(key_type, bits)
    width = PSA_BITS_TO_BYTES(bits)
    while True:
        drawn = int.from_bytes(random(width), "big") >> (8 * width - bits)
        material = Material(drawn.to_bytes(width, "big"))
        try:
            material.private(key_type, bits)
        except Refusal:
            continue
        return material
