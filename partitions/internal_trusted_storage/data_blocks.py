"""The logical data blocks of a file system (TF-M its_flash_fs_dblock.c)."""

from dataclasses import replace

from ...interface.psa.status import PSA_ERROR_GENERIC_ERROR
from .layout import BlockMeta, FileMeta
from .metadata_blocks import MetadataBlocks
from .refusal import Refusal

_U32 = 0xFFFFFFFF


def read_file(metadata: MetadataBlocks, meta: FileMeta, offset: int, size: int) -> bytes:
    """``size`` bytes of a file from ``offset``. Raises Refusal."""
    block = metadata.block(meta.lblock)
    return metadata.flash.read(block.phy_id, meta.data_idx + offset, size)


def write_file(metadata: MetadataBlocks, block: BlockMeta, meta: FileMeta, offset: int, data: bytes) -> None:
    """A file's data into the scratch block, and beside them those of the block's other files.

    ``data`` are whole program units. ``block`` is the entry that the block will have: what it says to be used
    behind the file moves as well. Raises Refusal.
    """
    scratch = metadata.scratch_block(meta.lblock)
    position = meta.data_idx + offset
    metadata.move(
        scratch, block.data_start, block.phy_id, block.data_start, (position - block.data_start) & _U32
    )
    metadata.flash.write(scratch, position, data)
    end = meta.data_idx + meta.max_size
    behind = metadata.config.block_size - block.free_size - end
    metadata.move(scratch, end, block.phy_id, end, behind & _U32)


def compact(
    metadata: MetadataBlocks, lblock: int, free_size: int, src_offset: int, dst_offset: int, size: int
) -> None:
    """Close the gap of ``free_size`` bytes at ``dst_offset`` that a file leaves: ``size`` bytes move up.

    The new state of the block lies in the scratch one, and its entry in the scratch tables. Raises Refusal.
    """
    block = metadata.block(lblock)
    scratch = metadata.scratch_block(lblock)
    try:
        metadata.move(scratch, dst_offset, block.phy_id, src_offset, size)
        before = max(0, dst_offset - block.data_start)
        metadata.move(scratch, block.data_start, block.phy_id, block.data_start, before)
    except Refusal as refusal:
        raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal
    metadata.set_scratch_block(block.phy_id, lblock)
    changed = replace(block, phy_id=scratch, free_size=block.free_size + free_size)
    try:
        metadata.write_block(lblock, changed)
    except Refusal:
        metadata.set_scratch_block(scratch, lblock)
        raise
