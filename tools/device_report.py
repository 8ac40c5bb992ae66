"""What stands in a device: slots, counters, OTP identities; as lines and as data."""

from collections.abc import Iterator
from typing import Any

from ..device import Device
from ..interface.mcuboot.image import ImageError, read_header
from ..interface.mcuboot.trailer import SwapType, read_swap_state
from ..platform.board import SlotName
from ..platform.hardware import Hardware
from ..platform.lifecycle import psa_lifecycle
from ..platform.nv_counters import NvCounter
from ..platform.otp import OtpField

SLOTS: tuple[SlotName, SlotName] = ("primary", "secondary")


def slots(hardware: Hardware) -> list[dict[str, Any]]:
    """Each slot's address, header and trailer."""
    rows = []
    for image in range(hardware.board.image_count):
        for slot in SLOTS:
            area = hardware.slot(image, slot)
            row: dict[str, Any] = {"image": image, "slot": slot, "address": area.address, "size": area.size}
            blank = area.read(0, 4) == bytes([area.erased_value]) * 4
            if blank:
                row["image_state"] = "blank"
            else:
                try:
                    header = read_header(area)
                    row |= {
                        "image_state": "image",
                        "version": str(header.version),
                        "img_size": header.img_size,
                    }
                except ImageError as error:
                    row["image_state"] = f"no image: {error}"
            state = read_swap_state(area)
            row["trailer"] = {
                "magic": state.magic.name.lower(),
                "swap_type": _swap_type(state.swap_type),
                "copy_done": state.copy_done.name.lower(),
                "image_ok": state.image_ok.name.lower(),
            }
            rows.append(row)
    return rows


def _swap_type(value: int) -> str:
    return SwapType(value).name.lower() if value in set(SwapType) else str(value)


def counters(hardware: Hardware) -> dict[str, int]:
    """The security counters of the board's images by name."""
    names = [NvCounter(NvCounter.BL2_0 + image) for image in range(hardware.board.image_count)]
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


def slot_lines(hardware: Hardware) -> Iterator[str]:
    for row in slots(hardware):
        trailer = row["trailer"]
        what = (
            f"version {row['version']}, {row['img_size']} bytes" if "version" in row else row["image_state"]
        )
        flags = ", ".join(f"{name} {value}" for name, value in trailer.items())
        yield f"image {row['image']} {row['slot']:<9} {row['address']:#010x}  {what}; trailer: {flags}"


def counter_lines(hardware: Hardware) -> Iterator[str]:
    for name, value in counters(hardware).items():
        yield f"NV counter {name} = {value}"
