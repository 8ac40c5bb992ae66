"""The FF-M client API as the SPM serves it, one function a call, its rules in check order.

Every function takes the kernel and the caller first and leaves as an Outcome. A Fault with
CONNECTION_REFUSED or PROGRAMMER_ERROR panics a secure caller; a non-secure one gets that status.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..interface.psa.client import (
    PSA_CALL_TYPE_MIN,
    PSA_FRAMEWORK_VERSION,
    PSA_MAX_IOVEC,
    PSA_NULL_HANDLE,
    PSA_VERSION_NONE,
)
from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from ..interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
)
from . import legal
from .c_types import INT32_MAX, INT32_MIN, int32, uint32
from .client import Client
from .connection import DESCRIPTOR, DESCRIPTOR_SIZE, NO_VECTOR, Connection, PinnedVector, Vector
from .handles import is_stateless, stateless_index, stateless_version
from .memory_check import accessible_region, memory_check
from .messages import deliver
from .outcome import Fault, Outcome
from .service import Service
from .states import CONNECTION, Call, Close, Connect, Idle, Reject, StatelessCall, Terminated, Terminating

if TYPE_CHECKING:
    from .kernel import Kernel


@dataclass(frozen=True, slots=True)
class DescriptorArray:
    """An array of psa_invec or psa_outvec that still lies in the caller's memory, unread and unchecked."""

    address: int
    count: int

    def __len__(self) -> int:
        return self.count


Vectors = list[Vector] | DescriptorArray


def psa_framework_version(spm: "Kernel", caller: Client) -> Outcome:
    """FF-M 1.1, psa_framework_version: constant, never fails."""
    return PSA_FRAMEWORK_VERSION


def psa_version(spm: "Kernel", caller: Client, sid: int) -> Outcome:
    """FF-M 1.1, psa_version: 0 alike for a service that is absent and one that the caller may not use."""
    service = spm.services_by_sid.get(uint32(sid))
    if service is None or not caller.may_use(service):
        return PSA_VERSION_NONE
    return service.version


def psa_connect(spm: "Kernel", caller: Client, sid: int, version: int) -> Outcome:
    """FF-M 1.1, psa_connect: a positive handle, or the service's or SPM's refusal."""
    sid, version = uint32(sid), uint32(version)
    service = spm.services_by_sid.get(sid)
    # FF-M 1.1 psa_connect: the RoT Service must exist.
    if service is None:
        return Fault(
            caller,
            "psa_connect: an RoT Service with this SID",
            f"{sid:#x}",
            legal.known_sids(spm),
            PSA_ERROR_CONNECTION_REFUSED,
        )
    # FF-M 1.1 psa_connect: a stateless service has no connections; tested before authorization.
    if service.stateless:
        return Fault(
            caller,
            "psa_connect: a connection-based service",
            f"{service.name}, which is stateless",
            f"psa_call on its handle {service.handle:#x}",
        )
    fault = _check_access(caller, service, version, "psa_connect", PSA_ERROR_CONNECTION_REFUSED)
    if fault is not None:
        return fault
    connection = spm.connections.allocate(service, caller)
    # FF-M 1.1 psa_connect: no free connection is CONNECTION_BUSY for everybody, never a panic.
    if connection is None:
        return PSA_ERROR_CONNECTION_BUSY
    connection.fire(Connect)
    connection.open_message(PSA_IPC_CONNECT)
    return deliver(spm, connection)


def psa_call(
    spm: "Kernel", caller: Client, handle: int, type_: int, in_vecs: Vectors, out_vecs: Vectors
) -> Outcome:
    """FF-M 1.1, psa_call: send a request to the RoT Service behind ``handle`` and wait for its reply.

    A rejected call is invisible to the service and leaves the connection as it was.
    """
    if not INT32_MIN <= handle <= INT32_MAX:
        handle = int32(handle)
    if not INT32_MIN <= type_ <= INT32_MAX:
        type_ = int32(type_)
    # FF-M 1.1 psa_call: the null handle is never valid.
    if handle == PSA_NULL_HANDLE:
        return Fault(caller, "psa_call: a handle of the caller's own", "PSA_NULL_HANDLE", "an open handle")
    if is_stateless(handle):
        connection = _stateless_connection(spm, caller, handle)
    else:
        connection = _idle_connection(spm, caller, handle, "psa_call")
    if not isinstance(connection, Connection):
        return connection
    request = _checked_vectors(spm, caller, type_, in_vecs, out_vecs)
    if isinstance(request, Fault):
        if connection.service.stateless:
            connection.fire(Reject)
            spm.connections.release(connection)
        return request
    if not connection.service.stateless:
        connection.state = CONNECTION[connection.state][Call]
    connection.client = caller
    out_array = out_vecs.address if isinstance(out_vecs, DescriptorArray) else 0
    connection.open_message(type_, *request, out_array)
    return deliver(spm, connection)


def psa_close(spm: "Kernel", caller: Client, handle: int) -> Outcome:
    """FF-M 1.1, psa_close: end a connection; the service gets one PSA_IPC_DISCONNECT."""
    handle = int32(handle)
    # FF-M 1.1 psa_close: closing the null handle has no effect.
    if handle == PSA_NULL_HANDLE:
        return 0
    # FF-M 1.1 psa_close: a stateless handle cannot be closed.
    if is_stateless(handle):
        return Fault(
            caller, "psa_close: a connection handle", f"stateless handle {handle:#x}", "an open handle"
        )
    connection = spm.handles.get(handle)
    if connection is not None and connection.client.client_id == caller.client_id:
        # FF-M 1.1 psa_close: the service of a terminated connection has had its one PSA_IPC_DISCONNECT.
        if connection.state is Terminated:
            connection.fire(Close)
            spm.connections.release(connection)
            return 0
        if connection.state is Terminating:
            connection.fire(Close)
            return 0
    idle = _idle_connection(spm, caller, handle, "psa_close")
    if not isinstance(idle, Connection):
        return idle
    idle.client = caller
    idle.fire(Close)
    idle.open_message(PSA_IPC_DISCONNECT)
    return deliver(spm, idle)


def _stateless_connection(spm: "Kernel", caller: Client, handle: int) -> Connection | Fault | int:
    """The checks that psa_connect would have made, and a connection for this one request."""
    service = spm.stateless_services[stateless_index(handle)]
    # FF-M 1.1 psa_call: a stateless handle must name a service.
    if service is None:
        return Fault(
            caller, "psa_call: a stateless handle of a service", f"{handle:#x}", legal.known_handles(spm)
        )
    fault = _check_access(caller, service, stateless_version(handle), "psa_call", PSA_ERROR_PROGRAMMER_ERROR)
    if fault is not None:
        return fault
    connection = spm.connections.allocate(service, caller)
    # FF-M 1.1 psa_call: no free connection for a stateless request is CONNECTION_BUSY for everybody.
    if connection is None:
        return PSA_ERROR_CONNECTION_BUSY
    connection.fire(StatelessCall)
    return connection


def _check_access(
    caller: Client, service: Service, version: int, call: str, wrong_version: int
) -> Fault | None:
    # FF-M 1.1 psa_connect, psa_call: the caller must be authorized; the value CONNECTION_REFUSED is TF-M's.
    if not caller.may_use(service):
        return Fault(
            caller,
            f"{call}: a service that the caller may use",
            service.name,
            "a service in the partition's dependencies"
            if caller.is_secure
            else "a service with non_secure_clients",
            PSA_ERROR_CONNECTION_REFUSED,
        )
    # FF-M 1.1 psa_connect, psa_call: the version, for psa_call that of a stateless handle, fits the policy.
    if not service.accepts_version(version):
        return Fault(
            caller,
            f"{call}: a version that the policy admits",
            f"version {version}",
            f"{service.manifest.version_policy.value} {service.version}",
            wrong_version,
        )
    return None


def _idle_connection(spm: "Kernel", caller: Client, handle: int, call: str) -> Connection | Fault:
    """The caller's own open connection with no message outstanding."""
    connection = spm.handles.get(handle)
    # FF-M 1.1 psa_call, psa_close: the handle must be open, and the caller's own by its client id.
    if connection is None or connection.client.client_id != caller.client_id or connection.service.stateless:
        return Fault(
            caller, f"{call}: a handle of the caller's own", f"{handle:#x}", legal.open_handles(spm, caller)
        )
    # FF-M 1.1 psa_call, psa_close: no message may be outstanding, and the connection not terminated.
    if connection.state is not Idle:
        return Fault(
            caller,
            f"{call}: a connection that is idle",
            f"{handle:#x}, which is {connection.state.__name__}",
            "an open connection without an outstanding message",
        )
    return connection


def _checked_vectors(
    spm: "Kernel", caller: Client, type_: int, in_vecs: Vectors, out_vecs: Vectors
) -> tuple[list[PinnedVector], list[PinnedVector]] | Fault:
    # FF-M 1.1 psa_call: the request type must not be negative.
    if type_ < PSA_CALL_TYPE_MIN:
        return Fault(caller, "psa_call: a request type that is not negative", type_, "0 to 32767")
    # FF-M 1.1 psa_call: at most PSA_MAX_IOVEC vectors.
    if len(in_vecs) + len(out_vecs) > PSA_MAX_IOVEC:
        return Fault(
            caller,
            "psa_call: at most PSA_MAX_IOVEC vectors",
            f"{len(in_vecs)} in and {len(out_vecs)} out",
            f"{PSA_MAX_IOVEC} in all",
        )
    # FF-M 1.1 psa_call: descriptor arrays must be readable, and writable for output vectors.
    inputs = in_vecs if isinstance(in_vecs, list) else _descriptors(spm, caller, in_vecs, write=False)
    if isinstance(inputs, Fault):
        return inputs
    outputs = out_vecs if isinstance(out_vecs, list) else _descriptors(spm, caller, out_vecs, write=True)
    if isinstance(outputs, Fault):
        return outputs
    fault = _check_inputs(spm, caller, inputs) if len(inputs) > 1 else None
    if fault is not None:
        return fault
    # FF-M 1.1 psa_call: the client must be able to read its inputs and to write its outputs.
    pinned_inputs = _pin(spm, caller, inputs, "in_vec", write=False) if inputs else []
    if isinstance(pinned_inputs, Fault):
        return pinned_inputs
    pinned_outputs = _pin(spm, caller, outputs, "out_vec", write=True) if outputs else []
    if isinstance(pinned_outputs, Fault):
        return pinned_outputs
    return pinned_inputs, pinned_outputs


def _descriptors(
    spm: "Kernel", caller: Client, array: DescriptorArray, *, write: bool
) -> list[Vector] | Fault:
    """FF-M 1.1, psa_call: descriptors are read once; later changes by the client have no effect."""
    if array.count == 0:
        return []
    size = array.count * DESCRIPTOR_SIZE
    if not memory_check(spm.memory, caller, array.address, size, write=write):
        what = "the out_vec array" if write else "the in_vec array"
        return _unreachable(caller, what, array.address, size)
    return list(DESCRIPTOR.iter_unpack(spm.memory.read(array.address, size)))


def _check_inputs(spm: "Kernel", caller: Client, inputs: list[Vector]) -> Fault | None:
    # TF-M psa_call: input vectors may not overlap, for the service could read one byte twice and differently;
    # an empty vector overlaps nothing.
    empty_overlaps = spm.config.quirks.empty_input_overlaps
    for i, (base, length) in enumerate(inputs):
        for other, size in inputs[:i]:
            counts = (length and size) or empty_overlaps
            if counts and base < other + size and other < base + length:
                return Fault(
                    caller,
                    "psa_call: input vectors that do not overlap",
                    f"in_vec[{i}] at {base:#x}, {length} bytes, over one at {other:#x}, {size} bytes",
                    "disjoint input vectors",
                )
    return None


def _pin(
    spm: "Kernel", caller: Client, vectors: list[Vector], what: str, *, write: bool
) -> list[PinnedVector] | Fault:
    pinned = []
    region = caller.writable if write else caller.readable
    for base, length in vectors:
        # FF-M 1.1 psa_call: the base of an empty vector is ignored.
        if not length:
            pinned.append(NO_VECTOR)
            continue
        if region is None or base < region.base or base + length > region.end:
            region = accessible_region(spm.memory, caller, base, length, write=write)
            if region is None:
                return _unreachable(caller, f"{what}[{len(pinned)}]", base, length)
            if region.base and write:
                caller.writable = region
            elif region.base:
                caller.readable = region
        pinned.append((region.view, base - region.base, length, base))
    return pinned


def _unreachable(caller: Client, what: str, base: int, length: int) -> Fault:
    return Fault(
        caller,
        f"psa_call: {what} in memory that the caller may access",
        f"{length} bytes at {base:#010x}",
        "a range inside one region that is the caller's own",
    )
