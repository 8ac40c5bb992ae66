"""How `matter device` and `matter provision` are told which devices are meant, and their files."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ...interface.errors import TfmSimError
from ...interface.matter.factory_data import FactoryData, FactoryDataTag
from ...interface.matter.provisioning_link import ProvisioningMode
from ...platform.board import Board, load_board
from ..matter.device_machine import MatterPlatform, PlatformError, matter_platform
from ..matter.factory.development import development_data
from ..matter.factory.factory_file import read_factory_file
from ..matter.factory.options import FactoryOptions, Mode, Platform, plan_of
from ..matter.factory.plan import FactoryPlan
from ..matter.factory.unit import (
    APPLICATION_FIRMWARE,
    COPROCESSOR_FIRMWARE,
    MAGIC_TRAILER,
    PROVISIONING_FIRMWARE,
    ThirdPartyScript,
    packaged_files,
)
from ..matter.pki.names import TEST_PRODUCT, Product
from ..matter.pki.server import PkiServer
from .output import FILE_NAME, MAX_IMAGE, print_lines, read_file

PROVISIONING_SCRIPT: Final = "STM32_provisioning.py"
DEFAULT_SECURITY: Final = {"wba": 2, "u5": 1, "wb55": 0}
Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option(
        "--platform",
        type=click.Choice(list(DEFAULT_SECURITY)),
        default="wba",
        show_default=True,
        help="STM32WBA65I-DK1, NUCLEO-U575ZI-Q or STM32WB5MM-DK.",
    ),
    click.option(
        "--security",
        type=click.IntRange(0, 2),
        metavar="0|1|2",
        help="None, OEMiROT, OEMiROT and TF-M; by default the platform's highest.",
    ),
    click.option(
        "--mode",
        type=click.Choice([mode.value for mode in Mode]),
        help="wb55: the DAC private key in flash or, by default, in the customer key storage.",
    ),
    click.option("--json", "json_file", type=FILE_NAME, metavar="FILE", help="Factory data as JSON."),
    click.option("--binary", "binary_file", type=FILE_NAME, metavar="FILE", help="Factory data as TLV."),
    click.option(
        "--demo-firmware",
        is_flag=True,
        help="Provisioning firmware with built-in certificates and keys (NOT SECURE).",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Makes the random sources repeat."),
)


def unit_options(command: Command) -> Command:
    """What both commands ask."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class ScriptError(TfmSimError):
    """A provisioning script that cannot be used."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A platform at a level in a mode, and the factory data that all devices start from, if it was given."""

    name: str
    security: int
    mode: Mode
    platform: MatterPlatform
    data: FactoryData | None

    @property
    def forwarded(self) -> ProvisioningMode | None:
        """What the provisioning script tells the device: the mode is STM32WB55's alone."""
        return ProvisioningMode(self.mode.value) if self.name == "wb55" else None

    @property
    def product(self) -> Product:
        """Whose certificates its devices want."""
        data = self.data
        vendor = data and data.number(FactoryDataTag.VENDOR_ID)
        product = data and data.number(FactoryDataTag.PRODUCT_ID)
        return TEST_PRODUCT if not vendor or not product else Product(vendor, product)

    def data_of(self, number: int, seed: int, count: int) -> FactoryData:
        """The factory data of one of ``count`` devices: of several each has a serial number of its own."""
        tag = FactoryDataTag.SERIAL_NUMBER
        if self.data is None:
            return development_data(number, seed=seed)
        serial = self.data.get(tag)
        if serial is None or count == 1:
            return self.data
        return self.data.with_values({tag: serial + f"-{number:04}".encode()})


def choose(
    platform: str, security: int | None, mode: str | None, json_file: str | None, binary_file: str | None
) -> Choice:
    """Raises UsageError for options that contradict each other, FactoryDataError, FileUnreadable."""
    if json_file is not None and binary_file is not None:
        raise click.UsageError("--json and --binary; legal: one of them")
    if mode is not None and platform != "wb55":
        raise click.UsageError(f"--mode {mode} --platform {platform}; legal: with --platform wb55")
    level = DEFAULT_SECURITY[platform] if security is None else security
    chosen = Mode.PRODUCTION if mode is None else Mode(mode)
    try:
        made = matter_platform(platform, level, chosen.value)
    except PlatformError as error:
        raise click.UsageError(str(error)) from None
    data = None
    name = json_file or binary_file
    if name is not None:
        found = read_factory_file(read_file(name), name, is_json=json_file is not None, provisioning=True)
        print_lines((f"warning: {notice}" for notice in found.notices), to_stderr=True)
        data = found.data
    return Choice(platform, level, chosen, made, data)


def development_pki(choice: Choice) -> PkiServer:
    """The PKI of tests for a choice's product. NOT SECURE. Raises PkiError."""
    return PkiServer.development([choice.product])


def board_and_plan(choice: Choice, given: Mapping[str, Any]) -> tuple[Board, FactoryPlan]:
    """The plan that `genFactoryData.py` would have, what is not ``given`` filled in for the board.

    Raises FactoryOptionsError and ProgrammerError.
    """
    board = load_board(choice.platform.board)
    filled = {name: value for name, value in given.items() if value is not None}
    options = FactoryOptions(provisioning=1, **{**_defaults(choice, board), **filled})
    plan = plan_of(options)
    plan.check(board)
    return board, plan


def _defaults(choice: Choice, board: Board) -> dict[str, Any]:
    last, secure = board.image_count - 1, choice.security > 0
    slot = board.slot(last, "secondary" if secure else "primary")
    start = board.non_secure_address_of(slot)
    values: dict[str, Any] = {
        "flash_addr": choice.platform.support.factory_data,
        "json": "factory data",
        "provisioning_script": PROVISIONING_SCRIPT,
        "flash_app_fw": APPLICATION_FIRMWARE,
        "app_fw_addr": start,
    }
    if secure:
        values |= {
            "security": choice.security,
            "platform": Platform(choice.name),
            "flash_magic_trailer": MAGIC_TRAILER,
            "flash_magic_trailer_addr": start + slot.size - 16,
        }
        return values
    values["flash_provisioning_fw"] = PROVISIONING_FIRMWARE
    if choice.name != "wb55":
        return {**values, "security": 0}
    return {
        **values,
        "mode": choice.mode,
        "flash_co_fw": COPROCESSOR_FIRMWARE,
        "co_fw_addr": board.address_of(board.slot(0, "primary")),
    }


def files_of(board: Board, plan: FactoryPlan) -> dict[str, bytes]:
    """The plan's files by their names: what lies there, else the package's of that name.

    Raises FileUnreadable.
    """
    files = dict(packaged_files(board.image_count))
    for step in plan.steps:
        wanted = step.file not in (None, PROVISIONING_SCRIPT, "factory data")
        if step.file is not None and wanted and (step.file not in files or Path(step.file).exists()):
            files[step.file] = read_file(step.file, MAX_IMAGE)
    return files


def load_script(name: str | None) -> ThirdPartyScript | None:
    """``Provisioning`` of a script of the user's own; None for ours. Raises ScriptError."""
    if name is None or (name == PROVISIONING_SCRIPT and not Path(name).exists()):
        return None
    read_file(name)
    spec = importlib.util.spec_from_file_location("provisioning_script", name)
    if spec is None or spec.loader is None:
        raise ScriptError(f"{name}: no Python; legal: a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScriptError(f"{name}: {type(error).__name__}: {error}; legal: a script that loads") from error
    script = getattr(module, "Provisioning", None)
    if not callable(script):
        raise ScriptError(f"{name}: no function; legal: Provisioning(mode, header, port), as in ST's script")
    found: ThirdPartyScript = script
    return found
