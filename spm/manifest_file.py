"""Reading partition manifests in TF-M's YAML or Arm's JSON (FF-M 1.0 and 1.1; TF-M manifest tool)."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from ..platform.yaml_source import YamlValue, load_yaml, parse_yaml
from .c_types import UINT32_MASK
from .handles import STATELESS_SERVICES_MAX, STATELESS_VERSION_MASK
from .manifest import (
    FRAMEWORK_1_0,
    FRAMEWORK_1_1,
    ClientIdRange,
    IrqHandling,
    IrqManifest,
    ManifestError,
    MmioRegionManifest,
    PartitionManifest,
    PartitionModel,
    PartitionType,
    Priority,
    ServiceManifest,
    VersionPolicy,
)

FRAMEWORK_VERSIONS: Final = {1.0: FRAMEWORK_1_0, 1.1: FRAMEWORK_1_1}
C_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
TFM_EXTENSIONS: Final = ("ns_agent", "weak_dependencies")
"""Top-level attributes of TF-M's own that a manifest list has to register."""
ADDRESS_SPACE: Final = 1 << 32

BUILD_SYMBOLS: Final[Mapping[str, int]] = {
    "ATTEST_STACK_SIZE": 0x800,
    "CRYPTO_STACK_SIZE": 0x1B00,
    "FWU_STACK_SIZE": 0x600,
    "ITS_STACK_SIZE": 0x720,
    "NS_AGENT_MAILBOX_STACK_SIZE": 0x800,
    "PLATFORM_SP_STACK_SIZE": 0x500,
    "PS_STACK_SIZE": 0x700,
    "SECURE_TEST_PARTITION_STACK_SIZE": 0x1200,
}
"""TF-M config symbols that its own manifests use for stack sizes, in bytes."""

_BUILTIN_PRIORITIES: Final = {Priority.HIGHEST, Priority.LOWEST}
_IDS: Final = ("client_id_base", "client_id_limit")
_TOP_REQUIRED: Final = ("psa_framework_version", "name", "type", "priority", "stack_size")
_TOP_OPTIONAL: Final = (
    *("model", "entry_point", "entry_init", "heap_size", "description", "services", "dependencies"),
    *("irqs", "mmio_regions", *_IDS),
)
_SERVICE_OPTIONAL: Final = (
    *("connection_based", "description", "mm_iovec", "non_secure_clients", "stateless_handle", "version"),
    "version_policy",
)
_IRQ_KEYS: Final = {
    FRAMEWORK_1_0: ("source", "signal"),
    FRAMEWORK_1_1: ("source", "name", "handling"),
}

Entries = dict[str, YamlValue]
T = TypeVar("T")
E = TypeVar("E", bound=Enum)


def load_manifest(
    path: str | Path,
    symbols: Mapping[str, int] = BUILD_SYMBOLS,
    backend: str = "IPC",
    registered: Collection[str] = TFM_EXTENSIONS,
) -> PartitionManifest:
    """The manifest in a file. Raises ManifestError with file and line for whatever breaks a rule.

    ``symbols`` are sizes by build symbol, in bytes. A manifest of model "dual" takes the ``backend``'s.
    ``registered`` are the attributes beyond FF-M's that are legal: what a manifest list registers, or TF-M's
    own where no list is in play.
    """
    return _Manifest(load_yaml(Path(path), ManifestError), symbols, registered).read().for_backend(backend)


def parse_manifest(
    text: str | bytes,
    name: str,
    symbols: Mapping[str, int] = BUILD_SYMBOLS,
    backend: str = "IPC",
    registered: Collection[str] = TFM_EXTENSIONS,
) -> PartitionManifest:
    """The manifest in ``text``, as load_manifest reads one; ``name`` stands for the file in messages."""
    raw = text.encode() if isinstance(text, str) else text
    return _Manifest(parse_yaml(raw, name, ManifestError), symbols, registered).read().for_backend(backend)


class _Manifest:
    """The reader of one manifest."""

    def __init__(self, root: YamlValue, symbols: Mapping[str, int], registered: Collection[str]) -> None:
        self._root = root
        self._symbols = symbols
        # TF-M manifest tool: no attribute outside the known set, but for those that the list registers.
        for key in TFM_EXTENSIONS:
            if (value := root.get(key)) and key not in registered:
                what = "an extension of TF-M without registration"
                raise value.error(what, None, "in the list's non_ffm_attributes")
        self._top = root.mapping(_TOP_REQUIRED, (*_TOP_OPTIONAL, *registered))
        self._version = _framework_version(self._top["psa_framework_version"])

    def read(self) -> PartitionManifest:
        top = self._top
        models = {m.value: m for m in PartitionModel}
        model = self._model()
        dependencies = self._names("dependencies")
        weak_dependencies = self._names("weak_dependencies")
        lines = {key: value.line for key, value in (weak_dependencies | dependencies | top).items()}
        ns_agent = _optional(top, "ns_agent", YamlValue.boolean, False)
        client_ids = self._client_ids(self._root, top, ns_agent)
        return PartitionManifest(
            source=self._root.source.name,
            psa_framework_version=self._version,
            name=_identifier(top["name"]),
            type=_member(PartitionType)(top["type"]),
            priority=top["priority"].choice({p.name: p for p in Priority if p not in _BUILTIN_PRIORITIES}),
            model=models.get(model, PartitionModel.IPC),
            dual=model not in models,
            entry_point=self._entry("entry_point", model, "SFN"),
            entry_init=self._entry("entry_init", model, "IPC"),
            stack_size=self._size(top["stack_size"]),
            heap_size=_optional(top, "heap_size", self._size, 0),
            description=_optional(top, "description", YamlValue.scalar_text, ""),
            services=tuple(self._service(s) for s in self._items("services")),
            dependencies=tuple(dependencies),
            weak_dependencies=tuple(weak_dependencies),
            irqs=tuple(self._irq(i, ns_agent, client_ids) for i in self._items("irqs")),
            mmio_regions=tuple(self._mmio(m) for m in self._items("mmio_regions")),
            ns_agent=ns_agent,
            client_ids=client_ids,
            line=top["name"].line,
            lines=lines,
        )

    @property
    def _is_1_0(self) -> bool:
        return self._version == FRAMEWORK_1_0

    def _model(self) -> str:
        # FF-M 1.0 manifest: the model is IPC; FF-M 1.1 manifest: the model is required.
        # TF-M manifest tool: a third model is "dual", which follows the backend.
        if "model" in self._top:
            legal = ("IPC",) if self._is_1_0 else ("IPC", "SFN", "dual")
            return self._top["model"].choice({m: m for m in legal})
        if not self._is_1_0:
            raise self._root.error(
                "missing key 'model'", None, "IPC, SFN or dual in a manifest of version 1.1"
            )
        return "IPC"

    def _entry(self, key: str, model: str, other_model: str) -> str:
        # FF-M 1.1 manifest: entry_point is for the IPC model, entry_init for SFN; "dual" may have both.
        if key in self._top and model == other_model:
            raise self._top[key].error(f"{key} in a partition of model {model}", None, "the other entry")
        return _optional(self._top, key, _identifier, "")

    def _size(self, value: YamlValue) -> int:
        # FF-M 1.1 manifest: stack and heap are positive numbers, hex strings, or build symbols.
        if isinstance(value.value, str) and value.value in self._symbols:
            return self._symbols[value.value]
        legal = f"a positive number of bytes, a hex string, or one of {', '.join(self._symbols)}"
        return value.integer(1, UINT32_MASK, legal, quoted=True)

    def _items(self, key: str) -> list[YamlValue]:
        return _optional(self._top, key, YamlValue.sequence, [])

    def _names(self, key: str) -> Entries:
        return {_identifier(item, "a service name"): item for item in self._items(key)}

    def _service(self, value: YamlValue) -> ServiceManifest:
        entry = value.mapping(("name", "sid"), _SERVICE_OPTIONAL)
        connection_based = _optional(entry, "connection_based", YamlValue.boolean, True)
        # FF-M 1.1 manifest: connection_based is required; FF-M 1.0 manifest: services have connections only.
        if self._is_1_0 and not connection_based:
            raise entry["connection_based"].error("a stateless service in version 1.0", None, "true")
        if not self._is_1_0 and "connection_based" not in entry:
            raise value.error("missing key 'connection_based'", None, "true or false in version 1.1")
        # FF-M 1.1 manifest: a version is positive; that of a stateless service has to fit its handle.
        most = UINT32_MASK if connection_based else STATELESS_VERSION_MASK
        switch = {"enable": True, "disable": False}
        return ServiceManifest(
            name=_identifier(entry["name"]),
            sid=entry["sid"].integer(0, UINT32_MASK, "a 32-bit SID, as a number or hex string", quoted=True),
            non_secure_clients=_optional(entry, "non_secure_clients", YamlValue.boolean, False),
            connection_based=connection_based,
            version=_optional(entry, "version", lambda v: v.integer(1, most), 1),
            version_policy=_optional(entry, "version_policy", _member(VersionPolicy), VersionPolicy.STRICT),
            stateless_handle=_stateless_handle(entry, connection_based),
            mm_iovec=_optional(entry, "mm_iovec", lambda v: v.choice(switch), False),
            description=_optional(entry, "description", YamlValue.scalar_text, ""),
            line=value.line,
        )

    def _irq(self, value: YamlValue, ns_agent: bool, agent_ids: ClientIdRange | None) -> IrqManifest:
        # FF-M 1.0 manifest: an irq names its signal, and is SLIH.
        # FF-M 1.1 manifest: an irq has a name and a kind.
        entry = value.mapping(_IRQ_KEYS[self._version], ("description", *_IDS))
        name = _identifier(entry["signal" if self._is_1_0 else "name"])
        ids = self._client_ids(value, entry, ns_agent)
        # TF-M manifest tool: an interrupt's client ids lie within its agent's.
        if ids is not None and agent_ids is not None and ids not in agent_ids:
            raise entry[_IDS[0]].error("client ids outside the agent's", ids, f"within {agent_ids}")
        return IrqManifest(
            source=_irq_source(entry["source"]),
            name=name,
            signal=name if self._is_1_0 else f"{name}_SIGNAL",
            handling=_optional(entry, "handling", _member(IrqHandling), IrqHandling.SLIH),
            description=_optional(entry, "description", YamlValue.scalar_text, ""),
            client_ids=ids,
            line=value.line,
        )

    def _client_ids(self, value: YamlValue, entry: Entries, ns_agent: bool) -> ClientIdRange | None:
        # TF-M manifest tool: an agent, and each interrupt of it, has a range of negative 32-bit client ids.
        if not ns_agent and not any(key in entry for key in _IDS):
            return None
        for key in _IDS:
            if key not in entry:
                raise value.error(f"missing key {key!r}", None, "both ends of the range of an ns_agent's ids")
        base, limit = (_client_id(entry[key]) for key in _IDS)
        if base > limit:
            raise entry[_IDS[0]].error("base above limit", f"{base:#x}", f"up to {limit:#x}")
        return ClientIdRange(base, limit, entry[_IDS[0]].line)

    def _mmio(self, value: YamlValue) -> MmioRegionManifest:
        # FF-M 1.1 manifest: a region is named, or numbered by a base as a hex string and a size.
        entry = value.mapping(("permission",), ("name", "base", "size"))
        writable = entry["permission"].choice({"READ-ONLY": False, "READ-WRITE": True})
        given = [key for key in ("name", "base", "size") if key in entry]
        if given == ["name"]:
            return MmioRegionManifest(_identifier(entry["name"]), None, None, writable, value.line)
        if given != ["base", "size"]:
            raise value.error("neither named nor numbered", ", ".join(given), "a name, or base and size")
        base = int(entry["base"].string("a 32-bit address as a hex string", r"0[xX][0-9a-fA-F]{1,8}"), 16)
        size = self._size(entry["size"])
        if base + size > ADDRESS_SPACE:
            raise entry["size"].error("end above 4 GiB", f"{base + size:#x}", f"up to {ADDRESS_SPACE:#x}")
        return MmioRegionManifest("", base, size, writable, value.line)


def _optional(entry: Entries, key: str, read: Callable[[YamlValue], T], default: T) -> T:
    """What ``read`` makes of an attribute, ``default`` where it is left out."""
    return read(entry[key]) if key in entry else default


def _member(members: type[E]) -> Callable[[YamlValue], E]:
    return lambda value: value.choice({member.value: member for member in members})


def _identifier(value: YamlValue, legal: str = "a C identifier") -> str:
    return value.string(legal, C_IDENTIFIER)


def _framework_version(value: YamlValue) -> int:
    # FF-M 1.1 manifest: psa_framework_version is a number; TF-M boot: it is not newer than the SPM's own.
    number = value.value
    if isinstance(number, bool) or not isinstance(number, int | float) or number not in FRAMEWORK_VERSIONS:
        newer = isinstance(number, int | float) and number > max(FRAMEWORK_VERSIONS)
        what = "newer than this SPM's framework" if newer else "not legal"
        raise value.error(what, value.describe(), ", ".join(map(str, FRAMEWORK_VERSIONS)))
    return FRAMEWORK_VERSIONS[number]


def _irq_source(value: YamlValue) -> int | str:
    legal = "an interrupt's number, or the platform's symbol"
    return value.integer(0, UINT32_MASK, legal) if isinstance(value.value, int) else _identifier(value, legal)


def _client_id(value: YamlValue) -> int:
    """A client id as TF-M writes it: negative, or the same bits as an unsigned number."""
    legal = "a negative 32-bit number, such as -0x3c000000"
    number = value.integer(-(1 << 31), UINT32_MASK, legal, quoted=True)
    if 0 <= number < 1 << 31:
        raise value.error("not negative", value.describe(), legal)
    return number if number < 0 else number - ADDRESS_SPACE


def _stateless_handle(entry: Entries, connection_based: bool) -> int | None:
    # FF-M 1.1 manifest: stateless_handle is 1 to 32 or "auto", and only for a stateless service.
    if "stateless_handle" not in entry:
        return None
    value = entry["stateless_handle"]
    if connection_based:
        raise value.error("stateless_handle of a connection-based service", value.describe(), "none")
    if value.value == "auto":
        return None
    return value.integer(1, STATELESS_SERVICES_MAX, f'an integer in 1..{STATELESS_SERVICES_MAX}, or "auto"')


__all__ = ["BUILD_SYMBOLS", "TFM_EXTENSIONS", "ManifestError", "load_manifest", "parse_manifest"]
