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
    """A task of the non-secure side; once ``done``, ``result`` is what its code returned.

    ``error`` is what it raised instead, None where it did not. ``ns`` is its FF-M client API.
    """

    __slots__ = ("error", "ns", "result", "spm", "thread")

    def __init__(self, spm: "Kernel", thread: Thread, ns: ClientDoor) -> None:
        self.spm = spm
        self.thread = thread
        self.ns = ns
        self.result: object = None
        self.error: Exception | None = None

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
    secure core's own non-secure state. Raises ValueError for an ``ns_id`` out of range, DevicePanic and
    SystemReset when the device is down.
    """
    _enter(spm)
    spm.tasks_started += 1
    thread = Thread(name, (NS_AGENT_LOAD_ORDER, -priority, spm.tasks_started))
    task = NsTask(spm, thread, (client or spm.ns_client)(arena, ns_id, thread))

    def entry() -> None:
        try:
            _run(spm, task, code)
            spm.joined(task)
            spm.scheduler.end_current()
        except Deadlock:
            spm.scheduler.raise_in_root(spm.deadlock())
        except BaseException as error:
            if spm.stopping or task.done:
                raise GreenletExit from None
            spm.scheduler.raise_in_root(error)

    thread.entry = entry
    spm.scheduler.add(thread)
    if spm.scheduler.switch_due:
        spm.scheduler.reschedule()
    return task


def _run(spm: "Kernel", task: NsTask, code: Callable[[ClientDoor], object]) -> None:
    """The task's code; its mistakes are for those who join it, the end of the device is for everybody."""
    try:
        task.result = code(task.ns)
    except Exception as error:
        if error is spm.trace.failure:
            raise
        task.error = error
    except BaseException:
        if spm.stopping:
            raise
        spm.reset_requested(f"task {task.thread.name} was interrupted")
        raise
    # The end of the device is everybody's, also where the task has caught what it raised.
    if spm.down is not None:
        raise spm.gone()


def join(spm: "Kernel", tasks: Iterable[NsTask]) -> None:
    """The calling thread waits until the tasks have ended, or one of them has failed; then that is raised.

    Raises DevicePanic and SystemReset when the device goes down or is down, and DevicePanic when nobody can
    run any more. A task of before a reset will never end: SystemReset.
    """
    _enter(spm)
    tasks = list(tasks)
    for task in tasks:
        if task.spm is not spm:
            raise task.spm.gone()
    waited_for = [task for task in tasks if not task.done]
    if waited_for and not any(task.error for task in tasks):
        spm.joining[spm.scheduler.current] = waited_for
        try:
            spm.scheduler.block("call")
        except Deadlock:
            raise spm.deadlock() from None
    for task in tasks:
        if task.error is not None:
            raise task.error


def _enter(spm: "Kernel") -> None:
    spm.scheduler.check_os_thread()
    if spm.down is not None:
        raise spm.gone()
    spm.check_switch()
