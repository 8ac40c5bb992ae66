"""What makes another payload of a message: under the old signature, or signed by the device."""

from collections.abc import Callable
from dataclasses import replace

from ..verifier import Kind
from .mutation import ACCEPTED, Deserved, KeyNeed, OnMessage, Rule, Trait, refused
from .subject import Part, Target

FORGED = refused(Kind.SIGNATURE_INVALID)
COVERED = Rule("the signature covers the exact payload bytes", "RFC 9052 4.4")
APPRAISED = Rule(
    "legal claims, truly signed: whether they are wanted is for the appraisal to say", "RFC 9783 4.4, 7"
)


def both(
    name: str,
    what: str,
    change: Callable[[Target], bytes],
    *traits: Trait,
    deserves: Deserved = ACCEPTED,
    rule: Rule = APPRAISED,
) -> tuple[OnMessage, OnMessage]:
    """The same new payload under the old signature, and signed by the device."""
    return (
        OnMessage(
            name,
            f"{what}, under the old signature",
            FORGED,
            COVERED,
            lambda target: replace(target.message, payload=change(target)).encode(),
            traits,
        ),
        signed(name, what, deserves, rule, change, *traits),
    )


def signed(
    name: str,
    what: str,
    deserves: Deserved,
    rule: Rule,
    change: Callable[[Target], bytes],
    *traits: Trait,
    parts: tuple[Part, ...] = tuple(Part),
) -> OnMessage:
    """A new payload, signed by the device."""
    return OnMessage(
        f"{name}-resigned",
        f"{what}, signed by the device",
        deserves,
        rule,
        lambda target: target.signed(change(target)).encode(),
        traits,
        KeyNeed.SIGNER,
        parts=parts,
    )


def put(claim: str, value: bytes | Callable[[Target], bytes]) -> Callable[[Target], bytes]:
    """The payload with another encoded value of a claim."""
    return lambda t: t.claims.put(t.label(claim), value(t) if callable(value) else value).encode()
