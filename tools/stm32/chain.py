"""The way from a trusted root to a DUA certificate, walked from the root down (RFC 5280 6.1).

``cryptography`` takes the certificates apart and does the arithmetic; which certificate may issue which is
decided here.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from ..statement import Statement
from .kinds import Kind

MAX_CHAIN: Final = 5
"""Certificates below the root: who sends more does not get them looked at."""
MAX_CERTIFICATE: Final = 1 << 14
_ALGORITHMS: Final = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
}
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What ``cryptography`` raises for bytes that it cannot take apart."""
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
DUA_NAME: Final = r"stm32[a-z0-9]+-us[fl]u-(?P<serial>[0-9a-f]{20})"
"""ST's template for STM32U3: family, free or licensed use of the key, the certificate's serial number."""
_READ: Final = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
}
"""A critical extension that is not one of these refuses (RFC 5280 4.2)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate with its place in the chain, for messages, and what speaks against it."""

    place: str
    certificate: x509.Certificate
    reasons: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """The links from the root to the DUA certificate; ``key`` is the latter's, None if it has none of use.

    Accepted (``ok``) exactly if there is no reason.
    """

    reasons: tuple[Statement, ...]
    links: tuple[Link, ...]
    key: ec.EllipticCurvePublicKey | None

    @property
    def ok(self) -> bool:
        return not self.reasons


class _Unreadable(Exception):
    """Why some bytes are no certificate."""


def verify_chain(
    certificate: bytes, intermediates: Sequence[bytes], roots: Sequence[bytes], *, at: datetime
) -> ChainVerdict:
    """Judge a DUA certificate. All certificates are DER; the intermediates may come in any order.

    ``at`` is the time (with its zone) at which everything must be valid. Never raises for what is in the
    bytes.
    """
    problems: list[Statement] = []
    leaf = _load(certificate, "DUA certificate", problems)
    given = [_load(raw, f"intermediate {n}", problems) for n, raw in enumerate(intermediates[:MAX_CHAIN], 1)]
    trusted = [_load(raw, f"root {n}", problems) for n, raw in enumerate(roots, 1)]
    if len(intermediates) > MAX_CHAIN:
        text = f"{len(intermediates)} intermediates; legal: at most {MAX_CHAIN}"
        problems.append(Statement(Kind.CHAIN_LENGTH, text, "chain"))
    if leaf is None:
        return ChainVerdict(tuple(problems), (), None)
    path, missing = _path(leaf, [c for c in given if c], [c for c in trusted if c])
    links = tuple(_links(path, at, rooted=not missing))
    reasons = (*problems, *missing, *(reason for link in links for reason in link.reasons))
    return ChainVerdict(reasons, links, _point_key(leaf))


def _path(
    leaf: x509.Certificate, given: list[x509.Certificate], trusted: list[x509.Certificate]
) -> tuple[list[x509.Certificate], tuple[Statement, ...]]:
    """Root first. A root is trusted by what it is, never by its name alone; and never because it was sent."""
    path = [leaf]
    while len(path) <= MAX_CHAIN:
        top = path[0]
        issuers = [c for c in trusted if c.subject == top.issuer]
        if issuers:
            return [_signer(top, issuers), *path], ()
        others = [c for c in given if c.subject == top.issuer and c not in path]
        if not others:
            break
        path.insert(0, _signer(top, others))
    name = _name(path[0].issuer)
    if path[0].issuer == path[0].subject:
        text = f"ends at {name}, which signs itself and is not trusted"
        return path, (Statement(Kind.UNTRUSTED_ROOT, text, "chain"),)
    return path, (Statement(Kind.NO_ISSUER, f"no certificate of the issuer {name}", "chain"),)


def _signer(certificate: x509.Certificate, issuers: list[x509.Certificate]) -> x509.Certificate:
    """Of issuers with one name the one whose key signed; if none did, the first, whose check then says so."""
    return next((c for c in issuers if _signed_by(certificate, c)), issuers[0])


def _links(path: list[x509.Certificate], at: datetime, *, rooted: bool) -> Iterator[Link]:
    """Each certificate of the path, root first, with its own reasons."""
    last = len(path) - 1
    for index, certificate in enumerate(path):
        place = _place(index, last, rooted=rooted)
        reasons = [*_own(certificate, place), *_valid(certificate, place, at)]
        if index < last:
            reasons += _authority(certificate, place, below=last - index - 1)
        else:
            reasons += _end_entity(certificate, place)
        if index > 0:
            reasons += _issued(certificate, path[index - 1], place)
        yield Link(place, certificate, tuple(reasons))


def _place(index: int, last: int, *, rooted: bool) -> str:
    if index == last:
        return "DUA certificate"
    if index == 0 and rooted:
        return "root"
    return "intermediate" if last == 2 or (last == 1 and not rooted) else f"intermediate {index}"


def _own(certificate: x509.Certificate, place: str) -> Iterator[Statement]:
    """RFC 5280 4.1 and 4.2: the third version, an algorithm of today, no critical extension unread."""
    if certificate.version is not x509.Version.v3:
        yield Statement(Kind.VERSION, f"found {certificate.version.name}; legal: v3", place)
    if certificate.signature_algorithm_oid not in _ALGORITHMS:
        found = certificate.signature_algorithm_oid.dotted_string
        yield Statement(Kind.ALGORITHM, f"found {found}; legal: ECDSA with SHA-256, -384 or -512", place)
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _READ:
            text = f"the critical extension {extension.oid.dotted_string} is not known"
            yield Statement(Kind.EXTENSION, text, place)


def _valid(certificate: x509.Certificate, place: str, at: datetime) -> Iterator[Statement]:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < first:
        yield Statement(
            Kind.NOT_YET_VALID, f"from {first:%Y-%m-%d %H:%M:%S}, it is {at:%Y-%m-%d %H:%M:%S}", place
        )
    if at > last:
        yield Statement(Kind.EXPIRED, f"until {last:%Y-%m-%d %H:%M:%S}, it is {at:%Y-%m-%d %H:%M:%S}", place)


def _authority(certificate: x509.Certificate, place: str, *, below: int) -> Iterator[Statement]:
    """RFC 5280 4.2.1.3, 4.2.1.9: who issues says that it is a CA, how far down, and that its key may."""
    basic = _constraints(certificate)
    if basic is None or not basic.ca:
        yield Statement(Kind.NOT_A_CA, "issues a certificate and is no CA", place)
    elif basic.path_length is not None and basic.path_length < below:
        text = f"{below} authorities below it; legal: at most {basic.path_length}"
        yield Statement(Kind.PATH_LENGTH, text, place)
    usage = _usage(certificate)  # RFC 5280 6.1.4 n: minded where it is there
    if usage is not None and not usage.key_cert_sign:
        yield Statement(Kind.KEY_USAGE, "its key may not sign certificates", place)


def _end_entity(certificate: x509.Certificate, place: str) -> Iterator[Statement]:
    """The DUA key signs tokens on P-256 and issues nothing."""
    basic = _constraints(certificate)
    if basic is not None and basic.ca:
        yield Statement(Kind.IS_A_CA, "it is a CA; legal: a device's, which issues nothing", place)
    usage = _usage(certificate)
    if usage is not None and not usage.digital_signature:
        yield Statement(Kind.KEY_USAGE, "its key may not make digital signatures", place)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = [str(attribute.value) for attribute in names]
    match = re.fullmatch(DUA_NAME, found[0]) if len(found) == 1 else None
    if match is None or int(match["serial"], 16) != certificate.serial_number:
        serial = f"{certificate.serial_number:020x}"
        text = f"found the name {', '.join(found) or 'nobody'!a}; legal: stm32FAMILY-usfu-{serial}, or -uslu-"
        yield Statement(Kind.NAME, text, place)
    if _point_key(certificate) is None:
        yield Statement(Kind.KEY, f"found {_key_noun(certificate)}; legal: an EC key on P-256", place)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate, place: str) -> Iterator[Statement]:
    if not _signed_by(certificate, issuer):
        text = f"the key of {_name(issuer.subject)} did not sign it"
        yield Statement(Kind.CERTIFICATE_SIGNATURE, text, place)
    claimed, key_id = _authority_key_id(certificate), _subject_key_id(issuer)
    if claimed is not None and key_id is not None and claimed != key_id:
        text = f"issued by key {claimed.hex()}, and the issuer's is {key_id.hex()}"
        yield Statement(Kind.KEY_IDENTIFIER, text, place)


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """RFC 5280 4.1.1.2: by the algorithm that is signed with it, not only by that beside the signature."""
    try:
        if not isinstance(issuer.public_key(), ec.EllipticCurvePublicKey):
            return False
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _load(raw: bytes, place: str, problems: list[Statement]) -> x509.Certificate | None:
    try:
        return _parse(raw)
    except _Unreadable as error:
        problems.append(Statement(Kind.MALFORMED, str(error), place))
        return None


def _parse(raw: bytes) -> x509.Certificate:
    """A certificate whose parts can all be read: ``cryptography`` reads most of them late."""
    if len(raw) > MAX_CERTIFICATE:
        raise _Unreadable(f"{len(raw)} bytes; legal: at most {MAX_CERTIFICATE}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of names and numbers that are judged here
            certificate = x509.load_der_x509_certificate(raw)
            _ = (certificate.subject, certificate.issuer, certificate.version, certificate.extensions)
            _ = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
            _ = (certificate.signature_hash_algorithm, certificate.public_key())
            serial = certificate.serial_number
    except _UNREADABLE as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _Unreadable(f"{len(raw)} bytes that are no certificate in DER: {text}") from None
    if serial <= 0:
        raise _Unreadable(f"serial number {serial}; legal: more than 0 (RFC 5280 4.1.2.2)")
    return certificate


def _point_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey | None:
    key = certificate.public_key()
    on_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return key if on_curve and isinstance(key, ec.EllipticCurvePublicKey) else None


def _key_noun(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    return (
        f"an EC key on {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    )


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _subject_key_id(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _authority_key_id(certificate: x509.Certificate) -> bytes | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    return found.key_identifier


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(no name)"
