"""Reading manifest lists: which partitions a build has, and with which ids (tfm_manifest_list.yaml)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from ..platform.yaml_source import YamlValue, load_yaml
from .manifest import BUILTIN_PIDS, PID_RANGE, TFM_PID_BASE, ManifestError, PartitionManifest
from .manifest_file import BUILD_SYMBOLS, load_manifest

CONDITIONS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("1", "on", "true", "enabled"), True),
    **dict.fromkeys(("0", "off", "false", "disabled", ""), False),
}
"""What a build configuration may say, in any case, and whether the partition is then in the build."""

_VERSIONS: Final = ("version_major", "version_minor")
_OPTIONAL: Final = ("output_path", "conditional", "pid", "linker_pattern", "non_ffm_attributes", *_VERSIONS)
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ManifestListItem:
    """A partition of the build: its manifest's path, its id, and the attributes that it registers.

    ``output_path``, ``linker_pattern`` and ``version`` (major, minor) mean something to TF-M's build only.
    ``source`` and ``line`` say where the list has it.
    """

    description: str
    manifest: Path
    pid: int
    conditional: str | None
    output_path: str
    linker_pattern: Mapping[str, tuple[str, ...]]
    non_ffm_attributes: tuple[str, ...]
    version: tuple[int, int]
    source: str
    line: int

    def load(self, symbols: Mapping[str, int] = BUILD_SYMBOLS, backend: str = "IPC") -> PartitionManifest:
        """The manifest, read with the attributes that the list registers. Raises ManifestError."""
        return load_manifest(self.manifest, symbols, backend, self.non_ffm_attributes)


def load_manifest_list(
    *paths: str | Path,
    configs: Mapping[str, object] | None = None,
    variables: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> list[ManifestListItem]:
    """The partitions of a build, from one list or several, in their order.

    ``configs`` are the build configurations that ``conditional`` names; with None every partition is in the
    build. ``variables`` are what ``$NAME`` and ``${NAME}`` in paths stand for. A path is relative to its
    list, or else to ``root``, which for TF-M's lists is TF-M's own folder.

    Raises ManifestError with file and line for whatever breaks a rule.
    """
    entries = [(path, item) for path in map(Path, paths) for item in _items(path)]
    enabled = [(path, item) for path, item in entries if _is_enabled(item, configs)]
    pids = _pids([item for _, item in enabled])
    return [
        _item(path, item, pid, variables or {}, root) for (path, item), pid in zip(enabled, pids, strict=True)
    ]


def _items(path: Path) -> list[YamlValue]:
    top = load_yaml(path, ManifestError).mapping(("manifest_list",), ("description", "type", *_VERSIONS))
    items = top["manifest_list"].sequence()
    for item in items:
        item.mapping(("description", "manifest"), _OPTIONAL)
    return items


def _is_enabled(item: YamlValue, configs: Mapping[str, object] | None) -> bool:
    # TF-M manifest tool: a conditional names a defined configuration that is plainly on or off.
    value = item.get("conditional")
    name = value.scalar_text("the name of a build configuration") if value else ""
    if value is None or configs is None:
        return True
    if name not in configs:
        raise value.error("an undefined configuration", repr(name), ", ".join(configs) or "none is defined")
    setting = str(configs[name]).lower()
    if setting not in CONDITIONS:
        raise value.error(f"{name} is neither on nor off", repr(setting), ", ".join(map(repr, CONDITIONS)))
    return CONDITIONS[setting]


def _pids(items: Sequence[YamlValue]) -> list[int]:
    # TF-M manifest tool: no id twice; those left out follow the highest one given, in order.
    taken = dict(BUILTIN_PIDS)
    for item in items:
        if value := item.get("pid"):
            pid = value.integer(*PID_RANGE, "a number in {}..{}".format(*PID_RANGE))
            if pid in taken:
                raise value.error(f"partition id {pid} is taken by {taken[pid]}", None, "one that is free")
            taken[pid] = f"{item.source.name}:{value.line}"
    free = count(max(TFM_PID_BASE, max(taken) + 1))
    return [value.integer() if (value := item.get("pid")) else next(free) for item in items]


def _item(
    path: Path, item: YamlValue, pid: int, variables: Mapping[str, str], root: Path | None
) -> ManifestListItem:
    entry = item.mapping()
    conditional, output, pattern = (entry.get(k) for k in ("conditional", "output_path", "linker_pattern"))
    patterns = pattern.mapping((), ("library_list", "object_list")) if pattern else {}
    major, minor = (entry[key].integer() if key in entry else 0 for key in _VERSIONS)
    manifest = _expanded(entry["manifest"], variables)
    beside = path.parent / manifest
    return ManifestListItem(
        description=entry["description"].scalar_text(),
        manifest=beside if root is None or _is_file(beside) else root / manifest,
        pid=pid,
        conditional=conditional.scalar_text() if conditional else None,
        output_path=_expanded(output, variables) if output else "",
        linker_pattern={key: _texts(value) for key, value in patterns.items()},
        non_ffm_attributes=_texts(entry.get("non_ffm_attributes")),
        version=(major, minor),
        source=item.source.name,
        line=item.line,
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _texts(value: YamlValue | None) -> tuple[str, ...]:
    return tuple(item.string() for item in value.sequence()) if value else ()


def _expanded(value: YamlValue, variables: Mapping[str, str]) -> str:
    """A path with its variables replaced, as TF-M's tool replaces environment variables."""

    def replacement(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in variables:
            raise value.error("an undefined variable", name, ", ".join(variables) or "a path without one")
        return variables[name]

    return _VARIABLE.sub(replacement, value.string("a path")).replace("\\", "/")
