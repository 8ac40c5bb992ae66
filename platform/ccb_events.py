"""What the trace shows of wrapped keys: each operation of the bridge, and each way that a key takes."""

from dataclasses import dataclass

from ..interface.trace import Event

CPU_BUS = "AHB"
"""The bus that the CPU masters: what crosses it, software can see."""
RSS_BUS = "RSS"
"""The CPU while the root security services have it, before any other software runs."""
PRIVATE_BUS = "CCB"
"""The bridge between SAES and PKA: no bus master reads it."""


@dataclass(frozen=True, slots=True)
class KeyMoved(Event):
    """A key went from one place to another over a bus, wrapped or ``clear``."""

    key: str
    source: str
    target: str
    bus: str
    clear: bool


@dataclass(frozen=True, slots=True)
class CcbOperation(Event):
    """The bridge did an operation (CCOP of CCB_CR); ``steps`` are the values that OPSTEP went through.

    One that is not ``ok`` stopped at its last step: the tag of the blob was not the one computed.
    """

    operation: str
    code: int
    steps: tuple[int, ...]
    ok: bool
