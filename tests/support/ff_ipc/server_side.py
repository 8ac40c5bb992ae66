"""The server's side of the demands, and what its two friends do in theirs."""

from collections.abc import Callable
from typing import Final

from support.ff_ipc.client_side import STATUSES, TYPES
from support.ff_ipc.facts import (
    CLIENT,
    DRIVER_MMIO,
    INVALID_HANDLE,
    INVALID_PIDS,
    PIDS,
    PLAIN,
    RELAXED,
    SECURE_CODE,
    SECURE_ONLY,
    SERVER,
    SERVER_MMIO,
    STRICT,
    UNASSIGNED_SIGNAL,
)
from support.ff_ipc.party import Body, Party

from tfm_sim.interface.psa.service import (
    PSA_BLOCK,
    PSA_DOORBELL,
    PSA_IPC_CONNECT,
    PSA_IPC_DISCONNECT,
    PSA_POLL,
    PSA_WAIT_ANY,
    psa_msg_t,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)

SECRET: Final = b"mine"
JUNK_STATUSES: Final = (PSA_ERROR_PROGRAMMER_ERROR, 0x1234)
OnMessage = Callable[[Party, psa_msg_t], object]


# Most demands on a service are one call that breaks a rule while it serves a connection like this one.


def on_signal(action: Callable[[Party], object]) -> Body:
    """Do it when a message has come and before it is taken."""

    def body(me: Party) -> None:
        assert me.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) == PLAIN.signal
        me.arm()
        action(me)

    return body


def on_connect(action: OnMessage) -> Body:
    """Do it with the PSA_IPC_CONNECT message in hand."""

    def body(me: Party) -> None:
        msg = me.request(PLAIN, PSA_IPC_CONNECT)
        me.arm()
        action(me, msg)

    return body


def on_request(action: OnMessage) -> Body:
    """Do it with a request in hand that has four bytes of input and room for four bytes of output."""

    def body(me: Party) -> None:
        me.accept(PLAIN)
        msg = me.request(PLAIN)
        me.arm()
        action(me, msg)

    return body


def on_disconnect(action: OnMessage) -> Body:
    """Do it with the PSA_IPC_DISCONNECT message in hand."""

    def body(me: Party) -> None:
        me.accept(PLAIN)
        me.psa.psa_reply(me.request(PLAIN).handle, PSA_SUCCESS)
        msg = me.request(PLAIN, PSA_IPC_DISCONNECT)
        me.arm()
        action(me, msg)

    return body


def forbidden(me: Party) -> int:
    """An address that is not the server's: the driver's MMIO; at level 1, where that is open, only null."""
    return 0 if me.setup.level == 1 else DRIVER_MMIO


def get(me: Party, signal: int) -> object:
    return me.psa.psa_get(signal, psa_msg_t())


get_two_signals = on_signal(lambda me: get(me, PLAIN.signal | RELAXED.signal))
get_twice = on_request(lambda me, msg: get(me, PLAIN.signal))
get_doorbell = on_signal(lambda me: get(me, PSA_DOORBELL))
get_another = on_signal(lambda me: get(me, RELAXED.signal))
get_into_forbidden = on_signal(lambda me: me.psa.psa_get(PLAIN.signal, forbidden(me)))
connect_to_itself = on_request(lambda me, msg: me.psa.psa_connect(RELAXED.sid, RELAXED.version))
rhandle_of_invalid = on_connect(lambda me, msg: me.psa.psa_set_rhandle(INVALID_HANDLE, 1))
rhandle_of_null = on_connect(lambda me, msg: me.psa.psa_set_rhandle(0, 1))
reply_junk_to_connect = on_connect(lambda me, msg: me.psa.psa_reply(msg.handle, -114))
reply_to_invalid = on_request(lambda me, msg: me.psa.psa_reply(INVALID_HANDLE, PSA_SUCCESS))
reply_to_null = on_request(lambda me, msg: me.psa.psa_reply(0, PSA_SUCCESS))
read_on_connect = on_connect(lambda me, msg: me.psa.psa_read(msg.handle, 0, bytearray(4), 0))
read_on_disconnect = on_disconnect(lambda me, msg: me.psa.psa_read(msg.handle, 0, bytearray(4), 0))
read_null = on_request(lambda me, msg: me.psa.psa_read(0, 0, bytearray(4), 0))
read_invalid = on_request(lambda me, msg: me.psa.psa_read(INVALID_HANDLE, 0, bytearray(4), 0))
read_index_4 = on_request(lambda me, msg: me.psa.psa_read(msg.handle, 4, bytearray(4), 0))
read_index_5 = on_request(lambda me, msg: me.psa.psa_read(msg.handle, 5, bytearray(4), 0))
skip_on_connect = on_connect(lambda me, msg: me.psa.psa_skip(msg.handle, 0, 0))
skip_on_disconnect = on_disconnect(lambda me, msg: me.psa.psa_skip(msg.handle, 0, 0))
skip_null = on_request(lambda me, msg: me.psa.psa_skip(0, 0, 0))
skip_invalid = on_request(lambda me, msg: me.psa.psa_skip(INVALID_HANDLE, 0, 0))
skip_index_4 = on_request(lambda me, msg: me.psa.psa_skip(msg.handle, 4, 0))
skip_index_5 = on_request(lambda me, msg: me.psa.psa_skip(msg.handle, 5, 0))
write_on_connect = on_connect(lambda me, msg: me.psa.psa_write(msg.handle, 0, b"", 0))
write_on_disconnect = on_disconnect(lambda me, msg: me.psa.psa_write(msg.handle, 0, b"", 0))
write_null = on_request(lambda me, msg: me.psa.psa_write(0, 0, b"", 0))
write_invalid = on_request(lambda me, msg: me.psa.psa_write(INVALID_HANDLE, 0, b"", 0))
write_index_4 = on_request(lambda me, msg: me.psa.psa_write(msg.handle, 4, b"", 0))
write_index_5 = on_request(lambda me, msg: me.psa.psa_write(msg.handle, 5, b"", 0))
write_too_much = on_request(lambda me, msg: me.psa.psa_write(msg.handle, 0, bytes(msg.out_size[0] + 1)))
read_into_forbidden = on_request(lambda me, msg: me.psa.psa_read(msg.handle, 0, forbidden(me), 4))
read_into_code = on_request(lambda me, msg: me.psa.psa_read(msg.handle, 0, SECURE_CODE, 4))
write_from_forbidden = on_request(lambda me, msg: me.psa.psa_write(msg.handle, 0, forbidden(me), 4))
notify_negative = on_request(lambda me, msg: me.psa.psa_notify(INVALID_PIDS[0]))
notify_unknown = on_request(lambda me, msg: me.psa.psa_notify(INVALID_PIDS[1]))
clear_silent_doorbell = on_request(lambda me, msg: me.psa.psa_clear())
wait_for_unassigned = on_request(lambda me, msg: me.psa.psa_wait(UNASSIGNED_SIGNAL, PSA_POLL))
give_up = on_request(lambda me, msg: me.psa.psa_panic())


def undisturbed(me: Party) -> None:
    """The refused call never reaches the service: the next thing that it sees is what follows."""
    me.accept(PLAIN)
    if me.setup.stateless:
        me.psa.psa_reply(me.request(PLAIN).handle, PSA_SUCCESS)
    me.hang_up(PLAIN)


def secure_only(me: Party) -> None:
    """A connection comes, but not from the non-secure side; then only the dispatcher's next message does."""
    if me.for_secure:
        me.accept(SECURE_ONLY)
        me.hang_up(SECURE_ONLY)
        return
    signals = me.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
    assert not signals & SECURE_ONLY.signal
    me.arm()
    me.psa.psa_reply(0, PSA_SUCCESS)


def programmer_error(me: Party) -> None:
    """One PSA_IPC_DISCONNECT follows the reply, be it at once or at the client's psa_close."""
    me.accept(PLAIN)
    msg = me.request(PLAIN)
    if me.for_secure:
        me.arm()
    me.psa.psa_reply(msg.handle, PSA_ERROR_PROGRAMMER_ERROR)
    me.hang_up(PLAIN)


def ring_the_client(me: Party) -> None:
    me.accept(PLAIN)
    msg = me.request(PLAIN)
    me.psa.psa_notify(msg.client_id)
    me.psa.psa_reply(msg.handle, PSA_SUCCESS)
    me.hang_up(PLAIN)


def masked_waits(me: Party) -> None:
    """A wait for some signals is deaf to the others, however long they stand."""
    psa = me.psa
    assert psa.psa_wait(PLAIN.signal | SECURE_ONLY.signal, PSA_BLOCK) == PLAIN.signal
    assert psa.psa_wait(SECURE_ONLY.signal, PSA_POLL) == 0
    psa.psa_notify(PIDS[CLIENT])
    assert psa.psa_wait(SECURE_ONLY.signal, PSA_BLOCK) == SECURE_ONLY.signal
    assert psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == PLAIN.signal | SECURE_ONLY.signal
    psa.psa_reply(me.fetch(SECURE_ONLY).handle, PSA_ERROR_CONNECTION_REFUSED)
    assert psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == PLAIN.signal
    me.accept(PLAIN)
    psa.psa_reply(me.request(PLAIN).handle, PSA_SUCCESS)
    me.hang_up(PLAIN)


def keep_secret(what: str) -> Body:
    """Leave something in memory of its own that nobody else may see or change."""

    def body(me: Party) -> None:
        address = SERVER_MMIO if what == "MMIO" else me.place(SERVER, what)
        me.psa.cpu.store(address, SECRET)
        assert me.psa.cpu.load(address, len(SECRET)) == SECRET

    return body


def connections(me: Party) -> None:
    """The other half of `client_side.connections`, check by check."""
    psa = me.psa
    for refusal in (PSA_ERROR_CONNECTION_BUSY, PSA_ERROR_CONNECTION_REFUSED):
        psa.psa_reply(me.request(RELAXED, PSA_IPC_CONNECT).handle, refusal)
    me.accept(RELAXED)
    psa.psa_reply(me.request(RELAXED, PSA_IPC_DISCONNECT).handle, JUNK_STATUSES[0])
    for service in (PLAIN, STRICT, RELAXED, RELAXED):
        me.accept(service)
        psa.psa_reply(me.request(service, PSA_IPC_DISCONNECT).handle, JUNK_STATUSES[1])
    connect = me.request(PLAIN, PSA_IPC_CONNECT)
    psa.psa_reply(connect.handle, PSA_SUCCESS)
    for status in STATUSES:
        psa.psa_reply(me.request(PLAIN).handle, status)
    for type_ in TYPES:
        psa.psa_reply(me.request(PLAIN, type_).handle, PSA_SUCCESS)
    call = me.request(PLAIN)
    psa.psa_write(call.handle, 0, call.client_id.to_bytes(4, "little", signed=True))
    psa.psa_reply(call.handle, PSA_SUCCESS)
    disconnect = me.request(PLAIN, PSA_IPC_DISCONNECT)
    psa.psa_reply(disconnect.handle, PSA_SUCCESS)
    assert connect.client_id == call.client_id == disconnect.client_id
    _accept_until_all_are_closed(me)
    assert psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK | 0x1234567) == PLAIN.signal
    psa.psa_reply(me.fetch(PLAIN).handle, PSA_SUCCESS)
    me.hang_up(PLAIN)
    assert psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) == psa.psa_wait(PSA_WAIT_ANY, PSA_POLL) == PLAIN.signal
    me.accept(PLAIN)
    me.hang_up(PLAIN)


def _accept_until_all_are_closed(me: Party) -> None:
    is_open = 0
    while True:
        msg = me.take(PLAIN)
        assert msg.type in {PSA_IPC_CONNECT, PSA_IPC_DISCONNECT}
        is_open += 1 if msg.type == PSA_IPC_CONNECT else -1
        me.psa.psa_reply(msg.handle, PSA_SUCCESS)
        if not is_open:
            return


def vectors(me: Party) -> None:
    """The other half of `client_side.vectors`, request by request."""
    psa = me.psa
    if not me.setup.stateless:
        msg = me.request(RELAXED, PSA_IPC_CONNECT)
        assert not msg.rhandle
        psa.psa_reply(msg.handle, PSA_SUCCESS)
    for type_, serve in enumerate((_sizes_in, _sizes_out, _no_vectors, _partial_reads, _writes), 1):
        msg = me.request(RELAXED, type_)
        serve(me, msg)
        psa.psa_reply(msg.handle, PSA_SUCCESS)
    _rhandles(me)
    for type_, serve in ((9, _copy), (10, _write_then_read), (9, _copy), (11, _write_both), (9, _copy)):
        msg = me.request(RELAXED, type_)
        serve(me, msg)
        psa.psa_reply(msg.handle, PSA_SUCCESS)
    if not me.setup.stateless:
        msg = me.request(RELAXED, PSA_IPC_DISCONNECT)
        assert msg.rhandle == 0x2222
        psa.psa_set_rhandle(msg.handle, 0x3333)
        psa.psa_reply(msg.handle, PSA_SUCCESS)


def _sizes_in(me: Party, msg: psa_msg_t) -> None:
    assert (msg.in_size, msg.out_size) == ((0, 4, 0, 4), (0, 0, 0, 0))
    buffer = bytearray(b"....")
    assert me.psa.psa_read(msg.handle, 0, buffer, 4) == 0
    assert me.psa.psa_read(msg.handle, 2, buffer, 4) == 0
    assert buffer == b"...."
    assert me.psa.psa_read(msg.handle, 3, buffer, 4) == 4
    assert buffer == b"efgh"


def _sizes_out(me: Party, msg: psa_msg_t) -> None:
    assert (msg.in_size, msg.out_size) == ((0, 0, 0, 0), (0, 4, 0, 9))
    me.psa.psa_write(msg.handle, 0, b"", 0)
    me.psa.psa_write(msg.handle, 1, b"wxyz")
    me.psa.psa_write(msg.handle, 3, b"12345")


def _no_vectors(me: Party, msg: psa_msg_t) -> None:
    assert msg.in_size == msg.out_size == (0, 0, 0, 0)


def _partial_reads(me: Party, msg: psa_msg_t) -> None:
    psa, buffer = me.psa, bytearray(b"." * 20)
    assert psa.psa_read(msg.handle, 0, buffer, 0) == 0
    assert psa.psa_read(msg.handle, 0, buffer, 4) == 4
    assert psa.psa_skip(msg.handle, 0, 0) == 0
    assert psa.psa_skip(msg.handle, 0, 2) == 2
    assert buffer == b"0123" + b"." * 16
    assert psa.psa_read(msg.handle, 0, buffer, 20) == 4
    assert buffer == b"6789" + b"." * 16
    assert psa.psa_read(msg.handle, 0, buffer, 20) == 0
    assert psa.psa_skip(msg.handle, 0, 20) == 0
    assert buffer == b"6789" + b"." * 16


def _writes(me: Party, msg: psa_msg_t) -> None:
    assert msg.out_size == (8, 8, 2, 0)
    for part in (b"ab", b"", b"cde"):
        me.psa.psa_write(msg.handle, 0, part, len(part))
    me.psa.psa_write(msg.handle, 2, b"zz")
    me.psa.psa_write(msg.handle, 2, b"", 0)


def _rhandles(me: Party) -> None:
    """Null until it is set; what was set last is in each later message. None for a stateless service."""
    for type_, before, after in ((6, 0, 0x1111), (7, 0x1111, 0x2222), (8, 0x2222, 0)):
        msg = me.request(RELAXED, type_)
        assert (msg.rhandle or 0) == (0 if me.setup.stateless else before)
        if after and not me.setup.stateless:
            me.psa.psa_set_rhandle(msg.handle, after)
        me.psa.psa_reply(msg.handle, PSA_SUCCESS)


def _copy(me: Party, msg: psa_msg_t) -> None:
    buffer = bytearray(msg.in_size[0])
    assert me.psa.psa_read(msg.handle, 0, buffer, len(buffer)) == len(buffer)
    me.psa.psa_write(msg.handle, 0, buffer)


def _write_then_read(me: Party, msg: psa_msg_t) -> None:
    me.psa.psa_write(msg.handle, 0, b"W" * 8)
    buffer = bytearray(16)
    assert me.psa.psa_read(msg.handle, 0, buffer, 16) == 16
    me.psa.psa_write(msg.handle, 1, buffer)


def _write_both(me: Party, msg: psa_msg_t) -> None:
    me.psa.psa_write(msg.handle, 0, b"A" * 16)
    me.psa.psa_write(msg.handle, 1, b"B" * 8)
