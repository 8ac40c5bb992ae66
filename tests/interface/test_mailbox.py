"""The mailbox as it lies in memory, and the non-secure core's end of it."""

import struct
from collections.abc import Callable

import greenlet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.tfm.mailbox import (
    MAILBOX_MSG_SIZE,
    MAILBOX_QUEUE_SIZE,
    MailboxCall,
    MailboxMessage,
    encode_reply,
    reply_address,
    slot_address,
)
from tfm_sim.interface.tfm.ns_mailbox import NsMailbox

QUEUE = 0x28100000


# As a C compiler for Armv8-M lays them out: call type, union of parameters, client id.
@pytest.mark.parametrize(
    "message, words",
    [
        (MailboxMessage(MailboxCall.PSA_FRAMEWORK_VERSION, -1), (1, 0, 0, 0, 0, 0, 0, -1)),
        (MailboxMessage(MailboxCall.PSA_VERSION, -2, sid=0x80), (2, 0x80, 0, 0, 0, 0, 0, -2)),
        (MailboxMessage(MailboxCall.PSA_CONNECT, -1, sid=0xF080, version=2), (3, 0xF080, 2, 0, 0, 0, 0, -1)),
        (
            MailboxMessage(MailboxCall.PSA_CALL, -3, 0, 0, 0x40000100, -5, 0x1000, 1, 0x2000, 3),
            (4, 0x40000100, -5, 0x1000, 1, 0x2000, 3, -3),
        ),
        (MailboxMessage(MailboxCall.PSA_CLOSE, -1, handle=-9), (5, -9, 0, 0, 0, 0, 0, -1)),
        (MailboxMessage(77, 5), (77, 0, 0, 0, 0, 0, 0, 5)),
    ],
)
def test_a_request_is_eight_words(message: MailboxMessage, words: tuple[int, ...]) -> None:
    assert message.encode() == b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words)
    assert MailboxMessage.decode(message.encode()) == message


def test_numbers_are_cut_to_32_bits() -> None:
    message = MailboxMessage(MailboxCall.PSA_CONNECT, -(2**32) - 1, sid=2**32 + 5, version=-1)
    assert MailboxMessage.decode(message.encode()) == MailboxMessage(3, -1, sid=5, version=0xFFFFFFFF)
    assert encode_reply(0xFFFFFF7F) == encode_reply(-129) == struct.pack("<i", -129)


@given(st.binary(min_size=MAILBOX_MSG_SIZE, max_size=MAILBOX_MSG_SIZE))
def test_any_bytes_are_a_request(data: bytes) -> None:
    message = MailboxMessage.decode(data)
    assert MailboxMessage.decode(message.encode()) == message


def test_no_two_writers_share_a_line() -> None:
    places = [QUEUE, *(f(QUEUE, slot) for slot in range(4) for f in (slot_address, reply_address))]
    assert places == [QUEUE + 32 * line for line in range(9)]
    assert (MAILBOX_QUEUE_SIZE, MAILBOX_MSG_SIZE) == (9 * 32, 32)


class Rtos:
    """One core with memory of its own and no other: what a task would wait for happens while it waits."""

    def __init__(self) -> None:
        self.memory = bytearray(MAILBOX_QUEUE_SIZE)
        self.woken: list[object] = []
        self.running = "main"
        self.meanwhile: Callable[[], None] = lambda: None
        self.notified = 0
        self.mailbox = NsMailbox(self, QUEUE, self, self.notify)

    def load(self, address: int, length: int) -> bytes:
        return bytes(self.memory[address - QUEUE : address - QUEUE + length])

    def store(self, address: int, data: bytes) -> None:
        self.memory[address - QUEUE : address - QUEUE + len(data)] = data

    def execute(self, address: int) -> None:
        raise AssertionError("the mailbox runs no code of a client's")

    def task(self) -> object:
        return self.running

    def wait(self) -> None:
        self.meanwhile()

    def wake(self, task: object) -> None:
        self.woken.append(task)

    def notify(self) -> None:
        self.notified += 1

    @property
    def status(self) -> tuple[int, ...]:
        return struct.unpack_from("<II", self.memory)

    def reply(self, slots: int, *values: int) -> None:
        """The secure core replies to these slots, and interrupts."""
        struct.pack_into("<I", self.memory, 4, self.status[1] | slots)
        for slot, value in zip([s for s in range(4) if slots & 1 << s], values, strict=True):
            self.store(reply_address(QUEUE, slot), encode_reply(value))
        self.mailbox.take_replies()


VERSION = MailboxMessage(MailboxCall.PSA_VERSION, -1, sid=0x80)


def test_a_request_pends_in_the_lowest_free_slot_and_its_reply_frees_it() -> None:
    rtos = Rtos()
    seen = []

    def secure_core() -> None:
        seen.append((rtos.status, rtos.load(slot_address(QUEUE, 0), MAILBOX_MSG_SIZE), rtos.notified))
        rtos.reply(1, -130)

    rtos.meanwhile = secure_core
    assert rtos.mailbox.client_call(VERSION) == -130
    assert seen == [((1, 0), VERSION.encode(), 1)]
    assert rtos.status[1] == 0, "the status of the reply is taken back"
    assert rtos.woken == ["main"]
    assert rtos.mailbox.client_call(VERSION) == -130
    assert len(seen) == 2


def test_a_waking_without_a_reply_is_waited_through() -> None:
    rtos = Rtos()
    wakings: list[Callable[[], None]] = [lambda: rtos.reply(1, 7), rtos.mailbox.take_replies, lambda: None]

    def meanwhile() -> None:
        wakings.pop()()

    rtos.meanwhile = meanwhile
    assert rtos.mailbox.client_call(VERSION) == 7


def test_a_reply_in_a_slot_that_nobody_waits_for_is_passed_over() -> None:
    rtos = Rtos()
    rtos.reply(0b1010, 1, 2)
    assert (rtos.woken, rtos.status) == ([], (0, 0))


def test_tasks_that_find_no_slot_get_one_in_the_order_of_their_waiting() -> None:
    rtos = Rtos()
    main = greenlet.getcurrent()
    finished: list[tuple[int, int]] = []

    def task(number: int) -> greenlet.greenlet:
        return greenlet.greenlet(lambda: finished.append((number, rtos.mailbox.client_call(VERSION))))

    rtos.task = greenlet.getcurrent  # type: ignore[method-assign]
    rtos.meanwhile = main.switch
    for number in range(6):
        task(number).switch()
    assert rtos.status[0] == 0b1111, "four requests"
    assert rtos.notified == 4
    rtos.reply(0b1100, 102, 103)
    while rtos.woken:
        woken = rtos.woken.pop()  # the last comes first, and still 4 gets the slot before 5
        assert isinstance(woken, greenlet.greenlet)
        woken.switch()
    assert finished == [(3, 103), (2, 102)]
    assert rtos.notified == 6
    rtos.reply(0b1111, 100, 101, 105, 104)
    for woken in rtos.woken:
        assert isinstance(woken, greenlet.greenlet)
        woken.switch()
    assert finished[2:] == [(0, 100), (1, 101), (5, 105), (4, 104)]
