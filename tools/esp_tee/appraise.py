"""What the claims say of the device, held against the reference values of a relying party."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..statement import Statement
from .claims import CERTIFICATE, PARTS, Form, lookup, shown
from .kinds import Kind
from .reference import Reference, SoftwareReference
from .shapes import Text

_NO_BOUND = (0, 0xFFFF)
_NAMES = {"tee": "the TEE", "app": "the application", "bootloader": "the boot loader"}


@dataclass(slots=True)
class Appraisal:
    """The three lists of a verdict."""

    reasons: list[Statement] = field(default_factory=list)
    warnings: list[Statement] = field(default_factory=list)
    notes: list[Statement] = field(default_factory=list)


def appraise(values: Mapping[str, Any], reference: Reference, form: Form) -> Appraisal:
    """Everything that is true of a well-made token and may still speak against its device."""
    found = Appraisal()
    for name in PARTS:
        _image(values, name, reference, found)
        _revision(values, name, found)
        found.reasons += _software(values, name, reference.software.get(name, SoftwareReference()))
    found.reasons += _device(values, reference)
    found.warnings += _certificate(values)
    if not reference.software:
        text = "no reference values were given: which firmware is good was not asked"
        found.notes.append(Statement(Kind.REFERENCE, text, "eat.sw_claims"))
    if form.has_nonce:
        text = "the REE chose client_id and psa_cert_ref in its request: the TEE repeats them"
        found.notes.append(Statement(Kind.ASSERTED_BY_REE, text, "eat"))
    return found


def _image(values: Mapping[str, Any], name: str, reference: Reference, found: Appraisal) -> None:
    """The TEE hashes each image anew, so these tell of now, not of the boot."""
    at = f"eat.sw_claims.{name}.part_digest"
    if lookup(values, f"{at}.digest_validated") is False:
        text = f"{_NAMES[name]} in flash does not have the digest that is written behind it"
        found.reasons.append(Statement(Kind.DIGEST_NOT_VALIDATED, text, f"{at}.digest_validated"))
    told = found.reasons if reference.secure_boot else found.warnings
    if lookup(values, f"{at}.sign_verified") is False:
        text = f"no verified signature on {_NAMES[name]}: Secure Boot is off, or the signature is bad"
        told.append(Statement(Kind.SECURE_BOOT, text, f"{at}.sign_verified"))
    if lookup(values, f"{at}.secure_padding") is False:
        text = f"{_NAMES[name]} is not padded to whole MMU pages: what is mapped behind it is not signed"
        told.append(Statement(Kind.SECURE_BOOT, text, f"{at}.secure_padding"))


def _revision(values: Mapping[str, Any], name: str, found: Appraisal) -> None:
    """ESP-IDF bootloader_common_check_chip_revision_validity: 0 and 65535 are no upper bound.

    An eFuse that no token shows may lift the upper bound, so that one warns.
    """
    chip = lookup(values, "eat.device_ver")
    at = f"eat.sw_claims.{name}.part_chip_rev"
    least, most = lookup(values, f"{at}.min"), lookup(values, f"{at}.max")
    if not all(isinstance(number, int) for number in (chip, least, most)):
        return
    text = f"{_NAMES[name]} is for chip revisions {least}..{most}, and this chip has {chip}"
    if chip < least:
        found.reasons.append(Statement(Kind.CHIP_REVISION, text, at))
    elif most not in _NO_BOUND and chip > most:
        found.warnings.append(Statement(Kind.CHIP_REVISION, text, at))


def _software(values: Mapping[str, Any], name: str, wanted: SoftwareReference) -> Iterator[Statement]:
    at = f"eat.sw_claims.{name}"
    digests = [digest.hex() for digest in wanted.digests]
    yield from _one_of(values, f"{at}.part_digest.calc_digest", digests)
    yield from _one_of(values, f"{at}.ver", wanted.versions)
    yield from _one_of(values, f"{at}.idf_ver", wanted.idf_versions)
    if wanted.min_secure_version is not None:
        yield from _at_least(values, f"{at}.secure_ver", wanted.min_secure_version)


def _device(values: Mapping[str, Any], wanted: Reference) -> Iterator[Statement]:
    if wanted.client_id is not None:
        # Printed as a signed number, as the nonce is.
        signed = wanted.client_id - (1 << 32) if wanted.client_id >> 31 else wanted.client_id
        yield from _one_of(values, "eat.client_id", (signed,))
    yield from _one_of(values, "eat.psa_cert_ref", wanted.psa_cert_refs)
    yield from _one_of(values, "eat.device_status", wanted.device_status)
    yield from _one_of(values, "eat.chip_id", wanted.chip_ids)
    if wanted.min_device_version is not None:
        yield from _at_least(values, "eat.device_ver", wanted.min_device_version)


def _one_of(values: Mapping[str, Any], path: str, wanted: Any) -> Iterator[Statement]:
    value = lookup(values, path)
    if wanted and value not in wanted:
        found = "nothing" if value is None else shown(value)
        text = f"found {found}; the reference is {' or '.join(shown(one) for one in wanted)}"
        yield Statement(Kind.REFERENCE, text, path)


def _at_least(values: Mapping[str, Any], path: str, least: int) -> Iterator[Statement]:
    value = lookup(values, path)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        found = "nothing" if value is None else shown(value)
        yield Statement(Kind.REFERENCE, f"found {found}; the reference is at least {least}", path)


def _certificate(values: Mapping[str, Any]) -> Iterator[Statement]:
    """PSA certification ids are an EAN-13, a dash and five digits."""
    value = lookup(values, "eat.psa_cert_ref")
    shape = Text("", 19, CERTIFICATE)
    if isinstance(value, str) and not shape.fits(value):
        text = f"found {shown(value)}, no number of a PSA certificate (13 digits, dash, 5 digits)"
        yield Statement(Kind.CLAIM_VALUE, text, "eat.psa_cert_ref")
