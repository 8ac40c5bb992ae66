"""Mutations of a CCA collection as a whole."""

from collections.abc import Callable

from ..tokens.cbor_writer import (
    write_bytes,
    write_int,
    write_text,
)
from ..verifier import Kind
from . import composing as make
from .anatomy import Nest, Pieces
from .composing import RAK, RAK_HASH, pieces_of
from .mutation import (
    Deserved,
    KeyNeed,
    Mutation,
    Rule,
    refused,
    refused_for_one,
    tolerated,
)
from .subject import Part, Subject

BOUND = Rule(
    "the platform's nonce is the hash of the realm's key as carried, by the hash that 44240 names",
    "RMM A7.2.3.1",
)
FRAME = Rule("907 holds records [263, token], 399 bare tokens", "RMM A7.2.2, draft-ffm-rats-cca-token")
TWO = Rule("both tokens, each under its own label", "RMM A7.2.2")
UNSIGNED = Rule("nobody signs the frame: what it says besides is ignored", "RMM A7.2.2")
INDICATOR = Rule("a record's indicator, where there is one, says evidence (bit 2)", "RFC 9999 3.1")
KEY_FORM = Rule("a COSE_Key under a profile, a bare point without; on the curve", "RMM A7.2.3.1.4")
BENT, MISMATCH = refused(Kind.COLLECTION_SHAPE), refused(Kind.BINDING_MISMATCH)
Suits = Callable[[Subject], bool]
Change = Callable[[Subject], bytes]


def _always(subject: Subject) -> bool:
    return True


def on_collection(
    name: str,
    what: str,
    deserves: Deserved,
    rule: Rule,
    change: Change,
    only: Suits = _always,
    only_label: str = "",
    need: KeyNeed = KeyNeed.NONE,
    *,
    forms: tuple[type, ...] = (Pieces,),
    new_challenge: bool = False,
) -> Mutation:
    """A mutation of what holds two tokens; ``forms`` says of a collection alone, or of a nest too."""
    return Mutation(
        name=f"cca-{name}",
        base=f"cca-{name}",
        what=what,
        applies=("a collection" if forms == (Pieces,) else "a collection or nest")
        + (f"; {only_label}" if only_label else ""),
        need=need,
        deserves=deserves,
        rule=rule,
        new_challenge=new_challenge,
        suits=lambda subject: isinstance(subject.whole, forms) and only(subject),
        change=change,
    )


def _device(
    name: str,
    what: str,
    deserves: Deserved,
    rule: Rule,
    change: Change,
    only: Suits = _always,
    only_label: str = "",
) -> Mutation:
    """The platform's token signed anew by the device."""
    return on_collection(
        f"{name}-resigned",
        f"{what}, signed by the device",
        deserves,
        rule,
        change,
        lambda subject: make.has_device_key(subject) and subject.can_put(Part.PLATFORM) and only(subject),
        only_label,
        KeyNeed.SIGNER,
        forms=(Pieces, Nest),
    )


def _realm(
    name: str,
    what: str,
    deserves: Deserved,
    rule: Rule,
    change: Change,
    only: Suits = _always,
    only_label: str = "",
) -> Mutation:
    """The realm's token signed anew by the realm."""
    return on_collection(
        f"{name}-resigned",
        f"{what}, signed by the realm",
        deserves,
        rule,
        change,
        lambda subject: make.has_realm_key(subject) and only(subject),
        only_label,
        KeyNeed.SIGNER,
        forms=(Pieces, Nest),
    )


BOND = (
    on_collection(
        "rak-swapped",
        "a realm token with a key of the attacker's, signed by it",
        MISMATCH,
        BOUND,
        make.rak_swapped,
        need=KeyNeed.OWN,
        forms=(Pieces, Nest),
    ),
    _device(
        "binding-mismatch",
        "a platform token with a nonce at random",
        MISMATCH,
        BOUND,
        make.platform_nonce(lambda realm: realm.means.material("nonce", 32)),
    ),
    _device(
        "platform-of-another-session",
        "a platform token that vouches for another realm's key",
        MISMATCH,
        BOUND,
        make.platform_nonce(make.of_another_session),
    ),
    _device(
        "bound-by-another-hash",
        "a platform nonce by another hash than the realm names",
        MISMATCH,
        BOUND,
        make.platform_nonce(make.by_another_hash),
    ),
    _device(
        "bound-to-the-point",
        "a platform nonce over the bare point, not over the claim's bytes",
        MISMATCH,
        BOUND,
        make.platform_nonce(make.bound_to_point),
        make.modern,
        "a realm token with a profile",
    ),
    _device(
        "bound-to-challenge",
        "a platform nonce that is the realm's challenge",
        MISMATCH,
        Rule("the platform's nonce binds; freshness is the realm's challenge's", "RMM A7.2.3.1"),
        make.platform_nonce(lambda realm: realm.octets("nonce")),
    ),
    _realm(
        "hash-renamed",
        "another known hash named for the realm's key",
        MISMATCH,
        BOUND,
        make.realm_claim(RAK_HASH, lambda realm: write_text(make.other_hash(realm))),
    ),
    _realm(
        "hash-unknown",
        "md5 named for the realm's key",
        refused(Kind.BINDING_HASH),
        BOUND,
        make.realm_claim(RAK_HASH, lambda realm: write_text("md5")),
    ),
    _realm(
        "hash-upper-case",
        "the hash named in capitals",
        refused(Kind.BINDING_HASH),
        BOUND,
        make.realm_claim(RAK_HASH, lambda realm: write_text(make.named_hash(realm).upper())),
    ),
    _realm(
        "hash-as-integer",
        "the hash named by a COSE number",
        refused(Kind.BINDING_HASH),
        BOUND,
        make.realm_claim(RAK_HASH, lambda realm: write_int(-16)),
    ),
    _realm(
        "rak-point-under-profile",
        "a bare point for the key, under a profile",
        refused(Kind.RAK_INVALID),
        KEY_FORM,
        make.realm_claim(RAK, lambda realm: write_bytes(make.point_of(realm))),
        make.modern,
        "a realm token with a profile",
    ),
    _realm(
        "rak-off-curve",
        "a point that is not on the curve",
        refused(Kind.RAK_INVALID),
        KEY_FORM,
        make.realm_claim(RAK, make.off_curve),
    ),
    _realm(
        "rak-empty",
        "an empty key",
        refused(Kind.RAK_INVALID),
        KEY_FORM,
        make.realm_claim(RAK, lambda realm: write_bytes(b"")),
    ),
    _realm(
        "rak-as-map",
        "the key as a bare map, not in a byte string",
        refused(Kind.RAK_INVALID),
        KEY_FORM,
        make.realm_claim(RAK, lambda realm: realm.octets(RAK)),
        make.modern,
        "a realm token with a profile",
    ),
    on_collection(
        "realm-signed-by-platform-key",
        "the realm's claims signed by the platform's key",
        refused_for_one(Kind.SIGNATURE_INVALID, Kind.ALG_MISMATCH),
        Rule("the realm's token is signed by the key in it", "RMM A7.2.3"),
        make.realm_by(lambda subject: subject.means.signer),
        make.has_two_keys,
        need=KeyNeed.SIGNER,
    ),
    on_collection(
        "platform-signed-by-realm-key",
        "the platform's claims signed by the realm's key",
        refused_for_one(Kind.SIGNATURE_INVALID, Kind.ALG_MISMATCH),
        Rule("the platform's token is signed by the platform's key", "RMM A7.2.4"),
        make.platform_by_realm,
        make.has_two_keys,
        need=KeyNeed.SIGNER,
    ),
    _device(
        "legacy-platform-newer-realm",
        "a platform token of the legacy profile beside a newer realm token",
        tolerated(Kind.PROFILE_PAIRING),
        Rule(
            "a legacy platform token is older than any realm token with a profile",
            "iat-verifier, RMM A7.2.3.1.1",
        ),
        make.legacy_platform,
        make.pairs_a_newer_realm,
        "both tokens of newer profiles",
    ),
)
REPLAY = (
    on_collection(
        "realm-replay",
        "the collection as it is, against a new challenge",
        refused(Kind.NONCE_MISMATCH),
        Rule("freshness is the realm's challenge", "RMM A7.2.3.1.2"),
        lambda subject: subject.token,
        new_challenge=True,
    ),
    on_collection(
        "platform-alone",
        "the platform's token without the frame",
        refused(Kind.NONCE_MISMATCH),
        Rule("the platform's nonce is not the verifier's challenge", "RMM A7.2.3.1"),
        lambda subject: pieces_of(subject).platform,
    ),
    on_collection(
        "realm-alone",
        "the realm's token without the frame, judged with the platform's key",
        refused_for_one(Kind.SIGNATURE_INVALID, Kind.ALG_MISMATCH),
        TWO,
        lambda subject: pieces_of(subject).realm,
    ),
)
MUTATIONS = (*BOND, *REPLAY)
