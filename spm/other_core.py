"""The non-secure core of a dual-core board: its client API over the mailbox, and its mailbox interrupt.

Nothing here enters the SPM: a request lies in non-secure memory, the MHU interrupts the secure core, and the
mailbox agent does the rest. A task that waits for its reply, or for a free slot, waits on its own core: its
thread is blocked as one that calls the SPM, and woken by this core's interrupt. The two cores take turns:
the secure one has the right of way, so it has done all that it can when a task of this one goes on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..interface.psa.client import PSA_CALL_TYPE_MAX, PSA_MAX_IOVEC, InVec, psa_outvec
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from ..interface.tfm.mailbox import MailboxCall, MailboxMessage
from ..interface.tfm.ns_mailbox import NsMailbox
from ..platform.board import DualCore
from ..platform.interrupts import InterruptController
from ..platform.mhu import MHU_BITS, MhuRegister
from .buffers import vector_sizes
from .c_types import uint32
from .client import NonSecureClient
from .client_api import DescriptorArray, Vectors
from .connection import DESCRIPTOR, DESCRIPTOR_SIZE
from .cpu import CpuPort
from .door import ClientDoor
from .partition_memory import Arena
from .scheduler import Deadlock, Thread

if TYPE_CHECKING:
    from .kernel import Kernel


class OtherCore:
    """CPU 1 with its RTOS's tasks; ``interrupts`` are its own lines."""

    def __init__(self, spm: "Kernel", interrupts: InterruptController, board: DualCore) -> None:
        self._spm = spm
        self._mhu = board.mhu.base
        self._cpu = CpuPort(spm, NonSecureClient("NS core", 0, spm.ns_thread))
        self.mailbox = NsMailbox(self._cpu, board.mailbox.base, self, self._notify_peer)
        interrupts.handler = self._interrupt
        assert board.mhu.irq is not None  # the board's check
        interrupts.enable(board.mhu.irq)

    def client(self, arena: Arena, ns_id: int = -1, thread: Thread | None = None) -> "MailboxDoor":
        """A client on this core; ``arena`` is where its Python buffers come to lie."""
        return MailboxDoor(self._spm, self, arena, ns_id, thread or self._spm.ns_thread)

    def task(self) -> Thread:
        """The thread that runs on this core now."""
        return self._spm.scheduler.current

    def wait(self) -> None:
        """The running task waits for this core's interrupt. DevicePanic when nobody can run any more."""
        try:
            self._spm.scheduler.block("call")
        except Deadlock:
            raise self._spm.deadlock() from None

    def wake(self, task: object) -> None:
        """A task can go on when it is its turn."""
        assert isinstance(task, Thread)
        self._spm.scheduler.wake(task, "reply")

    def _notify_peer(self) -> None:
        self._write(MhuRegister.CPU0INTR_SET, 1)

    def _interrupt(self, line: int) -> None:
        self._write(MhuRegister.CPU1INTR_CLR, MHU_BITS)
        self.mailbox.take_replies()

    def _write(self, register: MhuRegister, value: int) -> None:
        self._cpu.store(self._mhu + register, value.to_bytes(4, "little"))


class MailboxDoor(ClientDoor):
    """The FF-M client API of one task of the other core.

    The secure core translates ``ns_id`` into a client id of its mailbox agent's range; one that it cannot
    translate makes every request INVALID_ARGUMENT.
    """

    __slots__ = ("_core", "_ns_id")

    def __init__(self, spm: "Kernel", core: OtherCore, arena: Arena, ns_id: int, thread: Thread) -> None:
        super().__init__(spm, NonSecureClient(f"NS client {ns_id}", ns_id, thread), arena.base, arena.size)
        self._core = core
        self._ns_id = ns_id

    def psa_framework_version(self) -> int:
        self._enter("psa_framework_version")
        return self._ask(MailboxCall.PSA_FRAMEWORK_VERSION)

    def psa_version(self, sid: int) -> int:
        self._enter("psa_version")
        return uint32(self._ask(MailboxCall.PSA_VERSION, sid=sid))

    def psa_connect(self, sid: int, version: int) -> int:
        if self._enter("psa_connect").listeners:
            self._entered("psa_connect", sid, PSA_IPC_CONNECT)
        return self._returned("psa_connect", self._ask(MailboxCall.PSA_CONNECT, sid=sid, version=version))

    def psa_close(self, handle: int) -> None:
        if self._enter("psa_close").listeners:
            self._entered("psa_close", handle, PSA_IPC_DISCONNECT)
        self._returned("psa_close", self._ask(MailboxCall.PSA_CLOSE, handle=handle))

    def psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: Sequence[InVec] | int = (),
        out_vec: Sequence[psa_outvec] | int = (),
        *,
        in_len: int | None = None,
        out_len: int | None = None,
    ) -> int:
        if self._enter("psa_call").listeners:
            self._entered("psa_call", handle, type_, vector_sizes(in_vec), vector_sizes(out_vec))
        mark = self._arena_top
        try:
            inputs, outputs = self._inputs(in_vec, in_len), self._outputs(out_vec, out_len)
            # FF-M 1.1 psa_call, client library: as on one core, what does not fit is not sent.
            if not (
                0 <= type_ <= PSA_CALL_TYPE_MAX
                and len(inputs) <= PSA_MAX_IOVEC
                and len(outputs) <= PSA_MAX_IOVEC
            ):
                return self._returned("psa_call", self._does_not_fit(type_, inputs, outputs))
            in_array, out_array = self._array_of(inputs), self._array_of(outputs)
            arrays = {"in_vec": in_array.address, "in_len": in_array.count}
            arrays |= {"out_vec": out_array.address, "out_len": out_array.count}
            status = self._ask(MailboxCall.PSA_CALL, handle=handle, type=type_, **arrays)
            if not isinstance(out_vec, int) and isinstance(outputs, list):
                self._take_outputs(out_vec, outputs, self._lengths(out_array))
            return self._returned("psa_call", status)
        finally:
            self._arena_top = mark

    def _ask(self, call: MailboxCall, **params: int) -> int:
        return self._core.mailbox.client_call(MailboxMessage(call, self._ns_id, **params))

    def _array_of(self, vectors: Vectors) -> DescriptorArray:
        """The vectors as psa_call takes them: an array of descriptors in memory."""
        if isinstance(vectors, DescriptorArray):
            return vectors
        base, size = self._arena_top, len(vectors) * DESCRIPTOR_SIZE
        if base + size > self._arena_end:
            self._no_room(base, size)
        self._arena_top = base + size
        for i, vector in enumerate(vectors):
            DESCRIPTOR.pack_into(self._view, base - self._view_base + i * DESCRIPTOR_SIZE, *vector)
        return DescriptorArray(base, len(vectors))

    def _lengths(self, array: DescriptorArray) -> list[int]:
        start = array.address - self._view_base
        view = self._view[start : start + array.count * DESCRIPTOR_SIZE]
        return [length for _, length in DESCRIPTOR.iter_unpack(view)]
