"""A panic is the whole device's: report, then reset; only flash, OTP and counters remain."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..interface.errors import ExitCode, TfmSimError

FOUND_MAX: Final = 2000
"""Characters of what was found that a report keeps."""


@dataclass(frozen=True, slots=True)
class PanicReport:
    """Why the device went down: who broke which rule with which value, and what would have been legal."""

    culprit: str
    rule: str
    found: str
    legal: str

    def __str__(self) -> str:
        return f"{self.culprit} broke a rule: {self.rule}\n  found {self.found}; legal: {self.legal}"


class DevicePanic(TfmSimError):
    """The device panicked; raised to whoever stood in a call at that moment, and by every call after it."""

    exit_code = ExitCode.PANIC

    def __init__(self, report: PanicReport) -> None:
        super().__init__(f"the device panicked: {report}")
        self.report = report


def printable(text: str) -> str:
    """A partition's own words, as any terminal and file takes them."""
    cut = text if len(text) <= FOUND_MAX else f"{text[:FOUND_MAX]}..."
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in cut)


def words_of(value: object) -> str:
    """The repr of a partition's object, which may be anybody's code."""
    try:
        return f"{value!r:.{FOUND_MAX}}"
    except BaseException:  # whatever it was, the device goes down for the object
        return "an object without a repr"


def describe(error: BaseException) -> tuple[str, bool]:
    """An exception with the line of code that raised it, and whether it can be shown to a person at all."""
    try:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.name}, line {frame.lineno} of {Path(frame.filename).name}"
        _ = list(getattr(error, "__notes__", ()))
        return f"{type(error).__name__}: {error} in {where}", True
    except BaseException:  # its own code fails, and the device goes down for it all the same
        return "an exception that cannot be shown", False
