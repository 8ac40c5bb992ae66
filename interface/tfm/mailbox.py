"""The mailbox between a secure and a non-secure core, as it lies in memory (TF-M tfm_mailbox.h).

All in non-secure memory, little endian, in lines of 32 bytes so that no two writers share one:

* a line with the status of the slots, two bit masks: ``pend_slots``, set by the non-secure core for a request
  and cleared by the secure one when it has taken it; ``replied_slots``, set by the secure core for a reply
  and cleared by the non-secure one.
* for each slot a line with the request and a line with the reply, one word.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from construct import Int32sl, Int32ul, Padded, Pass, Struct, Switch, this

ASYNC_MSG_REPLY: Final = 0x4
"""The signal of an NS agent: a call that it made for a client of another core has its answer."""
NUM_MAILBOX_QUEUE_SLOT: Final = 4
"""Requests in flight. TF-M's multi-core platforms have 4; 1 is for one client at a time."""
MAILBOX_LINE: Final = 32
"""A cache line: the alignment of everything in the queue, in bytes."""
_U32: Final = 0xFFFFFFFF
_SIGN: Final = 0x80000000


class MailboxCall(IntEnum):
    """What a request asks for."""

    PSA_FRAMEWORK_VERSION = 1
    PSA_VERSION = 2
    PSA_CONNECT = 3
    PSA_CALL = 4
    PSA_CLOSE = 5


STATUS_PEND_SLOTS: Final = 0
STATUS_REPLIED_SLOTS: Final = 4
SLOT_REPLY: Final = MAILBOX_LINE
SLOT_SIZE: Final = 2 * MAILBOX_LINE
PARAMS_SIZE: Final = 24
MAILBOX_QUEUE_SIZE: Final = MAILBOX_LINE + NUM_MAILBOX_QUEUE_SLOT * SLOT_SIZE
"""Bytes of status and slots together."""

_PARAMS: Final = {
    MailboxCall.PSA_VERSION: Struct("sid" / Int32ul),
    MailboxCall.PSA_CONNECT: Struct("sid" / Int32ul, "version" / Int32ul),
    MailboxCall.PSA_CALL: Struct(
        "handle" / Int32sl,
        "type" / Int32sl,
        "in_vec" / Int32ul,
        "in_len" / Int32ul,
        "out_vec" / Int32ul,
        "out_len" / Int32ul,
    ),
    MailboxCall.PSA_CLOSE: Struct("handle" / Int32sl),
}
MailboxMsg: Final = Struct(
    "call_type" / Int32ul,
    "params" / Padded(PARAMS_SIZE, Switch(this.call_type, _PARAMS, default=Pass)),
    "client_id" / Int32sl,
)
"""mailbox_msg_t; ``params`` is the union of what the calls take."""
MAILBOX_MSG_SIZE: Final[int] = MailboxMsg.sizeof(call_type=0)
MailboxReply: Final = Int32sl
"""mailbox_reply_t: what the call returned."""
MailboxStatus: Final = Int32ul
"""mailbox_queue_status_t: bit ``n`` is slot ``n``."""
MAILBOX_WORD: Final = 4
"""Bytes of a reply and of a bit mask of the status."""


def encode_reply(value: int) -> bytes:
    """What a call returned as it lies in its slot, cut to 32 bits."""
    data: bytes = MailboxReply.build(_int32(value))
    return data


def slot_address(queue: int, slot: int) -> int:
    """Where a slot of the queue at ``queue`` has its request."""
    return queue + MAILBOX_LINE + slot * SLOT_SIZE


def reply_address(queue: int, slot: int) -> int:
    """Where it has its reply."""
    return slot_address(queue, slot) + SLOT_REPLY


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A request. ``client_id`` is the non-secure id of the client, -1 and down, and each call has its own
    parameters: psa_version ``sid``; psa_connect ``sid`` and ``version``; psa_close ``handle``; psa_call
    ``handle``, ``type`` and for each array of vectors its address and its length in descriptors.
    """

    call_type: int
    client_id: int
    sid: int = 0
    version: int = 0
    handle: int = 0
    type: int = 0
    in_vec: int = 0
    in_len: int = 0
    out_vec: int = 0
    out_len: int = 0

    def encode(self) -> bytes:
        """The request as it lies in its slot; numbers are cut to 32 bits, as C does."""
        params = {name: getattr(self, name) & _U32 for name in ("sid", "version", "in_vec", "in_len")}
        params |= {name: getattr(self, name) & _U32 for name in ("out_vec", "out_len")}
        params |= {"handle": _int32(self.handle), "type": _int32(self.type)}
        call_type, client_id = self.call_type & _U32, _int32(self.client_id)
        data: bytes = MailboxMsg.build({"call_type": call_type, "params": params, "client_id": client_id})
        return data

    @classmethod
    def decode(cls, data: bytes) -> "MailboxMessage":
        """The request in the MAILBOX_MSG_SIZE bytes of a slot, whatever they are."""
        msg = MailboxMsg.parse(data)
        params = {name: value for name, value in (msg.params or {}).items() if name != "_io"}
        return cls(msg.call_type, msg.client_id, **params)


def _int32(value: int) -> int:
    return (value & _U32 ^ _SIGN) - _SIGN
