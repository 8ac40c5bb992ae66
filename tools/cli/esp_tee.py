"""`tfm-sim esp-tee`: attestation of an ESP-TEE device, and the verifier of its tokens."""

from typing import Final

import click

from .lazy import LazyGroup

_HOMES: Final = {
    "attest": ("esp_tee_attest:attest", "Boot and ask the TEE for a token."),
    "verify": ("esp_tee_verify:verify", "Judge a token: exit 0 accepted, 1 refused."),
}


@click.group("esp-tee", cls=LazyGroup, homes=_HOMES)
def esp_tee() -> None:
    """Attest an ESP-TEE device and judge its JSON tokens."""
