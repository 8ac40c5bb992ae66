"""What the swap strategies share: finding and finishing an interrupted swap, the marks before and after.

MCUboot loader.c and swap_misc.c. A strategy adds where the status stands, where headers are in the middle
of a swap, and the exchange itself.
"""

from abc import abstractmethod
from contextlib import suppress
from typing import Final

from ..interface.mcuboot.image import IMAGE_MAGIC, ImageError, ImageHeader
from ..interface.mcuboot.swap import StatusSource
from ..interface.mcuboot.tlv import TlvType, find_protected, load_tlv, tlv_areas
from ..interface.mcuboot.trailer import (
    Flag,
    Magic,
    SwapState,
    SwapType,
    read_swap_state,
    write_copy_done,
    write_image_ok,
    write_trailer,
)
from ..platform.flash import FlashArea, FlashError
from .config import UpgradeStrategy
from .encryption import EncKey, boot_decrypt_key, is_encrypted
from .events import ImageRefused, SwapBegun, SwapDone, SwapStatusFound, SwapStatusWritten, TrailerErased
from .flash_regions import Transform, copy_region, erase_region
from .loader import BootLoader, update_error_code
from .overwrite import copy_image
from .ports import PRIMARY, SECONDARY, SLOTS
from .swap_status import (
    BootStatus,
    SwapOp,
    init_status,
    read_key_cell,
    read_swap_info,
    read_swap_size,
    status_entry_at,
)
from .upgrade import StepError, UpgradeFlow
from .validate import ImageOk, Refusal, is_erased, no_image, refuse

_MAGIC_TEXT: Final = {Magic.GOOD: "good", Magic.UNSET: "unset"}


class SwapFlow(UpgradeFlow):
    """Images change places; what was in the primary slot is kept in the secondary one, for a revert."""

    first_op = SwapOp.MOVE
    needs_magic_in_headers = True
    """Whether a header without magic keeps an image from being upgraded: not with a scratch area."""

    def __init__(self, loader: BootLoader) -> None:
        super().__init__(loader)
        self.status = BootStatus(self.first_op, self.first_op)
        self.status_fails = 0

    # --- What a strategy adds ---

    @abstractmethod
    def status_source(self, image: int) -> StatusSource:
        """Which trailer tells of a swap under way (MCUboot swap_status_source)."""

    @abstractmethod
    def read_status_entries(self, image: int, area: FlashArea) -> None:
        """Set `status` to the first step that is not done (MCUboot swap_read_status_bytes)."""

    @abstractmethod
    def status_entry(self) -> int:
        """The number of the status entry for the step that `status` tells (boot_status_internal_off)."""

    @abstractmethod
    def read_header_by_status(self, image: int, name: str) -> ImageHeader:
        """The header of a slot's image where that is by now, by `status` (MCUboot boot_read_image_header)."""

    @abstractmethod
    def run(self, image: int, size: int) -> None:
        """Start or go on with the exchange of ``size`` bytes (MCUboot swap_run)."""

    def tlv_sizes(self, image: int) -> tuple[int, int] | None:
        """What the trailer keeps of both images' unprotected TLVs; None where it has no cell for them."""
        return None

    def clear_stuck_revert(self, image: int) -> None:
        """The candidate of a revert is gone."""

    # --- Before: what the last boot left ---

    def find_interrupted(self, image: int) -> bool:
        status, g = self.status, self.geometry(image)
        status.source = self.status_source(image)
        self.loader.log(f"[INF] Boot source: {_source_text(status.source)}")
        if status.source is not StatusSource.NONE:
            # MCUboot swap_read_status.
            area = self.status_area(image)
            self.read_status_entries(image, area)
            status.swap_type = read_swap_info(g, area)
            self._tell_status(image)
        if self._read_headers_by_status(image):
            return True
        primary = self.loader.images[image].headers[PRIMARY]
        return self.loader.config.bootstrap and primary is not None and is_erased(primary, g.primary)

    def status_area(self, image: int) -> FlashArea:
        g = self.geometry(image)
        if self.status.source is StatusSource.SCRATCH:
            assert g.scratch is not None
            return g.scratch
        return g.primary

    def marked_area(self, image: int) -> FlashArea:
        """The area with a good magic, the scratch area before the primary slot (MCUboot boot_find_status)."""
        g = self.geometry(image)
        if g.scratch is not None and self.state_of(g.scratch).magic is Magic.GOOD:
            return g.scratch
        return g.primary

    def state_of(self, area: FlashArea) -> SwapState:
        return read_swap_state(area, self.loader.config.boot_max_align)

    def log_state(self, what: str, state: SwapState) -> None:
        if self.loader.trace.listeners:
            magic = _MAGIC_TEXT.get(state.magic, "bad")
            self.loader.log(
                f"[INF] {what}: magic={magic}, swap_type={state.swap_type:#x}, "
                f"copy_done={int(state.copy_done):#x}, image_ok={int(state.image_ok):#x}"
            )

    def _read_headers_by_status(self, image: int) -> bool:
        """MCUboot boot_read_image_headers with a boot status; False where one that must be there is not."""
        headers = self.loader.images[image].headers
        for name in SLOTS:
            header = headers[name] = self.read_header_by_status(image, name)
            if self.needs_magic_in_headers and header.magic != IMAGE_MAGIC:
                self.loader.tell_headers(image)
                return name == SECONDARY and self.status.is_reset
        self.loader.tell_headers(image)
        return True

    def complete_interrupted(self, image: int) -> None:
        self._swap_image(image)
        swap_type = self.status.swap_type
        if swap_type in (SwapType.REVERT, SwapType.PERM):
            self._set_image_ok(image)
        if swap_type in (SwapType.TEST, SwapType.PERM, SwapType.REVERT):
            self._set_copy_done(image)
        self._tell_done(image, "boot_complete_partial_swap", swap_type)

    # --- The candidate ---

    def validate_candidate(self, image: int, expected: SwapType) -> ImageOk | Refusal:
        loader = self.loader
        slot, header = self.slot(image, SECONDARY), loader.images[image].headers[SECONDARY]
        if no_image(slot, header, loader.config) is not None:
            # MCUboot boot_validate_slot: an erase that was interrupted may have left the trailer.
            self.scramble_trailer(image, slot.area)
            self._tell_erased(image, SECONDARY, "there is no image to go with it")
            self.clear_stuck_revert(image)
        elif (error := self.misplaced(image, expected)) is not None:
            loader.log("[ERR] Secondary header magic detected in first sector, wrong upload address?")
            loader.log("[ERR] Image in the secondary slot is not valid!")
            loader.scramble(slot, "a candidate at the wrong address is erased")
            refusal = refuse(slot, loader.config, error)
            if loader.trace.listeners:
                loader.trace.emit(ImageRefused(image, error.rule, str(refusal), slot.name))
            return refusal
        return loader.validate(slot)

    def misplaced(self, image: int, expected: SwapType) -> ImageError | None:
        """What is wrong where a candidate does not begin where it should."""
        return None

    def prevents_downgrade(self, image: int) -> bool:
        config, loader = self.loader.config, self.loader
        if not config.downgrade_prevention:
            return False
        error = self._counter_too_low(image) if config.downgrade_by_counter else self._version_too_low(image)
        if error is None:
            return False
        slot = self.slot(image, SECONDARY)
        loader.log(f"[INF] Image {image} in slot 1 erased due to downgrade prevention")
        loader.scramble(slot, "a candidate older than the primary image is erased")
        loader.refusals.append(refuse(slot, config, error))
        return True

    def _version_too_low(self, image: int) -> ImageError | None:
        headers, order = self.loader.images[image].headers, self.loader.config.version_order
        old, new = headers[PRIMARY], headers[SECONDARY]
        assert old is not None and new is not None
        if order(new.version) >= order(old.version):
            return None
        return ImageError(
            "check_downgrade_prevention",
            "downgrade prevention",
            f"version {new.version}, the primary slot holds {old.version}",
            "an upgrade needs at least that"
            + ("" if self.loader.config.version_build_number else " (the build number does not count)"),
        )

    def _counter_too_low(self, image: int) -> ImageError | None:
        old, new = self._security_counter(image, PRIMARY), self._security_counter(image, SECONDARY)
        if old is None or (new is not None and new >= old):
            return None
        found = "no security counter" if new is None else f"security counter {new}"
        return ImageError(
            "check_downgrade_prevention",
            "downgrade prevention",
            f"{found}, that of the primary image is {old}",
            "an upgrade needs at least that",
        )

    def _security_counter(self, image: int, name: str) -> int | None:
        # MCUboot bootutil_get_img_security_cnt: None for each of its errors.
        slot, header = self.slot(image, name), self.loader.images[image].headers[name]
        if header is None or header.protect_tlv_size == 0:
            return None
        source = self.loader.source(slot)
        try:
            tlv = find_protected(header, source, TlvType.SEC_CNT)
            return int.from_bytes(load_tlv(source, tlv), "little") if tlv and tlv.length == 4 else None
        except ImageError:
            return None

    def give_up(self, image: int) -> None:
        # MCUboot BOOT_SWAP_TYPE_FAIL: image_ok, as if this had been a revert, so that none is tried.
        self._set_image_ok(image)

    # --- The swap ---

    def perform_update(self, image: int) -> None:
        state, config = self.loader.images[image], self.loader.config
        if config.bootstrap and not self.primary_boots(image):
            self.bootstrap_copy(image)
        else:
            self._swap_image(image)
        swap_type = state.swap_type
        if swap_type in (SwapType.REVERT, SwapType.PERM):
            # It must not be reverted in the next boot.
            self._set_image_ok(image)
        if config.rollback and swap_type is SwapType.PERM:
            self._raise_counter(image)
        self._set_copy_done(image)
        self._tell_done(image, "boot_perform_update", swap_type)

    def bootstrap_copy(self, image: int) -> None:
        copy_image(self, image, fast=False, keep_header=False)

    def _raise_counter(self, image: int) -> None:
        # The primary slot holds the new image; its header is still the one read from the secondary slot.
        loader = self.loader
        try:
            loader.update_security_counter(self.slot(image, PRIMARY), loader.images[image].headers[SECONDARY])
        except ImageError as error:
            code = update_error_code(error)
            loader.log(f"[ERR] Security counter update failed after image upgrade: {code}")
            loader.images[image].swap_type = SwapType.PANIC

    def _swap_image(self, image: int) -> None:
        # MCUboot boot_swap_image.
        status, g = self.status, self.geometry(image)
        resumed = not status.is_reset
        try:
            if resumed:
                area = self.marked_area(image)
                status.swap_size = read_swap_size(g, area)
                if status.swap_size > g.primary.size:
                    # Else the loop leaves the slots, as it does in MCUboot, which hangs or crashes.
                    raise StepError(
                        f"a swap of {status.swap_size:#x} bytes; the slots have {g.primary.size:#x}"
                    )
                self._restore_keys(image, area)
            else:
                status.swap_size = max(self._part_of_swap(image, index) for index in range(len(SLOTS)))
        except ImageError as error:
            self.halt(image, "boot_swap_image", error)
        if self.loader.trace.listeners:
            how = f"goes on at sector {status.idx}, step {status.state}" if resumed else "begins"
            text = f"image {image}: the swap of {status.swap_size:#x} bytes {how}"
            self.loader.trace.emit(SwapBegun(image, "boot_swap_image", text, status.swap_size, resumed))
        self.run(image, status.swap_size)
        if self.status_fails:
            self.loader.log(f"[WRN] {self.status_fails} status write fails performing the swap")

    def _part_of_swap(self, image: int, index: int) -> int:
        """The size of a slot's image, and its key for the trailer. Raises ImageError."""
        name = SLOTS[index]
        header = self.loader.images[image].headers[name]
        size = 0
        if header is not None and header.magic == IMAGE_MAGIC:
            size = self.image_size(image, name, header)
        if header is not None and is_encrypted(header) and self.loader.config.encryption is not None:
            key = self.enc_key(image, name)
            if key is not None:
                self.status.key_cells[index] = key.tlv if self.loader.config.save_enctlv else key.key
        else:
            self.status.key_cells[index] = b""
        return size

    def image_size(self, image: int, name: str, header: ImageHeader) -> int:
        """All bytes of an image, TLVs too (MCUboot boot_read_image_size). Raises ImageError."""
        return tlv_areas(header, self.loader.source(self.slot(image, name))).end

    def _restore_keys(self, image: int, area: FlashArea) -> None:
        """Image keys from the trailer of an interrupted swap; one that does not unwrap is none."""
        config, g, keys = self.loader.config, self.geometry(image), self.loader.images[image].enc_keys
        keys.clear()
        if config.encryption is None:
            return
        for index, name in enumerate(SLOTS):
            cell = self.status.key_cells[index] = read_key_cell(g, area, index)
            if cell and config.save_enctlv:
                tlv = cell[: config.enc_tlv_size]
                with suppress(ImageError):
                    keys[name] = EncKey(boot_decrypt_key(tlv, config), tlv)
            elif cell:
                keys[name] = EncKey(cell[: config.enc_key_size])

    # --- Steps of a swap ---

    def copy(
        self, image: int, source: FlashArea, to: FlashArea, at: int, offset: int, size: int, start: int = 0
    ) -> None:
        """Copy to a region that is erased; an image is plain in the primary slot only (boot_copy_region).

        ``start`` is where the image begins in ``to``.
        """
        copy_region(source, to, at, offset, size, self._crypt_between(image, source, to, start))

    def _crypt_between(self, image: int, source: FlashArea, to: FlashArea, start: int) -> Transform | None:
        g, state = self.geometry(image), self.loader.images[image]
        if self.loader.config.encryption is None or (source is g.primary) == (to is g.primary):
            return None
        name = PRIMARY if source is g.primary else SECONDARY
        header = state.headers[name]
        if header is None or not is_encrypted(header):
            return None
        return _crypter(state.enc_keys.get(name), header, start)

    def write_status(self, image: int) -> None:
        """Record that the step which `status` tells is done (MCUboot boot_write_status).

        A write that the flash refuses is counted and no more: the swap goes on.
        """
        g, status = self.geometry(image), self.status
        area = g.scratch if status.use_scratch and g.scratch is not None else g.primary
        offset = status_entry_at(g, area, self.status_entry())
        try:
            write_trailer(area, offset, bytes([status.state]))
        except FlashError:
            self.status_fails += 1
        if self.loader.trace.listeners:
            self.loader.trace.emit(SwapStatusWritten(image, area.name, offset, status.idx, status.state))

    def scramble_trailer(self, image: int, area: FlashArea) -> None:
        """Erase the trailer's sectors, the last first (MCUboot swap_scramble_trailer_sectors)."""
        size = self.geometry(image).trailer_size
        erase_region(area, area.size - size, size, backwards=True)

    def init_status(self, image: int, area: FlashArea) -> None:
        """Write the trailer of the swap that begins."""
        g = self.geometry(image)
        init_status(g, area, image, self.status, self.state_of(g.secondary), self.tlv_sizes(image))

    def _set_image_ok(self, image: int) -> None:
        # MCUboot swap_set_image_ok.
        area = self.geometry(image).primary
        if self.state_of(area).image_ok is Flag.UNSET:
            write_image_ok(area, self.loader.config.boot_max_align)

    def _set_copy_done(self, image: int) -> None:
        # MCUboot swap_set_copy_done.
        write_copy_done(self.geometry(image).primary, self.loader.config.boot_max_align)

    # --- The story ---

    def _tell_status(self, image: int) -> None:
        if self.loader.trace.listeners:
            status = self.status
            where = _source_text(status.source)
            text = f"image {image}: {where}: no swap under way"
            if not status.is_reset:
                kind = SwapType(status.swap_type).name.lower()
                step = f"sector {status.idx}, step {status.state}"
                if self.loader.config.strategy is UpgradeStrategy.SWAP_USING_MOVE:
                    step = f"{status.op.value}, {step}"  # the others have one kind of step
                text = f"image {image}: {where}: a {kind} swap under way: {step} is next"
            self.loader.trace.emit(
                SwapStatusFound(
                    image, "swap_read_status", text, status.source, status.idx, status.state, status.swap_type
                )
            )

    def _tell_done(self, image: int, rule: str, swap_type: int) -> None:
        if self.loader.trace.listeners:
            kind = SwapType(swap_type).name.lower() if swap_type in set(SwapType) else str(swap_type)
            text = f"image {image}: the slots have changed places ({kind}); copy_done is set"
            self.loader.trace.emit(SwapDone(image, rule, text, swap_type))

    def _tell_erased(self, image: int, name: str, why: str) -> None:
        if self.loader.trace.listeners:
            text = f"image {image}: trailer of the {name} slot erased: {why}"
            self.loader.trace.emit(TrailerErased(image, "boot_validate_slot", text, name))

    def warn_no_space(self, needed: int, available: int) -> None:
        self.loader.log("[WRN] Not enough free space to run swap upgrade")
        self.loader.log(f"[WRN] required {needed} bytes but only {available} are available")
        self.status.swap_type = SwapType.NONE


def _crypter(key: EncKey | None, header: ImageHeader, start: int) -> Transform:
    def crypt(data: bytes, offset: int) -> bytes:
        at = offset - start
        if key is not None:
            return key.crypt_image(header, data, at)
        if at < header.tlv_offset and at + len(data) > header.hdr_size:
            # MCUboot boot_enc_encrypt asserts that there is a key.
            raise StepError("no key in the trailer for an encrypted image")
        return data

    return crypt


def _source_text(source: StatusSource) -> str:
    return {
        StatusSource.NONE: "none",
        StatusSource.SCRATCH: "scratch",
        StatusSource.PRIMARY_SLOT: "primary slot",
    }[source]
