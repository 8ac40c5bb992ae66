"""What lies in the storage areas of a device, for people and as plain data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..firmware_build import Build, storage_configs
from ..partitions.internal_trusted_storage.layout import FsConfig
from ..partitions.internal_trusted_storage.reader import NoFileSystem, StoredFile, read_area
from ..platform.board import AreaRole
from ..platform.hardware import Hardware
from ..platform.nv_counters import NvCounter

OWNERS = {256: "TFM_SP_PS", 257: "TFM_SP_ITS", 259: "TFM_SP_CRYPTO", 261: "TFM_SP_INITIAL_ATTESTATION"}
"""Partitions that store something, by client id; a non-secure client's is negative."""
PS_COUNTERS = (NvCounter.PS_0, NvCounter.PS_1, NvCounter.PS_2)


@dataclass(frozen=True, slots=True)
class StorageArea:
    """One area. ``files`` is None where it holds no file system of the build's layout."""

    name: str
    config: FsConfig
    files: list[StoredFile] | None
    counters: dict[str, int]
    """The NV counters against which protected storage checks its table, by name."""


def storage_areas(hardware: Hardware, build: Build) -> list[StorageArea]:
    """The areas of internal trusted and of protected storage, as a build lays them out on a board."""
    found = []
    for role, config in storage_configs(build, hardware.board).items():
        area = hardware.area_with_role(AreaRole(role))
        assert area is not None  # it has a configuration
        try:
            files: list[StoredFile] | None = read_area(area.read(0, area.size), config)
        except NoFileSystem:
            files = None
        names = PS_COUNTERS if AreaRole(role) is AreaRole.PS else ()
        counters = {counter.name: hardware.nv_counters.read(counter) for counter in names}
        found.append(StorageArea(area.name, config, files, counters))
    return found


def storage_data(areas: Iterable[StorageArea]) -> list[dict[str, Any]]:
    """The same as plain data; contents in hexadecimal."""
    return [
        {
            "area": area.name,
            "entries": area.config.max_num_files,
            "counters": area.counters,
            "files": None if area.files is None else [_plain(file) for file in area.files],
        }
        for area in areas
    ]


def _plain(file: StoredFile) -> dict[str, Any]:
    return {
        "owner": file.owner,
        "uid": file.uid,
        "size": file.size,
        "flags": int(file.flags),
        "is_replaced": file.is_replaced,
        "data": None if file.data is None else file.data.hex(),
    }


def area_line(area: StorageArea) -> str:
    """One line for an area."""
    config = area.config
    shape = f"{config.num_blocks} blocks of {config.block_size} bytes"
    if area.files is None:
        return f"{area.name}: no file system ({shape})"
    # One entry is kept free, for the replacement of a file.
    return f"{area.name}: {len(area.files)} of {config.max_num_files - 1} files ({shape})"


def counter_line(area: StorageArea) -> str:
    """One line for its counters; empty where an area has none."""
    return ", ".join(f"NV counter {name} = {value}" for name, value in area.counters.items())


def file_line(file: StoredFile) -> str:
    """One line for a file."""
    name = "non-secure" if file.owner < 0 else OWNERS.get(file.owner, "secure")
    flags = ", ".join(_flags(file)) or "no flags"
    return f"  owner {file.owner} {name}, uid {file.uid:#x}: {file.size} bytes, {flags}"


def _flags(file: StoredFile) -> Iterator[str]:
    for flag in file.flags:
        yield flag.name or f"{int(flag):#x}"
    if file.is_replaced:
        yield "being replaced when power went away"
    if file.data is None:
        yield "not readable"
