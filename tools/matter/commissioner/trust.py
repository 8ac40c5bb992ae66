"""Whom a commissioner trusts: attestation authorities, signers of certification declarations, and its policy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class TrustStore:
    """PAA certificates, DER, by subject key id, and keys that sign certification declarations by key id.

    ``test_cd_keys`` are the ids of those that sign for development only; the policy says whether they count.
    """

    paas: Mapping[bytes, bytes] = field(default_factory=dict)
    cd_keys: Mapping[bytes, ec.EllipticCurvePublicKey] = field(default_factory=dict)
    test_cd_keys: frozenset[bytes] = frozenset()

    @classmethod
    def of(
        cls, paas: Iterable[bytes], cd_certificates: Iterable[bytes] = (), *, test: Iterable[bytes] = ()
    ) -> Self:
        """By certificates alone, all DER; ``test`` are those of test CD signers. ValueError for one unreadable."""
        tests = [x509.load_der_x509_certificate(der) for der in test]
        signers = [x509.load_der_x509_certificate(der) for der in cd_certificates]
        return cls(
            {_key_id(x509.load_der_x509_certificate(der)): der for der in paas},
            {_key_id(signer): _public_key(signer) for signer in (*signers, *tests)},
            frozenset(_key_id(signer) for signer in tests),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a commissioner leaves open.

    ``now``: DACs are judged at this time, which has a time zone. ``test_cd_keys``: whether declarations signed
    by a test key count. ``ignore_unknown_tags``: let attestation elements have context tags from 5 up, as SDKs
    since 2022 do; the earlier ones call them malformed. ``revoked``: issuer's key id and serial number.
    """

    now: datetime
    test_cd_keys: bool = False
    ignore_unknown_tags: bool = False
    revoked: frozenset[tuple[bytes, int]] = frozenset()


def _key_id(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        raise ValueError("certificate without a subject key id; legal: one of 20 bytes") from None


def _public_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("certificate of a key that is not of P-256; legal: prime256v1")
    return key
