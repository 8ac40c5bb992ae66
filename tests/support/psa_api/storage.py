"""Demands on internal trusted storage and protected storage (PSA Storage 1.0)."""

from typing import Final

from support.psa_api.caller import GET, GET_INFO, GET_SUPPORT, ITS, PS, REMOVE, SET, Caller, u32, u64
from support.psa_api.demand import Act, rows

from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
MISSING, PERMITTED, FULL = (
    S.PSA_ERROR_DOES_NOT_EXIST,
    S.PSA_ERROR_NOT_PERMITTED,
    S.PSA_ERROR_INSUFFICIENT_STORAGE,
)
PROGRAMMER = S.PSA_ERROR_PROGRAMMER_ERROR
UID, DATA = 5, bytes(range(100))
WRITE_ONCE, NO_FLAGS, KEPT_FLAGS = 1, 0, 2 | 4
SIZES: Final = {ITS: 512, PS: 2048}
"""TF-M's ITS_MAX_ASSET_SIZE and PS_MAX_ASSET_SIZE; both services have 10 assets."""

_NO_TYPE: Final = {ITS: SUPPORTED, PS: PROGRAMMER}
"""What TF-M's services answer to a message type that they do not have."""


def got(c: Caller, service: int, offset: int, room: int, uid: int = UID) -> tuple[int, bytes]:
    answer = c.service(service, GET, u64(uid), u32(offset), outs=(room,))
    return answer.status, answer.data


def info(c: Caller, service: int, uid: int = UID) -> tuple[int, bytes]:
    answer = c.service(service, GET_INFO, u64(uid), outs=(12,))
    return answer.status, answer.data


def setting(service: int, uid: int, data: bytes, flags: int) -> Act:
    return lambda c: c.store(service, uid, data, flags)


def getting(service: int, size: int, offset: int, room: int, expected: bytes) -> Act:
    def act(c: Caller) -> int:
        assert c.store(service, UID, DATA[:size]) == OK
        status, data = got(c, service, offset, room)
        assert data == expected
        return status

    return act


def without(service: int, call: str) -> Act:
    def act(c: Caller) -> int:
        return {
            "get": lambda: got(c, service, 0, 10)[0],
            "info": lambda: info(c, service)[0],
            "remove": lambda: c.service(service, REMOVE, u64(UID)).status,
            "uid-0-set": lambda: c.service(service, SET, u64(0), DATA, u32(0)).status,
            "uid-0-get": lambda: got(c, service, 0, 10, 0)[0],
            "uid-0-info": lambda: info(c, service, 0)[0],
            "uid-0-remove": lambda: c.service(service, REMOVE, u64(0)).status,
            "type": lambda: c.service(service, 1009, u64(UID)).status,
            "short-uid": lambda: c.service(service, GET_INFO, bytes(7), outs=(12,)).status,
            "short-flags": lambda: c.service(service, SET, u64(UID), DATA, bytes(3)).status,
        }[call]()

    return act


def removed(service: int) -> Act:
    def act(c: Caller) -> int:
        assert c.store(service, UID, DATA) == OK
        assert c.service(service, REMOVE, u64(UID)).status == OK
        assert info(c, service)[0] == MISSING
        return got(c, service, 0, 10)[0]

    return act


def replaced(service: int) -> Act:
    def act(c: Caller) -> int:
        assert c.store(service, UID, DATA) == OK
        assert c.store(service, UID, b"other", KEPT_FLAGS) == OK
        assert got(c, service, 0, 200) == (OK, b"other")
        status, found = info(c, service)
        assert found == u32(5) + u32(5) + u32(KEPT_FLAGS)
        return status

    return act


def once(service: int, then: str) -> Act:
    def act(c: Caller) -> int:
        assert c.store(service, UID, DATA, WRITE_ONCE) == OK
        status = {
            "same": lambda: c.store(service, UID, DATA, WRITE_ONCE),
            "other": lambda: c.store(service, UID, b"other"),
            "remove": lambda: c.service(service, REMOVE, u64(UID)).status,
        }[then]()
        assert got(c, service, 0, 100) == (OK, DATA)
        return status

    return act


def filled(service: int) -> Act:
    def fill(c: Caller) -> int:
        count = 0
        while (status := c.store(service, 100 + count, DATA)) == OK:
            count += 1
        assert status == FULL
        for uid in range(100, 100 + count):
            assert c.service(service, REMOVE, u64(uid)).status == OK
        return count

    def act(c: Caller) -> int:
        first = fill(c)
        assert first > 0
        assert fill(c) == first, "as many again"
        for uid in range(100, 100 + first):
            assert c.store(service, uid, DATA) == OK
        return c.store(service, 99, DATA)

    return act


def whole(service: int) -> Act:
    def act(c: Caller) -> int:
        size = SIZES[service]
        data = (DATA * 21)[:size]
        assert c.store(service, UID, data) == OK
        status, found = got(c, service, 0, size)
        assert found == data
        return status

    return act


def too_large(service: int) -> Act:
    return lambda c: c.store(service, UID, bytes(SIZES[service] + 1))


for _name, _service in (("its", ITS), ("ps", PS)):
    rows(
        f"{_name}-set",
        setting,
        ("data", "an object", (OK,), (_service, UID, DATA, NO_FLAGS)),
        ("empty", "an object of no bytes", (OK,), (_service, UID, b"", NO_FLAGS)),
        ("uid-of-64-bits", "the largest uid", (OK,), (_service, (1 << 64) - 1, DATA, NO_FLAGS)),
        ("unknown-flag", "a flag that nobody defined", (SUPPORTED,), (_service, UID, DATA, 8)),
        ("unknown-flags", "many of them", (SUPPORTED,), (_service, UID, DATA, 0xFFFFFFF8)),
        ("kept-flags", "the flags that ask for less protection", (OK,), (_service, UID, DATA, KEPT_FLAGS)),
    )
    rows(
        f"{_name}-get",
        getting,
        ("all", "the whole object", (OK,), (_service, 100, 0, 100, DATA)),
        ("part", "a part", (OK,), (_service, 100, 10, 20, DATA[10:30])),
        ("more", "more than there is", (OK,), (_service, 100, 90, 20, DATA[90:])),
        ("at-the-end", "from the end on", (OK,), (_service, 100, 100, 20, b"")),
        ("past-the-end", "from behind the end", (ARGUMENT,), (_service, 100, 101, 20, b"")),
        ("far-past-the-end", "from far behind it", (ARGUMENT,), (_service, 100, 0xFFFFFFFF, 20, b"")),
        ("no-room", "no bytes", (OK,), (_service, 100, 0, 0, b"")),
        ("of-empty", "an object of no bytes", (OK,), (_service, 0, 0, 10, b"")),
    )
    rows(
        _name,
        without,
        ("get-missing", "get of nothing", (MISSING,), (_service, "get")),
        ("info-missing", "get_info of nothing", (MISSING,), (_service, "info")),
        ("remove-missing", "remove of nothing", (MISSING,), (_service, "remove")),
        ("uid-0-set", "set of uid 0", (ARGUMENT,), (_service, "uid-0-set")),
        ("uid-0-get", "get of uid 0", (ARGUMENT,), (_service, "uid-0-get")),
        ("uid-0-info", "get_info of uid 0", (ARGUMENT,), (_service, "uid-0-info")),
        ("uid-0-remove", "remove of uid 0", (ARGUMENT,), (_service, "uid-0-remove")),
        ("type", "a type that the service does not have", (_NO_TYPE[_service],), (_service, "type")),
        ("short-uid", "a uid of 7 bytes", (PROGRAMMER,), (_service, "short-uid")),
        ("short-flags", "flags of 3 bytes", (PROGRAMMER,), (_service, "short-flags")),
    )
    rows(_name, removed, ("removed", "what was removed is gone", (MISSING,), (_service,)))
    rows(
        _name,
        replaced,
        ("replaced", "set again replaces data, size and flags", (OK,), (_service,)),
    )
    rows(_name, whole, ("largest", "the largest object", (OK,), (_service,)))
    rows(_name, too_large, ("too-large", "a byte more", (FULL,), (_service,)))
    rows(
        f"{_name}-write-once",
        once,
        ("same", "the same data again", (PERMITTED,), (_service, "same")),
        ("other", "other data", (PERMITTED,), (_service, "other")),
        ("remove", "removal", (PERMITTED,), (_service, "remove")),
        fresh=True,
    )
    rows(
        _name,
        filled,
        ("full", "as many objects as there is room for, twice", (FULL,), (_service,)),
        fresh=True,
    )


CREATE, SET_EXTENDED = 1006, 1007
"""Ours: TF-M's service has no optional calls."""


def support(c: Caller) -> int:
    answer = c.service(PS, GET_SUPPORT, outs=(4,))
    assert answer.data == u32(1)
    return answer.status


def create(c: Caller, uid: int, capacity: int, flags: int = 0) -> int:
    c.uids.add((PS, uid))
    return c.service(PS, CREATE, u64(uid), u32(capacity), u32(flags)).status


def creating(uid: int, capacity: int, flags: int) -> Act:
    def act(c: Caller) -> int:
        status = create(c, uid, capacity, flags)
        if status == OK:
            assert info(c, PS, uid) == (OK, u32(capacity) + u32(0) + u32(flags))
        return status

    return act


def extending(capacity: int, *pieces: tuple[int, bytes]) -> Act:
    def act(c: Caller) -> int:
        assert create(c, UID, capacity) == OK
        return [c.service(PS, SET_EXTENDED, u64(UID), u32(offset), data).status for offset, data in pieces][
            -1
        ]

    return act


def created_twice(c: Caller) -> int:
    assert create(c, UID, 10) == OK
    return create(c, UID, 10)


def extending_nothing(c: Caller) -> int:
    return c.service(PS, SET_EXTENDED, u64(UID), u32(0), DATA).status


rows("ps", lambda: support, ("support", "the optional calls are there", (OK,), ()))
rows(
    "ps-create",
    creating,
    ("room", "room for an object of no bytes yet", (OK,), (UID, 100, 0)),
    ("uid-0", "uid 0", (ARGUMENT,), (0, 100, 0)),
    ("write-once", "write-once, which could never be written", (SUPPORTED,), (UID, 100, WRITE_ONCE)),
    ("unknown-flag", "a flag that nobody defined", (SUPPORTED,), (UID, 100, 8)),
    ("too-large", "more than the largest object", (FULL, ARGUMENT), (UID, SIZES[PS] + 1, 0)),
)
rows("ps-create", lambda: created_twice, ("twice", "a uid that is taken", (S.PSA_ERROR_ALREADY_EXISTS,), ()))
rows(
    "ps-extended",
    extending,
    ("first", "the beginning of an object", (OK,), (100, (0, b"abc"))),
    ("next", "what follows", (OK,), (100, (0, b"abc"), (3, b"def"))),
    ("over", "in the place of what is there", (OK,), (100, (0, b"abcdef"), (2, b"xy"))),
    ("nothing", "no bytes", (OK,), (100, (0, b""))),
    ("gap", "from behind the end", (ARGUMENT,), (100, (0, b"abc"), (4, b"d"))),
    ("past-capacity", "past the capacity", (ARGUMENT,), (100, (0, bytes(101)))),
)
rows("ps-extended", lambda: extending_nothing, ("missing", "of nothing", (MISSING,), ()))
