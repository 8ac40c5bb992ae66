"""Build options of internal trusted storage, and TF-M's deviations from specification and promise."""

from dataclasses import dataclass, field, fields
from typing import Final

UINT16_MAX: Final = 0xFFFF
"""What its_flash_fs_config_t has room for."""
TFM_SP_PS: Final = 256
"""The client whose objects go to the second file system."""


@dataclass(frozen=True, slots=True)
class ItsQuirks:
    """Where TF-M today does otherwise than PSA Storage 1.0 asks; all off, TFM_ITS_TODAY has all on."""

    too_large_is_invalid_argument: bool = False
    """psa_its_set of more than ITS_MAX_ASSET_SIZE answers INVALID_ARGUMENT, not INSUFFICIENT_STORAGE."""
    writes_in_pieces: bool = False
    """An asset larger than ITS_BUF_SIZE is written piece by piece, each of them an update of its own: a power
    cut between two leaves a part of the new asset."""
    refused_set_soils_scratch: bool = False
    """psa_its_set that finds no room for another size of an existing asset has marked the old one in the
    scratch metadata block by then; until the next boot an update fails that does not fit over that."""
    encrypted_get_needs_a_small_buffer: bool = False
    """With ITS_ENCRYPTION, psa_its_get with offset and room of more than ITS_MAX_ASSET_SIZE together is
    INVALID_ARGUMENT, although the asset would fit."""
    upgrade_loses_block_0: bool = False
    """The upgrade of a file system of version 1 leaves logical block 0 assigned to the metadata block that is
    erased next: its assets read as erased flash."""
    scratch_block_is_trusted: bool = False
    """Which data block is the scratch one is not checked at boot, although no XOR covers it: a flipped bit in
    that number has a block with assets erased."""


TFM_ITS_TODAY: Final = ItsQuirks(**{quirk.name: True for quirk in fields(ItsQuirks)})


@dataclass(frozen=True, slots=True)
class ItsConfig:
    """Build options of the service. TF-M builds it with TFM_PARTITION_INTERNAL_TRUSTED_STORAGE.

    Sizes are bytes. The area, its erase blocks and its program unit are the board's. Raises ValueError for a
    number that no build has; whether the area holds such a file system is looked at when a device is made.
    """

    max_asset_size: int = 512
    """ITS_MAX_ASSET_SIZE."""
    num_assets: int = 10
    """ITS_NUM_ASSETS; the file system has an entry more, for the replacement of an asset."""
    buf_size: int | None = None
    """ITS_BUF_SIZE, None is ``max_asset_size``: counts with the quirk ``writes_in_pieces`` alone."""
    create_flash_layout: bool = True
    """ITS_CREATE_FLASH_LAYOUT: an area without a valid file system is erased and gets an empty one at boot.
    Without it such a device does not start."""
    validate_metadata: bool = True
    """ITS_VALIDATE_METADATA_FROM_FLASH."""
    encryption: bool = False
    """ITS_ENCRYPTION: assets are encrypted and authenticated, each with a key of its own."""
    sectors_per_block: int = 1
    """TFM_HAL_ITS_SECTORS_PER_BLOCK: erase blocks of the flash in a block of the file system."""
    quirks: ItsQuirks = field(default_factory=ItsQuirks)

    def __post_init__(self) -> None:
        for name in ("max_asset_size", "num_assets", "buf_size", "sectors_per_block"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= UINT16_MAX:
                raise ValueError(f"ItsConfig: {name} {value}; legal: 1 to {UINT16_MAX}")


@dataclass(frozen=True, slots=True)
class PsFiles:
    """The second file system of the partition, for the objects of TFM_SP_PS in an area of their own.

    ``max_object_size`` is PS_MAX_OBJECT_SIZE in bytes, header and tag included; ``num_objects`` is
    PS_MAX_NUM_OBJECTS, that is PS_NUM_ASSETS and 3 more: two object tables and the spare entry.
    """

    max_object_size: int
    num_objects: int = 13
    create_flash_layout: bool = True
    """PS_CREATE_FLASH_LAYOUT."""
    sectors_per_block: int | None = None
    """TFM_HAL_PS_SECTORS_PER_BLOCK; None is as few as hold an object."""


@dataclass(frozen=True, slots=True)
class ItsBuild:
    """A build of the service for one device; ``ps`` None where there is no protected storage."""

    config: ItsConfig = field(default_factory=ItsConfig)
    ps: PsFiles | None = None
