"""Partition manifests as values: what TF-M's YAML says about a partition (FF-M 1.1, manifest attributes)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import Final

from ..interface.errors import TfmSimError

FRAMEWORK_1_0: Final = 0x0100
FRAMEWORK_1_1: Final = 0x0101

PID_RANGE: Final = (1, 5999)
"""TF-M PID table: 0 is no partition, and 6000 and up are reserved."""
TFM_PID_BASE: Final = 256
"""TF-M PID table: ids below are its own partitions'."""
BUILTIN_PIDS: Final = {1: "TF-M's idle partition", 2: "TF-M's TrustZone agent"}

FIRST_SERVICE_SIGNAL_BIT: Final = 4
FIRST_IRQ_SIGNAL_BIT: Final = 31


class ManifestError(TfmSimError):
    """A manifest or manifest list that breaks a rule: ``FILE:LINE: what; found ...; legal: ...``."""


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
class ClientIdRange:
    """The client ids that a non-secure agent gives out: negative, ``base`` the lowest, ``limit`` included."""

    base: int
    limit: int
    line: int = 0

    def __contains__(self, other: "ClientIdRange") -> bool:
        return self.base <= other.base and other.limit <= self.limit

    def __str__(self) -> str:
        return f"{self.base:#x}..{self.limit:#x}"


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
    """An interrupt of a partition: its line (number or platform symbol) and its signal's symbol.

    ``name`` is that of a 1.1 manifest; a 1.0 one has none, and the signal's symbol stands in. ``client_ids``
    is what a mailbox agent serves over this line.
    """

    source: int | str
    name: str
    signal: str
    handling: IrqHandling
    description: str = ""
    client_ids: ClientIdRange | None = None
    line: int = 0

    @property
    def flih(self) -> str:
        """The symbol of its first-level handler, "" where it has none."""
        return f"{self.name.lower()}_flih" if self.handling is IrqHandling.FLIH else ""


@dataclass(frozen=True, slots=True)
class MmioRegionManifest:
    """A peripheral region: named, or numbered by base and size in bytes."""

    name: str
    base: int | None
    size: int | None
    writable: bool
    line: int = 0


@dataclass(frozen=True, slots=True)
class PartitionManifest:
    """A manifest; sizes in bytes, a size given as a build symbol is resolved. ``source`` is its file.

    ``model`` is the one that runs; ``dual`` says that it follows the SPM's backend. ``lines`` are those of
    attributes, and of dependencies by service name.
    """

    source: str
    psa_framework_version: int
    name: str
    type: PartitionType
    priority: Priority
    model: PartitionModel
    stack_size: int
    entry_point: str = ""
    entry_init: str = ""
    dual: bool = False
    heap_size: int = 0
    description: str = ""
    services: tuple[ServiceManifest, ...] = ()
    dependencies: tuple[str, ...] = ()
    weak_dependencies: tuple[str, ...] = ()
    irqs: tuple[IrqManifest, ...] = ()
    mmio_regions: tuple[MmioRegionManifest, ...] = ()
    ns_agent: bool = False
    client_ids: ClientIdRange | None = None
    line: int = 1
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def entry(self) -> str:
        """The symbol that runs at start: ``entry_point``, or ``entry_init`` ("" where there is none)."""
        return self.entry_point if self.model is PartitionModel.IPC else self.entry_init

    @property
    def irqs_enabled_at_boot(self) -> bool:
        """TF-M interrupts: on after boot for a 1.0 manifest, from psa_irq_enable on for a 1.1 one."""
        return self.psa_framework_version == FRAMEWORK_1_0

    @property
    def signals(self) -> dict[str, int]:
        """The signals of ``psa_manifest/*.h`` by symbol: services from bit 4 up, interrupts from 31 down."""
        services = self.services if self.model is PartitionModel.IPC else ()
        named = {f"{s.name}_SIGNAL": 1 << FIRST_SERVICE_SIGNAL_BIT + i for i, s in enumerate(services)}
        return named | {irq.signal: 1 << FIRST_IRQ_SIGNAL_BIT - i for i, irq in enumerate(self.irqs)}

    @property
    def where(self) -> str:
        return f"{self.source}:{self.line}"

    def at(self, place: "str | ServiceManifest | IrqManifest | MmioRegionManifest | ClientIdRange") -> str:
        """File and line of an attribute, of a dependency on the service of that name, or of an object."""
        return f"{self.source}:{self.lines.get(place, self.line) if isinstance(place, str) else place.line}"

    def for_backend(self, backend: str) -> "PartitionManifest":
        """A dual manifest with the model of the backend ("IPC" or "SFN"), any other as it is.

        Raises ManifestError for an IPC partition without an ``entry_point``.
        """
        manifest = replace(self, model=PartitionModel(backend)) if self.dual else self
        if manifest.model is PartitionModel.IPC and not manifest.entry_point:
            raise ManifestError(
                f"{self.where}: missing key 'entry_point'; legal: a C identifier for an IPC partition"
            )
        return manifest
