"""The mailbox agent: calls services in the name of the non-secure core's clients (TF-M ns_agent_mailbox).

It never waits for a service: a request is handed to the SPM and forgotten but for the number of its slot,
from 1 up, and the answer comes as a signal. The mailbox lies in memory that the non-secure core may change at
any time, so a request is read once and judged as what was read.
"""

from ...interface.psa.client import PSA_IPC_CALL
from ...interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from ...interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from ...interface.tfm.mailbox import (
    ASYNC_MSG_REPLY,
    MAILBOX_MSG_SIZE,
    MAILBOX_WORD,
    NUM_MAILBOX_QUEUE_SLOT,
    STATUS_PEND_SLOTS,
    STATUS_REPLIED_SLOTS,
    MailboxCall,
    MailboxMessage,
    MailboxStatus,
    encode_reply,
    reply_address,
    slot_address,
)
from ...platform.mhu import MHU_BITS, MhuRegister
from ...spm.partition_api import PartitionApi
from .config import MailboxConfig

MAILBOX_INTERRUPT_SIGNAL = 1 << 31
NS_AGENT_MBOX_PROCESS_NEW_MSG_SIGNAL = 1 << 4
COUNT_SIZE = 4
"""Bytes of the number that NS_AGENT_MBOX_PROCESS_NEW_MSG writes."""


class MailboxAgent:
    """The program of TFM_NS_MAILBOX_AGENT."""

    def __init__(self, psa: PartitionApi, config: MailboxConfig) -> None:
        self._psa = psa
        self._config = config

    def ns_agent_mailbox_entry(self) -> None:
        """Serve the mailbox for as long as the device is up."""
        psa = self._psa
        psa.psa_irq_enable(MAILBOX_INTERRUPT_SIGNAL)
        while True:
            signals = psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            if signals & MAILBOX_INTERRUPT_SIGNAL:
                # Quiet, then unmasked, then looked: a request that comes meanwhile interrupts again.
                self._write_mhu(MhuRegister.CPU0INTR_CLR, MHU_BITS)
                psa.psa_eoi(MAILBOX_INTERRUPT_SIGNAL)
                self._take_requests()
            if signals & ASYNC_MSG_REPLY:
                self._take_reply()
            if signals & NS_AGENT_MBOX_PROCESS_NEW_MSG_SIGNAL:
                self._process_new_msg()

    def _take_requests(self) -> int:
        """Hand every pending request to the SPM; returns how many there were."""
        pending = self._status(STATUS_PEND_SLOTS)
        slots = [slot for slot in range(NUM_MAILBOX_QUEUE_SLOT) if pending & 1 << slot]
        answered = {}
        for slot in slots:
            data = self._psa.cpu.load(slot_address(self._config.queue, slot), MAILBOX_MSG_SIZE)
            answer = self._dispatch(MailboxMessage.decode(data), slot)
            if answer is not None:
                answered[slot] = answer
        self._set_status(STATUS_PEND_SLOTS, self._status(STATUS_PEND_SLOTS) & ~pending)
        self._answer(answered)
        return len(slots)

    def _dispatch(self, message: MailboxMessage, slot: int) -> int | None:
        """The answer where there is one at once; None where ASYNC_MSG_REPLY brings it, or nothing does."""
        psa, number = self._psa, slot + 1
        match message.call_type:
            case MailboxCall.PSA_FRAMEWORK_VERSION:
                return psa.psa_framework_version()
            case MailboxCall.PSA_VERSION:
                return psa.psa_version(message.sid)
            case MailboxCall.PSA_CONNECT | MailboxCall.PSA_CALL | MailboxCall.PSA_CLOSE:
                client_id = self._client_id(message.client_id)
                # TF-M mailbox: an id that the range has no place for is that request's error.
                if client_id is None:
                    return PSA_ERROR_INVALID_ARGUMENT
                status = self._call(message, client_id, number)
                return None if status == PSA_SUCCESS else status
        # TF-M mailbox: a request of no known type is dropped, and its slot never gets a reply.
        return None

    def _client_id(self, ns_id: int) -> int | None:
        # TF-M tfm_multi_core_hal_client_id_translate: limit + 1 + ns id, for ids from -1 down.
        config = self._config
        client_id = config.client_id_limit + 1 + ns_id
        return client_id if config.client_id_base <= client_id <= config.client_id_limit else None

    def _call(self, message: MailboxMessage, client_id: int, number: int) -> int:
        match message.call_type:
            case MailboxCall.PSA_CONNECT:
                return self._psa.agent_psa_connect(message.sid, message.version, client_id, number)
            case MailboxCall.PSA_CALL:
                inputs, outputs = (message.in_vec, message.in_len), (message.out_vec, message.out_len)
                return self._psa.agent_psa_call(
                    message.handle, message.type, inputs, outputs, client_id, number
                )
        return self._psa.agent_psa_close(message.handle, client_id, number)

    def _take_reply(self) -> None:
        """Bring the oldest answer to its slot; the signal stays raised while there is another."""
        msg = psa_msg_t()
        self._psa.psa_get(ASYNC_MSG_REPLY, msg)
        self._answer({msg.rhandle - 1: msg.type})

    def _answer(self, values: dict[int, int]) -> None:
        """Write replies, then say so in the status, then interrupt the non-secure core."""
        if not values:
            return
        for slot, value in values.items():
            self._psa.cpu.store(reply_address(self._config.queue, slot), encode_reply(value))
        replied = self._status(STATUS_REPLIED_SLOTS)
        self._set_status(STATUS_REPLIED_SLOTS, replied | sum(1 << slot for slot in values))
        self._write_mhu(MhuRegister.CPU1INTR_SET, 1)

    def _process_new_msg(self) -> None:
        """TF-M NS_AGENT_MBOX_PROCESS_NEW_MSG: look into the mailbox now, and say how much was there."""
        msg = psa_msg_t()
        self._psa.psa_get(NS_AGENT_MBOX_PROCESS_NEW_MSG_SIGNAL, msg)
        status = PSA_SUCCESS
        if msg.type != PSA_IPC_CALL:
            status = PSA_ERROR_NOT_SUPPORTED
        elif msg.out_size[0] != COUNT_SIZE:
            status = PSA_ERROR_PROGRAMMER_ERROR
        else:
            count = self._take_requests()
            self._psa.psa_write(msg.handle, 0, count.to_bytes(COUNT_SIZE, "little"))
        self._psa.psa_reply(msg.handle, status)

    def _status(self, offset: int) -> int:
        mask: int = MailboxStatus.parse(self._psa.cpu.load(self._config.queue + offset, MAILBOX_WORD))
        return mask

    def _set_status(self, offset: int, mask: int) -> None:
        self._psa.cpu.store(self._config.queue + offset, MailboxStatus.build(mask))

    def _write_mhu(self, register: MhuRegister, value: int) -> None:
        self._psa.cpu.store(self._config.mhu + register, value.to_bytes(4, "little"))
