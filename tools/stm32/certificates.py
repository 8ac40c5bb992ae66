"""A test chain in the place of ST's: root, intermediate, and the certificates of DUA keys. NOT SECURE.

ST's own private keys are ST's, so nothing made here can be taken for a certificate of a real device. All keys
of the chain follow from a seed that anybody may know; every name says so.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""When the test chain begins to be valid: a constant, so that one seed makes one chain."""
NO_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280 4.1.2.5: a certificate without a well-defined end; a device keeps its for life."""
ORGANIZATION: Final = "tfm-sim test (NOT SECURE)"
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Draft:
    """What a certificate will say; the defaults are those of a device's."""

    subject: x509.Name
    ca: bool = False
    path_length: int | None = None
    usage: str = "digital_signature"
    not_before: datetime = EPOCH
    not_after: datetime = NO_END
    critical: x509.UnrecognizedExtension | None = None
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with the key that issues in its name."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def issue(self, draft: Draft, public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """A certificate for a public key. The same draft and key give the same bytes."""
        return _build(draft, public, self.certificate.subject, self.key)


@dataclass(frozen=True, slots=True)
class DuaPki:
    """Root and intermediate. ``issue_dua`` is what a factory calls for each device."""

    root: Authority
    intermediate: Authority

    @classmethod
    def make(cls, seed: int | str = 0) -> "DuaPki":
        """The chain of a seed; another seed has the same names and other keys."""
        key = _key(f"{seed} root")
        draft = Draft(name("STM32 DUA test root"), True, 1, "key_cert_sign")
        root = Authority(_build(draft, key.public_key(), draft.subject, key), key)
        key = _key(f"{seed} intermediate")
        draft = Draft(
            name("STM32 DUA test intermediate"),
            True,
            0,
            "key_cert_sign",
            not_after=EPOCH + timedelta(days=30 * 365),
        )
        return cls(root, Authority(root.issue(draft, key.public_key()), key))

    def issue_dua(self, public: ec.EllipticCurvePublicKey, chip_id: bytes) -> bytes:
        """The DUA certificate of a chip, DER; ``chip_id`` (12 bytes, the unique device id) is in its name."""
        subject = name("STM32 DUA", x509.NameAttribute(NameOID.SERIAL_NUMBER, chip_id.hex()))
        return self.intermediate.issue(Draft(subject), public).public_bytes(Encoding.DER)


def name(common_name: str, *more: x509.NameAttribute[str]) -> x509.Name:
    """A name in the test organization."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            *more,
        ]
    )


def _build(
    draft: Draft, public: ec.EllipticCurvePublicKey, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """RFC 5280 4.2.1: the four extensions that a path needs, and what a test adds."""
    basic = x509.BasicConstraints(ca=draft.ca, path_length=draft.path_length)
    subject_id = x509.SubjectKeyIdentifier.from_public_key(public)
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    serial = _serial(draft, public) if draft.serial is None else draft.serial
    builder = (
        x509.CertificateBuilder(issuer, draft.subject, public, serial)
        .not_valid_before(draft.not_before)
        .not_valid_after(draft.not_after)
        .add_extension(basic, critical=True)
        .add_extension(_usage(draft.usage), critical=True)
        .add_extension(subject_id, critical=False)
        .add_extension(authority_id, critical=False)
    )
    if draft.critical is not None:
        builder = builder.add_extension(draft.critical, critical=True)
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _usage(only: str) -> x509.KeyUsage:
    """One use of the key and no other."""
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    more = ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{use: use == only for use in (*uses, *more)})


def _serial(draft: Draft, public: ec.EllipticCurvePublicKey) -> int:
    """RFC 5280 4.1.2.2: positive, at most 20 bytes; of what is certified, for no chance is at hand."""
    numbers = public.public_numbers()
    text = f"{draft.subject.rfc4514_string()} {numbers.x:064x}{numbers.y:064x} {draft.not_before}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:19], "big") + 1


def _key(label: str) -> ec.EllipticCurvePrivateKey:
    secret = hashlib.sha512(f"NOT SECURE: STM32 DUA test chain, {label}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(secret, "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())
