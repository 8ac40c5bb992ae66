"""Points of Edwards25519 and Edwards448 (RFC 8032 section 5), for what the `cryptography` package lacks.

It checks no public key until it verifies, and has no EdDSA over a hash.
"""

from dataclasses import dataclass
from typing import Final

Point = tuple[int, int, int]
"""X, Y, Z: the point (X / Z, Y / Z)."""


@dataclass(frozen=True, slots=True)
class EdwardsCurve:
    """a x^2 + y^2 = 1 + d x^2 y^2 over the field of ``p`` elements, with a point ``base`` of prime ``order``.

    ``size`` is the length of an encoded point in bytes. Private scalars are multiples of 2^``c`` and have
    ``n`` as their highest bit (RFC 8032 section 3).
    """

    p: int
    a: int
    d: int
    order: int
    base: Point
    size: int
    c: int
    n: int

    def add(self, first: Point, second: Point) -> Point:
        """RFC 8032 section 5.2.4, for any a: complete, so it doubles as well."""
        p = self.p
        (x1, y1, z1), (x2, y2, z2) = first, second
        z = z1 * z2 % p
        square, xx, yy = z * z % p, x1 * x2 % p, y1 * y2 % p
        product = self.d * xx * yy % p
        minus, plus = square - product, square + product
        x = z * minus % p * ((x1 + y1) * (x2 + y2) - xx - yy) % p
        y = z * plus % p * (yy - self.a * xx) % p
        return x, y, minus * plus % p

    def multiply(self, scalar: int, point: Point) -> Point:
        """The scalar, which is not negative, times the point."""
        result: Point = (0, 1, 1)
        while scalar:
            if scalar & 1:
                result = self.add(result, point)
            point = self.add(point, point)
            scalar >>= 1
        return result

    def negate(self, point: Point) -> Point:
        return -point[0] % self.p, point[1], point[2]

    def encode(self, point: Point) -> bytes:
        """y, little endian, with the lowest bit of x in the highest bit of the last byte."""
        inverse = pow(point[2], -1, self.p)
        x, y = point[0] * inverse % self.p, point[1] * inverse % self.p
        return (y | (x & 1) << 8 * self.size - 1).to_bytes(self.size, "little")

    def decode(self, data: bytes) -> Point:
        """RFC 8032 sections 5.1.3 and 5.2.3; ValueError for bytes that are no point."""
        p, number = self.p, int.from_bytes(data, "little")
        sign, y = number >> 8 * self.size - 1, number & (1 << 8 * self.size - 1) - 1
        if len(data) != self.size or y >= p:
            raise ValueError("Edwards curve: no encoded point")
        square = (y * y - 1) * pow(self.d * y * y - self.a, -1, p) % p
        x = self._square_root(square)
        if x * x % p != square or (x == 0 and sign):
            raise ValueError("Edwards curve: no point has this y coordinate")
        return (x if x & 1 == sign else p - x), y, 1

    def _square_root(self, square: int) -> int:
        """A square root of a square; some other number if it is none."""
        p = self.p
        if p % 4 == 3:
            return pow(square, (p + 1) // 4, p)
        root = pow(square, (p + 3) // 8, p)
        return root if root * root % p == square else root * pow(2, (p - 1) // 4, p) % p


_P25519: Final = 2**255 - 19
_P448: Final = 2**448 - 2**224 - 1

CURVES: Final = {
    255: EdwardsCurve(
        p=_P25519,
        a=-1,
        d=-121665 * pow(121666, -1, _P25519) % _P25519,
        order=2**252 + 27742317777372353535851937790883648493,
        base=(
            15112221349535400772501151409588531511454012693041857206046113283949847762202,
            4 * pow(5, -1, _P25519) % _P25519,
            1,
        ),
        size=32,
        c=3,
        n=254,
    ),
    448: EdwardsCurve(
        p=_P448,
        a=1,
        d=-39081 % _P448,
        order=2**446 - 13818066809895115352007386748515426880336692474882178609894547503885,
        base=(
            int(
                "22458004029592430018760433409989603624678964163256413424612546168695"
                "0415467406032909029192869357953282578032075146446173674602635247710"
            ),
            int(
                "29881921007848149267601793044393067343754404015408024209592824137233"
                "1506189835876003536878655418784733982303233503462500531545062832660"
            ),
            1,
        ),
        size=57,
        c=2,
        n=447,
    ),
}
"""By the bits that PSA gives their keys."""
