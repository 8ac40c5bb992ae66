"""The CMS message around a certification declaration (Matter 1.4 6.3.1, RFC 5652): reading and verifying.

Of all that CMS allows, Matter takes one form: SignedData version 3, SHA-256, the content inside, one signer
that is named by a subject key id, no certificates and no signed attributes, so that the signature is over the
content itself.
"""

from dataclasses import dataclass
from typing import Final

from .der import (
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    DerError,
    Reader,
    Value,
    context,
    number_text,
    read_sequence,
    tag_name,
)
from .x509 import ECDSA_WITH_SHA256, verify_ecdsa

SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
DATA: Final = "1.2.840.113549.1.7.1"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
KEY_ID_SIZE: Final = 20
_VERSION: Final = 3


class CmsError(ValueError):
    """Bytes that are not the CMS message that a certification declaration is."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """What a CMS message holds: ``key_id`` names its signer, ``signature`` is DER."""

    content: bytes
    key_id: bytes
    signature: bytes

    def signed_by(self, public_key: bytes) -> bool:
        """Does the signature verify with a P-256 key, a point of 65 bytes?"""
        return verify_ecdsa(public_key, self.signature, self.content)


def read_key_id(der: bytes) -> bytes:
    """The key id of the one signer (20 bytes), whatever the rest of the message says. Raises CmsError.

    CHIP SDK CMS_ExtractKeyId: without it there is no key to look up, and no more is asked before that.
    """
    try:
        data = _signed_data(der, "")
        for what in ("version", "digest algorithms", "encapsulated content"):
            data.any(what)
        return _signer(data).key_id
    except DerError as error:
        raise CmsError(str(error)) from None


def read_signed_message(der: bytes) -> SignedMessage:
    """Raises CmsError."""
    try:
        data = _signed_data(der, SIGNED_DATA)
        _version(data, "signed data")
        algorithms = data.take(SET, "digest algorithms").reader()
        _digest_algorithm(algorithms)
        algorithms.end("digest algorithms")
        content = _content(data.take(SEQUENCE, "encapsulated content").reader())
        signer = _signer(data)
        return SignedMessage(content, signer.key_id, signer.signature)
    except DerError as error:
        raise CmsError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Signer:
    key_id: bytes
    signature: bytes


def _signed_data(der: bytes, content_type: str) -> Reader:
    """The inside of the signed data; any content type passes where "" is asked for."""
    outer = read_sequence(der, "CMS message")
    found = outer.any("content type")
    if content_type:
        _must_be(found, content_type, "content type", "signed-data")
    tagged = outer.take(context(0, constructed=True), "content")
    outer.end("CMS message")
    inside = tagged.reader()
    data = inside.take(SEQUENCE, "signed data").reader()
    inside.end("content")
    return data


def _content(reader: Reader) -> bytes:
    _must_be(reader.take(OID, "encapsulated content type"), DATA, "encapsulated content type", "pkcs7-data")
    tagged = reader.take(context(0, constructed=True), "encapsulated content")
    reader.end("encapsulated content")
    inside = tagged.reader()
    content = inside.take(OCTET_STRING, "encapsulated content").content
    inside.end("encapsulated content")
    return content


def _signer(data: Reader) -> _Signer:
    signers = data.take(SET, "signer infos").reader()
    data.end("signed data")
    reader = signers.take(SEQUENCE, "signer info").reader()
    signers.end("the one signer info")
    _version(reader, "signer info")
    key_id = reader.take(context(0), "subject key id").content
    if len(key_id) != KEY_ID_SIZE:
        raise DerError(f"subject key id of {len(key_id)} bytes; legal: {KEY_ID_SIZE}")
    _digest_algorithm(reader)
    algorithm = reader.take(SEQUENCE, "signature algorithm")
    if algorithm.raw != ECDSA_WITH_SHA256:
        raise DerError(f"signature algorithm {algorithm.raw.hex()}; legal: ecdsa-with-SHA256, no parameters")
    signature = reader.take(OCTET_STRING, "signature").content
    reader.end("signer info")
    numbers = read_sequence(signature, "signature")
    for name in ("r", "s"):
        if not 0 <= (number := numbers.take(INTEGER, name).integer()) < 1 << 256:
            raise DerError(f"{name} of the signature is {number:#x}; legal: 256 bits")
    numbers.end("signature")
    return _Signer(key_id, signature)


def _version(reader: Reader, what: str) -> None:
    # RFC 5652 5.1, 5.3: version 3 where a signer is named by a subject key id.
    number = reader.take(INTEGER, f"version of {what}").integer()
    if number != _VERSION:
        raise DerError(f"version {number_text(number)} of {what}; legal: {_VERSION}")


def _digest_algorithm(reader: Reader) -> None:
    algorithm = reader.take(SEQUENCE, "digest algorithm").reader()
    _must_be(algorithm.take(OID, "digest algorithm"), SHA256, "digest algorithm", "SHA-256")
    algorithm.end("digest algorithm")


def _must_be(value: Value, oid: str, what: str, name: str) -> None:
    if value.tag != OID:
        raise DerError(f"{what} at offset {value.offset} is {tag_name(value.tag)}; legal: {tag_name(OID)}")
    if (found := value.oid()) != oid:
        raise DerError(f"{what} {found} at offset {value.offset}; legal: {oid}, {name}")
