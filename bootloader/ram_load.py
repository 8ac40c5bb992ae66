"""The RAM_LOAD strategy: an image is copied to RAM, judged there, and runs from there.

What is hashed is what runs: a flash that answers differently the second time it is asked gains nothing.
"""

from dataclasses import dataclass

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import U32_MAX, ImageError, ImageFlag, ImageHeader
from ..interface.mcuboot.tlv import tlv_areas
from .encryption import boot_enc_load, is_encrypted
from .events import ImageLoaded, ImageUnloaded
from .loader import BootLoader
from .ports import Slot
from .slot_choice import SlotChoice


@dataclass(frozen=True, slots=True)
class RamImage:
    """The copy of an image in RAM (MCUboot LOAD_IMAGE_DATA with MCUBOOT_RAM_LOAD)."""

    cells: memoryview
    address: int = 0
    erased_value: int = 0xFF

    @property
    def size(self) -> int:
        return len(self.cells)

    def read(self, offset: int, length: int) -> bytes:
        """Raises TfmSimError outside the copy."""
        if offset < 0 or offset + length > len(self.cells):
            raise TfmSimError(
                f"RAM image at {self.address:#010x}: {length} bytes at {offset:#x}; "
                f"legal: inside 0..{self.size:#x}"
            )
        return bytes(self.cells[offset : offset + length])


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a loaded image is in RAM; both are 0 for one that is not."""

    address: int = 0
    size: int = 0

    @property
    def end(self) -> int:
        return self.address + self.size


def do_regions_overlap(a: Extent, b: Extent) -> bool:
    """MCUboot do_regions_overlap: ``b`` beginning exactly at the end of ``a`` counts as an overlap.

    The other way round, ``a`` beginning exactly at the end of ``b``, it does not.
    """
    if b.address > a.end:
        return False
    return b.address >= a.address or b.end > a.address


class RamLoad(SlotChoice):
    """MCUboot MCUBOOT_RAM_LOAD, with or without MCUBOOT_RAM_LOAD_REVERT.

    The revert option gives an image one boot to confirm itself in, as in DIRECT_XIP; unlike there, the
    security counter does not wait for that.
    """

    def __init__(self, loader: BootLoader, *, revert: bool) -> None:
        super().__init__(loader, revert=revert)
        self.extents = [Extent() for _ in loader.images]

    def place(self, slot: Slot) -> None:
        # MCUboot boot_load_image_to_sram: where that fails, boot_remove_image_from_flash.
        loader = self.loader
        header = loader.images[slot.image].headers[slot.name]
        assert header is not None
        try:
            self._load(slot, header)
        except ImageError:
            self.extents[slot.image] = Extent()
            loader.log(f"[INF] Removing image {slot.image} slot {int(slot.name != 'primary')} from flash")
            loader.scramble(slot, "an image that cannot be loaded to RAM is erased")
            raise

    def remove(self, slot: Slot) -> None:
        # MCUboot boot_remove_image_from_sram.
        loader, extent = self.loader, self.extents[slot.image]
        loader.log(f"[INF] Removing image {slot.image} from SRAM at address {extent.address:#x}")
        if extent.size:
            loader.ports.ram(extent.address, extent.size)[:] = bytes(extent.size)
        self.extents[slot.image] = Extent()
        loader.images[slot.image].loaded.pop(slot.name, None)
        if loader.trace.listeners:
            text = f"image {slot.image}: {extent.size:#x} bytes of RAM at {extent.address:#010x} zeroed"
            rule = "boot_remove_image_from_sram"
            loader.trace.emit(ImageUnloaded(slot.image, rule, text, slot.name, extent.address, extent.size))

    def _load(self, slot: Slot, header: ImageHeader) -> None:
        loader = self.loader
        if ImageFlag.RAM_LOAD not in header.flags:
            raise ImageError(
                "boot_load_image_to_sram",
                "flags",
                "no RAM_LOAD",
                "a loader that runs images from RAM takes no other",
            )
        # MCUboot boot_read_image_size: up to the end of the TLVs, as the flash has them.
        extent = Extent(header.load_addr, tlv_areas(header, slot.area).end & U32_MAX)
        self.extents[slot.image] = extent
        where = f"[INF] Image {slot.image} RAM load"
        try:
            self._check_bounds(slot.image, extent)
        except ImageError:
            loader.log(f"{where} address {extent.address:#x} is invalid.")
            raise
        if len(self.extents) > 1:
            self._check_overlap(slot.image, extent)
        try:
            self._copy(slot, header, extent)
        except ImageError:
            loader.log(f"{where}ing to {extent.address:#x} is failed.")
            raise
        loader.log(f"{where}ing to {extent.address:#x} is succeeded.")

    def _check_bounds(self, image: int, extent: Extent) -> None:
        # MCUboot boot_verify_ram_load_address, with boot_get_image_exec_ram_info.
        rule = "boot_verify_ram_load_address"
        if image not in self.loader.ports.executable_ram:
            raise ImageError(rule, "load address", "no RAM for this image", "the board names none")
        base, size = self.loader.ports.executable_ram[image]
        fits = extent.address >= base and extent.end <= min(U32_MAX, base + size)
        if not fits:
            raise ImageError(
                rule,
                "load address",
                f"{extent.address:#010x} to {extent.end:#010x}",
                f"RAM for this image is {base:#010x} to {base + size:#010x}",
            )

    def _check_overlap(self, image: int, extent: Extent) -> None:
        # MCUboot boot_check_ram_load_overlapping: with every image that has an active slot. One that this
        # boot has not looked at yet has, at address 0.
        for other, usage in enumerate(self.usage):
            if other != image and usage.active and do_regions_overlap(extent, self.extents[other]):
                found = self.extents[other]
                self.loader.log(
                    f"[INF] Image {image} RAM loading to address {extent.address:#x} would overlap with"
                    + " " * 25
                    + "another image."
                )
                raise ImageError(
                    "boot_check_ram_load_overlapping",
                    "load address",
                    f"{extent.address:#010x} to {extent.end:#010x}",
                    f"image {other} is at {found.address:#010x} to {found.end:#010x}",
                )

    def _copy(self, slot: Slot, header: ImageHeader, extent: Extent) -> None:
        # MCUboot boot_copy_image_to_sram: header, payload and all TLVs.
        loader = self.loader
        try:
            data = slot.area.read(0, extent.size)
        except TfmSimError as error:
            wanted = f"the slot has {slot.area.size:#x}"
            found = f"{extent.size:#x} bytes up to the end of the TLVs"
            raise ImageError("boot_copy_image_to_sram", "image size", found, wanted) from error
        ram = loader.ports.ram(extent.address, extent.size)
        ram[:] = data
        if is_encrypted(header):
            ram[:] = self._decrypt(slot, header, data)
        image = RamImage(ram, extent.address, slot.area.erased_value)
        loader.images[slot.image].loaded[slot.name] = image
        if loader.trace.listeners:
            copied = "decrypted and copied" if is_encrypted(header) else "copied"
            text = f"image {slot.image}: {extent.size:#x} bytes {copied} from the {slot.name} slot"
            text += f" to {extent.address:#010x}"
            rule = "boot_copy_image_to_sram"
            loader.trace.emit(ImageLoaded(slot.image, rule, text, slot.name, extent.address, extent.size))

    def _decrypt(self, slot: Slot, header: ImageHeader, data: bytes) -> bytes:
        # MCUboot boot_decrypt_and_copy_image_to_sram: the payload is decrypted in RAM, from either slot.
        key = boot_enc_load(slot.area, header, self.loader.config)
        if key is None:
            rule, wanted = "boot_decrypt_and_copy_image_to_sram", "an encrypted image carries its key"
            raise ImageError(rule, "image key", "none", wanted)
        return key.crypt_image(header, data, 0)
