"""`tfm-sim esp-tee attest`: boot a device with ESP-TEE and ask its TEE for a token."""

import json

import click

from ...device import Device
from ...partitions.esp_tee_attestation.config import TokenForm
from ...platform.board import load_board
from ..demo_firmware import primary_slots_blank
from ..esp_tee.reference_yaml import write_devices, write_reference
from ..esp_tee_factory import FACTORY, Request, ask, enrol, esp_tee_build_for, reference_of
from ..esp_tee_firmware import DEMO, flash_esp_tee_firmware
from .esp_tee_options import esp_tee_options
from .output import FILE_NAME, STDIN, print_lines, write_file


@click.command("attest")
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="FILE", help="Where the token goes; without it, printed."
)
@click.option(
    "--reference-out",
    "book_out",
    type=FILE_NAME,
    metavar="YAML",
    help="Write what a factory notes: the device's key and id, and what the demo firmware should say.",
)
@click.option("--state", type=FILE_NAME, metavar="DIR", help="Keep flash and eFuses in DIR between runs.")
@click.option(
    "--isolation",
    type=click.Choice(["1", "2", "3"]),
    default="1",
    show_default=True,
    help="Isolation level: how many processes the TEE's partitions are in.",
)
@esp_tee_options
def attest(
    board: str,
    form: TokenForm,
    request: Request | None,
    seed: int,
    as_json: bool,
    output: str | None,
    book_out: str | None,
    state: str | None,
    isolation: str,
) -> None:
    """Boot and ask the TEE for a token over --challenge, or over --nonce in an older --form.

    A new device gets the demo firmware. Its key is made by the TEE on first use, and kept in --state.
    """
    if request is None:
        wanted = "--challenge" if form.with_challenge else "--nonce"
        raise click.MissingParameter(param_hint=f"'{wanted}'", param_type="option")
    if as_json and STDIN in (output, book_out):
        raise click.UsageError("- with --json; legal: one of them on standard output")
    if output is not None and output == book_out:
        raise click.UsageError(f"-o and --reference-out both name {output}; legal: two files")
    loaded = load_board(board)
    build = esp_tee_build_for(loaded, form, isolation_level=int(isolation))
    with Device(loaded, build=build, seed=seed, state=state) as device:
        if primary_slots_blank(device):
            flash_esp_tee_firmware(device)
        token = ask(device.power_on(), form, request)
        # The factory's own, for text that the REE brings may leave no JSON of a token.
        enrolled = enrol(ask(device, form, FACTORY), "device")
        notice = device.hardware.dummy_notice
    book = write_devices([enrolled]) + write_reference(reference_of(DEMO, form))
    if output is not None:
        write_file(output, token)
    if book_out is not None:
        write_file(book_out, book.encode())
    if as_json:
        click.echo(json.dumps({"token": token.decode(), "reference": book, "warning": notice}, indent=2))
        return
    if output is None and book_out != STDIN:
        click.echo(token.decode())
    if notice:
        click.echo(f"warning: {notice}", err=True)
    told = ((f"token of {len(token)} bytes", output), ("key and reference values", book_out))
    beside = output is None or STDIN in (output, book_out)
    print_lines(
        (f"{what} written to {file}" for what, file in told if file not in (None, STDIN)), to_stderr=beside
    )
