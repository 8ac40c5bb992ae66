"""The DIRECT_XIP strategy: an image runs where it lies, so it must have been linked for that slot."""

from ..interface.mcuboot.image import ImageError, ImageFlag
from ..interface.mcuboot.trailer import Flag
from .ports import Slot
from .slot_choice import SlotChoice


class DirectXip(SlotChoice):
    """MCUboot MCUBOOT_DIRECT_XIP, with or without MCUBOOT_DIRECT_XIP_REVERT."""

    def holds_counter(self, slot: Slot) -> str:
        # MCUboot boot_update_hw_rollback_protection with MCUBOOT_DIRECT_XIP_REVERT: image_ok as it was when
        # the slot was chosen, so a confirmed image counts from the boot after that on.
        if not self.revert:
            return ""
        state = self.usage[slot.image].swap_state
        confirmed = state is not None and state.image_ok is Flag.SET
        return "" if confirmed else "image_ok was not set when the slot was chosen"

    def _check_address(self, slot: Slot) -> None:
        # MCUboot boot_rom_address_check: the address is an offset into the flash device.
        header = self.loader.images[slot.image].headers[slot.name]
        assert header is not None
        if ImageFlag.ROM_FIXED in header.flags and header.load_addr != slot.area.offset:
            where = f"Image in {slot.name} slot at {slot.area.offset:#x}"
            self.loader.log(f"[WRN] {where} has been built for offset {header.load_addr:#x}, skipping")
            raise ImageError(
                "boot_rom_address_check",
                "ROM_FIXED address",
                f"{header.load_addr:#x}",
                f"this slot is at offset {slot.area.offset:#x} of the flash",
            )
