"""What runs in each partition of the standard build."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from .cks.config import CksConfig
from .cks.partition import CksPartition
from .crypto.config import CryptoConfig
from .crypto.partition import CryptoPartition
from .delegated_attestation.config import DelegatedAttestationConfig
from .delegated_attestation.partition import DelegatedAttestationPartition
from .esp_tee_attestation.config import EspTeeAttestationConfig
from .esp_tee_attestation.partition import EspTeeAttestationPartition
from .firmware_update.config import FwuBuild
from .firmware_update.partition import FwuPartition
from .initial_attestation.config import AttestationConfig
from .initial_attestation.partition import InitialAttestationPartition
from .internal_trusted_storage.config import ItsBuild
from .internal_trusted_storage.partition import ItsPartition
from .measured_boot.config import MeasuredBootConfig
from .measured_boot.partition import MeasuredBootPartition
from .ns_agent_mailbox.config import MailboxConfig
from .ns_agent_mailbox.partition import MailboxAgent
from .platform.config import PlatformConfig
from .platform.partition import PlatformPartition
from .protected_storage.config import PsConfig
from .protected_storage.partition import PsPartition
from .tee_sec_storage.config import TeeSecStorageConfig
from .tee_sec_storage.partition import TeeSecStoragePartition

Program = tuple[type, object]
"""A partition's class, and the build configuration that it takes beside its API; None where it takes none."""

MANIFEST_LIST: Final = Path(__file__).parent / "manifest_list.yaml"
"""The partitions of a standard build, as TF-M lists them."""

MAILBOX_MANIFEST_LIST: Final = MANIFEST_LIST.with_name("mailbox_manifest_list.yaml")
"""What a dual-core build has beside them."""

_BASE_CRYPTO: Final = CryptoConfig()
_BASE_ATTESTATION: Final = AttestationConfig()
_BASE_PLATFORM: Final = PlatformConfig()
_BASE_ITS: Final = ItsBuild()


def configurations(
    *,
    measured_boot: bool = False,
    delegated_attestation: bool = False,
    firmware_update: bool = False,
    its: bool = True,
    platform: bool = True,
    protected_storage: bool = False,
    cks: bool = False,
    esp_tee: bool = False,
) -> Mapping[str, bool]:
    """What the ``conditional`` of each partition in the manifest list asks for; TF-M's defaults."""
    return {
        "TFM_PARTITION_INTERNAL_TRUSTED_STORAGE": its,
        "TFM_PARTITION_CRYPTO": True,
        "TFM_PARTITION_PLATFORM": platform,
        "TFM_PARTITION_INITIAL_ATTESTATION": True,
        "TFM_PARTITION_MEASURED_BOOT": measured_boot,
        "TFM_PARTITION_DELEGATED_ATTESTATION": delegated_attestation,
        "TFM_PARTITION_FIRMWARE_UPDATE": firmware_update,
        "TFM_PARTITION_PROTECTED_STORAGE": protected_storage,
        "STM_PARTITION_CKS": cks,
        "ESP_TEE": esp_tee,
    }


def programs(
    attestation: AttestationConfig = _BASE_ATTESTATION,
    crypto: CryptoConfig = _BASE_CRYPTO,
    measured_boot: MeasuredBootConfig | None = None,
    firmware_update: FwuBuild | None = None,
    its: ItsBuild | None = _BASE_ITS,
    protected_storage: PsConfig | None = None,
    platform: PlatformConfig | None = _BASE_PLATFORM,
    delegated_attestation: DelegatedAttestationConfig | None = None,
    cks: CksConfig | None = None,
    esp_tee: EspTeeAttestationConfig | None = None,
) -> Mapping[str, Program]:
    """What runs in each partition that the build has, by partition name.

    Each class is called once at power-on, with the partition's API and its configuration, for the object
    whose methods carry the manifest's symbols. With ``measured_boot`` attestation reads the slots,
    with ``delegated_attestation`` the crypto service has the seed of its keys.
    """
    if delegated_attestation is not None:
        crypto = replace(crypto, delegated_attestation=True)
    made: dict[str, Program] = {
        "TFM_SP_CRYPTO": (CryptoPartition, crypto),
        "TFM_SP_INITIAL_ATTESTATION": (
            InitialAttestationPartition,
            replace(attestation, measured_boot=measured_boot is not None),
        ),
    }
    if platform is not None:
        made["TFM_SP_PLATFORM"] = (PlatformPartition, platform)
    if its is not None:
        made["TFM_SP_ITS"] = (ItsPartition, its)
    if measured_boot is not None:
        made["TFM_SP_MEASURED_BOOT"] = (MeasuredBootPartition, measured_boot)
    if delegated_attestation is not None:
        made["TFM_SP_DELEGATED_ATTESTATION"] = (
            DelegatedAttestationPartition,
            replace(delegated_attestation, max_token_size=attestation.max_token_size),
        )
    if firmware_update is not None:
        made["TFM_SP_FWU"] = (FwuPartition, firmware_update)
    if protected_storage is not None:
        made["TFM_SP_PS"] = (PsPartition, protected_storage)
    if cks is not None:
        made["STM_SP_CKS"] = (CksPartition, cks)
    if esp_tee is not None:
        made |= _esp_tee_programs(esp_tee)
    return made


def _esp_tee_programs(config: EspTeeAttestationConfig) -> Mapping[str, Program]:
    options = config.esp_tee
    storage = TeeSecStorageConfig(
        options.key_name,
        options.form.slots,
        options.unprotected_keys,
        not options.form.with_challenge,
        options.errors_of_the_code,
    )
    return {
        "TFM_SP_TEE_SEC_STORAGE": (TeeSecStoragePartition, storage),
        "TFM_SP_ESP_TEE_ATTESTATION": (EspTeeAttestationPartition, config),
    }


def platform_functions(attestation: AttestationConfig = _BASE_ATTESTATION) -> Mapping[str, tuple[str, ...]]:
    """What a partition calls of the platform in this build alone, beside what its board grants; by name."""
    return {"TFM_SP_INITIAL_ATTESTATION": attestation.hal_functions}


def mailbox_programs(mailbox: MailboxConfig) -> Mapping[str, Program]:
    """The same for the manifest list of dual-core builds."""
    return {"TFM_NS_MAILBOX_AGENT": (MailboxAgent, mailbox)}
