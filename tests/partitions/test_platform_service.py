"""The platform service: counters by permission, reset, ioctl (crypto_storage.md 7; TF-M platform_sp)."""

from dataclasses import dataclass

import pytest
from support.partition_bench import PartitionBench, make_hal, start_partitions

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
from tfm_sim.interface.tfm.platform import TfmPlatformErr
from tfm_sim.interface.tfm.services import TFM_PLATFORM_SERVICE_HANDLE
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
        Call(1010, [ID], [2], SUCCESS),
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
        Call(1013, [], [], SYSTEM_ERROR),
        Call(1013, [ID, b"x", b"y"], [], SYSTEM_ERROR),
        Call(1013, [ID], [1, 1], SYSTEM_ERROR),
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


def test_system_reset_takes_the_device_down(device: PartitionBench) -> None:
    with pytest.raises(SystemReset):
        tfm_platform_system_reset(device.ns)
    with pytest.raises(SystemReset):
        tfm_platform_nv_counter_read(device.ns, 0)
