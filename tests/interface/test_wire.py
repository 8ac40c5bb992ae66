"""The wire between the SPM and a partition's process (docs/wire.md): frames, payloads, plain values."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, IntFlag
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.interface.wire import plain
from tfm_sim.interface.wire.frames import HEADER, HEADER_SIZE, MAX_PAYLOAD, NOTE, Op, WireError, parse
from tfm_sim.interface.wire.payloads import (
    DELIVERED,
    DELIVERY,
    MESSAGE,
    REQUESTS,
    Kind,
    Load,
    decode,
    decode_message,
    decode_vectors,
    decode_written,
    encode,
    encode_vectors,
    encode_written,
)
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.hal import IakKey

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wire.md"
FIELD = {"i": st.integers(-(2**31), 2**31 - 1), "I": st.integers(0, 2**32 - 1)}


@st.composite
def frames(draw: st.DrawFn) -> tuple[Op, tuple[int, ...], bytes]:
    op = draw(st.sampled_from(list(REQUESTS)))
    fields, tail = REQUESTS[op]
    return op, tuple(draw(FIELD[f]) for f in fields), draw(st.binary(max_size=200)) if tail else b""


@given(frames())
def test_a_frame_comes_out_as_it_went_in_once_it_is_whole(sent: tuple[Op, tuple[int, ...], bytes]) -> None:
    op, values, tail = sent
    data = encode(op, *values, tail=tail)
    assert all(parse(data[:size]) is None for size in range(len(data)))
    assert parse(data) == (op, 0, data)
    assert decode(op, data) == ((*values, tail) if REQUESTS[op][1] else values)


@given(st.lists(st.tuples(FIELD["I"], FIELD["i"], FIELD["i"], FIELD["I"]), max_size=5), st.binary(max_size=9))
def test_notes_stand_between_the_header_and_the_payload(
    notes: list[tuple[int, int, int, int]], tail: bytes
) -> None:
    body = b"".join(NOTE.pack(*note) for note in notes)
    data = HEADER.pack(len(body) + len(tail), Op.FAULT, len(notes)) + body + tail
    assert parse(data) == (Op.FAULT, len(notes), data)
    assert decode(Op.FAULT, data, HEADER_SIZE + len(body)) == (tail,)


@given(st.binary(max_size=64))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    with suppress(WireError):
        frame = parse(data)
        if frame is not None:
            decode(frame[0], frame[2])


@pytest.mark.parametrize(
    "header",
    [
        (MAX_PAYLOAD + 1, Op.PSA_WAIT, 0),
        (0, 0, 0),
        (0, 0xFFFF, 0),
        (8, Op.PSA_WAIT, 1),
        (31, Op.PSA_WAIT, 2),
    ],
)
def test_a_header_that_none_has(header: tuple[int, int, int]) -> None:
    with pytest.raises(WireError, match="legal"):
        parse(HEADER.pack(*header))


def test_nothing_may_follow_a_frame() -> None:
    with pytest.raises(WireError, match="bytes behind a frame"):
        parse(encode(Op.PSA_CLEAR) + b"x")


@pytest.mark.parametrize("op", list(REQUESTS))
def test_a_payload_of_another_length_is_refused(op: Op) -> None:
    fields, tail = REQUESTS[op]
    size = 4 * len(fields)
    wrong = ([] if tail else [size + 1, size + 4]) + ([size - 1, size - 4] if size else [])
    for length in wrong:
        with pytest.raises(WireError, match=op.name):
            decode(op, bytes(HEADER_SIZE + length))


def test_a_field_over_32_bits_or_a_tail_over_the_limit_is_not_sent() -> None:
    with pytest.raises(WireError, match="32-bit"):
        encode(Op.PSA_VERSION, 1 << 32)
    with pytest.raises(WireError, match="at most"):
        encode(Op.LOAD, tail=bytes(MAX_PAYLOAD + 1))


PARSERS: list[Callable[[bytes], object]] = [
    lambda data: decode_message(data, 0, psa_msg_t()),
    lambda data: decode_vectors(data, 2, 2),
    lambda data: decode_vectors(data, -1, 1 << 30),
    lambda data: decode_written(data, 2),
    plain.load,
    lambda data: plain.from_plain(Load, plain.load(data)),
]


@pytest.mark.parametrize("parse", PARSERS)
@given(data=st.binary(max_size=120))
def test_arbitrary_payloads_raise_only_wire_error(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(WireError):
        parse(data)


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.tuples(FIELD["I"], FIELD["I"])), max_size=5),
    st.lists(st.one_of(st.integers(0, 40), st.tuples(FIELD["I"], FIELD["I"])), max_size=5),
)
def test_vectors_travel_as_bytes_as_room_or_as_an_address(
    ins: list[bytes | tuple[int, int]], outs: list[int | tuple[int, int]]
) -> None:
    sent = [item if isinstance(item, bytes) else psa_invec(*item) for item in ins]
    room = [psa_outvec(bytearray(o), o) if isinstance(o, int) else psa_outvec(*o) for o in outs]
    got, made = decode_vectors(encode_vectors(sent, room), len(ins), len(outs))
    assert got == sent
    assert [len(m.base) if not isinstance(m.base, int) else (m.base, m.len) for m in made] == outs


def test_room_is_limited_for_all_vectors_together() -> None:
    vector = encode_vectors([], [psa_outvec(bytearray(8), MAX_PAYLOAD // 2 + 1)])
    with pytest.raises(WireError, match="room"):
        decode_vectors(vector * 2, 0, 2)


def test_results_say_which_vectors_were_touched() -> None:
    outs = [
        psa_outvec(bytearray(b"abcd"), 3),
        psa_outvec(bytearray(8)),
        psa_outvec(0x20000000, 5),
        psa_outvec(bytearray(4), 0),
    ]
    assert decode_written(encode_written(outs), 4) == [(3, b"abc"), (-1, b""), (5, b""), (0, b"")]


@given(st.tuples(*[st.binary(max_size=30)] * 4), st.sampled_from(Kind), FIELD["I"])
def test_a_message_travels_with_the_beginnings_of_its_vectors(
    data: tuple[bytes, bytes, bytes, bytes], kind: Kind, rhandle: int
) -> None:
    counts = tuple(map(len, data))
    ins, outs, rest = (1, 2, 3, 4), (5, 6, 7, 8), b"".join(data)
    length = DELIVERY.size - HEADER_SIZE + len(rest)
    sent = DELIVERY.pack(length, Op.RUN, 0, 9, 1, 7, 0x1001, -5, kind, rhandle, *ins, *outs, *counts) + rest
    msg = psa_msg_t()
    assert parse(sent) == (Op.RUN, 0, sent)
    assert decode_message(sent, DELIVERED, msg) == (kind, counts, DELIVERY.size)
    assert msg == psa_msg_t(7, 0x1001, -5, rhandle, ins, outs)


@pytest.mark.parametrize("more", [-1, 1])
def test_a_message_ends_with_the_bytes_that_it_announces(more: int) -> None:
    message = MESSAGE.pack(0, 1, 1, 0, 0, *(4, 0, 0, 0), *(0, 0, 0, 0), *(4, 0, 0, 0)) + bytes(4 + more)
    with pytest.raises(WireError, match="as announced"):
        decode_message(message, 0, psa_msg_t())


class Colour(Enum):
    RED = "red"
    BLUE = ("b", 2)


class Right(IntFlag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Inner:
    name: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    colours: frozenset[Colour]
    pair: tuple[int, bytes]
    table: dict[int, str]
    right: Right = Right.READ
    maybe: Inner | None = None
    ratio: float = 0.5
    many: list[Inner] | None = None


VALUES: list[Any] = [
    Outer(Inner("a", (1, 2)), frozenset(Colour), (1, b"\0"), {1: "x", 2: "y"}),
    Outer(Inner(""), frozenset(), (-1, b""), {}, Right.READ | Right.WRITE, Inner("b"), 2.0, [Inner("c")]),
    AttestationConfig(variant=TokenVariant.CCA_2023, optional_claims=False),
    CryptoConfig(),
    IakKey(0x7112, 256, 0x06000609, bytes(32)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_a_configuration_is_the_same_after_its_journey(value: object) -> None:
    there = plain.from_plain(type(value), plain.load(plain.dump(value)))
    assert there == value
    assert type(there) is type(value)


@pytest.mark.parametrize(
    ("hint", "data"),
    [
        (int, "1"),
        (int, True),
        (bytes, "x"),
        (Colour, "green"),
        (tuple[int, bytes], [1]),
        (tuple[int, ...], [1, "x"]),
        (Inner, {"name": "x"}),
        (Inner, {"name": "x", "sizes": [], "more": 1}),
        (Inner | None, 3),
        (dict[int, str], [[1]]),
        (Callable, 1),
    ],
)
def test_what_the_hint_does_not_name_is_not_built(hint: Any, data: object) -> None:
    with pytest.raises(WireError):
        plain.from_plain(hint, data)


@pytest.mark.parametrize("value", [print, object(), {1: object()}, (lambda: 0,)])
def test_a_value_that_cannot_leave_its_process_is_named(value: object) -> None:
    with pytest.raises(WireError, match="cannot leave its process"):
        plain.dump(value)


def test_the_page_has_every_op_with_its_number() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = {
        name: int(number, 16) for number, name in re.findall(r"^\| (0x[0-9A-F]+) \| `(\w+)` \|", page, re.M)
    }
    assert rows == {op.name: op.value for op in Op}
