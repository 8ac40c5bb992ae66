"""`tfm-sim matter factory-data`: ST's genFactoryData.py on a modelled board."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import click

from ...device import Device
from ...interface.matter.factory_data_json import factory_data_to_json
from ...platform.board import Board
from ...platform.state import holds_nothing
from ..matter.factory.development import NOT_SECURE
from ..matter.factory.factory_file import FactoryFile, read_factory_file
from ..matter.factory.listing import listing, listing_data
from ..matter.factory.options import FactoryOptions, Mode, Platform, plan_of
from ..matter.factory.pattern import demo_factory_data
from ..matter.factory.plan import FactoryPlan, StepKind
from ..matter.factory.steps import Done, carry_out
from .image import NUMBER
from .loader_options import board_of
from .output import FILE_NAME, MAX_IMAGE, STDIN, Styles, print_lines, read_file, write_file

STYLES: Final[Styles] = ((r"^warning:.*", "bold yellow"), (r"DEVICE_ATTESTATION_PRIV_KEY", "bold red"))
Command = TypeVar("Command", bound=Callable[..., Any])


def _file(*names: str, help: str, metavar: str = "FILE") -> Callable[[Command], Command]:
    return click.option(*names, type=FILE_NAME, metavar=metavar, help=help)


def _address(*names: str, required: bool = False, help: str) -> Callable[[Command], Command]:
    return click.option(*names, type=NUMBER, metavar="ADDRESS", required=required, help=help)


_OPTIONS: Final = (
    click.option(
        "--provisioning",
        type=click.IntRange(0, 1),
        required=True,
        metavar="0|1",
        help="0 writes factory data to a device that exists, 1 is the way of the factory.",
    ),
    _file("--json", "json_file", help="Factory data as JSON; or --binary."),
    _file("--binary", "binary_file", help="Factory data as TLV; or --json."),
    _address("--flashAddr", "-fa", "flash_addr", required=True, help="Where the factory data goes."),
    _file("--provisioning_script", help="What talks to the device; with 1."),
    _file("--flashProvisioningFW", "flash_provisioning_fw", help="The provisioning firmware."),
    _file("--flashAppFW", "flash_app_fw", help="The operational firmware; with 1."),
    _address("--AppFwAddr", "-afwa", "app_fw_addr", help="Where the two go; with 1."),
    _file("--flashCoFW", "flash_co_fw", help="The coprocessor's firmware; STM32WB55."),
    _address("--CoFwAddr", "-cofwa", "co_fw_addr", help="Where that goes."),
    click.option(
        "--mode",
        type=click.Choice([mode.value for mode in Mode]),
        help="STM32WB55: the DAC private key in flash, or in the customer key storage.",
    ),
    click.option(
        "--security",
        type=click.IntRange(0, 2),
        metavar="0|1|2",
        help="STM32WBA6, STM32U5: none, OEMiROT, OEMiROT and TF-M.",
    ),
    click.option(
        "--platform",
        type=click.Choice([platform.value for platform in Platform]),
        help="With --security 1, 2.",
    ),
    _file("--flashMagicTrailer", "flash_magic_trailer", help="What makes the boot loader install."),
    _address("--flashMagicTrailerAddr", "flash_magic_trailer_addr", help="Where that goes."),
    _file(
        "--programmerPath",
        "-programmerPath",
        "-pp",
        "programmer_path",
        metavar="PATH",
        help="Accepted; unused.",
    ),
    _file("--externalLoader", "-el", "external_loader", metavar="PATH", help="Accepted; unused."),
)


def _tool_options(command: Command) -> Command:
    """The options of ST's tool, in its order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _write_pattern(context: click.Context, _parameter: click.Parameter, file: str | None) -> None:
    if file is not None and not context.resilient_parsing:
        write_file(file, factory_data_to_json(demo_factory_data()).encode())
        print_lines([f"warning: {NOT_SECURE}"], to_stderr=True)
        context.exit()


@click.command("factory-data")
@_tool_options
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", help="Write the image (TLV).")
@click.option("--json-output", type=FILE_NAME, metavar="FILE", help="Write the data as JSON.")
@click.option("--state", type=FILE_NAME, metavar="DIR", help="Program the device that DIR holds.")
@click.option("--board", type=FILE_NAME, metavar="BOARD", help="Its board; by default the options tell.")
@click.option("--verbose", "-v", is_flag=True, help="Show every entry.")
@click.option(
    "--pattern",
    type=FILE_NAME,
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_write_pattern,
    help="Write the factory data of a demo device as JSON (NOT SECURE), and do no more.",
)
@click.option("--report", "as_json", is_flag=True, help="Print what was done as JSON.")
def factory_data(
    output: str | None,
    json_output: str | None,
    state: str | None,
    board: str | None,
    verbose: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make an image of factory data and program it, as ST's genFactoryData.py does.

    The options before -o are that tool's. With --state the steps ahead of the provisioning conversation are
    carried out on a device without power; `tfm-sim matter provision` does whole runs.
    """
    options = _options(given)
    plan = plan_of(options)
    found = _read(options)
    image = found.data.encode()
    if STDIN in (output, json_output) and (as_json or output == json_output):
        raise click.UsageError("-o -, --json-output - and --report; legal: one of them on standard output")
    print_lines((f"warning: {notice}" for notice in found.notices), STYLES, to_stderr=True)
    done = _program(plan, image, state, board) if state is not None or board is not None else []
    if output is not None:
        write_file(output, image)
    if json_output is not None:
        write_file(json_output, factory_data_to_json(found.data).encode())
    if as_json:
        click.echo(json.dumps(_report(plan, found, image, done), indent=2))
    elif STDIN not in (output, json_output):
        print_lines(_lines(plan, found, image, done, verbose=verbose), STYLES)


def _options(given: dict[str, Any]) -> FactoryOptions:
    mode, platform = given.pop("mode"), given.pop("platform")
    return FactoryOptions(
        json=given.pop("json_file"),
        binary=given.pop("binary_file"),
        mode=None if mode is None else Mode(mode),
        platform=None if platform is None else Platform(platform),
        **given,
    )


def _read(options: FactoryOptions) -> FactoryFile:
    name = options.json or options.binary
    assert name is not None  # the options' check
    return read_factory_file(
        read_file(name),
        name,
        is_json=options.json is not None,
        provisioning=options.provisioning == 1,
    )


def _program(plan: FactoryPlan, image: bytes, state: str | None, board: str | None) -> list[Done]:
    """Check the addresses against the board, and program the device in ``state`` if there is one."""
    loaded = _board(plan, state, board)
    plan.check(loaded)
    if state is None:
        return []
    steps = plan.before_provisioning
    # Whatever cannot be read, nothing is programmed then.
    files = {
        step.file: read_file(step.file, MAX_IMAGE)
        for step in steps
        if step.file is not None and step.kind is not StepKind.FACTORY_DATA
    }
    with Device(loaded, state=state) as device:
        return list(carry_out(steps, device.hardware, image, files.__getitem__))


def _board(plan: FactoryPlan, state: str | None, board: str | None) -> Board:
    if plan.target.board is None and board is None and (state is None or holds_nothing(state)):
        raise click.UsageError("--provisioning 0 on a new device; legal: --board, to say which one")
    return board_of(state, board, plan.target.board or "")


def _lines(
    plan: FactoryPlan, found: FactoryFile, image: bytes, done: list[Done], *, verbose: bool
) -> Iterator[str]:
    yield f"factory data: {len(found.data.values)} entries, {len(image)} bytes"
    if verbose:
        yield from listing(image)
    results = dict(zip((id(d.step) for d in done), (d.result for d in done), strict=True))
    for number, step in enumerate(plan.steps, 1):
        yield f"{number}. {step}"
        if done:
            yield f"     {results.get(id(step)) or 'left to tfm-sim matter provision'}"


def _report(plan: FactoryPlan, found: FactoryFile, image: bytes, done: list[Done]) -> dict[str, Any]:
    results = {id(d.step): d.result for d in done}
    return {
        "run": plan.target.name,
        "image": {"size": len(image), "sha256": hashlib.sha256(image).hexdigest()},
        "entries": listing_data(found.data),
        "notices": list(found.notices),
        "steps": [
            {
                "kind": step.kind.name,
                "file": step.file,
                "address": step.address,
                "done": results.get(id(step)),
            }
            for step in plan.steps
        ],
    }
