"""The options by which `run`, `boot` and `attest` say which device they mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ...bootloader.config import Bl2Config, KeyMode, SignatureType
from ...bootloader.keys import load_public_key, public_key_encoding
from ...bootloader.trailer import TrailerError, mark_pending
from ...device import Build, Device
from ...interface.trace import Listener
from ...partitions.initial_attestation.config import AttestationConfig, TokenProfile
from ...platform.board import SlotName
from ...platform.provisioning import load_provisioning
from ..demo_firmware import flash_demo_firmware, primary_slots_blank
from .output import read_file

PROFILES = {
    "psa-iot-1": TokenProfile.PSA_IOT_PROFILE_1,
    "psa-2.0.0": TokenProfile.PSA_2_0_0,
    "cca": TokenProfile.ARM_CCA,
}
SIGNATURE_TYPES = {t.value: t for t in SignatureType}
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """One value an option; files as their names."""

    board: str
    state: str | None
    provisioning: str | None
    secure_image: str | None
    ns_image: str | None
    secure_update: str | None
    ns_update: str | None
    signature_type: str
    boot_keys: tuple[str, ...]
    profile: str
    optional_claims: bool
    seed: int


_OPTIONS = (
    click.option("--board", default="an521", show_default=True, help="A packaged board, or a YAML file."),
    click.option("--state", metavar="DIR", help="Keep flash, OTP and counters in DIR between runs."),
    click.option("--provisioning", metavar="FILE", help="Keys and identities as YAML, not TF-M's dummies."),
    click.option("--secure-image", metavar="FILE", help="Signed image for the secure primary slot."),
    click.option("--ns-image", metavar="FILE", help="Signed image for the non-secure primary slot."),
    click.option("--secure-update", metavar="FILE", help="Stage FILE as an upgrade of the secure image."),
    click.option("--ns-update", metavar="FILE", help="Stage FILE as an upgrade of the non-secure image."),
    click.option(
        "--signature-type",
        type=click.Choice(list(SIGNATURE_TYPES)),
        default=SignatureType.EC_P256.value,
        show_default=True,
        help="What BL2 is built to verify.",
    ),
    click.option(
        "--boot-key",
        "boot_keys",
        metavar="PEM",
        multiple=True,
        help="Public key compiled into BL2, found by hash; without it OTP's ROTPK decides.",
    ),
    click.option(
        "--profile",
        type=click.Choice(list(PROFILES)),
        default="psa-iot-1",
        show_default=True,
        help="Attestation token profile.",
    ),
    click.option("--optional-claims/--no-optional-claims", default=True, show_default=True),
    click.option("--seed", type=int, default=0, show_default=True, help="Makes the random source repeat."),
)


def device_options(command: Command) -> Command:
    """Give a click command the options of a device; it gets them as ``options``, a DeviceOptions."""

    @wraps(command)
    def with_options(**arguments: Any) -> Any:
        mine = {name: arguments.pop(name) for name in DeviceOptions.__slots__}
        return command(options=DeviceOptions(**mine), **arguments)

    wrapped: Any = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result


def make_device(options: DeviceOptions, listeners: Sequence[Listener]) -> Device:
    """The device that the options describe, flashed and not yet powered.

    Without an image of the user's, a device whose primary slots are blank gets the demo firmware.
    Raises what Device raises, and FileUnreadable.
    """
    files: tuple[tuple[int, SlotName, str | None], ...] = (
        (0, "primary", options.secure_image),
        (1, "primary", options.ns_image),
        (0, "secondary", options.secure_update),
        (1, "secondary", options.ns_update),
    )
    images = [(image, slot, file, read_file(file)) for image, slot, file in files if file is not None]
    device = Device(
        options.board,
        build=Build(bl2=_bl2_config(options), attestation=_attestation_config(options)),
        provisioning=load_provisioning(options.provisioning) if options.provisioning else None,
        seed=options.seed,
        state=options.state,
        listeners=listeners,
    )
    try:
        if primary_slots_blank(device):
            flash_demo_firmware(device)
        for image, slot, file, data in images:
            try:
                device.flash_image(image, data, slot)
            except TrailerError as error:
                raise TrailerError(f"{file}: {error}") from None
            if slot == "secondary":
                mark_pending(device.hardware.slot(image, slot), permanent=False)
    except BaseException:
        device.power_off()
        raise
    return device


def _bl2_config(options: DeviceOptions) -> Bl2Config:
    signature_type = SIGNATURE_TYPES[options.signature_type]
    if not options.boot_keys:
        return Bl2Config(signature_type=signature_type)
    keys = tuple(public_key_encoding(load_public_key(Path(file))) for file in options.boot_keys)
    return Bl2Config(signature_type=signature_type, key_mode=KeyMode.KEYHASH, keys=keys)


def _attestation_config(options: DeviceOptions) -> AttestationConfig:
    return AttestationConfig(profile=PROFILES[options.profile], optional_claims=options.optional_claims)
