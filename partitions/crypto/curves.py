"""Elliptic curves of PSA Crypto 1.2 section 9.6.4: sizes by family, scalars and points as keys hold them."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_BRAINPOOL_P_R1,
    PSA_ECC_FAMILY_FRP,
    PSA_ECC_FAMILY_IS_WEIERSTRASS,
    PSA_ECC_FAMILY_MONTGOMERY,
    PSA_ECC_FAMILY_SECP_K1,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_ECC_FAMILY_SECP_R2,
    PSA_ECC_FAMILY_SECT_K1,
    PSA_ECC_FAMILY_SECT_R1,
    PSA_ECC_FAMILY_SECT_R2,
    PSA_ECC_FAMILY_TWISTED_EDWARDS,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .refusal import Refusal

SIZES: Final[dict[int, tuple[int, ...]]] = {
    PSA_ECC_FAMILY_SECP_K1: (192, 225, 256),
    PSA_ECC_FAMILY_SECP_R1: (192, 224, 256, 384, 521),
    PSA_ECC_FAMILY_SECP_R2: (160,),
    PSA_ECC_FAMILY_SECT_K1: (163, 233, 239, 283, 409, 571),
    PSA_ECC_FAMILY_SECT_R1: (163, 233, 283, 409, 571),
    PSA_ECC_FAMILY_SECT_R2: (163,),
    PSA_ECC_FAMILY_BRAINPOOL_P_R1: (160, 192, 224, 256, 320, 384, 512),
    PSA_ECC_FAMILY_FRP: (256,),
    PSA_ECC_FAMILY_MONTGOMERY: (255, 448),
    PSA_ECC_FAMILY_TWISTED_EDWARDS: (255, 448),
}
"""Every curve that PSA Crypto 1.2 names, in bits."""

WEIERSTRASS: Final[dict[tuple[int, int], ec.EllipticCurve]] = {
    (PSA_ECC_FAMILY_SECP_R1, 192): ec.SECP192R1(),
    (PSA_ECC_FAMILY_SECP_R1, 224): ec.SECP224R1(),
    (PSA_ECC_FAMILY_SECP_R1, 256): ec.SECP256R1(),
    (PSA_ECC_FAMILY_SECP_R1, 384): ec.SECP384R1(),
    (PSA_ECC_FAMILY_SECP_R1, 521): ec.SECP521R1(),
    (PSA_ECC_FAMILY_SECP_K1, 256): ec.SECP256K1(),
    (PSA_ECC_FAMILY_BRAINPOOL_P_R1, 256): ec.BrainpoolP256R1(),
    (PSA_ECC_FAMILY_BRAINPOOL_P_R1, 384): ec.BrainpoolP384R1(),
    (PSA_ECC_FAMILY_BRAINPOOL_P_R1, 512): ec.BrainpoolP512R1(),
}
"""The Weierstrass curves that the `cryptography` package has."""


def find_curve(family: int, bits: int) -> ec.EllipticCurve:
    """A Weierstrass curve; NOT_SUPPORTED where there is none."""
    curve = WEIERSTRASS.get((family, bits))
    if curve is None:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return curve


def private_length(family: int, bits: int) -> int:
    """Bytes of a private key."""
    return bits // 8 + 1 if family == PSA_ECC_FAMILY_TWISTED_EDWARDS else PSA_BITS_TO_BYTES(bits)


def public_length(family: int, bits: int) -> int:
    """Bytes of a public key: 04, X, Y on a Weierstrass curve, as long as the private key on others."""
    length = private_length(family, bits)
    return 2 * length + 1 if PSA_ECC_FAMILY_IS_WEIERSTRASS(family) else length


def infer_bits(family: int, bits: int, length: int, *, is_pair: bool) -> int:
    """The size of a key of ``length`` bytes; ``bits`` is the size wanted, 0 for any.

    NOT_SUPPORTED for an unknown family, INVALID_ARGUMENT for a length that fits no curve of it
    (Mbed TLS mbedtls_psa_ecp_load_representation).
    """
    if family not in SIZES:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    expected = private_length if is_pair else public_length
    for size in SIZES[family]:
        if bits in (0, size) and length == expected(family, size):
            return size
    raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def check_scalar(curve: ec.EllipticCurve, data: bytes) -> None:
    """INVALID_ARGUMENT for a private key that is not between 1 and the curve's order."""
    if not 0 < int.from_bytes(data, "big") < curve.group_order:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)


def private_key(curve: ec.EllipticCurve, data: bytes) -> ec.EllipticCurvePrivateKey:
    """The library's key of a big-endian scalar; INVALID_ARGUMENT out of range."""
    check_scalar(curve, data)
    return ec.derive_private_key(int.from_bytes(data, "big"), curve)


def decode_point(curve: ec.EllipticCurve, data: bytes) -> ec.EllipticCurvePublicKey:
    """The library's key of 04, X, Y; INVALID_ARGUMENT for any other format and for no point of the curve."""
    if data[:1] != b"\x04":
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, data)
    except ValueError as error:
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error


def encode_point(point: ec.EllipticCurvePublicKey) -> bytes:
    """04, X, Y."""
    return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
