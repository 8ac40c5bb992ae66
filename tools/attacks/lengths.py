"""Heads: indefinite lengths, heads longer than need be, depth, and items that are not well-formed."""

from functools import partial

from ..tokens.cbor_writer import (
    BREAK,
    head,
    indefinite_array,
    indefinite_bytes,
    indefinite_map,
    indefinite_text,
    join_array,
    join_map,
    wrap_tag,
    write_bytes,
    write_int,
)
from ..verifier import Kind, cbor
from .encodings import add_claim, first_component, resigned
from .mutation import OnMessage, Rule, Trait, refused, tolerated
from .subject import Target
from .traits import BARE, HAS_COMPONENTS, components, has

DEFINITE = Rule("an item of indefinite length is no part of the baseline", "RFC 9783 5.1")
TOLERANT = Rule("a verifier takes heads that are longer than they need be", "RFC 9783 5.1")
WELL_FORMED = Rule("what is not well-formed is no CBOR", "RFC 8949 5.3.1, appendix F")
STACK = Rule("no reader's stack is the attacker's to spend", "RFC 8949 10")
INDEFINITE, NONSENSE = refused(Kind.INDEFINITE_LENGTH), refused(Kind.MALFORMED_CBOR)
LONGER = tolerated(Kind.NON_PREFERRED)
DEEP = 64
"""Levels of nesting; a token needs seven."""
BOTTOMLESS = 100_000
"""Levels that no recursion survives."""


def nested(levels: int) -> bytes:
    """Arrays in arrays."""
    return b"\x81" * levels + b"\x80"


def _content(target: Target, index: int) -> bytes:
    message = target.message
    return (message.protected, message.unprotected, message.payload, message.signature)[index]


def _indefinite(target: Target, index: int) -> bytes:
    content = _content(target, index)
    middle = len(content) // 2
    return target.message.with_part(index, indefinite_bytes([content[:middle], content[middle:]]))


def _wide_part(target: Target, index: int) -> bytes:
    return target.message.with_part(index, write_bytes(_content(target, index), 8))


def _wide_keys(target: Target) -> bytes:
    pairs = tuple((_wider(key), value) for key, value in target.claims.pairs)
    return target.signed(target.claims.encode(pairs)).encode()


def _wider(raw: bytes) -> bytes:
    item = cbor.read(raw)
    return write_int(item.value, 8) if isinstance(item, cbor.Int) else raw


BYTE_STRINGS = ((0, "protected"), (2, "payload"), (3, "signature"))
LENGTHS = (
    OnMessage(
        "indefinite-array",
        "the four parts in an array of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: wrap_tag(target.message.tag, indefinite_array(target.message.parts)),
    ),
    OnMessage(
        "indefinite-unprotected",
        "the unprotected header in a map of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: target.message.with_part(1, indefinite_map(target.message.headers.pairs)),
    ),
    *(
        OnMessage(
            f"indefinite-{name}",
            f"the {name} in two chunks of a byte string of indefinite length",
            INDEFINITE,
            DEFINITE,
            partial(_indefinite, index=index),
        )
        for index, name in BYTE_STRINGS
    ),
    resigned(
        "indefinite-claims",
        "the claims in a map of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: target.signed(indefinite_map(target.claims.pairs)).encode(),
    ),
    resigned(
        "indefinite-components",
        "the components in an array of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: target.with_claim(
            "components", indefinite_array([item.encode() for item in components(target)])
        ),
        HAS_COMPONENTS,
    ),
    resigned(
        "indefinite-component",
        "a component in a map of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: first_component(target, lambda item: indefinite_map(item.pairs)),
        HAS_COMPONENTS,
    ),
    resigned(
        "indefinite-nonce",
        "the nonce in chunks",
        INDEFINITE,
        DEFINITE,
        lambda target: target.with_claim("nonce", indefinite_bytes([target.octets("nonce")])),
    ),
    resigned(
        "indefinite-text",
        "the profile in chunks",
        INDEFINITE,
        DEFINITE,
        lambda target: target.with_claim("profile", indefinite_text(["PSA", "_IOT_PROFILE_1"])),
        has("profile"),
    ),
    resigned(
        "indefinite-unknown",
        "an unknown claim of indefinite length",
        INDEFINITE,
        DEFINITE,
        lambda target: add_claim(target, indefinite_array([b"\x01"])),
    ),
)
WIDE = (
    OnMessage(
        "wide-tag",
        "the tag in two bytes",
        LONGER,
        TOLERANT,
        lambda target: wrap_tag(target.message.tag, join_array(target.message.parts), 1),
    ),
    OnMessage(
        "wide-array",
        "the head of the outer array in nine bytes",
        LONGER,
        TOLERANT,
        lambda target: wrap_tag(target.message.tag, join_array(target.message.parts, 8)),
    ),
    OnMessage(
        "wide-unprotected",
        "the head of the unprotected header in three bytes",
        LONGER,
        TOLERANT,
        lambda target: target.message.with_part(1, join_map(target.message.headers.pairs, 2)),
    ),
    *(
        OnMessage(
            f"wide-{name}",
            f"the head of the {name} in nine bytes",
            LONGER,
            TOLERANT,
            partial(_wide_part, index=index),
        )
        for index, name in BYTE_STRINGS
    ),
    resigned(
        "wide-claims",
        "the head of the claims' map in nine bytes",
        LONGER,
        TOLERANT,
        lambda target: target.signed(join_map(target.claims.pairs, 8)).encode(),
    ),
    resigned("wide-keys", "every key of a claim in nine bytes", LONGER, TOLERANT, _wide_keys),
    resigned(
        "wide-lifecycle",
        "the lifecycle in eight bytes",
        LONGER,
        TOLERANT,
        lambda target: target.with_claim("lifecycle", write_int(0x3000, 8)),
        has("lifecycle"),
        Trait("lifecycle 0x3000", lambda target: target.claim("lifecycle") == write_int(0x3000)),
    ),
)
BROKEN = (
    OnMessage(
        "reserved-head",
        "reserved additional information 28 in the head of the outer array",
        NONSENSE,
        WELL_FORMED,
        lambda target: wrap_tag(target.message.tag, b"\x9c" + b"".join(target.message.parts)),
    ),
    OnMessage(
        "break-alone",
        "a break in place of the unprotected header",
        NONSENSE,
        WELL_FORMED,
        lambda target: target.message.with_part(1, BREAK),
    ),
    OnMessage(
        "huge-length",
        "a payload that announces 2^64 - 1 bytes",
        NONSENSE,
        WELL_FORMED,
        lambda target: target.message.with_part(2, head(2, 2**64 - 1) + target.message.payload),
    ),
    OnMessage(
        "huge-array",
        "an array that announces 2^32 - 1 items",
        NONSENSE,
        WELL_FORMED,
        lambda target: wrap_tag(target.message.tag, head(4, 2**32 - 1) + b"".join(target.message.parts)),
    ),
    OnMessage(
        "nested-unprotected",
        "100,000 arrays in arrays in the unprotected header",
        refused(),
        STACK,
        lambda target: target.message.with_headers(
            target.message.headers.also((write_int(-70000), nested(BOTTOMLESS)))
        ).encode(),
        parts=BARE,
    ),
    OnMessage(
        "nested-tags",
        "100,000 tags around the token",
        refused(),
        STACK,
        lambda target: b"\xc6" * BOTTOMLESS + target.message.encode(),
        parts=BARE,
    ),
    resigned(
        "nested-claim",
        f"an unknown claim of {DEEP} arrays in arrays",
        NONSENSE,
        Rule("a reader has a bound; this one's is 16 levels, where a token needs seven", "RFC 8949 10"),
        lambda target: add_claim(target, nested(DEEP)),
    ),
    resigned(
        "two-byte-simple",
        "an unknown claim false, written in two bytes",
        NONSENSE,
        WELL_FORMED,
        lambda target: add_claim(target, b"\xf8\x14"),
    ),
)
MUTATIONS = (*LENGTHS, *WIDE, *BROKEN)
