"""Points of P-256 for the commissioner's side of SPAKE2+, which needs sums of points.

Affine and plain: nothing here is secret of anybody's but the commissioner's own, on its own machine. NOT
SECURE against whoever can measure its time.
"""

from dataclasses import dataclass
from typing import Final, Self

PRIME: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


class PointError(ValueError):
    """Bytes that are no point of the curve."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point by its coordinates; the point at infinity is ``INFINITY``."""

    x: int
    y: int

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """65 bytes, 04, X, Y. Raises PointError for anything that is not on the curve."""
        if len(data) != 65 or data[0] != 4:
            raise PointError(f"{len(data)} bytes; legal: 65 that begin with 04")
        point = cls(int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big"))
        if max(point.x, point.y) >= PRIME or (point.y**2 - point.x**3 + 3 * point.x - _B) % PRIME:
            raise PointError("coordinates that are no point of P-256")
        return point

    def encode(self) -> bytes:
        """04, X, Y."""
        if self == INFINITY:
            raise PointError("the point at infinity has no encoding of 65 bytes")
        return b"\x04" + self.x.to_bytes(32, "big") + self.y.to_bytes(32, "big")

    def __add__(self, other: "Point") -> "Point":
        if self == INFINITY:
            return other
        if other == INFINITY:
            return self
        if self.x == other.x:
            if (self.y + other.y) % PRIME == 0:
                return INFINITY
            slope = (3 * self.x * self.x - 3) * pow(2 * self.y, -1, PRIME)
        else:
            slope = (other.y - self.y) * pow(other.x - self.x, -1, PRIME)
        x = (slope * slope - self.x - other.x) % PRIME
        return Point(x, (slope * (self.x - x) - self.y) % PRIME)

    def __neg__(self) -> "Point":
        return self if self == INFINITY else Point(self.x, -self.y % PRIME)

    def __rmul__(self, scalar: int) -> "Point":
        if self == INFINITY:
            return self
        total = (1, 1, 0)
        for bit in reversed(range(scalar.bit_length())):
            total = _doubled(total)
            if scalar >> bit & 1:
                total = _sum(total, self)
        x, y, z = total
        if z == 0:
            return INFINITY
        inverse = pow(z, -1, PRIME)
        return Point(x * inverse**2 % PRIME, y * inverse**3 % PRIME)


_Jacobian = tuple[int, int, int]
"""X, Y and Z of the point (X/Z^2, Y/Z^3), which needs no division per step; Z is 0 at infinity."""


def _doubled(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    s = 4 * x * y * y % PRIME
    z_squared = z * z % PRIME
    # The curve's a is -3: 3x^2 + az^4 in factors.
    m = 3 * (x - z_squared) * (x + z_squared) % PRIME
    doubled_x = (m * m - 2 * s) % PRIME
    return doubled_x, (m * (s - doubled_x) - 8 * pow(y, 4, PRIME)) % PRIME, 2 * y * z % PRIME


def _sum(point: _Jacobian, other: Point) -> _Jacobian:
    x, y, z = point
    if z == 0:
        return other.x, other.y, 1
    z_squared = z * z % PRIME
    h = (other.x * z_squared - x) % PRIME
    r = (other.y * z_squared * z - y) % PRIME
    if h == 0:
        return _doubled(point) if r == 0 else (1, 1, 0)
    h_squared = h * h % PRIME
    v, h_cubed = x * h_squared % PRIME, h * h_squared % PRIME
    sum_x = (r * r - h_cubed - 2 * v) % PRIME
    return sum_x, (r * (v - sum_x) - y * h_cubed) % PRIME, z * h % PRIME


INFINITY: Final = Point(0, 0)
GENERATOR: Final = Point(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# Matter 1.4 3.10: M and N of SPAKE2+, uncompressed.
M: Final = Point(
    0x886E2F97ACE46E55BA9DD7242579F2993B64E16EF3DCAB95AFD497333D8FA12F,
    0x5FF355163E43CE224E0B0E65FF02AC8E5C7BE09419C785E0CA547D55A12E2D20,
)
N: Final = Point(
    0xD8BBD6C639C62937B04D997F38C3770719C629D7014D49A24B4F98BAA1292B49,
    0x07D60AA6BFADE45008A636337F5168C64D9BD36034808CD564490B1E656EDBE7,
)
