"""The non-secure core's end of the mailbox: a client call into a slot, and its reply out (TF-M NS mailbox).

Whoever may run more than one task gives it a task's waiting and waking, and the interrupt of the other core.
Its tasks take turns, and none loses its turn between the load and the store of a status.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

from ..cpu import Cpu
from .mailbox import (
    MAILBOX_WORD,
    NUM_MAILBOX_QUEUE_SLOT,
    STATUS_PEND_SLOTS,
    STATUS_REPLIED_SLOTS,
    MailboxMessage,
    MailboxReply,
    MailboxStatus,
    reply_address,
    slot_address,
)


class NsMailboxOs(Protocol):
    """What the mailbox asks of the RTOS (TF-M tfm_ns_mailbox_os_*)."""

    def task(self) -> object:
        """The running task."""

    def wait(self) -> None:
        """The running task waits until it is woken."""

    def wake(self, task: object) -> None:
        """A waiting task can run, in its turn."""


class _Waiting:
    """A task that waits for a number: first that of a slot, then the reply."""

    __slots__ = ("task", "value")

    def __init__(self, task: object) -> None:
        self.task = task
        self.value: int | None = None


class NsMailbox:
    """The queue at the address ``queue``, for all tasks of the non-secure core.

    ``notify_peer`` interrupts the secure core. A request that finds no slot free waits for one; slots are
    handed on in the order in which tasks began to wait.
    """

    def __init__(self, cpu: Cpu, queue: int, os: NsMailboxOs, notify_peer: Callable[[], None]) -> None:
        self._cpu = cpu
        self._queue = queue
        self._os = os
        self._notify_peer = notify_peer
        self._free = list(range(NUM_MAILBOX_QUEUE_SLOT))
        self._in_line: deque[_Waiting] = deque()
        self._owners: dict[int, _Waiting] = {}

    def client_call(self, message: MailboxMessage) -> int:
        """Send a request; the calling task waits for its reply, which this returns."""
        slot = self._acquire()
        self._cpu.store(slot_address(self._queue, slot), message.encode())
        owner = self._owners[slot] = _Waiting(self._os.task())
        pending = self._load(STATUS_PEND_SLOTS)
        self._store(STATUS_PEND_SLOTS, pending | 1 << slot)
        self._notify_peer()
        reply = self._value_of(owner)
        self._release(slot)
        return reply

    def take_replies(self) -> None:
        """The secure core has interrupted: give each reply to the task that waits for it, and wake that."""
        replied = self._load(STATUS_REPLIED_SLOTS)
        self._store(STATUS_REPLIED_SLOTS, 0)
        for slot in range(NUM_MAILBOX_QUEUE_SLOT):
            if replied & 1 << slot and (owner := self._owners.pop(slot, None)):
                word = self._cpu.load(reply_address(self._queue, slot), MAILBOX_WORD)
                owner.value = MailboxReply.parse(word)
                self._os.wake(owner.task)

    def _acquire(self) -> int:
        if self._free:
            return heappop(self._free)
        waiting = _Waiting(self._os.task())
        self._in_line.append(waiting)
        return self._value_of(waiting)

    def _release(self, slot: int) -> None:
        if not self._in_line:
            heappush(self._free, slot)
            return
        waiting = self._in_line.popleft()
        waiting.value = slot
        self._os.wake(waiting.task)

    def _value_of(self, waiting: _Waiting) -> int:
        # Nothing between the look and the waiting gives the turn away, so no waking is missed.
        while waiting.value is None:
            self._os.wait()
        return waiting.value

    def _load(self, status: int) -> int:
        word: int = MailboxStatus.parse(self._cpu.load(self._queue + status, MAILBOX_WORD))
        return word

    def _store(self, status: int, mask: int) -> None:
        self._cpu.store(self._queue + status, MailboxStatus.build(mask))
