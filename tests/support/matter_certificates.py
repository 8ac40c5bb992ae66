"""Certificates of device attestation written octet by octet, so that each rule can be broken alone."""

from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEQUENCE, SET, OID, UTF8, PRINTABLE, IA5 = 0x30, 0x31, 0x06, 0x0C, 0x13, 0x16
KEYS: Final = {
    name: ec.derive_private_key(7 + i, ec.SECP256R1()) for i, name in enumerate(("PAA", "PAI", "DAC"))
}
ECDSA_SHA256, ECDSA_SHA384 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040303")
EC_KEY, P256, P384 = (
    bytes.fromhex(octets) for octets in ("06072a8648ce3d0201", "06082a8648ce3d030107", "06052b81040022")
)
CN, VID, PID = "550403", "2b0601040182a27c0201", "2b0601040182a27c0202"
BASIC, USAGE, SKID, AKID = "551d13", "551d0f", "551d0e", "551d23"
NO_EXPIRY: Final = b"99991231235959Z"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER value."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def name(*attributes: tuple[str, str], tag: int = UTF8) -> bytes:
    """A name of attributes, each by its type's octets and its text."""
    return tlv(
        SEQUENCE,
        *(
            tlv(SET, tlv(SEQUENCE, tlv(OID, bytes.fromhex(oid)), tlv(tag, text.encode())))
            for oid, text in attributes
        ),
    )


def point(who: str) -> bytes:
    """The public key of a place in the chain."""
    return KEYS[who].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_id(who: str) -> bytes:
    """Its key identifier: any 20 bytes will do."""
    return who.encode().ljust(20, b"\x01")


def extension(oid: str, value: bytes, critical: bytes = b"") -> bytes:
    """An extension; ``critical`` is its BOOLEAN, empty for the default."""
    return tlv(SEQUENCE, tlv(OID, bytes.fromhex(oid)), critical, tlv(0x04, value))


CRITICAL: Final = tlv(0x01, b"\xff")
CA_0, CA_1, CA, NO_CA = (
    bytes.fromhex(octets) for octets in ("30060101ff020100", "30060101ff020101", "30030101ff", "3000")
)
SIGNS, CERTIFIES, CERTIFIES_SIGNS = (bytes.fromhex(octets) for octets in ("03020780", "03020106", "03020186"))


@dataclass(frozen=True)
class Draft:
    """A certificate before it is signed; every field is DER, or the text of a time."""

    issuer: bytes
    subject: bytes
    point: bytes
    signer: str
    extensions: dict[str, bytes]
    version: bytes = tlv(0xA0, b"\x02\x01\x02")
    serial: bytes = b"\x02\x02\x12\x34"
    inner_algorithm: bytes = tlv(SEQUENCE, ECDSA_SHA256)
    algorithm: bytes = tlv(SEQUENCE, ECDSA_SHA256)
    key_algorithm: bytes = tlv(SEQUENCE, EC_KEY, P256)
    not_before: bytes = tlv(0x17, b"240101000000Z")
    not_after: bytes = tlv(0x18, NO_EXPIRY)
    behind: bytes = b""
    extra: tuple[bytes, ...] = field(default=())

    def with_(self, **changes: object) -> "Draft":
        """Other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_extension(self, oid: str, value: bytes | None, critical: bytes = b"") -> "Draft":
        """Another extension of that type, or none."""
        others = {
            found: encoded for found, encoded in self.extensions.items() if found != oid or value is not None
        }
        if value is not None:
            others[oid] = extension(oid, value, critical)
        return self.with_(extensions=others)

    def der(self) -> bytes:
        """Signed with SHA-256 by the key of ``signer``, whatever the algorithms say."""
        extensions = tlv(SEQUENCE, *self.extensions.values(), *self.extra)
        signed = tlv(
            SEQUENCE,
            self.version,
            self.serial,
            self.inner_algorithm,
            self.issuer,
            tlv(SEQUENCE, self.not_before, self.not_after),
            self.subject,
            tlv(SEQUENCE, self.key_algorithm, tlv(0x03, b"\0", self.point)),
            tlv(0xA3, extensions),
        )
        signature = KEYS[self.signer].sign(signed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return tlv(SEQUENCE, signed, self.algorithm, tlv(0x03, b"\0", signature)) + self.behind


_NAMES: Final = {
    "PAA": name((CN, "PAA"), (VID, "FFF1")),
    "PAI": name((CN, "PAI"), (VID, "FFF1"), (PID, "8004")),
    "DAC": name((CN, "DAC"), (VID, "FFF1"), (PID, "8004")),
}


def draft(who: str) -> Draft:
    """A certificate that keeps every rule of its place."""
    above = {"PAA": "PAA", "PAI": "PAA", "DAC": "PAI"}[who]
    basic, usage = {"PAA": (CA_1, CERTIFIES), "PAI": (CA_0, CERTIFIES), "DAC": (NO_CA, SIGNS)}[who]
    return Draft(
        issuer=_NAMES[above],
        subject=_NAMES[who],
        point=point(who),
        signer=above,
        extensions={
            BASIC: extension(BASIC, basic, CRITICAL),
            USAGE: extension(USAGE, usage, CRITICAL),
            SKID: extension(SKID, tlv(0x04, key_id(who))),
            AKID: extension(AKID, tlv(SEQUENCE, tlv(0x80, key_id(above)))),
        },
    )
