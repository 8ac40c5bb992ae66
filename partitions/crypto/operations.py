"""The table of multi-part operations (TF-M crypto_alloc)."""

from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ...interface.psa.crypto_values import PSA_KEY_ID_NULL
from ...interface.psa.status import PSA_ERROR_BAD_STATE, PSA_ERROR_NOT_PERMITTED
from .refusal import Refusal

INVALID_HANDLE: Final = 0


class Operation(Protocol):
    """What a slot holds: a hash or MAC under way."""

    def abort(self) -> None:
        """Drop what is under way; the operation is then inactive."""


OperationT = TypeVar("OperationT", bound=Operation)


@dataclass(slots=True)
class _Slot:
    owner: int
    operation: Operation
    key_id: int


class OperationTable:
    """Slots shared by all clients and all kinds of operation. A handle is the slot's index + 1."""

    def __init__(self, size: int) -> None:
        self._slots: list[_Slot | None] = [None] * size

    def allocate(self, owner: int, handle: int, operation: Operation, key_id: int = PSA_KEY_ID_NULL) -> int:
        """The handle of a new slot; ``key_id`` is the owner's key that the operation needs to its end.

        TF-M tfm_crypto_operation_alloc: a handle that is not 0 yet is BAD_STATE, a full table NOT_PERMITTED.
        """
        if handle != INVALID_HANDLE:
            raise Refusal(PSA_ERROR_BAD_STATE)
        for index, slot in enumerate(self._slots):
            if slot is None:
                self._slots[index] = _Slot(owner, operation, key_id)
                return index + 1
        raise Refusal(PSA_ERROR_NOT_PERMITTED)

    def find(self, owner: int, handle: int, kind: type[OperationT]) -> OperationT | None:
        """The operation behind a handle, None unless it is the owner's and of that kind."""
        if not INVALID_HANDLE < handle <= len(self._slots):
            return None
        slot = self._slots[handle - 1]
        if slot is None or slot.owner != owner or not isinstance(slot.operation, kind):
            return None
        return slot.operation

    def lookup(self, owner: int, handle: int, kind: type[OperationT]) -> OperationT:
        """As ``find``; TF-M tfm_crypto_operation_lookup: anything else is BAD_STATE."""
        operation = self.find(owner, handle, kind)
        if operation is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        return operation

    def abort_users_of(self, owner: int, key_id: int) -> None:
        """PSA Crypto 1.2 psa_destroy_key: the operations that a key is in use in fail from here on."""
        for slot in self._slots:
            if slot is not None and (slot.owner, slot.key_id) == (owner, key_id) != (owner, PSA_KEY_ID_NULL):
                slot.operation.abort()

    def release(self, handle: int) -> None:
        """Free the slot of a handle that ``allocate`` or ``lookup`` has just confirmed."""
        self._slots[handle - 1] = None
