"""The client's side of the demands, written once for the non-secure side and for CLIENT_PARTITION.

A step that ends in a reset for a partition gives the non-secure side a status; what follows such a step is
for the latter alone.
"""

from collections.abc import Callable
from typing import Final

from support.ff_ipc.facts import (
    CLIENT,
    DRIVER_MMIO,
    INVALID_HANDLE,
    INVALID_SID,
    NOT_DECLARED,
    NOWHERE,
    NS_MMIO,
    PIDS,
    PLAIN,
    RELAXED,
    SECURE_CODE,
    SECURE_CONSTANTS,
    SECURE_ONLY,
    SERVER_DISPATCHER,
    SERVER_MMIO,
    STRICT,
    Service,
)
from support.ff_ipc.party import Body, Party

from tfm_sim.interface.psa.client import PSA_FRAMEWORK_VERSION, psa_invec, psa_outvec
from tfm_sim.interface.psa.lifecycle import PSA_LIFECYCLE_PSA_STATE_MASK, PsaLifecycle
from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_DOORBELL, PSA_POLL, PSA_WAIT_ANY
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_BUSY,
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)

INT32_MAX: Final = 0x7FFFFFFF
STATUSES: Final = (0, 1, 2, INT32_MAX, -1, -2, -INT32_MAX - 1 + 128)
TYPES: Final = (0, 1, 2, 32767)
MANY_CONNECTIONS: Final = 50
RETURN_FROM_FUNCTION: Final = bytes.fromhex("70477047")
"""BX LR, twice: harmless Thumb code."""
ORIGINAL: Final = bytes(range(16))
Call = Callable[[Party, int], int]


def written(out: psa_outvec) -> bytes:
    """The whole buffer behind an output vector."""
    assert not isinstance(out.base, int)
    return bytes(out.base)


def nothing(me: Party) -> None:
    """The other side does it all."""


def ask_plainly(me: Party) -> None:
    """One connection, one request with an input and an output of four bytes, and the end."""
    assert me.ask(PLAIN, 0, (b"1234",), (psa_outvec(bytearray(4)),)) == PSA_SUCCESS


def versions(me: Party) -> None:
    assert me.psa.psa_framework_version() == PSA_FRAMEWORK_VERSION
    assert me.psa.psa_version(INVALID_SID) == 0
    assert me.psa.psa_version(SECURE_ONLY.sid) == (SECURE_ONLY.version if me.is_secure else 0)
    assert me.psa.psa_version(SERVER_DISPATCHER.sid) == SERVER_DISPATCHER.version


def connections(me: Party) -> None:
    """Nine checks, one after the other; `server_side.connections` follows them."""
    psa = me.psa
    assert psa.psa_connect(RELAXED.sid, 2) == PSA_ERROR_CONNECTION_BUSY
    assert psa.psa_connect(RELAXED.sid, 2) == PSA_ERROR_CONNECTION_REFUSED
    psa.psa_close(0)
    me.close(me.open(RELAXED))
    for service, version in ((PLAIN, 1), (STRICT, 2), (RELAXED, 1), (RELAXED, 2)):
        me.close(me.open(service, version))
    handle = me.open(PLAIN)
    assert [psa.psa_call(handle, 0) for _ in STATUSES] == list(STATUSES)
    assert [psa.psa_call(handle, type_) for type_ in TYPES] == [PSA_SUCCESS] * len(TYPES)
    seen = psa_outvec(bytearray(4))
    assert psa.psa_call(handle, 0, [], [seen]) == PSA_SUCCESS
    client_id = int.from_bytes(written(seen), "little", signed=True)
    assert client_id == PIDS[CLIENT] if me.is_secure else client_id < 0
    me.close(handle)
    exhaust_connections(me)
    for _ in ("PSA_BLOCK with other bits set", "PSA_BLOCK and then PSA_POLL"):
        me.close(me.open(PLAIN))


def exhaust_connections(me: Party) -> None:
    """Connections run out before the fiftieth, which is nobody's error; all can be closed."""
    handles: list[int] = []
    while len(handles) < MANY_CONNECTIONS:
        handle = me.psa.psa_connect(PLAIN.sid, 1)
        if handle < 0:
            assert handle in {PSA_ERROR_CONNECTION_REFUSED, PSA_ERROR_CONNECTION_BUSY}
            break
        handles.append(handle)
    assert 1 <= len(handles) < MANY_CONNECTIONS
    assert len(set(handles)) == len(handles)
    for handle in handles:
        me.close(handle)
    me.print_line("connections ran out\n")


def vectors(me: Party) -> None:
    """Sizes, parts, ends and overlaps of vectors, and rhandle; `server_side.vectors` follows."""
    psa = me.psa
    handle = me.open(RELAXED)
    empty = psa_invec(NOWHERE, 0)
    assert psa.psa_call(handle, 1, [psa_invec(0, 0), b"abcd", empty, b"efgh"]) == PSA_SUCCESS
    outs = [psa_outvec(0, 0), psa_outvec(bytearray(4)), psa_outvec(NOWHERE, 0), psa_outvec(bytearray(9))]
    assert psa.psa_call(handle, 2, [], outs) == PSA_SUCCESS
    assert [out.len for out in outs] == [0, 4, 0, 5]
    assert psa.psa_call(handle, 3, 0, 0, in_len=0, out_len=0) == PSA_SUCCESS
    assert psa.psa_call(handle, 4, [b"0123456789"]) == PSA_SUCCESS
    first, second, third = psa_outvec(bytearray(8)), psa_outvec(bytearray(8)), psa_outvec(bytearray(2))
    assert psa.psa_call(handle, 5, [], [first, second, third]) == PSA_SUCCESS
    assert (written(first), first.len) == (b"abcde\0\0\0", 5)
    assert (second.len, third.len) == (0, 2)
    for type_ in (6, 7, 8):
        assert psa.psa_call(handle, type_) == PSA_SUCCESS
    overlapping_vectors(me, handle)
    me.close(handle)


def overlapping_vectors(me: Party, handle: int) -> None:
    """A vector over another: the result is what one of the legal orders of effects leaves."""
    psa, address, size = me.psa, me.scratch, len(ORIGINAL)
    peeked = psa_outvec(bytearray(size))
    assert psa.psa_call(handle, 9, [ORIGINAL], [psa_outvec(address, size)]) == PSA_SUCCESS
    read = psa_outvec(bytearray(size))
    in_vec, out_vec = psa_invec(address, size), psa_outvec(address, size)
    assert psa.psa_call(handle, 10, [in_vec], [out_vec, read]) == PSA_SUCCESS
    assert written(read) in (ORIGINAL, b"W" * 8 + ORIGINAL[8:])
    assert psa.psa_call(handle, 9, [in_vec], [peeked]) == PSA_SUCCESS
    assert written(peeked) == b"W" * 8 + ORIGINAL[8:]
    twice = [psa_outvec(address, size), psa_outvec(address, size)]
    assert psa.psa_call(handle, 11, [], twice) == PSA_SUCCESS
    assert [out.len for out in twice] == [16, 8]
    assert psa.psa_call(handle, 9, [in_vec], [peeked]) == PSA_SUCCESS
    assert written(peeked) in (b"A" * 16, b"B" * 8 + b"A" * 8)


def connect_refused(service: Service | None, version: int) -> Body:
    """A connection that the SPM itself refuses."""

    def body(me: Party) -> None:
        me.arm()
        status = me.psa.psa_connect(service.sid if service else INVALID_SID, version)
        assert status == PSA_ERROR_CONNECTION_REFUSED

    return body


def connect_secure_only(me: Party) -> None:
    if me.is_secure:
        me.close(me.open(SECURE_ONLY))
    else:
        assert me.psa.psa_connect(SECURE_ONLY.sid, SECURE_ONLY.version) == PSA_ERROR_CONNECTION_REFUSED


def close_invalid(me: Party) -> None:
    me.arm()
    me.psa.psa_close(INVALID_HANDLE)


connect_unknown = connect_refused(None, 1)
connect_strict_above = connect_refused(STRICT, STRICT.version + 1)
connect_strict_below = connect_refused(STRICT, STRICT.version - 1)
connect_relaxed_above = connect_refused(RELAXED, RELAXED.version + 1)
connect_undeclared = connect_refused(NOT_DECLARED, NOT_DECLARED.version)
connect_plain_above = connect_refused(PLAIN, 2)
connect_plain_zero = connect_refused(PLAIN, 0)


def call_on(handle: int) -> Body:
    """A request on a handle that is none."""

    def body(me: Party) -> None:
        me.arm()
        assert me.psa.psa_call(handle, 0) == PSA_ERROR_PROGRAMMER_ERROR

    return body


call_invalid, call_null = call_on(INVALID_HANDLE), call_on(0)


def call_refused(call: Call) -> Body:
    """A request that the SPM itself refuses; the connection stays of use and the service sees nothing."""

    def body(me: Party) -> None:
        handle = me.open(PLAIN)
        me.arm()
        assert call(me, handle) == PSA_ERROR_PROGRAMMER_ERROR
        if me.setup.stateless:
            assert me.psa.psa_call(handle, 0) == PSA_SUCCESS
        me.close(handle)

    return body


def forbidden(me: Party) -> int:
    """An address that is not the caller's: the driver's MMIO; for a partition at level 1 only null."""
    return 0 if me.is_secure and me.setup.level == 1 else DRIVER_MMIO


def across(me: Party) -> tuple[int, int]:
    """A range that begins in the caller's own MMIO and ends with the first byte of the driver's."""
    start = SERVER_MMIO if me.is_secure else NS_MMIO
    return start, DRIVER_MMIO + 1 - start


call_with_five_vectors = call_refused(
    lambda me, h: int(me.psa.psa_call(h, 0, [b"1", b"2", b"3", b"4"], [psa_outvec(bytearray(4))]))
)
call_with_negative_type = call_refused(lambda me, h: int(me.psa.psa_call(h, -1)))
call_in_vec_array = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, forbidden(me), in_len=1)))
call_out_vec_array = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, (), forbidden(me), out_len=1)))
call_in_vec = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, [psa_invec(forbidden(me), 4)])))
call_out_vec = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, [], [psa_outvec(forbidden(me), 4)])))
call_in_vec_across = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, [psa_invec(*across(me))])))
call_out_vec_across = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, [], [psa_outvec(*across(me))])))
call_out_vec_code = call_refused(lambda me, h: int(me.psa.psa_call(h, 0, [], [psa_outvec(SECURE_CODE, 1)])))


def answered_programmer_error(me: Party) -> None:
    """The service finds fault with the request; the client closes, and the handle is dead."""
    handle = me.open(PLAIN)
    assert me.psa.psa_call(handle, 0) == PSA_ERROR_PROGRAMMER_ERROR
    me.close(handle)
    for _ in range(2):
        assert me.psa.psa_call(handle, 0) == PSA_ERROR_PROGRAMMER_ERROR


def wait_for_doorbell(me: Party) -> None:
    """The service rings its client: the doorbell is a level, until psa_clear."""
    ask_plainly(me)
    assert me.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK) == PSA_DOORBELL
    assert me.psa.psa_wait(PSA_DOORBELL, PSA_POLL) == PSA_DOORBELL
    me.psa.psa_clear()
    assert me.psa.psa_wait(PSA_DOORBELL, PSA_POLL) == 0


def masked_waits(me: Party) -> None:
    """CLIENT_PARTITION waits for its doorbell beforehand; the server does the rest."""
    partner = me.begin(CLIENT, 63, 0)
    ask_plainly(me)
    me.finish(partner)


def refused_after_doorbell(me: Party) -> None:
    """What CLIENT_PARTITION does meanwhile: the *service* refuses it, which is nobody's error."""
    assert me.psa.psa_wait(PSA_DOORBELL, PSA_BLOCK) == PSA_DOORBELL
    me.psa.psa_clear()
    if me.setup.stateless:
        assert me.psa.psa_call(SECURE_ONLY.stateless_handle, 0) == PSA_ERROR_CONNECTION_REFUSED
    else:
        assert me.psa.psa_connect(SECURE_ONLY.sid, 2) == PSA_ERROR_CONNECTION_REFUSED


def lifecycle(me: Party) -> None:
    state = me.psa.psa_rot_lifecycle_state() & PSA_LIFECYCLE_PSA_STATE_MASK
    assert state in set(PsaLifecycle)


def execute_data(me: Party) -> None:
    me.psa.cpu.store(me.scratch, RETURN_FROM_FUNCTION)
    me.arm()
    me.psa.cpu.execute(me.scratch)
    raise AssertionError("data were executed")


def store_to(address: int) -> Body:
    def body(me: Party) -> None:
        me.arm()
        me.psa.cpu.store(address, b"\0\0\0\0")
        raise AssertionError(f"a store to {address:#010x} was let through")

    return body


store_to_code, store_to_constants = store_to(SECURE_CODE), store_to(SECURE_CONSTANTS)


def touch(partition: str, what: str) -> Body:
    """Load (check 0) or store (check 1) what is another's; 2 and 3: the same where nothing is mapped."""

    def body(me: Party) -> None:
        if me.check >= 2:
            address = NOWHERE
        elif what == "MMIO":
            address = DRIVER_MMIO if partition.startswith("DRIVER") else SERVER_MMIO
        else:
            address = me.place(partition, what)
        me.arm()
        if me.check % 2:
            me.psa.cpu.store(address, b"\0\0\0\0")
        else:
            me.psa.cpu.load(address, 4)
        raise AssertionError(f"an access to {address:#010x} was let through")

    return body
