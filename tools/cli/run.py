"""`tfm-sim run`: the whole way from power to a verified token."""

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import click

from ...device import Device, Stage
from ...interface.errors import ExitCode
from ...interface.trace import Event
from ..boot_status_report import Reading, boot_status, measured_as
from ..console import STYLES, story_listener
from ..device_report import booted_images, counters, lifecycle, slots
from ..endorsements.iak import iak_verification_key
from ..verifier import Verdict, decode, verify
from .device_options import DeviceCommand, DeviceOptions, device_options, make_device, tell_uncut
from .evidence import ask_for_token, refusals_as_json, verification_key
from .output import hex_bytes, print_lines
from .token import STYLES as TOKEN_STYLES
from .verify import verdict_lines


@click.command(cls=DeviceCommand)
@click.option(
    "--challenge",
    callback=hex_bytes,
    metavar="HEX",
    help="The verifier's nonce; by default made from the seed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print boot, token and verdict as JSON.")
@device_options
def run(options: DeviceOptions, challenge: bytes | None, as_json: bool) -> None:
    """Boot stage by stage, issue an attestation token, take it apart and verify it.

    Exit 0 if the token is accepted, 1 if BL2 refuses an image, the service the challenge, or the verifier the
    token.
    """
    challenge = challenge if challenge is not None else sha256(f"challenge {options.seed}".encode()).digest()

    def tell(*lines: str) -> None:
        if not as_json:
            print_lines(lines, STYLES)

    boot_status_area = b""

    def keep_boot_status(event: Event) -> None:
        nonlocal boot_status_area
        if isinstance(event, Stage) and event.name == "SPM":
            boot_status_area = device.shared_data()

    device = make_device(options, [story_listener(tell, decisions=False), keep_boot_status])
    try:
        tell(*_head(device))
        with refusals_as_json(as_json):
            device.power_on()
        tell(*_summary(device, boot_status_area), "== Attestation: the non-secure side asks for a token")
        device.trace.listeners[:] = [story_listener(tell, decisions=True)]
        with refusals_as_json(as_json):
            token = ask_for_token(device, challenge)
        key = verification_key(iak_verification_key(device.hardware))
        verdict = verify(token, key, challenge=challenge)
        if as_json:
            click.echo(json.dumps(_as_json(device, boot_status_area, token, verdict), indent=2))
        else:
            print_lines(_token(token, challenge), TOKEN_STYLES)
            tell("== Verifier: judges the token with the device's public key")
            print_lines(verdict_lines(verdict, len(token)), TOKEN_STYLES)
        tell_uncut(options, device)
    finally:
        device.power_off()
    if not verdict.ok:
        sys.exit(int(ExitCode.NO))


def _head(device: Device) -> Iterator[str]:
    board = device.hardware.board
    yield f"== Power on: {board.name}: {board.description}; lifecycle {lifecycle(device)}"
    if device.hardware.dummy_notice:
        yield f"  {device.hardware.dummy_notice}"


def _summary(device: Device, area: bytes) -> Iterator[str]:
    yield "== Summary: what was booted"
    yield "  image  slot       version    counter  measured as  signer"
    measured = measured_as(area, Reading.of(device.build.bl2))
    values = list(counters(device.hardware).values())
    for booted in booted_images(device):
        sw_type, signer_id = measured.get(booted["image"], ("-", "-"))
        yield (
            f"  {booted['image']:<5}  {booted['slot']:<9}  {booted['version']:<9}  "
            f"{values[booted['image']]:<7}  {sw_type:<11}  {signer_id[:16]}"
        )


def _token(token: bytes, challenge: bytes) -> Iterator[str]:
    yield f"== Token: {len(token)} bytes for challenge {challenge.hex()}"
    yield from decode(token).diagnostic().split("\n")


def _as_json(device: Device, area: bytes, token: bytes, verdict: Verdict) -> dict[str, Any]:
    return {
        "booted": True,
        "board": device.hardware.board.name,
        "lifecycle": lifecycle(device),
        "warning": device.hardware.dummy_notice,
        "images": booted_images(device),
        "slots": slots(device.hardware, device.build.bl2),
        "counters": counters(device.hardware),
        "boot_status": boot_status(area, Reading.of(device.build.bl2)),
        "token": token.hex(),
        "verdict": verdict.as_json(),
    }
