"""The house: which room may import which, and the folder that stays a namespace (docs/architecture.md)."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# room -> rooms that it may import; a room's own modules are always legal.
ARROWS = {
    "interface": set(),
    "platform": {"interface"},
    "bootloader": {"interface", "platform"},
    "spm": {"interface", "platform"},
    "partitions": {"interface", "platform", "spm"},
    "firmware_build": {"interface", "platform", "bootloader", "spm", "partitions"},
    "firmware_checks": {"interface", "platform", "bootloader", "spm", "partitions", "firmware_build"},
    "firmware_profiles": {"interface", "platform", "bootloader", "spm", "partitions", "firmware_build"},
    "device": {
        "interface",
        "platform",
        "bootloader",
        "spm",
        "partitions",
        "firmware_build",
        "firmware_checks",
    },
    "tools": {
        "interface",
        "platform",
        "bootloader",
        "spm",
        "partitions",
        "firmware_build",
        "firmware_checks",
        "firmware_profiles",
        "device",
    },
}
PARTITION_API = {"tfm_sim.spm.partition_api"}
PARTITIONS = sorted(p.name for p in (ROOT / "partitions").iterdir() if p.is_dir() and p.name != "__pycache__")


def modules() -> list[tuple[str, Path]]:
    """Every module of ours by its full name; the package's own root is `tfm_sim`."""
    roots = ("__init__", "firmware_build", "firmware_checks", "firmware_profiles", "device")
    files = [ROOT / f"{name}.py" for name in roots]
    files += [f for room in ARROWS if (ROOT / room).is_dir() for f in (ROOT / room).rglob("*.py")]
    return [(module_name(f), f) for f in files]


def module_name(file: Path) -> str:
    parts = ["tfm_sim", *file.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(name: str, file: Path) -> set[str]:
    """The full names of our modules that a module imports, relative imports resolved."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            found.add(target)
            found |= {f"{target}.{alias.name}" for alias in node.names}
    return {module for module in found if module.split(".")[0] == "tfm_sim"}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize(("name", "file"), [pytest.param(n, f, id=n) for n, f in modules()])
def test_arrows_go_down(name: str, file: Path) -> None:
    room = room_of(name)
    if room not in ARROWS:
        return
    legal = ARROWS[room] | {room}
    wrong = {m for m in imports(name, file) if room_of(m) in ARROWS and room_of(m) not in legal}
    assert not wrong, f"{name} may import {sorted(legal)} only"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_partitions_know_neither_each_other_nor_the_spm(partition: str) -> None:
    others = {f"tfm_sim.partitions.{p}" for p in PARTITIONS if p != partition}
    for file in (ROOT / "partitions" / partition).rglob("*.py"):
        for module in imports(module_name(file), file):
            assert not any(module == o or module.startswith(o + ".") for o in others), (file, module)
            if room_of(module) == "spm":
                assert module == "tfm_sim.spm" or any(module.startswith(api) for api in PARTITION_API), (
                    file,
                    module,
                )


VERIFIERS = {
    # folder of tools -> prefixes of modules that are the device's side of the same format
    "verifier": ("tfm_sim.interface.tfm",),
    "esp_tee": ("tfm_sim.interface.tfm", "tfm_sim.interface.esp_tee"),
    "stm32": ("tfm_sim.interface.tfm", "tfm_sim.interface.stm32"),
}
NO_VERIFIERS = {"reference_yaml.py", "certificates.py", "factory.py"}
"""Files beside a verifier: a relying party's own file, and the factory, whose work the verifier judges."""


@pytest.mark.parametrize("folder", VERIFIERS)
def test_the_verifier_shares_no_encoder_with_the_device(folder: str) -> None:
    for file in (ROOT / "tools" / folder).rglob("*.py"):
        if file.name in NO_VERIFIERS:
            continue
        for module in imports(module_name(file), file):
            assert room_of(module) in {"tools", "interface", ""}, (file, module)
            assert not module.startswith(VERIFIERS[folder]), (file, module)


def test_the_commissioner_shares_no_encoder_with_device_or_pki() -> None:
    """What it has of theirs are the numbers and the interface of commissioning, and errors and enums."""
    mine = "tfm_sim.tools.matter.commissioner"
    shared = ("interface.matter.commissioning", "interface.errors", "interface.open_enum")
    legal = (f"{mine}.", *(f"tfm_sim.{module}" for module in shared))
    for file in (ROOT / "tools" / "matter" / "commissioner").rglob("*.py"):
        for module in imports(module_name(file), file):
            parents = {mine, *(f"tfm_sim.{m}" for m in ("interface", "interface.matter"))}
            assert module in parents or module.startswith(legal), (file, module)


def test_platform_is_a_namespace_folder() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_the_standard_library_keeps_its_platform_from_the_root() -> None:
    code = "import platform; print(platform.python_implementation())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == sys.implementation.name.replace("cpython", "CPython"), done.stderr


def test_every_package_is_installed() -> None:
    """A folder that pyproject.toml forgets is missing from the wheel, though not from a checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {room: ROOT / room for room in ARROWS if (ROOT / room).is_dir()}
    files = [file for path in folders.values() for file in path.rglob("*.py")]
    found = {module_name(f) if f.name == "__init__.py" else module_name(f).rpartition(".")[0] for f in files}
    found = {name for name in found if name != "tfm_sim"} | {"tfm_sim"}
    assert set(project["tool"]["setuptools"]["packages"]) == found


def test_programs_of_matter_devices_stand_on_interface_alone() -> None:
    """What runs on the device reaches it by its interfaces, as C code would; never by its insides."""
    folder = "tfm_sim.tools.matter.firmware"
    for file in (ROOT / "tools" / "matter" / "firmware").rglob("*.py"):
        for module in imports(module_name(file), file):
            legal = room_of(module) == "interface" or module == folder or module.startswith(f"{folder}.")
            assert legal, (file, module)
