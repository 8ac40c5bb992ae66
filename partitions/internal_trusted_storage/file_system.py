"""TF-M's flash file system (its_flash_fs.c): a few files by id, every change of one of them atomic."""

from dataclasses import dataclass, replace

from ...interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
)
from . import data_blocks
from .layout import (
    FLAG_CREATE,
    FLAG_DELETE,
    FLAG_TRUNCATE,
    INTERNAL_FLAGS_MASK,
    LOGICAL_DBLOCK0,
    USER_FLAGS_MASK,
    BlockMeta,
    FileMeta,
    align,
    config_problem,
)
from .metadata_blocks import MetadataBlocks
from .refusal import Refusal


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a file. Sizes are bytes; ``nonce`` and ``tag`` are empty without encryption."""

    size_current: int = 0
    size_max: int = 0
    flags: int = 0
    nonce: bytes = b""
    tag: bytes = b""


class FileSystem:
    """One file system. Its functions raise Refusal with the status that TF-M's return."""

    def __init__(self, metadata: MetadataBlocks) -> None:
        """Raises Refusal with INVALID_ARGUMENT for an area that cannot hold such a file system."""
        if config_problem(metadata.config) is not None:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._metadata = metadata
        self._config = metadata.config
        self._soils_scratch = metadata.quirks.refused_set_soils_scratch

    def prepare(self) -> None:
        """Mount, and finish a replacement that lost its power half way (its_flash_fs_prepare)."""
        self._metadata.mount()
        left = self._metadata.find_flag(FLAG_DELETE)
        if left is not None:
            self._delete(left)

    def wipe_all(self) -> None:
        """An empty file system in the place of whatever there was; to be prepared then."""
        self._metadata.reset()

    def info(self, file_id: bytes) -> FileInfo:
        """Sizes and flags of a file. Raises Refusal with DOES_NOT_EXIST."""
        meta = self._find(file_id)[1]
        return FileInfo(meta.cur_size, meta.max_size, meta.flags & USER_FLAGS_MASK, meta.nonce, meta.tag)

    def read(self, file_id: bytes, offset: int, size: int) -> bytes:
        """``size`` bytes of a file. Raises Refusal, with INVALID_ARGUMENT for more than the file has."""
        meta = self._find(file_id)[1]
        if offset + size > meta.cur_size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        try:
            return data_blocks.read_file(self._metadata, meta, offset, size)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal

    def delete(self, file_id: bytes) -> None:
        """Remove a file. Raises Refusal with DOES_NOT_EXIST."""
        self._delete(self._find(file_id)[0])

    def write(self, file_id: bytes, info: FileInfo, data: bytes, offset: int = 0) -> None:
        """Write ``data`` at ``offset`` of a file (its_flash_fs_file_write).

        With FLAG_CREATE the file need not exist, with FLAG_TRUNCATE it begins anew with ``info.size_max``
        bytes of room: in one update where it had just that room, else in a second one the old file goes.
        Raises Refusal.
        """
        if info.flags & INTERNAL_FLAGS_MASK:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        # TF-M its_flash_fs_file_write: files take whole program units.
        info = replace(info, size_max=align(info.size_max, self._config.program_unit))
        found = self._metadata.find(file_id)
        if found is None and not info.flags & FLAG_CREATE:
            raise Refusal(PSA_ERROR_DOES_NOT_EXIST)
        old = None
        if found is not None and not info.flags & FLAG_TRUNCATE:
            index, meta = found
            block = self._block_of(meta)
        elif found is not None and found[1].max_size == info.size_max:
            index, meta = found[0], replace(found[1], cur_size=0, flags=info.flags)
            block = self._block_of(meta)
        else:
            old = None if found is None else found[0]
            index, meta, block = self._replacement(file_id, info, found)
        try:
            self._update(index, old, replace(meta, nonce=info.nonce, tag=info.tag), block, data, offset)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal
        self._metadata.commit()
        if old is not None:
            # A cut before this is done leaves both; the next mount goes on here.
            self._delete(old)

    def _replacement(
        self, file_id: bytes, info: FileInfo, old: tuple[int, FileMeta] | None
    ) -> tuple[int, FileMeta, BlockMeta]:
        """A new entry, and the old one of that id marked to be deleted, in the tables to come."""
        # TF-M its_flash_fs_file_write: marks the old entry first and looks for room then; what it refuses
        # leaves the mark in a block that the next update takes for erased.
        if old is not None and self._soils_scratch:
            self._mark_deleted(*old)
        if info.size_max > self._config.max_file_size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        reserved = self._metadata.reserve(file_id, info.size_max, info.flags, use_spare=old is not None)
        if old is not None and not self._soils_scratch:
            self._mark_deleted(*old)
        return reserved

    def _block_of(self, meta: FileMeta) -> BlockMeta:
        try:
            return self._metadata.block(meta.lblock)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal

    def _mark_deleted(self, index: int, meta: FileMeta) -> None:
        try:
            self._metadata.write_file(index, replace(meta, flags=meta.flags | FLAG_DELETE))
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal

    def _update(
        self, index: int, old: int | None, meta: FileMeta, block: BlockMeta, data: bytes, offset: int
    ) -> None:
        """Data and tables of the new state, all but the header that makes them count."""
        metadata, config = self._metadata, self._config
        if data:
            meta, block = self._write_data(meta, block, data, offset)
        metadata.write_block(meta.lblock, block)
        metadata.write_file(index, meta)
        written = sorted({index, index if old is None else old})
        start = 0
        for entry in written:
            metadata.copy_files(start, entry)
            start = entry + 1
        metadata.copy_files(start, config.max_num_files)
        # The metadata move to another block, and so must the data of block 0 that lie behind them.
        if meta.lblock != LOGICAL_DBLOCK0 or not data:
            metadata.migrate_block_0()

    def _write_data(
        self, meta: FileMeta, block: BlockMeta, data: bytes, offset: int
    ) -> tuple[FileMeta, BlockMeta]:
        unit = self._config.program_unit
        whole = data.ljust(align(len(data), unit), b"\0")
        # TF-M its_flash_fs_file_write_aligned_data: whole program units, no gap, no more than was reserved.
        if offset % unit or offset > meta.cur_size or offset + len(whole) > meta.max_size:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        data_blocks.write_file(self._metadata, block, meta, offset, whole)
        before = block.phy_id
        block = replace(block, phy_id=self._metadata.scratch_block(meta.lblock))
        self._metadata.set_scratch_block(before, meta.lblock)
        return replace(meta, cur_size=max(meta.cur_size, offset + len(data))), block

    def _find(self, file_id: bytes) -> tuple[int, FileMeta]:
        # TF-M its_flash_fs_file_get_info: whatever keeps the file from being found, it does not exist.
        try:
            found = self._metadata.find(file_id)
        except Refusal as refusal:
            raise Refusal(PSA_ERROR_DOES_NOT_EXIST) from refusal
        if found is None:
            raise Refusal(PSA_ERROR_DOES_NOT_EXIST)
        return found

    def _delete(self, index: int) -> None:
        """Remove a file in one update, and close the gap that it leaves (its_flash_fs_delete_idx)."""
        metadata = self._metadata
        gone = metadata.file(index)
        if not gone.in_use:
            raise Refusal(PSA_ERROR_DOES_NOT_EXIST)
        metadata.write_file(index, FileMeta(nonce=bytes(len(gone.nonce)), tag=bytes(len(gone.tag))))
        src_offset, moved = self._config.block_size, 0
        for other, meta in enumerate(metadata.files()):
            if other == index:
                continue
            kept = meta
            if meta.lblock == gone.lblock and meta.in_use and meta.data_idx > gone.data_idx:
                src_offset = min(src_offset, meta.data_idx)
                moved += meta.max_size
                kept = replace(meta, data_idx=meta.data_idx - gone.max_size)
            metadata.write_file(other, kept)
        if gone.max_size == 0:
            metadata.write_block(LOGICAL_DBLOCK0, metadata.block(LOGICAL_DBLOCK0))
        else:
            data_blocks.compact(metadata, gone.lblock, gone.max_size, src_offset, gone.data_idx, moved)
        if gone.max_size == 0 or gone.lblock != LOGICAL_DBLOCK0:
            try:
                metadata.migrate_block_0()
            except Refusal as refusal:
                raise Refusal(PSA_ERROR_GENERIC_ERROR) from refusal
        metadata.commit()
