"""`tfm-sim matter provision`: a factory, from blank boards to devices that can be commissioned."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ...interface.errors import ExitCode
from ...interface.matter.provisioning_link import ProvisioningStatus
from ...platform.state import StateError
from ..matter.factory.development import development_credentials
from ..matter.factory.manager import AT_ONCE, provision_all, provision_ports
from ..matter.factory.provisioning_script import ScriptResult
from ..matter.factory.runs import unit_seed, unit_state
from ..matter.factory.unit import FactoryRun, Fault, Unit, UnitReport, UnitStep
from .image import NUMBER
from .matter_units import (
    Choice,
    Command,
    board_and_plan,
    choose,
    files_of,
    load_script,
    local_files,
    unit_options,
)
from .output import FILE_NAME, Styles, print_lines

STYLES: Final[Styles] = (
    (r"^\s*\d+ .*Provisioning Done$", "green"),
    (r"\bFAILED\b.*", "bold red"),
    (r"^warning:.*", "bold yellow"),
)
CHOICE: Final = ("platform", "security", "mode", "json_file", "binary_file", "pki_folder")
"""The options of which `choose` makes a choice."""
_FAULTS: Final = ", ".join(fault.value for fault in Fault)


class FaultOption(click.ParamType[tuple[int, Fault]]):
    """``N:KIND``."""

    name = "fault"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, Fault]:
        number, _, kind = str(value).partition(":")
        kinds = {fault.value: fault for fault in Fault}
        if not number.isascii() or not number.isdecimal() or kind not in kinds:
            self.fail(f"found {value!r}; legal: N:KIND, KIND one of {_FAULTS}", param, ctx)
        return int(number), kinds[kind]


def _file(*names: str, help: str) -> Callable[[Command], Command]:
    return click.option(*names, type=FILE_NAME, metavar="FILE", help=help)


def _address(*names: str, help: str) -> Callable[[Command], Command]:
    return click.option(*names, type=NUMBER, metavar="ADDRESS", help=help)


@click.command("provision")
@click.option(
    "--provisioning",
    type=click.IntRange(1, 1),
    expose_value=False,
    metavar="1",
    help="As ST's tool wants it; 0 is `tfm-sim matter factory-data`.",
)
@unit_options
@click.option(
    "-n", "--devices", type=click.IntRange(1, 9999), default=1, show_default=True, help="How many devices."
)
@click.option(
    "--at-once", type=click.IntRange(1, 256), default=AT_ONCE, show_default=True, help="How many in parallel."
)
@click.option(
    "--state",
    type=FILE_NAME,
    metavar="DIR",
    help="Keep the devices: one in DIR itself, several in DIR/device-0001 and so on.",
)
@click.option(
    "--port",
    "ports",
    type=FILE_NAME,
    multiple=True,
    metavar="PORT",
    help="Provision what waits at this serial port; flashes nothing. May be repeated.",
)
@click.option(
    "--provisioning_script",
    type=FILE_NAME,
    metavar="FILE",
    help="Your own script with Provisioning(mode, header, port), in real time.",
)
@_file("--flashProvisioningFW", "flash_provisioning_fw", help="The provisioning firmware's image.")
@_file("--flashAppFW", "flash_app_fw", help="The application's image.")
@_file("--flashCoFW", "flash_co_fw", help="wb55: the coprocessor's image.")
@_file("--flashMagicTrailer", "flash_magic_trailer", help="What makes the boot loader install.")
@_address("--flashAddr", "-fa", "flash_addr", help="Where the factory data goes.")
@_address("--AppFwAddr", "-afwa", "app_fw_addr", help="Where the application goes.")
@_address("--CoFwAddr", "-cofwa", "co_fw_addr", help="wb55: where the coprocessor's firmware goes.")
@_address("--flashMagicTrailerAddr", "flash_magic_trailer_addr", help="Where the magic trailer goes.")
@click.option(
    "--fault",
    "faults",
    type=FaultOption(),
    multiple=True,
    metavar="N:KIND",
    help=f"Something is wrong with device N: {_FAULTS}. May be repeated.",
)
@click.option("--real-time", is_flag=True, help="Go by the wall clock; a time limit takes its 30 seconds.")
@click.option("--verbose", "-v", is_flag=True, help="Show what the provisioning scripts print.")
@click.option("--report", "as_json", is_flag=True, help="Print the results as JSON.")
def provision(
    devices: int,
    at_once: int,
    state: str | None,
    ports: tuple[str, ...],
    faults: tuple[tuple[int, Fault], ...],
    real_time: bool,
    verbose: bool,
    as_json: bool,
    demo_firmware: bool,
    seed: int,
    provisioning_script: str | None,
    **given: Any,
) -> None:
    """Make devices: flash them, provision them over serial lines, install the application.

    The steps are those of ST's genFactoryData.py with --provisioning 1, and so are the options whose names
    look like its; what is left out comes from the board and the package. Each device has a pseudo-terminal,
    at which the provisioning script finds it. Exit 1 if a device failed.
    """
    choice = choose(*(given.pop(name) for name in CHOICE))
    pki = choice.pki

    def certify(csr: bytes) -> Any:
        return pki.certify(csr, choice.product)

    if ports:
        _check_ports(ports, given, devices, state, faults, real_time, demo_firmware, provisioning_script)
        results = provision_ports(ports, certify, mode=choice.forwarded, say=_say(verbose, as_json))
        _show_ports(results, as_json=as_json)
        return
    board, plan = board_and_plan(choice, given)
    run = FactoryRun(
        plan,
        choice.platform,
        files_of(board, plan),
        certify,
        development_credentials(pki, choice.product) if demo_firmware else None,
        real_time,
        choice.forwarded,
        load_script(provisioning_script),
    )
    units = _units(choice, devices, state, seed, faults)
    if not as_json:
        print_lines(f"file {name}: the one in this directory" for name in local_files(plan, given))
        print_lines(_opening(choice, units, demo_firmware=demo_firmware), STYLES)
    with _progress_bar(units) as (progress, on_report):
        reports = provision_all(
            run, units, at_once=at_once, progress=progress, say=_say(verbose, as_json), on_report=on_report
        )
    if as_json:
        click.echo(json.dumps([_as_data(report) for report in reports], indent=2))
    else:
        print_lines(_table(reports), STYLES)
    _exit_by([(report.ok, report.status) for report in reports])


def _units(
    choice: Choice, devices: int, state: str | None, seed: int, faults: Sequence[tuple[int, Fault]]
) -> list[Unit]:
    if state is not None and Path(state).exists() and not Path(state).is_dir():
        raise StateError(f"state directory {state}: is a file; legal: a directory")
    wrong = dict(faults)
    if len(wrong) < len(faults):
        raise click.UsageError("--fault for one device twice; legal: one fault a device")
    if stray := sorted(set(wrong) - set(range(1, devices + 1))):
        raise click.UsageError(f"--fault for device {stray[0]}; legal: 1 to {devices}")
    units = []
    for number in range(1, devices + 1):
        where = unit_state(None if state is None else Path(state), number, devices)
        data = choice.data_of(number, seed, devices)
        units.append(Unit(number, data, unit_seed(seed, number), where, wrong.get(number)))
    return units


def _check_ports(ports: Sequence[str], given: dict[str, Any], devices: int, *useless: object) -> None:
    """A device at a port is there already."""
    if len(set(ports)) < len(ports):
        raise click.UsageError("--port names one port twice; legal: each once")
    if devices != 1 or any(useless) or any(value is not None for value in given.values()):
        raise click.UsageError(
            "--port with an option for devices of the model; legal: only --platform, --security, --mode, "
            "--json, --binary, --pki, --verbose and --report"
        )


def _show_ports(results: Sequence[tuple[str, ScriptResult]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_port_data(port, result) for port, result in results], indent=2))
    else:
        print_lines(_port_lines(results), STYLES)
    _exit_by([(result.ok, result.status) for _, result in results])


def _exit_by(results: Sequence[tuple[bool, ProvisioningStatus | None]]) -> None:
    if any(status is ProvisioningStatus.INTERRUPTED for _, status in results):
        sys.exit(int(ExitCode.COULD_NOT_ASK))
    if not all(ok for ok, _ in results):
        sys.exit(int(ExitCode.NO))


def _say(verbose: bool, as_json: bool) -> Callable[[str], None]:
    if not verbose:
        return lambda line: None
    return lambda line: print_lines([line], to_stderr=as_json)


@contextmanager
def _progress_bar(
    units: Sequence[Unit],
) -> Iterator[tuple[Callable[[Unit, UnitStep], None], Callable[[UnitReport], None]]]:
    """A bar for all devices and a line for each that is under way; nothing where nobody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield (lambda unit, step: None), (lambda report: None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        whole = bars.add_task("devices", total=len(units))
        tasks: dict[int, TaskID] = {}
        order = list(UnitStep)

        def progress(unit: Unit, step: UnitStep) -> None:
            if unit.number not in tasks:
                tasks[unit.number] = bars.add_task("", total=len(order) - 1)
            text = f"{unit.serial_number}  {step.value}"
            bars.update(tasks[unit.number], description=text, completed=order.index(step))

        def on_report(report: UnitReport) -> None:
            if report.unit.number in tasks:
                bars.remove_task(tasks.pop(report.unit.number))
            bars.advance(whole)

        yield progress, on_report


def _opening(choice: Choice, units: Sequence[Unit], *, demo_firmware: bool) -> Iterator[str]:
    platform = choice.platform
    many = "1 device" if len(units) == 1 else f"{len(units)} devices"
    firmware = "demonstration firmware, " if demo_firmware else ""
    yield (
        f"{many} of {platform.support.name}, security level {choice.place.security}, {firmware}"
        f"DAC private key in {platform.key_place.text}"
    )
    yield from (f"warning: {text}" for text in (choice.pki.warning, choice.data_warning) if text)
    yield from (f"device {unit.number}: {unit.fault.text}" for unit in units if unit.fault is not None)


def _table(reports: Sequence[UnitReport]) -> Iterator[str]:
    width = max([len("serial number"), *(len(report.unit.serial_number) for report in reports)])
    yield f"{'':>4}  {'serial number':<{width}}  {'port':<12}  result"
    for report in reports:
        failed = "" if report.ok else f"FAILED {report.step.value}: "
        head = f"{report.unit.number:>4}  {report.unit.serial_number:<{width}}  {report.port or '-':<12}"
        yield f"{head}  {failed}{report.message.partition(chr(10))[0]}"
    good = sum(report.ok for report in reports)
    yield f"{good} of {len(reports)} provisioned"


def _as_data(report: UnitReport) -> dict[str, Any]:
    unit = report.unit
    return {
        "device": unit.number,
        "serial_number": unit.serial_number,
        "port": report.port,
        "ok": report.ok,
        "step": report.step.value,
        "status": None if report.status is None else int(report.status),
        "message": report.message,
        "dac": report.dac.hex(),
        "state": None if unit.state is None else str(unit.state),
    }


def _port_lines(results: Sequence[tuple[str, ScriptResult]]) -> Iterator[str]:
    for port, result in results:
        yield f"{port}  {'' if result.ok else 'FAILED '}{result}"
    yield f"{sum(result.ok for _, result in results)} of {len(results)} provisioned"


def _port_data(port: str, result: ScriptResult) -> dict[str, Any]:
    return {"port": port, "ok": result.ok, "status": int(result.status), "message": str(result)}
