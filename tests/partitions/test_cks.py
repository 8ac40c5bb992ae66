"""STM32WB's Customer Key Storage, over the mailbox of the board that has it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.matter_factory import verifies

from tfm_sim import Build, Device
from tfm_sim.firmware_checks import check_build
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS
from tfm_sim.interface.stm32.cks import (
    CKS_DAC_PRIVATE_KEY_SET,
    CKS_DAC_SIGNATURE,
    CKS_HANDLE,
    OtError,
    otCksDacInitialize,
    otCksDacSignature,
)
from tfm_sim.partitions.cks.config import CksConfig
from tfm_sim.platform.board import load_board
from tfm_sim.spm.load import LoadError
from tfm_sim.tools.demo_firmware import boot
from tfm_sim.tools.matter.device_machine import matter_platform

WB55 = matter_platform("wb55")
SLOTS = 8
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NONE, INVALID_ARGS, NOT_FOUND = (
    OtError.OT_ERROR_NONE,
    OtError.OT_ERROR_INVALID_ARGS,
    OtError.OT_ERROR_NOT_FOUND,
)


def scalar(number: int) -> bytes:
    return number.to_bytes(32, "big")


def point(number: int) -> bytes:
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.fixture
def device() -> Iterator[Device]:
    build = replace(WB55.build(), cks=CksConfig(user_keys=3))
    with boot(WB55.board, build=build) as device:
        yield device


def test_the_key_signs_on_the_m0_and_outlives_a_reset(device: Device) -> None:
    assert otCksDacInitialize(device.ns, scalar(7)) == NONE
    for _ in range(2):
        error, signature = otCksDacSignature(device.ns, b"challenge", point(7))
        assert error == NONE
        assert len(signature) == 64
        assert verifies(point(7), b"challenge", signature)
        device.reset()


@pytest.mark.parametrize(
    "key, error",
    [
        (scalar(1), NONE),
        (scalar(ORDER - 1), NONE),
        (scalar(0), INVALID_ARGS),
        (scalar(ORDER), INVALID_ARGS),
        (b"", INVALID_ARGS),
        (bytes(31), INVALID_ARGS),
        (scalar(1) + b"\0", INVALID_ARGS),
    ],
)
def test_initialize(device: Device, key: bytes, error: OtError) -> None:
    assert otCksDacInitialize(device.ns, key) == error
    found = otCksDacSignature(device.ns, b"", point(1))[0]
    assert (found == NOT_FOUND) is (error != NONE)


@pytest.mark.parametrize(
    "public_key, error",
    [
        (point(7), NONE),
        (point(8), OtError.OT_ERROR_SECURITY),
        (point(7)[:-1] + bytes((point(7)[-1] ^ 1,)), OtError.OT_ERROR_SECURITY),
        (point(7)[:64], INVALID_ARGS),
        (point(7) + b"\0", INVALID_ARGS),
        (b"", INVALID_ARGS),
    ],
)
def test_the_public_key_must_be_the_stored_keys_own(
    device: Device, public_key: bytes, error: OtError
) -> None:
    otCksDacInitialize(device.ns, scalar(7))
    found, signature = otCksDacSignature(device.ns, b"message", public_key)
    assert found == error
    assert len(signature) == (64 if error == NONE else 0)


def test_keys_are_never_removed_and_the_newest_signs(device: Device) -> None:
    """AN5185 5.1: a stored key can be neither changed nor removed; when all places are taken it is over."""
    for number in (1, 2, 3):
        assert otCksDacInitialize(device.ns, scalar(number)) == NONE
        assert otCksDacSignature(device.ns, b"m", point(number))[0] == NONE
    assert otCksDacInitialize(device.ns, scalar(4)) == OtError.OT_ERROR_NO_BUFS
    assert otCksDacSignature(device.ns, b"m", point(3))[0] == NONE
    assert otCksDacSignature(device.ns, b"m", point(2))[0] == OtError.OT_ERROR_SECURITY


def test_no_volatile_key_is_left_behind() -> None:
    """The crypto service has few slots for them: each request must give its own back."""
    build = WB55.build()
    assert build.crypto is not None
    slots = replace(build, crypto=replace(build.crypto, key_slots=SLOTS), cks=CksConfig(user_keys=30))
    with boot(WB55.board, build=slots) as device:
        for number in range(1, 2 * SLOTS):
            assert otCksDacInitialize(device.ns, scalar(number)) == NONE
        for public in (point(2 * SLOTS - 1), point(1)) * SLOTS:
            expected = NONE if public == point(2 * SLOTS - 1) else OtError.OT_ERROR_SECURITY
            assert otCksDacSignature(device.ns, b"m", public)[0] == expected


def test_storage_that_is_full_before_cks_is() -> None:
    platform_build = WB55.build()
    assert platform_build.its is not None
    build = replace(platform_build, its=replace(platform_build.its, num_assets=4), cks=CksConfig())
    with boot(WB55.board, build=build) as device:
        errors = [otCksDacInitialize(device.ns, scalar(number)) for number in range(1, 6)]
    assert NONE in errors
    assert errors[-1] == OtError.OT_ERROR_NO_BUFS


@pytest.mark.parametrize(
    "type_, inputs, out_sizes, status",
    [
        (0, [scalar(1)], [4], PSA_ERROR_NOT_SUPPORTED),
        (3, [scalar(1)], [4], PSA_ERROR_NOT_SUPPORTED),
        (CKS_DAC_PRIVATE_KEY_SET, [scalar(1)], [3], PSA_ERROR_PROGRAMMER_ERROR),
        (CKS_DAC_PRIVATE_KEY_SET, [scalar(1)], [], PSA_ERROR_PROGRAMMER_ERROR),
        (CKS_DAC_SIGNATURE, [b"m", point(1)], [4, 63], PSA_SUCCESS),
        (CKS_DAC_SIGNATURE, [b"m"], [4, 64], PSA_SUCCESS),
    ],
)
def test_requests(device: Device, type_: int, inputs: list[bytes], out_sizes: list[int], status: int) -> None:
    out = [psa_outvec(bytearray(size)) for size in out_sizes]
    assert device.ns.psa_call(CKS_HANDLE, type_, inputs, out) == status
    if status == PSA_SUCCESS:
        answer = out[0].base
        assert isinstance(answer, bytearray)
        assert int.from_bytes(answer, "little") == INVALID_ARGS


def test_a_device_without_cks() -> None:
    with boot("an521") as device:
        assert otCksDacInitialize(device.ns, scalar(1)) == OtError.OT_ERROR_FAILED
        assert otCksDacSignature(device.ns, b"", point(1)) == (OtError.OT_ERROR_FAILED, b"")


def test_cks_needs_storage() -> None:
    with pytest.raises(LoadError, match="Customer Key Storage without ITS"):
        check_build(Build(its=None, cks=CksConfig()), load_board("an521"))


@pytest.mark.parametrize("keys", [0, 101])
def test_config(keys: int) -> None:
    with pytest.raises(ValueError, match="legal: 1 to 100"):
        CksConfig(keys)


def test_errors_without_a_name() -> None:
    assert (OtError(99).name, OtError(99).value) == ("99", 99)


def test_error_numbers_are_openthreads() -> None:
    """openthread/error.h."""
    assert {error.name.removeprefix("OT_ERROR_"): int(error) for error in OtError} == {
        "NONE": 0,
        "FAILED": 1,
        "NO_BUFS": 3,
        "INVALID_ARGS": 7,
        "SECURITY": 8,
        "NOT_FOUND": 23,
    }
