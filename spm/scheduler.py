"""Who runs: strict priority, no time slices, all on one OS thread (TF-M IPC backend, thread scheduling)."""

from collections.abc import Callable
from typing import Final

from greenlet import GreenletExit, getcurrent, greenlet

NS_AGENT_PRIORITY: Final = 0xFE00
"""TF-M: the non-secure side runs only when every partition is blocked."""


class Deadlock(Exception):
    """Nobody can run: every thread waits for another, and no interrupt can come."""


class Thread:
    """A context of execution: an IPC partition's, or that of a non-secure client.

    ``priority`` is a load order value; a smaller one wins. SFN partitions have no thread of their own:
    their functions run in their caller's, which has the SFN partition's priority meanwhile.
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
    """The threads of one device and the one that runs.

    ``root`` is the thread that power-on came from. ``pending`` is set when somebody became runnable who
    did not get to run at once.
    """

    __slots__ = ("current", "pending", "root", "threads")

    def __init__(self, root: Thread) -> None:
        self.threads = [root]
        self.current = root
        self.root = root
        self.pending = False

    def add(self, thread: Thread) -> None:
        # TF-M thread list: of two equal priorities the one added later is ahead.
        self.threads.insert(0, thread)

    def block(self) -> None:
        """The running thread cannot go on until somebody wakes it; returns when it runs again.

        Raises Deadlock when no thread is left that could wake it.
        """
        self.current.runnable = False
        self._switch()

    def wake(self, thread: Thread) -> None:
        """``thread`` can run again: now, if it is ahead of the caller, else when its turn comes."""
        thread.runnable = True
        if thread.priority < self.current.priority:
            self._switch()
        else:
            self.pending = True

    def preempt(self) -> None:
        """The running thread's priority fell: let those run first who are ahead of it now."""
        self.pending = False
        self._switch()

    def _switch(self) -> None:
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

    def raise_in_root(self, error: Exception) -> None:
        """Leave the running thread for good and raise ``error`` in the thread that power-on came from."""
        if self.current is self.root:
            raise error
        self.current = self.root
        assert self.root.greenlet is not None
        self.root.greenlet.throw(error)

    def end(self) -> None:
        """End every partition's thread; called from the root when the device loses power or resets."""
        for thread in self.threads:
            if thread is not self.root and thread.greenlet is not None and not thread.greenlet.dead:
                thread.greenlet.throw(GreenletExit)
