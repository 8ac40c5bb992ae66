"""Pointers that the REE hands the TEE: checked, then followed (esp_tee_memory_utils.h)."""

from collections.abc import Callable

from ..interface.psa.service import psa_msg_t
from ..interface.tfm.library_model import TfmMemoryAccess, TfmStatus
from ..spm.partition_api import PartitionApi

U32_MAX = 0xFFFFFFFF

_PIECE = 0x1000

Service = tuple[int, Callable[..., int]]
"""A service for the REE: how many arguments it takes, and what it does with them."""


class ReePointers:
    """The pointers of one service call.

    The checks ask where memory is and not what may be done with it, as the TEE's do: a store through a
    pointer into the REE's flash is a fault of the CPU.
    """

    def __init__(self, psa: PartitionApi, msg: psa_msg_t) -> None:
        self._psa = psa
        self._handle = msg.handle

    def ptr(self, address: int) -> bool:
        """ESP-TEE esp_tee_ptr_in_ree: one address, never NULL; one past the address space begins anew."""
        return self.buf(address & U32_MAX, 1)

    def buf(self, address: int, size: int) -> bool:
        """ESP-TEE esp_tee_buf_in_ree: all of a range, which is neither empty nor past the address space."""
        if not size or address + size > U32_MAX:
            return False
        check = self._psa.tfm_core_memory_permission_check
        return check(self._handle, address, size, TfmMemoryAccess.RO) == TfmStatus.TFM_SUCCESS

    def load(self, address: int, size: int) -> bytes:
        return self._psa.cpu.load(address, size)

    def store(self, address: int, data: bytes) -> None:
        self._psa.cpu.store(address, data)

    def clear(self, address: int, size: int) -> None:
        """memset to zero, upwards: a size that passes the memory is a fault where the memory ends."""
        for at in range(0, size, _PIECE):
            self.store(address + at, bytes(min(_PIECE, size - at)))

    def string(self, address: int, limit: int) -> bytes:
        """A C string without its NUL, of ``limit`` bytes at most; it is not checked where it lies."""
        found = bytearray()
        while len(found) < limit:
            byte = self.load(address + len(found), 1)
            if byte == b"\0":
                break
            found += byte
        return bytes(found)
