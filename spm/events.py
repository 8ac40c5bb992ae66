"""The SPM's trace events."""

from dataclasses import dataclass

from ..interface.trace import Event
from .panic import PanicReport


@dataclass(frozen=True, slots=True)
class PartitionStarted(Event):
    """A partition was initialised (SFN) or ran to its first wait (IPC)."""

    partition: str
    partition_id: int
    model: str
    load_order: int


@dataclass(frozen=True, slots=True)
class CallEntered(Event):
    """A client called ``psa_connect``, ``psa_call`` or ``psa_close``; ``target`` is a SID or handle."""

    client: str
    client_id: int
    call: str
    target: int
    type: int
    in_sizes: tuple[int, ...] = ()
    out_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageDelivered(Event):
    """A message stands at an RoT Service; ``type`` is PSA_IPC_CONNECT, PSA_IPC_DISCONNECT or the client's."""

    client: str
    service: str
    partition: str
    handle: int
    type: int


@dataclass(frozen=True, slots=True)
class MessageReplied(Event):
    """An RoT Service answered a message with ``status``; ``written`` are the bytes in each output vector."""

    client: str
    service: str
    partition: str
    handle: int
    type: int
    status: int
    written: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CallReturned(Event):
    """A client's call came back."""

    client: str
    call: str
    status: int


@dataclass(frozen=True, slots=True)
class ProgrammerError(Event):
    """The SPM refused a non-secure client's call; the client sees ``status``."""

    client: str
    rule: str
    found: str
    legal: str
    status: int


@dataclass(frozen=True, slots=True)
class Panicked(Event):
    """The device went down."""

    report: PanicReport
