"""`tfm-sim matter ports`: the serial ports of this machine, and which of them are free."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import click
from serial.tools import list_ports

from ...interface.errors import ExitCode
from ..matter.factory.provisioning_script import is_available
from .output import FILE_NAME, print_lines


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port. ``serial_number`` is that of the ST-LINK or other adapter behind it, "" without one."""

    name: str
    description: str
    serial_number: str
    available: bool


@click.command("ports")
@click.argument("names", type=FILE_NAME, nargs=-1, metavar="[PORT]...")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def ports(names: tuple[str, ...], as_json: bool) -> None:
    """List serial ports, and try whether each can be opened as `matter provision` does.

    Without PORT all that the operating system knows, as ST's genFactoryData.py does; pseudo-terminals are not
    among them. Exit 1 if none is available.
    """
    found = list(_named(names) if names else _all())
    if as_json:
        click.echo(json.dumps([asdict(port) for port in found], indent=2))
    else:
        print_lines(_lines(found))
    if not any(port.available for port in found):
        sys.exit(int(ExitCode.NO))


def _named(names: Sequence[str]) -> Iterator[Port]:
    for name in names:
        yield Port(name, "", "", is_available(name))


def _all() -> Iterator[Port]:
    for port in sorted(list_ports.comports()):
        serial_number = port.serial_number or ""
        yield Port(port.device, port.description, serial_number, is_available(port.device))


def _lines(found: Sequence[Port]) -> Iterator[str]:
    if not found:
        yield "No serial ports found."
    for port in found:
        what = ", ".join(text for text in (port.description, port.serial_number) if text)
        state = "available" if port.available else "in use by another application, or no serial port"
        yield f"{port.name}  {state}" + (f"  ({what})" if what else "")
