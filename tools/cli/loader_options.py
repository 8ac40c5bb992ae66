"""The options by which a user says how BL2 is built, and what they make of its configuration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from ...bootloader.config import (
    TFM_KEY_SLOTS,
    TFM_ROTPK_POLICIES,
    Bl2Config,
    SignatureType,
    UpgradeStrategy,
)
from ...bootloader.encryption_key import load_encryption_key
from ...platform.board import Board, load_board, packaged_boards
from ...platform.state import StateError, stored_board
from .output import FILE_NAME

SIGNATURE_TYPES: Final = {t.value: t for t in SignatureType}
DEFAULT_SIGNATURE_TYPE: Final = SignatureType.EC_P256.value
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
    multi_signature: bool = False
    enc_key: str | None = None
    enc_keylen: str = "128"
    enc_hmac: str = "256"
    decompress: bool = False

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
            decompression=self.decompress,
            key_slots=TFM_KEY_SLOTS if self.multi_signature else (),
            rotpk_policies=TFM_ROTPK_POLICIES if self.multi_signature else None,
            **self._encryption(),
        )

    def _encryption(self) -> dict[str, Any]:
        """Raises EncryptionKeyError, and UsageError for what means nothing without a key."""
        if self.enc_key is None:
            for option, value, default in (
                ("--enc-keylen", self.enc_keylen, "128"),
                ("--enc-hmac", self.enc_hmac, "256"),
            ):
                if value != default:
                    raise click.UsageError(f"{option} {value} without --enc-key; legal: with --enc-key KEY")
            return {}
        encryption, key = load_encryption_key(Path(self.enc_key))
        return {
            "encryption": encryption,
            "encryption_key": key,
            "aes_256": self.enc_keylen == "256",
            "hmac_sha512": self.enc_hmac == "512",
        }


def board_of(state: str | None, given: str | None, default: str) -> Board:
    """The board ``given``; else the one whose device ``state`` holds, for a new device ``default``.

    Raises BoardError, and StateError where only a file that is not known here can say what board that is.
    """
    known = stored_board(state) if state is not None and given is None else None
    if known is not None and known not in packaged_boards():
        raise StateError(
            f"state directory {state}: holds a device of board {known!r:.60}; legal: --board with its "
            "YAML file"
        )
    return load_board(given or known or default)


STRATEGY: Final[Callable[[Any], Any]] = click.option(
    "--strategy",
    type=click.Choice(list(STRATEGIES)),
    default=UpgradeStrategy.OVERWRITE_ONLY.value,
    show_default=True,
    help="How BL2 upgrades (docs/boot.md).",
)
LOADER_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    STRATEGY,
    click.option(
        "--downgrade-prevention",
        is_flag=True,
        help="BL2 erases a candidate that is older than the image in the primary slot; where slots run in "
        "place or from RAM it does nothing.",
    ),
    click.option(
        "--bootstrap",
        is_flag=True,
        help="A primary slot without an image that boots is filled from the secondary one; with a swap "
        "strategy only an empty one. Where slots run in place or from RAM it does nothing.",
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
    click.option(
        "--multi-signature",
        is_flag=True,
        help="Images of several signatures, as TF-M has them: the secure one by both keys, the "
        "non-secure one by its own.",
    ),
    click.option(
        "--enc-key",
        type=FILE_NAME,
        metavar="KEY",
        help="Private key (PEM; or 16 or 32 raw bytes) by which BL2 reads encrypted updates.",
    ),
    click.option(
        "--enc-keylen",
        type=click.Choice(["128", "256"]),
        default="128",
        show_default=True,
        help="With --enc-key: bits of the keys that updates are encrypted with.",
    ),
    click.option(
        "--enc-hmac",
        type=click.Choice(["256", "512"]),
        default="256",
        show_default=True,
        help="With --enc-key of X25519: hash of the key exchange.",
    ),
    click.option("--decompress", is_flag=True, help="BL2 takes compressed updates."),
)
