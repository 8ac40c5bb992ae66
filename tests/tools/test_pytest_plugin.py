"""The pytest plugin, used by a project that is not ours."""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "data" / "plugin_project"


def test_a_separate_project_gets_booted_devices(tmp_path: Path) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_plugin_is_light_until_a_device_is_asked_for() -> None:
    code = "import tfm_sim.tools.pytest_plugin, sys; print('tfm_sim.device' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
