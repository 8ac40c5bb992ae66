"""`tfm-sim matter device`: a device that waits at a pseudo-terminal for whoever wants to provision it."""

import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ...device import Device
from ...interface.errors import ExitCode, TfmSimError
from ...interface.matter.factory_data import FactoryData
from ...interface.matter.provisioning_link import ProvisioningStatus
from ..demo_firmware import primary_slots_blank
from ..line_time import Halted, RealLineTime
from ..matter.factory.development import development_credentials
from ..matter.factory.line_machine import run_provisioning_firmware
from ..matter.factory.programmer import erase_all, program
from ..matter.factory.unit import COPROCESSOR_FIRMWARE, PROVISIONING_FIRMWARE, packaged_files
from ..serial_line import SerialLine
from .matter_units import Choice, choose, unit_options
from .output import FILE_NAME, FileUnreadable, Styles, print_lines

STYLES: Styles = ((r"^port: .*", "bold"), (r"NOT SECURE", "bold red"))


def _seconds(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """What no range excludes."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("found nan; legal: seconds up to 1e6")
    return value


@click.command("device")
@unit_options
@click.option("--state", type=FILE_NAME, metavar="DIR", help="The device that DIR holds, or keep it there.")
@click.option("--erase", is_flag=True, help="Erase its flash first, as ST's regression script does.")
@click.option("--link", type=FILE_NAME, metavar="FILE", help="Make FILE a link to the port meanwhile.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, 1e6),
    callback=_seconds,
    metavar="SECONDS",
    help="Give up after this; exit 1.",
)
def device(
    state: str | None,
    erase: bool,
    link: str | None,
    time_limit: float | None,
    demo_firmware: bool,
    seed: int,
    **given: Any,
) -> None:
    """Power a device on with provisioning firmware and wait, in real time, at a serial port.

    The port's name is printed; any program that opens it with 115200 baud, 8N1, can say `Init`. Ends when a
    provisioning was successful; after another result the device waits for the next `Init`. A new device gets
    factory data and firmware first, one that DIR holds only the factory data that are asked for.
    """
    choice = choose(**given)
    development = None
    if demo_firmware:
        development = development_credentials(choice.pki, choice.product)
    board = Device(choice.platform.board, build=choice.platform.build(), seed=seed, state=state)
    results: list[ProvisioningStatus] = []

    def on_result(status: ProvisioningStatus) -> bool:
        results.append(status)
        _tell(f"result: finish:{status:03d} {status.message}")
        return status is ProvisioningStatus.DONE

    try:
        if erase:
            erase_all(board.hardware)
        _flash(board, choice, seed)
        with SerialLine() as line, _linked(line.name, link), _time(line, time_limit) as pace:
            _tell(f"device: {choice.platform.support.name}, security level {choice.place.security}")
            _tell(f"port: {line.name}, 115200 baud, 8N1")
            run_provisioning_firmware(board, choice.platform, line, pace, development, on_result)
            line.linger()
    except Halted:
        _tell(f"nobody provisioned it within {time_limit:g} s")
    finally:
        board.power_off()
    if ProvisioningStatus.DONE not in results:
        sys.exit(int(ExitCode.NO))


class OtherFirmware(TfmSimError):
    """A device that would not answer `Init`."""


def _tell(line: str) -> None:
    """Whoever reads this in a pipe waits for it."""
    print_lines([line], STYLES)
    sys.stdout.flush()


def _flash(board: Device, choice: Choice, seed: int) -> None:
    """What a device lacks before it can be provisioned, as a programmer writes it."""
    data: FactoryData | None = choice.data
    count = board.hardware.board.image_count
    files = packaged_files(count)
    if primary_slots_blank(board):
        if count > 1:
            board.flash_image(0, files[COPROCESSOR_FIRMWARE])
        board.flash_image(count - 1, files[PROVISIONING_FIRMWARE])
        data = data or choice.data_of(1, seed, 1)
    firmware = files[PROVISIONING_FIRMWARE]
    if board.hardware.slot(count - 1, "primary").read(0, len(firmware)) != firmware:
        raise OtherFirmware(
            "this device runs other firmware than the package's STM_Provisioning; legal: --erase"
        )
    if data is not None:
        program(board.hardware, choice.platform.support.factory_data, data.encode(), "factory data")


@contextmanager
def _linked(port: str, link: str | None) -> Iterator[None]:
    if link is None:
        yield
        return
    place = Path(link)
    try:
        place.symlink_to(port)
    except OSError as error:
        raise FileUnreadable(f"--link {link}: {error.strerror}; legal: a name that is free") from None
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


@contextmanager
def _time(line: SerialLine, limit: float | None) -> Iterator[RealLineTime]:
    pace = RealLineTime(line)
    timer = None if limit is None else threading.Timer(limit, pace.halt)
    if timer is not None:
        timer.start()
    try:
        yield pace
    finally:
        if timer is not None:
            timer.cancel()
            timer.join()
        pace.close()
