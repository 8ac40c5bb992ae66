"""tfm_core_get_boot_data: who gets which entries of the boot status (boot.md section 2)."""

import pytest
from support.kernel_bench import SECURE_RAM, make_memory

from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area
from tfm_sim.spm.boot_data import BootData

ENTRIES = [
    BootStatusEntry(0x107F, b"ns record"),
    BootStatusEntry(0x2040, bytes(8)),
    BootStatusEntry(0x103F, b"s record"),
    BootStatusEntry(0x2000, bytes(8)),
]
ATTEST, FWU, MEASURED_BOOT, CRYPTO = 261, 271, 275, 259
IAS_AREA = encode_area([ENTRIES[0], ENTRIES[2]])


def boot_data(area: bytes, size: int = 0x400) -> BootData:
    memory = make_memory()
    memory.write(SECURE_RAM, area)
    return BootData(memory, SECURE_RAM, size)


@pytest.mark.parametrize(
    ("partition", "major", "size", "answer"),
    [
        (ATTEST, 1, 516, (0, IAS_AREA)),
        (ATTEST, 1, len(IAS_AREA), (0, IAS_AREA)),
        (ATTEST, 1, len(IAS_AREA) - 1, (-135, b"")),
        (ATTEST, 1, 3, (-135, b"")),
        (ATTEST, 2, 516, (-135, b"")),
        (FWU, 2, 516, (0, encode_area([ENTRIES[1], ENTRIES[3]]))),
        (FWU, 1, 516, (-135, b"")),
        (MEASURED_BOOT, 3, 516, (0, encode_area([]))),
        (CRYPTO, 1, 516, (-135, b"")),
    ],
)
def test_tfm_core_get_boot_data(partition: int, major: int, size: int, answer: tuple[int, bytes]) -> None:
    assert boot_data(encode_area(ENTRIES)).get(partition, major, size) == answer


@pytest.mark.parametrize(
    "area", [bytes(0x400), bytes.fromhex("16200300"), bytes.fromhex("16200104") + bytes(0x3FC)]
)
def test_an_area_that_is_not_valid_gives_nothing(area: bytes) -> None:
    data = boot_data(area)
    assert data.problem
    assert data.get(ATTEST, 1, 516) == (-135, b"")


def test_without_a_boot_loader_the_area_is_valid_and_empty() -> None:
    assert boot_data(b"", size=0).get(ATTEST, 1, 516) == (0, bytes.fromhex("16200400"))


def test_the_area_is_gone_once_the_spm_runs_on_its_stack() -> None:
    memory = make_memory()
    memory.write(SECURE_RAM, encode_area(ENTRIES))
    data = BootData(memory, SECURE_RAM, 0x400)
    data.scrub()
    assert memory.read(SECURE_RAM, 0x400) == bytes(0x400)
