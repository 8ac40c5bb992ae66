"""The options by which a user says how BL2 is built, and what they make of its configuration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from ...bootloader.config import Bl2Config, SignatureType, UpgradeStrategy

SIGNATURE_TYPES: Final = {t.value: t for t in SignatureType}
STRATEGIES: Final = {s.value: s for s in UpgradeStrategy}
DEFAULT_BOARD: Final = "an521"
RAM_LOAD_BOARD: Final = "an521_ram_load"


@dataclass(frozen=True, slots=True)
class LoaderOptions:
    """One value an option."""

    strategy: str = UpgradeStrategy.OVERWRITE_ONLY.value
    downgrade_prevention: bool = False
    bootstrap: bool = False
    version_build_number: bool = False
    single_boot_go: bool = False

    @property
    def upgrade_strategy(self) -> UpgradeStrategy:
        return STRATEGIES[self.strategy]

    @property
    def default_board(self) -> str:
        """The packaged board that a build of this strategy runs on."""
        return RAM_LOAD_BOARD if self.upgrade_strategy.loads_to_ram else DEFAULT_BOARD

    def applied(self, config: Bl2Config) -> Bl2Config:
        """``config`` with these choices. Raises Bl2ConfigError where they do not go together."""
        return replace(
            config,
            strategy=self.upgrade_strategy,
            downgrade_prevention=self.downgrade_prevention,
            bootstrap=self.bootstrap,
            version_build_number=self.version_build_number,
            single_boot_go=self.single_boot_go,
        )


LOADER_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option(
        "--strategy",
        type=click.Choice(list(STRATEGIES)),
        default=UpgradeStrategy.OVERWRITE_ONLY.value,
        show_default=True,
        help="How BL2 upgrades (docs/boot.md).",
    ),
    click.option(
        "--downgrade-prevention",
        is_flag=True,
        help="BL2 erases a candidate that is older than the image in the primary slot; where slots run in "
        "place or from RAM it does nothing.",
    ),
    click.option(
        "--bootstrap",
        is_flag=True,
        help="With a swap strategy, an empty primary slot is filled from the secondary one.",
    ),
    click.option(
        "--version-build-number",
        is_flag=True,
        help="Versions are compared by their build numbers too.",
    ),
    click.option(
        "--single-boot-go",
        is_flag=True,
        help="BL2 looks at all images together, as plain MCUboot does, not at each by itself, as TF-M does.",
    ),
)
"""A build for encrypted or compressed images adds its options here and its fields to LoaderOptions."""
