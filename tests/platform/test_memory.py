"""The memory map: every address in at most one region, real bytes behind it, rights kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform.memory import Access, Memory, MemoryFault, Region, RegionKind, Security

R, RW, RX = Access.READ, Access.READ | Access.WRITE, Access.READ | Access.EXECUTE


def region(name: str, base: int, size: int, access: Access = RW, kind: RegionKind = RegionKind.RAM) -> Region:
    return Region(name, base, size, Security.SECURE, access, kind=kind)


def small_memory() -> Memory:
    """low 0x1000..0x10ff rw, rom 0x1100..0x11ff rx, a hole, high 0x2000..0x20ff rw."""
    memory = Memory()
    memory.add(region("high", 0x2000, 0x100), bytearray(0x100))
    memory.add(region("low", 0x1000, 0x100), bytearray(0x100))
    memory.add(region("rom", 0x1100, 0x100, RX, RegionKind.FLASH), bytearray(b"\xaa" * 0x100))
    return memory


@pytest.mark.parametrize(
    "address, name",
    [
        (0, None),
        (0xFFF, None),
        (0x1000, "low"),
        (0x10FF, "low"),
        (0x1100, "rom"),
        (0x11FF, "rom"),
        (0x1200, None),
        (0x1FFF, None),
        (0x2000, "high"),
        (0x20FF, "high"),
        (0x2100, None),
        (0xFFFFFFFF, None),
        (-1, None),
    ],
)
def test_find(address: int, name: str | None) -> None:
    found = small_memory().find(address)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    "address, length, name",
    [
        (0x1000, 0x100, "low"),
        (0x1000, 0x101, None),
        (0x10FF, 2, None),
        (0x10FF, 1, "low"),
        (0x11F0, 0x20, None),
        (0x1000, -1, None),
        (0x3000, 1, None),
    ],
)
def test_find_range_holds_all_of_it_in_one_region(address: int, length: int, name: str | None) -> None:
    found = small_memory().find_range(address, length)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    "address, length, refused",
    [
        (0x1000, 4, None),
        (0x1100, 4, None),
        (0x10FE, 2, None),
        (0x10FE, 4, "leaves region low"),
        (0x1200, 1, "nothing is mapped there"),
    ],
)
def test_read(address: int, length: int, refused: str | None) -> None:
    memory = small_memory()
    if refused is None:
        assert memory.read(address, length) == (b"\xaa" if address == 0x1100 else b"\0") * length
    else:
        with pytest.raises(MemoryFault, match=refused) as caught:
            memory.read(address, length)
        assert (caught.value.address, caught.value.length) == (address, length)


@pytest.mark.parametrize(
    "address, refused",
    [
        (0x1000, None),
        (0x10FC, None),
        (0x10FD, "leaves region low"),
        (0x1100, "rom is not writable"),
        (0x1FFE, "nothing is mapped there"),
    ],
)
def test_write(address: int, refused: str | None) -> None:
    memory = small_memory()
    if refused is None:
        memory.write(address, b"\x01\x02\x03\x04")
        assert memory.read(address, 4) == b"\x01\x02\x03\x04"
    else:
        with pytest.raises(MemoryFault, match=refused):
            memory.write(address, b"\x01\x02\x03\x04")


def test_bytes_are_those_of_the_backing() -> None:
    cells = bytearray(0x100)
    memory = Memory()
    mapped = memory.add(region("r", 0x1000, 0x100), cells)
    memory.write(0x1010, b"spm")
    assert cells[0x10:0x13] == b"spm"
    cells[0] = 7
    assert memory.read(0x1000, 1) == b"\x07"
    mapped.view[1] = 9
    assert cells[1] == 9
    assert memory.find(0x1000) is mapped


def test_the_view_of_a_region_without_write_access_is_read_only() -> None:
    rom = small_memory().find(0x1100)
    assert rom is not None
    with pytest.raises(TypeError):
        rom.view[0] = 0
    assert rom.view[0] == 0xAA


@pytest.mark.parametrize(
    "base, size, backing, message",
    [
        (0x10F0, 0x20, 0x20, "overlaps region low"),
        (0x0FF0, 0x20, 0x20, "overlaps region low"),
        (0x1000, 0x100, 0x100, "overlaps region low"),
        (0x0F00, 0x2000, 0x2000, "overlaps region low"),
        (0x1080, 1, 1, "overlaps region low"),
        (0x3000, 0x10, 0x11, "17 bytes of backing for 16"),
        (0x3000, 0, 0, "0 bytes of backing"),
    ],
)
def test_add_refuses_overlap_and_wrong_backing(base: int, size: int, backing: int, message: str) -> None:
    memory = small_memory()
    before = memory.regions
    with pytest.raises(MemoryFault, match=message):
        memory.add(region("new", base, size), bytearray(backing))
    assert memory.regions == before


@pytest.mark.parametrize(
    "base, size, names",
    [
        (0x1000, 0x100, ["part"]),
        (0x1000, 0x40, ["part", "low"]),
        (0x10C0, 0x40, ["low", "part"]),
        (0x1040, 0x40, ["low", "part", "low"]),
    ],
)
def test_carve_gives_a_part_of_ram_to_a_partition(base: int, size: int, names: list[str]) -> None:
    memory = small_memory()
    memory.write(base, b"kept")
    part = memory.carve(Region("part", base, size, Security.SECURE, RW, owner="TFM_SP_CRYPTO"))
    assert [r.name for r in memory.regions] == [*names, "rom", "high"]
    assert memory.find(base) is part
    assert part.owner == "TFM_SP_CRYPTO"
    assert memory.read(base, 4) == b"kept"
    assert sum(r.size for r in memory.regions if r.name in ("low", "part")) == 0x100


@pytest.mark.parametrize("base, size", [(0x10F0, 0x20), (0x1200, 1), (0x0FFF, 2), (0x1000, 0)])
def test_carve_out_of_no_single_region_is_refused(base: int, size: int) -> None:
    memory = small_memory()
    before = memory.regions
    with pytest.raises(MemoryFault, match="not inside one mapped region"):
        memory.carve(region("part", base, size))
    assert memory.regions == before


def test_a_reset_forgets_ram_and_peripherals_and_keeps_the_rest() -> None:
    memory = Memory()
    for index, kind in enumerate(RegionKind):
        memory.add(region(kind.value, index * 0x100, 0x100, R, kind), bytearray(b"\x55" * 0x100))
    memory.clear_ram()
    assert {r.name: r.view[0] for r in memory.regions} == {
        "ram": 0,
        "flash": 0x55,
        "otp": 0x55,
        "peripheral": 0,
    }


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 40)), max_size=12), st.integers(-1, 260))
def test_find_agrees_with_a_search_of_all_regions(ranges: list[tuple[int, int]], address: int) -> None:
    memory = Memory()
    for index, (base, size) in enumerate(ranges):
        clash = any(r.base < base + size and base < r.end for r in memory.regions)
        try:
            memory.add(region(str(index), base, size), bytearray(size))
            assert not clash
        except MemoryFault:
            assert clash
    wanted = [r for r in memory.regions if r.base <= address < r.end]
    assert memory.find(address) is (wanted[0] if wanted else None)
    assert [r.base for r in memory.regions] == sorted(r.base for r in memory.regions)
