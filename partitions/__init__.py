"""The secure partitions: one folder each, with its manifest in TF-M's format and its program."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ..spm.load import LoadError, PartitionBuild
from ..spm.manifest_file import load_manifest, load_manifest_list
from ..spm.partition_api import PartitionApi
from .crypto.config import CryptoConfig
from .crypto.partition import CryptoPartition
from .initial_attestation.config import AttestationConfig
from .initial_attestation.partition import InitialAttestationPartition
from .platform.partition import PlatformPartition

Program = Callable[[PartitionApi], object]

MANIFEST_LIST: Final = Path(__file__).parent / "manifest_list.yaml"
"""The partitions of a standard build, as TF-M lists them."""

_BASE_CRYPTO: Final = CryptoConfig()
_BASE_ATTESTATION: Final = AttestationConfig()


def programs(
    attestation: AttestationConfig = _BASE_ATTESTATION, crypto: CryptoConfig = _BASE_CRYPTO
) -> Mapping[str, Program]:
    """What runs in each partition of the manifest list, by partition name.

    Each program is called once at power-on with the partition's API and returns the object whose methods
    carry the manifest's symbols.
    """
    return {
        "TFM_SP_CRYPTO": lambda psa: CryptoPartition(psa, crypto),
        "TFM_SP_PLATFORM": PlatformPartition,
        "TFM_SP_INITIAL_ATTESTATION": lambda psa: InitialAttestationPartition(psa, attestation),
    }


def standard_partitions(
    attestation: AttestationConfig = _BASE_ATTESTATION, crypto: CryptoConfig = _BASE_CRYPTO
) -> list[PartitionBuild]:
    """The partitions of MANIFEST_LIST with their programs, in the order of the list."""
    by_name = programs(attestation, crypto)
    builds = []
    for item in load_manifest_list(MANIFEST_LIST):
        manifest = load_manifest(item.manifest)
        if item.pid is None or manifest.name not in by_name:
            raise LoadError(f"{MANIFEST_LIST}:{item.line}: {manifest.name}: wanted a pid and a program")
        builds.append(PartitionBuild(manifest, item.pid, by_name[manifest.name]))
    return builds
