"""Which object table counts after a boot (TF-M ps_object_table.c, ps_object_table_init).

A change of the table goes: NVC1 is raised, the new table is tagged with it and written beside the old one,
NVC2 and then NVC3 are raised until all three are equal, the old table is removed. So a cut leaves

    NVC1 = NVC2 = NVC3    a table tagged with it, and perhaps the one before
    NVC1 > NVC2 = NVC3    the old table, tagged with NVC3, and perhaps the new one, tagged with NVC1
    NVC1 = NVC2 > NVC3    the new table
    NVC1 > NVC2 > NVC3    the new table, after a boot or more that were cut before the counters were aligned
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

PS_INVALID_NVC_VALUE: Final = 0
SWAP_COUNT_ERASED: Final = 0xFF
"""PS_FLASH_DEFAULT_VAL: a count that no table has, for erased flash reads so."""


class TableState(Enum):
    """``enum ps_obj_table_state``."""

    INVALID = auto()
    VALID = auto()
    """Of the right version, in a build where nothing authenticates a table."""
    NVC_1_VALID = auto()
    NVC_3_VALID = auto()


@dataclass(frozen=True, slots=True)
class Vouching:
    """A counter value that a table may be tagged with, and what the table is then."""

    value: int
    state: TableState


def vouching_counters(nvc_1: int, nvc_2: int, nvc_3: int) -> tuple[Vouching, ...]:
    """In the order in which a table's tag is tried.

    NVC3 counts only where it equals NVC2. Where it does not, a new table had been written: who then makes the
    file system fail, and brings back an older image, must not find a counter that vouches for it.
    """
    newest = Vouching(nvc_1, TableState.NVC_1_VALID)
    if nvc_3 != nvc_2 or nvc_3 == PS_INVALID_NVC_VALUE:
        return (newest,)
    return newest, Vouching(nvc_3, TableState.NVC_3_VALID)


def active_table(states: tuple[TableState, TableState], swap_counts: tuple[int, int] = (0, 0)) -> int | None:
    """The index of the table that counts, None where neither does (TF-M ps_set_active_object_table).

    ``swap_counts`` tell in a build without rollback protection.
    """
    valid = [index for index, state in enumerate(states) if state is not TableState.INVALID]
    if len(valid) < len(states):
        return valid[0] if valid else None
    if TableState.VALID not in states:
        return 1 if states[1] is TableState.NVC_1_VALID else 0
    return _newer(*swap_counts)


def _newer(first: int, second: int) -> int:
    """A count of 0 has rolled over and is the newer one, unless the other is 1 already."""
    if second == 0 and first != 1:
        return 1
    if first == 0 and second != 1:
        return 0
    return 1 if second > first else 0


def next_swap_count(count: int) -> int:
    """One more; the value of erased flash is passed over."""
    return 0 if count + 1 >= SWAP_COUNT_ERASED else count + 1
