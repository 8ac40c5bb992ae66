"""Arm's Trusted Firmware-M as an executable model.

    import tfm_sim

    with tfm_sim.boot() as device:
        token = device.psa.initial_attestation.get_token(bytes(32))

`boot` gives a device with the demo firmware, `Device` one to flash yourself. `psa` has all constants, macros
and functions of the psa/*.h headers, as `psa.PSA_ALG_GCM`. Names are loaded when they are first used, so that
a part that stands alone, such as the verifier, stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bootloader.bl1_config import Bl1Config
    from .bootloader.config import Bl2Config, UpgradeStrategy
    from .bootloader.loader import BootRefused
    from .device import Device
    from .firmware_build import (
        Build,
        bl1_config_for,
        bl2_config_for,
        its_config_for,
        ps_config_for,
        with_boot_status,
        with_delegated_attestation,
        with_esp_tee,
        with_key_wrap_engine,
    )
    from .firmware_profiles import profile
    from .interface.errors import TfmSimError
    from .interface.psa import headers as psa
    from .interface.psa.client import psa_invec, psa_outvec
    from .interface.psa.crypto_types import KeyAttributes
    from .interface.psa.service import psa_msg_t
    from .interface.psa.status import PsaError, PsaStatus
    from .interface.tfm.boot_status import BootStatusEra
    from .partitions.crypto.config import CryptoConfig
    from .partitions.crypto.drivers import DriverSpec, OpaqueDriver
    from .partitions.delegated_attestation.config import DelegatedAttestationConfig
    from .partitions.esp_tee_attestation.config import EspTeeConfig, TokenForm
    from .partitions.firmware_update.config import TFM_FWU_TODAY, FwuConfig, FwuQuirks
    from .partitions.initial_attestation.config import AttestationConfig, TokenVariant
    from .partitions.internal_trusted_storage.config import TFM_ITS_TODAY, ItsConfig, ItsQuirks
    from .partitions.measured_boot.config import MeasuredBootConfig, MeasurementHash
    from .partitions.platform.config import PlatformConfig
    from .partitions.protected_storage.config import TFM_PS_TODAY, PsConfig, PsQuirks
    from .platform.board import load_board
    from .platform.power import PowerCut
    from .platform.provisioning import VIRGIN
    from .platform.provisioning_bundle import make_bundles
    from .spm.config import TFM_TODAY, Backend, SpmConfig, TfmQuirks
    from .spm.load import PartitionBuild
    from .spm.manifest_file import load_manifest
    from .spm.manifest_list import load_manifest_list
    from .spm.panic import DevicePanic
    from .tools.demo_firmware import boot

_HOME = {
    "AttestationConfig": ".partitions.initial_attestation.config",
    "Backend": ".spm.config",
    "Bl1Config": ".bootloader.bl1_config",
    "Bl2Config": ".bootloader.config",
    "BootRefused": ".bootloader.loader",
    "BootStatusEra": ".interface.tfm.boot_status",
    "Build": ".firmware_build",
    "CryptoConfig": ".partitions.crypto.config",
    "DelegatedAttestationConfig": ".partitions.delegated_attestation.config",
    "Device": ".device",
    "DevicePanic": ".spm.panic",
    "DriverSpec": ".partitions.crypto.drivers",
    "EspTeeConfig": ".partitions.esp_tee_attestation.config",
    "FwuConfig": ".partitions.firmware_update.config",
    "FwuQuirks": ".partitions.firmware_update.config",
    "ItsConfig": ".partitions.internal_trusted_storage.config",
    "ItsQuirks": ".partitions.internal_trusted_storage.config",
    "KeyAttributes": ".interface.psa.crypto_types",
    "MeasuredBootConfig": ".partitions.measured_boot.config",
    "MeasurementHash": ".partitions.measured_boot.config",
    "OpaqueDriver": ".partitions.crypto.drivers",
    "PartitionBuild": ".spm.load",
    "PlatformConfig": ".partitions.platform.config",
    "PowerCut": ".platform.power",
    "PsConfig": ".partitions.protected_storage.config",
    "PsQuirks": ".partitions.protected_storage.config",
    "PsaError": ".interface.psa.status",
    "PsaStatus": ".interface.psa.status",
    "SpmConfig": ".spm.config",
    "TFM_FWU_TODAY": ".partitions.firmware_update.config",
    "TFM_ITS_TODAY": ".partitions.internal_trusted_storage.config",
    "TFM_PS_TODAY": ".partitions.protected_storage.config",
    "TFM_TODAY": ".spm.config",
    "TfmQuirks": ".spm.config",
    "TfmSimError": ".interface.errors",
    "TokenForm": ".partitions.esp_tee_attestation.config",
    "TokenVariant": ".partitions.initial_attestation.config",
    "UpgradeStrategy": ".bootloader.config",
    "VIRGIN": ".platform.provisioning",
    "bl1_config_for": ".firmware_build",
    "bl2_config_for": ".firmware_build",
    "boot": ".tools.demo_firmware",
    "its_config_for": ".firmware_build",
    "load_board": ".platform.board",
    "load_manifest": ".spm.manifest_file",
    "load_manifest_list": ".spm.manifest_list",
    "make_bundles": ".platform.provisioning_bundle",
    "profile": ".firmware_profiles",
    "ps_config_for": ".firmware_build",
    "psa_invec": ".interface.psa.client",
    "psa_msg_t": ".interface.psa.service",
    "psa_outvec": ".interface.psa.client",
    "with_boot_status": ".firmware_build",
    "with_delegated_attestation": ".firmware_build",
    "with_esp_tee": ".firmware_build",
    "with_key_wrap_engine": ".firmware_build",
}
_MODULES = {"psa": ".interface.psa.headers"}

__all__ = [
    "TFM_FWU_TODAY",
    "TFM_ITS_TODAY",
    "TFM_PS_TODAY",
    "TFM_TODAY",
    "VIRGIN",
    "AttestationConfig",
    "Backend",
    "Bl1Config",
    "Bl2Config",
    "BootRefused",
    "BootStatusEra",
    "Build",
    "CryptoConfig",
    "DelegatedAttestationConfig",
    "Device",
    "DevicePanic",
    "DriverSpec",
    "EspTeeConfig",
    "FwuConfig",
    "FwuQuirks",
    "ItsConfig",
    "ItsQuirks",
    "KeyAttributes",
    "MeasuredBootConfig",
    "MeasurementHash",
    "OpaqueDriver",
    "PartitionBuild",
    "PlatformConfig",
    "PowerCut",
    "PsConfig",
    "PsQuirks",
    "PsaError",
    "PsaStatus",
    "SpmConfig",
    "TfmQuirks",
    "TfmSimError",
    "TokenForm",
    "TokenVariant",
    "UpgradeStrategy",
    "bl1_config_for",
    "bl2_config_for",
    "boot",
    "its_config_for",
    "load_board",
    "load_manifest",
    "load_manifest_list",
    "make_bundles",
    "profile",
    "ps_config_for",
    "psa",
    "psa_invec",
    "psa_msg_t",
    "psa_outvec",
    "with_boot_status",
    "with_delegated_attestation",
    "with_esp_tee",
    "with_key_wrap_engine",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name], __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
