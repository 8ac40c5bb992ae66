"""The demo firmware pair that comes with the package, and a device that runs it.

The images are real: built for a Cortex-M33, signed by imgtool with MCUboot's public development keys
(NOT SECURE). BL2 checks, measures and counts them; their instructions are not run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..bootloader.config import UpgradeStrategy
from ..device import Device
from ..firmware_build import Build
from ..interface.mcuboot.trailer import write_image_ok, write_magic
from ..interface.trace import Listener
from ..platform.board import AreaRole, Board
from ..platform.provisioning import Provisioning
from .bl2_image import demo_bl2_image
from .esp_tee_firmware import flash_esp_tee_firmware

IMAGES: Final = Path(__file__).parent / "demo" / "images"
SECURE_IMAGE: Final = IMAGES / "secure_1.0.0.bin"
NON_SECURE_IMAGE: Final = IMAGES / "non_secure_1.0.0.bin"
RAM_LOAD_IMAGES: Final = (IMAGES / "secure_1.0.0_ram.bin", IMAGES / "non_secure_1.0.0_ram.bin")


def flash_demo_firmware(device: Device) -> None:
    """Write the pair that suits the boot loader to the primary slots; one image means the secure one alone.

    Where that loader erases what has no trailer, the images are confirmed ones. A board with BL1 gets a BL2
    as well, if it has none. A device with ESP-TEE gets firmware of its own (`esp_tee_firmware`).
    """
    if device.build.esp_tee is not None:
        flash_esp_tee_firmware(device)
        return
    if device.hardware.board.bl1 is not None and bl2_slots_blank(device):
        device.flash_bl2(demo_bl2_image(device.hardware.board))
    strategy = device.build.bl2.strategy if device.build.bl2 is not None else UpgradeStrategy.OVERWRITE_ONLY
    pair = RAM_LOAD_IMAGES if strategy.loads_to_ram else (SECURE_IMAGE, NON_SECURE_IMAGE)
    for image, file in enumerate(pair[: device.hardware.board.image_count]):
        device.flash_image(image, file.read_bytes())
        if strategy.erases_without_magic:
            area = device.hardware.slot(image, "primary")
            with device.hardware.power.programmer():
                write_magic(area)
                write_image_ok(area)


def boot(
    board: str | Path | Board = "an521",
    *,
    build: Build | None = None,
    provisioning: Provisioning | None = None,
    seed: int = 0,
    state: str | Path | None = None,
    listeners: Sequence[Listener] = (),
) -> Device:
    """A device with the demo firmware in its primary slots, booted to the non-secure side.

    Arguments are those of Device; a state directory that holds an image already keeps it. Use the device in
    a ``with`` statement, or call ``power_off`` when done. Raises as Device and Device.power_on do.
    """
    device = Device(
        board, build=build, provisioning=provisioning, seed=seed, state=state, listeners=listeners
    )
    try:
        if primary_slots_blank(device):
            flash_demo_firmware(device)
        return device.power_on()
    except BaseException:
        device.power_off()
        raise


def primary_slots_blank(device: Device) -> bool:
    """True when no image was ever written to the device."""
    hardware = device.hardware
    areas = [hardware.slot(image, "primary") for image in range(hardware.board.image_count)]
    return all(area.read(0, 4) == bytes([area.erased_value]) * 4 for area in areas)


def bl2_slots_blank(device: Device) -> bool:
    """True when no BL2 was ever written to a board with BL1."""
    roles = AreaRole.BL2_PRIMARY, AreaRole.BL2_SECONDARY
    areas = [area for role in roles if (area := device.hardware.area_with_role(role)) is not None]
    return all(area.read(0, 64) == bytes([area.erased_value]) * 64 for area in areas)
