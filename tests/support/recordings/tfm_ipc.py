"""Replay of what a non-secure client did with TF-M's SPM, line by line in the recorded order."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from support.recordings.case import Case, not_yet
from support.recordings.firmware import Firmware
from support.recordings.ipc_calls import CALLS, PATTERNS, Skip, State

from tfm_sim.spm.handles import CONNECTION_CHUNK_SIZE, POOL_HEADER_SIZE

Boot = Callable[[], Firmware]
RESULT = re.compile(r"(?P<call>RC .+?)\s*=\s*(?P<rest>-?\d+(?: .*)?)")
CHUNK_BITS = 3


class IpcReplay:
    """The lines of one boot. Those before a line are run first, for handles and pool carry state along.

    ``chunk_size`` is that of a connection object in the recorded pool where it is not the model's.
    """

    def __init__(self, lines: Sequence[str], boot: Boot, own_chunk_size: bool = False) -> None:
        self.lines = lines
        self._boot = boot
        self._found: list[str | Skip] = []
        self._state: State | None = None
        self._handles = HandleMap(_pool_spacing(lines) if own_chunk_size else None)

    def cases(self) -> Iterator[Case]:
        for index, line in enumerate(self.lines):
            yield Case(line, partial(self._check, index))

    def _check(self, index: int) -> None:
        while len(self._found) <= index:
            self._found.append(self._run(self.lines[len(self._found)]))
        found = self._found[index]
        if isinstance(found, Skip):
            not_yet(found.reason)
        assert _plain(found) == _plain(self.lines[index])

    def _run(self, line: str) -> str | Skip:
        if self._state is None:
            self._state = State(self._boot())
        handle = re.fullmatch(r"((?:HANDLE|POOL handle) \w+) = (0x[0-9a-f]+)", line)
        if handle:
            ours = self._state.open_handle(handle[1])
            return f"{handle[1]} = {self._handles.as_recorded(ours, int(handle[2], 16)):#x}"
        result = RESULT.fullmatch(line)
        call = result["call"] if result else line
        for pattern, action in PATTERNS:
            match = pattern.fullmatch(call)
            if match:
                return _tell(call, action(self._state, match), bool(result))
        known = CALLS.get(call)
        if known is None:
            return Skip(f"unknown call {call!r}")
        return _tell(call, known(self._state), bool(result))


def _tell(call: str, outcome: int | str | Skip, has_result: bool) -> str | Skip:
    if isinstance(outcome, Skip):
        return outcome
    return f"{call} = {outcome}" if has_result else str(outcome)


def _plain(line: str) -> str:
    """Lines differ in the spaces around the equals sign."""
    return re.sub(r"\s*=\s*", "=", line, count=1)


class HandleMap:
    """Ours as the recorded firmware would have numbered it.

    What ran before the first recorded handle is not known, so the loop counter is set by that one; from there
    on every allocation must move both counters alike. ``chunk_size``: see IpcReplay.
    """

    def __init__(self, chunk_size: int | None) -> None:
        self._chunk_size = chunk_size
        self._shift: int | None = None

    def as_recorded(self, ours: int, recorded: int) -> int:
        if ours <= 0:
            return ours
        loop, theirs = (ours - 1) & 7, (recorded - 1) & 7
        if self._shift is None:
            self._shift = theirs - loop
        offset = (ours - 1) >> CHUNK_BITS
        if self._chunk_size is not None:
            slot = (offset - POOL_HEADER_SIZE) // CONNECTION_CHUNK_SIZE
            offset = POOL_HEADER_SIZE + slot * self._chunk_size
        return (offset << CHUNK_BITS) + 1 + (loop + self._shift) % 8


def _pool_spacing(lines: Sequence[str]) -> int | None:
    """Bytes from one connection object to the next, from two handles that were given out in a row."""
    handles = [int(h, 16) for line in lines for h in re.findall(r"^POOL handle \d+ = (0x[0-9a-f]+)", line)]
    if len(handles) < 2:
        return None
    return abs((handles[0] - 1 >> CHUNK_BITS) - (handles[1] - 1 >> CHUNK_BITS))
