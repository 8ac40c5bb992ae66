"""A test chain in the place of ST's: root, intermediate, and the certificates of DUA keys. NOT SECURE.

ST's own private keys are ST's, so nothing made here can be taken for a certificate of a real device. All keys
of the chain follow from a seed that anybody may know; every name says so.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ...interface.stm32.dua_certificate import COUNTRY, ORGANIZATION, issuer_common_name, validity_years

AUTHORITIES: Final = (1, 2)
"""Numbers of the intermediates, one for each key of a device: the first byte of what they number."""
EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""When the test chain begins to be valid: a constant, so that one seed makes one chain."""
END: Final = datetime(2085, 1, 1, tzinfo=UTC)
"""Later than the end of any DUA certificate, which is 30 years behind its beginning."""
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Draft:
    """What a certificate will say; the defaults are those of a device's, as ST's template has it.

    ``usage`` names the one use of the key (an argument of x509.KeyUsage), None leaves the extension out;
    ``key_ids`` adds the identifiers of both keys.
    """

    subject: x509.Name
    ca: bool = False
    path_length: int | None = None
    usage: str | None = None
    not_before: datetime = EPOCH
    not_after: datetime = END
    key_ids: bool = False
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
        return build(draft, public, self.certificate.subject, self.key)


@dataclass(frozen=True, slots=True)
class DuaPki:
    """A root and its intermediates, which sign what the factory asks them to for a device."""

    root: Authority
    authorities: tuple[Authority, ...]

    @classmethod
    def make(cls, seed: int | str = 0) -> "DuaPki":
        """The chain of a seed; another seed has the same names and other keys."""
        key = known_key(f"{seed} root")
        draft = Draft(name("ST Root CA for STM32 User"), True, 1, "key_cert_sign", key_ids=True)
        root = Authority(build(draft, key.public_key(), draft.subject, key), key)
        return cls(root, tuple(_authority(root, number, seed) for number in AUTHORITIES))

    @property
    def intermediate(self) -> Authority:
        """The authority for keys of free use."""
        return self.authorities[0]

    @property
    def intermediates(self) -> tuple[bytes, ...]:
        """What a device's maker sends beside a DUA certificate, DER."""
        return tuple(authority.der for authority in self.authorities)

    def issue_dua(self, serial: bytes, subject: str, public: bytes) -> bytes:
        """A DUA certificate, DER: the first byte of ``serial`` (10 bytes) chooses the authority, the second
        its first year, for 30 of them. ``public`` is 04, X, Y.
        """
        authority = self.authorities[AUTHORITIES.index(serial[0])]
        first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in validity_years(serial))
        draft = Draft(name(subject), not_before=first, not_after=last, serial=int.from_bytes(serial, "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        return authority.issue(draft, key).public_bytes(Encoding.DER)


def name(common_name: str) -> x509.Name:
    """A name in the organization of the test chain."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority(root: Authority, number: int, seed: int | str) -> Authority:
    key = known_key(f"{seed} authority {number}")
    subject = name(issuer_common_name(bytes([number])))
    draft = Draft(subject, True, 0, "key_cert_sign", key_ids=True)
    return Authority(root.issue(draft, key.public_key()), key)


def build(
    draft: Draft, public: ec.EllipticCurvePublicKey, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """RFC 5280 4.2.1: basic constraints always, the rest as the draft says."""
    basic = x509.BasicConstraints(ca=draft.ca, path_length=draft.path_length)
    serial = _serial(draft, public) if draft.serial is None else draft.serial
    builder = (
        x509.CertificateBuilder(issuer, draft.subject, public, serial)
        .not_valid_before(draft.not_before)
        .not_valid_after(draft.not_after)
        .add_extension(basic, critical=True)
    )
    if draft.usage is not None:
        builder = builder.add_extension(_usage(draft.usage), critical=True)
    if draft.key_ids:
        own = x509.SubjectKeyIdentifier.from_public_key(public)
        issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False).add_extension(issuers, critical=False)
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


def known_key(label: str) -> ec.EllipticCurvePrivateKey:
    """A key on P-256 that anybody can make again."""
    secret = hashlib.sha512(f"NOT SECURE: STM32 DUA test chain, {label}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(secret, "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())
