"""What runs in each partition of the standard build."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .crypto.config import CryptoConfig
from .crypto.partition import CryptoPartition
from .firmware_update.config import FwuBuild
from .firmware_update.partition import FwuPartition
from .initial_attestation.config import AttestationConfig
from .initial_attestation.partition import InitialAttestationPartition
from .ns_agent_mailbox.config import MailboxConfig
from .ns_agent_mailbox.partition import MailboxAgent
from .platform.partition import PlatformPartition

Program = tuple[type, object]
"""A partition's class, and the build configuration that it takes beside its API; None where it takes none."""

MANIFEST_LIST: Final = Path(__file__).parent / "manifest_list.yaml"
"""The partitions of a standard build, as TF-M lists them."""

MAILBOX_MANIFEST_LIST: Final = MANIFEST_LIST.with_name("mailbox_manifest_list.yaml")
"""What a dual-core build has beside them."""

_BASE_CRYPTO: Final = CryptoConfig()
_BASE_ATTESTATION: Final = AttestationConfig()


def programs(
    attestation: AttestationConfig = _BASE_ATTESTATION,
    crypto: CryptoConfig = _BASE_CRYPTO,
    firmware_update: FwuBuild | None = None,
) -> Mapping[str, Program]:
    """What runs in each partition of the manifest list that the build has, by partition name.

    Each class is called once at power-on, with the partition's API and its configuration, for the object
    whose methods carry the manifest's symbols.
    """
    made: dict[str, Program] = {
        "TFM_SP_CRYPTO": (CryptoPartition, crypto),
        "TFM_SP_PLATFORM": (PlatformPartition, None),
        "TFM_SP_INITIAL_ATTESTATION": (InitialAttestationPartition, attestation),
    }
    if firmware_update is not None:
        made["TFM_SP_FWU"] = (FwuPartition, firmware_update)
    return made


def mailbox_programs(mailbox: MailboxConfig) -> Mapping[str, Program]:
    """The same for the manifest list of dual-core builds."""
    return {"TFM_NS_MAILBOX_AGENT": (MailboxAgent, mailbox)}
