"""MMIO that partitions claim: it becomes secure and theirs until the memory map is restored.

FF-M 1.1, MMIO regions: a region has one owner, and regions do not overlap.
"""

from dataclasses import replace

from .board import Board, BoardError, Peripheral
from .memory import Access, Memory, Region, RegionKind, Security


def claim_named(board: Board, memory: Memory, name: str, owner: str, access: Access) -> Region:
    """Give what a manifest calls ``name`` to ``owner``: a peripheral, or a range that the board names.

    Returns its region, at a peripheral's secure address. Raises BoardError for a name that the board does not
    know, a peripheral without a secure address, and one that is claimed already.
    """
    if name in board.mmio_regions:
        base, size = board.mmio_regions[name]
        return claim_range(board, memory, base, size, owner, access)
    peripheral = board.peripheral(name)
    if peripheral is None:
        names = [p.mmio_name for p in board.peripherals if p.mmio_name]
        legal = ", ".join([*names, *board.mmio_regions, *(p.name for p in board.peripherals)]) or "none"
        raise BoardError(f"board {board.name}: no MMIO region {name!r}; legal: {legal}")
    return _secure(board, memory, peripheral, owner, access)


def claim_range(board: Board, memory: Memory, base: int, size: int, owner: str, access: Access) -> Region:
    """Give ``size`` bytes at the secure address ``base`` to ``owner``; returns their region.

    A peripheral is made secure as a whole. Raises BoardError where no single secure region holds the range,
    where it is claimed already, and for write access to what the board has as read-only.
    """
    for peripheral in board.peripherals:
        start = peripheral.secure_base
        if start is not None and size > 0 and start <= base and base + size <= start + peripheral.size:
            if (base, size) == (start, peripheral.size):
                return _secure(board, memory, peripheral, owner, access)
            if memory.find(base) is None:
                _secure(board, memory, peripheral, "", Access.READ | Access.WRITE)
    what = f"MMIO region {base:#010x}..{base + size - 1:#010x} for {owner}"
    whole = memory.find_range(base, size)
    if size < 1 or whole is None or whole.non_secure:
        raise BoardError(f"board {board.name}: {what}: legal: a range inside one secure region")
    _check_free(board, whole, what)
    if Access.WRITE in access and not whole.writable:
        raise BoardError(f"board {board.name}: {what}: {whole.name} is read-only; legal: READ-ONLY")
    return memory.carve(Region(f"{owner}_mmio", base, size, Security.SECURE, access, owner))


def _secure(board: Board, memory: Memory, peripheral: Peripheral, owner: str, access: Access) -> Region:
    """Move a peripheral to its secure address."""
    if peripheral.secure_base is None:
        raise BoardError(
            f"board {board.name}: {peripheral.name} for {owner}: it has no secure address; "
            "legal: peripherals that can be made secure"
        )
    mapped = [r for r in memory.regions if r.kind is RegionKind.PERIPHERAL and r.device == peripheral.name]
    for region in mapped:
        _check_free(board, region, f"{peripheral.name} for {owner}")
    (whole,) = mapped  # parts of it would have had an owner
    secure = replace(whole, base=peripheral.secure_base, security=Security.SECURE, access=access, owner=owner)
    return memory.remap(whole, secure)


def _check_free(board: Board, region: Region, what: str) -> None:
    # FF-M 1.1, MMIO regions: exclusive to one partition.
    if region.owner:
        raise BoardError(f"board {board.name}: {what}: {region} is claimed by {region.owner} already")
