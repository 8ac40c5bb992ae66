"""What all trace writers have in common: a text sink, a clock, and an end."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from ...interface.trace import Event


class TraceWriter(ABC):
    """A trace listener that writes to ``sink``; ``now`` gives microseconds of the device's virtual clock.

    ``close`` writes what belongs at the end, once; the sink stays open, as it is the caller's. Used in a
    ``with`` statement, a writer closes itself, also when the device panics there.
    """

    def __init__(self, sink: TextIO, now: Callable[[], int] = lambda: 0) -> None:
        self._sink = sink
        self._now = now
        self._closed = False

    def __call__(self, event: Event) -> None:
        """Hear one event; after ``close`` nothing is heard any more."""
        if not self._closed:
            self._hear(event)

    @abstractmethod
    def _hear(self, event: Event) -> None:
        """Take in one event."""

    def close(self) -> None:
        """Write the end, if that has not been done."""
        if not self._closed:
            self._closed = True
            self._finish()

    def _finish(self) -> None:
        """Write what must stand at the end; nothing for a format that is written line by line."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
