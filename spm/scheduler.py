"""Who runs: strict priority, no time slices, all on one OS thread (TF-M IPC backend, thread scheduling)."""

from collections.abc import Callable
from threading import get_ident
from typing import Final

from greenlet import GreenletExit, getcurrent, greenlet

from ..interface.errors import TfmSimError

PARTITIONS_MAX: Final = 0x100
NS_AGENT_LOAD_ORDER: Final = 0xFE00
"""TF-M: the non-secure side runs only when every partition is blocked."""


def thread_priority(load_order: int, place: int) -> int:
    """A total order from TF-M's load order value; a smaller one wins.

    Of two equal load orders the partition loaded later is ahead (TF-M thread list); ``place`` counts from 0.
    Every value is even, so that ``priority | 1`` comes directly behind it.
    """
    return (load_order * PARTITIONS_MAX + PARTITIONS_MAX - 1 - place) << 1


NS_AGENT_PRIORITY: Final = thread_priority(NS_AGENT_LOAD_ORDER, 0)


class Deadlock(Exception):
    """Nobody can run: every thread waits for another, and no interrupt can come."""


class WrongThread(TfmSimError):
    """A device was called from another OS thread than the one that it was powered on in."""


class Thread:
    """A context of execution: an IPC partition's, or that of a non-secure client.

    SFN partitions have no thread of their own: their functions run in their caller's, which has the SFN
    partition's priority meanwhile.
    """

    __slots__ = ("entry", "greenlet", "name", "priority", "runnable", "started")

    def __init__(self, name: str, priority: int, entry: Callable[[], None] | None = None) -> None:
        self.name = name
        self.priority = priority
        self.entry = entry
        self.greenlet: greenlet | None = None
        self.runnable = entry is None
        self.started = entry is None


class Scheduler:
    """The threads of one device and the one that runs, which is always the most urgent that can.

    ``root`` is the thread that power-on came from.
    """

    __slots__ = ("current", "os_thread", "root", "threads")

    def __init__(self, root: Thread) -> None:
        self.threads = [root]
        self.current = root
        self.root = root
        self.os_thread = get_ident()

    def add(self, thread: Thread) -> None:
        self.threads.append(thread)

    def block(self) -> None:
        """The running thread cannot go on until somebody wakes it; returns when it runs again.

        Raises Deadlock when no thread is left that could wake it.
        """
        self.current.runnable = False
        self.reschedule()

    def wake(self, thread: Thread) -> None:
        """``thread`` can run again: now, if it is ahead of the caller, else when its turn comes."""
        thread.runnable = True
        if thread.priority < self.current.priority:
            self.reschedule()

    def reschedule(self) -> None:
        """Let the most urgent thread run; returns when that is the calling one again."""
        best: Thread | None = None
        for thread in self.threads:
            if thread.runnable and (best is None or thread.priority < best.priority):
                best = thread
        if best is None:
            raise Deadlock
        running = self.current
        if best is running:
            return
        running.greenlet = getcurrent()
        self.current = best
        if best.greenlet is None:
            assert best.entry is not None
            best.started = True
            best.greenlet = greenlet(best.entry, self.root.greenlet)
        best.greenlet.switch()

    def check_os_thread(self) -> None:
        """Greenlets cannot leave their OS thread. Raises WrongThread, before anything has changed."""
        if get_ident() != self.os_thread:
            raise WrongThread(
                "the device was called from another thread; legal: the thread in which it was powered on"
            )

    def raise_in_root(self, error: BaseException) -> None:
        """Leave the running thread for good and raise ``error`` in the thread that power-on came from."""
        self.current = self.root
        assert self.root.greenlet is not None
        self.root.greenlet.throw(error)

    def end(self) -> None:
        """End every partition's thread, whatever its code does about it; power goes away."""
        for thread in self.threads:
            if thread is self.root or thread.greenlet is None or thread.greenlet.dead:
                continue
            thread.greenlet.parent = getcurrent()
            thread.greenlet.throw(GreenletExit)
        self.current = self.root
