"""The strict CBOR reader against RFC 8949."""

import cbor2
import pytest

from tfm_sim.tools.verifier import CborError, Kind
from tfm_sim.tools.verifier import cbor as reader


@pytest.mark.parametrize(
    "encoded, value",  # RFC 8949 appendix A, and heads that are longer than they need be
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("3bffffffffffffffff", -(2**64)),
        ("20", -1),
        ("3903e7", -1000),
        ("1800", 0),
        ("190001", 1),
        ("1b0000000000000001", 1),
        ("40", b""),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("580101", b"\x01"),
        ("60", ""),
        ("62c3bc", None),
        ("6161", "a"),
        ("80", []),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a0", {}),
        ("a201020304", {1: 2, 3: 4}),
        ("b80101f5", {1: True}),
        ("f4", False),
        ("f6", None),
        ("f0", 16),
        ("f8ff", 255),
        ("f93e00", 1.5),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("c11a514b67b0", 1363896240),
    ],
)
def test_well_formed(encoded: str, value: object) -> None:
    item = reader.read_exactly(bytes.fromhex(encoded))
    if encoded == "62c3bc":
        value = "\u00fc"
    assert reader.plain(item) == value
    assert (item.start, item.end) == (0, len(encoded) // 2)


@pytest.mark.parametrize(
    "encoded, kind",
    [
        ("", Kind.MALFORMED_CBOR),
        ("18", Kind.MALFORMED_CBOR),
        ("1901", Kind.MALFORMED_CBOR),
        ("1c", Kind.MALFORMED_CBOR),
        ("1f", Kind.MALFORMED_CBOR),
        ("41", Kind.MALFORMED_CBOR),
        ("5bffffffffffffffff00", Kind.MALFORMED_CBOR),
        ("61", Kind.MALFORMED_CBOR),
        ("81", Kind.MALFORMED_CBOR),
        ("9bffffffffffffffff", Kind.MALFORMED_CBOR),
        ("a101", Kind.MALFORMED_CBOR),
        ("c0", Kind.MALFORMED_CBOR),
        ("df00", Kind.MALFORMED_CBOR),
        ("f800", Kind.MALFORMED_CBOR),
        ("f81f", Kind.MALFORMED_CBOR),
        ("fd", Kind.MALFORMED_CBOR),
        ("ff", Kind.MALFORMED_CBOR),
        ("5fff", Kind.INDEFINITE_LENGTH),
        ("7f6161ff", Kind.INDEFINITE_LENGTH),
        ("9fff", Kind.INDEFINITE_LENGTH),
        ("819fff", Kind.INDEFINITE_LENGTH),
        ("bfff", Kind.INDEFINITE_LENGTH),
        ("0000", Kind.TRAILING_BYTES),
        ("81" * 40 + "00", Kind.MALFORMED_CBOR),
        ("c1" * 40 + "00", Kind.MALFORMED_CBOR),
    ],
)
def test_refused(encoded: str, kind: Kind) -> None:
    with pytest.raises(CborError) as caught:
        reader.read_exactly(bytes.fromhex(encoded))
    assert caught.value.finding.kind is kind


@pytest.mark.parametrize(
    "encoded, count",
    [
        ("a201000200", 0),
        ("a201000100", 1),
        ("a20100180100", 1),  # 1 in one byte and in two
        ("a3010001000100", 2),
        ("a20100f500", 0),  # 1 is not true
        ("a201000100", 1),
        ("a2616100416100", 0),  # "a" is not h'61'
        ("a2f93c0000fb3ff000000000000000", 1),  # 1.0 in half and in double precision
        ("a2810100811801" + "00", 1),
        ("81a201000100", 1),
        ("c1a201000100", 1),
        ("a101a201000100", 1),
        ("a2a20100020000a20200010000", 1),  # {1: 0, 2: 0} is {2: 0, 1: 0}
        ("a2f9000000f9800000", 0),  # 0.0 is not -0.0
    ],
)
def test_duplicate_keys_by_value(encoded: str, count: int) -> None:
    reading = reader.examine(bytes.fromhex(encoded))
    assert len(reading.repeated) == count


def test_text_that_is_no_utf8_is_kept_as_bytes() -> None:
    item = reader.read_exactly(b"\x62\xff\xfe")
    assert isinstance(item, reader.Text)
    assert item.value is None
    assert item.raw == b"\xff\xfe"


def test_the_first_bad_text_is_told_and_the_first_of_repeated_keys_kept() -> None:
    assert reader.examine(b"\x82\x61\xff\x61\xfe").no_utf8 == 1
    item = reader.examine(bytes.fromhex("a201180a01180b")).item
    assert isinstance(item, reader.Map)
    assert item.get(1) == reader.Int(10, 2, 4)


@pytest.mark.parametrize(
    "encoded, stretched",
    [
        ("00", None),
        ("1818", None),
        ("1817", 0),
        ("190100", None),
        ("1900ff", 0),
        ("1a0000ffff", 0),
        ("1a00010000", None),
        ("1b00000000ffffffff", 0),
        ("1b0000000100000000", None),
        ("82001800", 2),
        ("a1180000", 1),
        ("580100", 0),
        ("9800", 0),
        ("d81200", 0),
        ("f93c00", None),  # floats and simple values have no shorter form that is looked for
        ("fb3ff0000000000000", None),
        ("f820", None),
        ("f90000", None),
        ("fa00000000", None),
    ],
)
def test_heads_longer_than_they_need_be(encoded: str, stretched: int | None) -> None:
    """RFC 8949 4.1: preferred serialization, as far as heads go."""
    assert reader.examine(bytes.fromhex(encoded)).stretched == stretched


def test_bignum_is_the_integer_that_it_stands_for() -> None:
    """RFC 8949 3.4.3: 2(h'0a') is 10, so that one cannot hide behind the other."""
    assert len(reader.examine(bytes.fromhex("a20a00c2410a00")).repeated) == 1
    assert len(reader.examine(bytes.fromhex("a22000c3410000")).repeated) == 1
    assert len(reader.examine(bytes.fromhex("a20a00c2410b00")).repeated) == 0


def test_map_keys_of_an_attackers_choice_do_not_collide() -> None:
    """Python's integers that differ by 2**61 - 1 have one hash; a set of those takes quadratic time."""
    keys = [cbor2.dumps((8 + number) * ((1 << 61) - 1)) for number in range(200)]
    table = {reader._identity(reader.read(key)) for key in keys}
    assert len(table) == len({hash(one) for one in table}) == 200
    padded = bytes.fromhex("a2c24d00000000ffffffffffffffffff00c249ffffffffffffffffff00")
    assert len(reader.examine(padded).repeated) == 1
    assert not reader.examine(bytes.fromhex("a2c249ffffffffffffffffff00c349ffffffffffffffffff00")).repeated
