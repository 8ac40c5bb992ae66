"""Internal trusted storage on a whole device: power goes away in the middle of a client's calls."""

from dataclasses import replace

import pytest

import tfm_sim
from tfm_sim import Build
from tfm_sim.device import Device
from tfm_sim.partitions.internal_trusted_storage.config import ItsConfig
from tfm_sim.platform.power import PowerCut
from tfm_sim.tools.demo_firmware import NON_SECURE_IMAGE, SECURE_IMAGE

OLD, NEW = b"the old asset", b"a new one, larger than the old"
OTHER = b"of another client's kind"
BUILD = Build(ps=None)
"""Without protected storage a boot is quicker; its own sweep is elsewhere."""


def update(device: Device) -> None:
    device.psa.internal_trusted_storage.set(1, NEW)


def operations_of_an_update() -> int:
    with tfm_sim.boot(build=BUILD) as device:
        device.psa.internal_trusted_storage.set(1, OLD)
        before = device.hardware.power.operations
        update(device)
        return device.hardware.power.operations - before


@pytest.mark.parametrize("mode", ["before", "torn", "after"])
@pytest.mark.parametrize("encryption", [False, True])
def test_a_set_is_cut_at_every_operation(mode: str, encryption: bool) -> None:
    seen = []
    build = replace(BUILD, its=ItsConfig(encryption=encryption))
    with tfm_sim.boot(build=build) as device:
        for number in range(1, operations_of_an_update() + 1):
            storage = device.psa.internal_trusted_storage
            storage.set(2, OTHER)
            storage.set(1, OLD)
            device.cut_power(f"{device.hardware.power.operations + number}:{mode}")
            with pytest.raises(PowerCut):
                update(device)
            device.power_on()
            storage = device.psa.internal_trusted_storage
            seen.append(storage.get(1))
            assert storage.get(2) == OTHER
            assert storage.get_info(1).size == len(seen[-1])
    assert set(seen) == {OLD, NEW}
    assert seen == sorted(seen, key=[OLD, NEW].index)


@pytest.mark.parametrize("level", [1, 3])
def test_the_first_boot_is_cut(level: int) -> None:
    build = replace(BUILD, spm=tfm_sim.SpmConfig(isolation_level=level))
    with tfm_sim.boot(build=build) as whole:
        total = whole.hardware.power.operations
    for number in range(3, total + 1, 1 if level == 1 else 9):
        device = Device(build=build)
        for image, path in enumerate((SECURE_IMAGE, NON_SECURE_IMAGE)):
            device.flash_image(image, path.read_bytes())
        with device:
            device.cut_power(f"{number}:torn")
            with pytest.raises(PowerCut):
                device.power_on()
            device.power_on()
            device.psa.internal_trusted_storage.set(1, NEW)
            assert device.psa.internal_trusted_storage.get(1) == NEW


def test_storage_outlives_a_process(tmp_path: object) -> None:
    with tfm_sim.boot(state=str(tmp_path)) as device:
        device.psa.internal_trusted_storage.set(1, OLD)
    with tfm_sim.boot(state=str(tmp_path)) as device:
        assert device.psa.internal_trusted_storage.get(1) == OLD
        device.reset()
        assert device.psa.internal_trusted_storage.get(1) == OLD
