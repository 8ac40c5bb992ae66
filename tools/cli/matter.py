"""`tfm-sim matter`: factory data, provisioning and commissioning of Matter devices."""

from typing import Final

import click

from .lazy import LazyGroup

_HOMES: Final[dict[str, tuple[str, str]]] = {
    "device": ("matter_device:device", "A device that waits at a serial port to be provisioned."),
    "ports": ("matter_ports:ports", "List serial ports, and which of them are free."),
    "provision": ("matter_provision:provision", "A factory: devices flashed, provisioned, made operational."),
    "factory-data": ("matter_factory_data:factory_data", "Make an image of factory data and program it."),
    "show": ("matter_show:show", "Show the factory data in a device's flash."),
    "pki": ("matter_pki:pki", "Certificates of device attestation, made and judged."),
    "commission": ("matter_commission:commission_command", "Judge a device as a commissioner does."),
}


@click.group("matter", cls=LazyGroup, homes=_HOMES)
def matter() -> None:
    """Make Matter devices: factory data, certificates, provisioning, commissioning."""
