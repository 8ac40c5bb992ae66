"""What plain MCUboot tells about itself in the boot status: major BLINFO (bootutil/boot_status.h).

TF-M's BL2 never writes these: there major 2 is that of the firmware update partition. A minor number here
takes all 12 bits of the type. Numbers are little endian.
"""

from enum import IntEnum
from typing import Final


class BlInfo(IntEnum):
    """Minor numbers; the last two begin a row with a number an image."""

    MODE = 0x00
    """1 byte, a `McubootMode`."""
    SIGNATURE_TYPE = 0x01
    """1 byte, a `McubootSignatureType`."""
    RECOVERY = 0x02
    """1 byte, a `McubootRecoveryMode`."""
    RUNNING_SLOT = 0x03
    """1 byte: 0 primary, 1 secondary."""
    BOOTLOADER_VERSION = 0x04
    """8 bytes, a ``struct image_version``; only from ports that state a version."""
    MAX_APPLICATION_SIZE = 0x05
    """4 bytes for the image, up to 0x09."""
    SECURITY_COUNTER_IMAGE_0 = 0x10
    """4 bytes for each image, up to 0x14."""


BLINFO_IMAGES: Final = 5
"""Images that the two rows have numbers for."""


class McubootMode(IntEnum):
    """``enum mcuboot_mode``: how the loader picks and moves images."""

    SINGLE_SLOT = 0
    SWAP_USING_SCRATCH = 1
    UPGRADE_ONLY = 2
    SWAP_USING_MOVE = 3
    DIRECT_XIP = 4
    DIRECT_XIP_WITH_REVERT = 5
    RAM_LOAD = 6
    FIRMWARE_LOADER = 7
    SINGLE_SLOT_RAM_LOAD = 8
    SWAP_USING_OFFSET = 9


class McubootSignatureType(IntEnum):
    """``enum mcuboot_signature_type``. ECDSA on P-384 has no number of its own: such a loader says NONE."""

    NONE = 0
    RSA = 1
    ECDSA_P256 = 2
    ED25519 = 3


class McubootRecoveryMode(IntEnum):
    """``enum mcuboot_recovery_mode``."""

    NONE = 0
    SERIAL_RECOVERY = 1
    DFU = 2


def blinfo_name(minor: int) -> str:
    """The name of a minor number, with its image where it has one; "0x..." for another."""
    for first in (BlInfo.MAX_APPLICATION_SIZE, BlInfo.SECURITY_COUNTER_IMAGE_0):
        if first <= minor < first + BLINFO_IMAGES:
            return f"{first.name.removesuffix('_IMAGE_0')}_IMAGE_{minor - first}"
    return BlInfo(minor).name if minor in set(BlInfo) else f"{minor:#05x}"
