"""The FF-M partition API as the SPM serves it, one function a call; every Fault here panics the device."""

import struct
from typing import TYPE_CHECKING, Any, Final

from ..interface.psa.client import PSA_MAX_IOVEC
from ..interface.psa.service import PSA_BLOCK, PSA_DOORBELL, psa_msg_t
from ..interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PSA_SUCCESS
from ..interface.tfm.mailbox import ASYNC_MSG_REPLY
from . import legal
from .c_types import UINT32_MASK, uint32
from .client import Partition
from .connection import NO_VECTOR, Connection
from .memory_check import memory_check
from .messages import assert_signal, reply
from .outcome import BLOCKED, Fault, Outcome
from .states import MESSAGE, VECTOR, ConnectMessage, DisconnectMessage, RequestMessage, VectorState

if TYPE_CHECKING:
    from .kernel import Kernel

VAIN_WAITS_MAX: Final = 1_000_000
"""Returns of psa_wait in a row after which a partition that takes nothing counts as hanging."""
WritableBuffer = int | bytearray | memoryview
ReadableBuffer = int | bytes | bytearray | memoryview
_VECTORLESS: Final = (ConnectMessage, DisconnectMessage)
MSG_LAYOUT: Final = struct.Struct("<iiiI4I4I")
"""psa_msg_t in memory: type, handle, client_id, rhandle, in_size[4], out_size[4]."""


def psa_wait(spm: "Kernel", caller: Partition, signal_mask: int, timeout: int) -> Outcome:
    """FF-M 1.1, psa_wait: the asserted signals in the mask; nothing is cleared."""
    signal_mask = uint32(signal_mask)
    # FF-M 1.1 SFN model: the framework waits for messages; the partition's code only for its interrupts.
    if caller.is_sfn and not any(signal & signal_mask for signal in caller.irq_by_signal):
        return _not_for_sfn(caller, "psa_wait")
    assigned = caller.assigned
    # FF-M 1.1 psa_wait: at least one signal of the mask must be assigned, for PSA_POLL as well.
    if not signal_mask & assigned:
        return Fault(
            caller, "psa_wait: a signal that is assigned", f"{signal_mask:#010x}", f"bits of {assigned:#010x}"
        )
    return wait(spm, caller, signal_mask, timeout)


def wait(spm: "Kernel", caller: Partition, signal_mask: int, timeout: int) -> Outcome:
    """psa_wait without the check of its mask."""
    asserted = caller.signals & signal_mask
    if asserted:
        caller.vain_waits += 1
        return asserted if caller.vain_waits <= VAIN_WAITS_MAX else _livelock(caller, asserted)
    # FF-M 1.1 psa_wait: bits 30-0 of the timeout are ignored.
    if timeout & PSA_BLOCK:
        caller.wait_mask = signal_mask
        return BLOCKED
    spm.poll_found_nothing()
    return caller.signals & signal_mask


def _livelock(caller: Partition, asserted: int) -> Fault:
    """A partition that waits for ever for what it has already; a watchdog would reset real hardware here."""
    names = ", ".join(caller.signal_name(1 << bit) for bit in range(32) if asserted >> bit & 1)
    found = f"{VAIN_WAITS_MAX} returns of psa_wait with {names} asserted, and nothing fetched or cleared"
    return Fault(caller, "a loop that takes what it waits for", found, "psa_get, psa_clear or psa_eoi")


def psa_get(spm: "Kernel", caller: Partition, signal: int, msg: psa_msg_t | int) -> Outcome:
    """FF-M 1.1, psa_get: the oldest message of one RoT Service; its signal falls with the last of them."""
    # FF-M 1.1 SFN model: the framework fetches the messages.
    if caller.is_sfn:
        return _not_for_sfn(caller, "psa_get")
    # TF-M mailbox agent: the replies to its own calls come by psa_get of ASYNC_MSG_REPLY.
    if signal == ASYNC_MSG_REPLY and caller.manifest.ns_agent:
        return take_reply(spm, caller, msg)
    return get(spm, caller, signal, msg)


def take_reply(spm: "Kernel", caller: Partition, msg: psa_msg_t | int) -> Outcome:
    """TF-M mailbox agent: the oldest completed call; ``rhandle`` is its client data, ``type`` its status."""
    if isinstance(msg, int) and not memory_check(spm.memory, caller, msg, MSG_LAYOUT.size, write=True):
        return _bad_buffer(caller, "psa_get", msg, MSG_LAYOUT.size)
    if not caller.replies:
        return _not_asserted(caller, ASYNC_MSG_REPLY)
    reply = psa_msg_t() if isinstance(msg, int) else msg
    reply.rhandle, reply.type = caller.replies.popleft()
    if not caller.replies:
        caller.signals &= ~ASYNC_MSG_REPLY
    caller.vain_waits = 0
    if isinstance(msg, int):
        _store_msg(spm, reply, msg)
    return PSA_SUCCESS


def get(spm: "Kernel", caller: Partition, signal: int, msg: psa_msg_t | int) -> Outcome:
    """psa_get for a partition of either model."""
    # FF-M 1.1 psa_get: exactly one signal.
    if signal.bit_count() != 1:
        return Fault(caller, "psa_get: exactly one signal", f"{signal:#x}", "one bit")
    # FF-M 1.1 psa_get: the message buffer must be the partition's to write.
    if isinstance(msg, int) and not memory_check(spm.memory, caller, msg, MSG_LAYOUT.size, write=True):
        return _bad_buffer(caller, "psa_get", msg, MSG_LAYOUT.size)
    service = caller.service_by_signal.get(signal)
    # FF-M 1.1 psa_get: the signal must be an RoT Service's.
    if service is None:
        if caller.signals & signal and spm.config.quirks.get_of_other_signal_does_not_exist:
            return PSA_ERROR_DOES_NOT_EXIST
        return Fault(caller, "psa_get: the signal of an RoT Service", f"{signal:#x}", _signals_of(caller))
    # FF-M 1.1 psa_get: the signal must be asserted.
    if not caller.signals & signal:
        return _not_asserted(caller, signal)
    caller.vain_waits = 0
    queue = service.queue
    connection = queue.popleft()
    if not queue:
        caller.signals &= ~signal
    if isinstance(msg, int):
        delivered = psa_msg_t()
        connection.fill(delivered)
        _store_msg(spm, delivered, msg)
    else:
        connection.fill(msg)
    return 0


def _not_asserted(caller: Partition, signal: int) -> Fault:
    found, legal = f"{signal:#x}", f"bits of {caller.signals:#x}"
    return Fault(caller, "psa_get: a signal that is asserted", found, legal)


def _store_msg(spm: "Kernel", msg: psa_msg_t, address: int) -> None:
    rhandle = msg.rhandle if isinstance(msg.rhandle, int) else 0
    sizes = (*msg.in_size, *msg.out_size)
    data = MSG_LAYOUT.pack(msg.type, msg.handle, msg.client_id, uint32(rhandle), *sizes)
    spm.memory.write(address, data)


def psa_set_rhandle(spm: "Kernel", caller: Partition, msg_handle: int, rhandle: Any) -> Outcome:
    """FF-M 1.1, psa_set_rhandle: kept with the connection, seen in its later messages."""
    connection = message_of(spm, caller, msg_handle, "psa_set_rhandle")
    if isinstance(connection, Fault):
        return connection
    # FF-M 1.1 psa_set_rhandle: a stateless service has no connection to keep it with.
    if connection.service.stateless:
        return Fault(
            caller,
            "psa_set_rhandle: a connection-based service",
            connection.service.name,
            "not for stateless ones",
        )
    connection.rhandle = rhandle
    return PSA_SUCCESS


def psa_read(
    spm: "Kernel", caller: Partition, msg_handle: int, invec_idx: int, buffer: WritableBuffer, num_bytes: int
) -> Outcome:
    """FF-M 1.1, psa_read: copy what is left of an input vector, at most ``num_bytes``."""
    num_bytes &= UINT32_MASK
    connection = spm.handles.get(msg_handle)
    if not (
        connection is not None
        and connection.message is RequestMessage
        and connection.partition is caller
        and 0 <= invec_idx < PSA_MAX_IOVEC
    ):
        return _broken_rule(spm, caller, msg_handle, invec_idx, "psa_read")
    if connection.in_states and (fault := _access(caller, connection.in_states, invec_idx, "psa_read")):
        return fault
    if invec_idx >= len(connection.in_vecs):
        return 0
    view, start, length, _ = connection.in_vecs[invec_idx]
    taken = connection.in_taken[invec_idx]
    if taken >= length:
        return 0
    # FF-M 1.1 psa_read: with data left, the whole buffer must be the partition's to write.
    if isinstance(buffer, int):
        if not memory_check(spm.memory, caller, buffer, num_bytes, write=True):
            return _bad_buffer(caller, "psa_read", buffer, num_bytes)
    elif num_bytes > len(buffer):
        return _bad_buffer(caller, "psa_read", f"a buffer of {len(buffer)}", num_bytes)
    count = length - taken
    count = min(count, num_bytes)
    if not count:
        return 0
    start += taken
    if isinstance(buffer, int):
        spm.memory.write(buffer, bytes(view[start : start + count]))
    else:
        buffer[:count] = view[start : start + count]
    connection.in_taken[invec_idx] = taken + count
    return count


def psa_skip(spm: "Kernel", caller: Partition, msg_handle: int, invec_idx: int, num_bytes: int) -> Outcome:
    """FF-M 1.1, psa_skip: pass over what psa_read would have copied."""
    num_bytes &= UINT32_MASK
    connection = request_of(spm, caller, msg_handle, invec_idx, "psa_skip")
    if isinstance(connection, Fault):
        return connection
    if connection.in_states and (fault := _access(caller, connection.in_states, invec_idx, "psa_skip")):
        return fault
    if invec_idx >= len(connection.in_vecs):
        return 0
    _, _, length, _ = connection.in_vecs[invec_idx]
    count = min(num_bytes, length - connection.in_taken[invec_idx])
    connection.in_taken[invec_idx] += count
    return count


def psa_write(
    spm: "Kernel", caller: Partition, msg_handle: int, outvec_idx: int, buffer: ReadableBuffer, num_bytes: int
) -> Outcome:
    """FF-M 1.1, psa_write: append to an output vector; more than fits is the partition's fault."""
    num_bytes &= UINT32_MASK
    connection = spm.handles.get(msg_handle)
    if not (
        connection is not None
        and connection.message is RequestMessage
        and connection.partition is caller
        and 0 <= outvec_idx < PSA_MAX_IOVEC
    ):
        return _broken_rule(spm, caller, msg_handle, outvec_idx, "psa_write")
    vectors = connection.out_vecs
    view, start, length, _ = vectors[outvec_idx] if outvec_idx < len(vectors) else NO_VECTOR
    written = connection.out_written[outvec_idx] if length else 0
    # FF-M 1.1 psa_write: no more than is left of the vector.
    if num_bytes > length - written:
        left = f"{length - written} bytes"
        return Fault(caller, "psa_write: no more than is left of the vector", f"{num_bytes} bytes", left)
    if connection.out_states and (fault := _access(caller, connection.out_states, outvec_idx, "psa_write")):
        return fault
    if not num_bytes:
        return 0
    # FF-M 1.1 psa_write: the buffer must be the partition's to read.
    if isinstance(buffer, int):
        if not memory_check(spm.memory, caller, buffer, num_bytes, write=False):
            return _bad_buffer(caller, "psa_write", buffer, num_bytes)
        buffer = spm.memory.read(buffer, num_bytes)
    elif num_bytes > len(buffer):
        return _bad_buffer(caller, "psa_write", f"a buffer of {len(buffer)}", num_bytes)
    start += written
    view[start : start + num_bytes] = buffer if len(buffer) == num_bytes else buffer[:num_bytes]
    connection.out_written[outvec_idx] = written + num_bytes
    return 0


def psa_reply(spm: "Kernel", caller: Partition, msg_handle: int, status: int) -> Outcome:
    """FF-M 1.1, psa_reply: answer the message; does not block, and kills the message handle."""
    # FF-M 1.1 SFN model: the framework replies with what the function returns.
    if caller.is_sfn:
        return _not_for_sfn(caller, "psa_reply")
    connection = message_of(spm, caller, msg_handle, "psa_reply")
    return connection if isinstance(connection, Fault) else reply(spm, caller, connection, status)


def psa_notify(spm: "Kernel", caller: Partition, partition_id: int) -> Outcome:
    """FF-M 1.1, psa_notify: set another partition's doorbell, a level and not a count."""
    # TF-M SFN backend: there are no doorbells.
    if spm.serve is not None:
        return Fault(caller, "psa_notify: the IPC backend", "the SFN backend", "a call of a service")
    partition = spm.partitions_by_id.get(partition_id)
    # FF-M 1.1 psa_notify: the partition must exist.
    if partition is None:
        return Fault(
            caller, "psa_notify: an existing partition", partition_id, legal.known_partition_ids(spm)
        )
    assert_signal(spm, partition, PSA_DOORBELL)
    return PSA_SUCCESS


def psa_clear(spm: "Kernel", caller: Partition) -> Outcome:
    """FF-M 1.1, psa_clear: clear the own doorbell."""
    # FF-M 1.1 psa_clear: the doorbell must be asserted.
    if not caller.signals & PSA_DOORBELL:
        return Fault(
            caller, "psa_clear: PSA_DOORBELL asserted", f"signals {caller.signals:#x}", "after psa_notify"
        )
    caller.signals &= ~PSA_DOORBELL
    caller.vain_waits = 0
    return PSA_SUCCESS


def psa_panic(spm: "Kernel", caller: Partition) -> Outcome:
    """FF-M 1.1, psa_panic: the partition gives up."""
    return Fault(caller, "psa_panic", "a call of psa_panic", "nothing: the partition asked for it")


def psa_rot_lifecycle_state(spm: "Kernel", caller: Partition) -> Outcome:
    """FF-M 1.1, psa_rot_lifecycle_state: never fails."""
    return spm.hal.psa_rot_lifecycle_state()


def message_of(spm: "Kernel", caller: Partition, msg_handle: int, call: str) -> Connection | Fault:
    """The message behind a handle: delivered to this partition by psa_get, and not yet replied to."""
    connection = spm.handles.get(msg_handle)
    # FF-M 1.1 partition API: the message handle must be valid, whatever else the arguments are.
    if connection is None or connection.partition is not caller or call not in MESSAGE[connection.message]:
        if connection is not None and connection.partition is caller and connection.message in _VECTORLESS:
            # FF-M 1.1 partition API: connect and disconnect messages have no vectors.
            return Fault(
                caller, f"{call}: a request message", f"type {connection.type}", "a type of 0 or more"
            )
        rule = f"{call}: a message handle of the partition's own"
        return Fault(caller, rule, f"{msg_handle:#x}", legal.message_handles(spm, caller))
    return connection


def request_of(
    spm: "Kernel", caller: Partition, msg_handle: int, index: int, call: str
) -> Connection | Fault:
    """The request behind a handle, for a call that names one of its vectors."""
    connection = message_of(spm, caller, msg_handle, call)
    # FF-M 1.1 partition API: the vector index is below PSA_MAX_IOVEC.
    if isinstance(connection, Connection) and not 0 <= index < PSA_MAX_IOVEC:
        return Fault(caller, f"{call}: a vector index", index, f"0 to {PSA_MAX_IOVEC - 1}")
    return connection


def _broken_rule(spm: "Kernel", caller: Partition, msg_handle: int, index: int, call: str) -> Fault:
    """Which rule of request_of it was that a quicker look found broken."""
    fault = request_of(spm, caller, msg_handle, index, call)
    assert isinstance(fault, Fault)
    return fault


def _access(caller: Partition, states: list[type[VectorState]], index: int, call: str) -> Fault | None:
    """FF-M 1.1 MM-IOVEC: copying and mapping exclude each other, vector by vector."""
    state = VECTOR[states[index]].get(call)
    if state is None:
        found = f"vector {index}, {states[index].__name__}"
        return Fault(caller, f"{call}: a vector that is not mapped", found, "copies or one mapping")
    states[index] = state
    return None


def _not_for_sfn(caller: Partition, call: str) -> Fault:
    return Fault(
        caller, f"{call}: an IPC partition", f"{caller.name}, of the SFN model", "a return from its function"
    )


def _bad_buffer(caller: Partition, call: str, buffer: int | str, num_bytes: int) -> Fault:
    where = f"{buffer:#010x}" if isinstance(buffer, int) else buffer
    return Fault(
        caller,
        f"{call}: a buffer in the partition's own memory",
        f"{num_bytes} bytes at {where}",
        "its own memory",
    )


def _signals_of(partition: Partition) -> str:
    return (
        ", ".join(f"{s.signal:#x} {s.name}" for s in partition.services)
        or "none: the partition has no service"
    )
