"""The claim tables of ESP-TEE tokens, and each claim's own verdict.

Four forms have been written by ESP-IDF, told apart by how they keep fresh, name the key and name the device.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ..statement import Statement
from .kinds import Kind
from .shapes import Either, Flag, Hex, Int, Shape, Text

MAGIC: Final = "44fef7cc"
SIGN_ALG: Final = "ecdsa_secp256r1_sha256"
PARTS: Final = {"tee": 1, "app": 2, "bootloader": 0}
"""The software claims, with esp_att_part_type_t of each."""
CERTIFICATE: Final = r"\d{13}-\d{5}"


class Form(StrEnum):
    """Which generation of ESP-IDF wrote the token."""

    SLOT = "slot"
    """A nonce of 32 bits, the key named by its slot: the first ESP-TEE, 2024."""
    STRING_ID = "string-id"
    """A nonce of 32 bits, the key named by a string (ESP-IDF v5.5)."""
    PSA = "psa"
    """An authentication challenge in place of the nonce: the PSA call asks for it (2025-12)."""
    PSA_UEID = "psa-ueid"
    """The same with the chip's number and its unique ids (2026-05)."""

    @property
    def has_nonce(self) -> bool:
        """The freshness is a number of 32 bits that the REE gave."""
        return self in (Form.SLOT, Form.STRING_ID)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the table: a dotted path and the shape of its value."""

    path: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The verdict on one claim: ``present`` is False where it is missing."""

    path: str
    value: Any
    present: bool
    reasons: tuple[Statement, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "path": self.path,
            "present": self.present,
            "ok": self.ok,
            "value": self.value,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


_LONGEST_STEP: Final = 40
_KEY_NAME: Final = Text("a key's name of 1 to 31 characters", 31, r"[^\x00-\x1f]+")
_HEAD: Final = (
    Claim("header.magic", Text(repr(MAGIC), 8, MAGIC)),
    Claim("header.encr_alg", Text("an empty string: no token is encrypted", 0)),
    Claim("header.sign_alg", Text(repr(SIGN_ALG), 31, SIGN_ALG)),
    Claim(
        "header.key_id",
        Either(Int(0, 0xFFFF), _KEY_NAME),
    ),
)
_NONCE: Final = (Claim("eat.nonce", Int()),)
_CHALLENGE: Final = (Claim("eat.auth_challenge", Hex((32, 48, 64))),)
_CHIP: Final = (
    Claim("eat.chip_id", Int(0)),
    Claim("eat.ueid.mac", Hex((6,))),
    Claim("eat.ueid.optional_id", Hex((16,))),
)
_DEVICE: Final = (
    Claim("eat.client_id", Int()),
    Claim("eat.device_ver", Int(0)),
    Claim("eat.device_id", Hex((32,))),
    Claim("eat.instance_id", Hex((32,))),
    Claim("eat.psa_cert_ref", Text("a string of at most 31 characters")),
    Claim("eat.device_status", Int(0, 255)),
)
_TAIL: Final = (
    Claim("public_key.compressed", Hex((33,), "0[23]")),
    Claim("sign.r", Hex((32,))),
    Claim("sign.s", Hex((32,))),
)


def _part(name: str, number: int) -> tuple[Claim, ...]:
    at = f"eat.sw_claims.{name}"
    version = Text("a string of at most 31 characters")
    padding = () if name == "bootloader" else (Claim(f"{at}.part_digest.secure_padding", Flag()),)
    return (
        Claim(f"{at}.type", Int(number, number)),
        Claim(f"{at}.ver", version),
        Claim(f"{at}.idf_ver", version),
        Claim(f"{at}.secure_ver", Int()),
        Claim(f"{at}.part_chip_rev.min", Int(0, 0xFFFF)),
        Claim(f"{at}.part_chip_rev.max", Int(0, 0xFFFF)),
        Claim(f"{at}.part_digest.type", Int(0, 0)),
        Claim(f"{at}.part_digest.calc_digest", Hex((32,))),
        Claim(f"{at}.part_digest.digest_validated", Flag()),
        Claim(f"{at}.part_digest.sign_verified", Flag()),
        *padding,
    )


_SOFTWARE: Final = tuple(claim for name, number in PARTS.items() for claim in _part(name, number))


def form_of(values: Mapping[str, Any]) -> Form:
    """Which form a token has, by what it holds; a token of none has the nearest, whose claims it lacks."""
    eat, header = _object(values.get("eat")), _object(values.get("header"))
    if "auth_challenge" in eat:
        return Form.PSA_UEID if "ueid" in eat or "chip_id" in eat else Form.PSA
    return Form.STRING_ID if isinstance(header.get("key_id"), str) else Form.SLOT


def table(form: Form, values: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The claims of a form. Chip id and unique ids may be in any token, but only all together."""
    eat = _object(values.get("eat"))
    chip = _CHIP if "ueid" in eat or "chip_id" in eat else ()
    fresh = _NONCE if form.has_nonce else _CHALLENGE
    return (*_HEAD, *fresh, *chip, *_DEVICE, *_SOFTWARE, *_TAIL)


def judge(values: Mapping[str, Any], form: Form) -> tuple[ClaimResult, ...]:
    """Each claim of the form's table: is it there, of its type, within its range."""
    return tuple(_judge(claim, values) for claim in table(form, values))


def conflicts(values: Mapping[str, Any], form: Form) -> Iterator[Statement]:
    """What is there and must not be beside the rest."""
    eat = _object(values.get("eat"))
    if "nonce" in eat and "auth_challenge" in eat:
        text = "a nonce beside the authentication challenge; legal: one of them"
        yield Statement(Kind.CLAIM_CONFLICT, text, "eat.nonce")
    header = _object(values.get("header"))
    if not form.has_nonce and isinstance(header.get("key_id"), int):
        text = "a slot number in a token with an authentication challenge; legal: a key's name"
        yield Statement(Kind.CLAIM_CONFLICT, text, "header.key_id")
    boot = _object(_object(_object(eat.get("sw_claims")).get("bootloader")).get("part_digest"))
    if "secure_padding" in boot:
        text = "secure padding of a boot loader; legal: of TEE and application alone"
        yield Statement(Kind.CLAIM_CONFLICT, text, "eat.sw_claims.bootloader.part_digest.secure_padding")


def unknown(values: Mapping[str, Any], form: Form) -> Iterator[Statement]:
    """Claims that no table has. A receiver goes on without them."""
    known = {claim.path for claim in table(form, values)} | {"eat.nonce"}
    known.add("eat.sw_claims.bootloader.part_digest.secure_padding")
    for path in _paths(values):
        if not any(claim == path or claim.startswith(f"{path}.") for claim in known):
            signed = path.split(".")[0] in ("header", "eat", "public_key")
            text = "a claim that this form does not have" if signed else "a member that nothing signs"
            yield Statement(Kind.CLAIM_UNKNOWN, f"{text}, ignored", path)


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = values
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def shown(value: Any) -> str:
    """A value as messages show it, cut where it is long."""
    text = ascii(value)
    return text if len(text) <= 140 else f"{text[:60]}..."


def _judge(claim: Claim, values: Mapping[str, Any]) -> ClaimResult:
    value = lookup(values, claim.path)
    if value is None:
        reason = Statement(Kind.CLAIM_MISSING, f"missing; legal: {claim.shape.legal}", claim.path)
        return ClaimResult(claim.path, None, False, (reason,))
    if not claim.shape.of_type(value):
        kind = Kind.CLAIM_TYPE
    elif not claim.shape.fits(value):
        kind = Kind.HEADER if claim.path.startswith("header.") else Kind.CLAIM_VALUE
    else:
        return ClaimResult(claim.path, value, True)
    text = f"found {shown(value)}; legal: {claim.shape.legal}"
    return ClaimResult(claim.path, value, True, (Statement(kind, text, claim.path),))


def _paths(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """All paths down to what is no object, and below an object that is empty the object itself."""
    for name, value in values.items():
        path = prefix + _step(name)
        if isinstance(value, dict) and value:
            yield from _paths(value, f"{path}.")
        else:
            yield path


def _step(name: str) -> str:
    """A member's name as a step of a path: one line, no dot of its own, and cut where no table has it."""
    text = name.encode("ascii", "backslashreplace").decode().replace(".", "\\.")
    return text if len(text) <= _LONGEST_STEP else f"{text[:_LONGEST_STEP]}..."


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
