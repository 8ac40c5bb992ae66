"""Whole devices that are updated: factory images, the service's calls, and what flash says."""

import pytest
from support.image_builder import P256, RECORD, ImageParts, sec_cnt

from tfm_sim import Build, Device, FwuConfig, SpmConfig
from tfm_sim.bootloader.config import UpgradeStrategy
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.psa.firmware_update import PSA_SUCCESS_REBOOT, FirmwareUpdate, PsaFwuState
from tfm_sim.platform.board import SlotName
from tfm_sim.platform.power import SystemReset

OVERWRITE = UpgradeStrategy.OVERWRITE_ONLY
OLD, NEW = (1, 0, 0, 0), (1, 1, 0, 0)
Version = tuple[int, int, int, int]


def image(version: Version, *dependencies: tuple[int, bytes], counter: int = 1) -> bytes:
    """A signed image of about 2 KiB; its payload says its version."""
    payload = ImageParts().payload.ljust(1800, bytes([16 * version[0] + version[1]]))
    protected = (sec_cnt(counter), (TlvType.BOOT_RECORD, RECORD), *dependencies)
    return P256.image(ImageParts(payload=payload, version=version, protected=protected))


def build(strategy: UpgradeStrategy = OVERWRITE, level: int = 1, config: FwuConfig | None = None) -> Build:
    # No storage: what it writes at a boot would be cut as well, and that is told elsewhere.
    return Build(
        bl2=P256.config(image_number=2, strategy=strategy),
        spm=SpmConfig(isolation_level=level),
        firmware_update=config or FwuConfig(),
        its=None,
    )


def boot(made: Build) -> Device:
    """A factory-fresh device at version 1.0.0 of both images."""
    device = Device("mcuboot_8k", build=made)
    for component in (0, 1):
        device.flash_image(component, image(OLD))
    return device.power_on()


def service(device: Device) -> FirmwareUpdate:
    return device.psa.firmware_update


def seen(device: Device, component: int = 0) -> tuple[PsaFwuState, Version]:
    info = service(device).query(component)
    return info.state, (info.version.major, info.version.minor, info.version.patch, info.version.build)


def running(device: Device, component: int = 0, slot: SlotName = "primary") -> Version:
    """The version in a slot's header, read from flash."""
    raw = device.hardware.slot(component, slot).read(20, 8)
    return raw[0], raw[1], int.from_bytes(raw[2:4], "little"), int.from_bytes(raw[4:], "little")


def reboot(device: Device) -> None:
    """By the service, as a client asks for it."""
    with pytest.raises(SystemReset):
        service(device).request_reboot()
    device.reset()


def update(device: Device, *images: tuple[int, bytes]) -> None:
    """Stage and install; the reset is up to the caller."""
    for component, data in images:
        service(device).stage(component, data)
    assert service(device).install() == PSA_SUCCESS_REBOOT
