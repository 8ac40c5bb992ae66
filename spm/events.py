"""The SPM's trace events."""

from dataclasses import dataclass

from ..interface.trace import Event
from .panic import PanicReport


@dataclass(frozen=True, slots=True)
class PartitionStarted(Event):
    """A partition's code begins to run: its initialisation (SFN) or its entry point (IPC)."""

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
    """A message stands at an RoT Service; ``type`` is PSA_IPC_CONNECT, PSA_IPC_DISCONNECT or the client's.

    ``request`` says for TF-M's own services which function is asked for, as ``psa_its_set(uid 0x1)``.
    """

    client: str
    service: str
    partition: str
    handle: int
    type: int
    request: str = ""


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
    """From here on this thread runs: a partition's, "NS", or a non-secure task's."""

    thread: str


@dataclass(frozen=True, slots=True)
class PartitionCalled(Event):
    """A partition called the partition API; what is no number among the arguments shows by its type."""

    partition: str
    call: str
    arguments: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class PartitionReturned(Event):
    """A call of the partition API came back."""

    partition: str
    call: str
    result: int


@dataclass(frozen=True, slots=True)
class SignalAsserted(Event):
    """A signal was set; ``name`` is its symbol, e.g. ``TFM_CRYPTO_SIGNAL``."""

    partition: str
    signal: int
    name: str


@dataclass(frozen=True, slots=True)
class InterruptTaken(Event):
    """The SPM took an interrupt for a partition; ``handling`` is SLIH or FLIH."""

    line: int
    source: str
    partition: str
    handling: str


@dataclass(frozen=True, slots=True)
class ClockAdvanced(Event):
    """The virtual clock jumped to ``now``, microseconds since power-on, because nobody could run."""

    now: int
