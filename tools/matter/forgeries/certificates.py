"""Certificates that may break any rule: a plan of one, and its DER by a writer that asks no questions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COMMON_NAME: Final = "2.5.4.3"
VENDOR_ID: Final = "1.3.6.1.4.1.37244.2.1"
PRODUCT_ID: Final = "1.3.6.1.4.1.37244.2.2"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_KEY_ID: Final = "2.5.29.14"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
_SIGNATURES: Final = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3"}
_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _UTF8 = 0x02, 0x03, 0x04, 0x06, 0x0C
_SEQUENCE, _SET, _UTC_TIME, _GENERALIZED_TIME, _BOOLEAN = 0x30, 0x31, 0x17, 0x18, 0x01

Name = Sequence[tuple[str, str]]
"""Attributes of a name: OID and text."""


@dataclass(slots=True)
class Extension:
    """``value`` is what the OCTET STRING of an extension holds."""

    critical: bool
    value: bytes


@dataclass(slots=True)
class CertificatePlan:
    """All that goes into a certificate. ``signer`` signs; ``extensions`` are by OID, in their order.

    A ``garbled`` one begins as a SET.
    """

    subject: Name
    issuer: Name
    key: ec.EllipticCurvePrivateKey
    signer: ec.EllipticCurvePrivateKey
    not_before: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    not_after: datetime = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    version: int = 3
    serial_number: int = 1
    hash_algorithm: HashAlgorithm = field(default_factory=SHA256)
    extensions: dict[str, Extension] = field(default_factory=dict)
    garbled: bool = False

    def build(self) -> bytes:
        """The certificate, DER."""
        algorithm = der(_SEQUENCE, oid(_SIGNATURES[self.hash_algorithm.name]))
        version = der(0xA0, der(_INTEGER, bytes([self.version - 1]))) if self.version > 1 else b""
        spki = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        extensions = der(0xA3, der(_SEQUENCE, *map(_extension, self.extensions.items())))
        serial = self.serial_number.to_bytes(self.serial_number.bit_length() // 8 + 1, "big")
        signed = der(
            _SEQUENCE,
            version,
            der(_INTEGER, serial),
            algorithm,
            name(self.issuer),
            der(_SEQUENCE, _time(self.not_before), _time(self.not_after)),
            name(self.subject),
            spki,
            extensions if self.extensions and self.version == 3 else b"",
        )
        signature = self.signer.sign(signed, ec.ECDSA(self.hash_algorithm, deterministic_signing=True))
        whole = der(_SEQUENCE, signed, algorithm, der(_BIT_STRING, b"\0", signature))
        return b"\x31" + whole[1:] if self.garbled else whole


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    """SHA-1 of a public key, 20 bytes (RFC 5280 4.2.1.2)."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return hashlib.sha1(point).digest()


def extensions_of(
    key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, *, ca: bool, path_length: int | None
) -> dict[str, Extension]:
    """The four that every certificate of device attestation has, as they should be."""
    return {
        BASIC_CONSTRAINTS: Extension(True, basic_constraints(ca, path_length)),
        KEY_USAGE: Extension(True, key_usage(5, 6) if ca else key_usage(0)),
        SUBJECT_KEY_ID: Extension(False, der(_OCTET_STRING, key_id(key))),
        AUTHORITY_KEY_ID: Extension(False, der(_SEQUENCE, der(0x80, key_id(issuer)))),
    }


def basic_constraints(ca: bool, path_length: int | None) -> bytes:
    parts = [der(_BOOLEAN, b"\xff")] if ca else []
    if path_length is not None:
        parts.append(der(_INTEGER, bytes([path_length])))
    return der(_SEQUENCE, *parts)


def key_usage(*bits: int) -> bytes:
    """The KeyUsage of these bits, digitalSignature being 0."""
    value = sum(0x80 >> bit for bit in bits)
    return der(_BIT_STRING, bytes([7 - max(bits), value]))


def subject_key_id(value: bytes) -> bytes:
    return der(_OCTET_STRING, value)


def authority_key_id(value: bytes) -> bytes:
    return der(_SEQUENCE, der(0x80, value))


def name(attributes: Name) -> bytes:
    return der(
        _SEQUENCE,
        *(der(_SET, der(_SEQUENCE, oid(kind), der(_UTF8, text.encode()))) for kind, text in attributes),
    )


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return der(_OID, *map(_base128, (40 * first + second, *rest)))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))


def _extension(entry: tuple[str, Extension]) -> bytes:
    kind, extension = entry
    critical = der(_BOOLEAN, b"\xff") if extension.critical else b""
    return der(_SEQUENCE, oid(kind), critical, der(_OCTET_STRING, extension.value))


def _time(when: datetime) -> bytes:
    if when.year < 2050:
        return der(_UTC_TIME, when.strftime("%y%m%d%H%M%SZ").encode())
    return der(_GENERALIZED_TIME, when.strftime("%Y%m%d%H%M%SZ").encode())
