"""Entry point: registers the commands and turns every error into one message and an exit code."""

import os
import sys
from contextlib import suppress
from typing import Final

import click

from ...interface.errors import ExitCode, TfmSimError
from ...interface.psa.status import PsaError
from .clean_text import clean
from .lazy import LazyGroup

_HOMES: Final = {
    "appraise": ("appraise:appraise", "Judge a token's device by endorsements and a policy."),
    "attest": ("attest:attest", "Boot and ask the attestation service for a token."),
    "board": ("patterns:board", "Show the boards that come with the package."),
    "boot": ("boot:boot", "Run the boot loaders and show how they decide."),
    "boot-status": ("boot_status:boot_status_command", "Take a boot status apart that BL2 left in memory."),
    "corim": ("corim:corim_group", "Work on CoRIM files, the endorsements of verifiers."),
    "demo": ("demo:demo", "Show a whole story on a device, from power to verdict."),
    "ear": ("ear:ear", "Read attestation results (EAR)."),
    "endorse": ("endorse:endorse", "Write what a verifier must know of a device."),
    "esp-tee": ("esp_tee:esp_tee", "Attest an ESP-TEE device and judge its JSON tokens."),
    "image": ("image:image", "Look at MCUboot images and make them."),
    "matter": ("matter:matter", "Make Matter devices: factory data, certificates, provisioning."),
    "provisioning": ("patterns:provisioning", "Show what a factory burns into a device."),
    "run": ("run:run", "Boot, issue a token, take it apart, verify it."),
    "slots": ("flash:slots_command", "Show every slot of a device, and its counters."),
    "stm32": ("stm32:stm32", "Attest an STM32 by its wrapped key, judge token and certificate."),
    "storage": ("storage:storage", "List what secure storage holds."),
    "token": ("token:token", "Show, make, compare and attack attestation tokens."),
    "trace": ("trace:trace", "Boot a device and write down every event inside it."),
    "verify": ("verify:verify", "Judge a token by a key: exit 0 accepted, 1 refused."),
}


@click.group(
    cls=LazyGroup,
    homes=_HOMES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="tfm-sim", prog_name="tfm-sim")
def cli() -> None:
    """Arm's Trusted Firmware-M as an executable model."""


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
