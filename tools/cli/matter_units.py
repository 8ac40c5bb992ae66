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
from ...platform.board import Board
from ..matter.device_machine import MatterPlatform
from ..matter.factory.development import NOT_SECURE, development_data
from ..matter.factory.factory_file import read_factory_file
from ..matter.factory.plan import FactoryPlan
from ..matter.factory.runs import FACTORY_DATA, PROVISIONING_SCRIPT, Place, default_plan
from ..matter.factory.unit import ThirdPartyScript, packaged_files
from ..matter.pki.certification_declaration import DeclarationSigner
from ..matter.pki.folder import read_folder
from ..matter.pki.names import TEST_PRODUCT, Product
from ..matter.pki.server import PkiServer
from .matter_options import chosen_platform, platform_options
from .output import FILE_NAME, MAX_IMAGE, print_lines, read_file

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option("--json", "json_file", type=FILE_NAME, metavar="FILE", help="Factory data as JSON."),
    click.option("--binary", "binary_file", type=FILE_NAME, metavar="FILE", help="Factory data as TLV."),
    click.option(
        "--demo-firmware",
        is_flag=True,
        help="Provisioning firmware with built-in certificates and keys (NOT SECURE).",
    ),
    click.option(
        "--pki",
        "pki_folder",
        type=FILE_NAME,
        metavar="DIR",
        help="The PKI that `matter pki new` wrote; by default one for tests (NOT SECURE).",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Makes the random sources repeat."),
)


def unit_options(command: Command) -> Command:
    """What both commands ask."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return platform_options(command)


class ScriptError(TfmSimError):
    """A provisioning script that cannot be used."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A platform at a level in a mode, and the factory data that all devices start from, if it was given."""

    place: Place
    data: FactoryData | None
    pki: PkiServer
    signer: DeclarationSigner | None

    @property
    def platform(self) -> MatterPlatform:
        return self.place.platform

    @property
    def forwarded(self) -> ProvisioningMode | None:
        """What the provisioning script tells the device: the mode is STM32WB55's alone."""
        return self.place.forwarded

    @property
    def data_warning(self) -> str:
        """What is to be said of the factory data; "" where they were given."""
        return NOT_SECURE if self.data is None else ""

    @property
    def product(self) -> Product:
        """Whose certificates its devices want."""
        data = self.data
        vendor = data and data.number(FactoryDataTag.VENDOR_ID)
        product = data and data.number(FactoryDataTag.PRODUCT_ID)
        return Product(vendor, product) if vendor and product else _first_product(self.pki)

    def data_of(self, number: int, seed: int, count: int) -> FactoryData:
        """The factory data of one of ``count`` devices: of several each has a serial number of its own."""
        tag = FactoryDataTag.SERIAL_NUMBER
        if self.data is None:
            return development_data(number, seed=seed, product=self.product, signer=self.signer)
        serial = self.data.get(tag)
        if serial is None or count == 1:
            return self.data
        return self.data.with_values({tag: serial + f"-{number:04}".encode()})


def choose(
    platform: str,
    security: int | None,
    mode: str | None,
    json_file: str | None,
    binary_file: str | None,
    pki_folder: str | None,
) -> Choice:
    """What the options mean.

    Raises UsageError where they contradict each other, FactoryDataError, FileUnreadable, PkiError.
    """
    if json_file is not None and binary_file is not None:
        raise click.UsageError("--json and --binary; legal: one of them")
    made = chosen_platform(platform, security, mode)
    data = None
    name = json_file or binary_file
    if name is not None:
        found = read_factory_file(read_file(name), name, is_json=json_file is not None, provisioning=True)
        print_lines((f"warning: {notice}" for notice in found.notices), to_stderr=True)
        data = found.data
    place = Place.of(platform, security, mode, made)
    if pki_folder is not None:
        return Choice(place, data, *read_folder(Path(pki_folder)))
    product = Choice(place, data, PkiServer.development(), None).product
    return Choice(place, data, PkiServer.development([product]), None)


def _first_product(pki: PkiServer) -> Product:
    """What a PKI is for where nobody says it: the product of its first PAI, or one of that vendor."""
    vendor, product = next(iter(pki.pais))
    return Product(vendor or TEST_PRODUCT.vendor_id, product or TEST_PRODUCT.product_id)


def board_and_plan(choice: Choice, given: Mapping[str, Any]) -> tuple[Board, FactoryPlan]:
    """The plan that `genFactoryData.py` would have, what is not ``given`` filled in for the board.

    Raises FactoryOptionsError and ProgrammerError.
    """
    filled = {name: value for name, value in given.items() if value is not None}
    return default_plan(choice.place, filled)


def files_of(board: Board, plan: FactoryPlan) -> dict[str, bytes]:
    """The plan's files by their names: what lies there, else the package's of that name.

    Raises FileUnreadable.
    """
    files = dict(packaged_files(board.image_count))
    for step in plan.steps:
        wanted = step.file not in (None, PROVISIONING_SCRIPT, FACTORY_DATA)
        if step.file is not None and wanted and (step.file not in files or Path(step.file).exists()):
            files[step.file] = read_file(step.file, MAX_IMAGE)
    return files


def local_files(plan: FactoryPlan, given: Mapping[str, Any]) -> list[str]:
    """What nobody named, but lies here under the name of a file of the package and takes its place."""
    names = {step.file for step in plan.steps if step.file is not None} - set(given.values())
    return sorted(name for name in names if name in packaged_files(1) and Path(name).exists())


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
    except (Exception, SystemExit) as error:
        raise ScriptError(f"{name}: {type(error).__name__}: {error}; legal: a script that loads") from error
    script = getattr(module, "Provisioning", None)
    if not callable(script):
        raise ScriptError(f"{name}: no function; legal: Provisioning(mode, header, port), as in ST's script")
    found: ThirdPartyScript = script
    return found
