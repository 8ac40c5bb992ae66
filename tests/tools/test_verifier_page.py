"""docs/verifier.md says what the verifier has: every kind once, and output as the command prints it."""

import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.tools.verifier import Kind

PAGE = (Path(__file__).parent.parent.parent / "docs" / "verifier.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_kind_has_a_meaning() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", section("Kinds"), re.MULTILINE)
    assert [name for name, _ in rows] == [kind.value for kind in Kind], "in the order of the enumeration"


def test_strict_table_names_kinds() -> None:
    rows = re.findall(r"^\| .+ \| (.+) \| `([a-z0-9-]+)` \|$", section("Lenient and strict"), re.MULTILINE)
    named = {name for lenient, strict in rows for name in [strict, *re.findall(r"`([a-z-]+)`", lenient)]}
    assert len(rows) == 12
    assert named <= {kind.value for kind in Kind}


def test_output_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    block = PAGE.partition("\n$ tfm-sim attest")[2].partition("\n...\n")[0]
    attest, verify, *shown = block.splitlines()
    tfm_sim = CommandLine(monkeypatch, capsys)
    assert tfm_sim("attest", *attest.split()) == 0
    assert tfm_sim(*verify.removeprefix("$ tfm-sim ").split()) == 0
    assert tfm_sim.out.splitlines()[: len(shown)] == shown
