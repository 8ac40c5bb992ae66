"""Verification keys: a point on a NIST curve, or a shared secret for Mac0."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import TfmSimError

LEGAL = (
    "legal: a PEM public or private key on P-256, P-384 or P-521, an uncompressed point "
    "(04||X||Y, raw or hex), or a symmetric key of 32, 48 or 64 bytes (raw or hex)"
)
SYMMETRIC_SIZES = (32, 48, 64)


class KeyUnusable(TfmSimError):
    """The bytes offered as a key are none that a token can be verified with."""


class Curve(Enum):
    """The curves of ES256, ES384 and ES512 (RFC 9053 2.1)."""

    P256 = ("P-256", 1, 32, ec.SECP256R1())
    P384 = ("P-384", 2, 48, ec.SECP384R1())
    P521 = ("P-521", 3, 66, ec.SECP521R1())

    def __init__(self, label: str, cose_id: int, size: int, curve: ec.EllipticCurve) -> None:
        self.label = label
        self.cose_id = cose_id
        self.size = size  # of one coordinate, in bytes
        self.curve = curve


@dataclass(frozen=True, slots=True)
class EcKey:
    """A public key; coordinates are big-endian and padded to the size of the field."""

    curve: Curve
    x: bytes
    y: bytes
    public: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """What it is, for a message."""
        return f"an EC key on {self.curve.label}"

    def point(self) -> bytes:
        """SEC1 uncompressed: 04 || X || Y."""
        return b"\x04" + self.x + self.y


@dataclass(frozen=True, slots=True)
class MacKey:
    """A shared secret; its size chooses HMAC-256, -384 or -512."""

    secret: bytes = field(repr=False)

    @property
    def label(self) -> str:
        """What it is, for a message."""
        return f"a symmetric key of {len(self.secret)} bytes"


Key = EcKey | MacKey
KeySource = Key | bytes | str | ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey


def load_key(source: KeySource) -> Key:
    """A key from PEM, an uncompressed point, raw or hex secret, or an EC key of ``cryptography``.

    Text, or bytes that are nothing but hex digits, are taken as hex. Raises KeyUnusable.
    """
    match source:
        case EcKey() | MacKey():
            return source
        case ec.EllipticCurvePublicKey():
            return from_public(source)
        case ec.EllipticCurvePrivateKey():
            return from_public(source.public_key())
        case str() | bytes():
            data = source.encode() if isinstance(source, str) else source
            return _from_pem(data) if b"-----BEGIN" in data else _from_octets(data)
        case _:
            raise KeyUnusable(f"key: found {type(source).__name__}; {LEGAL}")


def from_public(public: ec.EllipticCurvePublicKey) -> EcKey:
    """Wrap a public key of ``cryptography``. Raises KeyUnusable for another curve."""
    for curve in Curve:
        if public.curve.name == curve.curve.name:
            numbers = public.public_numbers()
            x, y = (number.to_bytes(curve.size, "big") for number in (numbers.x, numbers.y))
            return EcKey(curve, x, y, public)
    raise KeyUnusable(f"key: found an EC key on {public.curve.name}; {LEGAL}")


def from_point(point: bytes) -> EcKey:
    """04 || X || Y of 65, 97 or 133 bytes, X and Y big-endian. Raises KeyUnusable."""
    for curve in Curve:
        if len(point) == 1 + 2 * curve.size and point[0] == 4:
            try:
                return from_public(ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, point))
            except ValueError:
                raise KeyUnusable(f"key: the point is not on {curve.label}; {LEGAL}") from None
    raise KeyUnusable(f"key: {len(point)} bytes that are no uncompressed point; {LEGAL}")


def _from_pem(data: bytes) -> EcKey:
    kinds = sorted(
        {kind.decode("ascii", "replace") for kind in re.findall(rb"-----BEGIN ([A-Z0-9 ]*)-----", data)}
    )
    found = f"PEM {', '.join(kinds)}" if kinds else "a broken PEM file"
    for key in _pem_keys(data):
        match key:
            case ec.EllipticCurvePublicKey():
                return from_public(key)
            case ec.EllipticCurvePrivateKey():
                return from_public(key.public_key())
            case _:
                raise KeyUnusable(f"key: found {found} of another kind ({type(key).__name__}); {LEGAL}")
    raise KeyUnusable(f"key: found {found}, which cannot be read (encrypted or damaged?); {LEGAL}")


def _pem_keys(data: bytes) -> Iterator[object]:
    with suppress(ValueError, UnsupportedAlgorithm):
        yield serialization.load_pem_public_key(data)
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
        yield serialization.load_pem_private_key(data, password=None)


def _from_octets(data: bytes) -> Key:
    octets = _unhex(data)
    if len(octets) in SYMMETRIC_SIZES:
        return MacKey(octets)
    if octets[:1] == b"\x04" and len(octets) in {1 + 2 * curve.size for curve in Curve}:
        return from_point(octets)
    raise KeyUnusable(f"key: found {len(octets)} bytes; {LEGAL}")


def _unhex(data: bytes) -> bytes:
    compact = b"".join(data.split())
    if compact and len(compact) % 2 == 0 and re.fullmatch(rb"[0-9A-Fa-f]+", compact):
        return bytes.fromhex(compact.decode("ascii"))
    return data
