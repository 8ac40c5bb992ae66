"""What plain MCUboot tells about itself (boot_record.c with MCUBOOT_DATA_SHARING_BOOTINFO)."""

from collections.abc import Iterator
from typing import Final

from ..interface.mcuboot.boot_info import BlInfo, McubootMode, McubootSignatureType
from .config import Bl2Config, SignatureType, UpgradeStrategy
from .ports import SLOTS, Ports, Slot
from .shared_data_config import BootInfo
from .swap_geometry import Geometry

_MODE: Final = {
    UpgradeStrategy.OVERWRITE_ONLY: McubootMode.UPGRADE_ONLY,
    UpgradeStrategy.SWAP_USING_SCRATCH: McubootMode.SWAP_USING_SCRATCH,
    UpgradeStrategy.SWAP_USING_MOVE: McubootMode.SWAP_USING_MOVE,
    UpgradeStrategy.SWAP_USING_OFFSET: McubootMode.SWAP_USING_OFFSET,
    UpgradeStrategy.DIRECT_XIP: McubootMode.DIRECT_XIP,
    UpgradeStrategy.DIRECT_XIP_REVERT: McubootMode.DIRECT_XIP_WITH_REVERT,
    UpgradeStrategy.RAM_LOAD: McubootMode.RAM_LOAD,
    UpgradeStrategy.RAM_LOAD_REVERT: McubootMode.RAM_LOAD,
}
_SIGNATURE_TYPE: Final = {
    SignatureType.RSA_2048: McubootSignatureType.RSA,
    SignatureType.RSA_3072: McubootSignatureType.RSA,
    SignatureType.EC_P256: McubootSignatureType.ECDSA_P256,
    SignatureType.ED25519: McubootSignatureType.ED25519,
}


def boot_info_entries(
    config: Bl2Config, info: BootInfo, ports: Ports, slot: Slot
) -> Iterator[tuple[int, bytes]]:
    """(minor number, data) of each entry in order, for the slot that boots first.

    MCUboot boot_save_shared_data: of the largest image sizes only the first that is known is told.
    """
    yield BlInfo.MODE, bytes([_MODE[config.strategy]])
    yield (
        BlInfo.SIGNATURE_TYPE,
        bytes([_SIGNATURE_TYPE.get(config.signature_type, McubootSignatureType.NONE)]),
    )
    yield BlInfo.RECOVERY, bytes([info.recovery])
    yield BlInfo.RUNNING_SLOT, bytes([SLOTS.index(slot.name)])
    if info.version is not None:
        yield BlInfo.BOOTLOADER_VERSION, info.version.encode()
    if config.rollback:
        for image in range(config.image_number):
            counter = ports.security_counter(image).to_bytes(4, "little")
            yield BlInfo.SECURITY_COUNTER_IMAGE_0 + image, counter
    if not config.strategy.slots_equivalent:
        # Loaders that move no images never work out how large one may be.
        largest = Geometry.of(ports, config, 0).max_image_size(ports.slot(0, SLOTS[0]).area)
        yield BlInfo.MAX_APPLICATION_SIZE, largest.to_bytes(4, "little")
