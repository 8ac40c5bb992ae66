"""The slots that hold keys in RAM (Mbed TLS psa_crypto_slot_management, static key store)."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ...interface.psa.crypto_values import PSA_KEY_ID_USER_MIN, PSA_KEY_ID_VENDOR_MAX, PSA_KEY_ID_VENDOR_MIN
from ...interface.psa.status import PSA_ERROR_INSUFFICIENT_MEMORY
from .refusal import Refusal

KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class _Slot(Generic[KeyT]):
    owner: int
    key_id: int
    key: KeyT


class KeySlots(Generic[KeyT]):
    """One pool of slots for all clients: volatile keys, and copies of persistent and builtin ones.

    The ids from PSA_KEY_ID_VENDOR_MIN on, one a slot, are those of volatile keys: a slot's number is the
    id's. The others are found by owner and id wherever they lie.
    """

    def __init__(self, size: int) -> None:
        self._slots: list[_Slot[KeyT] | None] = [None] * size
        self._cached: dict[tuple[int, int], int] = {}

    def is_volatile(self, key_id: int) -> bool:
        return PSA_KEY_ID_VENDOR_MIN <= key_id < PSA_KEY_ID_VENDOR_MIN + len(self._slots)

    def is_key_id(self, key_id: int) -> bool:
        """Mbed TLS psa_is_valid_key_id: an id of the user or the vendor range."""
        return PSA_KEY_ID_USER_MIN <= key_id <= PSA_KEY_ID_VENDOR_MAX

    def volatile_id(self, index: int) -> int:
        return PSA_KEY_ID_VENDOR_MIN + index

    def find(self, owner: int, key_id: int) -> KeyT | None:
        """The key of that owner and id, None where it is in no slot."""
        if self.is_volatile(key_id):
            slot = self._slots[key_id - PSA_KEY_ID_VENDOR_MIN]
            return slot.key if slot is not None and (slot.owner, slot.key_id) == (owner, key_id) else None
        index = self._cached.get((owner, key_id))
        slot = None if index is None else self._slots[index]
        return None if slot is None else slot.key

    def reserve(self, in_use: tuple[int, int] | None = None) -> int:
        """The slot for one more key: the first free one, else the first whose key can be loaded again.

        ``in_use`` is owner and id of a key that must stay where it is. Mbed TLS psa_reserve_free_key_slot:
        INSUFFICIENT_MEMORY where volatile keys and that one hold all slots.
        """
        for index, slot in enumerate(self._slots):
            if slot is None:
                return index
        index = min((i for name, i in self._cached.items() if name != in_use), default=-1)
        if index < 0:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)
        self._free(index)
        return index

    def hold(self, index: int, owner: int, key: KeyT) -> None:
        """Put a volatile key into the slot that ``reserve`` gave."""
        self._slots[index] = _Slot(owner, self.volatile_id(index), key)

    def cache(self, index: int, owner: int, key_id: int, key: KeyT) -> None:
        """Put the copy of a persistent or builtin key into the slot that ``reserve`` gave."""
        self._slots[index] = _Slot(owner, key_id, key)
        self._cached[owner, key_id] = index

    def drop(self, owner: int, key_id: int) -> None:
        """Free the slot of a key that ``find`` finds."""
        index = self._cached.get((owner, key_id))
        self._free(key_id - PSA_KEY_ID_VENDOR_MIN if index is None else index)

    def _free(self, index: int) -> None:
        slot = self._slots[index]
        if slot is not None:
            self._cached.pop((slot.owner, slot.key_id), None)
        self._slots[index] = None
