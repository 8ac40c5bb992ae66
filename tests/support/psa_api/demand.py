"""What a demand is: something that a client does, and the statuses that it may be answered with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from support.psa_api.caller import Caller

Act = Callable[[Caller], int]


@dataclass(frozen=True, slots=True)
class Demand:
    """``name`` is the test's; ``fresh`` needs a device of its own, for it leaves traces for ever."""

    area: str
    name: str
    text: str
    statuses: tuple[int, ...]
    act: Act
    fresh: bool = False

    def __str__(self) -> str:
        return f"{self.area}-{self.name}"


DEMANDS: Final[list[Demand]] = []
"""In the order of the page."""


def demand(area: str, text: str, *statuses: int, fresh: bool = False) -> Callable[[Act], Act]:
    """The function below puts the demand and returns the status of its last call."""

    def note(act: Act) -> Act:
        name = getattr(act, "__name__", "").replace("_", "-")
        DEMANDS.append(Demand(area, name, text, statuses, act, fresh))
        return act

    return note


def rows(
    area: str,
    put: Callable[..., Act],
    *table: tuple[str, str, tuple[int, ...], tuple[object, ...]],
    fresh: bool = False,
) -> None:
    """Demands that differ in their arguments: (name, text, statuses, arguments of ``put``)."""
    for name, text, statuses, arguments in table:
        DEMANDS.append(Demand(area, name, text, statuses, put(*arguments), fresh))
