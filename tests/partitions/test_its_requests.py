"""Internal trusted storage through psa_call: PSA Storage 1.0, and TF-M's service where it leaves a choice."""

from typing import Any

import pytest
from support.partition_bench import PartitionBench, make_hal, start_partitions

from tfm_sim.interface.psa.client import InVec, psa_outvec
from tfm_sim.interface.psa.internal_trusted_storage import (
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INSUFFICIENT_STORAGE,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.psa.storage_common import (
    PSA_STORAGE_FLAG_NO_CONFIDENTIALITY,
    PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION,
    PSA_STORAGE_FLAG_NONE,
    PSA_STORAGE_FLAG_WRITE_ONCE,
    PsaStorageFlag,
    psa_storage_info_t,
)
from tfm_sim.interface.tfm.services import TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE as HANDLE
from tfm_sim.interface.tfm.storage import TFM_ITS_GET, TFM_ITS_GET_INFO, TFM_ITS_REMOVE, TFM_ITS_SET
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.internal_trusted_storage.config import ItsBuild, ItsConfig, ItsQuirks, PsFiles
from tfm_sim.platform.flash import Flash, FlashArea
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp

UID = (5).to_bytes(8, "little")
ZERO = bytes(8)
FLAGS = bytes(4)
SOME = PSA_STORAGE_FLAG_NO_CONFIDENTIALITY | PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions()


NO_SEED = CryptoConfig(nv_seed=False)
"""Else the crypto partition keeps an asset of its own."""


def with_config(config: ItsConfig, ps: PsFiles | None = None) -> PartitionBench:
    return start_partitions(its=ItsBuild(config, ps), crypto=NO_SEED)


@pytest.mark.parametrize("uid", [1, 0x80, 1 << 32, (1 << 64) - 1])
@pytest.mark.parametrize("size", [0, 1, 255, 512])
def test_what_is_set_is_got(device: PartitionBench, uid: int, size: int) -> None:
    """PSA Storage 1.0 psa_its_set, psa_its_get: any uid but 0, zero bytes up to the most there may be."""
    data = bytes(i & 0xFF for i in range(size))
    assert psa_its_set(device.ns, uid, data, SOME) == PSA_SUCCESS
    assert psa_its_get(device.ns, uid, 0, size) == (PSA_SUCCESS, data)
    assert psa_its_get_info(device.ns, uid) == (PSA_SUCCESS, psa_storage_info_t(size, size, SOME))
    assert psa_its_remove(device.ns, uid) == PSA_SUCCESS
    assert psa_its_get(device.ns, uid, 0, size) == (PSA_ERROR_DOES_NOT_EXIST, b"")


@pytest.mark.parametrize("new", [b"", b"short", b"the same size", b"x" * 512])
def test_a_set_replaces_data_size_and_flags(device: PartitionBench, new: bytes) -> None:
    psa_its_set(device.ns, 5, b"of thirteen b", PSA_STORAGE_FLAG_NO_CONFIDENTIALITY)
    assert psa_its_set(device.ns, 5, new, PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION) == PSA_SUCCESS
    assert psa_its_get(device.ns, 5, 0, 600) == (PSA_SUCCESS, new)
    flags = PSA_STORAGE_FLAG_NO_REPLAY_PROTECTION
    assert psa_its_get_info(device.ns, 5)[1] == psa_storage_info_t(len(new), len(new), flags)


@pytest.mark.parametrize(
    "offset, room, answer",
    [
        (0, 10, (PSA_SUCCESS, b"0123456789")),
        (0, 4, (PSA_SUCCESS, b"0123")),
        (3, 4, (PSA_SUCCESS, b"3456")),
        (7, 100, (PSA_SUCCESS, b"789")),
        (10, 1, (PSA_SUCCESS, b"")),
        (10, 0, (PSA_SUCCESS, b"")),
        (0, 0, (PSA_SUCCESS, b"")),
        (11, 0, (PSA_ERROR_INVALID_ARGUMENT, b"")),
        (11, 1, (PSA_ERROR_INVALID_ARGUMENT, b"")),
        (0xFFFFFFFF, 1, (PSA_ERROR_INVALID_ARGUMENT, b"")),
    ],
)
def test_get_within_an_asset(
    device: PartitionBench, offset: int, room: int, answer: tuple[int, bytes]
) -> None:
    """PSA Storage 1.0 psa_its_get: what there is from the offset on, and no offset behind the end."""
    psa_its_set(device.ns, 5, b"0123456789", 0)
    assert psa_its_get(device.ns, 5, offset, room) == answer


def test_bytes_behind_what_was_got_stay_as_they_were(device: PartitionBench) -> None:
    psa_its_set(device.ns, 5, b"abc", 0)
    buffer = bytearray(b"........")
    out = psa_outvec(buffer)
    assert device.ns.psa_call(HANDLE, TFM_ITS_GET, [UID, bytes(4)], [out]) == PSA_SUCCESS
    assert (bytes(buffer), out.len) == (b"abc.....", 3)
    out = psa_outvec(buffer)
    assert device.ns.psa_call(HANDLE, TFM_ITS_GET, [UID, b"\4\0\0\0"], [out]) == PSA_ERROR_INVALID_ARGUMENT
    assert (bytes(buffer), out.len) == (b"abc.....", 0)


def test_uid_0(device: PartitionBench) -> None:
    """PSA Storage 1.0: uid 0 is invalid for each call, before flags count."""
    assert psa_its_set(device.ns, 0, b"x", 0) == PSA_ERROR_INVALID_ARGUMENT
    assert psa_its_set(device.ns, 0, b"x", 0x80) == PSA_ERROR_INVALID_ARGUMENT
    assert psa_its_get(device.ns, 0, 0, 1) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert psa_its_get_info(device.ns, 0)[0] == PSA_ERROR_INVALID_ARGUMENT
    assert psa_its_remove(device.ns, 0) == PSA_ERROR_INVALID_ARGUMENT


@pytest.mark.parametrize("flags", [8, 9, 1 << 16, 1 << 24, 1 << 31, 0xFFFFFFFF])
def test_flags_that_are_not_supported(device: PartitionBench, flags: int) -> None:
    """PSA Storage 1.0 psa_its_set: NOT_SUPPORTED, and nothing is made; before WRITE_ONCE and size count."""
    assert psa_its_set(device.ns, 5, b"x" * 600, flags) == PSA_ERROR_NOT_SUPPORTED
    assert psa_its_get_info(device.ns, 5)[0] == PSA_ERROR_DOES_NOT_EXIST
    psa_its_set(device.ns, 5, b"x", PSA_STORAGE_FLAG_WRITE_ONCE)
    assert psa_its_set(device.ns, 5, b"x", flags) == PSA_ERROR_NOT_SUPPORTED


def test_write_once_is_for_ever(device: PartitionBench) -> None:
    """PSA Storage 1.0: neither set nor remove, whatever data, size and flags."""
    assert psa_its_set(device.ns, 5, b"kept", PSA_STORAGE_FLAG_WRITE_ONCE) == PSA_SUCCESS
    for data in (b"kept", b"other", b"", b"x" * 600):
        for flags in (PSA_STORAGE_FLAG_WRITE_ONCE, PSA_STORAGE_FLAG_NONE):
            assert psa_its_set(device.ns, 5, data, flags) == PSA_ERROR_NOT_PERMITTED
    assert psa_its_remove(device.ns, 5) == PSA_ERROR_NOT_PERMITTED
    assert psa_its_get(device.ns, 5, 0, 9) == (PSA_SUCCESS, b"kept")
    assert psa_its_get_info(device.ns, 5)[1].flags == PSA_STORAGE_FLAG_WRITE_ONCE


def test_an_asset_can_become_write_once(device: PartitionBench) -> None:
    psa_its_set(device.ns, 5, b"kept", 0)
    assert psa_its_set(device.ns, 5, b"kept", PSA_STORAGE_FLAG_WRITE_ONCE) == PSA_SUCCESS
    assert psa_its_remove(device.ns, 5) == PSA_ERROR_NOT_PERMITTED


def test_what_does_not_exist(device: PartitionBench) -> None:
    assert psa_its_get(device.ns, 5, 0, 1) == (PSA_ERROR_DOES_NOT_EXIST, b"")
    assert psa_its_get_info(device.ns, 5) == (PSA_ERROR_DOES_NOT_EXIST, psa_storage_info_t())
    assert psa_its_remove(device.ns, 5) == PSA_ERROR_DOES_NOT_EXIST


def test_as_many_assets_as_the_build_has() -> None:
    """TF-M ITS_NUM_ASSETS: 10, each of which can still be replaced by one of another size."""
    device = with_config(ItsConfig())
    for uid in range(1, 11):
        assert psa_its_set(device.ns, uid, bytes(512), 0) == PSA_SUCCESS
    assert psa_its_set(device.ns, 11, b"", 0) == PSA_ERROR_INSUFFICIENT_STORAGE
    for uid in range(1, 11):
        assert psa_its_set(device.ns, uid, bytes([uid]) * 20, 0) == PSA_SUCCESS
    assert psa_its_set(device.ns2, 1, b"", 0) == PSA_ERROR_INSUFFICIENT_STORAGE
    assert psa_its_remove(device.ns, 3) == PSA_SUCCESS
    assert psa_its_set(device.ns2, 1, b"", 0) == PSA_SUCCESS
    left = [uid for uid in range(1, 11) if psa_its_get(device.ns, uid, 0, 9) == (0, bytes([uid]) * 9)]
    assert left == [1, 2, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("size", [513, 4096, 20000])
def test_more_than_an_asset_may_have(device: PartitionBench, size: int, exists: bool) -> None:
    """PSA Storage 1.0 psa_its_set: INSUFFICIENT_STORAGE; what was there stays, and the next set works."""
    if exists:
        psa_its_set(device.ns, 5, b"old", 0)
    assert psa_its_set(device.ns, 5, bytes(size), 0) == PSA_ERROR_INSUFFICIENT_STORAGE
    assert psa_its_get(device.ns, 5, 0, 9) == ((0, b"old") if exists else (PSA_ERROR_DOES_NOT_EXIST, b""))
    assert psa_its_set(device.ns, 5, b"newer", 0) == PSA_SUCCESS


def test_tfm_answers_invalid_argument_to_a_large_asset() -> None:
    device = with_config(ItsConfig(quirks=ItsQuirks(too_large_is_invalid_argument=True)))
    assert psa_its_set(device.ns, 5, bytes(513), 0) == PSA_ERROR_INVALID_ARGUMENT
    psa_its_set(device.ns, 5, b"old", 0)
    assert psa_its_set(device.ns, 5, bytes(513), 0) == PSA_ERROR_INVALID_ARGUMENT
    assert psa_its_set(device.ns, 5, b"newer", 0) == PSA_SUCCESS


def test_tfm_is_stuck_after_a_replacement_that_it_refuses() -> None:
    """The mark in the scratch block: what cannot be programmed over it fails until the next boot."""
    quirks = ItsQuirks(too_large_is_invalid_argument=True, refused_set_soils_scratch=True)
    device = with_config(ItsConfig(quirks=quirks))
    psa_its_set(device.ns, 5, b"old", 0)
    assert psa_its_set(device.ns, 5, bytes(513), 0) == PSA_ERROR_INVALID_ARGUMENT
    assert psa_its_set(device.ns, 5, b"new", PSA_STORAGE_FLAG_NO_CONFIDENTIALITY) == PSA_ERROR_GENERIC_ERROR
    assert psa_its_get(device.ns, 5, 0, 9) == (PSA_SUCCESS, b"old")


MALFORMED: list[tuple[str, int, list[InVec], list[int]]] = [
    ("set: a short uid", TFM_ITS_SET, [UID[:7], b"x", FLAGS], []),
    ("set: a long uid", TFM_ITS_SET, [UID + b"\0", b"x", FLAGS], []),
    ("set: no uid", TFM_ITS_SET, [], []),
    ("set: no flags", TFM_ITS_SET, [UID, b"x"], []),
    ("set: short flags", TFM_ITS_SET, [UID, b"x", FLAGS[:3]], []),
    ("set: long flags", TFM_ITS_SET, [UID, b"x", FLAGS + b"\0"], []),
    ("set: a short uid, and it is 0", TFM_ITS_SET, [ZERO[:7], b"x", FLAGS], []),
    ("get: a short uid", TFM_ITS_GET, [UID[:7], bytes(4)], [8]),
    ("get: no offset", TFM_ITS_GET, [UID], [8]),
    ("get: an offset of 8 bytes", TFM_ITS_GET, [UID, bytes(8)], [8]),
    ("get_info: a short uid", TFM_ITS_GET_INFO, [UID[:4]], [12]),
    ("get_info: no room", TFM_ITS_GET_INFO, [UID], []),
    ("get_info: too little room", TFM_ITS_GET_INFO, [UID], [11]),
    ("get_info: the sizes of a 64-bit client", TFM_ITS_GET_INFO, [UID], [24]),
    ("remove: a long uid", TFM_ITS_REMOVE, [UID + UID], []),
    ("remove: no uid", TFM_ITS_REMOVE, [], []),
]


@pytest.mark.parametrize("type_, inputs, rooms", [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_malformed_vectors(device: PartitionBench, type_: int, inputs: list[InVec], rooms: list[int]) -> None:
    """TF-M tfm_its_req_mngr.c: PROGRAMMER_ERROR for sizes that are not those of the arguments."""
    psa_its_set(device.ns, 5, b"old", 0)
    outputs = [psa_outvec(bytearray(room)) for room in rooms]
    assert device.ns.psa_call(HANDLE, type_, inputs, outputs) == PSA_ERROR_PROGRAMMER_ERROR
    assert psa_its_get(device.ns, 5, 0, 9) == (PSA_SUCCESS, b"old")


@pytest.mark.parametrize("type_", [0, 1, 1000, 1005, 1006, 32767])
def test_types_that_the_service_has_not(device: PartitionBench, type_: int) -> None:
    assert device.ns.psa_call(HANDLE, type_, [UID, b"x", FLAGS]) == PSA_ERROR_NOT_SUPPORTED


def test_one_client_never_reaches_anothers_assets(device: PartitionBench) -> None:
    """PSA Storage 1.0, 4.1: the uid is the caller's own, whatever other clients use."""
    crypto = device.as_partition(259)
    clients = {"ns": device.ns, "ns2": device.ns2, "crypto": crypto}
    for name, client in clients.items():
        assert psa_its_set(client, 5, name.encode(), 0) == PSA_SUCCESS
    for name, client in clients.items():
        assert psa_its_get(client, 5, 0, 9) == (PSA_SUCCESS, name.encode())
    psa_its_set(device.ns, 6, b"mine", PSA_STORAGE_FLAG_WRITE_ONCE)
    assert psa_its_get_info(device.ns2, 6)[0] == PSA_ERROR_DOES_NOT_EXIST
    assert psa_its_set(device.ns2, 6, b"another", 0) == PSA_SUCCESS
    assert psa_its_remove(device.ns2, 6) == PSA_SUCCESS
    assert psa_its_remove(device.ns2, 5) == PSA_SUCCESS
    assert psa_its_get(device.ns, 5, 0, 9) == (PSA_SUCCESS, b"ns")


def test_the_objects_of_protected_storage_have_an_area_of_their_own() -> None:
    """TF-M get_fs_ctx: client TFM_SP_PS, other limits, nothing in the area of the others."""
    hal_areas = {
        name: FlashArea(number, name, Flash(name, size, 0x1000, 1), 0, size)
        for name, number, size in (("its", 7, 0x4000), ("ps", 6, 0x5000))
    }
    hal = make_hal(provisioned_otp(DUMMY), its_area=hal_areas["its"], ps_area=hal_areas["ps"])
    device = start_partitions(hal=hal, its=ItsBuild(ItsConfig(), PsFiles(2100, 13)))
    # The bench has no partition TFM_SP_PS: the service is asked with its client id.
    program: Any = next(p for p in device.kernel.partitions if p.manifest.name == "TFM_SP_ITS").program
    service = program._service
    before = bytes(hal_areas["its"].flash.cells)
    service.set(256, 5, 2100, 0, lambda size: b"o" * size)
    assert bytes(hal_areas["its"].flash.cells) == before
    assert bytes(hal_areas["ps"].flash.cells).count(b"o") >= 2100
    assert service.get(256, 5, 2090, 100) == b"o" * 10
    assert psa_its_get_info(device.ns, 5)[0] == PSA_ERROR_DOES_NOT_EXIST
    for uid in range(1, 13):
        service.set(256, uid, 1, 0, bytes)


def test_sizes_of_the_build() -> None:
    device = with_config(ItsConfig(max_asset_size=100, num_assets=2))
    assert psa_its_set(device.ns, 1, bytes(101), 0) == PSA_ERROR_INSUFFICIENT_STORAGE
    assert [psa_its_set(device.ns, uid, bytes(100), 0) for uid in (1, 2, 3)] == [0, 0, -142]


def test_unnamed_flag_bits_survive_their_enumeration() -> None:
    assert int(PsaStorageFlag(0x80000001)) == 0x80000001
