"""The flash of internal trusted storage as somebody else left it: damaged, foreign or older."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.its_bench import GEOMETRIES, NEW, FsBench, Geometry, file_id
from support.partition_bench import make_hal, start_partitions

from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_get_info, psa_its_set
from tfm_sim.interface.psa.status import PSA_ERROR_GENERIC_ERROR, PSA_SUCCESS, PsaStatus
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, ItsQuirks
from tfm_sim.partitions.internal_trusted_storage.file_system import FileInfo
from tfm_sim.partitions.internal_trusted_storage.layout import (
    BlockMeta,
    BlockMetaLayout,
    FileMeta,
    FileMetaLayout,
    FsConfig,
    Header,
    HeaderLayout,
    Layout,
    config_problem,
)
from tfm_sim.partitions.internal_trusted_storage.refusal import Refusal
from tfm_sim.partitions.internal_trusted_storage.validity import (
    is_latest_block_1,
    is_sound_block,
    is_sound_file,
)
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.power import Cut, CutMode
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.spm.panic import DevicePanic

FILES = {0: b"first" * 9, 1: b"", 2: b"\xff\x00" * 60}


def good_image(geometry: Geometry) -> bytes:
    bench = FsBench(geometry)
    bench.boot()
    for number, data in FILES.items():
        bench.set(number, data)
    return bytes(bench.flash.cells)


IMAGES = {name: good_image(geometry) for name, geometry in GEOMETRIES.items()}


def use(bench: FsBench) -> None:
    """Mount, read, write, remove: a status or a value each time, whatever the flash holds."""
    acts: tuple[Callable[[], object], ...] = (
        bench.fs.prepare,
        lambda: bench.get(0),
        lambda: bench.set(0, b"new data"),
        lambda: bench.set(3, b"another"),
        lambda: bench.remove(2),
        bench.fs.wipe_all,
    )
    for act in acts:
        try:
            act()
        except Refusal as refusal:
            assert PsaStatus(refusal.status).name.startswith("PSA_ERROR_")
    bench.boot()
    assert bench.all() == {}


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from(list(GEOMETRIES)),
    head=st.binary(max_size=700),
    validate=st.booleans(),
    trust=st.booleans(),
)
@example("four blocks", b"\2\0\0\0\2\0\1", False, True)
@example("two blocks", b"\1\0\0\0\2\0\1\0" + b"\xff" * 600, False, True)
def test_arbitrary_bytes(name: str, head: bytes, validate: bool, trust: bool) -> None:
    geometry = GEOMETRIES[name]
    image = head + IMAGES[name][len(head) :]
    quirks = ItsQuirks(scratch_block_is_trusted=trust, upgrade_loses_block_0=trust)
    use(FsBench(geometry, image, quirks, validate=validate))


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from(list(GEOMETRIES)),
    bits=st.lists(st.integers(0, 700 * 8 - 1), min_size=1, max_size=4, unique=True),
    block=st.integers(0, 1),
    validate=st.booleans(),
)
def test_flipped_bits(name: str, bits: list[int], block: int, validate: bool) -> None:
    geometry = GEOMETRIES[name]
    image = bytearray(IMAGES[name])
    start = block * geometry.config.block_size
    for bit in bits:
        at = (start + bit // 8) % len(image)
        image[at] ^= 1 << bit % 8
    use(FsBench(geometry, bytes(image), validate=validate))


@pytest.mark.parametrize("name", ["four blocks", "two blocks", "encrypted"])
def test_one_flipped_bit_of_the_metadata_is_found_at_the_next_boot(name: str) -> None:
    """TF-M its_mblock_validate_metadata_xor: tables, and here the number of the scratch block as well."""
    geometry, image = GEOMETRIES[name], IMAGES[name]
    config = geometry.config
    bench = FsBench(geometry, image)
    bench.fs.prepare()
    active = next(b for b in (0, 1) if image[b * config.block_size + 4] == 2)
    start, size = active * config.block_size, Layout(config).metadata_size
    unseen = []
    for bit in range(size * 8):
        if config.num_blocks == 2 and bit < 32:
            continue  # two blocks have no scratch block for data
        flipped = bytearray(image)
        flipped[start + bit // 8] ^= 1 << bit % 8
        other = FsBench(geometry, bytes(flipped))
        try:
            other.fs.prepare()
        except Refusal as refusal:
            assert refusal.status == PSA_ERROR_GENERIC_ERROR
        else:
            unseen.append(bit // 8)
            assert other.all() == bench.all()
    # The swap count may have any value, and what the compiler leaves behind it says nothing.
    assert set(unseen) <= {6, 7}


def test_tfm_trusts_the_number_of_the_scratch_block() -> None:
    """A flipped bit there, and the next boot erases a block with files."""
    geometry = Geometry(blocks=5)
    bench = FsBench(geometry)
    bench.boot()
    for number in range(4):
        bench.set(number, bytes([number + 1]) * 128)
    files, image = bench.all(), bytearray(bench.flash.cells)
    config = geometry.config
    active = next(b for b in (0, 1) if image[b * config.block_size + 4] == 2)
    scratch = image[active * config.block_size]
    held = next(
        n for n in range(2, 5) if n != scratch and any(b != 0xFF for b in image[n * 512 : n * 512 + 512])
    )
    image[active * config.block_size] = held
    trusting = FsBench(geometry, bytes(image), ItsQuirks(scratch_block_is_trusted=True))
    trusting.fs.prepare()
    assert trusting.all() != files
    with pytest.raises(Refusal):
        FsBench(geometry, bytes(image)).fs.prepare()


def areas(contents: bytes | None = None) -> FlashArea:
    return FlashArea(7, "its", Flash("its", 0x4000, 0x1000, 1, 0xFF, contents), 0, 0x4000)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("contents", [None, bytes(0x4000), b"\x5a" * 0x4000])
def test_the_first_boot(create: bool, contents: bytes | None) -> None:
    """TF-M ITS_CREATE_FLASH_LAYOUT: an area without a file system gets an empty one, or stops the boot."""
    hal = make_hal(provisioned_otp(DUMMY), its_area=areas(contents))
    build = ItsBuild(ItsConfig(create_flash_layout=create))
    if not create:
        with pytest.raises(DevicePanic, match="TFM_SP_ITS"):
            start_partitions(hal=hal, its=build)
        return
    device = start_partitions(hal=hal, its=build)
    assert psa_its_set(device.ns, 1, b"works", 0) == PSA_SUCCESS


def test_an_area_with_a_file_system_is_kept() -> None:
    area = areas()
    hal = make_hal(provisioned_otp(DUMMY), its_area=area)
    device = start_partitions(hal=hal)
    psa_its_set(device.ns, 1, b"kept", 2)
    again = start_partitions(hal=hal, its=ItsBuild(ItsConfig(create_flash_layout=False)))
    assert psa_its_get(again.ns, 1, 0, 9) == (PSA_SUCCESS, b"kept")
    assert psa_its_get_info(again.ns, 1)[1].flags == 2


def test_pieces_lose_the_promise() -> None:
    """TF-M with ITS_BUF_SIZE below the asset's size: each piece is an update, as its Kconfig warns."""
    area = areas()
    hal = make_hal(provisioned_otp(DUMMY), its_area=area)
    quirks = ItsQuirks(writes_in_pieces=True)
    device = start_partitions(hal=hal, its=ItsBuild(ItsConfig(buf_size=32, quirks=quirks)))
    psa_its_set(device.ns, 1, b"a" * 100, 0)
    before = area.flash.power.operations
    assert psa_its_set(device.ns, 1, b"b" * 100, 0) == PSA_SUCCESS
    per_piece = (area.flash.power.operations - before) // 4
    assert psa_its_get(device.ns, 1, 0, 200) == (PSA_SUCCESS, b"b" * 100)
    power = area.flash.power
    power.cut_at(Cut(power.operations + per_piece + per_piece // 2))
    with pytest.raises(DevicePanic, match="PowerCut"):  # this bench has nobody to tell of a reset
        psa_its_set(device.ns, 1, b"c" * 100, 0)
    power.restore()
    after = start_partitions(hal=hal)
    assert psa_its_get(after.ns, 1, 0, 200) == (PSA_SUCCESS, b"c" * 32)


@pytest.mark.parametrize(
    "first, second, erased, later",
    [
        (1, 2, 0xFF, True),
        (2, 1, 0xFF, False),
        (254, 0, 0xFF, True),
        (0, 254, 0xFF, False),
        (0, 1, 0xFF, True),
        (1, 0, 0xFF, False),
        (255, 1, 0x00, True),
        (1, 255, 0x00, False),
        (1, 2, 0x00, True),
        (2, 1, 0x00, False),
        (5, 5, 0xFF, False),
        (0, 0, 0xFF, True),
    ],
)
def test_the_later_of_two_metadata_blocks(first: int, second: int, erased: int, later: bool) -> None:
    """TF-M its_mblock_latest_meta_block: the count skips the erased value and starts again."""
    assert is_latest_block_1(first, second, erased) is later


@pytest.mark.parametrize("erased", [0x00, 0xFF])
def test_more_updates_than_the_swap_count_has_values(erased: int) -> None:
    bench = FsBench(Geometry(erased=erased))
    bench.boot()
    for number in range(300):
        data = number.to_bytes(2, "big") * 3
        bench.set(0, data)
        if number % 7 == 0 or number > 250:
            bench.boot()
        assert bench.all() == {0: (data, 0)}


def version_1(geometry: Geometry) -> bytes:
    """The same files as an older TF-M left them: no XOR, and the swap count in its place."""
    image = bytearray(IMAGES["four blocks"])
    block_size = geometry.config.block_size
    active = next(b for b in (0, 1) if image[b * block_size + 4] == 2)
    header = Header.decode(bytes(image[active * block_size :][:8]))
    old = Header(header.scratch_dblock, 1, header.active_swap_count, 0xFF, 0xFF)
    image[active * block_size : active * block_size + 8] = old.encode(8)
    return bytes(image)


def test_a_file_system_of_version_1_is_brought_up_to_date() -> None:
    """TF-M its_mblock_upgrade_meta_header; a cut at any operation leaves the files as they were."""
    geometry = GEOMETRIES["four blocks"]
    image = version_1(geometry)
    bench = FsBench(geometry, image)
    bench.fs.prepare()
    files = {number: (data, 0) for number, data in FILES.items()}
    assert bench.all() == files
    forgetful = FsBench(geometry, image, ItsQuirks(upgrade_loses_block_0=True))
    forgetful.fs.prepare()
    assert forgetful.get(0) == (b"\xff" * 45, 0), "TF-M's own code reads the same"
    again = FsBench(geometry, bytes(bench.flash.cells))
    again.fs.prepare()
    assert again.flash.power.operations == 2, "nothing but the scratch blocks is erased"
    for number in range(1, bench.flash.power.operations + 1):
        cut = FsBench(geometry, image)
        assert cut.cut(lambda b: b.fs.prepare(), number, list(CutMode)[number % 3])
        cut.boot()
        assert cut.all() == files


@pytest.mark.parametrize(
    "layout, size, value",
    [
        (HeaderLayout, 8, Header(3, 2, 0x5A, 7, 0)),
        (BlockMetaLayout, 12, BlockMeta(1, 384, 100)),
        (FileMetaLayout, 32, FileMeta(1, 2, 3, 4, 0x30001, b"abcdefghijkl")),
    ],
)
def test_layouts(layout: object, size: int, value: Header | BlockMeta | FileMeta) -> None:
    """The declared structure and the quick one are the same."""
    fields = layout.parse(value.encode(size))  # type: ignore[attr-defined]
    assert layout.sizeof() == size  # type: ignore[attr-defined]
    for name in fields:
        if not name.startswith("_"):
            assert fields[name] == getattr(value, name)
    assert type(value).decode(value.encode(size + 8)) == value


@pytest.mark.parametrize(
    "config, problem",
    [
        (FsConfig(4096, 4, 1, 512, 11), None),
        (FsConfig(4096, 3, 1, 512, 11), "3 blocks; legal: 2, or 4 and more"),
        (FsConfig(4096, 1, 1, 512, 11), "1 blocks"),
        (FsConfig(512, 4, 1, 513, 4), "files of up to 513 bytes; legal: up to 512"),
        (FsConfig(1024, 2, 1, 900, 4), "legal: up to 876"),
        (FsConfig(256, 4, 1, 64, 11), "metadata of 384 bytes; legal: up to a block, 256"),
        (FsConfig(4096, 4, 32, 512, 11, alignment=32), "a program unit of 32 bytes; legal: up to 16"),
    ],
)
def test_areas_that_hold_no_file_system(config: FsConfig, problem: str | None) -> None:
    """TF-M its_flash_fs_validate_config."""
    found = config_problem(config)
    assert found is None if problem is None else problem in (found or "")


SOUND = FsConfig(4096, 5, 1, 512, 11)
TABLES = Layout(SOUND)
BEHIND = TABLES.metadata_size
ID = bytes(11) + b"x"


@pytest.mark.parametrize(
    "meta, sound",
    [
        (FileMeta(0, BEHIND, 10, 512, 0, ID), True),
        (FileMeta(0, BEHIND, 512, 512, 0, ID), True),
        (FileMeta(0, BEHIND, 513, 512, 0, ID), False),
        (FileMeta(0, BEHIND, 0, 513, 0, ID), False),
        (FileMeta(0, BEHIND - 1, 0, 512, 0, ID), False),
        (FileMeta(1, 0, 0, 512, 0, ID), True),
        (FileMeta(1, 4096 - 512, 0, 512, 0, ID), True),
        (FileMeta(1, 4096 - 511, 0, 512, 0, ID), False),
        (FileMeta(TABLES.active_dblocks - 1, 0, 0, 0, 0, ID), True),
        (FileMeta(TABLES.active_dblocks, 0, 0, 0, 0, ID), False),
        # An entry that is free has no data to lie anywhere.
        (FileMeta(0, 0, 9, 0, 0, bytes(12)), True),
        (FileMeta(TABLES.active_dblocks, 0, 0, 0, 0, bytes(12)), False),
    ],
)
def test_entries_of_files_that_can_be(meta: FileMeta, sound: bool) -> None:
    """TF-M its_mblock_validate_file_meta."""
    assert is_sound_file(meta, TABLES, SOUND) is sound


@pytest.mark.parametrize(
    "meta, sound",
    [
        (BlockMeta(0, BEHIND, 4096 - BEHIND), True),
        (BlockMeta(1, BEHIND, 0), True),
        (BlockMeta(1, BEHIND, 4096 - BEHIND + 1), False),
        (BlockMeta(1, 0, 0), False),
        (BlockMeta(2, 0, 4096), True),
        (BlockMeta(2, 0, 4097), False),
        (BlockMeta(2, BEHIND, 0), False),
        (BlockMeta(4, 0, 0), True),
        (BlockMeta(5, 0, 0), False),
    ],
)
def test_entries_of_blocks_that_can_be(meta: BlockMeta, sound: bool) -> None:
    """TF-M its_mblock_validate_block_meta."""
    assert is_sound_block(meta, TABLES, SOUND) is sound


@pytest.mark.parametrize("number", range(1, 40))
def test_a_wipe_that_is_cut_brings_nothing_older_back(number: int) -> None:
    """A set cut at any operation may leave two valid metadata blocks; the active one is erased last."""
    bench = FsBench(GEOMETRIES["four blocks"])
    bench.boot()
    bench.set(0, b"older")
    bench.cut(lambda b: b.set(0, b"newer"), number, CutMode.AFTER)
    kept = bench.copy()
    kept.boot()
    for wiped in (1, 2):
        # Nobody has mounted it, which would have erased the scratch block.
        left = bench.copy()
        assert left.cut(lambda b: b.fs.wipe_all(), wiped, CutMode.AFTER)
        left.boot()
        assert left.all() in (kept.all(), {})


@pytest.mark.parametrize(
    "unit, offset, size, status",
    [
        (4, 8, 4, None),
        (4, 4, 4, None),
        (4, 6, 2, PSA_ERROR_GENERIC_ERROR),
        (4, 12, 4, PSA_ERROR_GENERIC_ERROR),
        (4, 8, 9, PSA_ERROR_GENERIC_ERROR),
        (1, 8, 8, None),
        (1, 9, 1, PSA_ERROR_GENERIC_ERROR),
        (1, 8, 9, PSA_ERROR_GENERIC_ERROR),
    ],
)
def test_a_piece_of_a_file(unit: int, offset: int, size: int, status: int | None) -> None:
    """TF-M its_flash_fs_file_write_aligned_data: 8 bytes are there, 16 have room; no gap, whole units."""
    bench = FsBench(Geometry(unit=unit))
    bench.boot()
    bench.fs.write(file_id(0), FileInfo(0, 16, NEW), bytes(8))
    if status is None:
        bench.fs.write(file_id(0), FileInfo(0, 16, 0), b"x" * size, offset)
        assert bench.get(0) == ((bytes(offset) + b"x" * size).ljust(8, b"\0"), 0)
        return
    with pytest.raises(Refusal) as refused:
        bench.fs.write(file_id(0), FileInfo(0, 16, 0), b"x" * size, offset)
    assert refused.value.status == status
    assert bench.get(0) == (bytes(8), 0)
