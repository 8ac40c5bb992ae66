"""Entry point: registers the commands and turns every error into one message and an exit code."""

import sys

import click

from ...interface.errors import ExitCode, TfmSimError
from .attest import attest
from .boot import boot
from .image import image
from .run import run
from .token import token, verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tfm-sim", prog_name="tfm-sim")
def cli() -> None:
    """Arm's Trusted Firmware-M as an executable model."""


cli.add_command(run)
cli.add_command(boot)
cli.add_command(attest)
cli.add_command(image)
cli.add_command(token)
cli.add_command(verify)


def main() -> None:
    """Run `tfm-sim`; no traceback reaches the user for an error that a user can cause."""
    try:
        cli(standalone_mode=False)
    except TfmSimError as error:
        click.echo(f"tfm-sim: {error}", err=True)
        sys.exit(int(error.exit_code))
    except click.ClickException as error:
        error.show()
        sys.exit(int(ExitCode.USAGE))
    except (click.Abort, KeyboardInterrupt):
        click.echo("tfm-sim: interrupted", err=True)
        sys.exit(int(ExitCode.COULD_NOT_ASK))
