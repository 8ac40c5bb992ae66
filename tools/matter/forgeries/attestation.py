"""Forgeries of an attestation: one for each rule, each with the result that it deserves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ....interface.matter import tlv
from ..commissioner.results import AttestationVerificationResult as Result
from ..commissioner.results import Verdict
from ..commissioner.verification import verify_attestation
from .certificate_rules import certificate_forgeries
from .certificates import key_id
from .declarations import DECLARATION_FORGERIES
from .lab import NOW, PRODUCT, VENDOR, Lab, key, raw_signature, subject

Change = Callable[[Lab], object]
Row = tuple[str, str, Result, str, Change]


@dataclass(frozen=True, slots=True)
class Forgery:
    """One thing wrong with an attestation: ``rule`` is that of the commissioner which it breaks."""

    name: str
    text: str
    result: Result
    rule: str
    change: Change

    def judge(self) -> Verdict:
        """What a commissioner says of it."""
        lab = Lab()
        self.change(lab)
        return verify_attestation(lab.info(), lab.trust(), lab.policy)

    def is_refused_by(self, verdict: Verdict) -> bool:
        """Whether a verdict gives the reason that this deserves, and no other."""
        return (verdict.result, verdict.rule) == (self.result, self.rule)


def attestation_forgeries() -> list[Forgery]:
    """All of them."""
    return [
        Forgery(*row)
        for row in (*_WIRE, *_IDS, *_CHAIN, *_ELEMENTS, *certificate_forgeries(), *DECLARATION_FORGERIES)
    ]


def _too_long(lab: Lab) -> None:
    lab.members = [*lab.element_members(), tlv.octets(tlv.profile(VENDOR, 1, 1), bytes(900))]


def _without(field: str) -> Change:
    """An argument that the device left empty."""
    return lambda lab: setattr(lab, "emptied", field)


def _member(index: int, member: bytes | None) -> Change:
    """The elements with one of them replaced, or left out."""

    def change(lab: Lab) -> None:
        members = lab.element_members()
        members[index : index + 1] = [] if member is None else [member]
        lab.members = members

    return change


def _swapped(lab: Lab) -> None:
    first, second, third = lab.element_members()
    lab.members = [second, first, third]


def _added(*members: bytes) -> Change:
    def change(lab: Lab) -> None:
        lab.members = [*lab.element_members(), *members]

    return change


def _trailing(lab: Lab) -> None:
    lab.elements = tlv.structure(tlv.ANONYMOUS, *lab.element_members()) + b"\0"


def _no_structure(lab: Lab) -> None:
    lab.elements = tlv.array(tlv.ANONYMOUS)


def _ids(plan: str, vendor_id: int | None, product_id: int | None) -> Change:
    """Other ids in a subject, and in the issuer of what it signed."""

    def change(lab: Lab) -> None:
        certificate = getattr(lab, plan)
        certificate.subject = subject(f"Forger's {plan.upper()}", vendor_id, product_id)
        match plan:
            case "paa":
                lab.paa.issuer = lab.pai.issuer = certificate.subject
            case "pai":
                lab.dac.issuer = certificate.subject

    return change


def _of_no_vendor(lab: Lab) -> None:
    """Both: there is nothing for them to differ in."""
    _ids("pai", None, PRODUCT)(lab)
    _ids("dac", None, PRODUCT)(lab)


def _signed_by_another(plan: str) -> Change:
    return lambda lab: setattr(getattr(lab, plan), "signer", key("somebody"))


def _named_otherwise(plan: str) -> Change:
    return lambda lab: setattr(getattr(lab, plan), "issuer", subject("Somebody", VENDOR, PRODUCT))


def _valid(plan: str, not_before: datetime, not_after: datetime) -> Change:
    def change(lab: Lab) -> None:
        certificate = getattr(lab, plan)
        certificate.not_before, certificate.not_after = not_before, not_after

    return change


def _revoke(*plans: str) -> Change:
    def change(lab: Lab) -> None:
        certificates = [getattr(lab, plan) for plan in plans]
        revoked = frozenset((key_id(plan.signer), plan.serial_number) for plan in certificates)
        lab.policy = replace(lab.policy, revoked=revoked)

    return change


def _flipped_signature(lab: Lab) -> None:
    signature = lab.info().signature
    lab.signature = signature[:-1] + bytes([signature[-1] ^ 1])


def _other_dac_key(lab: Lab) -> None:
    lab.signature = raw_signature(key("somebody"), lab.info().elements + lab.challenge)


def _changed_elements(lab: Lab) -> None:
    """The elements rewritten behind the DAC key's back: the answered nonce is put right."""
    lab.signature = Lab(answered_nonce=bytes(32)).info().signature


_DAY: Final = timedelta(days=1)
_BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
_ARGUMENTS, _LIMIT = "arguments are there", "elements of at most 900 bytes"
_SIGNATURE, _NONCE = "attestation signature", "attestation nonce"
_MALFORMED: Final = (Result.ATTESTATION_ELEMENTS_MALFORMED, "attestation elements")
_BROKEN_CHAIN: Final = (Result.DAC_SIGNATURE_INVALID, "chain PAA, PAI, DAC")

_WIRE: Final[tuple[Row, ...]] = (
    (
        "no-elements",
        "the device sends no elements",
        Result.INVALID_ARGUMENT,
        _ARGUMENTS,
        _without("elements"),
    ),
    ("no-signature", "it sends no signature", Result.INVALID_ARGUMENT, _ARGUMENTS, _without("signature")),
    ("no-dac", "it sends no DAC", Result.INVALID_ARGUMENT, _ARGUMENTS, _without("dac")),
    (
        "no-challenge",
        "the session has no challenge",
        Result.INVALID_ARGUMENT,
        _ARGUMENTS,
        _without("challenge"),
    ),
    ("no-nonce", "no nonce was sent", Result.INVALID_ARGUMENT, _ARGUMENTS, _without("nonce")),
    ("elements-too-long", "elements of more than 900 bytes", Result.INVALID_ARGUMENT, _LIMIT, _too_long),
    ("no-pai", "it sends no PAI", Result.PAI_MISSING, "PAI present", _without("pai")),
    (
        "signature-altered",
        "one bit of the attestation signature",
        Result.ATTESTATION_SIGNATURE_INVALID,
        _SIGNATURE,
        _flipped_signature,
    ),
    (
        "signature-of-another-key",
        "DAC and PAI are copied, the DAC's key is not",
        Result.ATTESTATION_SIGNATURE_INVALID,
        _SIGNATURE,
        _other_dac_key,
    ),
    (
        "elements-altered",
        "elements changed after they were signed",
        Result.ATTESTATION_SIGNATURE_INVALID,
        _SIGNATURE,
        _changed_elements,
    ),
    (
        "relayed",
        "a genuine device's answer, fetched over a session of the forger's own",
        Result.ATTESTATION_SIGNATURE_INVALID,
        _SIGNATURE,
        lambda lab: setattr(lab, "signed_challenge", bytes(16)),
    ),
    (
        "signature-too-short",
        "63 bytes of signature",
        Result.ATTESTATION_SIGNATURE_INVALID,
        _SIGNATURE,
        lambda lab: setattr(lab, "signature", bytes(63)),
    ),
    (
        "signature-too-long",
        "65 bytes of signature",
        Result.ATTESTATION_SIGNATURE_INVALID_FORMAT,
        _SIGNATURE,
        lambda lab: setattr(lab, "signature", bytes(65)),
    ),
    (
        "replayed",
        "the answer to another nonce",
        Result.ATTESTATION_NONCE_MISMATCH,
        _NONCE,
        lambda lab: setattr(lab, "answered_nonce", bytes(32)),
    ),
    (
        "nonce-cut",
        "half of the nonce",
        Result.ATTESTATION_NONCE_MISMATCH,
        _NONCE,
        lambda lab: setattr(lab, "answered_nonce", lab.nonce[:16]),
    ),
)

_VENDORS, _PRODUCTS = "vendor id of DAC and PAI", "product id of DAC and PAI"
_IDS: Final[tuple[Row, ...]] = (
    (
        "dac-of-another-vendor",
        "DAC and PAI of two vendors",
        Result.DAC_VENDOR_ID_MISMATCH,
        _VENDORS,
        _ids("dac", 0xFFF2, PRODUCT),
    ),
    (
        "dac-of-no-vendor",
        "a DAC without a vendor id",
        Result.DAC_VENDOR_ID_MISMATCH,
        _VENDORS,
        _ids("dac", None, PRODUCT),
    ),
    (
        "pai-of-no-vendor",
        "a PAI without a vendor id",
        Result.DAC_VENDOR_ID_MISMATCH,
        _VENDORS,
        _ids("pai", None, PRODUCT),
    ),
    (
        "chain-of-no-vendor",
        "neither DAC nor PAI has a vendor id",
        Result.DAC_VENDOR_ID_MISMATCH,
        _VENDORS,
        _of_no_vendor,
    ),
    (
        "dac-of-no-product",
        "a DAC without a product id",
        Result.DAC_PRODUCT_ID_MISMATCH,
        _PRODUCTS,
        _ids("dac", VENDOR, None),
    ),
    (
        "dac-of-another-product",
        "DAC and PAI of two products",
        Result.DAC_PRODUCT_ID_MISMATCH,
        _PRODUCTS,
        _ids("dac", VENDOR, 0x8005),
    ),
    (
        "paa-of-another-vendor",
        "a PAA of one vendor over a PAI of another",
        Result.PAI_VENDOR_ID_MISMATCH,
        "vendor id of PAI and PAA",
        _ids("paa", 0xFFF2, None),
    ),
    (
        "paa-of-a-product",
        "a PAA with a product id",
        Result.PAA_FORMAT_INVALID,
        "PAA of no product",
        _ids("paa", None, PRODUCT),
    ),
)

_CHAIN: Final[tuple[Row, ...]] = (
    (
        "unknown-paa",
        "a chain of the forger's own, without fault, from an authority that nobody knows",
        Result.PAA_NOT_FOUND,
        "PAA trusted",
        lambda lab: setattr(lab, "known_paas", False),
    ),
    (
        "dac-expired",
        "a DAC that ended a day ago",
        Result.DAC_EXPIRED,
        "DAC valid now",
        _valid("dac", _BEGIN, NOW - _DAY),
    ),
    (
        "dac-not-yet-valid",
        "a DAC that begins tomorrow",
        Result.DAC_EXPIRED,
        "DAC valid now",
        _valid("dac", NOW + _DAY, NOW + 2 * _DAY),
    ),
    (
        "dac-signed-by-another",
        "a DAC that the PAI's key did not sign",
        *_BROKEN_CHAIN,
        _signed_by_another("dac"),
    ),
    (
        "pai-signed-by-another",
        "a PAI that the PAA's key did not sign",
        *_BROKEN_CHAIN,
        _signed_by_another("pai"),
    ),
    ("paa-signed-by-another", "a PAA that does not sign itself", *_BROKEN_CHAIN, _signed_by_another("paa")),
    (
        "dac-issuer-name",
        "a DAC whose issuer is not the PAI's subject",
        *_BROKEN_CHAIN,
        _named_otherwise("dac"),
    ),
    (
        "pai-issuer-name",
        "a PAI whose issuer is not the PAA's subject",
        *_BROKEN_CHAIN,
        _named_otherwise("pai"),
    ),
    ("paa-issuer-name", "a PAA whose issuer is not its subject", *_BROKEN_CHAIN, _named_otherwise("paa")),
    (
        "dac-older-than-pai",
        "a DAC that begins before its PAI does",
        *_BROKEN_CHAIN,
        _valid("pai", _BEGIN + _DAY, NOW + _DAY),
    ),
    (
        "dac-after-pai",
        "a DAC that begins when its PAI has ended",
        *_BROKEN_CHAIN,
        _valid("pai", _BEGIN - 2 * _DAY, _BEGIN - _DAY),
    ),
    (
        "dac-older-than-paa",
        "a DAC that begins before the PAA does",
        *_BROKEN_CHAIN,
        _valid("paa", _BEGIN + _DAY, NOW + _DAY),
    ),
    ("dac-revoked", "a DAC that its PAI took back", Result.DAC_REVOKED, "revocation", _revoke("dac")),
    ("pai-revoked", "a PAI that its PAA took back", Result.PAI_REVOKED, "revocation", _revoke("pai")),
    (
        "pai-and-dac-revoked",
        "both were taken back",
        Result.PAI_AND_DAC_REVOKED,
        "revocation",
        _revoke("pai", "dac"),
    ),
)

_ELEMENTS: Final[tuple[Row, ...]] = (
    ("elements-no-structure", "elements that are an array", *_MALFORMED, _no_structure),
    ("elements-trailing", "a byte behind the elements", *_MALFORMED, _trailing),
    ("elements-out-of-order", "the nonce before the declaration", *_MALFORMED, _swapped),
    ("elements-without-declaration", "no certification declaration", *_MALFORMED, _member(0, None)),
    ("elements-without-nonce", "no attestation nonce", *_MALFORMED, _member(1, None)),
    ("elements-without-time", "no timestamp", *_MALFORMED, _member(2, None)),
    (
        "time-too-wide",
        "a timestamp of more than 32 bits",
        *_MALFORMED,
        _member(2, tlv.unsigned(tlv.context(3), 1 << 32)),
    ),
    ("nonce-no-bytes", "a nonce that is text", *_MALFORMED, _member(1, tlv.text(tlv.context(2), "n" * 32))),
    (
        "element-twice",
        "two timestamps",
        *_MALFORMED,
        _added(tlv.unsigned(tlv.context(3), 1)),
    ),
    ("unknown-element", "context tag 5", *_MALFORMED, _added(tlv.octets(tlv.context(5), b"?"))),
    (
        "context-tag-behind-vendor-tag",
        "firmware information behind a vendor's own element",
        *_MALFORMED,
        _added(tlv.octets(tlv.profile(VENDOR, 1, 1), b"v"), tlv.octets(tlv.context(4), b"f")),
    ),
)
