"""Reads what a board stores in: flash and RAM devices, OTP, and the areas that the flash is divided into."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .board import AreaRole, FlashAreaDescription, FlashDescription, OtpDescription, RamDescription, SlotName
from .board_entries import (
    NAME,
    NAME_LEGAL,
    NamedRange,
    check_no_overlap,
    check_unique,
    optional,
    read_address,
)
from .memory import RegionKind, Security
from .otp import BL1_ROTPKS, OtpLayout
from .provisioning import BL1_ROTPK_SIZES
from .yaml_source import YamlValue

OTP_DEVICE: Final = "otp"
MAX_FLASH: Final = 1 << 28
MAX_IMAGES: Final = 4
"""As many ROTPKs and security counters as TF-M's OTP has."""
_SLOTS: Final[dict[str, SlotName]] = {"primary": "primary", "secondary": "secondary"}
_ROLES: Final = {role.value: role for role in AreaRole}
MAX_IAK: Final = 66
"""Bytes of the longest initial attestation key, a scalar of P-521."""
_ROTPK_SIZES: Final = {"32": 32, "48": 48, "68": 68, "100": 100}
_BL1_ROTPK_SIZES: Final = {str(size): size for size in BL1_ROTPK_SIZES}
MAX_BL1_2: Final = 0x10000
_ERASED_VALUES: Final = {"0xff": 0xFF, "0xFF": 0xFF, "255": 0xFF, "0x00": 0, "0x0": 0, "0": 0}


@dataclass(frozen=True, slots=True)
class MappedDevice:
    """Something that regions are windows into."""

    size: int
    kind: RegionKind
    writable: bool
    bases: dict[Security, int | None]


def read_flash(value: YamlValue) -> FlashDescription:
    item = value.mapping(
        ("name", "size", "erase_block", "write_size"),
        ("erased_value", "secure_base", "non_secure_base", "cpu_writable", "factory_only"),
    )
    flash = FlashDescription(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, MAX_FLASH),
        erase_block=item["erase_block"].integer(1, MAX_FLASH),
        write_size=item["write_size"].integer(1, MAX_FLASH),
        erased_value=optional(item, "erased_value", lambda v: v.choice(_ERASED_VALUES), 0xFF),
        secure_base=optional(item, "secure_base", read_address, None),
        non_secure_base=optional(item, "non_secure_base", read_address, None),
        cpu_writable=optional(item, "cpu_writable", YamlValue.boolean, False),
        factory_only=optional(item, "factory_only", YamlValue.boolean, False),
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


def read_ram(value: YamlValue) -> RamDescription:
    item = value.mapping(("name", "size"), ("secure_base", "non_secure_base"))
    ram = RamDescription(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, MAX_FLASH),
        secure_base=optional(item, "secure_base", read_address, None),
        non_secure_base=optional(item, "non_secure_base", read_address, None),
    )
    if ram.name == OTP_DEVICE:
        raise item["name"].error("not legal", repr(OTP_DEVICE), "any other name: that one is the OTP's")
    return ram


def read_otp(value: YamlValue) -> OtpDescription:
    item = value.mapping(
        (),
        (
            "size",
            "rotpk_size",
            "iak_size",
            "bl1",
            "ns_counters",
            "bl1_2_code_size",
            "bl1_rotpk_size",
            "bl1_signers",
            "esp_efuse",
        ),
    )
    layout = OtpLayout(
        rotpk_size=optional(item, "rotpk_size", lambda v: v.choice(_ROTPK_SIZES), 68),
        iak_size=optional(item, "iak_size", lambda v: v.integer(32, MAX_IAK), 32),
        bl1=optional(item, "bl1", YamlValue.boolean, False),
        ns_counters=optional(item, "ns_counters", lambda v: v.integer(0, 3), 0),
        bl1_2_code_size=optional(item, "bl1_2_code_size", lambda v: v.integer(8, MAX_BL1_2), 0),
        bl1_rotpk_size=optional(item, "bl1_rotpk_size", lambda v: v.choice(_BL1_ROTPK_SIZES), 56),
        bl1_signers=optional(item, "bl1_signers", lambda v: v.integer(1, len(BL1_ROTPKS)), 1),
        esp_efuse=optional(item, "esp_efuse", YamlValue.boolean, False),
    )
    size = optional(item, "size", lambda v: v.integer(layout.size, 1 << 20), 0x1000)
    return OtpDescription(size, layout)


def mapped_devices(
    flash: Iterable[FlashDescription], ram: Iterable[RamDescription], otp: OtpDescription
) -> dict[str, MappedDevice]:
    devices = {OTP_DEVICE: MappedDevice(otp.size, RegionKind.OTP, False, {})}
    for f in flash:
        bases = {Security.SECURE: f.secure_base, Security.NON_SECURE: f.non_secure_base}
        devices[f.name] = MappedDevice(f.size, RegionKind.FLASH, f.cpu_writable, bases)
    for r in ram:
        bases = {Security.SECURE: r.secure_base, Security.NON_SECURE: r.non_secure_base}
        devices[r.name] = MappedDevice(r.size, RegionKind.RAM, True, bases)
    return devices


def read_flash_areas(
    value: YamlValue, devices: tuple[FlashDescription, ...]
) -> tuple[FlashAreaDescription, ...]:
    flash = {device.name: device for device in devices}
    items = value.sequence(1)
    areas = [_flash_area(item, flash) for item in items]
    for key in ("id", "name", "role"):
        check_unique(f"flash area {key}", [(i.mapping()[key], i) for i in items if key in i.mapping()])
    for name in flash:
        check_no_overlap(
            f"flash area in {name}",
            [
                NamedRange(area.name, area.offset, area.offset + area.size, item)
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
        image=optional(item, "image", lambda v: v.integer(0, MAX_IMAGES - 1), None),
        slot=optional(item, "slot", lambda v: v.choice(_SLOTS), None),
        role=optional(item, "role", lambda v: v.choice(_ROLES), None),
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
