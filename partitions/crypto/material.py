"""Key material: bytes, and the `cryptography` objects that are made of them once."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...interface.psa.crypto_sizes import PSA_BITS_TO_BYTES
from ...interface.psa.crypto_values import (
    PSA_ECC_FAMILY_SECP_K1,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_GET_FAMILY,
    PSA_KEY_TYPE_IS_ECC_KEY_PAIR,
)
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .refusal import Refusal

CURVES: Final[dict[tuple[int, int], ec.EllipticCurve]] = {
    (PSA_ECC_FAMILY_SECP_R1, 256): ec.SECP256R1(),
    (PSA_ECC_FAMILY_SECP_R1, 384): ec.SECP384R1(),
    (PSA_ECC_FAMILY_SECP_R1, 521): ec.SECP521R1(),
    (PSA_ECC_FAMILY_SECP_K1, 256): ec.SECP256K1(),
}


class Material:
    """A key's bytes as PSA formats them: a symmetric key, a private scalar, or an uncompressed point."""

    __slots__ = ("_private", "_public", "_public_bytes", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._private: ec.EllipticCurvePrivateKey | None = None
        self._public: ec.EllipticCurvePublicKey | None = None
        self._public_bytes = b""

    def private(self, key_type: int, bits: int) -> ec.EllipticCurvePrivateKey:
        """The private key of an elliptic curve key pair. INVALID_ARGUMENT for a scalar out of range."""
        if self._private is None:
            curve = find_curve(key_type, bits)
            try:
                self._private = ec.derive_private_key(int.from_bytes(self.data, "big"), curve)
            except ValueError as error:
                raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error
        return self._private

    def public(self, key_type: int, bits: int) -> ec.EllipticCurvePublicKey:
        """The public key. INVALID_ARGUMENT for what is no uncompressed point of the curve."""
        if self._public is None:
            if PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type):
                self._public = self.private(key_type, bits).public_key()
            else:
                self._public = self._decode_point(find_curve(key_type, bits))
        return self._public

    def public_bytes(self, key_type: int, bits: int) -> bytes:
        """The uncompressed point: 04, X, Y."""
        if not self._public_bytes:
            point = self.public(key_type, bits)
            self._public_bytes = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return self._public_bytes

    def _decode_point(self, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
        if self.data[:1] != b"\x04":
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(curve, self.data)
        except ValueError as error:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT) from error


def find_curve(key_type: int, bits: int) -> ec.EllipticCurve:
    """The curve of a key; NOT_SUPPORTED where there is none."""
    curve = CURVES.get((PSA_KEY_TYPE_ECC_GET_FAMILY(key_type), bits))
    if curve is None:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return curve


def ecc_bits(key_type: int, bits: int, length: int) -> int:
    """The size of an elliptic curve key of ``length`` bytes; ``bits`` is the one wanted, 0 for any.

    NOT_SUPPORTED for an unknown curve, INVALID_ARGUMENT for a length that fits none of the family.
    """
    family = PSA_KEY_TYPE_ECC_GET_FAMILY(key_type)
    sizes = [size for fam, size in CURVES if fam == family]
    if not sizes or (bits and bits not in sizes):
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    is_pair = PSA_KEY_TYPE_IS_ECC_KEY_PAIR(key_type)
    for size in sizes:
        width = PSA_BITS_TO_BYTES(size)
        if length == (width if is_pair else 2 * width + 1) and bits in (0, size):
            return size
    raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
