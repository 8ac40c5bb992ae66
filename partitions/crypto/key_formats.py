"""Key data as PSA formats them: checked when imported, made when generated (PSA Crypto 1.2 section 9.6.4)."""

from collections.abc import Callable
from typing import Final

from ...interface.psa.crypto_key_sizes import (
    PSA_VENDOR_RSA_GENERATE_MIN_KEY_BITS,
    PSA_VENDOR_RSA_MAX_KEY_BITS,
)
from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES, PSA_BYTES_TO_BITS
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_DH_FAMILY_RFC7919,
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_ARC4,
    PSA_KEY_TYPE_CAMELLIA,
    PSA_KEY_TYPE_CHACHA20,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_DES,
    PSA_KEY_TYPE_DH_GET_FAMILY,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_HMAC,
    PSA_KEY_TYPE_IS_DH,
    PSA_KEY_TYPE_IS_DH_KEY_PAIR,
    PSA_KEY_TYPE_IS_ECC,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
    PSA_KEY_TYPE_IS_RSA,
    PSA_KEY_TYPE_IS_SPAKE2P,
    PSA_KEY_TYPE_PASSWORD,
    PSA_KEY_TYPE_PASSWORD_HASH,
    PSA_KEY_TYPE_PEPPER,
    PSA_KEY_TYPE_RAW_DATA,
    PSA_KEY_TYPE_RSA_KEY_PAIR,
    PSA_KEY_TYPE_XCHACHA20,
)
from ...interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_ENTROPY,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
)
from . import curves, des_keys, dh_groups, edwards, montgomery, spake2p_keys
from .material import Material
from .refusal import Refusal
from .rsa_key import RsaKeyPair
from .rsa_primes import NoPrimeError, generate_primes

Random = Callable[[int], bytes]
"""As many bytes of the seeded source as asked for."""

RSA_EXPONENT: Final = 65537
"""The public exponent where the caller asks for no other (PSA Crypto 1.2 psa_generate_key)."""

_BLOCK_128: Final = frozenset({128, 192, 256, 384, 512})
"""The cipher's own sizes, and twice each of them for XTS."""
_WHOLE_BYTES: Final = range(8, 1 << 32, 8)
_BITS: Final = {
    PSA_KEY_TYPE_RAW_DATA: _WHOLE_BYTES,
    PSA_KEY_TYPE_HMAC: _WHOLE_BYTES,
    PSA_KEY_TYPE_DERIVE: _WHOLE_BYTES,
    PSA_KEY_TYPE_PASSWORD: _WHOLE_BYTES,
    PSA_KEY_TYPE_PASSWORD_HASH: _WHOLE_BYTES,
    PSA_KEY_TYPE_PEPPER: _WHOLE_BYTES,
    PSA_KEY_TYPE_AES: _BLOCK_128,
    PSA_KEY_TYPE_CAMELLIA: _BLOCK_128,
    PSA_KEY_TYPE_DES: frozenset({64, 128, 192}),
    PSA_KEY_TYPE_ARC4: range(40, 2049, 8),
    PSA_KEY_TYPE_CHACHA20: frozenset({256}),
    PSA_KEY_TYPE_XCHACHA20: frozenset({256}),
}
"""PSA Crypto 1.2 section 9.2.3: the sizes of keys that are just bytes. ARIA and SM4 are not in the model."""


def load(attributes: KeyAttributes, data: bytes) -> tuple[int, Material]:
    """Size in bits and material of imported data, checked for its type.

    The size in the attributes, 0 for any, only helps to find the curve of an elliptic curve key: that it is
    the size of the data is for the caller to check. NOT_SUPPORTED for an unknown type, curve or group and for
    RSA keys beyond Mbed TLS's limits, INVALID_ARGUMENT for data that is no key of the type.
    """
    key_type = attributes.type
    if PSA_KEY_TYPE_IS_ECC(key_type):
        return _load_ecc(key_type, attributes.bits, data)
    if PSA_KEY_TYPE_IS_RSA(key_type):
        return _load_rsa(key_type, data)
    if PSA_KEY_TYPE_IS_DH(key_type):
        return _load_dh(key_type, attributes.bits, data)
    if PSA_KEY_TYPE_IS_SPAKE2P(key_type):
        return spake2p_keys.load(key_type, attributes.bits, data), Material(data)
    bits = PSA_BYTES_TO_BITS(len(data))
    _check_unstructured(key_type, bits)
    return bits, Material(data)


def generate(key_type: int, bits: int, random: Random, exponent: int = RSA_EXPONENT) -> Material:
    """A new key of ``bits`` bits, every random byte of it from ``random``.

    ``exponent`` is for RSA: odd and 3 at least, else INVALID_ARGUMENT. NOT_SUPPORTED for a type or size that
    cannot be generated, INVALID_ARGUMENT for a wrong size of a key that is just bytes.
    """
    if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
        return _generate_ecc(PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits, random)
    if key_type == PSA_KEY_TYPE_RSA_KEY_PAIR:
        return _generate_rsa(bits, exponent, random)
    if PSA_KEY_TYPE_IS_DH_KEY_PAIR(key_type):
        return _generate_dh(PSA_KEY_TYPE_DH_GET_FAMILY(key_type), bits, random)
    _check_unstructured(key_type, bits)
    if key_type == PSA_KEY_TYPE_DES:
        return Material(des_keys.generate(bits // 8, random))
    return Material(random(bits // 8))


def _check_unstructured(key_type: int, bits: int) -> None:
    """Mbed TLS psa_validate_unstructured_key_bit_size: type first, PSA_KEY_TYPE_NONE too, then size."""
    legal = _BITS.get(key_type)
    if legal is None:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if bits not in legal:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def _load_ecc(key_type: int, wanted: int, data: bytes) -> tuple[int, Material]:
    family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
    is_pair = PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type)
    bits = curves.infer_bits(family, wanted, len(data), is_pair=is_pair)
    if family == PSA_ECC_FAMILY_MONTGOMERY:
        # Mbed TLS mbedtls_ecp_read_key: a private key is masked here, and exported masked.
        fixed = montgomery.mask_private if is_pair else montgomery.check_public
        return bits, Material(fixed(bits, data))
    if family == PSA_ECC_FAMILY_TWISTED_EDWARDS:
        if not is_pair:
            _check_edwards_point(bits, data)
        return bits, Material(data)
    curve = curves.find_curve(family, bits)
    if is_pair:
        curves.check_scalar(curve, data)
    else:
        curves.decode_point(curve, data)
    return bits, Material(data)


def _check_edwards_point(bits: int, data: bytes) -> None:
    try:
        edwards.CURVES[bits].decode(data)
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error


def _generate_ecc(family: int, bits: int, random: Random) -> Material:
    if family in (PSA_ECC_FAMILY_MONTGOMERY, PSA_ECC_FAMILY_TWISTED_EDWARDS):
        if bits not in curves.SIZES[family]:
            raise Refusal(PSA_ERROR_NOT_SUPPORTED)
        data = random(curves.private_length(family, bits))
        return Material(montgomery.mask_private(bits, data) if family == PSA_ECC_FAMILY_MONTGOMERY else data)
    # FIPS 186-5, A.2.2: draw until the number is a private key of the curve.
    order = curves.find_curve(family, bits).group_order
    width = PSA_BITS_TO_BYTES(bits)
    while True:
        drawn = int.from_bytes(random(width), "big") >> (8 * width - bits)
        if 0 < drawn < order:
            return Material(drawn.to_bytes(width, "big"))


def _load_rsa(key_type: int, data: bytes) -> tuple[int, Material]:
    """Mbed TLS mbedtls_psa_rsa_load_representation: the format, then the size, a multiple of 8."""
    material = Material(data)
    try:
        public = material.rsa_public(key_type)
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
    bits = public.n.bit_length()
    if bits > PSA_VENDOR_RSA_MAX_KEY_BITS or bits % 8:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if key_type == PSA_KEY_TYPE_RSA_KEY_PAIR and not material.rsa_pair().undoes_itself():
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return bits, material


def _generate_rsa(bits: int, exponent: int, random: Random) -> Material:
    """Mbed TLS psa_validate_key_type_and_size_for_key_generation: another size is not supported."""
    if not PSA_VENDOR_RSA_GENERATE_MIN_KEY_BITS <= bits <= PSA_VENDOR_RSA_MAX_KEY_BITS or bits % 8:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    if exponent < 3 or exponent % 2 == 0:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    try:
        p, q = generate_primes(bits, exponent, random)
    except NoPrimeError as error:
        raise Refusal(PSA_ERROR_INSUFFICIENT_ENTROPY) from error
    return Material(RsaKeyPair.from_primes(p, q, exponent).encode())


def _load_dh(key_type: int, wanted: int, data: bytes) -> tuple[int, Material]:
    """Both keys are as long as the prime (PSA Crypto 1.2 section 9.6.4); RFC 7919 5.1: 2 up to p - 2."""
    bits = PSA_BYTES_TO_BITS(len(data))
    if wanted in dh_groups.GROUP_BITS and bits != wanted:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    _check_group(PSA_KEY_TYPE_DH_GET_FAMILY(key_type), bits)
    if not dh_groups.is_element(bits, int.from_bytes(data, "big")):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return bits, Material(data)


def _generate_dh(family: int, bits: int, random: Random) -> Material:
    _check_group(family, bits)
    while True:
        data = random(bits // 8)
        if dh_groups.is_element(bits, int.from_bytes(data, "big")):
            return Material(data)


def _check_group(family: int, bits: int) -> None:
    """Mbed TLS psa_is_dh_key_size_valid: no other size is supported."""
    if family != PSA_DH_FAMILY_RFC7919 or bits not in dh_groups.GROUP_BITS:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
