"""`tfm-sim attest`: boot a device and have it answer a challenge with a token."""

import json
import sys

import click

from ...device import Device
from ...interface.errors import ExitCode
from ...interface.psa.status import PsaError
from ..device_report import lifecycle
from ..endorsement import iak_verification_key
from .device_options import DeviceOptions, device_options, make_device
from .output import STDIN, hex_bytes, print_lines, write_file


@click.command()
@click.option(
    "--challenge",
    required=True,
    callback=hex_bytes,
    metavar="HEX",
    help="32, 48 or 64 bytes from the verifier.",
)
@click.option("-o", "--output", metavar="FILE", help="Where the token goes; - is standard output.")
@click.option("--key-out", metavar="FILE", help="Also write the key that verifies it.")
@click.option("--json", "as_json", is_flag=True, help="Print the token and the key as JSON.")
@device_options
def attest(
    options: DeviceOptions, challenge: bytes, output: str | None, key_out: str | None, as_json: bool
) -> None:
    """Boot and ask the initial attestation service for a token; exit 1 if it refuses.

    The service itself judges the challenge: what it does not take ends with its own status.
    """
    device = make_device(options, [])
    try:
        device.power_on()
        try:
            token = device.psa.initial_attestation.get_token(challenge)
        except PsaError as error:
            click.echo(
                f"tfm-sim: {error}; a challenge has 32, 48 or 64 bytes, this one {len(challenge)}", err=True
            )
            sys.exit(int(ExitCode.NO))
        key = iak_verification_key(device.hardware)
        if output is not None:
            write_file(output, token)
        if key_out is not None:
            write_file(key_out, key)
        _report(device, token, output, key_out, as_json=as_json)
    finally:
        device.power_off()


def _report(device: Device, token: bytes, output: str | None, key_out: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps({"token": token.hex(), "size": len(token), "lifecycle": lifecycle(device)}, indent=2)
        )
    elif output is None:
        click.echo(token.hex())
    elif output != STDIN:
        lines = [f"token of {len(token)} bytes written to {output}"]
        if key_out is not None:
            lines.append(f"verification key written to {key_out}")
        notice = device.hardware.dummy_notice
        print_lines([*lines, *([f"warning: {notice}"] if notice else [])], ((r"NOT SECURE", "bold red"),))
