"""`tfm-sim demo`: whole stories that a device can tell, from power to verdict."""

from typing import Final

import click

from .lazy import LazyGroup

_HOMES: Final = {
    "delegated": ("demo_delegated:delegated", "Delegated attestation: keys, composed tokens, forgeries."),
    "esp-tee": ("demo_esp_tee:esp_tee", "ESP-TEE attestation in six steps, and forgeries."),
    "stm32-ccb": ("demo_stm32_ccb:stm32_ccb", "An STM32's wrapped attestation key, five steps, forgeries."),
    "matter": ("demo_matter:matter", "Matter: factory, provisioning, commissioning, imitations."),
}


@click.group(cls=LazyGroup, homes=_HOMES)
def demo() -> None:
    """Show a whole story on a device, from power to verdict."""
