"""What the tests of commands share."""

from io import StringIO
from pathlib import Path

import pytest
from support.command_line import CommandLine


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    """The command in a directory of its own, with nothing on standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    return CommandLine(monkeypatch, capsys)
