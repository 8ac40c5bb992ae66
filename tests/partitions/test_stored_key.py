"""The form in which Mbed TLS stores a key (psa_persistent_key_storage_format)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_ERROR_DATA_INVALID, PSA_ERROR_STORAGE_FAILURE
from tfm_sim.partitions.crypto.persistent_keys import uid_of_key
from tfm_sim.partitions.crypto.refusal import Refusal
from tfm_sim.partitions.crypto.stored_key import STORED_KEY_HEADER_SIZE, decode, encode

KEY = KeyAttributes(type=0x2400, bits=128, lifetime=1, usage=0x301, alg=0x05500200, alg2=0x04C01000, id=7)
DATA = bytes(range(16))
STORED = bytes.fromhex(
    "50534100 4b455900"  # PSA\0KEY\0
    "00000000"  # version
    "01000000"  # lifetime
    "0024 8000"  # AES, 128 bits
    "01030000 00025005 0010c004"  # usage, alg, alg2
    "10000000"  # bytes of key data
    "000102030405060708090a0b0c0d0e0f"
)


def test_layout() -> None:
    assert encode(KEY, DATA) == STORED
    assert decode(STORED, 7) == (KEY, DATA)
    assert STORED_KEY_HEADER_SIZE == 36


def at(offset: int, new: bytes) -> bytes:
    return STORED[:offset] + new + STORED[offset + len(new) :]


@pytest.mark.parametrize(
    "stored, status",
    [
        (b"", PSA_ERROR_DATA_INVALID),
        (STORED[:35], PSA_ERROR_DATA_INVALID),
        (at(0, b"Q"), PSA_ERROR_DATA_INVALID),
        (at(7, b"\1"), PSA_ERROR_DATA_INVALID),
        (at(8, b"\1"), PSA_ERROR_DATA_INVALID),
        (at(32, b"\x11"), PSA_ERROR_DATA_INVALID),
        (at(32, b"\xff\xff\xff\xff"), PSA_ERROR_DATA_INVALID),
        (STORED[:36], PSA_ERROR_DATA_INVALID),
        (at(32, b"\0"), PSA_ERROR_STORAGE_FAILURE),
        (at(12, b"\0"), PSA_ERROR_DATA_INVALID),  # a volatile key
        (encode(KEY, bytes(8192)), PSA_ERROR_DATA_INVALID),
        (encode(KEY, bytes(8191)), None),
        (STORED + b"more", None),
    ],
)
def test_what_is_no_stored_key(stored: bytes, status: int | None) -> None:
    if status is None:
        assert decode(stored, 7)[0] == KEY
        return
    with pytest.raises(Refusal) as refused:
        decode(stored, 7)
    assert refused.value.status == status


U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
ATTRIBUTES = st.builds(
    KeyAttributes, U16, U16, U32.filter(lambda lifetime: lifetime & 0xFF), U32, U32, U32, U32
)


@given(ATTRIBUTES, st.binary(min_size=1, max_size=100))
def test_what_is_stored_comes_back(attributes: KeyAttributes, data: bytes) -> None:
    assert decode(encode(attributes, data), attributes.id) == (attributes, data)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: STORED[:12] + tail))
def test_arbitrary_bytes_are_a_key_or_refused(stored: bytes) -> None:
    try:
        attributes, data = decode(stored, 7)
    except Refusal as refusal:
        assert refusal.status in (PSA_ERROR_DATA_INVALID, PSA_ERROR_STORAGE_FAILURE)
    else:
        assert stored.startswith(encode(attributes, data))


@pytest.mark.parametrize(
    "owner, key_id, uid",
    [
        (259, 1, 0x00000103_00000001),
        (-1, 0x3FFFFFFF, 0xFFFFFFFF_3FFFFFFF),
        (-0x80000000, 5, 0x80000000_00000005),
    ],
)
def test_owner_is_in_the_uid(owner: int, key_id: int, uid: int) -> None:
    assert uid_of_key(owner, key_id) == uid
