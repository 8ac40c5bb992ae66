"""`tfm-sim attest --serve` and `--verifier`: a device that answers relying parties, or asks a verifier."""

import json
import sys
from typing import Any

import click

from ...device import Device
from ...interface.errors import ExitCode
from ..challenge_response.client import check_url, converse
from ..challenge_response.conversations import Attested, attest_to
from ..challenge_response.device_api import DeviceApi
from ..challenge_response.results import Result, read_result
from .evidence import TokenRefused, ask_for_token
from .output import print_lines
from .over_http import HttpOptions, serve

STYLES = ((r"^\s*affirming|: affirming", "bold green"), (r"NOT SECURE|contraindicated", "bold red"))


def serve_device(device: Device, http: HttpOptions) -> None:
    """Answer challenges until the end; exit 3 if the device panicked meanwhile."""
    description = {"profile": device.build.attestation.variant.value}
    api = DeviceApi(device.psa.initial_attestation.get_token, description)
    serve(api, http, what="device")
    if api.panic is not None:
        raise api.panic


def attest_to_verifier(device: Device, http: HttpOptions, nonce_size: int) -> tuple[Attested, Result]:
    """A session with the verifier at the URL, and what its result says.

    Raises TokenRefused, EvidenceRefused, CannotAsk, ResultRefused.
    """
    assert http.url is not None
    base = check_url(http.url, remote=http.remote)
    transport = http.transport()
    attested = converse(attest_to(base, nonce_size, lambda nonce: ask_for_token(device, nonce)), transport)
    return attested, read_result(attested, base, transport)


def report_result(attested: Attested, result: Result, *, as_json: bool) -> None:
    """Print what the verifier said; exit 1 unless it affirms."""
    if as_json:
        click.echo(json.dumps(_as_json(attested, result), indent=2))
    else:
        print_lines(result.lines(), STYLES)
    if not result.ok:
        sys.exit(int(ExitCode.NO))


def _as_json(attested: Attested, result: Result) -> dict[str, Any]:
    return {
        "nonce": attested.nonce.hex(),
        "media_type": attested.media_type,
        "token": attested.evidence.hex(),
        "status": result.status,
        "ear": attested.result,
        "claims": result.claims,
    }


__all__ = ["TokenRefused", "attest_to_verifier", "report_result", "serve_device"]
