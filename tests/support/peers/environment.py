"""The environment of the peers, which `make test` builds, and how a test asks them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).with_name("cose_peer.py")
PEERS = ("cwt", "pycose")

Key = dict[str, Any]
Job = dict[str, Any]
Answer = dict[str, str]


def ask(jobs: list[Job]) -> list[Answer]:
    """The peers' answers, in one run. Skips the test where `make test` has not built their environment."""
    if not (PYTHON.parents[1] / "installed").exists():
        pytest.skip("no peers: `make test` builds .venv/peers with cwt and pycose")
    done = subprocess.run(
        [PYTHON, "-I", SCRIPT], input=json.dumps(jobs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: list[Answer] = json.loads(done.stdout)
    return answers
