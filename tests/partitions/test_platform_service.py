"""The platform service: counters by permission, reset, ioctl (TF-M platform_sp)."""

from dataclasses import dataclass, replace

import pytest
from support.partition_bench import PartitionBench, make_hal, start_partitions
from support.ps_bench import PsBench

import tfm_sim
from tfm_sim import Build, SpmConfig
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.platform import (
    PlatformApi,
    TfmPlatformError,
    tfm_platform_ioctl,
    tfm_platform_nv_counter_increment,
    tfm_platform_nv_counter_read,
    tfm_platform_system_reset,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
)
from tfm_sim.interface.tfm.platform import (
    TFM_PLATFORM_API_ID_IOCTL,
    TFM_PLATFORM_API_ID_NV_INCREMENT,
    TFM_PLATFORM_API_ID_NV_READ,
    TfmPlatformErr,
)
from tfm_sim.interface.tfm.services import TFM_PLATFORM_SERVICE_HANDLE
from tfm_sim.partitions.platform.config import PlatformConfig
from tfm_sim.platform.board import load_board
from tfm_sim.platform.ioctl import IoctlReply, IoctlRequest
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.power import SystemReset
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp

SUCCESS = TfmPlatformErr.TFM_PLATFORM_ERR_SUCCESS
SYSTEM_ERROR = TfmPlatformErr.TFM_PLATFORM_ERR_SYSTEM_ERROR
INVALID_PARAM = TfmPlatformErr.TFM_PLATFORM_ERR_INVALID_PARAM
NOT_SUPPORTED = TfmPlatformErr.TFM_PLATFORM_ERR_NOT_SUPPORTED


@pytest.fixture
def device() -> PartitionBench:
    """A device whose OTP has counters for the non-secure side; AN521's has none."""
    return start_partitions(hal=make_hal(provisioned_otp(DUMMY, OtpLayout(ns_counters=3))))


@pytest.mark.parametrize("counter", [0, 1, 2])
def test_non_secure_counters_count(device: PartitionBench, counter: int) -> None:
    api = PlatformApi(device.ns)
    before = api.nv_counter_read(counter)
    api.nv_counter_increment(counter)
    assert api.nv_counter_read(counter) == before + 1


def test_board_without_counters_for_the_non_secure_side() -> None:
    api = start_partitions().ns
    assert tfm_platform_nv_counter_read(api, 0) == (SYSTEM_ERROR, 0)
    assert tfm_platform_nv_counter_increment(api, 0) == SYSTEM_ERROR


@pytest.mark.parametrize("counter", [3, 8, 2**32 - 1])
def test_non_secure_client_has_three_counters(device: PartitionBench, counter: int) -> None:
    assert tfm_platform_nv_counter_read(device.ns, counter) == (INVALID_PARAM, 0)
    assert tfm_platform_nv_counter_increment(device.ns, counter) == INVALID_PARAM
    with pytest.raises(TfmPlatformError, match="INVALID_PARAM"):
        PlatformApi(device.ns).nv_counter_read(counter)


@pytest.mark.parametrize("counter", range(12))
def test_partition_without_permission(device: PartitionBench, counter: int) -> None:
    """PS counters are for TFM_SP_PS, NS counters for the non-secure side, BL2's for nobody."""
    attestation = device.kernel.partitions_by_id[261]
    attestation.dependencies |= {device.kernel.services_by_sid[0x40]}
    client = device.as_partition(261)
    assert tfm_platform_nv_counter_read(client, counter) == (SYSTEM_ERROR, 0)
    assert tfm_platform_nv_counter_increment(client, counter) == SYSTEM_ERROR


def test_increment_at_the_limit_fails(device: PartitionBench) -> None:
    api = PlatformApi(device.ns)
    limit = 512
    while api.nv_counter_read(1) < limit:
        api.nv_counter_increment(1)
    assert tfm_platform_nv_counter_increment(device.ns, 1) == SYSTEM_ERROR
    assert api.nv_counter_read(1) == limit


@dataclass(frozen=True)
class Call:
    """A message to the service and its answer."""

    type: int
    inputs: list[bytes]
    out_sizes: list[int]
    status: int


ID = bytes(4)


@pytest.mark.parametrize(
    "call",
    [
        Call(1010, [ID], [4], SUCCESS),
        Call(1010, [ID], [2], SYSTEM_ERROR),
        Call(1010, [ID], [5], SYSTEM_ERROR),
        Call(1010, [ID], [], SYSTEM_ERROR),
        Call(1010, [ID[:3]], [4], SYSTEM_ERROR),
        Call(1010, [], [4], SYSTEM_ERROR),
        Call(1010, [ID, ID], [4], SYSTEM_ERROR),
        Call(1010, [ID], [4, 4], SYSTEM_ERROR),
        Call(1011, [ID], [], SUCCESS),
        Call(1011, [ID], [4], SYSTEM_ERROR),
        Call(1011, [ID, ID], [], SYSTEM_ERROR),
        Call(1011, [ID[:3]], [], SYSTEM_ERROR),
        Call(1013, [], [], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [], [4], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [ID, b"x", b"y"], [], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [ID], [1, 1], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [b"", b"x"], [], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [ID + b"rest"], [], NOT_SUPPORTED),
        Call(1013, [ID[:3]], [], PSA_ERROR_PROGRAMMER_ERROR),
        Call(1013, [ID, bytes(64)], [64], NOT_SUPPORTED),
        Call(1013, [ID, bytes(65)], [], PSA_ERROR_BUFFER_TOO_SMALL),
        Call(1013, [ID], [65], PSA_ERROR_PROGRAMMER_ERROR),
        Call(0, [ID], [4], PSA_ERROR_NOT_SUPPORTED),
        Call(1009, [ID], [4], PSA_ERROR_NOT_SUPPORTED),
        Call(1014, [ID], [4], PSA_ERROR_NOT_SUPPORTED),
    ],
    ids=str,
)
def test_vectors_of_each_call(device: PartitionBench, call: Call) -> None:
    out_vec = [psa_outvec(bytearray(size)) for size in call.out_sizes]
    status = device.ns.psa_call(TFM_PLATFORM_SERVICE_HANDLE, call.type, call.inputs, out_vec)
    assert status == call.status


def test_board_without_requests_of_its_own(device: PartitionBench) -> None:
    output = psa_outvec(bytearray(b"\xff" * 8))
    assert tfm_platform_ioctl(device.ns, -1, b"input", output) == NOT_SUPPORTED
    assert (output.base, output.len) == (bytearray(8), 8)


def test_client_library_folds_psa_errors_into_one(device: PartitionBench) -> None:
    assert tfm_platform_ioctl(device.ns, 1, bytes(65)) == SYSTEM_ERROR
    assert tfm_platform_ioctl(device.ns, 1, None, psa_outvec(bytearray(65))) == SYSTEM_ERROR


def the_board(request: IoctlRequest) -> IoctlReply:
    """A board that answers with what it was asked, and refuses request 2."""
    if request.number == 2:
        return IoctlReply(INVALID_PARAM, b"why")
    if request.number == 3:
        return IoctlReply(SUCCESS, bytes(request.output_size + 1))
    asked = f"{request.number} {request.input!r} {request.output_size}".encode()
    return IoctlReply(SUCCESS, asked[: request.output_size])


@pytest.mark.parametrize(
    "number, input_, room, answer",
    [
        (1, None, None, (SUCCESS, b"")),
        (1, None, 40, (SUCCESS, b"1 b'' 40")),
        (-5, b"in", 40, (SUCCESS, b"-5 b'in' 40")),
        # TF-M platform_sp_ioctl_psa_api: an input of no bytes is no input.
        (1, b"", 40, (SUCCESS, b"1 b'' 40")),
        # TF-M platform_sp_ioctl_psa_api: the output goes back whatever the board answered.
        (2, b"x", 40, (INVALID_PARAM, b"why")),
        (3, None, 4, (SYSTEM_ERROR, b"")),
        (3, None, None, (SYSTEM_ERROR, b"")),
    ],
)
def test_board_with_requests_of_its_own(
    number: int, input_: bytes | None, room: int | None, answer: tuple[int, bytes]
) -> None:
    client = start_partitions(hal=make_hal(provisioned_otp(DUMMY), ioctl=the_board)).ns
    output = None if room is None else psa_outvec(bytearray(room))
    assert tfm_platform_ioctl(client, number, input_, output) == answer[0]
    assert (b"" if output is None else bytes(output.base)[: output.len]) == answer[1]


def test_a_board_brings_its_requests_to_a_device() -> None:
    board = replace(load_board("an521"), ioctl=the_board)
    with tfm_sim.boot(board, build=Build(spm=SpmConfig(isolation_level=3))) as device:
        output = psa_outvec(bytearray(20))
        assert tfm_platform_ioctl(device.ns, 7, b"level 3", output) == SUCCESS
        assert bytes(output.base)[: output.len] == b"7 b'level 3' 20"


@pytest.mark.parametrize("size, status", [(8, NOT_SUPPORTED), (9, PSA_ERROR_BUFFER_TOO_SMALL)])
def test_buffers_of_another_build(size: int, status: int) -> None:
    client = start_partitions(platform=PlatformConfig(input_buffer_size=8)).ns
    request = [bytes(4), bytes(size)]
    assert client.psa_call(TFM_PLATFORM_SERVICE_HANDLE, TFM_PLATFORM_API_ID_IOCTL, request) == status


@pytest.mark.parametrize("type_", [TFM_PLATFORM_API_ID_NV_READ, TFM_PLATFORM_API_ID_NV_INCREMENT])
def test_build_without_counters(type_: int) -> None:
    """TF-M PLATFORM_NV_COUNTER_MODULE_DISABLED."""
    client = start_partitions(platform=PlatformConfig(nv_counter_module=False)).ns
    assert client.psa_call(TFM_PLATFORM_SERVICE_HANDLE, type_, [bytes(4)]) == PSA_ERROR_NOT_SUPPORTED


@pytest.mark.parametrize("counter", range(12))
def test_permissions_of_protected_storage(counter: int) -> None:
    """TF-M tfm_plat_nv_counter_permissions_check: the PS counters, and no others."""
    bench = PsBench().boot()
    client = bench.as_ps()
    wanted = SUCCESS if counter <= 2 else SYSTEM_ERROR
    assert tfm_platform_nv_counter_read(client, counter)[0] == wanted
    assert tfm_platform_nv_counter_increment(client, counter) == wanted


def test_a_counter_of_protected_storage_at_its_maximum() -> None:
    """TF-M tfm_plat_increment_nv_counter: at UINT32_MAX it stays."""
    bench = PsBench().boot()
    client = bench.as_ps()
    bench.counters.set(NvCounter.PS_1, 2**32 - 2)
    assert tfm_platform_nv_counter_increment(client, 1) == SUCCESS
    assert tfm_platform_nv_counter_increment(client, 1) == SYSTEM_ERROR
    assert tfm_platform_nv_counter_read(client, 1) == (SUCCESS, 2**32 - 1)


def test_system_reset_takes_the_device_down(device: PartitionBench) -> None:
    with pytest.raises(SystemReset):
        tfm_platform_system_reset(device.ns)
    with pytest.raises(SystemReset):
        tfm_platform_nv_counter_read(device.ns, 0)
