"""Judge an ESP-TEE token: its text, key, signature, claims, freshness and, by reference values, its device.

A token carries the key that verifies it. Anybody can make such a thing, so a good signature says nothing
until the relying party finds that key among those that it enrolled.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ..statement import Statement
from ..verifier.cose import SignatureState
from ..verifier.keys import EcKey
from .appraise import appraise
from .claims import ClaimResult, Form, conflicts, form_of, judge, lookup, shown, unknown
from .json_members import JsonUnreadable, Member, members
from .kinds import Kind
from .reference import Enrolled, Reference, Register, point_key

SIGNED: Final = ("header", "eat", "public_key")
"""The members whose texts are signed, in this order and with nothing between them."""
_NO_REFERENCE: Final = Reference()


@dataclass(frozen=True, slots=True)
class EspVerdict:
    """Accepted (``ok``) exactly if there is no reason against the token."""

    ok: bool
    size: int
    form: Form | None
    signature: SignatureState
    device: Enrolled | None
    reasons: tuple[Statement, ...]
    warnings: tuple[Statement, ...]
    notes: tuple[Statement, ...]
    claims: tuple[ClaimResult, ...]

    def kinds(self) -> frozenset[str]:
        """The kinds of all reasons, for a quick look."""
        return frozenset(reason.kind.value for reason in self.reasons)

    def claim(self, path: str) -> Any:
        """A claim's value by its dotted path, None where there is none."""
        return next((result.value for result in self.claims if result.path == path), None)

    def as_json(self) -> dict[str, Any]:
        """The same as data for ``json.dumps``."""
        return {
            "ok": self.ok,
            "size": self.size,
            "form": self.form.value if self.form else None,
            "signature": self.signature.value,
            "device": self.device.name if self.device else None,
            "reasons": [statement.as_json() for statement in self.reasons],
            "warnings": [statement.as_json() for statement in self.warnings],
            "notes": [statement.as_json() for statement in self.notes],
            "claims": [result.as_json() for result in self.claims],
        }


def verify(
    token: bytes,
    register: Register,
    *,
    challenge: bytes | None = None,
    nonce: int | None = None,
    reference: Reference | None = None,
) -> EspVerdict:
    """The verdict on a token. ``challenge``: 32, 48 or 64 bytes; ``nonce``: 32 bits, of the older forms.

    Never raises for what is in ``token``.
    """
    try:
        parts = members(token)
    except JsonUnreadable as error:
        return _unreadable(token, error.statement)
    values = {name: part.value for name, part in parts.items()}
    form = form_of(values)
    shape = tuple(_shape(values))
    claims = judge(values, form)
    key, key_reasons = _key(values)
    device, trust = _trusted(register, key, values)
    state, signature = _signature(parts, values, key, device)
    wanted = _NO_REFERENCE if reference is None else reference
    appraised = appraise(values, wanted, form)
    reasons = (
        *shape,
        *(reason for result in claims for reason in result.reasons),
        *conflicts(values, form),
        *key_reasons,
        *trust,
        *signature,
        *_identity(values, key),
        *_freshness(values, form, challenge, nonce),
        *appraised.reasons,
    )
    return EspVerdict(
        ok=not reasons,
        size=len(token),
        form=form,
        signature=state,
        device=device,
        reasons=reasons,
        warnings=(*unknown(values, form), *appraised.warnings),
        notes=(*_fresh_notes(form, challenge, nonce), *appraised.notes),
        claims=claims,
    )


def _unreadable(token: bytes, statement: Statement) -> EspVerdict:
    state = SignatureState.NOT_CHECKED
    return EspVerdict(False, len(token), None, state, None, (statement,), (), (), ())


def _shape(values: Mapping[str, Any]) -> Iterator[Statement]:
    for name in (*SIGNED, "sign"):
        if not isinstance(values.get(name), dict):
            found = shown(values[name]) if name in values else "no such member"
            yield Statement(Kind.TOKEN_SHAPE, f"found {found}; legal: an object", name)


def _key(values: Mapping[str, Any]) -> tuple[EcKey | None, tuple[Statement, ...]]:
    """The key that the token carries; it is a claim like any other until it is found enrolled."""
    where = "public_key.compressed"
    raw = _octets(values, where)
    if raw is None or len(raw) != 33 or raw[0] not in (2, 3):
        return None, ()  # told by the table of claims
    key = point_key(raw)
    if key is None:
        text = f"found {raw.hex()}, no point on P-256; legal: 02 or 03 and the X of a point"
        return None, (Statement(Kind.KEY_INVALID, text, where),)
    return key, ()


def _trusted(
    register: Register, key: EcKey | None, values: Mapping[str, Any]
) -> tuple[Enrolled | None, tuple[Statement, ...]]:
    """The enrolment of the token's key, and whether it is this device's."""
    if key is None:
        text = "no key in the token to look for among the enrolled ones"
        return None, (Statement(Kind.NO_TRUST_ANCHOR, text, "public_key"),)
    device, claimed = register.find(key.point()), _octets(values, "eat.device_id")
    if device is None:
        names = [other.name for other in register.of_device(claimed)] if claimed else []
        which = f"; {', '.join(names)} has another" if names else ""
        text = f"the key is not enrolled{which}: what a token says of its own key proves nothing"
        return None, (Statement(Kind.NO_TRUST_ANCHOR, text, "public_key"),)
    if device.device_id is not None and claimed is not None and device.device_id != claimed:
        text = f"the key is enrolled for {device.name} with device id {device.device_id.hex()}"
        return device, (Statement(Kind.KEY_OF_ANOTHER, f"found {claimed.hex()}; {text}", "eat.device_id"),)
    return device, ()


def _signature(
    parts: Mapping[str, Member], values: Mapping[str, Any], key: EcKey | None, device: Enrolled | None
) -> tuple[SignatureState, tuple[Statement, ...]]:
    """ECDSA P-256 over the texts of the three members as they were transmitted."""
    r, s = _octets(values, "sign.r"), _octets(values, "sign.s")
    signed = [parts[name].text for name in SIGNED if name in parts]
    if key is None or r is None or s is None or len(signed) != len(SIGNED):
        text = "not checked: a key, a signature or a signed part is missing"
        return SignatureState.NOT_CHECKED, (Statement(Kind.SIGNATURE_INVALID, text, "sign"),)
    encoded = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        key.public.verify(encoded, b"".join(signed), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        whose = f"the key of {device.name}" if device else "the token's own key"
        text = f"does not verify with {whose}"
        return SignatureState.INVALID, (Statement(Kind.SIGNATURE_INVALID, text, "sign"),)
    return SignatureState.VALID, ()


def _identity(values: Mapping[str, Any], key: EcKey | None) -> Iterator[Statement]:
    """Ids that are hashes of something else in the token."""
    instance = _octets(values, "eat.instance_id")
    if key is not None and instance is not None:
        wanted = hashlib.sha256(key.x + key.y).digest()
        if instance != wanted:
            text = f"found {instance.hex()}; legal: {wanted.hex()}, the SHA-256 of the key's X and Y"
            yield Statement(Kind.INSTANCE_ID, text, "eat.instance_id")
    mac, device = _octets(values, "eat.ueid.mac"), _octets(values, "eat.device_id")
    if mac is not None and device is not None and hashlib.sha256(mac).digest() != device:
        text = f"found {device.hex()}; legal: the SHA-256 of the MAC {mac.hex(':')}"
        yield Statement(Kind.DEVICE_ID, text, "eat.device_id")


def _freshness(
    values: Mapping[str, Any], form: Form, challenge: bytes | None, nonce: int | None
) -> Iterator[Statement]:
    if challenge is not None:
        found = _octets(values, "eat.auth_challenge")
        if found is None or not hmac.compare_digest(found, challenge):
            told = "no challenge" if found is None else found.hex()
            text = f"found {told}; legal: the challenge {challenge.hex() or 'of no bytes'}"
            yield Statement(Kind.NONCE_MISMATCH, text, "eat.auth_challenge")
    if nonce is not None:
        number = lookup(values, "eat.nonce")
        # The device prints its unsigned 32 bits as a signed number.
        if not isinstance(number, int) or isinstance(number, bool) or number & 0xFFFFFFFF != nonce:
            told = "no nonce" if number is None else shown(number)
            text = f"found {told}; legal: {_signed(nonce)}, the nonce {nonce:#010x}"
            yield Statement(Kind.NONCE_MISMATCH, text, "eat.nonce")


def _fresh_notes(form: Form, challenge: bytes | None, nonce: int | None) -> Iterator[Statement]:
    where = "eat.nonce" if form.has_nonce else "eat.auth_challenge"
    if challenge is None and nonce is None:
        yield Statement(Kind.FRESHNESS, "no challenge was given: the token may be a replay", where)
    elif form.has_nonce:
        text = "a nonce of 32 bits: who can ask the device often enough has an answer for any"
        yield Statement(Kind.FRESHNESS, text, where)


def _signed(nonce: int) -> int:
    return nonce - (1 << 32) if nonce >> 31 else nonce


def _octets(values: Mapping[str, Any], path: str) -> bytes | None:
    """The bytes of a hex claim, None if it is none."""
    value = lookup(values, path)
    try:
        return bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        return None
