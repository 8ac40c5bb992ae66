"""`tfm-sim slots`, `tfm-sim image flash`, `erase`, `dump`, `mark`: slots of a device that is switched off."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import click

from ...bootloader.config import SignatureType
from ...build import Build, bl2_config_for
from ...device import Device
from ...interface.mcuboot.trailer import (
    Magic,
    TrailerError,
    mark_confirmed,
    mark_pending,
    read_swap_state,
    write_image,
)
from ...platform.board import SlotName, load_board
from ...platform.flash import FlashArea
from ...platform.hardware import Hardware
from ...platform.provisioning import load_provisioning
from ..console import STYLES
from ..device_report import counter_lines, counters, slot_lines, slots
from .image import NUMBER
from .loader_options import SIGNATURE_TYPES
from .output import FILE_NAME, MAX_IMAGE, STDIN, display, hex_dump, print_lines, read_file, write_file

Command = TypeVar("Command", bound=Callable[..., Any])
MARKS = ("pending", "permanent", "confirmed")
SLOTS = ("primary", "secondary")


_DEVICE = (
    click.option(
        "--state", type=FILE_NAME, metavar="DIR", required=True, help="The state directory of the device."
    ),
    click.option(
        "--board",
        type=FILE_NAME,
        metavar="BOARD",
        default="an521",
        show_default=True,
        help="Its board: a packaged one, or a YAML file.",
    ),
    click.option(
        "--provisioning",
        type=FILE_NAME,
        metavar="FILE",
        help="For a new device: its keys as YAML.",
    ),
    click.option(
        "--signature-type",
        type=click.Choice(list(SIGNATURE_TYPES)),
        default=SignatureType.EC_P256.value,
        show_default=True,
        help="For a new device: whose dummy ROTPKs are burnt.",
    ),
)
_SLOT = (
    click.option(
        "--image",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Image index: 0 secure, 1 non-secure.",
    ),
    click.option(
        "--slot",
        type=click.Choice(SLOTS),
        default="primary",
        show_default=True,
        help="Which of its two slots.",
    ),
)


@contextmanager
def _opened(board: str, state: str, provisioning: str | None, signature_type: str) -> Iterator[Hardware]:
    """The device without power, as a programmer holds it; a new state directory becomes a new device."""
    loaded = load_board(board)
    bl2 = replace(bl2_config_for(loaded), signature_type=SIGNATURE_TYPES[signature_type])
    values = load_provisioning(provisioning) if provisioning is not None else None
    with (
        Device(loaded, build=Build(bl2=bl2), provisioning=values, state=state) as device,
        device.hardware.power.programmer(),
    ):
        yield device.hardware


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        made: Any = command
        for option in reversed(options):
            made = option(made)
        return cast(Command, made)

    return add


def _on_device(command: Command) -> Command:
    """The command gets the ``hardware`` of the device that its options name, for as long as it runs."""

    @wraps(command)
    def with_hardware(
        board: str, state: str, provisioning: str | None, signature_type: str, **arguments: Any
    ) -> Any:
        with _opened(board, state, provisioning, signature_type) as hardware:
            return command(hardware=hardware, **arguments)

    return _options(*_DEVICE)(cast(Command, with_hardware))


def _on_slot(command: Command) -> Command:
    """The command gets the ``area`` of the slot, too."""

    @wraps(command)
    def with_area(hardware: Hardware, image: int, slot: SlotName, **arguments: Any) -> Any:
        return command(area=hardware.slot(image, slot), image=image, **arguments)

    return _options(*_SLOT)(_on_device(cast(Command, with_area)))


@click.command("slots")
@click.option("--json", "as_json", is_flag=True, help="Print the slots and counters as JSON.")
@_on_device
def slots_command(hardware: Hardware, as_json: bool) -> None:
    """Show every slot of a device: image, version, trailer; and the security counters."""
    if as_json:
        click.echo(json.dumps({"slots": slots(hardware), "counters": counters(hardware)}, indent=2))
    else:
        print_lines((*slot_lines(hardware), *counter_lines(hardware)), STYLES)


@click.command()
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--offset", type=NUMBER, default=0, show_default=True, help="Bytes from the start of the slot.")
@click.option(
    "--mark",
    "mark_as",
    type=click.Choice(MARKS),
    help="Ask for an upgrade (pending: a test run; permanent), or confirm the image in the primary slot.",
)
@_on_slot
def flash(file: str, offset: int, mark_as: str | None, area: FlashArea, image: int) -> None:
    """Erase a slot and write the image in FILE to it (- reads standard input)."""
    data = read_file(file, MAX_IMAGE)
    try:
        write_image(area, data, offset)
    except TrailerError as error:
        raise TrailerError(f"{display(file)}: {error}") from None
    click.echo(f"{area.name}: {len(data)} bytes written at {area.address + offset:#010x}")
    if mark_as is not None:
        _mark(area, mark_as, image)


@click.command()
@_on_slot
def erase(area: FlashArea, image: int) -> None:
    """Erase a slot, trailer and all."""
    area.erase(0, area.size)
    click.echo(f"{area.name}: {area.size} bytes erased at {area.address:#010x}")


@click.command()
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="FILE", help="Write the raw bytes (- standard output)."
)
@click.option("--offset", type=NUMBER, default=0, show_default=True, help="Bytes from the start of the slot.")
@click.option("--length", type=NUMBER, help="How many bytes; by default the rest of the slot.")
@_on_slot
def dump(output: str | None, offset: int, length: int | None, area: FlashArea, image: int) -> None:
    """Show a slot in hex, lines of erased flash left out; or write it to a file."""
    if not 0 <= offset <= area.size:
        raise click.UsageError(f"--offset {offset:#x}; legal: 0 to the slot's size, {area.size:#x}")
    wanted = area.size - offset if length is None else length
    if not 0 <= wanted <= area.size - offset:
        raise click.UsageError(f"--length {wanted:#x}; legal: 0 to {area.size - offset:#x}")
    data = area.read(offset, wanted)
    if output is None:
        print_lines(_hex_lines(data, area.address + offset, area.erased_value))
        return
    write_file(output, data)
    if output != STDIN:
        click.echo(f"{output}: {len(data)} bytes of {area.name}")


@click.command()
@click.argument("mark_as", type=click.Choice(MARKS), metavar="[pending|permanent|confirmed]")
@_on_slot
def mark(mark_as: str, area: FlashArea, image: int) -> None:
    """Set the trailer flags of a slot, as boot_set_pending and boot_set_confirmed do.

    pending asks for a test run of the image in the secondary slot, permanent for one without a way back;
    confirmed keeps the image in the primary slot.
    """
    _mark(area, mark_as, image)


def _mark(area: FlashArea, mark_as: str, image: int) -> None:
    if mark_as == "confirmed":
        if read_swap_state(area).magic is Magic.UNSET:
            click.echo(f"{area.name}: no trailer magic, so there is nothing to confirm")
            return
        mark_confirmed(area)
    else:
        mark_pending(area, permanent=mark_as == "permanent", image_index=image)
    click.echo(f"{area.name}: marked {mark_as}")


def _hex_lines(data: bytes, address: int, erased: int) -> Iterator[str]:
    """The rows of a hex dump; a run of erased ones is one line that says how many bytes it stands for."""
    skipped = 0
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        if row == bytes([erased]) * len(row):
            skipped += len(row)
            continue
        if skipped:
            yield f"          ({skipped} bytes erased)"
            skipped = 0
        yield from hex_dump(row, address + offset)
    if skipped:
        yield f"          ({skipped} bytes erased)"
