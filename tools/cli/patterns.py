"""`tfm-sim board` and `tfm-sim provisioning`: the YAML that comes with the package, to copy and change."""

import click

from ...platform.board import BOARDS_DIRECTORY, load_board, packaged_boards
from ...platform.provisioning import DUMMY, DUMMY_FILE, DUMMY_ROTPKS
from .lazy import LazyGroup
from .loader_options import DEFAULT_SIGNATURE_TYPE


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
    click.echo((BOARDS_DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8"), nl=False)


@click.group(
    cls=LazyGroup, homes={"bundles": ("bundles:bundles", "Write the two bundles of a virgin device.")}
)
def provisioning() -> None:
    """Show what a factory burns into a device."""


@provisioning.command("show", short_help="Print TF-M's dummy values as YAML.")
@click.option(
    "--signature-type",
    type=click.Choice(list(DUMMY_ROTPKS)),
    default=DEFAULT_SIGNATURE_TYPE,
    show_default=True,
    help="Whose ROTPKs to print: those of the images that BL2 is to verify.",
)
def show_provisioning(signature_type: str) -> None:
    """Print TF-M's dummy values (NOT SECURE) as YAML, as a pattern for your own."""
    text = DUMMY_FILE.read_text(encoding="utf-8")
    of_file = next(name for name, keys in DUMMY_ROTPKS.items() if keys == DUMMY.rotpks)
    text = text.replace(of_file, signature_type)
    for printed, wanted in zip(DUMMY.rotpks, DUMMY_ROTPKS[signature_type], strict=True):
        text = text.replace(printed.hex(), wanted.hex())
    click.echo(text, nl=False)
