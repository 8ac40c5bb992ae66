"""`tfm-sim attest`: boot a device and have it answer a challenge with a token."""

import json
import os

import click

from ...device import Device
from ..device_report import lifecycle
from ..endorsements.iak import iak_verification_key
from ..verifier import Key
from .attest_over_http import attest_to_verifier, report_result, serve_device
from .device_options import DeviceCommand, DeviceOptions, device_options, make_device, tell_uncut
from .evidence import ask_for_token, refusals_as_json
from .output import FILE_NAME, STDIN, display_output, hex_bytes, print_lines, write_file
from .over_http import HttpOptions, http_options
from .verify import read_key


@click.command(cls=DeviceCommand)
@click.option(
    "--challenge",
    callback=hex_bytes,
    metavar="HEX",
    help="32, 48 or 64 bytes from the verifier.",
)
@click.option(
    "-o", "--output", type=FILE_NAME, metavar="FILE", help="Where the token goes; - is standard output."
)
@click.option("--key-out", type=FILE_NAME, metavar="FILE", help="Also write the key that verifies it.")
@click.option("--json", "as_json", is_flag=True, help="Print the token and the key as JSON.")
@click.option(
    "--nonce-size",
    type=click.Choice(["32", "48", "64"]),
    default="32",
    show_default=True,
    help="Bytes of the nonce that --verifier is asked for.",
)
@click.option(
    "--ear-key",
    type=FILE_NAME,
    metavar="PUB",
    help="The verifier's public key (PEM or point); without it --verifier asks the verifier for it.",
)
@http_options("--verifier", "Have the verifier at URL give the nonce and judge the token; print its result.")
@device_options
def attest(
    options: DeviceOptions,
    http: HttpOptions,
    challenge: bytes | None,
    output: str | None,
    key_out: str | None,
    as_json: bool,
    nonce_size: str,
    ear_key: str | None,
) -> None:
    """Boot and ask the initial attestation service for a token; exit 1 if it refuses.

    The service itself judges the challenge: what it does not take ends with its own status. Without -o the
    token is printed as hex. The key is the public half of the initial attestation key, or a device's
    symmetric one itself.

    With --serve the booted device answers challenges over HTTP until it is stopped. With --verifier the
    challenge comes from a verifier that speaks Veraison's API: exit 0 if its result affirms.
    """
    _check_challenge(challenge, http, output=output, as_json=as_json)
    result_key = read_key(ear_key) if ear_key is not None else None
    _check_outputs(output, key_out, as_json=as_json)
    device = make_device(options, [])
    try:
        with refusals_as_json(as_json):
            device.power_on()
        if challenge is None:
            _over_http(device, http, output, key_out, int(nonce_size), result_key, as_json=as_json)
            return
        with refusals_as_json(as_json):
            token = ask_for_token(device, challenge)
        key = iak_verification_key(device.hardware)
        if output is not None:
            write_file(output, token)
        if key_out is not None:
            write_file(key_out, key)
        _report(device, token, key, output, key_out, as_json=as_json)
        tell_uncut(options, device)
    finally:
        device.power_off()


def _over_http(
    device: Device,
    http: HttpOptions,
    output: str | None,
    key_out: str | None,
    nonce_size: int,
    result_key: Key | None,
    *,
    as_json: bool,
) -> None:
    """The key goes to a file, as from a factory. It is never served: one beside evidence proves nothing."""
    if key_out is not None:
        write_file(key_out, iak_verification_key(device.hardware))
    if http.serve:
        if device.hardware.dummy_notice:
            click.echo(f"warning: {device.hardware.dummy_notice}", err=True)
        serve_device(device, http)
        return
    with refusals_as_json(as_json):
        attested, ear = attest_to_verifier(device, http, nonce_size, result_key)
    if output is not None:
        write_file(output, attested.evidence)
    report_result(attested, ear, as_json=as_json)


def _check_challenge(
    challenge: bytes | None, http: HttpOptions, *, output: str | None, as_json: bool
) -> None:
    """A challenge comes from the command line, from relying parties or from a verifier: one of them."""
    if challenge is None and not http.serve and http.url is None:
        raise click.MissingParameter(
            "Legal: one, or --serve, or --verifier URL.", param_hint="'--challenge'", param_type="option"
        )
    if challenge is not None and (http.serve or http.url is not None):
        where = "--serve" if http.serve else "--verifier"
        raise click.UsageError(f"--challenge and {where}; legal: one of them")
    if http.serve and (output is not None or as_json):
        raise click.UsageError(f"{'-o' if output is not None else '--json'} with --serve; legal: without it")
    if http.url is not None and output == STDIN:
        raise click.UsageError("-o - with --verifier; legal: a file, for the result goes to standard output")


def _check_outputs(output: str | None, key_out: str | None, *, as_json: bool) -> None:
    """Refuse two things in one place before a device is started."""
    if output is not None and key_out is not None and _same(output, key_out):
        raise click.UsageError(f"-o and --key-out both name {output}; legal: two files")
    for name, value in (("-o", output), ("--key-out", key_out)):
        if value == STDIN and as_json:
            raise click.UsageError(f"{name} - with --json; legal: one of them on standard output")
    if key_out == STDIN and output is None:
        raise click.UsageError("--key-out - without -o FILE; legal: token or key on standard output")


def _same(one: str, other: str) -> bool:
    try:
        return one == other or os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # a NUL byte in the name
        return False


def _report(
    device: Device, token: bytes, key: bytes, output: str | None, key_out: str | None, *, as_json: bool
) -> None:
    notice = device.hardware.dummy_notice
    if as_json:
        report = {
            "token": token.hex(),
            "size": len(token),
            "key": key.decode() if key.startswith(b"-----BEGIN") else key.hex(),
            "lifecycle": lifecycle(device),
            "warning": notice,
        }
        click.echo(json.dumps(report, indent=2))
        return
    lines = []
    if output is None:
        click.echo(token.hex())
    else:
        lines.append(f"token of {len(token)} bytes written to {display_output(output)}")
    if key_out is not None:
        lines.append(f"verification key written to {display_output(key_out)}")
    # Standard output that carries the token or the key carries nothing else.
    print_lines(lines, to_stderr=output is None or STDIN in (output, key_out))
    if notice:
        print_lines([f"warning: {notice}"], ((r"NOT SECURE", "bold red"),), to_stderr=True)
