"""One crypto request: its vectors as TF-M's service sees them."""

from collections.abc import Callable

from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_PROGRAMMER_ERROR,
)
from ...interface.tfm.crypto import TFM_CRYPTO_HANDLE_SIZE, TFM_CRYPTO_PACK_IOVEC_SIZE, PackIovec
from ...spm.partition_api import PartitionApi, read_all, vector_count
from .refusal import Refusal


class Request:
    """The vectors of one call.

    ``rooms`` are the sizes of the output vectors. ``results`` is what goes into them: what is not set
    leaves the service as zeros, because TF-M hands back its cleared scratch buffer.
    """

    __slots__ = ("client_id", "inputs", "iovec", "results", "rooms")

    def __init__(self, psa: PartitionApi, msg: psa_msg_t, buffer_size: int) -> None:
        in_size = msg.in_size
        count = vector_count(in_size)
        if count == 0:
            raise Refusal(PSA_ERROR_GENERIC_ERROR)
        first = bytearray(TFM_CRYPTO_PACK_IOVEC_SIZE)
        if psa.psa_read(msg.handle, 0, first, TFM_CRYPTO_PACK_IOVEC_SIZE) != TFM_CRYPTO_PACK_IOVEC_SIZE:
            raise Refusal(PSA_ERROR_GENERIC_ERROR)
        self.client_id = msg.client_id
        self.iovec = PackIovec.decode(first)
        self.rooms = msg.out_size[: vector_count(msg.out_size)]
        # TF-M tfm_crypto_init_iovecs: every vector but the first takes room in one scratch buffer.
        wanted, self.inputs = 0, [b""]
        for size in (*in_size[1:count], *self.rooms):
            wanted += (size + 3) & ~3
        if wanted > buffer_size:
            raise Refusal(PSA_ERROR_INSUFFICIENT_MEMORY)
        for index in range(1, count):
            self.inputs.append(read_all(psa, msg, index))
        self.results: list[bytes | None] = [None] * len(self.rooms)

    def input(self, index: int) -> bytes:
        """An input vector by TF-M's numbering (0 is the request itself); empty where there is none."""
        return self.inputs[index] if index < len(self.inputs) else b""

    def room(self, index: int) -> int:
        """The size of an output vector, 0 where there is none."""
        return self.rooms[index] if index < len(self.rooms) else 0

    def put(self, index: int, data: bytes) -> None:
        """Set what an output vector carries; nothing to do for a vector that is not there."""
        if index < len(self.results):
            self.results[index] = data

    def put_whole(self, index: int, data: bytes) -> None:
        """The same for a result that cannot be cut off: BUFFER_TOO_SMALL where it does not fit."""
        if self.room(index) < len(data):
            raise Refusal(PSA_ERROR_BUFFER_TOO_SMALL)
        self.put(index, data)

    def require_handle_room(self) -> None:
        """Output vector 0 must hold a handle or a key id."""
        if self.room(0) < TFM_CRYPTO_HANDLE_SIZE:
            raise Refusal(PSA_ERROR_PROGRAMMER_ERROR)

    def put_handle(self, handle: int) -> None:
        """A handle or key id in output vector 0; the rest of a longer vector goes out as zeros."""
        self.put(0, handle.to_bytes(TFM_CRYPTO_HANDLE_SIZE, "little").ljust(self.room(0), b"\0"))

    def write_back(self, psa: PartitionApi, msg_handle: int) -> None:
        for index, room in enumerate(self.rooms):
            data = self.results[index]
            psa.psa_write(msg_handle, index, bytes(room) if data is None else data)


Handler = Callable[[Request], int]
"""A function of the service: fills in the request's results and returns the status, or raises Refusal."""
