"""The numbers of psa/client.h, psa/service.h, psa/lifecycle.h and psa/error.h (FF-M 1.1)."""

import pytest

from tfm_sim.interface.psa import client, lifecycle, service, status

CONSTANTS = {
    "PSA_FRAMEWORK_VERSION": 0x0101,
    "PSA_VERSION_NONE": 0,
    "PSA_NULL_HANDLE": 0,
    "PSA_MAX_IOVEC": 4,
    "PSA_IPC_CALL": 0,
    "PSA_CALL_TYPE_MIN": 0,
    "PSA_CALL_TYPE_MAX": 32767,
    "PSA_IPC_CONNECT": -1,
    "PSA_IPC_DISCONNECT": -2,
    "PSA_POLL": 0,
    "PSA_BLOCK": 0x80000000,
    "PSA_WAIT_ANY": 0xFFFFFFFF,
    "PSA_DOORBELL": 8,
    "PSA_FLIH_NO_SIGNAL": 0,
    "PSA_FLIH_SIGNAL": 1,
}
STATUSES = {
    -129: "PROGRAMMER_ERROR",
    -130: "CONNECTION_REFUSED",
    -131: "CONNECTION_BUSY",
    -132: "GENERIC_ERROR",
    -133: "NOT_PERMITTED",
    -134: "NOT_SUPPORTED",
    -135: "INVALID_ARGUMENT",
    -136: "INVALID_HANDLE",
    -137: "BAD_STATE",
    -138: "BUFFER_TOO_SMALL",
    -139: "ALREADY_EXISTS",
    -140: "DOES_NOT_EXIST",
    -141: "INSUFFICIENT_MEMORY",
    -142: "INSUFFICIENT_STORAGE",
    -143: "INSUFFICIENT_DATA",
    -144: "SERVICE_FAILURE",
    -145: "COMMUNICATION_FAILURE",
    -146: "STORAGE_FAILURE",
    -147: "HARDWARE_FAILURE",
    -149: "INVALID_SIGNATURE",
    -151: "CORRUPTION_DETECTED",
    -152: "DATA_CORRUPT",
    -153: "DATA_INVALID",
}
LIFECYCLES = {
    "UNKNOWN": 0x0000,
    "ASSEMBLY_AND_TEST": 0x1000,
    "PSA_ROT_PROVISIONING": 0x2000,
    "SECURED": 0x3000,
    "NON_PSA_ROT_DEBUG": 0x4000,
    "RECOVERABLE_PSA_ROT_DEBUG": 0x5000,
    "DECOMMISSIONED": 0x6000,
}


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items())
def test_constant(name: str, value: int) -> None:
    (header,) = (module for module in (client, service) if hasattr(module, name))
    assert getattr(header, name) == value


@pytest.mark.parametrize(("code", "name"), STATUSES.items())
def test_status(code: int, name: str) -> None:
    assert status.PsaStatus(code).name == f"PSA_ERROR_{name}"


def test_an_incomplete_operation_is_no_error_by_name() -> None:
    assert status.PSA_OPERATION_INCOMPLETE == -248


@pytest.mark.parametrize(("name", "value"), LIFECYCLES.items())
def test_lifecycle_state(name: str, value: int) -> None:
    assert {member.name: int(member) for member in lifecycle.PsaLifecycle}[name] == value


@pytest.mark.parametrize(("handle", "valid"), [(0, False), (1, True), (0x40000100, True), (-130, False)])
def test_a_handle_that_is_not_positive_is_none(handle: int, valid: bool) -> None:
    assert client.PSA_HANDLE_IS_VALID(handle) is valid
