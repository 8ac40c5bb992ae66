"""The FF-M partition API as the SPM serves it, one function a call; every Fault here panics the device."""

from typing import TYPE_CHECKING, Any, Final

from ..interface.psa.client import PSA_MAX_IOVEC
from ..interface.psa.service import PSA_BLOCK, PSA_DOORBELL, psa_msg_t
from ..interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PSA_SUCCESS
from .c_types import UINT32_MASK, uint32
from .client import Partition
from .connection import Connection, PinnedVector
from .memory_check import memory_check
from .messages import assert_signal, complete
from .outcome import BLOCKED, Fault, Nobody, Outcome

if TYPE_CHECKING:
    from .kernel import Kernel

NO_VECTOR: Final[PinnedVector] = (memoryview(b""), 0, 0)
WritableBuffer = int | bytearray | memoryview
ReadableBuffer = int | bytes | bytearray | memoryview


def psa_wait(spm: "Kernel", caller: Partition, signal_mask: int, timeout: int) -> Outcome:
    """FF-M 1.1, psa_wait: the asserted signals in the mask; nothing is cleared."""
    # FF-M 1.1 SFN model: the framework waits, gets and replies for such a partition.
    if caller.is_sfn:
        return _not_for_sfn(caller, "psa_wait")
    signal_mask = uint32(signal_mask)
    # FF-M 1.1 psa_wait: at least one signal of the mask must be assigned, for PSA_POLL as well.
    if not signal_mask & caller.assigned:
        return Fault(
            caller,
            "psa_wait: a signal that is assigned",
            f"{signal_mask:#010x}",
            f"bits of {caller.assigned:#010x}",
        )
    asserted = caller.signals & signal_mask
    # FF-M 1.1 psa_wait: bits 30-0 of the timeout are ignored.
    if asserted or not timeout & PSA_BLOCK:
        return asserted
    caller.wait_mask = signal_mask
    return BLOCKED


def psa_get(spm: "Kernel", caller: Partition, signal: int, msg: psa_msg_t) -> Outcome:
    """FF-M 1.1, psa_get: the oldest message of one RoT Service; its signal falls with the last of them."""
    # FF-M 1.1 psa_get: exactly one signal.
    if signal.bit_count() != 1:
        return Fault(caller, "psa_get: exactly one signal", f"{signal:#x}", "one bit")
    service = caller.service_by_signal.get(signal)
    # FF-M 1.1 psa_get: the signal must be an RoT Service's.
    if service is None:
        return Fault(caller, "psa_get: the signal of an RoT Service", f"{signal:#x}", _signals_of(caller))
    # FF-M 1.1 psa_get: the signal must be asserted.
    if not caller.signals & signal:
        return Fault(
            caller, "psa_get: a signal that is asserted", f"{signal:#x}", f"bits of {caller.signals:#x}"
        )
    queue = service.queue
    if not queue:
        return PSA_ERROR_DOES_NOT_EXIST
    connection = queue.popleft()
    if not queue:
        caller.signals &= ~signal
    connection.fill(msg)
    return PSA_SUCCESS


def psa_set_rhandle(spm: "Kernel", caller: Partition, msg_handle: int, rhandle: Any) -> Outcome:
    """FF-M 1.1, psa_set_rhandle: kept with the connection, seen in its later messages."""
    connection = _message(spm, caller, msg_handle, "psa_set_rhandle")
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
    connection = _request(spm, caller, msg_handle, invec_idx, "psa_read")
    if isinstance(connection, Fault):
        return connection
    if invec_idx >= len(connection.in_vecs):
        return 0
    view, start, length = connection.in_vecs[invec_idx]
    taken = connection.in_taken[invec_idx]
    if taken >= length:
        return 0
    # FF-M 1.1 psa_read: with data left, the whole buffer must be the partition's to write.
    if isinstance(buffer, int):
        if not memory_check(spm.memory, caller, buffer, num_bytes, write=True):
            return _bad_buffer(caller, "psa_read", buffer, num_bytes)
    elif num_bytes > len(buffer):
        return _bad_buffer(caller, "psa_read", f"a buffer of {len(buffer)}", num_bytes)
    count = min(num_bytes, length - taken)
    if not count:
        return 0
    data = view[start + taken : start + taken + count]
    if isinstance(buffer, int):
        spm.memory.write(buffer, bytes(data))
    else:
        buffer[:count] = data
    connection.in_taken[invec_idx] = taken + count
    return count


def psa_skip(spm: "Kernel", caller: Partition, msg_handle: int, invec_idx: int, num_bytes: int) -> Outcome:
    """FF-M 1.1, psa_skip: pass over what psa_read would have copied."""
    num_bytes &= UINT32_MASK
    connection = _request(spm, caller, msg_handle, invec_idx, "psa_skip")
    if isinstance(connection, Fault):
        return connection
    if invec_idx >= len(connection.in_vecs):
        return 0
    _, _, length = connection.in_vecs[invec_idx]
    count = min(num_bytes, length - connection.in_taken[invec_idx])
    connection.in_taken[invec_idx] += count
    return count


def psa_write(
    spm: "Kernel", caller: Partition, msg_handle: int, outvec_idx: int, buffer: ReadableBuffer, num_bytes: int
) -> Outcome:
    """FF-M 1.1, psa_write: append to an output vector; more than fits is the partition's fault."""
    num_bytes &= UINT32_MASK
    connection = _request(spm, caller, msg_handle, outvec_idx, "psa_write")
    if isinstance(connection, Fault):
        return connection
    vectors = connection.out_vecs
    view, start, length = vectors[outvec_idx] if outvec_idx < len(vectors) else NO_VECTOR
    written = connection.out_written[outvec_idx] if length else 0
    # FF-M 1.1 psa_write: no more than is left of the vector.
    if num_bytes > length - written:
        left = f"{length - written} bytes"
        return Fault(caller, "psa_write: no more than is left of the vector", f"{num_bytes} bytes", left)
    if not num_bytes:
        return PSA_SUCCESS
    # FF-M 1.1 psa_write: the buffer must be the partition's to read.
    if isinstance(buffer, int):
        if not memory_check(spm.memory, caller, buffer, num_bytes, write=False):
            return _bad_buffer(caller, "psa_write", buffer, num_bytes)
        buffer = spm.memory.read(buffer, num_bytes)
    elif num_bytes > len(buffer):
        return _bad_buffer(caller, "psa_write", f"a buffer of {len(buffer)}", num_bytes)
    at = start + written
    view[at : at + num_bytes] = buffer if len(buffer) == num_bytes else buffer[:num_bytes]
    connection.out_written[outvec_idx] = written + num_bytes
    return PSA_SUCCESS


def psa_reply(spm: "Kernel", caller: Partition, msg_handle: int, status: int) -> Outcome:
    """FF-M 1.1, psa_reply: answer the message; does not block, and kills the message handle."""
    if caller.is_sfn:
        return _not_for_sfn(caller, "psa_reply")
    connection = _message(spm, caller, msg_handle, "psa_reply")
    if isinstance(connection, Fault):
        return connection
    client = connection.client
    answer = complete(spm, caller, connection, status)
    if isinstance(answer, Fault):
        return answer
    if not isinstance(answer, Nobody):
        client.reply = answer
        spm.scheduler.wake(client.thread)
    return PSA_SUCCESS


def psa_notify(spm: "Kernel", caller: Partition, partition_id: int) -> Outcome:
    """FF-M 1.1, psa_notify: set another partition's doorbell, a level and not a count."""
    partition = spm.partitions_by_id.get(partition_id)
    # FF-M 1.1 psa_notify: the partition must exist.
    if partition is None:
        return Fault(caller, "psa_notify: an existing partition", partition_id, spm.known_partition_ids())
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
    return PSA_SUCCESS


def psa_panic(spm: "Kernel", caller: Partition) -> Outcome:
    """FF-M 1.1, psa_panic: the partition gives up."""
    return Fault(caller, "psa_panic", "a call of psa_panic", "nothing: the partition asked for it")


def psa_rot_lifecycle_state(spm: "Kernel", caller: Partition) -> Outcome:
    """FF-M 1.1, psa_rot_lifecycle_state: never fails."""
    return spm.hal.psa_rot_lifecycle_state()


def _message(spm: "Kernel", caller: Partition, msg_handle: int, call: str) -> Connection | Fault:
    """The message behind a handle: delivered to this partition by psa_get, and not yet replied to."""
    connection = spm.connections.open.get(msg_handle)
    # FF-M 1.1 partition API: the message handle must be valid, whatever else the arguments are.
    if connection is None or not connection.delivered or connection.service.partition is not caller:
        return Fault(
            caller,
            f"{call}: a message handle of the partition's own",
            f"{msg_handle:#x}",
            spm.message_handles(caller),
        )
    return connection


def _request(spm: "Kernel", caller: Partition, msg_handle: int, index: int, call: str) -> Connection | Fault:
    connection = _message(spm, caller, msg_handle, call)
    if isinstance(connection, Fault):
        return connection
    # FF-M 1.1 partition API: connect and disconnect messages have no vectors.
    if connection.type < 0:
        return Fault(caller, f"{call}: a request message", f"type {connection.type}", "a type of 0 or more")
    # FF-M 1.1 partition API: the vector index is below PSA_MAX_IOVEC.
    if not 0 <= index < PSA_MAX_IOVEC:
        return Fault(caller, f"{call}: a vector index", index, f"0 to {PSA_MAX_IOVEC - 1}")
    return connection


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
