"""`tfm-sim attest --serve` and `--verifier`: a device that answers relying parties, or asks a verifier."""

import json
import sys
from collections.abc import Iterator

import click

from ...device import Device
from ...interface.errors import ExitCode
from ..appraisal import Ear, Tier
from ..challenge_response.client import check_url, converse
from ..challenge_response.conversations import Attested, attest_to
from ..challenge_response.device_api import DeviceApi
from ..challenge_response.results import read_result
from ..verifier import Key
from .evidence import ask_for_token
from .output import print_lines
from .over_http import HttpOptions, serve

STYLES = (
    (r"\baffirming\b", "bold green"),
    (r"\bwarning\b", "yellow"),
    (r"\bcontraindicated\b", "bold red"),
)


def serve_device(device: Device, http: HttpOptions) -> None:
    """Answer challenges until the end. Raises DevicePanic then, if the device panicked meanwhile."""
    description = {"profile": device.build.attestation.variant.value}
    api = DeviceApi(device.psa.initial_attestation.get_token, description)
    serve(api, http, what="device")
    if api.panic is not None:
        raise api.panic


def attest_to_verifier(
    device: Device, http: HttpOptions, nonce_size: int, ear_key: Key | None
) -> tuple[Attested, Ear]:
    """A session with the verifier at the URL, and what its result says.

    Raises TokenRefused, EvidenceRefused, CannotAsk, EarInvalid.
    """
    assert http.url is not None
    base = check_url(http.url, remote=http.remote)
    transport = http.transport()
    attested = converse(attest_to(base, nonce_size, lambda nonce: ask_for_token(device, nonce)), transport)
    return attested, read_result(attested, base, transport, ear_key)


def report_result(attested: Attested, ear: Ear, *, as_json: bool) -> None:
    """Print what the verifier said; exit 1 unless it affirms."""
    if as_json:
        report = {
            "nonce": attested.nonce.hex(),
            "media_type": attested.media_type,
            "token": attested.evidence.hex(),
            "status": ear.status.label,
            "ear": attested.result,
            "claims": dict(ear.claims),
        }
        click.echo(json.dumps(report, indent=2))
    else:
        print_lines(_lines(ear), STYLES)
    if ear.status is not Tier.AFFIRMING:
        sys.exit(int(ExitCode.NO))


def _lines(ear: Ear) -> Iterator[str]:
    yield f"{ear.status.label}: attestation result by {ear.verifier.developer}, {ear.verifier.build}"
    for submod in ear.submods:
        yield f"  {submod.name}: {submod.status.label}"
        for text in _texts(submod.extensions.get("veraison.policy-claims")):
            yield f"    because {text}"
    yield from json.dumps(dict(ear.claims), indent=2).split("\n")


def _texts(value: object) -> Iterator[str]:
    """Every text in a verifier's own words about its reasons, which have no fixed form."""
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
