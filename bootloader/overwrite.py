"""The OVERWRITE_ONLY strategy: a valid candidate is copied over the primary slot; there is no way back."""

from typing import Final

from ..interface.mcuboot.image import ImageError, ImageHeader
from .candidate import candidate
from .events import ImageCopied, SlotErased
from .loader import BootRefused, update_error_code
from .ports import PRIMARY, SECONDARY
from .upgrade import UpgradeFlow
from .validate import refuse

COPY_BUFFER_SIZE: Final = 1024


class OverwriteOnly(UpgradeFlow):
    """MCUboot MCUBOOT_OVERWRITE_ONLY, without its FAST variant: all of the slot is copied, trailer too."""

    def perform_update(self, image: int) -> None:
        """MCUboot boot_copy_image: erase, copy, raise the counter, spoil the candidate's header and trailer.

        Raises BootRefused where the counter cannot be raised: BL2 halts there.
        """
        loader = self.loader
        primary, secondary = loader.ports.slot(image, PRIMARY), loader.ports.slot(image, SECONDARY)
        state = loader.images[image]
        header = state.headers[SECONDARY]
        assert header is not None
        new = candidate(secondary, header, loader.config, state.enc_keys.get(SECONDARY))
        loader.log(f"[INF] Image {image} upgrade secondary slot -> primary slot")
        loader.log("[INF] Erasing the primary slot")
        sector = primary.area.erase_block
        for offset in range(0, primary.area.size, sector):
            primary.area.erase(offset, sector)
        size = primary.area.size
        loader.log(f"[INF] Image {image} copying the secondary slot to the primary slot: {size:#x} bytes")
        for offset in range(0, new.size, COPY_BUFFER_SIZE):
            length = min(COPY_BUFFER_SIZE, new.size - offset)
            primary.area.write(offset, new.read(offset, length))
        if loader.trace.listeners:
            text = f"image {image}: {new.size:#x} bytes copied from the secondary to the primary slot"
            loader.trace.emit(ImageCopied(image, "boot_copy_image", text, new.size))
        if loader.config.rollback:
            self._raise_counter(image, new.header)
        self._spoil_secondary(image)

    def _raise_counter(self, image: int, header: ImageHeader) -> None:
        loader = self.loader
        primary = loader.ports.slot(image, PRIMARY)
        # The primary slot's header has not been read yet; the candidate's is what stands there now.
        try:
            loader.update_security_counter(primary, header)
        except ImageError as error:
            code = update_error_code(error)
            loader.log(f"[ERR] Security counter update failed after image upgrade: {code}")
            raise BootRefused([refuse(primary, loader.config, error)]) from error

    def _spoil_secondary(self, image: int) -> None:
        loader = self.loader
        area = loader.ports.slot(image, SECONDARY).area
        area.erase(0, area.erase_block)
        area.erase(area.size - area.erase_block, area.erase_block)
        if loader.trace.listeners:
            text = f"image {image}: first and last sector of the secondary slot erased: the upgrade is done"
            loader.trace.emit(SlotErased(image, "boot_copy_image", text, SECONDARY))
