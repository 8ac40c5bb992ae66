"""Claims forged under an old signature, and old tokens against new challenges."""

from ..tokens.cbor_writer import write_bytes, write_int
from ..verifier import Kind
from .mutation import KeyNeed, OnMessage, Rule, Trait, refused
from .payloads import COVERED, FORGED
from .subject import Part, Target
from .traits import (
    BARE,
    NOT_REALM,
    has,
)

FRESH = Rule("the nonce is the challenge that the verifier gave", "RFC 9783 4.1.1")


def _forged_for(target: Target) -> bytes:
    claims = target.claims.put(target.label("nonce"), write_bytes(_challenge(target)))
    return target.signed(claims.encode(), key=target.own_key).encode()


def _challenge(target: Target) -> bytes:
    return target.means.material("challenge", len(target.octets("nonce")))


LIFECYCLE = Trait(
    "a lifecycle other than 0x3000", lambda target: target.claim("lifecycle") != write_int(0x3000)
)
CHANGED = (
    OnMessage(
        "lifecycle-changed",
        "a debug state turned into secured, or secured into debug, under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("lifecycle", write_int(0x3000 if LIFECYCLE.holds(t) else 0x5000)),
        (has("lifecycle"),),
    ),
    OnMessage(
        "client-id-changed",
        "another client id under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("client-id", write_int(0x7ABC)),
        (has("client-id"),),
    ),
    OnMessage(
        "instance-id-changed",
        "the instance id of another device under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("instance-id", write_bytes(b"\x01" + t.means.material("instance", 32))),
        (has("instance-id"),),
    ),
    OnMessage(
        "boot-seed-changed",
        "another boot seed under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("boot-seed", write_bytes(t.means.material("seed", 32))),
        (has("boot-seed"),),
    ),
    OnMessage(
        "implementation-id-changed",
        "another implementation id under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("implementation-id", write_bytes(t.means.material("implementation", 32))),
        (has("implementation-id"),),
    ),
)
PADDED = Trait("a nonce of 32 or 48 bytes", lambda target: len(target.octets("nonce")) < 64)
FRESHNESS = (
    OnMessage(
        "nonce-replay",
        "the token as it is, against a new challenge",
        refused(Kind.NONCE_MISMATCH),
        FRESH,
        lambda t: t.message.encode(),
        new_challenge=True,
        parts=BARE,
    ),
    OnMessage(
        "nonce-replaced",
        "the new challenge in an old token, under the old signature",
        FORGED,
        COVERED,
        lambda t: t.unsigned_claim("nonce", write_bytes(_challenge(t))),
        new_challenge=True,
        parts=BARE,
    ),
    OnMessage(
        "nonce-forged",
        "the new challenge, signed by a key of the attacker's",
        FORGED,
        COVERED,
        _forged_for,
        need=KeyNeed.OWN,
        new_challenge=True,
        parts=BARE,
    ),
    OnMessage(
        "nonce-replaced-resigned",
        "another nonce, signed by the device",
        refused(Kind.NONCE_MISMATCH),
        FRESH,
        lambda t: t.with_claim("nonce", write_bytes(_challenge(t))),
        need=KeyNeed.SIGNER,
        parts=BARE,
    ),
    OnMessage(
        "nonce-padded-resigned",
        "the challenge with zeros up to 64 bytes, signed by the device",
        refused(Kind.NONCE_MISMATCH),
        FRESH,
        lambda t: t.with_claim("nonce", write_bytes(t.octets("nonce").ljust(64, b"\x00"))),
        (PADDED, NOT_REALM),
        KeyNeed.SIGNER,
        parts=BARE,
    ),
    OnMessage(
        "nonce-replaced-resigned",
        "another nonce in the realm's token, signed by the realm",
        refused(Kind.NONCE_MISMATCH),
        Rule("the realm's challenge is the verifier's", "RMM A7.2.3.1"),
        lambda t: t.with_claim("nonce", write_bytes(_challenge(t))),
        need=KeyNeed.SIGNER,
        parts=(Part.REALM,),
    ),
)
MUTATIONS = (*CHANGED, *FRESHNESS)
