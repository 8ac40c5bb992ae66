"""What an installation gets: pyproject.toml names every package, and every data file of the tree."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SETUPTOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
ROOMS = ("bootloader", "interface", "partitions", "platform", "spm", "tools")


def files(pattern: str) -> list[Path]:
    """Of the source tree, relative to it; caches and firmware sources aside."""
    found = (file.relative_to(ROOT) for room in ROOMS for file in (ROOT / room).rglob(pattern))
    return [file for file in found if (ROOT / file).is_file() and "__pycache__" not in file.parts]


def test_every_folder_with_code_is_a_package_of_the_list() -> None:
    folders = {file.parent for file in files("*.py")}
    wanted = {"tfm_sim", *(".".join(("tfm_sim", *folder.parts)) for folder in folders)}
    assert set(SETUPTOOLS["packages"]) == wanted


def test_every_other_file_is_package_data() -> None:
    patterns: dict[str, list[str]] = SETUPTOOLS["package-data"]
    packed = set()
    for package, globs in patterns.items():
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in globs:
            matched = [file.relative_to(ROOT) for file in folder.glob(pattern) if file.is_file()]
            assert matched, f"{package}: nothing matches {pattern}"
            packed |= set(matched)
    wanted = {file for file in files("*") if file.suffix != ".py"} | {Path("py.typed")}
    assert packed == wanted
