"""The boot status format, against the real TF-M and against arbitrary bytes."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusEra,
    BootStatusError,
    Claim,
    TlvMajor,
    decode_area,
    encode_area,
    tlv_type,
)

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings" / "tfm-2.2.2.json"
VARIANTS: dict[str, Any] = {
    name: variant
    for name, variant in json.loads(RECORDINGS.read_text())["variants"].items()
    if "boot_status_tlv" in variant
}


@pytest.mark.parametrize("name", VARIANTS)
def test_recorded_area_decodes_and_encodes_to_the_same_bytes(name: str) -> None:
    recorded = VARIANTS[name]["boot_status_tlv"]
    area = bytes.fromhex(recorded["hex"])
    entries = decode_area(area)
    assert [f"{e.tlv_type:#x}" for e in entries] == [e["tlv_type"] for e in recorded["entries"]]
    assert [(e.major, e.module, e.claim) for e in entries] == [
        (e["tlv_major"], e["sw_module"], e["claim"]) for e in recorded["entries"]
    ]
    assert encode_area(entries) == area


@pytest.mark.parametrize(
    ("major", "module", "claim", "expected"),
    [
        (TlvMajor.IAS, 0, Claim.SW_BOOT_RECORD, 0x103F),
        (TlvMajor.IAS, 1, Claim.SW_BOOT_RECORD, 0x107F),
        (TlvMajor.FWU, 0, Claim.SW_VERSION, 0x2000),
        (TlvMajor.FWU, 1, Claim.SW_VERSION, 0x2040),
        (TlvMajor.MBS, 2, Claim.SW_MEASURE_METADATA, 0x308A),
        (TlvMajor.MBS, 1, Claim.SW_MEASURE_VALUE_NON_EXTENDABLE, 0x304B),
    ],
)
def test_tlv_type(major: int, module: int, claim: int, expected: int) -> None:
    assert tlv_type(major, module, claim) == expected


@pytest.mark.parametrize(
    ("area", "names"),
    [
        (b"", "nothing"),
        (b"\x16\x20", "no header"),
        (bytes(1024), "magic"),
        (bytes.fromhex("16200300"), "total length 3"),
        (bytes.fromhex("16200900 00"), "total length 9"),
        (bytes.fromhex("16200600 3f10"), "offset 4"),
        (bytes.fromhex("16200900 3f100200 00"), "0x103f"),
    ],
)
def test_a_malformed_area_is_named(area: bytes, names: str) -> None:
    with pytest.raises(BootStatusError, match=names):
        decode_area(area)


def test_an_empty_area_is_legal() -> None:
    assert encode_area([]) == bytes.fromhex("16200400")
    assert decode_area(bytes.fromhex("16200400") + bytes(100)) == []


entries = st.builds(BootStatusEntry, st.integers(0, 0xFFFF), st.binary(max_size=80))


ERAS = st.sampled_from(BootStatusEra)


@pytest.mark.parametrize(
    ("era", "area"),
    [
        (BootStatusEra.TFM_2019_02, "16200d00 83110900 4e53504521"),
        (BootStatusEra.TFM_2019_09, "16200d00 83110900 4e53504521"),
        (BootStatusEra.TFM_2019_10, "16200d00 83110900 4e53504521"),
        (BootStatusEra.TODAY, "16200d00 83110500 4e53504521"),
    ],
)
def test_length_of_an_entry_by_era(era: BootStatusEra, area: str) -> None:
    entry = BootStatusEntry(0x1183, b"NSPE!")
    assert encode_area([entry], era) == bytes.fromhex(area)
    assert decode_area(bytes.fromhex(area), era) == [entry]


@pytest.mark.parametrize(
    ("area", "names"),
    [
        ("16200800 83110000", "length 0; legal in 2019-02: from 4"),
        ("16200800 83110300", "length 3; legal in 2019-02: from 4"),
        ("16200900 83110600 41", "2 bytes at offset 4 passes the end at 9"),
        ("16200600 8311", "entry header at offset 4"),
    ],
)
def test_a_malformed_area_of_2019_is_named(area: str, names: str) -> None:
    with pytest.raises(BootStatusError, match=names):
        decode_area(bytes.fromhex(area), BootStatusEra.TFM_2019_02)


def test_an_area_of_2019_with_no_data_in_an_entry() -> None:
    entry = BootStatusEntry(0x1183, b"")
    area = encode_area([entry], BootStatusEra.TFM_2019_02)
    assert area.hex() == "1620080083110400"
    assert decode_area(area, BootStatusEra.TFM_2019_02) == [entry]


@pytest.mark.parametrize(
    ("entries", "era", "names"),
    [
        ([BootStatusEntry(0x103F, bytes(0x10000))], BootStatusEra.TODAY, "65536 bytes"),
        ([BootStatusEntry(0x103F, bytes(0xFFFC))], BootStatusEra.TFM_2019_02, "65532 bytes"),
        ([BootStatusEntry(0x103F, bytes(0xFFF8))], BootStatusEra.TODAY, "65536 bytes"),
        ([BootStatusEntry(0x103F, bytes(0x8000))] * 2, BootStatusEra.TODAY, "65548 bytes"),
    ],
)
def test_what_16_bits_cannot_say_is_refused(
    entries: list[BootStatusEntry], era: BootStatusEra, names: str
) -> None:
    with pytest.raises(BootStatusError, match=names):
        encode_area(entries, era)


@given(st.lists(entries, max_size=12), st.binary(max_size=20), ERAS)
def test_what_is_encoded_decodes_whatever_follows(
    written: list[BootStatusEntry], behind: bytes, era: BootStatusEra
) -> None:
    assert decode_area(encode_area(written, era) + behind, era) == written


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"\x16\x20" + b), ERAS)
def test_arbitrary_bytes_raise_nothing_but_the_own_error(area: bytes, era: BootStatusEra) -> None:
    with contextlib.suppress(BootStatusError):
        decode_area(area, era)
