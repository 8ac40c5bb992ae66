"""Who may touch which memory (TF-M tfm_hal_memory_check; FF-M 1.1, isolation rules)."""

from ..platform.memory import Access, Memory, Region
from .client import Client


def accessible_region(memory: Memory, client: Client, base: int, size: int, *, write: bool) -> Region | None:
    """FF-M 1.1, memory references: the one region where ``client`` may read, or also write, all of a range.

    Else None. A null base is never accessible. The range, which is not empty, must lie wholly in one region,
    as a hardware range check sees it, and that region must allow the access to this client: the non-secure
    side sees non-secure memory only, a partition that and what its isolation domain opens.
    """
    if base == 0:
        return None
    region = memory.find(base)
    if region is None or base + size > region.end or not region.readable:
        return None
    if write and not region.writable:
        return None
    if region.non_secure or client.may_touch(region.owner):
        return region
    # FF-M 1.1 isolation: code and constants of the secure image are one shared region. MMIO that is claimed
    # READ-ONLY and one-time-programmable memory are private all the same.
    shared = Access.EXECUTE in region.access and not region.writable and not region.owner
    return region if client.is_secure and shared else None


def memory_check(memory: Memory, client: Client, base: int, size: int, *, write: bool) -> bool:
    """FF-M 1.1, memory references: an empty range is accessible wherever it lies."""
    return size == 0 or accessible_region(memory, client, base, size, write=write) is not None
