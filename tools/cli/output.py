"""What all commands share: lines on a terminal or in a pipe, files in, hex in."""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from ...interface.errors import TfmSimError
from .clean_text import clean

STDIN: Final = "-"
"""Also standard output, where a file is to be written."""
MAX_INPUT: Final = 1 << 20
"""Bytes of a token, a key or another small input; what is longer is none."""
MAX_IMAGE: Final = 64 << 20
Styles = Sequence[tuple[str, str]]
"""Regular expressions and the rich style of what they match."""


class FileUnreadable(TfmSimError):
    """A file that a command needs is missing, cannot be read or written, or holds nothing usable."""


class FileName(click.ParamType[str]):
    """An option's file or directory; an empty one is a mistake (a shell variable that is not set)."""

    name = "file"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "":
            # Of an argument that may be left out click would name the brackets too.
            hint = f"'{(param.metavar or 'FILE').strip('[]')}'" if isinstance(param, click.Argument) else None
            raise click.BadParameter("found an empty value; legal: a name", ctx, param, hint)
        return str(value)


FILE_NAME: Final = FileName()


def print_lines(lines: Iterable[str], styles: Styles = (), *, to_stderr: bool = False) -> None:
    """Coloured on a terminal, plain elsewhere."""
    stream = sys.stderr if to_stderr else sys.stdout
    if stream is None or not stream.isatty():
        for line in lines:
            click.echo(clean(line), err=to_stderr)
        return
    console = Console(highlight=False, soft_wrap=True, stderr=to_stderr)
    for line in lines:
        text = Text(clean(line))
        for pattern, style in styles:
            text.highlight_regex(pattern, style)
        console.print(text)


def read_file(file: str | Path, limit: int = MAX_INPUT) -> bytes:
    """A file's bytes, - being standard input; at most ``limit``. Raises FileUnreadable."""
    try:
        if file != STDIN:
            with Path(file).open("rb") as stream:
                data = stream.read(limit + 1)
        elif sys.stdin is None:  # the shell's <&-
            raise FileUnreadable("standard input: closed; legal: a file or a pipe")
        else:
            data = sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise FileUnreadable(f"{display(file)}: {_reason(error)}; legal: a readable file") from None
    if len(data) > limit:
        raise FileUnreadable(f"{display(file)}: too long; legal: at most {limit} bytes")
    return data


def one_standard_input(**files: str | Sequence[str] | None) -> None:
    """Of the options named, with ``_`` for ``-``, one at most reads standard input. Raises UsageError."""
    given = ((name, (value,) if isinstance(value, str) else value or ()) for name, value in files.items())
    readers = [name for name, values in given for value in values if value == STDIN]
    if len(readers) > 1:
        names = " and ".join(_spoken(name) for name in dict.fromkeys(readers))
        raise click.UsageError(f"- for {names}; legal: one file from standard input")


def _spoken(name: str) -> str:
    """FILE is an argument, all else an option."""
    return name if name.isupper() else f"--{name.replace('_', '-')}"


def write_file(file: str | Path, data: bytes) -> None:
    """Write a file, - being standard output. Raises FileUnreadable."""
    if file == STDIN:  # what goes wrong there is main's to tell, as for every other output
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        Path(file).write_bytes(data)
    except (OSError, ValueError) as error:
        raise FileUnreadable(f"{file}: {_reason(error)}; legal: a file that can be written") from None


def display(file: str | Path) -> str:
    """A file's name as messages show it."""
    return "standard input" if file == STDIN else str(file)


def display_output(file: str | Path) -> str:
    """The name of a file that is written, as messages show it."""
    return "standard output" if file == STDIN else str(file)


def hex_bytes(_context: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    """A click callback for an option of hex digits."""
    if value is None:
        return None
    if not re.fullmatch(r"([0-9A-Fa-f]{2})*", value):
        raise click.BadParameter(f"found {value!r}; legal: pairs of hex digits")
    return bytes.fromhex(value)


def hex_dump(data: bytes, address: int = 0) -> Iterable[str]:
    """Sixteen bytes a line, with their address and printable characters."""
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        yield f"{address + offset:08x}  {row.hex(' '):<47}  {shown}"


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
