"""MM-IOVEC: vectors that a service accesses in place (FF-M 1.1, memory-mapped iovecs)."""

from typing import TYPE_CHECKING

from ..interface.psa.status import PSA_SUCCESS
from .c_types import UINT32_MASK
from .client import Partition
from .connection import NO_VECTOR, Connection
from .memory_check import accessible_region
from .outcome import Fault, Outcome
from .service_api import message_of, request_of
from .states import VECTOR, Copied, Unmapped, Untouched

if TYPE_CHECKING:
    from .kernel import Kernel


def psa_map_invec(spm: "Kernel", caller: Partition, msg_handle: int, invec_idx: int) -> Outcome:
    """FF-M 1.1, psa_map_invec: the address of an input vector, to be read in place until unmapped."""
    return _map(spm, caller, msg_handle, invec_idx, "psa_map_invec", write=False)


def psa_map_outvec(spm: "Kernel", caller: Partition, msg_handle: int, outvec_idx: int) -> Outcome:
    """FF-M 1.1, psa_map_outvec: the address of an output vector, to be written in place until unmapped."""
    return _map(spm, caller, msg_handle, outvec_idx, "psa_map_outvec", write=True)


def psa_unmap_invec(spm: "Kernel", caller: Partition, msg_handle: int, invec_idx: int) -> Outcome:
    """FF-M 1.1, psa_unmap_invec: the pointer is given back."""
    connection = _mappable(spm, caller, msg_handle, invec_idx, "psa_unmap_invec")
    return connection if isinstance(connection, Fault) else _unmap(caller, connection, invec_idx, write=False)


def psa_unmap_outvec(
    spm: "Kernel", caller: Partition, msg_handle: int, outvec_idx: int, length: int
) -> Outcome:
    """FF-M 1.1, psa_unmap_outvec: the pointer is given back, and ``length`` bytes count as written."""
    length &= UINT32_MASK
    connection = _mappable(spm, caller, msg_handle, outvec_idx, "psa_unmap_outvec")
    if isinstance(connection, Fault):
        return connection
    size = connection.out_vecs[outvec_idx][2] if outvec_idx < len(connection.out_vecs) else 0
    # FF-M 1.1 psa_unmap_outvec: no more than the vector's size was written.
    if length > size:
        rule = "psa_unmap_outvec: no more than the vector's size"
        return Fault(caller, rule, f"{length} bytes", f"up to {size}")
    outcome = _unmap(caller, connection, outvec_idx, write=True)
    if outcome == PSA_SUCCESS:
        connection.out_written[outvec_idx] = length
    return outcome


def _mappable(spm: "Kernel", caller: Partition, msg_handle: int, index: int, call: str) -> Connection | Fault:
    connection = message_of(spm, caller, msg_handle, "psa_set_rhandle")  # legal for every message
    # FF-M 1.1 MM-IOVEC: the service's manifest and the build must enable it.
    if isinstance(connection, Connection) and not connection.service.mm_iovec:
        rule = f"{call}: a service with mm_iovec enabled"
        return Fault(caller, rule, connection.service.name, "mm_iovec: enable in the manifest")
    return request_of(spm, caller, msg_handle, index, call)


def _map(spm: "Kernel", caller: Partition, msg_handle: int, index: int, call: str, *, write: bool) -> Outcome:
    connection = _mappable(spm, caller, msg_handle, index, call)
    if isinstance(connection, Fault):
        return connection
    vectors = connection.out_vecs if write else connection.in_vecs
    view, start, length, base = vectors[index] if index < len(vectors) else NO_VECTOR
    # FF-M 1.1 MM-IOVEC: an empty vector cannot be mapped.
    if not length:
        return Fault(caller, f"{call}: a vector that is not empty", f"vector {index}", "a size above 0")
    states = connection.out_states if write else connection.in_states
    state = states[index]
    if state is Unmapped and spm.config.quirks.remap_after_unmap:
        state = Untouched
    # FF-M 1.1 MM-IOVEC: a vector is mapped once, and not after a copy from or to it.
    mapped = VECTOR[state].get(call)
    if mapped is None:
        rule = "a vector that was not copied" if state is Copied else "a vector that was never mapped"
        return Fault(caller, f"{call}: {rule}", f"vector {index}, {state.__name__}", "an untouched vector")
    # TF-M MM-IOVEC: the memory must be open to the service's own domain.
    if accessible_region(spm.memory, caller, base, length, write=write) is None:
        rule = f"{call}: memory that the service may access"
        return Fault(caller, rule, f"{length} bytes at {base:#010x}", "a range open to its domain")
    states[index] = mapped
    pointer = view[start : start + length]
    connection.mapped[write, index] = pointer if write else pointer.toreadonly()
    return base


def _unmap(caller: Partition, connection: Connection, index: int, *, write: bool) -> Outcome:
    call = "psa_unmap_outvec" if write else "psa_unmap_invec"
    states = connection.out_states if write else connection.in_states
    # FF-M 1.1 MM-IOVEC: the vector must be mapped, and not unmapped yet.
    state = VECTOR[states[index]].get(call)
    if state is None:
        found = f"vector {index}, {states[index].__name__}"
        return Fault(caller, f"{call}: a vector that is mapped", found, "a vector between map and unmap")
    states[index] = state
    connection.unmap((write, index))
    return PSA_SUCCESS
