"""`tfm-sim board` and `tfm-sim provisioning`: the YAML that comes with the package, to copy and change."""

from pathlib import Path

import click

from ...platform.board import BOARDS_DIRECTORY, load_board, packaged_boards
from ...platform.provisioning import DUMMY_FILE
from .lazy import LazyGroup


@click.group()
def board() -> None:
    """Show the boards that come with the package."""


@board.command("list")
def list_boards() -> None:
    """List the packaged boards."""
    width = max(map(len, packaged_boards()))
    for name in packaged_boards():
        click.echo(f"{name:<{width}}  {load_board(name).description}")


@board.command("show")
@click.argument("name", type=click.Choice(packaged_boards()), metavar="NAME")
def show_board(name: str) -> None:
    """Print the YAML of the board NAME, as a pattern for your own."""
    _print(BOARDS_DIRECTORY / f"{name}.yaml")


@click.group(
    cls=LazyGroup, homes={"bundles": ("bundles:bundles", "Write the two bundles of a virgin device.")}
)
def provisioning() -> None:
    """Show what a factory burns into a device."""


@provisioning.command("show", short_help="Print TF-M's dummy values as YAML.")
def show_provisioning() -> None:
    """Print TF-M's dummy values (NOT SECURE) as YAML, as a pattern for your own."""
    _print(DUMMY_FILE)


def _print(file: Path) -> None:
    click.echo(file.read_text(encoding="utf-8"), nl=False)
