"""An ELF file as the flat binary that ``objcopy -O binary`` makes of it.

What counts are allocated sections with bytes, at their *load* address (so ``.data`` lies in flash behind the
code); gaps read zero. Segments alone would not do: a linker may put the ELF headers into the first one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from ..interface.errors import TfmSimError

MAX_FLAT_SIZE: Final = 0x100_0000
EM_ARM: Final = "EM_ARM"


class ElfError(TfmSimError):
    """A file is no ELF that a Cortex-M image can be made of."""


@dataclass(frozen=True, slots=True)
class FlatImage:
    """The bytes from the lowest load address on, that address, and the ELF's entry point."""

    base: int
    data: bytes
    entry: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: str
    address: int
    data: bytes


def elf_to_flat(elf: bytes, name: str = "ELF", max_size: int = MAX_FLAT_SIZE) -> FlatImage:
    """Flatten a 32-bit little-endian Arm ELF; ``name`` is for messages, ``max_size`` in bytes.

    Raises ElfError for anything else, for an ELF without loadable bytes, and where the load addresses lie so
    far apart that the binary would be larger than ``max_size``.
    """
    if elf[:4] != b"\x7fELF":
        found = elf[:4].hex() or "an empty file"
        raise ElfError(f"{name}: not an ELF file: it begins with {found}; wanted 7f454c46")
    try:
        file = ELFFile(BytesIO(elf))
        _check_kind(file, name)
        chunks = list(_chunks(file, len(elf), name))
        entry = int(file["e_entry"])
    except TfmSimError:
        raise
    except Exception as error:  # pyelftools lets many kinds escape on a damaged file
        raise ElfError(f"{name}: a damaged ELF file: {error or type(error).__name__}") from error
    if not chunks:
        raise ElfError(f"{name}: nothing to load: no allocated section holds bytes")
    base = min(chunk.address for chunk in chunks)
    end = max(chunk.address + len(chunk.data) for chunk in chunks)
    if end - base > max_size:
        highest = max(chunks, key=lambda chunk: chunk.address)
        raise ElfError(
            f"{name}: the flat binary would have {end - base:#x} bytes, from {base:#010x} to section "
            f"{highest.name} loaded at {highest.address:#010x}; legal: at most {max_size:#x}. A section for "
            "RAM needs a load address in flash, or type NOLOAD"
        )
    flat = bytearray(end - base)
    for chunk in chunks:
        start = chunk.address - base
        flat[start : start + len(chunk.data)] = chunk.data
    return FlatImage(base, bytes(flat), entry)


def _check_kind(file: ELFFile, name: str) -> None:
    if file.elfclass != 32:
        raise ElfError(f"{name}: a {file.elfclass}-bit ELF; legal: 32-bit")
    if not file.little_endian:
        raise ElfError(f"{name}: a big-endian ELF; legal: little-endian")
    if file["e_type"] == "ET_REL":
        raise ElfError(f"{name}: an object file that no linker has placed yet; legal: a linked firmware")
    if file["e_machine"] != EM_ARM:
        raise ElfError(f"{name}: machine {file['e_machine']}; legal: {EM_ARM} (Cortex-M)")


def _chunks(file: ELFFile, size: int, name: str) -> Iterator[_Chunk]:
    tables = (("section", file.num_sections(), 40), ("segment", file.num_segments(), 32))
    for what, count, entry_size in tables:
        if count * entry_size > size:
            raise ElfError(f"{name}: a damaged ELF file: {count} {what} headers in {size} bytes")
    loads = [segment for segment in file.iter_segments() if segment["p_type"] == "PT_LOAD"]
    places = [(int(s["p_offset"]), int(s["p_filesz"]), int(s["p_paddr"])) for s in loads]
    if file.num_sections() == 0:
        raise ElfError(
            f"{name}: no section headers, so nothing tells firmware from ELF headers inside the segments; "
            "legal: an ELF with its sections (strip keeps them)"
        )
    for section in file.iter_sections():
        length, offset = int(section["sh_size"]), int(section["sh_offset"])
        flags = int(section["sh_flags"])
        if not flags & SH_FLAGS.SHF_ALLOC or section["sh_type"] == "SHT_NOBITS" or not length:
            continue
        address = int(section["sh_addr"])
        for p_offset, p_filesz, p_paddr in places:
            if p_offset <= offset and offset + length <= p_offset + p_filesz:
                address = p_paddr + offset - p_offset
                break
        yield _Chunk(section.name, address, _complete(section.data(), length, section.name, name))


def _complete(data: bytes, length: int, what: str, name: str) -> bytes:
    if len(data) != length:
        raise ElfError(f"{name}: truncated: {what} has {len(data)} of its {length} bytes")
    return data
