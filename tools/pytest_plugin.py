"""pytest plugin: a booted device in a test.

    def test_token(tfm_device):
        assert tfm_device.psa.initial_attestation.get_token(bytes(32))

``tfm_device`` is a new device for each test, with the demo firmware; ``tfm_boot`` boots devices with
arguments of your own and switches them off after the test. Nothing else is loaded unless a test asks.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..device import Device


@pytest.fixture
def tfm_boot() -> "Iterator[Callable[..., Device]]":
    """A function like `tfm_sim.boot` whose devices are switched off after the test."""
    from .demo_firmware import boot  # noqa: PLC0415 (a test run that asks for no device stays light)

    devices: list[Device] = []

    def boot_and_keep(*args: object, **kwargs: object) -> "Device":
        device = boot(*args, **kwargs)  # type: ignore[arg-type]
        devices.append(device)
        return device

    yield boot_and_keep
    for device in reversed(devices):
        device.power_off()


@pytest.fixture
def tfm_device(tfm_boot: "Callable[..., Device]") -> "Device":
    """A device with the demo firmware, booted to the non-secure side."""
    return tfm_boot()
