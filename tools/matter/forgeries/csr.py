"""Forged CSR responses: one for each rule on NOCSR elements and on the request inside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from ....interface.matter import tlv
from ..commissioner.csr import CsrResult, CsrVerdict, verify_csr
from .certificates import CertificatePlan
from .lab import VENDOR, CsrLab, key, raw_signature, request, subject

Change = Callable[[CsrLab], object]


@dataclass(frozen=True, slots=True)
class CsrForgery:
    """One thing wrong with a CSR response."""

    name: str
    text: str
    result: CsrResult
    rule: str
    change: Change

    def judge(self) -> CsrVerdict:
        """What a commissioner says of it."""
        lab = CsrLab()
        self.change(lab)
        return verify_csr(lab.info())

    def is_refused_by(self, verdict: CsrVerdict) -> bool:
        """Whether a verdict gives the reason that this deserves, and no other."""
        return (verdict.result, verdict.rule) == (self.result, self.rule)


def csr_forgeries() -> list[CsrForgery]:
    """All of them, in the order in which the commissioner asks its rules."""
    return [CsrForgery(*row) for row in _ROWS]


def _set(field: str, value: object) -> Change:
    return lambda lab: setattr(lab, field, value)


def _members(*numbers: int) -> Change:
    """The elements of these tags in this order; from 3 up they are vendor reserved."""

    def change(lab: CsrLab) -> None:
        values = {1: request(), 2: lab.nonce}
        lab.members = [tlv.octets(tlv.context(number), values.get(number, b"v")) for number in numbers]

    return change


def _too_long(lab: CsrLab) -> None:
    _members(1, 2)(lab)
    assert lab.members is not None
    lab.members.append(tlv.octets(tlv.context(3), bytes(900)))


def _flipped(lab: CsrLab) -> None:
    signature = lab.info().signature
    lab.signature = bytes([signature[0] ^ 1]) + signature[1:]


def _certificate_instead(lab: CsrLab) -> None:
    name = subject("No request")
    lab.csr = CertificatePlan(name, name, key("operational"), key("operational")).build()


def _issued(scalar: int, curve: ec.EllipticCurve, algorithm: SHA256 | SHA384) -> Change:
    """A request of another key or hash, signed as it should be."""

    def change(lab: CsrLab) -> None:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        mine = ec.derive_private_key(scalar, curve)
        lab.csr = builder.sign(mine, algorithm, ecdsa_deterministic=True).public_bytes(Encoding.DER)

    return change


def _vendors_own_tag(lab: CsrLab) -> None:
    _members(1, 2)(lab)
    assert lab.members is not None
    lab.members.append(tlv.octets(tlv.profile(VENDOR, 1, 1), b"v"))


_SCALAR: Final = 0xF0F1
_ARGUMENTS: Final = (CsrResult.INVALID_ARGUMENT, "arguments are there")
_ELEMENTS: Final = (CsrResult.INVALID_TLV, "NOCSR elements")
_NONCE: Final = (CsrResult.INVALID_ARGUMENT, "CSR nonce")
_SIGNED: Final = (CsrResult.INVALID_SIGNATURE, "DAC key's signature")
_PKCS10: Final = (CsrResult.UNSUPPORTED_CERT_FORMAT, "PKCS#10 of P-256 and SHA-256")
_OWN: Final = (CsrResult.INVALID_SIGNATURE, "CSR's own signature")

_ROWS: Final[tuple[tuple[str, str, CsrResult, str, Change], ...]] = (
    ("no-nocsr", "no NOCSR elements", *_ARGUMENTS, _set("emptied", "elements")),
    ("no-csr-challenge", "a session without a challenge", *_ARGUMENTS, _set("emptied", "challenge")),
    ("no-csr-signature", "no signature", *_ARGUMENTS, _set("emptied", "signature")),
    ("no-csr-nonce", "no nonce was sent", *_ARGUMENTS, _set("emptied", "nonce")),
    (
        "nocsr-too-long",
        "NOCSR elements of more than 900 bytes",
        CsrResult.INVALID_ARGUMENT,
        "NOCSR elements of at most 900 bytes",
        _too_long,
    ),
    ("nocsr-out-of-order", "the nonce before the request", *_ELEMENTS, _members(2, 1)),
    ("nocsr-without-csr", "no request", *_ELEMENTS, _members(2)),
    ("nocsr-without-nonce", "no nonce", *_ELEMENTS, _members(1)),
    ("nocsr-twice", "a vendor's element twice", *_ELEMENTS, _members(1, 2, 3, 3)),
    ("nocsr-unknown", "context tag 6", *_ELEMENTS, _members(1, 2, 6)),
    ("nocsr-vendor-tag", "an element with a vendor's own tag", *_ELEMENTS, _vendors_own_tag),
    ("csr-replayed", "the answer to another nonce", *_NONCE, _set("answered_nonce", bytes(32))),
    ("csr-nonce-cut", "a nonce of 16 bytes", *_NONCE, _set("answered_nonce", bytes(16))),
    (
        "csr-signature-size",
        "a signature of 63 bytes",
        CsrResult.INVALID_ARGUMENT,
        "DAC key's signature",
        _set("signature", bytes(63)),
    ),
    ("csr-signature-altered", "one bit of the signature", *_SIGNED, _flipped),
    ("csr-of-another-key", "signed by another key than the DAC's", *_SIGNED, _set("signer", key("somebody"))),
    ("csr-relayed", "fetched over another session", *_SIGNED, _set("signed_challenge", bytes(16))),
    ("csr-garbage", "a request that is none", *_PKCS10, _set("csr", b"\x30\x00")),
    ("csr-certificate", "a certificate in place of a request", *_PKCS10, _certificate_instead),
    (
        "csr-p384",
        "a request of a P-384 key",
        *_PKCS10,
        _issued(_SCALAR, ec.SECP384R1(), SHA256()),
    ),
    (
        "csr-sha384",
        "a request signed with SHA-384",
        CsrResult.UNSUPPORTED_SIGNATURE,
        _PKCS10[1],
        _issued(_SCALAR, ec.SECP256R1(), SHA384()),
    ),
    (
        "csr-not-own-key",
        "a request for a key that the device does not have",
        *_OWN,
        lambda lab: setattr(lab, "csr", request(lambda message: raw_signature(key("somebody"), message))),
    ),
)
