"""The measured boot partition: every rule of its calls, one line a case."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.measured_boot import SHA256, SHA384, SHA512, SIGNER, VALUE, VECTOR, Extend, extend, read
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
    PsaError,
)
from tfm_sim.interface.tfm.measured_boot import (
    EXTEND_SIZE,
    READ_IN_SIZE,
    READ_OUT_SIZE,
    TFM_MEASURED_BOOT_EXTEND,
    TFM_MEASURED_BOOT_READ,
    MeasuredBoot,
    Measurement,
    tfm_measured_boot_extend_measurement,
    tfm_measured_boot_read_measurement,
)
from tfm_sim.interface.tfm.services import TFM_MEASURED_BOOT_HANDLE
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig, MeasurementHash
from tfm_sim.partitions.measured_boot.slots import Sizes, Slots
from tfm_sim.spm.panic import DevicePanic


@pytest.fixture(scope="module")
def shared() -> PartitionBench:
    """For calls that change nothing."""
    device = start_partitions(measured_boot=MeasuredBootConfig())
    assert extend(device, Extend()) == PSA_SUCCESS
    return device


@pytest.fixture
def device() -> PartitionBench:
    return start_partitions(measured_boot=MeasuredBootConfig())


# ---- extend


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, PSA_SUCCESS),
        ({"index": 0}, PSA_SUCCESS),
        ({"index": 31}, PSA_SUCCESS),
        ({"index": 32}, PSA_ERROR_INVALID_ARGUMENT),
        ({"index": 255}, PSA_ERROR_INVALID_ARGUMENT),
        ({"signer_id": bytes(31)}, PSA_ERROR_INVALID_ARGUMENT),
        ({"signer_id": bytes(64)}, PSA_SUCCESS),
        ({"signer_id": bytes(65)}, PSA_ERROR_INVALID_ARGUMENT),
        ({"signer_id": b""}, PSA_ERROR_INVALID_ARGUMENT),
        ({"version": b""}, PSA_SUCCESS),
        ({"version": b"v" * 14}, PSA_SUCCESS),
        ({"version": b"v" * 15}, PSA_ERROR_INVALID_ARGUMENT),
        ({"version": b"v" * 14 + b"\0"}, PSA_ERROR_INVALID_ARGUMENT),  # the size counts before the NUL goes
        ({"sw_type": b""}, PSA_SUCCESS),
        ({"sw_type": b"t" * 32}, PSA_SUCCESS),
        ({"sw_type": b"t" * 33}, PSA_ERROR_INVALID_ARGUMENT),
        ({"value": bytes(31)}, PSA_ERROR_INVALID_ARGUMENT),
        ({"value": bytes(48)}, PSA_SUCCESS),
        ({"value": bytes(64)}, PSA_SUCCESS),
        ({"value": bytes(65)}, PSA_ERROR_INVALID_ARGUMENT),
        ({"value": b""}, PSA_ERROR_INVALID_ARGUMENT),
        ({"algo": SHA512}, PSA_SUCCESS),  # metadata: nobody looks at it here
        ({"algo": 0}, PSA_SUCCESS),
    ],
)
def test_first_extend(changes: dict[str, Any], status: int, device: PartitionBench) -> None:
    call = Extend(**changes)
    assert extend(device, call) == status
    found = read(device, call.index)
    if status != PSA_SUCCESS:
        assert found is None
        return
    assert found == Measurement(
        call.signer_id,
        call.version,
        call.algo,
        call.sw_type,
        hashlib.sha256(bytes(32) + call.value).digest(),
        is_locked=False,
    )


@pytest.mark.parametrize(
    ("lock", "changes", "status"),
    [
        (False, {}, PSA_SUCCESS),
        (False, {"lock": True}, PSA_SUCCESS),
        (False, {"version": b"9", "sw_type": b"OTHER"}, PSA_SUCCESS),
        (False, {"algo": SHA384}, PSA_ERROR_NOT_PERMITTED),
        (False, {"signer_id": b"\x5b" * 32}, PSA_ERROR_NOT_PERMITTED),
        (False, {"signer_id": SIGNER[:31] + b"\0"}, PSA_ERROR_NOT_PERMITTED),
        (False, {"signer_id": SIGNER + bytes(16)}, PSA_SUCCESS),  # only the stored length is compared
        (False, {"signer_id": SIGNER + b"more" * 4}, PSA_SUCCESS),
        (False, {"value": bytes(31), "algo": SHA384}, PSA_ERROR_INVALID_ARGUMENT),
        (True, {}, PSA_ERROR_BAD_STATE),
        (True, {"lock": True}, PSA_ERROR_BAD_STATE),
        (True, {"algo": SHA384}, PSA_ERROR_BAD_STATE),  # the lock comes before algorithm and signer
        (True, {"signer_id": b"\x5b" * 32}, PSA_ERROR_BAD_STATE),
        (True, {"value": bytes(31)}, PSA_ERROR_INVALID_ARGUMENT),  # sizes come before the lock
        (True, {"index": 32}, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_second_extend(lock: bool, changes: dict[str, Any], status: int, device: PartitionBench) -> None:
    assert extend(device, Extend(lock=lock)) == PSA_SUCCESS
    first = read(device)
    assert first is not None
    call = Extend(**changes)
    assert extend(device, call) == status
    if status != PSA_SUCCESS:
        assert read(device) == first
        return
    digest = hashlib.sha256(first.measurement_value + call.value).digest()
    blank = replace(first, version=b"", sw_type=b"", measurement_value=digest, is_locked=call.lock)
    assert read(device) == blank


def test_a_longer_signer_id_is_compared_over_its_stored_length(device: PartitionBench) -> None:
    """The offered one counts as filled up with zeros."""
    assert extend(device, Extend(signer_id=SIGNER + bytes(16))) == PSA_SUCCESS
    assert extend(device, Extend(signer_id=SIGNER)) == PSA_SUCCESS
    assert extend(device, Extend(index=3, signer_id=SIGNER * 2)) == PSA_SUCCESS
    assert extend(device, Extend(index=3, signer_id=SIGNER)) == PSA_ERROR_NOT_PERMITTED


def test_the_vector(device: PartitionBench) -> None:
    assert extend(device, Extend()) == PSA_SUCCESS
    found = read(device)
    assert found is not None
    assert found.measurement_value.hex() == VECTOR


def test_a_lock_is_for_good(device: PartitionBench) -> None:
    assert extend(device, Extend(lock=True)) == PSA_SUCCESS
    assert extend(device, Extend(lock=False)) == PSA_ERROR_BAD_STATE
    found = read(device)
    assert found is not None
    assert found.is_locked


def test_slots_are_apart(device: PartitionBench) -> None:
    for index in range(32):
        assert extend(device, Extend(index, value=bytes([index]) * 32)) == PSA_SUCCESS
    for index in range(32):
        found = read(device, index)
        assert found is not None
        assert found.measurement_value == hashlib.sha256(bytes(32) + bytes([index]) * 32).digest()


@pytest.mark.parametrize("text", [b"1.0\0", b"1.0"])
def test_the_client_library_leaves_out_one_nul(text: bytes, device: PartitionBench) -> None:
    assert extend(device, Extend(version=text, sw_type=text)) == PSA_SUCCESS
    found = read(device)
    assert found is not None
    assert (found.version, found.sw_type) == (b"1.0", b"1.0")


@pytest.mark.parametrize("hash_", MeasurementHash)
def test_the_hash_is_the_builds_own(hash_: MeasurementHash) -> None:
    device = start_partitions(measured_boot=MeasuredBootConfig(hash=hash_))
    assert extend(device, Extend(algo=SHA256)) == PSA_SUCCESS
    assert extend(device, Extend(algo=SHA256)) == PSA_SUCCESS
    once = hashlib.new(hash_.value, bytes(hash_.size) + VALUE).digest()
    found = read(device)
    assert found is not None
    assert found.measurement_value == hashlib.new(hash_.value, once + VALUE).digest()
    assert found.measurement_algo == SHA256


@pytest.mark.parametrize(
    ("hash_", "length", "status"),
    [
        (MeasurementHash.SHA256, 32, PSA_SUCCESS),
        (MeasurementHash.SHA256, 33, PSA_ERROR_INVALID_ARGUMENT),
        (MeasurementHash.SHA384, 48, PSA_SUCCESS),
        (MeasurementHash.SHA384, 49, PSA_ERROR_INVALID_ARGUMENT),
        (MeasurementHash.SHA512, 64, PSA_SUCCESS),
        (MeasurementHash.SHA512, 65, PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_a_build_that_takes_no_value_longer_than_its_hash(
    hash_: MeasurementHash, length: int, status: int
) -> None:
    device = start_partitions(measured_boot=MeasuredBootConfig(hash=hash_, longer_values=False))
    assert extend(device, Extend(value=bytes(length))) == status


def test_a_hash_that_fails_leaves_a_populated_slot_without_a_value() -> None:
    slots = Slots(32, lambda data: (PSA_ERROR_NOT_SUPPORTED, b""))
    new = Measurement(SIGNER, b"1", SHA256, b"T", VALUE, is_locked=True)
    assert slots.extend(2, new) == PSA_ERROR_NOT_SUPPORTED
    status, found = slots.read(2, Sizes(64, 14, 32, 64))
    assert status == PSA_SUCCESS
    assert found == replace(new, measurement_value=b"", is_locked=False)


# ---- read


@pytest.mark.parametrize(
    ("index", "room", "status"),
    [
        (2, {}, PSA_SUCCESS),
        (3, {}, PSA_ERROR_DOES_NOT_EXIST),
        (31, {}, PSA_ERROR_DOES_NOT_EXIST),
        (32, {}, PSA_ERROR_INVALID_ARGUMENT),
        (255, {}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"signer_id_size": 32}, PSA_SUCCESS),
        (2, {"signer_id_size": 31}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"signer_id_size": 0}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"signer_id_size": 100}, PSA_SUCCESS),
        (2, {"version_size": 7}, PSA_SUCCESS),
        (2, {"version_size": 6}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"version_size": 255}, PSA_SUCCESS),
        (2, {"version_size": 256}, PSA_ERROR_INVALID_ARGUMENT),  # a size of one byte
        (2, {"sw_type_size": 6}, PSA_SUCCESS),
        (2, {"sw_type_size": 5}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"sw_type_size": 256}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"measurement_value_size": 32}, PSA_SUCCESS),
        (2, {"measurement_value_size": 31}, PSA_ERROR_INVALID_ARGUMENT),
        (2, {"measurement_value_size": 0}, PSA_ERROR_INVALID_ARGUMENT),
        (3, {"signer_id_size": 0}, PSA_ERROR_DOES_NOT_EXIST),  # an empty slot asks for no room
    ],
)
def test_read(index: int, room: dict[str, int], status: int, shared: PartitionBench) -> None:
    answer, found = tfm_measured_boot_read_measurement(shared.ns, index, **room)
    assert answer == status
    assert (found is not None) == (status == PSA_SUCCESS)


def test_every_client_may_read(shared: PartitionBench) -> None:
    attestation = shared.as_partition(261)
    found = [tfm_measured_boot_read_measurement(c, 2)[1] for c in (shared.ns, shared.ns2, attestation)]
    assert found[0] is not None
    assert found[0] == found[1] == found[2]


def test_any_client_may_extend_for_the_same_signer(device: PartitionBench) -> None:
    assert extend(device, Extend()) == PSA_SUCCESS
    attestation = device.as_partition(261)
    args = (2, SIGNER, b"", SHA256, b"", VALUE, False)
    assert tfm_measured_boot_extend_measurement(attestation, *args) == PSA_SUCCESS
    assert tfm_measured_boot_extend_measurement(device.ns2, *args) == PSA_SUCCESS


# ---- requests as they travel

READ_REQUEST = bytes([2, 32, 14])
EXTEND_REQUEST = (
    bytes([3, 0, 0, 0]) + SHA256.to_bytes(4, "little") + b"AP".ljust(32, b"\0") + bytes([2, 0, 0, 0])
)


@pytest.mark.parametrize(
    ("type_", "inputs", "outputs", "status"),
    [
        (1001, [READ_REQUEST], [56, 64, 64], PSA_SUCCESS),
        (1001, [READ_REQUEST[:2]], [56, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [READ_REQUEST + b"\0"], [56, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [], [56, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [READ_REQUEST], [55, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [READ_REQUEST], [57, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [READ_REQUEST], [], PSA_ERROR_PROGRAMMER_ERROR),
        (1001, [b"\x20" + READ_REQUEST[1:]], [55, 64, 64], PSA_ERROR_PROGRAMMER_ERROR),  # sizes first
        (1001, [READ_REQUEST], [56], PSA_ERROR_INVALID_ARGUMENT),
        (1001, [READ_REQUEST], [56, 64], PSA_ERROR_INVALID_ARGUMENT),
        (1002, [EXTEND_REQUEST, SIGNER, b"", VALUE], [], PSA_SUCCESS),
        (1002, [EXTEND_REQUEST[:43], SIGNER, b"", VALUE], [], PSA_ERROR_PROGRAMMER_ERROR),
        (1002, [EXTEND_REQUEST + b"\0", SIGNER, b"", VALUE], [], PSA_ERROR_PROGRAMMER_ERROR),
        (1002, [], [], PSA_ERROR_PROGRAMMER_ERROR),
        (1002, [EXTEND_REQUEST[:43], b"", b"", b""], [], PSA_ERROR_PROGRAMMER_ERROR),
        (1002, [EXTEND_REQUEST], [], PSA_ERROR_INVALID_ARGUMENT),
        (1002, [EXTEND_REQUEST, SIGNER, bytes(15), VALUE], [], PSA_ERROR_INVALID_ARGUMENT),
        (1002, [EXTEND_REQUEST[:40] + b"\x21\0\0\0", SIGNER, b"", VALUE], [], PSA_ERROR_INVALID_ARGUMENT),
        (1002, [b"\x20" + EXTEND_REQUEST[1:], SIGNER, b"", VALUE], [], PSA_ERROR_INVALID_ARGUMENT),
        (1000, [READ_REQUEST], [56, 64, 64], PSA_ERROR_NOT_SUPPORTED),
        (1003, [READ_REQUEST], [56, 64, 64], PSA_ERROR_NOT_SUPPORTED),
        (0, [], [], PSA_ERROR_NOT_SUPPORTED),
    ],
)
def test_vectors(
    type_: int, inputs: list[bytes], outputs: list[int], status: int, device: PartitionBench
) -> None:
    assert extend(device, Extend()) == PSA_SUCCESS
    out_vec = [psa_outvec(bytearray(size)) for size in outputs]
    assert device.ns.psa_call(TFM_MEASURED_BOOT_HANDLE, type_, inputs, out_vec) == status


def test_a_programmer_error_of_a_partition_takes_the_device_down(device: PartitionBench) -> None:
    with pytest.raises(DevicePanic):
        device.as_partition(261).psa_call(TFM_MEASURED_BOOT_HANDLE, TFM_MEASURED_BOOT_EXTEND, [b"short"])


def test_bytes_of_the_answer(shared: PartitionBench) -> None:
    fields, signer, value = (psa_outvec(bytearray(b"\xee" * size)) for size in (56, 64, 64))
    out_vec = [fields, signer, value]
    status = shared.ns.psa_call(TFM_MEASURED_BOOT_HANDLE, TFM_MEASURED_BOOT_READ, [READ_REQUEST], out_vec)
    assert status == PSA_SUCCESS
    assert isinstance(fields.base, bytearray)
    assert fields.base.hex() == (
        "00000000" + "09000002" + b"AP_BL1".hex() + "00" * 26 + "06" + b"1.2.3+4".hex() + "00" * 7 + "07"
    )
    assert (signer.len, value.len) == (32, 32)


def test_sizes_of_the_structures() -> None:
    assert (READ_IN_SIZE, READ_OUT_SIZE, EXTEND_SIZE) == (3, 56, 44)


def test_pythonic_layer(device: PartitionBench) -> None:
    api = MeasuredBoot(device.ns)
    api.extend_measurement(7, VALUE, signer_id=SIGNER, version="1.0", sw_type="APP", lock=True)
    assert api.read_measurement(7).measurement_value.hex() == VECTOR
    with pytest.raises(PsaError, match="BAD_STATE"):
        api.extend_measurement(7, VALUE, signer_id=SIGNER)
    with pytest.raises(PsaError, match="DOES_NOT_EXIST"):
        api.read_measurement(8)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1001, 1002]),
    st.lists(
        st.binary(max_size=70) | st.binary(min_size=44, max_size=44) | st.binary(min_size=3, max_size=3),
        max_size=4,
    ),
    st.lists(st.sampled_from([0, 1, 56, 64]), max_size=4),
)
def test_arbitrary_requests_get_a_status(
    shared: PartitionBench, type_: int, inputs: list[bytes], outputs: list[int]
) -> None:
    outputs = outputs[: 4 - len(inputs)]
    status = shared.ns.psa_call(
        TFM_MEASURED_BOOT_HANDLE, type_, inputs, [psa_outvec(bytearray(size)) for size in outputs]
    )
    assert status in {
        PSA_SUCCESS,
        PSA_ERROR_PROGRAMMER_ERROR,
        PSA_ERROR_INVALID_ARGUMENT,
        PSA_ERROR_BAD_STATE,
        PSA_ERROR_NOT_PERMITTED,
        PSA_ERROR_DOES_NOT_EXIST,
    }
