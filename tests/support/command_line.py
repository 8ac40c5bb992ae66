"""`tfm-sim` as a shell sees it, in this process."""

import sys

import pytest

from tfm_sim.tools.cli.main import main


class CommandLine:
    """Calls the command and keeps what it answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object) -> int:
        """Run `tfm-sim` with these arguments; returns the exit code."""
        self._monkeypatch.setattr(sys, "argv", ["tfm-sim", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code
