"""More layouts of ELF files beside those of test_elf.py, and every byte of their headers damaged."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.bootloader.elf import ElfError, elf_to_flat

DATA = Path(__file__).parent / "data" / "elf"
GOOD = (DATA / "data_in_flash.elf").read_bytes()
ALL = [path.read_bytes() for path in sorted(DATA.glob("*.elf"))]
E_SHOFF = 0x20


@pytest.mark.parametrize("name", ["data_in_flash", "overlay", "overlap"])
def test_equals_objcopy(name: str) -> None:
    flat = elf_to_flat((DATA / f"{name}.elf").read_bytes())
    assert flat.data == (DATA / f"{name}.bin").read_bytes()
    assert flat.base == 0x10080400
    assert flat.data[4:8] == flat.entry.to_bytes(4, "little"), "entry point and reset vector of these files"


def test_data_lies_behind_the_code_and_sections_without_bytes_nowhere() -> None:
    """.data by its load address; .bss and NOLOAD have none, though a segment names them."""
    flat = elf_to_flat(GOOD).data
    assert flat.endswith(b"read-onlyinitial data")
    assert b"never loaded" not in flat


def test_sections_that_share_a_run_address_follow_each_other_in_flash() -> None:
    assert elf_to_flat((DATA / "overlay.elf").read_bytes()).data.endswith(b"overlay A is longeroverlay B")


def test_the_later_of_two_sections_at_one_load_address_wins() -> None:
    """The linker put the longer one first here, so its tail stays."""
    assert elf_to_flat((DATA / "overlap.elf").read_bytes()).data.endswith(b"\0overlay B is longer")


def test_nothing_to_load() -> None:
    with pytest.raises(ElfError, match=r"^fw\.elf: nothing to load: no allocated section holds bytes$"):
        elf_to_flat((DATA / "nothing_to_load.elf").read_bytes(), "fw.elf")


def section_header(number: int) -> int:
    """Where a section header lies in GOOD."""
    (offset,) = struct.unpack_from("<I", GOOD, E_SHOFF)
    return int(offset) + 40 * number


def patched(offset: int, value: bytes) -> bytes:
    return GOOD[:offset] + value + GOOD[offset + len(value) :]


@pytest.mark.parametrize(
    ("elf", "says"),
    [
        (b"\x7fEL", "fw.elf: not an ELF file: it begins with 7f454c; wanted 7f454c46"),
        (patched(18, b"\xfe\xfe"), "fw.elf: machine 65278; legal: EM_ARM (Cortex-M)"),
        (patched(section_header(3) + 20, b"\xff\xff\0\0"), "fw.elf: truncated: .data has"),
        (patched(0x2C, b"\xff\xfe"), "fw.elf: a damaged ELF file: 65279 segment headers in"),
    ],
)
def test_one_clear_error(elf: bytes, says: str) -> None:
    with pytest.raises(ElfError) as caught:
        elf_to_flat(elf, "fw.elf")
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def flattens_or_says_why(elf: bytes) -> None:
    try:
        flat = elf_to_flat(elf, max_size=0x10000)
    except ElfError as error:
        assert str(error)
    else:
        assert 0 < len(flat.data) <= 0x10000


@pytest.mark.parametrize("value", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_each_byte_of_the_headers_damaged(value: int) -> None:
    for offset in (*range(4, 0xB4), *range(section_header(0), len(GOOD))):
        flattens_or_says_why(patched(offset, bytes([value])))


@pytest.mark.parametrize("elf", ALL, ids=[path.stem for path in sorted(DATA.glob("*.elf"))])
def test_cut_at_any_length(elf: bytes) -> None:
    for length in range(0, len(elf), 7):
        flattens_or_says_why(elf[:length])


@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_damaged_files(elf: bytes, edits: list[tuple[float, int]]) -> None:
    damaged = bytearray(elf)
    for place, value in edits:
        damaged[int(place * len(elf))] = value
    flattens_or_says_why(bytes(damaged))
