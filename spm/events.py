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


@dataclass(frozen=True, slots=True)
class ThreadSwitched(Event):
    """From here on this thread runs: a partition's name, "NS", or the name of a non-secure task."""

    thread: str


@dataclass(frozen=True, slots=True)
class PartitionCalled(Event):
    """A partition called the partition API: psa_wait, psa_get, psa_read, ...; arguments in C's order."""

    partition: str
    call: str
    arguments: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class PartitionReturned(Event):
    """The partition API answered; ``result`` is 0 for a call that returns nothing."""

    partition: str
    call: str
    result: int


@dataclass(frozen=True, slots=True)
class SignalAsserted(Event):
    """A signal of a partition was set; ``name`` is e.g. ``TFM_CRYPTO_SIGNAL`` or ``PSA_DOORBELL``."""

    partition: str
    signal: int
    name: str


@dataclass(frozen=True, slots=True)
class InterruptTaken(Event):
    """An interrupt reached the CPU; ``handling`` is FLIH or SLIH, ``source`` its name in the manifest."""

    line: int
    source: str
    partition: str
    handling: str


@dataclass(frozen=True, slots=True)
class ClockAdvanced(Event):
    """The virtual clock jumped, as nobody could run; ``now`` is in microseconds since power-on."""

    now: int
