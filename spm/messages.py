"""The way of a message: to its RoT Service, and the answer back to the client."""

from typing import TYPE_CHECKING

from ..interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from ..interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ..interface.tfm.request_names import REQUEST_HEAD_SIZE, request_text
from .c_types import INT32_MAX, INT32_MIN, int32, plain_int
from .client import Partition
from .connection import DESCRIPTOR_LEN_OFFSET, DESCRIPTOR_SIZE, Connection
from .events import MessageDelivered, MessageReplied, SignalAsserted
from .outcome import BLOCKED, NOBODY, Answer, Fault, Nobody, Outcome
from .panic import words_of
from .states import (
    CONNECTION,
    Accept,
    Answered,
    Disconnected,
    Disconnecting,
    Free,
    Refuse,
    Reply,
    ReplyProgrammerError,
)

if TYPE_CHECKING:
    from .kernel import Kernel


def deliver(spm: "Kernel", connection: Connection) -> Outcome:
    """Bring the outstanding message to its service: queue it and assert the signal, or call an SFN."""
    service = connection.service
    if spm.listeners:
        spm.trace.emit(
            MessageDelivered(
                connection.client.name,
                service.name,
                service.partition.name,
                connection.handle,
                connection.type,
                _request_text(connection),
            )
        )
    if spm.serve is not None:
        return spm.serve(spm, connection)
    service.queue.append(connection)
    if spm.listeners:
        assert_signal(spm, service.partition, service.signal)
    else:  # the same, in the way of every call
        partition, signal = service.partition, service.signal
        partition.signals |= signal
        if partition.wait_mask & signal:
            spm.scheduler.wake(partition.thread, "signal")
    return BLOCKED


def _request_text(connection: Connection) -> str:
    """What a request is about; only the fixed part of it is ever looked at."""
    head = b""
    if connection.in_vecs:
        view, start, length, _ = connection.in_vecs[0]
        head = bytes(view[start : start + min(length, REQUEST_HEAD_SIZE)])
    return request_text(connection.service.sid, connection.type, head)


def assert_signal(spm: "Kernel", partition: Partition, signal: int) -> None:
    """Set a signal; a partition that waits for it can run."""
    partition.signals |= signal
    if spm.listeners:
        spm.trace.emit(SignalAsserted(partition.name, signal, partition.signal_name(signal)))
    if partition.wait_mask & signal:
        spm.scheduler.wake(partition.thread, "signal")


def reply(spm: "Kernel", replier: Partition, connection: Connection, status: object) -> Outcome:
    """Answer a message, and let its client go on."""
    client = connection.client
    answer = complete(spm, replier, connection, status)
    if answer.__class__ is Fault:
        return answer
    if answer is not NOBODY:
        client.answer(spm, answer)  # type: ignore[arg-type]
    return 0


def complete(spm: "Kernel", replier: Partition, connection: Connection, status: object) -> Answer:
    """FF-M 1.1, psa_reply: what a reply with ``status`` comes to."""
    # FF-M 1.1 psa_reply: the status is a psa_status_t.
    if status.__class__ is not int:
        number = plain_int(status)
        if number is None:
            return Fault(replier, "psa_reply: a psa_status_t", words_of(status), "an integer")
        status = number
    assert isinstance(status, int)
    if not INT32_MIN <= status <= INT32_MAX:
        status = int32(status)
    if spm.listeners:
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
    connection.message = Answered
    if connection.type >= 0:
        return _complete_request(spm, connection, status)
    if connection.type == PSA_IPC_CONNECT:
        return _complete_connect(spm, replier, connection, status)
    return _complete_disconnect(spm, connection)


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
    # FF-M 1.1 MM-IOVEC: after the reply no mapped pointer is valid.
    if connection.mapped:
        connection.unmap_all()
    if status == PSA_ERROR_PROGRAMMER_ERROR:
        # FF-M 1.1 psa_reply: PROGRAMMER_ERROR panics a secure client; a non-secure one if the build says so.
        if client.is_secure or spm.config.ns_programmer_error_panics:
            return Fault(
                client,
                f"psa_call: a request that {connection.service.name} takes",
                f"type {connection.type}, answered PSA_ERROR_PROGRAMMER_ERROR",
                "see the service's own interface",
            )
        if not spm.config.quirks.programmer_error_keeps_connection:
            return _terminate(spm, connection)
    state = connection.state = CONNECTION[connection.state][Reply]
    if state is Free:
        spm.connections.release(connection)
    return status


def _terminate(spm: "Kernel", connection: Connection) -> int | Fault:
    # FF-M 1.1 psa_reply: PROGRAMMER_ERROR terminates a connection; its service gets PSA_IPC_DISCONNECT.
    connection.fire(ReplyProgrammerError)
    if connection.state is Free:
        spm.connections.release(connection)
    else:
        connection.open_message(PSA_IPC_DISCONNECT)
        outcome = deliver(spm, connection)
        if isinstance(outcome, Fault):
            return outcome
    return PSA_ERROR_PROGRAMMER_ERROR


def _write_lengths(spm: "Kernel", connection: Connection) -> None:
    """FF-M 1.1, psa_call: ``len`` of a descriptor in memory whose vector had room says what was written."""
    for i, ((_, _, room, _), count) in enumerate(
        zip(connection.out_vecs, connection.out_written, strict=True)
    ):
        if room:
            at = connection.out_array + i * DESCRIPTOR_SIZE + DESCRIPTOR_LEN_OFFSET
            spm.memory.write(at, count.to_bytes(4, "little"))
