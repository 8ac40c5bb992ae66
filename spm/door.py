"""The in-process door to the SPM: what a client or a partition in this process holds in its hands.

A door only carries: it has Python buffers placed in the caller's own simulated memory, enters the SPM, and
waits in the caller's thread when the answer is not there yet.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from threading import get_ident
from typing import TYPE_CHECKING, Concatenate, Final, NoReturn, ParamSpec

from ..interface.psa.client import (
    PSA_CALL_TYPE_MAX,
    PSA_MAX_IOVEC,
    InVec,
    psa_outvec,
)
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from ..platform.hal import PlatformHal
from . import agent_api, client_api, interrupts, iovec_api, permission_check, service_api
from .buffers import CallBuffers, vector_sizes
from .client import Client, NonSecureClient, Partition, ns_client_id
from .client_api import Vectors
from .cpu import CpuPort
from .events import CallEntered, CallReturned, PartitionCalled, PartitionReturned
from .outcome import Fault, Outcome

if TYPE_CHECKING:
    from .kernel import Kernel


class ClientDoor(CallBuffers):
    """The FF-M client API of one caller: integers in and out, as in C (interface/psa/client.py).

    ``arena`` and ``arena_size`` are the range of the caller's memory, address and bytes, where the buffers
    of a call are placed for as long as it takes.
    """

    __slots__ = ("_spm", "cpu")

    def __init__(self, spm: "Kernel", client: Client, arena: int, arena_size: int) -> None:
        super().__init__(spm.memory, client, arena, arena_size)
        self._spm = spm
        self.cpu = CpuPort(spm, client)

    def psa_framework_version(self) -> int:
        """FF-M 1.1, psa_framework_version: 0x0101."""
        spm = self._enter("psa_framework_version")
        return spm.leave(self._client, client_api.psa_framework_version(spm, self._client))

    def psa_version(self, sid: int) -> int:
        """FF-M 1.1, psa_version: the version of an RoT Service; 0 for one that is absent or not allowed."""
        spm = self._enter("psa_version")
        return spm.leave(self._client, client_api.psa_version(spm, self._client, sid))

    def psa_connect(self, sid: int, version: int) -> int:
        """FF-M 1.1, psa_connect: a positive handle, or the negative ``psa_status_t`` of a refusal."""
        spm = self._enter("psa_connect")
        if spm.listeners:
            self._entered("psa_connect", sid, PSA_IPC_CONNECT)
        return self._returned("psa_connect", client_api.psa_connect(spm, self._client, sid, version))

    def psa_close(self, handle: int) -> None:
        """FF-M 1.1, psa_close: end a connection; of PSA_NULL_HANDLE it has no effect."""
        spm = self._enter("psa_close")
        if spm.listeners:
            self._entered("psa_close", handle, PSA_IPC_DISCONNECT)
        self._returned("psa_close", client_api.psa_close(spm, self._client, handle))

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
        """FF-M 1.1, psa_call: the service's status, or that of the SPM's refusal.

        An integer for ``in_vec`` or ``out_vec`` is the address of a descriptor array in memory and goes with
        its length, ``in_len`` or ``out_len``. Python buffers may take as many bytes in all as the arena has;
        more raises BuffersDoNotFit. Raises TypeError and ValueError for vectors that C could not express,
        DevicePanic and SystemReset when the device goes down or is down, WrongThread for a foreign thread.
        """
        spm = self._enter("psa_call")
        client = self._client
        if spm.listeners:
            self._entered("psa_call", handle, type_, vector_sizes(in_vec), vector_sizes(out_vec))
        mark = self._arena_top
        try:
            inputs = self._inputs(in_vec, in_len)
            outputs = self._outputs(out_vec, out_len)
            client.written = None
            # TF-M psa_call: the client library asks that type and counts fit the packed control word.
            if (
                0 <= type_ <= PSA_CALL_TYPE_MAX
                and len(inputs) <= PSA_MAX_IOVEC
                and len(outputs) <= PSA_MAX_IOVEC
            ):
                outcome = client_api.psa_call(spm, client, handle, type_, inputs, outputs)
            else:
                outcome = self._does_not_fit(type_, inputs, outputs)
            status = spm.leave(client, outcome)
            if spm.listeners:
                spm.trace.emit(CallReturned(client.name, "psa_call", status))
            if client.written and outputs.__class__ is list:
                self._take_outputs(out_vec, outputs, client.written)
            return status
        finally:
            self._arena_top = mark

    def _does_not_fit(self, type_: int, inputs: Vectors, outputs: Vectors) -> Fault:
        rule, legal = "psa_call: type and counts in range", "type 0 to 32767, at most 4 vectors"
        return Fault(self._client, rule, f"type {type_}, {len(inputs)} in, {len(outputs)} out", legal)

    def _enter(self, call: str) -> "Kernel":
        spm = self._spm
        if spm.closed:
            spm.refuse_entry(call)
        if get_ident() != spm.scheduler.os_thread:
            spm.scheduler.check_os_thread()
        return spm

    def _entered(
        self, call: str, target: int, type_: int, ins: tuple[int, ...] = (), outs: tuple[int, ...] = ()
    ) -> None:
        client = self._client
        self._spm.trace.emit(CallEntered(client.name, client.client_id, call, target, type_, ins, outs))

    def _returned(self, call: str, outcome: Outcome) -> int:
        spm = self._spm
        status = spm.leave(self._client, outcome)
        if spm.listeners:
            spm.trace.emit(CallReturned(self._client.name, call, status))
        return status


_NAMELESS: Final = ("psa_framework_version", "psa_version")
"""TF-M NS client id: nobody asks who makes these calls."""


class ManagedClientDoor(ClientDoor):
    """The non-secure side where an RTOS gives out the client ids (TFM_NS_MANAGE_NSID).

    Every id is a client of its own: a connection stays with the one that opened it.
    """

    __slots__ = ("_clients",)

    def __init__(self, spm: "Kernel", client: Client, arena: int, arena_size: int) -> None:
        super().__init__(spm, client, arena, arena_size)
        self._clients = {client.client_id: client}

    def _enter(self, call: str) -> "Kernel":
        spm = super()._enter(call)
        contexts = spm.ns_contexts
        assert contexts is not None
        client_id = ns_client_id(contexts.ns_id) if contexts.ns_id is not None else None
        # TF-M NS client id: a call without a loaded context, or with an id out of range, panics.
        if client_id is None:
            if call in _NAMELESS:
                return spm
            legal = "tfm_nsce_load_ctx with an id of the agent's range"
            spm.panic_of(Fault(self._client, f"{call}: a non-secure client id", contexts.ns_id, legal))
        if client_id not in self._clients:
            name, thread = f"NS client {contexts.ns_id}", self._client.thread
            self._clients[client_id] = NonSecureClient(name, client_id, thread)
        self._client = self._clients[client_id]
        return spm


def _shown(argument: object) -> int | str:
    """An argument in the trace: the same for a partition in this process and for one in its own."""
    if isinstance(argument, int):
        return argument
    if isinstance(argument, bytes | bytearray | memoryview):
        return "buffer"
    if isinstance(argument, tuple):
        return f"{argument[1]} at {argument[0]:#010x}"
    return "psa_msg_t" if isinstance(argument, psa_msg_t) else "rhandle"


P = ParamSpec("P")
_PartitionCall = Callable[Concatenate["Kernel", Partition, P], Outcome]


def _carried(call: _PartitionCall[P]) -> "Callable[Concatenate[PartitionDoor, P], int]":
    """A call of the partition API as a method: into the SPM, and out when the answer is there."""
    name = call.__name__

    @wraps(call)
    def carry(self: "PartitionDoor", /, *args: P.args, **kwargs: P.kwargs) -> int:
        return self._carry(name, call, *args, **kwargs)

    return carry


class PartitionDoor(ClientDoor):
    """The partition API of one partition in this process (spm/partition_api.py says what each call does)."""

    __slots__ = ("_partition", "hal")

    def __init__(
        self, spm: "Kernel", partition: Partition, hal: PlatformHal, arena: int, arena_size: int
    ) -> None:
        super().__init__(spm, partition, arena, arena_size)
        self._partition = partition
        self.hal = hal

    @property
    def partition_id(self) -> int:
        return self._partition.client_id

    # The five calls of every message are written out: a _carried one costs a quarter of a microsecond more.

    def psa_wait(self, signal_mask: int, timeout: int) -> int:
        spm, partition = self._spm, self._partition
        if spm.closed or spm.listeners:
            return self._carry("psa_wait", service_api.psa_wait, signal_mask, timeout)
        outcome = service_api.psa_wait(spm, partition, signal_mask, timeout)
        if outcome.__class__ is not int or spm.scheduler.switch_due:
            return spm.leave(partition, outcome)
        return outcome

    def psa_get(self, signal: int, msg: psa_msg_t | int) -> int:
        spm, partition = self._spm, self._partition
        if spm.closed or spm.listeners:
            return self._carry("psa_get", service_api.psa_get, signal, msg)
        outcome = service_api.psa_get(spm, partition, signal, msg)
        if outcome.__class__ is not int or spm.scheduler.switch_due:
            return spm.leave(partition, outcome)
        return outcome

    def psa_read(
        self, msg_handle: int, invec_idx: int, buffer: int | bytearray | memoryview, num_bytes: int
    ) -> int:
        spm, partition = self._spm, self._partition
        if spm.closed or spm.listeners:
            return self._carry("psa_read", service_api.psa_read, msg_handle, invec_idx, buffer, num_bytes)
        outcome = service_api.psa_read(spm, partition, msg_handle, invec_idx, buffer, num_bytes)
        if outcome.__class__ is not int or spm.scheduler.switch_due:
            return spm.leave(partition, outcome)
        return outcome

    def psa_write(
        self,
        msg_handle: int,
        outvec_idx: int,
        buffer: int | bytes | bytearray | memoryview,
        num_bytes: int | None = None,
    ) -> int:
        if num_bytes is None:
            if isinstance(buffer, int):
                raise TypeError("psa_write: an address needs num_bytes")
            num_bytes = len(buffer)
        spm, partition = self._spm, self._partition
        if spm.closed or spm.listeners:
            return self._carry("psa_write", service_api.psa_write, msg_handle, outvec_idx, buffer, num_bytes)
        outcome = service_api.psa_write(spm, partition, msg_handle, outvec_idx, buffer, num_bytes)
        if outcome.__class__ is not int or spm.scheduler.switch_due:
            return spm.leave(partition, outcome)
        return outcome

    def psa_reply(self, msg_handle: int, status: int) -> int:
        spm, partition = self._spm, self._partition
        if spm.closed or spm.listeners:
            return self._carry("psa_reply", service_api.psa_reply, msg_handle, status)
        outcome = service_api.psa_reply(spm, partition, msg_handle, status)
        if outcome.__class__ is not int or spm.scheduler.switch_due:
            return spm.leave(partition, outcome)
        return outcome

    psa_set_rhandle = _carried(service_api.psa_set_rhandle)
    psa_skip = _carried(service_api.psa_skip)
    psa_notify = _carried(service_api.psa_notify)
    psa_clear = _carried(service_api.psa_clear)
    psa_rot_lifecycle_state = _carried(service_api.psa_rot_lifecycle_state)
    psa_irq_enable = _carried(interrupts.psa_irq_enable)
    psa_irq_disable = _carried(interrupts.psa_irq_disable)
    psa_eoi = _carried(interrupts.psa_eoi)
    psa_reset_signal = _carried(interrupts.psa_reset_signal)
    psa_unmap_invec = _carried(iovec_api.psa_unmap_invec)
    psa_unmap_outvec = _carried(iovec_api.psa_unmap_outvec)
    agent_psa_connect = _carried(agent_api.agent_psa_connect)
    agent_psa_call = _carried(agent_api.agent_psa_call)
    agent_psa_close = _carried(agent_api.agent_psa_close)
    _map_invec = _carried(iovec_api.psa_map_invec)
    _map_outvec = _carried(iovec_api.psa_map_outvec)
    _panic = _carried(service_api.psa_panic)

    def psa_map_invec(self, msg_handle: int, invec_idx: int) -> memoryview:
        self._map_invec(msg_handle, invec_idx)
        return self._spm.handles[msg_handle].mapped[False, invec_idx]

    def psa_map_outvec(self, msg_handle: int, outvec_idx: int) -> memoryview:
        self._map_outvec(msg_handle, outvec_idx)
        return self._spm.handles[msg_handle].mapped[True, outvec_idx]

    def psa_panic(self) -> NoReturn:
        self._panic()
        raise AssertionError("psa_panic returned")

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        spm = self._enter("tfm_core_get_boot_data")
        return spm.boot_data.get(self._partition.client_id, major, size)

    def tfm_core_memory_permission_check(self, msg_handle: int, address: int, size: int, access: int) -> int:
        call = permission_check.tfm_core_memory_permission_check
        return self._carry("tfm_core_memory_permission_check", call, msg_handle, address, size, access)

    def _carry(self, name: str, call: _PartitionCall[P], *args: P.args, **kwargs: P.kwargs) -> int:
        spm, partition = self._spm, self._partition
        if spm.closed:
            spm.refuse_entry(name)
        if not spm.listeners:
            return spm.leave(partition, call(spm, partition, *args, **kwargs))
        shown = tuple(map(_shown, (*args, *kwargs.values())))
        spm.trace.emit(PartitionCalled(partition.name, name, shown))
        result = spm.leave(partition, call(spm, partition, *args, **kwargs))
        spm.trace.emit(PartitionReturned(partition.name, name, result))
        return result
