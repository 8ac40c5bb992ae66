"""Trace points: typed events that cost one truth test when nobody listens."""

from collections.abc import Callable
from contextlib import suppress
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
    virtual clock in microseconds since power-on, for listeners that want a time stamp. ``failure`` is what a
    listener raised last, and ``on_failure`` is told of it before it goes its way.
    """

    __slots__ = ("failure", "listeners", "now", "on_failure")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.now: Callable[[], int] = lambda: 0
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] | None = None

    def emit(self, event: Event) -> None:
        """Tell every listener. What a listener raises goes to whoever called the device, with a note."""
        for listener in self.listeners:
            try:
                listener(event)
            except BaseException as error:
                self.failure = error
                if self.on_failure is not None:
                    self.on_failure()
                with suppress(Exception):  # it may be of a class that takes no notes
                    error.add_note(LISTENER_NOTE)
                raise

    def log(self, source: str, text: str) -> None:
        if self.listeners:
            self.emit(LogLine(source, text))
