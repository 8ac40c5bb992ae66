"""Build options of protected storage, and TF-M's deviations from specification and promise."""

from dataclasses import dataclass, field, fields
from typing import Final

from ...interface.errors import TfmSimError
from ...interface.psa.crypto_values import PSA_ALG_CCM, PSA_ALG_GCM
from .layout import (
    ENCRYPTED_HEADER_SIZE,
    PLAIN_HEADER_SIZE,
    PS_TAG_LEN_BYTES,
    TableLayout,
    blocks_of,
    object_overhead,
)

PS_MAX_ASSETS: Final = 255
"""More than any build has; file ids and the table stay small."""


class PsConfigError(TfmSimError):
    """Options that no build of protected storage has."""


@dataclass(frozen=True, slots=True)
class PsQuirks:
    """Where TF-M today does otherwise; all off by default, TFM_PS_TODAY has all on."""

    no_set_extended: bool = False
    """psa_ps_create and psa_ps_set_extended are NOT_SUPPORTED, psa_ps_get_support answers 0."""
    too_large_is_invalid_argument: bool = False
    """psa_ps_set of more than PS_MAX_ASSET_SIZE is INVALID_ARGUMENT, not INSUFFICIENT_STORAGE."""
    bad_signature_is_generic: bool = False
    """psa_ps_get and psa_ps_get_info of an object that fails authentication are GENERIC_ERROR, not
    INVALID_SIGNATURE."""
    missing_file_does_not_exist: bool = False
    """An object of the table whose file is gone answers DOES_NOT_EXIST, as if it had never been; else it is
    DATA_CORRUPT, and GENERIC_ERROR where the call has no such status."""
    counters_left_apart: bool = False
    """What a power cut left of the counters is not brought together at the next boot: a second cut may then
    leave no valid table, and all objects are lost; until the next change the copy that the cut object
    replaced is accepted again."""
    iv_continues_from_table: bool = False
    """Initialisation vectors count on from the table's: one that was used before a power cut is used again
    with other data under the same key."""
    key_switched_in_place: bool = False
    """A key that reached its limit while reading is changed by overwriting the object's file: a power cut
    between that and the new table loses the object."""
    generation_saved_late: bool = False
    """The generation that a removed object leaves behind is not in the table that its removal saves, but in
    the next."""


TFM_PS_TODAY: Final = PsQuirks(**{quirk.name: True for quirk in fields(PsQuirks)})


@dataclass(frozen=True, slots=True)
class PsConfig:
    """Build options of the partition; the defaults are TF-M's.

    ``max_asset_size`` is PS_MAX_ASSET_SIZE in bytes, ``num_assets`` PS_NUM_ASSETS, ``encryption``
    PS_ENCRYPTION, ``aead_alg`` PS_CRYPTO_AEAD_ALG (PSA_ALG_GCM or PSA_ALG_CCM), ``rollback_protection``
    PS_ROLLBACK_PROTECTION, ``create_flash_layout`` PS_CREATE_FLASH_LAYOUT: storage without a valid object
    table is made anew and empty, where the boot would fail otherwise. ``aes_key_usage_limit`` is
    PS_AES_KEY_USAGE_LIMIT in blocks of 16 bytes, 0 for none.

    Raises PsConfigError for values that no build has.
    """

    max_asset_size: int = 2048
    num_assets: int = 10
    encryption: bool = True
    aead_alg: int = PSA_ALG_GCM
    rollback_protection: bool = True
    create_flash_layout: bool = True
    aes_key_usage_limit: int = 0
    quirks: PsQuirks = field(default_factory=PsQuirks)

    @property
    def key_generations(self) -> bool:
        """Whether keys have generations, for their use is limited."""
        return self.aes_key_usage_limit != 0

    def table_layout(self) -> TableLayout:
        """How this build lays out its object table."""
        return TableLayout(self.num_assets, self.encryption, self.key_generations)

    @property
    def max_file_size(self) -> int:
        """The largest file that this partition stores, in bytes."""
        return self.max_asset_size + object_overhead(self.encryption, self.key_generations)

    @property
    def max_object_size(self) -> int:
        """PS_MAX_OBJECT_SIZE, ``sizeof(struct ps_object_t)``: what ITS makes files of this partition for."""
        if not self.encryption:
            return self.max_asset_size + PLAIN_HEADER_SIZE
        header = ENCRYPTED_HEADER_SIZE + (8 if self.key_generations else 0)
        return header + self.max_asset_size + PS_TAG_LEN_BYTES

    @property
    def max_num_objects(self) -> int:
        """PS_MAX_NUM_OBJECTS: the objects, one that is being written, and two object tables."""
        return self.num_assets + 3

    def __post_init__(self) -> None:
        if self.max_asset_size < 1:
            raise PsConfigError(f"PS_MAX_ASSET_SIZE {self.max_asset_size}; legal: 1 and up")
        if not 1 <= self.num_assets <= PS_MAX_ASSETS:
            raise PsConfigError(f"PS_NUM_ASSETS {self.num_assets}; legal: 1 to {PS_MAX_ASSETS}")
        if self.aead_alg not in (PSA_ALG_GCM, PSA_ALG_CCM):
            raise PsConfigError(
                f"PS_CRYPTO_AEAD_ALG {self.aead_alg:#x}; legal: PSA_ALG_GCM {PSA_ALG_GCM:#x}, "
                f"PSA_ALG_CCM {PSA_ALG_CCM:#x}"
            )
        # TF-M config_ps_check: the counters vouch by a tag, and GCM and CCM must not see an old IV again.
        if self.rollback_protection != self.encryption:
            raise PsConfigError(
                f"PS_ROLLBACK_PROTECTION {self.rollback_protection} with PS_ENCRYPTION {self.encryption}; "
                "legal: both or neither"
            )
        # TF-M ps_object_table: a table has to fit into the buffer of an object.
        if self.table_layout().size > self.max_asset_size:
            raise PsConfigError(
                f"PS_NUM_ASSETS {self.num_assets} with PS_MAX_ASSET_SIZE {self.max_asset_size}; "
                f"legal: an object as large as the object table, {self.table_layout().size} bytes, or larger"
            )
        self._check_limit()

    def _check_limit(self) -> None:
        limit = self.aes_key_usage_limit
        if limit == 0:
            return
        if not self.encryption:
            raise PsConfigError("PS_AES_KEY_USAGE_LIMIT without PS_ENCRYPTION; legal: 0")
        # TF-M ps_system_prepare: the largest object can be written and read back, and the count fits 32 bits.
        blocks = blocks_of(self.max_asset_size)
        if not 2 * blocks <= limit <= 0xFFFFFFFF - blocks:
            raise PsConfigError(
                f"PS_AES_KEY_USAGE_LIMIT {limit}; legal: 0, or {2 * blocks} to {0xFFFFFFFF - blocks} for "
                f"objects of {self.max_asset_size} bytes"
            )
