"""The YAML reader: each value knows its line, and only the caller's error comes out, whatever the bytes."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.errors import TfmSimError
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.yaml_source import YamlValue, load_yaml, parse_yaml


class SampleError(TfmSimError):
    pass


def read(text: str | bytes) -> YamlValue:
    return parse_yaml(text if isinstance(text, bytes) else text.encode(), "s.yaml", SampleError)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "s.yaml:1: empty file"),
        ("# only a comment\n", "s.yaml:1: empty file"),
        ("a: 1\nb: [\n", "s.yaml:3: not YAML: "),
        ("a: 1\n\tb: 2\n", "s.yaml:2: not YAML: "),
        ("a: 1\nb: 2\na: 3\n", "s.yaml:3: duplicate key 'a'; found first at line 1"),
        ("x:\n  a: 1\n  a: 1\n", "s.yaml:3: duplicate key 'a'; found first at line 2"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2: a second document; legal: one document in a file"),
        ("a: &x 1\nb: 2", "s.yaml:1: an anchor or alias"),
        ("a: 1\nb: *x\n", "s.yaml:2: an anchor or alias"),
        ("a: !!python/object:os.system x", "s.yaml:1: a tag"),
        ("a: 1\n? [b]\n: 2\n", "s.yaml:2: a key that is not text; found a sequence"),
        ("a: 1\n? {b: 1}\n: 2\n", "s.yaml:2: a key that is not text; found a mapping"),
        (b"a: 1\nb: \xff\n", "s.yaml:2: not UTF-8; found byte 0xff"),
        ("[" * 100_000, "s.yaml:1: nested too deeply; legal: up to 32 levels"),
        ("- " * 100_000, "s.yaml:1: nested too deeply; legal: up to 32 levels"),
        (b"#" * ((1 << 20) + 1), "s.yaml:1: too long"),
    ],
)
def test_a_bad_file_is_refused_at_its_line(text: str | bytes, message: str) -> None:
    with pytest.raises(SampleError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "text, value",
    [
        ("17", 17),
        ("-3", -3),
        ("0x1F", 31),
        ("0", 0),
        ("010", "010"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        ("yes", True),
        ("FALSE", False),
        ("~", None),
        ("2024-01-01", "2024-01-01"),
        ("'17'", "17"),
        ('"yes"', "yes"),
        ("text", "text"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    found = read(f"k: {text}").mapping()["k"].value
    assert found == value
    assert type(found) is type(value)


SAMPLE = """\
number: 7
flag: true
word: abc
nothing:
quoted: "0x60"
digits: 0011223344
items:
  - 1
  - two
nested:
  deep: 5
"""


@pytest.mark.parametrize(
    "key, take, message",
    [
        ("word", lambda v: v.integer(), "s.yaml:3: word: wrong type; found 'abc'; legal: an integer in 0.."),
        ("flag", lambda v: v.integer(), "s.yaml:2: flag: wrong type; found true; legal: an integer"),
        (
            "number",
            lambda v: v.integer(8, 9),
            "s.yaml:1: number: out of range; found 7; legal: an integer in 8..9",
        ),
        ("quoted", lambda v: v.integer(), "s.yaml:5: quoted: wrong type; found '0x60'"),
        ("number", lambda v: v.string(), "s.yaml:1: number: wrong type; found 7; legal: text"),
        ("nothing", lambda v: v.string(), "s.yaml:4: nothing: wrong type; found nothing; legal: text"),
        (
            "word",
            lambda v: v.string("digits", "[0-9]+"),
            "s.yaml:3: word: not legal; found 'abc'; legal: digits",
        ),
        ("number", lambda v: v.boolean(), "s.yaml:1: number: wrong type; found 7; legal: true or false"),
        ("items", lambda v: v.scalar_text(), "s.yaml:7: items: wrong type; found a sequence"),
        (
            "items",
            lambda v: v.sequence(3),
            "s.yaml:7: items: wrong number of items; found 2; legal: at least 3",
        ),
        (
            "items",
            lambda v: v.sequence(0, 1),
            "s.yaml:7: items: wrong number of items; found 2; legal: 0 to 1",
        ),
        ("items", lambda v: v.sequence()[1].integer(), "s.yaml:9: items[1]: wrong type; found 'two'"),
        ("word", lambda v: v.sequence(), "s.yaml:3: word: wrong type; found 'abc'; legal: a sequence"),
        ("word", lambda v: v.mapping(), "s.yaml:3: word: wrong type; found 'abc'; legal: a mapping"),
        ("nested", lambda v: v.mapping(("x",)), "s.yaml:10: nested: missing key 'x'; found deep"),
        ("nested", lambda v: v.mapping((), ()), "s.yaml:11: nested: unknown key; found 'deep'"),
        (
            "nested",
            lambda v: v.mapping(("a",), ("b",)),
            "s.yaml:11: nested: unknown key; found 'deep'; legal: a, b",
        ),
        ("word", lambda v: v.choice({"a": 1, "b": 2}), "s.yaml:3: word: not legal; found 'abc'; legal: a, b"),
        (
            "word",
            lambda v: v.enum(OtpLcs),
            "s.yaml:3: word: not legal; found 'abc'; legal: ASSEMBLY_AND_TEST, ",
        ),
        ("quoted", lambda v: v.hex_bytes(), "s.yaml:5: quoted: not hex; found '0x60'; legal: hex digits"),
        (
            "digits",
            lambda v: v.hex_bytes(4),
            "s.yaml:6: digits: wrong length; found 5 bytes; legal: 4 bytes as 8",
        ),
    ],
)
def test_a_getter_names_place_finding_and_what_is_legal(
    key: str, take: Callable[[YamlValue], object], message: str
) -> None:
    with pytest.raises(SampleError) as caught:
        take(read(SAMPLE).mapping()[key])
    assert str(caught.value).startswith(message)


def test_getters_give_typed_values() -> None:
    entries = read(SAMPLE).mapping(("number", "word"))
    assert entries["number"].integer() == 7
    assert entries["quoted"].integer(quoted=True) == 0x60
    assert entries["flag"].boolean() is True
    assert entries["digits"].hex_bytes(5) == bytes.fromhex("0011223344")
    assert entries["number"].scalar_text() == "7"
    assert [item.line for item in entries["items"].sequence()] == [8, 9]
    assert entries["nested"].mapping()["deep"].path == "nested.deep"
    assert read("k: SECURED").mapping()["k"].enum(OtpLcs) is OtpLcs.SECURED
    assert read(SAMPLE).get("absent") is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"absent\.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "absent.yaml", SampleError)
    with pytest.raises(SampleError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path, SampleError)


YAMLISH = st.text(alphabet="ab:-[]{}&*!|>'\"#%@,? \n\t0x1~", max_size=60)


@given(st.one_of(st.binary(max_size=80), YAMLISH.map(str.encode), st.text(max_size=60).map(str.encode)))
def test_arbitrary_bytes_raise_only_the_callers_error(raw: bytes) -> None:
    try:
        read(raw)
    except SampleError as error:
        assert str(error).startswith("s.yaml:")


def test_a_long_key_is_not_kept_once_for_every_value_under_it() -> None:
    text = "? " + "k" * 20_000 + "\n: [" + "0," * 5_000 + "{a: x}]\n"
    tracemalloc.start()
    try:
        value = read(text)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    inner = value.mapping()["k" * 20_000].sequence()[-1].mapping()["a"]
    assert inner.path == "k" * 57 + "...[5000].a"


@pytest.mark.parametrize(
    "text",
    [
        "? " + "k" * 100_000 + "\n: 1\n",
        "a: &" + "k" * 100_000 + " 1\n",
        "a: !" + "k" * 100_000 + " 1\n",
        "? " + "k" * 100_000 + "\n: 1\n" + "? " + "k" * 100_000 + "\n: 1\n",
        "? &b " + "k" * 100_000 + "\n: 1\n",
    ],
    ids=["unknown", "anchor", "tag", "duplicate", "key with an anchor"],
)
def test_a_message_stays_short_whatever_the_file_says(text: str) -> None:
    with pytest.raises(SampleError) as caught:
        read(text).mapping(["wanted"], [])
    assert len(str(caught.value)) < 1000


def test_a_missing_key_is_told_among_a_few_others() -> None:
    with pytest.raises(SampleError, match="missing key 'wanted'; found k0, k1, ") as caught:
        read("".join(f"k{number}: 1\n" for number in range(20_000))).mapping(["wanted"])
    assert len(str(caught.value)) < 1000
