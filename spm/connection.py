"""Connections, each with the one message that can be outstanding on it, and the pool they come from."""

from collections.abc import Sequence
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from ..interface.psa.client import PSA_MAX_IOVEC
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from .handles import FIXED_STATIC_HANDLE, connection_handle
from .states import (
    CONNECTION,
    MESSAGE,
    Answered,
    ConnectionEvent,
    ConnectionState,
    Free,
    MessageState,
    Queued,
    Untouched,
    VectorState,
)

if TYPE_CHECKING:
    from .client import Client, Partition
    from .service import Service

DESCRIPTOR: Final = Struct("<II")
"""A psa_invec or psa_outvec in memory: u32 base, u32 length, little endian."""
DESCRIPTOR_SIZE: Final = DESCRIPTOR.size
DESCRIPTOR_LEN_OFFSET: Final = 4
NO_SIZES: Final = (0, 0, 0, 0)
_PADDING: Final = ((0, 0, 0, 0), (0, 0, 0), (0, 0), (0,), ())
Vector = tuple[int, int]
"""Base address and length in bytes, as the client's descriptor held them at the call."""
PinnedVector = tuple[memoryview, int, int, int]
"""A vector that passed its checks: its region's bytes, the offset of its base there, its length, its base."""
NO_VECTOR: Final[PinnedVector] = (memoryview(b""), 0, 0, 0)
"""One that is empty or absent."""


_DELIVERED: Final = {
    PSA_IPC_CONNECT: "psa_get of PSA_IPC_CONNECT",
    PSA_IPC_DISCONNECT: "psa_get of PSA_IPC_DISCONNECT",
}


class Connection:
    """One connection and, as in TF-M, the one message that can be outstanding on it.

    ``in_vecs`` and ``out_vecs`` are the client's vectors as they were at the call; ``in_taken`` and
    ``out_written`` count bytes per vector; ``out_array`` is the address of output descriptors that lie in
    memory, 0 where they do not. ``in_states``, ``out_states`` and ``mapped`` (what to take back at the reply)
    are for services with MM-IOVEC. ``rhandle`` belongs to the connection, the rest to the message.
    """

    __slots__ = (
        "client",
        "handle",
        "in_states",
        "in_taken",
        "in_vecs",
        "mapped",
        "message",
        "out_array",
        "out_states",
        "out_vecs",
        "out_written",
        "partition",
        "rhandle",
        "service",
        "slot",
        "state",
        "type",
    )

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.state: type[ConnectionState] = Free
        self.message: type[MessageState] = Answered
        self.handle = 0
        self.service: Service
        self.partition: Partition
        self.client: Client
        self.rhandle: Any = None
        self.type = 0
        self.in_vecs: Sequence[PinnedVector] = ()
        self.out_vecs: Sequence[PinnedVector] = ()
        self.out_array = 0
        self.in_taken: list[int] = []
        self.out_written: list[int] = []
        self.in_states: list[type[VectorState]] = []
        self.out_states: list[type[VectorState]] = []
        self.mapped: dict[tuple[bool, int], memoryview] = {}

    def fire(self, event: type[ConnectionEvent]) -> None:
        """Go to the next state of the table."""
        self.state = CONNECTION[self.state][event]

    def open_message(
        self,
        type_: int,
        in_vecs: Sequence[PinnedVector] = (),
        out_vecs: Sequence[PinnedVector] = (),
        out_array: int = 0,
    ) -> None:
        """Make this the connection's outstanding message, with nothing read or written yet."""
        self.type = type_
        self.out_array = out_array
        self.in_vecs = in_vecs
        self.out_vecs = out_vecs
        self.in_taken = [0] * len(in_vecs)
        self.out_written = [0] * len(out_vecs)
        self.message = Queued
        if self.service.mm_iovec or self.in_states:
            touchable = PSA_MAX_IOVEC if self.service.mm_iovec else 0
            self.in_states = [Untouched] * touchable
            self.out_states = [Untouched] * touchable

    def unmap_all(self) -> None:
        """Take back every pointer that the partition still holds."""
        for key in list(self.mapped):
            self.unmap(key)

    def unmap(self, key: tuple[bool, int]) -> None:
        """Take a pointer back; one through which the partition still looks elsewhere stays, as in C."""
        with suppress(BufferError):
            self.mapped.pop(key).release()

    def fill(self, msg: psa_msg_t) -> None:
        """Deliver the outstanding message into ``msg``; sizes of absent vectors are 0."""
        type_ = msg.type = self.type
        self.message = MESSAGE[Queued]["psa_get of a request" if type_ >= 0 else _DELIVERED[type_]]
        msg.handle = self.handle
        msg.client_id = self.client.client_id
        msg.rhandle = self.rhandle
        msg.in_size = four_sizes(self.in_vecs) if self.in_vecs else NO_SIZES
        msg.out_size = four_sizes(self.out_vecs) if self.out_vecs else NO_SIZES


def four_sizes(vectors: Sequence[PinnedVector]) -> tuple[int, int, int, int]:
    """The lengths of up to four vectors, 0 for absent ones."""
    if len(vectors) == 1:
        return (vectors[0][2], 0, 0, 0)
    return (*[length for _, _, length, _ in vectors], *_PADDING[len(vectors)])


class ConnectionPool:
    """TF-M CONFIG_TFM_CONN_HANDLE_MAX_NUM: one pool, shared by all clients and by stateless calls."""

    __slots__ = ("_free", "_loop", "open")

    def __init__(self, size: int) -> None:
        self._free = [Connection(slot) for slot in range(size)]
        self._loop = 0
        self.open: dict[int, Connection] = {}

    def allocate(self, service: "Service", client: "Client") -> Connection | None:
        """A free connection with a new handle, or None when the pool is exhausted."""
        if not self._free:
            return None
        connection = self._free.pop()
        self._loop = self._loop + 1 & 7
        connection.handle = connection_handle(connection.slot, self._loop)
        connection.service = service
        connection.partition = service.partition
        connection.client = client
        connection.rhandle = None
        self.open[connection.handle] = connection
        return connection

    def release(self, connection: Connection) -> None:
        """Back to the pool; the handle is dead from here on."""
        del self.open[connection.handle]
        self._free.append(connection)


class ConnectionStack(ConnectionPool):
    """TF-M's SFN backend without a connection-based service: calls nest, and the innermost one is current.

    Its message has the one handle that there is. No pool limits it.
    """

    __slots__ = ("_stack",)

    def __init__(self) -> None:
        super().__init__(0)
        self._stack: list[Connection] = []

    def allocate(self, service: "Service", client: "Client") -> Connection | None:
        """A connection for one call; the handle is its message's until it is released."""
        self._free.append(Connection(len(self._stack)))
        connection = super().allocate(service, client)
        assert connection is not None
        del self.open[connection.handle]
        connection.handle = FIXED_STATIC_HANDLE
        self.open[FIXED_STATIC_HANDLE] = connection
        self._stack.append(connection)
        return connection

    def release(self, connection: Connection) -> None:
        """The current call is over; its caller's own, if it has one, is current again."""
        current = self._stack.pop()
        assert connection is current
        del self.open[FIXED_STATIC_HANDLE]
        if self._stack:
            self.open[FIXED_STATIC_HANDLE] = self._stack[-1]
