"""Forged certificates: every cell of the rule table (Matter 1.4 6.2.2.3, 6.2.2.4, 6.2.2.5) broken once."""

from collections.abc import Callable, Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384

from ..commissioner.results import AttestationVerificationResult as Result
from .certificates import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    COMMON_NAME,
    KEY_USAGE,
    PRODUCT_ID,
    SUBJECT_KEY_ID,
    VENDOR_ID,
    CertificatePlan,
    authority_key_id,
    basic_constraints,
    key_usage,
    subject_key_id,
)
from .lab import Lab, changed_name

Change = Callable[[Lab], object]
Edit = Callable[[CertificatePlan], object]

_P384_SCALAR: Final = 0xF0F1
_FORMAT: Final = {
    "dac": (Result.DAC_FORMAT_INVALID, "DAC format"),
    "pai": (Result.PAI_FORMAT_INVALID, "PAI format"),
    "paa": (Result.PAA_FORMAT_INVALID, "PAA format"),
}
_NAMES: Final = {"dac": "DAC", "pai": "PAI", "paa": "PAA"}


def certificate_forgeries() -> Iterator[tuple[str, str, Result, str, Change]]:
    """One for each rule and certificate that it is about."""
    for plan, (result, rule) in _FORMAT.items():
        for name, text, edit in (*_ALL, *_OF[plan]):
            whole = f"{plan}-{name}", f"a {_NAMES[plan]} {text}"
            yield *whole, result, rule, _edited(plan, edit)
        if plan == "paa":
            # Matter 1.4 6.2.2.5: a PAA may have an authority key id; wrong ones only are forgeries.
            continue
        yield (
            f"{plan}-without-authority-key-id",
            f"a {_NAMES[plan]} without an authority key id",
            result,
            rule,
            _edited(plan, _dropped(AUTHORITY_KEY_ID)),
        )
    for plan in ("dac", "pai"):
        result = _FORMAT[plan][0]
        for name, text, kind, texts in _BAD_IDS:
            yield (
                f"{plan}-{name}",
                f"a {_NAMES[plan]} with {text}",
                result,
                "vendor id of DAC and PAI",
                _edited(plan, _renamed(kind, *texts)),
            )
        for name, text in _BAD_COMMON_NAMES:
            yield (
                f"{plan}-{name}",
                f"a {_NAMES[plan]} with ids in its common name alone, {text}",
                result,
                "vendor id of DAC and PAI",
                _edited(plan, _set("subject", [(COMMON_NAME, text)])),
            )


def _edited(plan: str, edit: Edit) -> Change:
    return lambda lab: edit(getattr(lab, plan))


def _set(field: str, value: object) -> Edit:
    return lambda certificate: setattr(certificate, field, value)


def _dropped(kind: str) -> Edit:
    return lambda certificate: certificate.extensions.pop(kind)


def _criticality(kind: str, critical: bool) -> Edit:
    return lambda certificate: setattr(certificate.extensions[kind], "critical", critical)


def _value(kind: str, value: bytes) -> Edit:
    return lambda certificate: setattr(certificate.extensions[kind], "value", value)


def _renamed(kind: str, *texts: str) -> Edit:
    def edit(certificate: CertificatePlan) -> None:
        certificate.subject = changed_name(certificate.subject, kind, *texts)

    return edit


def _long_name(certificate: CertificatePlan) -> None:
    certificate.subject = changed_name(certificate.subject, COMMON_NAME, "x" * 400)


def _another_curve(certificate: CertificatePlan) -> None:
    certificate.key = ec.derive_private_key(_P384_SCALAR, ec.SECP384R1())


_ALL: Final[tuple[tuple[str, str, Edit], ...]] = (
    ("garbage", "that is no DER", lambda certificate: setattr(certificate, "garbled", True)),
    ("version-1", "of X.509 version 1", _set("version", 1)),
    ("version-2", "of X.509 version 2", _set("version", 2)),
    ("sha384", "signed with SHA-384", _set("hash_algorithm", SHA384())),
    ("p384", "of a P-384 key", _another_curve),
    ("too-long", "of more than 600 bytes", _long_name),
    ("without-basic-constraints", "without basic constraints", _dropped(BASIC_CONSTRAINTS)),
    (
        "lax-basic-constraints",
        "whose basic constraints are not critical",
        _criticality(BASIC_CONSTRAINTS, False),
    ),
    ("without-key-usage", "without key usage", _dropped(KEY_USAGE)),
    ("lax-key-usage", "whose key usage is not critical", _criticality(KEY_USAGE, False)),
    ("without-subject-key-id", "without a subject key id", _dropped(SUBJECT_KEY_ID)),
    ("critical-subject-key-id", "whose subject key id is critical", _criticality(SUBJECT_KEY_ID, True)),
    ("critical-authority-key-id", "whose authority key id is critical", _criticality(AUTHORITY_KEY_ID, True)),
    (
        "subject-key-id-size",
        "with a subject key id of 19 bytes",
        _value(SUBJECT_KEY_ID, subject_key_id(bytes(19))),
    ),
    (
        "authority-key-id-size",
        "with an authority key id of 19 bytes",
        _value(AUTHORITY_KEY_ID, authority_key_id(bytes(19))),
    ),
)
_AUTHORITY: Final[tuple[tuple[str, str, Edit], ...]] = (
    ("no-ca", "that is no CA", _value(BASIC_CONSTRAINTS, basic_constraints(False, None))),
    ("no-crl-sign", "that may not sign CRLs", _value(KEY_USAGE, key_usage(5))),
    ("no-cert-sign", "that may not sign certificates", _value(KEY_USAGE, key_usage(6))),
    ("wide-key-usage", "that may agree on keys as well", _value(KEY_USAGE, key_usage(4, 5, 6))),
)
_OF: Final[dict[str, tuple[tuple[str, str, Edit], ...]]] = {
    "dac": (
        ("ca", "that is a CA", _value(BASIC_CONSTRAINTS, basic_constraints(True, None))),
        ("path-length", "with a path length", _value(BASIC_CONSTRAINTS, basic_constraints(False, 0))),
        ("wide-key-usage", "that may agree on keys as well", _value(KEY_USAGE, key_usage(0, 4))),
        ("cert-sign", "that may sign certificates", _value(KEY_USAGE, key_usage(0, 5))),
        ("no-signatures", "that may sign nothing", _value(KEY_USAGE, key_usage(4))),
    ),
    "pai": (
        *_AUTHORITY,
        ("path-length", "with path length 1", _value(BASIC_CONSTRAINTS, basic_constraints(True, 1))),
        ("no-path-length", "without a path length", _value(BASIC_CONSTRAINTS, basic_constraints(True, None))),
        (
            "no-ca-path-length",
            "that is no CA, with path length 0",
            _value(BASIC_CONSTRAINTS, basic_constraints(False, 0)),
        ),
    ),
    "paa": (
        *_AUTHORITY,
        ("path-length", "with path length 0", _value(BASIC_CONSTRAINTS, basic_constraints(True, 0))),
        ("path-length-2", "with path length 2", _value(BASIC_CONSTRAINTS, basic_constraints(True, 2))),
        (
            "no-ca-path-length",
            "that is no CA, with path length 1",
            _value(BASIC_CONSTRAINTS, basic_constraints(False, 1)),
        ),
    ),
}
# Matter 1.4 6.2.2.2: a prefix without four upper-case digits behind it.
_BAD_COMMON_NAMES: Final = (
    ("common-name-vendor-id", "Mvid:fff1 Mpid:8004"),
    ("common-name-product-id", "Mvid:FFF1 Mpid:80"),
)
_BAD_IDS: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("two-vendor-ids", "two vendor ids", VENDOR_ID, ("FFF1", "FFF1")),
    ("lower-case-vendor-id", "a vendor id in lower case", VENDOR_ID, ("fff1",)),
    ("short-vendor-id", "a vendor id of three digits", VENDOR_ID, ("FF1",)),
    ("two-product-ids", "two product ids", PRODUCT_ID, ("8004", "8004")),
    ("lower-case-product-id", "a product id in lower case", PRODUCT_ID, ("80aa",)),
    ("short-product-id", "a product id of three digits", PRODUCT_ID, ("804",)),
)
