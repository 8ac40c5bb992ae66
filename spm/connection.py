"""Connections: their states as a table, and the pool they come from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..interface.psa.service import psa_msg_t
from .handles import connection_handle

if TYPE_CHECKING:
    from .client import Client
    from .service import Service

DESCRIPTOR_SIZE: Final = 8
"""A psa_invec or psa_outvec in memory: u32 base, u32 length, little endian."""
DESCRIPTOR_LEN_OFFSET: Final = 4
NO_SIZES: Final = (0, 0, 0, 0)
_PADDING: Final = ((0, 0, 0, 0), (0, 0, 0), (0, 0), (0,), ())
Vector = tuple[int, int]
"""Base address and length in bytes, as the client's descriptor held them at the call."""
PinnedVector = tuple[memoryview, int, int]
"""A vector that passed its checks: the bytes of its region, the offset of its base there, its length."""


class ConnectionState:
    """States are classes, never instantiated: they print well and compare by identity."""


class Free(ConnectionState):
    """In the pool."""


class Connecting(ConnectionState):
    """A PSA_IPC_CONNECT message is outstanding."""


class Idle(ConnectionState):
    """Open, with no message outstanding."""


class Active(ConnectionState):
    """A request is outstanding."""


class StatelessActive(ConnectionState):
    """A request to a stateless service is outstanding; the connection exists for it alone."""


class Disconnecting(ConnectionState):
    """The client called psa_close; a PSA_IPC_DISCONNECT message is outstanding."""


class Terminating(ConnectionState):
    """The service replied PROGRAMMER_ERROR; its PSA_IPC_DISCONNECT is outstanding, the handle still open."""


class Terminated(ConnectionState):
    """As Terminating, with the PSA_IPC_DISCONNECT answered; only psa_close is left."""


class Draining(ConnectionState):
    """Terminating, and closed by the client; free as soon as the service answers."""


class ConnectionEvent:
    """Events are classes too."""


class Connect(ConnectionEvent):
    """psa_connect passed its checks."""


class Accept(ConnectionEvent):
    """The service replied PSA_SUCCESS to PSA_IPC_CONNECT."""


class Refuse(ConnectionEvent):
    """The service replied CONNECTION_REFUSED or CONNECTION_BUSY to PSA_IPC_CONNECT."""


class Call(ConnectionEvent):
    """psa_call on a connection passed its checks."""


class StatelessCall(ConnectionEvent):
    """psa_call on a stateless handle passed authorization and version check."""


class Reject(ConnectionEvent):
    """psa_call on a stateless handle failed a later check."""


class Reply(ConnectionEvent):
    """The service replied to a request."""


class ReplyProgrammerError(ConnectionEvent):
    """The service replied PROGRAMMER_ERROR to a non-secure client's request."""


class Close(ConnectionEvent):
    """psa_close passed its checks."""


class Disconnected(ConnectionEvent):
    """The service replied to PSA_IPC_DISCONNECT."""


CONNECTION: Final[dict[type[ConnectionState], dict[type[ConnectionEvent], type[ConnectionState]]]] = {
    Free: {Connect: Connecting, StatelessCall: StatelessActive},
    Connecting: {Accept: Idle, Refuse: Free},
    Idle: {Call: Active, Close: Disconnecting},
    Active: {Reply: Idle, ReplyProgrammerError: Terminating},
    StatelessActive: {Reply: Free, ReplyProgrammerError: Free, Reject: Free},
    Disconnecting: {Disconnected: Free},
    Terminating: {Disconnected: Terminated, Close: Draining},
    Terminated: {Close: Free},
    Draining: {Disconnected: Free},
}
"""state -> event -> next state. What is not listed cannot happen: the calls check before they fire."""


class Connection:
    """One connection and, as in TF-M, the one message that can be outstanding on it.

    ``in_vecs`` and ``out_vecs`` are the client's vectors as they were at the call; ``in_taken`` and
    ``out_written`` count bytes per vector; ``out_array`` is the address of output descriptors that lie in
    memory, 0 where they do not. ``rhandle`` belongs to the connection, the rest to the message.
    """

    __slots__ = (
        "client",
        "delivered",
        "handle",
        "in_taken",
        "in_vecs",
        "out_array",
        "out_vecs",
        "out_written",
        "rhandle",
        "service",
        "slot",
        "state",
        "type",
    )

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.state: type[ConnectionState] = Free
        self.handle = 0
        self.service: Service
        self.client: Client
        self.rhandle: Any = None
        self.type = 0
        self.in_vecs: Sequence[PinnedVector] = ()
        self.out_vecs: Sequence[PinnedVector] = ()
        self.out_array = 0
        self.in_taken: list[int] = []
        self.out_written: list[int] = []
        self.delivered = False

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
        self.delivered = False

    def fill(self, msg: psa_msg_t) -> None:
        """Deliver the outstanding message into ``msg``; sizes of absent vectors are 0."""
        self.delivered = True
        msg.type = self.type
        msg.handle = self.handle
        msg.client_id = self.client.client_id
        msg.rhandle = self.rhandle
        msg.in_size = _four_sizes(self.in_vecs) if self.in_vecs else NO_SIZES
        msg.out_size = _four_sizes(self.out_vecs) if self.out_vecs else NO_SIZES


def _four_sizes(vectors: Sequence[PinnedVector]) -> tuple[int, int, int, int]:
    return (*[length for _, _, length in vectors], *_PADDING[len(vectors)])


class ConnectionPool:
    """TF-M's pool (CONFIG_TFM_CONN_HANDLE_MAX_NUM), shared by all clients and by stateless calls."""

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
        connection.client = client
        connection.rhandle = None
        self.open[connection.handle] = connection
        return connection

    def release(self, connection: Connection) -> None:
        """Back to the pool; the handle is dead from here on."""
        del self.open[connection.handle]
        self._free.append(connection)
