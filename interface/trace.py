"""Trace points: typed events that cost one truth test when nobody listens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LISTENER_NOTE: Final = "raised by a trace listener"
Listener = Callable[["Event"], None]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all trace events; each room defines its own."""


@dataclass(frozen=True, slots=True)
class LogLine(Event):
    """One line of the device's console, without a line end, as the firmware itself would print it."""

    source: str
    text: str


class Trace:
    """The listeners of one device.

    A trace point reads ``if trace.listeners: trace.emit(SomeEvent(...))``, so that an event is built
    only when somebody wants it. Listeners run in the order in which they were added. ``now`` is the device's
    virtual clock in microseconds since power-on, for listeners that want a time stamp.
    """

    __slots__ = ("listeners", "now")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.now: Callable[[], int] = lambda: 0

    def emit(self, event: Event) -> None:
        """Tell every listener. What a listener raises goes to whoever called the device, with a note."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception as error:
                error.add_note(LISTENER_NOTE)
                raise

    def log(self, source: str, text: str) -> None:
        if self.listeners:
            self.emit(LogLine(source, text))
