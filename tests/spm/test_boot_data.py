"""tfm_core_get_boot_data: who gets which entries of the boot status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_bench import NS_RAM, SECURE_RAM, make_memory

from tfm_sim.interface.tfm.boot_status import BootStatusEntry, BootStatusEra, decode_area, encode_area
from tfm_sim.spm.boot_data import BootData

ENTRIES = [
    BootStatusEntry(0x107F, b"ns record"),
    BootStatusEntry(0x2040, bytes(8)),
    BootStatusEntry(0x103F, b"s record"),
    BootStatusEntry(0x2000, bytes(8)),
    BootStatusEntry(0x308A, bytes(92)),
    BootStatusEntry(0x3088, bytes(32)),
    BootStatusEntry(0x0001, b"core"),
]
ATTEST, FWU, MEASURED_BOOT, DPE, CRYPTO = 261, 271, 275, 278, 259
IAS_AREA = encode_area([ENTRIES[0], ENTRIES[2]])
FWU_AREA = encode_area([ENTRIES[1], ENTRIES[3]])
MBS_AREA = encode_area([ENTRIES[4], ENTRIES[5]])
EMPTY = bytes.fromhex("16200400")
REFUSED = (-135, b"")


def boot_data(area: bytes, size: int = 0x400, era: BootStatusEra = BootStatusEra.TODAY) -> BootData:
    memory = make_memory()
    memory.write(SECURE_RAM, area)
    return BootData(memory, (SECURE_RAM, size), era)


@pytest.mark.parametrize(
    ("partition", "major", "size", "answer"),
    [
        (ATTEST, 1, 516, (0, IAS_AREA)),
        (ATTEST, 1, len(IAS_AREA), (0, IAS_AREA)),
        (ATTEST, 1, len(IAS_AREA) - 1, REFUSED),
        (ATTEST, 1, 4, REFUSED),
        (ATTEST, 1, 3, REFUSED),
        (ATTEST, 1, 0, REFUSED),
        (ATTEST, 1, 0x10000 + 516, (0, IAS_AREA)),  # a length of 16 bits
        (ATTEST, 0, 516, REFUSED),
        (ATTEST, 2, 516, REFUSED),
        (ATTEST, 3, 516, REFUSED),
        (ATTEST, 0xF, 516, REFUSED),
        (FWU, 2, 516, (0, FWU_AREA)),
        (FWU, 1, 516, REFUSED),
        (FWU, 3, 516, REFUSED),
        (MEASURED_BOOT, 3, 516, (0, MBS_AREA)),
        (MEASURED_BOOT, 1, 516, REFUSED),
        (DPE, 3, 516, (0, MBS_AREA)),
        (CRYPTO, 1, 516, REFUSED),
        (CRYPTO, 0, 516, REFUSED),
        (-1, 1, 516, REFUSED),
    ],
)
def test_tfm_core_get_boot_data(partition: int, major: int, size: int, answer: tuple[int, bytes]) -> None:
    assert boot_data(encode_area(ENTRIES)).get(partition, major, size) == answer


@pytest.mark.parametrize(
    ("partition", "major", "empty"),
    [(ATTEST, 1, EMPTY), (FWU, 2, EMPTY), (MEASURED_BOOT, 3, EMPTY)],
)
def test_no_entry_of_the_major_is_a_bare_header(partition: int, major: int, empty: bytes) -> None:
    others = [entry for entry in ENTRIES if entry.major != major]
    assert boot_data(encode_area(others)).get(partition, major, 4) == (0, empty)


@pytest.mark.parametrize(
    ("area", "size", "names"),
    [
        (bytes(0x400), 0x400, "magic 0x0000"),
        (bytes.fromhex("20160400"), 0x400, "magic 0x1620"),
        (bytes.fromhex("16200400"), 3, "an area of 3 bytes"),
        (bytes.fromhex("16200400"), 0, "an area of 0 bytes"),
    ],
)
def test_an_area_that_is_not_valid_gives_nothing(area: bytes, size: int, names: str) -> None:
    data = boot_data(area, size)
    assert names in data.problem
    assert data.get(ATTEST, 1, 516) == REFUSED


@pytest.mark.parametrize("base", [NS_RAM, 0x70000000])
def test_an_area_that_others_could_write_is_not_valid(base: int) -> None:
    memory = make_memory()
    if memory.find(base):
        memory.write(base, encode_area(ENTRIES))
    data = BootData(memory, (base, 0x400))
    assert "secure RAM" in data.problem
    assert data.get(ATTEST, 1, 516) == REFUSED
    data.scrub()


@pytest.mark.parametrize(
    ("area", "answer"),
    [
        ("1620 0004", (0, EMPTY)),  # as long as the area: entries of zeros, major 0
        ("1620 0104", REFUSED),
        ("1620 0300", (0, EMPTY)),  # a total below the header's own size ends the walk at once
        ("1620 0600 3f10", (0, bytes.fromhex("16200800 3f100000"))),  # the header is read to its end
        ("1620 0900 3f100200 61", (0, bytes.fromhex("16200a00 3f100200 6100"))),  # and so is the data
        ("1620 0800 3f10ffff", REFUSED),
        ("1620 0c00 0000ffff 3f10 0000", (0, EMPTY)),
    ],
)
def test_only_lengths_are_looked_at(area: str, answer: tuple[int, bytes]) -> None:
    assert boot_data(bytes.fromhex(area)).get(ATTEST, 1, 516) == answer


def test_without_declared_boot_data_the_area_is_valid_and_empty() -> None:
    data = BootData(make_memory(), None)
    assert data.get(ATTEST, 1, 516) == (0, EMPTY)
    assert data.get(ATTEST, 1, 3) == REFUSED
    assert data.get(CRYPTO, 1, 516) == REFUSED
    data.scrub()


@pytest.mark.parametrize(
    ("era", "partition", "answer"),
    [
        (BootStatusEra.TFM_2019_02, ATTEST, True),
        (BootStatusEra.TFM_2019_02, CRYPTO, True),  # the policy came in September 2019
        (BootStatusEra.TFM_2019_09, CRYPTO, True),
        (BootStatusEra.TFM_2019_10, ATTEST, True),
        (BootStatusEra.TFM_2019_10, CRYPTO, False),
    ],
)
def test_areas_of_2019(era: BootStatusEra, partition: int, answer: bool) -> None:
    wanted = (0, encode_area([ENTRIES[0], ENTRIES[2]], era)) if answer else REFUSED
    assert boot_data(encode_area(ENTRIES, era), era=era).get(partition, 1, 516) == wanted


@pytest.mark.parametrize("length", [0, 1, 3])
def test_an_entry_of_2019_that_is_shorter_than_its_header_does_not_hang(length: int) -> None:
    area = bytes.fromhex("16200c00 3f10") + bytes([length, 0]) + bytes(4)
    assert boot_data(area, era=BootStatusEra.TFM_2019_02).get(ATTEST, 1, 516) == REFUSED


def test_the_area_is_gone_once_the_spm_runs_on_its_stack() -> None:
    memory = make_memory()
    memory.write(SECURE_RAM, encode_area(ENTRIES))
    data = BootData(memory, (SECURE_RAM, 0x400))
    data.scrub()
    assert memory.read(SECURE_RAM, 0x400) == bytes(0x400)
    assert data.get(ATTEST, 1, 516) == REFUSED


ERAS = st.sampled_from(BootStatusEra)
AREAS = st.binary(max_size=0x400) | st.binary(max_size=0x3FE).map(lambda b: b"\x16\x20" + b)


@given(AREAS, ERAS, st.sampled_from([(ATTEST, 1), (FWU, 2), (MEASURED_BOOT, 3)]), st.integers(0, 0xFFFF))
def test_arbitrary_bytes_give_a_status_and_what_is_given_decodes(
    area: bytes, era: BootStatusEra, who: tuple[int, int], size: int
) -> None:
    status, given_ = boot_data(area, era=era).get(*who, size)
    assert status in (0, -135)
    if status == 0:
        assert len(given_) <= size
        assert all(entry.major == who[1] for entry in decode_area(given_, era))


@given(AREAS, st.integers(0, 12))
def test_an_area_at_the_end_of_memory_is_not_read_past_it(area: bytes, room: int) -> None:
    memory = make_memory()
    region = memory.find(SECURE_RAM)
    assert region is not None
    base = region.end - 0x400
    memory.write(base, area)
    status, _ = BootData(memory, (base, 0x400)).get(ATTEST, 1, 516 + room)
    assert status in (0, -135)
