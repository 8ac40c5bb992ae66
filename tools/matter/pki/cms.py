"""A CMS message around a certification declaration, as the CSA signs it (Matter 1.4 6.3.1, RFC 5652)."""

from typing import Annotated, Final

from cryptography.hazmat.asn1 import Explicit, Implicit, SetOf, encode_der, sequence
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ObjectIdentifier

_SIGNED_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.2")
_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.1")
_SHA256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_ECDSA_WITH_SHA256: Final = ObjectIdentifier("1.2.840.10045.4.3.2")
_VERSION: Final = 3  # RFC 5652 5.1: a signer is named by its key id


@sequence
class _Algorithm:
    algorithm: ObjectIdentifier


@sequence
class _EncapsulatedContent:
    content_type: ObjectIdentifier
    content: Annotated[bytes, Explicit(0)]


@sequence
class _SignerInfo:
    version: int
    subject_key_id: Annotated[bytes, Implicit(0)]
    digest_algorithm: _Algorithm
    signature_algorithm: _Algorithm
    signature: bytes


@sequence
class _SignedData:
    version: int
    digest_algorithms: SetOf[_Algorithm]
    content: _EncapsulatedContent
    signers: SetOf[_SignerInfo]


@sequence
class _Message:
    content_type: ObjectIdentifier
    content: Annotated[_SignedData, Explicit(0)]


def sign_message(content: bytes, private_key: ec.EllipticCurvePrivateKey, key_id: bytes) -> bytes:
    """The DER of a SignedData with ``content`` inside, signed by the key that ``key_id`` (20 bytes) names."""
    sha256 = _Algorithm(algorithm=_SHA256)
    # Matter 1.4 6.3.1: no signed attributes, so that the signature is over the content.
    signature = private_key.sign(content, ec.ECDSA(SHA256(), deterministic_signing=True))
    signer = _SignerInfo(
        version=_VERSION,
        subject_key_id=key_id,
        digest_algorithm=sha256,
        signature_algorithm=_Algorithm(algorithm=_ECDSA_WITH_SHA256),
        signature=signature,
    )
    signed = _SignedData(
        version=_VERSION,
        digest_algorithms=SetOf([sha256]),
        content=_EncapsulatedContent(content_type=_DATA, content=content),
        signers=SetOf([signer]),
    )
    return encode_der(_Message(content_type=_SIGNED_DATA, content=signed))
