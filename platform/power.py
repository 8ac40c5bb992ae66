"""Power, and how it is lost: every write and erase of lasting memory has a number at which a run can be cut.

Flash and OTP are all that survives. Their writes and erases are numbered from 1 at each power-on, across all
devices of one machine, so that the same run cut at the same number leaves the same bytes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn, Self

from ..interface.errors import ExitCode, TfmSimError


class SystemReset(TfmSimError):
    """The device was reset or lost power while somebody was using it; nothing of the caller runs on."""


class PowerCut(SystemReset):
    """Power went away at a numbered write or erase. The device stays off until it is powered on again."""

    exit_code = ExitCode.NO


class CutError(TfmSimError):
    """A text does not say where to cut the power."""


class OperationKind(Enum):
    WRITE = "write"
    ERASE = "erase"


class CutMode(Enum):
    """What the operation at which power goes away has done by then."""

    BEFORE = "before"
    """Nothing."""
    AFTER = "after"
    """All of it; nothing comes after."""
    TORN = "torn"
    """Its first half: the lower addresses are as they should be, the upper ones as they were."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One write or erase, as announced just before it takes place.

    ``number`` counts from 1 at power-on; ``memory`` is the flash device's name or "otp"; ``offset`` and
    ``length`` are bytes within it; ``data`` is what a write programs and is empty for an erase.
    """

    number: int
    memory: str
    kind: OperationKind
    offset: int
    length: int
    data: bytes = b""

    def __str__(self) -> str:
        what = f"{self.kind.value} of {self.length} bytes"
        return f"operation {self.number}: {what} at {self.offset:#x} of {self.memory}"


_MODES: Final = {mode.value: mode for mode in CutMode}


@dataclass(frozen=True, slots=True)
class Cut:
    """Power goes away at operation ``number``, counted from 1 at power-on."""

    number: int
    mode: CutMode = CutMode.BEFORE

    def __post_init__(self) -> None:
        if self.number < 1:
            raise CutError(f"power cut at operation {self.number}; legal: 1 and up")

    @classmethod
    def parse(cls, text: str) -> Self:
        """``N``, ``N:before``, ``N:after`` or ``N:torn``. Raises CutError."""
        number, colon, mode = text.partition(":")
        if not number.isascii() or not number.isdecimal() or (colon and mode not in _MODES):
            raise CutError(f"power cut {text!r:.40}; legal: N, N:before, N:after, N:torn with N from 1")
        return cls(int(number), _MODES[mode] if colon else CutMode.BEFORE)

    def __str__(self) -> str:
        return f"{self.number}:{self.mode.value}"


class PowerSupply:
    """The power of one device. ``operations`` counts since the last power-on.

    ``on_operation`` hears of every write and erase just before it takes place, ``on_cut`` of the cut.
    """

    __slots__ = ("_cut", "_programming", "last", "on", "on_cut", "on_operation", "operations")

    def __init__(self) -> None:
        self.on = True
        self.operations = 0
        self.last: PowerCut | None = None
        """The cut that took power away, None while it is on."""
        self.on_operation: Callable[[Operation], None] | None = None
        self.on_cut: Callable[[str], None] | None = None
        self._cut: Cut | None = None
        self._programming = False

    @property
    def cut(self) -> Cut | None:
        """The cut that is still to come, None where power stays."""
        return self._cut

    @property
    def programming(self) -> bool:
        """What is written now comes from a programmer (``programmer``)."""
        return self._programming

    def cut_at(self, cut: Cut | None) -> None:
        """Take power away at that operation of this run, or of the next one; None calls it off.

        A number that this run has passed already waits for the next power-on.
        """
        self._cut = cut

    def restore(self) -> None:
        """Power comes (back), or the device is reset: operations count from 1."""
        self.on = True
        self.last = None
        self.operations = 0

    @contextmanager
    def programmer(self) -> Iterator[None]:
        """What is written meanwhile comes from outside, with power of its own: no numbers and no cuts."""
        was, self._programming = self._programming, True
        try:
            yield
        finally:
            self._programming = was

    def start(
        self, memory: str, kind: OperationKind, offset: int, length: int, data: bytes = b""
    ) -> CutMode | None:
        """Number an operation that is about to take place.

        None lets it take place. TORN and AFTER are for the caller to do, who calls `fail` behind it.
        Raises PowerCut where it is cut before it began, and for any operation while power is off.
        """
        if self._programming:
            return None
        if self.last is not None:
            raise PowerCut(str(self.last))
        self.operations += 1
        if self.on_operation is not None:
            self.on_operation(Operation(self.operations, memory, kind, offset, length, bytes(data)))
        cut = self._cut
        if cut is None or cut.number != self.operations:
            return None
        if cut.mode is CutMode.BEFORE:
            self.fail(memory, kind, offset, length)
        return cut.mode

    def fail(self, memory: str, kind: OperationKind, offset: int, length: int) -> NoReturn:
        """Power goes away in the operation that `start` let begin. Raises PowerCut."""
        cut = self._cut
        assert cut is not None
        operation = Operation(self.operations, memory, kind, offset, length)
        how = {CutMode.BEFORE: "before", CutMode.AFTER: "after", CutMode.TORN: "in the middle of"}[cut.mode]
        self._cut = None
        self.on = False
        self.last = PowerCut(f"power cut {how} {operation}")
        if self.on_cut is not None:
            self.on_cut(str(self.last))
        raise self.last


def torn_write(old: bytes, new: bytes) -> bytes:
    """What a write of ``new`` over ``old`` leaves when it is cut half way.

    The first half of the bytes is new, the second old; of a byte in the middle the upper four bits are new.
    """
    half = len(new) // 2
    if len(new) % 2 == 0:
        return new[:half] + old[half:]
    return new[:half] + bytes([new[half] & 0xF0 | old[half] & 0x0F]) + old[half + 1 :]
