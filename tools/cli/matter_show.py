"""`tfm-sim matter show`: the factory data that a device holds, without power."""

import json
import sys

import click

from ...device import Device
from ...interface.errors import ExitCode
from ...interface.matter.factory_data import HEADER_SIZE, FactoryData, entries
from ...interface.matter.factory_data_json import factory_data_to_json
from ...platform.board import AreaRole, BoardError
from ...platform.state import StateError, holds_nothing, stored_board
from ..matter.factory.factory_file import matter_notices
from ..matter.factory.listing import listing, listing_data
from .loader_options import board_of
from .matter_factory_data import STYLES
from .output import FILE_NAME, STDIN, print_lines, write_file


@click.command("show")
@click.option("--state", type=FILE_NAME, metavar="DIR", required=True, help="The device's state directory.")
@click.option("--board", type=FILE_NAME, metavar="BOARD", help="Its board; by default the one of DIR.")
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", help="Write the TLV as it lies in flash.")
@click.option(
    "--json-output", type=FILE_NAME, metavar="FILE", help="Write it as JSON, as ST's tool reads it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
def show(state: str, board: str | None, output: str | None, json_output: str | None, as_json: bool) -> None:
    """Show the factory data in a device's flash. Exit 1 where there are none.

    The private key is not shown; -o and --json-output write it if the flash has it.
    """
    if STDIN in (output, json_output) and (as_json or output == json_output):
        raise click.UsageError("-o -, --json-output - and --json; legal: one of them on standard output")
    address, raw = _read(state, board)
    data = FactoryData.decode(raw) if raw.strip(b"\xff") else FactoryData({})
    if not data.values:
        click.echo(f"no factory data at {address:#010x}", err=True)
        sys.exit(int(ExitCode.NO))
    print_lines((f"warning: {notice}" for notice in matter_notices(data)), STYLES, to_stderr=True)
    if output is not None:
        *_, (at, _, value) = entries(raw)
        write_file(output, raw[: at + HEADER_SIZE + len(value) + 4])
    if json_output is not None:
        write_file(json_output, factory_data_to_json(data).encode())
    if as_json:
        click.echo(json.dumps({"address": address, "entries": listing_data(data)}, indent=2))
    elif STDIN not in (output, json_output):
        print_lines((f"factory data at {address:#010x}: {len(data.values)} entries", *listing(raw)), STYLES)


def _read(state: str, board: str | None) -> tuple[int, bytes]:
    """The address of the device's factory data, and the bytes of their area."""
    if holds_nothing(state) or (board is None and stored_board(state) is None):
        raise StateError(f"state directory {state}: holds no device; legal: one that a factory run has left")
    loaded = board_of(state, board, "")
    with Device(loaded, state=state) as device:
        area = device.hardware.area_with_role(AreaRole.FACTORY_DATA)
        if area is None:
            raise BoardError(f"board {loaded.name}: no flash area with role factory_data; legal: ST's boards")
        where = loaded.area_with_role(AreaRole.FACTORY_DATA)
        assert where is not None  # the area has its description from there
        return loaded.non_secure_address_of(where), area.read(0, area.size)
