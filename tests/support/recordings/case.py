"""One case of a recording: a name and a check that passes, fails, or skips with the reason."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

Recorded = dict[str, Any]
"""An object of a recording, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Case:
    """``check`` raises AssertionError where the model and the recording differ."""

    name: str
    check: Callable[[], None]

    def under(self, prefix: str) -> "Case":
        return Case(f"{prefix}: {self.name}", self.check)


def not_yet(missing: str) -> NoReturn:
    """Skip, for want of something that the product or the replay does not have."""
    pytest.skip(missing)


def skipped(name: str, reason: str) -> Case:
    return Case(name, lambda: not_yet(reason))


def load(path: Path) -> Any:
    """The content of a recording. Raises pytest.UsageError for a file that is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise pytest.UsageError(f"{path}: found no JSON ({error}); legal: a recording") from error


def distinct(cases: Iterable[Case]) -> Iterator[Case]:
    """The same cases; a name that comes again is numbered."""
    seen: dict[str, int] = {}
    for case in cases:
        count = seen[case.name] = seen.get(case.name, 0) + 1
        yield case if count == 1 else Case(f"{case.name} #{count}", case.check)
