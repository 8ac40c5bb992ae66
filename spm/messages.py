"""The way of a message: to its RoT Service, and the answer back to the client."""

from typing import TYPE_CHECKING

from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT, psa_msg_t
from ..interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from .c_types import INT32_MAX, INT32_MIN, int32
from .client import Partition
from .connection import (
    DESCRIPTOR_LEN_OFFSET,
    DESCRIPTOR_SIZE,
    Accept,
    Connection,
    Disconnected,
    Disconnecting,
    Free,
    Refuse,
    Reply,
    ReplyProgrammerError,
)
from .events import MessageDelivered, MessageReplied
from .outcome import BLOCKED, NOBODY, Answer, Fault, Nobody, Outcome
from .scheduler import Thread

if TYPE_CHECKING:
    from .kernel import Kernel


def deliver(spm: "Kernel", connection: Connection) -> Outcome:
    """Bring the outstanding message to its service: call an SFN, or queue it and assert the signal."""
    service = connection.service
    partition = service.partition
    if spm.trace.listeners:
        spm.trace.emit(
            MessageDelivered(
                connection.client.name, service.name, partition.name, connection.handle, connection.type
            )
        )
    if partition.is_sfn:
        if partition.serving:
            partition.queue.append(connection)
            return BLOCKED
        return _serve_sfn(spm, partition, connection)
    service.queue.append(connection)
    assert_signal(spm, partition, service.signal)
    return BLOCKED


def assert_signal(spm: "Kernel", partition: Partition, signal: int) -> None:
    """Set a signal; a partition that waits for it, or has not run yet, becomes runnable."""
    partition.signals |= signal
    if partition.wait_mask & signal or not partition.thread.started:
        spm.scheduler.wake(partition.thread)


def _serve_sfn(spm: "Kernel", partition: Partition, connection: Connection) -> Outcome:
    """Run an SFN in its caller's thread, at the partition's priority."""
    thread = connection.client.thread
    priority = begin_serving(spm, partition, thread)
    if not partition.initialised:
        spm.initialise_sfn(partition)
    answer = _call_sfn(spm, partition, connection)
    end_serving(spm, partition, priority)
    return PSA_SUCCESS if isinstance(answer, Nobody) else answer


def begin_serving(spm: "Kernel", partition: Partition, thread: Thread) -> int:
    """An SFN partition takes over a thread; returns the priority that the thread had.

    TF-M thread scheduling: where the service is less urgent than its caller, others may come first.
    """
    priority = thread.priority
    partition.serving = True
    partition.thread = thread
    thread.priority = partition.priority
    if partition.priority > priority:
        spm.scheduler.reschedule()
    return priority


def end_serving(spm: "Kernel", partition: Partition, priority: int) -> None:
    """Serve what has queued up meanwhile, then give the thread back; whoever is ahead of it runs first."""
    while partition.queue:
        queued = partition.queue.popleft()
        answer = _call_sfn(spm, partition, queued)
        if isinstance(answer, Fault):
            spm.panic_of(answer)
        if not isinstance(answer, Nobody):
            queued.client.reply = answer
            spm.scheduler.wake(queued.client.thread)
    partition.serving = False
    partition.thread.priority = priority
    spm.scheduler.reschedule()


def _call_sfn(spm: "Kernel", partition: Partition, connection: Connection) -> Answer:
    sfn = connection.service.sfn
    assert sfn is not None
    message = psa_msg_t()
    connection.fill(message)
    try:
        status = sfn(message)
    except BaseException as error:
        spm.raise_fault_in(partition, error)
    # A panic stays one although the function may have caught what was raised in it.
    if spm.down is not None:
        raise spm.gone()
    return complete(spm, partition, connection, status)


def complete(spm: "Kernel", replier: Partition, connection: Connection, status: object) -> Answer:
    """FF-M 1.1, psa_reply: what a reply with ``status`` comes to."""
    # FF-M 1.1 psa_reply: the status is a psa_status_t.
    if not isinstance(status, int):
        return Fault(replier, "psa_reply: a psa_status_t", repr(status), "an integer")
    if not INT32_MIN <= status <= INT32_MAX:
        status = int32(status)
    if spm.trace.listeners:
        spm.trace.emit(
            MessageReplied(
                connection.client.name,
                connection.service.name,
                replier.name,
                connection.handle,
                connection.type,
                status,
                tuple(connection.out_written),
            )
        )
    connection.delivered = False
    if connection.type == PSA_IPC_CONNECT:
        return _complete_connect(spm, replier, connection, status)
    if connection.type == PSA_IPC_DISCONNECT:
        return _complete_disconnect(spm, connection)
    return _complete_request(spm, connection, status)


def _complete_connect(spm: "Kernel", replier: Partition, connection: Connection, status: int) -> int | Fault:
    if status == PSA_SUCCESS:
        connection.fire(Accept)
        return connection.handle
    # FF-M 1.1 psa_reply: PSA_IPC_CONNECT takes exactly three answers.
    if status not in {PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY}:
        return Fault(
            replier,
            "psa_reply: a legal answer to PSA_IPC_CONNECT",
            status,
            "PSA_SUCCESS, PSA_ERROR_CONNECTION_REFUSED or PSA_ERROR_CONNECTION_BUSY",
        )
    connection.fire(Refuse)
    spm.connections.release(connection)
    return status


def _complete_disconnect(spm: "Kernel", connection: Connection) -> int | Nobody:
    # FF-M 1.1 psa_reply: any status answers PSA_IPC_DISCONNECT.
    client_waits = connection.state is Disconnecting
    connection.fire(Disconnected)
    if connection.state is Free:
        spm.connections.release(connection)
    return PSA_SUCCESS if client_waits else NOBODY


def _complete_request(spm: "Kernel", connection: Connection, status: int) -> int | Fault:
    client = connection.client
    # FF-M 1.1 psa_reply: output lengths are set whatever the status is.
    client.written = connection.out_written
    if connection.out_array:
        _write_lengths(spm, connection)
    if status != PSA_ERROR_PROGRAMMER_ERROR:
        connection.fire(Reply)
        if connection.state is Free:
            spm.connections.release(connection)
        return status
    # FF-M 1.1 psa_reply: PROGRAMMER_ERROR panics a secure client.
    if client.is_secure:
        return Fault(
            client,
            f"psa_call: a request that {connection.service.name} takes",
            f"type {connection.type}, answered PSA_ERROR_PROGRAMMER_ERROR",
            "see the service's own interface",
        )
    # FF-M 1.1 psa_reply: PROGRAMMER_ERROR terminates a connection; its service gets PSA_IPC_DISCONNECT.
    connection.fire(ReplyProgrammerError)
    if connection.state is Free:
        spm.connections.release(connection)
    else:
        connection.open_message(PSA_IPC_DISCONNECT)
        deliver(spm, connection)
    return PSA_ERROR_PROGRAMMER_ERROR


def _write_lengths(spm: "Kernel", connection: Connection) -> None:
    """FF-M 1.1, psa_call: ``len`` of a descriptor in memory whose vector had room says what was written."""
    for i, ((_, _, room), count) in enumerate(zip(connection.out_vecs, connection.out_written, strict=True)):
        if room:
            at = connection.out_array + i * DESCRIPTOR_SIZE + DESCRIPTOR_LEN_OFFSET
            spm.memory.write(at, count.to_bytes(4, "little"))
