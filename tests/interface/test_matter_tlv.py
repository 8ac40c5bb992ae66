"""Matter TLV as the device writes and reads it (Matter 1.4 appendix A)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.matter import tlv
from tfm_sim.interface.matter.tlv import ANONYMOUS, TlvError, context, profile


@pytest.mark.parametrize(
    ("encoded", "wanted"),
    [
        (tlv.unsigned(ANONYMOUS, 42), "042a"),
        (tlv.unsigned(ANONYMOUS, 255), "04ff"),
        (tlv.unsigned(ANONYMOUS, 256), "050001"),
        (tlv.unsigned(ANONYMOUS, 0x1_0000), "0600000100"),
        (tlv.unsigned(ANONYMOUS, 1 << 32), "070000000001000000"),
        (tlv.boolean(ANONYMOUS, False), "08"),
        (tlv.boolean(ANONYMOUS, True), "09"),
        (tlv.text(ANONYMOUS, "Hello!"), "0c0648656c6c6f21"),
        (tlv.octets(ANONYMOUS, bytes(5)), "10050000000000"),
        (tlv.structure(ANONYMOUS), "1518"),
        (tlv.array(ANONYMOUS), "1618"),
        (tlv.unsigned(context(1), 42), "24012a"),
        (tlv.unsigned(profile(0xFFF1, 0xDEED, 1), 42), "c4f1ffedde01002a"),
        (tlv.unsigned(profile(0xFFF1, 0xDEED, 0xAA55FEED), 42), "e4f1ffeddeedfe55aa2a"),
        (tlv.structure(ANONYMOUS, tlv.boolean(context(0), True)), "15290018"),
    ],
)
def test_encodings(encoded: bytes, wanted: str) -> None:
    assert encoded.hex() == wanted


def test_long_strings_have_a_longer_length() -> None:
    assert tlv.octets(context(1), bytes(255))[:3].hex() == "3001ff"
    assert tlv.octets(context(1), bytes(256))[:4].hex() == "31010001"


def test_attestation_elements_of_the_fact_sheet() -> None:
    encoded = tlv.structure(
        ANONYMOUS,
        tlv.octets(context(1), b"\xcd\xcd\xcd"),
        tlv.octets(context(2), bytes(range(32))),
        tlv.unsigned(context(3), 0),
    )
    assert encoded.hex() == "15" + "300103cdcdcd" + "300220" + bytes(range(32)).hex() + "240300" + "18"


@pytest.mark.parametrize(
    "make",
    [
        lambda: context(256),
        lambda: context(-1),
        lambda: profile(1 << 16, 0, 0),
        lambda: profile(0, 0, 1 << 32),
        lambda: tlv.unsigned(ANONYMOUS, -1),
        lambda: tlv.unsigned(ANONYMOUS, 1 << 64),
    ],
)
def test_what_tlv_cannot_carry(make: object) -> None:
    assert callable(make)
    with pytest.raises(TlvError, match="legal"):
        make()


@pytest.mark.parametrize(
    "data",
    ["", "15", "1518ff", "30", "300105aa", "19", "3f00", "0c02ff", "0c01ff", "3818", "0a0000", "15" * 40],
)
def test_what_is_no_tlv(data: str) -> None:
    with pytest.raises(TlvError):
        tlv.decode(bytes.fromhex(data))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(TlvError):
        tlv.decode(data)


@given(st.dictionaries(st.integers(0, 255), st.integers(0, 2**64 - 1) | st.binary(max_size=300), max_size=5))
def test_what_was_written_is_read(members: dict[int, int | bytes]) -> None:
    encoded = [
        tlv.unsigned(context(tag), value) if isinstance(value, int) else tlv.octets(context(tag), value)
        for tag, value in members.items()
    ]
    read = tlv.decode(tlv.structure(ANONYMOUS, *encoded))
    assert {tag: read.member(context(tag)).value for tag in members} == members


def test_members_are_of_the_type_and_size_asked_for() -> None:
    read = tlv.decode(tlv.structure(ANONYMOUS, tlv.unsigned(context(1), 300), tlv.octets(context(2), b"ab")))
    assert (read.number(context(1), 16), read.bytes_of(context(2), 2)) == (300, b"ab")
    for ask in (
        lambda: read.number(context(1), 8),
        lambda: read.number(context(2), 8),
        lambda: read.bytes_of(context(1), 2),
        lambda: read.bytes_of(context(2), 3),
        lambda: read.member(context(3)),
    ):
        with pytest.raises(TlvError):
            ask()
