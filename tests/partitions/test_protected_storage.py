"""Protected storage through psa_call: rules and statuses of PSA Storage 1.0, vectors, limits, isolation."""

from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ps_bench import PsBench, State

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_values import PSA_ALG_CBC_NO_PADDING
from tfm_sim.interface.psa.protected_storage import (
    ProtectedStorage,
    psa_ps_create,
    psa_ps_get,
    psa_ps_get_info,
    psa_ps_get_support,
    psa_ps_remove,
    psa_ps_set,
    psa_ps_set_extended,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_ERROR_STORAGE_FAILURE,
    PSA_SUCCESS,
    PsaError,
)
from tfm_sim.interface.psa.storage_common import PSA_STORAGE_SUPPORT_SET_EXTENDED, psa_storage_info_t
from tfm_sim.interface.tfm.services import TFM_PROTECTED_STORAGE_SERVICE_HANDLE
from tfm_sim.partitions.protected_storage.config import PsConfig, PsConfigError, PsQuirks
from tfm_sim.platform.nv_counters import NvCounter

OK, ABSENT, ARGUMENT = PSA_SUCCESS, PSA_ERROR_DOES_NOT_EXIST, PSA_ERROR_INVALID_ARGUMENT
UNSUPPORTED, FULL, ONCE = PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_INSUFFICIENT_STORAGE, PSA_ERROR_NOT_PERMITTED
PE = PSA_ERROR_PROGRAMMER_ERROR
WRITE_ONCE, FLAGS = 1, 6
DATA = bytes(range(100))
PLAIN = PsConfig(encryption=False, rollback_protection=False)


CONFIGS = {
    "GCM": PsConfig(),
    "limited keys": PsConfig(aes_key_usage_limit=300),
    "plain": PLAIN,
    "on flash": PsConfig(),
}


@cache
def filled(name: str) -> State:
    """A device with object 1 (100 bytes), 2 (write once) and 3 (10 of 40 bytes filled)."""
    made = PsBench(CONFIGS[name], on_flash=name == "on flash").boot()
    made.psa.set(1, DATA, FLAGS)
    made.psa.set(2, b"once", WRITE_ONCE)
    made.psa.create(3, 40)
    made.psa.set_extended(3, 0, b"ten bytes.")
    return made.state()


@pytest.fixture(params=CONFIGS)
def bench(request: pytest.FixtureRequest) -> PsBench:
    """Such a device, started."""
    made = PsBench(CONFIGS[request.param], on_flash=request.param == "on flash")
    made.restore(filled(request.param))
    return made.boot()


@pytest.mark.parametrize(
    "uid, data, flags, status",
    [
        (9, b"new", 0, OK),
        (9, b"", 0, OK),
        (2**64 - 1, b"the last uid", 7, OK),
        (1, b"another size", 0, OK),
        (3, b"more than its capacity: " * 9, 0, OK),
        (9, bytes(2048), 0, OK),
        (9, bytes(2049), 0, FULL),
        (9, bytes(4000), 0, FULL),
        (0, b"x", 0, ARGUMENT),
        (0, b"x", 8, ARGUMENT),
        (9, b"x", 8, UNSUPPORTED),
        (9, b"x", 1 << 31, UNSUPPORTED),
        (2, b"once", WRITE_ONCE, ONCE),
        (2, b"", 0, ONCE),
        (2, b"x", 8, UNSUPPORTED),
    ],
)
def test_set(bench: PsBench, uid: int, data: bytes, flags: int, status: int) -> None:
    """PSA Storage 1.0 psa_ps_set: replaces data, capacity and flags, or nothing."""
    before = psa_ps_get(bench.ns, uid, 0, 3000), psa_ps_get_info(bench.ns, uid)
    assert psa_ps_set(bench.ns, uid, data, flags) == status
    after = psa_ps_get(bench.ns, uid, 0, 3000), psa_ps_get_info(bench.ns, uid)
    if status == OK:
        assert after == ((OK, data), (OK, psa_storage_info_t(len(data), len(data), flags)))  # type: ignore[arg-type]
    else:
        assert after == before


@pytest.mark.parametrize(
    "uid, offset, size, answer",
    [
        (1, 0, 100, (OK, DATA)),
        (1, 0, 3000, (OK, DATA)),
        (1, 90, 3000, (OK, DATA[90:])),
        (1, 5, 6, (OK, DATA[5:11])),
        (1, 0, 0, (OK, b"")),
        (1, 100, 5, (OK, b"")),
        (1, 101, 0, (ARGUMENT, b"")),
        (1, 0xFFFFFFFF, 5, (ARGUMENT, b"")),
        (3, 10, 5, (OK, b"")),
        (3, 11, 5, (ARGUMENT, b"")),
        (0, 0, 5, (ARGUMENT, b"")),
        (9, 0, 5, (ABSENT, b"")),
        (9, 1000, 5, (ABSENT, b"")),
    ],
)
def test_get(bench: PsBench, uid: int, offset: int, size: int, answer: tuple[int, bytes]) -> None:
    """PSA Storage 1.0 psa_ps_get: what there is from the offset on, and nothing behind the object's end."""
    assert psa_ps_get(bench.ns, uid, offset, size) == answer


def test_get_leaves_the_rest_of_the_buffer_alone(bench: PsBench) -> None:
    out = psa_outvec(bytearray(b"\xee" * 8))
    uid, offset = (3).to_bytes(8, "little"), (7).to_bytes(4, "little")
    assert bench.ns.psa_call(TFM_PROTECTED_STORAGE_SERVICE_HANDLE, 1002, [uid, offset], [out]) == OK
    assert (out.base, out.len) == (bytearray(b"es.\xee\xee\xee\xee\xee"), 3)


@pytest.mark.parametrize(
    "uid, answer",
    [
        (1, (OK, psa_storage_info_t(100, 100, 6))),  # type: ignore[arg-type]
        (2, (OK, psa_storage_info_t(4, 4, 1))),  # type: ignore[arg-type]
        (3, (OK, psa_storage_info_t(40, 10, 0))),  # type: ignore[arg-type]
        (0, (ARGUMENT, psa_storage_info_t())),
        (9, (ABSENT, psa_storage_info_t())),
    ],
)
def test_get_info(bench: PsBench, uid: int, answer: tuple[int, psa_storage_info_t]) -> None:
    assert psa_ps_get_info(bench.ns, uid) == answer


def test_an_empty_object_is_once_and_for_all_too(bench: PsBench) -> None:
    """PSA Storage 1.0 psa_ps_set: WRITE_ONCE has nothing to do with the size."""
    assert psa_ps_set(bench.ns, 20, b"", WRITE_ONCE) == OK
    assert psa_ps_set(bench.ns, 20, b"x", 0) == psa_ps_remove(bench.ns, 20) == ONCE
    assert psa_ps_get(bench.ns, 20, 0, 1) == (OK, b"")


@pytest.mark.parametrize("uid, status", [(1, OK), (3, OK), (2, ONCE), (0, ARGUMENT), (9, ABSENT)])
def test_remove(bench: PsBench, uid: int, status: int) -> None:
    assert psa_ps_remove(bench.ns, uid) == status
    still_there = OK if status == ONCE else ABSENT if status == OK else status
    assert psa_ps_get(bench.ns, uid, 0, 1)[0] == still_there
    assert psa_ps_remove(bench.ns, uid) == (ABSENT if status == OK else status)


@pytest.mark.parametrize(
    "uid, capacity, flags, status",
    [
        (9, 0, 0, OK),
        (9, 2048, FLAGS, OK),
        (9, 2049, 0, FULL),
        (9, 0xFFFFFFFF, 0, FULL),
        (0, 4, 0, ARGUMENT),
        (9, 4, WRITE_ONCE, UNSUPPORTED),
        (9, 4, 8, UNSUPPORTED),
        (1, 4, 0, PSA_ERROR_ALREADY_EXISTS),
        (1, 100, FLAGS, PSA_ERROR_ALREADY_EXISTS),
        (2, 4, 0, PSA_ERROR_ALREADY_EXISTS),
        # Arm's suite, test 16: a capacity that cannot be had comes first.
        (1, 4000, 0, FULL),
    ],
)
def test_create(bench: PsBench, uid: int, capacity: int, flags: int, status: int) -> None:
    """PSA Storage 1.0 psa_ps_create."""
    assert psa_ps_create(bench.ns, uid, capacity, flags) == status
    if status == OK:
        assert psa_ps_get_info(bench.ns, uid) == (OK, psa_storage_info_t(capacity, 0, flags))  # type: ignore[arg-type]
        assert psa_ps_get(bench.ns, uid, 0, 9) == (OK, b"")


@pytest.mark.parametrize(
    "uid, offset, data, status, result",
    [
        (3, 0, b"TEN", OK, b"TEN bytes."),
        (3, 10, b" And more.", OK, b"ten bytes. And more."),
        (3, 4, b"letters", OK, b"ten letters"),
        (3, 10, bytes(30), OK, b"ten bytes." + bytes(30)),
        (3, 3, b"", OK, b"ten bytes."),
        (3, 10, b"", OK, b"ten bytes."),
        (3, 11, b"", ARGUMENT, b"ten bytes."),
        (3, 11, b"a gap", ARGUMENT, b"ten bytes."),
        (3, 10, bytes(31), ARGUMENT, b"ten bytes."),
        (3, 0, bytes(41), ARGUMENT, b"ten bytes."),
        (3, 0xFFFFFFFF, b"xx", ARGUMENT, b"ten bytes."),
        (1, 50, bytes(50), OK, DATA[:50] + bytes(50)),
        (1, 50, bytes(51), ARGUMENT, DATA),
        (2, 0, b"ONCE", ONCE, b"once"),
        (2, 0, b"", ONCE, b"once"),
        (0, 0, b"x", ARGUMENT, None),
        (9, 0, b"x", ABSENT, None),
        (9, 0, b"", ABSENT, None),
    ],
)
def test_set_extended(
    bench: PsBench, uid: int, offset: int, data: bytes, status: int, result: bytes | None
) -> None:
    """PSA Storage 1.0 psa_ps_set_extended: no gap, nothing past the capacity, which stays."""
    before = psa_ps_get_info(bench.ns, uid)[1]
    assert psa_ps_set_extended(bench.ns, uid, offset, data) == status
    if result is not None:
        assert psa_ps_get(bench.ns, uid, 0, 200) == (OK, result)
        assert psa_ps_get_info(bench.ns, uid)[1] == psa_storage_info_t(
            before.capacity, len(result), before.flags
        )


def test_optional_calls_by_build() -> None:
    """TF-M psa_ps_get_support is 0, and its library answers the other two by itself."""
    assert psa_ps_get_support(PsBench().boot().ns) == PSA_STORAGE_SUPPORT_SET_EXTENDED
    today = PsBench(PsConfig(quirks=PsQuirks(no_set_extended=True))).boot()
    today.psa.set(1, b"x")
    assert psa_ps_get_support(today.ns) == 0
    assert psa_ps_create(today.ns, 9, 4, 0) == psa_ps_create(today.ns, 0, 4, 8) == UNSUPPORTED
    for uid in (1, 9):
        assert psa_ps_set_extended(today.ns, uid, 0, b"y") == UNSUPPORTED
    assert (today.psa.get(1), psa_ps_get(today.ns, 9, 0, 1)[0]) == (b"x", ABSENT)


def test_too_large_today() -> None:
    """TF-M ps_object_create."""
    today = PsBench(PsConfig(quirks=PsQuirks(too_large_is_invalid_argument=True))).boot()
    assert psa_ps_set(today.ns, 1, bytes(2049), 0) == ARGUMENT


class Call(NamedTuple):
    type: int
    inputs: list[bytes]
    rooms: list[int]
    status: int


UID, FOUR = (1).to_bytes(8, "little"), bytes(4)


@pytest.mark.parametrize(
    "call",
    [
        Call(1001, [UID, b"data", FOUR], [], OK),
        Call(1001, [UID[:7], b"data", FOUR], [], PE),
        Call(1001, [UID, b"data", FOUR[:3]], [], PE),
        Call(1001, [UID, b"data"], [], PE),
        Call(1001, [], [], PE),
        Call(1002, [UID, FOUR], [8], OK),
        Call(1002, [UID, FOUR], [], OK),
        Call(1002, [UID], [8], PE),
        Call(1002, [UID + b"x", FOUR], [8], PE),
        Call(1002, [UID, FOUR + b"x"], [8], PE),
        Call(1003, [UID], [12], OK),
        Call(1003, [UID], [11], PE),
        Call(1003, [UID], [24], PE),
        Call(1003, [UID], [], PE),
        Call(1003, [UID[:4]], [12], PE),
        Call(1004, [UID], [], OK),
        Call(1004, [UID[:4]], [], PE),
        Call(1004, [], [], PE),
        Call(1005, [], [4], OK),
        Call(1005, [], [8], PE),
        Call(1005, [], [], PE),
        Call(1006, [UID[:4], FOUR, FOUR], [], PE),
        Call(1006, [UID, FOUR], [], PE),
        Call(1007, [UID, FOUR, b"data"], [], OK),
        Call(1007, [UID], [], PE),
        # TF-M tfm_protected_storage_service_sfn: any other type.
        Call(1000, [UID], [], PE),
        Call(1008, [UID], [], PE),
        Call(0, [], [], PE),
    ],
    ids=str,
)
def test_vectors_of_each_call(call: Call) -> None:
    bench = PsBench().boot()
    bench.psa.set(1, DATA)
    rooms = [psa_outvec(bytearray(size)) for size in call.rooms]
    status = bench.ns.psa_call(TFM_PROTECTED_STORAGE_SERVICE_HANDLE, call.type, call.inputs, rooms)
    assert status == call.status


@settings(max_examples=60, deadline=None)
@given(
    type_=st.integers(1000, 1009),
    inputs=st.lists(st.binary(max_size=20) | st.sampled_from([UID, FOUR]), max_size=3),
    room=st.none() | st.integers(0, 20),
)
def test_any_vectors_get_an_answer(type_: int, inputs: list[bytes], room: int | None) -> None:
    out = [] if room is None else [psa_outvec(bytearray(room))]
    ns = SHARED.ns
    status = ns.psa_call(TFM_PROTECTED_STORAGE_SERVICE_HANDLE, type_, inputs, out)
    assert status in {OK, PE, ABSENT, ARGUMENT, UNSUPPORTED, FULL, ONCE, PSA_ERROR_ALREADY_EXISTS}


SHARED = PsBench().boot()


def test_clients_have_objects_of_their_own(bench: PsBench) -> None:
    """One uid, two clients: neither sees, changes or removes the other's."""
    other = ProtectedStorage(bench.ns2)
    for uid in (1, 2, 3):
        assert psa_ps_get(bench.ns2, uid, 0, 9)[0] == ABSENT
        assert psa_ps_get_info(bench.ns2, uid)[0] == ABSENT
        assert psa_ps_remove(bench.ns2, uid) == ABSENT
        assert psa_ps_set_extended(bench.ns2, uid, 0, b"x") == ABSENT
    other.set(1, b"the other's")
    other.create(2, 9)
    assert bench.psa.get(1) == DATA
    assert bench.psa.get_info(2).flags == WRITE_ONCE
    bench.psa.remove(1)
    assert other.get(1) == b"the other's"
    bench.boot()
    assert ProtectedStorage(bench.ns2).get(1) == b"the other's"
    assert psa_ps_get(bench.ns, 1, 0, 9)[0] == ABSENT


def test_partitions_are_clients_too(bench: PsBench) -> None:
    """A partition that depends on the service; PS's own files are not reachable as objects."""
    partition = bench.kernel.partitions_by_id[260]
    partition.dependencies |= {bench.kernel.services_by_sid[0x60]}
    client = bench.as_partition(260)
    assert psa_ps_get(client, 1, 0, 9)[0] == ABSENT
    assert psa_ps_set(client, 1, b"platform's", 0) == OK
    assert psa_ps_get(client, 1, 0, 99) == (OK, b"platform's")
    assert bench.psa.get(1) == DATA


def test_as_many_objects_as_the_build_has() -> None:
    """PS_NUM_ASSETS; with all of them each can still be replaced (TF-M ps_table_free_idx)."""
    bench = PsBench(PsConfig(num_assets=4)).boot()
    for uid in range(1, 5):
        bench.psa.set(uid, b"x")
    for client in (bench.ns, bench.ns2):
        assert psa_ps_set(client, 5, b"x", 0) == psa_ps_create(client, 5, 4, 0) == FULL
    for uid in range(1, 5):
        bench.psa.set(uid, b"replaced")
    bench.psa.remove(2)
    bench.psa.set(5, b"x")
    assert psa_ps_set(bench.ns, 2, b"x", 0) == FULL


def test_all_lasts(bench: PsBench) -> None:
    for _ in range(3):
        bench.boot()
        assert bench.psa.get(1) == DATA
        assert bench.psa.get_info(2).flags == WRITE_ONCE
        assert psa_ps_set(bench.ns, 2, b"x", 0) == ONCE
        assert bench.psa.get_info(3) == psa_storage_info_t(40, 10, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["set", "remove"])
def test_what_its_refuses_changes_nothing(call: str) -> None:
    """The client gets ITS's status; an object is as it was, and later calls work."""
    bench = PsBench().boot()
    bench.psa.set(1, b"old")
    bench.files.fail[call] = PSA_ERROR_STORAGE_FAILURE
    assert psa_ps_set(bench.ns, 1, b"new", 0) == PSA_ERROR_STORAGE_FAILURE
    assert psa_ps_remove(bench.ns, 1) == PSA_ERROR_STORAGE_FAILURE
    bench.files.fail.clear()
    found = psa_ps_get(bench.ns, 1, 0, 9)
    assert found == ((OK, b"old") if call == "set" else (ABSENT, b""))
    bench.psa.set(1, b"newer")
    bench.boot()
    assert bench.psa.get(1) == b"newer"


def test_counters_at_their_end() -> None:
    """TF-M ps_increment_nv_counter: the table that the counters left behind counts no more, and at their end
    nothing vouches for a new one: what there is stays, and is readable."""
    bench = PsBench().boot()
    bench.psa.set(1, b"old")
    for counter in (NvCounter.PS_0, NvCounter.PS_1, NvCounter.PS_2):
        bench.counters.set(counter, 2**32 - 3)
    bench.boot()
    assert psa_ps_get(bench.ns, 1, 0, 9)[0] == ABSENT
    bench.psa.set(1, b"the last")
    assert psa_ps_set(bench.ns, 1, b"new", 0) == PSA_ERROR_GENERIC_ERROR
    assert psa_ps_remove(bench.ns, 1) == PSA_ERROR_GENERIC_ERROR
    bench.boot()
    assert bench.psa.get(1) == b"the last"


def test_keys_change_with_their_use() -> None:
    """PS_AES_KEY_USAGE_LIMIT: each read and write counts; the generation shows in the file."""
    config = PsConfig(max_asset_size=512, aes_key_usage_limit=68)
    bench = PsBench(config).boot()
    bench.psa.set(1, bytes(500))
    generations = []
    for _ in range(4):
        assert bench.psa.get(1, size=512) == bytes(500)
        (file,) = (data for fid, data in bench.files.ps.items() if fid > 2)
        generations.append(int.from_bytes(file[12:16], "little"))
    assert generations == [2, 3, 4, 5]
    bench.psa.remove(1)
    bench.boot()
    bench.psa.set(1, b"")
    (file,) = (data for fid, data in bench.files.ps.items() if fid > 2)
    assert int.from_bytes(file[12:16], "little") == 6


def test_a_key_serves_up_to_its_limit() -> None:
    """TF-M ps_switch_keys_if_necessary: three uses of 34 blocks, the write among them, fit 102."""
    bench = PsBench(PsConfig(max_asset_size=512, aes_key_usage_limit=102)).boot()
    bench.psa.set(1, bytes(500))
    generations = []
    for _ in range(4):
        bench.psa.get(1, size=512)
        (file,) = (data for fid, data in bench.files.ps.items() if fid > 2)
        generations.append(int.from_bytes(file[12:16], "little"))
    assert generations == [0, 1, 1, 2]


@pytest.mark.parametrize(
    "options, legal",
    [
        ({"max_asset_size": 0}, "legal: 1 and up"),
        ({"num_assets": 0}, "legal: 1 to 255"),
        ({"aead_alg": PSA_ALG_CBC_NO_PADDING}, "legal: PSA_ALG_GCM"),
        ({"encryption": False}, "legal: both or neither"),
        ({"rollback_protection": False}, "legal: both or neither"),
        ({"max_asset_size": 399}, "legal: an object as large as the object table, 400 bytes"),
        ({"aes_key_usage_limit": 259}, "legal: 0, or 260 to"),
        ({"aes_key_usage_limit": 2**32 - 1}, "legal: 0, or 260 to"),
        ({"aes_key_usage_limit": 300, "encryption": False, "rollback_protection": False}, "legal: 0"),
    ],
)
def test_options_that_no_build_has(options: dict[str, int], legal: str) -> None:
    with pytest.raises(PsConfigError, match=legal):
        PsConfig(**options)  # type: ignore[arg-type]


def test_the_python_layer_raises() -> None:
    psa = PsBench().boot().psa
    with pytest.raises(PsaError, match="psa_ps_get_info: PSA_ERROR_DOES_NOT_EXIST"):
        psa.get(1)
