"""Reads a board's YAML, and checks that its parts fit together."""

from .board import Board, BoardError, OtpDescription, Peripheral
from .board_entries import (
    ADDRESS_SPACE,
    NAME,
    NAME_LEGAL,
    NamedRange,
    check_no_overlap,
    check_unique,
    items_of,
    key_of,
    optional,
    read_frequency,
)
from .board_memory import read_bl1, read_executable_ram, read_mmio_regions, read_regions, read_shared_data
from .board_peripherals import read_dual_core, read_irq_sources, read_peripheral
from .board_storage import mapped_devices, read_flash, read_flash_areas, read_otp, read_ram
from .hal import HAL_FUNCTIONS
from .memory import Region
from .yaml_source import YamlValue, parse_yaml


def parse_board(raw: bytes, name: str) -> Board:
    """The board that the YAML in ``raw`` describes; ``name`` stands for the file in messages.

    Raises BoardError, and nothing else, for whatever is wrong with it.
    """
    entries = parse_yaml(raw, name, BoardError).mapping(
        ("name", "description", "flash", "ram", "flash_areas", "max_image_sectors", "regions", "shared_data"),
        (
            "otp",
            "system_clock",
            "peripherals",
            "mmio_regions",
            "irq_sources",
            "hal_grants",
            "dual_core",
            "executable_ram",
            "bl1",
            "rom_chip_id",
        ),
    )
    flash = tuple(map(read_flash, items_of(entries, "flash")))
    ram = tuple(map(read_ram, items_of(entries, "ram")))
    check_unique(
        "device name",
        [(key_of(item, "name"), item) for k in ("flash", "ram") for item in items_of(entries, k)],
    )
    otp = read_otp(entries["otp"]) if "otp" in entries else OtpDescription()
    system_clock = optional(entries, "system_clock", read_frequency, 0)
    peripherals = tuple(read_peripheral(item, system_clock) for item in items_of(entries, "peripherals"))
    regions = read_regions(items_of(entries, "regions"), mapped_devices(flash, ram, otp))
    check_addresses(entries, regions, peripherals)
    return Board(
        name=entries["name"].string(NAME_LEGAL, NAME),
        description=entries["description"].string(),
        flash=flash,
        ram=ram,
        flash_areas=read_flash_areas(entries["flash_areas"], flash),
        max_image_sectors=entries["max_image_sectors"].integer(1),
        otp=otp,
        regions=regions,
        shared_data=read_shared_data(entries["shared_data"], regions),
        peripherals=peripherals,
        irq_sources=read_irq_sources(entries, peripherals),
        hal_grants=_hal_grants(entries.get("hal_grants")),
        mmio_regions=read_mmio_regions(entries, regions, peripherals),
        dual_core=optional(entries, "dual_core", lambda v: read_dual_core(v, regions, peripherals), None),
        executable_ram=read_executable_ram(items_of(entries, "executable_ram"), regions),
        bl1=optional(
            entries, "bl1", lambda v: read_bl1(v, entries["flash_areas"], otp.layout, regions), None
        ),
        rom_chip_id=optional(entries, "rom_chip_id", lambda v: v.integer(0, 0xFFFF), 0),
    )


def check_addresses(
    entries: dict[str, YamlValue], regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> None:
    """Regions and peripherals have names of their own and share no address."""
    region_items = items_of(entries, "regions")
    peripheral_items = items_of(entries, "peripherals")
    items = [*region_items, *peripheral_items]
    check_unique("region or peripheral name", [(key_of(item, "name"), item) for item in items])
    check_unique(
        "mmio_name", [(key_of(i, "mmio_name"), i) for i in peripheral_items if "mmio_name" in i.mapping()]
    )
    by_name = {key_of(item, "name").text: item for item in items}
    ranges = [NamedRange(r.name, r.base, r.end, by_name[r.name]) for r in regions]
    for p in peripherals:
        for base in (p.secure_base, p.non_secure_base):
            if base is None:
                continue
            if base + p.size > ADDRESS_SPACE:
                raise by_name[p.name].error(f"peripheral {p.name} past the address space", hex(base + p.size))
            ranges.append(NamedRange(p.name, base, base + p.size, by_name[p.name]))
    check_no_overlap("region", ranges)


def _hal_grants(value: YamlValue | None) -> dict[str, tuple[str, ...]]:
    grants: dict[str, tuple[str, ...]] = {}
    functions = {name: name for name in sorted(HAL_FUNCTIONS)}
    for partition, names in (value.mapping() if value is not None else {}).items():
        items = names.sequence()
        check_unique("HAL grant", [(item, item) for item in items])
        grants[partition] = tuple(item.choice(functions) for item in items)
    return grants
