"""What the HAL of an ESP32 with a TEE adds to TF-M's: what identifies the chip, flash, and which images run.

Names are those of ESP-IDF. Offsets in flash and lengths are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .flash import Flash, FlashArea, FlashError
from .memory import Memory
from .otp import Otp, OtpField
from .plat_err import PlatError, TfmPlatErr

TEE_IMAGE, REE_IMAGE = 0, 1


@dataclass(frozen=True, slots=True)
class Esp32Parts:
    """``flash`` is the device that the boot loaders start from, ``memory`` what the MMU has mapped of it.

    ``slots`` by MCUboot's image index and slot number, ``rom_chip_id`` what an ESP32's ROM says.
    """

    flash: Flash
    memory: Memory
    slots: Mapping[tuple[int, int], FlashArea] = field(default_factory=dict)
    rom_chip_id: int = 0


class Esp32Hal:
    """Functions of the HAL that ESP-TEE's attestation calls."""

    _otp: Otp
    _esp32: Esp32Parts | None

    def esp_efuse_mac_get_default(self) -> bytes:
        """The MAC in the eFuses, 6 bytes. Raises PlatError UNSUPPORTED on a chip without."""
        return self._otp.read(OtpField.EFUSE_MAC)

    def esp_efuse_optional_unique_id(self) -> bytes:
        """ESP_EFUSE_OPTIONAL_UNIQUE_ID, 16 bytes. Raises PlatError UNSUPPORTED on a chip without."""
        return self._otp.read(OtpField.EFUSE_OPTIONAL_UNIQUE_ID)

    def efuse_hal_chip_revision(self) -> int:
        """The revision in the eFuses, major * 100 + minor. Raises PlatError UNSUPPORTED."""
        return int.from_bytes(self._otp.read(OtpField.EFUSE_CHIP_REVISION), "little")

    def esp_rom_chip_id(self) -> int:
        """_rom_chip_id: which chip it is, from its ROM; 0 on a board that is no ESP32."""
        return self._esp32.rom_chip_id if self._esp32 is not None else 0

    def esp_tee_flash_read(self, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset`` of the flash that the chip boots from.

        Raises PlatError INVALID_INPUT for a range outside it, UNSUPPORTED without such flash.
        """
        try:
            return self._esp32_parts().flash.read(offset, length)
        except FlashError as error:
            raise PlatError(TfmPlatErr.INVALID_INPUT, str(error)) from error

    def bootloader_utility_tee_get_boot_partition(self) -> int:
        """The offset of the TEE's partition that runs. Raises PlatError UNSUPPORTED for none."""
        return self._running(TEE_IMAGE)

    def esp_tee_flash_get_running_ree_partition(self) -> int:
        """The offset of the application's partition that runs. Raises PlatError UNSUPPORTED for none."""
        return self._running(REE_IMAGE)

    def _running(self, image: int) -> int:
        """ESP-TEE tee_flash_mgr: the boot loader has the MMU show the CPU the partition that it started."""
        parts = self._esp32_parts()
        for (number, _), area in sorted(parts.slots.items()):
            if number == image and _is_mapped(parts.memory, area):
                return area.offset
        raise PlatError(TfmPlatErr.UNSUPPORTED, f"image {image}: no partition of it is mapped")

    def _esp32_parts(self) -> Esp32Parts:
        if self._esp32 is None:
            raise PlatError(TfmPlatErr.UNSUPPORTED, "the platform has no flash that it boots from")
        return self._esp32


def _is_mapped(memory: Memory, area: FlashArea) -> bool:
    return any(
        region.device == area.flash.name and region.offset <= area.offset < region.offset + region.size
        for region in memory.regions
    )
