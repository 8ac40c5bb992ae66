"""Which upgrade the trailers of both slots ask for (MCUboot boot_swap_tables), and where the status of an
interrupted swap stands (boot_status_tables)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from .trailer import Flag, Magic, SwapState, SwapType


@dataclass(frozen=True, slots=True)
class SwapRule:
    """One row; ANY matches everything. The first row that matches decides."""

    name: str
    primary_magic: Magic
    secondary_magic: Magic
    primary_image_ok: Flag
    secondary_image_ok: Flag
    primary_copy_done: Flag
    secondary_copy_done: Flag
    swap_type: SwapType

    def matches(self, primary: SwapState, secondary: SwapState) -> bool:
        return (
            self.primary_magic.accepts(primary.magic)
            and self.secondary_magic.accepts(secondary.magic)
            and self.primary_image_ok.accepts(primary.image_ok)
            and self.secondary_image_ok.accepts(secondary.image_ok)
            and self.primary_copy_done.accepts(primary.copy_done)
            and self.secondary_copy_done.accepts(secondary.copy_done)
        )


SWAP_TABLE: Final = (
    SwapRule(
        "secondary marked for a test run",
        Magic.ANY,
        Magic.GOOD,
        Flag.ANY,
        Flag.UNSET,
        Flag.ANY,
        Flag.ANY,
        SwapType.TEST,
    ),
    SwapRule(
        "secondary marked for good",
        Magic.ANY,
        Magic.GOOD,
        Flag.ANY,
        Flag.SET,
        Flag.ANY,
        Flag.ANY,
        SwapType.PERM,
    ),
    SwapRule(
        "primary swapped in and never confirmed",
        Magic.GOOD,
        Magic.ANY,
        Flag.UNSET,
        Flag.ANY,
        Flag.SET,
        Flag.ANY,
        SwapType.REVERT,
    ),
)
OFFSET_SWAP_TABLE: Final = (
    SwapRule(
        "secondary's swap back was begun",
        Magic.ANY,
        Magic.GOOD,
        Flag.ANY,
        Flag.UNSET,
        Flag.ANY,
        Flag.SET,
        SwapType.REVERT,
    ),
    *SWAP_TABLE,
)
"""That of SWAP_USING_OFFSET: a revert that was begun is told from a test by the secondary's copy_done."""
NO_RULE: Final = "no row of the swap table matches"


def decide(
    primary: SwapState, secondary: SwapState, table: tuple[SwapRule, ...] = SWAP_TABLE
) -> tuple[SwapType, str]:
    """The swap type and the name of the row that gave it; NONE where no row matches."""
    for rule in table:
        if rule.matches(primary, secondary):
            return rule.swap_type, rule.name
    return SwapType.NONE, NO_RULE


class StatusSource(IntEnum):
    """BOOT_STATUS_SOURCE_*: the area whose trailer tells how far a swap got."""

    NONE = 0
    SCRATCH = 1
    PRIMARY_SLOT = 2


@dataclass(frozen=True, slots=True)
class StatusRule:
    """One row; the first that matches decides where SWAP_USING_SCRATCH looks for the swap status."""

    name: str
    primary_magic: Magic
    scratch_magic: Magic
    primary_copy_done: Flag
    source: StatusSource


STATUS_TABLE: Final = (
    StatusRule("the last swap is done", Magic.GOOD, Magic.NOTGOOD, Flag.SET, StatusSource.NONE),
    StatusRule("a swap began", Magic.GOOD, Magic.NOTGOOD, Flag.UNSET, StatusSource.PRIMARY_SLOT),
    StatusRule("a swap of the trailer's sector began", Magic.ANY, Magic.GOOD, Flag.ANY, StatusSource.SCRATCH),
    StatusRule("no swap ever, or mid-revert", Magic.UNSET, Magic.ANY, Flag.UNSET, StatusSource.PRIMARY_SLOT),
)
NO_STATUS: Final = "no row of the status table matches"


def find_status(primary: SwapState, scratch: SwapState) -> tuple[StatusSource, str]:
    """Where the status stands and the row that says so (MCUboot swap_scratch.c swap_status_source)."""
    for rule in STATUS_TABLE:
        if (
            rule.primary_magic.accepts(primary.magic)
            and rule.scratch_magic.accepts(scratch.magic)
            and rule.primary_copy_done.accepts(primary.copy_done)
        ):
            return rule.source, rule.name
    return StatusSource.NONE, NO_STATUS
