"""ELF to flat binary: byte for byte what GNU objcopy makes, and one clear error for all else.

The Makefile in data/elf says how the ELF files and objcopy's answers were made.
"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfm_sim.bootloader.elf import ElfError, elf_to_flat
from tfm_sim.bootloader.inspect import inspect_image
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

DATA = Path(__file__).parent / "data" / "elf"
DEMO = SECURE_IMAGE.parent.parent / "firmware"
GAPS = (DATA / "gaps.elf").read_bytes()
ELF_CLASS, ELF_DATA, E_TYPE, E_MACHINE, E_SHOFF, E_SHNUM = 4, 5, 16, 18, 32, 48


@pytest.mark.parametrize("name", ["gaps", "headers"])
def test_equals_objcopy(name: str) -> None:
    flat = elf_to_flat((DATA / f"{name}.elf").read_bytes())
    assert flat.base == 0x10080400
    assert flat.data == (DATA / f"{name}.bin").read_bytes()


def test_data_lies_at_its_load_address_and_gaps_are_zero() -> None:
    flat = elf_to_flat(GAPS).data
    assert flat[0x180:0x190] == b"".join(n.to_bytes(4, "little") for n in (5, 6, 7, 8))
    assert flat[0x190:0x1C4] == bytes(0x34)
    assert flat[0x1C4:] == b"".join(n.to_bytes(4, "little") for n in (9, 10))


def test_headers_in_the_first_segment_are_no_part_of_the_image() -> None:
    elf = (DATA / "headers.elf").read_bytes()
    assert b"\x7fELF" not in elf_to_flat(elf).data


@pytest.mark.parametrize("role", ["secure", "non_secure"])
def test_demo_images_hold_the_demo_firmware(role: str) -> None:
    flat = elf_to_flat((DEMO / f"{role}.elf").read_bytes())
    image = (SECURE_IMAGE.parent / f"{role}_1.0.0.bin").read_bytes()
    header = inspect_image(image).header
    assert image[header.hdr_size : header.hdr_size + header.img_size] == flat.data


def _patched(offset: int, value: bytes) -> bytes:
    return GAPS[:offset] + value + GAPS[offset + len(value) :]


@pytest.mark.parametrize(
    ("elf", "text"),
    [
        (b"", "not an ELF file: it begins with an empty file"),
        (b"\x3d\xb8\xf3\x96" + bytes(60), "not an ELF file: it begins with 3db8f396"),
        (GAPS[:4], "a damaged ELF file"),
        (GAPS[:40], "a damaged ELF file"),
        (GAPS[:100], "a damaged ELF file"),
        (GAPS[:-1], "a damaged ELF file"),
        (_patched(ELF_CLASS, b"\x02"), "a 64-bit ELF; legal: 32-bit"),
        (_patched(ELF_CLASS, b"\x07"), "a damaged ELF file"),
        (_patched(ELF_DATA, b"\x02"), "a big-endian ELF; legal: little-endian"),
        (_patched(E_MACHINE, b"\x3e\x00"), "machine EM_X86_64; legal: EM_ARM"),
        (_patched(E_MACHINE, b"\xf3\x00"), "machine EM_RISCV; legal: EM_ARM"),
        (_patched(E_TYPE, b"\x01\x00"), "an object file that no linker has placed yet"),
        ((DATA / "object.elf").read_bytes(), "an object file that no linker has placed yet"),
        (_patched(E_SHOFF, bytes(4)), "no section headers"),
        (_patched(E_SHNUM, b"\xff\xff"), "a damaged ELF file: 65535 section headers in 668 bytes"),
        (
            (DATA / "ram_only.elf").read_bytes(),
            "section .data loaded at 0x30000000; legal: at most 0x1000000",
        ),
    ],
)
def test_refused(elf: bytes, text: str) -> None:
    with pytest.raises(ElfError, match=text.replace("(", r"\(").replace(")", r"\)")) as error:
        elf_to_flat(elf, "fw.elf")
    assert str(error.value).startswith("fw.elf: ")


def test_size_limit_counts_the_flat_binary() -> None:
    size = len(elf_to_flat(GAPS).data)
    assert len(elf_to_flat(GAPS, max_size=size).data) == size
    with pytest.raises(ElfError, match=f"would have {size:#x} bytes"):
        elf_to_flat(GAPS, max_size=size - 1)


def _only_its_own_error(elf: bytes) -> None:
    try:
        elf_to_flat(elf, max_size=0x10000)
    except ElfError as error:
        assert str(error)


@given(st.binary(max_size=200).map(lambda tail: b"\x7fELF\x01\x01" + tail))
@settings(deadline=None)
def test_any_bytes(elf: bytes) -> None:
    _only_its_own_error(elf)


@given(st.lists(st.tuples(st.integers(0, len(GAPS) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=300)
def test_damaged_elf(changes: list[tuple[int, int]]) -> None:
    elf = bytearray(GAPS)
    for offset, value in changes:
        elf[offset] = value
    _only_its_own_error(bytes(elf))
