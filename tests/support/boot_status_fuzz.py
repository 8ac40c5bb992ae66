"""Everybody who reads the boot status, given any bytes."""

import json
from typing import Final, cast

from tfm_sim.interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusEra,
    BootStatusError,
    TlvMajor,
    decode_area,
    encode_area,
)
from tfm_sim.partitions.initial_attestation.boot_data import boot_data_of
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.partitions.initial_attestation.errors import AttestFailure
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.spm.boot_data import BOOT_DATA_ACCESS, BootData
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.tools.boot_status_report import Reading, boot_status, boot_status_lines

BASE: Final = 0x38000000
ATTESTATION: Final = 261


class _Spm:
    """As much of the partition API as the attestation service needs at its start."""

    def __init__(self, data: BootData) -> None:
        self._data = data

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        return self._data.get(ATTESTATION, major, size)


def spm_boot_data(area: bytes, era: BootStatusEra) -> BootData:
    memory = Memory()
    rights = Access.READ | Access.WRITE
    region = Region("S_RAM", BASE, max(len(area), 1), Security.SECURE, rights, kind=RegionKind.RAM)
    memory.add(region, bytearray(area or b"\0"))
    return BootData(memory, (BASE, len(area)), era)


def read_everywhere(area: bytes, era: BootStatusEra = BootStatusEra.TODAY) -> list[BootStatusEntry] | None:
    """The entries, None without a readable status. Raises AssertionError where two readers disagree."""
    entries: list[BootStatusEntry] | None = None
    try:
        entries = decode_area(area, era)
    except BootStatusError as error:
        assert str(error)
    spm = spm_boot_data(area, era)
    assert entries is None or not spm.problem, "the SPM looks at the magic alone"
    for partition, major in sorted(BOOT_DATA_ACCESS):
        for size in (0, 3, 4, 100, 0x400, 0x10000):
            _check_answer(*spm.get(partition, major, size), size, major, entries, era)
    for variant in TokenVariant:
        config = AttestationConfig(variant=variant, boot_status=era)
        try:
            boot_data_of(cast(PartitionApi, _Spm(spm)), config).software_components()
        except AttestFailure as failure:
            assert failure.args or failure
    rows = boot_status(area, Reading(era))
    assert len(rows) == len(entries or [])
    json.dumps(rows)
    assert list(boot_status_lines(area, Reading(era)))
    if entries is not None:
        assert all(0 <= entry.major <= TlvMajor.INVALID for entry in entries)
        assert decode_area(encode_area(entries, era), era) == entries
    return entries


def _check_answer(
    status: int,
    data: bytes,
    size: int,
    major: int,
    entries: list[BootStatusEntry] | None,
    era: BootStatusEra,
) -> None:
    """What the SPM gives a partition fits its buffer, and is what can be read, where it can."""
    assert len(data) <= size & 0xFFFF
    if status == 0 and entries is not None:
        assert data == encode_area([e for e in entries if e.major == major], era)
