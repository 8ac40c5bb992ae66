"""Who may touch which memory (TF-M tfm_hal_memory_check; FF-M 1.1, isolation rules)."""

from ..platform.memory import Memory
from .client import Client


def memory_check(memory: Memory, client: Client, base: int, size: int, *, write: bool) -> bool:
    """True when ``client`` may read, and with ``write`` also write, the whole range of ``size`` bytes.

    An empty range is always fine and a null base never is; otherwise the range must lie wholly in one
    region, as a hardware range check sees it, and that region must allow the access to this client: the
    non-secure side sees non-secure memory only, a partition that and what its isolation domain opens.
    """
    if size == 0:
        return True
    if base == 0:
        return False
    region = memory.find(base)
    if region is None or base + size > region.end or not region.readable:
        return False
    if write and not region.writable:
        return False
    return region.non_secure or client.may_touch(region.owner)
