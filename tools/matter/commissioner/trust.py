"""Whom a commissioner trusts: authorities, signers of certification declarations, and its policy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from .x509 import P256_KEY, Certificate, CertificateError, read_certificate


@dataclass(frozen=True, slots=True)
class TrustStore:
    """PAA certificates, DER, by subject key id, and keys that sign certification declarations by key id.

    A key is a P-256 point of 65 bytes. ``test_cd_keys`` are the ids of those that sign for development only;
    the policy says whether they count.
    """

    paas: Mapping[bytes, bytes] = field(default_factory=dict)
    cd_keys: Mapping[bytes, bytes] = field(default_factory=dict)
    test_cd_keys: frozenset[bytes] = frozenset()

    @classmethod
    def of(
        cls, paas: Iterable[bytes], cd_signers: Iterable[bytes] = (), *, test_cd_signers: Iterable[bytes] = ()
    ) -> Self:
        """By certificates alone, all DER. Raises CertificateError for one that cannot be used.

        Of several with one key id the first counts.
        """
        signers = [read_certificate(der) for der in cd_signers]
        tests = [read_certificate(der) for der in test_cd_signers]
        return cls(
            # CHIP SDK ArrayAttestationTrustStore: the first of a key id is the one that is found.
            {_key_id(read_certificate(der)): der for der in reversed([*paas])},
            {_key_id(signer): _public_key(signer) for signer in reversed([*signers, *tests])},
            frozenset(_key_id(signer) for signer in tests),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a commissioner leaves open.

    ``now``: DACs are judged at this time, which has a time zone. ``test_cd_keys``: whether declarations
    signed by a test key count. ``ignore_unknown_tags``: let attestation elements have context tags from 5 up,
    as newer SDKs do; the earlier ones call them malformed. ``revoked``: issuer's key id and serial number.
    """

    now: datetime
    test_cd_keys: bool = False
    ignore_unknown_tags: bool = False
    revoked: frozenset[tuple[bytes, int]] = frozenset()


def _key_id(certificate: Certificate) -> bytes:
    if certificate.subject_key_id is None:
        raise CertificateError("certificate without a subject key id; legal: one of 20 bytes")
    return certificate.subject_key_id


def _public_key(certificate: Certificate) -> bytes:
    if certificate.key_algorithm != P256_KEY:
        raise CertificateError("certificate of a key that is not of P-256; legal: prime256v1")
    return certificate.public_key
