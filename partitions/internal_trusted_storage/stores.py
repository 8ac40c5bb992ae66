"""The file systems of the partition: their areas, geometry and first boot (TF-M tfm_its_init)."""

from dataclasses import dataclass

from ...interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR
from ...platform.hal import FlashAreaInfo, PlatformHal
from ...platform.plat_err import PlatError
from .config import ItsBuild
from .file_system import FileSystem
from .flash_blocks import FlashBlocks
from .layout import FsConfig, align
from .metadata_blocks import MetadataBlocks
from .refusal import Refusal


@dataclass(frozen=True, slots=True)
class Store:
    """One mounted file system. ``encrypted`` says that its files are."""

    files: FileSystem
    config: FsConfig
    encrypted: bool = False


def its_fs_config(build: ItsBuild, its: FlashAreaInfo, ps: FlashAreaInfo | None) -> FsConfig:
    """The file system of internal trusted storage in its area."""
    config = build.config
    block_size = its.erase_block * config.sectors_per_block
    return FsConfig(
        block_size=block_size,
        num_blocks=its.size // block_size,
        program_unit=its.write_size,
        max_file_size=align(config.max_asset_size, its.write_size),
        max_num_files=config.num_assets + 1,
        erased_value=its.erased_value,
        alignment=_alignment(its, ps),
        encrypted=config.encryption,
    )


def ps_fs_config(build: ItsBuild, its: FlashAreaInfo, ps: FlashAreaInfo) -> FsConfig:
    """The file system for the objects of protected storage in its area."""
    files = build.ps
    assert files is not None
    max_file_size = align(files.max_object_size, ps.write_size)
    block_size = ps.erase_block * (files.sectors_per_block or -(-max_file_size // ps.erase_block))
    return FsConfig(
        block_size=block_size,
        num_blocks=ps.size // block_size,
        program_unit=ps.write_size,
        max_file_size=max_file_size,
        max_num_files=files.num_objects,
        erased_value=ps.erased_value,
        alignment=_alignment(its, ps),
        # One structure for both file systems: TF-M has nonce and tag in either, and PS leaves them empty.
        encrypted=build.config.encryption,
    )


def _alignment(its: FlashAreaInfo, ps: FlashAreaInfo | None) -> int:
    return max(its.write_size, 1 if ps is None else ps.write_size)


def open_stores(hal: PlatformHal, build: ItsBuild) -> tuple[Store, Store | None]:
    """Mount both file systems, or make them where there is none and the build says so.

    The second is None without protected storage. Raises Refusal.
    """
    try:
        its = hal.tfm_hal_its_fs_info()
        ps = None if build.ps is None else hal.tfm_hal_ps_fs_info()
    except PlatError as error:
        raise Refusal(PSA_ERROR_PROGRAMMER_ERROR) from error
    own = _open(hal, build, its, its_fs_config(build, its, ps), build.config.create_flash_layout)
    first = Store(own, its_fs_config(build, its, ps), build.config.encryption)
    if build.ps is None or ps is None:
        return first, None
    config = ps_fs_config(build, its, ps)
    return first, Store(_open(hal, build, ps, config, build.ps.create_flash_layout), config)


def _open(
    hal: PlatformHal, build: ItsBuild, area: FlashAreaInfo, config: FsConfig, create_layout: bool
) -> FileSystem:
    blocks = FlashBlocks(hal, area, config.block_size // area.erase_block)
    options = build.config
    files = FileSystem(MetadataBlocks(blocks, config, options.quirks, validate=options.validate_metadata))
    try:
        files.prepare()
    except Refusal:
        # TF-M ITS_CREATE_FLASH_LAYOUT: whatever is no valid file system is erased, and an empty one made.
        if not create_layout:
            raise
        files.wipe_all()
        files.prepare()
    return files
