"""Everybody who reads the boot status, given any bytes."""

import json
from typing import Final, cast

from tfm_sim.interface.tfm.boot_status import (
    BootStatusEntry,
    BootStatusError,
    TlvMajor,
    decode_area,
    encode_area,
)
from tfm_sim.partitions.initial_attestation.boot_data import BootData as AttestationBootData
from tfm_sim.partitions.initial_attestation.config import Release
from tfm_sim.partitions.initial_attestation.errors import AttestFailure
from tfm_sim.platform.memory import Access, Memory, Region, RegionKind, Security
from tfm_sim.spm.boot_data import BOOT_DATA_ACCESS, BootData
from tfm_sim.spm.partition_api import PartitionApi
from tfm_sim.tools.device_report import boot_status, boot_status_lines

BASE: Final = 0x38000000
ATTESTATION: Final = 261


class _Spm:
    """As much of the partition API as the attestation service needs at its start."""

    def __init__(self, data: BootData) -> None:
        self._data = data

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        return self._data.get(ATTESTATION, major, size)


def spm_boot_data(area: bytes) -> BootData:
    memory = Memory()
    rights = Access.READ | Access.WRITE
    region = Region("S_RAM", BASE, max(len(area), 1), Security.SECURE, rights, kind=RegionKind.RAM)
    memory.add(region, bytearray(area or b"\0"))
    return BootData(memory, BASE, len(area))


def read_everywhere(area: bytes) -> list[BootStatusEntry] | None:
    """The entries, None without a readable status. Raises AssertionError where two readers disagree."""
    entries: list[BootStatusEntry] | None = None
    try:
        entries = decode_area(area)
    except BootStatusError as error:
        assert str(error)
    spm = spm_boot_data(area)
    assert bool(spm.problem) == (entries is None and area != b"")
    for partition, major in BOOT_DATA_ACCESS.items():
        for size in (0, 3, 4, 100, 0x400, 0x10000):
            status, data = spm.get(partition, major, size)
            if status == 0:
                assert data == encode_area([e for e in entries or [] if e.major == major])
                assert len(data) <= size
    for release in Release:
        try:
            AttestationBootData(cast(PartitionApi, _Spm(spm)), release).software_components()
        except AttestFailure as failure:
            assert failure.args or failure
    rows = boot_status(area)
    assert len(rows) == len(entries or [])
    json.dumps(rows)
    assert list(boot_status_lines(area))
    if entries is not None:
        assert all(0 <= entry.major <= TlvMajor.INVALID for entry in entries)
        assert decode_area(encode_area(entries)) == entries
    return entries
