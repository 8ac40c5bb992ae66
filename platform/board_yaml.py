"""Reads a board's YAML, and checks that its parts fit together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from ..interface.tfm.mailbox import MAILBOX_LINE, MAILBOX_QUEUE_SIZE
from .board import (
    AreaRole,
    Bl1Memory,
    Board,
    BoardError,
    DeviceModel,
    DualCore,
    FlashAreaDescription,
    FlashDescription,
    OtpDescription,
    Peripheral,
    RamDescription,
    SharedData,
    SlotName,
)
from .hal import HAL_FUNCTIONS
from .interrupts import LINES
from .memory import Access, Region, RegionKind, Security
from .otp import BL1_ROTPKS, OtpLayout
from .provisioning import BL1_ROTPK_SIZES
from .yaml_source import YamlValue, parse_yaml

NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
NAME_LEGAL: Final = "a name of letters, digits, '_' and '-'"
OTP_DEVICE: Final = "otp"
ADDRESS_SPACE: Final = 1 << 32
MAX_FLASH: Final = 1 << 28
MAX_IMAGES: Final = 4
"""As many ROTPKs and security counters as TF-M's OTP has."""
_ACCESS: Final = {
    "r": Access.READ,
    "rw": Access.READ | Access.WRITE,
    "rx": Access.READ | Access.EXECUTE,
    "rwx": Access.READ | Access.WRITE | Access.EXECUTE,
}
_SECURITY: Final = {"secure": Security.SECURE, "non_secure": Security.NON_SECURE}
_SLOTS: Final[dict[str, SlotName]] = {"primary": "primary", "secondary": "secondary"}
_ROLES: Final = {role.value: role for role in AreaRole}
_MODELS: Final = {model.value: model for model in DeviceModel}
_MODEL_LINES: Final = {
    DeviceModel.CMSDK_TIMER: (0, 1),
    DeviceModel.CMSDK_UART: (0, 1, 3),
    DeviceModel.CMSDK_WATCHDOG: (0, 1, 2),
    DeviceModel.SSE200_MHU: (0, 1),
}
"""How many interrupt lines a peripheral of each model may have."""
_COUNTING: Final = (DeviceModel.CMSDK_TIMER, DeviceModel.CMSDK_WATCHDOG)
MAX_CLOCK: Final = 1_000_000_000
_ROTPK_SIZES: Final = {"32": 32, "48": 48, "68": 68, "100": 100}
_BL1_ROTPK_SIZES: Final = {str(size): size for size in BL1_ROTPK_SIZES}
MAX_BL1_2: Final = 0x10000
BL2_HEADER_MAX_SIZE: Final = 0xD00
"""TF-M TFM_BL1_2_HEADER_MAX_SIZE: room in front of BL2's code for the header of its image."""
_ERASED_VALUES: Final = {"0xff": 0xFF, "0xFF": 0xFF, "255": 0xFF, "0x00": 0, "0x0": 0, "0": 0}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Device:
    """Something that regions are windows into."""

    size: int
    kind: RegionKind
    writable: bool
    bases: dict[Security, int | None]


@dataclass(frozen=True, slots=True)
class _Range:
    """A named range of addresses or offsets, and the value to blame for it."""

    name: str
    start: int
    end: int
    blame: YamlValue


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
        ),
    )
    flash = tuple(map(_flash, _items(entries, "flash")))
    ram = tuple(map(_ram, _items(entries, "ram")))
    _unique(
        "device name", [(_key(item, "name"), item) for k in ("flash", "ram") for item in _items(entries, k)]
    )
    otp = _otp(entries["otp"]) if "otp" in entries else OtpDescription()
    system_clock = _optional(entries, "system_clock", _frequency, 0)
    peripherals = tuple(_peripheral(item, system_clock) for item in _items(entries, "peripherals"))
    regions = _regions(_items(entries, "regions"), _devices(flash, ram, otp))
    _check_addresses(entries, regions, peripherals)
    return Board(
        name=entries["name"].string(NAME_LEGAL, NAME),
        description=entries["description"].string(),
        flash=flash,
        ram=ram,
        flash_areas=_flash_areas(entries["flash_areas"], flash),
        max_image_sectors=entries["max_image_sectors"].integer(1),
        otp=otp,
        regions=regions,
        shared_data=_shared_data(entries["shared_data"], regions),
        peripherals=peripherals,
        irq_sources=_irq_sources(entries, peripherals),
        hal_grants=_hal_grants(entries.get("hal_grants")),
        mmio_regions=_mmio_regions(entries, regions, peripherals),
        dual_core=_optional(entries, "dual_core", lambda v: _dual_core(v, regions, peripherals), None),
        executable_ram=_executable_ram(_items(entries, "executable_ram"), regions),
        bl1=_optional(entries, "bl1", lambda v: _bl1(v, entries["flash_areas"], otp.layout, regions), None),
    )


def _items(entries: dict[str, YamlValue], key: str) -> list[YamlValue]:
    return entries[key].sequence() if key in entries else []


def _key(item: YamlValue, key: str) -> YamlValue:
    """The entry of a mapping whose presence was checked before."""
    return item.mapping()[key]


def _optional(item: dict[str, YamlValue], key: str, read: Callable[[YamlValue], T], default: T) -> T:
    return read(item[key]) if key in item else default


def _address(value: YamlValue) -> int:
    return value.integer(0, ADDRESS_SPACE - 1)


def _frequency(value: YamlValue) -> int:
    return value.integer(1, MAX_CLOCK)


def _flash(value: YamlValue) -> FlashDescription:
    item = value.mapping(
        ("name", "size", "erase_block", "write_size"),
        ("erased_value", "secure_base", "non_secure_base", "cpu_writable"),
    )
    flash = FlashDescription(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, MAX_FLASH),
        erase_block=item["erase_block"].integer(1, MAX_FLASH),
        write_size=item["write_size"].integer(1, MAX_FLASH),
        erased_value=_optional(item, "erased_value", lambda v: v.choice(_ERASED_VALUES), 0xFF),
        secure_base=_optional(item, "secure_base", _address, None),
        non_secure_base=_optional(item, "non_secure_base", _address, None),
        cpu_writable=_optional(item, "cpu_writable", YamlValue.boolean, False),
    )
    if flash.name == OTP_DEVICE:
        raise item["name"].error("not legal", repr(OTP_DEVICE), "any other name: that one is the OTP's")
    if flash.size % flash.erase_block:
        raise item["size"].error(
            "not whole erase blocks", hex(flash.size), f"multiples of {flash.erase_block:#x}"
        )
    if flash.erase_block % flash.write_size:
        raise item["erase_block"].error(
            "not whole program units", hex(flash.erase_block), f"multiples of {flash.write_size}"
        )
    return flash


def _ram(value: YamlValue) -> RamDescription:
    item = value.mapping(("name", "size"), ("secure_base", "non_secure_base"))
    ram = RamDescription(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, MAX_FLASH),
        secure_base=_optional(item, "secure_base", _address, None),
        non_secure_base=_optional(item, "non_secure_base", _address, None),
    )
    if ram.name == OTP_DEVICE:
        raise item["name"].error("not legal", repr(OTP_DEVICE), "any other name: that one is the OTP's")
    return ram


def _otp(value: YamlValue) -> OtpDescription:
    item = value.mapping(
        (),
        (
            "size",
            "rotpk_size",
            "bl1",
            "ns_counters",
            "bl1_2_code_size",
            "bl1_rotpk_size",
            "bl1_signers",
        ),
    )
    layout = OtpLayout(
        rotpk_size=_optional(item, "rotpk_size", lambda v: v.choice(_ROTPK_SIZES), 68),
        bl1=_optional(item, "bl1", YamlValue.boolean, False),
        ns_counters=_optional(item, "ns_counters", lambda v: v.integer(0, 3), 0),
        bl1_2_code_size=_optional(item, "bl1_2_code_size", lambda v: v.integer(8, MAX_BL1_2), 0),
        bl1_rotpk_size=_optional(item, "bl1_rotpk_size", lambda v: v.choice(_BL1_ROTPK_SIZES), 56),
        bl1_signers=_optional(item, "bl1_signers", lambda v: v.integer(1, len(BL1_ROTPKS)), 1),
    )
    size = _optional(item, "size", lambda v: v.integer(layout.size, 1 << 20), 0x1000)
    return OtpDescription(size, layout)


def _devices(
    flash: Iterable[FlashDescription], ram: Iterable[RamDescription], otp: OtpDescription
) -> dict[str, _Device]:
    devices = {OTP_DEVICE: _Device(otp.size, RegionKind.OTP, False, {})}
    for f in flash:
        bases = {Security.SECURE: f.secure_base, Security.NON_SECURE: f.non_secure_base}
        devices[f.name] = _Device(f.size, RegionKind.FLASH, f.cpu_writable, bases)
    for r in ram:
        bases = {Security.SECURE: r.secure_base, Security.NON_SECURE: r.non_secure_base}
        devices[r.name] = _Device(r.size, RegionKind.RAM, True, bases)
    return devices


def _flash_areas(value: YamlValue, devices: tuple[FlashDescription, ...]) -> tuple[FlashAreaDescription, ...]:
    flash = {device.name: device for device in devices}
    items = value.sequence(1)
    areas = [_flash_area(item, flash) for item in items]
    for key in ("id", "name", "role"):
        _unique(f"flash area {key}", [(i.mapping()[key], i) for i in items if key in i.mapping()])
    for name in flash:
        _no_overlap(
            f"flash area in {name}",
            [
                _Range(area.name, area.offset, area.offset + area.size, item)
                for area, item in zip(areas, items, strict=True)
                if area.flash == name
            ],
        )
    _check_slots(value, areas, items)
    return tuple(sorted(areas, key=lambda area: (area.flash, area.offset)))


def _flash_area(value: YamlValue, flash: dict[str, FlashDescription]) -> FlashAreaDescription:
    item = value.mapping(("id", "name", "flash", "offset", "size"), ("image", "slot", "role"))
    device = flash[item["flash"].choice({name: name for name in flash})]
    area = FlashAreaDescription(
        id=item["id"].integer(0, 255),
        name=item["name"].string(NAME_LEGAL, NAME),
        flash=device.name,
        offset=item["offset"].integer(0),
        size=item["size"].integer(1),
        image=_optional(item, "image", lambda v: v.integer(0, MAX_IMAGES - 1), None),
        slot=_optional(item, "slot", lambda v: v.choice(_SLOTS), None),
        role=_optional(item, "role", lambda v: v.choice(_ROLES), None),
    )
    for key in ("offset", "size"):
        number = item[key].integer(0)
        if number % device.erase_block:
            raise item[key].error(
                "not aligned to an erase block", hex(number), f"multiples of {device.erase_block:#x}"
            )
    if area.offset + area.size > device.size:
        raise value.error(
            f"flash area {area.name} outside its device",
            f"{area.offset:#x}..{area.offset + area.size:#x}",
            f"inside {device.name}, 0..{device.size:#x}",
        )
    if (area.image is None) != (area.slot is None):
        raise value.error(f"flash area {area.name}: half a slot", None, "both image and slot, or neither")
    if area.image is not None and area.role is not None:
        raise item["role"].error("a slot with a role", area.role.value, "a slot or a role")
    return area


def _check_slots(value: YamlValue, areas: list[FlashAreaDescription], items: list[YamlValue]) -> None:
    seen: dict[tuple[int, str], str] = {}
    for area, item in zip(areas, items, strict=True):
        if area.image is None or area.slot is None:
            continue
        if (area.image, area.slot) in seen:
            raise item.error(
                f"image {area.image} has two {area.slot} slots",
                f"{seen[area.image, area.slot]} and {area.name}",
                "one of each",
            )
        seen[area.image, area.slot] = area.name
    by_slot = {(area.image, area.slot): (area, item) for area, item in zip(areas, items, strict=True)}
    for image in range(max((image for image, _ in seen), default=0) + 1):
        if (image, "primary") not in seen:
            raise value.error(f"image {image} has no primary slot", None, "images from 0 on, without a gap")
    for image in sorted({image for image, _ in seen}):
        primary, primary_item = by_slot[image, "primary"]
        if (image, "secondary") not in seen:
            raise primary_item.error(
                f"image {image} has no secondary slot",
                f"only {primary.name}",
                "a primary and a secondary slot",
            )
        secondary, secondary_item = by_slot[image, "secondary"]
        if secondary.size != primary.size:
            raise secondary_item.error(
                f"the two slots of image {image} differ in size",
                f"{primary.name} {primary.size:#x}, {secondary.name} {secondary.size:#x}",
                "one size",
            )


def _regions(items: list[YamlValue], devices: dict[str, _Device]) -> tuple[Region, ...]:
    regions = [_region(item, devices) for item in items]
    for name in devices:
        _no_overlap(
            f"window into {name}",
            [
                _Range(region.name, region.offset, region.offset + region.size, item)
                for region, item in zip(regions, items, strict=True)
                if region.device == name
            ],
        )
    return tuple(sorted(regions, key=lambda region: region.base))


def _region(value: YamlValue, devices: dict[str, _Device]) -> Region:
    item = value.mapping(("name", "base", "size", "security", "access", "device", "offset"), ("owner",))
    name = item["device"].choice({name: name for name in devices})
    device = devices[name]
    region = Region(
        name=item["name"].string(NAME_LEGAL, NAME),
        base=item["base"].integer(0, ADDRESS_SPACE - 1),
        size=item["size"].integer(1, ADDRESS_SPACE),
        security=item["security"].choice(_SECURITY),
        access=item["access"].choice(_ACCESS),
        owner=_optional(item, "owner", lambda v: v.string(NAME_LEGAL, NAME), ""),
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


def _peripheral(value: YamlValue, system_clock: int) -> Peripheral:
    item = value.mapping(
        ("name", "size", "security"),
        ("secure_base", "non_secure_base", "mmio_name", "irqs", "model", "clock"),
    )
    security = item["security"].choice(_SECURITY)
    needed = f"{security.value}_base"
    if needed not in item:
        raise value.error(f"missing key {needed!r}", None, "the base of its security state")
    irqs = item["irqs"].mapping() if "irqs" in item else {}
    model = _optional(item, "model", lambda v: v.choice(_MODELS), None)
    return Peripheral(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, 1 << 20),
        security=security,
        secure_base=_optional(item, "secure_base", _address, None),
        non_secure_base=_optional(item, "non_secure_base", _address, None),
        mmio_name=_optional(item, "mmio_name", lambda v: v.string(NAME_LEGAL, NAME), ""),
        irqs={name: number.integer(0, LINES - 1) for name, number in irqs.items()},
        model=model,
        clock=_model_clock(value, item, model, system_clock),
    )


def _model_clock(
    value: YamlValue, item: dict[str, YamlValue], model: DeviceModel | None, system_clock: int
) -> int:
    """The clock of a peripheral whose model counts, 0 for another; checks what else a model needs."""
    if model is not None:
        lines = len(item["irqs"].mapping()) if "irqs" in item else 0
        if lines not in _MODEL_LINES[model]:
            legal = " or ".join(map(str, _MODEL_LINES[model]))
            raise item["irqs"].error(f"wrong number of interrupts for a {model.value}", lines, legal)
    if model not in _COUNTING:
        if "clock" in item:
            raise item["clock"].error("clock of a peripheral that does not count", None, "no clock")
        return 0
    clock = _optional(item, "clock", _frequency, system_clock)
    if not clock:
        raise value.error("no clock to count", None, "a clock of its own, or the board's system_clock")
    return clock


def _check_addresses(
    entries: dict[str, YamlValue], regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> None:
    """Regions and peripherals have names of their own and share no address."""
    region_items = _items(entries, "regions")
    peripheral_items = _items(entries, "peripherals")
    items = [*region_items, *peripheral_items]
    _unique("region or peripheral name", [(_key(item, "name"), item) for item in items])
    _unique("mmio_name", [(_key(i, "mmio_name"), i) for i in peripheral_items if "mmio_name" in i.mapping()])
    by_name = {_key(item, "name").text: item for item in items}
    ranges = [_Range(r.name, r.base, r.end, by_name[r.name]) for r in regions]
    for p in peripherals:
        for base in (p.secure_base, p.non_secure_base):
            if base is None:
                continue
            if base + p.size > ADDRESS_SPACE:
                raise by_name[p.name].error(f"peripheral {p.name} past the address space", hex(base + p.size))
            ranges.append(_Range(p.name, base, base + p.size, by_name[p.name]))
    _no_overlap("region", ranges)


def _mmio_regions(
    entries: dict[str, YamlValue], regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> dict[str, tuple[int, int]]:
    """Ranges of secure memory that a manifest may claim by name, as if they were a peripheral."""
    items = entries["mmio_regions"].mapping() if "mmio_regions" in entries else {}
    names = {name for p in peripherals for name in (p.name, p.mmio_name)}
    ranges: list[_Range] = []
    for name, value in items.items():
        if name in names:
            raise value.error("name of a peripheral", repr(name), "a name of its own")
        item = value.mapping(("base", "size"), ())
        base, size = _address(item["base"]), item["size"].integer(1)
        if not any(r.base <= base and base + size <= r.end and not r.non_secure for r in regions):
            raise value.error(
                "not in secure memory", f"{base:#x}..{base + size:#x}", "a range inside one secure region"
            )
        ranges.append(_Range(name, base, base + size, value))
    _no_overlap("MMIO region", ranges)
    return {r.name: (r.start, r.end - r.start) for r in ranges}


def _shared_data(value: YamlValue, regions: tuple[Region, ...]) -> SharedData:
    item = value.mapping(("base", "size"), ())
    shared = SharedData(item["base"].integer(0, ADDRESS_SPACE - 1), item["size"].integer(4, 0xFFFF))
    for region in regions:
        if region.base <= shared.base and shared.base + shared.size <= region.end:
            if not _is_secure_ram(region):
                break
            _check_shared_region(value, region, shared, regions)
            return shared
    raise value.error(
        "shared data area outside the secure RAM",
        f"{shared.base:#x}..{shared.base + shared.size:#x}",
        "inside one secure, writable RAM region",
    )


def _is_secure_ram(region: Region) -> bool:
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
    others = [other.size for other in regions if other is not region and _is_secure_ram(other)]
    if max(others, default=0) <= shared.size:
        raise value.error(
            "no secure RAM beside the shared data area",
            f"at most {max(others, default=0):#x} bytes",
            f"a secure, writable RAM region of more than {shared.size:#x} for the SPM and the partitions",
        )


def _dual_core(
    value: YamlValue, regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> DualCore:
    """What both cores need to reach: an MHU that can interrupt, and memory for the mailbox queue."""
    item = value.mapping(("mhu", "mailbox"), ())
    mhu = item["mhu"].choice({p.name: p for p in peripherals})
    if mhu.model is not DeviceModel.SSE200_MHU or mhu.security is not Security.NON_SECURE or not mhu.irqs:
        legal = f"a non-secure peripheral of model {DeviceModel.SSE200_MHU.value} with an interrupt"
        raise item["mhu"].error("no way to interrupt the other core", mhu.name, legal)
    mailbox = item["mailbox"].choice({r.name: r for r in regions})
    if not (mailbox.non_secure and mailbox.writable and mailbox.kind is RegionKind.RAM):
        legal = "a non-secure region of RAM, readable and writable"
        raise item["mailbox"].error("not in both cores' reach", str(mailbox), legal)
    if mailbox.size < MAILBOX_QUEUE_SIZE or mailbox.base % MAILBOX_LINE:
        legal = f"at least {MAILBOX_QUEUE_SIZE} bytes, from a multiple of {MAILBOX_LINE} on"
        raise item["mailbox"].error("no place for the mailbox queue", str(mailbox), legal)
    return DualCore(mhu, mailbox)


def _executable_ram(items: list[YamlValue], regions: tuple[Region, ...]) -> dict[int, tuple[int, int]]:
    """MCUboot IMAGE_EXECUTABLE_RAM_START and _SIZE, one pair for each image."""
    found: dict[int, tuple[int, int]] = {}
    for value in items:
        item = value.mapping(("image", "base", "size"), ())
        image, base, size = (
            item["image"].integer(0, MAX_IMAGES - 1),
            _address(item["base"]),
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


def _bl1(value: YamlValue, areas: YamlValue, layout: OtpLayout, regions: tuple[Region, ...]) -> Bl1Memory:
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
        _address(item["bl1_2_code"]), _address(item["bl2_code"]), item["bl2_code_size"].integer(8, MAX_FLASH)
    )
    ranges = [
        _Range(
            "bl1_2_code", memory.bl1_2_code, memory.bl1_2_code + layout.bl1_2_code_size, item["bl1_2_code"]
        ),
        _Range(
            "bl2_code",
            memory.bl2_code - BL2_HEADER_MAX_SIZE,
            memory.bl2_code + memory.bl2_code_size,
            item["bl2_code"],
        ),
    ]
    for r in ranges:
        if not any(
            _is_secure_ram(region) and region.base <= r.start and r.end <= region.end for region in regions
        ):
            raise r.blame.error(
                f"{r.name} outside the secure RAM", f"{r.start:#x}..{r.end:#x}", "inside one region"
            )
    _no_overlap("BL1's", ranges)
    return memory


def _irq_sources(entries: dict[str, YamlValue], peripherals: tuple[Peripheral, ...]) -> dict[str, int]:
    """All names of interrupt lines: the peripherals' own, and the aliases that manifests use."""
    numbers: dict[str, int] = {}
    for peripheral, item in zip(peripherals, _items(entries, "peripherals"), strict=True):
        for name, number in peripheral.irqs.items():
            if name in numbers or number in numbers.values():
                raise _key(item, "irqs").error(
                    "interrupt given twice", f"{name}: {number}", "one owner a line"
                )
            numbers[name] = number
    sources = dict(numbers)
    aliases = entries["irq_sources"].mapping() if "irq_sources" in entries else {}
    for alias, value in aliases.items():
        if alias in numbers:
            raise value.error("alias of an interrupt's own name", repr(alias), "a name of its own")
        sources[alias] = value.choice(numbers)
    return sources


def _hal_grants(value: YamlValue | None) -> dict[str, tuple[str, ...]]:
    grants: dict[str, tuple[str, ...]] = {}
    functions = {name: name for name in sorted(HAL_FUNCTIONS)}
    for partition, names in (value.mapping() if value is not None else {}).items():
        items = names.sequence()
        _unique("HAL grant", [(item, item) for item in items])
        grants[partition] = tuple(item.choice(functions) for item in items)
    return grants


def _unique(what: str, values: list[tuple[YamlValue, YamlValue]]) -> None:
    """Each first value of a pair appears once; the error blames the second occurrence."""
    seen: dict[object, int] = {}
    for value, _ in values:
        key = value.value if isinstance(value.value, int) else value.scalar_text()
        if key in seen:
            raise value.error(f"duplicate {what}", value.describe(), f"line {seen[key]} has it already")
        seen[key] = value.line


def _no_overlap(what: str, ranges: list[_Range]) -> None:
    ordered = sorted(ranges, key=lambda r: (r.start, r.end))
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise after.blame.error(
                f"{what} {after.name} overlaps {before.name} (line {before.blame.line})",
                f"{after.start:#x}..{after.end:#x} and {before.start:#x}..{before.end:#x}",
                "ranges that share no byte",
            )
