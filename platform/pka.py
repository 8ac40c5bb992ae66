"""The public key accelerator (PKA) of STM32: its operations, and its RAM as the coupling bridge sees it.

Parameters are written to the RAM as words, least significant first. The addresses are those of ST's device
headers (PKA_ECDSA_SIGN_IN_*, PKA_ECC_SCALAR_MUL_IN_*, PKA_MODULAR_EXP_IN_*), in bytes from PKA_BASE.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric import ec

from ..interface.errors import TfmSimError

Random = Callable[[int], bytes]


class PkaError(TfmSimError):
    """An operation of the PKA ended with an error: its operands are none that it can compute with."""


class CurveParameters(NamedTuple):
    """``CCB_ECDSACurveParamTypeDef``: numbers as long as the modulus, big endian; ``a_sign`` 1: a < 0."""

    modulus: bytes
    order: bytes
    a_sign: int
    abs_a: bytes
    b: bytes
    point_x: bytes
    point_y: bytes

    def pack(self) -> bytes:
        """As one value, for the HAL: the sign of a, then the numbers in their order."""
        return bytes((self.a_sign,)) + b"".join(part for part in self if isinstance(part, bytes))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """From `pack`. Any other bytes are the parameters of no curve that there is."""
        size = (len(packed) - 1) // 6
        parts = [packed[1 + i * size : 1 + (i + 1) * size] for i in range(6)]
        return cls(parts[0], parts[1], packed[0] if packed else 0, *parts[2:])


class RsaParameters(NamedTuple):
    """``CCB_RSAParamTypeDef``: the modulus, big endian; exponent and phi are of its size."""

    modulus: bytes


ORDER_NB_BITS: Final = 0x400
MOD_NB_BITS: Final = 0x408
A_COEFF_SIGN: Final = 0x410
A_COEFF: Final = 0x418
POINT_Y: Final = 0x470
B_COEFF: Final = 0x520
POINT_X: Final = 0x578
RSA_MODULUS: Final = 0x838
ORDER_N: Final = 0xF88
MOD_GF: Final = 0x1088

Words = list[tuple[int, int]]
"""Addresses and 32-bit words, in the order of their writing."""


def ecdsa_parameters(curve: CurveParameters) -> Words:
    """STM32 HAL CCB_ECDSASign_SetPram: the parameters of a signature, the base point last."""
    return [
        *scalar_mul_parameters(curve),
        *_operand(POINT_X, curve.point_x),
        *_operand(POINT_Y, curve.point_y),
    ]


def scalar_mul_parameters(curve: CurveParameters) -> Words:
    """STM32 HAL CCB_ECCMul_SetPram: the same without a base point."""
    return [
        *_number(ORDER_NB_BITS, _bits(curve.order)),
        *_number(MOD_NB_BITS, _bits(curve.modulus)),
        *_number(A_COEFF_SIGN, curve.a_sign),
        *_operand(A_COEFF, curve.abs_a),
        *_operand(B_COEFF, curve.b),
        *_operand(MOD_GF, curve.modulus),
        *_operand(ORDER_N, curve.order),
    ]


def rsa_parameters(rsa: RsaParameters) -> Words:
    """STM32 HAL CCB_RSAModExp_SetPram: lengths of exponent and modulus, the modulus."""
    bits = _bits(rsa.modulus)
    return [
        *_number(ORDER_NB_BITS, bits),
        *_number(MOD_NB_BITS, bits),
        *_operand(RSA_MODULUS, rsa.modulus),
    ]


def _bits(number: bytes) -> int:
    return int.from_bytes(number, "big").bit_length()


def _number(address: int, value: int) -> Words:
    return [(address, value), (address + 4, 0)]


def _operand(address: int, number: bytes) -> Words:
    """A long number and the two words of zero that end it."""
    words = [int.from_bytes(number[max(end - 4, 0) : end], "big") for end in range(len(number), 0, -4)]
    words += [0] * (len(words) % 2) + [0, 0]
    return [(address + 4 * i, word) for i, word in enumerate(words)]


def _parameters(curve: ec.EllipticCurve, modulus: int, a: int) -> CurveParameters:
    base = ec.derive_private_key(1, curve).public_key().public_numbers()
    b = (base.y**2 - base.x**3 - a * base.x) % modulus
    size = curve.key_size // 8

    def number(value: int) -> bytes:
        return value.to_bytes(size, "big")

    return CurveParameters(
        number(modulus),
        number(curve.group_order),
        int(a < 0),
        number(abs(a)),
        number(b),
        number(base.x),
        number(base.y),
    )


SECP256R1: Final = _parameters(ec.SECP256R1(), 2**256 - 2**224 + 2**192 + 2**96 - 1, -3)
SECP384R1: Final = _parameters(ec.SECP384R1(), 2**384 - 2**128 - 2**96 + 2**32 - 1, -3)
SECP256K1: Final = _parameters(ec.SECP256K1(), 2**256 - 2**32 - 977, 0)
_CURVES: Final[dict[CurveParameters, ec.EllipticCurve]] = {
    SECP256R1: ec.SECP256R1(),
    SECP384R1: ec.SECP384R1(),
    SECP256K1: ec.SECP256K1(),
}


def ecdsa_sign(curve: CurveParameters, private: int, digest: bytes, random: Random) -> bytes:
    """r || s over a digest of the curve's size; hardware draws the secret number. Raises PkaError."""
    known, size = _known(curve), len(curve.order)
    _check_scalar(private, known)
    for nonce in _nonces(known.group_order, size, random):
        r = ec.derive_private_key(nonce, known).public_key().public_numbers().x % known.group_order
        s = pow(nonce, -1, known.group_order) * (int.from_bytes(digest, "big") + r * private)
        s %= known.group_order
        if r and s:
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    raise PkaError("ECDSA: no secret number")  # pragma: no cover - the source never ends


def public_point(curve: CurveParameters, private: int) -> bytes:
    """X || Y of the private key times the base point. Raises PkaError."""
    known, size = _known(curve), len(curve.modulus)
    _check_scalar(private, known)
    point = ec.derive_private_key(private, known).public_key().public_numbers()
    return point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")


def scalar_mul(curve: CurveParameters, private: int, point: bytes) -> bytes:
    """X of the private key times a point X || Y of the curve. Raises PkaError for another point."""
    known = _known(curve)
    _check_scalar(private, known)
    try:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(known, b"\x04" + point)
    except ValueError as error:
        raise PkaError("a point that is not on the curve") from error
    return ec.derive_private_key(private, known).exchange(ec.ECDH(), peer)


def modular_exponentiation(rsa: RsaParameters, exponent: int, operand: bytes) -> bytes:
    """operand ** exponent modulo the modulus. Raises PkaError for an operand that is not smaller."""
    modulus, base = int.from_bytes(rsa.modulus, "big"), int.from_bytes(operand, "big")
    if base >= modulus:
        raise PkaError("an operand that is not below the modulus")
    return pow(base, exponent, modulus).to_bytes(len(rsa.modulus), "big")


def private_scalar(curve: CurveParameters, random: Random) -> int:
    """A new private key, drawn by the hardware. Raises PkaError."""
    known = _known(curve)
    return next(_nonces(known.group_order, len(curve.order), random))


def _nonces(order: int, size: int, random: Random) -> Iterator[int]:
    while True:
        number = int.from_bytes(random(size), "big")
        if 0 < number < order:
            yield number


def _known(curve: CurveParameters) -> ec.EllipticCurve:
    """The hardware takes any curve; the model those that it has a library for."""
    known = _CURVES.get(curve)
    if known is None:
        raise PkaError("parameters of no curve; legal: secp256r1, secp384r1, secp256k1")
    return known


def _check_scalar(private: int, curve: ec.EllipticCurve) -> None:
    if not 0 < private < curve.group_order:
        raise PkaError("a private key out of range; legal: 1 to the order of the curve")
