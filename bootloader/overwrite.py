"""The OVERWRITE_ONLY strategy: a valid candidate is copied over the primary slot; there is no way back.

A swap strategy copies in this way too, where it bootstraps an empty primary slot.
"""

from ..interface.mcuboot.image import ImageError, ImageHeader
from ..interface.mcuboot.tlv import tlv_areas
from ..interface.mcuboot.trailer import write_magic
from .candidate import Candidate, candidate
from .decompression import is_compressed
from .events import ImageCopied, SlotErased
from .flash_regions import COPY_BUFFER_SIZE, erase_region
from .loader import BootRefused, update_error_code
from .ports import PRIMARY, SECONDARY
from .swap_geometry import Geometry
from .upgrade import UpgradeFlow
from .validate import refuse


class OverwriteOnly(UpgradeFlow):
    """MCUboot MCUBOOT_OVERWRITE_ONLY: all of the slot is copied, trailer too; FAST copies the image."""

    def perform_update(self, image: int) -> None:
        config = self.loader.config
        copy_image(self, image, fast=config.overwrite_fast, keep_header=config.overwrite_keep_backup)


def copy_image(flow: UpgradeFlow, image: int, *, fast: bool, keep_header: bool, start: int = 0) -> None:
    """MCUboot boot_copy_image: erase, copy, raise the counter, spoil the candidate's header and trailer.

    ``fast`` copies no more than the image has, and writes the magic; ``keep_header`` spoils the trailer only;
    ``start`` is where the candidate begins in its slot. Raises BootRefused where the counter cannot be
    raised, or the candidate cannot be read: BL2 halts there.
    """
    loader, g = flow.loader, flow.geometry(image)
    header = loader.images[image].headers[SECONDARY]
    assert header is not None
    try:
        new = candidate(
            flow.slot(image, SECONDARY), header, loader.config, flow.enc_key(image, SECONDARY), start
        )
        size = _image_size(flow, image, header, new) if fast else g.primary.size
    except ImageError as error:
        flow.halt(image, "boot_copy_image", error)
    loader.log(f"[INF] Image {image} upgrade secondary slot -> primary slot")
    loader.log("[INF] Erasing the primary slot")
    if fast:
        size = _erase_for(g, size)
    else:
        erase_region(g.primary, 0, g.primary.size)
    loader.log(f"[INF] Image {image} copying the secondary slot to the primary slot: {size:#x} bytes")
    size = min(size, new.size)
    for offset in range(0, size, COPY_BUFFER_SIZE):
        g.primary.write(offset, new.read(offset, min(COPY_BUFFER_SIZE, size - offset)))
    if fast:
        write_magic(g.primary, g.format.max_align)
    if loader.trace.listeners:
        text = f"image {image}: {size:#x} bytes copied from the secondary to the primary slot"
        loader.trace.emit(ImageCopied(image, "boot_copy_image", text, size))
    if loader.config.rollback:
        _raise_counter(flow, image, new.header)
    _spoil(flow, image, keep_header=keep_header)


def _image_size(flow: UpgradeFlow, image: int, header: ImageHeader, new: Candidate) -> int:
    # MCUboot boot_read_image_size: of a compressed image it is the plain one's.
    if is_compressed(header):
        return new.size
    return tlv_areas(header, flow.loader.source(flow.slot(image, SECONDARY))).end


def _erase_for(g: Geometry, image_size: int) -> int:
    """Erase what image and trailer need; the bytes to copy (MCUBOOT_OVERWRITE_ONLY_FAST)."""
    sector = g.primary.erase_block
    sectors = min(-(-image_size // sector), g.primary.size // sector)
    erase_region(g.primary, 0, sectors * sector)
    trailer = g.first_trailer_sector(g.primary) * sector
    erase_region(g.primary, trailer, g.primary.size - trailer)
    # A whole write block follows where the image ends on one.
    return image_size + g.write_size - image_size % g.write_size


def _raise_counter(flow: UpgradeFlow, image: int, header: ImageHeader) -> None:
    loader, primary = flow.loader, flow.slot(image, PRIMARY)
    # The primary slot's header has not been read yet; the candidate's is what stands there now.
    try:
        loader.update_security_counter(primary, header)
    except ImageError as error:
        code = update_error_code(error)
        loader.log(f"[ERR] Security counter update failed after image upgrade: {code}")
        raise BootRefused([refuse(primary, loader.config, error)]) from error


def _spoil(flow: UpgradeFlow, image: int, *, keep_header: bool) -> None:
    loader, area = flow.loader, flow.area(image, SECONDARY)
    if not keep_header:
        area.erase(0, area.erase_block)
    area.erase(area.size - area.erase_block, area.erase_block)
    if loader.trace.listeners:
        what = "last sector" if keep_header else "first and last sector"
        text = f"image {image}: {what} of the secondary slot erased: the upgrade is done"
        loader.trace.emit(SlotErased(image, "boot_copy_image", text, SECONDARY))
