"""RSA keys as PSA formats them: DER of PKCS#1's RSAPublicKey and RSAPrivateKey (RFC 8017 appendix A.1).

The raw operation is this module's own, for what `rsa_schemes` encodes itself: the `cryptography` package has
none.
"""

from dataclasses import dataclass
from math import lcm
from typing import Final, Self

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
SMALLEST_MODULUS: Final = 128
"""Bits of the smallest modulus that Mbed TLS mbedtls_rsa_check_pubkey takes."""


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """A modulus ``n`` and a public exponent ``e``."""

    n: int
    e: int

    @property
    def size(self) -> int:
        """Bytes of the modulus."""
        return (self.n.bit_length() + 7) // 8

    def apply(self, number: int) -> int:
        """RFC 8017 RSAEP, RSAVP1; ``number`` is below the modulus."""
        return pow(number, self.e, self.n)

    def encode(self) -> bytes:
        return _encode_sequence((self.n, self.e))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From RSAPublicKey; ValueError for anything else, even SubjectPublicKeyInfo, and for a bad key."""
        n, e = _decode_sequence(data, 2)
        key = cls(n, e)
        key.check()
        return key

    def check(self) -> None:
        """Mbed TLS mbedtls_rsa_check_pubkey: modulus and exponent odd, the exponent 3 up to the modulus."""
        if self.n % 2 == 0 or self.n.bit_length() < SMALLEST_MODULUS:
            raise ValueError("RSA: a modulus is odd and has 128 bits at least")
        if self.e % 2 == 0 or not 3 <= self.e < self.n:
            raise ValueError("RSA: a public exponent is odd, 3 at least and below the modulus")


@dataclass(frozen=True, slots=True, repr=False)
class RsaKeyPair:
    """A private exponent, the primes, and what the Chinese remainder theorem wants of them."""

    public: RsaPublicKey
    d: int
    p: int
    q: int
    dp: int
    dq: int
    qp: int

    def apply(self, number: int) -> int:
        """RFC 8017 RSADP, RSASP1, second form; ``number`` is below the modulus."""
        first, second = pow(number, self.dp, self.p), pow(number, self.dq, self.q)
        return second + self.q * ((first - second) * self.qp % self.p)

    def encode(self) -> bytes:
        """RSAPrivateKey, version 0."""
        public = self.public
        return _encode_sequence((0, public.n, public.e, self.d, self.p, self.q, self.dp, self.dq, self.qp))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From RSAPrivateKey, version 0; ValueError for anything else and for parts that do not agree.

        That the primes are prime is not looked into: ``undoes_itself`` finds it out, at a price.
        """
        version, n, e, d, p, q, dp, dq, qp = _decode_sequence(data, 9)
        if version != 0:
            raise ValueError("RSA: a private key is of version 0")
        pair = cls(RsaPublicKey(n, e), d, p, q, dp, dq, qp)
        pair.public.check()
        pair._check()
        return pair

    def _check(self) -> None:
        n, e = self.public.n, self.public.e
        if min(self.p, self.q) < 3 or self.p * self.q != n or not 1 < self.d < n:
            raise ValueError("RSA: the modulus is not the product of the primes")
        if self.d * e % (self.p - 1) != 1 or self.d * e % (self.q - 1) != 1:
            raise ValueError("RSA: the private exponent does not undo the public one")
        if (self.dp, self.dq) != (self.d % (self.p - 1), self.d % (self.q - 1)):
            raise ValueError("RSA: the exponents of the remainders are not those of the private one")
        if not 0 < self.qp < self.p or self.q * self.qp % self.p != 1:
            raise ValueError("RSA: the coefficient is not the inverse of the second prime")

    def undoes_itself(self) -> bool:
        """Whether the private operation undoes the public one, which composite "primes" do not."""
        return self.apply(self.public.apply(2)) == 2

    @classmethod
    def from_primes(cls, p: int, q: int, exponent: int) -> Self:
        """The pair of two primes, with d = e^-1 mod lcm(p - 1, q - 1)."""
        d = pow(exponent, -1, lcm(p - 1, q - 1))
        return cls(RsaPublicKey(p * q, exponent), d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def _encode_sequence(numbers: tuple[int, ...]) -> bytes:
    """A DER SEQUENCE of INTEGERs that are not negative."""
    return _tagged(_SEQUENCE, b"".join(_encode_integer(number) for number in numbers))


def _encode_integer(number: int) -> bytes:
    return _tagged(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content


def _decode_sequence(data: bytes, count: int) -> list[int]:
    """The INTEGERs of a DER SEQUENCE that holds exactly ``count``, none negative; else ValueError."""
    content, rest = _split(_SEQUENCE, data)
    if rest:
        raise ValueError("DER: something follows the key")
    numbers = []
    for _ in range(count):
        digits, content = _split(_INTEGER, content)
        number = int.from_bytes(digits, "big", signed=True)
        if number < 0 or len(digits) != number.bit_length() // 8 + 1:
            raise ValueError("DER: an integer is negative or not in its shortest form")
        numbers.append(number)
    if content:
        raise ValueError("DER: something follows the last number")
    return numbers


def _split(tag: int, data: bytes) -> tuple[bytes, bytes]:
    """The content of the item at the start, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError(f"DER: no item of tag {tag:#04x}")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data) or data[:start] != _tagged(tag, bytes(length))[:start]:
        raise ValueError("DER: a length is too large or not in its shortest form")
    return data[start : start + length], data[start + length :]
