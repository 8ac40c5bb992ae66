"""The trailer at the end of a slot: magic, flags, swap info and status, and the marks that ask for upgrades.

From the slot's end towards its start, in cells of BOOT_MAX_ALIGN bytes: magic, image_ok, copy_done,
swap_info, [unprotected TLV sizes], swap_size, [key 0, key 1]; below them the swap status, one write block
an entry. A flag is one byte of its cell: erased is unset, 0x01 set, all else bad.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final, Protocol

from ..errors import TfmSimError
from .image import ImageSource

BOOT_MAGIC_SIZE: Final = 16
BOOT_MAX_ALIGN: Final = 8
BOOT_MAX_IMG_SECTORS: Final = 128
_MAGIC_ALIGN_8: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
_MAGIC_REST: Final = bytes.fromhex("2de15d29410b8d77679c110f1f8a")


class BootError(IntEnum):
    """BOOT_E*: what bootutil's functions return where they fail."""

    FLASH = 1
    FILE = 2
    BADIMAGE = 3
    BADVECT = 4
    BADSTATUS = 5
    NOMEM = 6
    BADARGS = 7
    BADVERSION = 8
    FLASH_SEC = 9


class SlotArea(ImageSource, Protocol):
    """A flash area that holds a slot; offsets and sizes are bytes. Its accesses raise a TfmSimError."""

    @property
    def name(self) -> str: ...

    @property
    def write_size(self) -> int: ...

    def write(self, offset: int, data: bytes) -> None: ...

    def erase(self, offset: int, length: int) -> None: ...


class Magic(IntEnum):
    """BOOT_MAGIC_*; ANY and NOTGOOD appear in the tables only."""

    GOOD = 1
    BAD = 2
    UNSET = 3
    ANY = 4
    NOTGOOD = 5

    def accepts(self, found: "Magic") -> bool:
        """Whether this entry of a table takes ``found`` (MCUboot boot_magic_compatible_check)."""
        if self is Magic.NOTGOOD:
            return found is not Magic.GOOD
        return self is Magic.ANY or self is found


class Flag(IntEnum):
    """BOOT_FLAG_*; ANY appears in the decision table only."""

    SET = 1
    BAD = 2
    UNSET = 3
    ANY = 4

    def accepts(self, found: "Flag") -> bool:
        """Whether this entry of a table takes ``found``."""
        return self is Flag.ANY or self is found


class SwapType(IntEnum):
    """BOOT_SWAP_TYPE_*. FAIL and PANIC exist inside the loader only."""

    NONE = 1
    TEST = 2
    PERM = 3
    REVERT = 4
    FAIL = 5
    PANIC = 0xFF

    @property
    def is_upgrade(self) -> bool:
        """MCUboot BOOT_IS_UPGRADE."""
        return self in (SwapType.TEST, SwapType.PERM, SwapType.REVERT)


class TrailerError(TfmSimError):
    """A trailer that cannot take the mark asked for.

    ``code`` is what MCUboot's function returns in that case, None where it has no such function.
    """

    def __init__(self, text: str, code: BootError | None = None) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class SwapState:
    """One slot's trailer as boot_read_swap_state sees it."""

    magic: Magic
    swap_type: int
    image_num: int
    copy_done: Flag
    image_ok: Flag


@dataclass(frozen=True, slots=True)
class TrailerCell:
    """One field of a trailer: its name, where it begins in its area, and its bytes with all padding."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class TrailerLayout:
    """Offsets from the area's start, in bytes, of fields that every build has (MCUboot boot_*_off)."""

    magic: int
    image_ok: int
    copy_done: int
    swap_info: int

    @classmethod
    def of(cls, slot_size: int, max_align: int = BOOT_MAX_ALIGN) -> "TrailerLayout":
        magic = slot_size - BOOT_MAGIC_SIZE
        image_ok = (magic - max_align) // max_align * max_align
        return cls(magic, image_ok, image_ok - max_align, image_ok - 2 * max_align)


@dataclass(frozen=True, slots=True)
class TrailerFormat:
    """What a loader's build options decide of its trailers.

    ``max_sectors`` is MCUBOOT_MAX_IMG_SECTORS; ``key_cell`` the bytes for one image key (or for the TLV that
    it came in), in whole cells, 0 without encryption; ``swap_offset`` is SWAP_USING_OFFSET, which has a cell
    more, and two status entries a sector in place of three.
    """

    max_align: int = BOOT_MAX_ALIGN
    max_sectors: int = BOOT_MAX_IMG_SECTORS
    key_cell: int = 0
    swap_offset: bool = False

    @property
    def state_count(self) -> int:
        """MCUboot BOOT_STATUS_STATE_COUNT: swap status entries of one sector."""
        return 2 if self.swap_offset else 3

    @property
    def info_size(self) -> int:
        """MCUboot boot_trailer_info_sz: all of a trailer but the swap status, in bytes."""
        cells = 5 if self.swap_offset else 4
        return 2 * self.key_cell + cells * self.max_align + _align_up(BOOT_MAGIC_SIZE, self.max_align)

    def size(self, write_size: int) -> int:
        """MCUboot boot_trailer_sz for status entries of ``write_size`` bytes."""
        return self.max_sectors * self.state_count * write_size + self.info_size

    def scratch_size(self, write_size: int) -> int:
        """MCUboot boot_scratch_trailer_sz: the scratch area keeps the status of one sector."""
        return self.state_count * write_size + self.info_size

    def swap_size_at(self, area_size: int) -> int:
        """MCUboot boot_swap_size_off."""
        return (
            TrailerLayout.of(area_size, self.max_align).swap_info
            - (2 if self.swap_offset else 1) * self.max_align
        )

    def tlv_sizes_at(self, area_size: int) -> int:
        """MCUboot boot_unprotected_tlv_sizes_off."""
        return TrailerLayout.of(area_size, self.max_align).swap_info - self.max_align

    def key_at(self, area_size: int, slot: int) -> int:
        """MCUboot boot_enc_key_off: the primary slot's key (0) lies above the secondary's (1)."""
        return self.swap_size_at(area_size) - (slot + 1) * self.key_cell

    def status_at(self, area_size: int, write_size: int, scratch: bool = False) -> int:
        """MCUboot boot_status_off, for an area of this write block."""
        return area_size - (self.scratch_size(write_size) if scratch else self.size(write_size))

    def cells(self, area_size: int, write_size: int, scratch: bool = False) -> tuple[TrailerCell, ...]:
        """The whole trailer from the lowest field to the magic."""
        at, align = TrailerLayout.of(area_size, self.max_align), self.max_align
        entries = self.state_count * (1 if scratch else self.max_sectors)
        status = self.status_at(area_size, write_size, scratch)
        keys = [
            TrailerCell(f"key {slot}", self.key_at(area_size, slot), self.key_cell)
            for slot in ((1, 0) if self.key_cell else ())
        ]
        sizes = [TrailerCell("unprotected TLV sizes", self.tlv_sizes_at(area_size), align)] * self.swap_offset
        return (
            TrailerCell("swap status", status, entries * write_size),
            *keys,
            TrailerCell("swap_size", self.swap_size_at(area_size), align),
            *sizes,
            TrailerCell("swap_info", at.swap_info, align),
            TrailerCell("copy_done", at.copy_done, align),
            TrailerCell("image_ok", at.image_ok, align),
            TrailerCell("magic", at.magic, BOOT_MAGIC_SIZE),
        )


_layout = lru_cache(TrailerLayout.of)


def _align_up(size: int, align: int) -> int:
    return -(-size // align) * align


def boot_img_magic(max_align: int = BOOT_MAX_ALIGN) -> bytes:
    """The 16 bytes of a good magic; a loader of another alignment takes them for a bad one."""
    return _MAGIC_ALIGN_8 if max_align == 8 else max_align.to_bytes(2, "little") + _MAGIC_REST


def read_swap_state(area: ImageSource, max_align: int = BOOT_MAX_ALIGN) -> SwapState:
    """MCUboot boot_read_swap_state. Raises the area's own error where it is smaller than a trailer."""
    at = _layout(area.size, max_align)
    erased = area.erased_value
    magic = area.read(at.magic, BOOT_MAGIC_SIZE)
    info = area.read(at.swap_info, 1)[0]
    swap_type, image_num = info & 0x0F, info >> 4
    if info == erased or swap_type > SwapType.REVERT:
        swap_type, image_num = SwapType.NONE, 0
    return SwapState(
        magic=_decode_magic(magic, erased, max_align),
        swap_type=swap_type,
        image_num=image_num,
        copy_done=_decode_flag(area.read(at.copy_done, 1)[0], erased),
        image_ok=_decode_flag(area.read(at.image_ok, 1)[0], erased),
    )


def _decode_magic(magic: bytes, erased: int, max_align: int) -> Magic:
    if magic == bytes([erased]) * BOOT_MAGIC_SIZE:
        return Magic.UNSET
    return Magic.GOOD if magic == boot_img_magic(max_align) else Magic.BAD


def _decode_flag(value: int, erased: int) -> Flag:
    if value == erased:
        return Flag.UNSET
    return Flag.SET if value == Flag.SET else Flag.BAD


def write_magic(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """MCUboot boot_write_magic: the write begins at an aligned cell, erased bytes before the magic."""
    at = _layout(area.size, max_align).magic
    padded = at // max_align * max_align
    area.write(padded, bytes([area.erased_value]) * (at - padded) + boot_img_magic(max_align))


def spoil_magic(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """Zeros in place of the magic, which every NOR flash takes without an erase: the magic is bad from here.

    MCUboot has no such function.
    """
    at = _layout(area.size, max_align).magic
    padded = at // max_align * max_align
    area.write(padded, bytes([area.erased_value]) * (at - padded) + bytes(BOOT_MAGIC_SIZE))


def write_image_ok(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """Confirm: the image_ok byte."""
    _write_byte(area, _layout(area.size, max_align).image_ok, Flag.SET)


def write_copy_done(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """The copy_done byte."""
    _write_byte(area, _layout(area.size, max_align).copy_done, Flag.SET)


def write_swap_info(area: SlotArea, swap_type: int, image_num: int, max_align: int = BOOT_MAX_ALIGN) -> None:
    """Swap type in the low nibble, image index in the high one."""
    _write_byte(area, _layout(area.size, max_align).swap_info, image_num << 4 | swap_type)


def write_trailer(area: SlotArea, offset: int, data: bytes) -> None:
    """MCUboot boot_write_trailer: the bytes, filled up to whole write blocks with erased ones."""
    area.write(offset, data.ljust(_align_up(len(data), area.write_size), bytes([area.erased_value])))


def _write_byte(area: SlotArea, offset: int, value: int) -> None:
    write_trailer(area, offset, bytes([value]))


def mark_pending(
    area: SlotArea, permanent: bool, *, image_index: int = 0, max_align: int = BOOT_MAX_ALIGN
) -> None:
    """Ask for an upgrade by the image in a secondary slot (MCUboot boot_set_pending_multi).

    A magic that is already good stays as it is; a bad one raises TrailerError (BOOT_EBADIMAGE).
    """
    state = read_swap_state(area, max_align)
    if state.magic is Magic.BAD:
        raise TrailerError(
            f"{area.name}: the trailer magic is bad; erase the slot and write the image again",
            BootError.BADIMAGE,
        )
    if state.magic is Magic.GOOD:
        return
    write_magic(area, max_align)
    if permanent:
        write_image_ok(area, max_align)
    write_swap_info(area, SwapType.PERM if permanent else SwapType.TEST, image_index, max_align)


def mark_confirmed(area: SlotArea, *, max_align: int = BOOT_MAX_ALIGN) -> None:
    """Confirm the image in a primary slot (MCUboot boot_set_confirmed_multi).

    Without a magic there is nothing to confirm; a bad one raises TrailerError (BOOT_EBADVECT).
    """
    state = read_swap_state(area, max_align)
    if state.magic is Magic.BAD:
        raise TrailerError(
            f"{area.name}: the trailer magic is bad, so the image cannot be confirmed", BootError.BADVECT
        )
    if state.magic is Magic.GOOD and state.image_ok is Flag.UNSET:
        write_image_ok(area, max_align)


def write_image(area: SlotArea, image: bytes, offset: int = 0) -> None:
    """Flash an image into a slot: erase all of it, then program from ``offset`` bytes on.

    Raises TrailerError where the image is empty, or does not fit the slot from a whole program unit on.
    """
    if not image:
        raise TrailerError(f"{area.name}: an empty image; legal: 1 to {area.size} bytes")
    if offset < 0 or offset % area.write_size:
        unit = area.write_size
        raise TrailerError(f"{area.name}: an image at offset {offset:#x}; legal: multiples of {unit} from 0")
    if offset + len(image) > area.size:
        where, legal = "", f"up to {area.size}"
        if offset:
            where = f" at offset {offset:#x}"
            room = area.size - offset
            legal = f"up to {room} there, so an image without padding" if room > 0 else "offsets in the slot"
        raise TrailerError(
            f"{area.name}: an image of {len(image)} bytes{where}; the slot has {area.size}; legal: {legal}"
        )
    area.erase(0, area.size)
    fill = -len(image) % area.write_size
    area.write(offset, image + bytes([area.erased_value]) * fill)
