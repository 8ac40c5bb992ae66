"""The envelope: tags, the four parts, and what stands in their places."""

from dataclasses import replace

from ..tokens.cbor_writer import join_array, join_map, wrap_tag, write_bytes, write_int, write_text
from ..verifier import Kind
from .anatomy import CMW_COLLECTION, MAC0_TAG, SIGN1_TAG
from .mutation import Deserved, KeyNeed, OnMessage, Rule, refused
from .subject import Target

TAGS = Rule("tag 18 for COSE_Sign1, 17 for COSE_Mac0, alone; never a CWT's 61", "RFC 9783 5.2")
SHAPE = Rule(
    "[protected bstr, unprotected map, payload bstr, signature bstr], all of them", "RFC 9052 4.2, 6.2"
)
ATTACHED = Rule("the payload is in the message, wrapped in a byte string", "RFC 9783 5.2")
NULL = b"\xf6"


def _other_tag(target: Target) -> int:
    return SIGN1_TAG if target.is_mac else MAC0_TAG


def _retagged(target: Target, tag: int) -> bytes:
    return replace(target.message, tag=tag).encode()


def _around(target: Target, tag: int) -> bytes:
    return wrap_tag(tag, target.message.encode())


def _body(target: Target, items: tuple[bytes, ...]) -> bytes:
    return wrap_tag(target.message.tag, join_array(items))


def _four_and_one(target: Target) -> bytes:
    return _body(target, (*target.message.parts, write_bytes(b"")))


def _as_map(target: Target) -> bytes:
    pairs = [(write_int(index), part) for index, part in enumerate(target.message.parts)]
    return wrap_tag(target.message.tag, join_map(pairs))


def _cose_sign(target: Target) -> bytes:
    """COSE_Sign (tag 98) with the one signature in its list of signatures."""
    protected, unprotected, payload, signature = target.message.parts
    inner = join_array([protected, unprotected, signature])
    return wrap_tag(98, join_array([write_bytes(b""), unprotected, payload, join_array([inner])]))


def _shape(name: str, what: str, index: int, item: bytes | None, rule: Rule = SHAPE) -> OnMessage:
    """Another item in place of a part; None leaves the part out."""

    def change(target: Target) -> bytes:
        if item is not None:
            return target.message.with_part(index, item)
        parts = target.message.parts
        return _body(target, (*parts[:index], *parts[index + 1 :]))

    return OnMessage(name, what, refused(Kind.ENVELOPE_SHAPE), rule, change)


def _tagged(name: str, what: str, tag: int, deserves: Deserved) -> OnMessage:
    return OnMessage(name, what, deserves, TAGS, lambda target: _around(target, tag))


MUTATIONS = (
    OnMessage(
        "tag-strip",
        "takes the CBOR tag away",
        refused(Kind.TAG_MISSING),
        TAGS,
        lambda target: join_array(target.message.parts),
    ),
    OnMessage(
        "tag-swap",
        "tag 17 on a signature, tag 18 on a MAC",
        refused(Kind.ALG_MISMATCH),
        Rule("the tag says what kind of message it is, and the algorithm must be of that kind", "RFC 9052 2"),
        lambda target: _retagged(target, _other_tag(target)),
    ),
    _tagged("tag-61-added", "tag 61 (CWT) around the token", 61, refused(Kind.TAG_EXTRA)),
    _tagged(
        "tag-cbor-added", "tag 55799 (self-described CBOR) around the token", 55799, refused(Kind.TAG_EXTRA)
    ),
    OnMessage(
        "tag-doubled",
        "the same tag twice",
        refused(Kind.TAG_EXTRA),
        TAGS,
        lambda target: _around(target, target.message.tag),
    ),
    OnMessage(
        "tag-other-inside",
        "tag 17 around tag 18, or the other way round",
        refused(Kind.TAG_EXTRA),
        TAGS,
        lambda target: _around(target, _other_tag(target)),
    ),
    OnMessage(
        "tag-61-only",
        "tag 61 in place of the token's own",
        refused(Kind.TAG_WRONG),
        TAGS,
        lambda target: _retagged(target, 61),
    ),
    OnMessage(
        "tag-encrypt0",
        "tag 16 (COSE_Encrypt0) in place of the token's own",
        refused(Kind.TAG_WRONG),
        TAGS,
        lambda target: _retagged(target, 16),
    ),
    OnMessage(
        "tag-cose-sign",
        "tag 98 (COSE_Sign) in place of the token's own",
        refused(Kind.TAG_WRONG),
        TAGS,
        lambda target: _retagged(target, 98),
    ),
    OnMessage(
        "cose-sign",
        "the same signature in a COSE_Sign with its list of signatures",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        _cose_sign,
    ),
    _tagged(
        "tag-collection-around",
        "tag 907 of a collection around the token",
        CMW_COLLECTION,
        refused(Kind.TAG_EXTRA),
    ),
    _tagged(
        "tag-cmw-around",
        "tag 1668547091 (RFC 9277's, for CMW) around the token",
        1668547091,
        refused(Kind.TAG_EXTRA),
    ),
    OnMessage(
        "tag-in-payload-resigned",
        "tag 61 around the claims inside the payload, signed by the device",
        refused(Kind.TAG_EXTRA),
        Rule("the payload wraps the map itself", "RFC 9783 5.2"),
        lambda target: target.signed(wrap_tag(61, target.message.payload)).encode(),
        need=KeyNeed.SIGNER,
    ),
    _shape("protected-missing", "leaves the protected header out", 0, None),
    _shape("unprotected-missing", "leaves the unprotected header out", 1, None),
    _shape("payload-missing", "leaves the payload out", 2, None),
    _shape("signature-missing", "leaves the signature out", 3, None),
    _shape("protected-as-null", "null in place of the protected header", 0, NULL),
    OnMessage(
        "protected-as-map",
        "the protected header as a bare map, not in a byte string",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: target.message.with_part(0, target.message.protected),
    ),
    _shape("unprotected-as-null", "null in place of the unprotected header", 1, NULL),
    OnMessage(
        "unprotected-as-bytes",
        "the unprotected header in a byte string",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: target.message.with_part(1, write_bytes(target.message.unprotected)),
    ),
    _shape("unprotected-as-array", "an array in place of the unprotected header", 1, b"\x80"),
    _shape("payload-detached", "null in place of the payload, as if it came another way", 2, NULL, ATTACHED),
    OnMessage(
        "payload-as-map",
        "the claims as a bare map, not in a byte string",
        refused(Kind.ENVELOPE_SHAPE),
        ATTACHED,
        lambda target: target.message.with_part(2, target.message.payload),
    ),
    OnMessage(
        "payload-as-text",
        "the payload's bytes in hex as a text string",
        refused(Kind.ENVELOPE_SHAPE),
        ATTACHED,
        lambda target: target.message.with_part(2, write_text(target.message.payload.hex())),
    ),
    OnMessage(
        "payload-emptied",
        "an empty payload under the old signature",
        refused(Kind.ENVELOPE_SHAPE),
        ATTACHED,
        lambda target: replace(target.message, payload=b"").encode(),
    ),
    OnMessage(
        "payload-emptied-resigned",
        "an empty payload, signed by the device",
        refused(Kind.ENVELOPE_SHAPE),
        ATTACHED,
        lambda target: target.signed(b"").encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "payload-wrapped-twice-resigned",
        "the claims in a byte string in the byte string, signed by the device",
        refused(Kind.ENVELOPE_SHAPE),
        Rule("the payload wraps the map itself", "RFC 9783 5.2"),
        lambda target: target.signed(write_bytes(target.message.payload)).encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "payload-is-an-array-resigned",
        "the claims' map in an array, signed by the device",
        refused(Kind.ENVELOPE_SHAPE),
        Rule("the payload wraps the map itself", "RFC 9783 5.2"),
        lambda target: target.signed(join_array([target.message.payload])).encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "payload-is-json-resigned",
        "JSON in the payload, signed by the device",
        refused(Kind.MALFORMED_CBOR),
        Rule("the claims are CBOR", "RFC 9783 5.1"),
        lambda target: target.signed(b'{"eat_nonce":"AAAA"}').encode(),
        need=KeyNeed.SIGNER,
    ),
    OnMessage(
        "payload-no-claims-resigned",
        "an empty map in the payload, signed by the device",
        refused(Kind.PROFILE_MISSING),
        Rule("without a profile claim nothing says what the claims mean", "RFC 9783 4.1.2"),
        lambda target: target.signed(b"\xa0").encode(),
        need=KeyNeed.SIGNER,
    ),
    _shape("signature-as-null", "null in place of the signature", 3, NULL),
    OnMessage(
        "signature-as-text",
        "the signature in hex as a text string",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: target.message.with_part(3, write_text(target.message.signature.hex())),
    ),
    OnMessage(
        "signature-as-array",
        "the signature in an array",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: target.message.with_part(3, join_array([write_bytes(target.message.signature)])),
    ),
    OnMessage(
        "fifth-part",
        "an empty byte string behind the signature",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        _four_and_one,
    ),
    OnMessage("parts-as-map", "the four parts in a map", refused(Kind.ENVELOPE_SHAPE), SHAPE, _as_map),
    OnMessage(
        "hex-text",
        "the token as hex text inside a CBOR text string",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: write_text(target.message.encode().hex()),
    ),
    OnMessage(
        "wrapped-in-bytes",
        "the whole token in a byte string",
        refused(Kind.ENVELOPE_SHAPE),
        SHAPE,
        lambda target: write_bytes(target.message.encode()),
    ),
)
