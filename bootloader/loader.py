"""MCUboot's boot_go: which image of each slot pair will run, and what must happen before it may.

`BootLoader` holds what every upgrade strategy needs; the strategies move images (`upgrade`, `overwrite`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..interface.errors import ExitCode, TfmSimError
from ..interface.mcuboot.image import ImageError, ImageHeader, ImageSource, read_header
from ..interface.mcuboot.trailer import SwapType
from ..interface.trace import Trace
from .boot_status_writer import BootStatusWriter, SharedMemoryError
from .config import Bl2Config, UpgradeStrategy
from .downgrade import version_too_low
from .encryption import EncKey
from .events import CounterChecked, HeadersRead, ImageAccepted, ImageRefused, SlotErased
from .ports import PRIMARY, SECONDARY, SLOTS, Ports, SecurityCounterError, Slot
from .security_counter import image_security_counter
from .shared_data import SharedData
from .validate import ImageOk, Refusal, is_erased, no_image, refuse, validate_slot

BOOT_EBADIMAGE = 3
ERASED_MAGIC = 0xFFFFFFFF


class BootRefused(TfmSimError):
    """BL2 stops: an image that it needs was refused, or a step after validation failed."""

    exit_code = ExitCode.NO

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = tuple(refusals)


@dataclass(slots=True)
class ImageState:
    """What the loader remembers of one image while BL2 runs. Static memory, so it begins as zeros."""

    headers: dict[str, ImageHeader | None] = field(
        default_factory=lambda: {PRIMARY: ImageHeader(), SECONDARY: ImageHeader()}
    )
    swap_type: SwapType = SwapType.NONE
    loaded: dict[str, ImageSource] = field(default_factory=dict)
    """By slot: where the image of a slot is read that lies elsewhere by now (MCUboot LOAD_IMAGE_DATA)."""
    enc_keys: dict[str, EncKey] = field(default_factory=dict)
    """By slot name, since the slot's image was found good: what its payload is encrypted with."""


class Strategy(Protocol):
    """How images get to where they run from."""

    def settle(self, active: Sequence[int]) -> None:
        """Do all upgrades of these images; afterwards `slot_of` says where each runs from."""

    def slot_of(self, image: int) -> str: ...

    def revalidates(self, image: int) -> bool:
        """Whether the loader must still validate the slot that will run."""

    def holds_counter(self, slot: Slot) -> str:
        """Why the image that will run may not raise its security counter; empty where it may."""

    def conclude(self, active: Sequence[int]) -> None:
        """What is left to say once these images are ready to run."""


class BootLoader:
    """One run of BL2. Its memory of all images outlives the single boot_go calls, as MCUboot's does."""

    def __init__(self, ports: Ports, config: Bl2Config, trace: Trace) -> None:
        self.ports = ports
        self.config = config
        self.trace = trace
        self.images = [ImageState() for _ in range(config.image_number)]
        self.refusals: list[Refusal] = []
        self.header_source: Callable[[int, str], ImageSource] = lambda image, name: ports.slots[image, name]
        """Where the header of an image in a slot stands, offset 0; a strategy may have it elsewhere."""
        base, size = ports.shared_data
        self.writer = BootStatusWriter(ports.memory, base, size, config, trace)
        self.shared_data = SharedData(self.writer, ports, config, trace)

    def log(self, text: str) -> None:
        self.trace.log("BL2", text)

    def boot_go(self, strategy: Strategy, active: Sequence[int]) -> None:
        """Bring the images with these indexes to the point of the jump (MCUboot context_boot_go).

        Raises BootRefused; what flash and counters have gone through by then stays.
        """
        strategy.settle(active)
        for image in active:
            slot = self.ports.slot(image, strategy.slot_of(image))
            if self.images[image].swap_type is not SwapType.NONE:
                self.read_headers(image)
            if strategy.revalidates(image):
                verdict = self.validate(slot)
                if isinstance(verdict, Refusal):
                    raise BootRefused([verdict])
            self._update_rollback_protection(slot, strategy.holds_counter)
            self._add_shared_data(slot)
        strategy.conclude(active)

    def source(self, slot: Slot) -> ImageSource:
        """Where the bytes of a slot's image are read: the slot, unless it was loaded elsewhere."""
        return self.images[slot.image].loaded.get(slot.name, slot.area)

    def read_headers(self, image: int) -> None:
        """MCUboot boot_read_image_headers: the first 32 bytes of both slots, whatever they hold."""
        headers = self.images[image].headers
        for name in SLOTS:
            try:
                headers[name] = read_header(self.header_source(image, name))
            except ImageError:
                headers[name] = None
        self.tell_headers(image)

    def tell_headers(self, image: int) -> None:
        headers = self.images[image].headers
        if self.trace.listeners:
            text = f"image {image}: " + ", ".join(f"{n} {_describe(headers[n])}" for n in SLOTS)
            rule = "boot_read_image_headers"
            self.trace.emit(HeadersRead(image, rule, text, headers[PRIMARY], headers[SECONDARY]))

    def validate(self, slot: Slot) -> ImageOk | Refusal:
        """MCUboot boot_validate_slot: judge a slot; an invalid candidate in the secondary slot is erased.

        Where slots are equivalent an invalid image in the primary slot is erased too. A slot without an
        image is refused in silence and left alone.
        """
        header = self.images[slot.image].headers[slot.name]
        verdict: ImageOk | Refusal | None = no_image(slot, header, self.config)
        if verdict is None and header is not None:
            verdict = self._prevent_downgrade(slot, header)
            if verdict is None:
                source = self.source(slot)
                verdict = validate_slot(slot, header, self.config, self.ports, self.trace, source)
                if isinstance(verdict, Refusal):
                    self.log(f"[ERR] Image in the {slot.name} slot is not valid!")
                    if slot.name == SECONDARY or self.config.strategy.slots_equivalent:
                        self.scramble(slot, "an invalid candidate is erased")
                elif verdict.enc_key is not None:
                    self.images[slot.image].enc_keys[slot.name] = verdict.enc_key
        assert verdict is not None
        self._tell(slot, verdict)
        return verdict

    def _prevent_downgrade(self, slot: Slot, header: ImageHeader) -> Refusal | None:
        # MCUboot boot_validate_slot with MCUBOOT_OVERWRITE_ONLY and MCUBOOT_DOWNGRADE_PREVENTION.
        config = self.config
        overwrites = config.strategy is UpgradeStrategy.OVERWRITE_ONLY
        if not (overwrites and config.downgrade_prevention) or slot.name == PRIMARY:
            return None
        primary = self.images[slot.image].headers[PRIMARY]
        if primary is None or is_erased(primary, self.ports.slot(slot.image, PRIMARY).area):
            return None
        error = version_too_low(primary, header, config, "boot_validate_slot")
        if error is None:
            return None
        self.log("[ERR] Insufficient version in secondary slot")
        self.scramble(slot, "a candidate older than the primary image is erased")
        return refuse(slot, config, error)

    def scramble(self, slot: Slot, why: str) -> None:
        """MCUboot boot_scramble_slot: the whole slot is erased, sector by sector."""
        for offset in range(0, slot.area.size, slot.area.erase_block):
            slot.area.erase(offset, slot.area.erase_block)
        if self.trace.listeners:
            text = f"image {slot.image}: {slot.name} slot erased: {why}"
            self.trace.emit(SlotErased(slot.image, "boot_scramble_slot", text, slot.name))

    def _tell(self, slot: Slot, verdict: ImageOk | Refusal) -> None:
        if not self.trace.listeners:
            return
        if isinstance(verdict, Refusal):
            self.trace.emit(ImageRefused(slot.image, verdict.rule, str(verdict), slot.name))
            return
        text = f"image {slot.image} in the {slot.name} slot is valid: version {verdict.version}"
        self.trace.emit(ImageAccepted(slot.image, "bootutil_img_validate", text, slot.name, verdict.version))

    def _update_rollback_protection(self, slot: Slot, holds_counter: Callable[[Slot], str]) -> None:
        # MCUboot boot_update_hw_rollback_protection: when, is the strategy's rule.
        if not self.config.rollback:
            return
        if why := holds_counter(slot):
            self._tell_counter(slot.image, self.ports.security_counter(slot.image), f"held: {why}")
            return
        header = self.images[slot.image].headers[slot.name]
        try:
            self.update_security_counter(slot, header)
        except ImageError as error:
            code = update_error_code(error)
            self.log(f"[ERR] Security counter update failed after image {slot.image} validation: {code}")
            raise BootRefused([refuse(slot, self.config, error)]) from error

    def update_security_counter(self, slot: Slot, header: ImageHeader | None) -> None:
        """Set the NV counter to the image's *protected* SEC_CNT (MCUboot boot_update_security_counter).

        ``header`` is that of the image now in ``slot``. Raises ImageError where the image has no such TLV, or
        the counter cannot take its value.
        """
        image, check = slot.image, "security counter update"
        value = image_security_counter(self.source(slot), header, check)
        before = self.ports.security_counter(image)
        try:
            self.ports.set_security_counter(image, value)
        except SecurityCounterError as error:
            raise ImageError("boot_nv_security_counter_update", check, str(value), str(error)) from error
        self._tell_counter(image, before, "set to the image's SEC_CNT")

    def _tell_counter(self, image: int, before: int, why: str) -> None:
        if self.trace.listeners:
            after = self.ports.security_counter(image)
            text = f"NV counter BL2_{image}: {before} -> {after}, {why}"
            self.trace.emit(CounterChecked(image, "boot_update_hw_rollback_protection", text, before, after))

    def _add_shared_data(self, slot: Slot) -> None:
        # MCUboot boot_add_shared_data: the counter has moved by now, even where this fails the boot.
        header = self.images[slot.image].headers[slot.name]
        assert header is not None
        if self.config.mcuboot_measured_boot:
            code = self.writer.boot_save_boot_status(slot.image, header, slot.area)
            if code != SharedMemoryError.OK:
                self.log("[ERR] Failed to add image data to shared area")
                raise self._not_shared(slot, "boot_save_boot_status", self.writer.problem)
        if self.config.data_sharing and self.shared_data.boot_save_shared_data(slot, header) != 0:
            self.log("[ERR] Failed to add data to shared memory area.")
            raise self._not_shared(slot, "boot_save_shared_data", self.shared_data.problem)

    def _not_shared(self, slot: Slot, rule: str, problem: tuple[str, str]) -> BootRefused:
        found, wanted = problem
        return BootRefused([refuse(slot, self.config, ImageError(rule, "boot status", found, wanted))])


def _describe(header: ImageHeader | None) -> str:
    if header is None:
        return "unreadable"
    if header.magic == ERASED_MAGIC:
        return "blank"
    return f"magic {header.magic:#010x} version {header.version}"


def update_error_code(error: ImageError) -> int:
    """What boot_update_security_counter returns, for the log line: BOOT_EBADIMAGE or -1."""
    return BOOT_EBADIMAGE if error.rule == "bootutil_get_img_security_cnt" else -1
