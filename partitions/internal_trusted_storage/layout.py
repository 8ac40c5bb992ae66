"""The flash format of TF-M's file system, version 2 (its_flash_fs_mblock.h). All integers little endian.

A metadata block holds a header, a table of the logical data blocks, a table of the files, and behind them the
data of logical block 0. Two physical blocks, 0 and 1, take turns as metadata block; with more than two, one
of the others is the scratch data block and the rest are logical data blocks 1 and up.
"""

import struct
from dataclasses import dataclass
from typing import Final, Self

from construct import Bytes, Int8ul, Int32ul, Struct

METADATA_BLOCKS: Final = (0, 1)
LOGICAL_DBLOCK0: Final = 0
SUPPORTED_VERSION: Final = 2
BACKWARD_SUPPORTED_VERSION: Final = 1
MAX_PROGRAM_UNIT: Final = 16
FILE_ID_SIZE: Final = 12
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
NO_FILE_ID: Final = bytes(FILE_ID_SIZE)
"""The id of an entry that is free."""

USER_FLAGS_MASK: Final = (1 << 16) - 1
"""What the file system keeps for its user: psa_storage_create_flags_t."""
FLAG_CREATE: Final = 1 << 16
FLAG_TRUNCATE: Final = 1 << 17
INTERNAL_FLAGS_MASK: Final = 0xFF000000
FLAG_DELETE: Final = 1 << 24
"""The file goes with the next update."""

HeaderLayout: Final = Struct(
    "scratch_dblock" / Int32ul,
    "fs_version" / Int8ul,
    "metadata_xor" / Int8ul,
    "active_swap_count" / Int8ul,
    "padding" / Int8ul,
)
"""``its_metadata_block_header_t``. Of version 1 the swap count stands where the XOR is now."""
BlockMetaLayout: Final = Struct("phy_id" / Int32ul, "data_start" / Int32ul, "free_size" / Int32ul)
"""``its_block_meta_t``: of a logical block its physical one, where data start, and the free end, in bytes."""
FileMetaLayout: Final = Struct(
    "lblock" / Int32ul,
    "data_idx" / Int32ul,
    "cur_size" / Int32ul,
    "max_size" / Int32ul,
    "flags" / Int32ul,
    "id" / Bytes(FILE_ID_SIZE),
)
"""``its_file_meta_t``; with ITS_ENCRYPTION a nonce of 12 and a tag of 16 bytes follow."""

_HEADER: Final = struct.Struct("<IBBBB")
_BLOCK: Final = struct.Struct("<III")
_FILE: Final = struct.Struct("<IIIII12s")
_U32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FsConfig:
    """``its_flash_fs_config_t``: one file system. Sizes are bytes.

    ``alignment`` is ITS_FLASH_MAX_ALIGNMENT, the largest program unit of the partition's file systems: the
    structures in flash are padded to it.
    """

    block_size: int
    num_blocks: int
    program_unit: int
    max_file_size: int
    max_num_files: int
    erased_value: int = 0xFF
    alignment: int = 1
    encrypted: bool = False


def align(size: int, unit: int) -> int:
    """``size`` rounded up to whole units."""
    return -(-size // unit) * unit


class Layout:
    """Sizes and offsets within a metadata block of one file system, in bytes."""

    __slots__ = (
        "active_dblocks",
        "block_meta_size",
        "file_meta_size",
        "files",
        "header_size",
        "metadata_size",
    )

    def __init__(self, config: FsConfig) -> None:
        unit = max(4, config.alignment)
        self.header_size = align(_HEADER.size, unit)
        self.block_meta_size = align(_BLOCK.size, unit)
        sealed = NONCE_SIZE + TAG_SIZE if config.encrypted else 0
        self.file_meta_size = align(_FILE.size + sealed, unit)
        # TF-M its_num_active_dblocks: with two blocks all data lies behind the metadata; with more, one block
        # is reserved for the other metadata and one for the other data.
        self.active_dblocks = 1 if config.num_blocks == 2 else config.num_blocks - 2
        self.files = self.header_size + self.active_dblocks * self.block_meta_size
        self.metadata_size = self.files + config.max_num_files * self.file_meta_size

    def block_meta(self, lblock: int) -> int:
        """Where the entry of a logical block starts."""
        return self.header_size + lblock * self.block_meta_size

    def file_meta(self, index: int) -> int:
        """Where the entry of a file starts."""
        return self.files + index * self.file_meta_size


def config_problem(config: FsConfig) -> str | None:
    """Why an area cannot hold such a file system (TF-M its_flash_fs_validate_config); None where it can."""
    if config.num_blocks < 2 or config.num_blocks == 3:
        return f"{config.num_blocks} blocks; legal: 2, or 4 and more"
    # TF-M its_flash_nand: flash of larger program units is written through buffers, which the model lacks.
    if config.alignment > MAX_PROGRAM_UNIT:
        return f"a program unit of {config.alignment} bytes; legal: up to {MAX_PROGRAM_UNIT}"
    metadata = Layout(config).metadata_size
    if metadata > config.block_size:
        return f"metadata of {metadata} bytes; legal: up to a block, {config.block_size}"
    room = config.block_size - metadata if config.num_blocks == 2 else config.block_size
    if config.max_file_size > room:
        return f"files of up to {config.max_file_size} bytes; legal: up to {room}, what a block holds"
    return None


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a metadata block. ``padding`` is what the compiler leaves behind the swap count."""

    scratch_dblock: int = 0
    fs_version: int = SUPPORTED_VERSION
    metadata_xor: int = 0
    active_swap_count: int = 0
    padding: int = 0

    def encode(self, size: int) -> bytes:
        """``size`` bytes, padded with zeros."""
        fields = self.scratch_dblock, self.fs_version, self.metadata_xor, self.active_swap_count, self.padding
        return _HEADER.pack(*fields).ljust(size, b"\0")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From at least 8 bytes."""
        return cls(*_HEADER.unpack_from(data))

    @property
    def is_version_1(self) -> bool:
        """Whether an older TF-M wrote it; its header has no XOR."""
        return self.fs_version == BACKWARD_SUPPORTED_VERSION

    @property
    def swap_count(self) -> int:
        """The number of updates, modulo 256, from where the version keeps it."""
        return self.metadata_xor if self.is_version_1 else self.active_swap_count


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """A logical data block: its physical block, where its data start and how much is free at its end."""

    phy_id: int
    data_start: int
    free_size: int

    def encode(self, size: int) -> bytes:
        """``size`` bytes, padded with zeros."""
        return _BLOCK.pack(self.phy_id & _U32, self.data_start & _U32, self.free_size & _U32).ljust(
            size, b"\0"
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From at least 12 bytes."""
        return cls(*_BLOCK.unpack_from(data))


@dataclass(frozen=True, slots=True)
class FileMeta:
    """A file: where its data lie, how many bytes it has and can have, its flags and its id."""

    lblock: int = 0
    data_idx: int = 0
    cur_size: int = 0
    max_size: int = 0
    flags: int = 0
    id: bytes = NO_FILE_ID
    nonce: bytes = b""
    tag: bytes = b""

    @property
    def in_use(self) -> bool:
        return self.id != NO_FILE_ID

    def encode(self, size: int) -> bytes:
        """``size`` bytes, padded with zeros."""
        fields = self.lblock, self.data_idx & _U32, self.cur_size, self.max_size, self.flags, self.id
        return (_FILE.pack(*fields) + self.nonce + self.tag).ljust(size, b"\0")

    @classmethod
    def decode(cls, data: bytes, offset: int = 0, *, encrypted: bool = False) -> Self:
        """From the 32 bytes, or with ``encrypted`` 60, at ``offset``."""
        lblock, data_idx, cur_size, max_size, flags, file_id = _FILE.unpack_from(data, offset)
        if not encrypted:
            return cls(lblock, data_idx, cur_size, max_size, flags, file_id)
        nonce = offset + _FILE.size
        tag = nonce + NONCE_SIZE
        sealed = data[nonce:tag], data[tag : tag + TAG_SIZE]
        return cls(lblock, data_idx, cur_size, max_size, flags, file_id, *sealed)
