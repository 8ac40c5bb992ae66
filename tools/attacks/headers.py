"""The headers: which algorithm, who says so, and what is not signed."""

from collections.abc import Callable
from dataclasses import replace

from ..tokens.cbor_writer import (
    indefinite_map,
    join_array,
    join_map,
    wrap_tag,
    write_bytes,
    write_int,
    write_text,
)
from ..tokens.cose_writer import protected_header
from ..verifier import Kind
from ..verifier.cose import ALGORITHMS, Algorithm
from .anatomy import Message, RawMap
from .mutation import ACCEPTED, KeyNeed, OnMessage, Rule, Trait, refused, tolerated
from .subject import Target
from .traits import HAS_KID, MAC_OR_REALM, NO_PLATFORM, NOT_REALM, SIGN1

ALG, CRIT = write_int(1), write_int(2)
MISMATCH = Rule("the algorithm must be the key's: none is to be had by asking", "RFC 9053 2.1, 3.1")
NAMED = Rule("the algorithm is in the protected header, or the token is refused", "RFC 9052 3.1")
LISTED = Rule("ES256, ES384, ES512 and HMAC 256, 384, 512 are all that there is", "RFC 9783 5.2")
KEY_HASH = Rule("a hint; but TF-M makes it from the key, so another one is worth a word", "TF-M attest_core")
HINT = Rule("the unprotected header is a hint: keys are found by instance id", "RFC 9783 5.2")


def _protected(message: Message, data: bytes) -> bytes:
    return replace(message, protected=data).encode()


def _unprotected(message: Message, *pairs: tuple[bytes, bytes]) -> bytes:
    return message.with_headers(message.headers.also(*pairs)).encode()


def _name(algorithm: Algorithm) -> str:
    return algorithm.name.split("/")[0].replace(" ", "").lower()


def _swap(algorithm: Algorithm) -> OnMessage:
    return OnMessage(
        f"alg-swap-to-{_name(algorithm)}",
        f"the protected header says {algorithm.name}",
        refused(Kind.ALG_MISMATCH),
        MISMATCH,
        lambda target: _protected(target.message, protected_header(algorithm.id)),
        traits=(Trait(f"not {algorithm.name} already", lambda target: target.algorithm is not algorithm),),
    )


def _other_curve(target: Target) -> bytes:
    """Authentic, with the hash of another algorithm: ES384 with a key on P-256, ES256 with any other."""
    alg = -35 if target.algorithm.id == -7 else -7
    return target.signed(protected=protected_header(alg), alg=alg).encode()


def _moved(target: Target, *, resigned: bool) -> bytes:
    message = target.signed(protected=b"") if resigned else replace(target.message, protected=b"")
    return _unprotected(message, (ALG, write_int(target.algorithm.id)))


def _wide_alg(target: Target) -> bytes:
    return target.signed(protected=join_map([(ALG, write_int(target.algorithm.id, 4))])).encode()


def _bignum_alg(target: Target) -> bytes:
    number = target.algorithm.id
    octets = (number if number >= 0 else -1 - number).to_bytes(1, "big")
    bignum = wrap_tag(2 if number >= 0 else 3, write_bytes(octets))
    return target.signed(protected=join_map([(ALG, bignum)])).encode()


def _kid_twice(target: Target) -> bytes:
    kid = _kid_of(target)
    message = target.signed(protected=RawMap.of(target.message.protected).put(4, kid).encode())
    return message.with_headers(message.headers.put(4, kid)).encode()


def _twice(target: Target) -> bytes:
    pair = (ALG, write_int(target.algorithm.id))
    return target.signed(protected=join_map([pair, pair])).encode()


def _critical(target: Target) -> bytes:
    pairs = RawMap.of(target.message.protected).put(2, join_array([write_int(-70000)]))
    return target.signed(protected=pairs.encode()).encode()


def _critical_empty(target: Target) -> bytes:
    return target.signed(
        protected=RawMap.of(target.message.protected).put(2, join_array([])).encode()
    ).encode()


def _kid_of(target: Target) -> bytes:
    return write_bytes(target.means.material("kid", 32))


def _repeated(target: Target) -> bytes:
    label = write_int(-70001)
    return _unprotected(target.message, (label, write_int(1)), (label, write_int(2)))


NO_KID = Trait("no kid header", lambda target: target.message.headers.get(4) is None)


def _with_kid(target: Target) -> bytes:
    return target.message.with_headers(target.message.headers.put(4, _kid_of(target))).encode()


def _kids(
    name: str, what: str, change: Callable[[Target], bytes], trait: Trait
) -> tuple[OnMessage, OnMessage]:
    """A kid that is not the key's: TF-M's rule for a Sign1 makes it tell; no rule does for other tokens."""
    traits = (trait, SIGN1, NOT_REALM)
    return (
        OnMessage(name, what, tolerated(Kind.KEY_ID), KEY_HASH, change, traits),
        OnMessage(f"{name}-unruled", what, ACCEPTED, HINT, change, (trait, MAC_OR_REALM), parts=NO_PLATFORM),
    )


MUTATIONS = (
    *(_swap(algorithm) for algorithm in ALGORITHMS.values()),
    OnMessage(
        "alg-of-another-curve-resigned",
        "signs with the device's key but the algorithm of another curve",
        refused(Kind.ALG_MISMATCH),
        Rule("ES256 goes with P-256, ES384 with P-384, ES512 with P-521", "RFC 9783 5.2"),
        _other_curve,
        traits=(SIGN1,),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "alg-unassigned",
        "the protected header says algorithm -70000, which is nobody's",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, protected_header(-70000)),
    ),
    OnMessage(
        "alg-rs256",
        "the protected header says RS256",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, protected_header(-257)),
    ),
    OnMessage(
        "alg-eddsa",
        "the protected header says EdDSA",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, protected_header(-8)),
    ),
    OnMessage(
        "alg-hmac-256-64",
        "the protected header says HMAC 256/64, whose tag is short",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, protected_header(4)),
    ),
    OnMessage(
        "alg-zero",
        "the protected header says algorithm 0, which is reserved",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, protected_header(0)),
    ),
    OnMessage(
        "alg-as-text",
        "the protected header says the algorithm's name as text",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, join_map([(ALG, write_text(target.algorithm.name))])),
    ),
    OnMessage(
        "alg-label-as-text",
        "the protected header has the algorithm under the label 'alg'",
        refused(Kind.ALG_MISSING),
        NAMED,
        lambda target: _protected(
            target.message, join_map([(write_text("alg"), write_int(target.algorithm.id))])
        ),
    ),
    OnMessage(
        "alg-as-bignum-resigned",
        "the algorithm is written as a bignum, signed by the device",
        refused(Kind.ALG_UNSUPPORTED),
        Rule("an algorithm is an integer or text, and no tagged item", "RFC 9052 1.5, 3.1"),
        _bignum_alg,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "kid-in-both-headers-resigned",
        "a key id in the protected and in the unprotected header, signed by the device",
        refused(Kind.HEADER_REPEATED),
        Rule("a label stands in one of the two headers", "RFC 9052 3"),
        _kid_twice,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "indefinite-protected-map-resigned",
        "the protected header's map of indefinite length, signed by the device",
        refused(Kind.INDEFINITE_LENGTH),
        Rule("an item of indefinite length is no part of the baseline", "RFC 9783 5.1"),
        lambda target: target.signed(
            protected=indefinite_map(RawMap.of(target.message.protected).pairs)
        ).encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "alg-as-null",
        "the protected header says null",
        refused(Kind.ALG_UNSUPPORTED),
        LISTED,
        lambda target: _protected(target.message, join_map([(ALG, b"\xf6")])),
    ),
    OnMessage(
        "alg-removed",
        "the protected header is an empty map",
        refused(Kind.ALG_MISSING),
        NAMED,
        lambda target: _protected(target.message, b"\xa0"),
    ),
    OnMessage(
        "alg-removed-resigned",
        "the same, signed by the device",
        refused(Kind.ALG_MISSING),
        NAMED,
        lambda target: _protected(target.signed(protected=b""), b"\xa0"),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "protected-emptied",
        "the protected header is an empty byte string",
        refused(Kind.ALG_MISSING),
        NAMED,
        lambda target: _protected(target.message, b""),
    ),
    OnMessage(
        "protected-emptied-resigned",
        "the same, signed by the device",
        refused(Kind.ALG_MISSING),
        NAMED,
        lambda target: target.signed(protected=b"").encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "alg-moved-to-unprotected",
        "the algorithm stands in the unprotected header",
        refused(Kind.ALG_UNPROTECTED),
        NAMED,
        lambda target: _moved(target, resigned=False),
    ),
    OnMessage(
        "alg-moved-to-unprotected-resigned",
        "the same, signed by the device",
        refused(Kind.ALG_UNPROTECTED),
        NAMED,
        lambda target: _moved(target, resigned=True),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "alg-in-both-headers",
        "the unprotected header repeats the algorithm",
        refused(Kind.HEADER_REPEATED),
        Rule("a label stands in one of the two headers", "RFC 9052 3"),
        lambda target: _unprotected(target.message, (ALG, write_int(target.algorithm.id))),
    ),
    OnMessage(
        "alg-twice-resigned",
        "the protected header has the algorithm twice, signed by the device",
        refused(Kind.DUPLICATE_KEY),
        Rule("no map repeats a key", "RFC 8949 5.6, RFC 9052 3"),
        _twice,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "alg-wide-resigned",
        "the algorithm is written in five bytes, signed by the device",
        tolerated(Kind.NON_PREFERRED),
        Rule("a verifier takes heads that are longer than they need be", "RFC 9783 5.1"),
        _wide_alg,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "protected-is-an-array-resigned",
        "the protected header wraps an array, signed by the device",
        refused(Kind.ENVELOPE_SHAPE),
        Rule("the protected header wraps a map", "RFC 9052 3"),
        lambda target: target.signed(protected=join_array([ALG, write_int(target.algorithm.id)])).encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "protected-trailing-byte-resigned",
        "a byte behind the protected header's map, signed by the device",
        refused(Kind.TRAILING_BYTES),
        Rule("the byte string holds one map and nothing else", "RFC 9052 3"),
        lambda target: target.signed(protected=target.message.protected + b"\x00").encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "crit-unknown-resigned",
        "the protected header calls a label critical that nobody knows, signed by the device",
        refused(Kind.HEADER_CRITICAL),
        Rule("what is critical and not understood refuses the message", "RFC 9052 3.1"),
        _critical,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "crit-empty-resigned",
        "the protected header has crit with no label in it, signed by the device",
        refused(Kind.HEADER_CRITICAL),
        Rule("crit is an array of at least one label", "RFC 9052 3.1"),
        _critical_empty,
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "crit-unprotected",
        "the unprotected header has crit",
        refused(Kind.HEADER_CRITICAL),
        Rule("crit must be protected", "RFC 9052 3.1"),
        lambda target: _unprotected(target.message, (CRIT, join_array([ALG]))),
    ),
    *_kids("kid-added", "adds a key id of the attacker's", _with_kid, NO_KID),
    *_kids("kid-swapped", "puts the key id of another key in", _with_kid, HAS_KID),
    OnMessage(
        "kid-removed",
        "takes the key id away",
        ACCEPTED,
        HINT,
        lambda target: target.message.with_headers(target.message.headers.without(4)).encode(),
        traits=(HAS_KID,),
    ),
    OnMessage(
        "x5chain-added",
        "adds bytes that are no certificate as x5chain",
        ACCEPTED,
        Rule("the key comes from the relying party: a chain is not looked at", "RFC 9360 2, RFC 9783 5.2"),
        lambda target: _unprotected(target.message, (write_int(33), write_bytes(b"no certificate"))),
    ),
    OnMessage(
        "unprotected-label-added",
        "adds a label of no meaning to the unprotected header",
        tolerated(Kind.HEADER_UNKNOWN),
        Rule("a label that is not understood is ignored unless it is critical", "RFC 9052 3"),
        lambda target: _unprotected(target.message, (write_int(-70000), write_text("hello"))),
    ),
    OnMessage(
        "unprotected-label-twice",
        "adds a label to the unprotected header twice",
        refused(Kind.DUPLICATE_KEY),
        Rule("no map repeats a key, signed or not", "RFC 8949 5.6, RFC 9052 3"),
        _repeated,
    ),
    OnMessage(
        "unprotected-utf8",
        "adds text to the unprotected header that is no UTF-8",
        refused(Kind.INVALID_UTF8),
        Rule("a text string is UTF-8: an item that is not valid is refused, signed or not", "RFC 8949 3.1"),
        lambda target: _unprotected(target.message, (write_int(-70000), write_text(b"\xc3\x28"))),
    ),
    OnMessage(
        "unprotected-claims",
        "puts a new lifecycle in the unprotected header under the claim's key",
        tolerated(Kind.HEADER_UNKNOWN),
        Rule("claims are in the payload alone; a label of no meaning is ignored", "RFC 9052 3"),
        lambda target: _unprotected(target.message, (write_int(2395), write_int(0x3000))),
    ),
)
