"""Where standard output takes nothing: a full disk, a reader that has gone, a descriptor that was closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from tfm_sim.tools.cli import main; main()"]
CHALLENGE = "00" * 32
WRITING = [
    ["--version"],
    ["--help"],
    ["board", "show", "an521"],
    ["boot"],
    ["boot", "--json"],
    ["trace"],
    ["attest", "--challenge", CHALLENGE],
    ["attest", "--challenge", CHALLENGE, "-o", "-"],
    ["image", "info", "bad.bin"],
]


def tfm_sim(arguments: list[str], stdout: int, where: Path) -> subprocess.CompletedProcess[str]:
    (where / "bad.bin").write_bytes(b"\x3d\xb8\xf3\x96" + bytes(100))
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=where,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
def test_a_full_disk_is_one_message_and_exit_4(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = tfm_sim(arguments, full.fileno(), tmp_path)
    said = "tfm-sim: standard output: No space left on device; legal: a place that can be written"
    assert [line for line in done.stderr.splitlines() if "NOT SECURE" not in line] == [said]
    assert done.returncode == 4


@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
def test_a_reader_that_has_gone_ends_it_without_a_word(arguments: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = tfm_sim(arguments, writer, tmp_path)
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141, "128 + SIGPIPE, as a shell has it"


def test_a_closed_standard_output_is_one_message_and_exit_4(tmp_path: Path) -> None:
    script = 'exec "$0" "$@" >&-'
    done = subprocess.run(
        ["sh", "-c", script, *COMMAND, "boot"], stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False
    )
    assert done.stderr == "tfm-sim: standard output: closed; legal: a file, a pipe or a terminal\n"
    assert done.returncode == 4


def test_a_state_is_whole_although_nobody_reads(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert tfm_sim(["boot", "--state", "dev"], writer, tmp_path).returncode == 141
    os.close(writer)
    assert tfm_sim(["boot", "--state", "dev"], subprocess.DEVNULL, tmp_path).returncode == 0
