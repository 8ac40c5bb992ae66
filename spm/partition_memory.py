"""Where partitions and the non-secure side have their RAM: a region each, so that checks tell them apart."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..platform.memory import Access, Memory, Region, RegionKind, Security
from .load import LoadError
from .manifest import PartitionManifest

MPU_GRANULARITY: Final = 32
SPM_DATA_SIZE: Final = 0x8000
"""Bytes at the start of secure RAM that stay the SPM's own."""
STATIC_DATA_SIZE: Final = 0x2000
"""Room for a partition's static data; on hardware the linker knows, in the model no manifest says."""


@dataclass(frozen=True, slots=True)
class Arena:
    """A range of a caller's own memory for the buffers of its calls: address and size in bytes."""

    base: int
    size: int


def largest_ram(memory: Memory, security: Security) -> Region:
    """The largest RAM region of a security state. Raises LoadError where the board has none."""
    regions = [
        r for r in memory.regions if r.kind is RegionKind.RAM and r.security is security and r.writable
    ]
    if not regions:
        raise LoadError(
            f"the board has no {security.value} RAM region; legal: at least one, readable and writable"
        )
    return max(regions, key=lambda region: region.size)


def give_partitions_memory(memory: Memory, manifests: Iterable[PartitionManifest]) -> dict[str, Arena]:
    """Carve a region out of secure RAM for each partition, owned by it: stack, heap and static data.

    Returns the ranges by partition name. Raises LoadError where they do not fit.
    """
    ram = largest_ram(memory, Security.SECURE)
    base = ram.base + SPM_DATA_SIZE
    arenas = {}
    for manifest in manifests:
        size = _aligned(manifest.stack_size + manifest.heap_size + STATIC_DATA_SIZE)
        if base + size > ram.end:
            raise LoadError(
                f"{manifest.where}: {manifest.name} needs {size} bytes of RAM, {max(ram.end - base, 0)} are "
                f"left in {ram}; legal: smaller stacks and heaps, or fewer partitions"
            )
        memory.carve(
            Region(
                f"{manifest.name}_data",
                base,
                size,
                Security.SECURE,
                Access.READ | Access.WRITE,
                manifest.name,
            )
        )
        arenas[manifest.name] = Arena(base, size)
        base += size
    return arenas


def non_secure_arena(memory: Memory) -> Arena:
    """The upper half of non-secure RAM; the lower half is left to the addresses that a program chooses."""
    ram = largest_ram(memory, Security.NON_SECURE)
    half = ram.size // 2
    return Arena(ram.base + half, ram.size - half)


def _aligned(size: int) -> int:
    return (size + MPU_GRANULARITY - 1) & -MPU_GRANULARITY
