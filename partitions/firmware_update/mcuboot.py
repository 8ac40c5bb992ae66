"""The boot loader library for MCUboot: secondary slots are staging areas, trailers ask for installation.

TF-M tfm_mcuboot_fwu.c. What an image holds is examined at installation, and no more of it than its header and
dependencies: hash and signature are for BL2, after the reset (PSA FWU 1.0 leaves open where to verify).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ...interface.mcuboot.image import IMAGE_MAGIC, ImageError, ImageVersion, read_header
from ...interface.mcuboot.swap import decide
from ...interface.mcuboot.tlv import DEPENDENCY_SIZE, Dependency, TlvType, iter_tlvs, load_tlv, tlv_areas
from ...interface.mcuboot.trailer import (
    Flag,
    Magic,
    SwapState,
    SwapType,
    TrailerError,
    TrailerLayout,
    mark_confirmed,
    mark_pending,
    read_swap_state,
)
from ...interface.psa.crypto_api import CryptoApi
from ...interface.psa.crypto_values import PSA_ALG_SHA_256
from ...interface.psa.firmware_update import PSA_SUCCESS_REBOOT, psa_fwu_image_version_t
from ...interface.psa.status import (
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_DEPENDENCY_NEEDED,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_STORAGE_FAILURE,
    PsaError,
)
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi
from .boot_data import active_version, fetch_boot_data
from .bootloader import ActiveImage, FwuRefused
from .config import FwuBuild
from .slot import PRIMARY_SLOT, SECONDARY_SLOT, HalSlot
from .states import ComponentKind

_HASH_BLOCK: Final = 1024
_BLANK: Final = SwapState(Magic.UNSET, SwapType.NONE, 0, Flag.UNSET, Flag.UNSET)


class McubootLib:
    """Components are MCUboot's images, by their index."""

    def __init__(self, psa: PartitionApi, build: FwuBuild) -> None:
        self._psa = psa
        self._build = build
        self._quirks = build.config.quirks
        self._align = build.boot_max_align
        self.components = build.components
        self.kind = ComponentKind(needs_reboot=True, has_trial=build.has_trial, volatile_staging=True)
        self._written = dict.fromkeys(range(build.components), 0)
        entries = fetch_boot_data(psa, build.components)
        self.has_boot_data = entries is not None
        self._boot_data = entries or []

    def staging_area_init(self, component: int) -> None:
        slot = self._open(component, SECONDARY_SLOT)
        try:
            slot.erase_all()
        except PlatError as error:
            generic = self._quirks.start_erase_failure_is_generic
            status = PSA_ERROR_GENERIC_ERROR if generic else PSA_ERROR_STORAGE_FAILURE
            raise FwuRefused(status, str(error)) from error
        self._written[component] = 0

    def load_image(self, component: int, offset: int, block: bytes) -> None:
        slot, end = self._open(component, SECONDARY_SLOT), offset + len(block)
        if end > slot.size:
            outside = self._quirks.write_outside_is_storage_failure
            status = PSA_ERROR_STORAGE_FAILURE if outside else PSA_ERROR_INVALID_ARGUMENT
            raise FwuRefused(status, "past the staging area")
        if offset % slot.write_size and not self._quirks.any_write_alignment:
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, "an offset between program units")
        if not self._quirks.write_reaches_the_trailer:
            self._keep_off_the_trailer(slot, offset, block)
        try:
            slot.write(offset, block)
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error
        if self._quirks.digest_counts_every_byte_written:
            self._written[component] += len(block)
        else:
            self._written[component] = max(self._written[component], end)

    def _keep_off_the_trailer(self, slot: HalSlot, offset: int, block: bytes) -> None:
        """Only psa_fwu_install lets an image be installed: bytes of its own make no marks for BL2."""
        marks = TrailerLayout.of(slot.size, self._align).swap_info
        tail = block[max(marks - offset, 0) :]
        if tail.strip(bytes([slot.erased_value])):
            raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, "over the trailer of the slot")

    def install_images(self, candidates: Sequence[int]) -> int:
        if self.components > 1 or not self._quirks.one_image_is_not_examined:
            for component in candidates:
                self._examine(component, candidates)
        done: list[HalSlot] = []
        for component in candidates:
            slot = self._open(component, SECONDARY_SLOT)
            try:
                done.append(slot)
                mark_pending(slot, permanent=False, image_index=component, max_align=self._align)
            except (PlatError, TrailerError) as error:
                self._take_back(done)
                raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error
        return PSA_SUCCESS_REBOOT

    def _take_back(self, slots: Sequence[HalSlot]) -> None:
        # TF-M fwu_bootloader_install_image: candidates that were marked already are rejected.
        for slot in slots:
            try:
                slot.erase_trailer(self._align)
            except PlatError:
                return

    def _examine(self, component: int, candidates: Sequence[int]) -> None:
        # TF-M fwu_bootloader_install_image: the header's magic, then each dependency.
        for dependency in self._dependencies(component):
            if dependency.image >= self.components:
                past = dependency.image > self.components
                raise self._bad_image(PSA_ERROR_DATA_CORRUPT if past else PSA_ERROR_STORAGE_FAILURE)
            wanted = dependency.min_version.comparable
            if self._running_version(dependency.image).comparable >= wanted:
                continue
            found = self._staged_version(dependency.image) if dependency.image in candidates else None
            if found is None or found.comparable < wanted:
                raise FwuRefused(PSA_ERROR_DEPENDENCY_NEEDED)

    def _dependencies(self, component: int) -> Iterator[Dependency]:
        slot = self._open(component, SECONDARY_SLOT)
        header = read_header(slot)
        if header.magic != IMAGE_MAGIC:
            raise self._bad_image(PSA_ERROR_DATA_CORRUPT)
        try:
            for tlv in iter_tlvs(header, slot, tlv_areas(header, slot), protected_only=True):
                if tlv.type != TlvType.DEPENDENCY:
                    continue
                if tlv.length != DEPENDENCY_SIZE:
                    raise FwuRefused(PSA_ERROR_INVALID_ARGUMENT, f"a dependency of {tlv.length} bytes")
                yield Dependency.decode(load_tlv(slot, tlv))
        except ImageError as error:
            raise self._bad_image(PSA_ERROR_STORAGE_FAILURE) from error

    def _bad_image(self, tfm_status: int) -> FwuRefused:
        quirk = self._quirks.bad_image_is_data_corrupt
        return FwuRefused(tfm_status if quirk else PSA_ERROR_INVALID_ARGUMENT, "the image")

    def _staged_version(self, component: int) -> ImageVersion | None:
        header = read_header(self._open(component, SECONDARY_SLOT))
        return header.version if header.magic == IMAGE_MAGIC else None

    def mark_images_accepted(self, trials: Sequence[int]) -> None:
        slots = [self._open(component, PRIMARY_SLOT) for component in trials]
        try:
            # A flag that is programmed cannot be taken back, so what can fail is looked at before.
            for slot in slots:
                if self._swap_state(slot).magic is Magic.BAD:
                    raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, "a bad trailer")
            for slot in slots:
                mark_confirmed(slot, max_align=self._align)
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error

    def reject_staged_image(self, component: int) -> None:
        try:
            self._open(component, SECONDARY_SLOT).erase_trailer(self._align)
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error

    def reject_trial_image(self, component: int) -> int:
        # TF-M fwu_bootloader_reject_trial_image: an image that nobody confirms is reverted by itself.
        return PSA_SUCCESS_REBOOT

    def clean_component(self, component: int) -> None:
        try:
            self._open(component, SECONDARY_SLOT).erase_all()
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error

    def is_on_trial(self, component: int) -> bool:
        if not self.kind.has_trial:
            return False
        state = self._swap_state(self._open(component, PRIMARY_SLOT))
        if self._quirks.unconfirmed_is_on_trial:
            return state.image_ok is not Flag.SET
        # PSA FWU 1.0 TRIAL: the image is rolled back unless it is accepted, and BL2 says which one is.
        return decide(state, _BLANK)[0] is SwapType.REVERT

    def active_image(self, component: int) -> ActiveImage:
        slot, version = self._open(component, PRIMARY_SLOT), self._running_version(component)
        told = psa_fwu_image_version_t(version.major, version.minor, version.revision, version.build)
        return ActiveImage(told, slot.size, slot.id)

    def candidate_digest(self, component: int) -> bytes:
        slot, size = self._open(component, SECONDARY_SLOT), self._written[component]
        try:
            digest = CryptoApi(self._psa).hash_operation(PSA_ALG_SHA_256)
            for offset in range(0, size, _HASH_BLOCK):
                try:
                    digest.update(slot.read(offset, min(_HASH_BLOCK, size - offset)))
                except PlatError:
                    digest.close()
                    raise
            return digest.finish()
        except (PlatError, PsaError) as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error

    def _running_version(self, component: int) -> ImageVersion:
        version = active_version(self._boot_data, component)
        if version is None:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, "BL2 left no version")
        return version

    def _swap_state(self, slot: HalSlot) -> SwapState:
        try:
            return read_swap_state(slot, self._align)
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error

    def _open(self, component: int, slot: int) -> HalSlot:
        try:
            return HalSlot(self._psa.hal, component, slot)
        except PlatError as error:
            raise FwuRefused(PSA_ERROR_STORAGE_FAILURE, str(error)) from error
