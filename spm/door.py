"""The in-process door to the SPM: what a client or a partition in this process holds in its hands.

A door only carries: it places Python buffers in the caller's own simulated memory, so that the SPM checks
them like any address, enters the SPM, and waits in the caller's thread when the answer is not there yet.
"""

from collections.abc import Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn

from ..interface.errors import TfmSimError
from ..interface.psa.client import (
    PSA_CALL_TYPE_MAX,
    PSA_CALL_TYPE_MIN,
    PSA_MAX_IOVEC,
    InVec,
    psa_invec,
    psa_outvec,
)
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from ..platform.hal import PlatformHal
from . import client_api, service_api
from .c_types import uint32
from .client import Client, Partition
from .client_api import DescriptorArray
from .connection import Vector
from .events import CallEntered, CallReturned
from .outcome import Blocked, Fault, Outcome
from .scheduler import Deadlock

if TYPE_CHECKING:
    from .kernel import Kernel

VECTOR_ALIGNMENT = 8
NULL_VECTOR: Vector = (0, 0)


class BuffersDoNotFit(TfmSimError):
    """The Python buffers of one call are larger than the caller's simulated memory."""


class ClientDoor:
    """The FF-M client API of one caller: integers in and out, as in C (interface/psa/client.py).

    ``arena`` and ``arena_size`` are the range of the caller's memory, address and bytes, where the buffers
    of a call are placed for as long as it takes.
    """

    __slots__ = ("_arena_end", "_arena_top", "_client", "_spm", "_view", "_view_base")

    def __init__(self, spm: "Kernel", client: Client, arena: int, arena_size: int) -> None:
        self._spm = spm
        self._client = client
        self._arena_top = arena
        self._arena_end = arena + arena_size
        region = spm.memory.find_range(arena, arena_size)
        assert region is not None  # the caller's own region, made by the loader
        self._view = region.view
        self._view_base = region.base

    def psa_framework_version(self) -> int:
        """FF-M 1.1, psa_framework_version: 0x0101."""
        return self._settle(client_api.psa_framework_version(self._alive(), self._client))

    def psa_version(self, sid: int) -> int:
        """FF-M 1.1, psa_version: the version of an RoT Service; 0 for one that is absent or not allowed."""
        return self._settle(client_api.psa_version(self._alive(), self._client, sid))

    def psa_connect(self, sid: int, version: int) -> int:
        """FF-M 1.1, psa_connect: a positive handle, or the negative ``psa_status_t`` of a refusal."""
        spm = self._alive()
        if spm.trace.listeners:
            self._entered("psa_connect", sid, PSA_IPC_CONNECT)
        self._client.reply = None
        return self._returned("psa_connect", client_api.psa_connect(spm, self._client, sid, version))

    def psa_close(self, handle: int) -> None:
        """FF-M 1.1, psa_close: end a connection; of PSA_NULL_HANDLE it has no effect."""
        spm = self._alive()
        if spm.trace.listeners:
            self._entered("psa_close", handle, PSA_IPC_DISCONNECT)
        self._client.reply = None
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
        spm = self._alive()
        client = self._client
        client.reply = None
        mark = self._arena_top
        in_count = _count("in", in_vec, in_len)
        out_count = _count("out", out_vec, out_len)
        if spm.trace.listeners:
            self._entered("psa_call", handle, type_, _sizes(in_vec), _sizes(out_vec))
        # FF-M 1.1 psa_call, client library: type and counts must fit the packed control word.
        if not (
            PSA_CALL_TYPE_MIN <= type_ <= PSA_CALL_TYPE_MAX
            and 0 <= in_count <= PSA_MAX_IOVEC
            and 0 <= out_count <= PSA_MAX_IOVEC
        ):
            rule, legal = "psa_call: type and counts in range", "type 0 to 32767, at most 4 vectors"
            found = f"type {type_}, {in_count} in, {out_count} out"
            return self._returned("psa_call", Fault(client, rule, found, legal))
        if not in_count and not out_count:
            return self._returned("psa_call", client_api.psa_call(spm, client, handle, type_, [], []))
        try:
            inputs = DescriptorArray(in_vec, in_count) if isinstance(in_vec, int) else self._inputs(in_vec)
            if isinstance(out_vec, int):
                array = DescriptorArray(out_vec, out_count)
                return self._returned(
                    "psa_call", client_api.psa_call(spm, client, handle, type_, inputs, array)
                )
            outputs = self._outputs(out_vec)
            client.written = None
            outcome = client_api.psa_call(spm, client, handle, type_, inputs, outputs)
            status = self._returned("psa_call", outcome)
            if client.written is not None:
                self._take_outputs(out_vec, outputs, client.written)
            return status
        finally:
            self._arena_top = mark

    def _inputs(self, in_vec: Sequence[InVec]) -> list[Vector]:
        vectors = []
        for item in in_vec:
            if isinstance(item, psa_invec):
                base, length = item.base, item.len
                if isinstance(base, int):
                    vectors.append(_address("psa_invec", base, length))
                    continue
                if length > len(base):
                    raise ValueError(f"psa_invec: len {length} over a buffer of {len(base)} bytes")
                data = base if length < 0 else base[:length]
            else:
                data = item
            size = len(data)
            if not size:
                vectors.append(NULL_VECTOR)
                continue
            base = self._reserve(size)
            start = base - self._view_base
            self._view[start : start + size] = data
            vectors.append((base, size))
        return vectors

    def _outputs(self, out_vec: Sequence[psa_outvec]) -> list[Vector]:
        vectors = []
        for item in out_vec:
            base, length = item.base, item.len
            if isinstance(base, int):
                vectors.append(_address("psa_outvec", base, length))
                continue
            if not isinstance(base, bytearray) and (not isinstance(base, memoryview) or base.readonly):
                kind = type(base).__name__
                raise TypeError(f"psa_outvec: base is a {kind}; legal: a writable buffer or an address")
            if length < 0:
                length = len(base)
            elif length > len(base):
                raise ValueError(f"psa_outvec: len {length} over a buffer of {len(base)} bytes")
            vectors.append((self._reserve(length), length) if length else NULL_VECTOR)
        return vectors

    def _take_outputs(self, out_vec: Sequence[psa_outvec], outputs: list[Vector], written: list[int]) -> None:
        """FF-M 1.1, psa_call: each output vector that had room now says how many bytes were written."""
        for item, (base, room), count in zip(out_vec, outputs, written, strict=True):
            if not room:
                continue
            if count and not isinstance(item.base, int):
                start = base - self._view_base
                item.base[:count] = self._view[start : start + count]
            item.len = count

    def _reserve(self, size: int) -> int:
        base = self._arena_top
        top = (base + size + VECTOR_ALIGNMENT - 1) & -VECTOR_ALIGNMENT
        if top > self._arena_end:
            raise BuffersDoNotFit(
                f"{self._client.name}: {size} bytes of vectors do not fit in its memory: "
                f"{self._arena_end - base} bytes are left at {base:#010x}"
            )
        self._arena_top = top
        return base

    def _alive(self) -> "Kernel":
        spm = self._spm
        if spm.down is not None:
            raise spm.gone()
        if get_ident() != spm.scheduler.os_thread:
            spm.scheduler.check_os_thread()
        return spm

    def _settle(self, outcome: Outcome) -> int:
        """The caller's value: waits while the call is blocked; a fault costs the culprit what it must."""
        if isinstance(outcome, int):
            return outcome
        if isinstance(outcome, Fault):
            return self._spm.settle_fault(outcome)
        return self._wait_for_reply()

    def _wait_for_reply(self) -> int:
        client = self._client
        try:
            while client.reply is None:
                self._spm.scheduler.block()
        except Deadlock:
            self._spm.panic_deadlock(client)
        reply = client.reply
        assert reply is not None
        return reply

    def _entered(
        self, call: str, target: int, type_: int, ins: tuple[int, ...] = (), outs: tuple[int, ...] = ()
    ) -> None:
        client = self._client
        self._spm.trace.emit(CallEntered(client.name, client.client_id, call, target, type_, ins, outs))

    def _returned(self, call: str, outcome: Outcome) -> int:
        status = outcome if isinstance(outcome, int) else self._settle(outcome)
        if self._spm.trace.listeners:
            self._spm.trace.emit(CallReturned(self._client.name, call, status))
        return status


def _count(which: str, vectors: Sequence[object] | int, given: int | None) -> int:
    """How many vectors there are; only an address needs to be told."""
    if isinstance(vectors, int):
        if given is None:
            raise TypeError(f"psa_call: {which}_vec is an address and needs {which}_len")
        return given
    if given is not None and given != len(vectors):
        raise TypeError(f"psa_call: {which}_len {given} for {len(vectors)} vectors; legal: leave it out")
    return len(vectors)


def _address(what: str, base: int, length: int) -> Vector:
    """A vector over addresses; only the null one may leave its length out."""
    if length < 0 and base:
        raise ValueError(f"{what}: address {base:#x} without a len")
    return uint32(base), max(length, 0)


def _sizes(vectors: Sequence[InVec] | Sequence[psa_outvec] | int) -> tuple[int, ...]:
    if isinstance(vectors, int):
        return ()
    return tuple(
        (len(v.base) if v.len < 0 and not isinstance(v.base, int) else v.len)
        if isinstance(v, psa_invec | psa_outvec)
        else len(v)
        for v in vectors
    )


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

    def psa_wait(self, signal_mask: int, timeout: int) -> int:
        spm = self._alive()
        partition = self._partition
        outcome = service_api.psa_wait(spm, partition, signal_mask, timeout)
        if not isinstance(outcome, Blocked):
            return self._settle(outcome)
        try:
            while not partition.signals & signal_mask:
                spm.scheduler.block()
        except Deadlock:
            spm.panic_deadlock(partition)
        partition.wait_mask = 0
        return partition.signals & signal_mask

    def psa_get(self, signal: int, msg: psa_msg_t) -> int:
        return self._settle(service_api.psa_get(self._alive(), self._partition, signal, msg))

    def psa_set_rhandle(self, msg_handle: int, rhandle: Any) -> None:
        self._settle(service_api.psa_set_rhandle(self._alive(), self._partition, msg_handle, rhandle))

    def psa_read(
        self, msg_handle: int, invec_idx: int, buffer: int | bytearray | memoryview, num_bytes: int
    ) -> int:
        spm = self._spm
        if spm.down is not None:
            raise spm.gone()
        outcome = service_api.psa_read(spm, self._partition, msg_handle, invec_idx, buffer, num_bytes)
        return outcome if isinstance(outcome, int) else self._settle(outcome)

    def psa_skip(self, msg_handle: int, invec_idx: int, num_bytes: int) -> int:
        return self._settle(
            service_api.psa_skip(self._alive(), self._partition, msg_handle, invec_idx, num_bytes)
        )

    def psa_write(
        self,
        msg_handle: int,
        outvec_idx: int,
        buffer: int | bytes | bytearray | memoryview,
        num_bytes: int | None = None,
    ) -> None:
        if num_bytes is None:
            if isinstance(buffer, int):
                raise TypeError("psa_write: an address needs num_bytes")
            num_bytes = len(buffer)
        spm = self._spm
        if spm.down is not None:
            raise spm.gone()
        outcome = service_api.psa_write(spm, self._partition, msg_handle, outvec_idx, buffer, num_bytes)
        if not isinstance(outcome, int):
            self._settle(outcome)

    def psa_reply(self, msg_handle: int, status: int) -> None:
        self._settle(service_api.psa_reply(self._alive(), self._partition, msg_handle, status))

    def psa_notify(self, partition_id: int) -> None:
        self._settle(service_api.psa_notify(self._alive(), self._partition, partition_id))

    def psa_clear(self) -> None:
        self._settle(service_api.psa_clear(self._alive(), self._partition))

    def psa_panic(self) -> NoReturn:
        self._settle(service_api.psa_panic(self._alive(), self._partition))
        raise AssertionError("psa_panic returned")

    def psa_rot_lifecycle_state(self) -> int:
        return self._settle(service_api.psa_rot_lifecycle_state(self._alive(), self._partition))

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        return self._alive().boot_data.get(self._partition.client_id, major, size)
