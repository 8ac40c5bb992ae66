"""Which upgrade the trailers of both slots ask for (MCUboot boot_swap_tables)."""

from dataclasses import dataclass
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
            self.primary_magic in (Magic.ANY, primary.magic)
            and self.secondary_magic in (Magic.ANY, secondary.magic)
            and self.primary_image_ok in (Flag.ANY, primary.image_ok)
            and self.secondary_image_ok in (Flag.ANY, secondary.image_ok)
            and self.primary_copy_done in (Flag.ANY, primary.copy_done)
            and self.secondary_copy_done in (Flag.ANY, secondary.copy_done)
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
NO_RULE: Final = "no row of the swap table matches"


def decide(
    primary: SwapState, secondary: SwapState, table: tuple[SwapRule, ...] = SWAP_TABLE
) -> tuple[SwapType, str]:
    """The swap type and the name of the row that gave it; NONE where no row matches."""
    for rule in table:
        if rule.matches(primary, secondary):
            return rule.swap_type, rule.name
    return SwapType.NONE, NO_RULE
