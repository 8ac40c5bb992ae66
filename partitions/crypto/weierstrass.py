"""Points of the NIST curves, for the exchanges that `cryptography` does not have (SEC 1, 2.2.1 and 2.3).

`cryptography` multiplies the base point and agrees on an x coordinate; the password-authenticated exchanges
add points and multiply any of them. The arithmetic is on Python numbers and takes no constant time: the model
has no side channels to protect.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

NIST_BITS: Final = (256, 384, 521)
_FIELD: Final = {
    256: 2**256 - 2**224 + 2**192 + 2**96 - 1,
    384: 2**384 - 2**128 - 2**96 + 2**32 - 1,
    521: 2**521 - 1,
}
"""The primes of FIPS 186; their curves are y**2 = x**3 - 3*x + b."""

_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    256: ec.SECP256R1(),
    384: ec.SECP384R1(),
    521: ec.SECP521R1(),
}

Affine = tuple[int, int] | None
"""x and y; None is the point at infinity."""
_Jacobian = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one curve: ``order`` is prime, ``width`` the bytes of a coordinate and of a scalar."""

    bits: int
    prime: int
    b: int
    base: tuple[int, int]
    order: int
    width: int

    @property
    def generator(self) -> "Point":
        return Point(self, self.base)

    def point(self, encoded: bytes) -> "Point":
        """SEC 1, 2.3.4: from 04, X, Y. Raises ValueError for any other form and for a point off the curve."""
        if len(encoded) != 1 + 2 * self.width or encoded[0] != 4:
            raise ValueError(f"point: {len(encoded)} bytes; legal: 04 and two times {self.width} bytes")
        x = int.from_bytes(encoded[1 : 1 + self.width], "big")
        y = int.from_bytes(encoded[1 + self.width :], "big")
        if x >= self.prime or y >= self.prime or (y * y - self._right_side(x)) % self.prime:
            raise ValueError("point: not on the curve")
        return Point(self, (x, y))

    def decompress(self, encoded: bytes) -> "Point":
        """SEC 1, 2.3.4: from 02 or 03 and X. Raises ValueError for an X that no point has."""
        x = int.from_bytes(encoded[1:], "big")
        square = self._right_side(x)
        # Every one of these primes is 3 modulo 4.
        root = pow(square, (self.prime + 1) // 4, self.prime)
        if root * root % self.prime != square:
            raise ValueError("point: not on the curve")
        return Point(self, (x, root if root & 1 == encoded[0] & 1 else self.prime - root))

    def scalar(self, number: int) -> bytes:
        """A number below the order, big endian."""
        return number.to_bytes(self.width, "big")

    def _right_side(self, x: int) -> int:
        return (x * x * x - 3 * x + self.b) % self.prime


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a group, with its operations."""

    group: Group = field(repr=False, compare=False)
    at: Affine

    @property
    def is_infinity(self) -> bool:
        return self.at is None

    def encode(self) -> bytes:
        """SEC 1, 2.3.3, uncompressed: 04, X, Y. Raises ValueError for the point at infinity."""
        if self.at is None:
            raise ValueError("the point at infinity has no coordinates")
        width = self.group.width
        return b"\x04" + self.at[0].to_bytes(width, "big") + self.at[1].to_bytes(width, "big")

    def __neg__(self) -> "Point":
        return self if self.at is None else Point(self.group, (self.at[0], -self.at[1] % self.group.prime))

    def __add__(self, other: "Point") -> "Point":
        return _affine(self.group, _add(self.group.prime, _jacobian(self), _jacobian(other)))

    def __sub__(self, other: "Point") -> "Point":
        return self + -other

    def __rmul__(self, number: int) -> "Point":
        """SEC 1: ``number`` times this point, by doubling and adding."""
        prime = self.group.prime
        base, total = _jacobian(self), (1, 1, 0)
        for bit in bin(number % self.group.order)[2:]:
            total = _double(prime, total)
            if bit == "1":
                total = _add(prime, total, base)
        return _affine(self.group, total)


@cache
def nist_group(bits: int) -> Group:
    """P-256, P-384 or P-521, generator and order as `cryptography` has them. KeyError for others."""
    curve, prime = _CURVES[bits], _FIELD[bits]
    numbers = ec.derive_private_key(1, curve).public_key().public_numbers()
    x, y = numbers.x, numbers.y
    b = (y * y - x * x * x + 3 * x) % prime
    return Group(bits, prime, b, (x, y), curve.group_order, (bits + 7) // 8)


def _jacobian(point: Point) -> _Jacobian:
    return (1, 1, 0) if point.at is None else (*point.at, 1)


def _affine(group: Group, point: _Jacobian) -> Point:
    x, y, z = point
    if z == 0:
        return Point(group, None)
    inverse = pow(z, -1, group.prime)
    square = inverse * inverse % group.prime
    return Point(group, (x * square % group.prime, y * square * inverse % group.prime))


def _double(p: int, point: _Jacobian) -> _Jacobian:
    """Doubling in Jacobian coordinates on a curve with a = -3."""
    x, y, z = point
    if z == 0 or y == 0:
        return 1, 1, 0
    delta, gamma = z * z % p, y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    x3 = (alpha * alpha - 8 * beta) % p
    z3 = ((y + z) * (y + z) - gamma - delta) % p
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % p, z3


def _add(p: int, one: _Jacobian, two: _Jacobian) -> _Jacobian:
    x1, y1, z1 = one
    x2, y2, z2 = two
    if z1 == 0:
        return two
    if z2 == 0:
        return one
    z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * z2z2 % p, x2 * z1z1 % p
    s1, s2 = y1 * z2 * z2z2 % p, y2 * z1 * z1z1 % p
    h, r = (u2 - u1) % p, (s2 - s1) % p
    if h == 0:
        return _double(p, one) if r == 0 else (1, 1, 0)
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - s1 * hhh) % p, z1 * z2 * h % p
