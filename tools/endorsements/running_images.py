"""The images that a device will run, as its boot loader would choose them in its flash, without a boot."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...bootloader.candidate import candidate
from ...bootloader.config import Bl2Config, UpgradeStrategy
from ...bootloader.encryption import boot_enc_load, is_encrypted
from ...bootloader.inspect import FileSource
from ...bootloader.loader import ERASED_MAGIC
from ...bootloader.ports import PRIMARY, SECONDARY, SLOTS, Ports, Slot
from ...bootloader.swap_geometry import image_offset
from ...bootloader.validate import Refusal, validate_slot
from ...interface.mcuboot.image import ImageError, ImageHeader, ImageSource, read_header
from ...interface.mcuboot.swap import OFFSET_SWAP_TABLE, SWAP_TABLE, decide
from ...interface.mcuboot.tlv import iter_tlvs, load_tlv, tlv_areas
from ...interface.mcuboot.trailer import read_swap_state
from ...interface.trace import Trace
from .model import EndorsementError


@dataclass(frozen=True, slots=True)
class RunningImage:
    """One image as BL2 measures it: of an upgrade the plain bytes that it will have written."""

    image: int
    slot: str
    header: ImageHeader
    source: ImageSource

    def tlvs(self) -> Iterator[tuple[int, bytes]]:
        """(type, value) in the order of the file. Raises ImageError."""
        for tlv in iter_tlvs(self.header, self.source, tlv_areas(self.header, self.source)):
            yield tlv.type, load_tlv(self.source, tlv)


def running_images(ports: Ports, config: Bl2Config) -> list[RunningImage]:
    """Of each image the one that will run, by ascending number: an upgrade that is staged counts as done.

    Where either slot may run it is the valid image of the higher version. Flash and counters stay as they
    are. Raises EndorsementError for an image that the loader would refuse.
    """
    return [_running(ports, config, image) for image in range(config.image_number)]


def _running(ports: Ports, config: Bl2Config, image: int) -> RunningImage:
    if config.strategy.slots_equivalent:
        return _newest(ports, config, image)
    name = SECONDARY if _upgrade_staged(ports, config, image) else PRIMARY
    found = _read(ports, config, image, name)
    if isinstance(found, str):
        raise EndorsementError(f"image {image}, {name} slot: {found}; legal: an image that BL2 would run")
    return found


def _upgrade_staged(ports: Ports, config: Bl2Config, image: int) -> bool:
    """Whether the trailers ask for the other image (MCUboot boot_swap_type_multi)."""
    table = OFFSET_SWAP_TABLE if config.strategy is UpgradeStrategy.SWAP_USING_OFFSET else SWAP_TABLE
    states = [read_swap_state(ports.slots[image, name], config.boot_max_align) for name in SLOTS]
    return decide(states[0], states[1], table)[0].is_upgrade


def _newest(ports: Ports, config: Bl2Config, image: int) -> RunningImage:
    """MCUboot find_slot_with_highest_version: of equals the primary slot."""
    found = [_read(ports, config, image, name) for name in SLOTS]
    good = [running for running in found if isinstance(running, RunningImage)]
    if not good:
        text = "; ".join(f"{name} slot: {why}" for name, why in zip(SLOTS, found, strict=True))
        raise EndorsementError(f"image {image}, {text}; legal: an image that BL2 would run")
    # max() keeps the first of equals, which is the primary slot's.
    return max(good, key=lambda running: config.version_order(running.header.version))


def _read(ports: Ports, config: Bl2Config, image: int, name: str) -> RunningImage | str:
    """The image in a slot as it will be measured, or why it will not run."""
    slot = ports.slot(image, name)
    start = image_offset(config.strategy, name, slot.area)
    source = replace(slot.area, offset=slot.area.offset + start, size=slot.area.size - start)
    try:
        header = read_header(source)
        if header.magic == ERASED_MAGIC:
            return "blank"
        plain = _plain(slot, header, config, source, start)
    except ImageError as error:
        return str(error)
    judged = plain.source if config.strategy.loads_to_ram else source
    verdict = validate_slot(slot, header, config, ports, Trace(), judged)
    return str(verdict) if isinstance(verdict, Refusal) else plain


def _plain(
    slot: Slot, header: ImageHeader, config: Bl2Config, source: ImageSource, start: int
) -> RunningImage:
    """What an upgrade writes, or RAM_LOAD loads: decrypted and decompressed. Raises ImageError."""
    upgraded = slot.name == SECONDARY and not config.strategy.slots_equivalent
    decrypted = is_encrypted(header) and (upgraded or config.strategy.loads_to_ram)
    if not upgraded and not decrypted:
        return RunningImage(slot.image, slot.name, header, source)
    key = boot_enc_load(source, header, config) if decrypted else None
    new = candidate(slot, header, config, key, start)
    data = new.read(0, min(new.size, slot.area.size - start))
    return RunningImage(slot.image, slot.name, new.header, FileSource(data))
