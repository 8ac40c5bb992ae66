"""`tfm-sim stm32`: attestation of an STM32 with its wrapped DUA key, and the verifier of what comes of it."""

from typing import Final

import click

from .lazy import LazyGroup

_HOMES: Final = {
    "attest": ("stm32_attest:attest", "Boot, sign a token with the wrapped key, read the certificate."),
    "verify": ("stm32_verify:verify", "Judge token and certificate: exit 0 accepted, 1 refused."),
}


@click.group("stm32", cls=LazyGroup, homes=_HOMES)
def stm32() -> None:
    """Attest an STM32 by its wrapped DUA key and judge token and certificate together."""
