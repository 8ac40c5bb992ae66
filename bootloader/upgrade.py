"""What all strategies with an upgrade slot share: swap type of each image, dependencies, then the move.

MCUboot's context_boot_go without DIRECT_XIP and RAM_LOAD. A strategy adds `perform_update`; swap strategies
also what a boot finds of an interrupted swap (`swap_flow`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, NoReturn

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import IMAGE_MAGIC, ImageError, ImageVersion
from ..interface.mcuboot.swap import SWAP_TABLE, SwapRule, decide
from ..interface.mcuboot.trailer import Flag, Magic, SwapType, read_swap_state
from ..platform.flash import FlashArea, FlashError
from .dependencies import verify_slot_dependencies
from .encryption import EncKey, boot_enc_load, is_encrypted
from .events import SwapTypeDecided
from .loader import BootLoader, BootRefused
from .ports import PRIMARY, SECONDARY, Slot
from .swap_geometry import Geometry
from .swap_status import BootStatus
from .validate import ImageOk, Refusal, is_erased, refuse

UNMET: Final = ("no image is upgraded in this boot", "the upgrade waits in its slot")


class StepError(TfmSimError):
    """A step of an upgrade cannot be done."""


class UpgradeFlow(ABC):
    """Images run from the primary slot; the secondary slot holds candidates."""

    swap_table: tuple[SwapRule, ...] = SWAP_TABLE

    def __init__(self, loader: BootLoader) -> None:
        self.loader = loader
        self.status = BootStatus()
        self._geometry = [
            Geometry.of(loader.ports, loader.config, image) for image in range(len(loader.images))
        ]

    def settle(self, active: Sequence[int]) -> None:
        states = self.loader.images
        many, has_upgrade = len(states) > 1, False
        for image in active:
            if many:
                states[image].enc_keys.clear()
            try:
                self._prepare(image)
            except (FlashError, StepError) as error:
                self.halt(image, "boot_prepare_image_for_update", error)
            has_upgrade |= states[image].swap_type.is_upgrade
        if many and has_upgrade:
            self._verify_dependencies(active)
        for image in active:
            if many:
                # One loader for several images keeps nothing from the first pass over them.
                states[image].enc_keys.clear()
                self.status.reset()
            try:
                self._update(image)
            except (FlashError, StepError) as error:
                self.halt(image, "boot_perform_update", error)

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
        """Bring the candidate, which is valid, to the primary slot (MCUboot boot_perform_update)."""

    def find_interrupted(self, image: int) -> bool:
        """Read into `status` what was under way; False where the headers do not let it be told."""
        return True

    def complete_interrupted(self, image: int) -> None:
        """Finish what `find_interrupted` found (MCUboot boot_complete_partial_swap)."""
        return

    def prevents_downgrade(self, image: int) -> bool:
        """Whether the candidate of a test or permanent upgrade is too old (check_downgrade_prevention)."""
        return False

    def give_up(self, image: int) -> None:
        """The candidate of an upgrade that had begun is invalid, and erased by now."""
        return

    def validate_candidate(self, image: int, expected: SwapType) -> ImageOk | Refusal:
        """Judge the secondary slot. ``expected`` is what its trailer asks for, NONE where that is unknown."""
        return self.loader.validate(self.slot(image, SECONDARY))

    def geometry(self, image: int) -> Geometry:
        return self._geometry[image]

    def slot(self, image: int, name: str) -> Slot:
        return self.loader.ports.slot(image, name)

    def area(self, image: int, name: str) -> FlashArea:
        return self.loader.ports.slots[image, name]

    def halt(self, image: int, rule: str, found: object) -> NoReturn:
        """A step that cannot fail has failed; MCUboot asserts that it does not, and goes no further."""
        self.loader.log("[ERR] panic!")
        error = ImageError(rule, "upgrade", str(found), "the loader stops where its own steps fail")
        raise BootRefused([refuse(self.slot(image, PRIMARY), self.loader.config, error)])

    def enc_key(self, image: int, name: str) -> EncKey | None:
        """The key of an encrypted image in a slot, loaded unless it has been (MCUboot boot_enc_load).

        None where the image is plain or has no key TLV. Raises ImageError where the key does not unwrap.
        """
        state = self.loader.images[image]
        header = state.headers[name]
        if header is None or not is_encrypted(header):
            return None
        key = state.enc_keys.get(name)
        if key is None:
            key = boot_enc_load(self.loader.source(self.slot(image, name)), header, self.loader.config)
            if key is not None:
                state.enc_keys[name] = key
        return key

    def swap_type(self, image: int) -> SwapType:
        """What the trailers ask for (MCUboot boot_swap_type_multi)."""
        loader = self.loader
        align = loader.config.boot_max_align
        primary = read_swap_state(self.area(image, PRIMARY), align)
        secondary = read_swap_state(self.area(image, SECONDARY), align)
        swap_type, why = decide(primary, secondary, self.swap_table)
        loader.log(f"[INF] Image index: {image}, Swap type: {swap_type.name.lower()}")
        if loader.trace.listeners:
            text = f"image {image}: swap type {swap_type.name.lower()}: {why}"
            loader.trace.emit(
                SwapTypeDecided(image, "boot_swap_type_multi", text, primary, secondary, swap_type)
            )
        return swap_type

    def _prepare(self, image: int) -> None:
        # MCUboot boot_prepare_image_for_update.
        loader, state = self.loader, self.loader.images[image]
        state.swap_type = SwapType.NONE
        loader.read_headers(image)
        if state.headers[PRIMARY] is None:
            loader.log(f"[WRN] Failed reading image headers; Image={image}")
            return
        why = self.geometry(image).incompatible()
        if why is not None:
            loader.log(f"[WRN] Cannot upgrade: {why}")
            return
        self.status.reset()
        if not self.find_interrupted(image):
            loader.log(f"[WRN] Failed reading image headers; Image={image}")
            return
        if not self.status.is_reset:
            self._review_swap_types(image, aborted=True)
            self.complete_interrupted(image)
            loader.read_headers(image)
            return
        self._decide(image)
        self._review_swap_types(image, aborted=False)
        if loader.config.bootstrap and state.swap_type is SwapType.NONE:
            self._bootstrap(image)

    def _decide(self, image: int) -> None:
        loader, state = self.loader, self.loader.images[image]
        if self.status.swap_type == SwapType.NONE:
            # MCUboot boot_validated_swap_type.
            wanted, otherwise = self.swap_type(image), SwapType.NONE
            expected = wanted
        else:
            # The trailer of a swap was written, and no step of it was done.
            known = self.status.swap_type in set(SwapType)
            wanted = SwapType(self.status.swap_type) if known else SwapType.PANIC
            expected, otherwise = SwapType.NONE, SwapType.FAIL
        if expected.is_upgrade or otherwise is SwapType.FAIL:
            verdict = self.validate_candidate(image, expected)
            if isinstance(verdict, Refusal):
                loader.refusals.append(verdict)
                wanted = otherwise
        state.swap_type = wanted

    def _review_swap_types(self, image: int, *, aborted: bool) -> None:
        """MCUboot boot_review_image_swap_types: power went away between the upgrades of several images.

        Those before this one were upgraded then, and look as if they had not been confirmed in time.
        """
        states = self.loader.images
        if len(states) == 1 or (not aborted and states[image].swap_type in (SwapType.NONE, SwapType.REVERT)):
            return
        for state in states[:image]:
            if state.swap_type is SwapType.REVERT:
                state.swap_type = SwapType.NONE

    def primary_boots(self, image: int) -> bool:
        """Whether the primary slot holds a valid image."""
        return isinstance(self.loader.validate(self.slot(image, PRIMARY)), ImageOk)

    def _bootstrap(self, image: int) -> None:
        # MCUboot MCUBOOT_BOOTSTRAP: REVERT, so that the image counts as confirmed.
        state = self.loader.images[image]
        if self.primary_boots(image):
            return
        candidate = state.headers[SECONDARY]
        marked = candidate is not None and candidate.magic == IMAGE_MAGIC
        verdict = self.validate_candidate(image, SwapType.NONE)
        if isinstance(verdict, Refusal):
            if candidate is not None and not is_erased(candidate, self.area(image, SECONDARY)):
                self.loader.refusals.append(verdict)
        elif marked:
            state.swap_type = SwapType.REVERT

    def _update(self, image: int) -> None:
        # MCUboot context_boot_go, the second loop over all images.
        state = self.loader.images[image]
        self.status.swap_type = state.swap_type
        if state.swap_type in (SwapType.TEST, SwapType.PERM) and self.prevents_downgrade(image):
            state.swap_type = SwapType.NONE
        if state.swap_type.is_upgrade:
            self.perform_update(image)
        elif state.swap_type is SwapType.FAIL:
            self.give_up(image)
        if state.swap_type is SwapType.PANIC:
            self.halt(image, "context_boot_go", f"swap type {self.status.swap_type}")

    def _verify_dependencies(self, active: Sequence[int]) -> None:
        """MCUboot boot_verify_dependencies: one that is not met holds back the upgrades of all images."""
        states = self.loader.images
        for image in active:
            # A swap type that there is not, from a trailer, counts here as one that takes the candidate.
            stays = states[image].swap_type in (SwapType.NONE, SwapType.FAIL)
            slot = self.loader.ports.slot(image, PRIMARY if stays else SECONDARY)
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
