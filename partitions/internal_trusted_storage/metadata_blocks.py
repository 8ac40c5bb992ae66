"""The two metadata blocks of a file system (TF-M its_flash_fs_mblock.c).

One is active, the other erased. An update writes new tables and last of all a header into the other; from
there on that one is active, and the old one is erased. What was not complete when power went away has no
valid header, so that the old state counts.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ...interface.psa.status import (
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
)
from .config import ItsQuirks
from .flash_blocks import FlashBlocks
from .layout import (
    LOGICAL_DBLOCK0,
    METADATA_BLOCKS,
    SUPPORTED_VERSION,
    BlockMeta,
    FileMeta,
    FsConfig,
    Header,
    Layout,
)
from .refusal import Refusal
from .validity import is_latest_block_1, is_sound_block, is_sound_file, is_valid_header, xor_of

_MAX_BLOCK_DATA_COPY: Final = 256
"""ITS_MAX_BLOCK_DATA_COPY: data move through a buffer of so many bytes."""
_U32: Final = 0xFFFFFFFF
_NO_QUIRKS: Final = ItsQuirks()


class MetadataBlocks:
    """The tables of one file system. Every function reads flash anew, as TF-M does: RAM keeps no copy."""

    def __init__(
        self, flash: FlashBlocks, config: FsConfig, quirks: ItsQuirks = _NO_QUIRKS, *, validate: bool = True
    ) -> None:
        self.flash = flash
        self.config = config
        self.layout = Layout(config)
        self.active, self.scratch = METADATA_BLOCKS
        self._validate = validate
        self.quirks = quirks
        self._header = Header()

    # Mounting

    def mount(self) -> None:
        """Find the active block, erase the scratch blocks, bring an older format up to date.

        TF-M its_flash_fs_mblock_init. Raises Refusal with GENERIC_ERROR where there is no file system.
        """
        self.find_active()
        self._header = self._read_header(self.active)
        try:
            self._erase_scratch_blocks()
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal
        if self._header.is_version_1:
            self._upgrade()

    def find_active(self) -> None:
        """Which of the two blocks is active; nothing is written.

        Raises Refusal with GENERIC_ERROR where neither is valid.
        """
        # TF-M its_init_get_active_metablock: of two valid blocks the later one counts.
        headers = [self._read_header(block) for block in METADATA_BLOCKS]
        valid = [
            self._is_valid(header, block) for block, header in zip(METADATA_BLOCKS, headers, strict=True)
        ]
        if not any(valid):
            raise Refusal(PSA_ERROR_GENERIC_ERROR)
        counts = headers[0].swap_count, headers[1].swap_count
        later = is_latest_block_1(*counts, self.config.erased_value) if all(valid) else valid[1]
        self.active, self.scratch = (1, 0) if later else (0, 1)

    def _read_header(self, block: int) -> Header:
        return Header.decode(self.flash.read(block, 0, self.layout.header_size))

    def _is_valid(self, header: Header, block: int) -> bool:
        metadata = self.flash.read(block, 0, self.layout.metadata_size)
        if not is_valid_header(header, metadata, self.layout, self.config, check_xor=self._validate):
            return False
        return self.quirks.scratch_block_is_trusted or self._scratch_is_free(header, metadata)

    def _scratch_is_free(self, header: Header, metadata: bytes) -> bool:
        """Whether the scratch data block is one that holds nothing: it is about to be erased."""
        if self.config.num_blocks == 2:
            return True
        layout = self.layout
        # A version 1 header is smaller only on paper: the compiler pads it to the same size.
        starts = [layout.block_meta(lblock) for lblock in range(layout.active_dblocks)]
        used = {BlockMeta.decode(metadata[start:]).phy_id for start in starts}
        return 2 <= header.scratch_dblock < self.config.num_blocks and header.scratch_dblock not in used

    def _upgrade(self) -> None:
        # TF-M its_mblock_upgrade_meta_header: tables and data of block 0 move, the header gets its XOR.
        block_0 = self.block(LOGICAL_DBLOCK0)
        start = self.layout.header_size
        size = self.config.block_size - block_0.free_size - start
        if not self.quirks.upgrade_loses_block_0:
            self._write_block_meta(LOGICAL_DBLOCK0, replace(block_0, phy_id=self.scratch))
            start, size = start + self.layout.block_meta_size, size - self.layout.block_meta_size
        self.move(self.scratch, start, self.active, start, size)
        count = self._header.swap_count
        self._header = replace(self._header, active_swap_count=count, fs_version=SUPPORTED_VERSION)
        self.commit()

    def reset(self) -> None:
        """An empty file system for whatever the area holds (its_flash_fs_mblock_reset_metablock)."""
        config, layout = self.config, self.layout
        first = METADATA_BLOCKS[0]
        try:
            self.find_active()
            # The active block goes last, so that no cut brings an older state back.
            first = self.scratch
        except Refusal:
            pass
        self.flash.erase(first)
        self.flash.erase(1 - first)
        count = 1 if config.erased_value == 0 else 0
        first_scratch, first_data = (1, 0) if config.num_blocks == 2 else (2, 3)
        self._header = replace(
            self._header, scratch_dblock=first_scratch, fs_version=SUPPORTED_VERSION, active_swap_count=count
        )
        self.active, self.scratch = METADATA_BLOCKS
        start = layout.metadata_size
        self._write_block_meta(LOGICAL_DBLOCK0, BlockMeta(self.scratch, start, config.block_size - start))
        dedicated = range(layout.active_dblocks - 1)
        for index in dedicated:
            self.flash.erase(first_data + index)
        for index in dedicated:
            self._write_block_meta(index + 1, BlockMeta(first_data + index, 0, config.block_size))
        for index in range(config.max_num_files):
            self.write_file(index, FileMeta())
        self._write_header()
        self._swap()

    # Reading the active tables

    def block(self, lblock: int) -> BlockMeta:
        """The entry of a logical block. Raises Refusal with DATA_CORRUPT for one that cannot be."""
        size = self.layout.block_meta_size
        meta = BlockMeta.decode(self.flash.read(self.active, self.layout.block_meta(lblock), size))
        if self._validate and not is_sound_block(meta, self.layout, self.config):
            raise Refusal(PSA_ERROR_DATA_CORRUPT)
        return meta

    def file(self, index: int) -> FileMeta:
        """The entry of a file. Raises Refusal with DATA_CORRUPT for one that cannot be."""
        size = self.layout.file_meta_size
        data = self.flash.read(self.active, self.layout.file_meta(index), size)
        return self._file(data, 0)

    def files(self) -> Iterator[FileMeta]:
        """All entries in order; raises Refusal when it comes to one that cannot be."""
        layout = self.layout
        data = self.flash.read(self.active, layout.files, layout.metadata_size - layout.files)
        for start in range(0, len(data), layout.file_meta_size):
            yield self._file(data, start)

    def _file(self, data: bytes, start: int) -> FileMeta:
        meta = FileMeta.decode(data, start, encrypted=self.config.encrypted)
        if self._validate and not is_sound_file(meta, self.layout, self.config):
            raise Refusal(PSA_ERROR_DATA_CORRUPT)
        return meta

    def find(self, file_id: bytes) -> tuple[int, FileMeta] | None:
        """Index and entry of a file (its_flash_fs_mblock_get_file_idx_meta); None where there is none.

        Raises Refusal with GENERIC_ERROR where an entry before it cannot be.
        """
        try:
            return next((found for found in enumerate(self.files()) if found[1].id == file_id), None)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal

    def find_flag(self, flag: int) -> int | None:
        """The index of the first file with a flag (its_flash_fs_mblock_get_file_idx_flag); raises as find."""
        try:
            return next((index for index, meta in enumerate(self.files()) if meta.flags & flag), None)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal

    def reserve(
        self, file_id: bytes, size: int, flags: int, *, use_spare: bool
    ) -> tuple[int, FileMeta, BlockMeta]:
        """Room for a file: index and entry of its own, and the entry that its block will have.

        TF-M its_flash_fs_mblock_reserve_file. Raises Refusal with INSUFFICIENT_STORAGE.
        """
        try:
            meta, block = self._reserve_room(file_id, size, flags)
            free = [index for index, meta in enumerate(self.files()) if not meta.in_use]
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE) from refusal
        # TF-M its_get_free_file_index: the first free entry is the spare one, for the replacement of a file.
        if not use_spare:
            free = free[1:]
        if not free:
            raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE)
        return free[0], meta, block

    def _reserve_room(self, file_id: bytes, size: int, flags: int) -> tuple[FileMeta, BlockMeta]:
        for lblock in range(self.layout.active_dblocks):
            block = self.block(lblock)
            if block.free_size >= size:
                data_idx = self.config.block_size - block.free_size
                meta = FileMeta(lblock, data_idx, 0, size, flags, file_id)
                return meta, replace(block, free_size=block.free_size - size)
        raise Refusal(PSA_ERROR_INSUFFICIENT_STORAGE)

    # Writing the scratch tables

    def scratch_block(self, lblock: int) -> int:
        """The physical block into which an update writes the data of a logical one."""
        return self.scratch if lblock == LOGICAL_DBLOCK0 else self._header.scratch_dblock

    def set_scratch_block(self, phy_id: int, lblock: int) -> None:
        """After the update, that block is the scratch one for data."""
        if lblock != LOGICAL_DBLOCK0:
            self._header = replace(self._header, scratch_dblock=phy_id)

    def write_block(self, lblock: int, meta: BlockMeta) -> None:
        """The entry of a changed logical block; the others are copied (..._update_scratch_block_meta)."""
        if lblock == LOGICAL_DBLOCK0:
            meta = replace(meta, phy_id=self.scratch)
        try:
            self._write_block_meta(lblock, meta)
            if lblock != LOGICAL_DBLOCK0:
                # Block 0 lies behind the metadata and moves with them.
                block_0 = replace(self.block(LOGICAL_DBLOCK0), phy_id=self.scratch)
                self._write_block_meta(LOGICAL_DBLOCK0, block_0)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal
        layout = self.layout
        if lblock > LOGICAL_DBLOCK0 + 1:
            self._copy(layout.block_meta(LOGICAL_DBLOCK0 + 1), layout.block_meta(lblock))
        self._copy(layout.block_meta(lblock + 1), layout.files)

    def _write_block_meta(self, lblock: int, meta: BlockMeta) -> None:
        data = meta.encode(self.layout.block_meta_size)
        self.flash.write(self.scratch, self.layout.block_meta(lblock), data)

    def write_file(self, index: int, meta: FileMeta) -> None:
        """The entry of a file (its_flash_fs_mblock_update_scratch_file_meta)."""
        data = meta.encode(self.layout.file_meta_size)
        self.flash.write(self.scratch, self.layout.file_meta(index), data)

    def copy_files(self, start: int, end: int) -> None:
        """The entries of files that stay as they are, from ``start`` up to ``end``."""
        self._copy(self.layout.file_meta(start), self.layout.file_meta(end))

    def _copy(self, start: int, end: int) -> None:
        self.move(self.scratch, start, self.active, start, end - start)

    def migrate_block_0(self) -> None:
        """Data of block 0 that stay as they are (its_flash_fs_mblock_migrate_lb0_data_to_scratch)."""
        block = self.block(LOGICAL_DBLOCK0)
        size = self.config.block_size - block.data_start - block.free_size
        self.move(self.scratch, block.data_start, self.active, block.data_start, size & _U32)

    def commit(self) -> None:
        """Write the header: the new state counts. Then erase what it leaves behind (..._update_finalize)."""
        self._write_header()
        self._swap()
        self._erase_scratch_blocks()

    def _write_header(self) -> None:
        count = (self._header.active_swap_count + 1) & 0xFF
        if count == self.config.erased_value:
            count = (count + 1) & 0xFF
        xor = self._metadata_xor() if self._validate else 0
        self._header = replace(self._header, metadata_xor=xor, active_swap_count=count)
        self.flash.write(self.scratch, 0, self._header.encode(self.layout.header_size))

    def _metadata_xor(self) -> int:
        start = self.layout.header_size
        return xor_of(self.flash.read(self.scratch, start, self.layout.metadata_size - start))

    def _swap(self) -> None:
        self.active, self.scratch = self.scratch, self.active

    def _erase_scratch_blocks(self) -> None:
        # TF-M its_mblock_erase_scratch_blocks: metadata first, they refer to the data.
        self.flash.erase(self.scratch)
        if self.config.num_blocks > 2:
            self.flash.erase(self._header.scratch_dblock)

    def move(self, to_block: int, to: int, from_block: int, start: int, size: int) -> None:
        """Copy bytes from block to block through a small buffer (its_flash_fs_block_to_block_move)."""
        for done in range(0, size, _MAX_BLOCK_DATA_COPY):
            piece = self.flash.read(from_block, start + done, min(_MAX_BLOCK_DATA_COPY, size - done))
            self.flash.write(to_block, to + done, piece)
