"""Entry point: registers the commands and turns every error into one message and an exit code."""

import os
import sys
from contextlib import suppress
from typing import Final

import click

from ...interface.errors import ExitCode, TfmSimError
from ...interface.psa.status import PsaError
from .appraise import appraise
from .attest import attest
from .bl2_image import bl2_image, bl2_key
from .boot import boot
from .boot_status import boot_status_command
from .bundles import bundles
from .corim import corim_group
from .demo import demo
from .ear import ear
from .endorse import endorse
from .flash import dump, erase, flash, mark, slots_command
from .image import image
from .mutate import catalogue_command, mutate_command
from .output import clean
from .patterns import board, provisioning
from .run import run
from .sign import sign
from .storage import storage
from .token import token
from .token_compare import diff_command, size_command
from .token_yaml import compile_command, decompile_command
from .trace import trace
from .verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tfm-sim", prog_name="tfm-sim")
def cli() -> None:
    """Arm's Trusted Firmware-M as an executable model."""


cli.add_command(run)
cli.add_command(boot)
cli.add_command(boot_status_command)
cli.add_command(attest)
cli.add_command(endorse)
cli.add_command(corim_group)
cli.add_command(trace)
cli.add_command(image)
image.add_command(sign)
image.add_command(bl2_image)
image.add_command(bl2_key)
cli.add_command(slots_command)
for slot_command in (flash, erase, dump, mark):
    image.add_command(slot_command)
cli.add_command(storage)
cli.add_command(demo)
cli.add_command(token)
for token_command in (compile_command, decompile_command, diff_command, size_command):
    token.add_command(token_command)
for attack_command in (mutate_command, catalogue_command):
    token.add_command(attack_command)
cli.add_command(verify)
cli.add_command(appraise)
cli.add_command(ear)
cli.add_command(board)
cli.add_command(provisioning)
provisioning.add_command(bundles)


CLOSED_PIPE: Final = 128 + 13
"""What a shell reports for a command that SIGPIPE ends."""


def main() -> None:
    """Run `tfm-sim`; no traceback reaches the user for an error that a user can cause."""
    if sys.stdout is None:  # the shell's >&-
        _complain("standard output: closed; legal: a file, a pipe or a terminal")
        sys.exit(int(ExitCode.COULD_NOT_ASK))
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as with `| head -1`
        code = CLOSED_PIPE
        _drop_output()
    except OSError as error:
        code = int(ExitCode.COULD_NOT_ASK)
        where = "standard output" if error.filename is None else error.filename
        _complain(f"{where}: {error.strerror or error}; legal: a place that can be written")
        _drop_output()
    if code:
        sys.exit(code)


def _run() -> int:
    stdout = sys.stdout
    try:
        answer = cli(standalone_mode=False)
    except SystemExit as stop:
        if sys.stdout is not stdout:  # click's way to say that a pipe is closed, beside a plain 1
            raise BrokenPipeError from None
        return int(stop.code or 0)
    except TfmSimError as error:
        _complain(str(error))
        return int(error.exit_code)
    except PsaError as error:  # the device was asked, and a service of it refused
        _complain(str(error))
        return int(ExitCode.NO)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return int(ExitCode.COULD_NOT_ASK)
    return answer if isinstance(answer, int) else 0


def _complain(text: str) -> None:
    with suppress(OSError):
        # What another side or a file said is in it; a terminal takes no orders from them.
        click.echo("\n".join(clean(line) for line in f"tfm-sim: {text}".split("\n")), err=True)


def _drop_output() -> None:
    """What is still buffered goes nowhere: at its end Python would fail to write it once more."""
    with suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
