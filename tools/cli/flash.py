"""`tfm-sim slots`, `tfm-sim image flash`, `erase`, `dump`, `mark`: slots of a device that is switched off."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import click

from ...bootloader.config import Bl2Config, SignatureType
from ...bootloader.swap_geometry import image_offset
from ...build import Build, bl2_config_for
from ...device import Device
from ...interface.mcuboot.trailer import (
    Flag,
    Magic,
    TrailerError,
    mark_confirmed,
    mark_pending,
    read_swap_state,
    write_image,
)
from ...platform.board import SlotName
from ...platform.flash import FlashArea
from ...platform.hardware import Hardware
from ...platform.provisioning import load_provisioning
from ...platform.state import StateError, holds_nothing
from ..console import STYLES
from ..device_report import counter_lines, counters, slot_lines, slots
from .image import NUMBER
from .loader_options import SIGNATURE_TYPES, STRATEGY, LoaderOptions, board_of
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
        help="Its board: a packaged one, or a YAML file; by default the one that DIR is of.",
    ),
    STRATEGY,
)
_NEW_DEVICE = (
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
        help="Which of its two slots; by default the primary one, for the marks pending and permanent the "
        "secondary one.",
    ),
)


@contextmanager
def _opened(
    board: str | None,
    state: str,
    strategy: str,
    provisioning: str | None = None,
    signature_type: str | None = None,
) -> Iterator[tuple[Hardware, Bl2Config]]:
    """The device without power, as a programmer holds it, and its boot loader.

    With a ``signature_type`` a new state directory becomes a new device.
    """
    options = LoaderOptions(strategy=strategy)
    loaded = board_of(state, board, options.default_board)
    if signature_type is None and holds_nothing(state):
        raise StateError(
            f"state directory {state}: holds no device; legal: one that a boot or a flash has left"
        )
    bl2 = options.applied(bl2_config_for(loaded))
    if signature_type is not None:
        bl2 = replace(bl2, signature_type=SIGNATURE_TYPES[signature_type])
    values = load_provisioning(provisioning) if provisioning is not None else None
    with (
        Device(loaded, build=Build(bl2=bl2), provisioning=values, state=state) as device,
        device.hardware.power.programmer(),
    ):
        yield device.hardware, bl2


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        made: Any = command
        for option in reversed(options):
            made = option(made)
        return cast(Command, made)

    return add


def _on_device(command: Command, *more: Callable[[Any], Any]) -> Command:
    """The command gets the ``hardware`` of the device that its options name, for as long as it runs.

    And ``bl2``, its boot loader. ``more`` are further options that say which device that is.
    """

    @wraps(command)
    def with_hardware(board: str | None, state: str, strategy: str, **arguments: Any) -> Any:
        new = {name: arguments.pop(name) for name in ("provisioning", "signature_type") if name in arguments}
        with _opened(board, state, strategy, **new) as (hardware, bl2):
            return command(hardware=hardware, bl2=bl2, **arguments)

    return _options(*_DEVICE, *more)(cast(Command, with_hardware))


def _on_slot(command: Command, *more: Callable[[Any], Any]) -> Command:
    """The command gets the ``area`` of the slot, and where in it an ``image_at`` begins that is flashed."""

    @wraps(command)
    def with_area(
        hardware: Hardware, bl2: Bl2Config, image: int, slot: SlotName | None, **arguments: Any
    ) -> Any:
        asks = arguments.get("mark_as") in ("pending", "permanent")
        name: SlotName = slot or ("secondary" if asks else "primary")
        area = hardware.slot(image, name)
        return command(area=area, image_at=image_offset(bl2.strategy, name, area), image=image, **arguments)

    return _options(*_SLOT)(_on_device(cast(Command, with_area), *more))


def _on_new_slot(command: Command) -> Command:
    """The same for a command that makes a new device where there is none."""
    return _on_slot(command, *_NEW_DEVICE)


@click.command("slots")
@click.option("--json", "as_json", is_flag=True, help="Print the slots and counters as JSON.")
@_on_device
def slots_command(hardware: Hardware, bl2: Bl2Config, as_json: bool) -> None:
    """Show every slot of a device: image, version, trailer; and the security counters.

    --strategy says as whose trailers they are read: with a swap one, how far a swap has got.
    """
    if as_json:
        click.echo(json.dumps({"slots": slots(hardware, bl2), "counters": counters(hardware)}, indent=2))
    else:
        print_lines((*slot_lines(hardware, bl2), *counter_lines(hardware)), STYLES)


@click.command()
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "--offset",
    type=NUMBER,
    help="Bytes from the start of the slot; by default where a boot loader of --strategy looks for it.",
)
@click.option(
    "--mark",
    "mark_as",
    type=click.Choice(MARKS),
    help="Ask for an upgrade (pending: a test run; permanent), or confirm the image in the primary slot.",
)
@_on_new_slot
def flash(
    file: str, offset: int | None, mark_as: str | None, area: FlashArea, image_at: int, image: int
) -> None:
    """Erase a slot and write the image in FILE to it (- reads standard input).

    A DIR without a device becomes a new one.
    """
    data = read_file(file, MAX_IMAGE)
    offset = image_at if offset is None else offset
    try:
        write_image(area, data, offset)
    except TrailerError as error:
        raise TrailerError(f"{display(file)}: {error}") from None
    click.echo(f"{area.name}: {len(data)} bytes written at {area.address + offset:#010x}")
    if mark_as is not None:
        _mark(area, mark_as, image)


@click.command()
@_on_slot
def erase(area: FlashArea, image_at: int, image: int) -> None:
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
def dump(
    output: str | None, offset: int, length: int | None, area: FlashArea, image_at: int, image: int
) -> None:
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
def mark(mark_as: str, area: FlashArea, image_at: int, image: int) -> None:
    """Set the trailer flags of a slot, as boot_set_pending and boot_set_confirmed do.

    pending asks for a test run of the image in the secondary slot, permanent for one without a way back;
    confirmed keeps the image in the primary slot.
    """
    _mark(area, mark_as, image)


def _mark(area: FlashArea, mark_as: str, image: int) -> None:
    state = read_swap_state(area)
    if mark_as == "confirmed":
        if state.magic is Magic.UNSET:
            click.echo(f"{area.name}: no trailer magic, so there is nothing to confirm")
            return
        mark_confirmed(area)
        done = state.image_ok is Flag.UNSET
    else:
        mark_pending(area, permanent=mark_as == "permanent", image_index=image)
        done = state.magic is Magic.UNSET
    if done:
        click.echo(f"{area.name}: marked {mark_as}")
    else:
        flags = f"magic {state.magic.name.lower()}, image_ok {state.image_ok.name.lower()}"
        click.echo(f"{area.name}: nothing changed, for it was marked before: {flags}")


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
