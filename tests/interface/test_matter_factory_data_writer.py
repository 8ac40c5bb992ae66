"""What ST's provisioning firmware makes of factory data: entries in place of the marker, once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.interface.matter.factory_data import FactoryData, FactoryDataReader, FactoryDataStatus
from tfm_sim.interface.matter.factory_data import FactoryDataTag as T
from tfm_sim.interface.matter.factory_data_writer import FACTORY_DATA_LENGTH, append_entries

OK, NOT_FOUND, TOO_SMALL = (
    FactoryDataStatus.DATAFACTORY_OK,
    FactoryDataStatus.DATAFACTORY_DATA_NOT_FOUND,
    FactoryDataStatus.DATAFACTORY_BUFFER_TOO_SMALL,
)
BEFORE = FactoryData({T.VENDOR_NAME: b"A"}).encode()
CREDENTIALS = [
    (T.DEVICE_ATTESTATION_CERTIFICATE, b"dac"),
    (T.PAI_CERTIFICATE, b"pai"),
    (T.DEVICE_ATTESTATION_PUB_KEY, bytes(65)),
    (T.DEVICE_ATTESTATION_PRIV_KEY, bytes(32)),
]


def area(raw: bytes) -> bytes:
    return raw.ljust(FACTORY_DATA_LENGTH, b"\xff")


def test_entries_go_in_the_marker_s_place_in_their_order() -> None:
    status, after = append_entries(area(BEFORE), CREDENTIALS)
    assert status is OK
    assert after.rstrip(b"\xff").hex() == (
        "150000000100000041"
        "0300000003000000646163"
        "0400000003000000706169"
        "0600000041000000" + "00" * 65 + "0500000020000000" + "00" * 32 + "acacacac"
    )
    assert len(after) == FACTORY_DATA_LENGTH
    assert FactoryData.decode(after).values.keys() == {3, 4, 5, 6, 21}
    reader = FactoryDataReader(lambda at, size: after[at : at + size], 0, FACTORY_DATA_LENGTH - 1)
    assert reader.get_value(T.DEVICE_ATTESTATION_PRIV_KEY, 32) == (OK, bytes(32))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xac\xac\xac\xac",
        BEFORE[:-4],
        FactoryData({T.VENDOR_NAME: b"A", T.PAI_CERTIFICATE: b"x"}).encode(),
        FactoryData({T.VENDOR_NAME: b"A", T.DEVICE_ATTESTATION_CERTIFICATE: b"x"}).encode(),
        FactoryData({T.VENDOR_NAME: b"A", T.DEVICE_ATTESTATION_PUB_KEY: bytes(65)}).encode(),
        b"\x15\0\0\0\xf0\xff\xff\xff",
    ],
)
def test_where_the_firmware_finds_no_place(raw: bytes) -> None:
    assert append_entries(area(raw), CREDENTIALS) == (NOT_FOUND, area(raw))


def test_a_private_key_alone_does_not_count_as_provisioned() -> None:
    raw = FactoryData({T.DEVICE_ATTESTATION_PRIV_KEY: bytes(32)}).encode()
    assert append_entries(area(raw), CREDENTIALS[:3])[0] is OK


def test_what_does_not_fit_is_not_written() -> None:
    full = area(BEFORE)
    room = FACTORY_DATA_LENGTH - (len(BEFORE) - 4) - 8 - 8
    assert append_entries(full, [(3, bytes(room))])[0] is OK
    assert append_entries(full, [(3, bytes(room + 1))]) == (TOO_SMALL, full)
    short = BEFORE + b"\xff" * 100
    assert append_entries(short, CREDENTIALS) == (TOO_SMALL, short)


def test_a_marker_behind_what_the_firmware_reads_is_not_found() -> None:
    entry = (21).to_bytes(4, "little") + (FACTORY_DATA_LENGTH - 8).to_bytes(4, "little")
    far = entry.ljust(FACTORY_DATA_LENGTH, b"A") + b"\xac\xac\xac\xac" + b"\xff" * 100
    assert append_entries(far, CREDENTIALS) == (NOT_FOUND, far)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_arbitrary_flash_is_written_or_left(raw: bytes) -> None:
    status, after = append_entries(area(raw), CREDENTIALS)
    assert status in (OK, NOT_FOUND)
    assert (after == area(raw)) is (status is NOT_FOUND)
    assert append_entries(after, CREDENTIALS)[0] is NOT_FOUND
