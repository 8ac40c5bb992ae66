"""CBOR itself: other orders, repeated keys, what hangs on behind, and what nobody knows."""

from collections.abc import Callable
from dataclasses import replace

from ..tokens.cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int, write_text
from ..verifier import Kind, cbor
from .anatomy import RawMap
from .mutation import (
    ACCEPTED,
    Deserved,
    KeyNeed,
    OnMessage,
    Rule,
    Trait,
    ignored,
    refused,
    refused_for_one,
)
from .payloads import COVERED
from .subject import Target
from .traits import HAS_COMPONENTS, components, in_component

UNIQUE = Rule("a map that repeats a key is not valid: two readers may see two claims", "RFC 8949 5.6")
ALONE = Rule("a token is one item, and nothing is behind it", "RFC 8949 5.1")
ANY_ORDER = Rule("no order of claims is demanded: the bytes are signed as they are", "RFC 9783 5.1")
OPEN = Rule("a receiver must not fail on a claim that it does not know", "RFC 9783 5.1")
CLAIM_KEY = Rule("a claim's key is an integer or text", "RFC 8392 1.1")
ONE_KEY, BEHIND = refused(Kind.DUPLICATE_KEY), refused(Kind.TRAILING_BYTES)
IGNORED = ignored(Kind.CLAIM_UNKNOWN)


def canonical(data: bytes) -> bytes:
    """An item as core deterministic encoding has it (RFC 8949 4.2.1); floats stay as they are."""
    return _canonical(cbor.read(data), data)


def _canonical(item: cbor.Item, data: bytes) -> bytes:
    match item:
        case cbor.Int():
            return write_int(item.value)
        case cbor.Bytes():
            return write_bytes(item.value)
        case cbor.Text():
            return write_text(item.raw)
        case cbor.Array():
            return join_array([_canonical(element, data) for element in item.items])
        case cbor.Map():
            pairs = ((_canonical(key, data), _canonical(value, data)) for key, value in item.pairs)
            return join_map(sorted(pairs))
        case cbor.Tag():
            return wrap_tag(item.number, _canonical(item.content, data))
        case _:
            return data[item.start : item.end]


def add_claim(target: Target, value: bytes, key: bytes | None = None) -> bytes:
    """Signed anew with one more encoded claim, by default under a key that nobody knows."""
    pair = (write_int(-70002) if key is None else key, value)
    return target.signed(target.claims.also(pair).encode()).encode()


def first_component(target: Target, change: Callable[[RawMap], bytes]) -> bytes:
    """Signed anew with another first component."""
    first, *rest = components(target)
    items = [change(first), *(item.encode() for item in rest)]
    return target.with_claim("components", join_array(items))


def resigned(
    name: str,
    what: str,
    deserves: Deserved,
    rule: Rule,
    change: Callable[[Target], bytes],
    *traits: Trait,
) -> OnMessage:
    """A mutation that is signed by the message's own signer."""
    what = f"{what}, signed by the device"
    return OnMessage(f"{name}-resigned", what, deserves, rule, change, traits, KeyNeed.SIGNER)


def _reordered(claims: RawMap) -> bytes:
    return claims.encode(claims.pairs[::-1])


def _components_reordered(target: Target) -> bytes:
    items = [item.encode() for item in components(target)[::-1]]
    return target.with_claim("components", join_array(items))


def _repeat_claim(target: Target, value: bytes | None, *, first: bool = False) -> bytes:
    """The lifecycle once more, or the nonce where there is none."""
    name = "lifecycle" if target.claim("lifecycle") is not None else "nonce"
    key = target.claims.key(target.label(name))
    pair = (key, target.claim(name) or b"" if value is None else value)
    pairs = (pair, *target.claims.pairs) if first else (*target.claims.pairs, pair)
    return target.signed(target.claims.encode(pairs)).encode()


def _wide_repeated(target: Target) -> bytes:
    """The same key behind a longer head: a reader that compares encodings takes it for another."""
    pair = (write_int(target.label("nonce"), 8), target.claim("nonce") or b"")
    return target.signed(target.claims.also(pair).encode()).encode()


def _bignum_repeated(target: Target) -> bytes:
    """The same key as a bignum: a reader that compares types takes it for another."""
    label = target.label("nonce")
    octets = (label if label >= 0 else -1 - label).to_bytes(8, "big")
    pair = (wrap_tag(2 if label >= 0 else 3, write_bytes(octets)), target.claim("nonce") or b"")
    return target.signed(target.claims.also(pair).encode()).encode()


def _encoded_anew(target: Target) -> bytes:
    return canonical(target.message.payload)


OTHER_ORDER = Trait("claims not in deterministic order", lambda t: _encoded_anew(t) != t.message.payload)
MANY_CLAIMS = Trait("two claims or more", lambda target: len(target.claims.pairs) >= 2)
UNLIKE_ENDS = Trait("unlike components", lambda target: components(target) != components(target)[::-1])

ORDER = (
    OnMessage(
        "claims-reordered",
        "the claims the other way round, under the old signature",
        refused(Kind.SIGNATURE_INVALID),
        COVERED,
        lambda target: replace(target.message, payload=_reordered(target.claims)).encode(),
        traits=(MANY_CLAIMS,),
    ),
    resigned(
        "claims-reordered",
        "the claims the other way round",
        ACCEPTED,
        ANY_ORDER,
        lambda target: target.signed(_reordered(target.claims)).encode(),
        MANY_CLAIMS,
    ),
    OnMessage(
        "payload-canonical",
        "the claims encoded anew, deterministically, under the old signature",
        refused(Kind.SIGNATURE_INVALID),
        Rule("the signature covers the bytes, never a map encoded anew", "RFC 9052 4.4"),
        lambda target: replace(target.message, payload=_encoded_anew(target)).encode(),
        traits=(OTHER_ORDER,),
    ),
    resigned(
        "payload-canonical",
        "the claims encoded anew, deterministically",
        ACCEPTED,
        ANY_ORDER,
        lambda target: target.signed(_encoded_anew(target)).encode(),
        OTHER_ORDER,
    ),
    resigned(
        "components-reordered",
        "the software components the other way round",
        ACCEPTED,
        Rule("no order of components is demanded", "RFC 9783 4.4.1"),
        _components_reordered,
        HAS_COMPONENTS,
        UNLIKE_ENDS,
    ),
)
REPEATED = (
    resigned(
        "claim-twice", "a claim twice, the same value", ONE_KEY, UNIQUE, lambda t: _repeat_claim(t, None)
    ),
    resigned(
        "claim-twice-other-last",
        "a claim twice, another value behind",
        ONE_KEY,
        UNIQUE,
        lambda target: _repeat_claim(target, write_int(0x1000)),
    ),
    resigned(
        "claim-twice-other-first",
        "a claim twice, another value before",
        ONE_KEY,
        UNIQUE,
        lambda target: _repeat_claim(target, write_int(0x1000), first=True),
    ),
    resigned(
        "claim-twice-wide-key", "a claim twice, once behind a longer head", ONE_KEY, UNIQUE, _wide_repeated
    ),
    resigned(
        "claim-twice-bignum-key", "a claim twice, once under a bignum", ONE_KEY, UNIQUE, _bignum_repeated
    ),
    resigned(
        "component-key-twice",
        "a component with its measurement twice",
        ONE_KEY,
        UNIQUE,
        lambda target: first_component(
            target, lambda item: item.also((write_int(2), write_bytes(bytes(32)))).encode()
        ),
        in_component(2, "a measurement"),
    ),
    resigned(
        "nested-key-twice",
        "an unknown claim with a map in an array in which a key is twice",
        ONE_KEY,
        UNIQUE,
        lambda target: add_claim(target, join_array([join_map([(b"\x01", b"\x01"), (b"\x01", b"\x02")])])),
    ),
)
TRAILING = (
    OnMessage(
        "trailing-zero", "a zero byte behind", BEHIND, ALONE, lambda target: target.message.encode() + b"\x00"
    ),
    OnMessage(
        "trailing-newline",
        "a newline behind, as a text editor leaves it",
        BEHIND,
        ALONE,
        lambda target: target.message.encode() + b"\n",
    ),
    OnMessage(
        "trailing-token",
        "the token twice, end to end",
        BEHIND,
        ALONE,
        lambda target: target.message.encode() * 2,
    ),
    OnMessage(
        "leading-zero",
        "a zero byte before",
        refused(Kind.ENVELOPE_SHAPE),
        ALONE,
        lambda target: b"\x00" + target.message.encode(),
    ),
    resigned(
        "payload-trailing-byte",
        "a null behind the claims inside the payload",
        BEHIND,
        ALONE,
        lambda target: target.signed(target.message.payload + b"\xf6").encode(),
    ),
    resigned(
        "payload-trailing-map",
        "a second map of claims behind the first inside the payload",
        BEHIND,
        ALONE,
        lambda target: target.signed(target.message.payload * 2).encode(),
    ),
)
UNKNOWN_CLAIMS = (
    resigned(
        "claim-unknown",
        "adds a claim that nobody knows",
        IGNORED,
        OPEN,
        lambda target: add_claim(target, write_text("hello")),
    ),
    resigned(
        "claim-unknown-text-key",
        "adds a claim whose key is text",
        IGNORED,
        OPEN,
        lambda target: add_claim(target, write_int(1), write_text("vendor")),
    ),
    resigned(
        "claim-unknown-nan",
        "adds a claim that nobody knows, whose value is not a number",
        IGNORED,
        OPEN,
        lambda target: add_claim(target, b"\xf9\x7e\x00"),
    ),
    resigned(
        "claim-key-bytes",
        "adds a claim whose key is a byte string",
        refused(Kind.CLAIM_TYPE),
        CLAIM_KEY,
        lambda target: add_claim(target, write_int(1), write_bytes(b"key")),
    ),
    resigned(
        "claim-key-nan",
        "adds a claim whose key is not a number",
        refused(Kind.CLAIM_TYPE),
        CLAIM_KEY,
        lambda target: add_claim(target, write_int(1), b"\xf9\x7e\x00"),
    ),
    resigned(
        "claim-key-utf8",
        "adds a claim whose key is text that is no UTF-8",
        refused_for_one(Kind.INVALID_UTF8, Kind.CLAIM_TYPE),
        Rule("a text string is UTF-8", "RFC 8949 3.1"),
        lambda target: add_claim(target, write_int(1), write_text(b"\xc3\x28")),
    ),
    resigned(
        "claim-unknown-utf8",
        "adds a claim that nobody knows, whose text is no UTF-8",
        refused(Kind.INVALID_UTF8),
        Rule("what is not valid is refused, known or not", "RFC 8949 3.1, 5.3.1"),
        lambda target: add_claim(target, write_text(b"\xc3\x28")),
    ),
)
MUTATIONS = (*ORDER, *REPEATED, *TRAILING, *UNKNOWN_CLAIMS)
