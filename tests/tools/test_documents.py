"""What the documents say can be done: every Python block runs as printed, every link leads somewhere."""

import re
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any, Final

import pytest

import tfm_sim
from tfm_sim.device import Device
from tfm_sim.tools.trace import JsonLinesTrace, recording

ROOT: Final = Path(tfm_sim.__file__).parent
DOCUMENTS: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_PYTHON: Final = [path for path in DOCUMENTS if "```python\n" in path.read_text()]
IMAGES: Final = ROOT / "tools" / "demo" / "images"


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), flags=re.DOTALL)


def prose(path: Path) -> str:
    return re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that the documents speak of."""
    monkeypatch.chdir(tmp_path)
    for manifest in blocks(ROOT / "docs" / "python.md", "yaml"):
        name = re.search(r"^name: (\w+)$", manifest, flags=re.MULTILINE)
        assert name is not None
        (tmp_path / f"{name[1].lower()}.yaml").write_text(manifest)
    (tmp_path / "tfm_manifest_list.yaml").write_text(
        "description: a list\ntype: manifest_list\nversion_major: 0\nversion_minor: 1\n"
        "manifest_list: [{description: a counter, manifest: counter.yaml}]\n"
    )
    copy(ROOT / "platform" / "boards" / "an521.yaml", "my_board.yaml")
    copy(IMAGES / "secure_1.0.0.bin", "tfm_s_signed.bin")
    copy(IMAGES / "non_secure_1.0.0.bin", "tfm_ns_signed.bin")
    with (
        (tmp_path / "token.jsonl").open("w") as sink,
        tfm_sim.boot() as device,
        recording(device.trace, JsonLinesTrace(sink, device.trace.now)),
    ):
        device.psa.initial_attestation.get_token(bytes(32))
    return tmp_path


@pytest.mark.parametrize("path", WITH_PYTHON, ids=lambda path: path.name)
def test_every_python_block_runs_as_printed(
    path: Path, workplace: Path, tfm_boot: Callable[..., Device], tfm_device: Device
) -> None:
    namespace: dict[str, Any] = {"my_verifier": lambda token, challenge: challenge in token}
    for block in blocks(path, "python"):
        exec(compile(block, str(path), "exec"), namespace)
    given = {"tfm_boot": tfm_boot, "tfm_device": tfm_device}
    for name in [name for name in namespace if name.startswith("test_")]:
        arguments = namespace[name].__code__.co_varnames[: namespace[name].__code__.co_argcount]
        namespace[name](*(given[argument] for argument in arguments))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", prose(path)):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS[2:], ids=lambda path: path.name)
def test_readme_leads_to_every_document(path: Path) -> None:
    assert f"](docs/{path.name})" in prose(DOCUMENTS[0])


def test_every_name_of_the_package_is_there() -> None:
    for name in tfm_sim.__all__:
        assert getattr(tfm_sim, name) is not None
