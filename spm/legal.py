"""What would have been legal, in words: the last part of a fault's message."""

from typing import TYPE_CHECKING

from ..interface.psa.service import PSA_DOORBELL
from .client import Client, Partition
from .states import Answered, Queued

if TYPE_CHECKING:
    from .kernel import Kernel


def known_sids(spm: "Kernel") -> str:
    """Every RoT Service with its SID."""
    return ", ".join(f"{sid:#x} {s.name}" for sid, s in sorted(spm.services_by_sid.items()))


def known_handles(spm: "Kernel") -> str:
    """Every stateless RoT Service with its handle."""
    known = [service for service in spm.stateless_services if service is not None]
    return ", ".join(f"{s.handle:#x} {s.name}" for s in known) or "none: no service is stateless"


def known_partition_ids(spm: "Kernel") -> str:
    """Every partition with its ID."""
    return ", ".join(f"{pid} {p.name}" for pid, p in sorted(spm.partitions_by_id.items()))


def open_handles(spm: "Kernel", client: Client) -> str:
    """A client's open connections."""
    mine = [c for c in spm.handles.values() if c.client.client_id == client.client_id]
    return ", ".join(f"{c.handle:#x}" for c in mine) or "none is open"


def message_handles(spm: "Kernel", partition: Partition) -> str:
    """A partition's delivered and unanswered messages."""
    dead = (Queued, Answered)
    mine = [c for c in spm.handles.values() if c.message not in dead and c.partition is partition]
    return ", ".join(f"{c.handle:#x}" for c in mine) or "no message is delivered and unanswered"


def awaited(partition: Partition) -> str:
    """What a partition waits for, where that is not all its services and interrupts."""
    signals = partition.wait_mask & partition.assigned
    if signals | PSA_DOORBELL == partition.assigned:
        return ""
    names = [partition.signal_name(1 << bit) for bit in range(32) if signals >> bit & 1]
    return " for " + " or ".join(names)
