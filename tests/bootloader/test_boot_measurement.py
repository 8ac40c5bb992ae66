"""boot_store_measurement: what boot stages hand on through the platform's HAL."""

from collections.abc import Callable

import pytest

from tfm_sim.bootloader.boot_measurement import BootMeasurements
from tfm_sim.bootloader.ports import Ports
from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256
from tfm_sim.interface.tfm.boot_measurement import MeasurementMetadata, MeasurementSlot
from tfm_sim.interface.tfm.boot_status import BootStatusError, decode_area
from tfm_sim.interface.trace import Trace

VALUE = bytes(range(32))
BL2 = MeasurementMetadata(PSA_ALG_SHA_256, b"\x5a" * 32, 48, b"BL2", ImageVersion(1, 2, 3, 4))
BL2_ENCODED = "09000002" + "5a" * 32 + "00" * 32 + "30000000" + "424c32" + "00" * 9 + "0102030004000000"


@pytest.fixture
def ports(make_ports: Callable[..., Ports]) -> Ports:
    return make_ports({})


def store(ports: Ports) -> BootMeasurements:
    return BootMeasurements(ports.memory, *ports.shared_data, Trace())


def area(ports: Ports) -> bytes:
    base, size = ports.shared_data
    whole = ports.memory.read(base, size)
    return whole[: int.from_bytes(whole[2:4], "little")]


def test_a_measurement_is_metadata_then_value(ports: Ports) -> None:
    assert store(ports).boot_store_measurement(MeasurementSlot.BL2, VALUE, BL2, lock=True) == 0
    assert area(ports).hex() == "16208800" + "4a305c00" + BL2_ENCODED + "4b302000" + VALUE.hex()


def test_without_a_lock_the_value_has_another_claim(ports: Ports) -> None:
    assert store(ports).boot_store_measurement(MeasurementSlot.RT_0, VALUE, BL2, lock=False) == 0
    assert [entry.tlv_type for entry in decode_area(area(ports))] == [0x308A, 0x3088]


def test_what_an_earlier_stage_wrote_stays(ports: Ports) -> None:
    for slot in MeasurementSlot.BL1_2, MeasurementSlot.BL2:
        assert store(ports).boot_store_measurement(slot, VALUE, BL2, lock=True) == 0
    assert [entry.module for entry in decode_area(area(ports))] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "before, kept",
    [
        ("1620 0400", True),
        ("1620 0004", True),  # to the last byte; then there is no room
        ("1620 0104", False),
        ("1720 0400", False),
        ("0000 0000", False),
    ],
)
def test_only_a_bad_magic_or_length_starts_anew(before: str, kept: bool, ports: Ports) -> None:
    base, size = ports.shared_data
    ports.memory.write(base, bytes.fromhex(before))
    code = store(ports).boot_store_measurement(2, VALUE, BL2, lock=False)
    assert code == (-1 if before.endswith("0004") else 0)
    assert (ports.memory.read(base + size - 1, 1) == b"\xaa") is kept


@pytest.mark.parametrize(
    "index, value, metadata, names",
    [
        (32, VALUE, BL2, "slot 32"),
        (63, VALUE, BL2, "slot 63"),
        (2, None, BL2, "no data"),
        (2, VALUE, None, "no data"),
        (2, bytes(0x400), BL2, "1128 bytes"),
        (2, bytes(0x10000), BL2, "65640 bytes"),
    ],
)
def test_what_is_refused(
    index: int, value: bytes | None, metadata: MeasurementMetadata | None, names: str, ports: Ports
) -> None:
    writer = store(ports)
    assert writer.boot_store_measurement(index, value, metadata, lock=False) == -1
    assert names in writer.problem[0]


def test_metadata_stays_where_the_value_does_not_fit(ports: Ports) -> None:
    assert store(ports).boot_store_measurement(2, bytes(0x400), BL2, lock=False) == -1
    assert [entry.tlv_type for entry in decode_area(area(ports))] == [0x308A]


@pytest.mark.parametrize("locks", [(True, True), (True, False), (False, True)])
def test_a_slot_takes_one_measurement_a_boot(locks: tuple[bool, bool], ports: Ports) -> None:
    first, second = locks
    assert store(ports).boot_store_measurement(2, VALUE, BL2, lock=first) == 0
    assert store(ports).boot_store_measurement(2, VALUE, BL2, lock=second) == -1


def test_metadata_goes_there_and_back() -> None:
    decoded = MeasurementMetadata.decode(bytes.fromhex(BL2_ENCODED))
    assert decoded == MeasurementMetadata(
        BL2.measurement_type, BL2.signer_id + bytes(32), BL2.signer_id_size, BL2.sw_type, BL2.version
    )
    assert decoded.encode().hex() == BL2_ENCODED


@pytest.mark.parametrize("size", [0, 91, 93])
def test_metadata_of_another_length_is_named(size: int) -> None:
    with pytest.raises(BootStatusError, match=f"{size} bytes"):
        MeasurementMetadata.decode(bytes(size))


@pytest.mark.parametrize("signer, sw_type", [(bytes(65), b""), (b"", b"ELEVENBYTES")])
def test_metadata_longer_than_its_field_is_refused(signer: bytes, sw_type: bytes) -> None:
    with pytest.raises(BootStatusError, match="up to"):
        MeasurementMetadata(PSA_ALG_SHA_256, signer, 32, sw_type).encode()
