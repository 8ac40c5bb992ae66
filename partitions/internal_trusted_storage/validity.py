"""What TF-M checks of metadata that it reads from flash (its_flash_fs_mblock.c)."""

from functools import reduce
from operator import xor

from .layout import (
    BACKWARD_SUPPORTED_VERSION,
    LOGICAL_DBLOCK0,
    METADATA_BLOCKS,
    SUPPORTED_VERSION,
    BlockMeta,
    FileMeta,
    FsConfig,
    Header,
    Layout,
)


def xor_of(data: bytes) -> int:
    """All bytes XORed."""
    return reduce(xor, data, 0)


def is_valid_header(
    header: Header, metadata: bytes, layout: Layout, config: FsConfig, *, check_xor: bool
) -> bool:
    """Whether a metadata block was written to its end (its_mblock_validate_header_meta).

    ``metadata`` are header and tables. The swap count is what a header is written for: while it has the
    erased value the update was not complete.
    """
    if header.fs_version not in (SUPPORTED_VERSION, BACKWARD_SUPPORTED_VERSION):
        return False
    if header.swap_count == config.erased_value:
        return False
    if header.is_version_1 or not check_xor:
        return True
    return xor_of(metadata[layout.header_size :]) == header.metadata_xor


def is_latest_block_1(count_0: int, count_1: int, erased_value: int) -> bool:
    """Which of two valid metadata blocks is the later one (its_mblock_latest_meta_block).

    The swap count skips the erased value, so that it starts again from 0, or from 1 where erased is 0x00.
    """
    first = 1 if erased_value == 0x00 else 0
    if count_1 == first and count_0 != first + 1:
        return True
    if count_0 == first and count_1 != first + 1:
        return False
    return count_1 > count_0


def is_sound_block(meta: BlockMeta, layout: Layout, config: FsConfig) -> bool:
    """its_mblock_validate_block_meta: a block of the area, and a free end that lies within it."""
    if meta.phy_id >= config.num_blocks or meta.data_start + meta.free_size > config.block_size:
        return False
    behind_metadata = layout.metadata_size if meta.phy_id in METADATA_BLOCKS else 0
    return meta.data_start == behind_metadata


def is_sound_file(meta: FileMeta, layout: Layout, config: FsConfig) -> bool:
    """its_mblock_validate_file_meta: a logical block that exists, and data that lie within it."""
    if meta.lblock >= layout.active_dblocks:
        return False
    if not meta.in_use:
        return True
    if meta.cur_size > meta.max_size or meta.max_size > config.max_file_size:
        return False
    if meta.lblock == LOGICAL_DBLOCK0 and meta.data_idx < layout.metadata_size:
        return False
    return meta.data_idx + meta.max_size <= config.block_size
