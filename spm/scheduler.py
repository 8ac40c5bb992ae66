"""Who runs: strict priority, no time slices, all on one OS thread (TF-M IPC backend, thread scheduling)."""

from collections.abc import Callable
from threading import get_ident
from typing import Final

from greenlet import GreenletExit, getcurrent, greenlet

from ..interface.errors import TfmSimError
from ..interface.trace import Trace
from .states import THREAD, Created, Ready, Running, ThreadState

NS_AGENT_LOAD_ORDER: Final = 0xFE00
"""TF-M IPC backend: the non-secure side runs only when every partition is blocked."""


class Deadlock(Exception):
    """Nobody can run: every thread waits for another, and no interrupt can come."""


class WrongThread(TfmSimError):
    """A device was called where it cannot be: in a foreign OS thread, or by code that it runs itself."""


class Thread:
    """A context of execution: a partition's, or that of a non-secure task.

    ``priority`` sorts: the smaller one wins. A partition's is (load order value, minus its place in the
    list), for of two equal load orders the partition loaded later is ahead (TF-M thread list). ``bit`` is its
    rank among all threads, as a bit: the lowest bit is the most urgent.
    """

    __slots__ = ("bit", "entry", "greenlet", "name", "priority", "state")

    def __init__(self, name: str, priority: tuple[int, ...], entry: Callable[[], None] | None = None) -> None:
        self.name = name
        self.priority = priority
        self.entry = entry
        self.greenlet: greenlet | None = None
        self.bit = 0
        self.state: type[ThreadState] = Created


class Scheduler:
    """The threads of one device. The most urgent one that is ready runs, from the next exit of the SPM on.

    ``root`` is the thread that power-on came from. ``ready`` has the bits of all threads that can run, the
    running one included. ``switch_due`` says that a more urgent thread than the running one has become ready.
    ``idle`` lets time pass when nobody can run; it answers False when that can never help. ``tell_switch``
    traces that the thread of a name runs from here on.
    """

    __slots__ = (
        "current",
        "ending",
        "idle",
        "listeners",
        "os_thread",
        "parked",
        "ready",
        "root",
        "switch_due",
        "tell_switch",
        "threads",
    )

    def __init__(
        self, root: Thread, idle: Callable[[], bool], tell_switch: Callable[[str], None], trace: Trace
    ) -> None:
        self.threads: list[Thread] = []
        self.ready = 0
        self.root = root
        self.current = root
        self.idle = idle
        self.tell_switch = tell_switch
        self.listeners = trace.listeners
        self.switch_due = False
        self.os_thread = get_ident()
        self.parked: greenlet | None = None
        self.ending: greenlet | None = None
        self.add(root)
        root.state = Running

    def add(self, thread: Thread) -> None:
        """A thread more, ready to run in its turn."""
        self._rank(sorted([*self.threads, thread], key=lambda t: t.priority))
        self.ready |= thread.bit
        self.switch_due = self.switch_due or thread.bit < self.current.bit

    def _rank(self, threads: list[Thread]) -> None:
        ready = [thread for thread in threads if thread.bit & self.ready]
        for rank, thread in enumerate(threads):
            thread.bit = 1 << rank
        self.threads = threads
        self.ready = sum(thread.bit for thread in ready)

    def wake(self, thread: Thread, event: str) -> None:
        """What ``thread`` waited for has happened; it runs when its turn comes."""
        state = THREAD[thread.state].get(event)
        if state is None:
            return
        thread.state = state
        self.ready |= thread.bit
        if thread.bit < self.current.bit:
            self.switch_due = True

    def block(self, event: str) -> None:
        """The running thread waits; returns when it runs again. Raises Deadlock when it never can."""
        running = self.current
        running.state = THREAD[running.state][event]
        self.ready &= ~running.bit
        self._switch(running)

    def reschedule(self) -> None:
        """Let the most urgent thread run; returns when that is the calling one again."""
        running = self.current
        if running.state is Running:
            running.state = Ready
        self._switch(running)

    def _switch(self, running: Thread) -> None:
        self.switch_due = False
        ready = self.ready
        while not ready:
            if not self.idle():
                raise Deadlock
            ready = self.ready
        best = self.threads[(ready & -ready).bit_length() - 1]
        best.state = Running
        if best is running:
            return
        if self.listeners:
            self.tell_switch(best.name)
        running.greenlet = getcurrent()
        self.current = best
        if best.greenlet is None:
            assert best.entry is not None
            best.greenlet = greenlet(best.entry, self.root.greenlet)
        best.greenlet.switch()

    def end_current(self) -> None:
        """The running thread's code has returned; another takes over, and this call never returns.

        What is left of the thread, suspended here, goes with the next one that ends.
        """
        self._unpark()
        self.parked = getcurrent()
        thread = self.current
        thread.state = THREAD[thread.state]["return"]
        self.ready &= ~thread.bit
        self._rank([t for t in self.threads if t is not thread])
        self.reschedule()

    def _unpark(self) -> None:
        """A suspended greenlet keeps all that its frames hold, beyond the garbage collector's sight."""
        if self.parked is not None:
            self.parked.parent = getcurrent()
            self.parked.throw(GreenletExit)
            self.parked = None

    def check_os_thread(self) -> None:
        """Greenlets cannot leave their OS thread. Raises WrongThread, before anything has changed."""
        if get_ident() != self.os_thread:
            raise WrongThread(
                "the device was called from another thread; legal: the thread in which it was powered on"
            )

    def check_root(self) -> None:
        """A thread cannot end all threads, itself among them. Raises WrongThread, before anything changes."""
        own = {thread.greenlet: thread.name for thread in self.threads if thread is not self.root}
        here: greenlet | None = getcurrent()
        while here is not None and here is not self.root.greenlet:
            if here in own:
                raise WrongThread(
                    f"the device was reset or switched off by the code of {own[here]}; legal: by the code "
                    "that powered it on"
                )
            here = here.parent

    def abandon_current(self, error: BaseException) -> None:
        """Leave a thread that will not end where it stands; returns only in the root."""
        if self.current is not self.root:
            self.raise_in_root(error)
        ending = self.ending
        if ending is not None and getcurrent() is not ending:
            ending.switch()

    def raise_in_root(self, error: BaseException) -> None:
        """Leave the running thread for good and raise ``error`` in the thread that power-on came from."""
        self.current = self.root
        assert self.root.greenlet is not None
        self.root.greenlet.throw(error)

    def end(self) -> None:
        """End every thread but the root, whatever its code does about it; power goes away."""
        self._unpark()
        self.ending = getcurrent()
        for thread in self.threads:
            if thread is self.root:
                continue
            thread.bit = 0  # whoever wakes it from now on wakes nobody
            code = thread.greenlet
            if code is None or code.dead or code is self.ending or code is self.root.greenlet:
                continue
            code.parent = self.ending
            code.throw(GreenletExit)
        self.current = self.root
        self.ready = 0
