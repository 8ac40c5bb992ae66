"""What `run` and `attest` share: asking the service for a token, and refusals as JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import click

from ...bootloader.loader import BootRefused
from ...device import Device
from ...interface.errors import ExitCode, TfmSimError
from ...interface.psa.initial_attestation_2019 import AttestError, PsaAttestErr
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PsaError
from ...platform.power import PowerCut
from ..verifier.keys import Key, KeyUnusable, load_key

CHALLENGE_SIZES = (32, 48, 64)
_INVALID = (PSA_ERROR_INVALID_ARGUMENT, PsaAttestErr.INVALID_INPUT)


class TokenRefused(TfmSimError):
    """The attestation service answered a challenge with an error status, or with one of 2019's errors."""

    exit_code = ExitCode.NO

    def __init__(self, error: PsaError | AttestError, challenge: bytes) -> None:
        self.status: IntEnum = error.status if isinstance(error, PsaError) else error.error
        text = str(error)
        if self.status in _INVALID and len(challenge) not in CHALLENGE_SIZES:
            text += f"; a challenge has 32, 48 or 64 bytes, this one {len(challenge)}"
        elif self.status is PsaAttestErr.CLAIM_UNAVAILABLE:
            text += "; a token of 2019 wants a hardware version (cert_ref) of 18 characters at most"
        super().__init__(text)


class NoVerificationKey(TfmSimError):
    """The key in the device's OTP is none that a verifier could use."""


def ask_for_token(device: Device, challenge: bytes) -> bytes:
    """The token over ``challenge``. Raises TokenRefused with the service's status."""
    try:
        return device.psa.initial_attestation.get_token(challenge)
    except (PsaError, AttestError) as error:
        raise TokenRefused(error, challenge) from None


def verification_key(data: bytes) -> Key:
    """The key as the verifier takes it. Raises NoVerificationKey."""
    try:
        return load_key(data)
    except KeyUnusable as error:
        raise NoVerificationKey(f"the device's initial attestation key: {error}") from None


@contextmanager
def refusals_as_json(as_json: bool) -> Iterator[None]:
    """With --json a refusal or a power cut is an object on standard output too; the exit code stays NO."""
    try:
        yield
    except (BootRefused, TokenRefused, PowerCut) as refused:
        if not as_json:
            raise
        click.echo(json.dumps(_as_json(refused), indent=2))
        sys.exit(int(ExitCode.NO))


def _as_json(refused: BootRefused | TokenRefused | PowerCut) -> dict[str, Any]:
    if isinstance(refused, PowerCut):
        return {"booted": False, "refusals": [], "power_cuts": [str(refused)]}
    if isinstance(refused, BootRefused):
        return {"booted": False, "refusals": [str(refusal) for refusal in refused.refusals]}
    status = {"status": int(refused.status), "status_name": refused.status.name}
    return {"booted": True, **status, "error": str(refused)}
