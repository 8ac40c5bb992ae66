"""What the readers of a board's YAML share: kinds of values, unique names, ranges that do not overlap.

Whatever is wrong raises BoardError, which blames the value by its line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from .yaml_source import YamlValue

NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
NAME_LEGAL: Final = "a name of letters, digits, '_' and '-'"
ADDRESS_SPACE: Final = 1 << 32
MAX_CLOCK: Final = 1_000_000_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NamedRange:
    """A named range of addresses or offsets, and the value to blame for it."""

    name: str
    start: int
    end: int
    blame: YamlValue


def items_of(entries: dict[str, YamlValue], key: str) -> list[YamlValue]:
    return entries[key].sequence() if key in entries else []


def key_of(item: YamlValue, key: str) -> YamlValue:
    """The entry of a mapping whose presence was checked before."""
    return item.mapping()[key]


def optional(item: dict[str, YamlValue], key: str, read: Callable[[YamlValue], T], default: T) -> T:
    return read(item[key]) if key in item else default


def read_address(value: YamlValue) -> int:
    return value.integer(0, ADDRESS_SPACE - 1)


def read_frequency(value: YamlValue) -> int:
    return value.integer(1, MAX_CLOCK)


def check_unique(what: str, values: list[tuple[YamlValue, YamlValue]]) -> None:
    """Each first value of a pair appears once; the error blames the second occurrence."""
    seen: dict[object, int] = {}
    for value, _ in values:
        key = value.value if isinstance(value.value, int) else value.scalar_text()
        if key in seen:
            raise value.error(f"duplicate {what}", value.describe(), f"line {seen[key]} has it already")
        seen[key] = value.line


def check_no_overlap(what: str, ranges: list[NamedRange]) -> None:
    ordered = sorted(ranges, key=lambda r: (r.start, r.end))
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise after.blame.error(
                f"{what} {after.name} overlaps {before.name} (line {before.blame.line})",
                f"{after.start:#x}..{after.end:#x} and {before.start:#x}..{before.end:#x}",
                "ranges that share no byte",
            )
