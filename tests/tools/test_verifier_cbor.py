"""The strict CBOR reader against RFC 8949."""

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
    ],
)
def test_duplicate_keys_by_value(encoded: str, count: int) -> None:
    assert len(reader.examine(bytes.fromhex(encoded)).repeated) == count


def test_text_that_is_no_utf8_is_kept_as_bytes() -> None:
    item = reader.read_exactly(b"\x62\xff\xfe")
    assert isinstance(item, reader.Text)
    assert item.value is None
    assert item.raw == b"\xff\xfe"
