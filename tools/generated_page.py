"""Writing a page of docs/ that is made from the code: ``python -m tfm_sim.tools.GENERATOR FILE``."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..interface.errors import ExitCode


def write_page(generator: str, arguments: Sequence[str], render: Callable[[], str]) -> int:
    """Write what ``render`` returns to the file that the one argument names; returns the exit code."""
    if len(arguments) != 1:
        print(f"{generator}: one FILE to write is needed, as docs/states.md", file=sys.stderr)
        return ExitCode.USAGE
    try:
        Path(arguments[0]).write_text(render(), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"{generator}: {arguments[0]}: {error}; legal: a file that can be written", file=sys.stderr)
        return ExitCode.COULD_NOT_ASK
    return ExitCode.YES
