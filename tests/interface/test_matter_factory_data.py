"""Factory data: the TLV form byte for byte, what is refused, JSON both ways, the device's reader with its codes."""

# ruff: noqa: E501 - tables of one line a case

import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.interface.matter.factory_data import (
    CREDENTIALS,
    MAX_VALUE,
    VALUE_TYPES,
    FactoryData,
    FactoryDataError,
    FactoryDataReader,
    FactoryDataStatus,
    FactoryDataTag,
    ValueType,
    number_value,
)
from tfm_sim.interface.matter.factory_data_json import factory_data_from_json, factory_data_to_json
from tfm_sim.platform.flash import Flash

T = FactoryDataTag
OK, NOT_FOUND, TOO_SMALL, PARAM_ERROR, CKS_ERROR = FactoryDataStatus
MARKER = bytes.fromhex("acacacac")
START, END = 0x901C0000, 0x901CFFFF

# Tag, id, type: the table of ST's FACTORYDATA_TagId and genFactoryData.py's name_map.
TABLE = [
    ("CERTIFICATION_DECLARATION", 1, "bytes"),
    ("FIRMWARE_INFORMATION", 2, "bytes"),
    ("DEVICE_ATTESTATION_CERTIFICATE", 3, "bytes"),
    ("PAI_CERTIFICATE", 4, "bytes"),
    ("DEVICE_ATTESTATION_PRIV_KEY", 5, "bytes"),
    ("DEVICE_ATTESTATION_PUB_KEY", 6, "bytes"),
    ("SETUP_DISCRIMINATOR", 11, "u16"),
    ("SPAKE2_ITERATION_COUNT", 12, "u32"),
    ("SPAKE2_SALT", 13, "bytes"),
    ("SPAKE2_VERIFIER", 14, "bytes"),
    ("SPAKE2_SETUP_PASSCODE", 15, "u32"),
    ("VENDOR_NAME", 21, "string"),
    ("VENDOR_ID", 22, "u16"),
    ("PRODUCT_NAME", 23, "string"),
    ("PRODUCT_ID", 24, "u16"),
    ("SERIAL_NUMBER", 25, "string"),
    ("MANUFACTURING_DATE", 26, "string"),
    ("HARDWARE_VERSION", 27, "u16"),
    ("HARDWARE_VERSION_STRING", 28, "string"),
    ("ROTATING_DEVICE_ID", 29, "string"),
    ("TAG_ID_ENABLE_KEY", 41, "string"),
]


def test_the_table_of_tags() -> None:
    assert [(tag.name, int(tag), VALUE_TYPES[tag].value) for tag in T] == TABLE
    assert [int(tag) for tag in CREDENTIALS] == [3, 4, 5, 6]


def test_the_bytes_of_every_kind_of_entry() -> None:
    data = FactoryData(
        {
            T.VENDOR_NAME: "Größe".encode(),
            T.VENDOR_ID: number_value(T.VENDOR_ID, 0xFFF1),
            T.SPAKE2_SETUP_PASSCODE: number_value(T.SPAKE2_SETUP_PASSCODE, 20202021),
            T.CERTIFICATION_DECLARATION: b"\x30\x01",
        }
    )
    assert data.encode().hex() == (
        "01000000020000003001"
        "0f000000040000002542"
        "3401"
        "1500000007000000"
        "4772c3b6c39f65"
        "1600000002000000f1ff"
        "acacacac"
    )
    assert FactoryData.decode(data.encode()) == data
    assert (data.text(T.VENDOR_NAME), data.number(T.VENDOR_ID), data.get(T.PAI_CERTIFICATE)) == (
        "Größe",
        0xFFF1,
        None,
    )
    assert (data.text(T.SERIAL_NUMBER), data.number(T.PRODUCT_ID)) == (None, None)


def test_no_data_is_the_marker_alone() -> None:
    assert FactoryData({}).encode() == MARKER
    assert FactoryData.decode(MARKER) == FactoryData.decode(b"") == FactoryData({})


def test_values_are_added_replaced_and_taken_away() -> None:
    data = FactoryData({T.VENDOR_NAME: b"a", T.SPAKE2_SALT: b"s"})
    assert data.with_values({T.VENDOR_NAME: b"b", T.FIRMWARE_INFORMATION: b"f"}).values == {
        2: b"f",
        13: b"s",
        21: b"b",
    }
    assert data.without([T.SPAKE2_SALT, T.PRODUCT_ID]).values == {21: b"a"}
    assert data.values == {13: b"s", 21: b"a"}


@pytest.mark.parametrize("tag, value, message", [
    (T.VENDOR_ID, b"\x01", "VENDOR_ID (id 22): found 1 bytes; legal: 2"),
    (T.SPAKE2_ITERATION_COUNT, bytes(5), "(id 12): found 5 bytes; legal: 4"),
    (T.DEVICE_ATTESTATION_PRIV_KEY, bytes(31), "(id 5): found 31 bytes; legal: 32"),
    (T.DEVICE_ATTESTATION_PUB_KEY, bytes(64), "(id 6): found 64 bytes; legal: 65"),
    (T.DEVICE_ATTESTATION_CERTIFICATE, bytes(603), "(id 3): found 603 bytes; legal: 1 to 602"),
    (T.PAI_CERTIFICATE, b"", "(id 4): found 0 bytes; legal: 1 to 602"),
    (T.SERIAL_NUMBER, b"", "(id 25): found 0 bytes; legal: 1 to 602"),
    (T.SERIAL_NUMBER, b"ab\xff", "(id 25): found no UTF-8 at byte 2"),
    (T.SERIAL_NUMBER, b"ab\0", "(id 25): found a NUL at byte 2; legal: text without one"),
])  # fmt: skip
def test_values_that_no_device_takes(tag: FactoryDataTag, value: bytes, message: str) -> None:
    with pytest.raises(FactoryDataError) as caught:
        FactoryData({tag: value})
    assert message in str(caught.value)


def test_the_longest_value_is_602_bytes() -> None:
    assert FactoryData({T.PAI_CERTIFICATE: bytes(602)}).encode()[4:8] == b"\x5a\x02\0\0"


@pytest.mark.parametrize("tag, number, message", [
    (T.VENDOR_ID, 0x10000, "found 0x10000; legal: 0 to 0xffff"),
    (T.SPAKE2_SETUP_PASSCODE, -1, "found -0x1; legal: 0 to 0xffffffff"),
    (T.VENDOR_NAME, 1, "legal: a number only for u16 and u32"),
])  # fmt: skip
def test_numbers_that_do_not_fit(tag: FactoryDataTag, number: int, message: str) -> None:
    with pytest.raises(FactoryDataError, match=message):
        number_value(tag, number)


@pytest.mark.parametrize("raw, message", [
    ("150000000100", "at byte 0: found 6 bytes that are no whole entry"),
    ("150000000200000041", "at byte 0: found 9 bytes that are no whole entry"),
    ("1500000001000000417700", "at byte 9: found 2 bytes"),
    ("ffffffffffffffff", "at byte 0: found 8 bytes"),
    ("150000000100000041" "150000000100000042", "at byte 9: VENDOR_NAME (id 21) for a second time"),
    ("160000000100000041", "VENDOR_ID (id 22): found 1 bytes; legal: 2"),
    ("1500000000000000", "VENDOR_NAME (id 21): found 0 bytes"),
])  # fmt: skip
def test_bytes_that_are_no_factory_data(raw: str, message: str) -> None:
    with pytest.raises(FactoryDataError) as caught:
        FactoryData.decode(bytes.fromhex(raw))
    assert message in str(caught.value)


def test_what_nobody_knows_is_passed_over_and_told() -> None:
    skipped: list[int] = []
    raw = bytes.fromhex("63000000020000000102150000000100000041") + MARKER + b"\xff" * 9
    assert FactoryData.decode(raw, skipped).values == {21: b"A"}
    assert skipped == [99]
    assert FactoryData.decode(raw).values == {21: b"A"}
    names: list[str] = []
    assert factory_data_from_json('{"COLOUR": 5, "VENDOR_NAME": "A"}', skipped=names).values == {21: b"A"}
    assert names == ["COLOUR"]


@pytest.mark.parametrize("name, value, raw", [
    ("VENDOR_ID", "0xFFF1", "f1ff"),
    ("VENDOR_ID", "65521", "f1ff"),
    ("HARDWARE_VERSION", "007", "0700"),
    ("SETUP_DISCRIMINATOR", "0xf00", "000f"),
    ("SPAKE2_SETUP_PASSCODE", "20202021", "25423401"),
    ("SPAKE2_SALT", ["0x53", "50", "0x0"], "535000"),
    ("SERIAL_NUMBER", "SN-ä", "534e2dc3a4"),
    ("TAG_ID_ENABLE_KEY", "00112233", "3030313132323333"),
])  # fmt: skip
def test_values_of_the_json_form(name: str, value: object, raw: str) -> None:
    data = factory_data_from_json(json.dumps({name: value}))
    assert data.values[FactoryDataTag[name]].hex() == raw
    assert factory_data_from_json(factory_data_to_json(data)) == data


@pytest.mark.parametrize("text, message", [
    ("{", "f.json:1:2: not JSON: "),
    ("[]", "f.json: found []; legal: one object"),
    ('{"VENDOR_ID": 5}', "f.json: factory data VENDOR_ID (id 22): found 5; legal: text such as"),
    ('{"VENDOR_ID": "0XFFF1"}', "found '0XFFF1'"),
    ('{"VENDOR_ID": "-1"}', "found '-1'"),
    ('{"VENDOR_ID": "1_0"}', "found '1_0'"),
    ('{"VENDOR_ID": "65536"}', "(id 22): found 0x10000; legal: 0 to 0xffff"),
    ('{"VENDOR_NAME": ["a"]}', "found ['a']; legal: text"),
    ('{"VENDOR_NAME": ""}', "VENDOR_NAME (id 21): found 0 bytes"),
    ('{"VENDOR_NAME": "a\\u0000"}', "found a NUL at byte 1"),
    ('{"VENDOR_NAME": "\\ud800"}', "half a surrogate pair at character 0"),
    ('{"SPAKE2_SALT": "5350"}', "found '5350'; legal: a list of texts"),
    ('{"SPAKE2_SALT": ["0x53", "0x100"]}', "item 1: found '0x100'; legal: one byte"),
    ('{"SPAKE2_SALT": [5]}', "item 0: found 5; legal: one byte"),
    ('{"VENDOR_NAME": "a", "VENDOR_NAME": "b"}', "'VENDOR_NAME' for a second time"),
    ("[" * 100_000, "f.json: not JSON that can be read"),
])  # fmt: skip
def test_json_that_is_no_factory_data(text: str, message: str) -> None:
    with pytest.raises(FactoryDataError) as caught:
        factory_data_from_json(text, "f.json")
    assert message in str(caught.value)


def flash_with(raw: bytes, tail: bytes = b"\xff" * 64, *, knows_marker: bool = False) -> FactoryDataReader:
    flash = Flash("f", 0x20000, 0x1000, 1, contents=(raw + tail).ljust(0x20000, b"\xff"))
    return FactoryDataReader(
        lambda address, size: flash.read(address - START, size), START, END, knows_marker
    )


VALUES = {T.SPAKE2_SALT: b"salt", T.VENDOR_NAME: b"A" * 602, T.VENDOR_ID: b"\xf1\xff"}


@pytest.mark.parametrize("tag, size, answer", [
    (T.SPAKE2_SALT, 4, (OK, b"salt")),
    (T.VENDOR_NAME, 602, (OK, b"A" * 602)),
    (T.VENDOR_ID, 100, (OK, b"\xf1\xff")),
    (T.SPAKE2_SALT, 3, (TOO_SMALL, b"")),
    (T.SPAKE2_SALT, 0, (TOO_SMALL, b"")),
    (T.SPAKE2_SALT, None, (PARAM_ERROR, b"")),
    # Behind the last entry stand the marker and erased flash: a length of 0xffffffff.
    (T.PRODUCT_ID, 2, (PARAM_ERROR, b"")),
    (T.PRODUCT_ID, None, (PARAM_ERROR, b"")),
])  # fmt: skip
def test_the_older_reader(
    tag: FactoryDataTag, size: int | None, answer: tuple[FactoryDataStatus, bytes]
) -> None:
    assert flash_with(FactoryData(VALUES).encode()).get_value(tag, size) == answer


@pytest.mark.parametrize("raw, answer", [
    (b"", PARAM_ERROR),
    (bytes(16), PARAM_ERROR),
    # The length is judged before the tag is.
    ((16).to_bytes(4, "little") + (603).to_bytes(4, "little"), PARAM_ERROR),
    ((16).to_bytes(4, "little") + (0).to_bytes(4, "little"), PARAM_ERROR),
    (b"\x01\0\0\0\x01\0\0\0x" * 7281, PARAM_ERROR),
    # Entries up to the last address and over it: the end of the area, not the marker, ends the search.
    (b"\x01\0\0\0\x01\0\0\0x" * 7282, NOT_FOUND),
    (b"\x01\0\0\0\x07\0\0\0xxxxxxx" * 4369, NOT_FOUND),
])  # fmt: skip
def test_the_older_reader_where_the_tag_is_not(raw: bytes, answer: FactoryDataStatus) -> None:
    assert flash_with(raw).get_value(16, 99) == (answer, b"")


def test_a_value_may_end_behind_the_area_but_an_entry_begins_inside() -> None:
    raw = b"\x01\0\0\0\x01\0\0\0x" * 7280 + b"\x10\0\0\0\x10\0\0\0" + b"v" * 16
    assert flash_with(raw).get_value(16, 99) == (OK, b"v" * 16)


def test_a_reader_that_knows_the_marker() -> None:
    raw = FactoryData(VALUES).encode()
    flash = Flash("f", 0x1000, 0x1000, 1, contents=raw.ljust(0x1000, b"\xff"))
    reader = FactoryDataReader(flash.read, 0, 0xFFF)
    assert reader.get_value(T.PRODUCT_ID, 2) == (NOT_FOUND, b"")
    assert reader.get_value(T.VENDOR_ID, 2) == (OK, b"\xf1\xff")
    # Even where somebody asks for the marker itself, or a length of its own follows it.
    assert reader.get_value(0xACACACAC, 2) == (NOT_FOUND, b"")


@pytest.mark.parametrize(("knows_marker", "answer"), [(True, (OK, b"")), (False, (NOT_FOUND, b""))])
def test_entries_that_end_exactly_at_the_last_address(
    knows_marker: bool, answer: tuple[FactoryDataStatus, bytes]
) -> None:
    flash = Flash("f", 0x1000, 0x1000, 1, contents=(b"\x01\0\0\0\x01\0\0\0x" * 10).ljust(0x1000, b"\xff"))
    for end, wanted in ((89, NOT_FOUND), (90, answer[0]), (91, PARAM_ERROR)):
        reader = FactoryDataReader(flash.read, 0, end, knows_marker=knows_marker)
        assert reader.get_value(2, 9) == (wanted, b"")


def test_flash_that_cannot_be_read_is_a_parameter_error() -> None:
    flash = Flash("f", 0x10, 0x10, 1, contents=b"\x15\0\0\0\x40\0\0\0" + bytes(8))
    assert FactoryDataReader(flash.read, 0, 0xFF).get_value(T.VENDOR_NAME, 99) == (PARAM_ERROR, b"")
    assert FactoryDataReader(flash.read, 0x20, 0xFF).get_value(T.VENDOR_NAME, 99) == (PARAM_ERROR, b"")


def values_of(tag: FactoryDataTag) -> st.SearchStrategy[bytes]:
    size = VALUE_TYPES[tag].size or {5: 32, 6: 65}.get(int(tag))
    if size is not None:
        return st.binary(min_size=size, max_size=size)
    if VALUE_TYPES[tag] is ValueType.STRING:
        text = st.text(
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=150
        )
        return text.map(str.encode)
    return st.binary(min_size=1, max_size=MAX_VALUE)


DATA = st.fixed_dictionaries({}, optional={tag: values_of(tag) for tag in T})


@settings(max_examples=60, deadline=None)
@given(DATA)
def test_all_forms_say_the_same(values: Mapping[FactoryDataTag, bytes]) -> None:
    data = FactoryData(values)
    assert FactoryData.decode(data.encode()) == data
    assert factory_data_from_json(factory_data_to_json(data)) == data
    reader = flash_with(data.encode())
    for tag in T:
        wanted = (OK, values[tag]) if tag in values else (PARAM_ERROR, b"")
        assert reader.get_value(tag, MAX_VALUE) == wanted


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 2**32 - 1))
def test_arbitrary_bytes_are_read_or_refused(raw: bytes, tag: int) -> None:
    try:
        again = FactoryData.decode(raw)
    except FactoryDataError:
        pass
    else:
        assert FactoryData.decode(again.encode()) == again
    assert flash_with(raw).get_value(tag, 100)[0] in FactoryDataStatus
    with suppress(FactoryDataError):
        factory_data_from_json(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([tag.name for tag in T]) | st.text(), JSON, max_size=4))
def test_arbitrary_json_is_read_or_refused(found: object) -> None:
    try:
        data = factory_data_from_json(json.dumps(found))
    except FactoryDataError:
        return
    assert factory_data_from_json(factory_data_to_json(data)) == data


def test_a_long_row_of_entries_takes_no_quadratic_time() -> None:
    skipped: list[int] = []
    assert FactoryData.decode(bytes.fromhex("7700000000000000") * 100_000, skipped).values == {}
    assert len(skipped) == 100_000
