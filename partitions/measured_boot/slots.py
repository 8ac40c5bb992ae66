"""The measurement slots: what may be written to one, and what is in it then (tf-m-extras measured_boot.c)."""

from collections.abc import Callable
from dataclasses import dataclass

from ...interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from ...interface.tfm.boot_measurement import SIGNER_ID_MAX_SIZE
from ...interface.tfm.measured_boot import NUM_OF_MEASUREMENT_SLOTS, Measurement

Hash = Callable[[bytes], tuple[int, bytes]]
"""(status, digest) of bytes, by the crypto service."""


@dataclass(slots=True)
class Slot:
    """One slot as it is at reset: empty, unlocked, its value the pattern 0."""

    value: bytes
    value_size: int = 0
    is_locked: bool = False
    is_populated: bool = False
    is_common: bool = False
    """Any signer may extend a common slot; TF-M marks none so."""
    signer_id: bytes = b""
    version: bytes = b""
    measurement_algo: int = 0
    sw_type: bytes = b""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Room of a reader, in bytes."""

    signer_id: int
    version: int
    sw_type: int
    measurement_value: int


class Slots:
    """All slots of the partition; ``hash_size`` in bytes is that of the build's hash."""

    def __init__(self, hash_size: int, compute: Hash) -> None:
        self._compute = compute
        self._slots = [Slot(bytes(hash_size)) for _ in range(NUM_OF_MEASUREMENT_SLOTS)]

    def read(self, index: int, room: Sizes) -> tuple[int, Measurement | None]:
        """measured_boot_read_measurement: DOES_NOT_EXIST for an empty slot, INVALID_ARGUMENT for little room.

        Whoever asks may read.
        """
        slot = self._slots[index]
        if not slot.is_populated:
            return PSA_ERROR_DOES_NOT_EXIST, None
        if (
            room.version < len(slot.version)
            or room.sw_type < len(slot.sw_type)
            or room.signer_id < len(slot.signer_id)
            or room.measurement_value < slot.value_size
        ):
            return PSA_ERROR_INVALID_ARGUMENT, None
        return PSA_SUCCESS, Measurement(
            slot.signer_id,
            slot.version,
            slot.measurement_algo,
            slot.sw_type,
            slot.value[: slot.value_size],
            slot.is_locked,
        )

    def extend(self, index: int, new: Measurement) -> int:
        """measured_boot_extend_measurement: ``new`` has the value to extend by, and whether to lock then.

        BAD_STATE for a locked slot, NOT_PERMITTED for another algorithm or signer than the slot's. An empty
        slot takes the metadata; a populated one loses version and type, for they are no longer true. Then the
        value becomes the hash of the old one and the new one together, which for an empty slot is zeros.
        """
        slot = self._slots[index]
        if slot.is_locked:
            return PSA_ERROR_BAD_STATE
        if slot.is_populated:
            if _is_prohibited(slot, new):
                return PSA_ERROR_NOT_PERMITTED
            slot.version = slot.sw_type = b""
        else:
            slot.signer_id, slot.version = new.signer_id, new.version
            slot.measurement_algo, slot.sw_type = new.measurement_algo, new.sw_type
            slot.is_populated = True
        status, digest = self._compute(slot.value + new.measurement_value)
        if status != PSA_SUCCESS:
            return status
        slot.value, slot.value_size = digest, len(digest)
        slot.is_locked = new.is_locked
        return PSA_SUCCESS


def _is_prohibited(slot: Slot, new: Measurement) -> bool:
    # TF-M is_slot_access_prohibited: the stored length of the signer id is compared, no more.
    if new.measurement_algo != slot.measurement_algo:
        return True
    offered = new.signer_id.ljust(SIGNER_ID_MAX_SIZE, b"\0")[: len(slot.signer_id)]
    return offered != slot.signer_id and not slot.is_common
