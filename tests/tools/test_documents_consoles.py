"""What the documents print under a command is what the command prints, `...` being what was left out."""

import io
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Final

import pytest

import tfm_sim
from tfm_sim.tools.cli.main import main

ROOT: Final = Path(tfm_sim.__file__).parent
DOCUMENTS: Final = (
    "README.md",
    "docs/appraisal.md",
    "docs/attacks.md",
    "docs/attestation.md",
    "docs/endorsements.md",
    "docs/esp-tee.md",
    "docs/stm32-attestation.md",
    "docs/matter-factory-data.md",
    "docs/matter-pki.md",
    "docs/matter.md",
    "docs/matter-provisioning.md",
    "docs/tokens.md",
    "docs/verifier.md",
)
ELSEWHERE: Final = ("curl ", "cocli ", "git clone ", "make ", "--serve", "signer.pem", " | grep ")
"""A block with one of these needs what a test has not: another service, the network, a key of one's own."""


@dataclass(slots=True)
class Step:
    command: str
    printed: list[str] = field(default_factory=list)


def steps(path: Path) -> list[Step]:
    """The commands of all blocks in which each can be run, with the lines below them."""
    found: list[Step] = []
    for block in re.findall(r"^```\n(\$ .*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE):
        if any(word in block for word in ELSEWHERE):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
            else:
                found[-1].printed.append(line)
    return found


class Shell:
    """As much of one as the documents need; `tfm-sim` runs in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._variables = ""
        self.code = 0

    def __call__(self, command: str) -> str:
        """What the command prints, on standard output and beside it, in the order in which it does."""
        if re.fullmatch(r"[A-Z]+=\S.*", command):
            self._variables += f"{command}\n"
            return ""
        if command == "echo $?":
            return f"{self.code}\n"
        command, _, lines = command.partition(" | head -")
        if not command.startswith("tfm-sim "):
            done = self._bash(command)
            self.code = done.returncode
            return done.stdout
        printed = self._tfm_sim(self._bash(f"printf '%s\\0' {command}").stdout.split("\0")[:-1])
        return "".join(printed.splitlines(keepends=True)[: int(lines)]) if lines else printed

    def _bash(self, command: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", "-c", self._variables + command]
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def _tfm_sim(self, words: list[str]) -> str:
        both = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        self.code = 0
        with self._monkeypatch.context() as patch:
            for name, value in (("argv", words), ("stdout", both), ("stderr", both)):
                patch.setattr(sys, name, value)
            try:
                main()
            except SystemExit as stop:
                self.code = int(stop.code or 0)
        both.seek(0)
        return both.read()


def pattern(printed: list[str]) -> str:
    """What is printed as a regular expression."""
    whole = ""
    for line in printed:
        parts = (re.escape(part) for part in line.rstrip().split("..."))
        whole += "(?:.*\n)*" if line.strip() == "..." else ".*?".join(parts) + "\n"
    return whole


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_prints_what_is_printed_below_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copytree(ROOT / "tools" / "demo" / "images", tmp_path / "tools" / "demo" / "images")
    shell = Shell(monkeypatch)
    told = steps(ROOT / name)
    assert told
    for step in told:
        found = "".join(f"{line.rstrip()}\n" for line in shell(step.command).splitlines())
        assert "Traceback" not in found
        if step.printed:
            assert re.fullmatch(pattern(step.printed), found), f"$ {step.command}\n{found}"
        else:
            assert shell.code == 0, f"$ {step.command}\n{found}"
