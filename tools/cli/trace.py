"""`tfm-sim trace`: what happens inside a device, event by event, in a format to read, draw or search."""

from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from typing import Final, TextIO

import click

from ...device import Device
from ...interface.psa.crypto_sizes import PSA_AEAD_NONCE_LENGTH
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import (
    PSA_ALG_GCM,
    PSA_ALG_SHA_256,
    PSA_KEY_TYPE_AES,
    PSA_KEY_USAGE_ENCRYPT,
)
from ..realm import Realm, RealmProfile
from ..trace import JsonLinesTrace, MermaidTrace, PerfettoTrace, TextTrace, TraceWriter, selected
from .device_options import DeviceCommand, DeviceOptions, device_options, make_device, tell_uncut
from .evidence import ask_for_token
from .output import FILE_NAME, STDIN, print_lines, write_file

FORMATS: Final[dict[str, Callable[[TextIO, Callable[[], int]], TraceWriter]]] = {
    "text": TextTrace,
    "json": JsonLinesTrace,
    "perfetto": PerfettoTrace,
    "mermaid": MermaidTrace,
}


def _token(device: Device, seed: int) -> None:
    ask_for_token(device, sha256(f"challenge {seed}".encode()).digest())


def _hash(device: Device, seed: int) -> None:
    device.psa.crypto.hash_compute(PSA_ALG_SHA_256, f"message {seed}".encode())


def _encrypt(device: Device, seed: int) -> None:
    """An AES-GCM encryption under a key that is made for it and destroyed again."""
    crypto = device.psa.crypto
    key = crypto.generate_key(
        KeyAttributes(PSA_KEY_TYPE_AES, bits=128, usage=PSA_KEY_USAGE_ENCRYPT, alg=PSA_ALG_GCM)
    )
    nonce = crypto.generate_random(PSA_AEAD_NONCE_LENGTH(PSA_KEY_TYPE_AES, PSA_ALG_GCM))
    crypto.aead_encrypt(key, PSA_ALG_GCM, nonce, f"message {seed}".encode())
    crypto.destroy_key(key)


def _its(device: Device, seed: int) -> None:
    device.psa.internal_trusted_storage.set(UID, f"asset {seed}".encode())
    device.psa.internal_trusted_storage.get(UID)


def _ps(device: Device, seed: int) -> None:
    device.psa.protected_storage.set(UID, f"asset {seed}".encode())
    device.psa.protected_storage.get(UID)


def _delegated(device: Device, seed: int) -> None:
    """A realm-like entity's key, and the platform token bound to it."""
    service, config = device.tfm.delegated_attestation, device.build.delegated_attestation
    legacy = config is not None and config.hash_of_point
    realm = Realm.request(service, profile=RealmProfile.LEGACY if legacy else RealmProfile.CCA_2024)
    realm.request_platform_token(service)


UID: Final = 1
SCENARIOS: Final[dict[str, Callable[[Device, int], None]]] = {
    "token": _token,
    "hash": _hash,
    "encrypt": _encrypt,
    "its": _its,
    "ps": _ps,
    "delegated": _delegated,
    "boot": lambda device, seed: None,
}


@click.command(cls=DeviceCommand)
@click.option(
    "--what",
    type=click.Choice(list(SCENARIOS)),
    default="token",
    show_default=True,
    help="What the non-secure side does: get a token, hash a few bytes, encrypt some with AES-GCM, set and "
    "get an asset of internal trusted or of protected storage, get a delegated key and the platform token "
    "bound to it, or nothing after the boot.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="A line an event, an object a line, Chrome's trace events, or a sequence diagram.",
)
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    metavar="FILE",
    default=STDIN,
    help="Where it goes; - is standard output.",
)
@click.option("--calls", is_flag=True, help="Also the partition API: psa_wait, psa_get, psa_read, ...")
@click.option(
    "--boot/--no-boot",
    default=None,
    help="With or without all before the non-secure side runs; by default a Mermaid diagram has it only "
    "for --what boot, the other formats always.",
)
@device_options
def trace(
    options: DeviceOptions, what: str, format_: str, output: str, calls: bool, boot: bool | None
) -> None:
    """Boot a device and write down every event inside it.

    The exit code is that of what was traced: 1 where BL2 or a service refuses, 3 for a panic; the trace is
    complete up to there.
    """
    if boot is None:
        boot = format_ != "mermaid" or what == "boot"
    sink = StringIO()

    def now() -> int:
        return device.trace.now()

    writer = FORMATS[format_](sink, now)
    device = make_device(options, [selected(writer, calls=calls, boot=boot)])
    try:
        device.power_on()
        SCENARIOS[what](device, options.seed)
        tell_uncut(options, device)
    finally:
        device.power_off()
        writer.close()
        _write(output, sink.getvalue())


def _write(output: str, text: str) -> None:
    if output == STDIN:
        print_lines(text.splitlines())
    else:
        write_file(output, text.encode())
