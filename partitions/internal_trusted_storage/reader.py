"""What is in a storage area, read from its bytes alone: for tools, and a device that is switched off."""

from dataclasses import dataclass

from ...interface.psa.status import PSA_ERROR_STORAGE_FAILURE
from ...interface.psa.storage_common import PsaStorageFlag
from . import data_blocks
from .flash_blocks import FlashBlocks
from .layout import FLAG_DELETE, USER_FLAGS_MASK, FileMeta, FsConfig
from .metadata_blocks import MetadataBlocks
from .refusal import Refusal


class NoFileSystem(Exception):
    """The area holds none, or one of another layout."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an area. ``data`` are the bytes in flash, None where they cannot be read.

    ``owner`` is the client id; ``is_replaced`` says that power went away while another took its place: the
    next boot removes this one.
    """

    owner: int
    uid: int
    size: int
    flags: PsaStorageFlag
    data: bytes | None
    is_replaced: bool = False


class _Image(FlashBlocks):
    """An area's bytes in the place of a flash; nothing writes to it."""

    def __init__(self, area: bytes, block_size: int) -> None:
        self._bytes = area
        self.block_size = block_size

    def read(self, block: int, offset: int, size: int) -> bytes:
        start = block * self.block_size + offset
        if start + size > len(self._bytes):
            raise Refusal(PSA_ERROR_STORAGE_FAILURE)
        return self._bytes[start : start + size]


def read_area(area: bytes, config: FsConfig) -> list[StoredFile]:
    """The files of an area, in the order of its table. Raises NoFileSystem."""
    metadata = MetadataBlocks(_Image(area, config.block_size), config)
    try:
        metadata.find_active()
        return [_file(metadata, meta) for meta in metadata.files() if meta.in_use]
    except Refusal as refusal:
        raise NoFileSystem("no valid metadata block") from refusal


def _file(metadata: MetadataBlocks, meta: FileMeta) -> StoredFile:
    try:
        data: bytes | None = data_blocks.read_file(metadata, meta, 0, meta.cur_size)
    except Refusal:
        data = None
    return StoredFile(
        int.from_bytes(meta.id[:4], "little", signed=True),
        int.from_bytes(meta.id[4:], "little"),
        meta.cur_size,
        PsaStorageFlag(meta.flags & USER_FLAGS_MASK),
        data,
        bool(meta.flags & FLAG_DELETE),
    )
