"""Reads a board's memory map: regions, and the places in them for boot loaders and for names of manifests."""

from typing import Final

from .board import AreaRole, Bl1Memory, Peripheral, SharedData
from .board_entries import (
    ADDRESS_SPACE,
    NAME,
    NAME_LEGAL,
    NamedRange,
    check_no_overlap,
    optional,
    read_address,
)
from .board_storage import MAX_FLASH, MAX_IMAGES, MappedDevice
from .memory import Access, Region, RegionKind, Security
from .otp import OtpLayout
from .yaml_source import YamlValue

BL2_HEADER_MAX_SIZE: Final = 0xD00
"""TF-M TFM_BL1_2_HEADER_MAX_SIZE: room in front of BL2's code for the header of its image."""
_ACCESS: Final = {
    "r": Access.READ,
    "rw": Access.READ | Access.WRITE,
    "rx": Access.READ | Access.EXECUTE,
    "rwx": Access.READ | Access.WRITE | Access.EXECUTE,
}
SECURITY_STATES: Final = {"secure": Security.SECURE, "non_secure": Security.NON_SECURE}


def read_regions(items: list[YamlValue], devices: dict[str, MappedDevice]) -> tuple[Region, ...]:
    regions = [_region(item, devices) for item in items]
    for name in devices:
        check_no_overlap(
            f"window into {name}",
            [
                NamedRange(region.name, region.offset, region.offset + region.size, item)
                for region, item in zip(regions, items, strict=True)
                if region.device == name
            ],
        )
    return tuple(sorted(regions, key=lambda region: region.base))


def _region(value: YamlValue, devices: dict[str, MappedDevice]) -> Region:
    item = value.mapping(("name", "base", "size", "security", "access", "device", "offset"), ("owner",))
    name = item["device"].choice({name: name for name in devices})
    device = devices[name]
    region = Region(
        name=item["name"].string(NAME_LEGAL, NAME),
        base=item["base"].integer(0, ADDRESS_SPACE - 1),
        size=item["size"].integer(1, ADDRESS_SPACE),
        security=item["security"].choice(SECURITY_STATES),
        access=item["access"].choice(_ACCESS),
        owner=optional(item, "owner", lambda v: v.string(NAME_LEGAL, NAME), ""),
        kind=device.kind,
        device=name,
        offset=item["offset"].integer(0),
    )
    if region.offset + region.size > device.size:
        raise value.error(
            f"region {region.name} outside its device",
            f"{region.offset:#x}..{region.offset + region.size:#x}",
            f"inside {name}, 0..{device.size:#x}",
        )
    if region.end > ADDRESS_SPACE:
        raise value.error(
            f"region {region.name} past the address space", hex(region.end), "up to 0x100000000"
        )
    base = device.bases.get(region.security)
    if base is not None and region.base != base + region.offset:
        raise item["base"].error(
            f"region {region.name} not where {name} is seen", hex(region.base), hex(base + region.offset)
        )
    if region.writable and not device.writable:
        why = "the CPU cannot store into it"
        raise item["access"].error(f"region {region.name} in {name}: {why}", item["access"].text, "r, rx")
    return region


def read_mmio_regions(
    entries: dict[str, YamlValue], regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> dict[str, tuple[int, int]]:
    """Ranges of secure memory that a manifest may claim by name, as if they were a peripheral."""
    items = entries["mmio_regions"].mapping() if "mmio_regions" in entries else {}
    names = {name for p in peripherals for name in (p.name, p.mmio_name)}
    ranges: list[NamedRange] = []
    for name, value in items.items():
        if name in names:
            raise value.error("name of a peripheral", repr(name), "a name of its own")
        item = value.mapping(("base", "size"), ())
        base, size = read_address(item["base"]), item["size"].integer(1)
        if not any(r.base <= base and base + size <= r.end and not r.non_secure for r in regions):
            raise value.error(
                "not in secure memory", f"{base:#x}..{base + size:#x}", "a range inside one secure region"
            )
        ranges.append(NamedRange(name, base, base + size, value))
    check_no_overlap("MMIO region", ranges)
    return {r.name: (r.start, r.end - r.start) for r in ranges}


def read_shared_data(value: YamlValue, regions: tuple[Region, ...]) -> SharedData:
    item = value.mapping(("base", "size"), ())
    shared = SharedData(item["base"].integer(0, ADDRESS_SPACE - 1), item["size"].integer(4, 0xFFFF))
    for region in regions:
        if region.base <= shared.base and shared.base + shared.size <= region.end:
            if not is_secure_ram(region):
                break
            _check_shared_region(value, region, shared, regions)
            return shared
    raise value.error(
        "shared data area outside the secure RAM",
        f"{shared.base:#x}..{shared.base + shared.size:#x}",
        "inside one secure, writable RAM region",
    )


def is_secure_ram(region: Region) -> bool:
    return not region.non_secure and region.writable and region.kind is RegionKind.RAM


def _check_shared_region(
    value: YamlValue, region: Region, shared: SharedData, regions: tuple[Region, ...]
) -> None:
    """The area is a region of its own: the SPM and the partitions have their RAM in another one."""
    if (region.base, region.size) != (shared.base, shared.size):
        raise value.error(
            "shared data area is not a region of its own",
            f"{shared.base:#x}..{shared.base + shared.size:#x} in {region}",
            "a region of the same base and size",
        )
    others = [other.size for other in regions if other is not region and is_secure_ram(other)]
    if max(others, default=0) <= shared.size:
        raise value.error(
            "no secure RAM beside the shared data area",
            f"at most {max(others, default=0):#x} bytes",
            f"a secure, writable RAM region of more than {shared.size:#x} for the SPM and the partitions",
        )


def read_executable_ram(items: list[YamlValue], regions: tuple[Region, ...]) -> dict[int, tuple[int, int]]:
    """MCUboot IMAGE_EXECUTABLE_RAM_START and _SIZE, one pair for each image."""
    found: dict[int, tuple[int, int]] = {}
    for value in items:
        item = value.mapping(("image", "base", "size"), ())
        image, base, size = (
            item["image"].integer(0, MAX_IMAGES - 1),
            read_address(item["base"]),
            item["size"].integer(1),
        )
        if image in found:
            raise item["image"].error("executable RAM given twice", str(image), "one range an image")
        region = next((r for r in regions if r.base <= base and base + size <= r.end), None)
        if region is None or region.kind is not RegionKind.RAM or Access.EXECUTE not in region.access:
            raise value.error(
                "executable RAM not executable",
                f"{base:#x}..{base + size:#x}",
                "inside one region of RAM whose access has x",
            )
        found[image] = (base, size)
    return found


def read_bl1(value: YamlValue, areas: YamlValue, layout: OtpLayout, regions: tuple[Region, ...]) -> Bl1Memory:
    """Where BL1 puts code: secure RAM beside the shared data area, and what else it needs of the board."""
    item = value.mapping(("bl1_2_code", "bl2_code", "bl2_code_size"), ())
    if not layout.bl1 or not layout.bl1_2_code_size:
        raise value.error(
            "no OTP for BL1_2",
            f"bl1 {layout.bl1}, bl1_2_code_size {layout.bl1_2_code_size}",
            "otp: {bl1: true, bl1_2_code_size: ...}",
        )
    roles = [i.mapping()["role"].text for i in areas.sequence() if "role" in i.mapping()]
    for role in (AreaRole.BL2_PRIMARY, AreaRole.BL2_SECONDARY):
        if role.value not in roles:
            raise areas.error(
                "no flash area for BL2", f"none with role {role.value}", "one for each image of BL2"
            )
    memory = Bl1Memory(
        read_address(item["bl1_2_code"]),
        read_address(item["bl2_code"]),
        item["bl2_code_size"].integer(8, MAX_FLASH),
    )
    ranges = [
        NamedRange(
            "bl1_2_code", memory.bl1_2_code, memory.bl1_2_code + layout.bl1_2_code_size, item["bl1_2_code"]
        ),
        NamedRange(
            "bl2_code",
            memory.bl2_code - BL2_HEADER_MAX_SIZE,
            memory.bl2_code + memory.bl2_code_size,
            item["bl2_code"],
        ),
    ]
    for r in ranges:
        if not any(
            is_secure_ram(region) and region.base <= r.start and r.end <= region.end for region in regions
        ):
            raise r.blame.error(
                f"{r.name} outside the secure RAM", f"{r.start:#x}..{r.end:#x}", "inside one region"
            )
    check_no_overlap("BL1's", ranges)
    return memory
