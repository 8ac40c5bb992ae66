"""Whole factory runs for ST's platforms, with what the package brings where nothing else is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from ....interface.matter.provisioning_link import ProvisioningMode
from ....interface.mcuboot.trailer import BOOT_MAGIC_SIZE
from ....platform.board import Board, load_board
from ..device_machine import MatterPlatform, matter_platform
from ..pki.server import PkiServer
from .development import development_data
from .options import FactoryOptions, Mode, Platform, plan_of
from .plan import FactoryPlan
from .unit import (
    APPLICATION_FIRMWARE,
    COPROCESSOR_FIRMWARE,
    MAGIC_TRAILER,
    PROVISIONING_FIRMWARE,
    FactoryRun,
    Unit,
    packaged_files,
)

PROVISIONING_SCRIPT: Final = "STM32_provisioning.py"
FACTORY_DATA: Final = "factory data"
"""Stands for the file that the factory data come from: each device has data of its own."""
HIGHEST_SECURITY: Final = {"wba": 2, "u5": 1, "wb55": 0}


@dataclass(frozen=True, slots=True)
class Place:
    """Which factory: ``name`` is wba, u5 or wb55, ``security`` the level, ``mode`` the STM32WB55's."""

    name: str
    security: int
    mode: Mode
    platform: MatterPlatform

    @classmethod
    def of(
        cls,
        name: str,
        security: int | None = None,
        mode: str | None = None,
        made: MatterPlatform | None = None,
    ) -> Self:
        """By default the platform's highest level, and production mode. Raises PlatformError."""
        level = HIGHEST_SECURITY[name] if security is None else security
        chosen = Mode.PRODUCTION if mode is None else Mode(mode)
        return cls(name, level, chosen, made or matter_platform(name, level, chosen.value))

    @property
    def forwarded(self) -> ProvisioningMode | None:
        """What the provisioning script tells the device: the mode is STM32WB55's alone."""
        return ProvisioningMode(self.mode.value) if self.name == "wb55" else None


def default_plan(place: Place, given: Mapping[str, Any]) -> tuple[Board, FactoryPlan]:
    """The board, and the plan of `genFactoryData.py --provisioning 1`.

    ``given`` are fields of FactoryOptions; what is not given is what fits the board. Raises
    FactoryOptionsError, and ProgrammerError for an address that the board does not look at.
    """
    board = load_board(place.platform.board)
    plan = plan_of(FactoryOptions(provisioning=1, **{**_defaults(place, board), **given}))
    plan.check(board)
    return board, plan


def development_run(place: Place, pki: PkiServer, **options: Any) -> FactoryRun:
    """A run with the package's firmware and ``pki``. ``options`` are further fields of FactoryRun."""
    board, plan = default_plan(place, {})
    files = packaged_files(board.image_count)
    return FactoryRun(plan, place.platform, files, pki.certify, mode=place.forwarded, **options)


def development_units(count: int, *, seed: int = 0, state: Path | None = None) -> list[Unit]:
    """Devices with the factory data of tests, each in a directory of its own below ``state``."""
    return [
        Unit(n, development_data(n, seed=seed), unit_seed(seed, n), unit_state(state, n, count))
        for n in range(1, count + 1)
    ]


def unit_seed(seed: int, number: int) -> int:
    """A random source of its own for each device: two of one seed would make one key."""
    return seed * 10_000 + number


def unit_state(state: Path | None, number: int, count: int) -> Path | None:
    """A single device has the directory itself."""
    return state if state is None or count == 1 else state / f"device-{number:04}"


def _defaults(place: Place, board: Board) -> dict[str, Any]:
    last, secure = board.image_count - 1, place.security > 0
    slot = board.slot(last, "secondary" if secure else "primary")
    start = board.non_secure_address_of(slot)
    values: dict[str, Any] = {
        "flash_addr": place.platform.support.factory_data,
        "json": FACTORY_DATA,
        "provisioning_script": PROVISIONING_SCRIPT,
        "flash_app_fw": APPLICATION_FIRMWARE,
        "app_fw_addr": start,
    }
    if secure:
        values |= {
            "security": place.security,
            "platform": Platform(place.name),
            "flash_magic_trailer": MAGIC_TRAILER,
            "flash_magic_trailer_addr": start + slot.size - BOOT_MAGIC_SIZE,
        }
        return values
    values["flash_provisioning_fw"] = PROVISIONING_FIRMWARE
    if place.name != "wb55":
        return {**values, "security": 0}
    return {
        **values,
        "mode": place.mode,
        "flash_co_fw": COPROCESSOR_FIRMWARE,
        "co_fw_addr": board.address_of(board.slot(0, "primary")),
    }
