"""The states of the kernel's objects, as tables: state -> event -> next state.

docs/states.md is drawn from them.

A state is a class that is never instantiated: it prints well and compares by identity. An event is a class
too, or the name of the call that causes it.
"""

from typing import Final


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


class MessageState:
    """States of the one message that can be outstanding on a connection."""


class Queued(MessageState):
    """It stands at the service; psa_get has not fetched it yet."""


class ConnectMessage(MessageState):
    """Delivered: PSA_IPC_CONNECT."""


class RequestMessage(MessageState):
    """Delivered: a request, with the client's vectors."""


class DisconnectMessage(MessageState):
    """Delivered: PSA_IPC_DISCONNECT."""


class Answered(MessageState):
    """Replied to, or never sent: its handle is dead."""


_COPIES: Final = ("psa_read", "psa_skip", "psa_write")
_MAPS: Final = ("psa_map_invec", "psa_unmap_invec", "psa_map_outvec", "psa_unmap_outvec")
MESSAGE: Final[dict[type[MessageState], dict[str, type[MessageState]]]] = {
    Queued: {
        "psa_get of PSA_IPC_CONNECT": ConnectMessage,
        "psa_get of a request": RequestMessage,
        "psa_get of PSA_IPC_DISCONNECT": DisconnectMessage,
    },
    ConnectMessage: {"psa_set_rhandle": ConnectMessage, "psa_reply": Answered},
    RequestMessage: {
        "psa_set_rhandle": RequestMessage,
        **dict.fromkeys((*_COPIES, *_MAPS), RequestMessage),
        "psa_reply": Answered,
    },
    DisconnectMessage: {"psa_set_rhandle": DisconnectMessage, "psa_reply": Answered},
    Answered: {},
}
"""state -> partition call -> next state. What is not listed is the partition's PROGRAMMER ERROR."""


class VectorState:
    """States of one vector of a message, for services with MM-IOVEC (FF-M 1.1, MM-IOVEC)."""


class Untouched(VectorState):
    """Neither copied from or to, nor mapped."""


class Copied(VectorState):
    """Accessed by psa_read, psa_skip or psa_write, with no bytes too; it cannot be mapped any more."""


class Mapped(VectorState):
    """The partition holds a pointer into it; it cannot be copied."""


class Unmapped(VectorState):
    """It was mapped; nothing more can be done with it."""


VECTOR: Final[dict[type[VectorState], dict[str, type[VectorState]]]] = {
    Untouched: {**dict.fromkeys(_COPIES, Copied), "psa_map_invec": Mapped, "psa_map_outvec": Mapped},
    Copied: dict.fromkeys(_COPIES, Copied),
    Mapped: {"psa_unmap_invec": Unmapped, "psa_unmap_outvec": Unmapped},
    Unmapped: {},
}
"""state -> partition call -> next state. What is not listed is the partition's PROGRAMMER ERROR."""


class ThreadState:
    """States of a thread: classes, never instantiated; they print well and compare by identity."""


class Created(ThreadState):
    """Loaded, and runnable from the beginning; it has not run yet."""


class Ready(ThreadState):
    """It could run, and a more urgent thread does."""


class Running(ThreadState):
    """The one thread whose code runs."""


class Waiting(ThreadState):
    """In psa_wait, for a signal of its mask."""


class Calling(ThreadState):
    """In psa_connect, psa_call or psa_close, for the service's reply; or a task that joins others, or one of
    another core that waits for its mailbox."""


class Ended(ThreadState):
    """Its code has returned: a non-secure task. A partition's never does."""


THREAD: Final[dict[type[ThreadState], dict[str, type[ThreadState]]]] = {
    Created: {"dispatch": Running},
    Ready: {"dispatch": Running},
    Running: {"preempt": Ready, "psa_wait": Waiting, "call": Calling, "return": Ended},
    Waiting: {"signal": Ready},
    Calling: {"reply": Ready},
    Ended: {},
}
"""state -> event -> next state. What is not listed changes nothing: the thread does not wait for it."""
