"""Reading partition manifests and manifest lists in TF-M's YAML (FF-M 1.1, manifest; TF-M manifest tool)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..interface.errors import TfmSimError
from ..platform.yaml_source import YamlValue, load_yaml, parse_yaml
from .c_types import UINT32_MASK
from .handles import STATELESS_VERSION_MASK
from .manifest import (
    IrqHandling,
    IrqManifest,
    MmioRegionManifest,
    PartitionManifest,
    PartitionModel,
    PartitionType,
    Priority,
    ServiceManifest,
    VersionPolicy,
)

FRAMEWORK_VERSIONS: Final = {"1.0": 0x0100, "1.1": 0x0101}
C_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
STATELESS_HANDLE_AUTO: Final = "auto"
BUILTIN_PRIORITIES: Final = {Priority.HIGHEST, Priority.LOWEST}

BUILD_SYMBOLS: Final[Mapping[str, int]] = {
    "ATTEST_STACK_SIZE": 0x800,
    "CRYPTO_STACK_SIZE": 0x1B00,
    "FWU_STACK_SIZE": 0x600,
    "ITS_STACK_SIZE": 0x720,
    "NS_AGENT_MAILBOX_STACK_SIZE": 0x800,
    "PLATFORM_SP_STACK_SIZE": 0x500,
    "PS_STACK_SIZE": 0x700,
}
"""TF-M config symbols that its own manifests use for stack sizes, in bytes."""

_TOP_REQUIRED: Final = ("psa_framework_version", "name", "type", "priority", "stack_size")
_TOP_OPTIONAL: Final = (
    "model",
    "entry_point",
    "entry_init",
    "heap_size",
    "description",
    "services",
    "dependencies",
    "weak_dependencies",
    "irqs",
    "mmio_regions",
)
_SERVICE_OPTIONAL: Final = (
    "connection_based",
    "description",
    "mm_iovec",
    "non_secure_clients",
    "stateless_handle",
    "version",
    "version_policy",
)


class ManifestError(TfmSimError):
    """A manifest that breaks a rule: ``FILE:LINE: what; found ...; legal: ...``."""


@dataclass(frozen=True, slots=True)
class ManifestListItem:
    """One line of a manifest list: the manifest's path and the partition id, None where TF-M would choose."""

    description: str
    manifest: Path
    pid: int | None
    conditional: str | None
    line: int


def load_manifest(path: Path, symbols: Mapping[str, int] = BUILD_SYMBOLS) -> PartitionManifest:
    """The manifest in a file. Raises ManifestError with file and line for whatever breaks a rule."""
    return _Manifest(load_yaml(path, ManifestError), symbols).read()


def parse_manifest(
    text: str | bytes, name: str, symbols: Mapping[str, int] = BUILD_SYMBOLS
) -> PartitionManifest:
    """The manifest in ``text``; ``name`` stands for the file in messages."""
    raw = text.encode() if isinstance(text, str) else text
    return _Manifest(parse_yaml(raw, name, ManifestError), symbols).read()


def load_manifest_list(path: Path) -> list[ManifestListItem]:
    """The items of a ``tfm_manifest_list.yaml``; manifest paths are relative to the list's folder."""
    root = load_yaml(path, ManifestError)
    items = []
    for item in root.mapping(["manifest_list"])["manifest_list"].sequence():
        entry = item.mapping(["description", "manifest"])
        pid = entry.get("pid")
        conditional = entry.get("conditional")
        items.append(
            ManifestListItem(
                entry["description"].scalar_text(),
                path.parent / entry["manifest"].string("a path"),
                pid.integer(1, 0x7FFFFFFF) if pid else None,
                conditional.scalar_text() if conditional else None,
                item.line,
            )
        )
    return items


class _Manifest:
    """The reader of one manifest."""

    def __init__(self, root: YamlValue, symbols: Mapping[str, int]) -> None:
        self._root = root
        self._symbols = symbols

    def read(self) -> PartitionManifest:
        root = self._root
        # TF-M manifest tool: no attribute outside the known set.
        top = root.mapping(_TOP_REQUIRED, _TOP_OPTIONAL)
        version = top["psa_framework_version"].choice(FRAMEWORK_VERSIONS)
        is_1_0 = version == FRAMEWORK_VERSIONS["1.0"]
        model = self._model(top, is_1_0)
        manifest = PartitionManifest(
            source=root.source.name,
            psa_framework_version=version,
            name=top["name"].string("a C identifier", C_IDENTIFIER),
            type=top["type"].choice({t.value: t for t in PartitionType}),
            priority=top["priority"].choice({p.name: p for p in Priority if p not in BUILTIN_PRIORITIES}),
            model=model,
            entry=self._entry(top, model),
            stack_size=self._size(top["stack_size"]),
            heap_size=self._size(top["heap_size"]) if "heap_size" in top else 0,
            description=top["description"].scalar_text() if "description" in top else "",
            services=tuple(self._service(s, is_1_0) for s in self._items(top, "services")),
            dependencies=self._names(top, "dependencies"),
            weak_dependencies=self._names(top, "weak_dependencies"),
            irqs=tuple(self._irq(i, is_1_0) for i in self._items(top, "irqs")),
            mmio_regions=tuple(self._mmio(m) for m in self._items(top, "mmio_regions")),
            line=top["name"].line,
        )
        self._check_services(manifest)
        return manifest

    def _model(self, top: dict[str, YamlValue], is_1_0: bool) -> PartitionModel:
        # FF-M 1.0 manifest: the model is IPC; FF-M 1.1 manifest: the model is required.
        if "model" in top:
            models = {m.value: m for m in PartitionModel if not is_1_0 or m is PartitionModel.IPC}
            return top["model"].choice(models)
        if not is_1_0:
            raise self._root.error("missing key 'model'", None, "IPC or SFN in a manifest of version 1.1")
        return PartitionModel.IPC

    def _entry(self, top: dict[str, YamlValue], model: PartitionModel) -> str:
        # FF-M 1.1 manifest: entry_point belongs to the IPC model and is required, entry_init to SFN.
        needed, other = ("entry_point", "entry_init")
        if model is PartitionModel.SFN:
            needed, other = other, needed
        if other in top:
            raise top[other].error(f"{other} in a partition of model {model.value}", None, needed)
        if needed in top:
            return top[needed].string("a C identifier", C_IDENTIFIER)
        if model is PartitionModel.IPC:
            raise self._root.error("missing key 'entry_point'", None, "a C identifier for an IPC partition")
        return ""

    def _size(self, value: YamlValue) -> int:
        # FF-M 1.1 manifest: stack and heap are positive numbers, or hex strings; TF-M: or build symbols.
        legal = f"a positive number of bytes, a hex string, or one of {', '.join(self._symbols)}"
        if isinstance(value.value, str) and value.value in self._symbols:
            return self._symbols[value.value]
        return _number(value, legal, 1)

    def _items(self, top: dict[str, YamlValue], key: str) -> list[YamlValue]:
        return top[key].sequence() if key in top else []

    def _names(self, top: dict[str, YamlValue], key: str) -> tuple[str, ...]:
        return tuple(item.string("a service name", C_IDENTIFIER) for item in self._items(top, key))

    def _service(self, value: YamlValue, is_1_0: bool) -> ServiceManifest:
        entry = value.mapping(("name", "sid"), _SERVICE_OPTIONAL)
        connection_based = True
        # FF-M 1.1 manifest: connection_based is required; FF-M 1.0 knows connections only.
        if "connection_based" in entry:
            connection_based = entry["connection_based"].boolean()
            if is_1_0 and not connection_based:
                raise entry["connection_based"].error("a stateless service in version 1.0", None, "true")
        elif not is_1_0:
            raise value.error("missing key 'connection_based'", None, "true or false in version 1.1")
        policy = VersionPolicy.STRICT
        if "version_policy" in entry:
            policy = entry["version_policy"].choice({p.value: p for p in VersionPolicy})
        return ServiceManifest(
            name=entry["name"].string("a C identifier", C_IDENTIFIER),
            sid=_number(entry["sid"], "a 32-bit SID", 0, 0xFFFFFFFF),
            non_secure_clients="non_secure_clients" in entry and entry["non_secure_clients"].boolean(),
            connection_based=connection_based,
            # FF-M 1.1 manifest: a version is positive, 1 where it is left out.
            version=_version(entry, connection_based),
            version_policy=policy,
            stateless_handle=_stateless_handle(entry, connection_based),
            mm_iovec="mm_iovec" in entry and entry["mm_iovec"].choice({"enable": True, "disable": False}),
            description=entry["description"].scalar_text() if "description" in entry else "",
            line=value.line,
        )

    def _irq(self, value: YamlValue, is_1_0: bool) -> IrqManifest:
        description = ("description",)
        if is_1_0:
            entry = value.mapping(("source", "signal"), description)
            signal, handling = entry["signal"].string("a C identifier", C_IDENTIFIER), IrqHandling.SLIH
        else:
            entry = value.mapping(("source", "name", "handling"), description)
            signal = entry["name"].string("a C identifier", C_IDENTIFIER) + "_SIGNAL"
            handling = entry["handling"].choice({h.value: h for h in IrqHandling})
        source: int | str = entry["source"].scalar_text()
        if isinstance(entry["source"].value, int):
            source = entry["source"].integer()
        text = entry["description"].scalar_text() if "description" in entry else ""
        return IrqManifest(source, signal, handling, text)

    def _mmio(self, value: YamlValue) -> MmioRegionManifest:
        entry = value.mapping(("permission",), ("name", "base", "size"))
        writable = entry["permission"].choice({"READ-ONLY": False, "READ-WRITE": True})
        if "name" in entry:
            return MmioRegionManifest(
                entry["name"].string("a C identifier", C_IDENTIFIER), None, None, writable
            )
        for key in ("base", "size"):
            if key not in entry:
                raise value.error(f"missing key {key!r}", None, "a name, or base and size")
        base = _number(entry["base"], "an address as a hex string", 0, 0xFFFFFFFF)
        return MmioRegionManifest("", base, self._size(entry["size"]), writable)

    def _check_services(self, manifest: PartitionManifest) -> None:
        # TF-M manifest tool: a partition offers a service or owns an interrupt.
        if not manifest.services and not manifest.irqs:
            raise self._root.error(
                f"{manifest.name} has neither a service nor an interrupt", None, "at least one"
            )


def _number(value: YamlValue, legal: str, least: int, most: int = 0xFFFFFFFF) -> int:
    """A number, written as one or as a hex string."""
    if isinstance(value.value, str):
        try:
            number = int(value.value, 16) if value.value.lower().startswith("0x") else int(value.value)
        except ValueError:
            raise value.error("not a number", value.describe(), legal) from None
        if not least <= number <= most:
            raise value.error("out of range", value.describe(), legal)
        return number
    return value.integer(least, most, legal)


def _version(entry: dict[str, YamlValue], connection_based: bool) -> int:
    """A service's version; that of a stateless one has to fit the eight bits of its handle."""
    if "version" not in entry:
        return 1
    return entry["version"].integer(1, UINT32_MASK if connection_based else STATELESS_VERSION_MASK)


def _stateless_handle(entry: dict[str, YamlValue], connection_based: bool) -> int | None:
    # FF-M 1.1 manifest: stateless_handle is 1 to 32 or "auto", and only for a stateless service.
    if "stateless_handle" not in entry:
        return None
    value = entry["stateless_handle"]
    if connection_based:
        raise value.error("stateless_handle of a connection-based service", value.describe(), "none")
    if value.value == STATELESS_HANDLE_AUTO:
        return None
    return value.integer(1, 32, 'an integer in 1..32, or "auto"')
