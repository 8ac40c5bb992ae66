"""What all strategies with an upgrade slot share: swap type of each image, dependencies, then the move.

MCUboot's context_boot_go without DIRECT_XIP and RAM_LOAD. A strategy adds `perform_update`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from ..interface.mcuboot.image import ImageError, ImageVersion
from ..interface.mcuboot.swap import decide
from ..interface.mcuboot.trailer import Flag, Magic, SwapType, read_swap_state
from .dependencies import verify_slot_dependencies
from .events import SwapTypeDecided
from .loader import BootLoader
from .ports import PRIMARY, SECONDARY, Slot
from .validate import ImageOk, refuse

UNMET: Final = ("no image is upgraded in this boot", "the upgrade waits in its slot")


class UpgradeFlow(ABC):
    """Images run from the primary slot; the secondary slot holds candidates."""

    def __init__(self, loader: BootLoader) -> None:
        self.loader = loader

    def settle(self, active: Sequence[int]) -> None:
        states = self.loader.images
        for image in active:
            states[image].swap_type = self._prepare(image)
        if len(states) > 1 and any(states[image].swap_type.is_upgrade for image in active):
            self._verify_dependencies(active)
        for image in active:
            if states[image].swap_type.is_upgrade:
                self.perform_update(image)

    def slot_of(self, image: int) -> str:
        return PRIMARY

    def revalidates(self, image: int) -> bool:
        # TF-M MCUBOOT_VALIDATE_PRIMARY_SLOT: it is defined.
        return True

    def holds_counter(self, slot: Slot) -> str:
        # MCUboot boot_update_hw_rollback_protection: an image on probation does not raise the counter.
        state = read_swap_state(slot.area, self.loader.config.boot_max_align)
        if state.magic is Magic.GOOD and state.image_ok is not Flag.SET:
            return "the trailer's magic is good and image_ok is not set"
        return ""

    def conclude(self, active: Sequence[int]) -> None:
        return

    @abstractmethod
    def perform_update(self, image: int) -> None:
        """Move the candidate, which is valid, to the primary slot."""

    def _prepare(self, image: int) -> SwapType:
        # MCUboot boot_prepare_image_for_update.
        loader = self.loader
        loader.read_headers(image)
        if loader.images[image].headers[PRIMARY] is None:
            loader.log(f"[WRN] Failed reading image headers; Image={image}")
            return SwapType.NONE
        if not self._slots_compatible(image):
            return SwapType.NONE
        swap_type = self._swap_type(image)
        if swap_type.is_upgrade:
            verdict = loader.validate(loader.ports.slot(image, SECONDARY))
            if not isinstance(verdict, ImageOk):
                loader.refusals.append(verdict)
                return SwapType.NONE
        return swap_type

    def _slots_compatible(self, image: int) -> bool:
        # MCUboot boot_slots_compatible, for sectors of one size.
        primary, secondary = (self.loader.ports.slot(image, name).area for name in (PRIMARY, SECONDARY))
        sectors = max(area.size // area.erase_block for area in (primary, secondary))
        if sectors > self.loader.config.max_img_sectors:
            self.loader.log("[WRN] Cannot upgrade: more sectors than allowed")
            return False
        if primary.size != secondary.size:
            self.loader.log("[WRN] Cannot upgrade: slots are not compatible")
            return False
        return True

    def _swap_type(self, image: int) -> SwapType:
        # MCUboot boot_swap_type_multi.
        loader = self.loader
        align = loader.config.boot_max_align
        primary = read_swap_state(loader.ports.slot(image, PRIMARY).area, align)
        secondary = read_swap_state(loader.ports.slot(image, SECONDARY).area, align)
        swap_type, why = decide(primary, secondary)
        loader.log(f"[INF] Image index: {image}, Swap type: {swap_type.name.lower()}")
        if loader.trace.listeners:
            text = f"image {image}: swap type {swap_type.name.lower()}: {why}"
            loader.trace.emit(
                SwapTypeDecided(image, "boot_swap_type_multi", text, primary, secondary, swap_type)
            )
        return swap_type

    def _verify_dependencies(self, active: Sequence[int]) -> None:
        """MCUboot boot_verify_dependencies: one that is not met holds back the upgrades of all images."""
        states = self.loader.images
        for image in active:
            name = SECONDARY if states[image].swap_type.is_upgrade else PRIMARY
            slot = self.loader.ports.slot(image, name)
            try:
                verify_slot_dependencies(self.loader, slot, self._version_of, UNMET)
            except ImageError as error:
                self.loader.refusals.append(refuse(slot, self.loader.config, error))
                for state in states:
                    state.swap_type = SwapType.NONE
                return

    def _version_of(self, image: int) -> ImageVersion | None:
        # MCUboot boot_verify_slot_dependency. The header as the loader remembers it: TF-M looks at one image
        # at a time, so another image's may not have been read yet (0.0.0), or be that of a slot erased a
        # moment ago (255.255.65535).
        state = self.loader.images[image]
        header = state.headers[SECONDARY if state.swap_type.is_upgrade else PRIMARY]
        return None if header is None else header.version
