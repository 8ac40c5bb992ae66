"""`tfm-sim endorse`: what a verifier must know of a device, from its images and keys, without booting it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from ..endorsements.corim import CorimProfile
from ..endorsements.from_device import DeviceEndorsements, endorse_device
from ..endorsements.model import ClassNames
from ..endorsements.pem import public_pem
from ..endorsements.yaml_form import endorsements_yaml
from ..verifier.keys import MacKey
from .corim_options import CorimOptions, corim_options
from .device_options import DeviceCommand, DeviceOptions, device_options, make_device
from .output import FILE_NAME, STDIN, FileUnreadable, print_lines, write_file

YAML_NAME: Final = "endorsements.yaml"
CORIM_NAME: Final = "corim.cbor"
KEY_NAME: Final = "iak.pem"
STYLES: Final = ((r"NOT SECURE|^warning", "bold red"),)


@click.command(cls=DeviceCommand)
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    metavar="DIR",
    help=f"Write {YAML_NAME}, {CORIM_NAME} and {KEY_NAME} there.",
)
@click.option(
    "--yaml", "yaml_file", type=FILE_NAME, metavar="FILE", help="Only the YAML; - is standard output."
)
@click.option("--corim", "corim_file", type=FILE_NAME, metavar="FILE", help="Only the CoRIM.")
@click.option("--vendor", metavar="TEXT", help="Who makes this class of devices.")
@click.option("--model", metavar="TEXT", help="What it is called, beside --vendor.")
@corim_options
@device_options
def endorse(
    options: DeviceOptions,
    corim: CorimOptions,
    output: str | None,
    yaml_file: str | None,
    corim_file: str | None,
    vendor: str | None,
    model: str | None,
) -> None:
    """Reference values and trust anchor of a device, for a verifier: as YAML and as CoRIM.

    They come from the signed images, the provisioned identity and the public attestation key: what the boot
    loaders would measure, and what the token will say. Nothing is booted; an upgrade that is staged counts as
    done. Without a place to write to the YAML goes to standard output.
    """
    _check_outputs(output, yaml_file, corim_file, vendor, model)
    corim.check(written=output is not None or corim_file is not None)
    if output is None and yaml_file is None and corim_file is None:
        yaml_file = STDIN
    made = _endorse(options, ClassNames(vendor, model))
    text = endorsements_yaml(made.endorsements).encode()
    profile = corim.profile(
        CorimProfile.CCA_PLATFORM if made.endorsements.platform_configs else CorimProfile.PSA
    )
    # Whatever is wrong with the CoRIM, no file is written then.
    wanted = corim_file is not None or (output is not None and not _is_symmetric(made))
    encoded = corim.write(made.endorsements, profile) if wanted else None
    # A warning stays one when somebody keeps what is said beside.
    print_lines(made.notices, STYLES, to_stderr=True)
    lines = list(_lines(made, corim))
    if output is not None:
        _make_directory(output)
        lines += _write_all(Path(output), made, text, encoded)
    if yaml_file is not None:
        write_file(yaml_file, text)
    if encoded is not None:
        if corim_file is not None:
            write_file(corim_file, encoded)
        lines.append(f"CoRIM of {len(encoded)} bytes, media type for Veraison:")
        lines.append(f"  {profile.media_type(signed=corim.sign_key is not None)}")
    print_lines(lines, STYLES, to_stderr=STDIN in (yaml_file, corim_file))


def _is_symmetric(made: DeviceEndorsements) -> bool:
    return any(isinstance(anchor.key, MacKey) for anchor in made.endorsements.trust_anchors)


def _check_outputs(
    output: str | None, yaml_file: str | None, corim_file: str | None, vendor: str | None, model: str | None
) -> None:
    if output is not None and (yaml_file is not None or corim_file is not None):
        raise click.UsageError("-o with --yaml or --corim; legal: a directory, or files one by one")
    if output == STDIN:
        raise click.UsageError("-o -; legal: a directory")
    if (
        yaml_file is not None
        and corim_file is not None
        and os.path.realpath(yaml_file) == os.path.realpath(corim_file)
    ):
        raise click.UsageError(f"--yaml and --corim both name {yaml_file}; legal: two files")
    if model is not None and vendor is None:
        raise click.UsageError("--model without --vendor; legal: both, or the vendor alone")


def _endorse(options: DeviceOptions, names: ClassNames) -> DeviceEndorsements:
    if options.cuts:
        raise click.UsageError("--cut; legal for endorse: without it, for nothing is booted")
    device = make_device(options, [])
    try:
        return endorse_device(device, names)
    finally:
        device.power_off()


def _make_directory(name: str) -> None:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileUnreadable(f"{name}: {reason}; legal: a directory, or a name for one") from None


def _write_all(where: Path, made: DeviceEndorsements, text: bytes, encoded: bytes | None) -> Iterator[str]:
    """Each file, and a line for it."""
    write_file(where / YAML_NAME, text)
    yield f"{where / YAML_NAME}: reference values and trust anchor"
    if encoded is None:
        yield f"{where / CORIM_NAME}: not written, for no CoRIM carries a symmetric key"
    else:
        write_file(where / CORIM_NAME, encoded)
        yield f"{where / CORIM_NAME}: the same as CoRIM"
    key = made.endorsements.trust_anchors[0].key
    if not isinstance(key, MacKey):
        write_file(where / KEY_NAME, public_pem(key).encode())
        yield f"{where / KEY_NAME}: the public key that verifies its tokens"


def _lines(made: DeviceEndorsements, corim: CorimOptions) -> Iterator[str]:
    for value in made.endorsements.reference_values:
        digest = value.digests[0]
        yield f"{value.type or 'component'} {value.version or ''}: {digest.algorithm} {digest.value.hex()}"
    anchor = made.endorsements.trust_anchors[0]
    yield f"implementation id {anchor.implementation_id.hex()}"
    yield f"instance id {anchor.instance_id.hex()}"
    for certificate in made.endorsements.certifications:
        where = "" if corim.certification else ", in the YAML only (--certification)"
        yield f"certificate {certificate.number}{where}"
