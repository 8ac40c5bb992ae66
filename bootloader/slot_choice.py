"""What DIRECT_XIP and RAM_LOAD share: either slot may run, the one with the higher version does.

MCUboot's context_boot_go for these strategies. A slot that fails is dropped, and the other one is tried; an
image whose dependencies are not met is dropped as well, and all is tried again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..interface.mcuboot.image import ImageError, ImageHeader, ImageVersion
from ..interface.mcuboot.trailer import Flag, Magic, SwapState, read_swap_state, write_copy_done
from ..platform.flash import FlashError
from .dependencies import verify_slot_dependencies
from .events import SlotChosen, SlotDropped, SlotsExamined, TrialExamined
from .loader import BootLoader, BootRefused
from .ports import PRIMARY, SECONDARY, SLOTS, Slot
from .validate import Refusal, check_header, is_erased, refuse

UNMET: Final = ("this slot is out of this boot", "the slot is left alone and the other one tried")


@dataclass(slots=True)
class SlotUsage:
    """What the loader remembers of one image's slots (MCUboot slot_usage).

    Static memory, so it begins as zeros: slot 0, the primary one, counts as active for an image that was not
    looked at yet.
    """

    available: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(SLOTS, False))
    active: str | None = PRIMARY
    swap_state: SwapState | None = None
    """The trailer of the slot chosen last, as it was when it was chosen."""
    reasons: dict[str, Refusal] = field(default_factory=dict)
    """Why a slot was not even a candidate."""


class SlotChoice:
    """Images run from either slot. ``revert`` gives each image one boot to confirm itself in.

    A strategy with more to do overrides `place`, `remove` or `holds_counter`.
    """

    def __init__(self, loader: BootLoader, *, revert: bool) -> None:
        self.loader = loader
        self.revert = revert
        self.usage = [SlotUsage() for _ in loader.images]

    def settle(self, active: Sequence[int]) -> None:
        """Raises BootRefused where an image has no slot left to try."""
        for image in active:
            self._examine_slots(image)
        while True:
            self._load_and_validate(active)
            if len(self.usage) == 1 or self._dependencies_met(active):
                return

    def slot_of(self, image: int) -> str:
        name = self.usage[image].active
        assert name is not None, "settle() has been through"
        return name

    def revalidates(self, image: int) -> bool:
        return False

    def holds_counter(self, slot: Slot) -> str:
        return ""

    def conclude(self, active: Sequence[int]) -> None:
        for image in active:
            self.loader.log(f"[INF] Image {image} loaded from the {self.slot_of(image)} slot")

    def place(self, slot: Slot) -> None:
        """Make the image of a chosen slot ready to be judged.

        Raises ImageError where it cannot run from there; what is to become of the slot has happened by then.
        """

    def remove(self, slot: Slot) -> None:
        """Take back what `place` has done, for an image that is dropped."""

    def _examine_slots(self, image: int) -> None:
        # MCUboot boot_get_slot_usage.
        loader, usage = self.loader, self.usage[image]
        loader.read_headers(image)
        headers = loader.images[image].headers
        usage.active, usage.reasons = None, {}
        for name in SLOTS:
            refusal = self._no_candidate(loader.ports.slot(image, name), headers[name])
            if refusal is not None:
                usage.reasons[name] = refusal
            usage.available[name] = refusal is None
        if headers[PRIMARY] is None:
            loader.log("[WRN] Failed reading image headers.")
            raise BootRefused([usage.reasons[PRIMARY]])
        for name in SLOTS:
            header = headers[name]
            if header is not None and usage.available[name]:
                loader.log(f"[INF] {name.capitalize():<9} slot: version={header.version}")
            else:
                loader.log(f"[INF] Image {image} {name} slot: image not found")
        if loader.trace.listeners:
            found = tuple(name for name in SLOTS if usage.available[name])
            text = f"image {image}: candidates: {', '.join(found) or 'none'}"
            loader.trace.emit(SlotsExamined(image, "boot_get_slot_usage", text, found))

    def _no_candidate(self, slot: Slot, header: ImageHeader | None) -> Refusal | None:
        rule = "boot_get_slot_usage"
        try:
            if header is None:
                raise ImageError(rule, "header", "none", "the slot cannot hold the 32 bytes of one")
            if is_erased(header, slot.area):
                raise ImageError(rule, "image magic", "erased flash", "no image was written there")
            check_header(header, slot, self.loader.config, self.loader.ports)
        except ImageError as error:
            return refuse(slot, self.loader.config, error)
        return None

    def _load_and_validate(self, active: Sequence[int]) -> None:
        # MCUboot boot_load_and_validate_images. Images that are masked in this boot_go are walked too: what
        # is known of them from earlier counts, and none of their slots is touched.
        for image, usage in enumerate(self.usage):
            while usage.active is None:
                usage.active = self._slot_with_highest_version(image)
                if usage.active is None:
                    self.loader.log(f"[INF] No slot to load for image {image}")
                    raise BootRefused(list(usage.reasons.values()))
                if image in active and not self._try(self.loader.ports.slot(image, usage.active)):
                    usage.available[usage.active] = False
                    usage.active = None

    def _slot_with_highest_version(self, image: int) -> str | None:
        # MCUboot find_slot_with_highest_version: a tie goes to the first slot.
        loader, usage = self.loader, self.usage[image]
        chosen: str | None = None
        for name in SLOTS:
            if usage.available[name] and (
                chosen is None or self._order(image, name) > self._order(image, chosen)
            ):
                chosen = name
        if chosen is not None and loader.trace.listeners:
            version = self._version(image, chosen)
            assert version is not None
            text = f"image {image}: the {chosen} slot, version {version}: {self._why(image)}"
            loader.trace.emit(SlotChosen(image, "find_slot_with_highest_version", text, chosen, version))
        return chosen

    def _why(self, image: int) -> str:
        if not all(self.usage[image].available.values()):
            return "the only candidate"
        tie = self._order(image, PRIMARY) == self._order(image, SECONDARY)
        return "a tie goes to the primary slot" if tie else "the highest version"

    def _version(self, image: int, name: str) -> ImageVersion | None:
        header = self.loader.images[image].headers[name]
        return None if header is None else header.version

    def _order(self, image: int, name: str) -> tuple[int, ...]:
        version = self._version(image, name)
        assert version is not None, "an available slot has a header"
        return self.loader.config.version_order(version)

    def _try(self, slot: Slot) -> bool:
        loader = self.loader
        try:
            self._check_address(slot)
            if self.revert:
                self._select_or_erase(slot)
            self.place(slot)
        except ImageError as error:
            self._drop(slot, refuse(slot, loader.config, error))
            return False
        verdict = loader.validate(slot)
        if isinstance(verdict, Refusal):
            self.remove(slot)
            self._drop(slot, verdict)
            return False
        return True

    def _check_address(self, slot: Slot) -> None:
        """Whether an image may run from this slot at all; raises ImageError, and leaves the slot as it is."""

    def _drop(self, slot: Slot, refusal: Refusal) -> None:
        loader = self.loader
        loader.refusals.append(refusal)
        if loader.trace.listeners:
            erased = slot.area.read(0, 4) == bytes([slot.area.erased_value]) * 4
            fate = "its image is erased" if erased else "its image stays"
            text = f"image {slot.image}: the {slot.name} slot is out of this boot; {fate}"
            rule = "boot_load_and_validate_images"
            loader.trace.emit(SlotDropped(slot.image, rule, text, slot.name, erased))

    def _select_or_erase(self, slot: Slot) -> None:
        """One boot for an image that is not confirmed (MCUboot boot_select_or_erase).

        copy_done says that the image was chosen before, and is set before it is even judged. Raises
        ImageError where the slot has been erased.
        """
        loader = self.loader
        state = read_swap_state(slot.area, loader.config.boot_max_align)
        self.usage[slot.image].swap_state = state
        failed = state.copy_done is Flag.SET and state.image_ok is not Flag.SET
        selected = state.magic is Magic.GOOD and not failed
        self._tell_trial(slot, state, selected)
        if not selected:
            loader.scramble(slot, "its image had its trial, or no trailer that allows one")
            raise ImageError(
                "boot_select_or_erase",
                "trial",
                "an image that was chosen before and not confirmed"
                if failed
                else f"a trailer magic that is {state.magic.name.lower()}",
                "an image is confirmed in its first boot, or erased in the next"
                if failed
                else "an image without a good one is erased",
            )
        if state.copy_done is not Flag.SET:
            try:
                write_copy_done(slot.area, loader.config.boot_max_align)
            except FlashError:
                loader.log(f"[WRN] Failed to set copy_done flag of the image in the {slot.name} slot.")

    def _tell_trial(self, slot: Slot, state: SwapState, selected: bool) -> None:
        if not self.loader.trace.listeners:
            return
        flags = f"magic {state.magic.name.lower()}, copy_done {state.copy_done.name.lower()}"
        flags += f", image_ok {state.image_ok.name.lower()}"
        if not selected:
            what = "erased"
        elif state.image_ok is Flag.SET:
            what = "confirmed, it may run"
        else:
            what = "copy_done is set now, this boot is its trial"
        text = f"image {slot.image}, {slot.name} slot: {flags}: {what}"
        event = TrialExamined(slot.image, "boot_select_or_erase", text, slot.name, state, selected)
        self.loader.trace.emit(event)

    def _dependencies_met(self, active: Sequence[int]) -> bool:
        # MCUboot boot_verify_dependencies: the image that has the unmet dependency loses its slot.
        loader = self.loader
        for image in active:
            slot = loader.ports.slot(image, self.slot_of(image))
            try:
                verify_slot_dependencies(loader, slot, self._version_of, UNMET)
            except ImageError as error:
                self.remove(slot)
                self._drop(slot, refuse(slot, loader.config, error))
                self.usage[image].available[slot.name] = False
                self.usage[image].active = None
                return False
        return True

    def _version_of(self, image: int) -> ImageVersion | None:
        # MCUboot boot_verify_slot_dependency: of the slot that is active, as the loader remembers its header.
        return self._version(image, self.slot_of(image))
