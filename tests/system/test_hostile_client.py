"""A hostile non-secure client on a whole device, at each isolation level and over resets.

tests/partitions/test_hostile_requests.py has the partitions alone, and many more calls.
"""

import pytest
from support.hostile_storm import Storm, attack, check_health, provide, storm_between

from tfm_sim import Build, Device, SpmConfig
from tfm_sim.interface.psa.client import PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR
from tfm_sim.interface.tfm.crypto import Function, pack_iovec
from tfm_sim.interface.tfm.services import (
    TFM_CRYPTO_HANDLE,
    TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE,
    TFM_PROTECTED_STORAGE_SERVICE_HANDLE,
)
from tfm_sim.platform.memory import Security
from tfm_sim.spm.config import Backend
from tfm_sim.spm.partition_memory import Arena, non_secure_arena

LEVELS = pytest.mark.parametrize("level", [1, 2, 3])
CALLS = 150


def started(level: int) -> Device:
    backend = Backend.SFN if level == 1 else Backend.IPC
    return Device(build=Build(bl2=None, spm=SpmConfig(isolation_level=level, backend=backend))).power_on()


def second_client(device: Device) -> PsaClient:
    whole = non_secure_arena(device.hardware.memory)
    return device.kernel.ns_client(Arena(whole.base + whole.size // 2, whole.size // 2), -2)


def storm_on(device: Device, seed: int) -> Storm:
    return storm_between(device.ns, second_client(device), seed, [], device.power_off)


@LEVELS
def test_a_storm_and_a_reset(level: int) -> None:
    with started(level) as device:
        storm = storm_on(device, seed=level)
        storm.run(CALLS)
        device.reset()
        storm.go_on_after_reset(device.ns, second_client(device), CALLS // 3)


@LEVELS
def test_a_reset_in_the_middle_of_everything(level: int) -> None:
    """Operations of both are under way; those of before the reset are nobody's afterwards."""
    with started(level) as device:
        storm = storm_on(device, seed=10 + level)
        storm.victim.settle()
        provide(storm.attacker)
        attack(storm.attacker, CALLS // 3)
        device.reset()
        storm.go_on_after_reset(device.ns, second_client(device), CALLS // 3)


@LEVELS
@pytest.mark.parametrize(
    "handle, type_",
    [
        (TFM_CRYPTO_HANDLE, 0),
        (TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_HANDLE, 1002),
        (TFM_PROTECTED_STORAGE_SERVICE_HANDLE, 1002),
    ],
)
def test_vectors_into_secure_memory(level: int, handle: int, type_: int) -> None:
    """FF-M 1.1, psa_call: no vector of a non-secure client may point where it cannot read or write."""
    with started(level) as device:
        secure = next(
            r for r in device.hardware.memory.regions if r.security is Security.SECURE and r.writable
        )
        before = device.hardware.memory.read(secure.base, secure.size)
        first = pack_iovec(Function.HASH_COMPUTE, alg=0x02000009) if type_ == 0 else (1).to_bytes(8, "little")
        for address, length in (
            (secure.base, 32),
            (secure.base + secure.size - 1, 32),
            (0xFFFFFFF0, 32),
            (0, 32),
            (secure.base, 0xFFFFFFFF),
        ):
            bad_in = device.ns.psa_call(handle, type_, [first, psa_invec(address, length)], [])
            bad_out = device.ns.psa_call(handle, type_, [first], [psa_outvec(address, length)])
            bad_first = device.ns.psa_call(handle, type_, [psa_invec(address, length)], [])
            assert [bad_in, bad_out, bad_first] == [PSA_ERROR_PROGRAMMER_ERROR] * 3
        assert device.hardware.memory.read(secure.base, secure.size) == before
        check_health(device.ns)
