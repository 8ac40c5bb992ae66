"""LMS and HSS: the vectors of RFC 8554 and RFC 9858, every way to break one, and arbitrary bytes."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.bootloader.lms import LMOTS, LMS, LmsError, LmsPublicKey, digits, verify_hss, verify_lms

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "lms" / "vectors.json").read_text())
NAMES = [vector["name"] for vector in VECTORS]


def parts(vector: dict[str, str]) -> tuple[bytes, bytes, bytes]:
    return (
        bytes.fromhex(vector["public_key"]),
        bytes.fromhex(vector["message"]),
        bytes.fromhex(vector["signature"]),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_published_signatures_verify(vector: dict[str, str]) -> None:
    verify_hss(*parts(vector))


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_one_bit_anywhere_breaks_them(vector: dict[str, str], part: int) -> None:
    good = parts(vector)
    step = max(1, len(good[part]) // 11)
    for at in range(0, len(good[part]), step):
        broken = [bytearray(p) for p in good]
        broken[part][at] ^= 1 << at % 8
        with pytest.raises(LmsError):
            verify_hss(*map(bytes, broken))


# RFC 8554 sections 4.1 and 5.1, NIST SP 800-208 tables: u = ceil(8n/w), p = u + v.
@pytest.mark.parametrize("code", LMOTS)
def test_chains_and_shift_follow_from_hash_and_width(code: int) -> None:
    lmots = LMOTS[code]
    u = -(-8 * lmots.n // lmots.w)
    v = -(-((2**lmots.w - 1) * u).bit_length() // lmots.w)
    assert (lmots.p, lmots.ls) == (u + v, 16 - v * lmots.w)
    assert len(list(digits(lmots, bytes(lmots.n)))) == lmots.p


@pytest.mark.parametrize("code, size", [(1, 8516), (2, 4292), (3, 2180), (4, 1124), (5, 4828), (8, 652)])
def test_sizes_of_one_time_signatures(code: int, size: int) -> None:
    assert LMOTS[code].signature_size == size


def test_heights() -> None:
    assert [LMS[code].h for code in range(5, 15)] == [5, 10, 15, 20, 25] * 2


KEY, MESSAGE, SIGNATURE = parts(VECTORS[2])
LMS_KEY, LMS_SIGNATURE = KEY[4:], SIGNATURE[4:]


@pytest.mark.parametrize(
    "key, signature, message",
    [
        (b"", SIGNATURE, "less than 4 bytes"),
        (KEY, b"\0\0\0", "less than 4 bytes"),
        (b"\0\0\0\0" + LMS_KEY, SIGNATURE, "0 levels in the key; wanted 1 to 8"),
        (b"\0\0\0\x09" + LMS_KEY, SIGNATURE, "9 levels"),
        (b"\0\0\0\2" + LMS_KEY, SIGNATURE, "0 signed keys; a key of 2 levels wants 1"),
        (b"\0\0\0\2" + LMS_KEY, b"\0\0\0\1" + LMS_SIGNATURE, "an end inside a signed public key"),
        (KEY[:11], SIGNATURE, "7 bytes; wanted its two types"),
        (KEY[:-1], SIGNATURE, "47 bytes; wanted 48"),
        (KEY + b"\0", SIGNATURE, "49 bytes; wanted 48"),
        (KEY[:7] + b"\x04" + KEY[8:], SIGNATURE, "LMS type 0x4; known are 5 to 14"),
        (KEY[:11] + b"\x11" + KEY[12:], SIGNATURE, "one-time type 0x11; known are 1 to 8"),
        (KEY[:11] + b"\x04" + KEY[12:], SIGNATURE, "24-byte nodes over 32-byte one-time hashes"),
        (KEY, SIGNATURE[:-1], "783 bytes|779 bytes"),
        (KEY, SIGNATURE + b"\0", "bytes; wanted"),
        (KEY, b"\0\0\0\0" + b"\0\0\0\x20" + LMS_SIGNATURE[4:], "leaf 32; a tree of height 5 has 32"),
        (KEY, b"\0\0\0\0" + b"\xff\xff\xff\xff" + LMS_SIGNATURE[4:], "leaf 4294967295"),
        (KEY, b"\0\0\0\0" + b"\0\0\0\6" + LMS_SIGNATURE[4:], "a path to another root"),
    ],
)
def test_what_is_wrong_is_named(key: bytes, signature: bytes, message: str) -> None:
    with pytest.raises(LmsError, match=message):
        verify_hss(key, MESSAGE, signature)


@pytest.mark.parametrize("at, name", [(7, "one-time type"), (-121, "type")])
def test_a_signature_of_another_type_is_refused(at: int, name: str) -> None:
    key = LmsPublicKey.decode(LMS_KEY)
    broken = bytearray(LMS_SIGNATURE)
    broken[at] ^= 1
    with pytest.raises(LmsError, match=name):
        verify_lms(key, MESSAGE, bytes(broken))


def test_a_public_key_goes_there_and_back() -> None:
    assert LmsPublicKey.decode(LMS_KEY).encode() == LMS_KEY


def test_tfms_signature_size() -> None:
    key = LmsPublicKey.decode(bytes.fromhex("0000000600000004") + bytes(48))
    assert (key.signature_size, len(key.encode())) == (1452, 56)


@settings(max_examples=60)
@given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=900), st.booleans())
def test_no_bytes_raise_anything_but_its_own_error(
    key: bytes, message: bytes, signature: bytes, ours: bool
) -> None:
    try:
        verify_hss(KEY if ours else key, message, SIGNATURE[:8] + signature if ours else signature)
    except LmsError:
        return
    pytest.fail("arbitrary bytes verified")
