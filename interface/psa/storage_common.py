"""What the two storage APIs share (PSA Storage API 1.0, psa/storage_common.h)."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Self

from ..tfm.storage import STORAGE_INFO_SIZE, StorageInfoLayout


class PsaStorageFlag(IntFlag):
    """``psa_storage_create_flags_t``, 32 bits. Bits without a name are kept."""

    NONE = 0
    WRITE_ONCE = 1 << 0
    """The object can never be changed or removed."""
    NO_CONFIDENTIALITY = 1 << 1
    """The object need not be kept secret."""
    NO_REPLAY_PROTECTION = 1 << 2
    """An older version of the object may be put in its place."""


PSA_STORAGE_FLAG_NONE: Final = PsaStorageFlag.NONE
PSA_STORAGE_FLAG_WRITE_ONCE: Final = PsaStorageFlag.WRITE_ONCE
PSA_STORAGE_FLAG_NO_CONFIDENTIALITY: Final = PsaStorageFlag.NO_CONFIDENTIALITY
PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION: Final = PsaStorageFlag.NO_REPLAY_PROTECTION

PSA_STORAGE_SUPPORT_SET_EXTENDED: Final = 1 << 0
"""psa_ps_get_support: psa_ps_create and psa_ps_set_extended work."""


@dataclass(frozen=True, slots=True)
class psa_storage_info_t:
    """What psa_its_get_info and psa_ps_get_info tell of an object; sizes in bytes."""

    capacity: int = 0
    """What can be stored in the object without creating it anew."""
    size: int = 0
    """What is stored in it."""
    flags: PsaStorageFlag = PSA_STORAGE_FLAG_NONE

    def encode(self) -> bytes:
        """The 12 bytes as the RoT lays them out, sizes of 32 bits."""
        encoded: bytes = StorageInfoLayout.build(
            {"capacity": self.capacity, "size": self.size, "flags": int(self.flags)}
        )
        return encoded

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 12 bytes. Raises ValueError for another length."""
        if len(data) != STORAGE_INFO_SIZE:
            raise ValueError(f"psa_storage_info_t: {len(data)} bytes; legal: {STORAGE_INFO_SIZE}")
        fields = StorageInfoLayout.parse(data)
        return cls(int(fields.capacity), int(fields.size), PsaStorageFlag(int(fields.flags)))
