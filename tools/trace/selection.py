"""Which events a trace writer hears, and for how long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ...device import Stage
from ...interface.trace import Event, Listener, Trace
from ...spm.events import Panicked, PartitionCalled, PartitionReturned
from .writer import TraceWriter

Writer = TypeVar("Writer", bound=TraceWriter)


def selected(listener: Listener, *, calls: bool = True, boot: bool = True) -> Listener:
    """A listener that passes on less: no partition API calls, nothing between power-on and the NS side.

    A panic is always passed on.
    """
    booting = False

    def listen(event: Event) -> None:
        nonlocal booting
        if isinstance(event, Stage):
            booting = event.name != "NS"
        in_boot = booting or isinstance(event, Stage)
        if not isinstance(event, Panicked):
            if in_boot and not boot:
                return
            if isinstance(event, PartitionCalled | PartitionReturned) and not calls:
                return
        listener(event)

    return listen


@contextmanager
def recording(trace: Trace, writer: Writer, *, calls: bool = True, boot: bool = True) -> Iterator[Writer]:
    """Have ``writer`` listen to ``trace`` inside a ``with`` statement, and close it at its end."""
    listener = selected(writer, calls=calls, boot=boot)
    trace.listeners.append(listener)
    try:
        yield writer
    finally:
        trace.listeners.remove(listener)
        writer.close()
