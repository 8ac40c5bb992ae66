"""The frame of a CCA collection, which nobody signs: its entries, records, tags and heads."""

from ..tokens.cbor_writer import (
    indefinite_array,
    indefinite_map,
    join_array,
    join_map,
    wrap_tag,
    write_bytes,
    write_int,
    write_text,
)
from ..verifier import Kind
from . import composing as make
from .anatomy import CMW_COLLECTION, EAT_CWT, LEGACY_COLLECTION, PLATFORM_ENTRY
from .composed import BENT, FRAME, INDICATOR, TWO, UNSIGNED, on_collection
from .composing import pieces_of
from .mutation import (
    ACCEPTED,
    Rule,
    refused,
    tolerated,
)

ENTRIES = (
    on_collection(
        "other-form",
        "the same two tokens in the other form: 399 for 907, 907 for 399",
        ACCEPTED,
        Rule("nobody signs the frame, and both forms are read", "RMM A7.2.2"),
        make.other_form,
    ),
    on_collection(
        "907-content-under-399",
        "tag 399 on records",
        BENT,
        FRAME,
        make.wrong_form,
        make.in_form(CMW_COLLECTION),
        "tag 907",
    ),
    on_collection(
        "399-content-under-907",
        "tag 907 on bare tokens",
        BENT,
        FRAME,
        make.wrong_form,
        make.in_form(LEGACY_COLLECTION),
        "tag 399",
    ),
    on_collection("platform-missing", "no platform token", BENT, TWO, make.without(0)),
    on_collection("realm-missing", "no realm token", BENT, TWO, make.without(1)),
    on_collection(
        "no-entries", "an empty collection", BENT, TWO, lambda subject: pieces_of(subject).encode(())
    ),
    on_collection("parts-swapped", "the two tokens under each other's labels", refused(), TWO, make.swapped),
    on_collection("entries-reordered", "the realm's token first", ACCEPTED, UNSIGNED, make.reordered),
    on_collection(
        "label-as-text",
        "the platform's token under its label's digits as text",
        BENT,
        TWO,
        lambda s: pieces_of(s).encode(
            ((write_text(str(PLATFORM_ENTRY)), pieces_of(s).pairs[0][1]), pieces_of(s).pairs[1])
        ),
    ),
    on_collection(
        "entry-added",
        "an entry under a label that nobody knows",
        tolerated(Kind.ENTRY_UNKNOWN),
        UNSIGNED,
        lambda s: make.framed(s, (write_int(44299), write_bytes(b""))),
    ),
    on_collection(
        "entry-type-added",
        "the collection's type (__cmwc_t) as text",
        ACCEPTED,
        Rule("a collection may say its type", "RFC 9999 3.3"),
        lambda s: make.framed(s, (write_text("__cmwc_t"), write_text("tag:attacker.example,2026:x"))),
    ),
    on_collection(
        "entry-label-bytes",
        "an entry whose label is a byte string",
        BENT,
        Rule("a label is an integer or text", "RFC 9999 3.3"),
        lambda s: make.framed(s, (write_bytes(b"x"), write_bytes(b""))),
    ),
    on_collection(
        "platform-twice",
        "the platform's entry twice",
        refused(Kind.DUPLICATE_KEY),
        Rule("no map repeats a key", "RFC 8949 5.6"),
        lambda s: make.framed(s, pieces_of(s).pairs[0]),
    ),
    on_collection(
        "entry-as-null",
        "null in place of the platform's token",
        BENT,
        TWO,
        lambda s: make.records(s, lambda token: b"\xf6"),
    ),
    on_collection(
        "entry-as-token",
        "the platform's token in the frame itself, not in a byte string",
        BENT,
        FRAME,
        lambda s: make.records(s, lambda token: token),
    ),
    on_collection(
        "collection-in-collection",
        "the whole collection in place of its platform token",
        refused(),
        TWO,
        make.nested,
    ),
)
RECORDS = tuple(
    on_collection(name, what, deserves, rule, change, make.in_form(CMW_COLLECTION), "tag 907")
    for name, what, deserves, rule, change in (
        ("content-format-60", "content format 60 (application/cbor)", BENT, FRAME, make.format_60),
        ("content-format-text", "a media type of nobody's as text", BENT, FRAME, make.format_text),
        (
            "content-format-wide",
            "content format 263 in nine bytes",
            tolerated(Kind.NON_PREFERRED),
            Rule("a verifier takes heads that are longer than they need be", "RFC 9783 5.1"),
            make.format_wide,
        ),
        ("record-empty", "an empty record", BENT, FRAME, lambda s: make.records(s, lambda token: b"\x80")),
        (
            "record-format-alone",
            "a record without its token",
            BENT,
            FRAME,
            lambda s: make.records(s, lambda token: join_array([write_int(EAT_CWT)])),
        ),
        (
            "record-reversed",
            "the token before its format",
            BENT,
            FRAME,
            lambda s: make.records(s, lambda token: join_array([write_bytes(token), write_int(EAT_CWT)])),
        ),
        (
            "indicator-evidence",
            "an indicator that says evidence",
            ACCEPTED,
            INDICATOR,
            make.record(write_int(4)),
        ),
        (
            "indicator-zero",
            "an indicator of 0, which is not allowed",
            BENT,
            INDICATOR,
            make.record(write_int(0)),
        ),
        (
            "indicator-results",
            "an indicator that says attestation results",
            BENT,
            INDICATOR,
            make.record(write_int(8)),
        ),
        (
            "indicator-negative",
            "an indicator of -1, whose every bit is set",
            BENT,
            INDICATOR,
            make.record(write_int(-1)),
        ),
        ("indicator-text", "an indicator that is text", BENT, INDICATOR, make.record(write_text("evidence"))),
        (
            "record-of-four",
            "a fourth member of the record",
            BENT,
            INDICATOR,
            make.record(write_int(4), write_int(4)),
        ),
        (
            "indefinite-record",
            "the record in an array of indefinite length",
            refused(Kind.INDEFINITE_LENGTH),
            Rule("an item of indefinite length is no part of the baseline", "RFC 9783 5.1"),
            lambda s: make.records(
                s, lambda token: indefinite_array([write_int(EAT_CWT), write_bytes(token)])
            ),
        ),
    )
)
FRAMES = (
    on_collection(
        "bit-flip-frame",
        "changes one bit before the platform's token (--at says which)",
        refused(),
        FRAME,
        make.frame_bit,
    ),
    on_collection(
        "tag-strip",
        "takes the collection's tag away",
        refused(Kind.ENVELOPE_SHAPE),
        FRAME,
        lambda s: join_map(pieces_of(s).pairs),
    ),
    on_collection(
        "tag-61-added",
        "tag 61 around the collection",
        refused(Kind.TAG_EXTRA),
        FRAME,
        lambda s: wrap_tag(61, pieces_of(s).encode()),
    ),
    on_collection(
        "tag-doubled",
        "the collection's tag twice",
        refused(Kind.TAG_EXTRA),
        FRAME,
        lambda s: wrap_tag(pieces_of(s).tag, pieces_of(s).encode()),
    ),
    on_collection(
        "tag-cmw",
        "tag 1668547091 (RFC 9277's, for CMW) in place of the collection's own",
        refused(Kind.ENVELOPE_SHAPE),
        Rule("a CMW tag wraps a byte string; 907 is CCA's own", "RFC 9999 3.5"),
        lambda s: wrap_tag(1668547091, join_map(pieces_of(s).pairs)),
    ),
    on_collection(
        "in-bytes",
        "the collection in a byte string under its tag",
        BENT,
        FRAME,
        lambda s: wrap_tag(pieces_of(s).tag, write_bytes(join_map(pieces_of(s).pairs))),
    ),
    on_collection(
        "trailing-byte",
        "a zero byte behind the collection",
        refused(Kind.TRAILING_BYTES),
        Rule("a token is one item, and nothing is behind it", "RFC 8949 5.1"),
        lambda s: pieces_of(s).encode() + b"\x00",
    ),
    on_collection(
        "truncated",
        "the collection without its last byte",
        refused(Kind.MALFORMED_CBOR),
        Rule("the map announces more than there is", "RFC 8949 5.3"),
        lambda s: pieces_of(s).encode()[:-1],
    ),
    on_collection(
        "indefinite-map",
        "the entries in a map of indefinite length",
        refused(Kind.INDEFINITE_LENGTH),
        Rule("an item of indefinite length is no part of the baseline", "RFC 9783 5.1"),
        lambda s: wrap_tag(pieces_of(s).tag, indefinite_map(pieces_of(s).pairs)),
    ),
    on_collection(
        "wide-label",
        "the platform's label in nine bytes",
        tolerated(Kind.NON_PREFERRED),
        Rule("a verifier takes heads that are longer than they need be", "RFC 9783 5.1"),
        lambda s: pieces_of(s).encode(
            ((write_int(PLATFORM_ENTRY, 8), pieces_of(s).pairs[0][1]), pieces_of(s).pairs[1])
        ),
    ),
)
MUTATIONS = (*ENTRIES, *RECORDS, *FRAMES)
