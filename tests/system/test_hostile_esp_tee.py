"""The REE asks the TEE for anything: known codes or a panic, and honest calls are answered after it."""

from random import Random
from struct import pack
from typing import Final

import pytest
from support.esp_tee import flashed, issue, verifies

from tfm_sim import Backend, Device, DevicePanic, SpmConfig, TokenForm
from tfm_sim.interface.esp_tee.errors import EspErr
from tfm_sim.interface.esp_tee.sec_storage import KeyCfg
from tfm_sim.interface.esp_tee.service_calls import (
    ESP_TEE_ATTESTATION_HANDLE,
    ESP_TEE_SEC_STORAGE_HANDLE,
    TEE_SEC_STORAGE_HANDLE,
    SecureService,
)
from tfm_sim.interface.psa.crypto import psa_destroy_key, psa_export_key
from tfm_sim.interface.psa.status import PsaStatus
from tfm_sim.spm.partition_memory import non_secure_arena
from tfm_sim.tools.esp_tee_firmware import EspTeeFirmware

KNOWN: Final = {status.value for status in PsaStatus} | {error.value for error in EspErr} | {1}
HANDLES: Final = (ESP_TEE_ATTESTATION_HANDLE, ESP_TEE_SEC_STORAGE_HANDLE, TEE_SEC_STORAGE_HANDLE)
NAMES: Final = (b"lamp\0", b"tee_att_key0\0", b"0123456789abcdef", b"\0", b"\xff\0")
SIZES: Final = (0, 1, 12, 16, 20, 32, 32, 48, 64, 1792, 2048, 1 << 20, 1 << 31, (1 << 32) - 8, (1 << 32) - 1)


class Ree:
    """A program of the REE that means no good."""

    def __init__(self, device: Device, seed: int) -> None:
        self.device = device
        self.random = Random(seed)
        self.base = non_secure_arena(device.hardware.memory).base

    def address(self) -> int:
        """In its own memory more often than not."""
        region = self.random.choice(self.device.hardware.memory.regions)
        end = region.base + region.size
        own = (self.base, self.base + 0x40, self.base + 0x100, self.base + 0x1000) * 3
        return self.random.choice((*own, region.base, end - 4, end, 0, 1, (1 << 32) - 1)) & 0xFFFFFFFF

    def call(self) -> int:
        store, pick = self.device.ns.cpu.store, self.random.choice
        store(self.base, pick(NAMES).ljust(32, b"\0"))
        store(
            self.base + 0x40, KeyCfg.pack(pick((self.base, self.address())), pick((0, 1, 9)), pick((0, 1, 3)))
        )
        values = [
            self.address() if self.random.random() < 0.6 else pick(SIZES)
            for _ in range(pick((1, 2, 4, 5, 6)))
        ]
        packed = pack(f"<{len(values)}I", *values)[: pick((None, None, None, None, None, None, -1))]
        return self.device.ns.psa_call(pick(HANDLES), pick((*SecureService, 0, 999)), [packed])


@pytest.mark.parametrize(
    ("form", "backend", "level"),
    [
        (TokenForm.SLOT, Backend.SFN, 1),
        (TokenForm.NAMED_KEY, Backend.IPC, 2),
        (TokenForm.CHALLENGE, Backend.IPC, 1),
    ],
)
def test_a_storm_of_service_calls(form: TokenForm, backend: Backend, level: int) -> None:
    device = flashed(EspTeeFirmware(), form, spm=SpmConfig(isolation_level=level, backend=backend))
    with device.power_on():
        ree = Ree(device, seed=7)
        for _ in range(250):
            try:
                assert ree.call() in KNOWN
            except DevicePanic:  # a pointer that the TEE follows unchecked
                device.reset()
        assert verifies(issue(device, form))
        for key_id in range(4):  # the storage's keys are none of the REE's
            assert psa_export_key(device.ns, key_id, 100)[0] != 0
            assert psa_destroy_key(device.ns, key_id) != 0 or key_id == 0
        assert verifies(issue(device, form))
