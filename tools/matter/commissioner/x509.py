"""An X.509 certificate as a commissioner reads it (RFC 5280 4.1): its parts and their bytes.

Nothing is judged here but the encoding; what a certificate of device attestation must say is `certificates`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from .der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    UTC_TIME,
    DerError,
    Reader,
    Value,
    context,
    number_text,
    read_sequence,
    tag_name,
)
from .distinguished_name import read_name

ECDSA_WITH_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
"""The AlgorithmIdentifier, which has no parameters: RFC 5758 3.2."""
P256_KEY: Final = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
"""The AlgorithmIdentifier of a key of prime256v1: RFC 5480 2.1.1."""
POINT_SIZE: Final = 65

SUBJECT_KEY_ID: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
_DIRECTORY_NAME: Final = context(4, constructed=True)


class CertificateError(ValueError):
    """Bytes that are no X.509 certificate in DER."""


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """RFC 5280 4.2.1.9; ``path_length`` None is no limit."""

    ca: bool
    path_length: int | None


@dataclass(frozen=True, slots=True)
class AuthorityKeyId:
    """RFC 5280 4.2.1.1: which key signed, and perhaps in which certificate, by its issuer and serial number.

    ``key_id`` is empty where there is none; ``issuers`` are directory names in DER.
    """

    key_id: bytes
    issuers: tuple[bytes, ...] = ()
    serial_number: int | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension; ``value`` is what its OCTET STRING holds."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate. Names and algorithms are their DER, for comparison byte by byte."""

    der: bytes
    signed: bytes
    version: int
    serial_number: int
    issuer: bytes
    not_before: datetime
    not_after: datetime
    subject: bytes
    key_algorithm: bytes
    public_key: bytes
    extensions: tuple[Extension, ...]
    inner_algorithm: bytes
    signature_algorithm: bytes
    signature: bytes
    basic_constraints: BasicConstraints | None = None
    key_usage: frozenset[int] | None = None
    subject_key_id: bytes | None = None
    authority: AuthorityKeyId | None = None

    @property
    def authority_key_id(self) -> bytes | None:
        """The key id of the authority, None without that extension."""
        return None if self.authority is None else self.authority.key_id

    def extension(self, oid: str) -> Extension | None:
        """The extension of that type."""
        return next((extension for extension in self.extensions if extension.oid == oid), None)

    def signed_by(self, public_key: bytes) -> bool:
        """Does the signature verify with a P-256 key, a point of 65 bytes?"""
        return self.signature_algorithm == ECDSA_WITH_SHA256 and verify_ecdsa(
            public_key, self.signature, self.signed
        )


def is_point(public_key: bytes) -> bool:
    """Is it a point of P-256, uncompressed (65 bytes), and not at infinity?"""
    if len(public_key) != POINT_SIZE or public_key[0] != 4:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError:
        return False
    return True


def verify_ecdsa(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Does ``signature`` (DER) over the SHA-256 of a message verify with a P-256 key, a point of 65 bytes?"""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_certificate(der: bytes) -> Certificate:
    """Raises CertificateError."""
    try:
        outer = read_sequence(der, "certificate")
        signed = outer.take(SEQUENCE, "to-be-signed certificate")
        algorithm = _algorithm(outer)
        signature = _whole_bytes(outer.take(BIT_STRING, "signature"), "signature")
        outer.end("certificate")
        return _signed_part(der, signed, algorithm, signature)
    except DerError as error:
        raise CertificateError(str(error)) from None


def _signed_part(der: bytes, signed: Value, algorithm: bytes, signature: bytes) -> Certificate:
    inside = signed.reader()
    version = _version(inside)
    serial = inside.take(INTEGER, "serial number").integer()
    inner_algorithm = _algorithm(inside)
    issuer = inside.take(SEQUENCE, "issuer").raw
    validity = inside.take(SEQUENCE, "validity").reader()
    not_before, not_after = _time(validity, "notBefore"), _time(validity, "notAfter")
    validity.end("validity")
    subject = inside.take(SEQUENCE, "subject").raw
    for name in (issuer, subject):
        read_name(name)
    key_info = inside.take(SEQUENCE, "subject public key info").reader()
    key_algorithm = _algorithm(key_info)
    public_key = _whole_bytes(key_info.take(BIT_STRING, "public key"), "public key")
    key_info.end("subject public key info")
    for number, what in ((1, "issuer unique id"), (2, "subject unique id")):
        inside.optional(context(number), what)
    extensions = _extensions(inside)
    inside.end("to-be-signed certificate")
    values = {extension.oid: extension.value for extension in extensions}
    return Certificate(
        der,
        signed.raw,
        version,
        serial,
        issuer,
        not_before,
        not_after,
        subject,
        key_algorithm,
        public_key,
        extensions,
        inner_algorithm,
        algorithm,
        signature,
        _basic_constraints(values.get(BASIC_CONSTRAINTS)),
        _key_usage(values.get(KEY_USAGE)),
        _subject_key_id(values.get(SUBJECT_KEY_ID)),
        _authority(values.get(AUTHORITY_KEY_ID)),
    )


def _version(inside: Reader) -> int:
    """1, 2 or 3, as people count them."""
    tagged = inside.optional(context(0, constructed=True), "version")
    if tagged is None:
        return 1
    inner = tagged.reader()
    number = inner.take(INTEGER, "version").integer()
    inner.end("version")
    # X.690 11.5: what is the default is not written, and v1 is.
    if number not in (1, 2):
        raise DerError(
            f"version {number_text(number)} at offset {tagged.offset}; "
            "legal: 1 (v2), 2 (v3), or none at all (v1)"
        )
    return number + 1


def _algorithm(reader: Reader) -> bytes:
    value = reader.take(SEQUENCE, "algorithm identifier")
    inside = value.reader()
    inside.take(OID, "algorithm").oid()
    if inside.more:
        inside.any("algorithm parameters")
    inside.end("algorithm identifier")
    return value.raw


def _time(reader: Reader, what: str) -> datetime:
    value = reader.any(what)
    if value.tag not in (UTC_TIME, GENERALIZED_TIME):
        raise DerError(
            f"{what} at offset {value.offset} is {tag_name(value.tag)}; legal: UTCTime, GeneralizedTime"
        )
    return value.time()


def _whole_bytes(value: Value, what: str) -> bytes:
    body, unused = value.bits()
    if unused:
        raise DerError(f"{what} at offset {value.offset} has {unused} unused bits; legal: whole bytes")
    return body


def _extensions(inside: Reader) -> tuple[Extension, ...]:
    tagged = inside.optional(context(3, constructed=True), "extensions")
    if tagged is None:
        return ()
    outer = tagged.reader()
    entries = outer.take(SEQUENCE, "extensions").reader()
    outer.end("extensions")
    found: dict[str, Extension] = {}
    while True:
        entry = entries.take(SEQUENCE, "extension")
        extension = _extension(entry.reader())
        # RFC 5280 4.2: not more than one of a type.
        if extension.oid in found:
            raise DerError(f"a second extension {extension.oid} at offset {entry.offset}; legal: one")
        found[extension.oid] = extension
        if not entries.more:
            return tuple(found.values())


def _extension(reader: Reader) -> Extension:
    oid = reader.take(OID, "extension type").oid()
    critical = reader.optional(BOOLEAN, "critical")
    # X.690 11.5: false is the default and is not written.
    if critical is not None and not critical.boolean():
        raise DerError(f"critical FALSE at offset {critical.offset}; legal: TRUE, or nothing")
    value = reader.take(OCTET_STRING, "extension value").content
    reader.end("extension")
    return Extension(oid, critical is not None, value)


def _basic_constraints(value: bytes | None) -> BasicConstraints | None:
    if value is None:
        return None
    inside = read_sequence(value, "basic constraints")
    ca = inside.optional(BOOLEAN, "cA")
    if ca is not None and not ca.boolean():
        raise DerError("basic constraints with cA FALSE; legal: TRUE, or nothing")
    length = inside.optional(INTEGER, "path length")
    number = None if length is None else length.integer()
    if number is not None and number < 0:
        raise DerError(f"path length {number_text(number)}; legal: 0 or more")
    inside.end("basic constraints")
    return BasicConstraints(ca is not None, number)


def _key_usage(value: bytes | None) -> frozenset[int] | None:
    if value is None:
        return None
    reader = Reader(value)
    bits = reader.take(BIT_STRING, "key usage").named_bits()
    reader.end("key usage")
    return bits


def _subject_key_id(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    reader = Reader(value)
    key_id = reader.take(OCTET_STRING, "subject key id").content
    reader.end("subject key id")
    return key_id


def _authority(value: bytes | None) -> AuthorityKeyId | None:
    if value is None:
        return None
    inside = read_sequence(value, "authority key id")
    key_id = inside.optional(context(0), "key id")
    issuer = inside.optional(context(1, constructed=True), "authority's issuer")
    serial = inside.optional(context(2), "authority's serial number")
    inside.end("authority key id")
    # RFC 5280 4.2.1.1: issuer and serial number are both there or neither.
    if (issuer is None) != (serial is None):
        raise DerError("authority key id with an issuer or a serial number alone; legal: both or neither")
    return AuthorityKeyId(
        b"" if key_id is None else key_id.content,
        () if issuer is None else tuple(_directory_names(issuer.reader())),
        None if serial is None else serial.integer(),
    )


def _directory_names(names: Reader) -> Iterator[bytes]:
    """Those of general names; the rest of them are passed over."""
    while names.more:
        name = names.any("general name")
        if name.tag == _DIRECTORY_NAME:
            read_name(name.content)
            yield name.content
