"""Several non-secure clients at once: the tasks of an RTOS, each with its own thread and client id."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from greenlet import GreenletExit

from .door import ClientDoor
from .partition_memory import Arena
from .scheduler import NS_AGENT_LOAD_ORDER, Deadlock, Thread
from .states import Ended

if TYPE_CHECKING:
    from .kernel import Kernel


class NsTask:
    """A task of the non-secure side; ``result`` is what its code returned, once ``done``.

    ``ns`` is its FF-M client API.
    """

    __slots__ = ("ns", "result", "thread")

    def __init__(self, thread: Thread, ns: ClientDoor) -> None:
        self.thread = thread
        self.ns = ns
        self.result: object = None

    @property
    def done(self) -> bool:
        return self.thread.state is Ended


def start_task(
    spm: "Kernel",
    code: Callable[[ClientDoor], object],
    name: str,
    arena: Arena,
    ns_id: int = -1,
    priority: int = 0,
    client: Callable[[Arena, int, Thread], ClientDoor] | None = None,
) -> NsTask:
    """A task more; it begins when the calling one joins it, or at once if ``priority`` is above the caller's.

    A larger ``priority`` is more urgent, 0 is that of the thread that powered the device on; of two equal
    ones the task that was started earlier goes first. ``client`` makes its client API, by default that of the
    secure core's own non-secure state. Raises ValueError for an ``ns_id`` out of range.
    """
    started = len(spm.scheduler.threads)
    thread = Thread(name, (NS_AGENT_LOAD_ORDER, -priority, started))
    task = NsTask(thread, (client or spm.ns_client)(arena, ns_id, thread))

    def entry() -> None:
        try:
            task.result = code(task.ns)
            spm.joined(task)
            spm.scheduler.end_current()
        except GreenletExit:
            raise
        except Deadlock:
            spm.scheduler.raise_in_root(spm.deadlock())
        except BaseException as error:
            spm.scheduler.raise_in_root(error)

    thread.entry = entry
    spm.scheduler.add(thread)
    if spm.scheduler.switch_due:
        spm.scheduler.reschedule()
    return task


def join(spm: "Kernel", tasks: Iterable[NsTask]) -> None:
    """The thread that powered the device on waits until the tasks have returned.

    What a task raises comes out here. DevicePanic when nobody can run any more.
    """
    if spm.down is not None:
        raise spm.gone()
    spm.joining = [task for task in tasks if not task.done]
    if spm.joining:
        try:
            spm.scheduler.block("call")
        except Deadlock:
            raise spm.deadlock() from None
