"""The key management unit of Arm's RSE: slots that BL1 fills at boot and the runtime firmware reads.

TF-M platform/ext/target/arm/rse/common: rse_kmu_slot_ids.h, native_drivers/kmu_drv.c. Exports to the crypto
engine, masks and locks are left out; what is here is which stage leaves which key for whom.
"""

from enum import IntEnum
from typing import Final

from .plat_err import PlatError, TfmPlatErr

KMU_SLOT_SIZE: Final = 32
"""Bytes of a key."""


class KmuSlot(IntEnum):
    """``enum rse_kmu_slot_id_t`` with the boot keys of CCA and DPE; those below 7 are hardware's."""

    IAK_SEED = 9
    DAK_SEED = 10
    ROT_CDI = 11


class Kmu:
    """The slots of one device. They forget at a reset."""

    def __init__(self) -> None:
        self._slots: dict[KmuSlot, bytes] = {}

    def set_key(self, slot: KmuSlot, key: bytes) -> None:
        """Fill a slot. Raises PlatError INVALID_INPUT for a key of another size than 32 bytes."""
        if len(key) != KMU_SLOT_SIZE:
            raise PlatError(
                TfmPlatErr.INVALID_INPUT, f"KMU {slot.name}: {len(key)} bytes; legal: {KMU_SLOT_SIZE}"
            )
        self._slots[slot] = bytes(key)

    def get_key(self, slot: KmuSlot) -> bytes:
        """TF-M kmu_get_key. Raises PlatError SYSTEM_ERR for a slot that no boot stage filled."""
        if slot not in self._slots:
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR, f"KMU {slot.name}: empty; legal: after a BL1 that derives it"
            )
        return self._slots[slot]

    def reset(self) -> None:
        """Every slot is empty again."""
        self._slots.clear()
