"""MCUboot's own imgtool, run as a program of its own: it signs, and nothing of it reaches our process."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...interface.errors import TfmSimError

NUMBERS_OF_AN_IMAGE: Final = (
    "a security counter of 0 to 4294967295, a version of at most 255.255.65535+4294967295"
)


class ImgtoolError(TfmSimError):
    """imgtool did not sign."""


def imgtool_sign(data: bytes, options: Sequence[str]) -> bytes:
    """The image that ``imgtool sign`` makes of a flat binary. Raises ImgtoolError."""
    with tempfile.TemporaryDirectory(prefix="tfm-sim-") as directory:
        flat, signed = Path(directory) / "flat.bin", Path(directory) / "signed.bin"
        flat.write_bytes(data)
        command = [sys.executable, "-m", "imgtool.main", "sign", *options, str(flat), str(signed)]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if run.returncode or not signed.exists():
            said = [line for line in (run.stderr or run.stdout).splitlines() if line.strip()]
            raise ImgtoolError(f"imgtool sign failed: {_reason(said[-1].strip() if said else '')}")
        return signed.read_bytes()


def _reason(said: str) -> str:
    if said.startswith("struct.error"):
        # imgtool packs some numbers without a look at them.
        return f"a number does not fit its field ({said}); legal: {NUMBERS_OF_AN_IMAGE}"
    return said.removeprefix("Error: ") or "it said nothing"
