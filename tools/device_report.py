"""What stands in a device: slots, counters, OTP identities; as lines and as data."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..bootloader.config import Bl2Config, UpgradeStrategy
from ..bootloader.swap_geometry import SWAP_STRATEGIES, trailer_format
from ..device import Device, bl2_config_for
from ..interface.mcuboot.image import ImageError, ImageSource, read_header
from ..interface.mcuboot.trailer import SwapType, read_swap_state
from ..platform.board import AreaRole, SlotName
from ..platform.flash import FlashArea
from ..platform.hardware import Hardware
from ..platform.lifecycle import psa_lifecycle
from ..platform.nv_counters import NvCounter
from ..platform.otp import OtpField

SLOTS: tuple[SlotName, SlotName] = ("primary", "secondary")


def slots(hardware: Hardware, config: Bl2Config | None = None) -> list[dict[str, Any]]:
    """Each slot's address, header and trailer, as a loader of this ``config`` reads them.

    With SWAP_USING_SCRATCH a row for the scratch area too. Without a config it is the board's default loader.
    """
    config = config or bl2_config_for(hardware.board)
    rows = []
    for image in range(hardware.board.image_count):
        for slot in SLOTS:
            area = hardware.slot(image, slot)
            row: dict[str, Any] = {"image": image, "slot": slot, "address": area.address, "size": area.size}
            rows.append(row | _image(area, slot, config) | {"trailer": _trailer(area, config)})
    scratch = hardware.area_with_role(AreaRole.SCRATCH)
    if scratch is not None and config.strategy is UpgradeStrategy.SWAP_USING_SCRATCH:
        row = {"image": None, "slot": "scratch", "address": scratch.address, "size": scratch.size}
        rows.append(row | {"image_state": "scratch area", "trailer": _trailer(scratch, config, scratch=True)})
    return rows


def _image(area: FlashArea, slot: str, config: Bl2Config) -> dict[str, Any]:
    source: ImageSource = area
    if slot == "secondary" and config.strategy is UpgradeStrategy.SWAP_USING_OFFSET and _is_blank(area, 0):
        # The candidate lies one sector up.
        source = replace(area, offset=area.offset + area.erase_block, size=area.size - area.erase_block)
    if _is_blank(source, 0):
        return {"image_state": "blank"}
    try:
        header = read_header(source)
    except ImageError as error:
        return {"image_state": f"no image: {error}"}
    return {"image_state": "image", "version": str(header.version), "img_size": header.img_size}


def _is_blank(area: ImageSource, offset: int) -> bool:
    return area.read(offset, 4) == bytes([area.erased_value]) * 4


def _trailer(area: FlashArea, config: Bl2Config, *, scratch: bool = False) -> dict[str, Any]:
    """The flags; and of a swap that was begun its size in bytes, its image and how many steps are done."""
    state = read_swap_state(area, config.boot_max_align)
    told: dict[str, Any] = {
        "magic": state.magic.name.lower(),
        "swap_type": _swap_type(state.swap_type),
        "copy_done": state.copy_done.name.lower(),
        "image_ok": state.image_ok.name.lower(),
    }
    layout = trailer_format(config)
    if config.strategy not in SWAP_STRATEGIES or layout.size(area.write_size) > area.size:
        return told
    cells = {
        cell.name: area.read(cell.offset, cell.size)
        for cell in layout.cells(area.size, area.write_size, scratch)
    }
    erased = bytes([area.erased_value])
    steps = cells["swap status"][:: area.write_size]
    if done := len(steps) - steps.count(erased):
        told |= {"swap_status": f"{done} of {len(steps)} steps"}
    if cells["swap_size"][:4] != erased * 4:
        told |= {"swap_size": int.from_bytes(cells["swap_size"][:4], "little")}
    for name in ("key 0", "key 1"):
        if cells.get(name, erased).strip(erased):
            told |= {name.replace(" ", "_"): "set"}
    return told


def _swap_type(value: int) -> str:
    return SwapType(value).name.lower() if value in set(SwapType) else str(value)


def counters(hardware: Hardware) -> dict[str, int]:
    """The security counters of the board's images by name, behind them BL1's of BL2 where there is one."""
    names = [NvCounter(NvCounter.BL2_0 + image) for image in range(hardware.board.image_count)]
    if hardware.board.bl1 is not None:
        names.append(NvCounter.BL1_0)
    return {counter.name: hardware.nv_counters.read(counter) for counter in names}


def lifecycle(device: Device) -> str:
    """The lifecycle state in OTP, by its PSA name."""
    return psa_lifecycle(int.from_bytes(device.hardware.otp.read(OtpField.LCS), "little")).name


def booted_images(device: Device) -> list[dict[str, Any]]:
    """What BL2 chose to run, by image: the slot that it is from, and the address at which it runs."""
    outcome = device.boot_outcome
    return [
        {
            "image": booted.image,
            "slot": booted.slot,
            "version": str(booted.version),
            "address": booted.address,
            "runs_in": "slot" if booted.runs_in_place else "RAM",
        }
        for booted in sorted(outcome.images if outcome else (), key=lambda booted: booted.image)
    ]


def booted_lines(device: Device) -> Iterator[str]:
    for row in booted_images(device):
        where = "in place" if row["runs_in"] == "slot" else "from RAM"
        what = f"version {row['version']} of the {row['slot']} slot"
        yield f"image {row['image']} runs {where} at {row['address']:#010x}: {what}"


def slot_lines(hardware: Hardware, config: Bl2Config | None = None) -> Iterator[str]:
    for row in slots(hardware, config):
        trailer = row["trailer"]
        what = (
            f"version {row['version']}, {row['img_size']} bytes" if "version" in row else row["image_state"]
        )
        flags = ", ".join(f"{name} {value}" for name, value in trailer.items())
        name = "scratch          " if row["image"] is None else f"image {row['image']} {row['slot']:<9}"
        yield f"{name} {row['address']:#010x}  {what}; trailer: {flags}"


def counter_lines(hardware: Hardware) -> Iterator[str]:
    for name, value in counters(hardware).items():
        yield f"NV counter {name} = {value}"
