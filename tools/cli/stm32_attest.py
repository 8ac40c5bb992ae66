"""`tfm-sim stm32 attest`: a chip from the factory, booted, its token and the certificate beside it."""

import json

import click

from ...device import Device
from ...partitions.initial_attestation.config import TokenVariant
from ...platform.board import load_board
from ..demo_firmware import flash_demo_firmware, primary_slots_blank
from ..stm32.certificates import DuaPki
from ..stm32.factory import check_certified, make_chip, read_certificate, stm32_build_for
from ..stm32.forgeries import Presented
from .output import FILE_NAME, hex_bytes
from .stm32_files import KEYS, chain_pem, check_challenge, check_directory, chip_options, write_attestation


@click.command("attest")
@click.option(
    "--challenge",
    callback=hex_bytes,
    required=True,
    metavar="HEX",
    help="32, 48 or 64 bytes from the verifier.",
)
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    metavar="DIR",
    help="Where token.cbor, dua.der, chain.pem and root.pem go.",
)
@click.option("--state", type=FILE_NAME, metavar="DIR", help="Keep flash and the chip's secrets in DIR.")
@chip_options
@click.option(
    "--pki-seed",
    metavar="TEXT",
    default="0",
    show_default=True,
    help="Whose test authorities certify a new chip; root.pem is theirs.",
)
@click.option(
    "--profile",
    type=click.Choice([variant.value for variant in TokenVariant if variant is not TokenVariant.TFM_2019]),
    default=TokenVariant.PSA_IOT_PROFILE_1.value,
    show_default=True,
    help="Whose attestation tokens.",
)
@click.option(
    "--isolation",
    type=click.Choice(["1", "2", "3"]),
    default="1",
    show_default=True,
    help="Isolation level: how many processes the partitions are in.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print token and certificates as JSON.")
def attest(
    challenge: bytes,
    output: str | None,
    state: str | None,
    board: str,
    dua_key: str,
    pki_seed: str,
    profile: str,
    isolation: str,
    seed: int,
    as_json: bool,
) -> None:
    """Boot and sign a token over --challenge with the wrapped DUA key; read the key's certificate.

    A new chip goes through the factory first and gets the demo firmware. Give --json or -o, or both.
    """
    check_challenge(challenge)
    check_directory(output)
    if output is None and not as_json:
        raise click.UsageError("neither -o nor --json; legal: at least one, for there are four files")
    loaded, pki, key = load_board(board), DuaPki.make(pki_seed), KEYS[dua_key]
    build = stm32_build_for(loaded, key, TokenVariant(profile), int(isolation))
    with Device(loaded, build=build, seed=seed, state=state) as device:
        if primary_slots_blank(device):
            make_chip(device.hardware, pki)
            flash_demo_firmware(device)
        token = device.power_on().psa.initial_attestation.get_token(challenge)
        presented = Presented(token, read_certificate(device, key), pki.intermediates)
        check_certified(presented.certificate, pki)
        notice = device.hardware.dummy_notice
    if output is not None:
        write_attestation(output, presented, pki)
    if as_json:
        told = {
            "token": token.hex(),
            "certificate": presented.certificate.hex(),
            "chain": chain_pem(pki),
            "root": pki.root.der.hex(),
            "warning": notice,
        }
        click.echo(json.dumps(told, indent=2))
        return
    if notice:
        click.echo(f"warning: {notice}", err=True)
    click.echo(
        f"token of {len(token)} bytes, certificate of {len(presented.certificate)}, written to {output}"
    )
