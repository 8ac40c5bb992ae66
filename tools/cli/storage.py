"""`tfm-sim storage`: what the storage areas of a device hold that is switched off."""

import json

import click

from ...device import Device
from ...firmware_build import Build, bl2_config_for, its_config_for, ps_config_for
from ...platform.state import StateError, holds_nothing
from ..storage_report import area_line, counter_line, file_line, storage_areas, storage_data
from .loader_options import board_of
from .output import FILE_NAME, hex_dump, print_lines

DEFAULT_BOARD = "an521"
STYLES = ((r"^\w+: ", "bold"),)


@click.command("storage")
@click.option("--state", type=FILE_NAME, metavar="DIR", required=True, help="The device's state directory.")
@click.option(
    "--board",
    type=FILE_NAME,
    metavar="BOARD",
    help="Its board: a packaged one, or a YAML file; by default the one that DIR is of.",
)
@click.option("--dump", is_flag=True, help="Show the bytes of each file as they lie in flash.")
@click.option("--json", "as_json", is_flag=True, help="Print the files as JSON, contents in hexadecimal.")
def storage(state: str, board: str | None, dump: bool, as_json: bool) -> None:
    """List what internal trusted storage and protected storage hold: owner, uid, size, flags, counters.

    The areas are read as the default build of the board lays them out. Files of protected storage are its
    objects and its object table, encrypted.
    """
    loaded = board_of(state, board, DEFAULT_BOARD)
    if holds_nothing(state):
        raise StateError(f"state directory {state}: holds no device; legal: one that a boot has left")
    build = Build(bl2=bl2_config_for(loaded), its=its_config_for(loaded), ps=ps_config_for(loaded))
    with Device(loaded, build=build, state=state) as device:
        areas = storage_areas(device.hardware, build)
    if as_json:
        click.echo(json.dumps(storage_data(areas), indent=2))
        return
    lines = []
    for area in areas:
        lines.append(area_line(area))
        if area.counters:
            lines.append(f"  {counter_line(area)}")
        for file in area.files or ():
            lines.append(file_line(file))
            if dump and file.data:
                lines += [f"    {line}" for line in hex_dump(file.data)]
    print_lines(lines, STYLES)
