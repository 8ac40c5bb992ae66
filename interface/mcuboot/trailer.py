"""The trailer at the end of a slot: magic, flags, swap info, and the marks that ask for an upgrade.

Offsets count back from the slot's end in cells of BOOT_MAX_ALIGN bytes: magic, image_ok, copy_done,
swap_info. A flag is one byte of its cell: erased is unset, 0x01 set, all else bad.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from ..errors import TfmSimError
from .image import ImageSource

BOOT_MAGIC_SIZE: Final = 16
BOOT_MAX_ALIGN: Final = 8
_MAGIC_ALIGN_8: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
_MAGIC_REST: Final = bytes.fromhex("2de15d29410b8d77679c110f1f8a")


class SlotArea(ImageSource, Protocol):
    """A flash area that holds a slot; offsets and sizes are bytes. Its accesses raise a TfmSimError."""

    @property
    def name(self) -> str: ...

    @property
    def write_size(self) -> int: ...

    def write(self, offset: int, data: bytes) -> None: ...

    def erase(self, offset: int, length: int) -> None: ...


class Magic(IntEnum):
    """BOOT_MAGIC_*; ANY appears in the decision table only."""

    GOOD = 1
    BAD = 2
    UNSET = 3
    ANY = 4


class Flag(IntEnum):
    """BOOT_FLAG_*; ANY appears in the decision table only."""

    SET = 1
    BAD = 2
    UNSET = 3
    ANY = 4


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
    """A trailer that cannot take the mark asked for."""


@dataclass(frozen=True, slots=True)
class SwapState:
    """One slot's trailer as boot_read_swap_state sees it."""

    magic: Magic
    swap_type: int
    image_num: int
    copy_done: Flag
    image_ok: Flag


@dataclass(frozen=True, slots=True)
class TrailerLayout:
    """Offsets from the slot's start, in bytes."""

    magic: int
    image_ok: int
    copy_done: int
    swap_info: int

    @classmethod
    def of(cls, slot_size: int, max_align: int = BOOT_MAX_ALIGN) -> "TrailerLayout":
        magic = slot_size - BOOT_MAGIC_SIZE
        image_ok = (magic - max_align) // max_align * max_align
        return cls(magic, image_ok, image_ok - max_align, image_ok - 2 * max_align)


def boot_img_magic(max_align: int = BOOT_MAX_ALIGN) -> bytes:
    """The 16 bytes of a good magic; a loader of another alignment takes them for a bad one."""
    return _MAGIC_ALIGN_8 if max_align == 8 else max_align.to_bytes(2, "little") + _MAGIC_REST


def read_swap_state(area: ImageSource, max_align: int = BOOT_MAX_ALIGN) -> SwapState:
    """MCUboot boot_read_swap_state. Raises the area's own error where it is smaller than a trailer."""
    at = TrailerLayout.of(area.size, max_align)
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
    at = TrailerLayout.of(area.size, max_align).magic
    padded = at // max_align * max_align
    area.write(padded, bytes([area.erased_value]) * (at - padded) + boot_img_magic(max_align))


def write_image_ok(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """Confirm: the image_ok byte."""
    _write_byte(area, TrailerLayout.of(area.size, max_align).image_ok, Flag.SET)


def write_copy_done(area: SlotArea, max_align: int = BOOT_MAX_ALIGN) -> None:
    """The copy_done byte."""
    _write_byte(area, TrailerLayout.of(area.size, max_align).copy_done, Flag.SET)


def write_swap_info(
    area: SlotArea, swap_type: SwapType, image_num: int, max_align: int = BOOT_MAX_ALIGN
) -> None:
    """Swap type in the low nibble, image index in the high one."""
    _write_byte(area, TrailerLayout.of(area.size, max_align).swap_info, image_num << 4 | swap_type)


def _write_byte(area: SlotArea, offset: int, value: int) -> None:
    """MCUboot boot_write_trailer: one byte, filled up to the write block with erased bytes."""
    area.write(offset, bytes([value]).ljust(area.write_size, bytes([area.erased_value])))


def mark_pending(
    area: SlotArea, permanent: bool, *, image_index: int = 0, max_align: int = BOOT_MAX_ALIGN
) -> None:
    """Ask for an upgrade by the image in a secondary slot (MCUboot boot_set_pending_multi).

    A magic that is already good stays as it is; a bad one raises TrailerError (BOOT_EBADIMAGE).
    """
    state = read_swap_state(area, max_align)
    if state.magic is Magic.BAD:
        raise TrailerError(f"{area.name}: the trailer magic is bad; erase the slot and write the image again")
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
        raise TrailerError(f"{area.name}: the trailer magic is bad, so the image cannot be confirmed")
    if state.magic is Magic.GOOD and state.image_ok is Flag.UNSET:
        write_image_ok(area, max_align)


def write_image(area: SlotArea, image: bytes, offset: int = 0) -> None:
    """Flash an image into a slot: erase all of it, then program from ``offset`` bytes on.

    Raises TrailerError where the image is empty, or does not fit the slot from a whole program unit on.
    """
    if not image:
        raise TrailerError(f"{area.name}: an empty image")
    if offset < 0 or offset % area.write_size:
        unit = area.write_size
        raise TrailerError(f"{area.name}: an image at offset {offset:#x}; legal: multiples of {unit} from 0")
    if offset + len(image) > area.size:
        where = f" at offset {offset:#x}" if offset else ""
        raise TrailerError(f"{area.name}: an image of {len(image)} bytes{where}; the slot has {area.size}")
    area.erase(0, area.size)
    fill = -len(image) % area.write_size
    area.write(offset, image + bytes([area.erased_value]) * fill)
