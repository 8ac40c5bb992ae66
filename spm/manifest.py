"""Partition manifests as values: what TF-M's YAML says about a partition (FF-M 1.1, manifest attributes)."""

from dataclasses import dataclass
from enum import Enum, IntEnum


class PartitionType(Enum):
    APPLICATION_ROT = "APPLICATION-ROT"
    PSA_ROT = "PSA-ROT"


class PartitionModel(Enum):
    IPC = "IPC"
    SFN = "SFN"


class Priority(IntEnum):
    """Manifest priorities with TF-M's numbers, the high byte of the load order value."""

    HIGHEST = 0x00
    HIGH = 0x0F
    NORMAL = 0x1F
    LOW = 0x7F
    LOWEST = 0xFF


class VersionPolicy(Enum):
    STRICT = "STRICT"
    RELAXED = "RELAXED"


class IrqHandling(Enum):
    SLIH = "SLIH"
    FLIH = "FLIH"


@dataclass(frozen=True, slots=True)
class ServiceManifest:
    """An RoT Service. ``stateless_handle`` is 1 to 32, or None for "auto"."""

    name: str
    sid: int
    non_secure_clients: bool
    connection_based: bool
    version: int = 1
    version_policy: VersionPolicy = VersionPolicy.STRICT
    stateless_handle: int | None = None
    mm_iovec: bool = False
    description: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class IrqManifest:
    """An interrupt of a partition: its line (number or platform symbol) and its signal's symbol."""

    source: int | str
    signal: str
    handling: IrqHandling
    description: str = ""


@dataclass(frozen=True, slots=True)
class MmioRegionManifest:
    """A peripheral region: named, or numbered by base and size in bytes."""

    name: str
    base: int | None
    size: int | None
    writable: bool


@dataclass(frozen=True, slots=True)
class PartitionManifest:
    """A manifest; sizes in bytes, a size given as a build symbol is resolved. ``source`` is its file."""

    source: str
    psa_framework_version: int
    name: str
    type: PartitionType
    priority: Priority
    model: PartitionModel
    entry: str
    stack_size: int
    heap_size: int = 0
    description: str = ""
    services: tuple[ServiceManifest, ...] = ()
    dependencies: tuple[str, ...] = ()
    weak_dependencies: tuple[str, ...] = ()
    irqs: tuple[IrqManifest, ...] = ()
    mmio_regions: tuple[MmioRegionManifest, ...] = ()
    line: int = 1

    @property
    def where(self) -> str:
        return f"{self.source}:{self.line}"
