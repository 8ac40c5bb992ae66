"""How the measured boot partition takes the boot status over: slots, versions, nonsense."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.measured_boot import SHA256, SHA384, SHA512, SIGNER, VALUE, VECTOR, read
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area
from tfm_sim.interface.tfm.measured_boot import (
    Measurement,
    tfm_measured_boot_read_measurement,
)
from tfm_sim.partitions.measured_boot.boot_data import version_text
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig
from tfm_sim.spm.panic import DevicePanic


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions(measured_boot=MeasuredBootConfig())


def pair(
    slot: int = 2,
    *,
    lock: bool = False,
    value: bytes = VALUE,
    metadata_slot: int | None = None,
    **fields: Any,
) -> list[BootStatusEntry]:
    """Two entries as a boot stage writes them; ``fields`` are those of the metadata."""
    whole: dict[str, Any] = {
        "measurement_type": SHA256,
        "signer_id": SIGNER,
        "signer_id_size": 32,
        "sw_type": b"RT_0",
        "version": ImageVersion(1, 2, 3, 4),
    }
    metadata = MeasurementMetadata(**(whole | fields))
    first = slot if metadata_slot is None else metadata_slot
    return [
        BootStatusEntry(0x300A | first << 6, metadata.encode()),
        BootStatusEntry((0x300B if lock else 0x3008) | slot << 6, value),
    ]


def booted(*entries: BootStatusEntry, **config: Any) -> PartitionBench:
    return start_partitions(boot_status=encode_area(entries), measured_boot=MeasuredBootConfig(**config))


FOUND = Measurement(SIGNER, b"1.2.3+4", SHA256, b"RT_0", bytes.fromhex(VECTOR), is_locked=False)


@pytest.mark.parametrize(
    ("entries", "index", "found"),
    [
        (pair(), 2, Measurement(SIGNER, b"1.2.3+4", SHA256, b"RT_0", bytes.fromhex(VECTOR), False)),
        (pair(lock=True), 2, Measurement(SIGNER, b"1.2.3+4", SHA256, b"RT_0", bytes.fromhex(VECTOR), True)),
        (
            pair(metadata_slot=9),
            2,
            Measurement(SIGNER, b"1.2.3+4", SHA256, b"RT_0", bytes.fromhex(VECTOR), False),
        ),
        (
            pair(sw_type=b"0123456789", signer_id_size=48, measurement_type=SHA384),
            2,
            Measurement(SIGNER + bytes(16), b"1.2.3+4", SHA384, b"0123456789", bytes.fromhex(VECTOR), False),
        ),
        (
            pair(version=ImageVersion(255, 25, 6553, 0)),
            2,
            Measurement(SIGNER, b"255.25.6553+0", SHA256, b"RT_0", bytes.fromhex(VECTOR), False),
        ),
        (
            pair(value=VALUE * 2),
            2,
            Measurement(
                SIGNER, b"1.2.3+4", SHA256, b"RT_0", hashlib.sha256(bytes(32) + VALUE * 2).digest(), False
            ),
        ),
    ],
)
def test_slots_filled_from_the_boot_status(
    entries: list[BootStatusEntry], index: int, found: Measurement
) -> None:
    assert read(booted(*entries), index) == found


def test_two_values_for_one_slot_extend_it() -> None:
    """Boot stages cannot write that, but the partition would do it."""
    once = hashlib.sha256(bytes(32) + VALUE).digest()
    twice = hashlib.sha256(once + VALUE).digest()
    assert read(booted(*pair(), *pair())) == Measurement(SIGNER, b"", SHA256, b"", twice, False)


METADATA, MEASURED = pair()


@pytest.mark.parametrize(
    "entries",
    [
        [METADATA],
        [MEASURED],
        [MEASURED, METADATA],
        [METADATA, METADATA, MEASURED],
        [METADATA, BootStatusEntry(0x303F | 2 << 6, VALUE)],
        [BootStatusEntry(METADATA.tlv_type, METADATA.data[:91]), MEASURED],
        [BootStatusEntry(METADATA.tlv_type, METADATA.data + b"\0"), MEASURED],
        pair(signer_id_size=31),
        pair(signer_id_size=65),
        pair(signer_id_size=0xFFFFFFFF),
        pair(value=bytes(31)),
        pair(value=bytes(65)),
        pair(version=ImageVersion(255, 25, 6553, 10)),
        pair(version=ImageVersion(0, 0, 0, 4294967295)),
        pair(slot=32),
        pair(slot=63),
        [*pair(lock=True), *pair()],
        [*pair(), *pair(signer_id=b"other")],
        [*pair(), *pair(measurement_type=SHA512)],
    ],
    ids=range(19),
)
def test_nonsense_in_the_boot_status_stops_the_device(entries: list[BootStatusEntry]) -> None:
    with pytest.raises(DevicePanic, match="entry_init"):
        booted(*entries)


@pytest.mark.parametrize(("room", "fits"), [(132, True), (131, False), (0x1000, True)])
def test_room_for_the_boot_status(room: int, fits: bool) -> None:
    """One pair has 4 + 92 + 4 + 32 bytes."""
    if fits:
        assert read(booted(*pair(), max_boot_data=room)) is not None
        return
    with pytest.raises(DevicePanic, match="entry_init"):
        booted(*pair(), max_boot_data=room)


def test_a_build_that_stores_no_measurements_looks_at_none() -> None:
    device = booted(METADATA, store_measurements=False)
    assert read(device) is None


def test_without_a_boot_loader_all_slots_are_empty(device: PartitionBench) -> None:
    assert [read(device, index) for index in range(32)] == [None] * 32


@pytest.mark.parametrize(
    ("version", "text", "as_tfm_has_it"),
    [
        (ImageVersion(1, 2, 3, 4), b"1.2.3+4", b"1.2.3+4"),
        (ImageVersion(12, 0, 0, 0), b"12.0.0+0", b"21.0.0+0"),
        (ImageVersion(1, 10, 120, 4567), b"1.10.120+4567", b"1.01.021+7654"),
        (ImageVersion(), b"0.0.0+0", b"0.0.0+0"),
    ],
)
def test_version_text_and_its_slip(version: ImageVersion, text: bytes, as_tfm_has_it: bytes) -> None:
    assert version_text(version, digits_reversed=False) == text
    assert version_text(version, digits_reversed=True) == as_tfm_has_it


def test_the_slip_is_a_switch_of_the_build() -> None:
    entries = pair(version=ImageVersion(12, 34, 0, 0))
    for reversed_, text in ((False, b"12.34.0+0"), (True, b"21.43.0+0")):
        found = read(booted(*entries, version_digits_reversed=reversed_))
        assert found is not None
        assert found.version == text


mbs_entries = st.lists(
    st.sampled_from(pair() + pair(lock=True) + pair(3)).flatmap(
        lambda entry: (
            st.just(entry)
            | st.builds(
                BootStatusEntry,
                st.integers(0x3000, 0x3FFF),
                st.binary(max_size=92) | st.binary(min_size=92, max_size=92),
            )
        )
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(mbs_entries)
def test_whatever_stands_in_the_boot_status(entries: list[BootStatusEntry]) -> None:
    """The device starts, or panics over the partition's init."""
    try:
        device = booted(*entries)
    except DevicePanic:
        return
    assert tfm_measured_boot_read_measurement(device.ns, 0)[0] in (PSA_SUCCESS, PSA_ERROR_DOES_NOT_EXIST)
