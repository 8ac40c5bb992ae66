"""Arm's Trusted Firmware-M as an executable model.

    import tfm_sim

    with tfm_sim.boot() as device:
        token = device.psa.initial_attestation.get_token(bytes(32))

`boot` gives a device with the demo firmware, `Device` one to flash yourself. Names are loaded when they are
first used, so that a part that stands alone, such as the verifier, stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bootloader.config import Bl2Config
    from .bootloader.loader import BootRefused
    from .device import Build, Device
    from .interface.errors import TfmSimError
    from .interface.psa.client import psa_invec, psa_outvec
    from .interface.psa.status import PsaError, PsaStatus
    from .partitions.initial_attestation.config import AttestationConfig, TokenProfile
    from .spm.config import SpmConfig
    from .spm.panic import DevicePanic
    from .tools.demo_firmware import boot

_HOME = {
    "AttestationConfig": ".partitions.initial_attestation.config",
    "Bl2Config": ".bootloader.config",
    "BootRefused": ".bootloader.loader",
    "Build": ".device",
    "Device": ".device",
    "DevicePanic": ".spm.panic",
    "PsaError": ".interface.psa.status",
    "PsaStatus": ".interface.psa.status",
    "SpmConfig": ".spm.kernel",
    "TfmSimError": ".interface.errors",
    "TokenProfile": ".partitions.initial_attestation.config",
    "boot": ".tools.demo_firmware",
    "psa_invec": ".interface.psa.client",
    "psa_outvec": ".interface.psa.client",
}

__all__ = [
    "AttestationConfig",
    "Bl2Config",
    "BootRefused",
    "Build",
    "Device",
    "DevicePanic",
    "PsaError",
    "PsaStatus",
    "SpmConfig",
    "TfmSimError",
    "TokenProfile",
    "boot",
    "psa_invec",
    "psa_outvec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
