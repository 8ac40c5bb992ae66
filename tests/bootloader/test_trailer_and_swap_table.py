"""The slot trailer, the marks that a running system leaves there, and the upgrade that they ask for."""

import itertools
from collections.abc import Callable
from functools import partial

import pytest

from tfm_sim.bootloader.bl2 import STRATEGIES, Bl2
from tfm_sim.bootloader.config import Bl2Config, Bl2ConfigError, UpgradeStrategy
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.interface.mcuboot.swap import OFFSET_SWAP_TABLE, StatusSource, decide, find_status
from tfm_sim.interface.mcuboot.trailer import (
    BootError,
    Flag,
    Magic,
    SwapState,
    SwapType,
    TrailerError,
    TrailerFormat,
    TrailerLayout,
    boot_img_magic,
    mark_confirmed,
    mark_pending,
    read_swap_state,
    write_copy_done,
    write_image,
    write_swap_info,
)
from tfm_sim.interface.trace import Trace
from tfm_sim.platform.flash import Flash, FlashArea

G, B, U = Magic.GOOD, Magic.BAD, Magic.UNSET
SET, BAD, UNSET = Flag.SET, Flag.BAD, Flag.UNSET
SIZE = 0x2000


def state(magic: Magic, image_ok: Flag = UNSET, copy_done: Flag = UNSET) -> SwapState:
    return SwapState(magic, SwapType.NONE, 0, copy_done, image_ok)


@pytest.mark.parametrize(
    ("primary", "secondary", "swap_type"),
    [
        (state(U), state(U), SwapType.NONE),
        (state(U), state(G), SwapType.TEST),
        (state(U), state(G, SET), SwapType.PERM),
        (state(U), state(G, BAD), SwapType.NONE),
        (state(U), state(B), SwapType.NONE),
        (state(B), state(G), SwapType.TEST),
        (state(B), state(G, SET), SwapType.PERM),
        (state(G, UNSET, SET), state(U), SwapType.REVERT),
        (state(G, UNSET, SET), state(B), SwapType.REVERT),
        (state(G, UNSET, SET), state(G), SwapType.TEST),
        (state(G, UNSET, SET), state(G, SET), SwapType.PERM),
        (state(G, UNSET, SET), state(G, BAD), SwapType.REVERT),
        (state(G, SET, SET), state(U), SwapType.NONE),
        (state(G, BAD, SET), state(U), SwapType.NONE),
        (state(G, UNSET, UNSET), state(U), SwapType.NONE),
        (state(G, UNSET, BAD), state(U), SwapType.NONE),
        (state(B, UNSET, SET), state(U), SwapType.NONE),
        (state(U, UNSET, SET), state(U), SwapType.NONE),
    ],
)
def test_swap_type_by_both_trailers(primary: SwapState, secondary: SwapState, swap_type: SwapType) -> None:
    found, rule = decide(primary, secondary)
    assert found is swap_type
    assert rule


def test_swap_type_of_every_pair_of_trailers() -> None:
    """The first that fits: S good and unset, S good and set, P good with an unconfirmed finished swap."""
    magics, flags = (G, B, U), (SET, BAD, UNSET)
    seen = set()
    for values in itertools.product(magics, flags, flags, magics, flags, flags):
        primary, secondary = state(*values[:3]), state(*values[3:])
        expected = SwapType.NONE
        if secondary.magic is G and secondary.image_ok is UNSET:
            expected = SwapType.TEST
        elif secondary.magic is G and secondary.image_ok is SET:
            expected = SwapType.PERM
        elif (primary.magic, primary.image_ok, primary.copy_done) == (G, UNSET, SET):
            expected = SwapType.REVERT
        assert decide(primary, secondary)[0] is expected, (primary, secondary)
        seen.add(expected)
    assert seen == {SwapType.NONE, SwapType.TEST, SwapType.PERM, SwapType.REVERT}


@pytest.mark.parametrize(
    ("align", "magic", "image_ok", "copy_done", "swap_info"),
    [(8, 16, 24, 32, 40), (16, 16, 32, 48, 64), (32, 16, 64, 96, 128)],
)
def test_trailer_offsets_from_the_end_of_the_slot(
    align: int, magic: int, image_ok: int, copy_done: int, swap_info: int
) -> None:
    layout = TrailerLayout.of(SIZE, align)
    assert layout == TrailerLayout(SIZE - magic, SIZE - image_ok, SIZE - copy_done, SIZE - swap_info)


@pytest.mark.parametrize(
    ("fmt", "write_size", "size", "scratch", "offsets"),
    [
        # swap status, [key 1, key 0], swap_size, [TLV sizes], swap_info, copy_done, image_ok, magic
        (TrailerFormat(), 1, 384 + 48, 51, (432, 48, 40, 32, 24, 16)),
        (TrailerFormat(), 8, 3072 + 48, 72, (3120, 48, 40, 32, 24, 16)),
        (TrailerFormat(max_sectors=8), 4, 96 + 48, 60, (144, 48, 40, 32, 24, 16)),
        (TrailerFormat(16, 8), 4, 96 + 80, 92, (176, 80, 64, 48, 32, 16)),
        (TrailerFormat(32, 8), 16, 384 + 160, 208, (544, 160, 128, 96, 64, 16)),
        (TrailerFormat(max_sectors=8, key_cell=16), 4, 176, 92, (176, 80, 64, 48, 40, 32, 24, 16)),
        (TrailerFormat(max_sectors=8, key_cell=256), 4, 656, 572, (656, 560, 304, 48, 40, 32, 24, 16)),
        (TrailerFormat(max_sectors=8, swap_offset=True), 4, 64 + 56, 64, (120, 56, 48, 40, 32, 24, 16)),
        (
            TrailerFormat(32, 8, 32, swap_offset=True),
            8,
            128 + 256,
            272,
            (384, 256, 224, 192, 160, 128, 96, 64, 16),
        ),
    ],
)
def test_every_field_of_a_trailer_from_its_end(
    fmt: TrailerFormat, write_size: int, size: int, scratch: int, offsets: tuple[int, ...]
) -> None:
    """Swap status: three entries a sector, two in offset mode; a key cell for each slot with encryption."""
    assert (fmt.size(write_size), fmt.scratch_size(write_size)) == (size, scratch)
    cells = fmt.cells(SIZE, write_size)
    assert tuple(SIZE - cell.offset for cell in cells) == offsets
    assert cells[0].offset + cells[0].size == cells[1].offset
    names = [cell.name for cell in cells]
    assert names[-4:] == ["swap_info", "copy_done", "image_ok", "magic"]
    assert ("key 0" in names) == bool(fmt.key_cell)
    assert ("unprotected TLV sizes" in names) == fmt.swap_offset
    assert fmt.cells(SIZE, write_size, scratch=True)[0].offset == SIZE - scratch


@pytest.mark.parametrize(
    ("primary", "scratch", "source"),
    [
        (state(G, copy_done=SET), state(U), StatusSource.NONE),
        (state(G, copy_done=SET), state(B), StatusSource.NONE),
        (state(G, copy_done=UNSET), state(U), StatusSource.PRIMARY_SLOT),
        (state(G, copy_done=UNSET), state(B), StatusSource.PRIMARY_SLOT),
        (state(G, copy_done=BAD), state(U), StatusSource.NONE),
        (state(G, copy_done=SET), state(G), StatusSource.SCRATCH),
        (state(G, copy_done=UNSET), state(G), StatusSource.SCRATCH),
        (state(B, copy_done=BAD), state(G), StatusSource.SCRATCH),
        (state(U, copy_done=UNSET), state(G), StatusSource.SCRATCH),
        (state(U, copy_done=UNSET), state(U), StatusSource.PRIMARY_SLOT),
        (state(U, copy_done=SET), state(U), StatusSource.NONE),
        (state(B, copy_done=UNSET), state(U), StatusSource.NONE),
    ],
)
def test_where_the_status_of_a_swap_by_scratch_stands(
    primary: SwapState, scratch: SwapState, source: StatusSource
) -> None:
    found, rule = find_status(primary, scratch)
    assert found is source
    assert rule


@pytest.mark.parametrize(
    ("secondary", "swap_type"),
    [
        (state(G, UNSET, SET), SwapType.REVERT),
        (state(G, UNSET, UNSET), SwapType.TEST),
        (state(G, UNSET, BAD), SwapType.TEST),
        (state(G, SET, SET), SwapType.PERM),
        (state(U, UNSET, SET), SwapType.NONE),
    ],
)
def test_offset_mode_knows_a_revert_that_was_begun(secondary: SwapState, swap_type: SwapType) -> None:
    assert decide(state(U), secondary, OFFSET_SWAP_TABLE)[0] is swap_type
    assert decide(state(U), secondary)[0] is not SwapType.REVERT


@pytest.mark.parametrize(
    ("mark", "code"),
    [(mark_confirmed, BootError.BADVECT), (partial(mark_pending, permanent=False), BootError.BADIMAGE)],
)
def test_a_bad_magic_has_an_error_code_of_its_own_for_each_mark(
    mark: Callable[[FlashArea], None], code: BootError
) -> None:
    with pytest.raises(TrailerError) as caught:
        mark(slot(contents=bytes(16)))
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("align", "magic"),
    [
        (8, "77c295f360d2ef7f3552500f2cb67980"),
        (16, "10002de15d29410b8d77679c110f1f8a"),
        (32, "20002de15d29410b8d77679c110f1f8a"),
    ],
)
def test_magic_of_each_alignment(align: int, magic: str) -> None:
    assert boot_img_magic(align).hex() == magic


def slot(write_size: int = 4, erased: int = 0xFF, contents: bytes = b"") -> FlashArea:
    flash = Flash("FLASH0", SIZE, 0x400, write_size, erased)
    area = FlashArea(0, "slot", flash, 0, SIZE, 0x10000000)
    if contents:
        area.write(SIZE - len(contents), contents)
    return area


@pytest.mark.parametrize("erased", [0xFF, 0x00])
@pytest.mark.parametrize(("align", "write_size"), [(8, 1), (8, 8), (16, 4), (16, 16), (32, 8), (32, 32)])
@pytest.mark.parametrize("permanent", [False, True])
def test_mark_pending_writes_magic_image_ok_and_swap_info(
    permanent: bool, align: int, write_size: int, erased: int
) -> None:
    area = slot(write_size, erased)
    mark_pending(area, permanent, image_index=1, max_align=align)
    swap_type, image_ok = (SwapType.PERM, SET) if permanent else (SwapType.TEST, UNSET)
    assert read_swap_state(area, align) == SwapState(G, swap_type, 1, UNSET, image_ok)
    trailer = bytearray([erased]) * 128
    trailer[-16:] = boot_img_magic(align)
    layout = TrailerLayout.of(128, align)
    trailer[layout.swap_info] = 0x13 if permanent else 0x12
    if permanent:
        trailer[layout.image_ok] = 1
    assert area.read(SIZE - 128, 128) == trailer
    assert area.read(0, SIZE - 128) == bytes([erased]) * (SIZE - 128)


def test_mark_pending_leaves_a_good_magic_alone() -> None:
    area = slot(contents=boot_img_magic())
    mark_pending(area, permanent=True)
    assert read_swap_state(area) == SwapState(G, SwapType.NONE, 0, UNSET, UNSET)


def test_mark_pending_refuses_a_bad_magic() -> None:
    area = slot(contents=bytes(16))
    with pytest.raises(TrailerError, match="slot: the trailer magic is bad; erase the slot"):
        mark_pending(area, permanent=False)
    assert area.read(0, SIZE) == bytes(16).rjust(SIZE, b"\xff")


@pytest.mark.parametrize(
    ("image_ok", "confirmed"), [(b"", SET), (b"\x01", SET), (b"\x02", BAD)], ids=["unset", "set", "bad"]
)
def test_mark_confirmed_sets_image_ok_once(image_ok: bytes, confirmed: Flag) -> None:
    area = slot(contents=image_ok.ljust(8, b"\xff") + boot_img_magic())
    mark_confirmed(area)
    assert read_swap_state(area) == SwapState(G, SwapType.NONE, 0, UNSET, confirmed)


def test_mark_confirmed_without_a_magic_does_nothing() -> None:
    area = slot()
    mark_confirmed(area)
    assert area.read(0, SIZE) == b"\xff" * SIZE


def test_mark_confirmed_refuses_a_bad_magic() -> None:
    with pytest.raises(
        TrailerError, match="slot: the trailer magic is bad, so the image cannot be confirmed"
    ):
        mark_confirmed(slot(contents=bytes(16)))


@pytest.mark.parametrize(("reads_as", "align"), [(G, 8), (B, 16), (B, 32)])
def test_a_magic_of_another_alignment_is_bad(reads_as: Magic, align: int) -> None:
    assert read_swap_state(slot(contents=boot_img_magic(8)), align).magic is reads_as


@pytest.mark.parametrize(
    ("info", "swap_type", "image_num"),
    [
        (0xFF, SwapType.NONE, 0),
        (0x02, SwapType.TEST, 0),
        (0x13, SwapType.PERM, 1),
        (0x34, SwapType.REVERT, 3),
        (0x05, SwapType.NONE, 0),
        (0x1F, SwapType.NONE, 0),
    ],
)
def test_swap_info_above_revert_is_none(info: int, swap_type: SwapType, image_num: int) -> None:
    found = read_swap_state(slot(contents=bytes([info]).ljust(40, b"\xff")))
    assert (found.swap_type, found.image_num) == (swap_type, image_num)


def test_copy_done_and_swap_info_have_cells_of_their_own() -> None:
    area = slot()
    write_copy_done(area)
    write_swap_info(area, SwapType.REVERT, 1)
    assert read_swap_state(area) == SwapState(U, SwapType.REVERT, 1, SET, UNSET)
    assert area.read(SIZE - 40, 40) == (b"\x14" + b"\xff" * 7 + b"\x01").ljust(40, b"\xff")


@pytest.mark.parametrize("size", [1, 3, 4, SIZE - 1, SIZE])
def test_write_image_erases_all_and_fills_the_last_write_block(size: int) -> None:
    area = slot(contents=bytes(SIZE))
    write_image(area, b"\x5a" * size)
    assert area.read(0, SIZE) == (b"\x5a" * size).ljust(SIZE, b"\xff")


@pytest.mark.parametrize(
    ("image", "says"),
    [(b"", "slot: an empty image"), (bytes(SIZE + 1), "slot: an image of 8193 bytes; the slot has 8192")],
)
def test_write_image_refuses_and_leaves_the_slot(image: bytes, says: str) -> None:
    area = slot(contents=b"old firmware")
    with pytest.raises(TrailerError, match=says):
        write_image(area, image)
    assert area.read(SIZE - 12, 12) == b"old firmware"


@pytest.mark.parametrize("strategy", [s for s in UpgradeStrategy if s not in STRATEGIES])
def test_a_strategy_that_is_not_there_yet_is_one_clear_error(
    strategy: UpgradeStrategy, make_ports: Callable[..., Ports]
) -> None:
    ports = make_ports({})
    with pytest.raises(Bl2ConfigError) as caught:
        Bl2(ports, Bl2Config(strategy=strategy, image_number=1), Trace())
    supported = ", ".join(known.value for known in STRATEGIES)
    assert str(caught.value) == (
        f"BL2: upgrade strategy {strategy.value} is not supported yet; supported: {supported}"
    )
    for name in (PRIMARY, SECONDARY):
        assert (
            ports.slot(0, name).area.flash.power.operations == 0
            or ports.slot(0, name).area.read(0, 4) == b"\xff" * 4
        )
